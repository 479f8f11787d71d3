"""Straight-line Python arithmetic to LLVM: the scalar text of primitives, and the functions of `mathematics`.

Both are written in the part of Python that has numbers, comparisons, choices, casts and calls of one
another. The same text that Numba compiles for one number is written here for a vector of them, with
both sides of a choice computed. Products and sums inside `mathematics` may be contracted; elsewhere
each operation rounds as NumPy's does.
"""

from __future__ import annotations

import ast
import inspect
import math
from collections.abc import Mapping
from functools import cache
from typing import Any

import numpy as np

from ..errors import CodeError
from ..numba import mathematics
from ..primitives import PRIMITIVES, written
from .vectors import Operand, VectorBuilder, VectorValue

_FUNCTIONS = {name: f for name, f in vars(mathematics).items() if inspect.isfunction(f)}
_CONSTANTS = {
    n: v for n, v in vars(mathematics).items() if isinstance(v, (int, float)) and not isinstance(v, bool)
}
_BINARY: dict[type, str] = {
    ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/", ast.LShift: "<<", ast.RShift: ">>",
    ast.BitAnd: "&", ast.BitOr: "|", ast.BitXor: "^",
}  # fmt: skip
_COMPARE: dict[type, str] = {
    ast.Eq: "==", ast.NotEq: "!=", ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=",
}  # fmt: skip


@cache
def _expression(text: str) -> ast.expr:
    return ast.parse(text, mode="eval").body


@cache
def _body(name: str) -> tuple[list[str], list[ast.stmt]]:
    function = ast.parse(inspect.getsource(_FUNCTIONS[name])).body[0]
    assert isinstance(function, ast.FunctionDef)
    return [a.arg for a in function.args.args], function.body


def apply(code: VectorBuilder, primitive: str, operands: list[Operand], static: Mapping[str, Any]) -> Operand:
    """`primitive` of operands that have been cast to the dtype it works in."""
    if primitive == "power":
        return code.intrinsic("pow", *operands)
    row, bound = PRIMITIVES[primitive], operands[-1]
    if row.prefers is not None and not isinstance(bound, VectorValue) and bound == bound:
        # with a number that is no NaN one comparison does, and a NaN of x stays
        return code.select(code.compare(row.prefers, bound, operands[0]), bound, operands[0])
    text = str(row.numba)
    names = [f"x{i}" for i in range(len(operands))]
    return _Compiler(code, dict(zip(names, operands, strict=True))).value(
        _expression(written(text, names, static))
    )


class _Compiler:
    """One expression or function body; `names` are its variables."""

    def __init__(self, code: VectorBuilder, names: dict[str, Operand]) -> None:
        self.code = code
        self.names = names

    def call(self, name: str, arguments: list[Operand]) -> Operand:
        """A function of `mathematics`, written in place."""
        parameters, body = _body(name)
        inner = _Compiler(self.code, dict(zip(parameters, arguments, strict=True)))
        before, self.code.flags = self.code.flags, "contract "
        try:
            for statement in body:
                if isinstance(statement, ast.Assign):
                    (target,) = statement.targets
                    assert isinstance(target, ast.Name)
                    inner.names[target.id] = inner.value(statement.value)
                elif isinstance(statement, ast.Return):
                    assert statement.value is not None
                    return inner.value(statement.value)
        finally:
            self.code.flags = before
        raise CodeError(f"{name} returns nothing")

    def value(self, node: ast.expr) -> Operand:
        match node:
            case ast.Constant(value=number):
                assert isinstance(number, (bool, int, float))
                return number
            case ast.Name(id=name):
                return self.names[name] if name in self.names else _CONSTANTS[name]
            case ast.BinOp(left=left, op=op, right=right):
                a, b = self.value(left), self.value(right)
                if not isinstance(a, VectorValue) and not isinstance(b, VectorValue):
                    return eval(f"a {_BINARY[type(op)]} b", {"a": a, "b": b})  # type: ignore[no-any-return]
                return self.code.binary(_BINARY[type(op)], a, b)
            case ast.UnaryOp(op=ast.USub(), operand=inner):
                a = self.value(inner)
                return self.code.negate(a) if isinstance(a, VectorValue) else -a
            case ast.UnaryOp(op=ast.Not(), operand=inner):
                return self.code.invert(self._lane(inner, "bool"))
            case ast.BoolOp(op=op, values=values):
                sign = "&" if isinstance(op, ast.And) else "|"
                result = self.value(values[0])
                for other in values[1:]:
                    result = self.code.binary(sign, result, self.value(other))
                return result
            case ast.Compare(left=left, ops=ops, comparators=others):
                return self._comparison([left, *others], ops)
            case ast.IfExp(test=test, body=body, orelse=other):
                a, b = self.value(body), self.value(other)
                return self.code.select(self._lane(test, "bool"), a, b)
            case ast.Call(func=ast.Attribute(value=inner, attr="view"), args=[dtype]):
                return self.code.bits(self._lane(inner, "float64"), _dtype(dtype))
            case ast.Call(func=function, args=arguments):
                return self._function(function, [self.value(a) for a in arguments])
        raise CodeError(f"no scalar arithmetic: {ast.unparse(node)}")

    def _lane(self, node: ast.expr, dtype: str) -> VectorValue:
        value = self.value(node)
        return value if isinstance(value, VectorValue) else self.code.constant(value, dtype)

    def _comparison(self, operands: list[ast.expr], ops: list[ast.cmpop]) -> VectorValue:
        values = [self.value(o) for o in operands]
        result: VectorValue | None = None
        for a, b, op in zip(values, values[1:], ops):
            one = self.code.compare(_COMPARE[type(op)], a, b)
            result = one if result is None else self.code.binary("&", result, one)
        assert result is not None
        return result

    def _function(self, node: ast.expr, arguments: list[Operand]) -> Operand:
        name = ast.unparse(node)
        first = arguments[0]
        if name == "F" or name.startswith("np."):
            dtype = "float32" if name == "F" else name.removeprefix("np.")
            if dtype == "floor":
                return self.code.intrinsic("floor", first)
            if not isinstance(first, VectorValue):
                return self.code.constant(first, dtype)
            return self.code.cast(first, dtype)
        if name == "abs":
            assert isinstance(first, VectorValue)
            if "float" in first.dtype:
                return self.code.intrinsic("fabs", first)
            if first.dtype.startswith(("u", "bool")):
                return first
            return self.code.select(self.code.compare("<", first, 0), self.code.negate(first), first)
        if name.startswith("math."):
            return self._mathematical(name.removeprefix("math."), first)
        return self.call(name, arguments)

    def _mathematical(self, name: str, x: Operand) -> Operand:
        assert isinstance(x, VectorValue)
        if name == "isfinite":
            if "float" not in x.dtype:
                return self.code.constant(True, "bool", x.lanes)
            return self.code.compare("<", self.code.intrinsic("fabs", x), math.inf)
        own = f"{name}_{'single' if x.dtype == 'float32' else 'double'}"
        if own in _FUNCTIONS:
            return self.call(own, [x])
        # an instruction of the processor, or a call of libm for one number after the other
        return x if "float" not in x.dtype else self.code.intrinsic(name, x)


def _dtype(node: ast.expr) -> str:
    return np.dtype(ast.unparse(node).removeprefix("np.")).name
