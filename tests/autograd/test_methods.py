"""Which ops are methods too, and where their settings may stand: as NumPy's and PyTorch's users write them."""

from __future__ import annotations

import inspect

import numpy as np
import pytest

import autograd as ag
from autograd.arguments import bind
from autograd.ops import OPS

LISTED = [
    "add",
    "subtract",
    "multiply",
    "divide",
    "negative",
    "power",
    "exp",
    "log",
    "log1p",
    "expm1",
    "sqrt",
    "abs",
    "sign",
    "sin",
    "cos",
    "tanh",
    "sigmoid",
    "relu",
    "leaky_relu",
    "elu",
    "selu",
    "gelu",
    "silu",
    "softplus",
    "softsign",
    "maximum",
    "minimum",
    "clip",
    "where",
    "erf",
    "sum",
    "mean",
    "var",
    "std",
    "max",
    "min",
    "prod",
    "logsumexp",
    "softmax",
    "log_softmax",
    "argmax",
    "argmin",
    "cumsum",
    "norm",
    "any",
    "all",
    "reshape",
    "transpose",
    "permute_dims",
    "swapaxes",
    "squeeze",
    "expand_dims",
    "broadcast_to",
    "flip",
    "concat",
    "stack",
    "split",
    "pad",
    "tile",
    "repeat",
    "take",
    "take_along_axis",
    "getitem",
    "one_hot",
    "sort",
    "argsort",
    "matmul",
    "dot",
    "einsum",
    "outer",
    "linear",
    "conv2d",
    "max_pool2d",
    "avg_pool2d",
    "dropout",
    "softmax_cross_entropy",
    "sigmoid_cross_entropy",
    "maxout",
    "floor",
    "grad",
    "value_and_grad",
    "vjp",
    "jvp",
    "hvp",
    "jacobian",
    "hessian",
    "checkpoint",
    "no_grad",
    "enable_grad",
    "detect_anomaly",
]


def test_every_promised_name_is_there():
    assert not [name for name in LISTED if name not in ag.__all__]


def missing(other):
    """Of the promised functions, those that are methods of the class `other`, but not of Tensor."""
    return {n for n in LISTED if hasattr(other, n) and not hasattr(ag.Tensor, n)}


def test_every_op_that_is_a_method_in_numpy_is_one_here():
    assert not missing(np.ndarray)


@pytest.mark.oracle
def test_every_op_that_is_a_method_in_pytorch_is_one_here():
    torch = pytest.importorskip("torch")
    assert missing(torch.Tensor) == set()


X = np.random.default_rng(0).normal(size=(2, 3, 4))
CONVENTIONS = {
    "x.sum(0)": lambda x: (x.sum(0), X.sum(0)),
    "sum(x, 0)": lambda x: (ag.sum(x, 0), X.sum(0)),
    "x.sum((0, 2))": lambda x: (x.sum((0, 2)), X.sum((0, 2))),
    "x.var()": lambda x: (x.var(), X.var()),
    "var(x, 1)": lambda x: (ag.var(x, 1), X.var(1)),
    "var(x, 1, 1)": lambda x: (ag.var(x, 1, 1), X.var(1, ddof=1)),
    "x.std(0, ddof=1)": lambda x: (x.std(0, ddof=1), X.std(0, ddof=1)),
    "std(x)": lambda x: (ag.std(x), X.std()),
    "one_hot(i, n)": lambda x: (ag.one_hot(ag.tensor([2, 0]), 3), np.eye(3, dtype=np.float32)[[2, 0]]),
    "reshape(x, shape)": lambda x: (ag.reshape(x, (4, 6)), X.reshape(4, 6)),
    "x.reshape(4, -1)": lambda x: (x.reshape(4, -1), X.reshape(4, -1)),
    "x.permute(2, 0, 1)": lambda x: (x.permute(2, 0, 1), X.transpose(2, 0, 1)),
    "x.permute_dims((2, 0, 1))": lambda x: (x.permute_dims((2, 0, 1)), X.transpose(2, 0, 1)),
    "permute_dims(x, axes)": lambda x: (ag.permute_dims(x, (2, 0, 1)), X.transpose(2, 0, 1)),
    "x.tile(2, 1, 1)": lambda x: (x.tile(2, 1, 1), np.tile(X, (2, 1, 1))),
    "x.tile((1, 2))": lambda x: (x.tile((1, 2)), np.tile(X, (1, 2))),
    "x.flatten()": lambda x: (x.flatten(), X.flatten()),
    "x.ravel()": lambda x: (x.ravel(), X.ravel()),
    "x.astype(dtype)": lambda x: (x.astype("float32"), X.astype("float32")),
    "x.maximum(0.0)": lambda x: (x.maximum(0.0), np.maximum(X, 0)),
    "x.minimum(y)": lambda x: (x.minimum(x * 2), np.minimum(X, X * 2)),
    "x.outer(y)": lambda x: (x[0, 0].outer(x[1, 1]), np.outer(X[0, 0], X[1, 1])),
    "x.add(1.0)": lambda x: (x.add(1.0), X + 1),
    "x.subtract(y)": lambda x: (x.subtract(x[0]), X - X[0]),
    "x.multiply(y)": lambda x: (x.multiply(x), X * X),
    "x.divide(2)": lambda x: (x.divide(2), X / 2),
    "x.negative()": lambda x: (x.negative(), -X),
    "x.split(3, 1)": lambda x: (x.split(3, 1)[2], np.split(X, 3, 1)[2]),
    "np.split(x, [1], 2)": lambda x: (np.split(x, [1], 2)[1], np.split(X, [1], 2)[1]),
    "max_pool2d(x, 2)": lambda x: (ag.max_pool2d(x[None], 2), X[None, :, :2].reshape(1, 2, 1, 2, 2, 2).max((3, 5))),
}  # fmt: skip


