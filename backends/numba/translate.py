"""The Python text of a kernel as LLVM text.

`emit` writes kernels in a small part of Python: numbers, comparisons, choices, casts, calls of one another,
loops over a range, addresses that are read and written. Numba means the same by that text, and LLVM makes the
same machine code of what both write; but Numba takes half a second to get there, in which it infers types
that are plain to see, and optimizes and emits every function for itself that is then inlined. Types follow
Numba: integers meet in 64 bits, float32 meets integers in float64.
"""

from __future__ import annotations

import ast
import struct
from collections.abc import Callable
from typing import NamedTuple

from ..errors import CodeError

_LLVM = {
    "bool": "i1", "uint8": "i8", "int32": "i32", "uint32": "i32", "int64": "i64", "uint64": "i64",
    "float32": "float", "float64": "double",
}  # fmt: skip
_SUFFIX = {"float32": "f32", "float64": "f64"}
_WIDTH = {"bool": 1, "uint8": 8, "int32": 32, "uint32": 32, "int64": 64, "uint64": 64}
_ARITHMETIC: dict[type, str] = {ast.Add: "add", ast.Sub: "sub", ast.Mult: "mul", ast.Div: "div"}
_BITWISE: dict[type, str] = {
    ast.BitAnd: "and", ast.BitOr: "or", ast.BitXor: "xor", ast.LShift: "shl", ast.RShift: "shr",
}  # fmt: skip
_ORDERED: dict[type, str] = {
    ast.Eq: "oeq", ast.NotEq: "une", ast.Lt: "olt", ast.LtE: "ole", ast.Gt: "ogt", ast.GtE: "oge",
}  # fmt: skip
_INTEGER: dict[type, str] = {
    ast.Eq: "eq", ast.NotEq: "ne", ast.Lt: "lt", ast.LtE: "le", ast.Gt: "gt", ast.GtE: "ge",
}  # fmt: skip
SYMBOL = "kernel"


class Number(NamedTuple):
    """A register or a literal, and its dtype; of an array, its address and the dtype of its elements."""

    text: str
    dtype: str

    @property
    def typed(self) -> str:
        return f"{_LLVM[self.dtype]} {self.text}"


class Function(NamedTuple):
    """A function of the source that is written in place, and what LLVM may do to its arithmetic."""

    names: list[str]
    body: list[ast.stmt]
    flags: str


def llvm_text(source: str, wide: bool = False) -> str:
    """The module whose function `kernel` is that of `source`.

    LLVM keeps to half the width of AVX-512 unless told so, by `wide`. For arithmetic as dense as a
    polynomial that is a third slower.

    Raises:
        ValueError: for text that is in no kernel.
    """
    functions: dict[str, Function] = {}
    constants: dict[str, Number] = {}
    for node in ast.parse(source).body:
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=ast.Constant() | ast.Call() as value):
                constants[name] = _constant(value)
            case ast.FunctionDef(name="kernel"):
                return _Kernel(functions, constants).text(node, wide)
            case ast.FunctionDef(name=name, decorator_list=[ast.Call() as njit]):
                flags = _fast(njit)
                functions[name] = Function([a.arg for a in node.args.args], node.body, flags)
    raise CodeError("no function named kernel")


def _constant(node: ast.expr) -> Number:
    if isinstance(node, ast.Call):
        return _literal(float(ast.literal_eval(node.args[0])))
    return _literal(ast.literal_eval(node))


def _literal(value: object) -> Number:
    if isinstance(value, bool):
        return Number("true" if value else "false", "bool")
    if isinstance(value, int):
        return Number(str(value), "int64")
    assert isinstance(value, float)
    return Number(f"0x{struct.pack('>d', value).hex().upper()}", "float64")


def _fast(decorator: ast.Call) -> str:
    (found,) = (k.value for k in decorator.keywords if k.arg == "fastmath")
    return "".join(f"{flag} " for flag in sorted(ast.literal_eval(found)))


def _dtype(node: ast.expr) -> str:
    """What is behind the dot of `np.float32` or `types.int64`."""
    if not isinstance(node, ast.Attribute) or node.attr not in _LLVM:
        raise CodeError(f"no dtype: {ast.unparse(node)}")
    return node.attr


