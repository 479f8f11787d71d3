"""The short way of predict sees the weights, mode and objects of now, refuses what it must, and gives arrays away."""

from __future__ import annotations

import logging

import numpy as np
import pytest
from networks import X, Y, network, same

import autograd as ag
import nn
from backends.native import threads

pytestmark = pytest.mark.once


def other_last_layer(model):
    model.layers[-1] = nn.Dense(1, kernel_initializer="ones")
    model.layers[-1](np.ones((1, 5), np.float32))


@pytest.mark.host
def test_the_mode_and_weights_that_predict_sees():
    """After each change the next prediction is the new model's, also on the short way of one batch."""
    model, eager = network(), network(jit=False)
    x = X[:8]

    def check():
        for _ in range(3):
            expected = eager.predict(x)
            np.testing.assert_allclose(model.predict(x), expected, 1e-5, 1e-6)
            np.testing.assert_allclose(model.predict(x + 0), expected, 1e-5, 1e-6)
        same(model.evaluate(X, Y), eager.evaluate(X, Y))

    def change(f):
        f(model)
        f(eager)
        check()

    check()
    change(lambda m: m.set_weights([w + 0.1 for w in m.get_weights()]))
    change(lambda m: m.train())
    change(lambda m: m.layers[-1].kernel.assign(m.layers[-1].kernel * 2.0))
    change(lambda m: m.layers[-1].bias.data.__iadd__(1.0))
    change(lambda m: setattr(m.layers[-1], "activation", nn.activations.get("tanh")))
    change(lambda m: setattr(m.layers[-1], "kernel", nn.Parameter(np.full((5, 1), 0.3, np.float32))))  # fmt: skip
    change(lambda m: m.load_state_dict({k: v * 0.5 for k, v in m.state_dict().items()}))
    change(other_last_layer)


class Scaled(nn.Module):
    """Multiplies by what an object says."""

    def __init__(self, factor):
        self.factor = factor

    def call(self, x):
        return x * self.factor.value


class Factor:
    def __init__(self, value):
        self.value = value


def test_predict_follows_an_object_inside_a_layer():
    """Also when the new object has the address of the old one, and when only the inside of the object changes."""
    model = nn.Sequential([nn.Input((4,)), Scaled(Factor(1.0))])
    for n in range(2, 8):
        model.layers[0].factor = Factor(float(n))
        for _ in range(2):
            np.testing.assert_array_equal(model.predict(X[:4]), X[:4] * n)
        model.layers[0].factor.value = -float(n)
        for _ in range(2):
            np.testing.assert_array_equal(model.predict(X[:4]), X[:4] * -n)


@pytest.mark.devices
def test_predictions_follow_training_even_when_the_weights_were_held():
    """Who holds an array makes training move the weight; the short way of predict must follow."""
    model, x = network(dropout=0.0), X[:8]
    for turn in range(3):
        model.predict(x)
        model.predict(x)
        held = [p.data for p in model.parameters()]
        model.fit(X, Y, 4)
        expected = model(x).numpy()
        np.testing.assert_allclose(model.predict(x), expected, 1e-5, 1e-6, err_msg=str(turn))
        del held
        np.testing.assert_allclose(model.predict(x), expected, 1e-5, 1e-6, err_msg=str(turn))


@pytest.mark.devices
def test_predictions_from_inside_callbacks():
    model, seen = network(dropout=0.0), []

    def look(epoch, logs):
        seen.append((model.predict(X[:8]), model(X[:8], training=False).numpy()))

    model.fit(X, Y, 4, 4, callbacks=nn.LambdaCallback(on_epoch_end=look))
    for got, expected in seen:
        np.testing.assert_allclose(got, expected, 1e-5, 1e-6)
    assert (seen[0][0] != seen[-1][0]).any()


@pytest.mark.devices
def test_predictions_are_the_users():
    """They may be written to, and are not those of the next call."""
    model, x = network(), X[:8]
    first = model.predict(x)
    second = model.predict(x)
    expected = second.copy()
    first += 1
    second[...] = 0
    third = model.predict(x)
    np.testing.assert_array_equal(third, expected)
    assert third.flags.writeable
    assert not second.any()
    model.predict(-x)
    np.testing.assert_array_equal(third, expected)
    x2 = x.copy()
    x2.flags.writeable = False
    np.testing.assert_array_equal(model.predict(x2), expected)
    np.testing.assert_array_equal(model.predict(np.asfortranarray(x)), expected)
    np.testing.assert_array_equal(model.predict(x[::-1])[::-1], expected)


def test_bad_arguments_are_refused_on_the_short_way_too():
    model = network()
    for _ in range(2):
        model.predict(X[:8])
    with pytest.raises(nn.ArgumentError, match="batch_size"):
        model.predict(X[:8], batch_size=0)


def test_a_wrong_input_does_not_slow_down_the_next(log):
    model = network(jit="auto")
    model.predict(X[:8])
    for _ in range(2):
        with pytest.raises(ag.ShapeError, match="last axis"):
            model.predict(np.zeros((3, 7)))
        with pytest.raises(ag.ShapeError):
            model.evaluate(np.zeros((3, 7)), Y[:3])
    count = len(log())
    model.predict(X[:5])
    model.evaluate(X[:5], Y[:5])
    assert log(logging.WARNING) == []
    assert len(log()) > count  # new programs


@pytest.mark.host
@pytest.mark.parametrize("limit", [1, 2])
def test_large_networks_take_the_short_way_too(backend, limit, full, monkeypatch):
    """By the kernel of one row, by panels and by BLAS, in one thread and in two; NumPy has no short way."""
    for rows in (1, 40, 3000) if full or backend == "numba" else (1,):
        check_large_networks(backend, rows, limit, monkeypatch)


def check_large_networks(backend, rows, limit, monkeypatch):
    monkeypatch.setattr(threads, "limit", limit)
    model, eager = (
        nn.Sequential([nn.Dense(512, activation="relu"), nn.Dense(256, activation="tanh"), nn.Dense(3)])
        for _ in range(2)
    )  # fmt: skip
    eager.jit = False
    x = np.random.default_rng(0).standard_normal((rows, 500)).astype(np.float32)
    for number in range(8):
        if number in (0, 4):
            eager.predict(x[:1])
            model.predict(x[:1])
            eager.set_weights([w * 0.9 for w in eager.get_weights()])
            model.set_weights(eager.get_weights())
        given = x * np.float32(1 + 0.1 * number)
        found = model.predict(given, batch_size=rows)
        np.testing.assert_allclose(found, eager.predict(given, batch_size=rows), 2e-4, 2e-4)
        assert rows == 1 or (np.ptp(found, axis=0) > 0.1).all()
        found += 1  # the user's own
    short = model._predictor._short
    assert (short is not None) == (backend == "numba")
    wide = np.repeat(x, 2, axis=1)[:, ::2]
    np.testing.assert_allclose(
        model.predict(wide, batch_size=rows), model.predict(x, batch_size=rows), 2e-4, 2e-4
    )
