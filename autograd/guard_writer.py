"""Writes the comparison of what a trace depends on, value by value, as a Python function: see `guards.py`."""

from __future__ import annotations

import gc
import inspect
import sys
import weakref
from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator, Set
from enum import Enum
from operator import attrgetter, methodcaller
from types import (
    BuiltinFunctionType,
    FunctionType,
    MemberDescriptorType,
    MethodWrapperType,
    ModuleType,
)
from typing import Any, TypeGuard

from .compared import COMPARISONS, array_content, is_empty, missing, snapshot
from .executed import Executed, is_library, names_of
from .leaks import Before
from .reach import FIXED, Part, parts
from .tensor import Tensor
from .tracing import Number

_MOST = 5_000
"""Values that are looked at."""


class Writer:
    """Writes the comparison, value by value."""

    def __init__(
        self, executed: Executed, state: Collection[Tensor], before: Before | None, by_any_name: bool = False
    ) -> None:
        self.executed, self.before = executed, before
        self.names: list[str] = []
        self.old: list[Any] = []
        self.unseen = [f"what {name}() told" for name in executed.asked]
        self._state = {id(tensor) for tensor in state}
        read = executed.names()
        self._modules = read.modules
        self._attributes = (
            None if by_any_name or read.by_any_name or not executed.is_complete else read.attributes
        )
        self.meets_names = False
        """Whether something was met that reads attributes by names of its own."""
        self._tried = read.tried
        self._lines: list[str] = []
        self._space: dict[str, Any] = dict(COMPARISONS)
        self._later: list[Any] = []
        self._weak = False
        self._known: dict[int, str] = {}
        self._alive: list[Any] = []
        self._waiting: deque[tuple[Part, str]] = deque()
        self._codes: set[Any] = set()
        self._spaces: set[tuple[int, str]] = set()
        self._count = 0

    def write(self, function: Any, arguments: list[Any]) -> None:
        self._walk(Part(function, self._constant(function), getattr(function, "__name__", "the step")), "")
        for number, leaf in enumerate(arguments):
            if not isinstance(leaf, (*FIXED, Number)) and not hasattr(leaf, "shape"):
                self._walk(Part(leaf, f"arguments[{number}]", f"argument {number}"), "")
        for code, space in self.executed.codes.items():
            self._globals(code, space)
        for module in self._modules:
            if module in sys.modules:
                self._walk(
                    Part(sys.modules[module], f"{self._constant(sys.modules)}[{module!r}]", module), ""
                )
        given = [value for value in self.executed.given.values() if _can_hold(value)]
        self._later += [*given, *self._functions_left()]
        while self._later and self._count <= _MOST:
            self._weakly(self._later.pop(0))

    def compiled(self) -> Callable[[Any], Any]:
        body = [f"    {line}" for line in self._lines] or ["    pass"]
        exec(compile("\n".join(["def check(arguments):", *body]), "<guards>", "exec"), self._space)
        return self._space["check"]  # type: ignore[no-any-return]

    # places
    def _globals(self, code: Any, space: dict[str, Any]) -> None:
        where = self._constant(space)
        builtins = space.get("__builtins__")
        builtins = vars(builtins) if isinstance(builtins, ModuleType) else builtins or {}
        for name in names_of(code).globals:
            if (id(space), name) in self._spaces:
                continue
            self._spaces.add((id(space), name))
            if name in space:
                self._walk(Part(space[name], f"{where}[{name!r}]", repr(name), None, space, name), "")
            else:
                old = "a builtin" if name in builtins else "absent"
                self._lines.append(
                    f"if {name!r} in {where}: return {self._named(repr(name), old)}, {where}[{name!r}]"
                )

    def _functions_left(self) -> list[Any]:
        """Functions that ran and were not reached, as a library holds them:
        closures and defaults are theirs alone.
        """
        left = [code for code in self.executed.codes if code not in self._codes and _has_more(code)]
        if not left:
            return []
        found = [f for f in gc.get_referrers(*left) if isinstance(f, FunctionType) and f.__code__ in left]
        return [f for f in found if f.__closure__ or f.__defaults__ or f.__kwdefaults__]

    def _weakly(self, value: Any) -> None:
        """An object that may die, and then is looked at no more. Whoever
        holds it tells what it tells itself.
        """
        if id(value) in self._known:
            return
        try:
            where = self._constant(weakref.ref(value))
        except TypeError:
            return
        outer, known = self._lines, self._known
        self._lines, self._known, self._weak = [], dict(known), True
        self._count += 1
        top = f"v{self._count}"
        said = value.__name__ if isinstance(value, FunctionType) else type(value).__name__
        self._walk(Part(value, top, said), "")
        inner, self._lines, self._known, self._weak = self._lines, outer, known, False
        self._lines += [
            f"{top} = {where}()",
            f"if {top} is not None:",
            *(f"    {line}" for line in inner),
        ]

    def _all_weakly(self, values: Iterable[Any]) -> None:
        self._later += [value for value in values if type(value) not in FIXED]

    def _walk(self, part: Part, parent: str) -> None:
        self._waiting.append((part, parent))
        while self._waiting:
            part, parent = self._waiting.popleft()
            if self._count > _MOST:
                self.unseen.append(f"all but {_MOST} of the values that it can reach")
                self._waiting.clear()
                return
            self._one(part, parent)

    def _one(self, part: Part, parent: str) -> None:
        """Lines that compare one value, and its parts to the queue."""
        value, said = part.value, part.said
        text = part.access.format(parent, self._constant(part.key) if "{1}" in part.access else "")
        if self.before is not None:
            self.before.check_same(part)
        if value is sys.modules:
            return  # those that are named in the code are looked at
        if type(value) in FIXED:
            self._equal(text, value, said)
        elif isinstance(value, Tensor):
            if id(value) in self._state:
                self._same(text, value, said)
            else:
                kept = (value.shape, value.dtype, value.requires_grad, value.grad is None)
                self._equal(text, kept, said, "is_other_tensor")
        elif _is_fixed_builtin(value) or self._is_fixed_function(value):
            self._same(text, value, said)
        elif isinstance(value, Enum):
            self._same(text, value, said)
            self._inside(part, self._variable(value, text))
        elif id(value) in self._known:
            self._lines.append(
                f"if {text} is not {self._known[id(value)]}: return "
                f"{self._named(said, 'the same object')}, 'another one'"
            )
        elif isinstance(value, (ModuleType, type)):
            self._same(text, value, said)
            self._inside(part, self._variable(value, text))
        elif (
            hasattr(type(value), "nbytes") and hasattr(type(value), "__setitem__") and hasattr(value, "shape")
        ):
            self._array(text, value, said)
        elif (frozen := snapshot(value)) is not missing:
            self._equal(text, frozen, said)
            if self.before is not None:
                self.before.check_inside(value, said)
        else:
            self._object(part, self._variable(value, text))

    def _array(self, text: str, value: Any, said: str) -> None:
        kept = array_content(value) if type(value).__module__ == "numpy" else None
        if kept is not None:
            self._equal(text, kept, said, "is_other_array")
        else:
            self._same(text, value, said)
            self.unseen.append(f"the elements of {said}, an array of {value.nbytes} bytes")

    def _object(self, part: Part, name: str) -> None:
        value = part.value
        self._same(f"type({name})", type(value), part.said)
        if isinstance(value, FIXED):  # of a class of its own
            self._equal(f"{_plain_of(value)}({name})", _plain(value), part.said)
        if isinstance(value, (BuiltinFunctionType, MethodWrapperType)):
            self._equal(f"{name}.__name__", value.__name__, part.said)
        if isinstance(value, (attrgetter, methodcaller)):
            self.meets_names = True
        if isinstance(value, FunctionType):
            self._codes.add(value.__code__)
            for field in ("__code__", "__defaults__", "__kwdefaults__"):
                if field == "__code__" or not getattr(value, field):
                    self._same(f"{name}.{field}", getattr(value, field), part.said)
            for cell in value.__closure__ or ():
                if is_empty(cell):
                    self._lines.append(
                        f"if not is_empty({self._constant(cell)}): return "
                        f"{self._named(part.said, 'unbound')}, 'bound'"
                    )
            if not self.executed.is_complete and not is_library(value.__code__.co_filename):
                self._globals(value.__code__, value.__globals__)
        elif isinstance(value, dict):
            keys = list(value)
            self._equal(
                f"list({name})",
                keys,
                f"the keys of {part.said}",
                "differs" if all(type(k) in FIXED for k in keys) else "is_other_list",
            )
            self._all_weakly(keys)
        elif isinstance(value, (list, tuple)):
            self._equal(f"len({name})", len(value), f"the length of {part.said}")
        elif isinstance(value, Set):
            self._equal(f"[*map(id, {name})]", [*map(id, value)], f"what is in {part.said}", "is_other_set")
            self._all_weakly(value)
        elif _remembers(value) and value.__wrapped__.__code__ not in self.executed.codes:
            self.unseen.append(f"what {part.said} remembers")
        elif isinstance(value, Iterator):
            self.unseen.append(f"where {part.said} stands, {type(value).__name__}")
        self._inside(part, name)

    def _inside(self, part: Part, name: str) -> None:
        value = part.value
        tells = hasattr(type(value), "jit_key")
        if tells and not self._weak:
            key = value.jit_key()
            if self.before is not None:
                self.before.check_key(value, key, part.said)
            self._lines.append(
                f"if {name}.jit_key() != {self._constant(key)}: return {self._named(part.said, key)}, "
                f"{name}.jit_key()"
            )
        for absent in sorted(self._tried):
            if inspect.getattr_static(value, absent, missing) is missing or _is_empty_slot(value, absent):
                self._lines.append(
                    f"if hasattr({name}, {absent!r}): return "
                    f"{self._named(f'{part.said}.{absent}', 'absent')}, 'there'"
                )
        if (
            self._attributes is None
            and isinstance(getattr(value, "__dict__", None), dict)
            and not hasattr(value, "__wrapped__")
        ):
            self._equal(f"list({name}.__dict__)", list(value.__dict__), f"the attributes of {part.said}")
        for inner in parts(value, part.said, self._attributes):
            # of what tells what matters in it, only what the user's code reads by name
            if not (tells and inner.access == "{0}[{1}]"):
                self._waiting.append((inner, name))

    def _is_fixed_function(self, value: Any) -> bool:
        """Whether this is a function that is always itself: a library's, or one that
        did not run and closes over nothing.
        """
        if not isinstance(value, FunctionType):
            return False
        if (
            value.__closure__ is None
            and not value.__dict__
            and self.executed.is_complete
            and value.__code__ not in self.executed.codes
        ):
            return True
        return _is_of_module(value)

    # text
    def _same(self, text: str, old: Any, said: str) -> None:
        """`text` is `old` itself."""
        self._lines.append(f"if {text} is not {self._constant(old)}: return {self._named(said, old)}, {text}")

    def _equal(self, text: str, old: Any, said: str, test: str = "differs") -> None:
        """`text` is like `old`, which stands for it."""
        kept, number = self._constant(old), self._named(said, old)
        same = f"(v := {text}) is not {kept} and {test}(v, {kept})"
        self._lines.append(f"if {same}: return {number}, v")

    def _named(self, said: str, old: Any) -> int:
        self.names.append(said)
        self.old.append(old)
        return len(self.names) - 1

    def _constant(self, value: Any) -> str:
        name = f"c{len(self._space)}"
        self._space[name] = value
        return name

    def _variable(self, value: Any, text: str) -> str:
        self._count += 1
        name = self._known[id(value)] = f"v{self._count}"
        self._alive.append(value)
        self._lines.append(f"{name} = {text}")
        return name


