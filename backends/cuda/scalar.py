"""One instruction as an expression of CUDA C: types, numbers, casts, and the text of the vocabulary."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from ..contract import DType, Scalar, bool_
from ..primitives import PRIMITIVES, written
from ..program.arithmetic import working_dtype
from ..program.ir import Instruction, Value

TYPES: dict[DType, str] = {
    np.dtype(name): text
    for name, text in (
        ("bool", "bool"),
        ("int8", "signed char"),
        ("int16", "short"),
        ("int32", "int"),
        ("int64", "i64"),
        ("uint8", "unsigned char"),
        ("uint16", "unsigned short"),
        ("uint32", "unsigned"),
        ("uint64", "u64"),
        ("float32", "float"),
        ("float64", "double"),
    )
}
_PRINTED = (0, 1, -1, 2, 0.5)
"""Numbers that stand in the text; all others are handed over at the call,
so that one kernel serves them all.
"""

Number = Callable[[Scalar, DType], str]


def literal(number: Scalar, dtype: DType) -> str:
    """A number of `dtype`."""
    if dtype == bool_:
        return "true" if number else "false"
    if dtype.kind == "f":
        with np.errstate(over="ignore"):
            value = float(np.asarray(number).astype(dtype))
        if math.isnan(value):
            return f"(({TYPES[dtype]})NAN)"
        if math.isinf(value):
            return f"(({TYPES[dtype]}){'-' if value < 0 else ''}INFINITY)"
        return f"({value!r}{'f' if dtype.itemsize == 4 else ''})"
    value = wrapped(number, dtype)
    if value == -(2**63):
        return "(-9223372036854775807LL - 1)"
    suffix = {("i", 8): "LL", ("u", 4): "u", ("u", 8): "ull"}.get((dtype.kind, dtype.itemsize), "")
    return f"({value}{suffix})"


def wrapped(number: Scalar, dtype: DType) -> int:
    """A number as an element of an integer dtype holds it."""
    value = int(number) if math.isfinite(number) else 0
    bits = 8 * dtype.itemsize
    value &= (1 << bits) - 1
    return value - (1 << bits) if dtype.kind == "i" and value >> (bits - 1) else value


def is_printed(number: Scalar) -> bool:
    """Whether a number belongs to the text of a kernel."""
    return isinstance(number, bool) or number in _PRINTED or not math.isfinite(number)


def cast(text: str, of: DType, to: DType) -> str:
    """`text` as another dtype, with NumPy's meaning."""
    if of == to:
        return text
    return f"({text} != 0)" if to == bool_ else f"(({TYPES[to]}){text})"


def expression(instruction: Instruction, read: Callable[[Value], str], number: Number) -> str:
    """The value of an elementwise instruction, of its dtype; operands are
    named by `read`, numbers by `number`.
    """
    result, primitive, operands, static = instruction
    dtype = result.spec.dtype
    if primitive == "full":
        return number(dict(static)["value"], dtype)

    def operand(at: int, to: DType) -> str:
        given = operands[at]
        if isinstance(given, Value):
            return cast(read(given), given.spec.dtype, to)
        return number(given, to)

    if primitive == "astype":
        return operand(0, dtype)
    inner = working_dtype(instruction)
    wanted = [inner] * len(operands)
    if primitive == "where":
        wanted[0] = bool_
    row = PRIMITIVES[primitive]
    pattern = row.cuda_integers if inner.kind != "f" else None
    text = written(pattern or str(row.cuda), [operand(k, to) for k, to in enumerate(wanted)], dict(static))
    return text if dtype == bool_ else f"(({TYPES[dtype]}){text})"


def counted(instruction: Instruction, place: str, number: Number) -> str:
    """arange: start + step * place."""
    static, dtype = dict(instruction.static), instruction.result.spec.dtype
    inner = np.dtype(np.float64 if dtype.kind == "f" else np.int64)
    start, step = number(static["start"], inner), number(static["step"], inner)
    return f"(({TYPES[dtype]})({start} + {step} * ({TYPES[inner]}){place}))"
