"""What the compiler makes of the step whose program is golden/mlp_step.txt: the simplified program and its kernels.

The kernels are those for vectors of 16 numbers, which any processor compiles; BLAS has no part in a step this small.
"""

from __future__ import annotations

import pytest
from golden_files import golden_mlp, is_golden

import backends
import nn
from backends.program import format_program, passes
from nn.compiled import Steps

pytestmark = pytest.mark.once


@pytest.fixture
def on_numba(monkeypatch):
    pytest.importorskip("llvmlite")
    pytest.importorskip("numba")
    from backends import processor
    from backends.native import cache

    monkeypatch.setattr(cache, "_made", {})
    monkeypatch.setattr(processor.Processor, "width", 16)
    with backends.use("numba"):
        yield


def kernels(model, x, y):
    """A line for each kernel of the step that `fit` runs."""
    step = nn.capture_train_step(model, x, y)
    model.train()
    steps = Steps(model, model.task(x), training=True)
    steps(x, y, None)
    model.eval()
    assert steps.compiles
    assert steps._jitted.program_text() == step.program_text()
    return "\n".join([*steps._jitted.kernels(), ""])


def test_the_simplified_program_is_the_golden_one():
    program = nn.capture_train_step(*golden_mlp()).program
    is_golden("mlp_simplified", format_program(passes.simplify(program)))


@pytest.mark.parametrize("blas", [True, False])
@pytest.mark.usefixtures("on_numba")
def test_the_kernels_are_the_golden_ones(blas, monkeypatch):
    if not blas:
        monkeypatch.setattr("backends.native.blas.is_here", lambda: False)
    is_golden("mlp_kernels", kernels(*golden_mlp()))


@pytest.mark.usefixtures("on_numba")
def test_a_changed_step_shows_as_a_difference(monkeypatch):
    """The comparison itself: another optimizer has other kernels."""
    monkeypatch.delenv("GRADLOOM_RENEW", raising=False)
    model, x, y = golden_mlp()
    model.compile("adam", model.loss, metrics=["accuracy"])
    with pytest.raises(AssertionError) as raised:
        is_golden("mlp_kernels", kernels(model, x, y))
    text = str(raised.value)
    assert "mlp_kernels.txt has changed:\n--- golden\n+++ now\n" in text
    assert "slots.2.velocity" in text
    assert "run this test with GRADLOOM_RENEW=1" in text
