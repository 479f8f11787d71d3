"""Reductions along the first axes of a domain: 32 threads side by side, each with
its column, in 8 lines down the rows.

No atomic addition: lines are joined in their order, and where many rows stand above few columns, `partial`
leaves what each part gathered for `finish` to join.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from ..contract import Spec
from ..primitives import is_reduction
from ..program.ir import Instruction, Value, operands_of
from ..program.nest import Nest, only_for
from .gather import Accumulator, Reducing
from .kernel import THREADS, Draw, Kernel, Writer

_LINES = THREADS // 32
_TOTAL = f"total_down<{_LINES}, "
_PART = 64
"""Rows of a part, at least: eight for each line."""
_CUT_FROM = 4 * _PART
"""Rows from which on a second kernel costs less than going down them all."""
_BLOCKS = 4096
_ENOUGH = 264
"""Blocks that keep a large device busy, two for each of 132 multiprocessors."""


class Columns:
    """The kernels of a `columns` group: elements, reductions, and then what is computed once a column.

    Args:
        nest: the group with its memory.
        draws: operands that are random bits.
    """

    def __init__(self, nest: Nest, draws: Mapping[Value, Draw] | None = None) -> None:
        self.nest, self.group, self.draws = nest, nest.group, draws
        assert self.group.reduced is not None
        self.cut = max(self.group.reduced) + 1
        self.rows = math.prod(self.group.domain[: self.cut])
        self.columns = math.prod(self.group.domain[self.cut :])
        self.reductions = [s for s in self.group.steps if is_reduction(s.primitive)]

    @property
    def parts(self) -> int:
        """In how many parts the rows are cut; 1: not at all."""
        blocks = -(-self.columns // 32)
        if self.rows < _CUT_FROM or blocks >= _ENOUGH:
            return 1
        return min(-(-self.rows // _PART), -(-_ENOUGH // blocks) * 2)

    def scratches(self) -> list[Spec]:
        """What `partial` writes for each reduction."""
        return [
            Spec((self.parts, self.columns * g.words), g.dtype) for g in map(Accumulator, self.reductions)
        ]

    def kernel(self) -> Kernel:
        return _Writing(self).whole()

    def partial(self, scratches: list[Value]) -> Kernel:
        return _Writing(self).partial(scratches)

    def finish(self, scratches: list[Value]) -> Kernel:
        return _Writing(self).finish(scratches)


class _Writing(Reducing):
    def __init__(self, columns: Columns) -> None:
        super().__init__(
            columns.nest, columns.cut, Writer(draws=columns.draws), columns.columns, columns.rows
        )
        self.columns = columns
        before = {operand for s in columns.reductions for operand in operands_of(s)}
        self.elements = only_for(before, self.group.steps)

    def whole(self) -> Kernel:
        self._each_column()
        for accumulator in self._gather("0", self.length):
            accumulator.close(self.writer, _TOTAL)
        return self._after("columns")

    def partial(self, scratches: list[Value]) -> Kernel:
        writer = self.writer
        each = writer.integer(-(-self.columns.rows // self.columns.parts))
        self._each_column()
        self.part(each)
        at = f"(I)blockIdx.y * {self.total} + column"
        for accumulator, scratch in zip(self._gather("begin", "end"), scratches, strict=True):
            accumulator.leave(writer, scratch, _TOTAL, "line", at)
        writer.close()
        return writer.kernel("columns_partial", (self._blocks(), self.columns.parts))

    def finish(self, scratches: list[Value]) -> Kernel:
        loop = f"for (I r = line; r < {self.writer.integer(self.columns.parts)}; r += {_LINES})"
        self._each_column()
        for reduction, scratch in zip(self.columns.reductions, scratches, strict=True):
            Accumulator(reduction).resume(self.writer, scratch, _TOTAL, loop, f"r * {self.total} + column")
        return self._after("columns_finish")

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
        self.places = self.along.find("column", "k")

    def _gather(self, begin: str, end: str) -> list[Accumulator]:
        """Down the rows of a column."""
        writer, cut = self.writer, self.cut
        accumulators = [Accumulator(r) for r in self.columns.reductions]
        outer = dict(writer.names)
        for accumulator in accumulators:
            accumulator.open(writer)
        read = {o for s in (*self.elements, *self.columns.reductions) for o in operands_of(s)}
        starts = {v: self._beside(a.strides) for v, a in self.nest.reads.items() if v in read}
        writer.open(f"for (I r = {begin} + line; r < {end}; r += {_LINES})")
        places = self.down.find("r", "d")
        for value, start in starts.items():
            access = self.nest.reads[value]
            writer.load(value, access, f"{start} + {self.down.offset(places, access.strides[:cut])}")
        for step in self.elements:
            writer.step(step, self._place(step, places))
        for accumulator in accumulators:
            accumulator.add(writer, "r")
        writer.close()
        writer.names = outer
        return accumulators

    def _place(self, step: Instruction, places: list[str]) -> str:
        if step.primitive != "arange":
            return ""
        run = self.counts[step.result]
        return f"({self._beside(run)} + {self.down.offset(places, run[: self.cut])})"

    def _beside(self, run: Sequence[int]) -> str:
        """Where a column begins."""
        return self.along.offset(self.places, run[self.cut :])

    def _after(self, name: str) -> Kernel:
        """What is computed once a column, and written: the end of a kernel."""
        writer = self.writer
        done = {s.result for s in self.columns.reductions}
        steps = only_for(self.nest.writes, self.group.steps, done)
        read = {o for s in steps for o in operands_of(s)}
        for value, access in self.nest.reads.items():
            if value in read:
                writer.load(value, access, self._beside(access.strides))
        for step in steps:
            run = self.counts.get(step.result)
            writer.step(step, "" if run is None else f"({self._beside(run)})")
        for value, access in self.nest.writes.items():
            writer.store(value, access, self._beside(access.strides), "if (live && line == 0) ")
        writer.close()
        return writer.kernel(name, (self._blocks(), 1))
