"""LLVM's text form, one typed operation a call: numbers, and vectors of
`width` numbers that run side by side.

A `VectorValue` is a register with its element type; `lanes` is 1 or the width of vectors. Operands of
different lanes meet by repeating the single one. Python numbers are written as literals of the type that they
meet. Nothing here knows loops or programs.
"""

from __future__ import annotations

import struct
from functools import cache, lru_cache
from typing import NamedTuple

import numpy as np

from ..contract import NAMES, DType, Scalar

LLVM = {
    "bool": "i1",
    "int8": "i8",
    "int16": "i16",
    "int32": "i32",
    "int64": "i64",
    "uint8": "i8",
    "uint16": "i16",
    "uint32": "i32",
    "uint64": "i64",
    "float16": "half",
    "float32": "float",
    "float64": "double",
}
SUFFIX = {
    "float16": "f16",
    "float32": "f32",
    "float64": "f64",
    "bool": "i8",
    **{k: v for k, v in LLVM.items() if "int" in k},
}
_ARITHMETIC = {"+": "add", "-": "sub", "*": "mul", "/": "div"}
_BITWISE = {"&": "and", "|": "or", "^": "xor", "<<": "shl"}
_ORDERED = {"==": "oeq", "!=": "une", "<": "olt", "<=": "ole", ">": "ogt", ">=": "oge"}
_INTEGER = {"==": "eq", "!=": "ne", "<": "lt", "<=": "le", ">": "gt", ">=": "ge"}


class VectorValue(NamedTuple):
    """A register: its name, the dtype of its elements, and how many there are."""

    name: str
    dtype: str
    lanes: int = 1

    @property
    def type(self) -> str:
        return _type_of(self.dtype, self.lanes)


@cache
def _type_of(dtype: str, lanes: int) -> str:
    return LLVM[dtype] if lanes == 1 else f"<{lanes} x {LLVM[dtype]}>"


Operand = VectorValue | Scalar
Active = int | VectorValue
"""Which lanes of a vector count: the first so many, or those of a mask."""


def literal(number: Scalar, dtype: str) -> str:
    """A number as LLVM writes it for elements of `dtype`."""
    return _literal(repr(number), number, dtype)


@lru_cache(4096)
def _literal(text: str, number: Scalar, dtype: str) -> str:
    # by its text too: -0.0 and 0.0 are equal
    if dtype == "bool":
        return "true" if number else "false"
    if "float" in dtype:
        value = float(np.float32(number)) if dtype == "float32" else float(number)
        return f"0x{struct.pack('>d', value).hex().upper()}"
    bits = int(dtype.removeprefix("u").removeprefix("int"))
    whole = int(number) & ((1 << bits) - 1)
    return str(whole - (1 << bits) if whole >> (bits - 1) else whole)


def storage(dtype: DType) -> str:
    """How an element lies in memory: a boolean is a byte."""
    return "i8" if dtype.kind == "b" else LLVM[NAMES[dtype]]


