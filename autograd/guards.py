"""What a traced function depends on besides its arguments, so that a change of it means a new trace.

A trace freezes Python values. Before every call the function's closure and the globals that it reads are looked at:
numbers, texts and truth values, also inside lists, dicts and objects a few levels deep, what functions called from there
read, and every object with a method `jit_key`, which tells what a trace of it depends on (a model: its mode and its
settings). Tensors are not looked at: they are state, or an error.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from types import CodeType, FunctionType, MethodType, ModuleType
from typing import Any

from .tensor import Tensor

_FIXED = (bool, int, float, str, type(None))
_DEPTH = 4
_MOST = 64
"""Of a longer list or dict only the length is looked at."""
_LIBRARY = ("autograd", "backends", "nn", "numpy", "builtins", "functools", "math")
Guard = tuple[str, Callable[[], Any]]


def guards_of(function: Callable[..., Any]) -> list[Guard]:
    """(name, look) for everything whose change makes a trace of `function` wrong; `look` gives its value now.

    >>> rate = 0.5
    >>> def scaled(x):
    ...     return x * rate
    >>> [(name, look()) for name, look in guards_of(scaled)]
    [('rate', ('float', '0.5'))]
    """
    return list(_guards(function))


def _guards(function: Any) -> Iterator[Guard]:
    if isinstance(function, partial):
        yield from _guards(function.func)
        for value in (*function.args, *function.keywords.values()):
            yield "an argument of partial", partial(key_of, value)
    elif isinstance(function, MethodType):
        yield "self", partial(key_of, function.__self__)
        yield from _guards(function.__func__)
    elif isinstance(function, FunctionType):
        for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):  # fmt: skip
            yield name, partial(_cell, cell)
        for name in dict.fromkeys(_names(function.__code__)):
            if name in function.__globals__ and not _is_library(function.__globals__[name]):
                yield name, partial(_global, function.__globals__, name)
    else:
        yield type(function).__name__, partial(key_of, function)


def _names(code: CodeType) -> Iterator[str]:
    """The global names that a function and those inside it read."""
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names(constant)


def _is_library(value: Any) -> bool:
    """Modules, and functions and classes of libraries: they do not change."""
    if isinstance(value, (ModuleType, type)):
        return True
    return str(getattr(value, "__module__", "")).partition(".")[0] in _LIBRARY and callable(value) and not hasattr(value, "jit_key")  # fmt: skip


def _cell(cell: Any) -> Any:
    try:
        return key_of(cell.cell_contents)
    except ValueError:  # not bound yet
        return None


def _global(names: dict[str, Any], name: str) -> Any:
    return key_of(names.get(name))


def key_of(value: Any, depth: int = 0) -> Any:
    """What a trace depends on in `value`; None where there is nothing to see.

    Numbers of different types are different: 1 and 1.0 and True make different programs.
    """
    if isinstance(value, _FIXED):
        return type(value).__name__, repr(value)
    if isinstance(value, Tensor) or depth > _DEPTH:
        return None
    look = getattr(type(value), "jit_key", None)
    if look is not None:
        return look(value)
    if isinstance(value, (list, tuple, set, frozenset, dict)):
        if len(value) > _MOST:
            return len(value)
        items = value.items() if isinstance(value, dict) else value
        return type(value).__name__, *(key_of(item, depth + 1) for item in items)
    if isinstance(value, (FunctionType, MethodType, partial)):
        return _of_function(value, depth)
    if hasattr(value, "dtype") and getattr(value, "shape", None) == ():
        return str(value.dtype), repr(value)
    if _is_library(value) or not hasattr(value, "__dict__"):
        return None
    return type(value).__name__, *(
        (name, key_of(part, depth + 1)) for name, part in list(vars(value).items())[:_MOST]
    )


def _of_function(function: Any, depth: int) -> Any:
    """What a function that is called from a traced one reads, and which one it is."""
    if _is_library(function) or depth > 1:
        return id(function)
    inner = getattr(function, "__func__", getattr(function, "func", function))
    code = getattr(inner, "__code__", None)
    values = []
    for cell in getattr(inner, "__closure__", None) or ():
        try:
            values.append(key_of(cell.cell_contents, depth + 2))
        except ValueError:
            values.append(None)
    for name in dict.fromkeys(_names(code)) if code is not None else ():
        held = inner.__globals__.get(name)
        if not _is_library(held):
            values.append(key_of(held, depth + 2))
    return id(code), *values
