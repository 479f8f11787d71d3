"""Arguments of fit, evaluate and predict in Keras's order and meaning: steps, callbacks, class weights, sparse rows."""

from __future__ import annotations

import inspect

import numpy as np
import pytest

import nn

DRAW = np.random.default_rng(0)
X = DRAW.standard_normal((50, 6)).astype("float32")
Y = (X[:, 0] > 0.3).astype("int64")

ORDER = {
    "fit": "x y batch_size epochs verbose callbacks validation_split validation_data shuffle class_weight sample_weight "
    "initial_epoch steps_per_epoch validation_steps validation_batch_size validation_freq",
    "evaluate": "x y batch_size verbose sample_weight steps callbacks return_dict",
    "predict": "x batch_size verbose steps callbacks",
    "train_on_batch": "x y sample_weight class_weight return_dict",
    "test_on_batch": "x y sample_weight return_dict",
    "predict_on_batch": "x",
}


@pytest.mark.parametrize(("method", "names"), ORDER.items())
def test_the_order_is_kerass(method, names):
    assert list(inspect.signature(getattr(nn.Model, method)).parameters)[1:] == names.split()


def small(jit="auto"):
    layers = [nn.Input((6,)), nn.Dense(4, "relu"), nn.Dense(1, "sigmoid")]
    model = nn.Sequential(layers, seed=3)
    model.compile(nn.SGD(0.1), "binary_crossentropy", ["accuracy"], jit=jit)
    return model


def batches(size=10, count=5):
    return [(X[i * size : (i + 1) * size], Y[i * size : (i + 1) * size]) for i in range(count)]


class Told(nn.Callback):
    """What it was told of, in order."""

    def __init__(self):
        self.events = []

    def on_test_begin(self, logs=None):
        self.events.append("test begins")

    def on_test_batch_end(self, batch, logs):
        self.events.append((batch, sorted(logs)))

    def on_test_end(self, logs=None):
        self.events.append(("test ends", sorted(logs)))

    def on_predict_begin(self, logs=None):
        self.events.append("predict begins")

    def on_predict_batch_end(self, batch, logs=None):
        self.events.append((batch, logs["outputs"].shape))

    def on_predict_end(self, logs=None):
        self.events.append("predict ends")


KINDS = {
    "rows": lambda: (X, Y),
    "batches": lambda: (batches().__iter__, None),
    "by number": lambda: (ByNumber(), None),
}


class ByNumber(nn.utils.PyDataset):
    def __len__(self):
        return 5

    def __getitem__(self, number):
        return batches()[number]


@pytest.mark.parametrize("kind", KINDS)
def test_steps_of_evaluate_and_predict(kind):
    model = small()
    for steps, rows in ((1, 10), (3, 30), (None, 50)):
        x, y = KINDS[kind]()
        x = x() if callable(x) else x
        found = model.evaluate(x, y, 10, 0, None, steps, None, True)
        assert found == model.evaluate(X[:rows], Y[:rows], 10, 0, None, return_dict=True)
        x = KINDS[kind]()[0]
        x = [part for part, _ in batches()].__iter__() if callable(x) else x
        if kind != "by number":
            assert (model.predict(x, 10, 0, steps) == model.predict(X[:rows], 10, 0)).all()


def test_callbacks_are_told_of_evaluation_and_prediction():
    model, told = small(), Told()
    model.evaluate(X, Y, batch_size=20, verbose=0, callbacks=[told])
    names = ["accuracy", "loss"]
    assert told.events == ["test begins", (0, names), (1, names), (2, names), ("test ends", names)]
    told.events.clear()
    predicted = model.predict(X, batch_size=20, verbose=0, callbacks=told)
    assert told.events == ["predict begins", (0, (20, 1)), (1, (20, 1)), (2, (10, 1)), "predict ends"]
    assert np.allclose(predicted, model.predict(X, verbose=0), rtol=1e-6)
    with pytest.raises(nn.ArgumentError, match=r"nn\.Callback objects"):
        model.evaluate(X, Y, callbacks=3)


