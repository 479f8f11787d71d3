"""What a traced function depends on besides its arguments, so that a change of it means a new trace.

A trace freezes Python values. Numbers, texts and truth values that a function reads from its closure or from globals are
looked at before every call, and so is every object there with a method `jit_key`, which tells what a trace of it
depends on (a model: its mode and its settings). Tensors are not looked at: they are state, or an error.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from types import CodeType, FunctionType, MethodType
from typing import Any

_FIXED = (bool, int, float, str, type(None))
Guard = tuple[str, Callable[[], Any]]


def guards_of(function: Callable[..., Any]) -> list[Guard]:
    """(name, look) for everything whose change makes a trace of `function` wrong; `look` gives its value now.

    >>> rate = 0.5
    >>> def scaled(x):
    ...     return x * rate
    >>> [(name, look()) for name, look in guards_of(scaled)]
    [('rate', ('float', 0.5))]
    """
    return list(_guards(function, set()))


def _guards(function: Any, seen: set[int]) -> Iterator[Guard]:
    if id(function) in seen:
        return
    seen.add(id(function))
    if isinstance(function, partial):
        yield from _guards(function.func, seen)
        for value in (*function.args, *function.keywords.values()):
            yield from _of_value("an argument of partial", value)
    elif isinstance(function, MethodType):
        yield from _of_value("self", function.__self__)
        yield from _guards(function.__func__, seen)
    elif isinstance(function, FunctionType):
        for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):  # fmt: skip
            yield name, partial(_cell, cell)
        for name in _names(function.__code__):
            if name in function.__globals__:
                yield name, partial(_global, function.__globals__, name)
    else:
        yield from _of_value(type(function).__name__, function)


def _names(code: CodeType) -> Iterator[str]:
    """The global names that a function and those inside it read."""
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names(constant)


def _of_value(name: str, value: Any) -> Iterator[Guard]:
    if hasattr(value, "jit_key"):
        yield name, lambda: key_of(value)


def _cell(cell: Any) -> Any:
    try:
        return key_of(cell.cell_contents)
    except ValueError:  # not bound yet
        return None


def _global(names: dict[str, Any], name: str) -> Any:
    return key_of(names.get(name))


def key_of(value: Any) -> Any:
    """What a trace depends on in `value`: a plain value itself with its type, nothing of what is not looked at."""
    if isinstance(value, _FIXED):
        return type(value).__name__, value if value == value else "nan"
    if isinstance(value, tuple) and not hasattr(value, "jit_key"):
        return tuple(key_of(part) for part in value)
    look = getattr(type(value), "jit_key", None)
    return look(value) if look is not None else None
