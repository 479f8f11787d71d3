"""What a step asks the world outside its values: the clock, the system, files, a namespace by a text.

A program keeps the answer of its trace. No guard asks again, as asking may cost,
block or change something; so it is said.
"""

from __future__ import annotations

import os
from types import CodeType, FrameType
from typing import Any

_PURE = frozenset(("fspath", "sleep", "get_clock_info", "fsencode", "fsdecode", "_path_normpath"))
_BUILT_IN = {
    "builtins": frozenset(("globals", "input", "open")),
    "io": frozenset(("open", "open_code")),
    "decimal": frozenset(("getcontext",)),
    "thread": frozenset(("get_ident", "get_native_id")),
    "sys": frozenset(("getrecursionlimit", "_getframe", "gettrace", "getswitchinterval")),
    "gc": frozenset(("get_count", "get_objects", "get_referrers", "isenabled")),
}
_OF_CLASSES = {"datetime": frozenset(("now", "today", "utcnow"))}
"""Built-in methods of classes of a module."""
_PYTHON = {
    "numpy": frozenset(("geterr", "get_printoptions", "getbufsize")),
    "threading": frozenset(("current_thread", "active_count", "enumerate")),
    "logging": frozenset(("isEnabledFor", "getEffectiveLevel", "hasHandlers")),
    "uuid": frozenset(("uuid1", "uuid4")),
    "secrets": frozenset(("randbelow", "token_bytes", "token_hex", "token_urlsafe", "choice")),
    "pathlib": frozenset(
        (
            "read_text",
            "read_bytes",
            "open",
            "exists",
            "is_file",
            "is_dir",
            "stat",
            "iterdir",
            "glob",
        )
    ),
    "genericpath": frozenset(("exists", "isfile", "isdir", "getmtime", "getsize")),
}
_SYSTEM = frozenset(("posix", "nt", "time"))
"""All functions of these modules ask the system."""


def asked(function: Any) -> str | None:
    """The name of a built-in function that asks what no guard looks at; None of any other.

    >>> import time
    >>> asked(time.time), asked(len)
    ('time.time', None)
    """
    name = getattr(function, "__name__", "")
    owner = getattr(function, "__self__", None)
    if isinstance(owner, type):
        known = name in _OF_CLASSES.get(owner.__module__, ())
        return f"{owner.__module__}.{owner.__name__}.{name}" if known else None
    # some versions of Python name the module of C: _io, _decimal
    module = (getattr(function, "__module__", None) or "").strip("_")
    if name in _BUILT_IN.get(module, ()) or (module in _SYSTEM and name not in _PURE):
        return name if module == "builtins" else f"{module.replace('posix', 'os')}.{name}"
    return None


def asked_in_python(frame: FrameType) -> str | None:
    """The same of a function of Python's own library that is written in Python and has just been entered."""
    name = frame.f_code.co_name
    module = frame.f_globals.get("__name__", "")
    package = module.partition(".")[0]
    if name in _PYTHON.get(module, ()) or name in _PYTHON.get(package, ()):
        return f"{package}.{name}"
    return None


def reads_attributes(function: Any) -> bool:
    """Whether this is `format` of a text that reads attributes or items: "{0.rate}"."""
    text = getattr(function, "__self__", None)
    return (
        getattr(function, "__name__", "") in ("format", "format_map")
        and isinstance(text, str)
        and ("." in text or "[" in text)
    )


GETENV: CodeType = os.getenv.__code__
