"""Checks of arguments of layers, callbacks and searches: each returns the plain value that is kept, or raises naming the argument.

NumPy's numbers are as good as Python's; what is kept is Python's, since a saved model writes it as JSON.
"""

from __future__ import annotations

import math
from numbers import Real
from typing import Any

import autograd as ag

from .errors import ArgumentError
from .forms import choice
from .ranges import COUNT, FRACTION, INTEGER, Range


def whole(owner: str, name: str, value: Any, least: int = 1) -> int:
    """`value` as an int when it is an integer >= `least`."""
    checked: int = Range(f"is an integer >= {least}", least, 2**63 - 1, whole=True).checked(owner, name, value)  # fmt: skip
    return checked


def pair(owner: str, name: str, value: Any) -> tuple[int, int]:
    """(height, width) from one integer or two."""
    parts = tuple(value) if isinstance(value, (tuple, list)) else (value, value)
    try:
        height, width = (COUNT.checked(owner, name, part) for part in parts)
    except ValueError:
        raise ArgumentError(
            f"{owner}: {name} is an integer >= 1 or two of them, got {value!r}"
        ) from None
    return height, width


def axis_numbers(owner: str, axis: Any) -> tuple[int, ...]:
    """One axis or several as integers."""
    given = tuple(axis) if isinstance(axis, (tuple, list)) else (axis,)
    try:
        found = tuple(INTEGER.checked(owner, "axis", one) for one in given)
    except ArgumentError:
        found = ()
    if not found:
        raise ArgumentError(f"{owner}: axis is an integer or a tuple of them, got {axis!r}")
    return found


def one_axis(owner: str, axis: Any) -> int:
    """One axis as an integer."""
    found: int = INTEGER.checked(owner, "axis", axis)
    return found


def number(owner: str, name: str, value: Any, least: float | None = 0.0) -> float:
    """`value` as a float when it is a number >= `least`; None lets it be any number."""
    words = "is a number" if least is None else f"is a number >= {least:g}"
    return float(Range(words, -math.inf if least is None else least).checked(owner, name, value))


def fraction(owner: str, name: str, value: Any) -> float:
    """`value` when it lies between 0 and 1."""
    return float(FRACTION.checked(owner, name, value))


def truth(owner: str, name: str, value: Any) -> bool:
    """`value` when it is True or False, or NumPy's; 0 and 1 will do."""
    of_numpy = str(getattr(value, "dtype", "")) == "bool" and not getattr(value, "ndim", 0)
    if not (isinstance(value, Real) or of_numpy) or value not in (0, 1):
        raise ArgumentError(f"{owner}: {name} is True or False, got {value!r}")
    return bool(value)


def one_of(owner: str, name: str, value: Any, known: tuple[str, ...]) -> str:
    """`value` when it is one of the known words."""
    found: str = choice(*known).checked(owner, name, value)
    return found


def floating(dtype: Any) -> str:
    """The name of the floating dtype of a model."""
    known = ag.zeros((), dtype).dtype
    if known.kind != "f":
        raise ArgumentError(f"the dtype of a model is floating, got {dtype!r}")
    return known.name
