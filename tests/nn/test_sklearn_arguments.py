"""Arguments of the estimators that have to arrive: by odd names, as defaults, as weights, in later calls."""

from __future__ import annotations

import copy

import numpy as np
import pytest

import nn

pytestmark = pytest.mark.once
pytest.importorskip("sklearn")

from sklearn.base import clone  # noqa: E402
from sklearn.model_selection import GridSearchCV  # noqa: E402
from sklearn.neural_network import MLPRegressor  # noqa: E402
from sklearn.utils.class_weight import compute_sample_weight  # noqa: E402

from nn.sklearn import Classifier, KerasClassifier, KerasRegressor, Regressor  # noqa: E402
from nn.sklearn.rows import row_weights  # noqa: E402

RNG = np.random.default_rng(0)
X = RNG.standard_normal((60, 4)).astype("float32")
Y = (X[:, 0] > 0).astype(int)


def test_names_with_an_underscore_at_an_end_reach_the_function():
    seen = []

    def build(lambda_=0.0, _units=1, history_=0):
        seen.append((lambda_, _units, history_))
        return nn.Sequential([nn.Dense(_units, kernel_regularizer=nn.L2(lambda_))])

    made = KerasRegressor(build, lambda_=0.25, _units=1, history_=7, loss="mse", verbose=0)
    assert {"lambda_": 0.25, "_units": 1, "history_": 7}.items() <= made.get_params().items()
    made.fit(X, X[:, 0])
    assert set(made.history_) == {"loss"}
    for again in (clone(made), copy.deepcopy(made), clone(made).set_params(lambda_=0.5)):
        again.fit(X, X[:, 0])
    assert seen == [(0.25, 1, 7)] * 3 + [(0.5, 1, 7)]
    search = GridSearchCV(made, {"lambda_": [0.0, 100.0]}, cv=2).fit(X, X[:, 0])
    assert search.best_estimator_.get_params()["lambda_"] in (0.0, 100.0)

    class Own(KerasClassifier):
        def __init__(self, units_=3, **kwargs):
            super().__init__(**kwargs)
            self.units_ = units_

        def _keras_build_fn(self, meta):
            assert "units_" not in meta
            return nn.Sequential([nn.Dense(self.units_), nn.Dense(1, "sigmoid")])

    own = clone(Own(units_=5, verbose=0)).fit(X, Y)
    assert own.model_.layers[0].units == own.get_params()["units_"] == 5


def test_weights_of_classes_are_finite_and_not_negative():
    for weight in (-1.0, np.nan, np.inf, "much"):
        for made in (
            Classifier(max_iter=2),
            KerasClassifier(lambda: nn.Sequential([nn.Dense(1, "sigmoid")])),
        ):
            made.set_params(class_weight={0: weight, 1: 1.0}, verbose=0)
            with pytest.raises(nn.ArgumentError, match=r"class_weight.*class 0 "):
                made.fit(X, Y)


def test_an_optimizer_that_is_the_default_reaches_the_function():
    def named(optimizer="adam"):
        model = nn.Sequential([nn.Dense(1, "sigmoid")])
        model.compile(optimizer, "binary_crossentropy")
        return model

    def needed(optimizer):
        return named(optimizer)

    def optimizer_of(build, **given):
        return type(clone(KerasClassifier(build, verbose=0, **given)).fit(X, Y).model_.optimizer)

    # what a script does not say leaves the default of its own function
    assert optimizer_of(named) is nn.optimizers.Adam
    assert optimizer_of(named, optimizer="rmsprop") is nn.optimizers.RMSprop
    assert optimizer_of(needed) is nn.optimizers.RMSprop
    assert optimizer_of(needed, optimizer="sgd") is nn.optimizers.SGD
    search = GridSearchCV(KerasClassifier(named, verbose=0), {"optimizer": ["rmsprop"]}, cv=2).fit(X, Y)
    assert type(search.best_estimator_.model_.optimizer) is nn.optimizers.RMSprop


