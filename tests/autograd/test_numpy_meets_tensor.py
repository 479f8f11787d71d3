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
        np.cbrt(x)
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
    "hstack of columns": lambda np, x: np.column_stack([x, x[0]]), "dstack": lambda np, x: np.dstack([x, x]), "dstack of rows": lambda np, x: np.dstack([x[0], ARRAY]),
    "moveaxis": lambda np, x: np.moveaxis(x[None], 0, -1), "moveaxis of two": lambda np, x: np.moveaxis(x[None], [0, 1], [2, 0]),
    "roll": lambda np, x: np.roll(x, 3), "roll back": lambda np, x: np.roll(x, -1, 1), "roll both": lambda np, x: np.roll(x, (1, 2), (0, 1)),
    "split": lambda np, x: np.split(x, 2)[1], "array_split": lambda np, x: np.array_split(x.reshape(-1), 3)[1], "hsplit": lambda np, x: np.hsplit(x, 2)[0],
    "vsplit": lambda np, x: np.vsplit(x, [1])[1], "tensordot": lambda np, x: np.tensordot(x, x), "tensordot of one": lambda np, x: np.tensordot(x, SQUARE, 1),
    "tensordot of axes": lambda np, x: np.tensordot(SQUARE, x[None], axes=([0], [-1])), "inner": lambda np, x: np.inner(x, x), "vdot": lambda np, x: np.vdot(x, x),
    "average": lambda np, x: np.average(x, axis=0), "weighted average": lambda np, x: np.average(x, axis=1, weights=[1.0, 3.0]), "average by weights": lambda np, x: np.average(x, weights=SQUARE),
    "diag": lambda np, x: np.diag(x), "diag above": lambda np, x: np.diag(x, 1), "diag of a vector": lambda np, x: np.diag(x[0]), "diag below": lambda np, x: np.diag(x[0], -2), "diag over": lambda np, x: np.diag(x[0], 1),
    "tril": lambda np, x: np.tril(x), "triu": lambda np, x: np.triu(x[None], 1), "trace": lambda np, x: np.trace(x), "trace above": lambda np, x: np.trace(x, offset=1),
    "cumprod": lambda np, x: np.cumprod(x), "cumprod of rows": lambda np, x: np.cumprod(x, axis=1), "ptp": lambda np, x: np.ptp(x, axis=0), "diff": lambda np, x: np.diff(x), "diff twice": lambda np, x: np.diff(x.reshape(-1), n=2),
    "fliplr": lambda np, x: np.fliplr(x), "atleast_2d": lambda np, x: np.atleast_2d(x[0]),
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


@pytest.mark.parametrize("name", MEANT)
def test_their_gradients_are_those_of_differences(name):
    x = ag.tensor(SQUARE, requires_grad=True)
    y = MEANT[name](np, x)
    weights = np.random.default_rng(0).normal(size=y.shape)
    (y * weights).sum().backward()
    slopes = np.zeros_like(SQUARE)
    for place in np.ndindex(2, 2):
        moved = np.zeros_like(SQUARE)
        moved[place] = 1e-6
        ends = [(MEANT[name](np, SQUARE + sign * moved) * weights).sum() for sign in (1, -1)]
        slopes[place] = (ends[0] - ends[1]) / 2e-6
    np.testing.assert_allclose(x.grad.numpy(), slopes, rtol=1e-7, atol=1e-8)


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


