"""predict, modes, repetition, threads, exceptions, what is printed, and models of one's own.

Expected numbers come from NumPy on a model whose weights are known, or from a second run that must be the same.
"""

from __future__ import annotations

import threading

import numpy as np
import pytest
from models import everything, line, rows

import autograd as ag
import nn

X, Y = rows()


LINE_X = np.arange(7.0)[:, None]
LINE_Y = np.array([3.0, 1.0, 4.0, 1.0, 5.0, 9.0, 2.0])
SQUARES = (2 * LINE_X[:, 0] + 0.5 - LINE_Y) ** 2


@pytest.mark.parametrize("batch_size", [1, 5, 12, 100])
def test_predict(trained, batch_size):
    result = trained.predict(X, batch_size=batch_size)
    assert isinstance(result, np.ndarray)
    assert (result.shape, result.dtype) == ((12, 1), np.float32)
    np.testing.assert_allclose(result, trained(X).numpy(), rtol=1e-6)
    assert trained.predict(X[:1]).shape == (1, 1)


def test_predict_is_not_training_whatever_the_mode():
    model = nn.Sequential([nn.Dropout(1.0)])
    model.train()
    np.testing.assert_array_equal(model.predict(X), X)
    assert model.training


def test_predict_needs_no_compile():
    model = nn.Sequential([nn.Dense(3)])
    assert model.predict(X).shape == (12, 3)


def dropout_model():
    layers = [nn.Dense(8, "relu"), nn.Dropout(0.5), nn.Dense(1, "sigmoid")]
    model = nn.Sequential(layers)
    model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
    return model


def run_from(seed):
    nn.set_random_seed(seed)
    model = dropout_model()
    history = model.fit(X, Y, batch_size=5, epochs=3, validation_split=0.25)
    return everything(model), history.history


def test_a_seed_repeats_everything_bit_for_bit():
    assert run_from(7) == run_from(7)
    assert run_from(7) != run_from(8)


def test_seeding_covers_python_and_numpy():
    import random

    draws = []
    for _ in range(2):
        nn.set_random_seed(3)
        draws.append((random.random(), np.random.rand(), ag.random.uniform(2).tolist()))
    assert draws[0] == draws[1]


