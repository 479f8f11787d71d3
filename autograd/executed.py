"""Which code ran: what a trace really executed tells what its program depends on."""

from __future__ import annotations

import dis
import functools
import gc
import os
import signal
import sys
import sysconfig
from collections.abc import Callable, Iterator
from pathlib import Path
from types import CodeType, FrameType
from typing import Any, NamedTuple

from .outside import GETENV, asked, asked_in_python, reads_attributes

_HERE = Path(__file__).resolve().parents[1]
_OWN = tuple(f"{_HERE / name}/" for name in ("autograd", "backends", "gradloom", "nn"))
_STDLIB = tuple({f"{sysconfig.get_paths()[name]}/" for name in ("stdlib", "platstdlib")})
_GLOBAL = frozenset(("LOAD_GLOBAL", "LOAD_NAME", "LOAD_FROM_DICT_OR_GLOBALS"))
_ATTRIBUTE = frozenset(
    ("LOAD_ATTR", "LOAD_METHOD", "IMPORT_FROM", "LOAD_SUPER_ATTR", "STORE_ATTR", "DELETE_ATTR")
)
_BY_ANY_NAME = frozenset(
    ("__dict__", "vars", "asdict", "astuple", "fields", "attrgetter", "__getattribute__")
)
"""Names of what reads attributes whose names no code tells."""
_BY_A_TEXT = frozenset(("modules", "import_module", "__import__"))
"""Names of what finds a module by a text."""


class Names(NamedTuple):
    """What a code object reads: by global name, from modules that it imports, and by attribute."""

    globals: tuple[str, ...]
    modules: tuple[str, ...]
    attributes: frozenset[str]
    tried: frozenset[str]
    """Attributes that may be absent: hasattr, getattr with a default, what stands in a try."""
    by_any_name: bool


@functools.lru_cache(4096)
def names_of(code: CodeType) -> Names:
    """The names in `code`, without the functions inside it, which are code of their own.

    >>> def scaled(x):
    ...     return x * config.rate
    >>> names_of(scaled.__code__)[::2]
    (('config',), frozenset({'rate'}), False)
    """
    read, modules, attributes = [], [], set()
    by_any_name = not _BY_ANY_NAME.isdisjoint(code.co_names)
    steps = list(dis.get_instructions(code))
    for place, step in enumerate(steps):
        if step.opname in _GLOBAL:
            read.append(step.argval)
        elif step.opname in _ATTRIBUTE:
            attributes.add(step.argval)
        elif step.opname == "IMPORT_NAME":
            modules.append(step.argval)
        elif step.opname == "MATCH_CLASS":
            by_any_name = True  # the names are in the class
        if step.opname in _GLOBAL and step.argval == "getattr" and not _with_a_name(steps[place:]):
            by_any_name = True
    texts = {text for text in _texts(code.co_consts) if text.isidentifier()}
    tried = frozenset(attributes if code.co_exceptiontable else ()) | (
        texts if {"hasattr", "getattr"} & set(code.co_names) else set()
    )
    attributes |= texts
    attributes |= {code.co_name} if code.co_name.startswith("__") else set()
    if not _BY_A_TEXT.isdisjoint(code.co_names):
        modules += _texts(code.co_consts)
    if "globals" in code.co_names:
        read += texts
    return Names(tuple(dict.fromkeys(read)), tuple(modules), frozenset(attributes), tried, by_any_name)


def _with_a_name(steps: list[dis.Instruction]) -> bool:
    """Whether a call of getattr has its name in the code."""
    for step in steps:
        if step.opname in ("CALL", "CALL_FUNCTION_EX"):
            return False
        if step.opname == "LOAD_CONST" and isinstance(step.argval, str):
            return True
    return False


def _texts(constants: Any) -> Iterator[str]:
    for constant in constants:
        if isinstance(constant, str):
            yield constant
        elif isinstance(constant, tuple):
            yield from _texts(constant)