def test_balanced_weights_do_not_count_rows_of_weight_0():
    keep = np.r_[np.ones(40), np.zeros(20)]
    y = np.r_[Y[:40], np.ones(20, int)]
    made = Classifier((4,), class_weight="balanced", max_iter=5, tol=None, random_state=0)
    whole, part = clone(made).fit(X, y, keep), clone(made).fit(X[:40], y[:40])
    np.testing.assert_array_equal(whole.predict_proba(X), part.predict_proba(X))
    for sample_weight in (keep, keep * RNG.random(60)):
        rows = sample_weight > 0
        found = row_weights("", y, sample_weight, "balanced")
        expected = sample_weight[rows] * compute_sample_weight("balanced", y[rows])
        np.testing.assert_allclose(found[rows], expected, rtol=1e-15)
        assert not found[~rows].any()


def penalty_of(model):
    (rule,) = {layer.kernel_regularizer for layer in model.model_.layers}
    return rule.l2


def test_alpha_is_divided_by_the_rows_of_each_call():
    """`MLPRegressor.partial_fit` adds alpha / 2 / rows of each batch, and its loss is half of ours."""
    made = Regressor((), alpha=2.0, optimizer="sgd", learning_rate_init=0.05, random_state=0, dtype="float64")
    theirs = MLPRegressor(
        hidden_layer_sizes=(), alpha=2.0, solver="sgd", momentum=0.0, learning_rate_init=0.1, random_state=0
    )
    made.partial_fit(X[:5], X[:5, 1])
    theirs.partial_fit(X[:5].astype(float), X[:5, 1].astype(float))
    made.model_.layers[0].set_weights([theirs.coefs_[0], theirs.intercepts_[0]])
    for rows in (60, 5, 20):
        made.partial_fit(X[:rows], X[:rows, 1])
        theirs.partial_fit(X[:rows].astype(float), X[:rows, 1].astype(float))
        assert penalty_of(made) == 2.0 / rows
        np.testing.assert_allclose(made.model_.layers[0].get_weights()[0], theirs.coefs_[0], rtol=1e-6)
    split = Classifier(
        (3,), alpha=1.0, max_iter=2, tol=None, early_stopping=True, validation_fraction=0.25
    ).fit(X, Y)
    assert penalty_of(split) == 0.5 / 45


def test_a_model_that_goes_on_takes_rate_and_alpha_and_refuses_the_rest():
    made = Regressor((3,), alpha=0.0, warm_start=True, max_iter=2, tol=None, optimizer="sgd", random_state=0)
    made.fit(X, X[:, 1])
    before = made.model_.get_weights()
    made.set_params(learning_rate_init=0.0078125, alpha=3.0).fit(X, X[:, 1])
    assert made.model_.optimizer.learning_rate == 0.0078125
    assert penalty_of(made) == 3.0 / 60
    # what the penalty does to the loss: the compiled step is another
    losses = [
        made.loss_
        for made in (clone(made).fit(X, X[:, 1]), clone(made).set_params(alpha=0.0).fit(X, X[:, 1]))
    ]
    assert losses[0] > losses[1] + 0.01
    made.set_params(learning_rate_init=None).partial_fit(X, X[:, 1])
    assert made.model_.optimizer.learning_rate == nn.SGD().learning_rate
    assert any((a != b).any() for a, b in zip(before, made.model_.get_weights(), strict=True))
    for name, value in (
        ("hidden_layer_sizes", (4,)), ("activation", "tanh"), ("dropout", 0.5), ("optimizer", "adam"),
        ("loss", "mae"), ("dtype", "float64"), ("random_state", 1),
        ("build", lambda: nn.Sequential([nn.Dense(1)])),
    ):  # fmt: skip
        for call in ("fit", "partial_fit"):
            with pytest.raises(nn.ArgumentError, match=f"{name} is not what the model was made with"):
                getattr(copy.deepcopy(made).set_params(**{name: value}), call)(X, X[:, 1])
    # without warm_start a fit makes another
    assert (
        made.set_params(hidden_layer_sizes=(4,), warm_start=False).fit(X, X[:, 1]).model_.layers[0].units == 4
    )


