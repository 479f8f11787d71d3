"""Values put together from pieces: filled, and then copied or added into, by loops that any target has."""

from __future__ import annotations

import itertools
from typing import Any

from ..contract import Spec
from ..primitives import PRIMITIVES
from ..shapes import Slot, expand_key
from .arithmetic import DTYPES
from .buffers import BufferAssignment
from .ir import Instruction, Value, operands_of
from .views import View, row_major, viewed


def put_together(placing: BufferAssignment, head: Instruction) -> None:
    """The loops of concat, pad, or index_add at places known beforehand."""
    result, primitive, _, static = head
    settings, values = dict(static), operands_of(head)
    target = placing.root(result)
    whole = row_major(result.spec.shape)
    if primitive == "concat":
        axis, start = settings["axis"] % result.spec.ndim, 0
        for value in values:
            if value.spec.size:
                placing.copy(value, target, View(target, start * whole[axis], whole, None), "concat")
            start += value.spec.shape[axis]
    elif primitive == "pad":
        placing.filled(target, settings["value"])
        offset = sum(before * s for (before, _), s in zip(settings["pad_width"], whole, strict=True))
        placing.copy(values[0], target, View(target, offset, whole, None), "pad")
    else:
        placing.filled(target, 0)
        part = placing.fresh(result.spec)
        placing.views[part] = View(target, 0, whole, None)
        made = Instruction(
            Value(part.number, values[0].spec), "getitem", (part,), (("key", settings["key"]),)
        )
        view = viewed(made.result, made, placing.views)
        assert view is not None
        placing.copy(values[0], target, view._replace(root=target), "index_add")


def add_windows(placing: BufferAssignment, values: Value, target: Value, static: dict[str, Any]) -> None:
    """The loops of windows_add: an addition for each place inside a
    window, where all windows do not overlap.
    """
    placing.filled(target, 0)
    base = placing.views[values]
    ndim = len(static["shape"])
    steps = row_major(static["shape"])
    positions = values.spec.shape[:ndim]
    for place in itertools.product(*map(range, static["size"])):
        inside = base.strides[ndim:]
        offset = base.offset + sum(p * s for p, s in zip(place, inside, strict=True))
        part = placing.fresh(Spec(positions, values.spec.dtype))
        placing.views[part] = View(base.root, offset, base.strides[:ndim], None)
        there, start = list(steps), 0
        for axis, p, stride, gap in zip(
            static["axes"], place, static["stride"], static["dilation"], strict=True
        ):
            there[axis] = steps[axis] * stride
            start += p * gap * steps[axis]
        placing.copy(part, target, View(target, start, tuple(there), None), "windows_add", accumulate=True)


def is_movable(instruction: Instruction) -> bool | None:
    """Whether every target with loops can do this instruction that is no arithmetic; None
    where that is for the target to say.
    """
    result, primitive, operands, static = instruction
    settings, values = dict(static), operands_of(instruction)
    if len(values) < len(operands) or any(
        v.spec.dtype not in DTYPES or 0 in v.spec.shape for v in (result, *values)
    ):
        return False
    if PRIMITIVES[primitive].kind not in ("shape", "index", "random"):
        return None
    if "key" not in settings:
        return True
    slots = [e for e in settings["key"] if isinstance(e, Slot)]
    if not slots:
        return True
    shape = values[0].spec.shape if primitive == "getitem" else settings["shape"]
    key = expand_key(settings["key"], len(shape))
    by_rows = len(slots) == 1 and isinstance(key[0], Slot) and all(e == slice(None) for e in key[1:])
    if not by_rows or values[1].spec.dtype.kind not in "iu":
        return False
    if primitive == "getitem":
        return True
    return None if result.spec.dtype.kind == "f" else False
