"""KerasClassifier and KerasRegressor: scripts that are written for scikeras, and what is refused."""

from __future__ import annotations

import pickle
import warnings

import numpy as np
import pytest

import nn

pytestmark = pytest.mark.once
pytest.importorskip("sklearn")

from sklearn.base import clone  # noqa: E402
from sklearn.datasets import load_diabetes, load_iris, make_multilabel_classification  # noqa: E402
from sklearn.ensemble import BaggingClassifier, VotingClassifier  # noqa: E402
from sklearn.model_selection import (  # noqa: E402
    GridSearchCV,
    KFold,
    RandomizedSearchCV,
    StratifiedKFold,
    cross_val_score,
)
from sklearn.pipeline import Pipeline, make_pipeline  # noqa: E402
from sklearn.preprocessing import StandardScaler  # noqa: E402

from nn.layers import Dense, Dropout, Input  # noqa: E402
from nn.models import Sequential  # noqa: E402
from nn.sklearn import KerasClassifier, KerasRegressor  # noqa: E402

IRIS = load_iris()
X = StandardScaler().fit_transform(IRIS.data)
Y = IRIS.target
NAMES = IRIS.target_names[Y]
TWO = Y < 2


def create_binary():
    model = Sequential()
    model.add(Dense(12, input_dim=4, activation="relu"))
    model.add(Dense(8, activation="relu"))
    model.add(Dense(1, activation="sigmoid"))
    model.compile(loss="binary_crossentropy", optimizer="adam", metrics=["accuracy"])
    return model


def create_three():
    model = Sequential()
    model.add(Dense(8, input_dim=4, activation="relu"))
    model.add(Dense(3, activation="softmax"))
    model.compile(loss="categorical_crossentropy", optimizer="adam", metrics=["accuracy"])
    return model


def create_free(neurons=8, dropout_rate=0.0, init_mode="glorot_uniform", activation="relu"):
    """Not compiled."""
    model = Sequential()
    model.add(Dense(neurons, kernel_initializer=init_mode, activation=activation, input_shape=(4,)))
    model.add(Dropout(dropout_rate))
    model.add(Dense(1, kernel_initializer=init_mode, activation="sigmoid"))
    return model


def get_clf_model(hidden_layer_sizes, meta, compile_kwargs):
    """The function of scikeras's own pages."""
    model = Sequential()
    model.add(Input(shape=(meta["n_features_in_"],)))
    for hidden_layer_size in hidden_layer_sizes:
        model.add(Dense(hidden_layer_size, activation="relu"))
    if meta["target_type_"] == "binary":
        n_output_units, output_activation, loss = 1, "sigmoid", "binary_crossentropy"
    elif meta["target_type_"] == "multiclass":
        n_output_units, output_activation = meta["n_classes_"], "softmax"
        loss = "sparse_categorical_crossentropy"
    else:
        raise NotImplementedError(meta["target_type_"])
    model.add(Dense(n_output_units, activation=output_activation))
    model.compile(loss=loss, optimizer=compile_kwargs["optimizer"])
    return model


def get_reg_model(meta, compile_kwargs, units=10):
    model = Sequential(
        [Dense(units, "relu", input_shape=(meta["n_features_in_"],)), Dense(meta["n_outputs_"])]
    )
    model.compile(loss=compile_kwargs["loss"], optimizer=compile_kwargs["optimizer"])
    return model


def test_cross_validation_of_two_classes():
    estimator = KerasClassifier(model=create_binary, epochs=40, batch_size=5, verbose=0, random_state=0)
    kfold = StratifiedKFold(n_splits=3, shuffle=True, random_state=7)
    assert cross_val_score(estimator, X[TWO], Y[TWO], cv=kfold).mean() > 0.95
    pipeline = Pipeline([("standardize", StandardScaler()), ("mlp", estimator)])
    assert cross_val_score(pipeline, IRIS.data[TWO], NAMES[TWO], cv=kfold).mean() > 0.95


def test_one_hot_targets_as_the_iris_tutorial_has_them():
    dummy_y = nn.utils.to_categorical(Y)
    estimator = KerasClassifier(create_three, epochs=100, batch_size=5, verbose=0, random_state=0)
    assert (
        cross_val_score(estimator, X, dummy_y, cv=KFold(n_splits=3, shuffle=True, random_state=1)).mean()
        > 0.85
    )
    estimator.fit(X, dummy_y)
    assert estimator.target_type_ == "multilabel-indicator"
    predicted = estimator.predict(X)
    assert predicted.shape == dummy_y.shape
    assert (predicted.sum(axis=1) == 1).all()
    # labels that are no indicators go into the same model
    plain = KerasClassifier(create_three, epochs=100, batch_size=5, verbose=0, random_state=0).fit(X, Y)
    np.testing.assert_array_equal(plain.predict(X), predicted.argmax(axis=1))


