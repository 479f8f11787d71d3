"""One class per kind of error; the class docstring is its documentation: cause, example, fix.

The errors of shapes, dtypes, backends and traces are those of `backends`, under the same names.
"""

from __future__ import annotations

from backends import (
    AxisError,
    BackendError,
    DeviceMemoryError,
    DTypeError,
    GradloomError,
    ProgramError,
    ShapeError,
    TraceError,
)
from backends.errors import ExportError, is_refusal, raised_at_the_end
from backends.suggest import nearest

__all__ = [
    "AnomalyError",
    "AxisError",
    "BackendError",
    "DTypeError",
    "DeclarationError",
    "DeviceMemoryError",
    "DrawingError",
    "ExportError",
    "GradientError",
    "GradloomError",
    "MissingExtraError",
    "ProgramError",
    "RangeError",
    "ShapeError",
    "TraceError",
    "is_refusal",
    "nearest",
    "raised_at_the_end",
]


class GradientError(GradloomError, RuntimeError):
    """`backward` cannot run from here.

    Cause: the tensor is not a single number and no `gradient=` was given; nothing it was computed from
    requires a gradient; the graph was already walked and freed.
    Fix: reduce with `.sum()` or `.mean()`; set `requires_grad=True`; pass
    `retain_graph=True` to the first backward.
    """


class AnomalyError(GradloomError, FloatingPointError):
    """The first NaN or infinity inside `detect_anomaly()`: the message names
    the op and the line that called it.

    Fix: look at the inputs of that op; `log` of a negative number and `0 / 0` are the usual places. For
    `where(x > 0, log(x), 0)` clean the argument as well: `log(where(x > 0, x, 1))`.
    """


class RangeError(GradloomError, ValueError):
    """A value lies outside what the operation can use.

    Cause: a class number that is negative or too large for the logits, a dropout rate of 1.5.
    Fix: the message holds the value and the bounds.
    """


class DeclarationError(GradloomError, TypeError):
    """An `@op` declaration contradicts itself; raised when the module is imported.

    Cause: a gradient rule names something that the op does not have, or an input has neither a
    rule nor a place in `no_gradient`.
    """


class MissingExtraError(GradloomError, ImportError):
    """A feature needs an optional package.

    Fix: the message holds the command that installs it.
    """


class DrawingError(GradloomError, RuntimeError):
    """Graphviz could not lay a diagram out; the message holds what it said.

    Fix: draw less: a smaller graph, a smaller `max_nodes`.
    """
