"""Values that are taken out of tensors where nobody would notice what that means."""

from __future__ import annotations

from typing import Any

import backends

from .errors import GradientError, TraceError
from .mode import inside, mode


def check_known(tensor: Any, what: str) -> None:
    """Refuse the values of a tensor that a step being traced has not declared: its program would keep them.

    Raises:
        TraceError: says how to declare it.
    """
    if backends.default().name == "trace" and tensor._backend.name != "trace":
        raise TraceError(
            f"{what} of an undeclared tensor of shape {tensor.shape} inside a traced step: a program would "
            "go on with its value of now. Pass it as an argument of the step, or list it in state="
        )


def untracked(value: Any) -> Any:
    """`value`, of which an array is to be made: a number, lists, an array.

    Raises:
        GradientError: it is a list, or an array of objects, with a tensor through which gradients flow; they
            would end there in silence. Says how to join tensors.
    """
    if mode.get().grad and _has_tracked(value):
        raise GradientError(
            "a list with a tensor through which gradients flow: they would end there. Join tensors with "
            "stack(), or say with x.detach() that the gradients end here"
        )
    return value


def _has_tracked(value: Any) -> bool:
    if getattr(getattr(value, "dtype", None), "kind", "") == "O" and hasattr(value, "ravel"):
        value = value.ravel().tolist()
    if not isinstance(value, (list, tuple)):
        return False
    # by kinds, of which a long list of numbers has few
    if not any(hasattr(kind, "_node") or issubclass(kind, (list, tuple)) for kind in set(map(type, value))):
        return False
    return any(getattr(part, "_node", None) is not None or _has_tracked(part) for part in value)


def check_cut(tensor: Any, what: str) -> None:
    """Refuse the values of a tensor through which gradients flow, inside a layer:
    all layers before it would get none.

    Raises:
        GradientError: names the layer.
    """
    layer = inside.get()
    # a trace has no values, and says so itself
    if layer is not None and tensor._node is not None and mode.get().grad and tensor._backend.name != "trace":
        raise GradientError(
            f"{layer}: {what} of a tensor through which gradients flow would cut them off for all that "
            "comes before; compute with ops, or say with x.detach() that they end here"
        )
