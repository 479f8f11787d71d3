"""Keras's ops over axes: sums and means of several kinds, order, norms."""

from __future__ import annotations

import math
from typing import Any

import autograd as ag
from autograd import Tensor

from ..errors import ArgumentError
from .common import floating, tensor

__all__ = [
    "amax", "amin", "average", "count_nonzero", "cumsum", "in_top_k", "max", "median", "min", "moments",
    "nanmax", "nanmean", "nanmin", "nansum", "norm", "normalize", "prod", "ptp", "std", "top_k", "var",
]  # fmt: skip


def max(x: Any, axis: Any = None, keepdims: bool = False, initial: float | None = None) -> Tensor:
    """The largest, and at least `initial`; equal ones share the gradient."""
    found = ag.max(x, axis=axis, keepdims=keepdims)
    return found if initial is None else ag.maximum(found, initial)


def min(x: Any, axis: Any = None, keepdims: bool = False, initial: float | None = None) -> Tensor:
    """The smallest, and at most `initial`; equal ones share the gradient."""
    found = ag.min(x, axis=axis, keepdims=keepdims)
    return found if initial is None else ag.minimum(found, initial)


def amax(x: Any, axis: Any = None, keepdims: bool = False) -> Tensor:
    """The largest."""
    return ag.max(x, axis=axis, keepdims=keepdims)


def amin(x: Any, axis: Any = None, keepdims: bool = False) -> Tensor:
    """The smallest."""
    return ag.min(x, axis=axis, keepdims=keepdims)


def ptp(x: Any, axis: Any = None, keepdims: bool = False) -> Tensor:
    """The largest without the smallest."""
    return amax(x, axis, keepdims) - amin(x, axis, keepdims)


def std(x: Any, axis: Any = None, keepdims: bool = False) -> Tensor:
    """The standard deviation, by the number of elements."""
    return ag.std(floating(x), axis=axis, keepdims=keepdims)


def var(x: Any, axis: Any = None, keepdims: bool = False) -> Tensor:
    """The variance, by the number of elements."""
    return ag.var(floating(x), axis=axis, keepdims=keepdims)


def moments(x: Any, axes: Any, keepdims: bool = False) -> tuple[Tensor, Tensor]:
    """(mean, variance) over `axes`."""
    return ag.mean(floating(x), axis=axes, keepdims=keepdims), var(x, axes, keepdims)


def prod(x: Any, axis: Any = None, keepdims: bool = False, dtype: Any = None) -> Tensor:
    """The product, computed in `dtype`."""
    return ag.prod(tensor(x, dtype), axis=axis, keepdims=keepdims)


def cumsum(x: Any, axis: int | None = None, dtype: Any = None) -> Tensor:
    """The sums of all that come before, each included."""
    return ag.cumsum(tensor(x, dtype), axis=axis)


def average(x: Any, axis: int | None = None, weights: Any = None) -> Tensor:
    """The mean, weighted by `weights` of the same shape, or of the length of `axis`."""
    if weights is None:
        return ag.mean(floating(x), axis=axis)
    x, weights = floating(x), floating(weights)
    if weights.shape != x.shape:
        if axis is None or weights.ndim != 1 or weights.shape[0] != x.shape[axis]:
            raise ArgumentError(
                f"average: weights {weights.shape} have the shape of x, {x.shape}, or are as many as x has "
                "along axis"
            )
        sizes = [1] * x.ndim
        sizes[axis] = weights.shape[0]
        weights = weights.reshape(sizes)
    weights = ag.broadcast_to(weights, x.shape)
    return ag.sum(x * weights, axis=axis) / ag.sum(weights, axis=axis)


def count_nonzero(x: Any, axis: Any = None) -> Tensor:
    """How many are not 0, as int32."""
    return ag.sum(tensor(x).to("bool").to("int32"), axis=axis).to("int32")