def test_a_wrapper_that_goes_on_takes_the_rate_and_refuses_the_rest():
    def build(units=3):
        return nn.Sequential([nn.Dense(units), nn.Dense(1, "sigmoid")])

    made = KerasClassifier(build, optimizer="adam", optimizer__learning_rate=0.5, units=3, verbose=0)
    made.partial_fit(X, Y)
    made.set_params(optimizer__learning_rate=0.0078125, epochs=3, batch_size=8, fit__shuffle=False)
    assert made.partial_fit(X, Y).model_.optimizer.learning_rate == 0.0078125
    assert made.current_epoch == 2
    for name, value in (
        ("optimizer", "sgd"), ("optimizer__beta_1", 0.5), ("loss", "mse"), ("metrics", ["mae"]), ("units", 4),
        ("model__units", 4), ("random_state", 1), ("compile__jit", False), ("model", lambda: build()),
    ):  # fmt: skip
        changed = copy.deepcopy(made).set_params(**{name: value}, warm_start=True)
        for call in (changed.fit, changed.partial_fit):
            with pytest.raises(nn.ArgumentError, match=f"{name} is not what the model was made with"):
                call(X, Y)
    assert made.set_params(units=4).fit(X, Y).model_.layers[0].units == 4


def test_a_function_that_uses_a_part_of_compile_kwargs_is_found_out():
    def build(compile_kwargs):
        model = nn.Sequential([nn.Dense(1, "sigmoid")])
        model.compile(compile_kwargs["optimizer"], "binary_crossentropy", metrics=["accuracy"])
        return model

    def all_of_them(compile_kwargs):
        model = nn.Sequential([nn.Dense(1, "sigmoid")])
        model.compile(**compile_kwargs)
        return model

    def none_of_them(compile_kwargs):
        model = nn.Sequential([nn.Dense(1, "sigmoid")])
        model.compile("sgd", "mse")
        return model

    rate = {"optimizer": "adam", "optimizer__learning_rate": 0.5}
    fits = {"loss": "binary_crossentropy", "metrics": ["accuracy"], "compile__jit": False}
    KerasClassifier(build, **rate, loss=nn.losses.BinaryCrossentropy(), metrics="accuracy", verbose=0).fit(
        X, Y
    )
    KerasClassifier(all_of_them, **rate, **fits, verbose=0).fit(X, Y)
    for function, given, name in (
        (build, {"loss": "mse"}, "loss"),
        (build, {"metrics": ["mae"]}, "metrics"),
        (build, {"compile__jit": False}, "compile__jit"),
        (build, {"loss": "binary_crossentropy", "loss__label_smoothing": 0.25}, "loss__label_smoothing"),
        (none_of_them, {"optimizer": "adam"}, "optimizer"),
        (none_of_them, {"optimizer": "sgd", "optimizer__learning_rate": 0.5}, "optimizer__learning_rate"),
        (none_of_them, {"run_eagerly": True}, "run_eagerly"),
    ):
        with pytest.raises(nn.ArgumentError, match=f"{name} is in the compile_kwargs"):
            KerasClassifier(function, **given, verbose=0).fit(X, Y)


def test_classes_of_partial_fit_are_those_of_the_model():
    several = np.stack([Y, 1 - Y, Y], axis=1)
    with pytest.raises(nn.ArgumentError, match="columns of y"):
        Classifier((3,)).partial_fit(X, several, classes=["a", "b"])
    made = Classifier((3,)).partial_fit(X, several, classes=[0, 1, 2])
    assert made.partial_fit(X, several, classes=[2, 1, 0]).predict(X).shape == (60, 3)
    with pytest.raises(nn.ArgumentError, match="those of before"):
        made.partial_fit(X, several, classes=[0, 1])
    wrapped = KerasClassifier(lambda: nn.Sequential([nn.Dense(1, "sigmoid")]), verbose=0)
    wrapped.partial_fit(X, Y, classes=[0, 1]).partial_fit(X, Y, classes=[1, 0])
    with pytest.raises(nn.ArgumentError, match="those of before"):
        wrapped.partial_fit(X, Y, classes=[0, 1, 2])
    with pytest.raises(nn.ArgumentError, match="columns of y"):
        KerasClassifier(lambda: nn.Sequential([nn.Dense(3, "sigmoid")])).partial_fit(X, several, classes=[7])
