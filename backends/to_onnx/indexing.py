"""Indexing: slices, numbers and arrays of places; and the other way round, adding at places."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..contract import int64
from ..errors import ExportError
from ..shapes import Key, Slot, expand_key
from .shapes import zeros
from .sizes import Rows, Size, VariesError, product
from .writer import Constant, Named, Operand, Writer, shape_of

if TYPE_CHECKING:
    from .translate import Step

_FIRST, _LAST = -(2**63), 2**63 - 1


def getitem(writer: Writer, step: Step) -> str:
    """Slices first, then new axes, then what numbers and arrays choose."""
    source, *indices = step.operands
    shape, key = shape_of(source), step.static["key"]
    entries = expand_key(key, len(shape))
    name = _sliced(writer, writer.name_of(source), [e for e in entries if e is not None], shape)
    new = [i for i, entry in enumerate(entries) if entry is None]
    # of the axes as they are from here on
    chosen: dict[int, Any] = {
        i: entry for i, entry in enumerate(entries) if isinstance(entry, (int, Slot, Rows))
    }
    if any(isinstance(entry, Slot) for entry in chosen.values()):
        if new:
            name = writer.node("Unsqueeze", name, writer.axes(new))
        return _gathered(writer, step, name, chosen, indices, len(entries))
    for axis in sorted(chosen, reverse=True):
        before = sum(i < axis for i in new)
        name = writer.node("Gather", name, writer.name_of(chosen[axis], int64), axis=axis - before)
    if new:
        places = [i - sum(axis < i for axis in chosen) for i in new]
        name = writer.node("Unsqueeze", name, writer.axes(places))
    return name


def _sliced(writer: Writer, name: str, entries: Sequence[Any], shape: Sequence[Size]) -> str:
    """What the slices leave; one that takes all is none."""
    starts, stops, axes, steps = [], [], [], []
    for axis, entry in enumerate(entries):
        if not isinstance(entry, slice) or _takes_all(entry, shape[axis]):
            continue
        step = 1 if entry.step is None else entry.step
        if not isinstance(step, int):
            raise ExportError("the step of a slice follows the number of rows")
        backwards = step < 0
        axes.append(axis)
        steps.append(step)
        starts.append((_LAST if backwards else 0) if entry.start is None else entry.start)
        stops.append((_FIRST if backwards else _LAST) if entry.stop is None else entry.stop)
    if not axes:
        return name
    ends = writer.vector(starts), writer.vector(stops)
    return writer.node("Slice", name, *ends, writer.axes(axes), writer.axes(steps))


def _takes_all(entry: slice, size: Size) -> bool:
    return entry.start in (None, 0) and entry.stop in (None, size) and entry.step in (None, 1)


def _gathered(
    writer: Writer, step: Step, name: str, chosen: dict[int, Any], indices: Sequence[Operand], ndim: int
) -> str:
    """What arrays of places choose on some axes, all at once."""
    arrays: list[Operand] = [indices[e.position] if isinstance(e, Slot) else e for e in chosen.values()]
    axes = list(chosen)
    if len(axes) == 1:
        return writer.node("Gather", name, writer.name_of(arrays[0], int64), axis=axes[0])
    depth = max(len(shape_of(array)) for array in arrays)
    at = _place(step.static["key"], axes, ndim)
    common = step.shape[at : at + depth]
    columns = []
    for array in arrays:
        column = writer.expanded(writer.name_of(array, int64), shape_of(array), common)
        columns.append(writer.node("Unsqueeze", column, writer.axes([depth])))
    places = writer.node("Concat", *columns, axis=depth)
    rest = [axis for axis in range(ndim) if axis not in chosen]
    found = writer.node("GatherND", writer.transposed(name, [*axes, *rest]), places)
    others = range(depth, depth + len(rest))
    return writer.transposed(found, [*others[:at], *range(depth), *others[at:]])


def _place(key: Key, axes: Sequence[int], ndim: int) -> int:
    """Where the axes of the places stand in the result: where those were that they choose from; in front,
    where these do not stand beside each other.
    """
    together = axes[-1] - axes[0] + 1 == len(axes)
    gap = next((i for i, entry in enumerate(key) if entry is Ellipsis), None)
    if gap is not None and ndim < len(key) and axes[0] < gap <= axes[-1]:
        together = False  # an Ellipsis that stands for no axis parts them all the same, as in NumPy
    return axes[0] if together else 0


def index_add(writer: Writer, step: Step) -> str:
    """Zeros, and each value added where the same key finds the place of an element."""
    values, *indices = step.operands
    try:
        count = product(step.shape)
    except VariesError:
        raise ExportError("it adds at places of an array with two sizes that follow the rows") from None
    places = _numbered(writer, step.shape, count)
    found = step._replace(
        name="getitem",
        operands=(places, *indices),
        static={"key": step.static["key"]},
        shape=shape_of(values),
        dtype=int64,
    )
    flat = writer.reshaped(getitem(writer, found), [-1])
    empty = zeros(writer, step._replace(shape=(count,)))
    given = writer.reshaped(writer.name_of(values, step.dtype), [-1])
    reduction = "add" if indices else "none"
    total = writer.node("ScatterElements", empty, flat, given, axis=0, reduction=reduction)
    return writer.reshaped(total, step.shape)


def _numbered(writer: Writer, shape: tuple[Size, ...], count: Size) -> Operand:
    """The number of each element of an array of this shape."""
    if not isinstance(count, Rows):
        sizes = [size for size in shape if isinstance(size, int)]
        return Constant(np.arange(count, dtype=np.int64).reshape(sizes), "places")
    numbers = writer.node("Range", *(writer.name_of(end, int64) for end in (0, count, 1)))
    return Named(writer.reshaped(numbers, shape), shape, int64)
