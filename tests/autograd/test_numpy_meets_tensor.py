"""Tensors together with arrays, numbers and functions of NumPy, and methods that share NumPy's names."""

from __future__ import annotations

import itertools
import warnings

import numpy as np
import pytest
from grouping import by, grouped

import autograd as ag
import backends

ARRAY = np.array([2.0, 3.0])
OPERATORS = [
    lambda a, b: a + b,
    lambda a, b: a - b,
    lambda a, b: a * b,
    lambda a, b: a / b,
    lambda a, b: a**b,
]


OTHERS = [ARRAY, np.float64(2.0), np.array(2.0), 2, 2.0, [2.0, 3.0]]


@grouped("case", by(itertools.product(range(len(OPERATORS)), OTHERS), lambda case: case[0]))
def test_arithmetic_with_arrays_numbers_and_lists(case):
    operator, other = OPERATORS[case[0]], case[1]
    x = ag.tensor([1.5, 2.5], dtype="float64", requires_grad=True)
    for y, expected in (
        (operator(x, other), operator(x.numpy(), np.asarray(other))),
        (operator(other, x), operator(np.asarray(other), x.numpy())),
    ):
        assert isinstance(y, ag.Tensor)
        assert y.requires_grad
        np.testing.assert_allclose(y.numpy(), expected, rtol=1e-15)
        x.grad = None
        y.sum().backward()
        assert x.grad.shape == (2,)


def test_matrix_product_with_arrays():
    x = ag.tensor(np.ones((2, 3)), requires_grad=True)
    for y in (x @ np.ones((3, 4)), np.ones((4, 2)) @ x):
        assert isinstance(y, ag.Tensor)
        assert y.requires_grad


def test_numpy_floats_are_weak_and_lose_no_digit():
    x = ag.tensor([1.0], dtype="float64")
    for y in (x * np.float64(0.1), np.float64(0.1) * x):
        assert y.tolist() == [0.1]
    single = ag.tensor([1.0])
    for y in (single * np.float64(0.1), np.float64(0.1) * single, single * 0.1):
        assert y.dtype == "float32"


def test_numbers_are_weak():
    for dtype in ("float16", "float32", "float64"):
        x = ag.ones(2, dtype=dtype)
        for y in (x + 1, x + 1.0, 2 * x, x / 3, x**2, x**0.5, -x, abs(x), 1 - x, ag.maximum(x, 0)):
            assert y.dtype == dtype
    assert (ag.tensor([1, 2]) / 2).dtype == "float64"
    assert (ag.tensor([1, 2]) * 1.5).dtype == "float64"


def test_functions_of_numpy_are_ops():
    x = ag.tensor([0.5, 1.5], dtype="float64", requires_grad=True)
    for function in (np.exp, np.log, np.sqrt, np.sin, np.tanh, np.abs, np.negative):
        y = function(x)
        assert isinstance(y, ag.Tensor)
        np.testing.assert_allclose(y.numpy(), function(x.numpy()), rtol=4e-16)
        x.grad = None
        y.sum().backward()
        assert x.grad is not None
    for function in (np.add, np.multiply, np.maximum, np.power, np.true_divide, np.matmul):
        y = function(np.array([1.0, 2.0]), x)
        assert isinstance(y, ag.Tensor)
        assert y.requires_grad


def test_functions_of_numpy_without_an_op_refuse():
    """A gradient must not get lost in silence."""
    x = ag.tensor([0.5], requires_grad=True)
    with pytest.raises(TypeError):
        np.arctan(x)
    with pytest.raises(TypeError):
        np.add(x, 1.0, out=np.zeros(1))
    with pytest.raises(TypeError):
        np.add.reduce(x)


MEANT = {
    "concatenate": lambda np, x: np.concatenate([x, x * 2], axis=1), "concatenate of an array": lambda np, x: np.concatenate([x, ARRAY[None]]),
    "hstack": lambda np, x: np.hstack([x, x]), "hstack of rows": lambda np, x: np.hstack([x[0], x[0], ARRAY]),
    "vstack": lambda np, x: np.vstack([x, x]), "vstack of rows": lambda np, x: np.vstack([x[0], ARRAY]),
    "ravel": lambda np, x: np.ravel(x), "sum": lambda np, x: np.sum(x, 0, keepdims=True), "mean": lambda np, x: np.mean(x, axis=-1),
    "var": lambda np, x: np.var(x, axis=0, ddof=1), "clip": lambda np, x: np.clip(x, 0.6, 1.2), "reshape": lambda np, x: np.reshape(x, (-1,)),
    "where": lambda np, x: np.where(np.asarray([[True, False]]), x, 0.0), "stack": lambda np, x: np.stack([x, x], axis=1),
    "transpose": lambda np, x: np.transpose(x, (1, 0)), "tile": lambda np, x: np.tile(x, (2, 1)), "norm": lambda np, x: np.linalg.norm(x, axis=1),
    "einsum": lambda np, x: np.einsum("ij,kj->ik", x, x), "cumsum": lambda np, x: np.cumsum(x, 1), "take": lambda np, x: np.take(x, [1, 0], 1),
    "outer": lambda np, x: np.outer(x[0], x[0]), "sort": lambda np, x: np.sort(x, axis=0), "max": lambda np, x: np.max(x, 1),
}  # fmt: skip
LOST = {
    "another norm": lambda x: np.linalg.norm(x, 1), "out": lambda x: np.sum(x, out=np.zeros(())), "dtype": lambda x: np.sum(x, dtype="f8"),
    "initial": lambda x: np.sum(x, initial=1.0), "where": lambda x: np.sum(x, where=[[True, False]]), "percentile": lambda x: np.percentile(x, 3),
    "inv": np.linalg.inv, "trapezoid": np.trapezoid, "interp": lambda x: np.interp(0.5, [0.0, 1.0], x[0]), "median": np.median,
    "order": lambda x: np.reshape(x, (-1,), order="F"), "convolve": lambda x: np.convolve(x[0], [1.0, 2.0]),
}  # fmt: skip
SQUARE = np.array([[0.5, 1.5], [2.5, 1.0]])


