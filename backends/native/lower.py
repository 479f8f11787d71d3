"""From groups to calls: which kernel does the work of a group, which memory it reads and writes, and what waits for what.

State is written in place where nobody reads the old value afterwards, otherwise to memory of its own and copied at the
end. Loops are made here; `multiplying` makes products, `moving` the rest.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from ..contract import Spec
from ..program.access import Access, same_places
from ..program.arithmetic import accepts_loop
from ..program.fuse import Group, Plan
from ..program.ir import Instruction, Program, Value
from ..program.nest import Nest, is_flat, kept_axes, room_length, room_values, summary
from ..program.placing import Placing
from ..program.precision import rounded_products
from ..program.views import View, row_major
from . import moving, multiplying
from .calls import Call, Touch, rows_touched, touches
from .columns import Columns
from .kernel import Kernel
from .loops import Rows
from .narrow import Narrow, is_narrow


@dataclass
class Lowered:
    """Calls in an order that is right; `place` maps values to the state whose memory holds them."""

    program: Program
    plan: Plan
    calls: list[Call]
    place: dict[Value, Value]
    rooms: dict[Value, int]
    functions: dict[Value, str]


def lower(program: Program, width: int, has_blas: bool) -> Lowered:
    """Calls for a traced program."""
    return Lowering(program, width, has_blas).run()


class Lowering(Placing):
    """Makes the calls of a program; `multiplying` and `moving` do so for their groups, with what is public here."""

    def __init__(self, program: Program, width: int, has_blas: bool) -> None:
        self.width = width
        self.has_blas = has_blas
        super().__init__(rounded_products(program), accepts_loop)
        self.calls: list[Call] = []
        self.rooms: dict[Value, int] = {}
        self.functions: dict[Value, str] = {}
        self.scalars: set[Value] = set()
        self._written: dict[str, tuple[str, tuple[str, ...]]] = {}

    def is_foreign(self, instruction: Instruction) -> bool:
        return moving.is_host(instruction)

    def reads_late(self, group: Group) -> bool:
        return group.kind == "rows" and group.reduced is not None and room_length(group) > 4 * self.width  # fmt: skip

    def run(self) -> Lowered:
        for group, reads in zip(self.plan.groups, self.reads, strict=True):
            if group.kind == "product":
                multiplying.product(self, group, reads)
            elif group.kind == "special":
                moving.move(self, group)
            else:
                self._loops(group, reads)
        for state, value in self.program.assigns:
            assert isinstance(value, Value)
            if self.root(value) != state:
                self.copy(value, state, View(state, 0, row_major(state.spec.shape), None), "keep")
        return Lowered(self.program, self.plan, self.calls, self.place, self.rooms, self.functions)

    # loops
    def _loops(self, group: Group, reads: dict[Value, Access]) -> None:
        writes = {v: self.write(group, v) for v in self.made(group)}
        self.nest(group, reads, writes, group.steps[0].primitive if len(group.steps) == 1 else "")

    def nest(self, group: Group, reads: dict[Value, Access], writes: dict[Value, Access], name: str = "") -> None:  # fmt: skip
        """The call of a nest of loops."""
        reads = {v: a._replace(root=self.root(a.root)) for v, a in reads.items()}
        writes = {v: a._replace(root=self.root(a.root)) for v, a in writes.items()}
        rooms: dict[Value, Access] = {}
        if group.kind == "rows" and group.reduced is not None:
            for value in room_values(group, self.width):
                rooms[value] = self._room(group, value)
        nest = Nest(group, reads, writes, rooms)
        roots = list(dict.fromkeys(a.root for a in (*reads.values(), *writes.values(), *rooms.values())))  # fmt: skip
        kernel: Kernel
        if group.kind == "columns":
            kernel = Columns(nest, roots, self.width)
            touch: Callable[[Access], Touch] = lambda access: None  # noqa: E731
        else:
            kernel = (Narrow if is_narrow(nest) else Rows)(nest, roots, self.width)
            touch = self._touch_of(nest)
        label = name or " ".join(summary(group))
        call = self.call(kernel, label, roots, reads.values(), writes.values(), touch, group, nest.signature(roots))  # fmt: skip
        if group.reduced is None or (group.kind == "rows" and not rooms and room_length(group) <= 4 * self.width):  # fmt: skip
            call.pairs = same_places(reads, writes)

    def _room(self, group: Group, value: Value) -> Access:
        """Scratch memory for one row in each thread; `offset` is the distance between two threads, in elements."""
        columns = room_length(group)
        padded = -(-columns // 16) * 16
        room = self.fresh(Spec((padded,), value.spec.dtype))
        self.rooms[room] = padded * value.spec.dtype.itemsize
        assert group.reduced is not None
        first = min(group.reduced)
        strides = [0] * first + list(row_major(group.domain[first:]))
        return Access(room, value.spec.dtype, padded, tuple(strides))

    def _touch_of(self, nest: Nest) -> Callable[[Access], Touch]:
        domain = nest.group.domain
        if is_flat(nest):
            first = domain[0] if len(domain) > 1 else math.prod(domain)
            if math.prod(domain) <= 1:
                return lambda access: ("first", 0)
            return lambda access: rows_touched(access, domain, 1 if len(domain) > 1 else len(domain), first)  # fmt: skip
        kept = kept_axes(nest)
        rows = math.prod(domain[:kept])
        if rows == 1:
            return lambda access: ("first", 0)
        return lambda access: rows_touched(access, domain, kept, rows)

    def call(
        self, kernel: Kernel, label: str, roots: Sequence[Value], reads: Any, writes: Any, touch: Callable[[Access], Touch], group: Group | None = None,
        signature: str | None = None,
    ) -> Call:  # fmt: skip
        """A call of `kernel`; kernels of one `signature` are written once."""
        known = self._written.get(signature) if signature else None
        text, declared = known or (kernel.text(), tuple(kernel.code.declared))
        if signature:
            self._written[signature] = text, declared
        call = Call(
            label, text, declared, tuple(roots),
            touches(reads, touch), touches(writes, touch),
            flops=0 if group is None else math.prod(group.domain) * len(group.steps),
        )  # fmt: skip
        self.calls.append(call)
        return call
