"""Callbacks: what each does to a run, on logs that are written by hand.

The scripted model trains at rate 0 and its logs are replaced, so that stopping, waiting and reducing can be followed
number by number.
"""

from __future__ import annotations

import csv
import math
import os
import sys
import warnings

import numpy as np
import pytest
from models import line, rows

import nn

pytestmark = pytest.mark.once

X = np.arange(4.0)[:, None]
Y = np.ones(4)
NAN = math.nan


class Script(nn.Callback):
    """Writes these values into the logs, one an epoch, and moves the kernel so that epochs can be told apart."""

    def __init__(self, **values):
        self.values = values

    def on_epoch_end(self, epoch, logs):
        for name, series in self.values.items():
            logs[name] = series[epoch]
        self.model.load_state_dict({"layers.0.kernel": [[float(epoch)]], "layers.0.bias": [0.0]})


def run(callback, epochs=None, model=None, **values):
    model = model or line()
    script = Script(**values)
    epochs = epochs or min(map(len, values.values()))
    history = model.fit(X, Y, epochs=epochs, callbacks=[script, callback])
    return model, history


def kernel(model):
    return model.state_dict()["layers.0.kernel"].item()


@pytest.mark.parametrize(
    ("series", "options", "epochs", "best"),
    [
        ([3, 2, 1, 1, 1, 1], dict(patience=2), 5, 2),
        ([3, 2, 1, 2, 0, 5, 5, 5], dict(patience=2), 7, 4),
        ([1, 2, 3], dict(), 2, 0),
        ([1, 2, 3], dict(patience=1), 2, 0),
        ([1, 0.95, 0.9, 0.85], dict(min_delta=0.1, patience=2), 3, 0),
        ([1, 2, 3, 4], dict(start_from_epoch=2), 4, 2),
        ([NAN, NAN, NAN], dict(patience=1), 2, 0),
        ([NAN, 2, 3, 3, 3], dict(patience=2), 4, 1),
        ([2, 1, 1, 1, 1, 1], dict(patience=3, baseline=0.5), 3, 1),
        ([2, 1, 0.4, 1, 1, 1], dict(patience=2, baseline=0.5), 5, 2),
    ],
)  # fmt: skip
def test_early_stopping(series, options, epochs, best):
    callback = nn.EarlyStopping(**options)
    _, history = run(callback, val_loss=series)
    assert len(history.epoch) == epochs
    assert callback.best_epoch == best
    assert callback.stopped_epoch == (epochs - 1 if epochs < len(series) else 0) or epochs == len(series)  # fmt: skip


def test_early_stopping_looks_up_for_accuracy():
    callback = nn.EarlyStopping("val_accuracy", patience=1)
    _, history = run(callback, val_accuracy=[0.5, 0.6, 0.55, 0.7])
    assert len(history.epoch) == 3
    assert callback.best == 0.6
    _, history = run(nn.EarlyStopping("val_accuracy", mode="min"), val_accuracy=[0.5, 0.6, 0.7])
    assert len(history.epoch) == 2
    for options in ({}, {"mode": "max"}):
        callback = nn.EarlyStopping("val_accuracy", patience=2, min_delta=0.1, **options)
        _, history = run(callback, val_accuracy=[0.5, 0.7, 0.75, 0.65, 0.9])
        assert (len(history.epoch), callback.best) == (4, 0.7)


@pytest.mark.parametrize("series", [[3, 1, 2, 2], [3, 1, 2]])
def test_the_best_weights_come_back_also_when_it_never_stopped(series, capsys):
    callback = nn.EarlyStopping(patience=2, restore_best_weights=True, verbose=1)
    model, _ = run(callback, val_loss=series)
    assert kernel(model) == 1.0
    said = capsys.readouterr().out
    assert "restoring the weights of epoch 2" in said
    assert ("epoch 4: early stopping" in said) == (len(series) == 4)


def test_a_second_fit_starts_to_wait_anew():
    callback = nn.EarlyStopping(patience=1)
    model, first = run(callback, val_loss=[1, 2, 3, 4])
    _, second = run(callback, model=model, val_loss=[5, 4, 3, 4])
    assert (len(first.epoch), len(second.epoch)) == (2, 4)


def test_a_monitored_name_that_is_not_there_is_said_once():
    with pytest.warns(UserWarning, match=r"watches 'val_loss'.*There: loss.*validation data") as seen:  # fmt: skip
        line().fit(X, Y, epochs=3, callbacks=nn.EarlyStopping())
    assert len(seen) == 1