def test_grids_of_the_tutorials():
    model = KerasClassifier(model=create_free, loss="binary_crossentropy", epochs=3, batch_size=10, verbose=0)
    grids = (
        {"batch_size": [10, 50], "epochs": [1, 3]},
        {"optimizer": ["SGD", "RMSprop", "Adam"]},
        {"optimizer__learning_rate": [0.001, 0.1], "optimizer__momentum": [0.0, 0.9], "optimizer": ["SGD"]},
        {"model__init_mode": ["uniform", "zero", "he_normal"]},
        {"model__activation": ["softplus", "tanh", "linear"]},
        {"model__dropout_rate": [0.0, 0.5], "model__neurons": [1, 10]},
        {"neurons": [2, 10]},
    )
    for grid in grids:
        search = GridSearchCV(estimator=model, param_grid=grid, cv=2).fit(X[TWO], Y[TWO])
        assert set(search.best_params_) == set(grid)
        best = search.best_estimator_
        for name, value in search.best_params_.items():
            assert best.get_params()[name] == value
    assert best.model_.layers[0].units == search.best_params_["neurons"]
    drawn = RandomizedSearchCV(model, {"model__neurons": [2, 3, 4]}, n_iter=2, cv=2, random_state=0)
    assert drawn.fit(X[TWO], Y[TWO]).best_params_["model__neurons"] in (2, 3, 4)


def test_arguments_arrive_where_they_are_routed():
    model = KerasClassifier(
        create_free, loss="binary_crossentropy", optimizer="sgd", optimizer__learning_rate=0.25,
        optimizer__momentum=0.5, model__neurons=3, metrics=["accuracy"], batch_size=10, epochs=9, fit__epochs=2,
        fit__validation_split=0.2, fit__shuffle=False, predict__batch_size=7, verbose=0, random_state=0,
        callbacks=nn.EarlyStopping, callbacks__monitor="loss", callbacks__patience=5, compile__jit=False,
    )  # fmt: skip
    shuffled = np.random.default_rng(0).permutation(100)
    model.fit(X[TWO][shuffled], NAMES[TWO][shuffled])
    made = model.model_
    assert made.layers[0].units == 3
    assert (made.optimizer.learning_rate, made.optimizer.momentum, made.jit) == (0.25, 0.5, False)
    assert set(model.history_) == {"loss", "accuracy", "val_loss", "val_accuracy"}
    assert len(model.history_["loss"]) == model.current_epoch == 2
    model.fit(X[TWO][shuffled], NAMES[TWO][shuffled], epochs=3)
    assert model.current_epoch == 3
    smoothed = KerasClassifier(
        create_free, loss=nn.losses.BinaryCrossentropy, loss__label_smoothing=0.1, verbose=0
    )
    assert smoothed.fit(X[TWO], Y[TWO]).model_.loss.label_smoothing == 0.1
    everything = KerasClassifier(create_binary, batch_size=-1, verbose=0).fit(X[TWO], Y[TWO])
    assert everything.model_.optimizer.iterations.item() == 1
    held = KerasClassifier(create_three, verbose=0).fit(X, NAMES, validation_data=(X[::7], NAMES[::7]))
    assert "val_loss" in held.history_


def test_functions_of_meta_and_compile_kwargs():
    clf = KerasClassifier(
        model=get_clf_model, hidden_layer_sizes=(16,), optimizer="adam", optimizer__learning_rate=0.02, epochs=40,
        verbose=0, random_state=0,
    )  # fmt: skip
    for y in (NAMES, Y == 1):
        assert clf.fit(X, y).score(X, y) > 0.9
        assert clf.model_.optimizer.learning_rate == 0.02
        likely = clf.predict_proba(X)
        np.testing.assert_allclose(likely.sum(axis=1), 1, rtol=1e-5)
    assert clone(clf).get_params()["hidden_layer_sizes"] == (16,)
    assert "hidden_layer_sizes=(16,)" in repr(clf)
    with pytest.raises(NotImplementedError):
        clf.fit(X, np.stack([Y == 0, Y > 0, Y == 2], axis=1).astype(int))
    bagged = BaggingClassifier(clf, n_estimators=2, random_state=0).fit(X, Y)
    assert bagged.score(X, Y) > 0.9
    voted = VotingClassifier([("a", clf), ("b", clone(clf))], voting="soft").fit(X, NAMES)
    assert voted.score(X, NAMES) > 0.9


