"""Callbacks beside Keras's own: both are told the same logs, and have to do the same.

Neither trains: a stand-in for the model counts what is done to it. A NaN that comes first is left out, since there the
two differ on purpose.
"""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from keras_oracle import import_keras
from models import line

import nn

keras = import_keras()
pytestmark = pytest.mark.oracle

numbers = st.sampled_from([0.0, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0]) | st.floats(-3, 3)
later = numbers | st.just(math.nan)
series = st.builds(lambda first, rest: [first, *rest], numbers, st.lists(later, max_size=14))


class Optimizer:
    schedule, has_schedule = None, False

    def __init__(self, rate):
        self.learning_rate = rate

    def current_rate(self):
        return np.float64(self.learning_rate)


class Standin:
    """What callbacks do to a model; its weights are the number of the epoch."""

    def named_tensors(self):
        return []

    def __init__(self, rate=1.0):
        self.stop_training = False
        self.weights = -1
        self.optimizer = Optimizer(rate)
        self.saved = []
        self.metrics = []
        self.current_run = None

    def get_weights(self):
        return [np.array(self.weights)]

    def set_weights(self, weights):
        self.weights = int(weights[0])

    def state_dict(self):
        return {"w": self.weights}

    def load_state_dict(self, state):
        self.weights = state["w"]

    def save(self, path, **options):
        self.saved.append(str(path))


def drive(callback, name, values, rate=1.0):
    """Tell one log an epoch until it stops; returns the model and the logs."""
    model = Standin(rate)
    callback.set_model(model)
    callback.set_params({"epochs": len(values), "steps": 1})
    callback.on_train_begin({})
    told = []
    for epoch, value in enumerate(values):
        callback.on_epoch_begin(epoch, {})
        model.weights = epoch
        logs = {name: value}
        callback.on_train_batch_end(0, logs)
        callback.on_epoch_end(epoch, logs)
        told.append(logs)
        if model.stop_training:
            break
    callback.on_train_end({})
    return model, told


modes = st.sampled_from(["min", "max"])


@given(
    series, modes, st.integers(0, 4), st.sampled_from([0, 0.3, -0.3]), st.none() | numbers,
    st.booleans(), st.integers(0, 3),
)  # fmt: skip
def test_early_stopping(values, mode, patience, min_delta, baseline, restore, start):
    options = dict(
        monitor="q", mode=mode, patience=patience, min_delta=min_delta, baseline=baseline,
        restore_best_weights=restore, start_from_epoch=start,
    )  # fmt: skip
    first = next((v for v in values[start:]), 0.0)
    if math.isnan(first):
        values = [0.0 if math.isnan(v) else v for v in values]
    ours, theirs = nn.EarlyStopping(**options), keras.callbacks.EarlyStopping(**options)
    (a, _), (b, _) = drive(ours, "q", values), drive(theirs, "q", values)
    assert (a.stop_training, a.weights) == (b.stop_training, b.weights)
    for name in ("wait", "stopped_epoch", "best_epoch"):
        assert getattr(ours, name) == getattr(theirs, name), name
    assert ours.best == theirs.best or (ours.best is None and theirs.best is None)


@given(
    series, modes, st.integers(0, 4), st.sampled_from([0.0, 0.1, 0.5]), st.integers(0, 3),
    st.sampled_from([0.0, 0.2]), st.sampled_from([0.0, 1e-4, 0.3]),
)  # fmt: skip
def test_reduce_on_plateau(values, mode, patience, factor, cooldown, min_lr, min_delta):
    options = dict(
        monitor="q", mode=mode, patience=patience, factor=factor, cooldown=cooldown, min_lr=min_lr,
        min_delta=min_delta,
    )  # fmt: skip
    a, told = drive(nn.ReduceLROnPlateau(**options), "q", values)
    b, expected = drive(keras.callbacks.ReduceLROnPlateau(**options), "q", values)
    assert a.optimizer.learning_rate == b.optimizer.learning_rate
    assert [logs["learning_rate"] for logs in told] == [logs["learning_rate"] for logs in expected]


@given(st.lists(st.floats(1e-4, 1), min_size=1, max_size=6))
def test_learning_rate_scheduler(rates):
    for schedule in (lambda epoch: rates[epoch], lambda epoch, rate: rate * rates[epoch]):
        results = []
        for callback in (nn.LearningRateScheduler(schedule), keras.callbacks.LearningRateScheduler(schedule)):  # fmt: skip
            model, told = drive(callback, "loss", rates)
            results.append((model.optimizer.learning_rate, [x["learning_rate"] for x in told]))
        assert results[0] == results[1]


@given(series, modes, st.booleans(), st.none() | numbers, st.sampled_from(["epoch", 2, 3]))
def test_model_checkpoint(values, mode, best_only, threshold, frequency):
    options = dict(
        filepath="out-{epoch:02d}.keras", monitor="q", mode=mode, save_best_only=best_only,
        initial_value_threshold=threshold, save_freq=frequency,
    )  # fmt: skip
    if frequency != "epoch" and best_only:
        # Keras reads the direction at the end of the first epoch, and fails on a step before
        return
    a, _ = drive(nn.ModelCheckpoint(**options), "q", values)
    b, _ = drive(keras.callbacks.ModelCheckpoint(**options), "q", values)
    assert a.saved == b.saved


@given(series, st.booleans(), st.sampled_from([",", ";"]))
def test_csv_logger(tmp_path_factory, values, validated, separator):
    folder = tmp_path_factory.getbasetemp()
    texts = []
    for make in (nn.CSVLogger, keras.callbacks.CSVLogger):
        path = folder / "log.csv"
        path.unlink(missing_ok=True)
        for append in (False, True):
            callback = make(str(path), separator=separator, append=append)
            drive(callback, "val_loss" if validated else "loss", values)
        texts.append(path.read_bytes())
    assert texts[0] == texts[1]


@given(st.lists(later | st.just(math.inf), min_size=1))
def test_terminate_on_nan(values):
    a, _ = drive(nn.TerminateOnNaN(), "loss", values)
    theirs = keras.callbacks.TerminateOnNaN()
    b, _ = drive(theirs, "loss", values)
    # on_train_batch_end of Keras calls on_batch_end
    assert a.stop_training == b.stop_training
    assert a.weights == b.weights


def test_events_come_as_in_keras():
    """The same functions as a LambdaCallback in both, with what they are given."""
    x, y = np.arange(6.0)[:, None], np.ones((6, 1))

    def told(make):
        seen = []

        def note(event):
            def heard(*arguments, logs=None):
                seen.append((event, *arguments[:1], sorted(arguments[1:][0] if arguments[1:] else logs)))

            return heard

        events = ("on_epoch_begin", "on_epoch_end", "on_train_batch_begin", "on_train_batch_end")
        return make(**{event: note(event) for event in events}), seen

    ours, seen = told(nn.LambdaCallback)
    history = line().fit(x, y, 2, epochs=2, callbacks=[ours], validation_data=(x, y))
    theirs, expected = told(keras.callbacks.LambdaCallback)
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    model.compile(keras.optimizers.SGD(0.0), "mse", jit_compile=False)
    logged = model.fit(x, y, batch_size=2, epochs=2, callbacks=[theirs], validation_data=(x, y), verbose=0)  # fmt: skip
    assert seen == expected
    assert history.epoch == logged.epoch
    assert list(history.history) == list(logged.history)


def test_the_standin_is_what_callbacks_use():
    """So that the tests above cannot pass for want of an attribute."""
    model = line()
    for name in set(vars(Standin())) - {"weights", "saved"}:
        assert hasattr(model, name)
