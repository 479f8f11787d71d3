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
from ..program.fuse import REDUCTIONS, Group, Plan, plan
from ..program.ir import Instruction, Program, Value
from ..program.passes import prepare, simplify
from ..program.views import View, row_major
from . import moving, multiplying
from .calls import Call, Touch, rows_touched, same_places, summary, touches
from .columns import Columns
from .kernel import DTYPES, Access, Kernel, accepts
from .loops import Rows
from .narrow import Narrow, is_narrow
from .nest import Nest, is_flat, kept_axes, room_length, room_values


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


class Lowering:
    """Makes the calls of a program; `multiplying` and `moving` do so for their groups, with what is public here."""

    def __init__(self, program: Program, width: int, has_blas: bool) -> None:
        self.program = prepare(simplify(program))
        self.plan = plan(self.program, _accepts)
        self.views = self.plan.views
        self.width = width
        self.has_blas = has_blas
        self.calls: list[Call] = []
        self.rooms: dict[Value, int] = {}
        self.functions: dict[Value, str] = {}
        self.scalars: set[Value] = set()
        self._written: dict[str, tuple[str, tuple[str, ...]]] = {}
        used = [v.number for v in self.views]
        self.next = max(used, default=0) + 1
        self.reads = [self.reads_of(g) for g in self.plan.groups]
        self.assigned = {v: s for s, v in self.program.assigns if isinstance(v, Value)}
        self.needed = self._needed()
        self.place = self._places()

    def fresh(self, spec: Spec) -> Value:
        self.next += 1
        value = Value(self.next - 1, spec)
        self.views[value] = View(value, 0, row_major(spec.shape), tuple(None if n == 1 else k for k, n in enumerate(spec.shape)))  # fmt: skip
        return value

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

    # what lies where
    def _needed(self) -> set[Value]:
        """Roots that somebody reads from memory."""
        needed = {a.root for reads in self.reads for a in reads.values()}
        for group in self.plan.groups:
            if group.head is not None:
                needed |= {self.views[o].root for o in group.head.operands if isinstance(o, Value)}
        needed |= {v for _, v in (*self.program.assigns, *self.program.outputs) if isinstance(v, Value)}  # fmt: skip
        return needed

    def _places(self) -> dict[Value, Value]:
        """Values that are computed right into the memory of a state."""
        on_host = any(g.head is not None and g.kind == "special" and moving.is_host(g.head) for g in self.plan.groups)  # fmt: skip
        if on_host:
            return {}
        last: dict[Value, int] = {}
        for index, (group, reads) in enumerate(zip(self.plan.groups, self.reads, strict=True)):
            roots = {a.root for a in reads.values()}
            if group.head is not None:
                roots |= {self.views[o].root for o in group.head.operands if isinstance(o, Value)}
            last.update(dict.fromkeys(roots, index))
        return {v: s for v, s in self.assigned.items() if self._in_place(v, s, last.get(s, -1))}

    def _in_place(self, value: Value, state: Value, last: int) -> bool:
        home = self.plan.home[value]
        group = self.plan.groups[home]
        if last > home or group.kind == "special":
            return False
        if last < home:
            return True
        if group.head is not None and any(isinstance(o, Value) and self.views[o].root == state for o in group.head.operands):  # fmt: skip
            return False
        if group.kind == "rows" and group.reduced is not None and room_length(group) > 4 * self.width:  # fmt: skip
            return False
        write = self.write(group, value)
        return all(
            (a.offset, a.strides) == (write.offset, write.strides)
            for a in self.reads[home].values() if a.root == state
        )  # fmt: skip

    def root(self, value: Value) -> Value:
        return self.place.get(value, value)

    def reads_of(self, group: Group) -> dict[Value, Access]:
        """What the steps of a group read from memory; an operand that is read along two different axes gets two names."""
        reads: dict[Value, Access] = {}
        for at, step in enumerate(group.steps):
            operands = list(step.operands)
            for k, operand in enumerate(operands):
                if not isinstance(operand, Value):
                    continue
                view = self.views[operand]
                if view.root in group.axes:
                    operands[k] = view.root if operand != view.root else operand
                    continue
                access = self._access(group, step, operand)
                name = operand
                if reads.get(name, access) != access:
                    name = next((v for v, a in reads.items() if a == access), None) or self.fresh(operand.spec)  # fmt: skip
                reads[name] = access
                operands[k] = name
            group.steps[at] = step._replace(operands=tuple(operands))
        return reads

    def _axes_for(self, group: Group, step: Instruction, operand: Value) -> tuple[int | None, ...]:
        """The axes of the domain along which `operand` is read."""
        if step.primitive in REDUCTIONS:
            static, result = dict(step.static), group.axes[step.result]
            given = list(result) if not static["keepdims"] else [a for k, a in enumerate(result) if k not in static["axis"]]  # fmt: skip
            assert group.reduced is not None
            over = sorted(group.reduced)
            axes: list[int | None] = []
            for k, length in enumerate(operand.spec.shape):
                if k in static["axis"]:
                    axes.append(None if length == 1 else over.pop(0))
                else:
                    axes.append(given.pop(0))
            return tuple(axes)
        axes_of_result = group.axes[step.result]
        return axes_of_result[len(axes_of_result) - operand.spec.ndim :]

    def _access(self, group: Group, step: Instruction, operand: Value) -> Access:
        view = self.views[operand]
        strides = [0] * len(group.domain)
        for axis, length, step_of in zip(self._axes_for(group, step, operand), operand.spec.shape, view.strides, strict=True):  # fmt: skip
            if length != 1 and axis is not None:
                strides[axis] += step_of
        return Access(view.root, operand.spec.dtype, view.offset, tuple(strides))

    def write(self, group: Group, value: Value) -> Access:
        """Where a group writes `value`: in C order."""
        strides = [0] * len(group.domain)
        for axis, length, step in zip(group.axes[value], value.spec.shape, row_major(value.spec.shape), strict=True):  # fmt: skip
            if length != 1 and axis is not None:
                strides[axis] = step
        if group.domain and group.domain[-1] == 1:
            strides[-1] = 1
        return Access(value, value.spec.dtype, 0, tuple(strides))

    def made(self, group: Group) -> list[Value]:
        """Values of the group that are wanted in memory."""
        here = [v for v in group.axes if v in self.needed and self.plan.home.get(v) is not None]
        return [v for v in here if self.plan.groups[self.plan.home[v]] is group]

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

    def copy(self, source: Value, target: Value, where: View, label: str, accumulate: bool = False) -> None:  # fmt: skip
        """Write `source` into a view of `target`, or add it there."""
        shape = source.spec.shape
        group = Group("rows", shape)
        axes = tuple(None if n == 1 else k for k, n in enumerate(shape))
        result = self.fresh(Spec(shape, target.spec.dtype))
        reads = {source: Access(self.views[source].root, source.spec.dtype, self.views[source].offset, self.views[source].strides)}  # fmt: skip
        there = Access(where.root, target.spec.dtype, where.offset, where.strides)
        if accumulate:
            old = self.fresh(Spec(shape, target.spec.dtype))
            reads[old] = there
            step = Instruction(result, "add", (old, source), ())
        else:
            step = Instruction(result, "astype", (source,), (("dtype", target.spec.dtype),))
        group.steps.append(step)
        group.axes[result] = axes
        self.nest(group, reads, {result: there}, label)

    def filled(self, target: Value, number: Any) -> None:
        group = Group("rows", target.spec.shape)
        result = self.fresh(target.spec)
        static = (("shape", target.spec.shape), ("value", number), ("dtype", target.spec.dtype))
        group.steps.append(Instruction(result, "full", (), static))
        group.axes[result] = tuple(None if n == 1 else k for k, n in enumerate(target.spec.shape))
        there = self.write(group, result)._replace(root=target)
        self.nest(group, {}, {result: there}, "fill")


def _accepts(instruction: Instruction) -> bool:
    if instruction.primitive in REDUCTIONS:
        source = instruction.operands[0]
        return isinstance(source, Value) and source.spec.dtype in DTYPES and 0 not in source.spec.shape and source.spec.size > 0 and bool(dict(instruction.static)["axis"])  # fmt: skip
    return accepts(instruction) and 0 not in instruction.result.spec.shape
