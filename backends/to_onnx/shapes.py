"""Primitives that move elements or make them of nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ..contract import int64
from ..errors import ExportError
from ..shapes import normalise_axis
from .sizes import Rows
from .writer import Writer, shape_of

if TYPE_CHECKING:
    from .translate import Step


def reshape(writer: Writer, step: Step) -> str:
    (operand,) = step.operands
    name = writer.name_of(operand)
    return name if shape_of(operand) == step.shape else writer.reshaped(name, step.shape)


def permute_dims(writer: Writer, step: Step) -> str:
    return writer.transposed(writer.name_of(step.operands[0]), step.static["axes"])


def broadcast_to(writer: Writer, step: Step) -> str:
    (operand,) = step.operands
    return writer.expanded(writer.name_of(operand), shape_of(operand), step.shape)


def concat(writer: Writer, step: Step) -> str:
    names = [writer.name_of(o, step.dtype) for o in step.operands]
    axis = normalise_axis(step.static["axis"], len(step.shape))
    return names[0] if len(names) == 1 else writer.node("Concat", *names, axis=axis)


def pad(writer: Writer, step: Step) -> str:
    name, widths = writer.name_of(step.operands[0]), step.static["pad_width"]
    if not any(map(any, widths)):
        return name
    ends = writer.vector([pair[0] for pair in widths] + [pair[1] for pair in widths])
    return writer.node("Pad", name, ends, writer.number(step.static.get("value", 0), step.dtype))


def full(writer: Writer, step: Step) -> str:
    """Of as many elements as there are rows: others are constants."""
    value = step.static["value"]
    return writer.expanded(writer.name_of(value, step.dtype), (), step.shape)


def arange(writer: Writer, step: Step) -> str:
    ends = [step.static[name] for name in ("start", "stop", "step")]
    if not all(isinstance(end, (int, Rows)) for end in ends):
        raise ExportError("it counts to a number with a fraction that follows the number of rows")
    found = writer.node("Range", *(writer.name_of(end, int64) for end in ends))
    return writer.cast(found, int64, step.dtype)


def zeros(writer: Writer, step: Step) -> str:
    """Zeros in the shape and dtype of the result."""
    return writer.expanded(writer.constant(np.zeros((), step.dtype)), (), step.shape)
