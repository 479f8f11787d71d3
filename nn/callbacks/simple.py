"""Small callbacks: functions as a callback, and the end of a run that has lost its numbers."""

from __future__ import annotations

import math
from collections.abc import Callable
from inspect import signature
from typing import Any

from ..arguments import function as functions_of
from ..errors import ArgumentError
from .base import Callback, Logs

EVENTS = tuple(name for name in vars(Callback) if name.startswith("on_"))


class LambdaCallback(Callback):
    """Functions as a callback: each keyword is an event, its value gets the arguments of that event.

    >>> import nn
    >>> seen = []
    >>> callback = nn.LambdaCallback(on_epoch_end=lambda epoch, logs: seen.append(epoch))
    """

    def __init__(self, **functions: Callable[..., Any] | None) -> None:
        for event, function in functions.items():
            if event not in EVENTS:
                raise ArgumentError(f"LambdaCallback: unknown event {event!r}. Known: {', '.join(EVENTS)}.")
            if function is not None:
                needed = len(signature(getattr(Callback, event)).parameters) - 1
                form = functions_of(f"is a function of the {needed} arguments of that event or None", needed)
                setattr(self, event, form.checked("LambdaCallback", event, function))


class TerminateOnNaN(Callback):
    """Stop as soon as the mean loss of the epoch is NaN or infinite."""

    def on_train_batch_end(self, batch: int, logs: Logs) -> None:
        loss = logs["loss"]
        if not math.isfinite(loss):
            print(f"batch {batch + 1}: the loss is {loss}, training stops", flush=True)
            self.model.stop_training = True
