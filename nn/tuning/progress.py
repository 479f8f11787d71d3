"""Progress of a search on the screen: a bar with the best value, or a line a trial."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..callbacks import EpochLines, display
from ..callbacks.progress import bar
from .space import show


class Progress:
    """Told of each trial; shows a bar (verbose 1), a line a trial (2) or
    nothing (0); "auto" is a bar on a screen.
    """

    def __init__(self, verbose: Any, total: int, done: int, unit: str = "trial") -> None:
        kind = display(verbose)
        self.lines = isinstance(kind, EpochLines)
        self.total = total
        self._done = done
        self._bar: Any = None
        if kind is not None and not self.lines:
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
