"""Kernels that go down the rows: reductions over the first axes, for a few vectors of columns at a time."""

from __future__ import annotations

import math
from collections.abc import Callable

from ..primitives import is_reduction
from ..program.ir import Instruction, Value, operands_of
from .loops import Loops
from .reduction import Reduction, split
from .vectors import Operand, VectorValue

_DOWN = 4
"""Vectors of columns that go down the rows together."""


class Columns(Loops):
    """A `columns` group: reductions over the first axes, then arithmetic on what is left."""

    def body(self) -> None:
        group = self.group
        assert group.reduced is not None
        kept = self.kept = max(group.reduced) + 1
        self.outer, self.inner = group.domain[:kept], group.domain[kept:]
        self.columns = math.prod(self.inner)
        width = self.width
        whole, rest = self.columns // width, self.columns % width
        down = min(_DOWN, max(whole, 1))
        wide, narrow = divmod(whole, down)
        if wide:
            begin, end = self.share(wide, 1)

            def block(k: VectorValue, carried: list[VectorValue]) -> list[VectorValue]:
                start = self.code.binary("*", k, down * width)
                self._down([(self.sum(i * width, start), width) for i in range(down)])
                return []

            self.loop(begin, end, 1, (), block)
        last = self.code.compare(
            "==", self.code.binary("+", VectorValue("%part", "int64"), 1), VectorValue("%parts", "int64")
        )
        remaining = [(self.number((wide * down + i) * width), width) for i in range(narrow)]
        if rest:
            remaining.append((self.number(whole * width), rest))
        if remaining:
            self.when(last, lambda: self._down(remaining))

    def _down(self, blocks: list[tuple[VectorValue, int]]) -> None:
        """Go down all rows for some vectors of columns, then finish them."""
        group, code = self.group, self.code
        before = [s for s in group.steps if not is_reduction(s.primitive) and self._is_row_work(s)]
        reduced = [s for s in group.steps if is_reduction(s.primitive)]
        rows = math.prod(self.outer)
        reductions = {
            (s, b): Reduction(code, s, rows, self.width, across=False)
            for s in reduced
            for b in range(len(blocks))
        }
        starts = [lane for r in reductions.values() for lane in r.start()]

        def one(row: VectorValue, carried: list[VectorValue]) -> list[VectorValue]:
            new: list[VectorValue] = []
            known: dict[tuple[Value, int], Operand] = {}
            self.begin_row(row)

            def read_at(block: int) -> Callable[[Value], Operand]:
                def read(value: Value) -> Operand:
                    if (value, block) not in known:
                        access = self.nest.reads[value]
                        known[value, block] = self.vector(access, self.base(access), *blocks[block])
                    return known[value, block]

                return read

            for block in range(len(blocks)):
                for step in before:
                    if step.primitive == "arange":
                        known[step.result, block] = self.count(step, row, *blocks[block])
                    else:
                        known[step.result, block] = self.compute(step, read_at(block))
            for (_, block), (reduction, own) in zip(
                reductions, split(reductions.values(), carried), strict=True
            ):
                lane = self.lane(read_at(block)(reduction.source), reduction.dtype)
                new += reduction.take(own, lane, row, self.width)
            return new

        ends = self.loop(self.number(0), self.number(rows), 1, starts, one)
        results: dict[tuple[Value, int], Operand] = {}
        for (_, block), (reduction, own) in zip(reductions, split(reductions.values(), ends), strict=True):
            results[reduction.value, block] = reduction.close(own, self.width)
        self._finish(blocks, results)

    def _is_row_work(self, step: Instruction) -> bool:
        """Whether a step is done for each row: it reads elements, or only parameters on the way to one."""
        wanted: set[Value] = set()
        for other in reversed(self.group.steps):
            if is_reduction(other.primitive) or other.result in wanted:
                wanted.update(operands_of(other))
        return step.result in wanted

    def _finish(
        self, blocks: list[tuple[VectorValue, int]], results: dict[tuple[Value, int], Operand]
    ) -> None:
        group = self.group
        for block, (index, active) in enumerate(blocks):

            def read(
                value: Value, block: int = block, index: VectorValue = index, active: int = active
            ) -> Operand:
                if (value, block) not in results:
                    access = self.nest.reads[value]
                    results[value, block] = self.vector(access, access.offset, index, active)
                return results[value, block]

            for step in group.steps:
                if is_reduction(step.primitive) or (step.result, block) in results:
                    continue
                if self._is_row_work(step) and group.is_element(step.result):
                    continue
                if step.primitive == "arange":
                    results[step.result, block] = self.count(step, None, index, active)
                else:
                    results[step.result, block] = self.compute(step, read)
            for value, access in self.nest.writes.items():
                lane = self.lane(results[value, block], value.spec.dtype)
                self.put(lane, access, access.offset, index, active)
