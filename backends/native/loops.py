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
from .reduction import Reduction, split
from .vectors import Operand, VectorValue


class Loops(Kernel):
    """What both kinds share: reading operands and writing results at a place of the nest."""

    def __init__(self, nest: Nest, roots: Sequence[Value], width: int) -> None:
        super().__init__(roots, width)
        self.nest = nest
        self.group = nest.group

    kept: int
    """How many axes are outside: `outer`, along which there are rows; `inner` are those along a row."""
    outer: Sequence[int]
    inner: Sequence[int]

    def begin_row(self, row: VectorValue) -> None:
        self.row = row
        self.bases: dict[Access, VectorValue | int] = {}

    def base(self, access: Access) -> VectorValue | int:
        """Where the row begins in the memory of an operand."""
        if access not in self.bases:
            self.bases[access] = self.offset_of(
                self.row, self.outer, access.strides[: self.kept], access.offset
            )
        return self.bases[access]

    def vector(self, access: Access, base: VectorValue | int, index: VectorValue, active: int) -> VectorValue:
        """Elements from place `index` along the inner axes on; `base` is where the row begins."""
        step, at = self._where(access, base, index)
        if isinstance(at, VectorValue):
            return self.code.gather(self.pointers[access.root], at, access.dtype, active)
        return self.code.load(at, access.dtype, active if step else 0)

    def put(
        self, value: VectorValue, access: Access, base: VectorValue | int, index: VectorValue, active: int
    ) -> None:
        step, at = self._where(access, base, index)
        if isinstance(at, VectorValue):
            lanes = self.code.spread(value, self.width)
            self.code.scatter(lanes, self.pointers[access.root], at, access.dtype, active)
        else:
            self.code.store(value, at, access.dtype, active if step else 0)

    def _where(
        self, access: Access, base: VectorValue | int, index: VectorValue
    ) -> tuple[int | None, str | VectorValue]:
        """The step from element to element, and the address of the first; the offset of each where
        there is no step.
        """
        strides = access.strides[self.kept :]
        step = merged(self.inner, strides)
        if step in (0, 1):
            at = self.sum(base, index) if step else base
            return step, self.code.at(self.pointers[access.root], at, access.dtype)
        offsets = self.offset_of(self.lanes_from(index), self.inner, strides, 0)
        assert isinstance(offsets, VectorValue)
        return None, self.code.binary("+", offsets, base) if base != 0 else offsets

    def lanes_from(self, index: VectorValue, active: int = 1) -> VectorValue:
        """The place of each lane from `index` on; `index` itself where one number is computed."""
        code = self.code
        return code.binary("+", code.spread(index, self.width), code.lane_numbers()) if active else index

    def sum(self, a: VectorValue | int, b: VectorValue) -> VectorValue:
        return self.code.binary("+", b, a) if a != 0 else b

    def count(
        self, step: Instruction, row: VectorValue | None, index: VectorValue | None, active: int
    ) -> Operand:
        """arange in a row, or beneath all of them; at `index` along it, or for the whole row."""
        strides = count_strides(self.group, step.result)
        place: VectorValue | int = 0
        if row is not None:
            place = self.offset_of(row, self.outer, strides[: self.kept], 0)
        if index is not None and any(strides[self.kept :]):
            along = self.offset_of(self.lanes_from(index, active), self.inner, strides[self.kept :], 0)
            place = along if place == 0 else self.code.binary("+", along, place)
        return self.counted(step, place)

    def in_first_part(self, body: Callable[[], None]) -> None:
        """Only one thread does it."""
        self.when(self.code.compare("==", VectorValue("%part", "int64"), 0), body)

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
        kept = self.kept = kept_axes(nest)
        self.outer, self.inner = group.domain[:kept], group.domain[kept:]
        self.columns = math.prod(self.inner)
        self.passes = passes_of(group)
        rows = math.prod(self.outer)
        if rows == 1:
            self.in_first_part(lambda: self._row(self.number(0)))
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
            self.in_first_part(lambda: self._piece(self.number(0), 0))
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
                moves = bool(merged(domain, access.strides))
                at = self.sum(access.offset, index) if moves else access.offset
                address = code.at(pointer, at, access.dtype)
                known[value] = code.load(address, access.dtype, active if moves else 0)
            return known[value]

        for step in self.group.steps:
            if step.primitive == "arange":
                moves = bool(merged(domain, count_strides(self.group, step.result)))
                known[step.result] = self.counted(step, self.lanes_from(index, active) if moves else 0)
            else:
                known[step.result] = self.compute(step, read)
        for value, access in nest.writes.items():
            lane = self.lane(known[value], value.spec.dtype)
            if active:
                lane = code.spread(lane, self.width)
            address = code.at(self.pointers[access.root], self.sum(access.offset, index), access.dtype)
            code.store(lane, address, access.dtype, active)

    # rows
    def _row(self, row: VectorValue) -> None:
        nest, code = self.nest, self.code
        self.begin_row(row)
        numbers: dict[Value, Operand] = {}
        held: dict[tuple[Value, int], Operand] = {}
        for access in (*nest.reads.values(), *nest.writes.values()):
            self.base(access)
        if self.columns <= IN_REGISTERS * self.width:
            self._short_row(numbers, held)
        else:
            for k in range(len(self.passes)):
                self._long_pass(k, numbers)
        for value, access in nest.writes.items():
            if not self.group.is_element(value) and self.columns != 1 and self.group.reduced is not None:
                lane = self.lane(numbers[value], value.spec.dtype)
                code.store(
                    lane, code.at(self.pointers[access.root], self.base(access), access.dtype), access.dtype
                )

    def _is_element(self, value: Value) -> bool:
        if self.group.reduced is None or self.columns == 1:
            return True
        return self.group.is_element(value)

    def _number(self, step: Instruction, numbers: dict[Value, Operand]) -> Operand:
        if step.primitive == "arange":
            return self.count(step, self.row, None, 0)
        return self.compute(step, lambda value: self._read_number(value, numbers))

    def _read_number(self, value: Value, numbers: dict[Value, Operand]) -> Operand:
        if value not in numbers:
            access = self.nest.reads[value]
            numbers[value] = self.code.load(
                self.code.at(self.pointers[access.root], self.base(access), access.dtype), access.dtype
            )
        return numbers[value]

    def _read_element(self, value: Value, index: VectorValue, active: int) -> VectorValue:
        access = self.nest.scratches.get(value) or self.nest.reads[value]
        base = self._scratch_base(access) if value in self.nest.scratches else self.base(access)
        return self.vector(access, base, index, active)

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
                reduction = Reduction(self.code, step, columns, 1 if scalar else width)
                carried = reduction.start()
                for block, index, active in blocks:
                    lane = self.lane(reader(block, index, active)(reduction.source), reduction.dtype)
                    carried = reduction.take(carried, lane, index, active)
                numbers[value] = reduction.close(carried, min(width, columns))
            elif self._is_element(value):
                for block, index, active in blocks:
                    if step.primitive == "arange":
                        held[value, block] = self.count(step, self.row, index, 0 if scalar else active)
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
                self.put(lane, access, self.base(access), index, 0 if scalar else active)

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
                    known[step.result] = self.count(step, self.row, index, active)
                else:
                    known[step.result] = self.compute(step, read)
            places = [(v, self.nest.writes[v], self.base) for v in late]
            # what is a result may be read by a later pass, too
            places += [(v, self.nest.scratches[v], self._scratch_base) for v in saves]
            for value, access, base in places:
                self.put(self.lane(known[value], value.spec.dtype), access, base(access), index, active)
            new: list[VectorValue] = []
            for reduction, own in split(reductions, carried):
                lane = self.lane(read(reduction.source), reduction.dtype)
                new += reduction.take(own, lane, index, active)
            return new

        for reduction, own in split(reductions, self.along(self.columns, vector, starts)):
            numbers[reduction.value] = reduction.close(own, min(self.width, self.columns))
