"""Whether a call is part of training: what modules are told, and how a `call` of one is told it."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from contextvars import ContextVar
from functools import wraps
from typing import Any

from autograd import tensor
from autograd.mode import switched

from .errors import ArgumentError

training_now: ContextVar[bool | None] = ContextVar("training", default=None)
"""What the call was told; None where the mode of each module counts."""


def told(call: Any) -> Any:
    """A `call` that looks at `is_training`, and may be told it: `super().call(x, training=True)`."""

    @wraps(call)
    def told_call(self: Any, *inputs: Any, training: bool | None = None, **named: Any) -> Any:
        if training is None:
            return call(self, *inputs, **named)
        with switched(training_now, training):
            return call(self, *inputs, **named)

    return told_call


def named_arguments(owner: Any, named: Mapping[str, Any]) -> dict[str, Any]:
    """Arguments that a layer is called with by name, as its `call` takes them: arrays as tensors.

    Raises:
        ArgumentError: `call` has no argument of such a name.
    """
    parameters = inspect.signature(owner.call).parameters.values()
    takes_any = any(p.kind is p.VAR_KEYWORD for p in parameters)
    known = [p.name for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)]
    for name in named:
        if name not in known and not takes_any:
            raise ArgumentError(
                f"{type(owner).__name__}: call takes no argument {name!r}; it has {', '.join(known)}"
            )
    return {
        name: tensor(value) if getattr(value, "ndim", 0) and not hasattr(value, "record") else value
        for name, value in named.items()
    }


def has_argument(function: Any, name: str) -> bool:
    code = getattr(inspect.unwrap(function), "__code__", None)
    return code is not None and name in code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