class VectorBuilder:
    """Writes instructions; `declared` collects the functions that the module has to declare."""

    def __init__(self, width: int) -> None:
        self.width = width
        self.lines: list[str] = []
        self.declared: dict[str, None] = {}
        self.flags = ""
        self._count = 0

    def line(self, text: str) -> None:
        self.lines.append("  " + text)

    def label(self, name: str) -> None:
        self.lines.append(name + ":")

    def fresh(self, prefix: str = "t") -> str:
        self._count += 1
        return f"{prefix}{self._count}"

    def put(self, text: str, dtype: str, lanes: int = 1) -> VectorValue:
        """A new register with the value of an instruction."""
        name = "%" + self.fresh()
        self.lines.append(f"  {name} = {text}")
        return VectorValue(name, dtype, lanes)

    def declare(self, text: str) -> None:
        self.declared[text] = None

    # operands
    def constant(self, number: Scalar, dtype: str, lanes: int = 1) -> VectorValue:
        text = literal(number, dtype)
        if lanes > 1:
            part = f"{LLVM[dtype]} {text}"
            text = "<" + ", ".join([part] * lanes) + ">"
        return VectorValue(text, dtype, lanes)

    def spread(self, value: VectorValue, lanes: int) -> VectorValue:
        """One number in every lane."""
        if value.lanes == lanes:
            return value
        if not value.name.startswith("%"):
            part = f"{LLVM[value.dtype]} {value.name}"
            return VectorValue("<" + ", ".join([part] * lanes) + ">", value.dtype, lanes)
        inner = LLVM[value.dtype]
        kind = f"<{lanes} x {inner}>"
        first = self.put(f"insertelement {kind} poison, {inner} {value.name}, i32 0", value.dtype, lanes)
        return self.put(
            f"shufflevector {kind} {first.name}, {kind} poison, <{lanes} x i32> zeroinitializer",
            value.dtype,
            lanes,
        )

    def together(self, *operands: Operand) -> list[VectorValue]:
        """Operands with the same dtype and lanes; numbers take the dtype of the registers."""
        registers = [o for o in operands if isinstance(o, VectorValue)]
        if len(registers) == len(operands) and all(r[1:] == registers[0][1:] for r in registers):
            return registers
        lanes = max((r.lanes for r in registers), default=1)
        dtype = registers[0].dtype if registers else "float64"
        for register in registers:
            if register.dtype != dtype:
                dtype = np.result_type(np.dtype(dtype), np.dtype(register.dtype)).name
        return [
            self.spread(self.cast(o, dtype), lanes)
            if isinstance(o, VectorValue)
            else self.constant(o, dtype, lanes)
            for o in operands
        ]

    # arithmetic
    def binary(self, sign: str, a: Operand, b: Operand) -> VectorValue:
        if all(isinstance(o, VectorValue) and o.dtype == "bool" for o in (a, b)) and sign in _ARITHMETIC:
            a, b = self.cast(a, "int32"), self.cast(b, "int32")  # type: ignore[arg-type]
        x, y = self.together(a, b)
        if sign in _BITWISE:
            return self.put(f"{_BITWISE[sign]} {x.type} {x.name}, {y.name}", x.dtype, x.lanes)
        if sign == ">>":
            kind = "lshr" if x.dtype.startswith("u") else "ashr"
            return self.put(f"{kind} {x.type} {x.name}, {y.name}", x.dtype, x.lanes)
        operation = _ARITHMETIC[sign]
        if "float" in x.dtype:
            return self.put(f"f{operation} {self.flags}{x.type} {x.name}, {y.name}", x.dtype, x.lanes)
        return self.put(f"{operation} {x.type} {x.name}, {y.name}", x.dtype, x.lanes)

    def compare(self, sign: str, a: Operand, b: Operand) -> VectorValue:
        x, y = self.together(a, b)
        if "float" in x.dtype:
            return self.put(f"fcmp {_ORDERED[sign]} {x.type} {x.name}, {y.name}", "bool", x.lanes)
        how = _INTEGER[sign]
        if sign not in ("==", "!="):
            how = ("u" if x.dtype.startswith("u") or x.dtype == "bool" else "s") + how
        return self.put(f"icmp {how} {x.type} {x.name}, {y.name}", "bool", x.lanes)

    def negate(self, x: VectorValue) -> VectorValue:
        if "float" in x.dtype:
            return self.put(f"fneg {x.type} {x.name}", x.dtype, x.lanes)
        return self.binary("-", 0, x)

    def invert(self, x: VectorValue) -> VectorValue:
        return self.binary("^", x, True)

    def select(self, condition: VectorValue, a: Operand, b: Operand) -> VectorValue:
        x, y = self.together(a, b)
        lanes = max(condition.lanes, x.lanes)
        x, y = self.spread(x, lanes), self.spread(y, lanes)
        # one condition for all lanes stays one: a choice between whole registers
        return self.put(
            f"select {condition.type} {condition.name}, {x.type} {x.name}, {y.type} {y.name}", x.dtype, lanes
        )

    def cast(self, x: VectorValue, dtype: str) -> VectorValue:
        """`x` as NumPy's astype gives it."""
        if x.dtype == dtype:
            return x
        if x.dtype == dtype or {x.dtype, dtype} in (
            {"int32", "uint32"},
            {"int64", "uint64"},
            {"int8", "uint8"},
            {"int16", "uint16"},
        ):
            return x._replace(dtype=dtype)
        if not x.name.startswith("%") and x.lanes == 1:
            x = self.put(f"select i1 true, {x.type} {x.name}, {x.type} {x.name}", x.dtype)
        if dtype == "bool":
            return self.compare("!=", x, 0)
        target = VectorValue("", dtype, x.lanes).type
        is_float, to_float = "float" in x.dtype, "float" in dtype
        if is_float and to_float:
            how = "fpext" if dtype == "float64" else "fptrunc"
        elif is_float:
            return self._to_integer(x, dtype)
        elif to_float:
            how = "uitofp" if x.dtype.startswith(("u", "bool")) else "sitofp"
        else:
            old, new = (int(LLVM[d][1:]) for d in (x.dtype, dtype))
            how = "trunc" if new < old else "zext" if x.dtype.startswith(("u", "bool")) else "sext"
            if new == old:
                return x._replace(dtype=dtype)
        return self.put(f"{how} {x.type} {x.name} to {target}", dtype, x.lanes)

    def _to_integer(self, x: VectorValue, dtype: str) -> VectorValue:
        """Toward zero; what does not fit is any number, as in NumPy, but no undefined behaviour."""
        suffix = f"v{x.lanes}" if x.lanes > 1 else ""
        wide = "int64" if dtype not in ("uint64",) else dtype
        target = VectorValue("", wide, x.lanes).type
        name = f"llvm.fpto{'u' if wide == 'uint64' else 's'}i.sat.{suffix}i64.{suffix}{SUFFIX[x.dtype]}"
        self.declare(f"declare {target} @{name}({x.type})")
        return self.cast(self.put(f"call {target} @{name}({x.type} {x.name})", wide, x.lanes), dtype)

    def bits(self, x: VectorValue, dtype: str) -> VectorValue:
        """The same bits as another type of the same size."""
        if LLVM[dtype] == LLVM[x.dtype]:
            return x._replace(dtype=dtype)
        return self.put(
            f"bitcast {x.type} {x.name} to {VectorValue('', dtype, x.lanes).type}", dtype, x.lanes
        )

    def intrinsic(self, name: str, *operands: Operand) -> VectorValue:
        """A function of LLVM whose operands and result have one type: llvm.sqrt, llvm.fma ..."""
        values = self.together(*operands)
        first = values[0]
        suffix = f"v{first.lanes}{SUFFIX[first.dtype]}" if first.lanes > 1 else SUFFIX[first.dtype]
        full = f"llvm.{name}.{suffix}"
        self.declare(f"declare {first.type} @{full}({', '.join([first.type] * len(values))})")
        given = ", ".join(f"{v.type} {v.name}" for v in values)
        return self.put(f"call {first.type} @{full}({given})", first.dtype, first.lanes)

    def reduce(self, name: str, x: VectorValue) -> VectorValue:
        """All lanes of `x` as one number; sums of floats may be taken in any order."""
        if x.lanes == 1:
            return x
        inner = LLVM[x.dtype]
        full = f"llvm.vector.reduce.{name}.v{x.lanes}{inner if inner == 'i1' else SUFFIX[x.dtype]}"
        if name in ("fadd", "fmul"):
            start = literal(-0.0 if name == "fadd" else 1.0, x.dtype)
            self.declare(f"declare {inner} @{full}({inner}, {x.type})")
            return self.put(f"call reassoc {inner} @{full}({inner} {start}, {x.type} {x.name})", x.dtype)
        self.declare(f"declare {inner} @{full}({x.type})")
        return self.put(f"call {inner} @{full}({x.type} {x.name})", x.dtype)

    # memory
    def at(self, pointer: str, index: VectorValue | int, dtype: DType) -> str:
        """The address of an element."""
        text = str(index) if isinstance(index, int) else index.name
        if text == "0":
            return pointer
        name = "%" + self.fresh("p")
        self.lines.append(f"  {name} = getelementptr inbounds {storage(dtype)}, ptr {pointer}, i64 {text}")
        return name

    def first(self, active: int) -> VectorValue:
        """Which lanes are the first `active` ones."""
        bits = ", ".join(f"i1 {int(i < active)}" for i in range(self.width))
        return VectorValue(f"<{bits}>", "bool", self.width)

    def mask(self, active: Active) -> str:
        which = active if isinstance(active, VectorValue) else self.first(active)
        return f"{which.type} {which.name}"

    def load(self, address: str, dtype: DType, active: Active = 0) -> VectorValue:
        """One element, or the first `active` lanes of a vector, or those of a mask; the others are 0."""
        inner, size = storage(dtype), dtype.itemsize
        name = "uint8" if dtype.kind == "b" else NAMES[dtype]
        if not active:
            value = self.put(f"load {inner}, ptr {address}, align {size}", name)
        elif active == self.width:
            value = self.put(f"load <{self.width} x {inner}>, ptr {address}, align {size}", name, self.width)
        else:
            kind = f"<{self.width} x {inner}>"
            full = f"llvm.masked.load.v{self.width}{SUFFIX[NAMES[dtype]]}.p0"
            self.declare(f"declare {kind} @{full}(ptr, i32, <{self.width} x i1>, {kind})")
            value = self.put(
                f"call {kind} @{full}(ptr {address}, i32 {size}, {self.mask(active)}, {kind} "
                "zeroinitializer)",
                name,
                self.width,
            )
        return self.compare("!=", value, 0) if dtype.kind == "b" else value

    def store(self, value: VectorValue, address: str, dtype: DType, active: Active = 0) -> None:
        inner, size = storage(dtype), dtype.itemsize
        if dtype.kind == "b":
            value = self.put(
                f"zext {value.type} {value.name} to {value.type.replace('i1', 'i8')}", "uint8", value.lanes
            )
        if not active:
            self.line(f"store {inner} {value.name}, ptr {address}, align {size}")
            return
        value = self.spread(value, self.width)
        if active == self.width:
            self.line(f"store {value.type} {value.name}, ptr {address}, align {size}")
            return
        full = f"llvm.masked.store.v{self.width}{SUFFIX[NAMES[dtype]]}.p0"
        self.declare(f"declare void @{full}({value.type}, ptr, i32, <{self.width} x i1>)")
        self.line(
            f"call void @{full}({value.type} {value.name}, ptr {address}, i32 {size}, {self.mask(active)})"
        )

    def gather(self, pointer: str, offsets: VectorValue, dtype: DType, active: Active) -> VectorValue:
        """Elements at `offsets` (int64, a vector) from `pointer`."""
        inner, width = storage(dtype), self.width
        addresses = self.put(
            f"getelementptr {inner}, ptr {pointer}, {offsets.type} {offsets.name}", "int64", width
        )
        kind = f"<{width} x {inner}>"
        full = f"llvm.masked.gather.v{width}{SUFFIX[NAMES[dtype]]}.v{width}p0"
        self.declare(f"declare {kind} @{full}(<{width} x ptr>, i32, <{width} x i1>, {kind})")
        name = "uint8" if dtype.kind == "b" else NAMES[dtype]
        value = self.put(
            f"call {kind} @{full}(<{width} x ptr> {addresses.name}, i32 {dtype.itemsize}, "
            f"{self.mask(active)}, {kind} zeroinitializer)",
            name,
            width,
        )
        return self.compare("!=", value, 0) if dtype.kind == "b" else value

    def scatter(
        self, value: VectorValue, pointer: str, offsets: VectorValue, dtype: DType, active: Active
    ) -> None:
        inner, width = storage(dtype), self.width
        if dtype.kind == "b":
            value = self.put(
                f"zext {value.type} {value.name} to {value.type.replace('i1', 'i8')}", "uint8", value.lanes
            )
        value = self.spread(value, width)
        addresses = self.put(
            f"getelementptr {inner}, ptr {pointer}, {offsets.type} {offsets.name}", "int64", width
        )
        full = f"llvm.masked.scatter.v{width}{SUFFIX[NAMES[dtype]]}.v{width}p0"
        self.declare(f"declare void @{full}({value.type}, <{width} x ptr>, i32, <{width} x i1>)")
        self.line(
            f"call void @{full}({value.type} {value.name}, <{width} x ptr> {addresses.name}, i32 "
            f"{dtype.itemsize}, {self.mask(active)})"
        )

    def lane_numbers(self) -> VectorValue:
        """0, 1, 2 ... in a vector of int64."""
        return VectorValue("<" + ", ".join(f"i64 {i}" for i in range(self.width)) + ">", "int64", self.width)
