"""Callback: what a run of `fit` tells of itself, and the list that tells it to all.

The events and their arguments are Keras's. A callback may keep a state (`state_dict`), which is saved with
the model during a run, so that a run that goes on from a file goes on with it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from ..arguments import Checked
from ..checkpoint.fields import ANYTHING, Field, check_fields
from ..errors import ArgumentError, FileError, stop_iteration_is_an_error

if TYPE_CHECKING:
    from ..model import Model

Logs = dict[str, Any]
"""Numbers by name; of a metric with several values a NumPy array."""
State = tuple[str, bool, dict[str, Any]]
"""(class, saves_the_run, state) of a callback."""


class Callback(Checked):
    """Base of callbacks; override what you need. `self.model` and `self.params` are set before training.

    `params` holds "epochs", "steps" (per epoch, None when unknown) and "verbose". To stop, set
    `self.model.stop_training = True`. What an event adds to `logs` is seen by the
    callbacks after it and by the History.
    """

    model: Model
    params: dict[str, Any]
    wants_every_batch: bool = True
    """Whether `on_train_batch_end` has to be called for each batch: then every step is a call of its own.
    If False, a few times a second will do."""
    saves_the_run: bool = False
    """Whether it writes the state of all callbacks to a file, and so comes after the others."""

    state_fields: Mapping[str, Field] | None = None
    """What each field of the state is, where it can be said: a file with something else is
    refused before anything of it is taken up. A subclass may have more in its state; one with
    another state says so here, or None."""

    def set_model(self, model: Model) -> None:
        """Called once before training."""
        self.model = model

    def set_params(self, params: dict[str, Any]) -> None:
        """Called once before training."""
        self.params = params

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Before the first epoch."""

    def on_train_end(self, logs: Logs | None = None) -> None:
        """After the last epoch, also when training was stopped."""

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        """Before an epoch; the first is 0."""

    def on_epoch_end(self, epoch: int, logs: Logs) -> None:
        """After an epoch, with loss, metrics and their `val_` twins."""

    def on_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        """Another name of `on_train_batch_begin`."""

    def on_batch_end(self, batch: int, logs: Logs) -> None:
        """Another name of `on_train_batch_end`."""

    def on_train_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        """Before a step."""
        self.on_batch_begin(batch, logs)

    def on_train_batch_end(self, batch: int, logs: Logs) -> None:
        """After a step, with the means over the epoch so far."""
        self.on_batch_end(batch, logs)

    def on_test_begin(self, logs: Logs | None = None) -> None:
        """Before the validation data are measured."""

    def on_test_end(self, logs: Logs | None = None) -> None:
        """After that, with the results."""

    def on_test_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        """Before a batch of the validation data."""

    def on_test_batch_end(self, batch: int, logs: Logs) -> None:
        """After it, with the means so far."""

    def on_predict_begin(self, logs: Logs | None = None) -> None:
        """Before `predict` begins; in `fit` it never does."""

    def on_predict_end(self, logs: Logs | None = None) -> None:
        """After its end."""

    def on_predict_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        """Before a batch of it."""

    def on_predict_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """After a batch of it."""

    def state_dict(self) -> dict[str, Any]:
        """What a run that goes on needs: numbers, texts, lists and dicts of them, and arrays."""
        return {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on with what `state_dict` gave."""

    def check_state(self, state: dict[str, Any]) -> None:
        """Refuse a state that is not of this callback, and change nothing.

        Raises:
            FileError: naming the field.
        """
        if self.state_fields is not None:
            more = dict.fromkeys(self.state_dict(), ANYTHING)
            check_fields(f"the state of {type(self).__name__}", state, {**more, **self.state_fields})


class Stateful(Callback):
    """A callback whose state is its attributes of the names in `state_fields`."""

    def state_dict(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.state_fields or ()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        vars(self).update(state)


def _overrides(callback: Callback, event: str) -> bool:
    return event in vars(callback) or getattr(type(callback), event) is not getattr(Callback, event)


def _tell(callback: Callback, event: str, *args: Any) -> None:
    with stop_iteration_is_an_error(f"{type(callback).__name__}.{event}"):
        getattr(callback, event)(*args)


def as_list(callbacks: Any) -> list[Any]:
    """None, one callback or several, as a list."""
    if callbacks is None or isinstance(callbacks, Callback):
        return [] if callbacks is None else [callbacks]
    if isinstance(callbacks, Mapping) or not isinstance(callbacks, Iterable):
        raise ArgumentError(f"callbacks are nn.Callback objects, got {type(callbacks).__name__}")
    return list(callbacks)


class CallbackList:
    """Calls all callbacks in order; those that write the run to a file are the last."""

    def __init__(self, callbacks: Iterable[Callback], model: Model, params: dict[str, Any]) -> None:
        given = list(callbacks)
        for callback in given:
            if not isinstance(callback, Callback):
                raise ArgumentError(f"callbacks are nn.Callback objects, got {type(callback).__name__}")
        self.callbacks = sorted(given, key=lambda callback: callback.saves_the_run)
        for callback in self.callbacks:
            callback.set_model(model)
            callback.set_params(params)
        ends, starts = ("on_train_batch_end", "on_batch_end"), ("on_train_batch_begin", "on_batch_begin")
        self.watches_batches = self._anyone_overrides(*ends, every=True)
        self.watches_progress = self._anyone_overrides(*ends, every=False)
        self.watches_batch_starts = self._anyone_overrides(*starts)
        self.watches_test_batches = self._anyone_overrides("on_test_batch_begin", "on_test_batch_end")

    def _anyone_overrides(self, *events: str, every: bool = True) -> bool:
        return any(
            c.wants_every_batch == every and _overrides(c, event) for c in self.callbacks for event in events
        )

    def after_batch(self, batch: int, logs: Logs) -> None:
        """Tell of the last of some batches; those that want every batch
        are there only when each is told of.
        """
        for callback in self.callbacks:
            if self.watches_batches or not callback.wants_every_batch:
                _tell(callback, "on_train_batch_end", batch, logs)

    def call(self, event: str, *args: Any) -> None:
        """`event(*args)` on every callback."""
        for callback in self.callbacks:
            _tell(callback, event, *args)

    def states(self) -> list[State]:
        """The state of each callback that has one."""
        states = [(type(c).__name__, c.saves_the_run, c.state_dict()) for c in self.callbacks]
        return [state for state in states if state[2]]

    def check_states(self, states: Iterable[State]) -> None:
        """Refuse states that are not of these callbacks; nothing changes."""
        for callback, state in self._takers(states)[0]:
            callback.check_state(state)

    def load_states(self, states: Iterable[State]) -> list[str]:
        """Give each state to the next callback of its class; returns the classes that found none.

        One that only writes the run to a file may well be missing in a run that goes on.

        Raises:
            FileError: one does not take its state; then all are as before.
        """
        takers, missing = self._takers(states)
        before = [(callback, dict(vars(callback))) for callback, _ in takers]
        for callback, state in takers:
            try:
                callback.load_state_dict(state)
            except Exception as error:
                for changed, attributes in before:
                    vars(changed).clear()
                    vars(changed).update(attributes)
                raise FileError(
                    f"{type(callback).__name__} does not take the state in it: {type(error).__name__}: "
                    f"{error}"
                ) from error
        return missing

    def _takers(self, states: Iterable[State]) -> tuple[list[tuple[Callback, dict[str, Any]]], list[str]]:
        waiting = list(self.callbacks)
        takers, missing = [], []
        for name, saves_the_run, state in states:
            taker = next((c for c in waiting if type(c).__name__ == name), None)
            if taker is None:
                missing += [] if saves_the_run else [name]
            else:
                waiting.remove(taker)
                takers.append((taker, state))
        return takers, missing
