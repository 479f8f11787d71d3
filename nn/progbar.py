"""Keras's Progbar: numbers of a loop of one's own, as `fit` shows those of an epoch."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable
from typing import Any

from .arguments import COUNT, COUNT_OR_ZERO, NOT_NEGATIVE, VERBOSE
from .callbacks.progress import format_number, format_pace
from .errors import ArgumentError


class Progbar:
    """A line that tells how far a loop is.

    Args:
        target: how many steps; None where nobody knows.
        width: characters of the bar.
        verbose: 0 nothing, 1 a bar, 2 one line at the end.
        interval: seconds between two updates.
        stateful_metrics: names that are shown as they are; the others as the mean so far.
        stateless_metrics: the names of those others instead.
        unit_name: of what is counted.

    >>> import nn
    >>> bar = nn.utils.Progbar(3, verbose=2)
    >>> for step in range(3):
    ...     bar.update(step + 1, [("loss", 0.5)])
    3/3 - 0s - ...s/step - loss: 0.5000
    """

    def __init__(
        self,
        target: int | None,
        width: int = 20,
        verbose: int = 1,
        interval: float = 0.05,
        stateful_metrics: Iterable[str] | None = None,
        stateless_metrics: Iterable[str] | None = None,
        unit_name: str = "step",
    ) -> None:
        if stateful_metrics is not None and stateless_metrics is not None:
            raise ArgumentError("Progbar: stateful_metrics and stateless_metrics together; give one")
        self.target = COUNT_OR_ZERO.or_none().checked("Progbar", "target", target)
        self.width = COUNT.checked("Progbar", "width", width)
        self.verbose = int(VERBOSE.but(words="is 0, 1 or 2", most=2).checked("Progbar", "verbose", verbose))
        self.interval = NOT_NEGATIVE.checked("Progbar", "interval", interval)
        self.unit_name = unit_name
        self._as_they_are = set(stateful_metrics or ())
        self._averaged = None if stateless_metrics is None else set(stateless_metrics)
        self._sums: dict[str, tuple[float, int]] = {}
        self._start = self._now()
        self._shown = -1.0
        self._seen = self._length = 0

    @staticmethod
    def _now() -> float:
        return time.monotonic()

    def update(
        self, current: int, values: Iterable[tuple[str, Any]] | None = None, finalize: bool | None = None
    ) -> None:
        """`current` steps are done; `values` are (name, value) of the last of them.

        `finalize` ends the line; by default when the target is reached.
        """
        if finalize is None:
            finalize = self.target is not None and current >= self.target
        finalize = bool(finalize)
        for name, value in values or ():
            self._take(name, float(value), max(current - self._seen, 1), finalize)
        self._seen = current
        now = self._now()
        if self.verbose == 1 and (finalize or now - self._shown >= self.interval):
            self._shown = now
            self._draw(current, now - self._start, finalize)
        elif self.verbose == 2 and finalize:
            pace = format_pace((now - self._start) / max(current, 1), self.unit_name)
            print(
                f"{current}/{self.target or current} - {now - self._start:.0f}s - {pace}{self._numbers()}",
                flush=True,
            )

    def add(self, n: int, values: Iterable[tuple[str, Any]] | None = None) -> None:
        """`n` more steps are done."""
        self.update(self._seen + n, values)

    def _take(self, name: str, value: float, steps: int, last: bool) -> None:
        averaged = name in self._averaged if self._averaged is not None else name not in self._as_they_are
        total, count = self._sums.get(name, (0.0, 0))
        # what comes with the end is the result, as in Keras
        self._sums[name] = (total + value * steps, count + steps) if averaged and not last else (value, 1)

    def _numbers(self) -> str:
        return "".join(f" - {n}: {format_number(total / count)}" for n, (total, count) in self._sums.items())

    def _draw(self, current: int, seconds: float, last: bool) -> None:
        pace = seconds / max(current, 1)
        if self.target:
            full = min(self.width * current // self.target, self.width)
            left = f"{current:>{len(str(self.target))}}/{self.target} {'━' * full}{'╺' * (self.width - full)}"
            waits = seconds if last else pace * (self.target - current)
        else:
            left, waits = f"{current:>7}/Unknown", seconds
        text = f"{left} {waits:.0f}s {format_pace(pace, self.unit_name)}{self._numbers()}"
        sys.stdout.write("\r" + text.ljust(self._length) + ("\n" if last else ""))
        sys.stdout.flush()
        self._length = 0 if last else len(text)
