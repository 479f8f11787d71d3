"""Is a rule a function of its arguments alone? Only then may its program be kept and run again.

A rule that reads a number which changes later, from a global, an object or a list, would go on with the old
one. So a rule gets kernels only when all that it can see besides its arguments is fixed by its kind:
functions, classes, modules, text, and numbers that are a closure's or are named as constants are.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import BuiltinFunctionType, FunctionType, ModuleType
from typing import Any

import numpy as np

from ..contract import Spec
from ..errors import is_refusal
from .ir import Program
from .trace import Symbol, TraceBackend

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


def traced_rule(rule: Callable[..., Any], args: Sequence[Any], static: Mapping[str, Any]) -> Program | None:
    """The program of a rule for arguments given as Spec (arrays) or as they are, with "0", "1" ... for its
    parameters and "y" for its result; None where there is none that may be kept.
    """
    if not is_pure(rule):
        return None
    trace = TraceBackend()
    symbols = [trace.parameter(a, "input", str(i)) if isinstance(a, Spec) else a for i, a in enumerate(args)]
    try:
        result = rule(trace, *symbols, **static)
    except Exception as error:
        if not is_refusal(error):
            raise
        # run with values, the rule itself says what is wrong with them
        return None
    return trace.finish("rule", [], [("y", result)]) if isinstance(result, Symbol) else None
