"""Callbacks of a compiled fit: each batch that they want to see, rates that they change, weights that they keep."""

from __future__ import annotations

import numpy as np
import pytest
from models import Recorder, everything
from networks import X, Y, both, measured, network, random_words, same

import nn

pytestmark = pytest.mark.once


def test_callbacks_that_want_every_batch():
    def work(model):
        recorder, losses = Recorder(), []
        see = nn.LambdaCallback(on_train_batch_end=lambda b, logs: losses.append(dict(logs)))
        model.fit(X, Y, 4, 2, callbacks=[recorder, see])
        assert [e for e in recorder.events if e[0] == "batch"] == [("batch", i) for i in range(6)] * 2  # fmt: skip
        return losses

    losses = both(work)
    assert len(losses) == 12
    # watching changes nothing
    watched = network()
    watched.fit(X, Y, 4, 2, callbacks=Recorder())
    plain = network()
    plain.fit(X, Y, 4, 2)
    same([w.tolist() for w in watched.get_weights()], [w.tolist() for w in plain.get_weights()])


def test_batch_begins_and_stopping_in_the_middle():
    def work(model):
        begun = []

        def begin(batch, logs=None):
            begun.append((batch, model.optimizer.iterations.item()))

        def stop(batch, logs):
            if batch == 3:
                model.stop_training = True

        callbacks = [nn.LambdaCallback(on_train_batch_begin=begin, on_train_batch_end=stop)]
        history = model.fit(X, Y, 4, 5, callbacks=callbacks)
        assert begun == [(0, 0), (1, 1), (2, 2), (3, 3)]
        return history.history

    assert len(both(work)["loss"]) == 1


class Steady(nn.Callback):
    """Looks at progress a few times a second, as a bar does."""

    wants_every_batch = False

    def __init__(self):
        self.seen = []

    def on_train_batch_end(self, batch, logs):
        self.seen.append((batch, self.model.optimizer.iterations.item(), sorted(logs)))


def test_progress_in_stretches():
    big_x, big_y = np.tile(X, (40, 1)), np.tile(Y, (40, 1))
    steady = Steady()
    network().fit(big_x, big_y, 4, 2, callbacks=steady)
    steps = 230
    assert 2 <= len(steady.seen) < 230
    assert [n for b, n, _ in steady.seen if b == steps - 1] == [steps, 2 * steps]
    epochs = 0
    for i, (batch, done, names) in enumerate(steady.seen):
        epochs += bool(i) and batch <= steady.seen[i - 1][0]
        assert done == epochs * steps + batch + 1
        assert names == ["accuracy", "loss"]


@pytest.mark.parametrize("first", [0, 1])
def test_the_bar_counts_every_step(first, tmp_path, monkeypatch):
    tqdm = pytest.importorskip("tqdm.auto")
    bars = []

    class Bar(tqdm.tqdm):
        def close(self):
            if not self.disable:
                bars.append((self.n, self.total))
            super().close()

    monkeypatch.setattr(tqdm, "tqdm", Bar)
    network().fit(X, Y, 4, 3, initial_epoch=first, verbose=1)
    assert bars == [(6, 6)] * (3 - first)  # one for each epoch
    model = network()

    def save(batch, logs):
        if model.optimizer.iterations.item() == 6 * (1 + first) + 4:
            model.save(tmp_path / "half")
            model.stop_training = True

    model.fit(X, Y, 4, 3, callbacks=nn.LambdaCallback(on_train_batch_end=save))
    bars.clear()
    again = network(seed=8)
    again.resume_from(tmp_path / "half")
    again.fit(X, Y, 4, 3, verbose=1)
    assert again.optimizer.iterations.item() == 18
    assert bars == [(6, 6)] * (2 - first)


@pytest.mark.devices
def test_a_run_that_goes_on_in_the_middle_of_an_epoch(tmp_path):
    whole = network()
    whole.fit(X, Y, 4, 3)
    expected = everything(whole), random_words()
    model = network()

    def save(batch, logs):
        if model.optimizer.iterations.item() == 9:
            model.save(tmp_path / "half")
            model.stop_training = True

    model.fit(X, Y, 4, 3, callbacks=nn.LambdaCallback(on_train_batch_end=save))
    again = network(seed=8)
    again.resume_from(tmp_path / "half")
    again.fit(X, Y, 4, 3)
    assert (everything(again), random_words()) == expected


def test_callbacks_that_change_the_rate():
    def work(model):
        scheduler = nn.LearningRateScheduler(lambda epoch, rate: 0.2 * 0.5**epoch)
        first = model.fit(X, Y, 4, 3, callbacks=scheduler).history
        plateau = nn.ReduceLROnPlateau("loss", factor=0.1, patience=1, min_delta=10.0)
        second = model.fit(X, Y, 4, 4, callbacks=plateau).history
        return [first, second]

    first, second = both(work)
    np.testing.assert_allclose(first["learning_rate"], [0.2, 0.1, 0.05], 1e-6)
    assert second["learning_rate"][-1] < second["learning_rate"][0] / 50


@pytest.mark.devices
def test_a_rate_that_changes_reaches_the_compiled_step():
    """With rate 0 from the second epoch on the weights stand still."""
    model, seen = network(optimizer=nn.SGD(0.5)), []

    def begin(epoch, logs=None):
        model.optimizer.learning_rate = 0.5 if epoch == 0 else 0.0
        seen.append(model.get_weights()[0].copy())

    model.fit(X, Y, 4, 3, callbacks=nn.LambdaCallback(on_epoch_begin=begin))
    assert (seen[0] != seen[1]).any()
    assert (seen[1] == seen[2]).all()


def test_the_best_weights_come_back():
    def work(model):
        stop = nn.EarlyStopping("loss", mode="max", patience=1, restore_best_weights=True)
        history = model.fit(X, Y, 4, 20, callbacks=stop).history
        return [history, *measured(model)]

    history = both(work)[0]
    assert 2 <= len(history["loss"]) < 20
    model, kept = network(), []
    grab = nn.LambdaCallback(on_epoch_end=lambda epoch, logs: kept.append(model.get_weights()))
    stop = nn.EarlyStopping("loss", mode="max", patience=1, restore_best_weights=True)
    losses = model.fit(X, Y, 4, 20, callbacks=[grab, stop]).history["loss"]
    for a, b in zip(model.get_weights(), kept[int(np.argmax(losses))], strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.host
def test_what_callbacks_kept_of_the_weights_stays():
    """References to arrays, not copies: the next chunk may not write into them."""
    model, kept, copies = network(), [], []

    def keep(epoch, logs):
        kept.append([p.data for p in model.parameters()])
        copies.append([p.numpy() for p in model.parameters()])

    model.fit(X, Y, 4, 4, callbacks=nn.LambdaCallback(on_epoch_end=keep))
    for mine, theirs in zip(kept, copies, strict=True):
        for a, b in zip(mine, theirs, strict=True):
            np.testing.assert_array_equal(a, b)
