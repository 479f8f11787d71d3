"""Rows by index: the batch of an epoch, `getitem` and the sum that scatters them back."""

from __future__ import annotations

import math

import numpy as np

from ..contract import DType
from ..program.ir import Value
from .kernel import Kernel
from .vectors import VectorValue


class _Copying(Kernel):
    """Rows of literal length copied from a place to another."""

    def copy(self, target: str, source: str, size: int) -> None:
        self.code.declare("declare void @llvm.memcpy.p0.p0.i64(ptr, ptr, i64, i1)")
        self.code.line(f"call void @llvm.memcpy.p0.p0.i64(ptr {target}, ptr {source}, i64 {size}, i1 false)")

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
                place = code.load(code.at(self.order, place, np.dtype(np.int64)), np.dtype(np.int64))
            source = self.byte(self.source, code.binary("*", place, self.size))
            self.copy(self.byte(self.result, code.binary("*", row, self.size)), source, self.size)
            return []

        self.loop(begin, end, 1, (), one)


class Take(_Copying):
    """result[i] = table[indices[i]] for rows; an index out of range is
    counted in `errors` and reads row 0.
    """

    def __init__(self, table: Value, indices: Value, result: Value, errors: Value, width: int) -> None:
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


def checked_index(
    kernel: Kernel, indices: str, row: VectorValue, dtype: DType, length: int, errors: str
) -> VectorValue:
    """The index at place `row`, counted from the front; 0 and a note in
    `errors` when there is no such element.
    """
    code = kernel.code
    index = code.cast(code.load(code.at(indices, row, dtype), dtype), "int64")
    index = code.select(code.compare("<", index, 0), code.binary("+", index, length), index)
    wrong = code.binary("|", code.compare("<", index, 0), code.compare(">=", index, length))
    kernel.when(wrong, lambda: code.store(kernel.number(1), errors, np.dtype(np.int64)))
    return code.select(wrong, 0, index)


class ScatterAdd(_Copying):
    """result = zeros; result[indices[i]] += values[i], row by row, in order."""

    def __init__(self, values: Value, indices: Value, result: Value, errors: Value, width: int) -> None:
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
                from_, to = (
                    code.at(p, code.binary("+", at, first), self.dtype)
                    for p, at in ((values, source), (result, target))
                )
                total = code.binary(
                    "+", code.load(to, self.dtype, active), code.load(from_, self.dtype, active)
                )
                code.store(total, to, self.dtype, active)
            return []

        self.loop(self.number(0), self.number(self.rows), 1, (), one)


def fill(kernel: Kernel, pointer: str, size: int) -> None:
    """Bytes of 0."""
    kernel.code.declare("declare void @llvm.memset.p0.i64(ptr, i8, i64, i1)")
    kernel.code.line(f"call void @llvm.memset.p0.i64(ptr {pointer}, i8 0, i64 {size}, i1 false)")
