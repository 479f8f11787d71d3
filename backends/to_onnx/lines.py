"""The traces of a step with several numbers of rows, as one program in which sizes may follow that number."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from ..contract import DType, Scalar
from ..errors import ExportError
from ..program import Instruction, Program, Value
from .recording import Call
from .sizes import Rows, Size, VariesError, general


class Item(NamedTuple):
    """An array of the program, by the number of its value."""

    number: int
    shape: tuple[Size, ...]
    dtype: DType


Operand = Item | Rows | Scalar | None


class Line(NamedTuple):
    """`result = name(operands, **static)`: a primitive, or an op as a whole.

    `problem` tells why it cannot be said for every number of rows; it matters where the result does.
    """

    result: Item
    name: str
    operands: tuple[Operand, ...]
    static: Mapping[str, Any]
    scope: str = ""
    problem: str = ""


class Whole(NamedTuple):
    """An op as a line, in the place of those up to `stop`."""

    stop: int
    line: Line


class Lines(NamedTuple):
    """A whole program. `whole` has, by the place where they begin, the ops that may be one node."""

    inputs: tuple[Item, ...]
    state: Mapping[str, Item]
    lines: tuple[Line, ...]
    whole: Mapping[int, Whole]
    outputs: tuple[Item | Scalar, ...]


def merged(programs: Sequence[Program], calls: Sequence[Sequence[Call]], rows: Sequence[int]) -> Lines:
    """The program in general.

    Args:
        programs: the traces of one step, without assignments.
        calls: of each trace.
        rows: with how many it was made; one number means that there is no other.

    Raises:
        ExportError: the traces are not the same but for sizes.
    """
    columns = list(zip(*(p.instructions for p in programs), strict=False))
    if any(len(p.instructions) != len(columns) for p in programs):
        raise ExportError("what it computes depends on the number of rows")
    parameters = list(zip(*(p.parameters for p in programs), strict=True))
    inputs = [_item([p.value for p in one], rows, "") for one in parameters if one[0].role == "input"]
    state = {
        one[0].name: _item([p.value for p in one], rows, "") for one in parameters if one[0].role == "state"
    }
    outputs = [
        _operand([value for _, value in one], rows, "")
        for one in zip(*(p.outputs for p in programs), strict=True)
    ]
    return Lines(
        tuple(inputs),
        state,
        tuple(_line(column, rows) for column in columns),
        _whole(calls, rows),
        tuple(value for value in outputs if value is not None and not isinstance(value, Rows)),
    )


def _line(column: Sequence[Instruction], rows: Sequence[int]) -> Line:
    first = column[0]
    if any(i.primitive != first.primitive or len(i.operands) != len(first.operands) for i in column):
        raise ExportError("what it computes depends on the number of rows", first.scope)
    result = _item([i.result for i in column], rows, first.scope)
    operands = [_operand(each, rows, first.scope) for each in zip(*(i.operands for i in column), strict=True)]
    static, problem = _static([i.static for i in column], rows)
    return Line(result, first.primitive, tuple(operands), static, first.scope, problem)


def _static(found: Sequence[Iterable[tuple[str, Any]]], rows: Sequence[int]) -> tuple[dict[str, Any], str]:
    """Settings in general, and what is wrong with them."""
    settings = [dict(one) for one in found]
    general_ones: dict[str, Any] = {}
    for name in settings[0]:
        values = [one.get(name) for one in settings]
        try:
            general_ones[name] = general(values, rows)
        except VariesError:
            return settings[0], _varies(name, values, rows)
    return general_ones, ""


def _varies(name: str, values: Sequence[Any], rows: Sequence[int]) -> str:
    found, counts = (" or ".join(map(str, part)) for part in (values, rows))
    return f"{name} is {found} for {counts} rows, which no file can say for any number of them"


def _item(values: Sequence[Value], rows: Sequence[int], scope: str) -> Item:
    first = values[0]
    if any(v.number != first.number or v.spec.dtype != first.spec.dtype for v in values):
        raise ExportError("what it computes depends on the number of rows", scope)
    shapes = [v.spec.shape for v in values]
    try:
        return Item(first.number, general(shapes, rows), first.spec.dtype)
    except VariesError:
        raise ExportError(_varies("a shape", shapes, rows), scope) from None


def _operand(values: Sequence[Any], rows: Sequence[int], scope: str) -> Operand:
    if all(isinstance(value, Value) for value in values):
        return _item(values, rows, scope)
    try:
        found: Operand = general(values, rows)
    except VariesError:
        raise ExportError(_varies("a number", values, rows), scope) from None
    return found


def _whole(calls: Sequence[Sequence[Call]], rows: Sequence[int]) -> dict[int, Whole]:
    found: dict[int, Whole] = {}
    for column in zip(*calls, strict=False):
        first = column[0]
        if len({(c.name, c.start, c.stop) for c in column}) > 1:
            continue
        static, problem = _static([c.static for c in column], rows)
        if problem:
            continue
        operands = (_operand(each, rows, "") for each in zip(*(c.operands for c in column), strict=True))
        result = _item([c.result for c in column], rows, "")
        found[first.start] = Whole(first.stop, Line(result, first.name, tuple(operands), static))
    return found
