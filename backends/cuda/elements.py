"""Loops without reductions: every thread computes a few neighbouring elements,
read and written 16 bytes at a time.
"""

from __future__ import annotations

from collections.abc import Mapping

from ..program.access import Access
from ..program.ir import Instruction, Value, operands_of
from ..program.nest import Nest, counts_of, runs_of
from .kernel import THREADS, Axes, Draw, Kernel, Writer, lanes_for
from .scalar import TYPES

_BLOCKS = 4096
"""So many blocks at most; a block goes on with other elements when it is done."""


def elements(
    nest: Nest,
    unaligned: frozenset[Value] = frozenset(),
    guard: Value | None = None,
    draws: Mapping[Value, Draw] | None = None,
) -> Kernel:
    """The kernel of a group without reductions; see `Writer` for the other arguments."""
    return _Elements(nest, Writer(unaligned, guard, draws)).kernel("elements")


class _Elements:
    def __init__(self, nest: Nest, writer: Writer) -> None:
        self.nest, self.group = nest, nest.group
        self.writer = writer
        self.counts = counts_of(nest)
        self.axes = Axes(self.writer, self.group.domain, runs_of(nest))
        given = [(a, self.axes.strides(a.strides)) for a in (*nest.reads.values(), *nest.writes.values())]
        last = self.axes.sizes[-1] if self.axes.sizes else 1
        self.lanes = lanes_for(self.writer, given, last)

    def kernel(self, name: str) -> Kernel:
        writer, axes = self.writer, self.axes
        total = writer.integer(max(axes.total, 1))
        axes.declare()
        single = self._singles()
        threads = -(-max(axes.total, 1) // self.lanes)
        writer.line(f"const I stride = (I)gridDim.x * {THREADS * self.lanes};")
        writer.open(
            f"for (I i = ((I)blockIdx.x * {THREADS} + (I)threadIdx.x) * {self.lanes}; i < {total}; i += "
            "stride)"
        )
        places = axes.find("i", "c")
        packs = {
            v: self._load(v, a, places, k)
            for k, (v, a) in enumerate(self.nest.reads.items())
            if v not in writer.names
        }
        for k, access in enumerate(self.nest.writes.values()):
            writer.line(f"Pack<{TYPES[access.dtype]}, {self._lanes_of(access)}> w{k};")
        counts = {v: axes.offset(places, run) for v, run in self.counts.items()}
        writer.line("#pragma unroll")
        writer.open(f"for (int l = 0; l < {self.lanes}; ++l)")
        for value, (pack, lanes) in packs.items():
            writer.define(value, f"{pack}.v[{'l' if lanes > 1 else '0'}]")
        for step in self.group.steps:
            if step.result not in single:
                self._step(step, counts)
        for k, (value, access) in enumerate(self.nest.writes.items()):
            lanes = self._lanes_of(access)
            writer.line(f"w{k}.v[{'l' if lanes > 1 else '0'}] = {writer.stored(value, access)};")
        writer.close()
        for k, access in enumerate(self.nest.writes.values()):
            pointer = writer.pointer(access, written=True)
            offset = axes.offset(places, access.strides)
            writer.line(f"store<{self._lanes_of(access)}>({pointer} + {offset}, w{k});")
        writer.close()
        return writer.kernel(name, (min(-(-threads // THREADS), _BLOCKS), 1))

    def _singles(self) -> set[Value]:
        """Values of one element are computed once by each thread, before its loop."""
        writer, group = self.writer, self.group
        if not self.axes.sizes:
            return set()
        single = {
            s.result
            for s in group.steps
            if s.primitive != "arange" and not any(a is not None for a in group.axes[s.result])
        }
        wanted = {o for s in group.steps if s.result in single for o in operands_of(s)}
        for value, access in self.nest.reads.items():
            if not any(access.strides) and (value in wanted or value.spec.size == 1):
                writer.load(value, access, "0")
        for step in group.steps:
            if step.result in single:
                writer.step(step)
        return single

    def _lanes_of(self, access: Access) -> int:
        strides = self.axes.strides(access.strides)
        return self.lanes if strides and strides[-1] == 1 else 1

    def _load(self, value: Value, access: Access, places: list[str], number: int) -> tuple[str, int]:
        lanes = self._lanes_of(access)
        loaded = self.writer.pack(value, access, lanes, self.axes.offset(places, access.strides))
        self.writer.line(f"const Pack<{TYPES[access.dtype]}, {lanes}> a{number} = {loaded};")
        return f"a{number}", lanes

    def _step(self, step: Instruction, counts: dict[Value, str]) -> None:
        place = counts.get(step.result, "")
        if place:
            strides = self.axes.strides(self.counts[step.result])
            moving = " + l" if strides and strides[-1] == 1 and self.lanes > 1 else ""
            place = f"({place}{moving})"
        self.writer.step(step, place)
