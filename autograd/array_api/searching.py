"""Positions, order and sets, with the standard's arguments. No trace follows where values decide a shape."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

import autograd as ag
from autograd import RangeError, ShapeError, Tensor

from ..taken import check_known

__all__ = [
    "argsort", "count_nonzero", "nonzero", "searchsorted", "sort", "take_along_axis", "unique_all",
    "unique_counts", "unique_inverse", "unique_values",
]  # fmt: skip


class unique_all_result(NamedTuple):
    """What `unique_all` answers."""

    values: Tensor
    indices: Tensor
    inverse_indices: Tensor
    counts: Tensor


class unique_counts_result(NamedTuple):
    """What `unique_counts` answers."""

    values: Tensor
    counts: Tensor


class unique_inverse_result(NamedTuple):
    """What `unique_inverse` answers."""

    values: Tensor
    inverse_indices: Tensor


def argsort(x: Any, /, *, axis: int = -1, descending: bool = False, stable: bool = True) -> Tensor:
    """The positions that sort x along an axis.

    Args:
        descending: the largest first.
        stable: equal elements keep their order; with False they may, and do.
    """
    if not isinstance(stable, bool):
        raise ValueError(f"argsort: stable is True or False, got {stable!r}")
    if not descending:
        return ag.argsort(x, axis=axis)
    backwards = ag.argsort(ag.flip(x, axis=axis), axis=axis)
    return ag.subtract(x.shape[axis] - 1, ag.flip(backwards, axis=axis)) if x.size else backwards


def sort(x: Any, /, *, axis: int = -1, descending: bool = False, stable: bool = True) -> Tensor:
    """x in order along an axis; arguments as in `argsort`."""
    return ag.take_along_axis(x, argsort(x, axis=axis, descending=descending, stable=stable), axis=axis)


def count_nonzero(x: Any, /, *, axis: Any = None, keepdims: bool = False) -> Tensor:
    """How many elements over `axis` are not 0."""
    return ag.sum(ag.not_equal(x, 0), axis=axis, keepdims=keepdims)


def nonzero(x: Any, /) -> tuple[Tensor, ...]:
    """The positions of what is not 0, an array for each axis.

    Raises:
        ShapeError: x has no axis.
    """
    if not x.ndim:
        raise ShapeError("nonzero: an array of one or more dimensions is expected")
    check_known(x, "nonzero()")
    found = ag.not_equal(x, 0)
    return tuple(Tensor.wrap(positions, found._backend) for positions in found._backend.index(found._data))


def take_along_axis(x: Any, indices: Any, /, *, axis: int = -1) -> Tensor:
    """For each position of `indices` the element of x that far along the axis."""
    return ag.take_along_axis(x, indices, axis=axis)


def _before(a: Any, b: Any, or_equal: bool) -> Any:
    """Whether a comes before b in rising order, in which NaN is the last."""
    plain = ag.less_equal(a, b) if or_equal else ag.less(a, b)
    found = ag.logical_or(plain, ag.logical_and(ag.isnan(b), ag.logical_not(ag.isnan(a))))
    return ag.logical_or(found, ag.logical_and(ag.isnan(a), ag.isnan(b))) if or_equal else found


def searchsorted(
    x1: Any, x2: Any, /, *, side: Literal["left", "right"] = "left", sorter: Any = None
) -> Tensor:
    """Where elements of x2 go into x1, which is in rising order, so that it stays so.

    Args:
        x1: (n,).
        x2: of any shape, which the result has, too.
        side: before or behind elements that are equal.
        sorter: (n,), the positions that bring x1 into order.

    Raises:
        RangeError: `side` is neither "left" nor "right".
        ShapeError: x1 has not one axis.
    """
    if side not in ("left", "right"):
        raise RangeError(f'searchsorted: side is "left" or "right", got {side!r}')
    if x1.ndim != 1:
        raise ShapeError(f"searchsorted: x1 has one dimension, got shape {x1.shape}")
    x2 = x2 if hasattr(x2, "shape") else ag.tensor(x2, backend=x1._backend)
    ordered = x1 if sorter is None else ag.take(x1, sorter, axis=0)
    size = ordered.shape[0]
    low = ag.zeros(x2.shape, "int64", backend=x2._backend)
    high = ag.full(x2.shape, size, "int64", backend=x2._backend)
    for _ in range(size.bit_length()):
        middle = ag.floor_divide(ag.add(low, high), 2)
        there = ag.take(ordered, ag.minimum(middle, size - 1), axis=0)
        beyond = ag.logical_and(_before(there, x2, side == "right"), ag.less(low, high))
        low, high = ag.where(beyond, ag.add(middle, 1), low), ag.where(beyond, high, middle)
    return low


def unique_all(x: Any, /) -> unique_all_result:
    """The different elements of x in rising order, where each is first, which each one is, and their number.

    Each NaN differs from all others. Gradients flow through the values.
    """
    flat = ag.reshape(x, shape=(x.size,))
    order = ag.argsort(flat)
    ordered = ag.take(flat, order, axis=0)
    differs = ag.not_equal(ordered[1:], ordered[:-1])
    first = ag.concat([ag.full((min(x.size, 1),), True, "bool", backend=x._backend), differs], axis=0)
    starts = nonzero(first)[0]
    ends = ag.concat([starts[1:], ag.full((min(x.size, 1),), x.size, "int64", backend=x._backend)], axis=0)
    rank = ag.subtract(ag.cumsum(ag.astype(first, dtype="int64"), axis=0), 1)
    inverse = ag.take(rank, ag.argsort(order), axis=0)
    return unique_all_result(
        ag.take(ordered, starts, axis=0),
        ag.take(order, starts, axis=0),
        ag.reshape(inverse, shape=x.shape),
        ag.subtract(ends, starts),
    )


def unique_counts(x: Any, /) -> unique_counts_result:
    """The different elements of x, and how many there are of each."""
    found = unique_all(x)
    return unique_counts_result(found.values, found.counts)


def unique_inverse(x: Any, /) -> unique_inverse_result:
    """The different elements of x, and for each element which of them it is."""
    found = unique_all(x)
    return unique_inverse_result(found.values, found.inverse_indices)


def unique_values(x: Any, /) -> Tensor:
    """The different elements of x."""
    return unique_all(x).values
