"""Kernels of instructions that are no arithmetic: random bits, rows taken by index, transposition, a call of BLAS."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from ..contract import NAMES, DType
from ..philox import MULTIPLIERS, WEYL
from ..program.ir import Value
from .kernel import UNIT, Kernel
from .vectors import VectorValue, literal

_ROUNDS = 10
_WORD = 0xFFFFFFFF


class RandomBits(Kernel):
    """Philox-4x32-10, the bits of `backends.philox.random_bits`: as many blocks of four words at once as there are lanes.

    `length` holds how many words there are, where the shape of the result does not say it.
    """

    def __init__(self, key: Value, counter: Value, result: Value, width: int, length: Value | None = None) -> None:  # fmt: skip
        super().__init__([v for v in (key, counter, result, length) if v is not None], width)
        self.length = None if length is None else self.pointers[length]
        self.key, self.counter, self.result = (self.pointers[v] for v in (key, counter, result))
        self.shape = result.spec.shape

    @staticmethod
    def by_rows(shape: Sequence[int], width: int) -> bool:
        """Whether the rows of a thread are whole groups of blocks."""
        return len(shape) > 1 and math.prod(shape[1:]) * UNIT % (4 * width) == 0

    def body(self) -> None:
        code, group = self.code, 4 * self.width
        if self.length is not None:
            self._between(self.number(0), code.load(self.length, np.dtype(np.int64)))
            return
        if self.by_rows(self.shape, self.width):
            length = math.prod(self.shape[1:])
            begin, end = (code.binary("*", bound, length) for bound in self.share(self.shape[0]))
        else:
            begin, end = (code.binary("*", b, group) for b in self.share(-(-math.prod(self.shape) // group), 1))  # fmt: skip
        self._between(begin, end)

    def _between(self, begin: VectorValue, end: VectorValue) -> None:
        """The words from number `begin` to `end`, or a few more."""
        code, group = self.code, 4 * self.width
        word = np.dtype(np.uint64)
        key, stream = code.load(self.key, word), code.load(self.counter, word)
        keys = [code.binary("&", key, _WORD), code.binary(">>", key, 32)]
        streams = [code.spread(w, self.width) for w in (code.binary("&", stream, _WORD), code.binary(">>", stream, 32))]  # fmt: skip
        schedule = [
            [code.spread(code.binary("&", code.binary("+", k, round_ * weyl), _WORD), self.width) for k, weyl in zip(keys, WEYL, strict=True)]
            for round_ in range(_ROUNDS)
        ]  # fmt: skip

        def blocks(first: VectorValue, carried: list[VectorValue]) -> list[VectorValue]:
            start = code.put(f"lshr i64 {first.name}, 2", "uint64")
            numbers = code.binary("+", code.spread(start, self.width), code.lane_numbers()._replace(dtype="uint64"))  # fmt: skip
            words = self._rounds(numbers, streams, schedule)
            self._store(words, first)
            return []

        self.loop(begin, end, group, (), blocks)

    def _rounds(
        self, numbers: VectorValue, streams: list[VectorValue], schedule: list[list[VectorValue]]
    ) -> list[VectorValue]:
        code = self.code
        # only the low words count; products ignore what stands above, and so does the store
        c0, c1 = numbers, code.binary(">>", numbers, 32)
        c2, c3 = streams
        for k0, k1 in schedule:
            first, second = code.binary("*", code.binary("&", c0, _WORD), MULTIPLIERS[0]), code.binary("*", code.binary("&", c2, _WORD), MULTIPLIERS[1])  # fmt: skip
            c0, c1, c2, c3 = (
                code.binary("^", code.binary("^", self._high(second), c1), k0),
                second,
                code.binary("^", code.binary("^", self._high(first), c3), k1),
                first,
            )
        return [c0, c1, c2, c3]

    def _high(self, x: VectorValue) -> VectorValue:
        """The high words in the low places; a shuffle runs beside the products, a shift would wait for them."""
        code, width = self.code, self.width
        halves = f"<{2 * width} x i32>"
        split = code.put(f"bitcast {x.type} {x.name} to {halves}", "uint32", 2 * width)
        order = ", ".join(f"i32 {i | 1}" for i in range(2 * width))
        moved = code.put(f"shufflevector {halves} {split.name}, {halves} poison, {halves} <{order}>", "uint32", 2 * width)  # fmt: skip
        return code.put(f"bitcast {halves} {moved.name} to {x.type}", x.dtype, width)

    def _store(self, words: list[VectorValue], first: VectorValue) -> None:
        """The words of a block lie one after the other."""
        code, width = self.code, self.width
        narrow = [code.cast(w, "uint32") for w in words]
        pairs = [self._interleaved(narrow[0], narrow[2]), self._interleaved(narrow[1], narrow[3])]
        all_words = self._interleaved(*pairs)
        address = code.at(self.result, first, np.dtype(np.uint32))
        code.line(f"store <{4 * width} x i32> {all_words.name}, ptr {address}, align 4")

    def _interleaved(self, a: VectorValue, b: VectorValue) -> VectorValue:
        size = a.lanes
        order = ", ".join(f"i32 {i // 2 + (i % 2) * size}" for i in range(2 * size))
        return self.code.put(f"shufflevector {a.type} {a.name}, {b.type} {b.name}, <{2 * size} x i32> <{order}>", "uint32", 2 * size)  # fmt: skip


class Transpose(Kernel):
    """A matrix of 4-byte elements turned over in blocks of 16 by 16 (or as many as there are lanes), in registers."""

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
            covers = code.binary("&", code.compare("==", end, blocks), code.compare("<", begin, end))  # fmt: skip
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
                address = code.at(self.source, code.binary("+", start, i * self.step + self.offset), self.dtype)  # fmt: skip
                vectors.append(code.load(address, self.dtype, rows))
            else:
                vectors.append(zero)
        half = width // 2
        low = [i // 2 + (i % 2) * width for i in range(width)]
        high = [half + place for place in low]
        for _ in range(width.bit_length() - 1):
            vectors = [
                self._shuffled(vectors[i], vectors[i + half], order)
                for i in range(half)
                for order in (low, high)
            ]
        for i in range(rows):
            at = code.binary("+", code.binary("*", code.binary("+", row, i), self.columns), column)
            code.store(vectors[i], code.at(self.result, at, self.dtype), self.dtype, columns)

    def _shuffled(self, a: VectorValue, b: VectorValue, order: list[int]) -> VectorValue:
        text = ", ".join(f"i32 {i}" for i in order)
        return self.code.put(f"shufflevector {a.type} {a.name}, {b.type} {b.name}, <{len(order)} x i32> <{text}>", a.dtype, a.lanes)  # fmt: skip


class _Copying(Kernel):
    """Rows of literal length copied from a place to another."""

    def copy(self, target: str, source: str, size: int) -> None:
        self.code.declare("declare void @llvm.memcpy.p0.p0.i64(ptr, ptr, i64, i1)")
        self.code.line(f"call void @llvm.memcpy.p0.p0.i64(ptr {target}, ptr {source}, i64 {size}, i1 false)")  # fmt: skip

    def byte(self, pointer: str, offset: VectorValue) -> str:
        name = "%" + self.code.fresh("p")
        self.code.line(f"{name} = getelementptr i8, ptr {pointer}, i64 {offset.name}")
        return name


class Batch(_Copying):
    """The rows of step number `step` of an epoch: consecutive ones, or those that `order` names."""

    def __init__(self, source: Value, order: Value | None, result: Value, width: int) -> None:
        super().__init__([v for v in (source, order, result) if v is not None], width)
        self.source, self.result = self.pointers[source], self.pointers[result]
        self.order = None if order is None else self.pointers[order]
        spec = result.spec
        self.rows = spec.shape[0]
        self.size = math.prod(spec.shape[1:]) * spec.dtype.itemsize

    def body(self) -> None:
        code = self.code
        begin, end = self.share(self.rows)
        first = code.binary("*", VectorValue("%step", "int64"), self.rows)

        def one(row: VectorValue, carried: list[VectorValue]) -> list[VectorValue]:
            place = code.binary("+", first, row)
            if self.order is not None:
                place = code.load(code.at(self.order, place, np.dtype(np.int64)), np.dtype(np.int64))  # fmt: skip
            source = self.byte(self.source, code.binary("*", place, self.size))
            self.copy(self.byte(self.result, code.binary("*", row, self.size)), source, self.size)
            return []

        self.loop(begin, end, 1, (), one)


class Take(_Copying):
    """result[i] = table[indices[i]] for rows; an index out of range is counted in `errors` and reads row 0."""

    def __init__(self, table: Value, indices: Value, result: Value, errors: Value, width: int) -> None:  # fmt: skip
        super().__init__((table, indices, result, errors), width)
        self.names = [self.pointers[v] for v in (table, indices, result, errors)]
        self.length = table.spec.shape[0]
        self.rows = math.prod(indices.spec.shape)
        self.first = indices.spec.shape[0] if indices.spec.shape else 1
        self.size = math.prod(table.spec.shape[1:]) * table.spec.dtype.itemsize
        self.dtype = indices.spec.dtype

    def body(self) -> None:
        code = self.code
        table, indices, result, errors = self.names
        bounds = self.share(self.first)
        each = self.rows // max(self.first, 1)
        begin, end = (b if each == 1 else code.binary("*", b, each) for b in bounds)

        def one(row: VectorValue, carried: list[VectorValue]) -> list[VectorValue]:
            index = checked_index(self, indices, row, self.dtype, self.length, errors)
            source = self.byte(table, code.binary("*", index, self.size))
            self.copy(self.byte(result, code.binary("*", row, self.size)), source, self.size)
            return []

        self.loop(begin, end, 1, (), one)


def checked_index(kernel: Kernel, indices: str, row: VectorValue, dtype: DType, length: int, errors: str) -> VectorValue:  # fmt: skip
    """The index at place `row`, counted from the front; 0 and a note in `errors` when there is no such element."""
    code = kernel.code
    index = code.cast(code.load(code.at(indices, row, dtype), dtype), "int64")
    index = code.select(code.compare("<", index, 0), code.binary("+", index, length), index)
    wrong = code.binary("|", code.compare("<", index, 0), code.compare(">=", index, length))
    kernel.when(wrong, lambda: code.store(kernel.number(1), errors, np.dtype(np.int64)))
    return code.select(wrong, 0, index)


class ScatterAdd(_Copying):
    """result = zeros; result[indices[i]] += values[i], row by row, in order."""

    def __init__(self, values: Value, indices: Value, result: Value, errors: Value, width: int) -> None:  # fmt: skip
        super().__init__((values, indices, result, errors), width)
        self.names = [self.pointers[v] for v in (values, indices, result, errors)]
        self.length = result.spec.shape[0]
        self.columns = math.prod(result.spec.shape[1:])
        self.rows = math.prod(indices.spec.shape)
        self.dtype, self.index_dtype = result.spec.dtype, indices.spec.dtype

    def body(self) -> None:
        self.when(self.code.compare("==", VectorValue("%part", "int64"), 0), self._all)

    def _all(self) -> None:
        code, width = self.code, self.width
        values, indices, result, errors = self.names
        fill(self, result, self.length * self.columns * self.dtype.itemsize)

        def one(row: VectorValue, carried: list[VectorValue]) -> list[VectorValue]:
            index = checked_index(self, indices, row, self.index_dtype, self.length, errors)
            source, target = (code.binary("*", i, self.columns) for i in (row, index))
            for first in range(0, self.columns, width):
                active = min(width, self.columns - first)
                from_, to = (code.at(p, code.binary("+", at, first), self.dtype) for p, at in ((values, source), (result, target)))  # fmt: skip
                total = code.binary("+", code.load(to, self.dtype, active), code.load(from_, self.dtype, active))  # fmt: skip
                code.store(total, to, self.dtype, active)
            return []

        self.loop(self.number(0), self.number(self.rows), 1, (), one)


def fill(kernel: Kernel, pointer: str, size: int) -> None:
    """Bytes of 0."""
    kernel.code.declare("declare void @llvm.memset.p0.i64(ptr, i8, i64, i1)")
    kernel.code.line(f"call void @llvm.memset.p0.i64(ptr {pointer}, i8 0, i64 {size}, i1 false)")


class Blas(Kernel):
    """C = alpha A B + beta C by a function of BLAS, called in each thread for its rows or its columns of C.

    `factor` is a number, or the value that holds alpha with its sign; `old` scales what C holds before.
    """

    def __init__(
        self, function: Value, a: Value, b: Value, c: Value, size: tuple[int, int, int], turned: tuple[bool, bool], steps: tuple[int, int],
        width: int, alpha: Value | float = 1.0, sign: float = 1.0, beta: float = 0.0,
    ) -> None:  # fmt: skip
        roots = [function, a, b, c] + ([alpha] if isinstance(alpha, Value) else [])
        super().__init__(roots, width)
        self.names = [self.pointers[v] for v in (function, a, b, c)]
        self.alpha = self.pointers[alpha] if isinstance(alpha, Value) else float(alpha)
        self.sign, self.beta = sign, beta
        self.size, self.turned, self.steps = size, turned, steps
        self.dtype = c.spec.dtype

    @staticmethod
    def by_rows(rows: int, columns: int) -> bool:
        """Whether threads share the rows: each then reads all of B, so the longer side is cut."""
        return rows >= columns

    def body(self) -> None:
        code = self.code
        function, a, b, c = self.names
        rows, columns, terms = self.size
        by_rows = self.by_rows(rows, columns)
        begin, end = self.share(rows if by_rows else columns, UNIT if by_rows else 16)
        length = code.binary("-", end, begin)
        some = code.compare(">", length, 0)
        inner = "float" if self.dtype == np.float32 else "double"
        turned_a, turned_b = self.turned

        def call() -> None:
            if by_rows:
                place_a = begin if turned_a else code.binary("*", begin, self.steps[0])
                pa, pb = code.at(a, place_a, self.dtype), b
                pc = code.at(c, code.binary("*", begin, columns), self.dtype)
            else:
                place_b = code.binary("*", begin, self.steps[1]) if turned_b else begin
                pa, pb = a, code.at(b, place_b, self.dtype)
                pc = code.at(c, begin, self.dtype)
            short = code.put(f"trunc i64 {length.name} to i32", "int32").name
            m, n = (short, str(columns)) if by_rows else (str(rows), short)
            alpha = self._alpha(inner)
            beta = literal(self.beta, NAMES[self.dtype])
            flags = f"i32 101, i32 {112 if turned_a else 111}, i32 {112 if turned_b else 111}"
            code.line(
                f"call void {function}({flags}, i32 {m}, i32 {n}, i32 {terms}, {inner} {alpha}, ptr {pa}, i32 {self.steps[0]}, "
                f"ptr {pb}, i32 {self.steps[1]}, {inner} {beta}, ptr {pc}, i32 {columns})"
            )

        self.when(some, call)

    def _alpha(self, inner: str) -> str:
        code = self.code
        if isinstance(self.alpha, float):
            return literal(self.alpha * self.sign, NAMES[self.dtype])
        value = code.load(self.alpha, self.dtype)
        return (code.negate(value) if self.sign < 0 else value).name
