"""The learning rate by epoch, and what the callbacks that change it share."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from ..arguments import VERBOSE, function
from ..constructors import argument, constructor
from ..errors import ArgumentError, NotCompiledError
from .base import Callback, Logs


def refuse_schedule(callback: Callback) -> None:
    """A rate that a schedule computes at each step cannot be set by a callback as well."""
    optimizer = callback.model.optimizer
    if optimizer is not None and optimizer.schedule is not None:
        raise ArgumentError(
            f"{type(callback).__name__} sets the learning rate, and the optimizer has the schedule "
            f"{type(optimizer.schedule).__name__} that does so too. Give the optimizer a number."
        )


def log_rate(callback: Callback, logs: Logs) -> None:
    """Add the learning rate to the logs."""
    optimizer = callback.model.optimizer
    if optimizer is not None:
        logs["learning_rate"] = float(optimizer.current_rate().item())


@constructor
class LearningRateScheduler(Callback):
    """Set the learning rate before each epoch.

    Args:
        schedule: a function of (epoch, rate) or of (epoch) to the new rate.
        verbose: 1 says what it sets.

    The logs gain `learning_rate`. To change the rate with every step, give the optimizer a schedule instead.

    >>> import nn
    >>> halve = nn.LearningRateScheduler(lambda epoch, rate: rate / 2 if epoch else rate)
    """

    schedule: Callable[..., Any] = argument(function("is a function of (epoch, rate)", 2, 1))
    verbose: int = argument(VERBOSE, default=0)

    def on_train_begin(self, logs: Logs | None = None) -> None:
        refuse_schedule(self)

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        optimizer = self.model.optimizer
        if optimizer is None:
            raise NotCompiledError("LearningRateScheduler: call compile(optimizer=...) first")
        rate = self._new_rate(epoch, float(optimizer.current_rate().item()))
        try:
            optimizer.learning_rate = float(rate)
        except (TypeError, ValueError) as error:
            raise ArgumentError(
                f"LearningRateScheduler: the schedule returns a number, got {type(rate).__name__} {rate!r}"
            ) from error
        if self.verbose:
            print(f"epoch {epoch + 1}: learning rate {float(rate):g}", flush=True)

    def _new_rate(self, epoch: int, rate: Any) -> Any:
        try:
            inspect.signature(self.schedule).bind(epoch, rate)
        except (TypeError, ValueError):
            return self.schedule(epoch)
        return self.schedule(epoch, rate)

    def on_epoch_end(self, epoch: int, logs: Logs) -> None:
        log_rate(self, logs)
