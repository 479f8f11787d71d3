"""What modules are called with: arguments as tensors, and whether the call is part of training."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from contextvars import ContextVar
from functools import wraps
from typing import Any

import autograd as ag
from autograd import Tensor
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


def argument_of(x: Any) -> Any:
    """An argument of a layer as a tensor; a structure that holds tensors, arrays or placeholders as it is,
    with those in it as tensors; lists of numbers are one tensor.
    """
    if hasattr(x, "record"):
        return x
    if isinstance(x, Mapping):
        return {key: argument_of(value) for key, value in x.items()}
    if isinstance(x, (list, tuple)) and any(map(_is_array, x)):
        return type(x)([argument_of(value) for value in x])
    return x if isinstance(x, Tensor) else ag.tensor(x)


def _is_array(value: Any) -> bool:
    return isinstance(value, Mapping) or hasattr(value, "record") or bool(getattr(value, "ndim", 0))


def has_argument(function: Any, name: str) -> bool:
    code = getattr(inspect.unwrap(function), "__code__", None)
    return code is not None and name in code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
