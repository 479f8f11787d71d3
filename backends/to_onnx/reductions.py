"""Reductions, scans, and products of matrices."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..contract import SUPPORTED, bool_, int64
from ..primitives import PRIMITIVES
from .writer import Writer, computed_in, dtype_of, shape_of

if TYPE_CHECKING:
    from .translate import Step

_INT32 = SUPPORTED["int32"]
_SUMS = {"sum": "ReduceSum", "prod": "ReduceProd"}
_EXTREMES = {"max": "ReduceMax", "min": "ReduceMin", "any": "ReduceMax", "all": "ReduceMin"}
_PLACES = {"argmax": "ArgMax", "argmin": "ArgMin"}


def reduction(writer: Writer, step: Step) -> str:
    """Any of them over `axis`; none where that is empty."""
    (operand,), axes, keep = step.operands, step.static["axis"], int(step.static["keepdims"])
    given, gathers = dtype_of(operand), PRIMITIVES[step.name].gathers
    is_logic = gathers is not None and PRIMITIVES[gathers.by].family == "logic"
    if is_logic:
        inside = _INT32
        name = writer.cast(writer.name_of(operand, bool_), bool_, inside)
    elif step.name in _SUMS:
        inside = computed_in(step.dtype)
        name = writer.name_of(operand, inside)
    else:
        inside = _INT32 if given == bool_ else computed_in(SUPPORTED[str(given)])
        name = writer.name_of(operand, inside)
    if step.name in _PLACES:
        return writer.node(_PLACES[step.name], name, axis=axes[0], keepdims=keep)
    if axes:
        kind = _SUMS.get(step.name) or _EXTREMES[step.name]
        name = writer.node(kind, name, writer.axes(axes), keepdims=keep)
    if is_logic:
        # of nothing the largest is the lowest number, which is no 0 either
        return writer.node("Greater", name, writer.number(0, inside))
    return writer.cast(name, inside, step.dtype)


def cumsum(writer: Writer, step: Step) -> str:
    inside = computed_in(step.dtype)
    name = writer.name_of(step.operands[0], inside)
    found = writer.node("CumSum", name, writer.number(step.static["axis"], int64))
    return writer.cast(found, inside, step.dtype)


def argsort(writer: Writer, step: Step) -> str:
    """The places of the smallest to the largest; of equal ones the first comes first, as here."""
    (operand,), axis = step.operands, step.static["axis"]
    given = dtype_of(operand)
    inside = _INT32 if given == bool_ else computed_in(SUPPORTED[str(given)])
    size = writer.vector([shape_of(operand)[axis]])
    settings = {"axis": axis, "largest": 0, "sorted": 1}
    return writer.nodes_of("TopK", (writer.name_of(operand, inside), size), 2, settings)[1]


def matmul(writer: Writer, step: Step) -> str:
    inside = computed_in(_INT32 if step.dtype == bool_ else step.dtype)
    found = writer.node("MatMul", *(writer.name_of(o, inside) for o in step.operands))
    return writer.cast(found, inside, step.dtype)
