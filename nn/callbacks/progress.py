"""Progress of a run on the screen: a bar, or a line an epoch."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable
from typing import Any

from ..arguments import VERBOSE
from ..errors import MissingExtraError
from .base import Callback, Logs

_VERBOSE = VERBOSE.but(words='is "auto", 0 (silent), 1 (bar) or 2 (a line per epoch)', most=2)
MOMENT = 0.5
"""Seconds that evaluation and prediction may take before a bar appears."""


def format_logs(logs: Logs) -> str:
    """ "loss 0.4123, accuracy 0.8150" """
    return ", ".join(f"{name} {value:.4g}" for name, value in logs.items())


def bar(**options: Any) -> Any:
    """A bar of tqdm, or the error that says how to install it."""
    try:
        from tqdm.auto import tqdm
    except ImportError as error:
        raise MissingExtraError(
            "the progress bar needs tqdm: pip install 'gradloom[progress]', or use verbose=2 or verbose=0"
        ) from error
    return tqdm(dynamic_ncols=True, **options)


class ProgressBar(Callback):
    """One bar over all epochs, with time left, epoch, loss and metrics;
    uses tqdm, in terminals and notebooks.
    """

    wants_every_batch = False
    REFRESH = 0.1
    """Seconds between two updates of the numbers beside the bar."""

    def __init__(self) -> None:
        self._bar: Any = None
        self._shown = 0.0
        self._batch = 0

    def on_train_begin(self, logs: Logs | None = None) -> None:
        steps = self.params["steps"]
        total = None if steps is None else steps * self.params["epochs"]
        self._bar = bar(total=total, unit="step", mininterval=self.REFRESH)

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        run = self.model.current_run
        self._batch = 0 if run is None else run.batch
        begun = (epoch - self.params["first_epoch"]) * (self.params["steps"] or 0) + self._batch
        if self._bar.n < begun:  # a run that goes on
            self._bar.update(begun - self._bar.n)
        self._bar.set_description_str(f"epoch {epoch + 1}/{self.params['last_epoch']}", refresh=False)

    def on_train_batch_end(self, batch: int, logs: Logs) -> None:
        now = time.monotonic()
        if now - self._shown > self.REFRESH:
            self._bar.set_postfix_str(format_logs(logs), refresh=False)
            self._shown = now
        self._bar.update(batch + 1 - self._batch)
        self._batch = batch + 1

    def on_epoch_end(self, epoch: int, logs: Logs) -> None:
        self._bar.set_postfix_str(format_logs(logs), refresh=False)

    def on_train_end(self, logs: Logs | None = None) -> None:
        if self._bar is not None:
            self._bar.close()


class EpochLines(Callback):
    """`verbose=2`: one line an epoch, for log files."""

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        self._start = time.monotonic()

    def on_epoch_end(self, epoch: int, logs: Logs) -> None:
        seconds = time.monotonic() - self._start
        print(
            f"epoch {epoch + 1}/{self.params['last_epoch']}: {format_logs(logs)} ({seconds:.2f} s)",
            flush=True,
        )


def progress(batches: Any, what: str, verbose: Any) -> Iterable[Any]:
    """The batches of one pass, with a bar when it takes longer than a moment on a screen."""
    items = batches.epoch()
    if not shows_progress(verbose):
        return items  # type: ignore[no-any-return]
    from tqdm.auto import tqdm

    shown: Iterable[Any] = tqdm(items, what, batches.length(), unit="batch", delay=MOMENT, leave=False)
    return shown


def shows_progress(verbose: Any) -> bool:
    """Whether evaluation and prediction show a bar; "auto" on a screen."""
    return _level(verbose) > 0


def display(verbose: Any) -> Callback | None:
    """The callback that shows progress: a bar (1), lines (2), nothing (0); "auto" is a bar on a screen."""
    return {0: None, 1: ProgressBar(), 2: EpochLines()}[_level(verbose)]


def _level(verbose: Any) -> int:
    """0, 1 or 2, of what `verbose` says."""
    if isinstance(verbose, str) and verbose == "auto":
        screen = "ipykernel" in sys.modules or bool(getattr(sys.stderr, "isatty", bool)())
        return int(screen and _has_tqdm())
    return int(_VERBOSE.checked("progress", "verbose", verbose))


def _has_tqdm() -> bool:
    try:
        import tqdm.auto  # noqa: F401
    except ImportError:
        return False
    return True
