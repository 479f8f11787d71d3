"""Primitives that work element by element.

Most are a node of their own. Those that are not are written so that they are as exact as the primitive: no
logarithm of 1 + x that forgets a small x. Integers of 8 and 16 bits are computed in 64 and cut off again,
which wraps around as they do.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from ..contract import SUPPORTED, DType, bool_
from ..errors import ExportError
from ..primitives import PRIMITIVES
from .writer import Operand, Writer, computed_in, dtype_of

if TYPE_CHECKING:
    from .translate import Step

Formula = Callable[[Writer, DType, tuple[str, ...]], str]
_INT32 = SUPPORTED["int32"]
_HALF = SUPPORTED["float16"]


def elementwise(writer: Writer, step: Step) -> str:
    """Any of them: operands in the dtype in which it works, and the result in its own."""
    name, dtype = step.name, step.dtype
    family = PRIMITIVES[name].family
    if name == "astype":
        return _cast(writer, step.operands[0], dtype)
    if name == "round_to":
        return _rounded(writer, step)
    if name == "where":
        condition = writer.name_of(step.operands[0], bool_)
        return writer.node("Where", condition, *(writer.name_of(o, dtype) for o in step.operands[1:]))
    if family == "logic":
        return writer.node(_LOGIC[name], *(writer.name_of(o, bool_) for o in step.operands))
    if family == "comparison":
        return _compared(writer, step)
    if dtype == bool_:
        return _of_booleans(writer, step)
    if name == "power" and (short := _short_power(writer, step)) is not None:
        return short
    if name == "right_shift" and dtype.kind == "u":
        given = (writer.name_of(o, dtype) for o in step.operands)
        return writer.node("BitShift", *given, direction="RIGHT")
    inside = computed_in(dtype)
    found = FORMULAS[name](writer, inside, tuple(writer.name_of(o, inside) for o in step.operands))
    return writer.cast(found, inside, dtype)


def _cast(writer: Writer, operand: Operand, dtype: DType) -> str:
    return writer.name_of(operand, dtype)


def _compared(writer: Writer, step: Step) -> str:
    """In the dtype in which the operands meet."""
    with np.errstate(all="ignore"):
        inside = computed_in(np.result_type(*map(dtype_of, step.operands)))
    if inside == bool_ and _COMPARISONS.get(step.name, "Equal") != "Equal":
        inside = _INT32
    given = tuple(writer.name_of(o, inside) for o in step.operands)
    if step.name == "isfinite":
        if inside.kind != "f":
            return writer.node("Equal", *given, *given)
        return writer.node("Less", writer.node("Abs", *given), writer.number(math.inf, inside))
    if step.name == "not_equal":
        return writer.node("Not", writer.node("Equal", *given))
    return writer.node(_COMPARISONS[step.name], *given)


def _of_booleans(writer: Writer, step: Step) -> str:
    if step.name not in _BOOLEANS:
        raise ExportError(f"{step.name} of truth values has no form in ONNX")
    given = [writer.name_of(o, bool_) for o in step.operands]
    return given[0] if _BOOLEANS[step.name] == "" else writer.node(_BOOLEANS[step.name], *given)


def _short_power(writer: Writer, step: Step) -> str | None:
    """Squares and roots, as NumPy computes them."""
    base, exponent = step.operands
    if isinstance(exponent, bool) or not isinstance(exponent, (int, float)) or step.dtype.kind != "f":
        return None
    name = writer.name_of(base, step.dtype)
    if exponent == 2:
        return writer.node("Mul", name, name)
    if exponent == 0.5:
        return writer.node("Sqrt", name)
    return writer.node("Reciprocal", writer.node("Sqrt", name)) if exponent == -0.5 else None


def _rounded(writer: Writer, step: Step) -> str:
    """To a format that ONNX has a dtype for, and back."""
    known = {"bfloat16": "bfloat16", "float16": "float16"}
    wanted = step.static["format"]
    if wanted not in known:
        raise ExportError(f"it rounds to {wanted}, for which ONNX has no dtype")
    name = writer.name_of(step.operands[0], step.dtype)
    return writer.node("Cast", writer.node("Cast", name, to=known[wanted]), to=step.dtype)


def _plain(kind: str) -> Formula:
    return lambda w, dtype, x: w.node(kind, *x)


def _expm1(w: Writer, dtype: DType, x: tuple[str, ...]) -> str:
    """tanh(x / 2) (e^x + 1), which loses no digits near 0."""
    half = w.node("Tanh", w.node("Mul", *x, w.number(0.5, dtype)))
    return w.node("Mul", half, w.node("Add", w.node("Exp", *x), w.number(1.0, dtype)))


def log1p(w: Writer, dtype: DType, x: tuple[str, ...]) -> str:
    """log(u) x / (u - 1) with u = 1 + x near 0 (W. Kahan), else log(u)."""
    one = w.number(1.0, dtype)
    above = w.node("Add", *x, one)
    whole = w.node("Log", above)
    share = w.node("Div", *x, w.node("Sub", above, one))
    near = w.node("Where", w.node("Equal", above, one), *x, w.node("Mul", whole, share))
    is_near = w.node("Less", w.node("Abs", *x), w.number(0.5, dtype))
    return w.node("Where", is_near, near, whole)


def _logarithm(base: float) -> Formula:
    return lambda w, dtype, x: w.node("Mul", w.node("Log", *x), w.number(1.0 / math.log(base), dtype))


def _remainder(w: Writer, dtype: DType, x: tuple[str, ...]) -> str:
    """With the sign of the divisor, as in Python; the node for floats has that of the dividend."""
    if dtype.kind != "f":
        return w.node("Mod", *x)
    zero = w.number(0.0, dtype)
    rest = w.node("Mod", *x, fmod=1)
    other = w.node("Xor", w.node("Less", rest, zero), w.node("Less", x[1], zero))
    wrong = w.node("And", other, w.node("Not", w.node("Equal", rest, zero)))
    return w.node("Where", wrong, w.node("Add", rest, x[1]), rest)


def _floor_divide(w: Writer, dtype: DType, x: tuple[str, ...]) -> str:
    quotient = w.node("Div", w.node("Sub", x[0], _remainder(w, dtype, x)), x[1])
    return w.node("Round", quotient) if dtype.kind == "f" else quotient


def _shifted(w: Writer, dtype: DType, x: tuple[str, ...]) -> str:
    return _floor_divide(w, dtype, (x[0], w.node("Pow", w.number(2, dtype), x[1])))


def _hypot(w: Writer, dtype: DType, x: tuple[str, ...]) -> str:
    """By the larger of the two, so that no square overflows."""
    sizes = [w.node("Abs", one) for one in x]
    most, least = w.node("Max", *sizes), w.node("Min", *sizes)
    zero, one = w.number(0.0, dtype), w.number(1.0, dtype)
    none = w.node("Equal", most, zero)
    share = w.node("Div", least, w.node("Where", none, one, most))
    return w.node("Mul", most, w.node("Sqrt", w.node("Add", one, w.node("Mul", share, share))))


def _logaddexp(w: Writer, dtype: DType, x: tuple[str, ...]) -> str:
    """max + log(1 + e^-|a - b|); equal ones, also infinite ones, are log 2 more."""
    apart = w.node("Neg", w.node("Abs", w.node("Sub", *x)))
    sums = w.node("Add", w.node("Max", *x), log1p(w, dtype, (w.node("Exp", apart),)))
    equal = w.node("Add", x[0], w.number(math.log(2.0), dtype))
    return w.node("Where", w.node("Equal", *x), equal, sums)


def _arctan2(w: Writer, dtype: DType, x: tuple[str, ...]) -> str:
    """atan(y / x), and half a turn more where x is negative. -0.0 counts as 0.0."""
    y, across = x
    zero, one = w.number(0.0, dtype), w.number(1.0, dtype)
    upright, left = w.node("Equal", across, zero), w.node("Less", across, zero)
    down = w.node("Less", y, zero)
    angle = w.node("Atan", w.node("Div", y, w.node("Where", upright, one, across)))
    turn = w.node("Where", down, w.number(-math.pi, dtype), w.number(math.pi, dtype))
    turned = w.node("Where", left, w.node("Add", angle, turn), angle)
    quarter = w.node("Mul", w.node("Sign", y), w.number(math.pi / 2, dtype))
    return w.node("Where", upright, quarter, turned)


def _floats_alone(kind: str) -> Formula:
    """A node for floats; integers are as they are."""
    return lambda w, dtype, x: w.node(kind, *x) if dtype.kind == "f" else x[0]


_LOGIC = {"logical_not": "Not", "logical_and": "And", "logical_or": "Or"}
_COMPARISONS = {
    "equal": "Equal",
    "less": "Less",
    "less_equal": "LessOrEqual",
    "greater": "Greater",
    "greater_equal": "GreaterOrEqual",
}
_BOOLEANS = {"add": "Or", "maximum": "Or", "multiply": "And", "minimum": "And", "abs": "", "floor": ""}
FORMULAS: dict[str, Formula] = {
    "negative": _plain("Neg"),
    "abs": _plain("Abs"),
    "sign": _plain("Sign"),
    "sqrt": _plain("Sqrt"),
    "exp": _plain("Exp"),
    "expm1": _expm1,
    "log": _plain("Log"),
    "log1p": log1p,
    "sin": _plain("Sin"),
    "cos": _plain("Cos"),
    "tanh": _plain("Tanh"),
    "erf": _plain("Erf"),
    "tan": _plain("Tan"),
    "arcsin": _plain("Asin"),
    "arccos": _plain("Acos"),
    "arctan": _plain("Atan"),
    "sinh": _plain("Sinh"),
    "cosh": _plain("Cosh"),
    "log2": _logarithm(2.0),
    "log10": _logarithm(10.0),
    "rint": _floats_alone("Round"),
    "arctan2": _arctan2,
    "hypot": _hypot,
    "logaddexp": _logaddexp,
    "floor_divide": _floor_divide,
    "remainder": _remainder,
    "floor": _floats_alone("Floor"),
    "add": _plain("Add"),
    "subtract": _plain("Sub"),
    "multiply": _plain("Mul"),
    "divide": _plain("Div"),
    "power": _plain("Pow"),
    "maximum": _plain("Max"),
    "minimum": _plain("Min"),
    "right_shift": _shifted,
}
