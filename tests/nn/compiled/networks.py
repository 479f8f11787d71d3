"""A small network, its data, and how a compiled run is compared with an eager one."""

from __future__ import annotations

import numpy as np
from models import rows

import autograd as ag
import backends
import nn


def random_words():
    key, counter = ag.random.default_generator().state
    return key.item(), counter.item()


X, Y = rows(23, 4)
Y3 = np.random.default_rng(5).integers(0, 3, 23)


def network(outputs=1, metrics=("accuracy",), optimizer=None, jit=True, seed=4, dropout=0.3, units=5):  # fmt: skip
    nn.set_random_seed(seed)
    model = nn.Sequential(
        [
            nn.Input((4,)),
            nn.Dense(units, "relu"),
            nn.Dropout(dropout),
            nn.Dense(outputs, "sigmoid" if outputs == 1 else "softmax"),
        ]
    )
    loss = "binary_crossentropy" if outputs == 1 else "sparse_categorical_crossentropy"
    model.compile(optimizer or nn.SGD(0.1, momentum=0.9), loss, list(metrics), jit=jit)
    return model


def both(work, **options):
    """`work(model)` on a compiled and on an eager model, on NumPy; the results, weights, and random numbers are the same."""
    results = []
    for jit in (True, False):
        with backends.use(backends.default() if jit else "numpy"):
            model = network(jit=jit, **options)
            result = work(model)
            weights = [w.tolist() for w in model.get_weights()]
            slots = [t.tolist() for t in model.optimizer.state().values()]
            results.append((result, weights, slots, random_words()))
    (a, *more), (b, *others) = results
    assert more[2] == others[2]
    same(more[:2], others[:2])
    same(a, b)
    return a


def same(a, b):
    """Nested numbers, to what float32 allows."""
    if isinstance(a, dict):
        assert list(a) == list(b)
        a, b = list(a.values()), list(b.values())
    if isinstance(a, (list, tuple)):
        assert len(a) == len(b)
        for one, other in zip(a, b, strict=True):
            same(one, other)
    elif a is not None:
        np.testing.assert_allclose(a, b, 2e-4, 2e-5)


def measured(model, x=X):
    return [model.predict(x), model.evaluate(X, Y)]
