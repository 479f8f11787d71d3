"""Kernels, profiles, differences and the memory report of a device name the layers that they work for."""

from __future__ import annotations

from collections import Counter

import pytest

import autograd as ag
import nn
from nn.compiled import Steps

pytestmark = pytest.mark.once
PRODUCTS = {
    "layers.0 Dense": 1,
    "layers.2 Dense": 1,
    "layers.0 Dense grad": 1,
    "layers.2 Dense grad": 2,
}
"""So many matrix products has each in a training step."""


@pytest.mark.usefixtures("either_backend", "graphs")
def test_layers_are_named_wherever_one_looks():
    layers = [nn.Input((5,)), nn.Dense(4, "relu"), nn.Dropout(0.25), nn.Dense(3, "softmax")]
    model = nn.Sequential(layers)
    model.compile(nn.SGD(0.1, momentum=0.9), "sparse_categorical_crossentropy")
    x, y = ag.ones((8, 5)), ag.zeros(8, "int64")
    steps = Steps(model, model.task(x), training=True)
    model.train()
    steps(x, y, None)
    assert steps.compiles
    step = steps._jitted
    scopes = [line.partition(" [")[2].partition("]")[0] for line in step.kernels()]
    assert all(scopes)
    products = [
        s.partition(" +")[0] for s, line in zip(scopes, step.kernels(), strict=True) if "matmul" in line
    ]
    assert Counter(products) == PRODUCTS
    assert any("[layers.1 Dropout]" in line for line in step.kernels())
    assert not any("random_bits" in line for line in step.kernels())
    assert any(scope.startswith("loss") for scope in scopes)
    profile = step.profile(lambda: steps(x, y, None))
    assert Counter(r.scope.partition(" +")[0] for r in profile.rows if "matmul" in r.kernel) == PRODUCTS
    report = step.memory_report().splitlines()
    for scope in ("layers.1 Dropout", "layers.2 Dense", "loss grad"):
        assert any(line.endswith(scope) for line in report), scope
    found = step.compare(x, y, None)
    assert all("[" in kernel for kernel, _, _ in found)
    assert max(difference for _, _, difference in found) < 1e-5