class OwnClassifier(KerasClassifier):
    """A subclass as scikeras's pages have it."""

    def __init__(
        self, hidden_layer_sizes=(100,), optimizer="adam", optimizer__learning_rate=0.001, epochs=200, verbose=0, **kwargs
    ):  # fmt: skip
        super().__init__(**kwargs)
        self.hidden_layer_sizes = hidden_layer_sizes
        self.optimizer = optimizer
        self.optimizer__learning_rate = optimizer__learning_rate
        self.epochs = epochs
        self.verbose = verbose

    def _keras_build_fn(self, compile_kwargs):
        sizes = [Dense(size, "relu") for size in self.hidden_layer_sizes]
        model = Sequential([Input(shape=(self.n_features_in_,)), *sizes, Dense(self.n_classes_, "softmax")])
        model.compile(loss="sparse_categorical_crossentropy", optimizer=compile_kwargs["optimizer"])
        return model


def test_a_subclass_builds_its_model():
    own = OwnClassifier((8,), optimizer__learning_rate=0.05, epochs=20, random_state=0)
    search = GridSearchCV(own, {"hidden_layer_sizes": [(2,), (16,)], "loss": [None]}, cv=2).fit(X, NAMES)
    assert search.best_score_ > 0.85
    assert search.best_estimator_.model_.layers[0].units == search.best_params_["hidden_layer_sizes"][0]
    assert search.best_estimator_.model_.optimizer.learning_rate == 0.05


def test_regression():
    diabetes = load_diabetes()
    x, y = StandardScaler().fit_transform(diabetes.data), (diabetes.target - 150) / 75
    reg = KerasRegressor(
        model=get_reg_model, loss="mse", optimizer="adam", optimizer__learning_rate=0.02, epochs=30, verbose=0,
        random_state=0,
    )  # fmt: skip
    assert reg.fit(x, y).score(x, y) > 0.5
    assert reg.predict(x).shape == y.shape
    several = clone(reg).fit(x, np.stack([y, -y], axis=1))
    assert several.predict(x).shape == (442, 2)
    assert cross_val_score(reg, x, y, cv=KFold(2, shuffle=True, random_state=0)).mean() > 0.3
    search = GridSearchCV(reg, {"model__units": [2, 20]}, cv=2).fit(x, y)
    assert search.best_estimator_.model_.layers[0].units in (2, 20)


def test_labels_of_every_kind():
    x, y = make_multilabel_classification(60, 4, n_classes=3, random_state=0)

    def several(meta):
        return Sequential([Dense(16, "relu"), Dense(meta["n_classes_"], "sigmoid")])

    model = KerasClassifier(several, optimizer="adam", optimizer__learning_rate=0.05, epochs=40, verbose=0)
    model.set_params(random_state=0).fit(x, y)
    assert model.target_type_ == "multilabel-indicator"
    assert (model.predict(x) == y).mean() > 0.8
    two = Sequential([Dense(2, "softmax")])
    two.compile("adam", "categorical_crossentropy")
    assert KerasClassifier(two, verbose=0).fit(X[TWO], NAMES[TWO]).predict_proba(X).shape == (150, 2)
    assert not two.built


def test_weights_warm_starts_and_partial_fits():
    made = {"model": create_binary, "epochs": 5, "verbose": 0, "random_state": 0}
    weight = np.where(NAMES[TWO] == "setosa", 3.0, 1.0)
    by_class = KerasClassifier(**made, class_weight={"setosa": 3.0, "versicolor": 1.0}).fit(
        X[TWO], NAMES[TWO]
    )
    by_row = KerasClassifier(**made).fit(X[TWO], NAMES[TWO], sample_weight=weight)
    np.testing.assert_array_equal(by_class.predict_proba(X), by_row.predict_proba(X))
    balanced = KerasClassifier(**made, class_weight="balanced").fit(X[TWO], NAMES[TWO])
    assert (balanced.predict_proba(X) != by_row.predict_proba(X)).any()
    warm = KerasClassifier(**made, warm_start=True)
    network = warm.fit(X[TWO], Y[TWO]).model_
    assert warm.fit(X[TWO], Y[TWO]).model_ is network
    assert warm.current_epoch == 10
    some = KerasClassifier(**made)
    for _ in range(3):
        some.partial_fit(X[:30], NAMES[:30], classes=["setosa", "versicolor"])
    assert some.current_epoch == 3
    assert some.classes_.tolist() == ["setosa", "versicolor"]
    ready = KerasClassifier(**made).initialize(X[TWO], Y[TWO])
    assert ready.initialized_
    assert ready.predict(X).shape == (150,)
    again = pickle.loads(pickle.dumps(by_row))
    np.testing.assert_array_equal(again.predict_proba(X), by_row.predict_proba(X))


