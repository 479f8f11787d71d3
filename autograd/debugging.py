"""How much a compiled step tells of itself: `GRADLOOM_DEBUG`, or `with ag.debug(level)`.

1 the kernels of every program that is made, 2 also the program, 3 also the text that is compiled, 4 also runs
the interpreter beside each step and compares every value.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING

from backends.switching import switched

from .errors import RangeError, TraceError
from .notebook import compiled_html
from .profiling import Profile

if TYPE_CHECKING:
    from backends.contract import Executable

    from .tracing import Captured

_log = logging.getLogger("gradloom")
_text = os.environ.get("GRADLOOM_DEBUG", "")
_FROM_ENVIRONMENT = int(_text) if _text.isdigit() else 0
_level: ContextVar[int | None] = ContextVar("debug_level", default=None)


def level() -> int:
    """The level here and now."""
    chosen = _level.get()
    if chosen is not None:
        return chosen
    return _FROM_ENVIRONMENT


class Inspected:
    """What a compiled function shows of itself; `last` gives the program of the last call."""

    name: str
    traces: int

    def _repr_html_(self) -> str:
        return compiled_html(self)

    def last(self, what: str) -> tuple[Captured, Executable]:
        """(program, executable)."""
        raise TraceError(f"{what}: nothing was called")

    def program_text(self, scopes: bool = False) -> str:
        """The program of the last call, one instruction a line, as traced; with
        `scopes` each tells where it comes from.
        """
        return self.last("program_text")[0].program_text(scopes)

    def memory_report(self) -> str:
        """Where the values of the last program lie, and the peak in bytes."""
        return self.last("memory_report")[1].memory_report()

    def kernels(self) -> list[str]:
        """What the last program runs, a line for each kernel."""
        return self.last("kernels")[1].kernels()

    def source(self) -> str:
        """The text that was compiled for the last program."""
        return self.last("source")[1].source()

    def profile(self, run: Callable[[], object]) -> Profile:
        """Time and bytes of each kernel of the last program, while
        `run()` calls this function; a `Profile`.
        """
        return Profile(self.name, self.last("profile")[1].profile(run))


@contextmanager
def debug(level: int = 1) -> Iterator[None]:
    """Inside, compiled steps print what they are made of, to standard error.

    Args:
        level: 0 nothing; 1 kernels; 2 and the program; 3 and the compiled text; 4 and, at every call, the
            largest differences from the interpreter.

    Raises:
        RangeError: for another level.

    >>> import autograd as ag
    >>> with ag.debug(0):
    ...     ag.jit(lambda x: x + 1.0)(ag.ones(2)).tolist()
    [2.0, 2.0]
    """
    if level not in range(5):
        raise RangeError(f"debug: the level lies between 0 and 4, got {level!r}")
    with switched(_level, level):
        yield


def report(name: str, captured: Captured, executable: Executable) -> None:
    """Print a new program as far as the level asks."""
    parts = [f"== {name}: {len(executable.kernels())} kernels", *executable.kernels()]
    if level() >= 2:
        parts += [captured.program_text(scopes=True), executable.memory_report()]
    if level() >= 3:
        parts.append(executable.source())
    print("\n".join(parts), file=sys.stderr, flush=True)


def report_differences(name: str, found: list[tuple[str, str, float]]) -> None:
    """Log the kernels whose values differ from the interpreter's by more than rounding."""
    worst = sorted(found, key=lambda f: -f[2])[:5]
    shown = "; ".join(f"{value} in {kernel}: {difference:.1e}" for kernel, value, difference in worst)
    _log.warning("%s beside the interpreter, %d values, largest differences: %s", name, len(found), shown)