def median(x: Any, axis: Any = None, keepdims: bool = False) -> Tensor:
    """The middle one in order, or the mean of the two.

    >>> import nn
    >>> nn.ops.median([[3.0, 1.0, 2.0, 9.0]], axis=1).tolist()
    [2.5]
    """
    x = floating(x)
    if axis is None:
        found = median(x.reshape(-1), 0)
        return found.reshape((1,) * x.ndim) if keepdims else found
    if not isinstance(axis, int):
        raise ArgumentError(f"median: axis is an integer or None, got {axis!r}")
    n = x.shape[axis]
    if not n:
        raise ArgumentError("median: there is nothing along this axis")
    ordered = ag.sort(x, axis=axis)
    middle = ag.take(ordered, [(n - 1) // 2, n // 2], axis=axis)
    return ag.mean(middle, axis=axis, keepdims=keepdims)


def top_k(x: Any, k: int, sorted: bool = True) -> tuple[Tensor, Tensor]:
    """(values, places) of the k largest of the last axis, the largest first, of equal ones the first.

    `sorted=False` allows any order, and they are sorted all the same.
    """
    x = tensor(x)
    if not 0 < k <= x.shape[-1]:
        raise ArgumentError(f"top_k: k lies between 1 and {x.shape[-1]}, the size of the last axis, got {k}")
    reversed_places = ag.argsort(ag.flip(x, axis=-1), axis=-1)
    places = x.shape[-1] - 1 - ag.flip(reversed_places, axis=-1)[..., :k]
    return ag.take_along_axis(x, places, -1), places.to("int32")


def in_top_k(targets: Any, predictions: Any, k: int) -> Tensor:
    """Whether the target (n,) of each row is among its k largest predictions (n, classes)."""
    scores, labels = tensor(predictions), tensor(targets).to("int64")
    own = ag.take_along_axis(scores, labels.reshape(-1, 1), -1)
    return ag.sum((scores > own).to("int32"), axis=-1) < k


def _numbers(x: Any) -> tuple[Tensor, Tensor]:
    x = floating(x)
    return x, ag.isnan(x)


def nansum(x: Any, axis: Any = None, keepdims: bool = False) -> Tensor:
    """The sum without NaN."""
    x, missing = _numbers(x)
    return ag.sum(ag.where(missing, ag.zeros_like(x), x), axis=axis, keepdims=keepdims)


def nanmean(x: Any, axis: Any = None, keepdims: bool = False) -> Tensor:
    """The mean without NaN; NaN where there is nothing else."""
    x, missing = _numbers(x)
    there = ag.logical_not(missing).to(x.dtype)
    return nansum(x, axis, keepdims) / ag.sum(there, axis=axis, keepdims=keepdims)


def _extreme(x: Any, axis: Any, keepdims: bool, sign: float, find: Any) -> Tensor:
    x, missing = _numbers(x)
    found = find(ag.where(missing, ag.full((), -sign * math.inf, x.dtype), x), axis=axis, keepdims=keepdims)
    nothing = ag.all(missing, axis=axis, keepdims=keepdims)
    return ag.where(nothing, ag.full((), math.nan, x.dtype), found)


def nanmax(x: Any, axis: Any = None, keepdims: bool = False) -> Tensor:
    """The largest without NaN; NaN where there is nothing else."""
    return _extreme(x, axis, keepdims, 1.0, ag.max)


def nanmin(x: Any, axis: Any = None, keepdims: bool = False) -> Tensor:
    """The smallest without NaN; NaN where there is nothing else."""
    return _extreme(x, axis, keepdims, -1.0, ag.min)


def norm(x: Any, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Tensor:
    """A norm of vectors: `ord` is None or 2, 1, inf, -inf, or another number; "fro" of matrices.

    Raises:
        ArgumentError: for norms of matrices that need singular values, or sums over one of two axes.
    """
    x = floating(x)
    several = (axis is None and x.ndim != 1) or (isinstance(axis, (tuple, list)) and len(axis) > 1)
    if ord is None or (ord == "fro" and several) or (ord == 2 and not several):
        return ag.norm(x, axis=axis, keepdims=keepdims)
    if several or isinstance(ord, str):
        raise ArgumentError(f"norm: ord={ord!r} of matrices is not known here; None and 'fro' are")
    if ord == 1:
        return ag.sum(ag.abs(x), axis=axis, keepdims=keepdims)
    if ord in (math.inf, -math.inf):
        return (ag.max if ord > 0 else ag.min)(ag.abs(x), axis=axis, keepdims=keepdims)
    if ord == 0:
        return ag.sum((x != 0).to(x.dtype), axis=axis, keepdims=keepdims)
    return ag.power(ag.sum(ag.power(ag.abs(x), ord), axis=axis, keepdims=keepdims), 1.0 / ord)


def normalize(x: Any, axis: Any = -1, order: Any = 2, epsilon: float | None = None) -> Tensor:
    """x over its norm along `axis`, which counts as `epsilon` (1e-7) where it is smaller.

    >>> import nn
    >>> nn.ops.normalize([[3.0, 4.0]], order=1).tolist()[0][1] == 4 / 7
    False
    >>> abs(nn.ops.normalize([[3.0, 4.0]], order=1).tolist()[0][1] - 4 / 7) < 1e-7
    True
    """
    x = floating(x)
    least = 1e-7 if epsilon is None else epsilon
    if order == 2:
        squares = ag.sum(ag.square(x), axis=axis, keepdims=True)
        return x / ag.sqrt(ag.maximum(squares, least**2))
    return x / ag.maximum(norm(x, order, axis, True), least)
