"""From groups to calls of machine code: which kernel does the work of a group, and how threads share it.

Products are made by `multiplying`, all else here.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..contract import Spec
from ..plan import lowering as plan
from ..plan.compile import Target, compile_for
from ..program.access import Access, same_places
from ..program.arithmetic import accepts_loop
from ..program.fuse import Group, Plan
from ..program.ir import Instruction, Program, Value, operands_of
from ..program.nest import Nest, is_flat, kept_axes, scratch_length, scratch_values, summary
from ..program.pieces import add_windows, is_movable
from ..program.precision import rounded_products
from ..program.views import row_major
from . import mixed_precision, multiplying
from .build import Function
from .calls import ERRORS, Call, Partition, call_of, partitions, rows_of
from .columns import Columns
from .indexing import ScatterAdd, Take
from .kernel import Kernel
from .loops import Rows
from .narrow import Narrow, is_narrow
from .random_numbers import RandomBits
from .sorting import Order
from .windows import Sliding, WindowsAdd

_FIRST: Partition = ("first", 0)


@dataclass
class Lowered(plan.Lowered[Call]):
    """`scratches` are scratch memory with its bytes for each thread, `functions` those of BLAS by name."""

    scratches: dict[Value, int]
    functions: dict[Value, str]


def lower(program: Program, width: int, has_blas: bool) -> Lowered:
    """Calls for a traced program."""
    target = Target(
        lambda traced: rounded_products(traced, mixed_precision.keeps_precision(width)),
        accepts_loop,
        lambda fused: Lowering(fused, width, has_blas).lowered(),
    )
    return compile_for(target, program)


class Lowering(plan.Lowering[Call]):
    """Makes the calls of a program; `multiplying` does so for products, with what is public here."""

    def __init__(self, fused: Plan, width: int, has_blas: bool) -> None:
        self.width = width
        self.has_blas = has_blas
        super().__init__(fused)
        self.scratches: dict[Value, int] = {}
        self.functions: dict[Value, str] = {}
        self.scalars: set[Value] = set()
        self.packed: dict[tuple[object, ...], Value] = {}

    def lowered(self) -> Lowered:
        """All calls."""
        self.make_calls()
        return Lowered(self.program, self.calls, self.place, self.views, self.scratches, self.functions)

    def is_foreign(self, instruction: Instruction) -> bool:
        known = is_movable(instruction)
        if known is not None:
            return not known
        if instruction.primitive == "argsort":
            (keys,) = operands_of(instruction)
            return keys.spec.dtype != np.uint64 or keys.spec.ndim != 1
        return instruction.primitive != "index_add"

    def product(self, group: Group, reads: dict[Value, Access]) -> None:
        in_tiles = group.head is not None and bool(dict(group.head.static).get("precision"))
        (mixed_precision if in_tiles else multiplying).product(self, group, reads)

    def foreign(self, head: Instruction, roots: list[Value]) -> None:
        target = self.root(head.result)
        self.calls.append(
            Call(f"{head.primitive} (NumPy)", (), dict.fromkeys(roots), {target: None}, foreign=head)
        )

    def random_bits(self, values: list[Value], target: Value) -> None:
        key, counter = (self.root(self.views[v].root) for v in values)
        shape = target.spec.shape
        own: Partition = ("rows", shape[0]) if RandomBits.by_rows(shape, self.width) else None
        kernel = RandomBits(key, counter, target, self.width)
        self.calls.append(call_of(kernel, "random_bits", {key: None, counter: None}, {target: own}))

    def windows_add(self, values: Value, target: Value, static: dict[str, Any]) -> None:
        """All windows at once where they leave the first and the last axis alone; else an
        addition for each place inside one.
        """
        shape = static["shape"]
        sliding = Sliding(*(tuple(static[k]) for k in ("axes", "size", "stride", "dilation")))
        sliding = sliding._replace(axes=tuple(axis % len(shape) for axis in sliding.axes))
        if not WindowsAdd.suits(shape, sliding):
            add_windows(self, values, target, static)
            return
        access = self.placed_access(values)
        counts = [values.spec.shape[axis] for axis in sliding.axes]
        kernel = WindowsAdd(access, target, counts, sliding, self.width)
        own = rows_of(access, values.spec.shape, 1, shape[0])
        self.calls.append(call_of(kernel, "windows_add", {access.root: own}, {target: ("rows", shape[0])}))

    def take(self, table: Value, indices: Value, target: Value) -> None:
        own: Partition = ("rows", indices.spec.shape[0] if indices.spec.shape else 1)
        kernel = Take(table, indices, target, ERRORS, self.width)
        writes: dict[Value, Partition] = {target: own, ERRORS: None}
        self.calls.append(call_of(kernel, "take", {table: None, indices: own}, writes, checks=True))

    def scatter(self, rows: Value, indices: Value, target: Value) -> None:
        kernel = ScatterAdd(rows, indices, target, ERRORS, self.width)
        reads, writes = dict.fromkeys((rows, indices), _FIRST), {target: _FIRST, ERRORS: None}
        self.calls.append(call_of(kernel, "scatter_add", reads, writes, checks=True))

    def argsort(self, keys: Value, target: Value) -> None:
        scratch = self.fresh(Spec((Order.scratch_size(target.spec.shape[0]),), np.dtype(np.uint64)))
        source = self.root(self.views[keys].root)
        kernel = Order(source, target, scratch, self.width)
        self.calls.append(call_of(kernel, "argsort", {source: _FIRST}, {target: _FIRST, scratch: _FIRST}))

    def reads_late(self, group: Group) -> bool:
        return group.kind == "rows" and group.reduced is not None and scratch_length(group) > 4 * self.width

    # loops
    def loops(self, group: Group, reads: dict[Value, Access], writes: dict[Value, Access], name: str) -> None:
        if not name and len(group.steps) == 1:
            name = group.steps[0].primitive
        scratches: dict[Value, Access] = {}
        if group.kind == "rows" and group.reduced is not None:
            for value in scratch_values(group, self.width):
                scratches[value] = self._scratch(group, value)
        nest = Nest(group, reads, writes, scratches)
        roots = list(dict.fromkeys(a.root for a in (*reads.values(), *writes.values(), *scratches.values())))
        kernel: Kernel
        if group.kind == "columns":
            kernel = Columns(nest, roots, self.width)
            partition: Callable[[Access], Partition] = lambda access: None  # noqa: E731
        else:
            kernel = (Narrow if is_narrow(nest) else Rows)(nest, roots, self.width)
            partition = self._partition_of(nest)
        label = name or " ".join(summary(group))
        call = self.call(kernel, label, roots, reads.values(), writes.values(), partition, group)
        if group.reduced is None or (
            group.kind == "rows" and not scratches and scratch_length(group) <= 4 * self.width
        ):
            call.pairs = same_places(reads, writes)

    def _scratch(self, group: Group, value: Value) -> Access:
        """Scratch memory for one row in each thread; `offset` is the
        distance between two threads, in elements.
        """
        columns = scratch_length(group)
        padded = -(-columns // 16) * 16
        scratch = self.fresh(Spec((padded,), value.spec.dtype))
        self.scratches[scratch] = padded * value.spec.dtype.itemsize
        assert group.reduced is not None
        first = min(group.reduced)
        strides = [0] * first + list(row_major(group.domain[first:]))
        return Access(scratch, value.spec.dtype, padded, tuple(strides))

    def _partition_of(self, nest: Nest) -> Callable[[Access], Partition]:
        domain = nest.group.domain
        if is_flat(nest):
            first = domain[0] if len(domain) > 1 else math.prod(domain)
            if math.prod(domain) <= 1:
                return lambda access: ("first", 0)
            return lambda access: rows_of(access, domain, 1 if len(domain) > 1 else len(domain), first)
        kept = kept_axes(nest)
        rows = math.prod(domain[:kept])
        if rows == 1:
            return lambda access: ("first", 0)
        return lambda access: rows_of(access, domain, kept, rows)

    def call(
        self,
        kernel: Kernel,
        label: str,
        roots: Sequence[Value],
        reads: Any,
        writes: Any,
        partition: Callable[[Access], Partition],
        group: Group | None = None,
    ) -> Call:
        """A call of `kernel`."""
        call = Call(
            label,
            tuple(roots),
            partitions(reads, partition),
            partitions(writes, partition),
            flops=0 if group is None else math.prod(group.domain) * len(group.steps),
            function=Function(kernel),
        )
        self.calls.append(call)
        return call
