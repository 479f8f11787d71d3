"""What a value holds: the parts of containers, objects, functions and classes, and how code gets at each.

`guards` and `leaks` walk the same things, the one for what a program depends on,
the other for what a trace changed.
"""

from __future__ import annotations

import inspect
import weakref
from collections.abc import ItemsView, Iterator, KeysView, Mapping, Sequence, ValuesView
from contextvars import ContextVar
from enum import Enum
from functools import partial, partialmethod
from keyword import iskeyword
from types import (
    BuiltinMethodType,
    CellType,
    FunctionType,
    MemberDescriptorType,
    MethodType,
    MethodWrapperType,
    ModuleType,
)
from typing import Any, NamedTuple

from .bound import WeakMethod
from .executed import is_library, names_of
from .tensor import Tensor

FIXED = (bool, int, float, complex, str, bytes, type(None))
"""Values that cannot change."""
HEAP_TYPE = 1 << 9
_OWN = frozenset(("autograd", "backends", "gradloom", "nn"))


class Part(NamedTuple):
    """A value inside another one.

    `access` is the text of an expression that reads it: {0} stands for the other one, {1} for `key`. `holder`
    and `name` tell where the value can be replaced; `holder` is None where it cannot.
    """

    value: Any
    access: str
    said: str
    key: Any = None
    holder: Any = None
    name: Any = None

    def put(self, value: Any) -> None:
        """Let another value be here."""
        if isinstance(self.holder, CellType):
            self.holder.cell_contents = value
        elif isinstance(self.holder, (dict, list)):
            self.holder[self.name] = value
        else:
            setattr(self.holder, self.name, value)

    @property
    def place(self) -> tuple[int, Any]:
        """Where it is, for comparison."""
        return id(self.holder), self.name


def parts(value: Any, said: str, names: frozenset[str] | None = None) -> Iterator[Part]:
    """The parts of `value`; of attributes only those with one of `names`, where these are given.

    >>> [(part.said, part.access, part.value) for part in parts({"rate": 0.5}, "settings")]
    [("settings['rate']", '{0}[{1}]', 0.5)]
    """
    if type(value) in FIXED or isinstance(value, Tensor):
        return
    if isinstance(value, dict):
        for key, item in list(value.items()):
            yield Part(item, "{0}[{1}]", f"{said}[{key!r}]", key, value, key)
    elif isinstance(value, (list, tuple)):
        holder = value if isinstance(value, list) else None
        for number, item in enumerate(list(value)):
            yield Part(item, "{0}[{1}]", f"{said}[{number}]", number, holder, number)
    elif (content := _content(value)) is not None:
        yield Part(content[0], content[1], said)
    if isinstance(value, FunctionType):
        yield from _of_function(value, said)
    elif isinstance(
        value,
        (MethodType, BuiltinMethodType, MethodWrapperType, partial, partialmethod, WeakMethod),
    ):
        yield from _of_callable(value, said)
    if isinstance(value, type):
        yield from _of_class(value, said, names)
    elif isinstance(value, ModuleType):
        yield from _of_module(value, said, names)
    elif isinstance(value, property):
        yield Part(value.fget, "{0}.fget", said)
    elif not isinstance(value, WeakMethod):
        yield from _of_instance(value, said, names)


def _content(value: Any) -> tuple[Any, str] | None:
    """What a container that is no dict or list holds, as one of these."""
    if isinstance(value, weakref.ref):
        return value(), "{0}()"
    if isinstance(value, ContextVar):
        return value.get(None), "{0}.get(None)"
    if isinstance(value, (bytearray, memoryview)) or type(value).__module__ == "array":
        return bytes(value), "bytes({0})"
    if isinstance(value, Mapping):
        return dict(value), "dict({0})"
    if isinstance(value, (Sequence, ValuesView, KeysView, ItemsView)) and not isinstance(
        value, (str, bytes, range)
    ):
        return list(value), "list({0})"
    return None


def _of_function(function: FunctionType, said: str) -> Iterator[Part]:
    named = zip(function.__code__.co_freevars, function.__closure__ or (), strict=True)
    for number, (name, cell) in enumerate(named):
        try:
            yield Part(
                cell.cell_contents, f"{{0}}.__closure__[{number}].cell_contents", repr(name), None, cell
            )
        except ValueError:  # not bound yet
            continue
    for number, default in enumerate(function.__defaults__ or ()):
        yield Part(default, f"{{0}}.__defaults__[{number}]", f"a default of {said}")
    for name, default in (function.__kwdefaults__ or {}).items():
        yield Part(default, f"{{0}}.__kwdefaults__[{name!r}]", name, None, function.__kwdefaults__, name)


