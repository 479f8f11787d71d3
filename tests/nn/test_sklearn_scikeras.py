"""The wrappers beside scikeras with Keras: the same script tells the same of itself. Skipped where either is missing."""

from __future__ import annotations

import importlib.util
import os
import warnings
from types import SimpleNamespace

import numpy as np
import pytest

import nn

pytestmark = [pytest.mark.once, pytest.mark.oracle]
if importlib.util.find_spec("scikeras") is None or importlib.util.find_spec("keras") is None:
    pytest.skip("scikeras is not installed", allow_module_level=True)
os.environ.setdefault("KERAS_BACKEND", "jax")
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import keras
    import scikeras.wrappers

OURS = SimpleNamespace(wrappers=nn.sklearn, layers=nn.layers, Sequential=nn.Sequential)
THEIRS = SimpleNamespace(wrappers=scikeras.wrappers, layers=keras.layers, Sequential=keras.Sequential)
DRAWN = np.random.default_rng(0)
X = DRAWN.normal(size=(40, 4))
CLASS = np.arange(40) % 3
TARGETS = {
    "two": CLASS == 1,
    "texts": np.array(["a", "b"])[CLASS % 2],
    "three": CLASS,
    "named": np.array(["a", "b", "c"])[CLASS],
    "one-hot": np.eye(3)[CLASS],
    "several": np.stack([CLASS > 0, CLASS < 2, CLASS == 1], axis=1).astype(int),
}
ATTRIBUTES = (
    "target_type_", "n_outputs_", "n_outputs_expected_", "n_features_in_", "X_shape_", "X_dtype_", "y_dtype_", "y_ndim_",
    "current_epoch",
)  # fmt: skip


def told(library, y, regression):
    """What the wrapper says, and what it gave to the function and got from it."""
    seen = {}

    def build(units, meta, compile_kwargs):
        seen["meta"] = {name: meta[name] for name in ATTRIBUTES if name in meta}
        seen["optimizer"] = type(compile_kwargs["optimizer"]).__name__
        seen["rate"] = round(float(compile_kwargs["optimizer"].learning_rate), 6)
        columns = 1 if y.ndim == 1 else y.shape[1]
        classes = len(np.unique(y)) if y.ndim == 1 else columns
        width = columns if regression else 1 if classes == 2 else classes
        last = None if regression else "sigmoid" if y.ndim == 2 or width == 1 else "softmax"
        layers = [
            library.layers.Dense(units, activation="relu"),
            library.layers.Dense(width, activation=last),
        ]
        model = library.Sequential([library.layers.Input((meta["n_features_in_"],)), *layers])
        loss = (
            "mse"
            if regression
            else "binary_crossentropy"
            if last == "sigmoid"
            else "sparse_categorical_crossentropy"
        )
        model.compile(loss=loss, optimizer=compile_kwargs["optimizer"])
        return model

    kind = library.wrappers.KerasRegressor if regression else library.wrappers.KerasClassifier
    wrapper = kind(
        build, model__units=3, optimizer="sgd", optimizer__learning_rate=0.125, verbose=0, epochs=2
    )
    before = sorted(wrapper.get_params())
    wrapper.fit(X, y)
    found = {name: getattr(wrapper, name) for name in ATTRIBUTES}
    predicted = wrapper.predict(X)
    # of rows with a single 1 ours are of the dtype that was given, as scikit-learn has it
    kind_of_numbers = predicted.dtype.kind if y.ndim == 1 or regression else None
    outputs = {"predict": (predicted.shape, kind_of_numbers), "history": len(wrapper.history_["loss"])}
    if not regression:
        likely = wrapper.predict_proba(X)
        outputs |= {"proba": likely.shape, "sums": bool(np.allclose(likely.sum(axis=1), 1, atol=1e-5))}
        found["n_classes_"] = wrapper.n_classes_
        if y.ndim == 1:
            found["classes"] = wrapper.classes_.tolist()
    wrapper.partial_fit(X, y)
    return {"params": before, **found, **seen, **outputs, "epochs": wrapper.current_epoch}


@pytest.mark.parametrize("name", TARGETS)
def test_a_classifier_tells_the_same(name):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert told(OURS, TARGETS[name], False) == told(THEIRS, TARGETS[name], False)


@pytest.mark.parametrize("columns", [1, 2])
def test_a_regressor_tells_the_same(columns):
    y = X[:, :columns].squeeze()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert told(OURS, y, True) == told(THEIRS, y, True)


def test_both_learn_as_well():
    y = np.array(["a", "b", "c"])[(X[:, 0] > 0.3).astype(int) + (X[:, 0] > -0.3)]
    for library in (OURS, THEIRS):
        layers = library.layers

        def build(library=library, layers=layers):
            hidden = layers.Dense(16, activation="relu")
            return library.Sequential([layers.Input((4,)), hidden, layers.Dense(3, activation="softmax")])

        wrapper = library.wrappers.KerasClassifier(
            build,
            loss="sparse_categorical_crossentropy",
            optimizer="adam",
            optimizer__learning_rate=0.05,
            epochs=60,
            verbose=0,
            random_state=1,
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            assert wrapper.fit(X, y).score(X, y) > 0.9
