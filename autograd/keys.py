"""What a trace depends on in an object that tells it itself: the values of all its
attributes, as a key that is compared.
"""

from __future__ import annotations

import sys
from types import BuiltinFunctionType, FunctionType, ModuleType
from typing import Any

from .compared import array_content
from .executed import is_library
from .reach import FIXED, parts
from .tensor import Tensor

_DEPTH = 8
_MOST = 64
"""Attributes and items that are looked at, of what is no plain container."""
_QUIET = sys.stdlib_module_names - {"types", "collections", "dataclasses", "argparse", "functools", "enum"}
"""Objects of these modules (locks, events, loggers) hold nothing that a step computes with."""


class Same:
    """Something in a key that is compared by identity, and lives as long as the key."""

    __slots__ = ("it",)

    def __init__(self, it: Any) -> None:
        self.it = it

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Same) and self.it is other.it

    def __hash__(self) -> int:
        return id(self.it)

    def __repr__(self) -> str:
        return type(self.it).__name__


def key_of(value: Any, depth: int = 0) -> Any:
    """What a trace depends on in `value`; None where there is nothing to see.

    Numbers of different types are different: 1 and 1.0 and True make different programs. What functions read
    besides their closure is seen when they run.

    >>> key_of({"rate": 0.5}) == key_of({"rate": 0.5}), key_of(1) == key_of(True)
    (True, False)
    """
    if isinstance(value, FIXED):
        return type(value).__name__, repr(value)
    if isinstance(value, Tensor) or depth > _DEPTH:
        return None
    look = getattr(type(value), "jit_key", None)
    if look is not None:
        return look(value)
    if isinstance(value, (ModuleType, type, BuiltinFunctionType)):
        return Same(value)
    if isinstance(value, FunctionType) and is_library(value.__code__.co_filename):
        return Same(value)
    if hasattr(type(value), "tobytes") and hasattr(value, "dtype"):
        content = array_content(value)
        return Same(value) if content is None else content
    if type(value).__module__.partition(".")[0] in _QUIET:
        return None
    if isinstance(value, (list, tuple, set, frozenset, dict)) and len(value) > _MOST:
        plain = all(
            isinstance(item, FIXED) for item in (value.values() if isinstance(value, dict) else value)
        )
        return type(value).__name__, len(value), hash(repr(value)) if plain else None
    if isinstance(value, (set, frozenset)):
        return type(value).__name__, repr(sorted(map(repr, value)))
    first = Same(value.__code__) if isinstance(value, FunctionType) else Same(type(value))
    inside = parts(value, type(value).__name__)
    return first, *((part.said, key_of(part.value, depth + 1)) for _, part in zip(range(_MOST), inside))
