"""New tensors: dtypes, values that are copied, and what cannot be a tensor."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import autograd as ag
from backends.contract import SUPPORTED


@pytest.mark.parametrize(
    ("data", "dtype"),
    [
        (1.5, "float32"),
        ([1.0, 2.0], "float32"),
        ([1, 2.5], "float32"),
        (3, "int64"),
        ([[1], [2]], "int64"),
        (True, "bool"),
        ([True, False], "bool"),
        ([], "float32"),
        (np.float64(1.5), "float64"),
        (np.float32(1.5), "float32"),
        (np.int16(3), "int16"),
        (np.arange(3.0), "float64"),
        (np.arange(3, dtype="uint8"), "uint8"),
        (np.zeros(2, "float16"), "float16"),
        (np.zeros(2, ">f8"), "float64"),
        (range(3), "int64"),
        ((1.0, 2.0), "float32"),
    ],
)
def test_dtype_of_new_tensors(data, dtype):
    x = ag.tensor(data)
    assert x.dtype == dtype
    assert x.dtype.isnative
    np.testing.assert_array_equal(x.numpy(), np.asarray(data))


@pytest.mark.parametrize("dtype", SUPPORTED)
def test_every_dtype_can_be_asked_for(dtype):
    for wanted in (dtype, np.dtype(dtype), np.dtype(dtype).type):
        assert ag.tensor([0, 1], dtype=wanted).dtype == dtype
        assert ag.zeros(2, dtype=wanted).dtype == dtype


def test_the_values_are_copied():
    array = np.arange(3.0)
    x = ag.tensor(array)
    array[0] = 9
    assert x.tolist() == [0, 1, 2]
    copied = x.numpy()
    copied[0] = 9
    assert x.tolist() == [0, 1, 2]


def test_nested_lists_of_tensors():
    x = ag.tensor([[1.0, 2.0]])
    assert ag.tensor(x).tolist() == [[1.0, 2.0]]
    assert ag.tensor(x, dtype="float64").dtype == "float64"
    assert not ag.tensor(ag.tensor(1.0, requires_grad=True)).requires_grad


@pytest.mark.parametrize(
    ("data", "text"),
    [
        ("abc", "text is not supported"),
        (["a", "b"], "text is not supported"),
        ([[1, 2], [3]], "equal lengths"),
        (np.array([1, "a"], dtype=object), "text is not supported"),
        (None, "object"),
        (1 + 2j, "complex128"),
        (np.array(["2020-01-01"], dtype="datetime64[D]"), "datetime64"),
        (object(), "object"),
    ],
)
def test_what_cannot_be_a_tensor(data, text):
    with pytest.raises(ag.DTypeError, match=text):
        ag.tensor(data)
    # where it is told a dtype NumPy would read texts and dates, drop imaginary parts, and take None for NaN
    with pytest.raises(ag.DTypeError, match=text):
        ag.tensor(data, "float64")


@pytest.mark.parametrize(
    ("name", "hint"),
    [("flaot32", "float32"), ("int", None), ("float31", "float"), ("complex64", None), ("x", None)],
)
def test_unsupported_dtype_names(name, hint):
    if name == "int":
        assert ag.zeros(1, dtype=name).dtype == "int64"
        return
    with pytest.raises(ag.DTypeError, match=f"{name}.*not one of the dtypes") as caught:
        ag.zeros(1, dtype=name)
    if hint is None:
        return
    assert f"Did you mean '{hint}" in str(caught.value)


@pytest.mark.parametrize("data", [1, [1, 2], True, np.arange(3)])
def test_integers_cannot_require_gradients(data):
    with pytest.raises(ag.DTypeError, match="only floating tensors can require gradients"):
        ag.tensor(data, requires_grad=True)
    with pytest.raises(ag.DTypeError):
        ag.tensor(data).requires_grad = True


def test_creation():
    assert ag.zeros((2, 3)).tolist() == [[0.0] * 3] * 2
    assert ag.ones(2, requires_grad=True).requires_grad
    assert ag.full((), 7).dtype == "int64"
    assert ag.full((1,), True).dtype == "bool"
    assert ag.arange(2, 8, 2).tolist() == [2, 4, 6]
    assert ag.arange(0, 1, 0.25).dtype == "float32"
    assert ag.arange(5, 0, -2).tolist() == [5, 3, 1]
    assert ag.arange(3, 3).shape == (0,)
    assert ag.linspace(0, 1, 5).tolist() == [0.0, 0.25, 0.5, 0.75, 1.0]
    assert ag.linspace(2, 3, 1).tolist() == [2.0]
    assert ag.linspace(0.1, 0.7, 7, dtype="float64").tolist()[-1] == 0.7
    assert ag.eye(2, 3).tolist() == [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]
    like = ag.zeros_like(ag.tensor([1, 2]))
    assert (like.dtype, like.shape) == ("int64", (2,))
    assert ag.ones_like(like, dtype="float16").dtype == "float16"
    with pytest.raises(ag.ShapeError, match="negative"):
        ag.zeros((2, -1))
    with pytest.raises(ag.ShapeError, match="step"):
        ag.arange(0, 3, 0)


@given(
    start=st.integers(-20, 20),
    stop=st.integers(-20, 20),
    step=st.integers(-5, 5).filter(lambda n: n != 0),
)
def test_arange_is_that_of_python(start, stop, step):
    assert ag.arange(start, stop, step).tolist() == list(range(start, stop, step))
