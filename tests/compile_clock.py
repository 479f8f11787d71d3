"""How long kernels were compiled in this process, for the table of `--seconds`: by Numba, by LLVM, by the C++ compiler."""

from __future__ import annotations

import functools
import importlib
import time
from collections.abc import Callable
from typing import Any

COMPILERS = (
    ("backends.llvm", "compiled"),
    ("substitute.host", "_compile"),
)
_spent = 0.0
_running = False


def spent() -> float:
    """Seconds so far."""
    return _spent


def _timed(function: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(function)
    def call(*args: Any) -> Any:
        global _spent, _running
        if _running:  # one that calls another counts once
            return function(*args)
        _running, begin = True, time.perf_counter()
        try:
            return function(*args)
        finally:
            _running = False
            _spent += time.perf_counter() - begin

    return call


def start() -> None:
    """From now on the compilers are timed; those that are not installed are left out."""
    for name, function in COMPILERS:
        try:
            module = importlib.import_module(name)
        except ImportError:
            continue
        setattr(module, function, _timed(getattr(module, function)))
