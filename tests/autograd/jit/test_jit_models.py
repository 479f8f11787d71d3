"""Models that a compiled step holds: their mode, their objects, their build; and one function on two backends."""

from __future__ import annotations

import numpy as np
import pytest
from steps import ones

import autograd as ag
import backends
import nn

pytestmark = pytest.mark.once


def test_the_mode_of_a_model():
    model = nn.Sequential([nn.Input((50,)), nn.Dropout(0.5)])
    f = ag.jit(lambda x: model(x), state=model)
    x = ag.ones((1, 50))
    for _ in range(4):
        model.train()
        assert set(f(x).tolist()[0]) == {0.0, 2.0}
        model.eval()
        assert set(f(x).tolist()[0]) == {1.0}
        nn.Dense(3)  # a layer that has nothing to do with it
    model.train()
    model.layers[0].rate = 0.75
    assert set(f(x).tolist()[0]) == {0.0, 4.0}
    assert f.traces == 3


class Apply(nn.Module):
    """Calls whatever it holds."""

    def __init__(self, f):
        self.f = f

    def call(self, x):
        return self.f(x)


class Times:
    """Multiplies; an object of one number."""

    def __init__(self, n):
        self.n = n

    def __call__(self, x):
        return x * self.n


def test_objects_of_a_model_that_take_the_place_of_dead_ones():
    layer = Apply(Times(1))
    f = ag.jit(lambda x: layer(x), state=layer)
    for n in range(2, 9):
        layer.f = Times(n)
        assert f(ones()).tolist() == [float(n)] * 2
        layer.f.n = -n
        assert f(ones()).tolist() == [-float(n)] * 2


def test_a_layer_that_is_not_built():
    """Its parameters would be symbols for ever; the error says what to do, and the layer can be built afterwards."""
    layer = nn.Dense(2)
    f = ag.jit(lambda x: layer(x), state=layer)
    with pytest.raises(ag.TraceError, match=r"build|call"):
        f(ones(3).reshape(1, 3))
    layer(ones(3).reshape(1, 3))
    assert f(ones(3).reshape(1, 3)).tolist() == layer(ones(3).reshape(1, 3)).tolist()


def test_one_function_on_two_backends_in_turn(backend):
    other = "numba" if backend == "numpy" else "numpy"
    f = ag.jit(lambda x: x + ag.random.uniform(3))
    ag.random.seed(6)
    expected = [ag.random.uniform(3).numpy() for _ in range(6)]
    ag.random.seed(6)
    for i, theirs in enumerate(expected):
        with backends.use(other if i % 2 else backend):
            got = f(ag.zeros(3))
            assert got.backend == (other if i % 2 else backend)
            np.testing.assert_allclose(got.numpy(), theirs, 1e-6)
    assert f.traces == 2
