"""Stop, load, go on: bit for bit the run that never stopped, wherever it stopped and however.

The long test kills a training process (SIGKILL) at random moments, starts it again until it is done, and compares
weights, optimiser, random state, History and the log file with those of a process that was left alone.
"""

from __future__ import annotations

import os
import random
import signal
import threading
from pathlib import Path

import numpy as np
import pytest
from killed_runs import check_same, is_done, train
from models import Batches, everything, line, rows

import autograd as ag
import nn

pytestmark = pytest.mark.once

ROOT = Path(__file__).resolve().parent.parent.parent
X, Y = rows(50, 4)


def network():
    model = nn.Sequential([nn.Dense(6, "relu", input_shape=(4,)), nn.Dropout(0.3), nn.Dense(1, "sigmoid")])
    model.compile(nn.SGD(0.1, momentum=0.9), "binary_crossentropy", metrics=["accuracy"])
    return model


def callbacks():
    return [
        nn.EarlyStopping("loss", patience=4, restore_best_weights=True),
        nn.ReduceLROnPlateau("val_loss", factor=0.5, patience=1),
        nn.LearningRateScheduler(lambda epoch, rate: rate * 0.9),
    ]


def fit(model, epochs, *more, **options):
    return model.fit(X, Y, 8, epochs, callbacks=[*callbacks(), *more], validation_split=0.3, **options)


def outcome(model, history):
    key, counter = ag.random.default_generator().state
    return everything(model), history.history, history.epoch, (key.item(), counter.item())


@pytest.fixture
def whole():
    """A run of 8 epochs that nothing stopped."""
    nn.set_random_seed(3)
    model = network()
    return outcome(model, fit(model, 8))


@pytest.mark.parametrize("epoch", [1, 4, 7])
def test_from_a_checkpoint_after_an_epoch(whole, tmp_path, epoch):
    nn.set_random_seed(3)
    fit(network(), 8, nn.ModelCheckpoint(tmp_path / "{epoch}"))
    nn.set_random_seed(99)
    model = nn.load(tmp_path / str(epoch))
    assert outcome(model, fit(model, 8, initial_epoch=epoch)) == whole


def test_resume_from_and_its_old_name(whole, tmp_path):
    nn.set_random_seed(3)
    fit(network(), 8, nn.ModelCheckpoint(tmp_path / "{epoch}"))
    for name in ("resume_from", "go_on_from"):
        model = network()
        if name == "resume_from":
            model.resume_from(tmp_path / "4")
        else:
            with pytest.warns(DeprecationWarning, match="now called resume_from") as told:
                model.go_on_from(tmp_path / "4")
            assert told[0].filename == __file__
        assert outcome(model, fit(model, 8)) == whole


@pytest.mark.parametrize("steps", [1, 2, 5, 7, 12])
def test_from_the_middle_of_an_epoch(whole, tmp_path, steps):
    """Five steps an epoch; the saved order, the half-summed metrics and the rate go on too."""
    nn.set_random_seed(3)

    class Stop(nn.Callback):
        seen = 0

        def on_train_batch_end(self, batch, logs):
            self.seen += 1
            if self.seen == steps:
                raise LookupError

    keep = nn.ModelCheckpoint(tmp_path / "model", save_freq=1)
    with pytest.raises(LookupError):
        fit(network(), 8, Stop(), keep) if steps == 0 else fit(network(), 8, keep, Stop())
    # the step at which it broke is not in the file: the file stands one step before it
    nn.set_random_seed(99)
    if steps == 1:
        assert not (tmp_path / "model").exists()
        return
    model = nn.load(tmp_path / "model")
    done = (steps - 1) // 5
    assert outcome(model, fit(model, 8, initial_epoch=done)) == whole


def test_the_same_call_goes_on_with_a_backup(whole, tmp_path):
    for stop_at in (1, 9, 17, 23, None):
        nn.set_random_seed(3)
        model = network()
        count = [0]

        def crash(batch, logs, count=count, stop_at=stop_at):
            count[0] += 1
            if count[0] == stop_at:
                raise MemoryError

        backup = nn.BackupAndRestore(tmp_path / "backup", save_freq=2)
        try:
            history = fit(model, 8, nn.LambdaCallback(on_train_batch_end=crash), backup)
        except MemoryError:
            continue
    assert outcome(model, history) == whole
    assert not (tmp_path / "backup").exists()


