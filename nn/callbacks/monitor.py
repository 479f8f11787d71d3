"""Callbacks that watch one number of the logs: is it better than before?

A NaN is never better. `EarlyStopping` ends a run that no longer gets better, `ReduceLROnPlateau` makes its
steps smaller. What "better" means is read off the name, or said by `mode`.
"""

from __future__ import annotations

import math
import warnings
from typing import Any

from ..arguments import COUNT_OR_ZERO, FLAG, KEY, LIMIT, NOT_NEGATIVE, NUMBER, SHARE, VERBOSE, choice
from ..checkpoint import fields
from ..constructors import argument, constructor
from ..errors import ArgumentError
from ..metrics.direction import higher_is_better
from ..metrics.logged import is_several
from ..seed import random_words
from .base import Logs, Stateful
from .rates import log_rate, refuse_schedule


class Monitor(Stateful):
    """Base of callbacks that watch one number.

    Args:
        monitor: its name in the logs.
        mode: "min" when less is better, "max" when more is, "auto" to read it off the name.
        min_delta: how much better, absolutely, it has to be to count.
    """

    checks = {"monitor": KEY, "mode": choice("auto", "min", "max"), "min_delta": NUMBER}

    def __init__(self, monitor: str = "val_loss", mode: str = "auto", min_delta: float = 0) -> None:
        self.monitor = monitor
        self.mode = mode
        self.min_delta = min_delta
        self.__post_init__()

    def __post_init__(self) -> None:
        self.min_delta = abs(self.min_delta)
        self.best: float | None = None
        self._warned = False

    def is_better(self, value: float, than: float | None) -> bool:
        """Whether `value` counts as an improvement over `than`; over nothing every number is one."""
        if math.isnan(value):
            return False
        if than is None:
            return True
        if self.mode == "max" or (self.mode == "auto" and higher_is_better(self.monitor)):
            return value - self.min_delta > than
        return value + self.min_delta < than

    def watched(self, logs: Logs) -> float | None:
        """The number in the logs; when it is not there says so, once.

        Raises:
            ArgumentError: there are several numbers of that name.
        """
        value = logs.get(self.monitor)
        if value is None and not self._warned:
            self._warned = True
            hint = " Give fit validation data." if self.monitor.startswith("val_") else ""
            warnings.warn(
                f"{type(self).__name__} watches {self.monitor!r}, which is not in the logs, and so does "
                f"nothing. There: {', '.join(logs)}.{hint}",
                stacklevel=2,
            )
        if value is not None and is_several(value):
            raise ArgumentError(
                f"{type(self).__name__} watches one number, and {self.monitor!r} has several values, of "
                f"shape {value.shape}; give the metric an average or one threshold, or watch another"
            )
        return value

    def say(self, verbose: int, text: str) -> None:
        """Print when `verbose`."""
        if verbose:
            print(text, flush=True)


