"""Batches of every size and kind, weights, and rows that are out of range: what eager training makes of them."""

from __future__ import annotations

import numpy as np
import pytest
from models import Batches
from networks import X, Y, both, measured, network

import autograd as ag
import backends
import nn

pytestmark = pytest.mark.once


@pytest.mark.parametrize("batch_size", [1, 4, 64])
def test_batches_of_every_size(batch_size):
    """The last is partial, or the only one, or there are fewer rows than a batch has."""

    def work(model):
        history = model.fit(X, Y, batch_size, epochs=3)
        return [history.history, model.predict(X, batch_size), model.evaluate(X, Y, batch_size)]

    history, predicted, _ = both(work)
    assert len(history["loss"]) == 3
    assert predicted.shape == (23, 1)


def test_a_fit_of_other_data_is_another_program():
    def work(model):
        results = []
        for n, size in ((23, 4), (20, 4), (4, 4), (3, 4), (23, 8), (23, 4)):
            results.append(model.fit(X[:n], Y[:n], size).history)
            results.append(model.predict(X[:n]))
        return results

    both(work)


def test_the_loss_counts_rows_not_batches():
    model = network(optimizer=nn.SGD(0.0, momentum=0.9), dropout=0.0)
    history = model.fit(X, Y, 4, validation_data=(X[:9], Y[:9])).history
    assert history["loss"][0] == pytest.approx(model.evaluate(X, Y)[0], rel=1e-5)
    assert history["val_loss"][0] == pytest.approx(model.evaluate(X[:9], Y[:9])[0], rel=1e-5)
    predicted = model.predict(X)
    assert history["accuracy"][0] == pytest.approx(np.mean((predicted > 0.5) == Y), rel=1e-6)


@pytest.mark.parametrize("kind", ["sample", "class", "sample of batches"])
def test_weights(kind):
    weight = np.linspace(0.0, 2.0, 23)

    def work(model):
        if kind == "sample":
            history = model.fit(X, Y, 4, 3, sample_weight=weight)
        elif kind == "class":
            history = model.fit(X, Y[:, 0].astype(int), 4, 3, class_weight={0: 0.3, 1: 2.0})
        else:
            batches = [(X[i : i + 4], Y[i : i + 4], weight[i : i + 4]) for i in range(0, 23, 4)]
            history = model.fit(Batches(*batches), epochs=3)
        return [history.history, model.evaluate(X, Y, sample_weight=weight), *measured(model)]

    weighted = both(work)[0]
    assert weighted != network().fit(X, Y, 4, 3).history


def test_a_metric_that_no_trace_holds():
    def work(model):
        history = model.fit(X, Y, 4, 3, validation_data=(X, Y)).history
        return [history, *measured(model)]

    history = both(work, metrics=["auc", "accuracy"])[0]
    assert list(history) == ["loss", "auc", "accuracy", "val_loss", "val_auc", "val_accuracy"]


@pytest.mark.devices
def test_iterables_of_batches_of_several_sizes():
    parts = [(X[:4], Y[:4]), (X[4:7], Y[4:7]), (X[7:11], Y[7:11]), (X[11:], Y[11:])]
    batches = Batches(*parts)

    def work(model):
        history = model.fit(batches, epochs=3, validation_data=Batches(*parts[:2])).history
        return [history, model.predict(x for x, _ in parts), model.evaluate(batches)]

    both(work)


@pytest.mark.devices
def test_class_numbers_and_an_embedding_out_of_range():
    """The label is checked before; the index only in the step, which leaves the weights as they were."""
    nn.set_random_seed(0)
    model = nn.Sequential([nn.Input((2,)), nn.Embedding(5, 3), nn.Flatten(), nn.Dense(1)])
    model.compile(nn.SGD(0.1, momentum=0.9), "mse", jit=True)
    good, y = np.arange(12).reshape(6, 2) % 5, np.ones((6, 1))
    model.fit(good, y, 2, verbose=0)
    before = model.get_weights()
    bad = good.copy()
    bad[0, 1] = 5
    with pytest.raises(Exception, match=r"out of|between|index"):
        model.fit(bad, y, 2, shuffle=False)
    for a, b in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(a, b)
    assert not model.training
    model.fit(good, y, 2)
    assert any((a != b).any() for a, b in zip(model.get_weights(), before, strict=True))


@pytest.mark.devices
def test_inputs_of_other_kinds():
    """Integers, booleans, float64, lists and tensors become what the model computes with, as in eager."""

    def work(model):
        results = []
        for x, y in ((X.astype(int), Y), (X > 0, Y > 0), (X.tolist(), ag.tensor(Y)), (X[::-1].astype(float), Y[::-1])):  # fmt: skip
            results += [model.fit(x, y, 4).history, model.predict(x, 4)]
        return results

    both(work)


@pytest.mark.devices
def test_a_model_made_on_another_backend(backend):
    """What eager says of arrays of two backends, or what eager computes."""
    other = "numba" if backend == "numpy" else "numpy"
    results = []
    for jit in ("auto", False):
        model = network(jit=jit)
        with backends.use(other):
            for call in (lambda m: m.predict(X), lambda m: m.fit(X, Y, 4).history, lambda m: m.evaluate(X, Y)):  # fmt: skip
                try:
                    results.append((jit, np.shape(list(call(model)))))
                except backends.BackendError:
                    results.append((jit, "refused"))
        assert model.predict(X).shape == (23, 1)
    half = len(results) // 2
    assert [r for _, r in results[:half]] == [r for _, r in results[half:]]


def test_a_training_that_diverges_says_nan():
    model = network(optimizer=nn.SGD(1e30, momentum=0.9), dropout=0.0)
    with np.errstate(all="ignore"):
        history = model.fit(X * 1e30, Y, 4, 5, callbacks=nn.TerminateOnNaN())
    assert np.isnan(history.history["loss"][-1]) or np.isinf(history.history["loss"][-1])
