"""Keras's ops that cut, join and turn tensors."""

from __future__ import annotations

import builtins
import math
from collections.abc import Sequence
from typing import Any

import autograd as ag
from autograd import Tensor

from ..errors import ArgumentError
from .common import tensor
from .creation import places

__all__ = [
    "append", "array_split", "concatenate", "diag", "diagonal", "diff", "dstack", "fliplr", "flipud",
    "get_item", "hsplit", "hstack", "inner", "meshgrid", "moveaxis", "multi_hot", "one_hot", "pad",
    "ravel", "reshape", "roll", "rot90", "slice", "split", "stack", "take", "take_along_axis",
    "tensordot", "tile", "trace", "tril", "triu", "unstack", "vdot", "vsplit", "vstack",
]  # fmt: skip


def tril(x: Any, k: int = 0) -> Tensor:
    """Zeros above the diagonal of the last two axes."""
    x = tensor(x)
    rows, columns = places(x.shape[-2], x.shape[-1])
    return ag.where(columns - rows <= k, x, ag.zeros_like(x))


def triu(x: Any, k: int = 0) -> Tensor:
    """Zeros below the diagonal of the last two axes."""
    x = tensor(x)
    rows, columns = places(x.shape[-2], x.shape[-1])
    return ag.where(columns - rows >= k, x, ag.zeros_like(x))


