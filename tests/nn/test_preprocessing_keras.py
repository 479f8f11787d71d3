"""Preprocessing layers beside Keras's; those of texts, which need TensorFlow there, beside numbers from its documents."""

from __future__ import annotations

import numpy as np
import pytest
from keras_oracle import as_array, import_keras

import autograd as ag
import nn

keras = import_keras()
pytestmark = pytest.mark.oracle
L = keras.layers

DRAW = np.random.default_rng(0)
ROWS = DRAW.normal(3.0, 2.0, (40, 3))
IMAGES = DRAW.normal(size=(5, 4, 3, 2))
CLOSE = dict(rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("x", [ROWS, IMAGES], ids=["rows", "images"])
@pytest.mark.parametrize("axis", [-1, None, 1])
@pytest.mark.parametrize("invert", [False, True])
def test_normalization_adapted(x, axis, invert):
    ours, theirs = nn.Normalization(axis, invert=invert), L.Normalization(axis, invert=invert)
    ours.adapt(x)
    theirs.adapt(x)
    np.testing.assert_allclose(ours(ag.tensor(x)).numpy(), as_array(theirs(x)), **CLOSE)
    np.testing.assert_allclose(ours.mean.numpy(), as_array(theirs.mean), **CLOSE)
    np.testing.assert_allclose(ours.variance.numpy(), as_array(theirs.variance), **CLOSE)


GIVEN = [
    (ROWS, dict(mean=3.0, variance=2.0)),
    (ROWS, dict(mean=[1.0, 2.0, 3.0], variance=[0.0, 1.0, 4.0])),
    (IMAGES, dict(axis=(1, 3), mean=np.ones((4, 2)), variance=np.full((4, 2), 0.5))),
    (IMAGES, dict(axis=(1, 3), mean=[1.0, 2.0], variance=[0.5, 0.25])),
    (IMAGES, dict(axis=(3, 1), mean=np.arange(8.0).reshape(4, 2), variance=np.ones((4, 2)))),
    (IMAGES, dict(axis=None, mean=1.0, variance=4.0, invert=True)),
]


@pytest.mark.parametrize(("x", "options"), GIVEN)
def test_normalization_given(x, options):
    ours, theirs = nn.Normalization(**options)(ag.tensor(x)), L.Normalization(**options)(x)
    np.testing.assert_allclose(ours.numpy(), as_array(theirs), **CLOSE)


BINS = [
    (DRAW.normal(size=500), 4, 0.01),
    (DRAW.normal(size=(30, 7)), 10, 0.001),
    (DRAW.integers(0, 3, 50), 6, 0.1),
    (np.arange(5.0), 9, 0.01),
    (DRAW.exponential(size=3001), 3, 0.3),
]


@pytest.mark.parametrize(("x", "bins", "epsilon"), BINS)
def test_boundaries_that_are_looked_for(x, bins, epsilon):
    for data in (x, [x], np.array_split(x, 4)):
        several = isinstance(data, list)
        ours = nn.Discretization(num_bins=bins, epsilon=epsilon)
        ours.adapt(iter(data) if several else data)
        theirs = L.Discretization(num_bins=bins, epsilon=epsilon)
        # its `adapt` asks TensorFlow first what the data is
        theirs.reset_state()
        for batch in data if several else [data]:
            theirs.update_state(batch)
        theirs.finalize_state()
        np.testing.assert_allclose(ours.bin_boundaries, theirs.bin_boundaries, rtol=2e-6, atol=1e-6)


SOME = np.array([[-1.5, 0.0, 0.3], [1.0, 2.5, np.nan], [np.inf, -np.inf, 0.25]])


@pytest.mark.parametrize("mode", ["int", "one_hot", "multi_hot", "count"])
@pytest.mark.parametrize("x", [SOME, SOME[:, :1], SOME[0]], ids=["rows", "column", "vector"])
def test_bins(mode, x):
    options = dict(bin_boundaries=[0.0, 0.25, 0.25, 1.0], output_mode=mode)
    ours, theirs = nn.Discretization(**options)(ag.tensor(x)), as_array(L.Discretization(**options)(x))
    assert ours.shape == theirs.shape
    assert ours.dtype == ("int64" if mode == "int" else "float64")
    np.testing.assert_array_equal(ours.numpy(), theirs)


@pytest.mark.parametrize("mode", ["one_hot", "multi_hot", "count"])
@pytest.mark.parametrize("shape", [(4, 3), (4, 1), (3,), ()])
def test_category_encoding(mode, shape):
    x = np.random.default_rng(1).integers(0, 5, shape)
    ours, theirs = nn.CategoryEncoding(5, mode)(ag.tensor(x)), as_array(L.CategoryEncoding(5, mode)(x))
    assert ours.shape == theirs.shape
    np.testing.assert_array_equal(ours.numpy(), theirs)


def test_count_weights():
    x, weights = np.array([[0, 1, 1], [3, 3, 0]]), np.array([[0.5, 1.0, 2.0], [1.0, 0.25, 4.0]])
    ours = nn.CategoryEncoding(4, "count")(ag.tensor(x), count_weights=ag.tensor(weights))
    theirs = L.CategoryEncoding(4, "count")(x, count_weights=weights)
    np.testing.assert_allclose(ours.numpy(), as_array(theirs), rtol=1e-6)