def _of_callable(value: Any, said: str) -> Iterator[Part]:
    if isinstance(value, (partial, partialmethod)):
        yield Part(value.func, "{0}.func", said)
        for number, part in enumerate(value.args):
            yield Part(part, f"{{0}}.args[{number}]", "an argument of partial")
        for name, part in value.keywords.items():
            yield Part(part, "{0}.keywords[{1}]", name, name, value.keywords, name)
    elif isinstance(value, WeakMethod):
        yield Part(value.instance(), "{0}.instance()", "self")
        yield Part(value.function, "{0}.function", said)
    else:
        yield Part(value.__self__, "{0}.__self__", "self")
        if isinstance(value, MethodType):
            yield Part(value.__func__, "{0}.__func__", said)


def _of_module(module: ModuleType, said: str, names: frozenset[str] | None) -> Iterator[Part]:
    inside = vars(module)
    for name in () if names is None else sorted(names & inside.keys()):
        yield Part(inside[name], _attribute(name), f"{said}.{name}", name, inside, name)


def _of_class(kind: type, said: str, names: frozenset[str] | None) -> Iterator[Part]:
    if names is None or is_own(kind):
        return
    for base in kind.__mro__[:-1]:
        for name in sorted(names & vars(base).keys()) if base.__flags__ & HEAP_TYPE else ():
            if inspect.getattr_static(kind, name, None) is not vars(base)[name]:
                continue
            try:
                yield Part(getattr(kind, name), _attribute(name), f"{said}.{name}", name)
            except AttributeError:  # a descriptor for instances
                continue
    yield from _of_metaclass(kind, said, names)


def _of_metaclass(kind: type, said: str, names: frozenset[str]) -> Iterator[Part]:
    """What a class finds in its own class."""
    meta = type(kind)
    for base in inspect.getmro(meta)[:-2]:
        for name in sorted(names & vars(base).keys()):
            if (
                inspect.getattr_static(kind, name, None) is vars(base)[name]
                and type(vars(base)[name]) in FIXED
            ):
                yield Part(vars(base)[name], _attribute(name), f"{said}.{name}", name)


def _of_instance(value: Any, said: str, names: frozenset[str] | None) -> Iterator[Part]:
    own = getattr(value, "__dict__", None)
    own = own if isinstance(own, dict) else {}
    if "__wrapped__" in own and is_own(type(value)):
        own = {"__wrapped__": own["__wrapped__"]}  # a compiled function: the rest is its programs
    said = said.strip("'")
    for name, part in list(own.items()):
        if names is None or name in names or name == "__wrapped__":
            yield Part(part, _attribute(name), f"{said}.{name}", name, own, name)
    kind = type(value)
    if not kind.__flags__ & HEAP_TYPE or is_own(kind) or isinstance(value, Enum):
        return
    for base in kind.__mro__[:-1]:
        if is_own(base) or not base.__flags__ & HEAP_TYPE:
            continue
        inside = vars(base)
        for name in list(inside) if names is None else sorted(names & inside.keys()):
            if name not in own and (names is not None or not name.startswith("__")):
                yield from _of_instance_class(
                    value, kind, name, inside[name], f"{said}.{name}", names is None
                )


def _of_instance_class(
    value: Any, kind: type, name: str, held: Any, said: str, plain: bool
) -> Iterator[Part]:
    """What an instance finds under a name in its class."""
    if inspect.getattr_static(kind, name, None) is not held:
        # of a class further up, for super()
        base = next(b for b in kind.__mro__ if vars(b).get(name) is held)
        if not plain:
            yield Part(held, f"{{1}}.__dict__[{name!r}]", said, base)
    elif isinstance(held, MemberDescriptorType):
        try:
            yield Part(getattr(value, name), _attribute(name), said, name, value, name)
        except AttributeError:  # an empty slot
            return
    elif type(held) in FIXED:
        yield Part(held, _attribute(name), said, name)
    elif plain:
        return
    elif isinstance(held, (FunctionType, classmethod)):
        inner = held if isinstance(held, FunctionType) else held.__func__
        access = _attribute(name) if not name.startswith("__") else "type({0})." + name
        whole = access if name.startswith("__") and isinstance(held, FunctionType) else access + ".__func__"
        yield Part(inner, whole, said, name)
    elif isinstance(held, property):
        yield Part(held, "type({0})." + name, said, name)
    elif isinstance(held, staticmethod):
        yield Part(held.__func__, _attribute(name), said, name)
    elif hasattr(held, "__get__"):
        base = next(b for b in kind.__mro__ if vars(b).get(name) is held)
        yield Part(held, f"{{1}}.__dict__[{name!r}]", said, base)
    else:
        yield Part(held, _attribute(name), said, name)


def is_own(kind: type) -> bool:
    """Whether a class is one of these packages': what users set in it is in its instances, which tell it."""
    return kind.__module__.partition(".")[0] in _OWN


def _attribute(name: str) -> str:
    return f"{{0}}.{name}" if name.isidentifier() and not iskeyword(name) else "getattr({0}, {1})"


def globals_of(function: FunctionType) -> Iterator[Part]:
    """The globals that the code of a user's function names."""
    if is_library(function.__code__.co_filename):
        return
    space = function.__globals__
    for name in names_of(function.__code__).globals:
        if name in space:
            yield Part(space[name], "{0}[{1}]", repr(name), name, space, name)
