"""Shape rules of the primitives: from the shapes of operands and static arguments to the shape of the result.

Pure functions of tuples. They are also where a wrong shape is explained: an operation that failed is run
again on these rules, and the message of the first one that refuses is what the user reads.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from .errors import AxisError, DTypeError, ShapeError

Shape = tuple[int, ...]


class Slot(NamedTuple):
    """A place in an index key that the array operand `position` fills."""

    position: int

    def __str__(self) -> str:
        return f"slot({self.position})"


Key = tuple[Any, ...]
"""An index in canonical form: int, slice, None, Ellipsis or Slot per entry."""


def same(shape: Shape, **static: Any) -> Shape:
    return shape


def broadcast(*shapes: Shape, **static: Any) -> Shape:
    """NumPy's broadcasting of any number of shapes."""
    result: list[int] = []
    for position in range(1, max(map(len, shapes), default=0) + 1):
        lengths = {s[-position] for s in shapes if len(s) >= position} - {1}
        if len(lengths) > 1:
            first, second = sorted(lengths)[:2]
            raise ShapeError(
                f"shapes {' and '.join(map(str, shapes))} do not broadcast: "
                f"{first} and {second} differ on axis -{position}"
            )
        result.append(lengths.pop() if lengths else 1)
    return tuple(reversed(result))


def normalise_axis(axis: int, ndim: int) -> int:
    """`axis` counted from the front; AxisError when there is none."""
    if not isinstance(axis, int) and not hasattr(axis, "__index__"):
        raise DTypeError(f"an axis is an integer, got {type(axis).__name__} {axis!r}")
    axis = axis.__index__()
    if not -ndim <= axis < ndim:
        raise AxisError(f"axis {axis} is out of range for {ndim} dimensions")
    return axis % ndim if ndim else 0


def normalise_axes(axis: int | tuple[int, ...] | list[int] | None, ndim: int) -> tuple[int, ...]:
    """The axes of a reduction as a sorted tuple; None means all."""
    if axis is None:
        return tuple(range(ndim))
    axes = axis if isinstance(axis, (tuple, list)) else (axis,)
    normal = tuple(sorted(normalise_axis(a, ndim) for a in axes))
    if len(set(normal)) < len(normal):
        raise AxisError(f"axis {tuple(axes)} names one dimension twice")
    return normal


def reduce(shape: Shape, *, axis: tuple[int, ...], keepdims: bool = False) -> Shape:
    axes = normalise_axes(axis, len(shape))
    if keepdims:
        return tuple(1 if i in axes else n for i, n in enumerate(shape))
    return tuple(n for i, n in enumerate(shape) if i not in axes)


def reduce_nonempty(shape: Shape, *, axis: tuple[int, ...], keepdims: bool = False) -> Shape:
    axes = normalise_axes(axis, len(shape))
    result = reduce(shape, axis=axes, keepdims=keepdims)
    if any(shape[i] == 0 for i in axes):
        raise ShapeError(f"no largest or smallest element along an empty axis of shape {shape}")
    return result


def along_axis(shape: Shape, *, axis: int) -> Shape:
    normalise_axis(axis, len(shape))
    return shape


def sizes_of(shape: Any) -> Shape:
    """Sizes as integers, of one or a tuple or list of them.

    Raises:
        TypeError: one of them is none, such as the None of a placeholder's shape.
    """
    try:
        return tuple(n.__index__() for n in (shape if isinstance(shape, (tuple, list)) else (shape,)))
    except AttributeError:
        raise TypeError(f"the sizes of a shape are integers, got {shape}") from None


