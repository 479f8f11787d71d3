"""What a reduction gathers: in which type, from which start, how two are joined, and how
it lies in memory between kernels.
"""

from __future__ import annotations

import math

import numpy as np

from ..contract import DType, bool_
from ..primitives import PRIMITIVES
from ..program.access import Access
from ..program.ir import Instruction, Value, operands_of
from ..program.nest import Nest, counts_of, runs_of
from .kernel import Axes, Writer
from .scalar import TYPES, cast

_FLOAT64, _INT64, _INT32 = (np.dtype(n) for n in ("float64", "int64", "int32"))


class Accumulator:
    """The accumulator of one reduction."""

    def __init__(self, reduction: Instruction) -> None:
        self.reduction = reduction
        (self.operand,) = operands_of(reduction)
        self.source: DType = self.operand.spec.dtype
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

    def add(self, writer: Writer, place: str) -> None:
        """Gather one more element."""
        given = cast(writer.read(self.operand), self.source, bool_ if self.is_logic else self.dtype)
        given = f"{self.type}{{{given}, (i64)({place})}}" if self.places else f"({self.type}){given}"
        writer.line(f"{self.name} = {self.op}::join({self.name}, {given});")

    def close(self, writer: Writer, total: str) -> None:
        """Join what the threads have; the result is known to all of them."""
        result = self.reduction.result
        writer.line(f"{self.name} = {total}{self.op}>({self.name});")
        text = f"{self.name}.i" if self.places else self.name
        writer.define(result, cast(text, _INT64 if self.places else self.dtype, result.spec.dtype))

    def leave(self, writer: Writer, scratch: Value, total: str, lane: str, at: str) -> None:
        """Join what the threads have of a part, and write it to memory, where `resume` finds it."""
        p, name = writer.pointer(Access(scratch, scratch.spec.dtype, 0, ()), written=True), self.name
        written = f"{p}[{at}] = {name};"
        if self.places:
            kind = TYPES[self.dtype]
            written = f"{{ {p}[2 * ({at})] = {name}.v; {p}[2 * ({at}) + 1] = ({kind}){name}.i; }}"
        writer.line(f"{name} = {total}{self.op}>({name});")
        writer.line(f"if (live && {lane} == 0) {written}")

    def resume(self, writer: Writer, scratch: Value, total: str, loop: str, at: str) -> None:
        """Join what all parts have left."""
        p = writer.pointer(Access(scratch, scratch.spec.dtype, 0, ()))
        left = f"{self.type}{{{p}[2 * ({at})], (i64){p}[2 * ({at}) + 1]}}" if self.places else f"{p}[{at}]"
        self.open(writer)
        writer.open(loop)
        writer.line(f"{self.name} = {self.op}::join({self.name}, {left});")
        writer.close()
        self.close(writer, total)


class Reducing:
    """What kernels of reductions share, whichever axes they reduce.

    Args:
        nest: the group with its memory.
        cut: how many axes of the domain are the rows.
        writer: of the kernel.
        each: how many times there is something to reduce.
        length: how many elements go into each.
    """

    def __init__(self, nest: Nest, cut: int, writer: Writer, each: int, length: int) -> None:
        self.nest, self.group, self.writer, self.cut = nest, nest.group, writer, cut
        self.counts, runs, domain = counts_of(nest), runs_of(nest), nest.group.domain
        self.down = Axes(writer, domain[:cut], [r[:cut] for r in runs])
        self.along = Axes(writer, domain[cut:], [r[cut:] for r in runs])
        self.total, self.length = writer.integer(each), writer.integer(length)
        self.down.declare()
        self.along.declare()

    def part(self, each: str) -> None:
        """Where the part of this block begins and ends."""
        self.writer.line(f"const I begin = (I)blockIdx.y * {each};")
        self.writer.line(f"const I end = begin + {each} < {self.length} ? begin + {each} : {self.length};")


def _widened(dtype: DType) -> DType:
    """A type that lanes can exchange."""
    if dtype.kind in "biu" and dtype.itemsize < 4:
        return _INT32
    return dtype