def _common(a: str, b: str) -> str:
    """The dtype in which two numbers meet."""
    if a == b and a in ("bool", "float32", "float64"):
        return a
    if "float" in a or "float" in b:
        return "float64"
    return "uint64" if {a, b} <= {"uint8", "uint32", "uint64"} else "int64"


def _is_float(dtype: str) -> bool:
    return dtype in _SUFFIX


def _is_signed(dtype: str) -> bool:
    return dtype.startswith("int")


class _Kernel:
    """The lines of the kernel. Its variables lie in memory, which LLVM turns into registers.

    In `scope` is what needs no memory: parameters that are numbers, counters, and inside of a function that
    is written in place all that it names.
    """

    def __init__(self, functions: dict[str, Function], constants: dict[str, Number]) -> None:
        self.functions = functions
        self.constants = constants
        self.lines: list[str] = []
        self.slots: dict[str, Number] = {}
        self.arrays: dict[str, Number] = {}
        self.intrinsics: set[str] = set()
        self.scope: dict[str, Number] = {}
        self.flags = ""
        self.block = "entry"
        self.count = 0

    def text(self, node: ast.FunctionDef, wide: bool) -> str:
        (decorator,) = node.decorator_list
        assert isinstance(decorator, ast.Call)
        (declaration,) = decorator.args
        assert isinstance(declaration, ast.Call)
        parameters = []
        for argument, declared in zip(node.args.args, declaration.args, strict=True):
            if isinstance(declared, ast.Call):
                self.arrays[argument.arg] = Number(f"%{argument.arg}", _dtype(declared.args[0]))
                # a kernel reads its parameters p0, p1 ..., and all that it writes is memory of its own
                alone = "" if argument.arg.startswith("p") else "noalias "
                parameters.append(f"ptr {alone}%{argument.arg}")
            else:
                self.scope[argument.arg] = Number(f"%{argument.arg}", _dtype(declared))
                parameters.append(self.scope[argument.arg].typed)
        for statement in node.body:
            self._statement(statement)
        width = ' "prefer-vector-width"="512"' if wide else ""
        return "\n".join(
            [
                *sorted(self.intrinsics),
                f"define void @{SYMBOL}({', '.join(parameters)}) nounwind{width} {{",
                "entry:",
                *(f"  {slot.text} = alloca {_LLVM[slot.dtype]}" for slot in self.slots.values()),
                *self.lines,
                "  ret void",
                "}",
                "",
            ]
        )

    # statements

    def _statement(self, node: ast.stmt) -> None:
        match node:
            case ast.For(target=ast.Name(id=name), iter=ast.Call(args=bounds), body=body):
                self._loop(name, [self.value(b) for b in bounds], body)
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                self._assign(name, self.value(value))
            case ast.AugAssign(target=ast.Name(id=name) as target, op=op, value=value):
                self._assign(name, self._binary(op, self._name(target.id), self.value(value)))
            case ast.Assign(targets=[ast.Subscript() as place], value=value):
                address, dtype = self._place(place)
                number = self.cast(self.value(value), dtype)
                self.lines.append(f"  store {number.typed}, ptr {address}")
            case _:
                raise CodeError(f"no statement of a kernel: {ast.unparse(node)}")

    def _assign(self, name: str, value: Number) -> None:
        slot = self.slots.setdefault(name, Number(f"%_{name}", value.dtype))
        self.lines.append(f"  store {self.cast(value, slot.dtype).typed}, ptr {slot.text}")

    def _loop(self, name: str, bounds: list[Number], body: list[ast.stmt]) -> None:
        start, stop = bounds if len(bounds) == 2 else (_literal(0), *bounds)
        self.count += 1
        head, inside, done = (f"{part}{self.count}" for part in ("head", "inside", "done"))
        counter, following, more = (f"%{part}{self.count}" for part in ("counter", "next", "more"))
        before, at = self.block, len(self.lines)
        self.scope[name] = Number(counter, "int64")
        self.block = inside
        for statement in body:
            self._statement(statement)
        self.lines[at:at] = [
            f"  br label %{head}",
            f"{head}:",
            f"  {counter} = phi i64 [ {start.text}, %{before} ], [ {following}, %{self.block} ]",
            f"  {more} = icmp slt i64 {counter}, {stop.text}",
            f"  br i1 {more}, label %{inside}, label %{done}",
            f"{inside}:",
        ]
        self.lines += [
            f"  {following} = add nsw i64 {counter}, 1",
            f"  br label %{head}",
            f"{done}:",
        ]
        self.block = done

    def _place(self, node: ast.Subscript) -> tuple[str, str]:
        assert isinstance(node.value, ast.Name)
        array, index = self.arrays[node.value.id], self.value(node.slice)
        place = f"{_LLVM[array.dtype]}, ptr {array.text}, {self.cast(index, 'int64').typed}"
        return self._made(f"getelementptr inbounds {place}", array.dtype).text, array.dtype

    # expressions

    def value(self, node: ast.expr) -> Number:
        match node:
            case ast.Constant(value=literal):
                return _literal(literal)
            case ast.Name(id=name):
                return self._name(name)
            case ast.Subscript():
                address, dtype = self._place(node)
                return self._made(f"load {_LLVM[dtype]}, ptr {address}", dtype)
            case ast.BinOp(left=left, op=op, right=right):
                return self._binary(op, self.value(left), self.value(right))
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                return self._negative(self.value(operand))
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                return self._made(f"xor {self.value(operand).typed}, true", "bool")
            case ast.BoolOp(op=op, values=operands):
                return self._all(isinstance(op, ast.And), [self.value(o) for o in operands])
            case ast.Compare(left=left, ops=ops, comparators=others):
                values = [self.value(left), *(self.value(o) for o in others)]
                pairs = zip(ops, values[:-1], values[1:], strict=True)
                return self._all(True, [self._compare(*pair) for pair in pairs])
            case ast.IfExp(test=test, body=body, orelse=other):
                return self._choice(self.value(test), self.value(body), self.value(other))
            case ast.Call(func=ast.Attribute(value=operand, attr="view"), args=[dtype]):
                number, to = self.value(operand), _dtype(dtype)
                return self._made(f"bitcast {number.typed} to {_LLVM[to]}", to)
            case ast.Call(func=function, args=arguments):
                return self._call(ast.unparse(function), [self.value(a) for a in arguments])
        raise CodeError(f"no expression of a kernel: {ast.unparse(node)}")

    def _made(self, instruction: str, dtype: str) -> Number:
        self.count += 1
        self.lines.append(f"  %x{self.count} = {instruction}")
        return Number(f"%x{self.count}", dtype)

    def _name(self, name: str) -> Number:
        if name in self.scope:
            return self.scope[name]
        if name in self.slots:
            slot = self.slots[name]
            return self._made(f"load {_LLVM[slot.dtype]}, ptr {slot.text}", slot.dtype)
        return self.constants[name]

    def cast(self, number: Number, dtype: str) -> Number:
        """`number` as one of `dtype`."""
        before = number.dtype
        if before == dtype:
            return number
        if _is_float(before) and _is_float(dtype):
            how = "fptrunc" if dtype == "float32" else "fpext"
        elif _is_float(before):
            how = "fptosi" if _is_signed(dtype) else "fptoui"
        elif _is_float(dtype):
            how = "sitofp" if _is_signed(before) else "uitofp"
        elif _WIDTH[dtype] == _WIDTH[before]:
            return Number(number.text, dtype)
        elif _WIDTH[dtype] < _WIDTH[before]:
            how = "trunc"
        else:
            how = "sext" if _is_signed(before) else "zext"
        return self._made(f"{how} {number.typed} to {_LLVM[dtype]}", dtype)

    def _binary(self, op: ast.operator, a: Number, b: Number) -> Number:
        dtype = _common(a.dtype, b.dtype)
        if dtype == "bool":
            dtype = "int64"
        if isinstance(op, ast.Div) and not _is_float(dtype):
            dtype = "float64"
        a, b = self.cast(a, dtype), self.cast(b, dtype)
        if _is_float(dtype):
            name = f"f{_ARITHMETIC[type(op)]} {self.flags}"
        elif type(op) in _ARITHMETIC:
            name = f"{_ARITHMETIC[type(op)]} "
        else:
            shift = ("a" if _is_signed(dtype) else "l") if isinstance(op, ast.RShift) else ""
            name = f"{shift}{_BITWISE[type(op)]} "
        return self._made(f"{name}{a.typed}, {b.text}", dtype)

    def _negative(self, number: Number) -> Number:
        if _is_float(number.dtype):
            return self._made(f"fneg {self.flags}{number.typed}", number.dtype)
        number = self.cast(number, "int64")
        return self._made(f"sub i64 0, {number.text}", "int64")

    def _compare(self, op: ast.cmpop, a: Number, b: Number) -> Number:
        dtype = _common(a.dtype, b.dtype)
        a, b = self.cast(a, dtype), self.cast(b, dtype)
        if _is_float(dtype):
            return self._made(f"fcmp {_ORDERED[type(op)]} {a.typed}, {b.text}", "bool")
        name = _INTEGER[type(op)]
        sign = "" if name in ("eq", "ne") else "s" if _is_signed(dtype) else "u"
        return self._made(f"icmp {sign}{name} {a.typed}, {b.text}", "bool")

    def _all(self, every: bool, truths: list[Number]) -> Number:
        result = truths[0]
        for truth in truths[1:]:
            result = self._made(f"{'and' if every else 'or'} {result.typed}, {truth.text}", "bool")
        return result

    def _choice(self, test: Number, a: Number, b: Number) -> Number:
        dtype = a.dtype if a.dtype == b.dtype else _common(a.dtype, b.dtype)
        a, b = self.cast(a, dtype), self.cast(b, dtype)
        return self._made(f"select {test.typed}, {a.typed}, {b.typed}", dtype)

    # calls

    def _call(self, name: str, arguments: list[Number]) -> Number:
        if name in self.functions:
            return self._inlined(self.functions[name], arguments)
        (x,) = arguments
        dtype = "float32" if name == "F" else name.removeprefix("np.")
        if dtype in _LLVM:
            return self.cast(x, dtype)
        function = _BUILT_IN.get(name)
        if function is None:
            raise CodeError(f"no function of a kernel: {name}")
        return function(self, x)

    def _inlined(self, function: Function, arguments: list[Number]) -> Number:
        before = self.scope, self.flags
        scope = dict(zip(function.names, arguments, strict=True))
        self.scope, self.flags = scope, function.flags
        try:
            for statement in function.body:
                match statement:
                    case ast.Assign(targets=[ast.Name(id=name)], value=value):
                        scope[name] = self.value(value)
                    case ast.Return(value=ast.expr() as value):
                        return self.value(value)
        finally:
            self.scope, self.flags = before
        raise CodeError("a function that returns nothing")

    def _intrinsic(self, name: str, x: Number) -> Number:
        if not _is_float(x.dtype):
            return x
        kind, symbol = _LLVM[x.dtype], f"@llvm.{name}.{_SUFFIX[x.dtype]}"
        self.intrinsics.add(f"declare {kind} {symbol}({kind})")
        return self._made(f"call {kind} {symbol}({x.typed})", x.dtype)

    def _floor(self, x: Number) -> Number:
        return self._intrinsic("floor", x)

    def _square_root(self, x: Number) -> Number:
        return self._intrinsic("sqrt", x)

    def _absolute(self, x: Number) -> Number:
        if not _is_signed(x.dtype):
            return self._intrinsic("fabs", x)
        negative = self._made(f"sub {_LLVM[x.dtype]} 0, {x.text}", x.dtype)
        return self._choice(self._compare(ast.Lt(), x, _literal(0)), negative, x)

    def _is_finite(self, x: Number) -> Number:
        if not _is_float(x.dtype):
            return _literal(True)
        return self._compare(ast.Lt(), self._absolute(x), _literal(float("inf")))


_BUILT_IN: dict[str, Callable[[_Kernel, Number], Number]] = {
    "abs": _Kernel._absolute,
    "np.floor": _Kernel._floor,
    "math.sqrt": _Kernel._square_root,
    "math.isfinite": _Kernel._is_finite,
}
