"""What a plan reads and writes: which values need memory, how each group runs through
it, what lies in a state's memory.

State is written in place where nobody reads the old value afterwards. Nothing here knows a target but for two
questions that a target answers by overriding `is_foreign` and `reads_late`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

from ..contract import Spec
from ..primitives import is_reduction
from .access import Access
from .fuse import Group, Plan
from .ir import Instruction, Value, casting, filling, operands_of
from .nest import only_for
from .views import View, identity, own, row_major


class BufferAssignment(ABC):
    """The groups of a program with their memory.

    Args:
        fused: the groups.
    """

    def __init__(self, fused: Plan) -> None:
        self.program = fused.program
        self.plan = fused
        self.views = self.plan.views
        self.next = max((v.number for v in self.views), default=0) + 1
        self.reads = [self.reads_of(g) for g in self.plan.groups]
        self.assigned = {v: s for s, v in self.program.assigns if isinstance(v, Value)}
        self.needed = self._needed()
        self.place = self._places()

    @abstractmethod
    def is_foreign(self, instruction: Instruction) -> bool:
        """Whether the target has no kernel for this opaque instruction."""

    @abstractmethod
    def reads_late(self, group: Group) -> bool:
        """Whether loops of this group read elements again after they have written others."""

    @abstractmethod
    def nest(
        self, group: Group, reads: dict[Value, Access], writes: dict[Value, Access], name: str = ""
    ) -> None:
        """Make the call of a nest of loops."""

    def fresh(self, spec: Spec) -> Value:
        self.next += 1
        value = Value(self.next - 1, spec)
        self.views[value] = own(value)
        return value

    def _needed(self) -> set[Value]:
        """Roots that somebody reads from memory."""
        needed = {a.root for reads in self.reads for a in reads.values()}
        for group in self.plan.groups:
            if group.head is not None:
                needed |= {self.views[o].root for o in operands_of(group.head)}
        needed |= {v for _, v in (*self.program.assigns, *self.program.outputs) if isinstance(v, Value)}
        return needed

    def _places(self) -> dict[Value, Value]:
        """Values that are computed right into the memory of a state."""
        on_host = any(
            g.head is not None and g.kind == "opaque" and self.is_foreign(g.head) for g in self.plan.groups
        )
        if on_host:
            return {}
        last: dict[Value, int] = {}
        for index, (group, reads) in enumerate(zip(self.plan.groups, self.reads, strict=True)):
            roots = {a.root for a in reads.values()}
            if group.head is not None:
                roots |= {self.views[o].root for o in operands_of(group.head)}
            last.update(dict.fromkeys(roots, index))
        return {v: s for v, s in self.assigned.items() if self._in_place(v, s, last.get(s, -1))}

    def _in_place(self, value: Value, state: Value, last: int) -> bool:
        place = self.plan.group_of[value]
        group = self.plan.groups[place]
        if last > place or group.kind == "opaque":
            return False
        if last < place:
            return True
        if group.head is not None and any(self.views[o].root == state for o in operands_of(group.head)):
            return False
        if self.reads_late(group):
            return False
        write = self.write(group, value)
        return all(
            (a.offset, a.strides) == (write.offset, write.strides)
            for a in self.reads[place].values()
            if a.root == state
        )

    def root(self, value: Value) -> Value:
        return self.place.get(value, value)

    def reads_of(self, group: Group) -> dict[Value, Access]:
        """What the steps of a group read from memory; an operand that is read along
        two different axes gets two names.
        """
        reads: dict[Value, Access] = {}
        for at, step in enumerate(group.steps):
            operands = list(step.operands)
            for k, operand in enumerate(operands):
                if not isinstance(operand, Value):
                    continue
                root = self.views[operand].root
                if root in group.axes:
                    operands[k] = root
                    continue
                access = self._access(group, step, operand)
                name = operand
                if reads.get(name, access) != access:
                    name = next((v for v, a in reads.items() if a == access), None) or self.fresh(
                        operand.spec
                    )
                reads[name] = access
                operands[k] = name
            group.steps[at] = step._replace(operands=tuple(operands))
        return reads

    def _axes_for(self, group: Group, step: Instruction, operand: Value) -> tuple[int | None, ...]:
        """The axes of the domain along which `operand` is read."""
        if is_reduction(step.primitive):
            static, result = dict(step.static), group.axes[step.result]
            given = [a for k, a in enumerate(result) if not static["keepdims"] or k not in static["axis"]]
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
        access = self.access_of(operand)
        strides = [0] * len(group.domain)
        for axis, length, step_of in zip(
            self._axes_for(group, step, operand), operand.spec.shape, access.strides, strict=True
        ):
            if length != 1 and axis is not None:
                strides[axis] += step_of
        return access._replace(strides=tuple(strides))

    def write(self, group: Group, value: Value) -> Access:
        """Where a group writes `value`: in C order."""
        strides = [0] * len(group.domain)
        for axis, length, step in zip(
            group.axes[value], value.spec.shape, row_major(value.spec.shape), strict=True
        ):
            if length != 1 and axis is not None:
                strides[axis] = step
        if group.domain and group.domain[-1] == 1:
            strides[-1] = 1
        return Access(value, value.spec.dtype, 0, tuple(strides))

    def made(self, group: Group) -> list[Value]:
        """Values of the group that are wanted in memory."""
        here = [v for v in group.axes if v in self.needed and self.plan.group_of.get(v) is not None]
        return [v for v in here if self.plan.groups[self.plan.group_of[v]] is group]

    def copy(self, source: Value, target: Value, where: View, label: str, accumulate: bool = False) -> None:
        """Write `source` into a view of `target`, or add it there."""
        spec = Spec(source.spec.shape, target.spec.dtype)
        result = self.fresh(spec)
        reads = {source: self.access_of(source)}
        there = Access(where.root, target.spec.dtype, where.offset, where.strides)
        if accumulate:
            old = self.fresh(spec)
            reads[old] = there
            step = Instruction(result, "add", (old, source), ())
        else:
            step = casting(source, result)
        self.nest(_alone(step), reads, {result: there}, label)

    def filled(self, target: Value, number: Any) -> None:
        result = self.fresh(target.spec)
        group = _alone(filling(result, number))
        self.nest(group, {}, {result: self.write(group, result)._replace(root=target)}, "fill")

    def access_of(self, value: Value) -> Access:
        """How a value lies in the memory of its root, along its own axes."""
        root, offset, strides, _ = self.views[value]
        return Access(root, value.spec.dtype, offset, strides)

    def matrix(self, value: Value, batch: Sequence[int]) -> Access:
        """An operand with strides for all batch axes of the product."""
        view = self.views[value]
        lead = len(batch) - (value.spec.ndim - 2)
        own = [0 if n == 1 else s for n, s in zip(value.spec.shape[:-2], view.strides[:-2], strict=True)]
        strides = (*(0,) * lead, *own, *view.strides[-2:])
        return Access(self.root(view.root), value.spec.dtype, view.offset, strides)

    def epilogue(self, group: Group, steps: list[Instruction], reads: dict[Value, Access]) -> None:
        """Those of the `steps` that somebody wants, as a loop behind the product that they follow."""
        made = self.made(group)
        steps = only_for(made, steps)
        if not steps:
            return
        after = Group("rows", group.domain)
        after.steps = steps
        computed = {s.result for s in steps}
        after.axes = {v: x for v, x in group.axes.items() if v in computed}
        wanted = {o for s in steps for o in operands_of(s)}
        reads = {v: x for v, x in reads.items() if v in wanted}
        for value in [v for v in group.axes if v in wanted and v not in computed]:
            reads[value] = self.write(group, value)
        self.nest(after, reads, {v: self.write(group, v) for v in made if v in computed})

    def contiguous(self, value: Value) -> Value:
        """`value`, or a copy of it in C order."""
        if self.views[value].root == value:
            return value
        copy = self.fresh(value.spec)
        self.copy(value, copy, self.views[copy], "copy")
        return copy


def _alone(step: Instruction) -> Group:
    """The group of one instruction, along the axes of its result."""
    shape = step.result.spec.shape
    group = Group("rows", shape)
    group.steps.append(step)
    group.axes[step.result] = identity(shape)
    return group
