"""Progress of a run on the screen: a bar and a line for each epoch, or the lines alone.

Lines are Keras's: "Epoch 1/5", then "13/13 - 0s - 2ms/step - loss: 0.6931 - val_loss: 0.6925". The bar
of an epoch is tqdm's, on stderr; it gives way to the numbers where the screen is narrow, and to the line at
the end.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from ..arguments import VERBOSE
from ..errors import MissingExtraError
from ..metrics.logged import is_several
from .base import Callback, Logs

_VERBOSE = VERBOSE.but(words='is "auto", 0 (silent), 1 (bar) or 2 (a line per epoch)', most=2)
MOMENT = 0.5
"""Seconds that evaluation and prediction may take before a bar appears."""
_SMALL = 1e-3
"""Numbers up to this one are shown with an exponent, as in Keras."""
_MANY = 4
"""Values of one metric that are shown."""
_LAYOUT = "{n_fmt}/{total_fmt}{desc} {bar} {remaining}"
"""Of a bar: what comes last is cut first, and the bar takes what is left."""


def format_number(value: Any) -> str:
    """ "0.4123", and "4.1230e-04" where it is small; "[0.4123 0.5000]" of several, the first few of many."""
    if is_several(value):
        values = value.reshape(-1).tolist()
        shown = [format_number(each) for each in values[:_MANY]]
        return f"[{' '.join([*shown, '...'] if len(values) > _MANY else shown)}]"
    number = float(value)
    return f"{number:.4e}" if abs(number) <= _SMALL else f"{number:.4f}"


def format_logs(logs: Logs) -> str:
    """ " - loss: 0.4123 - accuracy: 0.8150" """
    return "".join(f" - {name}: {format_number(value)}" for name, value in logs.items())


def format_pace(seconds: float, unit: str = "step") -> str:
    """ "2ms/step" """
    if seconds >= 1 or not seconds:
        return f"{seconds:.0f}s/{unit}"
    return f"{seconds * 1e3:.0f}ms/{unit}" if seconds >= 1e-3 else f"{seconds * 1e6:.0f}us/{unit}"


def line_of(done: int, total: int | None, seconds: float, logs: Logs) -> str:
    """ "13/13 - 0s - 2ms/step - loss: 0.4123" """
    pace = format_pace(seconds / max(done, 1))
    return f"{done}/{total or done} - {seconds:.0f}s - {pace}{format_logs(logs)}"


def bar(**options: Any) -> Any:
    """A bar of tqdm, or the error that says how to install it."""
    try:
        from tqdm.auto import tqdm
    except ImportError as error:
        raise MissingExtraError(
            "the progress bar needs tqdm: pip install 'gradloom[progress]', or use verbose=2 or verbose=0"
        ) from error
    return tqdm(dynamic_ncols=True, **options)


class EpochLines(Callback):
    """`verbose=2`: each epoch leaves its line, for log files."""

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        self._start = time.monotonic()
        if self.params["last_epoch"] > 1:
            print(f"Epoch {epoch + 1}/{self.params['last_epoch']}", flush=True)

    def on_epoch_end(self, epoch: int, logs: Logs) -> None:
        run = self.model.current_run
        total = self.params["steps"]
        done = run.steps_done if run is not None else total or 0
        print(line_of(done, total, time.monotonic() - self._start, logs), flush=True)


class ProgressBar(EpochLines):
    """`verbose=1`: the same lines, and while an epoch lasts a bar with loss, metrics and the time left;
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
        # what is missing is told before the first epoch
        bar(total=1, disable=True)

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        super().on_epoch_begin(epoch, logs)
        run = self.model.current_run
        self._batch = 0 if run is None else run.batch
        self._bar = bar(
            total=self.params["steps"],
            initial=self._batch,  # of a run that goes on
            unit="step",
            mininterval=self.REFRESH,
            leave=False,
            bar_format=_LAYOUT,
        )

    def on_train_batch_end(self, batch: int, logs: Logs) -> None:
        now = time.monotonic()
        if now - self._shown > self.REFRESH:
            self._bar.set_description_str(format_logs(logs), refresh=False)
            self._shown = now
        self._bar.update(batch + 1 - self._batch)
        self._batch = batch + 1

    def on_epoch_end(self, epoch: int, logs: Logs) -> None:
        self._bar.close()
        super().on_epoch_end(epoch, logs)

    def on_train_end(self, logs: Logs | None = None) -> None:
        if self._bar is not None:
            self._bar.close()


def progress(batches: Any, what: str, verbose: Any, logs: Callable[[], Logs] = dict) -> Iterable[Any]:
    """The batches of one pass, with a bar when it takes longer than a moment on a screen.

    Where `verbose` is no "auto", a line with what `logs` gives then stays, as for an epoch.
    """
    items = batches.epoch()
    return _shown(items, batches.length(), what, verbose, logs) if shows_progress(verbose) else items


def _shown(
    items: Iterable[Any], total: int | None, what: str, verbose: Any, logs: Callable[[], Logs]
) -> Iterator[Any]:
    start, done = time.monotonic(), 0
    if level_of(verbose) == 1:
        items = bar(iterable=items, desc=what, total=total, unit="batch", delay=MOMENT, leave=False)
    for item in items:
        yield item
        done += 1
    if not _is_auto(verbose):
        print(line_of(done, total, time.monotonic() - start, logs()), flush=True)


def shows_progress(verbose: Any) -> bool:
    """Whether evaluation and prediction show anything; "auto" on a screen."""
    return level_of(verbose, elsewhere=0) > 0


def display(verbose: Any) -> Callback | None:
    """The callback that shows progress: a bar and lines (1), lines (2), nothing (0); "auto" is 1 on a
    screen and 2 elsewhere.
    """
    return {0: None, 1: ProgressBar(), 2: EpochLines()}[level_of(verbose)]


def _is_auto(verbose: Any) -> bool:
    return isinstance(verbose, str) and verbose == "auto"


def level_of(verbose: Any, elsewhere: int = 2) -> int:
    """0, 1 or 2, of what `verbose` says; "auto" is `elsewhere` where there is no screen, or no tqdm."""
    if _is_auto(verbose):
        screen = "ipykernel" in sys.modules or bool(getattr(sys.stderr, "isatty", bool)())
        return 1 if screen and _has_tqdm() else elsewhere
    return int(_VERBOSE.checked("progress", "verbose", verbose))


def _has_tqdm() -> bool:
    try:
        import tqdm.auto  # noqa: F401
    except ImportError:
        return False
    return True
