"""Callbacks: what happens between steps and epochs. The log of a run and its progress bar are two of them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from ..errors import ArgumentError

if TYPE_CHECKING:
    from ..model import Model

Logs = dict[str, float]


class Callback:
    """Base of callbacks; override what you need. `self.model` and `self.params` are set before training.

    `params` holds "epochs", "steps" (per epoch, None when unknown) and "verbose". To stop, set
    `self.model.stop_training = True`.
    """

    model: Model
    params: dict[str, Any]

    def on_train_begin(self) -> None:
        """Before the first epoch."""

    def on_train_end(self, logs: Logs | None = None) -> None:
        """After the last epoch, also when training was stopped."""

    def on_epoch_begin(self, epoch: int) -> None:
        """Before an epoch; the first is 0."""

    def on_epoch_end(self, epoch: int, logs: Logs) -> None:
        """After an epoch, with loss, metrics and their `val_` twins."""

    def on_train_batch_end(self, batch: int, logs: Logs) -> None:
        """After a step, with the means over the epoch so far."""


def as_list(callbacks: Any) -> list[Any]:
    """None, one callback or several, as a list."""
    if callbacks is None or isinstance(callbacks, Callback):
        return [] if callbacks is None else [callbacks]
    if not isinstance(callbacks, Iterable):
        raise ArgumentError(f"callbacks are nn.Callback objects, got {type(callbacks).__name__}")
    return list(callbacks)


class CallbackList:
    """Calls all callbacks in order."""

    def __init__(self, callbacks: Iterable[Callback], model: Model, params: dict[str, Any]) -> None:
        self.callbacks = list(callbacks)
        for callback in self.callbacks:
            if not isinstance(callback, Callback):
                raise ArgumentError(
                    f"callbacks are nn.Callback objects, got {type(callback).__name__}"
                )
            callback.model, callback.params = model, params
        self.watches_batches = any(
            type(c).on_train_batch_end is not Callback.on_train_batch_end for c in self.callbacks
        )

    def call(self, event: str, *args: Any) -> None:
        """`event(*args)` on every callback."""
        for callback in self.callbacks:
            getattr(callback, event)(*args)
