"""Results as text, columns as wide as they need to be; and progress, a bar with the best value or lines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..callbacks.progress import bar, level_of
from .space import show


def text_table(header: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """A line per row under a header and a rule.

    >>> print(text_table(["units", "state"], [[4, "complete"], [16, None]]))
    units  state
    -----  --------
        4  complete
       16
    """
    cells = [["" if value is None else show(value) for value in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(header, *cells)]
    numeric = [all(isinstance(row[i], (int, float, type(None))) for row in rows) for i in range(len(header))]
    lines = [list(header), ["-" * width for width in widths], *cells]
    return "\n".join(
        "  ".join(
            cell.rjust(width) if right else cell.ljust(width)
            for cell, width, right in zip(line, widths, numeric)
        ).rstrip()
        for line in lines
    )


class Progress:
    """Told of each trial; shows a bar (verbose 1), a line a trial (2) or
    nothing (0); "auto" is a bar on a screen.
    """

    def __init__(self, verbose: Any, total: int, done: int, unit: str = "trial") -> None:
        level = level_of(verbose, elsewhere=0)
        self.lines = level == 2
        self.total = total
        self._done = done
        self._bar: Any = None
        if level == 1:
            self._bar = bar(total=total, initial=done, unit=unit)

    def tell(self, name: str, what: str, params: Mapping[str, Any], best: str) -> None:
        """After the trial `name`: `what` came out, and the `best` so far."""
        self._done += 1
        if self.lines:
            named = ", ".join(f"{key} {show(value)}" for key, value in params.items())
            print(f"[{self._done}/{self.total}] {name}: {what} ({named}); {best}", flush=True)
        if self._bar is not None:
            self._bar.set_postfix_str(best, refresh=False)
            self._bar.update(1)

    def close(self) -> None:
        """Leave the bar as it is."""
        if self._bar is not None:
            self._bar.close()
