"""A row times a matrix that does not fit the nearest cache: the matrix is read once,
line after line, as it lies in memory.

Tiles would read a few vectors of each line and come back for the next ones. Threads share the columns. Sums
are added up in the order of the terms, so the bits are those of tiles.
"""

from __future__ import annotations

from ..contract import NAMES, DType
from ..program.access import Access
from .product import Roomy
from .vectors import VectorValue

_LINES = 8
"""So many are read side by side: the sums are fetched and put back once for them."""
_LEAST_BYTES = 100_000


def suits(rows: int, columns: int, b: Access, terms: int, width: int) -> bool:
    """Whether it is a row, times lines of whole vectors."""
    large = terms * columns * b.dtype.itemsize >= _LEAST_BYTES
    return rows == 1 and columns % width == 0 and b.strides[-1] == 1 and large


class Streamed(Roomy):
    """A product with one row; `scratch` holds its sums, in each thread."""

    @staticmethod
    def scratch_size(terms: int, columns: int, dtype: DType, width: int) -> int:
        """Bytes of the sums."""
        return columns * dtype.itemsize

    def body(self) -> None:
        code = self.code
        self.place = 0
        self.begin()
        self.first, self.end = self.share(self.columns, self.width)
        own = code.binary("*", VectorValue("%part", "int64"), self.columns)
        self.sums = code.at(self.scratch, own, self.dtype)
        head = min(_LINES, self.terms)
        self._lines(self.number(0), head, fresh=True)
        whole = (self.terms - head) // _LINES * _LINES

        def some(k: VectorValue, carried: list[VectorValue]) -> list[VectorValue]:
            self._lines(k, _LINES)
            return []

        self.loop(self.number(head), self.number(head + whole), _LINES, (), some)
        if self.terms > head + whole:
            self._lines(self.number(head + whole), self.terms - head - whole)

        def close(column: VectorValue, carried: list[VectorValue]) -> list[VectorValue]:
            self._epilogue([self._sum(column)], self.number(0), 1, column, [self.width])
            return []

        self.loop(self.first, self.end, self.width, (), close)

    def number_of(self, k: VectorValue) -> VectorValue:
        """Number `k` of the row, in every lane."""
        code = self.code
        at = self._add(code.binary("*", k, self.a.strides[-1]), self.a_start)
        address = code.at(self.pointers[self.a.root], at, self.dtype)
        return code.spread(code.load(address, self.dtype), self.width)

    def _sum(self, column: VectorValue) -> VectorValue:
        return self.code.load(self.code.at(self.sums, column, self.dtype), self.dtype, self.width)

    def _lines(self, k: VectorValue, count: int, fresh: bool = False) -> None:
        """Add `count` lines of the matrix from `k` on, each times its number of the row."""
        code = self.code
        places = [self._add(k, u) for u in range(count)]
        numbers = [self.number_of(place) for place in places]

        def one(column: VectorValue, carried: list[VectorValue]) -> list[VectorValue]:
            total = code.constant(0, NAMES[self.dtype], self.width) if fresh else self._sum(column)
            for place, number in zip(places, numbers, strict=True):
                (vector,) = self.vectors(place, column, [self.width])
                total = code.intrinsic("fma", number, vector, total)
            code.store(total, code.at(self.sums, column, self.dtype), self.dtype, self.width)
            return []

        self.loop(self.first, self.end, self.width, (), one)


class RoundedStreamed(Streamed):
    """The same with operands rounded to bfloat16 as they are read: packing would read the matrix twice."""

    _CONVERT = "llvm.x86.avx512bf16.cvtneps2bf16.512"

    def vectors(self, k: VectorValue, column: VectorValue, actives: list[int]) -> list[VectorValue]:
        """Row `k` of B from `column` on."""
        return [self._rounded(vector) for vector in super().vectors(k, column, actives)]

    def number_of(self, k: VectorValue) -> VectorValue:
        """Number `k` of the row, in every lane."""
        return self._rounded(super().number_of(k))

    def _rounded(self, vector: VectorValue) -> VectorValue:
        code = self.code
        code.declare(f"declare <16 x bfloat> @{self._CONVERT}(<16 x float>)")
        half = code.put(f"call <16 x bfloat> @{self._CONVERT}(<16 x float> {vector.name})", "float32", 16)
        return code.put(f"fpext <16 x bfloat> {half.name} to <16 x float>", "float32", 16)
