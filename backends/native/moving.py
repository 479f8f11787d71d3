"""Instructions that are no arithmetic: random bits, rows by index, pieces put together, and what is left to the host."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..contract import Spec
from ..program.access import Access
from ..program.fuse import Group
from ..program.ir import Instruction, Value
from ..program.pieces import add_windows, is_movable, put_together
from ..shapes import Slot
from . import special
from .calls import ERRORS, Call, Touch, call_of, rows_touched
from .sorting import Order
from .windows import Sliding, WindowsAdd

if TYPE_CHECKING:
    from .lower import Lowering


def move(lowering: Lowering, group: Group) -> None:
    head = group.head
    assert head is not None
    result, primitive, operands, static = head
    settings = dict(static)
    values = [o for o in operands if isinstance(o, Value)]
    target = lowering.root(result)
    if is_host(head):
        roots = [lowering.root(lowering.views[v].root) for v in values]
        lowering.calls.append(Call(f"{primitive} (NumPy)", "", (), (), dict.fromkeys(roots), {target: None}, host=head))  # fmt: skip
        return
    if primitive == "random_bits":
        key, counter = (lowering.root(lowering.views[v].root) for v in values)
        bits = special.RandomBits(key, counter, target, lowering.width)
        shape = result.spec.shape
        own: Touch = ("rows", shape[0]) if special.RandomBits.by_rows(shape, lowering.width) else None  # fmt: skip
        lowering.calls.append(call_of(bits, "random_bits", {key: None, counter: None}, {target: own}))  # fmt: skip
    elif primitive == "argsort":
        keys = lowering.contiguous(values[0])
        room = lowering.fresh(Spec((Order.room_size(result.spec.shape[0]),), np.dtype(np.uint64)))
        source = lowering.root(lowering.views[keys].root)
        order = Order(source, target, room, lowering.width)
        first: Touch = ("first", 0)
        lowering.calls.append(call_of(order, "argsort", {source: first}, {target: first, room: first}))  # fmt: skip
    elif primitive == "windows_add":
        _windows_add(lowering, values[0], target, settings)
    elif primitive == "getitem":
        _take(lowering, values, target)
    elif primitive == "index_add" and any(isinstance(e, Slot) for e in settings["key"]):
        _scatter(lowering, values, target)
    else:
        put_together(lowering, head)


def _windows_add(lowering: Lowering, values: Value, target: Value, static: dict[str, Any]) -> None:
    """All windows at once where they leave the first and the last axis alone; else an addition for each place inside one."""
    shape = static["shape"]
    sliding = Sliding(*(tuple(static[k]) for k in ("axes", "size", "stride", "dilation")))
    sliding = sliding._replace(axes=tuple(axis % len(shape) for axis in sliding.axes))
    if WindowsAdd.suits(shape, sliding):
        view = lowering.views[values]
        access = Access(lowering.root(view.root), values.spec.dtype, view.offset, view.strides)
        counts = [values.spec.shape[axis] for axis in sliding.axes]
        kernel = WindowsAdd(access, target, counts, sliding, lowering.width)
        rows = shape[0]
        own = rows_touched(access, values.spec.shape, 1, rows)
        lowering.calls.append(call_of(kernel, "windows_add", {access.root: own}, {target: ("rows", rows)}))  # fmt: skip
        return
    add_windows(lowering, values, target, static)


def _take(lowering: Lowering, values: list[Value], target: Value) -> None:
    table, indices = (lowering.contiguous(v) for v in values)
    own: Touch = ("rows", indices.spec.shape[0] if indices.spec.shape else 1)
    kernel = special.Take(
        lowering.root(table), lowering.root(indices), target, ERRORS, lowering.width
    )
    from_, by = list(kernel.pointers)[:2]
    lowering.calls.append(call_of(kernel, "take", {from_: None, by: own}, {target: own, ERRORS: None}, checks=True))  # fmt: skip


def _scatter(lowering: Lowering, values: list[Value], target: Value) -> None:
    given, indices = (lowering.contiguous(v) for v in values)
    kernel = special.ScatterAdd(lowering.root(given), lowering.root(indices), target, ERRORS, lowering.width)  # fmt: skip
    first: Touch = ("first", 0)
    from_, by = list(kernel.pointers)[:2]
    lowering.calls.append(call_of(kernel, "scatter_add", {from_: first, by: first}, {target: first, ERRORS: None}, checks=True))  # fmt: skip


def is_host(instruction: Instruction) -> bool:
    """Whether there is no kernel for this special instruction."""
    known = is_movable(instruction)
    if known is not None:
        return not known
    values = [o for o in instruction.operands if isinstance(o, Value)]
    if instruction.primitive == "argsort":
        return values[0].spec.dtype != np.uint64 or values[0].spec.ndim != 1
    return instruction.primitive != "index_add"
