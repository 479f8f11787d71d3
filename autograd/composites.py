"""NumPy's functions that are no op but are made of ops: by their names and
arguments there, with the ops' gradients.

Each takes the namespace of ops first. One that cannot do what is asked returns NotImplemented.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from backends.contract import int64
from backends.shapes import normalise_axis

from .errors import RangeError, ShapeError


def _shape(xp: Any, a: Any) -> Any:
    return a if hasattr(a, "shape") else xp.add(a, 0)


def _rows(xp: Any, arrays: Sequence[Any], least: int) -> list[Any]:
    """Arrays with axes in front, so that each has `least`."""
    known = [_shape(xp, a) for a in arrays]
    return [xp.reshape(a, shape=(1,) * (least - len(a.shape)) + tuple(a.shape)) for a in known]


def hstack(xp: Any, tup: Sequence[Any]) -> Any:
    wide = _rows(xp, tup, 1)
    return xp.concat(wide, axis=min(1, wide[0].ndim - 1))


def column_stack(xp: Any, tup: Sequence[Any]) -> Any:
    known = [_shape(xp, a) for a in tup]
    return xp.concat([xp.reshape(a, shape=(-1, 1)) if len(a.shape) < 2 else a for a in known], axis=1)


def dstack(xp: Any, tup: Sequence[Any]) -> Any:
    wide = _rows(xp, tup, 2)
    deep = [xp.reshape(a, shape=(*a.shape, 1)) if a.ndim < 3 else a for a in wide]
    return xp.concat(deep, axis=2)


def _axes(axis: Any, ndim: int) -> list[int]:
    """One or several axes, counted from the front; none of them twice."""
    found = [normalise_axis(one, ndim) for one in (axis if isinstance(axis, (list, tuple)) else [axis])]
    if len(set(found)) < len(found):
        raise ShapeError(f"an axis is named twice in {axis!r}")
    return found


def _between(xp: Any, a: Any, axis: int, start: int | None, stop: int | None) -> Any:
    """The elements from `start` to `stop` along an axis, counted from the front."""
    return xp.index(a, (*(slice(None),) * axis, slice(start, stop)))


def moveaxis(xp: Any, a: Any, source: Any, destination: Any) -> Any:
    from_, to = _axes(source, a.ndim), _axes(destination, a.ndim)
    if len(from_) != len(to):
        raise ShapeError(f"moveaxis: {source!r} and {destination!r} are not as many axes")
    order = [i for i in range(a.ndim) if i not in from_]
    for place, axis in sorted(zip(to, from_, strict=True)):
        order.insert(place, axis)
    return xp.permute_dims(a, axes=tuple(order))


def roll(xp: Any, a: Any, shift: Any, axis: Any = None) -> Any:
    if axis is None:
        total = sum(shift) if isinstance(shift, (list, tuple)) else shift
        return xp.reshape(roll(xp, xp.reshape(a, shape=(-1,)), total, 0), shape=a.shape)
    shifts = shift if isinstance(shift, (list, tuple)) else [shift]
    axes = axis if isinstance(axis, (list, tuple)) else [axis]
    count = max(len(shifts), len(axes))
    if {len(shifts), len(axes)} - {1, count}:
        raise ShapeError(f"roll: {shift!r} and {axis!r} are not as many")
    for number in range(count):
        by, one = shifts[number % len(shifts)], normalise_axis(axes[number % len(axes)], a.ndim)
        length = a.shape[one]
        cut = (length - operator.index(by)) % length if length else 0
        a = xp.concat([_between(xp, a, one, cut, None), _between(xp, a, one, None, cut)], axis=one)
    return a


def array_split(xp: Any, ary: Any, indices_or_sections: Any, axis: int = 0) -> Any:
    try:
        sections = operator.index(indices_or_sections)
    except TypeError:
        return xp.split(ary, list(indices_or_sections), axis)
    if sections < 1:
        raise RangeError(f"array_split: {sections} sections")
    each, more = divmod(ary.shape[axis], sections)
    ends = [(i + 1) * each + min(i + 1, more) for i in range(sections)]
    return xp.split(ary, ends[:-1], axis)


def hsplit(xp: Any, ary: Any, indices_or_sections: Any) -> Any:
    return xp.split(ary, indices_or_sections, 1 if ary.ndim > 1 else 0)


def vsplit(xp: Any, ary: Any, indices_or_sections: Any) -> Any:
    if ary.ndim < 2:
        raise ShapeError(f"vsplit: an array of 2 or more dimensions, got shape {ary.shape}")
    return xp.split(ary, indices_or_sections, 0)


def tensordot(xp: Any, a: Any, b: Any, axes: Any = 2) -> Any:
    a, b = _shape(xp, a), _shape(xp, b)
    if isinstance(axes, int):
        axes = (list(range(len(a.shape) - axes, len(a.shape))), list(range(axes)))
    first, second = _axes(axes[0], len(a.shape)), _axes(axes[1], len(b.shape))
    if [a.shape[i] for i in first] != [b.shape[i] for i in second]:
        raise ShapeError(f"tensordot: axes {axes!r} of shapes {a.shape} and {b.shape} have other sizes")
    kept_a = [i for i in range(len(a.shape)) if i not in first]
    kept_b = [i for i in range(len(b.shape)) if i not in second]
    outer = [a.shape[i] for i in kept_a], [b.shape[i] for i in kept_b]
    inside = math.prod(a.shape[i] for i in first)
    left = xp.reshape(xp.permute_dims(a, axes=(*kept_a, *first)), shape=(math.prod(outer[0]), inside))
    right = xp.reshape(xp.permute_dims(b, axes=(*second, *kept_b)), shape=(inside, math.prod(outer[1])))
    return xp.reshape(xp.matmul(left, right), shape=(*outer[0], *outer[1]))


def inner(xp: Any, a: Any, b: Any) -> Any:
    a, b = _shape(xp, a), _shape(xp, b)
    return xp.multiply(a, b) if 0 in (len(a.shape), len(b.shape)) else tensordot(xp, a, b, ([-1], [-1]))


def vdot(xp: Any, a: Any, b: Any) -> Any:
    a, b = (xp.reshape(_shape(xp, x), shape=(-1,)) for x in (a, b))
    return tensordot(xp, a, b, 1)


def average(xp: Any, a: Any, axis: Any = None, weights: Any = None, keepdims: bool = False) -> Any:
    if weights is None:
        return xp.mean(a, axis=axis, keepdims=keepdims)
    weights = _shape(xp, weights)
    if tuple(weights.shape) != tuple(a.shape):
        if not isinstance(axis, int) or len(weights.shape) != 1:
            return NotImplemented
        if weights.shape[0] != a.shape[normalise_axis(axis, a.ndim)]:
            raise ShapeError(f"average: {weights.shape[0]} weights along axis {axis} of shape {a.shape}")
        sizes = [1] * a.ndim
        sizes[axis] = -1
        weights = xp.broadcast_to(xp.reshape(weights, shape=tuple(sizes)), shape=a.shape)
    total = xp.sum(xp.multiply(a, weights), axis=axis, keepdims=keepdims)
    return xp.divide(total, xp.sum(weights, axis=axis, keepdims=keepdims))


def _backend(x: Any) -> Any:
    """Where constants that meet `x` have to be; None, the default, where it has no backend yet."""
    return getattr(x, "_backend", None)


def _zero(xp: Any, like: Any) -> Any:
    return xp.full(shape=(), value=0, dtype=like.dtype, backend=_backend(like))


def _diagonals(xp: Any, a: Any) -> Any:
    """For each place of the last two axes the number of its diagonal: column less row."""
    rows, columns = (
        xp.arange(start=0, stop=size, step=1, dtype=int64, backend=_backend(a)) for size in a.shape[-2:]
    )
    return xp.subtract(xp.reshape(columns, shape=(1, -1)), xp.reshape(rows, shape=(-1, 1)))


def _square(xp: Any, m: Any) -> Any:
    """A row as a matrix of such rows, which is what NumPy takes it for."""
    if m.ndim == 0:
        raise ShapeError("a triangle of an array without dimensions")
    return xp.broadcast_to(m, shape=(m.shape[0], m.shape[0])) if m.ndim == 1 else m


def tril(xp: Any, m: Any, k: int = 0) -> Any:
    m = _square(xp, m)
    return xp.where(xp.less_equal(_diagonals(xp, m), k), m, _zero(xp, m))


def triu(xp: Any, m: Any, k: int = 0) -> Any:
    m = _square(xp, m)
    return xp.where(xp.greater_equal(_diagonals(xp, m), k), m, _zero(xp, m))


def diagonal(xp: Any, a: Any, offset: int = 0) -> Any:
    if a.ndim != 2:
        return NotImplemented
    rows, columns = a.shape
    start = offset if offset >= 0 else -offset * columns
    count = max(0, min(rows + min(offset, 0), columns - max(offset, 0)))
    flat = xp.reshape(a, shape=(-1,))
    return xp.index(flat, slice(start, start + max(count * (columns + 1) - columns, 0), columns + 1))


def diag(xp: Any, v: Any, k: int = 0) -> Any:
    if v.ndim != 1:
        return diagonal(xp, v, k)
    size = v.shape[0] + abs(k)
    longer = xp.concat([v, *_zeros(xp, v, abs(k))], axis=0)
    spread = xp.reshape(longer, shape=(size, 1) if k >= 0 else (1, size))
    whole = xp.broadcast_to(spread, shape=(size, size))
    return xp.where(xp.equal(_diagonals(xp, whole), k), whole, _zero(xp, whole))


def _zeros(xp: Any, like: Any, count: int) -> list[Any]:
    if not count:
        return []
    return [xp.full(shape=(count,), value=0, dtype=like.dtype, backend=_backend(like))]


def trace(xp: Any, a: Any, offset: int = 0) -> Any:
    found = diagonal(xp, a, offset)
    return found if found is NotImplemented else xp.sum(found, axis=None)


def cumprod(xp: Any, a: Any, axis: int | None = None) -> Any:
    if axis is None or a.ndim == 0:
        normalise_axis(axis or 0, max(a.ndim, 1))
        a, axis = xp.reshape(a, shape=(-1,)), 0
    axis = normalise_axis(axis, a.ndim)
    if a.dtype.kind in "biu":
        a = xp.astype(a, dtype="uint64" if a.dtype.kind == "u" else "int64")
    step = 1
    while step < a.shape[axis]:
        # every product takes up the one that ends `step` places before it
        earlier, later = _between(xp, a, axis, None, -step), _between(xp, a, axis, step, None)
        a = xp.concat([_between(xp, a, axis, None, step), xp.multiply(later, earlier)], axis=axis)
        step *= 2
    return a


def ptp(xp: Any, a: Any, axis: Any = None, keepdims: bool = False) -> Any:
    return xp.subtract(xp.max(a, axis=axis, keepdims=keepdims), xp.min(a, axis=axis, keepdims=keepdims))


def diff(xp: Any, a: Any, n: int = 1, axis: int = -1) -> Any:
    if n < 0:
        raise RangeError(f"diff: n is 0 or more, got {n}")
    axis = normalise_axis(axis, a.ndim)
    unlike = xp.not_equal if a.dtype.kind == "b" else xp.subtract
    for _ in range(n):
        a = unlike(_between(xp, a, axis, 1, None), _between(xp, a, axis, None, -1))
    return a


def _concatenate(xp: Any, arrays: Sequence[Any], axis: int | None) -> Any:
    known = [_shape(xp, a) for a in arrays]
    flat = [xp.reshape(a, shape=(-1,)) for a in known] if axis is None else known
    return xp.concat(flat, axis=axis or 0)


COMPOSITES: Mapping[str, Callable[..., Any]] = {
    "concatenate": lambda xp, arrays, axis=0: _concatenate(xp, arrays, axis),
    "vstack": lambda xp, tup: xp.concat(_rows(xp, tup, 2), axis=0),
    "ravel": lambda xp, a: xp.reshape(a, shape=(-1,)),
    "atleast_1d": lambda xp, a: a if a.ndim else xp.reshape(a, shape=(1,)),
    "atleast_2d": lambda xp, a: _rows(xp, [a], 2)[0],
    "fliplr": lambda xp, m: xp.flip(m, axis=1),
    "flipud": lambda xp, m: xp.flip(m, axis=0),
    **{
        f.__name__: f
        for f in (
            hstack,
            column_stack,
            dstack,
            moveaxis,
            roll,
            array_split,
            hsplit,
            vsplit,
            tensordot,
            inner,
            vdot,
            average,
            tril,
            triu,
            diagonal,
            diag,
            trace,
            cumprod,
            ptp,
            diff,
        )
    },
}
"""By NumPy's name."""