@functools.lru_cache(4096)
def is_library(filename: str) -> bool:
    """Whether code of this file is ours, NumPy's or Python's own: then
    what it reads is no setting of a user's.
    """
    if not filename:
        return False
    if filename.startswith("<"):
        return filename.startswith(("<frozen", "<__array_function__"))
    if filename.startswith(_OWN) or f"{_HERE}/" == filename:
        return True
    if "site-packages" in filename or "dist-packages" in filename:
        return any(
            f"-packages/{name}/" in filename
            for name in ("numpy", "cupy", "numba", "llvmlite", "autograd", "backends", "gradloom", "nn")
        )
    return filename.startswith(_STDLIB)


def _is_generated(code: CodeType, space: dict[str, Any]) -> bool:
    """Whether a library, or the making of a named tuple, has written this code."""
    if code.co_filename != "<string>":
        return False
    return space.get("__name__", "").startswith("namedtuple_") or is_library(space.get("__file__") or "")


def _run_by_python() -> Iterator[CodeType]:
    """Code that may run at any moment and that no step has called: callbacks of
    the collector, handlers of signals.
    """
    handlers = [signal.getsignal(number) for number in signal.valid_signals()]
    for function in (*gc.callbacks, *handlers):
        code = getattr(getattr(function, "__func__", function), "__code__", None)
        if code is not None:
            yield code


class Executed:
    """The code of users that this thread runs `during` a call, the objects that it was
    given, and what it asks the system.

    `is_complete` is False where another profiler has the place that this takes; then nothing is known.
    """

    def __init__(self) -> None:
        self.codes: dict[CodeType, dict[str, Any]] = {}
        self.given: dict[int, Any] = {}
        self.asked: dict[str, None] = {}
        """What no guard looks at, in order."""
        self._by_any_name = False
        self.is_complete = True
        self._outer: Any = None
        self._aside: frozenset[CodeType] = frozenset()
        self._skipped: FrameType | None = None

    def during(self, function: Callable[[], Any]) -> Any:
        """What `function()` returns."""
        self._aside = frozenset(_run_by_python())
        outer = self._outer = sys.getprofile()
        self.is_complete = outer is None or hasattr(outer, "__code__") or hasattr(outer, "__func__")
        if not self.is_complete:
            return function()
        try:
            sys.setprofile(self._note)
            return function()
        finally:
            # a call of C, not of Python: a handler of a signal may raise behind it and not before
            sys.setprofile(outer)

    def _note(self, frame: FrameType, event: str, argument: Any) -> None:
        if self._skipped is not None:
            if event == "return" and frame is self._skipped:
                self._skipped = None
        elif event == "call":
            code = frame.f_code
            if code in self._aside or code.co_name == "__del__":
                self._skipped = frame
            elif not is_library(code.co_filename) and not _is_generated(code, frame.f_globals):
                self._took(code, frame)
            elif frame.f_back is not None and frame.f_back.f_code in self.codes:
                self._asked(asked_in_python(frame))
                if code is GETENV:
                    self.given[id(os.environ)] = os.environ
        elif event == "c_call" and frame.f_code in self.codes:
            self._asked(asked(argument))
            self._by_any_name |= reads_attributes(argument)
        if self._outer is not None:
            self._outer(frame, event, argument)

    def _asked(self, name: str | None) -> None:
        if name is not None:
            self.asked[name] = None

    def _took(self, code: CodeType, frame: FrameType) -> None:
        self.codes[code] = frame.f_globals
        here = frame.f_locals
        for name in code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]:
            if name in here:
                value = here[name]
                self.given[id(value)] = value

    def names(self) -> Names:
        """All that the code reads."""
        all_names = [names_of(code) for code in self.codes]
        return Names(
            (),
            tuple(dict.fromkeys(module for names in all_names for module in names.modules)),
            frozenset().union(*(names.attributes for names in all_names)),
            frozenset().union(*(names.tried for names in all_names)),
            self._by_any_name or any(names.by_any_name for names in all_names),
        )
