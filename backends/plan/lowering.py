"""From the groups of a program to the calls of a target: which call does the work of a group, and for whom.

State is written in place where nobody reads the old value afterwards, otherwise to memory of its own and
copied at the end. A target says what its loops, its products and its moves of elements are.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from ..errors import ProgramError
from ..program.access import Access
from ..program.buffers import BufferAssignment
from ..program.fuse import Group, Plan
from ..program.ir import Instruction, Program, Value, operands_of, scope_label
from ..program.pieces import put_together
from ..program.views import View, row_major
from ..shapes import Slot
from .calls import Call

C = TypeVar("C", bound=Call)
Accesses = dict[Value, Access]


@dataclass
class Lowered(Generic[C]):
    """Calls in an order that is right; `place` maps values to the state whose memory holds them."""

    program: Program
    calls: list[C]
    place: dict[Value, Value]
    views: dict[Value, View]

    def owners(self) -> dict[Value, Value]:
        """The value that memory holds in the end, where that is not its own."""
        return {state: value for value, state in self.place.items()}


class Lowering(BufferAssignment, Generic[C]):
    """Makes the calls of a program.

    Args:
        fused: its groups.
    """

    def __init__(self, fused: Plan) -> None:
        super().__init__(fused)
        self.calls: list[C] = []

    def make_calls(self) -> None:
        """The calls of all groups, and the copies of what could not be written in place."""
        for group, reads in zip(self.plan.groups, self.reads, strict=True):
            first = len(self.calls)
            if group.kind == "product":
                self.product(group, reads)
            elif group.kind == "opaque":
                self.move(group)
            else:
                self.nest(group, reads, {v: self.write(group, v) for v in self.made(group)})
            # copies of operands have no work of their own to be named by
            self._give_scope(first, group.steps if group.head is None else [group.head])
        made = {i.result: i for i in self.program.instructions}
        for state, value in self.program.assigns:
            assert isinstance(value, Value)
            if self.root(value) != state:
                first = len(self.calls)
                self.copy(value, state, View(state, 0, row_major(state.spec.shape), None), "keep")
                self._give_scope(first, [made[value]])

    def _give_scope(self, first: int, steps: list[Instruction]) -> None:
        """The calls from number `first` on are the work of these steps,
        where nothing else was said of them.
        """
        scope = scope_label(steps)
        for call in self.calls[first:]:
            call.scope = call.scope or scope

    @staticmethod
    def scope_of(group: Group) -> str:
        """Whose work a whole group is."""
        return scope_label([*([] if group.head is None else [group.head]), *group.steps])

    def nest(self, group: Group, reads: Accesses, writes: Accesses, name: str = "") -> None:
        """The call of a nest of loops."""
        first = len(self.calls)
        self.loops(group, self.placed(reads), self.placed(writes), name)
        self._give_scope(first, group.steps)

    def placed(self, accesses: Accesses) -> Accesses:
        """Where it is read and written, with what lies in the memory of a state."""
        return {v: a._replace(root=self.root(a.root)) for v, a in accesses.items()}

    def placed_access(self, value: Value) -> Access:
        """How one value lies in memory."""
        return self.placed({value: self.access_of(value)})[value]

    def move(self, group: Group) -> None:
        """The calls of an instruction that is no arithmetic."""
        head = group.head
        assert head is not None
        values = operands_of(head)
        target = self.root(head.result)
        if self.is_foreign(head):
            self.foreign(head, [self.root(self.views[v].root) for v in values])
        elif head.primitive == "random_bits":
            self.random_bits(values, target)
        elif head.primitive == "windows_add":
            self.windows_add(values[0], target, dict(head.static))
        elif head.primitive == "getitem":
            table, indices = (self.root(self.contiguous(v)) for v in values)
            self.take(table, indices, target)
        elif head.primitive == "index_add" and has_slots(head):
            rows, indices = (self.root(self.contiguous(v)) for v in values)
            self.scatter(rows, indices, target)
        elif head.primitive == "argsort":
            self.argsort(self.contiguous(values[0]), target)
        else:
            put_together(self, head)

    @abstractmethod
    def loops(self, group: Group, reads: Accesses, writes: Accesses, name: str) -> None:
        """The kernel of a nest of loops."""

    @abstractmethod
    def product(self, group: Group, reads: Accesses) -> None:
        """A matrix product, with what follows it."""

    @abstractmethod
    def foreign(self, head: Instruction, roots: list[Value]) -> None:
        """An instruction for which there is no kernel, on operands that lie in `roots`."""

    @abstractmethod
    def random_bits(self, values: list[Value], target: Value) -> None:
        """Random bits of a key and a counter."""

    @abstractmethod
    def windows_add(self, values: Value, target: Value, static: dict[str, Any]) -> None:
        """Windows added where they were taken."""

    @abstractmethod
    def take(self, table: Value, indices: Value, target: Value) -> None:
        """Rows of a table by index; all three are roots."""

    @abstractmethod
    def scatter(self, rows: Value, indices: Value, target: Value) -> None:
        """Rows added by index; all three are roots."""

    def argsort(self, keys: Value, target: Value) -> None:
        """The order of keys; a target without it says so by `is_foreign`."""
        raise ProgramError("this target has no kernel for argsort")


def has_slots(head: Instruction) -> bool:
    """Whether the key of an instruction holds arrays of indices."""
    return any(isinstance(e, Slot) for e in dict(head.static).get("key", ()))
