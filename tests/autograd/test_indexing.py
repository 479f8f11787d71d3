"""Indexing and its gradient, against NumPy."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import autograd as ag

BASIC = st.deferred(lambda: hnp.basic_indices((3, 4, 2), allow_newaxis=True, allow_ellipsis=True))


@given(key=BASIC)
def test_basic_indexing_is_that_of_numpy(key):
    check_index(np.arange(24.0).reshape(3, 4, 2), key)


@given(data=st.data())
def test_integer_arrays_as_indices(data):
    array = np.arange(24.0).reshape(3, 4, 2)
    key = data.draw(
        hnp.integer_array_indices(array.shape, result_shape=hnp.array_shapes(max_dims=2, max_side=3))
    )
    check_index(array, key)
    check_index(array, key[0])
    check_index(array, tuple(index.tolist() for index in key[:2]))


@given(data=st.data())
def test_mixed_indices(data):
    """Slices, integers, None and integer arrays in any order."""
    array = np.arange(60.0).reshape(3, 4, 5)
    entries = [
        data.draw(
            st.one_of(
                st.slices(n),
                st.integers(-n, n - 1),
                hnp.arrays(np.int64, 2, elements=st.integers(-n, n - 1)),
            )
        )
        for n in array.shape
    ]
    if data.draw(st.booleans()):
        entries.insert(data.draw(st.integers(0, 3)), None)
    check_index(array, tuple(entries))


@given(data=st.data())
def test_masks(data):
    array = np.arange(24.0).reshape(3, 4, 2)
    dimensions = data.draw(st.integers(1, 3))
    mask = data.draw(hnp.arrays(bool, array.shape[:dimensions]))
    check_index(array, mask)
    if dimensions == 1:
        check_index(array, (mask, slice(1, 3)))
        check_index(array, (mask, 0))


def check_index(array, key):
    """Values, and the gradient: how often each element was picked."""
    x = ag.tensor(array, requires_grad=True)
    y = x[key]
    expected = array[key]
    assert y.shape == expected.shape
    np.testing.assert_array_equal(y.numpy(), expected)
    y.backward(ag.ones(y.shape, "float64"))
    count = np.zeros_like(array)
    np.add.at(count, key, 1.0)
    np.testing.assert_array_equal(x.grad.numpy(), count)
    tensors = (
        tuple(ag.tensor(e) if isinstance(e, np.ndarray) else e for e in key)
        if isinstance(key, tuple)
        else key
    )
    np.testing.assert_array_equal(x[tensors].numpy(), expected)


@pytest.mark.parametrize(
    ("key", "error", "text"),
    [
        (5, IndexError, "index 5 is out of range for axis 0 with size 3"),
        (-4, IndexError, "out of range"),
        ((0, 0, 0), IndexError, "too many indices"),
        ((..., ...), IndexError, "at most one Ellipsis"),
        (1.5, TypeError, "integer"),
        ("a", TypeError, "'a' is not an index"),
        (True, TypeError, "True and False are not indices"),
        ([0.5], TypeError, "integer or boolean"),
        (np.array([True, False]), ValueError, r"mask of shape \(2,\)"),
        ([0, 7], IndexError, "7"),
    ],
)
def test_index_errors(key, error, text):
    x = ag.tensor(np.zeros((3, 4)))
    with pytest.raises(error, match=text) as caught:
        x[key]
    assert isinstance(caught.value, ag.GradloomError)


def test_a_tensor_as_index():
    x = ag.tensor([1.0, 2.0, 3.0])
    assert x[ag.tensor(1)].item() == 2.0
    assert x[ag.tensor([2, 0])].tolist() == [3.0, 1.0]
    assert x[x > 1.5].tolist() == [2.0, 3.0]
    assert [10, 20, 30][ag.tensor(1)] == 20
    with pytest.raises(TypeError):
        [10, 20][ag.tensor(1.0)]


def test_item_assignment_is_refused_with_the_way_out():
    x = ag.tensor([1.0, 2.0])
    with pytest.raises(TypeError, match=r"where\(\)"):
        x[0] = 3.0
