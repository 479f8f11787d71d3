"""Whether a call is part of training: what modules are told, and how a `call` of one is told it."""

from __future__ import annotations

import inspect
from contextvars import ContextVar
from functools import wraps
from typing import Any

from autograd.mode import switched

training_now: ContextVar[bool | None] = ContextVar("training", default=None)
"""What the call was told; None where the mode of each module counts."""


def told(call: Any) -> Any:
    """A `call` that looks at `is_training`, and may be told it: `super().call(x, training=True)`."""

    @wraps(call)
    def told_call(self: Any, *inputs: Any, training: bool | None = None) -> Any:
        if training is None:
            return call(self, *inputs)
        with switched(training_now, training):
            return call(self, *inputs)

    return told_call


def has_argument(function: Any, name: str) -> bool:
    code = getattr(inspect.unwrap(function), "__code__", None)
    return code is not None and name in code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