@pytest.mark.parametrize(
    ("series", "options", "rates"),
    [
        ([1, 1, 1, 1, 1], dict(patience=2, factor=0.5), [0.8, 0.8, 0.8, 0.4, 0.4]),
        ([1, 1, 1, 1, 1], dict(patience=1, factor=0.5), [0.8, 0.8, 0.4, 0.2, 0.1]),
        ([1, 1, 1, 1, 1], dict(patience=1, factor=0.5, cooldown=2), [0.8, 0.8, 0.4, 0.4, 0.2]),
        ([1, 1, 1, 1, 1], dict(patience=1, factor=0.5, min_lr=0.3), [0.8, 0.8, 0.4, 0.3, 0.3]),
        ([1, 0.99995, 0.9, 0.8, 0.7], dict(patience=1, factor=0.5), [0.8, 0.8, 0.4, 0.4, 0.4]),
        ([NAN, NAN, NAN, 1, 1], dict(patience=2, factor=0.5), [0.8, 0.8, 0.4, 0.4, 0.4]),
    ],
)
def test_reduce_on_plateau(series, options, rates):
    """The logged rate of an epoch is the one before the callback acts."""
    model = line(rate=0.8)
    _, history = run(nn.ReduceLROnPlateau(**options), model=model, val_loss=series)
    assert history.history["learning_rate"] == pytest.approx(rates, rel=1e-15)


def test_rate_scheduler():
    model = line(rate=1.0)
    by_rate = nn.LearningRateScheduler(lambda epoch, rate: rate / 2 if epoch else rate)
    history = model.fit(X, Y, epochs=3, callbacks=by_rate)
    assert history.history["learning_rate"] == [1.0, 0.5, 0.25]
    history = model.fit(X, Y, epochs=2, callbacks=nn.LearningRateScheduler(lambda e: 0.1 * (e + 1)))
    assert history.history["learning_rate"] == [0.1, 0.2]
    with pytest.raises(nn.ArgumentError, match="the schedule returns a number, got str 'fast'"):
        model.fit(X, Y, callbacks=nn.LearningRateScheduler(lambda epoch: "fast"))
    with pytest.raises(nn.ArgumentError, match="schedule is a function"):
        nn.LearningRateScheduler(0.1)


@pytest.mark.parametrize("callback", [nn.ReduceLROnPlateau("loss"), nn.LearningRateScheduler(lambda e: 0.1)])
def test_two_masters_of_the_rate_are_refused(callback):
    model = line()
    model.compile(nn.SGD(nn.ExponentialDecay(0.1, 10, 0.5)), "mse")
    with pytest.raises(nn.ArgumentError, match="has the schedule ExponentialDecay that does so too"):
        model.fit(X, Y, callbacks=callback)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: nn.EarlyStopping(mode="up"), "mode is one of 'auto', 'min', 'max', got 'up'"),
        (lambda: nn.EarlyStopping(patience=-1), "patience is an integer >= 0, got -1"),
        (lambda: nn.ReduceLROnPlateau(factor=1.0), r"factor lies in \[0, 1\), got 1.0"),
        (lambda: nn.ModelCheckpoint("m", save_freq=0), 'save_freq is "epoch" or a number of steps'),
        (lambda: nn.TensorBoard(update_freq=0), 'update_freq is "epoch", "batch" or an integer'),
        (lambda: nn.LambdaCallback(on_epoch_over=print), "unknown event 'on_epoch_over'"),
    ],
)
def test_bad_arguments(make, message):
    with pytest.raises(nn.ArgumentError, match=message):
        make()


def lines(path, separator=","):
    with open(path, newline="") as file:
        return list(csv.reader(file, delimiter=separator))


def test_csv_logger(tmp_path):
    path = tmp_path / "log.csv"
    line(metrics=["mse"]).fit(X, Y, epochs=2, validation_data=(X, Y), callbacks=nn.CSVLogger(path))
    head, *body = lines(path)
    assert head == ["epoch", "loss", "mse", "val_loss", "val_mse"]
    assert [row[0] for row in body] == ["0", "1"]
    assert float(body[0][1]) == pytest.approx(((2 * X[:, 0] + 0.5 - 1) ** 2).mean())
    line().fit(X, Y, callbacks=nn.CSVLogger(path, separator=";"))
    assert lines(path, ";")[0] == ["epoch", "loss", "val_loss"]
    assert lines(path, ";")[1][2] == "NA"
    line().fit(X, Y, callbacks=nn.CSVLogger(path, ";", append=True))
    assert [row[0] for row in lines(path, ";")] == ["epoch", "0", "0"]


def test_csv_logger_finds_a_missing_folder_before_training(tmp_path):
    model = line(rate=0.1)
    before = kernel(model)
    with pytest.raises(FileNotFoundError):
        model.fit(X, Y, callbacks=nn.CSVLogger(tmp_path / "no" / "log.csv"))
    assert kernel(model) == before


def test_checkpoint_of_every_epoch_and_of_the_best(tmp_path):
    every = nn.ModelCheckpoint(tmp_path / "all" / "{epoch:02d}-{val_loss:.1f}")
    run(every, val_loss=[3, 1, 2])
    assert sorted(os.listdir(tmp_path / "all")) == ["01-3.0", "02-1.0", "03-2.0"]
    best = nn.ModelCheckpoint(tmp_path / "best", save_best_only=True)
    run(best, val_loss=[NAN, 3, 1, 2, NAN])
    assert kernel(nn.load(tmp_path / "best")) == 2.0
    weights = nn.ModelCheckpoint(tmp_path / "w", save_weights_only=True, save_best_only=True, initial_value_threshold=0.5)  # fmt: skip
    run(weights, val_loss=[3, 1])
    assert not (tmp_path / "w").exists()
    run(weights, val_loss=[3, 0.2])
    other = line()
    other.load_weights(tmp_path / "w")
    assert kernel(other) == 1.0
    with pytest.raises(nn.FileError, match="holds weights alone"):
        nn.load(tmp_path / "w")
    with pytest.raises(nn.ArgumentError, match=r"cannot fill in '\{val_acc\}'.*Known: loss"):
        line().fit(X, Y, callbacks=nn.ModelCheckpoint("{val_acc}"))


