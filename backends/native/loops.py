"""Kernels of loop nests that take one row at a time.

Numbers of the row are single registers, elements are vectors along the columns. Where a row is a few vectors
long it is held in registers from the first instruction to the last; a longer one is passed over once per
reduction that waits for another. Without reductions the whole domain may be one row.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from ..primitives import is_reduction
from ..program.access import Access, merged
from ..program.ir import Instruction, Value, operands_of
from ..program.nest import IN_REGISTERS, Nest, count_strides, is_flat, kept_axes, passes_of
from .kernel import Kernel
from .reduction import Reduction
from .vectors import Operand, VectorValue


class Loops(Kernel):
    """What both kinds share: reading operands and writing results at a place of the nest."""

    def __init__(self, nest: Nest, roots: Sequence[Value], width: int) -> None:
        super().__init__(roots, width)
        self.nest = nest
        self.group = nest.group

    def vector(
        self,
        access: Access,
        base: VectorValue | int,
        index: VectorValue,
        inner: Sequence[int],
        strides: Sequence[int],
        active: int,
    ) -> VectorValue:
        """Elements from place `index` along the inner axes on; `base` is where the row begins."""
        code = self.code
        one = merged(inner, strides)
        pointer = self.pointers[access.root]
        if one == 0:
            return code.load(code.at(pointer, base, access.dtype), access.dtype)
        if one == 1:
            return code.load(code.at(pointer, self.sum(base, index), access.dtype), access.dtype, active)
        offsets = self._offsets(index, inner, strides, base)
        return code.gather(pointer, offsets, access.dtype, active)

    def put(
        self,
        value: VectorValue,
        access: Access,
        base: VectorValue | int,
        index: VectorValue,
        inner: Sequence[int],
        strides: Sequence[int],
        active: int,
    ) -> None:
        code = self.code
        one = merged(inner, strides)
        pointer = self.pointers[access.root]
        if one == 1:
            code.store(value, code.at(pointer, self.sum(base, index), access.dtype), access.dtype, active)
        elif one == 0:
            code.store(value, code.at(pointer, base, access.dtype), access.dtype)
        else:
            offsets = self._offsets(index, inner, strides, base)
            code.scatter(code.spread(value, self.width), pointer, offsets, access.dtype, active)

    def _offsets(
        self, index: VectorValue, inner: Sequence[int], strides: Sequence[int], base: VectorValue | int
    ) -> VectorValue:
        code = self.code
        places = code.binary("+", code.spread(index, self.width), code.lane_numbers())
        offsets = self.offset_of(places, inner, strides, 0)
        assert isinstance(offsets, VectorValue)
        return code.binary("+", offsets, base) if base != 0 else offsets

    def sum(self, a: VectorValue | int, b: VectorValue) -> VectorValue:
        return self.code.binary("+", b, a) if a != 0 else b

    def along(
        self,
        length: int,
        body: Callable[[VectorValue, int, list[VectorValue]], Sequence[VectorValue]],
        carried: Sequence[VectorValue] = (),
        begin: VectorValue | None = None,
        end: VectorValue | None = None,
    ) -> list[VectorValue]:
        """Vectors along `length` columns: a loop over whole ones, then the rest under a mask."""
        width = self.width
        if begin is not None and end is not None:
            return self._between(begin, end, body, carried)
        whole, rest = length - length % width, length % width
        held = list(carried)
        if whole == width or whole == 0:
            if whole:
                held = list(body(self.number(0), width, held))
        else:
            held = self.loop(self.number(0), self.number(whole), width, held, lambda j, c: body(j, width, c))
        if rest:
            held = list(body(self.number(whole), rest, held))
        return held

    def _between(
        self,
        begin: VectorValue,
        end: VectorValue,
        body: Callable[[VectorValue, int, list[VectorValue]], Sequence[VectorValue]],
        carried: Sequence[VectorValue],
    ) -> list[VectorValue]:
        """From `begin` to `end`, which only the run knows: whole vectors, then one number at a time."""
        code, width = self.code, self.width
        length = code.binary("-", end, begin)
        whole = code.binary("-", length, code.binary("&", length, width - 1))
        middle = code.binary("+", begin, whole)
        held = self.loop(begin, middle, width, carried, lambda j, c: body(j, width, c))
        return self.loop(middle, end, 1, held, lambda j, c: body(j, 0, c))


class Rows(Loops):
    """A `rows` group."""

    def body(self) -> None:
        nest, group = self.nest, self.group
        if is_flat(nest):
            self._flat()
            return
        kept = kept_axes(nest)
        self.outer, self.inner = group.domain[:kept], group.domain[kept:]
        self.columns = math.prod(self.inner)
        self.kept = kept
        self.passes = passes_of(group)
        rows = math.prod(self.outer)
        if rows == 1:
            first = self.code.compare("==", VectorValue("%part", "int64"), 0)
            self.when(first, lambda: self._row(self.number(0)))
            return
        begin, end = self.share(rows)

        def one(row: VectorValue, carried: list[VectorValue]) -> list[VectorValue]:
            self._row(row)
            return []

        self.loop(begin, end, 1, (), one)

    def _flat(self) -> None:
        """The domain as one row of consecutive elements, shared by its first axis."""
        domain = self.group.domain
        first = domain[0] if len(domain) > 1 else math.prod(domain)
        step = math.prod(domain) // max(first, 1)
        if math.prod(domain) <= 1:
            self.when(
                self.code.compare("==", VectorValue("%part", "int64"), 0),
                lambda: self._piece(self.number(0), 0),
            )
            return
        begin, end = self.share(first)
        if step != 1:
            begin, end = self.code.binary("*", begin, step), self.code.binary("*", end, step)

        def piece(index: VectorValue, active: int, carried: list[VectorValue]) -> Sequence[VectorValue]:
            self._piece(index, active)
            return []

        self.along(0, piece, (), begin, end)

    def _piece(self, index: VectorValue, active: int) -> None:
        """One vector of a flat domain, or one number when `active` is 0."""
        nest, code, domain = self.nest, self.code, self.group.domain
        known: dict[Value, Operand] = {}

        def read(value: Value) -> Operand:
            if value not in known:
                access = nest.reads[value]
                pointer = self.pointers[access.root]
                if merged(domain, access.strides):
                    at = self.sum(access.offset, index)
                    known[value] = code.load(code.at(pointer, at, access.dtype), access.dtype, active)
                else:
                    known[value] = code.load(code.at(pointer, access.offset, access.dtype), access.dtype)
            return known[value]

        for step in self.group.steps:
            if step.primitive == "arange":
                places: VectorValue | int = 0
                if merged(domain, count_strides(self.group, step.result)):
                    places = index
                    if active:
                        places = code.binary("+", code.spread(index, self.width), code.lane_numbers())
                known[step.result] = self.counted(step, places)
            else:
                known[step.result] = self.compute(step, read)
        for value, access in nest.writes.items():
            lane = self.lane(known[value], value.spec.dtype)
            if active:
                lane = code.spread(lane, self.width)
            address = code.at(self.pointers[access.root], self.sum(access.offset, index), access.dtype)
            code.store(lane, address, access.dtype, active)

    def _count(self, step: Instruction, index: VectorValue | None, active: int) -> Operand:
        """arange at a place of the row, or for the row where there is no `index`."""
        code, strides = self.code, count_strides(self.group, step.result)
        place = self.offset_of(self.row, self.outer, strides[: self.kept], 0)
        if index is not None and any(strides[self.kept :]):
            places = index
            if active:
                places = code.binary("+", code.spread(index, self.width), code.lane_numbers())
            along = self.offset_of(places, self.inner, strides[self.kept :], 0)
            place = along if place == 0 else code.binary("+", along, place)
        return self.counted(step, place)

    # rows
    def _row(self, row: VectorValue) -> None:
        nest, code = self.nest, self.code
        self.bases: dict[Access, VectorValue | int] = {}
        self.row = row
        numbers: dict[Value, Operand] = {}
        held: dict[tuple[Value, int], Operand] = {}
        for access in (*nest.reads.values(), *nest.writes.values()):
            self._base(access)
        in_registers = self.columns <= IN_REGISTERS * self.width
        if in_registers:
            self._short_row(numbers, held)
        else:
            for k in range(len(self.passes)):
                self._long_pass(k, numbers)
        for value, access in nest.writes.items():
            if not self.group.is_element(value) and self.columns != 1 and self.group.reduced is not None:
                lane = self.lane(numbers[value], value.spec.dtype)
                code.store(
                    lane, code.at(self.pointers[access.root], self._base(access), access.dtype), access.dtype
                )

    def _base(self, access: Access) -> VectorValue | int:
        """Where the row begins in the memory of an operand."""
        if access not in self.bases:
            self.bases[access] = self.offset_of(
                self.row, self.outer, access.strides[: self.kept], access.offset
            )
        return self.bases[access]

    def _is_element(self, value: Value) -> bool:
        if self.group.reduced is None or self.columns == 1:
            return True
        return self.group.is_element(value)

    def _number(self, step: Instruction, numbers: dict[Value, Operand]) -> Operand:
        if step.primitive == "arange":
            return self._count(step, None, 0)
        return self.compute(step, lambda value: self._read_number(value, numbers))

    def _read_number(self, value: Value, numbers: dict[Value, Operand]) -> Operand:
        if value not in numbers:
            access = self.nest.reads[value]
            numbers[value] = self.code.load(
                self.code.at(self.pointers[access.root], self._base(access), access.dtype), access.dtype
            )
        return numbers[value]

    def _read_element(self, value: Value, index: VectorValue, active: int) -> VectorValue:
        access = self.nest.scratches.get(value) or self.nest.reads[value]
        base = self._scratch_base(access) if value in self.nest.scratches else self._base(access)
        return self.vector(access, base, index, self.inner, access.strides[self.kept :], active)

    def _scratch_base(self, access: Access) -> VectorValue:
        return self.code.binary("*", VectorValue("%part", "int64"), access.offset)

    def _short_row(self, numbers: dict[Value, Operand], held: dict[tuple[Value, int], Operand]) -> None:
        """The whole row in registers: every step once for each of its vectors."""
        width, columns = self.width, self.columns
        blocks = [
            (k, self.number(k * width), min(width, columns - k * width)) for k in range(-(-columns // width))
        ]
        scalar = columns == 1

        def reader(block: int, index: VectorValue, active: int) -> Callable[[Value], Operand]:
            def read(value: Value) -> Operand:
                if value in numbers:
                    return numbers[value]
                if (value, block) not in held:
                    if self._reads_number(value):
                        return self._read_number(value, numbers)
                    held[value, block] = self._read_element(value, index, 0 if scalar else active)
                return held[value, block]

            return read

        for step in self.group.steps:
            value = step.result
            if is_reduction(step.primitive):
                source = operands_of(step)[0]
                lanes = 1 if scalar else width
                reduction = Reduction(self.code, step, columns, lanes)
                carried = reduction.start()
                for block, index, active in blocks:
                    lane = self.lane(reader(block, index, active)(source), source.spec.dtype)
                    carried = reduction.take(carried, lane, index, active)
                numbers[value] = reduction.close(carried, min(width, columns))
            elif self._is_element(value):
                for block, index, active in blocks:
                    if step.primitive == "arange":
                        held[value, block] = self._count(step, index, 0 if scalar else active)
                    else:
                        held[value, block] = self.compute(step, reader(block, index, active))
            else:
                numbers[value] = self._number(step, numbers)
        for value, access in self.nest.writes.items():
            if not self._is_element(value):
                continue
            for block, index, active in blocks:
                given = held[value, block] if (value, block) in held else numbers[value]
                lane = self.lane(given, value.spec.dtype)
                self.put(
                    lane,
                    access,
                    self._base(access),
                    index,
                    self.inner,
                    access.strides[self.kept :],
                    0 if scalar else active,
                )

    def _reads_number(self, value: Value) -> bool:
        """Whether an operand from memory is one number for the row."""
        access = self.nest.reads[value]
        return merged(self.inner, access.strides[self.kept :]) == 0

    def _long_pass(self, k: int, numbers: dict[Value, Operand]) -> None:
        one = self.passes[k]
        for step in one.numbers:
            numbers[step.result] = self._number(step, numbers)
        writes = [v for v in self.nest.writes if self._is_element(v)]
        made = {s.result for s in one.elements}
        late = [v for v in writes if v in made]
        saves = [v for v in self.nest.scratches if v in made]
        if not (one.reductions or late or saves):
            return
        reductions = [Reduction(self.code, step, self.columns, self.width) for step in one.reductions]
        starts = [lane for reduction in reductions for lane in reduction.start()]
        for value in dict.fromkeys(v for s in (*one.elements, *one.reductions) for v in operands_of(s)):
            if value in self.nest.reads and value not in numbers and self._reads_number(value):
                self._read_number(value, numbers)

        def vector(index: VectorValue, active: int, carried: list[VectorValue]) -> Sequence[VectorValue]:
            known: dict[Value, Operand] = {}

            def read(value: Value) -> Operand:
                if value in numbers:
                    return numbers[value]
                if value not in known:
                    known[value] = self._read_element(value, index, active)
                return known[value]

            for step in one.elements:
                if step.primitive == "arange":
                    known[step.result] = self._count(step, index, active)
                else:
                    known[step.result] = self.compute(step, read)
            for value in (*late, *saves):
                kept = self.nest.writes[value] if value in late else None
                access = self.nest.scratches[value] if kept is None else kept
                base = self._scratch_base(access) if kept is None else self._base(access)
                lane, strides = self.lane(known[value], value.spec.dtype), access.strides[self.kept :]
                self.put(lane, access, base, index, self.inner, strides, active)
            new: list[VectorValue] = []
            at = 0
            for reduction, step in zip(reductions, one.reductions, strict=True):
                size = len(reduction.start())
                source = operands_of(step)[0]
                lane = self.lane(read(source), source.spec.dtype)
                new += reduction.take(carried[at : at + size], lane, index, active)
                at += size
            return new

        ends = self.along(self.columns, vector, starts)
        at = 0
        for reduction, step in zip(reductions, one.reductions, strict=True):
            size = len(reduction.start())
            numbers[step.result] = reduction.close(ends[at : at + size], min(self.width, self.columns))
            at += size
