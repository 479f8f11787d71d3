"""Is a rule a function of its arguments alone? Only then may its program be kept and run again.

A rule that reads a number which changes later, from a global, an object or a list, would go on with the old
one. So a rule gets kernels only when all that it can see besides its arguments is fixed by its kind:
functions, classes, modules, text, and numbers that are a closure's or are named as constants are.
"""

from __future__ import annotations

from collections.abc import Callable
from types import BuiltinFunctionType, FunctionType, ModuleType
from typing import Any

import numpy as np

_TRUSTED = ("autograd.", "backends.")
"""Functions of these packages read nothing that changes."""
_NUMBERS = (bool, int, float, complex, np.generic)
_FIXED = (str, bytes, type, type(None), ModuleType, BuiltinFunctionType, np.ufunc, np.dtype, type(...), slice)


def is_pure(rule: Callable[..., Any]) -> bool:
    """Whether nothing that `rule` reads can change between two calls, as far as can be seen from outside."""
    return _is_fixed(rule, constant=True, seen=set())


def _is_fixed(value: Any, constant: bool, seen: set[int]) -> bool:
    """`constant` tells whether a number at this place stays what it is."""
    if isinstance(value, _NUMBERS):
        return constant
    if isinstance(value, _FIXED) or id(value) in seen:
        return True
    if isinstance(value, (tuple, frozenset)):
        return all(_is_fixed(part, constant, seen) for part in value)
    seen.add(id(value))
    if not isinstance(value, FunctionType):
        return False
    if value.__module__ is not None and value.__module__.startswith(_TRUSTED):
        return True
    try:
        cells = [cell.cell_contents for cell in value.__closure__ or ()]
    except ValueError:  # a name that is not bound yet
        return False
    globals_read = [n for n in value.__code__.co_names if n in value.__globals__]
    return all(
        _is_fixed(part, constant=True, seen=seen)
        for part in (*cells, *(value.__defaults__ or ()), *(value.__kwdefaults__ or {}).values())
    ) and all(_is_fixed(value.__globals__[name], constant=name.isupper(), seen=seen) for name in globals_read)
