"""Finding the first NaN or infinity, and arrays changed behind the graph's
back: which op, called from which line.

Runs only inside `detect_anomaly()`. It asks for values through the backend's own primitives, so
it works on any real backend. A result is blamed only when the inputs were clean, so the first
report is the cause and not an echo.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

from backends.contract import Array, Backend, Namespace

from .errors import AnomalyError, GradientError

if TYPE_CHECKING:
    from .graph import Node

_HOUSE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
_OWN = tuple(os.path.join(_HOUSE, package, "") for package in ("autograd", "backends", "gradloom", "nn"))


def user_line() -> str:
    """The innermost line of the running call stack that lies outside this library, as "file:line"."""
    frame = sys._getframe(1)
    while frame.f_back is not None and frame.f_code.co_filename.startswith(_OWN):
        frame = frame.f_back
    return f"{frame.f_code.co_filename}:{frame.f_lineno}"


def _holds_nan(xp: Namespace, array: Array) -> bool:
    return bool(xp.any(xp.not_equal(array, array), axis=tuple(range(array.ndim)), keepdims=False))


def _is_finite(xp: Namespace, array: Array) -> bool:
    return bool(xp.all(xp.isfinite(array), axis=tuple(range(array.ndim)), keepdims=False))


def _new_anomaly(xp: Namespace, result: Array, inputs: list[Array]) -> str | None:
    """ "NaN" or "infinity" when `result` holds one that its inputs do not explain."""
    if getattr(result, "dtype", None) is None or result.dtype.kind != "f" or _is_finite(xp, result):
        return None
    floats = [a for a in inputs if getattr(a, "dtype", None) is not None and a.dtype.kind == "f"]
    if _holds_nan(xp, result):
        return None if any(_holds_nan(xp, a) for a in floats) else "NaN"
    return None if not all(_is_finite(xp, a) for a in floats) else "infinity"


def check_forward(
    name: str,
    parameters: list[str],
    backend: Backend,
    inputs: list[Any],
    data: list[bool],
    y: Array,
) -> str:
    """Raise AnomalyError when `y` is the first bad value; returns the user's line otherwise.

    `data` tells which inputs no op produced: a NaN in those is blamed on the data.
    """
    where = user_line()
    for parameter, array, is_data in zip(parameters, inputs, data, strict=True):
        if is_data and array.dtype.kind == "f" and _holds_nan(backend, array):
            raise AnomalyError(
                f"{name}: input {parameter} holds NaN, and no op produced it: it is in the data. At {where}"
            )
    found = _new_anomaly(backend, y, inputs)
    if found:
        raise AnomalyError(f"{name}: the result holds {found} although no input does. At {where}")
    return where


def fingerprint(node: Node) -> tuple[int, ...]:
    """A hash of each array that the rules of `node` will read."""
    saved = [part for value in node.saved or () for part in (value if isinstance(value, tuple) else (value,))]
    arrays = [value for value in saved if isinstance(value, node.backend.array_type)]
    return tuple(hash(node.backend.to_numpy(array).tobytes()) for array in arrays)


def check_saved(node: Node) -> None:
    """Raise GradientError when an array that `node` saved is not what it was in forward."""
    if node.fingerprint is not None and node.fingerprint != fingerprint(node):
        raise GradientError(
            f"{node.op.name}: an array that its gradient needs was changed in place between forward and "
            f"backward. Forward was called at {node.where}. Arrays of tensors are only to be read; use "
            "assign(), or change a copy: tensor.numpy()"
        )


def check_gradient(node: Node, position: int, gradient: Any, term: Any) -> None:
    """Raise AnomalyError when `term`, a gradient with respect to one
    input, is the first bad value of backward.
    """
    raw, incoming = getattr(term, "data", term), getattr(gradient, "data", gradient)
    if not isinstance(raw, node.backend.array_type):
        raw, incoming = term, gradient
    found = _new_anomaly(node.backend, raw, [incoming])
    if found:
        raise AnomalyError(
            f"{node.op.name}: the gradient with respect to {node.op.parameter_name(position)} holds {found} "
            "although the incoming gradient does not. Forward was called at "
            f"{node.where or 'a line outside detect_anomaly'}"
        )