@constructor
class EarlyStopping(Monitor):
    """Stop when the watched number has not become better for `patience` epochs.

    Args:
        monitor, min_delta, mode: as in `Monitor`.
        patience: epochs without improvement after which training stops.
        verbose: 1 says when it stops and which weights it restores.
        baseline: an improvement has to beat this too for the waiting to start again.
        restore_best_weights: at the end set the weights of the best epoch, also when it never stopped.
        start_from_epoch: epochs to let pass before watching.

    It never stops after the first epoch (epoch 0). Afterwards `best`, `best_epoch` and
    `stopped_epoch` tell what happened.

    >>> import nn
    >>> nn.EarlyStopping("val_accuracy", patience=5, restore_best_weights=True).patience
    5
    """

    state_fields = {
        "wait": fields.COUNT,
        "stopped_epoch": fields.COUNT,
        "best": fields.or_none(fields.NUMBER),
        "best_epoch": fields.COUNT,
        "best_weights": fields.or_none(fields.dicts_of(fields.ARRAY)),
    }
    monitor: str = "val_loss"
    min_delta: float = 0
    patience: int = argument(COUNT_OR_ZERO, default=0)
    verbose: int = argument(VERBOSE, default=0)
    mode: str = "auto"
    baseline: float | None = argument(LIMIT, default=None)
    restore_best_weights: bool = argument(FLAG, default=False)
    start_from_epoch: int = argument(COUNT_OR_ZERO, default=0)

    def __post_init__(self) -> None:
        super().__post_init__()
        self.on_train_begin()

    def on_train_begin(self, logs: Logs | None = None) -> None:
        self.wait = 0
        self.stopped_epoch = 0
        self.best = None
        self.best_epoch = 0
        self.best_weights: dict[str, Any] | None = None

    def on_epoch_end(self, epoch: int, logs: Logs) -> None:
        value = self.watched(logs)
        if value is None or epoch < self.start_from_epoch:
            return
        if self.restore_best_weights and self.best_weights is None:
            self._remember(epoch)
        self.wait += 1
        if self.is_better(value, self.best):
            self.best = value
            self.best_epoch = epoch
            if self.restore_best_weights:
                self._remember(epoch)
            if self.baseline is None or self.is_better(value, self.baseline):
                self.wait = 0
        elif self.wait >= self.patience and epoch > 0:
            self.stopped_epoch = epoch
            self.model.stop_training = True

    def _remember(self, epoch: int) -> None:
        self.best_weights, self.best_epoch = self.model.state_dict(), epoch

    def on_train_end(self, logs: Logs | None = None) -> None:
        if self.stopped_epoch:
            self.say(self.verbose, f"epoch {self.stopped_epoch + 1}: early stopping")
        if self.restore_best_weights and self.best_weights is not None:
            self.say(self.verbose, f"restoring the weights of epoch {self.best_epoch + 1}")
            self.model.load_state_dict(self.best_weights | random_words(self.model))

    def check_state(self, state: dict[str, Any]) -> None:
        super().check_state(state)
        if state["best_weights"] is not None:
            own = dict(self.model.named_tensors())
            fields.check_arrays("the best weights of EarlyStopping", own, state["best_weights"])


@constructor
class ReduceLROnPlateau(Monitor):
    """Multiply the learning rate by `factor` when the watched number has not
    become better for `patience` epochs.

    Args:
        monitor, mode, min_delta: as in `Monitor`.
        factor: below 1.
        patience: epochs without improvement.
        verbose: 1 says when it acts.
        cooldown: epochs after a reduction in which it does not wait.
        min_lr: the rate never goes below.

    The logs gain `learning_rate`.

    >>> import nn
    >>> nn.ReduceLROnPlateau(factor=0.5).factor
    0.5
    """

    state_fields = {
        "wait": fields.COUNT,
        "cooldown_counter": fields.COUNT,
        "best": fields.or_none(fields.NUMBER),
    }
    monitor: str = "val_loss"
    factor: float = argument(SHARE, default=0.1)
    patience: int = argument(COUNT_OR_ZERO, default=10)
    verbose: int = argument(VERBOSE, default=0)
    mode: str = "auto"
    min_delta: float = 1e-4
    cooldown: int = argument(COUNT_OR_ZERO, default=0)
    min_lr: float = argument(NOT_NEGATIVE, default=0.0)

    def __post_init__(self) -> None:
        super().__post_init__()
        self._reset()

    def _reset(self) -> None:
        self.wait = 0
        self.cooldown_counter = 0
        self.best = None

    def on_train_begin(self, logs: Logs | None = None) -> None:
        refuse_schedule(self)
        self._reset()

    def on_epoch_end(self, epoch: int, logs: Logs) -> None:
        log_rate(self, logs)
        value = self.watched(logs)
        if value is None:
            return
        if self.cooldown_counter:
            self.cooldown_counter -= 1
            self.wait = 0
        if self.is_better(value, self.best):
            self.best = value
            self.wait = 0
        elif not self.cooldown_counter:
            self.wait += 1
            if self.wait >= self.patience:
                self._reduce(epoch)

    def _reduce(self, epoch: int) -> None:
        optimizer = self.model.optimizer
        if optimizer is None or optimizer.has_schedule:
            return
        rate = float(optimizer.current_rate().item())
        if rate <= self.min_lr:
            return
        optimizer.learning_rate = max(rate * self.factor, self.min_lr)
        self.wait, self.cooldown_counter = 0, self.cooldown
        self.say(self.verbose, f"epoch {epoch + 1}: learning rate {rate:g} -> {optimizer.learning_rate:g}")