def test_a_run_that_had_stopped_stays_stopped(tmp_path):
    nn.set_random_seed(0)
    model = line()
    keep = nn.ModelCheckpoint(tmp_path / "m")
    history = model.fit(X[:, :1], Y, epochs=9, callbacks=[nn.EarlyStopping("loss"), keep])
    assert history.epoch == [0, 1]
    again = nn.load(tmp_path / "m")
    assert again.fit(X[:, :1], Y, epochs=9, initial_epoch=2, callbacks=nn.EarlyStopping("loss")).epoch == [0, 1]  # fmt: skip


def test_save_after_fit_and_go_on_with_another_fit(tmp_path):
    nn.set_random_seed(1)
    model = network()
    fit(model, 2)
    model.save(tmp_path / "m")
    going_on = outcome(model, fit(model, 3))
    nn.set_random_seed(77)
    loaded = nn.load(tmp_path / "m")
    assert outcome(loaded, fit(loaded, 3)) == going_on


def test_batches_from_an_iterable_go_on_too(tmp_path):
    parts = [slice(i, i + 7) for i in range(0, 49, 7)]
    source = Batches(*((X[p], Y[p]) for p in parts))
    nn.set_random_seed(5)
    model = network()
    whole = outcome(model, model.fit(source, epochs=3))
    nn.set_random_seed(5)
    keep = nn.ModelCheckpoint(tmp_path / "{epoch}-{batch}", save_freq=4)
    network().fit(source, epochs=3, callbacks=keep)
    loaded = nn.load(tmp_path / "2-5")
    assert outcome(loaded, loaded.fit(source, epochs=3, initial_epoch=1)) == whole


def test_a_resumed_run_saves_at_the_steps_of_the_one_that_never_stopped(tmp_path):
    """Every fourth step, of epochs of five: the count goes on, too, from a file that another callback wrote."""

    def files(name, model, **options):
        each = [nn.ModelCheckpoint(tmp_path / f"{name} {n}" / "{epoch}-{batch}", save_freq=n) for n in (4, 3)]  # fmt: skip
        for n in (4, 3):
            (tmp_path / f"{name} {n}").mkdir()
        model.fit(X, Y, 10, epochs=3, callbacks=each, **options)
        return sorted(os.listdir(tmp_path / f"{name} 4"))

    nn.set_random_seed(5)
    whole = files("whole", network())
    assert whole == ["1-4", "2-3", "3-2"]
    for place, left in (("1-3", whole), ("2-1", whole[1:]), ("2-4", whole[2:])):
        model = nn.load(tmp_path / "whole 3" / place)
        assert files(f"from {place}", model, initial_epoch=int(place[0]) - 1) == left, place


def test_the_middle_of_another_epoch_is_refused(tmp_path):
    keep = nn.ModelCheckpoint(tmp_path / "{epoch}-{batch}", save_freq=6)
    network().fit(X, Y, 10, epochs=2, callbacks=keep)
    model = nn.load(tmp_path / "2-1")
    with pytest.raises(nn.ArgumentError, match=r"middle of an epoch.*\[50, 10\].*given \[50, 5\]"):
        model.fit(X, Y, 5, epochs=2, initial_epoch=1)


def test_a_backup_of_another_model_is_refused(tmp_path):
    def crash(epoch, logs):
        raise LookupError

    with pytest.raises(LookupError):
        network().fit(X, Y, callbacks=[nn.BackupAndRestore(tmp_path), nn.LambdaCallback(on_epoch_begin=crash)])  # fmt: skip
    network().fit(X, Y, callbacks=nn.BackupAndRestore(tmp_path, delete_checkpoint=False))
    other = nn.Sequential([nn.Dense(1, input_shape=(4,))])
    other.compile("sgd", "mse")
    with pytest.raises(nn.FileError, match="of another model; give each run a folder of its own"):
        other.fit(X, Y, callbacks=nn.BackupAndRestore(tmp_path))
    (tmp_path / "run.safetensors").write_bytes(b"damaged")
    with pytest.raises(nn.FileError, match="damaged"):
        network().fit(X, Y, callbacks=nn.BackupAndRestore(tmp_path))