def resolve_reshape(old: Shape, new: int | tuple[int, ...] | list[int]) -> Shape:
    """`new` with its -1 worked out from the number of elements in `old`."""
    wanted = sizes_of(new)
    size, known = math.prod(old), math.prod(n for n in wanted if n != -1)
    unknown = wanted.count(-1)
    if unknown > 1 or any(n < -1 for n in wanted):
        raise ShapeError(f"cannot reshape to {wanted}: at most one -1, and no other negative size")
    if unknown and known and size % known == 0:
        return tuple(size // known if n == -1 else n for n in wanted)
    if unknown or size != known:
        raise ShapeError(f"cannot reshape {old} with {size} elements to {wanted}")
    return wanted


def reshape(old: Shape, *, shape: Shape) -> Shape:
    return resolve_reshape(old, shape)


def permute_dims(shape: Shape, *, axes: tuple[int, ...]) -> Shape:
    if sorted(axes) != list(range(len(shape))):
        raise AxisError(f"axes {axes} are not a permutation of the {len(shape)} dimensions")
    return tuple(shape[i] for i in axes)


def broadcast_to(old: Shape, *, shape: Shape) -> Shape:
    fits = all(n in (1, wanted) for n, wanted in zip(old[::-1], shape[::-1], strict=False))
    if len(shape) < len(old) or not fits:
        raise ShapeError(f"shape {old} does not broadcast to {tuple(shape)}")
    return tuple(shape)


def concat(*shapes: Shape, axis: int) -> Shape:
    if not shapes:
        raise ShapeError("needs at least one array")
    first = shapes[0]
    axis = normalise_axis(axis, len(first))
    for other in shapes[1:]:
        if len(other) != len(first) or (other[:axis], other[axis + 1 :]) != (first[:axis], first[axis + 1 :]):
            raise ShapeError(f"shapes {first} and {other} differ outside axis {axis}")
    return (*first[:axis], sum(s[axis] for s in shapes), *first[axis + 1 :])


def pad(shape: Shape, *, pad_width: tuple[tuple[int, int], ...], value: float = 0) -> Shape:
    if len(pad_width) != len(shape) or any(n < 0 for pair in pad_width for n in pair):
        raise ShapeError(f"pad_width {pad_width} needs a (before, after) >= 0 for each of {shape}")
    return tuple(n + before + after for n, (before, after) in zip(shape, pad_width, strict=True))


def matmul(a: Shape, b: Shape, *, precision: str | None = None) -> Shape:
    if len(a) < 2 or len(b) < 2:
        raise ShapeError(f"needs at least two dimensions, got {a} and {b}")
    if a[-1] != b[-2]:
        raise ShapeError(f"inner sizes differ: {a[-1]} and {b[-2]}")
    return (*broadcast(a[:-2], b[:-2]), a[-2], b[-1])


def random_bits(key: Shape, counter: Shape, *, shape: Shape) -> Shape:
    if key != () or counter != ():
        raise ShapeError(f"key and counter are single numbers, got shapes {key} and {counter}")
    return tuple(shape)


def arange(*, start: float, stop: float, step: float, dtype: Any) -> Shape:
    if step == 0:
        raise ShapeError("step must not be 0")
    return (max(0, math.ceil((stop - start) / step)),)


def getitem(shape: Shape, *indices: Shape, key: Key) -> Shape:
    """NumPy's indexing: slices in place, all array indices and integers broadcast together."""
    entries = expand_key(key, len(shape))
    result: list[int] = []
    placed: int | None = None
    contiguous, previous = True, False
    advanced: list[Shape] = []
    has_arrays = any(isinstance(e, Slot) for e in entries)
    axis = 0
    # NumPy takes an Ellipsis between two arrays as something between them, even where it stands for no axis
    gap = next((i for i, e in enumerate(key) if e is Ellipsis and len(entries) < len(key)), -1)
    for position, entry in enumerate(entries):
        previous = previous and position != gap
        is_advanced = isinstance(entry, Slot) or (has_arrays and isinstance(entry, int))
        if entry is None:
            result.append(1)
        elif isinstance(entry, slice):
            result.append(len(range(*entry.indices(shape[axis]))))
            axis += 1
        else:
            if isinstance(entry, Slot):
                advanced.append(indices[entry.position])
            elif not -shape[axis] <= entry < shape[axis]:
                raise AxisError(f"index {entry} is out of range for axis {axis} with size {shape[axis]}")
            axis += 1
        if is_advanced:
            if placed is None:
                placed = len(result)
            elif not previous:
                contiguous = False
        previous = is_advanced
    if not has_arrays or placed is None:
        return tuple(result)
    at = placed if contiguous else 0
    return (*result[:at], *broadcast(*advanced), *result[at:])


def index_add(values: Shape, *indices: Shape, key: Key, shape: Shape) -> Shape:
    """Transpose of getitem: `values` are added into zeros of `shape` at `key`."""
    expected = getitem(shape, *indices, key=key)
    if values != expected:
        raise ShapeError(f"index_add of {values} where the key selects {expected}")
    return tuple(shape)


def windows(old: Shape, *, axes: tuple[int, ...], size: Shape, stride: Shape, dilation: Shape) -> Shape:
    """Positions of the windows on `axes`, then the axes inside a window, as the last ones."""
    if not len(axes) == len(size) == len(stride) == len(dilation):
        raise ShapeError(f"windows over axes {axes} need as many sizes, strides and dilations")
    result = list(old)
    normal = [normalise_axis(axis, len(old)) for axis in axes]
    if len(set(normal)) < len(normal):
        raise AxisError(f"axis {axes} names one dimension twice")
    for axis, length, step, gap in zip(normal, size, stride, dilation, strict=True):
        if min(length, step, gap) < 1:
            raise ShapeError(
                f"size, stride and dilation of windows are 1 or more, got {length}, {step} and {gap}"
            )
        reach = (length - 1) * gap + 1
        if reach > old[axis]:
            raise ShapeError(f"windows of {reach} do not fit on axis {axis} of size {old[axis]}")
        result[axis] = (old[axis] - reach) // step + 1
    return (*result, *size)


def window_strides(
    strides: Sequence[int], axes: Sequence[int], stride: Shape, dilation: Shape
) -> tuple[int, ...]:
    """The strides of all windows of an array with `strides`: from window to window, then inside of one."""
    steps = list(strides)
    for axis, step in zip(axes, stride, strict=True):
        steps[axis] *= step
    return (*steps, *(strides[axis] * gap for axis, gap in zip(axes, dilation, strict=True)))


def window_places(
    counts: Shape, axes: Sequence[int], size: Shape, stride: Shape, dilation: Shape
) -> Iterator[tuple[Key, Key]]:
    """For each place inside a window where all windows have it, in the array and in the windows themselves,
    whose shape begins with `counts`. No two windows have the same element at one place.
    """
    ndim = len(counts) - len(size)
    for place in itertools.product(*map(range, size)):
        key: list[Any] = [slice(None)] * ndim
        for axis, offset, step, gap in zip(axes, place, stride, dilation, strict=True):
            start = offset * gap
            key[axis] = slice(start, start + (counts[axis] - 1) * step + 1, step)
        yield tuple(key), ((slice(None),) * ndim + place)


def windows_add(
    values: Shape, *, axes: tuple[int, ...], size: Shape, stride: Shape, dilation: Shape, shape: Shape
) -> Shape:
    """Transpose of windows: each element is added into zeros of `shape` where its window has it from."""
    expected = windows(shape, axes=axes, size=size, stride=stride, dilation=dilation)
    if values != expected:
        raise ShapeError(f"windows_add of {values} where the windows of {shape} are {expected}")
    return tuple(shape)


def expand_key(key: Key, ndim: int) -> Key:
    """`key` with its Ellipsis written out and the missing trailing slices added."""
    used = sum(1 for entry in key if entry is not None and entry is not Ellipsis)
    if used > ndim:
        raise AxisError(f"too many indices: {used} for {ndim} dimensions")
    if sum(entry is Ellipsis for entry in key) > 1:
        raise AxisError("an index holds at most one Ellipsis")
    fill = (slice(None),) * (ndim - used)
    if not any(entry is Ellipsis for entry in key):
        return (*key, *fill)
    at = next(i for i, entry in enumerate(key) if entry is Ellipsis)
    return (*key[:at], *fill, *key[at + 1 :])
