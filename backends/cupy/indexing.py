"""Indexing as NumPy means it: where the axes of index arrays go, and an error for an index beyond the end.

CuPy wraps such an index around without a word, and leaves numbers in a key out of the
rule that places the axes of arrays.
So a key is taken apart here: numbers and slices make a view, arrays pick from axes of that view.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

from ..contract import Shape, int64
from ..shapes import Key, Slot, expand_key
from .kernels import Kernels


class Plan(NamedTuple):
    """A key with arrays, taken apart."""

    view: Key
    """Numbers, slices and None, with everything where the arrays stand."""
    axes: tuple[int, ...]
    """The axes of the view that the arrays index."""
    slots: tuple[int, ...]
    """Which array indexes which of them."""
    at: int
    """How many of the other axes come before those of the arrays in the result."""


def plan_of(key: Key, ndim: int) -> Plan:
    """The plan of a key that holds a Slot."""
    entries = expand_key(key, ndim)
    # NumPy takes an Ellipsis between two arrays as something between them, even where it stands for no axis
    gap = next((i for i, e in enumerate(key) if e is Ellipsis and len(entries) < len(key)), -1)
    view: list[Any] = []
    axes: list[int] = []
    slots: list[int] = []
    others = dimension = 0
    at, together, previous = -1, True, False
    for position, entry in enumerate(entries):
        advanced = isinstance(entry, (Slot, int))
        if advanced and at < 0:
            at = others
        elif advanced and (not previous or position == gap):
            together = False
        previous = advanced
        if isinstance(entry, Slot):
            view.append(slice(None))
            axes.append(dimension)
            slots.append(entry.position)
            dimension += 1
        else:
            view.append(entry)
            if not isinstance(entry, int):
                others += 1
                dimension += 1
    return Plan(tuple(view), tuple(axes), tuple(slots), at if together else 0)


class Indexing:
    """`getitem` and `index_add`.

    Args:
        cupy: the module.
        kernels: of the same device.
    """

    def __init__(self, cupy: Any, kernels: Kernels) -> None:
        self._cupy = cupy
        self._kernels = kernels

    def getitem(self, x: Any, *indices: Any, key: Key) -> Any:
        """See `shapes.getitem`. Waits for the device when there are arrays of indices, to look at them."""
        if not indices:
            return x[key]
        plan = plan_of(key, x.ndim)
        view = x[plan.view]
        numbers = self._checked(plan, indices, view.shape)
        if plan.axes == (plan.at,):
            return self._cupy.take(view, numbers[0], axis=plan.at)
        rest = [axis for axis in range(view.ndim) if axis not in plan.axes]
        picked = view.transpose(*plan.axes, *rest)[tuple(numbers)]
        picked_axes = picked.ndim - len(rest)
        before, after = range(picked_axes, picked_axes + plan.at), range(picked_axes + plan.at, picked.ndim)
        return picked.transpose(*before, *range(picked_axes), *after) if plan.at else picked

    def index_add(self, values: Any, *indices: Any, key: Key, shape: Shape) -> Any:
        """See `shapes.index_add`. Each sum is made from the left, so results can be repeated bit by bit."""
        result = self._cupy.zeros(shape, values.dtype)
        if not indices:
            result[key] = values
            return result
        plan = plan_of(key, len(shape))
        view = result[plan.view]
        numbers = self._checked(plan, indices, view.shape)
        rest = [axis for axis in range(view.ndim) if axis not in plan.axes]
        lengths = [view.shape[axis] for axis in plan.axes]
        rows = self._rows(numbers, lengths)
        picked = range(plan.at, plan.at + rows.ndim)
        others = [axis for axis in range(values.ndim) if axis not in picked]
        columns = math.prod(view.shape[axis] for axis in rest)
        flat = values.transpose(*picked, *others).reshape(rows.size, columns)
        sums = self._kernels.sums_by_row(flat, rows.reshape(rows.size), math.prod(lengths))
        places = (*plan.axes, *rest)
        sums = sums.reshape(*lengths, *(view.shape[axis] for axis in rest))
        whole = all(entry == slice(None) for entry in plan.view)
        if whole and places == tuple(range(len(shape))):
            return sums
        view.transpose(*places)[...] = sums
        return result

    def _rows(self, numbers: Sequence[Any], lengths: Sequence[int]) -> Any:
        """The places as one number each, counted over the indexed axes in C order."""
        rows: Any = None
        for number, length in zip(numbers, lengths, strict=True):
            number = self._cupy.where(number < 0, number + length, number)
            rows = number if rows is None else rows * length + number
        return rows

    def _checked(self, plan: Plan, indices: Sequence[Any], shape: Shape) -> list[Any]:
        """The index arrays by axis, as int64; IndexError when one reaches beyond its axis."""
        chosen = [
            self._cupy.ascontiguousarray(indices[slot], int64).reshape(indices[slot].shape)
            for slot in plan.slots
        ]
        lengths = [shape[axis] for axis in plan.axes]
        if self._kernels.any_outside(chosen, lengths):
            for index, length in zip(chosen, lengths, strict=True):
                if index.size and not -length <= int(index.min()) <= int(index.max()) < length:
                    worst = int(index.max()) if int(index.max()) >= length else int(index.min())
                    raise IndexError(f"index {worst} is out of bounds for an axis of size {length}")
        return chosen
