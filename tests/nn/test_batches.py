"""Where batches come from: generators, data loaders, objects that give them by number, frames of real libraries."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from models import Batches, line, rows

import nn

X, Y = rows(12, 1)
PARTS = [slice(i, i + 4) for i in range(0, 12, 4)]
WHOLE = dict(batch_size=4, shuffle=False)


def endless():
    for part in itertools.cycle(PARTS):
        yield X[part], Y[part]


class ByNumber:
    """What Keras calls a Sequence: a length and batches by number, not iterable."""

    def __len__(self):
        return 3

    def __getitem__(self, number):
        return X[PARTS[number]], Y[PARTS[number]]


def test_a_generator_goes_on_from_epoch_to_epoch():
    a, b = line(rate=0.1), line(rate=0.1)
    expected = b.fit(X, Y, epochs=4, **WHOLE).history
    assert a.fit(endless(), epochs=4, steps_per_epoch=3).history == expected


def test_an_epoch_of_other_length_than_the_data():
    """Steps count on through a source that starts again."""
    a, b = line(rate=0.1), line(rate=0.1)
    a.fit(Batches(*((X[p], Y[p]) for p in PARTS)), epochs=3, steps_per_epoch=2)
    b.fit(X, Y, epochs=2, **WHOLE)
    assert a.get_weights()[0].tolist() == b.get_weights()[0].tolist()


def test_batches_by_number():
    a, b = line(rate=0.1), line(rate=0.1)
    assert a.fit(ByNumber(), epochs=2).history == b.fit(X, Y, epochs=2, **WHOLE).history
    assert a.evaluate(ByNumber()) == b.evaluate(X, Y, batch_size=4)


def test_a_source_that_ends_too_early_is_explained():
    for wanted in (4, 5):
        with pytest.raises(nn.DataError, match=f"used up after 3 of {wanted} steps of an epoch"):
            line().fit(iter([(X[p], Y[p]) for p in PARTS]), epochs=1, steps_per_epoch=wanted)
    with pytest.raises(nn.ArgumentError, match="steps_per_epoch; or use epochs=1"):
        line().fit(endless(), epochs=2)
    with pytest.raises(nn.ArgumentError, match="steps_per_epoch is an integer >= 1, got 0"):
        line().fit(X, Y, steps_per_epoch=0)


def test_validation_has_its_own_batches_and_its_own_time():
    model = line(rate=0.1)
    history = model.fit(X, Y, epochs=5, validation_data=(X, Y), validation_batch_size=5, validation_freq=2)  # fmt: skip
    assert len(history.history["loss"]) == 5
    assert len(history.history["val_loss"]) == 2


def test_the_bar_knows_the_length_of_a_loader():
    steps = []
    look = nn.LambdaCallback(on_epoch_begin=lambda epoch, logs: steps.append(look.params["steps"]))
    line().fit(Batches((X, Y)), callbacks=look)
    line().fit(endless(), callbacks=look, steps_per_epoch=2)
    line().fit(ByNumber(), callbacks=look)
    assert steps == [None, 2, 3]


@pytest.mark.oracle
def test_data_loaders_of_pytorch():
    torch = pytest.importorskip("torch")
    from torch.utils.data import DataLoader, TensorDataset

    loader = DataLoader(TensorDataset(torch.tensor(X), torch.tensor(Y)), 4)
    a, b = line(rate=0.1), line(rate=0.1)
    history = a.fit(loader, epochs=2, validation_data=loader)
    expected = b.fit(X, Y, epochs=2, validation_data=(X, Y), **WHOLE)
    assert history.history["loss"] == expected.history["loss"]
    assert history.history["val_loss"] == pytest.approx(expected.history["val_loss"], rel=1e-12)
    np.testing.assert_array_equal(a.predict(torch.tensor(X)), b.predict(X))


@pytest.mark.oracle
@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_frames_of_real_libraries(library):
    frames = pytest.importorskip(library)
    frame = frames.DataFrame({"a": X[:, 0], "b": X[:, 0] ** 2})
    target = frames.Series(Y[:, 0])
    results = []
    for x, y in [(frame, target), (np.column_stack([X, X**2]), Y)]:
        nn.set_random_seed(0)
        model = nn.Sequential([nn.Dense(1)])
        model.compile("sgd", "mse")
        results.append(model.fit(x, y, epochs=2, validation_split=0.25, class_weight={0: 1.0, 1: 2.0}).history)  # fmt: skip
    assert results[0] == results[1]
    text = frames.DataFrame({"a": X[:, 0], "name": ["x"] * 12})
    with pytest.raises(nn.DataError, match=r"column 1 \('name'\)"):
        line().fit(text, target)


def test_one_hot_rows():
    np.testing.assert_array_equal(nn.utils.to_categorical([[2], [0]]), [[0, 0, 1], [1, 0, 0]])
    assert nn.utils.to_categorical([0], 4).shape == (1, 4)
    for labels, message in [([-1, 0], "label -1"), ([0.5], "fraction"), ([], "no labels")]:
        with pytest.raises(nn.DataError, match=message):
            nn.utils.to_categorical(labels)
    with pytest.raises(nn.DataError, match="label 3 is out of range; labels run from 0 to 1"):
        nn.utils.to_categorical([3], 2)