@pytest.mark.parametrize("name", MEANT)
def test_functions_of_numpy_that_are_ops_keep_the_gradient(name):
    x = ag.tensor(SQUARE, requires_grad=True)
    y = MEANT[name](np, x)
    assert y.requires_grad
    np.testing.assert_allclose(y.numpy(), MEANT[name](np, SQUARE), 1e-14)


@pytest.mark.parametrize("name", LOST)
def test_other_functions_of_numpy_do_not_lose_a_gradient(name):
    with pytest.raises(ag.GradientError, match=r"x\.detach\(\) or x\.numpy\(\)"):
        LOST[name](ag.tensor(SQUARE, requires_grad=True))
    with ag.no_grad():
        untracked = LOST[name](ag.tensor(SQUARE, requires_grad=True))
    np.testing.assert_allclose(untracked, LOST[name](SQUARE), 1e-14)


def test_conversion_to_numpy():
    x = ag.tensor([[1.0, 2.0]], requires_grad=True)
    assert np.asarray(x).tolist() == [[1.0, 2.0]]
    assert np.array(x, dtype="float64").dtype == np.float64
    assert np.asarray(x, dtype=int).tolist() == [[1, 2]]
    fresh = np.array(x)
    fresh[0, 0] = 9
    assert x.tolist() == [[1.0, 2.0]]


def test_exchange_by_dlpack(on_numpy):
    x = ag.tensor([1.0, 2.0])
    array = np.from_dlpack(x)
    assert array.tolist() == [1.0, 2.0]
    assert x.__dlpack_device__() == (1, 0)


@pytest.mark.parametrize(
    "method", ["sum", "mean", "max", "min", "prod", "var", "std", "any", "all", "argmax", "argmin"]
)
def test_methods_are_those_of_numpy(method):
    for axis, keepdims in itertools.product([None, 0, -1], [False, True]):
        method_is_that_of_numpy(method, axis, keepdims)


def method_is_that_of_numpy(method, axis, keepdims):
    array = np.random.default_rng(0).normal(size=(3, 4))
    x = ag.tensor(array)
    expected = getattr(np, method)(array, axis=axis, keepdims=keepdims)
    found = getattr(x, method)(axis=axis, keepdims=keepdims)
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-14)
    assert found.shape == np.shape(expected)
    positional = getattr(ag, method)(x, axis) if axis is not None else getattr(ag, method)(x)
    np.testing.assert_allclose(positional.numpy(), getattr(np, method)(array, axis), rtol=1e-14)


def test_shape_methods_are_those_of_numpy():
    array = np.arange(24.0).reshape(2, 3, 4)
    x = ag.tensor(array)
    for call in (
        lambda a: a.reshape(4, 6),
        lambda a: a.reshape((6, -1)),
        lambda a: a.reshape(-1),
        lambda a: a.transpose(),
        lambda a: a.transpose(1, 0, 2),
        lambda a: a.transpose((2, 0, 1)),
        lambda a: a.swapaxes(0, 2),
        lambda a: a.T,
        lambda a: a.cumsum(1),
        lambda a: a.cumsum(),
        lambda a: a.take([1, 0], 2),
        lambda a: a.repeat(2, 1),
        lambda a: a.repeat(2),
    ):
        np.testing.assert_array_equal(call(x).numpy(), call(array))
    for name, arguments in (
        ("flip", (1,)),
        ("tile", ((2, 1, 1),)),
        ("pad", (1,)),
        ("pad", (((0, 1), (2, 0), (0, 0)),)),
        ("expand_dims", (1,)),
        ("broadcast_to", ((5, 2, 3, 4),)),
        ("sort", (0,)),
        ("argsort", (1,)),
        ("cumsum", (2,)),
    ):
        np.testing.assert_array_equal(
            getattr(ag, name)(x, *arguments).numpy(), getattr(np, name)(array, *arguments)
        )
    for indices in (np.ones((2, 1, 4), int), np.zeros((1, 2, 1), int), np.full((2, 5, 4), 2)):
        np.testing.assert_array_equal(
            ag.take_along_axis(x, ag.tensor(indices), 1).numpy(),
            np.take_along_axis(array, indices, 1),
        )
    for pieces in (3, [1], [1, 2]):
        for mine, theirs in zip(ag.split(x, pieces, 1), np.split(array, pieces, 1), strict=True):
            np.testing.assert_array_equal(mine.numpy(), theirs)
    with pytest.raises(ag.ShapeError, match="3 does not divide into 2"):
        ag.split(x, 2, axis=1)


def test_floating_point_warnings_are_those_of_numpy():
    with pytest.warns(RuntimeWarning), backends.use("numpy"):  # kernels do not warn
        ag.log(ag.tensor([-1.0]))
    x = ag.tensor([0.0], requires_grad=True)
    y = ag.sqrt(x)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        y.backward()
    assert x.grad.tolist() == [np.inf]


def test_dot_with_a_number():
    x = ag.tensor([1.0, 2.0], requires_grad=True)
    for y in (ag.dot(x, 2.0), ag.dot(2.0, x), x.dot(2)):
        assert y.tolist() == [2.0, 4.0]
        x.grad = None
        y.sum().backward()
        assert x.grad.tolist() == [2.0, 2.0]
    with pytest.raises(ag.ShapeError, match="at least one dimension"):
        ag.matmul(x, 2.0)
