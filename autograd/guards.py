"""What a traced function depends on besides its arguments, so that a change of it means a new trace.

A trace freezes Python values. Before every call the function's closure and the globals that it reads are looked at:
numbers, texts and truth values, also inside lists, dicts and objects a few levels deep, what functions called from there
read, and every object with a method `jit_key`, which tells what a trace of it depends on (a model: its mode and its
settings). Tensors are not looked at: they are state, or an error.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from functools import partial
from types import CodeType, FunctionType, MethodType, ModuleType
from typing import Any

from .bound import WeakMethod
from .tensor import Tensor

_FIXED = (bool, int, float, str, type(None))
_DEPTH = 8
_MOST = 64
"""Of a longer list or dict of other things than numbers and texts only the length is looked at."""
_LIBRARY = ("autograd", "backends", "nn", "numpy", "cupy", "builtins", "functools", "math")
_QUIET = sys.stdlib_module_names - {"types", "collections", "dataclasses"}
"""Objects of these modules (locks, events, loggers) hold nothing that a step computes with."""
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
    elif isinstance(function, WeakMethod):
        yield "self", partial(_of_instance, function)
        yield from _guards(function.function)
    elif isinstance(function, FunctionType):
        names = list(dict.fromkeys(_names(function.__code__)))
        for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):  # fmt: skip
            yield name, partial(_cell, cell)
            yield from _of_module(name, _content(cell), names)
        for name in names:
            held = function.__globals__.get(name)
            if isinstance(held, ModuleType):
                yield from _of_module(name, held, names)
            elif name in function.__globals__ and not _is_library(held):
                yield name, partial(_global, function.__globals__, name)
    else:
        yield type(function).__name__, partial(key_of, function)


def _of_instance(method: WeakMethod) -> Any:
    return key_of(method.instance())


def _of_module(name: str, held: Any, names: list[str]) -> Iterator[Guard]:
    """config.rate: what the code may read of a module of the user's."""
    if isinstance(held, ModuleType) and not _is_of_library(held.__name__):
        for inner in names:
            if isinstance(vars(held).get(inner), _FIXED):
                yield f"{name}.{inner}", partial(_global, vars(held), inner)


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
    return _is_of_library(str(getattr(value, "__module__", ""))) and callable(value) and not hasattr(value, "jit_key")  # fmt: skip


def _is_of_library(module: str) -> bool:
    return module.partition(".")[0] in _LIBRARY


def _cell(cell: Any) -> Any:
    return key_of(_content(cell))


def _content(cell: Any) -> Any:
    try:
        return cell.cell_contents
    except ValueError:  # not bound yet
        return None


def _global(names: dict[str, Any], name: str) -> Any:
    return key_of(names.get(name))


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
        return _of_container(value, depth)
    if isinstance(value, (FunctionType, MethodType, partial)):
        return _of_function(value, depth)
    if hasattr(value, "dtype") and getattr(value, "shape", None) == ():
        return str(value.dtype), repr(value)
    if _is_library(value) or type(value).__module__.partition(".")[0] in _QUIET:
        return None
    return type(value).__name__, *((name, key_of(part, depth + 1)) for name, part in _attributes(value))  # fmt: skip


def _of_container(value: Any, depth: int) -> Any:
    is_dict = isinstance(value, dict)
    items = value.values() if is_dict else value
    names = tuple(value) if is_dict else None
    if len(items) > _MOST:
        plain = all(isinstance(item, _FIXED) for item in items)
        return type(value).__name__, len(items), hash(repr(value)) if plain else None
    keys = [None if isinstance(item, Tensor) else key_of(item, depth + 1) for item in items]
    return type(value).__name__, names, *keys


def _attributes(value: Any) -> list[tuple[str, Any]]:
    """An object's own attributes, those in slots, and the plain ones of its classes."""
    found: dict[str, Any] = {}
    for kind in reversed(type(value).__mro__[:-1]):
        found |= {n: v for n, v in vars(kind).items() if isinstance(v, _FIXED) and not n.startswith("__")}  # fmt: skip
        slots = vars(kind).get("__slots__", ())
        for name in (slots,) if isinstance(slots, str) else slots:
            if hasattr(value, name):
                found[name] = getattr(value, name)
    found |= getattr(value, "__dict__", {})
    return list(found.items())[:_MOST]


def _of_function(function: Any, depth: int) -> Any:
    """What a function that is called from a traced one reads, and which one it is."""
    if _is_library(function) or depth > 1:
        return Same(function)
    inner = getattr(function, "__func__", getattr(function, "func", function))
    code = getattr(inner, "__code__", None)
    values = []
    for cell in getattr(inner, "__closure__", None) or ():
        values.append(key_of(_content(cell), depth + 2))
    for name in dict.fromkeys(_names(code)) if code is not None else ():
        held = inner.__globals__.get(name)
        if not _is_library(held):
            values.append(key_of(held, depth + 2))
    return Same(code), *values
