"""Transposed copies of matrices, tile by tile."""

from __future__ import annotations

from ..contract import NAMES, DType
from ..program.ir import Value
from .kernel import Kernel
from .vectors import VectorBuilder, VectorValue


def transposed(code: VectorBuilder, vectors: list[VectorValue]) -> list[VectorValue]:
    """As many vectors as each has lanes, as a matrix turned over: a round mixes one half with the other."""
    width = len(vectors)
    half = width // 2
    low = [i // 2 + (i % 2) * width for i in range(width)]
    high = [half + place for place in low]

    def mixed(a: VectorValue, b: VectorValue, order: list[int]) -> VectorValue:
        text = ", ".join(f"i32 {i}" for i in order)
        return code.put(
            f"shufflevector {a.type} {a.name}, {b.type} {b.name}, <{len(order)} x i32> <{text}>",
            a.dtype,
            a.lanes,
        )

    for _ in range(width.bit_length() - 1):
        vectors = [mixed(vectors[i], vectors[i + half], order) for i in range(half) for order in (low, high)]
    return vectors


class Transpose(Kernel):
    """A matrix of 4-byte elements turned over in blocks of 16 by 16 (or as
    many as there are lanes), in registers.
    """

    def __init__(self, source: Value, result: Value, step: int, offset: int, width: int) -> None:
        super().__init__((source, result), width)
        self.source, self.result = self.pointers[source], self.pointers[result]
        self.rows, self.columns = result.spec.shape
        self.dtype: DType = result.spec.dtype
        self.step, self.offset = step, offset

    def body(self) -> None:
        width = self.width
        blocks = -(-self.rows // width)
        begin, end = self.share(blocks, 1)
        whole = self.rows // width
        code = self.code
        limit = code.intrinsic("smin", end, whole)

        def block(k: VectorValue, carried: list[VectorValue]) -> list[VectorValue]:
            self._row_of_blocks(code.binary("*", k, width), width)
            return []

        self.loop(begin, limit, 1, (), block)
        rest = self.rows % width
        if rest:
            covers = code.binary("&", code.compare("==", end, blocks), code.compare("<", begin, end))
            self.when(covers, lambda: self._row_of_blocks(self.number(whole * width), rest))

    def _row_of_blocks(self, row: VectorValue, rows: int) -> None:
        """Rows `row` and following of the result, all columns."""
        width = self.width
        whole, rest = self.columns - self.columns % width, self.columns % width

        def block(column: VectorValue, carried: list[VectorValue]) -> list[VectorValue]:
            self._turn(row, rows, column, width)
            return []

        if whole:
            self.loop(self.number(0), self.number(whole), width, (), block)
        if rest:
            self._turn(row, rows, self.number(whole), rest)

    def _turn(self, row: VectorValue, rows: int, column: VectorValue, columns: int) -> None:
        code, width = self.code, self.width
        start = code.binary("+", code.binary("*", column, self.step), row)
        zero = code.constant(0, NAMES[self.dtype], width)
        vectors = []
        for i in range(width):
            if i < columns:
                address = code.at(
                    self.source, code.binary("+", start, i * self.step + self.offset), self.dtype
                )
                vectors.append(code.load(address, self.dtype, rows))
            else:
                vectors.append(zero)
        vectors = transposed(code, vectors)
        for i in range(rows):
            at = code.binary("+", code.binary("*", code.binary("+", row, i), self.columns), column)
            code.store(vectors[i], code.at(self.result, at, self.dtype), self.dtype, columns)