REFUSED = {
    "moveaxis": lambda x: np.moveaxis(x, 3, 0), "moveaxis to nowhere": lambda x: np.moveaxis(x, 0, 5), "moveaxis twice": lambda x: np.moveaxis(x, [0, 1], [1, 1]),
    "diff": lambda x: np.diff(x, axis=7), "diff of -1": lambda x: np.diff(x, n=-1), "cumprod": lambda x: np.cumprod(x, axis=7), "roll": lambda x: np.roll(x, 1, axis=5),
    "tensordot": lambda x: np.tensordot(x, np.ones((3, 4)), ([0, 1], [0, 1])), "tensordot of no axis": lambda x: np.tensordot(x, x, ([2], [0])),
    "vdot": lambda x: np.vdot(x, np.ones(1)), "vsplit": lambda x: np.vsplit(x[0], 2), "array_split": lambda x: np.array_split(x, -2),
    "average": lambda x: np.average(x, axis=1, weights=[1.0]), "triu": lambda x: np.triu(x[0, 0]), "diff of a number": lambda x: np.diff(x[0, 0]),
    "split": lambda x: np.split(x, 3), "concatenate": lambda x: np.concatenate([x, x[0]]), "hstack": lambda x: np.hstack([x, np.ones((3, 2))]),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_numpy_refuses_is_refused(name):
    with pytest.raises((ValueError, IndexError, TypeError)):
        REFUSED[name](SQUARE)
    with pytest.raises((ag.ShapeError, ag.RangeError, ag.AxisError)):
        REFUSED[name](ag.tensor(SQUARE, requires_grad=True))


EDGES = {
    "tril of a row": lambda x: np.tril(x[0]), "cumprod of a number": lambda x: np.cumprod(x[0, 0], axis=0), "roll of two along one": lambda x: np.roll(x, (1, 2), axis=0),
    "roll by two": lambda x: np.roll(x, (1, 2)), "array_split by a scalar": lambda x: np.array_split(x, np.int64(2))[1], "tensordot of nothing": lambda x: np.tensordot(x[:, :0], x[:0], 1),
    "concatenate flat": lambda x: np.concatenate([x, x[0]], axis=None), "empty diff": lambda x: np.diff(x[:0]), "empty roll": lambda x: np.roll(x[:0], 1, 0), "empty cumprod": lambda x: np.cumprod(x[:0], 0),
    "empty ptp": lambda x: np.ptp(x[:, :1], 1), "empty tril": lambda x: np.tril(x[:0]), "diag of nothing": lambda x: np.diag(x[0, :0]), "diag far out": lambda x: np.diag(x, 5), "trace far out": lambda x: np.trace(x, -3),
}  # fmt: skip


@pytest.mark.parametrize("dtype", ["float64", "float32", "int64", "bool"])
@pytest.mark.parametrize("name", EDGES)
def test_edges_of_functions_of_numpy(name, dtype):
    array = SQUARE.astype(dtype)
    if dtype == "bool" and "ptp" in name:
        pytest.skip("neither has a difference of booleans")
    right, found = EDGES[name](array), EDGES[name](ag.tensor(array))
    np.testing.assert_array_equal(np.asarray(found), right)
    assert found.dtype == right.dtype
    assert found.shape == right.shape


@pytest.mark.parametrize(
    "function", [np.tril, np.triu, np.diag, np.diff, np.roll, np.positive, np.ravel, np.atleast_2d]
)
def test_booleans_stay_booleans(function):
    given = (1,) if function is np.roll else ()
    found, right = function(ag.tensor(SQUARE > 1), *given), function(SQUARE > 1, *given) if function is not np.positive else SQUARE > 1  # fmt: skip
    np.testing.assert_array_equal(np.asarray(found), right)
    assert found.dtype == "bool"


@pytest.mark.parametrize(
    ("function", "options"),
    [
        (np.allclose, {}),
        (np.allclose, {"atol": 1e-3}),
        (np.allclose, {"rtol": 0.0, "atol": 0.0}),
        (np.isclose, {"rtol": 1e-3}),
        (np.isclose, {"rtol": 0, "equal_nan": True}),
        (np.array_equal, {}),
        (np.array_equal, {"equal_nan": True}),
        (np.array_equiv, {}),
    ],
)
def test_questions_may_be_asked_where_gradients_flow(function, options):
    x = ag.tensor(ARRAY, requires_grad=True)
    for y in (x * 1.0001, x * 1.0, ag.tensor([1.0, 3.0])):
        expected = function(ARRAY, y.numpy(), **options)
        for first, second in ((x, y), (x, y.numpy()), (ARRAY, y)):
            np.testing.assert_array_equal(np.asarray(function(first, second, **options)), expected)
