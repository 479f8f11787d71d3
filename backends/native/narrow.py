"""Kernels for short rows: as many rows side by side as a vector has lanes, each column a register of its own.

A softmax over ten classes would use ten of sixteen lanes and then search across them; here a
reduction is arithmetic between registers, and every lane works. Rows are read and written across
memory, which costs less than it saves.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from ..primitives import is_reduction
from ..program.access import Access, merged
from ..program.ir import Value, operands_of
from ..program.nest import Nest, count_strides, kept_axes
from .loops import Loops
from .reduction import Reduction
from .vectors import Operand, VectorValue

MOST_COLUMNS = 12
_FEWEST_ROWS = 8


def is_narrow(nest: Nest) -> bool:
    """Whether the rows of this nest are short and many."""
    group = nest.group
    if group.kind != "rows" or not group.reduced:
        return False
    kept = kept_axes(nest)
    rows, columns = math.prod(group.domain[:kept]), math.prod(group.domain[kept:])
    return 2 <= columns <= MOST_COLUMNS and rows >= _FEWEST_ROWS


class Narrow(Loops):
    """A `rows` group with short rows."""

    def body(self) -> None:
        kept = kept_axes(self.nest)
        domain = self.group.domain
        self.kept, self.outer, self.inner = kept, domain[:kept], domain[kept:]
        self.columns = math.prod(self.inner)
        begin, end = self.share(math.prod(self.outer))

        def some(row: VectorValue, carried: list[VectorValue]) -> list[VectorValue]:
            self._rows(row, end)
            return []

        self.loop(begin, end, self.width, (), some)

    def _rows(self, row: VectorValue, end: VectorValue) -> None:
        """As many rows as there are lanes, from `row` on."""
        code, width = self.code, self.width
        left = code.spread(code.binary("-", end, row), width)
        self.active = code.compare("<", code.lane_numbers(), left)
        self.places = code.binary("+", code.spread(row, width), code.lane_numbers())
        self.first = row
        numbers: dict[Value, Operand] = {}
        elements: dict[tuple[Value, int], Operand] = {}

        def reader(column: int) -> Callable[[Value], Operand]:
            def read(value: Value) -> Operand:
                if value in numbers:
                    return numbers[value]
                if (value, column) not in elements:
                    access = self.nest.reads[value]
                    if not any(access.strides[self.kept :]):
                        numbers[value] = self._load(access, 0)
                        return numbers[value]
                    elements[value, column] = self._load(access, column)
                return elements[value, column]

            return read

        for step in self.group.steps:
            value = step.result
            if is_reduction(step.primitive):
                source = operands_of(step)[0]
                reduction = Reduction(code, step, self.columns, width, across=False)
                carried = reduction.start()
                for column in range(self.columns):
                    lane = self.lane(reader(column)(source), source.spec.dtype)
                    carried = reduction.take(carried, lane, self.number(column), width)
                numbers[value] = reduction.close(carried, width)
            elif step.primitive == "arange":
                run = Access(value, value.spec.dtype, 0, count_strides(self.group, value))
                across = self.offset_of(self.places, self.outer, run.strides[: self.kept], 0)
                if self.group.is_element(value):
                    for column in range(self.columns):
                        along = self._offset(run, column)
                        place = along if across == 0 else self.sum(along, across)  # type: ignore[arg-type]
                        elements[value, column] = self.counted(step, place)
                else:
                    numbers[value] = self.counted(step, across)
            elif self.group.is_element(value):
                for column in range(self.columns):
                    elements[value, column] = self.compute(step, reader(column))
            else:
                numbers[value] = self.compute(step, reader(0))
        for value, access in self.nest.writes.items():
            if value in numbers:
                self._store(self.lane(numbers[value], value.spec.dtype), access, 0)
                continue
            for column in range(self.columns):
                self._store(self.lane(elements[value, column], value.spec.dtype), access, column)

    def _offset(self, access: Access, column: int) -> int:
        """Elements from the beginning of a row to its column."""
        place = np.unravel_index(column, self.inner) if self.inner else ()
        return access.offset + sum(
            int(p) * s for p, s in zip(place, access.strides[self.kept :], strict=True)
        )

    def _load(self, access: Access, column: int) -> VectorValue:
        code, start = self.code, self._offset(access, column)
        pointer = self.pointers[access.root]
        across = self._across(access)
        if across == 0:
            return code.load(code.at(pointer, start, access.dtype), access.dtype)
        if across == 1:
            return code.load(
                code.at(pointer, self.sum(start, self.first), access.dtype), access.dtype, self.active
            )
        return code.gather(pointer, self._places(access, start), access.dtype, self.active)

    def _store(self, value: VectorValue, access: Access, column: int) -> None:
        code, start = self.code, self._offset(access, column)
        pointer = self.pointers[access.root]
        value = code.spread(value, self.width)
        if self._across(access) == 1:
            code.store(
                value, code.at(pointer, self.sum(start, self.first), access.dtype), access.dtype, self.active
            )
        else:
            code.scatter(value, pointer, self._places(access, start), access.dtype, self.active)

    def _across(self, access: Access) -> int | None:
        return merged(self.outer, access.strides[: self.kept])

    def _places(self, access: Access, start: int) -> VectorValue:
        places = self.offset_of(self.places, self.outer, access.strides[: self.kept], start)
        assert isinstance(places, VectorValue)
        return places
