"""What a reduction gathers: in which type, from which start, how two are joined, and how
it lies in memory between kernels.
"""

from __future__ import annotations

import math

import numpy as np

from ..contract import DType, bool_
from ..primitives import PRIMITIVES
from ..program.ir import Instruction, Value
from .kernel import Writer
from .scalar import TYPES, cast

_FLOAT64, _INT64, _INT32 = (np.dtype(n) for n in ("float64", "int64", "int32"))


class Accumulator:
    """The accumulator of one reduction."""

    def __init__(self, reduction: Instruction) -> None:
        self.reduction = reduction
        (source,) = reduction.operands
        assert isinstance(source, Value)
        self.source: DType = source.spec.dtype
        gathers = PRIMITIVES[reduction.primitive].gathers
        assert gathers is not None
        self.op, self.places, self.first = gathers.cuda, gathers.place, gathers.start
        self.is_logic = PRIMITIVES[gathers.by].family == "logic"
        if reduction.primitive == "sum" and self.source.kind == "f":
            self.dtype = _FLOAT64
        elif self.is_logic:
            self.dtype = _INT32
        elif math.isfinite(self.first):
            self.dtype = reduction.result.spec.dtype
        else:
            self.dtype = _widened(self.source)
        self.words = 2 if self.places else 1
        """Elements of `dtype` that it takes in memory; a place is held as one of them, 64 bits wide."""
        if self.places:
            self.dtype = _FLOAT64 if self.source.kind == "f" else _INT64
        self.name = f"g{reduction.result.number}"

    @property
    def type(self) -> str:
        return f"At<{TYPES[self.dtype]}>" if self.places else TYPES[self.dtype]

    def open(self, writer: Writer) -> None:
        """Declare it, with nothing gathered yet."""
        kind = TYPES[self.dtype]
        if self.places:
            start = f"{{({kind})0, -1}}"
        elif math.isfinite(self.first):
            start = f"{self.first}"
        else:
            start = self._bound(self.first < 0)
        writer.line(f"{self.type} {self.name} = {start};")

    def _bound(self, lowest: bool) -> str:
        if self.dtype.kind == "f":
            return "-INFINITY" if lowest else "INFINITY"
        info = np.iinfo(self.dtype)
        bound = int(info.min if lowest else info.max)
        if bound == -(2**63):
            return "(-9223372036854775807LL - 1)"
        return f"{bound}{'ull' if bound >= 2**63 else 'LL'}"

    def add(self, writer: Writer, value: str, place: str) -> None:
        """Gather one more element."""
        given = cast(value, self.source, bool_ if self.is_logic else self.dtype)
        given = f"{self.type}{{{given}, (i64)({place})}}" if self.places else f"({self.type}){given}"
        writer.line(f"{self.name} = {self.op}::join({self.name}, {given});")

    def close(self, writer: Writer, total: str) -> None:
        """Join what the threads have; the result is known to all of them."""
        result = self.reduction.result
        writer.line(f"{self.name} = {total}{self.op}>({self.name});")
        text = f"{self.name}.i" if self.places else self.name
        writer.define(result, cast(text, _INT64 if self.places else self.dtype, result.spec.dtype))

    def put(self, pointer: str, at: str) -> str:
        """A statement that writes it to memory."""
        if not self.places:
            return f"{pointer}[{at}] = {self.name};"
        kind = TYPES[self.dtype]
        return (
            f"{{ {pointer}[2 * ({at})] = {self.name}.v; {pointer}[2 * ({at}) + 1] = ({kind}){self.name}.i; }}"
        )

    def get(self, pointer: str, at: str) -> str:
        """What `put` wrote."""
        if not self.places:
            return f"{pointer}[{at}]"
        return f"{self.type}{{{pointer}[2 * ({at})], (i64){pointer}[2 * ({at}) + 1]}}"


def _widened(dtype: DType) -> DType:
    """A type that lanes can exchange."""
    if dtype.kind in "biu" and dtype.itemsize < 4:
        return _INT32
    return dtype