def test_validation_steps_look_at_the_same_batches_each_time():
    model = small()
    seen = []
    history = model.fit(X, Y, epochs=3, verbose=0, validation_data=ByNumber(), validation_steps=2).history
    seen.append(model.evaluate(X[:20], Y[:20], 10, 0)[0])
    assert history["val_loss"][-1] == pytest.approx(seen[0], rel=1e-6)
    model.fit(X, Y, epochs=2, verbose=0, validation_data=(X, Y), validation_steps=1, validation_batch_size=10)
    assert model.history.history["val_loss"][-1] == pytest.approx(
        model.evaluate(X[:10], Y[:10], verbose=0)[0], rel=1e-6
    )
    endless = iter(batches() * 10)
    model.fit(X, Y, epochs=4, verbose=0, validation_data=endless, validation_steps=2)
    assert len(list(endless)) == 50 - 2  # they are kept for the other epochs
    with pytest.raises(nn.ArgumentError, match="validation_steps without"):
        model.fit(X, Y, validation_steps=1, verbose=0)


def test_validation_data_count_beside_a_split():
    one, other = small(), small()
    with pytest.warns(UserWarning, match="validation_data is what is measured on"):
        first = one.fit(X, Y, epochs=2, verbose=0, validation_split=0.2, validation_data=(X[:5], Y[:5]))
    second = other.fit(X, Y, epochs=2, verbose=0, validation_data=(X[:5], Y[:5]))
    assert first.history == second.history


WEIGHTS = {
    "of all": ({0: 0.5, 1: 3.0}, lambda y: np.where(y == 1, 3.0, 0.5)),
    "of some": ({1: 3.0}, lambda y: np.where(y == 1, 3.0, 1.0)),
    "balanced": (
        "balanced",
        lambda y: np.where(y == 1, len(y) / (2 * y.sum()), len(y) / (2 * (y == 0).sum())),
    ),
    "of NumPy": ({np.int64(1): np.float32(2.0)}, lambda y: np.where(y == 1, 2.0, 1.0)),
    "of another": ({1: 2.0, 7: 5.0}, lambda y: np.where(y == 1, 2.0, 1.0)),
}


@pytest.mark.parametrize(("given", "rows"), WEIGHTS.values(), ids=WEIGHTS)
def test_class_weights_are_sample_weights(given, rows):
    one, other = small(), small()
    first = one.fit(X, Y, epochs=2, verbose=0, class_weight=given)
    second = other.fit(X, Y, epochs=2, verbose=0, sample_weight=rows(Y))
    assert first.history == second.history


def test_class_weights_that_fit_nothing():
    for wrong, words in (
        ({5: 1.0}, "no target is of class 5"),
        ("even", '"balanced"'),
        ([1, 2], '"balanced"'),
    ):
        with pytest.raises(nn.ArgumentError, match=words):
            small().fit(X, Y, class_weight=wrong, verbose=0)


@pytest.mark.parametrize("jit", [True, False])
def test_sparse_rows_become_dense_batch_by_batch(jit):
    sparse = pytest.importorskip("scipy.sparse")
    dense = X * (np.abs(X) > 0.8)
    for form in (sparse.csr_matrix, sparse.csc_matrix, sparse.coo_matrix, sparse.csr_array):
        matrix = form(dense)
        one, other = small(jit=jit), small(jit=jit)
        options = dict(epochs=2, verbose=0, batch_size=8, validation_split=0.2, class_weight={1: 2.0})
        assert one.fit(matrix, Y, **options).history == other.fit(dense, Y, **options).history
        assert one.evaluate(matrix, Y, verbose=0) == other.evaluate(dense, Y, verbose=0)
        assert (one.predict(matrix, batch_size=8) == other.predict(dense, batch_size=8)).all()
        assert (one.predict(matrix, batch_size=8, steps=2) == other.predict(dense[:16], batch_size=8)).all()
        assert one.train_on_batch(matrix.tocsr()[:8], Y[:8]) == other.train_on_batch(dense[:8], Y[:8])
        assert one.fit(matrix, Y, validation_data=(matrix, Y), epochs=1, verbose=0, steps_per_epoch=2)
    with pytest.raises(nn.ArgumentError, match="50 rows and y has 49"):
        small().fit(sparse.csr_matrix(dense), Y[:49], verbose=0)