def test_checkpoint_by_steps(tmp_path):
    model = line()
    model.fit(X, Y, 1, epochs=2, callbacks=nn.ModelCheckpoint(tmp_path / "{epoch}-{batch}", save_freq=3))  # fmt: skip
    assert sorted(os.listdir(tmp_path)) == ["1-3", "2-2"]


def test_nan_ends_training(capsys):
    model = line()
    model.load_state_dict({"layers.0.kernel": [[NAN]], "layers.0.bias": [0.0]})
    history = model.fit(X, Y, 1, epochs=5, callbacks=nn.TerminateOnNaN())
    assert history.epoch == [0]
    assert "batch 1: the loss is nan, training stops" in capsys.readouterr().out


def test_functions_as_a_callback():
    seen = []
    callback = nn.LambdaCallback(
        on_train_begin=lambda logs: seen.append("begin"),
        on_epoch_begin=lambda epoch, logs: seen.append(epoch),
        on_train_batch_end=lambda batch, logs: seen.append(sorted(logs)),
        on_train_end=None,
    )
    line().fit(X, Y, epochs=2, callbacks=callback)
    assert seen == ["begin", 0, ["loss"], 1, ["loss"]]


def test_batch_and_test_events_are_told():
    seen = []
    callback = nn.LambdaCallback(
        on_train_batch_begin=lambda batch, logs: seen.append(batch),
        on_test_begin=lambda logs: seen.append("test"),
        on_test_end=lambda logs: seen.append(sorted(logs)),
    )
    line().fit(X, Y, 2, callbacks=callback, validation_data=(X, Y))
    assert seen == [0, 1, "test", ["loss"]]


def test_tensorboard_scalars(tmp_path):
    board = pytest.importorskip("tensorboardX")
    from tensorboardX.proto.event_pb2 import Event
    from tensorboardX.record_writer import RecordWriter  # noqa: F401 - says that the format is theirs

    assert board
    model = line(metrics=["mse"])
    callback = nn.TensorBoard(tmp_path, histogram_freq=1, update_freq=2)
    model.fit(X, Y, 1, epochs=2, validation_data=(X, Y), callbacks=callback)
    found = {}
    for part in ("train", "validation"):
        (path,) = (tmp_path / part).iterdir()
        data, place = path.read_bytes(), 0
        while place < len(data):
            length = int.from_bytes(data[place : place + 8], "little")
            event = Event.FromString(data[place + 12 : place + 12 + length])
            place += 16 + length
            for value in event.summary.value:
                found.setdefault((part, value.tag), []).append((event.step, value.simple_value))
    loss = ((2 * X[:, 0] + 0.5 - 1) ** 2).mean()
    assert found["train", "epoch_loss"] == [(0, pytest.approx(loss)), (1, pytest.approx(loss))]
    assert [step for step, _ in found["validation", "epoch_mse"]] == [0, 1]
    assert [step for step, _ in found["train", "batch_loss"]] == [2, 4, 6, 8]
    assert ("train", "layers.0.kernel") in found


def test_tensorboard_missing(monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorboardX", None)
    with pytest.raises(nn.MissingExtraError, match=r"pip install 'gradloom\[tensorboard\]'"):
        line().fit(X, Y, callbacks=nn.TensorBoard("nowhere"))


def test_callbacks_written_for_keras_see_model_params_and_logs():
    class Theirs(nn.Callback):
        def __init__(self):
            super().__init__()
            self.seen = []

        def on_train_begin(self, logs=None):
            self.seen.append((self.params["epochs"], self.params["steps"]))

        def on_epoch_end(self, epoch, logs=None):
            self.seen.append((epoch, logs.get("val_loss")))
            if epoch == 1:
                self.model.stop_training = True

    theirs = Theirs()
    x, y = rows(8, 1)
    model = line()
    model.fit(x, y, batch_size=4, epochs=5, validation_split=0.5, callbacks=[theirs])
    assert theirs.seen[0] == (5, 1)
    assert [epoch for epoch, _ in theirs.seen[1:]] == [0, 1]
    assert all(value is not None for _, value in theirs.seen[1:])
    assert model.history.epoch == [0, 1]


def test_what_a_callback_logs_is_in_the_history():
    callback = nn.LambdaCallback(on_epoch_end=lambda epoch, logs: logs.update(mine=epoch * 2.0))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        history = line().fit(X, Y, epochs=3, callbacks=[callback])
    assert history.history["mine"] == [0.0, 2.0, 4.0]
