"""Primitives that move elements, on a GPU against NumPy: shapes, keys, windows, and their transposes."""

from __future__ import annotations

import numpy as np
import pytest
from beside_numpy import NUMPY, same, some
from grouping import grouped
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import autograd as ag
from backends.contract import SUPPORTED
from backends.shapes import Slot

DTYPES = list(SUPPORTED.values())
drawn = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])


def test_shapes(cupy_backend):
    x = some((2, 3, 4), "float32")
    for shape in ((24,), (4, -1), (3, 2, 4), (5,)):
        same(cupy_backend, "reshape", x, shape=shape)
    same(cupy_backend, "permute_dims", x, axes=(2, 0, 1))
    same(cupy_backend, "permute_dims", some((), "int8"), axes=())
    same(cupy_backend, "broadcast_to", some((3, 1), "int8"), shape=(2, 3, 4))
    same(cupy_backend, "broadcast_to", x, shape=(3, 4))
    same(cupy_backend, "concat", x, some((2, 1, 4), "int64"), axis=1)
    same(cupy_backend, "concat", x, some((2, 1, 3), "int64"), axis=1)
    for value in (0, 1.5, True):
        same(cupy_backend, "pad", x, pad_width=((0, 1), (2, 0), (1, 1)), value=value)
    same(cupy_backend, "pad", some((2,), "uint8"), pad_width=((1, 1),), value=300)


def test_turned_operands(cupy_backend):
    """Views that are not contiguous go into every kind of primitive."""
    x, b = some((3, 4), "float32"), cupy_backend
    turned, cut = b.permute_dims(b.asarray(x), axes=(1, 0)), b.getitem(b.asarray(x), key=(slice(None, None, 2), slice(3, 0, -1)))  # fmt: skip
    for own, other in ((turned, x.T), (cut, x[::2, 3:0:-1])):
        np.testing.assert_array_equal(b.to_numpy(own), other)
        np.testing.assert_allclose(b.to_numpy(b.erf(own)), NUMPY.erf(other), rtol=1e-6)
        np.testing.assert_array_equal(b.to_numpy(b.sum(own, axis=(0,), keepdims=False)), other.sum(0))  # fmt: skip
        np.testing.assert_array_equal(b.to_numpy(b.matmul(own, b.permute_dims(own, axes=(1, 0)))), other @ other.T)  # fmt: skip
        np.testing.assert_array_equal(b.to_numpy(b.getitem(own, b.asarray(np.array([1, 0])), key=(slice(None), Slot(0)))), other[:, [1, 0]])  # fmt: skip


@st.composite
def keys(draw):
    """A key for an array of shape (3, 4, 2), and its index arrays."""
    arrays, key = [], []
    for _ in range(draw(st.integers(0, 3))):
        kind = draw(st.sampled_from(["int", "slice", "slot", "slot"]))
        if kind == "int":
            key.append(draw(st.integers(-2, 1)))
        elif kind == "slice":
            key.append(draw(st.slices(2)))
        else:
            key.append(Slot(len(arrays)))
            shape = draw(st.sampled_from([(2,), (1,), (), (2, 1)]))
            dtype = draw(st.sampled_from([np.int64, np.int8, np.int32]))
            arrays.append(draw(hnp.arrays(dtype, shape, elements=st.integers(-2, 1))))
    for extra in (None, ...):
        if draw(st.booleans()):
            key.insert(draw(st.integers(0, len(key))), extra)
    return tuple(key), arrays


@drawn
@given(keys())
def test_getitem_and_its_transpose(cupy_backend, drawn_key):
    key, arrays = drawn_key
    x = np.arange(24.0).reshape(3, 4, 2)
    same(cupy_backend, "getitem", x, *arrays, key=key)
    values = np.asarray(NUMPY.getitem(x, *arrays, key=key) + 0.5)
    same(cupy_backend, "index_add", values, *arrays, key=key, shape=x.shape)


@grouped("dtype", {"every one": DTYPES})
def test_repeated_indices_add_up(cupy_backend, dtype):
    rows = np.random.default_rng(0).integers(-6, 6, 300)
    values = some((300, 5), dtype, low=0, high=2)
    same(cupy_backend, "index_add", values, rows, key=(Slot(0),), shape=(6, 5))
    same(cupy_backend, "index_add", values.T.copy(), rows, key=(slice(None), Slot(0)), shape=(5, 6))


def test_adding_by_index_can_be_repeated_bit_by_bit(cupy_backend):
    rng = np.random.default_rng(0)
    rows, values = rng.integers(0, 3, 4000), rng.normal(size=(4000, 2)).astype("float32")
    found = same(cupy_backend, "index_add", values, rows, key=(Slot(0),), shape=(3, 2))
    assert np.array_equal(cupy_backend.to_numpy(found), NUMPY.index_add(values, rows, key=(Slot(0),), shape=(3, 2)))  # fmt: skip


@grouped("wrong", {"every one": [3, -4, 100, -100]})
def test_an_index_beyond_the_end_is_an_error(cupy_backend, wrong):
    x, index = cupy_backend.asarray(np.zeros((2, 3))), cupy_backend.asarray(np.array([0, wrong, 1]))
    with pytest.raises(IndexError, match=f"index {wrong} is out of bounds for an axis of size 3"):
        cupy_backend.getitem(x, index, key=(slice(None), Slot(0)))
    with pytest.raises(IndexError, match=f"index {wrong} is out of bounds"):
        cupy_backend.index_add(x, index, key=(slice(None), Slot(0)), shape=(2, 3))
    with pytest.raises(IndexError):
        cupy_backend.getitem(x, key=(0, wrong))
    t = ag.tensor(np.zeros(3), backend=cupy_backend)
    with pytest.raises(ag.AxisError, match=f"getitem: index {wrong} is out of bounds"):
        t[[0, wrong]]


def test_no_index_is_no_error(cupy_backend):
    same(cupy_backend, "getitem", np.zeros((2, 3)), np.zeros(0, np.int64), key=(Slot(0),))
    same(cupy_backend, "index_add", np.zeros((0, 3)), np.zeros(0, np.int64), key=(Slot(0),), shape=(2, 3))  # fmt: skip
    same(cupy_backend, "getitem", np.zeros((0, 3)), np.zeros(1, np.int64), key=(Slot(0),))


@drawn
@given(st.data())
def test_windows_and_their_transpose(cupy_backend, data):
    shape = data.draw(hnp.array_shapes(min_dims=1, max_dims=3, max_side=7))
    axes = data.draw(st.lists(st.integers(0, len(shape) - 1), min_size=1, unique=True))
    numbers = st.tuples(*[st.integers(1, 3)] * len(axes))
    lie = dict(axes=tuple(axes), size=data.draw(numbers), stride=data.draw(numbers), dilation=data.draw(numbers))  # fmt: skip
    x = np.arange(float(np.prod(shape))).reshape(shape)
    found = same(cupy_backend, "windows", x, **lie)
    if found is not None:
        same(cupy_backend, "windows_add", np.ones(found.shape, "float32"), **lie, shape=shape)