def diagonal(x: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Tensor:
    """The diagonal of two axes, as the last axis."""
    x = moveaxis(x, (axis1, axis2), (-2, -1))
    rows, columns = x.shape[-2:]
    first, second = (0, offset) if offset >= 0 else (-offset, 0)
    n = max(min(rows - first, columns - second), 0)
    return x[..., ag.arange(first, first + n), ag.arange(second, second + n)]


def diag(x: Any, k: int = 0) -> Tensor:
    """A vector on a diagonal of a square of zeros; of a matrix, its diagonal."""
    x = tensor(x)
    if x.ndim == 2:
        return diagonal(x, k)
    if x.ndim != 1:
        raise ArgumentError(f"diag: x has one axis or two, got shape {x.shape}")
    n = x.shape[0] + abs(k)
    placed = ag.pad(x, ((max(k, 0), max(-k, 0)),))
    rows, columns = places(n, n)
    return ag.where(columns - rows == k, ag.broadcast_to(placed.reshape(1, -1), (n, n)), ag.zeros_like(x[:1]))


def trace(x: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Tensor:
    """The sum of the diagonal."""
    return ag.sum(diagonal(x, offset, axis1, axis2), axis=-1)


def reshape(x: Any, newshape: Any) -> Tensor:
    """The same elements in another shape; one size may be -1."""
    return ag.reshape(x, (newshape,) if isinstance(newshape, int) else tuple(newshape))


def ravel(x: Any) -> Tensor:
    """One axis."""
    return ag.reshape(x, (-1,))


def moveaxis(x: Any, source: Any, destination: Any) -> Tensor:
    """Axes moved elsewhere, the others in their order."""
    x = tensor(x)
    sources = [source] if isinstance(source, int) else list(source)
    targets = [destination] if isinstance(destination, int) else list(destination)
    n = x.ndim
    sources, targets = [s % n for s in sources], [t % n for t in targets]
    order = [axis for axis in range(n) if axis not in sources]
    for target, origin in sorted(zip(targets, sources, strict=True)):
        order.insert(target, origin)
    return ag.permute_dims(x, tuple(order))


def concatenate(xs: Any, axis: int = 0) -> Tensor:
    """Joined along an axis that they have."""
    return ag.concat(*map(tensor, xs), axis=axis)


def append(x1: Any, x2: Any, axis: int | None = None) -> Tensor:
    """x2 behind x1; without an axis, both as one row."""
    return concatenate([ravel(x1), ravel(x2)] if axis is None else [x1, x2], axis or 0)


def stack(x: Any, axis: int = 0) -> Tensor:
    """Joined along a new axis."""
    return ag.stack(*map(tensor, x), axis=axis)


def unstack(x: Any, num: int | None = None, axis: int = 0) -> list[Tensor]:
    """The parts along an axis, without it; `num` may say how many there are.

    Raises:
        ArgumentError: there are more or fewer.
    """
    x = tensor(x)
    if not -x.ndim <= axis < x.ndim:
        raise ArgumentError(f"unstack: axis {axis} of a tensor with {x.ndim} dimensions")
    before = axis % x.ndim
    count = x.shape[before]
    if num is not None and num != count:
        raise ArgumentError(f"unstack: num is {num}, and axis {axis} has {count} parts")
    return [x[(*[builtins.slice(None)] * before, i)] for i in range(count)]


def _at_least(x: Any, axes: int) -> Tensor:
    x = tensor(x)
    if axes == 3:
        x = _at_least(x, 2)
        return x if x.ndim > 2 else x[..., None]
    return x if x.ndim >= axes else x.reshape((1,) * (axes - x.ndim) + x.shape)


def vstack(xs: Any) -> Tensor:
    """One upon the other; a row of each vector."""
    return concatenate([_at_least(x, 2) for x in xs], 0)


def hstack(xs: Any) -> Tensor:
    """Side by side: along the second axis, or the only one."""
    parts = [_at_least(x, 1) for x in xs]
    return concatenate(parts, 0 if parts[0].ndim == 1 else 1)


def dstack(xs: Any) -> Tensor:
    """Along the third axis."""
    return concatenate([_at_least(x, 3) for x in xs], 2)


def split(x: Any, indices_or_sections: Any, axis: int = 0) -> list[Tensor]:
    """Equal parts, or those that begin at the given places."""
    parts: Any = ag.split(tensor(x), indices_or_sections, axis)
    return list(parts)


def array_split(x: Any, indices_or_sections: Any, axis: int = 0) -> list[Tensor]:
    """Parts that differ by one at most, the larger ones first."""
    if not isinstance(indices_or_sections, int):
        return split(x, indices_or_sections, axis)
    if indices_or_sections < 1:
        raise ArgumentError(f"array_split: there is at least one part, got {indices_or_sections}")
    x = tensor(x)
    size, more = divmod(x.shape[axis], indices_or_sections)
    ends = [(i + 1) * size + min(i + 1, more) for i in range(indices_or_sections - 1)]
    return split(x, ends, axis)


def hsplit(x: Any, indices_or_sections: Any) -> list[Tensor]:
    """Split along the second axis, or the only one."""
    x = tensor(x)
    return split(x, indices_or_sections, 0 if x.ndim == 1 else 1)


def vsplit(x: Any, indices_or_sections: Any) -> list[Tensor]:
    """Split along the first axis."""
    return split(x, indices_or_sections, 0)


def pad(x: Any, pad_width: Any, mode: str = "constant", constant_values: float | None = None) -> Tensor:
    """`constant_values` (0) around: `pad_width` is one number, (before, after), or that for each axis.

    Raises:
        ArgumentError: another mode than "constant".
    """
    if mode != "constant":
        raise ArgumentError(f"pad: mode is 'constant' here, got {mode!r}")
    x = tensor(x)
    if isinstance(pad_width, int):
        widths: Any = ((pad_width, pad_width),) * x.ndim
    elif all(isinstance(w, int) for w in pad_width):
        widths = (tuple(pad_width) if len(pad_width) == 2 else tuple(pad_width) * 2,) * x.ndim
    else:
        widths = tuple(map(tuple, pad_width)) * (x.ndim if len(pad_width) == 1 else 1)
    return ag.pad(x, widths, 0.0 if constant_values is None else constant_values)


def tile(x: Any, repeats: Any) -> Tensor:
    """Again and again along each axis."""
    return ag.tile(x, (repeats,) if isinstance(repeats, int) else tuple(repeats))


def roll(x: Any, shift: Any, axis: Any = None) -> Tensor:
    """Moved along axes; what leaves at the end comes in at the beginning."""
    x = tensor(x)
    if axis is None:
        return roll(x.reshape(-1), shift, 0).reshape(x.shape)
    axes = (axis,) if isinstance(axis, int) else tuple(axis)
    shifts = (shift,) * len(axes) if isinstance(shift, int) else tuple(shift)
    for one, by in zip(axes, shifts, strict=True):
        n = x.shape[one]
        if n:
            x = ag.take(x, (ag.arange(n) - by) % n, axis=one)
    return x


def fliplr(x: Any) -> Tensor:
    """The second axis turned around."""
    return ag.flip(x, axis=1)


def flipud(x: Any) -> Tensor:
    """The first axis turned around."""
    return ag.flip(x, axis=0)


def rot90(array: Any, k: int = 1, axes: Sequence[int] = (0, 1)) -> Tensor:
    """Turned by `k` right angles, from the first axis to the second."""
    x, (a, b) = tensor(array), axes
    turns = k % 4
    if turns == 2:
        return ag.flip(ag.flip(x, axis=a), axis=b)
    if turns == 1:
        return ag.swapaxes(ag.flip(x, axis=b), a, b)
    return ag.flip(ag.swapaxes(x, a, b), axis=b) if turns else x


def meshgrid(*x: Any, indexing: str = "xy") -> list[Tensor]:
    """Every vector repeated over the grid that all of them span."""
    if indexing not in ("xy", "ij"):
        raise ArgumentError(f"meshgrid: indexing is 'xy' or 'ij', got {indexing!r}")
    rows = [ravel(each) for each in x]
    shape, n = tuple(r.shape[0] for r in rows), len(rows)
    grids = []
    for i, row in enumerate(rows):
        grid = ag.broadcast_to(row.reshape([-1 if j == i else 1 for j in range(n)]), shape)
        grids.append(ag.swapaxes(grid, 0, 1) if indexing == "xy" and n > 1 else grid)
    return grids


def take(x: Any, indices: Any, axis: int | None = None) -> Tensor:
    """What stands at the places; without an axis, in the order of all elements."""
    return ag.take(ravel(x) if axis is None else x, tensor(indices), axis=axis or 0)


def take_along_axis(x: Any, indices: Any, axis: int | None = None) -> Tensor:
    """At a place for each row of the other axes."""
    if axis is None:
        return ag.take_along_axis(ravel(x), ravel(indices), 0)
    return ag.take_along_axis(x, tensor(indices), axis)


def get_item(x: Any, key: Any) -> Tensor:
    """x[key]."""
    return tensor(x)[key]


def slice(inputs: Any, start_indices: Any, shape: Any) -> Tensor:
    """A block: for each axis where it starts and how many; -1 takes all that follow."""
    x = tensor(inputs)
    starts, sizes = [int(i) for i in start_indices], [int(i) for i in shape]
    ends = [n if size == -1 else start + size for start, size, n in zip(starts, sizes, x.shape, strict=True)]
    if any(end > n for end, n in zip(ends, x.shape, strict=True)):
        raise ArgumentError(f"slice: from {starts}, {sizes} is more than x of shape {x.shape} has")
    return x[tuple(builtins.slice(start, end) for start, end in zip(starts, ends, strict=True))]


def diff(a: Any, n: int = 1, axis: int = -1) -> Tensor:
    """Each without the one before it, `n` times."""
    x = moveaxis(a, axis, -1)
    for _ in range(n):
        x = x[..., 1:] - x[..., :-1]
    return moveaxis(x, -1, axis)


def one_hot(x: Any, num_classes: int, axis: int = -1, dtype: Any = None) -> Tensor:
    """A new axis with 1 at the place of each number; one out of range raises, where Keras gives zeros.

    >>> import nn
    >>> nn.ops.one_hot([1, 0], 2).tolist()
    [[0.0, 1.0], [1.0, 0.0]]
    """
    made = ag.one_hot(tensor(x), num_classes, dtype=dtype or "float32")
    return made if axis == -1 else moveaxis(made, -1, axis)


def multi_hot(inputs: Any, num_classes: int, axis: int = -1, dtype: Any = None) -> Tensor:
    """1 at the place of every number of a row."""
    x = tensor(inputs)
    return ag.max(one_hot(x, num_classes, axis, dtype), axis=1 if x.ndim > 1 else 0)


def inner(x1: Any, x2: Any) -> Tensor:
    """Sums of products over the last axis of both."""
    a, b = tensor(x1), tensor(x2)
    return a * b if not a.ndim or not b.ndim else tensordot(a, b, ((-1,), (-1,)))


def vdot(x1: Any, x2: Any) -> Tensor:
    """The sum of the products of all elements."""
    return ag.sum(ravel(x1) * ravel(x2))


def tensordot(x1: Any, x2: Any, axes: Any = 2) -> Tensor:
    """Sums of products over some axes of both: the last of x1 and the first of x2, or (those, those)."""
    a, b = tensor(x1), tensor(x2)
    if isinstance(axes, int):
        axes = (range(a.ndim - axes, a.ndim), range(axes))
    first, second = ([one] if isinstance(one, int) else list(one) for one in axes)
    first, second = [i % a.ndim for i in first], [i % b.ndim for i in second]
    rest_a = [i for i in range(a.ndim) if i not in first]
    rest_b = [i for i in range(b.ndim) if i not in second]
    shared = math.prod(a.shape[i] for i in first)
    left = ag.permute_dims(a, (*rest_a, *first)).reshape(-1, shared)
    right = ag.permute_dims(b, (*second, *rest_b)).reshape(shared, -1)
    shape = (*(a.shape[i] for i in rest_a), *(b.shape[i] for i in rest_b))
    return ag.matmul(left, right).reshape(shape)
