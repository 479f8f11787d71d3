"""Kernels of matrix products: a tile of the result stays in registers, and what follows is done to it there.

C[i, j] = sum over k of A[i, k] B[k, j]. B is read in whole vectors along j, A one number at a
time, so A may be transposed for free. Tiles are 8 rows by up to 3 vectors: 24 of 32 registers
hold sums. Each element is added up in the order of k whatever the tile and the thread, so results
do not depend on how many threads there are.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Callable, Sequence

from ..contract import NAMES, DType
from ..primitives import is_function
from ..program.access import Access
from ..program.ir import Instruction, Value
from ..program.nest import Nest, count_strides
from .kernel import UNIT, Kernel
from .vectors import Operand, VectorValue

_SUMS = 24
"""Registers for sums."""
_UNROLL = 2
_STEPS, _ELEMENTS = 3, 2_048
"""A longer epilogue, or one with functions, is written once for all rows of a tile, as a loop: it takes the
same time, and LLVM a tenth of it. Not so where the result is larger: what is read from memory should be
under way for all rows at once.
"""


class Product(Kernel):
    """A product and its epilogue; `a` and `b` have strides for (batch axes, i, k) and (batch axes, k, j)."""

    def __init__(
        self, nest: Nest, a: Access, b: Access, terms: int, roots: Sequence[Value], width: int
    ) -> None:
        super().__init__(roots, width)
        self.nest, self.a, self.b, self.terms = nest, a, b, terms
        self.group = nest.group
        self.batch = self.group.domain[:-2]
        self.rows, self.columns = self.group.domain[-2:]
        assert self.group.head is not None
        self.result = self.group.head.result
        self.dtype: DType = self.result.spec.dtype
        steps = self.group.steps
        is_small = self.result.spec.size <= _ELEMENTS
        self.is_long = (is_small and len(steps) > _STEPS) or any(is_function(s.primitive) for s in steps)

    def prologue(self) -> None:
        if self.is_long:
            size = (_SUMS + UNIT) * self.width * self.dtype.itemsize
            self.code.line(f"%sums = alloca [{size} x i8], align 64")

    def body(self) -> None:
        batches = math.prod(self.batch)
        if batches == 1:
            self.place: VectorValue | int = 0
            self._matrix(*self.share(self.rows))
            return
        begin, end = self.share(batches, 1)

        def one(place: VectorValue, carried: list[VectorValue]) -> list[VectorValue]:
            self.place = place
            self._matrix(self.number(0), self.number(self.rows))
            return []

        self.loop(begin, end, 1, (), one)

    def _start(self, access: Access) -> VectorValue | int:
        """Where the matrix of this batch begins."""
        axes = len(self.batch)
        return self.offset_of(self.place, self.batch, access.strides[:axes], access.offset)

    def begin(self) -> None:
        """Where the matrices of this batch lie."""
        self.a_start, self.b_start = self._start(self.a), self._start(self.b)
        self.starts = {v: self._start(a) for v, a in (*self.nest.reads.items(), *self.nest.writes.items())}

    def _matrix(self, begin: VectorValue, end: VectorValue) -> None:
        code, width = self.code, self.width
        whole_rows = self.rows - self.rows % UNIT
        rest = self.rows % UNIT
        vectors = -(-self.columns // width)
        self.begin()
        if whole_rows:
            limit = code.intrinsic("smin", end, whole_rows)
            if vectors == 1 and whole_rows >= 2 * UNIT:
                # a part may begin behind the last whole block
                self._tall_blocks(code.intrinsic("smin", begin, limit), limit)
            else:
                self._column_blocks(vectors, UNIT, lambda tile: self.row_blocks(begin, limit, tile))
        if rest:
            covers = code.compare("==", end, self.rows)
            some = code.compare("<", begin, end)

            def remaining() -> None:
                self._column_blocks(vectors, rest, lambda tile: tile(self.number(whole_rows)))

            self.when(code.binary("&", covers, some), remaining)

    def row_blocks(
        self, begin: VectorValue, end: VectorValue, tile: Callable[[VectorValue], None], step: int = UNIT
    ) -> None:
        """A tile for every `step` rows."""

        def one(row: VectorValue, carried: list[VectorValue]) -> list[VectorValue]:
            tile(row)
            return []

        self.loop(begin, end, step, (), one)

    def _tall_blocks(self, begin: VectorValue, end: VectorValue) -> None:
        """Where one vector holds a row, twice as many rows at once: a tile
        needs 8 sums on their way, better 16.
        """
        code, actives = self.code, [self.columns % self.width or self.width]
        pairs = code.binary("&", code.binary("-", end, begin), -2 * UNIT)
        middle = code.binary("+", begin, pairs)
        self.row_blocks(
            begin, middle, lambda row: self.tile(row, 2 * UNIT, self.number(0), actives), 2 * UNIT
        )
        self.row_blocks(middle, end, lambda row: self.tile(row, UNIT, self.number(0), actives))

    def _column_blocks(
        self, vectors: int, rows: int, run: Callable[[Callable[[VectorValue], None]], None]
    ) -> None:
        """Blocks of vectors of about equal size: a loop over those that are alike, then the last."""
        width = self.width
        most = max(1, min(_SUMS // rows, 8))
        blocks = -(-vectors // most)
        size = -(-vectors // blocks)
        masked = self.columns % width
        alike = vectors // size
        if masked and alike * size == vectors:
            alike -= 1

        def tile_at(first: VectorValue, actives: list[int]) -> Callable[[VectorValue], None]:
            return lambda row: self.tile(row, rows, first, actives)

        if alike == 1:
            run(tile_at(self.number(0), [width] * size))
        elif alike:

            def one(column: VectorValue, carried: list[VectorValue]) -> list[VectorValue]:
                run(tile_at(column, [width] * size))
                return []

            self.loop(self.number(0), self.number(alike * size * width), size * width, (), one)
        actives = [width] * (vectors - alike * size)
        if actives:
            if masked:
                actives[-1] = masked
            run(tile_at(self.number(alike * size * width), actives))

    def tile(self, row: VectorValue, rows: int, column: VectorValue, actives: list[int]) -> None:
        """`rows` rows from `row` by the vectors from `column`: the sum over k, then the epilogue."""
        code = self.code
        zero = code.constant(0, NAMES[self.dtype], self.width)
        starts = [zero] * (rows * len(actives))
        unroll = _UNROLL if self.terms % _UNROLL == 0 else 1
        step_i = self.a.strides[-2]
        a_row = self._add(code.binary("*", row, step_i), self.a_start)

        def terms(k: VectorValue, sums: list[VectorValue]) -> list[VectorValue]:
            held = list(sums)
            for u in range(unroll):
                place = k if u == 0 else code.binary("+", k, u)
                held = self._term(place, held, a_row, rows, column, actives)
            return held

        sums = self.loop(self.number(0), self.number(self.terms), unroll, starts, terms)
        self._epilogue(sums, row, rows, column, actives)

    def _term(
        self,
        k: VectorValue,
        sums: list[VectorValue],
        a_row: VectorValue,
        rows: int,
        column: VectorValue,
        actives: list[int],
    ) -> list[VectorValue]:
        code = self.code
        step_i, step_k = self.a.strides[-2:]
        vectors = self.vectors(k, column, actives)
        a_at = self._add(code.binary("*", k, step_k), a_row)
        new: list[VectorValue] = []
        for i in range(rows):
            address = code.at(self.pointers[self.a.root], self._add(a_at, i * step_i), self.dtype)
            number = code.spread(code.load(address, self.dtype), self.width)
            for v, vector in enumerate(vectors):
                new.append(code.intrinsic("fma", number, vector, sums[i * len(vectors) + v]))
        return new

    def vectors(self, k: VectorValue, column: VectorValue, actives: list[int]) -> list[VectorValue]:
        """Row `k` of B from `column` on."""
        code = self.code
        b_row = self._add(code.binary("*", k, self.b.strides[-2]), self.b_start)
        b_at = code.binary("+", b_row, column)
        pointer = self.pointers[self.b.root]
        return [
            code.load(code.at(pointer, self._add(b_at, v * self.width), self.dtype), self.dtype, active)
            for v, active in enumerate(actives)
        ]

    def _add(self, a: VectorValue, b: VectorValue | int) -> VectorValue:
        return a if b == 0 else self.code.binary("+", a, b)

    def _epilogue(
        self, sums: list[VectorValue], row: VectorValue, rows: int, column: VectorValue, actives: list[int]
    ) -> None:
        if rows == 1 or not self.is_long:
            self._unrolled(sums, row, rows, column, actives)
            return
        code, dtype, each = self.code, self.dtype, len(actives) * self.width
        # where a row is one vector, the next rows have to be under way while it is computed
        group = 4 if len(actives) == 1 and rows % 4 == 0 else 1
        for k, total in enumerate(sums):
            code.store(total, code.at("%sums", k * self.width, dtype), dtype, self.width)

        def one(i: VectorValue, carried: list[VectorValue]) -> list[VectorValue]:
            first = code.binary("*", i, each)
            count = group * len(actives)
            places = [code.at("%sums", self._add(first, v * self.width), dtype) for v in range(count)]
            held = [code.load(place, dtype, self.width) for place in places]
            self._unrolled(held, code.binary("+", row, i), group, column, actives)
            return []

        self.loop(self.number(0), self.number(rows), group, (), one)

    def _unrolled(
        self, sums: list[VectorValue], row: VectorValue, rows: int, column: VectorValue, actives: list[int]
    ) -> None:
        loaded: dict[tuple[Value, int | None, int | None], Operand] = {}
        for i in range(rows):
            for v, active in enumerate(actives):
                known: dict[Value, Operand] = {self.result: sums[i * len(actives) + v]}

                def read(
                    value: Value,
                    i: int = i,
                    v: int = v,
                    active: int = active,
                    known: dict[Value, Operand] = known,
                ) -> Operand:
                    if value in known:
                        return known[value]
                    access = self.nest.reads[value]
                    *_, by_row, by_column = access.strides
                    key = (value, i if by_row else None, v if by_column else None)
                    if key not in loaded:
                        loaded[key] = self._load(access, self.starts[value], row, i, column, v, active)
                    return loaded[key]

                for step in self.group.steps:
                    if step.primitive == "arange":
                        known[step.result] = self._count(step, row, i, column, v)
                    else:
                        known[step.result] = self.compute(step, read)
                for value, access in self.nest.writes.items():
                    self._write(
                        self.lane(known[value], value.spec.dtype),
                        access,
                        self.starts[value],
                        row,
                        i,
                        column,
                        v,
                        active,
                    )

    def _place(
        self, access: Access, start: VectorValue | int, row: VectorValue, i: int, column: VectorValue, v: int
    ) -> VectorValue | int:
        *_, by_row, by_column = access.strides
        code = self.code
        place: VectorValue | int = start
        if by_row:
            at = code.binary("*", self._add(row, i), by_row)
            place = self._add(at, place)
        if by_column:
            along = self._add(column, v * self.width)
            along = along if by_column == 1 else code.binary("*", along, by_column)
            place = self._add(along, place)
        return place

    def _count(self, step: Instruction, row: VectorValue, i: int, column: VectorValue, v: int) -> Operand:
        """arange along the rows or the columns."""
        by_row, by_column = count_strides(self.group, step.result)[-2:]
        if by_column:
            return self.counted(step, self._spaced(self._add(column, v * self.width), 1))
        return self.counted(step, self._add(row, i) if by_row else 0)

    def _load(
        self,
        access: Access,
        start: VectorValue | int,
        row: VectorValue,
        i: int,
        column: VectorValue,
        v: int,
        active: int,
    ) -> Operand:
        code = self.code
        place = self._place(access, start, row, i, column, v)
        pointer = self.pointers[access.root]
        step = access.strides[-1]
        if step == 0:
            return code.load(code.at(pointer, place, access.dtype), access.dtype)
        if step == 1:
            return code.load(code.at(pointer, place, access.dtype), access.dtype, active)
        return code.gather(pointer, self._spaced(place, step), access.dtype, active)

    def _spaced(self, place: VectorValue | int, step: int) -> VectorValue:
        code = self.code
        first = place if isinstance(place, VectorValue) else self.number(place)
        return code.binary("+", code.binary("*", code.lane_numbers(), step), code.spread(first, self.width))

    def _write(
        self,
        value: VectorValue,
        access: Access,
        start: VectorValue | int,
        row: VectorValue,
        i: int,
        column: VectorValue,
        v: int,
        active: int,
    ) -> None:
        code = self.code
        place = self._place(access, start, row, i, column, v)
        pointer = self.pointers[access.root]
        value = code.spread(value, self.width)
        if access.strides[-1] in (0, 1):
            code.store(value, code.at(pointer, place, access.dtype), access.dtype, active)
        else:
            code.scatter(value, pointer, self._spaced(place, access.strides[-1]), access.dtype, active)


class Roomy(Product):
    """A product that needs scratch memory, a `scratch` for each thread."""

    def __init__(
        self, nest: Nest, a: Access, b: Access, terms: int, scratch: Value, roots: Sequence[Value], width: int
    ) -> None:
        super().__init__(nest, a, b, terms, (*roots, scratch), width)
        self.scratch = self.pointers[scratch]

    @staticmethod
    @abstractmethod
    def scratch_size(terms: int, columns: int, dtype: DType, width: int) -> int:
        """Bytes for one thread."""