def test_two_models_in_two_threads():
    """Each thread has its own training mode and its own memory of logits: the results are those of one thread."""

    def train(seed, into):
        generator = np.random.default_rng(seed)
        weights = {
            "layers.0.kernel": generator.standard_normal((3, 4)),
            "layers.0.bias": np.zeros(4),
            "layers.1.kernel": generator.standard_normal((4, 1)),
            "layers.1.bias": np.zeros(1),
        }
        layers = [nn.Dense(4, "relu", input_shape=(3,)), nn.Dense(1, "sigmoid")]
        model = nn.Sequential(layers)
        model.load_state_dict(weights)
        model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
        history = model.fit(X, Y, batch_size=5, epochs=20, shuffle=False)
        into[seed] = everything(model), history.history

    alone, together = {}, {}
    for seed in (1, 2):
        train(seed, alone)
    threads = [threading.Thread(target=train, args=(seed, together)) for seed in (1, 2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert together == alone


def test_training_mode_is_restored(trained):
    class Breaks(nn.Callback):
        def on_train_batch_end(self, batch, logs):
            assert self.model.training
            raise LookupError

    for mode in (False, True):
        trained.train(mode)
        for call in (
            lambda: trained.fit(X, Y),
            lambda: trained.evaluate(X, Y),
            lambda: trained.predict(X),
            lambda: trained.train_on_batch(X, Y),
        ):
            call()
            assert [m.training for _, m in trained.named_modules()] == [mode] * 3
        with pytest.raises(LookupError):
            trained.fit(X, Y, callbacks=[Breaks()])
        assert [m.training for _, m in trained.named_modules()] == [mode] * 3


@pytest.mark.parametrize("make", [lambda: nn.SGD(0.1, momentum=0.9), nn.Adam])
def test_an_exception_inside_an_update_changes_nothing(monkeypatch, make):
    model = nn.Sequential([nn.Dense(4, "relu", input_shape=(3,)), nn.Dense(1)])
    model.compile(make(), "mse", jit=False)
    model.fit(X, Y)
    optimizer, calls = model.optimizer, []
    names = [name for name in everything(model) if not name.startswith("loss.")]
    before = {name: everything(model)[name] for name in names}
    update = optimizer.update

    def breaks_at_the_last(*args):
        calls.append(args)
        if len(calls) == 4:
            raise FloatingPointError("the last parameter")
        return update(*args)

    monkeypatch.setattr(optimizer, "update", breaks_at_the_last)
    with pytest.raises(FloatingPointError, match="the last parameter"):
        model.fit(X, Y)
    assert len(calls) == len(model.parameters()) == 4
    assert {name: everything(model)[name] for name in names} == before
    assert all(parameter.grad is None for parameter in model.parameters())
    assert not model.training


def test_without_tqdm_a_bar_says_how_to_get_it(trained, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "tqdm.auto", None)
    before = everything(trained)
    with pytest.raises(nn.MissingExtraError, match=r"pip install 'gradloom\[progress\]'"):
        trained.fit(X, Y, verbose=1)
    assert everything(trained) == before
    trained.fit(X, Y)


def test_a_regularizer_adds_to_the_loss_and_its_slope():
    for given, penalty, slope in [
        (nn.L2(0.1), 0.1 * 4, 0.1 * 4),
        (nn.L1(0.1), 0.1 * 2, 0.1),
        ("l2", 0.01 * 4, 0.01 * 4),
        (nn.L2, 0.01 * 4, 0.01 * 4),
        (lambda kernel: kernel.sum() * 3, 6.0, 3.0),
    ]:
        model = nn.Sequential([nn.Dense(1, input_shape=(1,), kernel_regularizer=given)], "float64")
        model.load_state_dict({"layers.0.kernel": [[2.0]], "layers.0.bias": [0.5]})
        model.compile(nn.SGD(1.0), "mse", metrics=["mse"])
        loss, squared = model.evaluate([[0.0]], [0.5])
        assert squared == 0
        assert loss == pytest.approx(penalty, rel=1e-14)
        model.train_on_batch([[0.0]], [0.5])
        assert model.state_dict()["layers.0.kernel"].item() == pytest.approx(2 - slope, rel=1e-14)


def test_one_regularizer_of_several_layers_penalises_each():
    shared = nn.L2(0.1)
    layers = [nn.Dense(1, use_bias=False, kernel_regularizer=shared) for _ in range(3)]
    model = nn.Sequential([nn.Input((1,)), *layers], "float64")
    model.set_weights([[[1.0]], [[2.0]], [[3.0]]])
    model.compile(nn.SGD(1.0), "mse", metrics=["mse"])
    loss, squared = model.evaluate([[0.0]], [0.0])
    assert squared == 0
    assert loss == pytest.approx(0.1 * (1 + 4 + 9), rel=1e-14)
    model.train_on_batch([[0.0]], [0.0])
    np.testing.assert_allclose([w.item() for w in model.get_weights()], [0.8, 1.6, 2.4], 1e-14)


def test_models_of_float64():
    model = nn.MLP(hidden=(4,), outputs=2, dropout=0.5, dtype="float64")
    model.compile("adam", "mse")
    model.fit(X, np.hstack([Y, Y]))
    assert {tensor.dtype for tensor in model.parameters()} == {np.dtype("float64")}
    assert model.predict(X).dtype == np.float64


def test_an_own_loss_and_an_own_loss_class():
    class Cubed(nn.Loss):
        def per_sample(self, y_true, y_pred, from_logits=False):
            return abs(y_pred - y_true).mean(axis=-1) ** 3

    expected = (np.abs(2 * LINE_X[:, 0] + 0.5 - LINE_Y) ** 3).mean()
    for loss in (Cubed, Cubed(), lambda y_true, y_pred: abs(y_pred - y_true).mean(axis=-1) ** 3):
        model = line()
        model.compile("sgd", loss)
        assert model.evaluate(LINE_X, LINE_Y) == pytest.approx(expected, rel=1e-14)
