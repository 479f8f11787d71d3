"""Views: how a value lies in the memory of another, without having been computed.

Reshape, transpose, broadcast, slices and windows move nothing. A `View` says where element (i, j, ...) of
such a value is: at `offset + i * strides[0] + j * strides[1] ...`, counted in elements of its root, the
value that was computed. `axes` tells, where that makes sense, which axis of the root each axis is: None
for an axis of length 1 or a repeated one.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import NamedTuple

from ..contract import Shape
from ..primitives import PRIMITIVES
from ..shapes import Slot, expand_key, window_strides
from .ir import Instruction, Value

Axes = tuple[int | None, ...]


class View(NamedTuple):
    """Where the elements of a value lie in the memory of `root`; `axes` is
    None when axes were cut or merged.
    """

    root: Value
    offset: int
    strides: tuple[int, ...]
    axes: Axes | None


def row_major(shape: Shape) -> tuple[int, ...]:
    """Strides in elements of an array that lies in C order."""
    strides, step = [], 1
    for length in reversed(shape):
        strides.append(step)
        step *= length
    return tuple(reversed(strides))


def identity(shape: Shape) -> Axes:
    """The axes that a value has in itself."""
    return tuple(None if length == 1 else axis for axis, length in enumerate(shape))


def own(value: Value) -> View:
    """The view that a computed value is of itself."""
    shape = value.spec.shape
    return View(value, 0, row_major(shape), identity(shape))


def is_view(instruction: Instruction) -> bool:
    """Whether the result is a view of the operand by kind; a reshape may still need a copy."""
    if PRIMITIVES[instruction.primitive].view is not None:
        return True
    return instruction.primitive == "getitem" and not any(
        isinstance(e, Slot) for e in dict(instruction.static)["key"]
    )


def viewed(value: Value, made_by: Instruction, views: Mapping[Value, View]) -> View | None:
    """The view that `value` is; its own root unless `made_by` moves elements.
    None: a reshape that needs a copy.
    """
    shape = value.spec.shape
    if not is_view(made_by):
        return own(value)
    source = made_by.operands[0]
    assert isinstance(source, Value)
    base, old, static = views[source], source.spec.shape, dict(made_by.static)
    root, offset, strides, axes = base
    if made_by.primitive == "permute_dims":
        order = static["axes"]
        moved = None if axes is None else tuple(axes[i] for i in order)
        return View(root, offset, tuple(strides[i] for i in order), moved)
    if made_by.primitive == "broadcast_to":
        lead = len(shape) - len(old)
        kept = [s if n == m else 0 for s, n, m in zip(strides, old, shape[lead:], strict=True)]
        spread = (
            None
            if axes is None
            else (
                *(None,) * lead,
                *(a if n == m else None for a, n, m in zip(axes, old, shape[lead:], strict=True)),
            )
        )
        return View(root, offset, (*(0,) * lead, *kept), spread)
    if made_by.primitive == "windows":
        steps = window_strides(strides, static["axes"], static["stride"], static["dilation"])
        return View(root, offset, steps, None)
    if made_by.primitive == "getitem":
        return _sliced(base, old, shape, static["key"])
    return _reshaped(base, old, shape)


def _sliced(base: View, old: Shape, shape: Shape, key: tuple[object, ...]) -> View:
    root, offset, strides, axes = base
    steps: list[int] = []
    kept: list[int | None] = []
    whole = axes is not None
    axis = 0
    for entry in expand_key(key, len(old)):
        if entry is None:
            steps.append(0)
            kept.append(None)
            continue
        if isinstance(entry, slice):
            start, stop, step = entry.indices(old[axis])
            whole = whole and (start, step) == (0, 1) and stop == old[axis]
            offset += start * strides[axis] if len(range(start, stop, step)) else 0
            steps.append(step * strides[axis])
            kept.append(axes[axis] if axes is not None else None)
        else:
            assert isinstance(entry, int)
            offset += entry % old[axis] * strides[axis]
            whole = whole and old[axis] == 1
        axis += 1
    return View(root, offset, tuple(steps), tuple(kept) if whole else None)


def _reshaped(base: View, old: Shape, shape: Shape) -> View | None:
    root, offset, strides, axes = base
    if 0 in shape:
        return View(root, offset, row_major(shape), None)
    long = [(n, s, i) for i, (n, s) in enumerate(zip(old, strides, strict=True)) if n != 1]
    wanted = [n for n in shape if n != 1]
    if [n for n, _, _ in long] == wanted:
        remaining = iter(long)
        parts = [next(remaining) if n != 1 else (1, 0, None) for n in shape]
        kept = None if axes is None else tuple(None if i is None else axes[i] for _, _, i in parts)
        return View(root, offset, tuple(s for _, s, _ in parts), kept)
    steps = _split(long, wanted)
    if steps is None:
        return None
    given = iter(steps)
    return View(root, offset, tuple(next(given) if n != 1 else 0 for n in shape), None)


def _split(long: list[tuple[int, int, int]], wanted: list[int]) -> list[int] | None:
    """Strides of the new axes, group by group: old axes that lie like one axis, cut anew."""
    steps: list[int] = []
    at = 0
    remaining = list(wanted)
    while at < len(long):
        group, size = [long[at]], long[at][0]
        take = [remaining.pop(0)]
        while size != math.prod(take):
            if size < math.prod(take):
                at += 1
                if group[-1][1] != long[at][1] * long[at][0]:
                    return None
                group.append(long[at])
                size *= long[at][0]
            else:
                take.append(remaining.pop(0))
        step = group[-1][1]
        steps += [step * inner for inner in row_major(tuple(take))]
        at += 1
    return steps


def reduced_axes(instruction: Instruction, inside: Axes) -> Axes:
    """The axes of the result of a reduction of an operand that has the axes `inside`."""
    static = dict(instruction.static)
    if static["keepdims"]:
        return tuple(None if k in static["axis"] else a for k, a in enumerate(inside))
    return tuple(a for k, a in enumerate(inside) if k not in static["axis"])


def axes_of_root(view: View, operand: Value, axes: Axes) -> Axes | None:
    """The axes of the domain that the root of `view` has, when the reader of `operand` has `axes`."""
    if view.axes is None:
        return None
    lead = len(axes) - operand.spec.ndim
    found: dict[int, int | None] = {}
    for k, source in enumerate(view.axes):
        if source is not None:
            found[source] = axes[lead + k]
    shape = view.root.spec.shape
    if any(n != 1 and found.get(k) is None for k, n in enumerate(shape)):
        return None
    return tuple(found.get(k) if n != 1 else None for k, n in enumerate(shape))