@pytest.mark.parametrize("written", CONVENTIONS)
def test_conventions(written):
    found, expected = CONVENTIONS[written](ag.tensor(X, requires_grad=True))
    assert isinstance(found, ag.Tensor)
    assert found.requires_grad == (written != "one_hot(i, n)")
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-12, atol=1e-15, strict=True)


GIVEN = {
    "split": lambda x, axis: ag.split(x, [1], axis)[1],
    "repeat": lambda x, axis: ag.repeat(x, 2, axis),
    "take": lambda x, axis: ag.take(x, [1, 0], axis),
    "take_along_axis": lambda x, axis: ag.take_along_axis(x, np.zeros((2, 2, 4), int), axis),
    "squeeze": lambda x, axis: ag.squeeze(x[:, :1], axis),
    "maxout": lambda x, axis: ag.maxout(x[:, :2], 2, axis),
    "expand_dims": lambda x, axis: ag.expand_dims(x, axis if axis > 0 else axis - 1),
    "stack": lambda x, axis: ag.stack([x, x], axis if axis > 0 else axis - 1),
    "concat": lambda x, axis: ag.concat([x, x], axis),
}
"""What takes more than an array and an axis, or counts the axes of its result."""
WITH_AXIS = [
    name
    for name in dir(ag)
    if inspect.isfunction(function := getattr(ag, name)) and "axis" in inspect.signature(function).parameters
]  # fmt: skip


@pytest.mark.parametrize("name", WITH_AXIS)
def test_an_axis_counted_from_the_end(name):
    call = GIVEN.get(name, getattr(ag, name))
    x = ag.tensor(X, requires_grad=True)
    found, expected = call(x, axis=-2), call(x, axis=1)
    np.testing.assert_array_equal(found.numpy(), expected.numpy(), strict=True)


def test_every_op_refuses_arguments_that_it_does_not_know_or_has_already():
    for op in OPS.values():
        arrays = [object() for _ in op.arrays] or [[object()]]
        settings = [object() for _ in op.static]
        found, static = bind(op, (*arrays, *settings), {}) if not op.variadic or not op.arrays else bind(op, tuple(arrays), dict(zip(op.static, settings, strict=True)))  # fmt: skip
        assert len(found) == max(len(op.arrays), 1)
        assert list(static.values()) == settings
        with pytest.raises(TypeError, match=f"{op.name}: unexpected argument 'no_such'; arguments are"):
            bind(op, tuple(arrays), {"no_such": 1})
        if not op.variadic:
            with pytest.raises(TypeError, match=f"{op.name}: takes {len(arrays) + len(settings)} arguments, got"):  # fmt: skip
                bind(op, (*arrays, *settings, 1), {})
            # one that has its place already
            for name in (*op.arrays, *op.static):
                with pytest.raises(TypeError, match=f"{op.name}: unexpected argument {name!r}"):
                    bind(op, (*arrays, *settings), {name: 1})
        for name in (n for n in op.arrays if n not in op.optional):
            with pytest.raises(TypeError, match=f"{op.name}: the argument {name!r} is missing"):
                bind(op, (), {n: a for n, a in zip(op.arrays, arrays, strict=True) if n != name})
