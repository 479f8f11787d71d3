"""What a callback changes between two epochs counts in the next, wherever the model, a layer or a loss reads it."""

from __future__ import annotations

import numpy as np
import pytest

import nn

pytestmark = pytest.mark.once
FACTOR = 1.0
X = np.random.default_rng(0).normal(size=(32, 3)).astype("f")
Y = X.sum(1)


def by_global(x):
    return x * FACTOR


def makers():
    """(model, loss, a function that sets the number that is read)."""

    class Settings:
        factor = 1.0

    def helper(x):
        return x * Settings.factor

    def set_global(value):
        global FACTOR
        FACTOR = value

    class OfClass(nn.Layer):
        factor = 1.0

        def call(self, x):
            return x * self.factor

    class OfHelper(nn.Layer):
        def call(self, x):
            return helper(x)

    class OfLoss(nn.Loss):
        factor = 1.0

        def per_sample(self, y, p, from_logits=False):
            return ((y - p) ** 2).mean(-1) * self.factor

    class Own(nn.Model):
        factor = 1.0

        def __init__(self):
            super().__init__()
            self.dense = nn.Dense(1)

        def call(self, x):
            return self.dense(x) * Own.factor

    class OwnLoss(nn.Model):
        def __init__(self):
            super().__init__()
            self.dense = nn.Dense(1)

        def call(self, x):
            return self.dense(x)

        def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
            return ((y - y_pred) ** 2).mean() * Settings.factor

    table = {"factor": 1.0}
    array = np.ones(1, np.float32)

    def setter(thing):
        return lambda value: setattr(thing, "factor", value)

    return {
        "class of a layer": (lambda: nn.Sequential([OfClass(), nn.Dense(1)]), "mse", setter(OfClass)),
        "helper of a layer": (lambda: nn.Sequential([OfHelper(), nn.Dense(1)]), "mse", setter(Settings)),
        "global of a function": (lambda: nn.Sequential([nn.Dense(1, activation=by_global)]), "mse", set_global),
        "dict in a closure": (lambda: nn.Sequential([nn.Dense(1, activation=lambda x: x * table["factor"])]), "mse", lambda v: table.update(factor=v)),
        "captured array": (lambda: nn.Sequential([nn.Dense(1, activation=lambda x: x * array)]), "mse", array.fill),
        "loss function": (lambda: nn.Sequential([nn.Dense(1)]), lambda y, p: ((y - p) ** 2).mean(-1) * Settings.factor, setter(Settings)),
        "class of a loss": (lambda: nn.Sequential([nn.Dense(1)]), OfLoss(), setter(OfLoss)),
        "class of a model": (Own, "mse", setter(Own)),
        "compute_loss": (OwnLoss, "mse", setter(Settings)),
    }  # fmt: skip


def run(name, jit, one_by_one=False):
    make, loss, change = makers()[name]
    change(1.0)
    nn.set_random_seed(0)
    model = make()
    model.compile(nn.SGD(0.05), loss, jit=jit)

    class Change(nn.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            change(1.0 + epoch)

        if one_by_one:

            def on_train_batch_end(self, batch, logs=None):
                pass

    losses = model.fit(X, Y, batch_size=8, epochs=3, shuffle=False, verbose=0, callbacks=[Change()]).history[
        "loss"
    ]
    seen = [losses, model.evaluate(X, Y, verbose=0), model.predict(X[:4], verbose=0).tolist()]
    change(7.0)
    seen += [model.evaluate(X, Y, verbose=0), model.predict(X[:4], verbose=0).tolist()]
    seen += [model.fit(X, Y, epochs=1, batch_size=8, shuffle=False, verbose=0).history["loss"]]
    change(1.0)
    return model, seen


@pytest.mark.parametrize("one_by_one", [False, True])
@pytest.mark.parametrize("name", makers())
def test_what_changes_counts(name, one_by_one):
    _, plain = run(name, False, one_by_one)
    _, compiled = run(name, True, one_by_one)
    for a, b in zip(compiled, plain, strict=True):
        np.testing.assert_allclose(a, b, rtol=2e-4, atol=1e-5)
    assert plain[1] != plain[3]


def test_two_fits_trace_once(caplog):
    caplog.set_level("INFO", "gradloom")
    model = nn.Sequential([nn.Dense(4, activation="relu"), nn.Dense(1)])
    model.compile("adam", "mse", jit=True)
    for _ in range(3):
        model.fit(X, Y, batch_size=8, epochs=2, verbose=0)
    assert len([r for r in caplog.records if "train_step: trace" in r.getMessage()]) == 1
