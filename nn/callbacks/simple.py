"""Small callbacks: the log of a run, functions as a callback, the end of a run that has lost its numbers."""

from __future__ import annotations

import math
from collections.abc import Callable
from inspect import signature
from typing import Any

from ..arguments import function as functions_of
from ..checkpoint.fields import ARRAY, COUNT, PLAIN, Field, dicts_of, lists_of
from ..errors import ArgumentError
from ..metrics.logged import is_several
from ..notebook import history_html
from ..plots.curves import learning_curves
from .base import Callback, Logs

EVENTS = tuple(name for name in vars(Callback) if name.startswith("on_"))


_LOGGED = Field("a number, a text, null or an array", lambda v: PLAIN.holds(v) or ARRAY.holds(v))


class History(Callback):
    """What `fit` returns: `history[name]` has one value per epoch, `epoch` their numbers from 0.

    A value is a number, or a NumPy array where a metric has several.

    `interrupted` says whether Ctrl-C ended the run.
    """

    state_fields = {"history": dicts_of(lists_of(_LOGGED)), "epoch": lists_of(COUNT)}

    def __init__(self) -> None:
        self.history: dict[str, list[Any]] = {}
        self.epoch: list[int] = []
        self.interrupted = False

    def on_train_begin(self, logs: Logs | None = None) -> None:
        self.history, self.epoch, self.interrupted = {}, [], False

    def on_epoch_end(self, epoch: int, logs: Logs) -> None:
        self.epoch.append(epoch)
        for name, value in logs.items():
            self.history.setdefault(name, []).append(value)

    def state_dict(self) -> dict[str, Any]:
        return {"history": self.history, "epoch": self.epoch}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.history = {name: list(values) for name, values in state["history"].items()}
        self.epoch = list(state["epoch"])

    def plot(self, path: Any = None, axes: Any = None, title: str | None = None) -> Any:
        """The learning curves as a matplotlib Figure, written to `path` where one is
        given; `nn.plots.learning_curves`.

        >>> import nn
        >>> model = nn.Sequential([nn.Dense(1, input_shape=(1,))])
        >>> model.compile("sgd", "mse")
        >>> figure = model.fit([[0.0], [1.0]], [0.0, 1.0], epochs=3, verbose=0).plot()
        """
        return learning_curves(self, path, axes, title)

    def _repr_html_(self) -> str:
        return history_html(self)

    def __repr__(self) -> str:
        last = {name: _rounded(values[-1]) for name, values in self.history.items()}
        return f"History({len(self.epoch)} epochs, last {last})"


def _rounded(value: Any) -> Any:
    return value.round(4).tolist() if is_several(value) else round(value, 4)


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