def _can_hold(value: Any) -> bool:
    return not isinstance(value, (*FIXED, Tensor, ModuleType, type, FunctionType, dict, list, tuple))


def _has_more(code: Any) -> bool:
    return bool(code.co_freevars or code.co_argcount or code.co_kwonlyargcount)


def _is_of_module(function: FunctionType) -> bool:
    module = sys.modules.get(str(function.__module__))
    return (
        is_library(function.__code__.co_filename) and getattr(module, function.__qualname__, None) is function
    )


def _remembers(value: Any) -> TypeGuard[Any]:
    """Whether this is a function of a cache that has something in it: it
    may have answered without running.
    """
    is_cache = type(value).__name__ == "_lru_cache_wrapper" and isinstance(value.__wrapped__, FunctionType)
    return is_cache and value.cache_info().currsize > 0


def _is_empty_slot(value: Any, name: str) -> bool:
    held = inspect.getattr_static(type(value), name, None)
    return isinstance(held, MemberDescriptorType) and not hasattr(value, name)


def _is_fixed_builtin(value: Any) -> bool:
    """A built-in function that belongs to no object."""
    return isinstance(value, BuiltinFunctionType) and isinstance(
        value.__self__, (ModuleType, type, type(None))
    )


def _plain(value: Any) -> Any:
    """A number or text of a class of its own, as Python's."""
    kind: Any = next(kind for kind in FIXED if isinstance(value, kind))
    return kind(value)


def _plain_of(value: Any) -> str:
    return next(kind for kind in FIXED if isinstance(value, kind)).__name__
