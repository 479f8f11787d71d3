"""Products whose second operand does not fit the nearest cache: panels of it are
copied together before they are used.

A panel is two or three vectors wide and as long as the sum; read row by row of a large matrix it would cross
a page at every step. Panels come in threes of 3, 3 and 2 vectors, which are 8 vectors of the result. Threads
share those, and the rows where there are more threads.
"""

from __future__ import annotations

from ..contract import DType
from ..program.access import Access
from .kernel import UNIT
from .product import Roomy
from .vectors import VectorValue

_SIZES = (3, 3, 2)
_LEAST_BYTES = 100_000
_LEAST_ROWS = 64
_PAGE = 4096


def suits(rows: int, columns: int, a: Access, b: Access, terms: int, width: int) -> bool:
    """Whether panels pay: enough rows use each, and nothing is read at distances
    that fall into one set of the caches.
    """
    size = b.dtype.itemsize
    far = [s * size for s in (*a.strides[-2:], b.strides[-2]) if s != 1]
    return (
        rows >= _LEAST_ROWS
        and rows % UNIT == 0
        and columns % (sum(_SIZES) * width) == 0
        and terms * columns * size >= _LEAST_BYTES
        and not any(step >= _PAGE and step % _PAGE == 0 for step in far)
    )


class Packed(Roomy):
    """A product by panels; `scratch` holds one panel for each thread."""

    @staticmethod
    def scratch_size(terms: int, columns: int, dtype: DType, width: int) -> int:
        """Bytes of a panel."""
        return terms * max(_SIZES) * width * dtype.itemsize

    def body(self) -> None:
        code, size = self.code, sum(_SIZES) * self.width
        self.place = 0
        self.begin()
        part, parts = VectorValue("%part", "int64"), VectorValue("%parts", "int64")
        across = code.intrinsic("smin", parts, self.columns // size)
        down = code.put(f"udiv i64 {parts.name}, {across.name}", "int64")
        row_part = code.put(f"udiv i64 {part.name}, {across.name}", "int64")
        column_part = code.put(f"urem i64 {part.name}, {across.name}", "int64")
        begin, end = self._shared(self.columns // size, column_part, across, 1)
        top, bottom = self._shared(self.rows // UNIT, row_part, down, UNIT)
        own = code.binary("*", part, self.terms * max(_SIZES) * self.width)
        self.panel = code.at(self.scratch, own, self.dtype)

        def block(number: VectorValue, carried: list[VectorValue]) -> list[VectorValue]:
            self._block(code.binary("*", number, size), top, bottom)
            return []

        self.loop(begin, end, 1, (), block)

    def _shared(
        self, extent: int, part: VectorValue, parts: VectorValue, unit: int
    ) -> tuple[VectorValue, VectorValue]:
        """What `part` of `parts` takes of range(extent), times `unit`;
        nothing for parts that are too many.
        """
        code = self.code
        bounds = []
        for which in (part, code.binary("+", part, 1)):
            share = code.put(f"udiv i64 {code.binary('*', which, extent).name}, {parts.name}", "int64")
            bounds.append(code.binary("*", code.intrinsic("smin", share, extent), unit))
        return bounds[0], bounds[1]

    def _block(self, column: VectorValue, top: VectorValue, bottom: VectorValue) -> None:
        """Eight vectors of columns: two wide panels, then a narrow one."""
        code, wide = self.code, _SIZES[0]

        def panel(start: VectorValue, vectors: int) -> None:
            self._pack(start, vectors)
            self.row_blocks(top, bottom, lambda row: self.tile(row, UNIT, start, [self.width] * vectors))

        def one(offset: VectorValue, carried: list[VectorValue]) -> list[VectorValue]:
            panel(code.binary("+", column, offset), wide)
            return []

        step = wide * self.width
        self.loop(self.number(0), self.number(2 * step), step, (), one)
        panel(code.binary("+", column, 2 * step), _SIZES[-1])

    def _pack(self, column: VectorValue, vectors: int) -> None:
        code, pointer = self.code, self.pointers[self.b.root]

        def row(k: VectorValue, carried: list[VectorValue]) -> list[VectorValue]:
            source = code.binary(
                "+", self._add(code.binary("*", k, self.b.strides[-2]), self.b_start), column
            )
            target = code.binary("*", k, vectors * self.width)
            for v in range(vectors):
                vector = code.load(
                    code.at(pointer, self._add(source, v * self.width), self.dtype),
                    self.dtype,
                    self.width,
                )
                code.store(
                    vector,
                    code.at(self.panel, self._add(target, v * self.width), self.dtype),
                    self.dtype,
                    self.width,
                )
            return []

        self.loop(self.number(0), self.number(self.terms), 1, (), row)

    def vectors(self, k: VectorValue, column: VectorValue, actives: list[int]) -> list[VectorValue]:
        """Row `k` of the panel."""
        code = self.code
        at = code.binary("*", k, len(actives) * self.width)
        return [
            code.load(
                code.at(self.panel, self._add(at, v * self.width), self.dtype),
                self.dtype,
                self.width,
            )
            for v in range(len(actives))
        ]
