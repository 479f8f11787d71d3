"""Repetition, threads, Ctrl-C and forks: the same numbers again, whole models."""

from __future__ import annotations

import os
import signal
import threading
import time
from functools import partial
from types import SimpleNamespace

import numpy as np
import pytest
from compiling import together
from models import everything
from networks import Y3, X, Y, network

import autograd as ag
import backends
import nn

pytestmark = pytest.mark.once


def test_two_threads_that_train_with_dropout(backend):
    """They share the default generator in no order; the numbers are any, the models are whole."""
    failed = []

    def work(seed):
        try:
            with backends.use(backend):
                history = models[seed].fit(X, Y, 4, 10).history["loss"]
                assert np.isfinite(history).all()
                assert history[-1] < 5
        except BaseException as error:
            failed.append(error)

    models = {seed: network(seed=seed, units=5 + seed // 2) for seed in range(3)}
    together(*(partial(work, seed) for seed in models))
    assert failed == []
    first, second = (network().fit(X, Y, 4, 2).history for _ in range(2))
    assert first == second


def run_of(outputs=3, epochs=3):
    model = network(outputs, metrics=["accuracy"], optimizer=nn.Adam(), units=64)
    history = model.fit(np.tile(X, (8, 1)), np.tile(Y3, 8), 32, epochs).history
    return everything(model), history


def test_results_repeat_bit_for_bit():
    assert run_of() == run_of()


def test_one_thread_or_two_give_the_same(monkeypatch):
    threads = pytest.importorskip("backends.native").threads
    machine = pytest.importorskip("backends.native.executable")
    results = []
    for limit in (1, 2):
        monkeypatch.setattr(threads, "limit", limit)
        if limit == 2:
            monkeypatch.setattr(machine.Executable, "parts", lambda self: 2)
        results.append(run_of())
    assert results[0] == results[1]


@pytest.mark.devices
def test_two_models_in_two_threads(backend):
    """Without draws, which two threads would share in no order that could repeat."""
    alone = {}
    failed = []

    def work(seed, into):
        try:
            with backends.use(backend):
                model = models[seed]
                history = model.fit(X, Y, 4, 15, shuffle=False).history
                into[seed] = [history, everything(model), model.predict(X).tolist(), model.predict(X[:seed]).tolist()]  # fmt: skip
        except BaseException as error:
            failed.append(error)

    models = {seed: network(seed=seed, dropout=0.0, units=seed) for seed in (5, 6)}
    for seed in models:
        work(seed, alone)
    for _ in range(2):
        models = {seed: network(seed=seed, dropout=0.0, units=seed) for seed in (5, 6)}
        both = {}
        together(*(partial(work, seed, both) for seed in models))
        assert failed == []
        assert both == alone


@pytest.mark.devices
def test_threads_that_predict_with_one_model(backend):
    """As in a server: other numbers of rows, some of them new, and one thread that calls the model itself."""
    model = network(dropout=0.0)
    expected = model(X, training=False).numpy()
    failed = []

    def work(start, call):
        try:
            with backends.use(backend), ag.no_grad():
                for n in (1, 8, start, 3 + start):
                    for _ in range(5):
                        np.testing.assert_allclose(call(X[:n]), expected[:n], 1e-5, 1e-6)
        except BaseException as error:
            failed.append(error)

    def directly(x):
        try:
            return model(x, training=False).numpy()
        except ag.TraceError:  # what it has to say is tested beside jit
            return expected[: len(x)]

    calls = [model.predict] * 3 + [directly]
    together(*(partial(work, i, f) for i, f in enumerate(calls, 2)))
    assert failed == []


@pytest.mark.parametrize("backend", ["numba"], indirect=True)
def test_models_of_one_architecture_predict_in_threads(backend, monkeypatch):
    """They share the machine code; each turn of another thread between a prediction and the note of it must be noticed."""
    jitted = type(ag.jit(lambda x: x))
    models = []
    for value in (1.0, 2.0):
        model = nn.Sequential([nn.Input((4,)), nn.Dense(3, kernel_initializer=nn.Constant(value))])
        models.append((model, model.predict(X[:8], 4)))
    (model, expected), (other, others) = models
    quick, results = jitted.quick, []

    def disturbed(self, array, parts=False):
        if threading.current_thread() is threading.main_thread():
            thread = threading.Thread(target=work)
            thread.start()
            thread.join()
        return quick(self, array, parts)

    def work():
        with backends.use(backend):
            results.append(other.predict(X[:16], 8)[:8])

    other.predict(X[:8])
    monkeypatch.setattr(jitted, "quick", disturbed)
    for _ in range(3):
        np.testing.assert_array_equal(model.predict(X[:8]), expected)
    assert results
    for result in results:
        np.testing.assert_array_equal(result, others)


def test_a_trace_that_meets_the_fit_of_another_thread_is_tried_again(monkeypatch, log):
    """What such a fit sets in the model in between looks as if the step changed it."""
    model = network(dropout=0.0)
    expected = model(X, training=False).numpy()
    real, refused = type(ag.jit(abs)).made_ready, []

    def made_ready(jitted, *args):
        if len(refused) < 2:
            model.marker = refused  # as the other thread sets something meanwhile
            refused.append(1)
            raise ag.TraceError("the step changes 'self'")
        return real(jitted, *args)

    monkeypatch.setattr(type(ag.jit(abs)), "made_ready", made_ready)
    model.current_run = SimpleNamespace(thread=-1)
    np.testing.assert_allclose(model.predict(X), expected, 1e-5, 1e-6)
    assert len(refused) == 2
    assert model.marker is refused
    assert model._predictor.compiles
    assert not any("runs eagerly" in line for line in log())


def test_predictions_beside_the_fit_of_another_thread(backend, log):
    model = network()
    model.predict(X)
    failed, done = [], threading.Event()

    def train():
        try:
            with backends.use(backend):
                model.fit(X, Y, 5, epochs=15, validation_data=(X, Y))
        except BaseException as error:
            failed.append(error)
        done.set()

    worker = threading.Thread(target=train)
    worker.start()
    number = 0
    while not done.is_set() or not number:
        number += 1
        assert np.isfinite(model.predict(X[: 1 + number % len(X)])).all()
    worker.join()
    assert failed == []
    assert model._predictor.compiles
    assert not any("runs eagerly" in line for line in log())
    np.testing.assert_allclose(model.predict(X), model(X, training=False).numpy(), 1e-5, 1e-6)


@pytest.mark.host
@pytest.mark.usefixtures("listens_to_ctrl_c")
def test_ctrl_c_is_heard_in_a_long_epoch(capsys):
    """Between two chunks of the epoch, not at its end."""
    x, y = np.tile(X, (20_000, 1)), np.tile(Y, (20_000, 1))
    model = network(units=32)
    model.fit(x[:64], y[:64], 16)
    pressed = []

    class Press(nn.Callback):
        """Presses from another thread, in the first half of an epoch; such an epoch is never over."""

        def on_epoch_begin(self, epoch, logs=None):
            def press():
                pressed.append(epoch)
                os.kill(os.getpid(), signal.SIGINT)

            self.timer = threading.Timer(0.05, press)
            self.timer.start()

        def on_epoch_end(self, epoch, logs=None):
            self.timer.cancel()
            self.timer.join()

        def on_train_end(self, logs=None):
            self.timer.cancel()

    history = model.fit(x, y, 16, epochs=50, callbacks=[Press()])
    assert history.interrupted
    assert len(history.history.get("loss", [])) <= pressed[0] + 1
    assert "stopped by Ctrl-C in epoch" in capsys.readouterr().out
    assert model.fit(x[:64], y[:64], 16).history["loss"][0] < 10


@pytest.mark.host
@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
@pytest.mark.filterwarnings("ignore:.*fork.*:RuntimeWarning")
def test_a_forked_child_goes_on_training_and_predicting(backend):
    model = network(dropout=0.0)
    model.fit(X, Y, 4, 2)
    expected = model.predict(X).tobytes()
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            with backends.use(backend):
                same_here = model.predict(X).tobytes() == expected
                model.fit(X, Y, 4, 2)
                model.fit(X, Y, 3, 1)
                os.write(writer, b"fine" if same_here and model.predict(X).tobytes() != expected else b"wrong")  # fmt: skip
        finally:
            os._exit(0)
    os.close(writer)
    end = time.monotonic() + 10
    while time.monotonic() < end and not os.waitpid(child, os.WNOHANG)[0]:
        time.sleep(0.02)
    else_hangs = time.monotonic() >= end
    if else_hangs:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    assert not else_hangs
    assert os.read(reader, 9) == b"fine"
    os.close(reader)
    assert model.predict(X).tobytes() == expected
