"""Rows of any length, reduced several times, whose values are results and are read by later passes, too."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

import autograd as ag
import backends
import nn

pytest.importorskip("numba", reason="the extra gradloom[cpu] is not installed")

LENGTHS = (5, 64, 65, 200)
"""Narrow; as long as registers hold; longer by one, and by far: then every pass reads the row from memory."""
STAGES = 4


@pytest.fixture(autouse=True)
def compiling():
    """On the backend that compiles whole programs."""
    with backends.use("numba"):
        yield


def normalized_three_times(x, weight):
    """Each needs a reduction of the one before it."""
    centred = x - x.mean(axis=-1, keepdims=True)
    scaled = centred / (centred * centred).mean(axis=-1, keepdims=True).sqrt() * weight
    shares = ag.exp(scaled - scaled.max(axis=-1, keepdims=True))
    return centred, scaled, shares, shares / shares.sum(axis=-1, keepdims=True)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("length", LENGTHS)
def test_each_choice_of_results(length, dtype):
    """Every subset of the stages is returned, the others stay inside of the kernel."""
    draw = np.random.default_rng(length)
    x, weight = draw.normal(size=(9, length)).astype(dtype), draw.normal(size=length).astype(dtype)
    expected = normalized_three_times(*(ag.tensor(a.astype("float64")) for a in (x, weight)))
    tolerance = 2e-5 if dtype == "float32" else 1e-12
    for count in range(1, STAGES + 1):
        for chosen in itertools.combinations(range(STAGES), count):

            def some(x, weight, chosen=chosen):
                stages = normalized_three_times(x, weight)
                return [stages[i] for i in chosen]

            for i, found in zip(chosen, ag.jit(some, state=[])(x, weight), strict=True):
                np.testing.assert_allclose(found.numpy(), expected[i].numpy(), tolerance, tolerance)


NORMALIZING = {
    "layer": lambda: [nn.LayerNormalization()],
    "layer twice": lambda: [nn.LayerNormalization(), nn.LayerNormalization()],
    "group": lambda: [nn.GroupNormalization(1)],
    "unit": lambda: [nn.UnitNormalization()],
    "batch": lambda: [nn.BatchNormalization()],
    "softmax twice": lambda: [nn.Softmax(), nn.Softmax()],
    "softmax of a norm": lambda: [nn.LayerNormalization(), nn.Softmax()],
}


@pytest.mark.parametrize("length", LENGTHS)
@pytest.mark.parametrize("kind", NORMALIZING)
def test_networks_that_normalize_train_as_without_compiling(kind, length):
    draw = np.random.default_rng(0)
    x, y = draw.normal(size=(32, 20)).astype("float32"), draw.normal(size=(32, 3)).astype("float32")
    found = []
    for jit in (False, True):
        nn.utils.set_random_seed(0)
        inputs = nn.Input((20,))
        wide = nn.Dense(length)(inputs)
        for layer in NORMALIZING[kind]():
            wide = nn.Add()([wide, layer(wide)])
        model = nn.Model(inputs, nn.Dense(3)(wide))
        model.compile(nn.SGD(0.01), "mse", jit=jit)
        losses = model.fit(x, y, epochs=3, batch_size=16, shuffle=False, verbose=0).history["loss"]
        found.append((losses, model.predict(x)))
    np.testing.assert_allclose(found[1][0], found[0][0], 1e-4)
    np.testing.assert_allclose(found[1][1], found[0][1], 1e-3, 1e-4)
