"""Keras's ops of networks: activations, losses, normalisations, convolution and pooling; loops."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import autograd as ag
from autograd import ShapeError, Tensor

from .. import activations
from ..errors import ArgumentError
from ..losses.base import EPSILON
from .common import floating, tensor

_ACTIVATIONS = (
    "celu elu glu hard_shrink hard_sigmoid hard_silu hard_tanh log_sigmoid log_softmax relu6 selu sigmoid "
    "silu soft_shrink softmax softplus softsign sparse_plus sparse_sigmoid sparsemax squareplus tanh_shrink "
    "threshold"
)
"""Those of `nn.activations` with the same arguments: the loss finds the logits of sigmoid and softmax."""
_made = {name: getattr(activations, name) for name in _ACTIVATIONS.split()}
globals().update(_made)

__all__ = [
    "average_pool", "batch_normalization", "binary_crossentropy", "categorical_crossentropy", "cond",
    "conv", "fori_loop", "gelu", "hard_swish", "layer_normalization", "leaky_relu", "map", "max_pool",
    "relu", "rms_normalization", "sparse_categorical_crossentropy", "swish", "vectorized_map",
    "while_loop",
]  # fmt: skip
__all__ += list(_made)

swish, hard_swish = activations.silu, activations.hard_silu


def relu(x: Any) -> Tensor:
    """x where it is positive, else 0."""
    return ag.relu(tensor(x))


def leaky_relu(x: Any, negative_slope: float = 0.2) -> Tensor:
    """x where it is positive, else `negative_slope` x."""
    return ag.leaky_relu(tensor(x), slope=negative_slope)


def gelu(x: Any, approximate: bool = True) -> Tensor:
    """x times the share of a normal distribution below it; by tanh unless `approximate` is False."""
    return activations.gelu(tensor(x), approximate)


def _same_shape(name: str, target: Tensor, output: Tensor) -> None:
    if target.shape != output.shape:
        raise ShapeError(f"{name}: target and output have one shape, got {target.shape} and {output.shape}")


def binary_crossentropy(target: Any, output: Any, from_logits: bool = False) -> Tensor:
    """-t log p - (1 - t) log(1 - p) for each element, p clipped to [1e-7, 1 - 1e-7].

    >>> import nn
    >>> round(nn.ops.binary_crossentropy([1.0], [0.5]).tolist()[0], 4)
    0.6931
    """
    y, p = tensor(target), floating(output)
    y = y.to(p.dtype)
    _same_shape("binary_crossentropy", y, p)
    if from_logits:
        return -y * ag.log_sigmoid(p) - (1.0 - y) * ag.log_sigmoid(-p)
    p = ag.clip(p, EPSILON, 1.0 - EPSILON)
    return -(y * ag.log(p) + (1.0 - y) * ag.log(1.0 - p))


def categorical_crossentropy(target: Any, output: Any, from_logits: bool = False, axis: int = -1) -> Tensor:
    """-sum(t log p) over `axis`, where p are probabilities, made to sum to 1, or logits."""
    p = floating(output)
    y = tensor(target).to(p.dtype)
    _same_shape("categorical_crossentropy", y, p)
    return -ag.sum(y * _log_probabilities(p, from_logits, axis), axis=axis)


def sparse_categorical_crossentropy(
    target: Any, output: Any, from_logits: bool = False, axis: int = -1
) -> Tensor:
    """The same for class numbers, without the axis of the classes or with a last one of 1.

    A number out of range raises (Keras gives 0).
    """
    p, labels = floating(output), tensor(target)
    if labels.ndim == p.ndim and labels.shape[-1] == 1:
        labels = labels.reshape(labels.shape[:-1])
    y = ag.one_hot(labels.to("int64"), p.shape[axis], dtype=p.dtype.name)
    if axis not in (-1, p.ndim - 1):
        order = list(range(p.ndim - 1))
        order.insert(axis % p.ndim, p.ndim - 1)
        y = ag.permute_dims(y, tuple(order))
    return categorical_crossentropy(y, p, from_logits, axis)


def _log_probabilities(p: Tensor, from_logits: bool, axis: int) -> Tensor:
    if from_logits:
        return ag.log_softmax(p, axis=axis)
    p = p / ag.sum(p, axis=axis, keepdims=True)
    return ag.log(ag.clip(p, EPSILON, 1.0 - EPSILON))


def batch_normalization(
    x: Any,
    mean: Any,
    variance: Any,
    axis: int,
    offset: Any = None,
    scale: Any = None,
    epsilon: float = 1e-3,
) -> Tensor:
    """(x - mean) / sqrt(variance + epsilon) * scale + offset, all of them vectors along `axis`."""
    x = floating(x)
    shape = [1] * x.ndim
    shape[axis] = x.shape[axis]
    result = (x - tensor(mean).reshape(shape)) / ag.sqrt(tensor(variance).reshape(shape) + epsilon)
    result = result if scale is None else result * tensor(scale).reshape(shape)
    return result if offset is None else result + tensor(offset).reshape(shape)


def layer_normalization(
    x: Any, gamma: Any = None, beta: Any = None, axis: Any = -1, epsilon: float | None = None
) -> Tensor:
    """(x - mean) / sqrt(var + epsilon) over `axis`, times gamma plus beta; epsilon is 1e-7."""
    x = floating(x)
    axes = [axis] if isinstance(axis, int) else list(axis)
    shape = [1] * x.ndim
    for one in axes:
        shape[one] = x.shape[one]
    mean = ag.mean(x, axis=tuple(axes), keepdims=True)
    variance = ag.var(x, axis=tuple(axes), keepdims=True)
    result = (x - mean) / ag.sqrt(variance + (EPSILON if epsilon is None else epsilon))
    for factor, join in ((gamma, ag.multiply), (beta, ag.add)):
        if factor is not None:
            factor = tensor(factor)
            result = join(result, factor if factor.ndim == x.ndim else factor.reshape(shape))
    return result


def rms_normalization(x: Any, scale: Any = None, axis: Any = -1, epsilon: float | None = None) -> Tensor:
    """x / sqrt(mean(x^2) + epsilon) over `axis`, times `scale`; epsilon is 1e-7."""
    x = floating(x)
    squares = ag.mean(ag.square(x), axis=axis, keepdims=True)
    result = x / ag.sqrt(squares + (EPSILON if epsilon is None else epsilon))
    return result if scale is None else result * tensor(scale)


def _letters(name: str, x: Tensor, data_format: str | None) -> str:
    if x.ndim != 4:
        raise ArgumentError(
            f"{name}: images of shape (batch, height, width, channels) are expected, got {x.shape}"
        )
    known = {None: "NHWC", "channels_last": "NHWC", "channels_first": "NCHW"}
    if data_format not in known:
        raise ArgumentError(
            f"{name}: data_format is 'channels_last' or 'channels_first', got {data_format!r}"
        )
    return known[data_format]


def conv(
    inputs: Any,
    kernel: Any,
    strides: Any = 1,
    padding: str = "valid",
    data_format: str | None = None,
    dilation_rate: Any = 1,
) -> Tensor:
    """Convolution of images; the kernel is (height, width, channels / groups, filters).

    Raises:
        ArgumentError: inputs of one or three dimensions of space.
    """
    x, weight = floating(inputs), tensor(kernel)
    letters = _letters("conv", x, data_format)
    groups = x.shape[letters.index("C")] // weight.shape[2]
    weight = weight if letters == "NHWC" else ag.permute_dims(weight, (3, 2, 0, 1))
    options = dict(
        stride=strides, padding=padding, dilation=dilation_rate, groups=groups, data_format=letters
    )
    return ag.conv2d(x, weight, **options)


def max_pool(
    inputs: Any, pool_size: Any, strides: Any = None, padding: str = "valid", data_format: str | None = None
) -> Tensor:
    """The largest value of each window of an image; `strides` are those of `pool_size` by default."""
    x = floating(inputs)
    letters = _letters("max_pool", x, data_format)
    return ag.max_pool2d(x, pool_size, stride=strides, padding=padding, data_format=letters)


def average_pool(
    inputs: Any, pool_size: Any, strides: Any = None, padding: str = "valid", data_format: str | None = None
) -> Tensor:
    """The mean of each window of an image; padding does not count."""
    x = floating(inputs)
    letters = _letters("average_pool", x, data_format)
    return ag.avg_pool2d(
        x, pool_size, stride=strides, padding=padding, data_format=letters, count_include_pad=False
    )


def cond(pred: Any, true_fn: Callable[[], Any], false_fn: Callable[[], Any]) -> Any:
    """`true_fn()` where `pred` holds, else `false_fn()`; the other one is not called.

    It looks at the value, so a compiled step in which it depends on data runs uncompiled: there
    `where` serves.
    """
    return true_fn() if pred else false_fn()


def while_loop(
    cond: Callable[..., Any], body: Callable[..., Any], loop_vars: Any, maximum_iterations: int | None = None
) -> Any:
    """`loop_vars = body(*loop_vars)` while `cond(*loop_vars)`; a loop of Python, which looks at values."""
    several = isinstance(loop_vars, (tuple, list))
    values, done = (tuple(loop_vars) if several else (loop_vars,)), 0
    while (maximum_iterations is None or done < maximum_iterations) and cond(*values):
        result, done = body(*values), done + 1
        values = tuple(result) if isinstance(result, (tuple, list)) else (result,)
    return type(loop_vars)(values) if several else values[0]


def fori_loop(lower: int, upper: int, body_fun: Callable[[int, Any], Any], init_val: Any) -> Any:
    """`value = body_fun(i, value)` for i from `lower` to before `upper`; a loop of Python."""
    value = init_val
    for i in range(int(lower), int(upper)):
        value = body_fun(i, value)
    return value


def map(f: Callable[[Any], Any], xs: Any) -> Any:
    """`f` of each row, stacked; rows of several inputs, and several results, as tuples."""
    parts = [tensor(x) for x in xs] if isinstance(xs, (tuple, list)) else [tensor(xs)]
    several = isinstance(xs, (tuple, list))
    rows = [tuple(p[i] for p in parts) if several else parts[0][i] for i in range(parts[0].shape[0])]
    results = [f(row) for row in rows]
    if results and isinstance(results[0], (tuple, list)):
        return tuple(ag.stack(*column, axis=0) for column in zip(*results, strict=True))
    return ag.stack(*results, axis=0)


def vectorized_map(function: Callable[[Any], Any], elements: Any) -> Any:
    """`map`, row by row."""
    return map(function, elements)
