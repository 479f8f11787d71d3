"""How much a compiled step tells of itself: `GRADLOOM_DEBUG`, or `with ag.debug(level)`.

1 the kernels of every program that is made, 2 also the program, 3 also the text that is compiled, 4 also runs the
interpreter beside each step and compares every value.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING

from .errors import RangeError

if TYPE_CHECKING:
    from backends.contract import Executable

    from .tracing import Captured

_text = os.environ.get("GRADLOOM_DEBUG", "")
_FROM_ENVIRONMENT = int(_text) if _text.isdigit() else 0
_level: ContextVar[int | None] = ContextVar("debug_level", default=None)


def level() -> int:
    """The level here and now."""
    chosen = _level.get()
    if chosen is not None:
        return chosen
    return _FROM_ENVIRONMENT


@contextmanager
def debug(level: int = 1) -> Iterator[None]:
    """Inside, compiled steps print what they are made of, to standard error.

    Args:
        level: 0 nothing; 1 kernels; 2 and the program; 3 and the compiled text; 4 and, at every call, the largest
            differences from the interpreter.

    Raises:
        RangeError: for another level.

    >>> import autograd as ag
    >>> with ag.debug(0):
    ...     ag.jit(lambda x: x + 1.0)(ag.ones(2)).tolist()
    [2.0, 2.0]
    """
    if level not in range(5):
        raise RangeError(f"debug: the level lies between 0 and 4, got {level!r}")
    token = _level.set(level)
    try:
        yield
    finally:
        _level.reset(token)


def report(name: str, captured: Captured, executable: Executable) -> None:
    """Print a new program as far as the level asks."""
    parts = [f"== {name}: {len(executable.kernels())} kernels", *executable.kernels()]
    if level() >= 2:
        parts += [captured.program_text(), executable.memory_report()]
    if level() >= 3:
        parts.append(executable.source())
    print("\n".join(parts), file=sys.stderr, flush=True)
