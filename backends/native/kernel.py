"""What all kernels share: pointers, the part of a thread, addresses, and the arithmetic of instructions.

A kernel is `void kernel(ptr arguments, i64 part, i64 parts, i64 step)`. `arguments` holds one address per
root, in the order of `roots`. Its text depends on shapes, dtypes and numbers alone, so layers of equal shape
share one kernel. The rows of the first axis are divided among `parts` threads in units of 8, always in the
same way, so that a thread finds what it wrote itself in the kernel before.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..contract import NAMES, DType
from ..errors import CodeError
from ..program.access import merged
from ..program.arithmetic import working_dtype
from ..program.fuse import Group
from ..program.ir import Instruction, Value
from ..program.ir import Operand as Given
from . import scalar
from .vectors import Operand, VectorBuilder, VectorValue

UNIT = 8
"""Rows are given to threads in multiples of this."""


class Kernel:
    """Writer of one function. Subclasses write the body."""

    def __init__(self, roots: Sequence[Value], width: int) -> None:
        self.code = VectorBuilder(width)
        self.width = width
        self.pointers = {root: f"%a{i}" for i, root in enumerate(roots)}

    def signature(self) -> str:
        """What decides the text, before it is written: kernels of equal signature have the same."""
        names = dict[Value, object](zip(self.pointers, range(len(self.pointers)), strict=True))
        # the group of a nest is told with it
        left = ("code", "pointers", "group")
        told = [(n, _told(a, names)) for n, a in vars(self).items() if n not in left]
        return repr((type(self).__name__, told))

    def text(self) -> str:
        """The function, called `@NAME`."""
        # a new one: what an interrupt left unfinished is no part of it
        code = self.code = VectorBuilder(self.width)
        code.lines.append("define void @NAME(ptr %arguments, i64 %part, i64 %parts, i64 %step) #0 {")
        code.label("entry")
        for i, pointer in enumerate(self.pointers.values()):
            where = "%arguments"
            if i:
                where = "%" + code.fresh("p")
                code.line(f"{where} = getelementptr ptr, ptr %arguments, i64 {i}")
            code.line(f"{pointer} = load ptr, ptr {where}, align 8")
        self.block = "entry"
        self.prologue()
        self.body()
        code.line("ret void")
        code.lines.append("}")
        return "\n".join(code.lines)

    def prologue(self) -> None:
        """Write what has to stand before all loops: memory on the stack."""

    def body(self) -> None:
        """Write what the kernel does."""

    # control flow
    def loop(
        self,
        begin: VectorValue,
        end: VectorValue,
        step: int,
        carried: Sequence[VectorValue],
        body: Callable[[VectorValue, list[VectorValue]], Sequence[VectorValue]],
    ) -> list[VectorValue]:
        """`for i in range(begin, end, step)`; the values `carried` from turn to
        turn, and what they are at the end.
        """
        code = self.code
        name = code.fresh("loop")
        before = self.block
        code.line(f"br label %{name}")
        code.label(name)
        index = VectorValue(f"%{name}.i", "int64")
        following = f"%{name}.n"
        holders = [VectorValue(f"%{name}.c{k}", c.dtype, c.lanes) for k, c in enumerate(carried)]
        at = len(code.lines)
        code.line(f"%{name}.more = icmp slt i64 {index.name}, {end.name}")
        code.line(f"br i1 %{name}.more, label %{name}.body, label %{name}.end")
        code.label(f"{name}.body")
        self.block = f"{name}.body"
        results = list(body(index, holders))
        code.line(f"{following} = add nuw nsw i64 {index.name}, {step}")
        code.line(f"br label %{name}")
        phis = [f"  {index.name} = phi i64 [ {begin.name}, %{before} ], [ {following}, %{self.block} ]"]
        for holder, start, result in zip(holders, carried, results, strict=True):
            phis.append(
                f"  {holder.name} = phi {holder.type} [ {start.name}, %{before} ], [ {result.name}, "
                f"%{self.block} ]"
            )
        code.lines[at:at] = phis
        code.label(f"{name}.end")
        self.block = f"{name}.end"
        return holders

    def when(self, condition: VectorValue, body: Callable[[], None]) -> None:
        code = self.code
        name = code.fresh("when")
        code.line(f"br i1 {condition.name}, label %{name}, label %{name}.end")
        code.label(name)
        self.block = name
        body()
        code.line(f"br label %{name}.end")
        code.label(f"{name}.end")
        self.block = f"{name}.end"

    def number(self, value: int) -> VectorValue:
        return VectorValue(str(value), "int64")

    def share(self, extent: int, unit: int = UNIT) -> tuple[VectorValue, VectorValue]:
        """(begin, end) of this thread's part of range(extent)."""
        code = self.code
        units = -(-extent // unit)
        part, parts = VectorValue("%part", "int64"), VectorValue("%parts", "int64")
        following = code.binary("+", part, 1)
        bounds = []
        for which in (part, following):
            scaled = code.binary("*", which, units)
            share = code.put(f"udiv i64 {scaled.name}, {parts.name}", "int64")
            bounds.append(code.binary("*", share, unit))
        return bounds[0], code.intrinsic("smin", bounds[1], extent)

    # addresses
    def offset_of(
        self, index: VectorValue | int, sizes: Sequence[int], strides: Sequence[int], start: int
    ) -> VectorValue | int:
        """Elements from the pointer to where the merged `index` over `sizes` is."""
        code = self.code
        one = merged(sizes, strides)
        if one == 0 or (isinstance(index, int) and index == 0):
            return start
        if isinstance(index, int):
            raise CodeError("a literal index other than 0")
        if one is not None:
            scaled = index if one == 1 else code.binary("*", index, one)
            return scaled if start == 0 else code.binary("+", scaled, start)
        total: VectorValue | None = None
        rest = index
        for size, stride in zip(reversed(sizes), reversed(strides), strict=True):
            if size == 1:
                continue
            size_lane = self.code.spread(self.number(size), rest.lanes)
            place = code.put(f"urem {rest.type} {rest.name}, {size_lane.name}", "int64", rest.lanes)
            rest = code.put(f"udiv {rest.type} {rest.name}, {size_lane.name}", "int64", rest.lanes)
            if stride:
                term = code.binary("*", place, stride)
                total = term if total is None else code.binary("+", total, term)
        assert total is not None
        return total if start == 0 else code.binary("+", total, start)

    # arithmetic
    def compute(self, instruction: Instruction, read: Callable[[Value], Operand]) -> Operand:
        """The result of an elementwise instruction; operands are read with `read`."""
        result, primitive, operands, static = instruction
        dtype = NAMES[result.spec.dtype]
        if primitive == "full":
            return dict(static)["value"]  # type: ignore[no-any-return]
        code = self.code
        if primitive == "astype":
            return self._as(self._read(operands[0], read), dtype)
        inner = NAMES[working_dtype(instruction)]
        given = [self._as(self._read(o, read), inner) for o in operands]
        if primitive == "where":
            given[0] = self._as(self._read(operands[0], read), "bool")
        if not any(isinstance(o, VectorValue) for o in given):
            given[0] = code.constant(given[0], inner)  # type: ignore[arg-type]
        return self._as(scalar.apply(code, primitive, given, dict(static)), dtype)

    def _read(self, operand: Given, read: Callable[[Value], Operand]) -> Operand:
        return read(operand) if isinstance(operand, Value) else operand

    def _as(self, operand: Operand, dtype: str) -> Operand:
        if isinstance(operand, VectorValue):
            return self.code.cast(operand, dtype)
        if dtype == "bool":
            return bool(operand)
        if "int" in dtype and isinstance(operand, float):
            return int(operand) if math.isfinite(operand) else 0
        return operand

    def counted(self, instruction: Instruction, place: VectorValue | int) -> Operand:
        """arange: start + step * place."""
        code, static = self.code, dict(instruction.static)
        dtype = instruction.result.spec.dtype
        if isinstance(place, int):
            number: bool | int | float
            number = np.asarray(static["start"] + static["step"] * place).astype(dtype).item()
            return number
        scaled = code.binary(
            "*", code.cast(place, "float64" if dtype.kind == "f" else "int64"), static["step"]
        )
        return code.cast(code.binary("+", scaled, static["start"]), NAMES[dtype])

    def lane(self, operand: Operand, dtype: DType) -> VectorValue:
        """An operand as a register."""
        if isinstance(operand, VectorValue):
            return operand
        return self.code.constant(operand, NAMES[dtype])


_PLAIN = frozenset((bool, int, float, str, type(None)))


def _told(thing: Any, names: dict[Value, object]) -> object:
    """All that text can be written from in an attribute of a kernel: roots are told by their place,
    other values by the order in which they come.
    """
    kind = type(thing)
    if kind in _PLAIN:
        return thing
    if kind is Value:
        spec = thing.spec
        return names.setdefault(thing, f"%{len(names)}"), spec.shape, spec.dtype.char
    if kind is Instruction:
        parts: Any = (thing.primitive, thing.result, thing.operands, thing.static)
        return [_told(one, names) for one in parts]
    if kind is Group:
        told = [_told(x, names) for x in (thing.kind, thing.domain, thing.head, thing.steps, thing.reduced)]
        # what no step here computes is left out: it may differ where the text does not
        return told, [(names[v], axes) for v, axes in thing.axes.items() if v in names]
    if isinstance(thing, tuple | list):
        return [one if type(one) is int else _told(one, names) for one in thing]
    if isinstance(thing, dict):
        return [(_told(k, names), _told(v, names)) for k, v in thing.items()]
    if isinstance(thing, frozenset):
        return sorted(thing)
    if isinstance(thing, np.dtype):
        return thing.char
    if isinstance(thing, np.generic):
        return thing.dtype.char, repr(thing)
    raise TypeError(f"{thing!r} says nothing of the text of a kernel")