def test_a_random_state_repeats_a_fit():
    make = KerasClassifier(create_free, epochs=3, verbose=0, dropout_rate=0.2, random_state=5)
    first, again = (clone(make).fit(X[TWO], Y[TWO]).predict_proba(X) for _ in range(2))
    np.testing.assert_array_equal(first, again)
    nn.set_random_seed(3)
    free = clone(make).set_params(random_state=None).fit(X[TWO], Y[TWO]).predict_proba(X)
    nn.set_random_seed(3)
    np.testing.assert_array_equal(
        free, clone(make).set_params(random_state=None).fit(X[TWO], Y[TWO]).predict_proba(X)
    )


def test_other_callbacks_than_the_ones_that_were_given():
    stop = nn.EarlyStopping("loss", patience=0, min_delta=10.0)
    model = KerasClassifier(create_binary, epochs=6, callbacks=[stop, nn.TerminateOnNaN], verbose=0)
    for _ in range(2):
        assert model.fit(X[TWO], Y[TWO]).current_epoch == 2
    assert stop.stopped_epoch == 0


def test_what_is_refused():
    x, y = X[TWO], Y[TWO]
    for given, message in (
        ({}, "model is a function"),
        ({"model": create_binary, "build_fn": create_binary}, "older name"),
        ({"model": create_binary, "optimizer": "sgd"}, "optimizer is for compile"),
        ({"model": create_binary, "optimizer__learning_rate": 0.1}, "is for compile"),
        ({"model": create_binary, "loss": "mse"}, "loss is for compile"),
        ({"model": create_binary, "metrics": ["mae"]}, "metrics is for compile"),
        ({"model": create_binary, "neurons": 3}, "takes no argument 'neurons'"),
        ({"model": create_free, "model__neuron": 3}, "takes no argument 'neuron'"),
        ({"model": create_free, "models__neurons": 3}, "goes nowhere"),
        ({"model": create_free, "fit__epoch": 3}, "epoch"),
        ({"model": create_free, "fit__class_weight": {0: 2}}, "class_weight"),
        ({"model": create_free, "optimizer": nn.Adam(), "optimizer__beta_1": 0.5}, "is an object"),
        ({"model": create_free, "metrics__0__name": "a"}, "not routed"),
        ({"model": create_free, "callbacks__patience": 3}, "one class"),
        ({"model": create_free, "callbacks": {"a": nn.TerminateOnNaN()}}, "list"),
        ({"model": create_three}, "1 or 2 outputs"),
        ({"model": create_free(), "model__neurons": 3}, "is for a function"),
        ({"model": lambda: 3}, "returns an nn.Model"),
        ({"model": create_free, "random_state": "a"}, "random_state"),
    ):
        with pytest.raises(ValueError, match=message):
            KerasClassifier(**{"verbose": 0, **given}).fit(x, y)
    with pytest.raises(ValueError, match="epoch"):
        KerasClassifier(create_free, verbose=0).fit(x, y, epoch=3)
    with pytest.raises(ValueError, match="Invalid parameter 'units'"):
        KerasClassifier(create_free).set_params(units=3)
    with pytest.raises(ValueError, match="predict takes no 'batch'"):
        KerasClassifier(create_free, verbose=0).fit(x, y).predict(x, batch=3)
    with pytest.raises(ValueError, match="target_encoder"):
        type("Own", (KerasClassifier,), {"target_encoder": None})
    # what the function has already is no contradiction
    KerasClassifier(create_binary, loss="binary_crossentropy", verbose=0).fit(x, y)


def test_nothing_is_printed_but_what_verbose_asks_for(capsys):
    KerasClassifier(create_binary, verbose=0).fit(X[TWO], Y[TWO]).predict(X)
    assert capsys.readouterr().out == ""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        KerasClassifier(create_binary, verbose=2).fit(X[TWO], Y[TWO])
    assert "loss" in capsys.readouterr().out


def test_a_regressor_in_a_pipeline_with_named_arguments():
    piped = make_pipeline(StandardScaler(), KerasRegressor(get_reg_model, loss="mse", verbose=0))
    piped.set_params(kerasregressor__model__units=3, kerasregressor__epochs=2)
    piped.fit(X[:, :3], X[:, 3], kerasregressor__sample_weight=np.ones(150))
    assert piped[-1].model_.layers[0].units == 3
    assert piped[-1].current_epoch == 2
