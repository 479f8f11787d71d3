"""Reductions along the first axes of a domain: 32 threads side by side, each with
its column, in 8 lines down the rows.

No atomic addition: lines are joined in their order, and where many rows stand above few columns, `partial`
leaves what each part gathered for `finish` to join.
"""

from __future__ import annotations

import math

from ..contract import Spec
from ..primitives import is_reduction
from ..program.access import Access
from ..program.ir import Instruction, Value, operands_of
from ..program.nest import Nest, count_strides, only_for
from .gather import Accumulator
from .kernel import THREADS, Axes, Kernel, Writer

_LINES = THREADS // 32
_PART = 512
"""Rows of a part."""
_BLOCKS = 4096
_ENOUGH = 256
"""Blocks that keep a large device busy."""


class Columns:
    """The kernels of a `columns` group: elements, reductions, and then what is computed once a column."""

    def __init__(self, nest: Nest) -> None:
        self.nest, self.group = nest, nest.group
        assert self.group.reduced is not None
        self.cut = max(self.group.reduced) + 1
        self.rows = math.prod(self.group.domain[: self.cut])
        self.columns = math.prod(self.group.domain[self.cut :])
        self.reductions = [s for s in self.group.steps if is_reduction(s.primitive)]

    @property
    def parts(self) -> int:
        """In how many parts the rows are cut; 1: not at all."""
        blocks = -(-self.columns // 32)
        if self.rows < 2 * _PART or blocks >= _ENOUGH:
            return 1
        return min(-(-self.rows // _PART), -(-_ENOUGH // blocks) * 2)

    def scratches(self) -> list[Spec]:
        """What `partial` writes for each reduction."""
        return [
            Spec((self.parts, self.columns * g.words), g.dtype) for g in map(Accumulator, self.reductions)
        ]

    def kernel(self, name: str = "columns") -> Kernel:
        return _Writing(self).whole(name)

    def partial(self, scratches: list[Value], name: str = "columns_partial") -> Kernel:
        return _Writing(self).partial(name, scratches)

    def finish(self, scratches: list[Value], name: str = "columns_finish") -> Kernel:
        return _Writing(self).finish(name, scratches)


class _Writing:
    def __init__(self, columns: Columns) -> None:
        self.columns, self.nest, self.group = columns, columns.nest, columns.group
        self.writer = Writer()
        cut, domain = columns.cut, self.group.domain
        self.counts = {
            s.result: count_strides(self.group, s.result) for s in self.group.steps if s.primitive == "arange"
        }
        runs = [a.strides for a in (*self.nest.reads.values(), *self.nest.writes.values())] + list(
            self.counts.values()
        )
        self.down = Axes(self.writer, domain[:cut], [r[:cut] for r in runs])
        self.side = Axes(self.writer, domain[cut:], [r[cut:] for r in runs])
        self.total = self.writer.integer(columns.columns)
        self.length = self.writer.integer(columns.rows)
        self.down.declare()
        self.side.declare()
        before = {operand for s in columns.reductions for operand in operands_of(s)}
        self.elements = only_for(before, self.group.steps)

    def whole(self, name: str) -> Kernel:
        self._each_column()
        accumulators = self._gather("0", self.length)
        for accumulator in accumulators:
            accumulator.close(self.writer, f"total_down<{_LINES}, ")
        self._after()
        self.writer.close()
        return self.writer.kernel(name, (self._blocks(), 1))

    def partial(self, name: str, scratches: list[Value]) -> Kernel:
        writer = self.writer
        each = writer.integer(-(-self.columns.rows // self.columns.parts))
        self._each_column()
        writer.line(f"const I begin = (I)blockIdx.y * {each};")
        writer.line(f"const I end = begin + {each} < {self.length} ? begin + {each} : {self.length};")
        for accumulator, scratch in zip(self._gather("begin", "end"), scratches, strict=True):
            pointer = writer.pointer(Access(scratch, scratch.spec.dtype, 0, ()), written=True)
            writer.line(f"{accumulator.name} = total_down<{_LINES}, {accumulator.op}>({accumulator.name});")
            writer.line(
                f"if (live && line == 0) {accumulator.put(pointer, f'(I)blockIdx.y * {self.total} + column')}"
            )
        writer.close()
        return writer.kernel(name, (self._blocks(), self.columns.parts))

    def finish(self, name: str, scratches: list[Value]) -> Kernel:
        writer = self.writer
        parts = writer.integer(self.columns.parts)
        self._each_column()
        for reduction, scratch in zip(self.columns.reductions, scratches, strict=True):
            accumulator = Accumulator(reduction)
            pointer = writer.pointer(Access(scratch, scratch.spec.dtype, 0, ()))
            accumulator.open(writer)
            writer.open(f"for (I r = line; r < {parts}; r += {_LINES})")
            writer.line(
                f"{accumulator.name} = {accumulator.op}::join({accumulator.name}, "
                f"{accumulator.get(pointer, f'r * {self.total} + column')});"
            )
            writer.close()
            accumulator.close(writer, f"total_down<{_LINES}, ")
        self._after()
        writer.close()
        return writer.kernel(name, (self._blocks(), 1))

    def _blocks(self) -> int:
        return min(-(-self.columns.columns // 32), _BLOCKS)

    def _each_column(self) -> None:
        """Open the loop over columns. All threads of a block stay in it together; the
        last ones may have none of their own.
        """
        writer = self.writer
        writer.line("const I x = (I)threadIdx.x % 32, line = (I)threadIdx.x / 32;")
        writer.open(f"for (I first = (I)blockIdx.x * 32; first < {self.total}; first += (I)gridDim.x * 32)")
        writer.line(f"const bool live = first + x < {self.total};")
        writer.line(f"const I column = live ? first + x : {self.total} - 1;")
        self.places = self.side.find("column", "k")

    def _gather(self, begin: str, end: str) -> list[Accumulator]:
        """Down the rows of a column."""
        writer, cut = self.writer, self.columns.cut
        accumulators = [Accumulator(r) for r in self.columns.reductions]
        outer = dict(writer.names)
        for accumulator in accumulators:
            accumulator.open(writer)
        read = {o for s in (*self.elements, *self.columns.reductions) for o in operands_of(s)}
        starts = {
            v: self.side.offset(self.places, a.strides[cut:]) for v, a in self.nest.reads.items() if v in read
        }
        writer.open(f"for (I r = {begin} + line; r < {end}; r += {_LINES})")
        places = self.down.find("r", "d")
        for value, start in starts.items():
            access = self.nest.reads[value]
            writer.define(
                value, f"{writer.pointer(access)}[{start} + {self.down.offset(places, access.strides[:cut])}]"
            )
        for step in self.elements:
            writer.step(step, self._place(step, places))
        for accumulator in accumulators:
            accumulator.add(writer, writer.read(operands_of(accumulator.reduction)[0]), "r")
        writer.close()
        writer.names = outer
        return accumulators

    def _place(self, step: Instruction, places: list[str]) -> str:
        if step.primitive != "arange":
            return ""
        run, cut = self.counts[step.result], self.columns.cut
        return f"({self.side.offset(self.places, run[cut:])} + {self.down.offset(places, run[:cut])})"

    def _after(self) -> None:
        """What is computed once a column, and written."""
        writer, cut = self.writer, self.columns.cut
        done = {s.result for s in self.columns.reductions}
        steps = only_for(self.nest.writes, self.group.steps, done)
        read = {o for s in steps for o in operands_of(s)}
        for value, access in self.nest.reads.items():
            if value in read:
                offset = self.side.offset(self.places, access.strides[cut:])
                writer.define(value, f"{writer.pointer(access)}[{offset}]")
        for step in steps:
            writer.step(
                step,
                f"({self.side.offset(self.places, self.counts[step.result][cut:])})"
                if step.primitive == "arange"
                else "",
            )
        for value, access in self.nest.writes.items():
            offset = self.side.offset(self.places, access.strides[cut:])
            writer.line(
                f"if (live && line == 0) {writer.pointer(access, written=True)}[{offset}] = "
                f"{writer.read(value)};"
            )