def test_the_state_of_a_callback_that_is_not_there_is_mentioned(tmp_path):
    fit(network(), 2, nn.ModelCheckpoint(tmp_path / "m"))
    with pytest.warns(UserWarning, match="saved with a EarlyStopping, whose state is lost"):
        nn.load(tmp_path / "m").fit(
            X, Y, 8, 3, initial_epoch=2, validation_split=0.3,
            callbacks=[nn.ReduceLROnPlateau(), nn.ModelCheckpoint(tmp_path / "n")],
        )  # fmt: skip


@pytest.mark.usefixtures("listens_to_ctrl_c")
def test_ctrl_c_stops_between_two_steps(capsys):
    model = line(rate=0.01)
    seen = []

    def press(batch, logs):
        seen.append(batch)
        if len(seen) == 7:
            signal.raise_signal(signal.SIGINT)

    history = model.fit(X[:, :1], Y, 10, epochs=9, callbacks=nn.LambdaCallback(on_train_batch_end=press))  # fmt: skip
    assert history.epoch == [0]
    assert history.interrupted
    assert len(seen) == 7
    assert "stopped by Ctrl-C in epoch 2 after 2 steps" in capsys.readouterr().out
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    assert model.fit(X[:, :1], Y, epochs=2).epoch == [0, 1]


@pytest.mark.usefixtures("listens_to_ctrl_c")
def test_a_second_ctrl_c_does_not_wait():
    def press_twice(batch, logs):
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        line().fit(X[:, :1], Y, callbacks=nn.LambdaCallback(on_train_batch_end=press_twice))
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_keyboard_interrupt_of_the_data_ends_the_run_too():
    def batches():
        yield X[:5, :1], Y[:5]
        raise KeyboardInterrupt

    history = line().fit(batches())
    assert history.interrupted
    assert history.epoch == []


def test_a_handler_of_the_user_stays():
    pressed = []
    before = signal.signal(signal.SIGINT, lambda *event: pressed.append(1))
    try:
        press = nn.LambdaCallback(on_train_batch_end=lambda b, logs: signal.raise_signal(signal.SIGINT))  # fmt: skip
        history = line().fit(X[:, :1], Y, 25, callbacks=press)
    finally:
        signal.signal(signal.SIGINT, before)
    assert pressed == [1, 1]
    assert history.epoch == [0]


def test_fit_runs_in_another_thread():
    histories = []
    thread = threading.Thread(target=lambda: histories.append(line().fit(X[:, :1], Y)))
    thread.start()
    thread.join()
    assert histories[0].epoch == [0]


def test_a_failed_write_leaves_the_old_file(tmp_path, monkeypatch):
    model = network()
    model.fit(X, Y)
    model.save(tmp_path / "m")
    before = (tmp_path / "m").read_bytes()

    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    model.fit(X, Y)
    with pytest.raises(OSError, match="No space left"):
        model.save(tmp_path / "m")
    assert (tmp_path / "m").read_bytes() == before
    assert os.listdir(tmp_path) == ["m"]


def test_killed_at_random_moments(tmp_path, full):
    alone = tmp_path / "alone"
    alone.mkdir()
    took = train(alone)
    assert took
    moments = random.Random(1)
    kills, tries = 0, 0
    # on a machine that has become faster since, the work is done before enough of them have been killed
    while kills < 2 and tries < 6:
        kills, tries = 0, tries + 1
        killed = tmp_path / f"killed {tries}"
        killed.mkdir()
        while kills < (6 if full else 3) and not is_done(killed):
            kills += train(killed, moments.uniform(0.05, 0.4) * took / tries) is None
    assert kills >= 2
    assert is_done(killed) or train(killed)
    check_same(alone, killed)


def test_the_history_of_a_run_keeps_numbers_exactly(tmp_path):
    """JSON holds doubles by their shortest text, NaN included."""
    model = line()
    model.load_state_dict({"layers.0.kernel": [[np.nan]], "layers.0.bias": [0.0]})
    model.fit(X[:, :1], Y, epochs=2, callbacks=nn.ModelCheckpoint(tmp_path / "m"))
    loaded = nn.load(tmp_path / "m")
    history = loaded.fit(X[:, :1], Y, epochs=3, initial_epoch=2)
    assert history.epoch == [0, 1, 2]
    assert np.isnan(history.history["loss"]).all()
