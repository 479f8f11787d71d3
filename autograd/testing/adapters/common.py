"""What adapters share: how a function is called in reports, and which places of a call are differentiated.

An adapter is a subject (see `subject.py`): `value`, `pull`, `push` and `gradient` on NumPy arrays. Here is what does not
depend on the framework.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

NDArray = np.ndarray[Any, Any]


class Named:
    """The names that a report shows for a function and its inputs."""

    def __init__(self, function: Callable[..., Any], framework: str, name: str | None) -> None:
        self.function = function
        self.framework = framework
        self.name = name or str(getattr(function, "__name__", type(function).__name__))

    def input_name(self, position: int) -> str:
        """The parameter at `position`."""
        return parameter_name(self.function, position)

    def call_text(self) -> str:
        """What to write for this subject in a script that repeats a failure."""
        return f"adapters.{self.framework}({self.name})"


def parameter_name(function: Callable[..., Any], position: int) -> str:
    """How reports call the input at `position`."""
    try:
        parameters = list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):
        return f"input {position}"
    if position < len(parameters) and parameters[position].kind in (
        inspect.Parameter.POSITIONAL_ONLY,
        inspect.Parameter.POSITIONAL_OR_KEYWORD,
    ):
        return parameters[position].name
    return f"input {position}"


def replaced(values: Sequence[Any], positions: Sequence[int], new: Sequence[Any]) -> list[Any]:
    """`values` with `new` at `positions`."""
    result = list(values)
    for position, value in zip(positions, new, strict=True):
        result[position] = value
    return result
