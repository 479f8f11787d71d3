"""Kernels for instructions that are no arithmetic: random bits, sorting, windows, rows by index."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..contract import Spec
from ..program.access import Access
from ..program.ir import Instruction, Value
from ..program.pieces import add_windows, is_movable
from . import indexing, random_numbers
from .calls import ERRORS, Partition, call_of, rows_of
from .sorting import Order
from .windows import Sliding, WindowsAdd

if TYPE_CHECKING:
    from .lower import Lowering


def random_bits(lowering: Lowering, values: list[Value], target: Value) -> None:
    key, counter = (lowering.root(lowering.views[v].root) for v in values)
    bits = random_numbers.RandomBits(key, counter, target, lowering.width)
    shape = target.spec.shape
    own: Partition = ("rows", shape[0]) if random_numbers.RandomBits.by_rows(shape, lowering.width) else None
    lowering.calls.append(call_of(bits, "random_bits", {key: None, counter: None}, {target: own}))


def argsort(lowering: Lowering, keys: Value, target: Value) -> None:
    scratch = lowering.fresh(Spec((Order.scratch_size(target.spec.shape[0]),), np.dtype(np.uint64)))
    source = lowering.root(lowering.views[keys].root)
    order = Order(source, target, scratch, lowering.width)
    first: Partition = ("first", 0)
    lowering.calls.append(call_of(order, "argsort", {source: first}, {target: first, scratch: first}))


def windows_add(lowering: Lowering, values: Value, target: Value, static: dict[str, Any]) -> None:
    """All windows at once where they leave the first and the last axis alone; else an
    addition for each place inside one.
    """
    shape = static["shape"]
    sliding = Sliding(*(tuple(static[k]) for k in ("axes", "size", "stride", "dilation")))
    sliding = sliding._replace(axes=tuple(axis % len(shape) for axis in sliding.axes))
    if WindowsAdd.suits(shape, sliding):
        view = lowering.views[values]
        access = Access(lowering.root(view.root), values.spec.dtype, view.offset, view.strides)
        counts = [values.spec.shape[axis] for axis in sliding.axes]
        kernel = WindowsAdd(access, target, counts, sliding, lowering.width)
        rows = shape[0]
        own = rows_of(access, values.spec.shape, 1, rows)
        lowering.calls.append(call_of(kernel, "windows_add", {access.root: own}, {target: ("rows", rows)}))
        return
    add_windows(lowering, values, target, static)


def take(lowering: Lowering, table: Value, indices: Value, target: Value) -> None:
    own: Partition = ("rows", indices.spec.shape[0] if indices.spec.shape else 1)
    kernel = indexing.Take(lowering.root(table), lowering.root(indices), target, ERRORS, lowering.width)
    from_, by = list(kernel.pointers)[:2]
    lowering.calls.append(
        call_of(kernel, "take", {from_: None, by: own}, {target: own, ERRORS: None}, checks=True)
    )


def scatter(lowering: Lowering, rows: Value, indices: Value, target: Value) -> None:
    kernel = indexing.ScatterAdd(lowering.root(rows), lowering.root(indices), target, ERRORS, lowering.width)
    first: Partition = ("first", 0)
    from_, by = list(kernel.pointers)[:2]
    lowering.calls.append(
        call_of(kernel, "scatter_add", {from_: first, by: first}, {target: first, ERRORS: None}, checks=True)
    )


def is_foreign(instruction: Instruction) -> bool:
    """Whether there is no kernel for this opaque instruction."""
    known = is_movable(instruction)
    if known is not None:
        return not known
    values = [o for o in instruction.operands if isinstance(o, Value)]
    if instruction.primitive == "argsort":
        return values[0].spec.dtype != np.uint64 or values[0].spec.ndim != 1
    return instruction.primitive != "index_add"
