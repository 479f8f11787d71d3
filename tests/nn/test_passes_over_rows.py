"""Epochs of fewer steps than the rows last for: they go on where the last one stopped, as in Keras."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from keras_oracle import import_keras

import nn

ROWS, SIZE = 22, 4
X = np.arange(ROWS, dtype="float32").reshape(-1, 1)
STEPS = {1: "one", 2: "divides", 3: "divides", 4: "leaves some", 5: "all but one", 6: "all", 9: "more"}
"""Of the 6 batches of a pass."""


class Seen(nn.Layer):
    """Weights 1 and 0 that keep still, so that a loss is the mean of the rows."""

    def build(self, *shapes, dtype):
        self.w = self.add_weight(shape=(1,), initializer="ones", name="w")

    def call(self, x):
        return x * self.w


def still(jit="auto"):
    model = nn.Sequential([nn.Input((1,)), Seen()])
    model.compile(nn.SGD(0.0), "mae", jit=jit)
    return model


def moving(jit="auto"):
    model = nn.Sequential([nn.Input((1,)), nn.Dense(3, "tanh"), nn.Dropout(0.3), nn.Dense(1)])
    model.compile(nn.Adam(0.01), "mse", jit=jit)
    return model


def as_sparse(x):
    return pytest.importorskip("scipy.sparse").csr_matrix(x)


FORMS = {"array": (lambda x: x, "auto"), "eager": (lambda x: x, False), "sparse": (as_sparse, "auto")}


@pytest.fixture(autouse=True)
def _without_the_warning():
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*pass over the rows.*")
        warnings.filterwarnings("ignore", message=".*ran out of data.*")
        yield


@pytest.mark.oracle
@pytest.mark.parametrize("steps", STEPS)
def test_epochs_are_of_the_rows_that_keras_takes(steps):
    keras = import_keras()
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1, dtype="float32")])
    model.compile(keras.optimizers.SGD(0.0), "mae")
    model.set_weights([np.ones((1, 1)), np.zeros(1)])
    options = dict(batch_size=SIZE, epochs=9, steps_per_epoch=steps, shuffle=False, verbose=0)
    expected = model.fit(X, X * 0, **options).history["loss"]
    for change, jit in FORMS.values():
        found = still(jit).fit(change(X), X * 0, **options).history["loss"]
        np.testing.assert_allclose(found, expected, rtol=1e-6)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("steps", [1, 2, 3])
def test_a_shuffled_pass_has_each_row_once_and_the_next_another_order(form, steps):
    change, jit = FORMS[form]
    nn.set_random_seed(1)
    seen = []
    look = nn.LambdaCallback(on_epoch_end=lambda epoch, logs: seen.append(logs["loss"]))
    epochs = 6 // steps
    rows = X[:20]  # of which no batch is smaller
    still(jit).fit(
        change(rows), rows * 0, 4, 2 * (5 if steps == 1 else epochs), 0, look, steps_per_epoch=steps
    )
    lengths = [min(steps, 5 - at) for at in range(0, 5, steps)]
    first, second = seen[: len(lengths)], seen[len(lengths) : 2 * len(lengths)]
    for losses in (first, second):
        assert np.dot(losses, lengths) * 4 == pytest.approx(rows.sum())
    assert first != second


def test_a_run_in_which_an_epoch_is_shorter_says_so():
    for steps, epochs, is_said in ((4, 1, False), (4, 2, True), (3, 9, False), (7, 1, True)):
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            still().fit(X, X, SIZE, epochs, 0, steps_per_epoch=steps)
        assert bool(told) == is_said
        assert all("the last epoch of each pass is shorter" in str(one.message) for one in told)


def outcome(model, history):
    return [w.tolist() for w in model.get_weights()], history.history


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("steps", [1, 2, 4, 6, 9])
def test_a_run_that_goes_on_is_the_one_that_never_stopped(tmp_path, form, steps):
    change, jit = FORMS[form]
    options = dict(batch_size=SIZE, epochs=7, verbose=0, steps_per_epoch=steps)
    nn.set_random_seed(3)
    model = moving(jit)
    keep = nn.ModelCheckpoint(tmp_path / "{epoch}")
    whole = outcome(model, model.fit(change(X), X, callbacks=keep, **options))
    for epoch in range(1, 7):
        nn.set_random_seed(99)
        again = nn.load(tmp_path / str(epoch))
        assert outcome(again, again.fit(change(X), X, initial_epoch=epoch, **options)) == whole


@pytest.mark.parametrize("form", FORMS)
def test_from_the_middle_of_an_epoch_in_the_middle_of_a_pass(tmp_path, form):
    change, jit = FORMS[form]
    options = dict(batch_size=SIZE, epochs=5, verbose=0, steps_per_epoch=4)
    nn.set_random_seed(3)
    model = moving(jit)
    whole = outcome(model, model.fit(change(X), X, **options))
    for stop in range(1, 14):
        seen = []

        def count(batch, logs, seen=seen, stop=stop):
            seen.append(batch)
            if len(seen) == stop + 1:
                raise LookupError

        nn.set_random_seed(3)
        keep = nn.ModelCheckpoint(tmp_path / "saved", save_freq=1)
        watch = [keep, nn.LambdaCallback(on_train_batch_end=count)]
        with pytest.raises(LookupError):
            moving(jit).fit(change(X), X, callbacks=watch, **options)
        nn.set_random_seed(99)
        again = nn.load(tmp_path / "saved")
        epoch = again.resume_position.epoch
        assert outcome(again, again.fit(change(X), X, initial_epoch=epoch, **options)) == whole


def test_another_run_begins_with_the_first_row():
    options = dict(batch_size=SIZE, verbose=0, steps_per_epoch=2, shuffle=False)
    first = still().fit(X, X * 0, epochs=1, **options).history
    model = still()
    model.fit(X, X * 0, epochs=1, **options)
    assert model.fit(X, X * 0, initial_epoch=1, epochs=2, **options).history == first


@pytest.mark.parametrize("jit", ["auto", False])
def test_validation_keeps_the_batches_of_a_generator(jit):
    drawn = []

    def endless():
        while True:
            drawn.append(1)
            yield np.full((4, 1), len(drawn), "float32"), np.zeros((4, 1), "float32")

    history = still(jit).fit(X, X, epochs=4, verbose=0, validation_data=endless(), validation_steps=2).history
    assert history["val_loss"] == [1.5] * 4
    assert len(drawn) == 2
