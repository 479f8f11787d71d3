"""Classifier and Regressor among the tools of scikit-learn, and what is refused."""

from __future__ import annotations

import pickle
import random
import threading

import numpy as np
import pytest

import autograd as ag
import nn

pytestmark = pytest.mark.once
sklearn = pytest.importorskip("sklearn")

from sklearn.base import clone  # noqa: E402
from sklearn.calibration import CalibratedClassifierCV  # noqa: E402
from sklearn.datasets import load_diabetes, load_iris, load_wine, make_multilabel_classification  # noqa: E402
from sklearn.exceptions import ConvergenceWarning, NotFittedError  # noqa: E402
from sklearn.metrics import log_loss  # noqa: E402
from sklearn.model_selection import GridSearchCV, cross_val_predict, cross_val_score  # noqa: E402
from sklearn.neural_network import MLPClassifier  # noqa: E402
from sklearn.pipeline import make_pipeline  # noqa: E402
from sklearn.preprocessing import StandardScaler  # noqa: E402

IRIS = load_iris()
X = StandardScaler().fit_transform(IRIS.data)
Y = IRIS.target
NAMES = IRIS.target_names[Y]
TWO = Y < 2


def classifier(**changed):
    given = {
        "hidden_layer_sizes": (16,),
        "learning_rate_init": 0.02,
        "tol": None,
        "max_iter": 25,
        "random_state": 0,
    }
    return nn.sklearn.Classifier(**{**given, **changed})


def regressor(**changed):
    given = {
        "hidden_layer_sizes": (16,),
        "learning_rate_init": 0.02,
        "tol": None,
        "max_iter": 25,
        "random_state": 0,
    }
    return nn.sklearn.Regressor(**{**given, **changed})


def states():
    return ag.random.default_generator().state[1].item(), random.getstate(), np.random.get_state()[1].tolist()


def test_labels_come_back_as_they_were_given():
    for labels in (NAMES, NAMES.astype(object), Y, Y - 1, Y * 2.0, NAMES[TWO], Y[TWO] == 1, [-1, 1] * 50):
        x = X[: len(labels)]
        model = classifier().fit(x, labels)
        assert model.classes_.tolist() == sorted(set(np.asarray(labels).tolist()))
        predicted = model.predict(x)
        assert predicted.dtype == np.asarray(labels).dtype
        assert set(predicted.tolist()) <= set(np.asarray(labels).tolist())
        likely = model.predict_proba(x)
        assert likely.shape == (len(x), len(model.classes_))
        assert (model.classes_[likely.argmax(axis=1)] == predicted).all()
    assert classifier().fit(X, NAMES).score(X, NAMES) > 0.93


def test_probabilities_are_those_of_the_model():
    model = classifier().fit(X, NAMES)
    np.testing.assert_allclose(model.predict_proba(X), model.model_.predict(X), atol=1e-6)
    two = classifier().fit(X[TWO], NAMES[TWO])
    np.testing.assert_allclose(two.predict_proba(X[TWO])[:, 1:], two.model_.predict(X[TWO]), atol=1e-6)
    np.testing.assert_allclose(np.exp(model.predict_log_proba(X)), model.predict_proba(X), rtol=1e-5)


def test_several_labels_for_each_row():
    x, y = make_multilabel_classification(80, 6, n_classes=4, random_state=0)
    x = StandardScaler().fit_transform(x)
    model = classifier(max_iter=60, learning_rate_init=0.05).fit(x, y)
    assert model.predict(x).shape == y.shape == model.predict_proba(x).shape
    assert model.predict(x).dtype == y.dtype
    assert (model.predict(x) == y).mean() > 0.85


def test_a_weight_of_two_is_a_row_twice():
    """Where all rows are one step, so that repeating some does not move the others into other steps."""
    weight = np.random.default_rng(0).integers(0, 4, 150)
    whole = {"batch_size": 1000, "shuffle": False, "alpha": 0.5, "dtype": "float64"}
    for make, y in ((classifier, NAMES), (classifier, NAMES == "virginica"), (regressor, X[:, 0])):
        weighted = make(**whole).fit(X, y, sample_weight=weight).model_.predict(X)
        repeated = make(**whole).fit(X.repeat(weight, axis=0), y.repeat(weight)).model_.predict(X)
        np.testing.assert_allclose(weighted, repeated, rtol=1e-9)


def test_weights_of_samples_and_classes():
    rare = np.r_[0:50, 50:56]
    x, y = X[rare] + np.random.default_rng(0).normal(0, 2.5, (56, 4)), NAMES[rare]
    plain, balanced, by_hand = (
        classifier(class_weight=w).fit(x, y)
        for w in (None, "balanced", {"setosa": 0.56, "versicolor": 56 / 12})
    )
    assert (balanced.predict(x) == "versicolor").sum() > (plain.predict(x) == "versicolor").sum()
    np.testing.assert_array_equal(balanced.predict_proba(x), by_hand.predict_proba(x))
    weight = np.where(y == "setosa", 0.56, 56 / 12)
    weighted = classifier().fit(x, y, sample_weight=weight)
    np.testing.assert_array_equal(weighted.predict_proba(x), balanced.predict_proba(x))
    both = classifier(class_weight={"setosa": 0.56, "versicolor": 1}).fit(
        x, y, sample_weight=np.where(y == "setosa", 1, 56 / 12)
    )
    np.testing.assert_array_equal(both.predict_proba(x), balanced.predict_proba(x))
    # rows that do not count are as if they were not there
    without = classifier().fit(X[TWO], Y[TWO])
    zero = classifier().fit(X, Y % 2, sample_weight=TWO.astype(float))
    np.testing.assert_array_equal(without.predict_proba(X), zero.predict_proba(X))


def test_a_random_state_repeats_a_fit_and_moves_no_other_generator():
    before = states()
    options = {"dropout": 0.2, "early_stopping": True}
    first, again = (classifier(**options).fit(X, Y).predict_proba(X) for _ in range(2))
    np.testing.assert_array_equal(first, again)
    assert states() == before
    other = classifier(**options, random_state=1).fit(X, Y).predict_proba(X)
    assert (first != other).any()
    drawn = [classifier(random_state=np.random.RandomState(3)).fit(X, Y).predict_proba(X) for _ in range(2)]
    np.testing.assert_array_equal(*drawn)
    assert states() == before
    free = []
    for _ in range(2):
        nn.set_random_seed(4)
        free.append(classifier(random_state=None).fit(X, Y).predict_proba(X))
    np.testing.assert_array_equal(*free)


def test_threads_do_not_meet():
    alone = [
        classifier(random_state=seed, max_iter=8, dropout=0.3).fit(X, Y).predict_proba(X) for seed in range(3)
    ]
    together = [None] * 3

    def work(seed):
        model = classifier(random_state=seed, max_iter=8, dropout=0.3)
        together[seed] = model.fit(X, Y).predict_proba(X)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    np.testing.assert_array_equal(alone, together)


def test_pipeline_search_and_cross_validation():
    wine = load_wine()
    piped = make_pipeline(StandardScaler(), classifier())
    assert cross_val_score(piped, wine.data, wine.target, cv=3).mean() > 0.9
    grid = {"classifier__hidden_layer_sizes": [(4,), (16,)], "classifier__alpha": [1e-4, 3.0]}
    search = GridSearchCV(piped, grid, cv=3, n_jobs=2).fit(wine.data, wine.target_names[wine.target])
    assert search.best_score_ > 0.9
    assert set(search.predict(wine.data)) <= set(wine.target_names)
    alone = GridSearchCV(piped, grid, cv=3).fit(wine.data, wine.target_names[wine.target])
    # other processes may compute on another backend
    np.testing.assert_allclose(
        search.cv_results_["mean_test_score"], alone.cv_results_["mean_test_score"], atol=0.04
    )


def test_calibration():
    model = CalibratedClassifierCV(classifier(max_iter=60), cv=3).fit(X, NAMES)
    likely = model.predict_proba(X)
    np.testing.assert_allclose(likely.sum(axis=1), 1)
    assert log_loss(NAMES, likely) < 0.3
    weights = np.linspace(0.5, 1.5, len(X))
    assert (
        CalibratedClassifierCV(classifier(), cv=2).fit(X, NAMES, sample_weight=weights).score(X, NAMES) > 0.9
    )


def test_a_frame_names_the_columns_and_others_are_refused():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(X, columns=IRIS.feature_names)
    model = classifier().fit(frame, pandas.Series(NAMES))
    assert model.feature_names_in_.tolist() == IRIS.feature_names
    assert model.predict(frame).shape == (150,)
    with pytest.raises(ValueError, match="feature names should match"):
        model.predict(frame[frame.columns[::-1]])
    with pytest.raises(ValueError, match="feature names should match"):
        model.predict(frame.rename(columns={"sepal length (cm)": "length"}))
    with pytest.raises(ValueError, match="has 3 features"):
        classifier().fit(X, Y).predict(X[:, :3])


def test_early_stopping_keeps_the_best_weights():
    model = classifier(
        early_stopping=True, tol=1e-4, n_iter_no_change=4, max_iter=200, validation_fraction=0.2
    )
    model.fit(X, NAMES)
    assert model.n_iter_ == len(model.validation_scores_) == len(model.loss_curve_) < 200
    assert model.best_validation_score_ == max(model.validation_scores_)
    best = model.validation_scores_.index(model.best_validation_score_)
    assert all(score < model.best_validation_score_ + 1e-4 for score in model.validation_scores_[best + 1 :])
    number = regressor(early_stopping=True, max_iter=10).fit(X[:, :3], X[:, 3])
    assert len(number.validation_scores_) == 10
    assert number.best_loss_ is None


def test_training_ends_by_the_rule_of_scikit_learn():
    """Both count epochs that are no better by `tol`; there the losses are those of other weights."""
    ours = classifier(tol=0.5, n_iter_no_change=3, max_iter=100).fit(X, Y)
    waited, best = 0, np.inf
    for epoch, loss in enumerate(ours.loss_curve_, 1):
        waited = waited + 1 if loss > best - 0.5 else 0
        best = min(best, loss)
        assert (waited > 3) == (epoch == ours.n_iter_)
    theirs = MLPClassifier((16,), tol=0.5, n_iter_no_change=3, max_iter=100, random_state=0).fit(X, Y)
    assert abs(ours.n_iter_ - theirs.n_iter_) <= 2
    with pytest.warns(ConvergenceWarning, match="max_iter=3"):
        classifier(tol=1e-9, max_iter=3).fit(X, Y)


def test_partial_fit_and_warm_start():
    model = classifier()
    for epoch in range(40):
        model.partial_fit(X[epoch % 3 :: 3], NAMES[epoch % 3 :: 3], classes=np.unique(NAMES))
    assert model.n_iter_ == len(model.loss_curve_) == 40
    assert model.score(X, NAMES) > 0.85
    with pytest.raises(ValueError, match="first call"):
        classifier().partial_fit(X, Y)
    with pytest.raises(ValueError, match="not those of before"):
        model.partial_fit(X, NAMES, classes=["setosa", "other"])
    with pytest.raises(ValueError, match="not in classes_"):
        model.partial_fit(X, np.where(NAMES == "setosa", "other", NAMES))
    with pytest.raises(ValueError, match="balanced"):
        classifier(class_weight="balanced").partial_fit(X, Y, classes=[0, 1, 2])
    with pytest.raises(ValueError, match="early_stopping"):
        classifier(early_stopping=True).partial_fit(X, Y, classes=[0, 1, 2])
    warm = regressor(warm_start=True, max_iter=4).fit(X[:, :3], X[:, 3])
    before = warm.loss_
    network = warm.model_
    assert warm.fit(X[:, :3], X[:, 3]).model_ is network
    assert warm.loss_ < before
    assert len(warm.loss_curve_) == warm.n_iter_ == 8


def test_pickles_and_clones():
    joblib = pytest.importorskip("joblib")
    for model, y in ((classifier(), NAMES), (regressor(), X[:, 0])):
        model.fit(X, y)
        again = pickle.loads(pickle.dumps(model))
        np.testing.assert_array_equal(again.predict(X), model.predict(X))
        fresh = clone(model)
        assert not hasattr(fresh, "model_")
        np.testing.assert_array_equal(fresh.fit(X, y).predict(X), model.predict(X))
        with pytest.raises(NotFittedError):
            clone(model).predict(X)
    assert joblib.hash(classifier()) == joblib.hash(clone(classifier()))


def test_several_targets_and_a_score_of_regression():
    diabetes = load_diabetes()
    x, y = StandardScaler().fit_transform(diabetes.data), diabetes.target / 100
    model = regressor(max_iter=40, alpha=1.0).fit(x, y)
    assert model.predict(x).shape == (442,)
    assert model.score(x, y) > 0.5
    both = regressor(max_iter=40).fit(x, np.stack([y, -y], axis=1))
    predicted = both.predict(x)
    assert predicted.shape == (442, 2)
    assert np.corrcoef(predicted.T)[0, 1] < -0.9
    assert cross_val_predict(regressor(), x, y, cv=2).shape == (442,)
    column = regressor()
    with pytest.warns(sklearn.exceptions.DataConversionWarning):
        column.fit(x, y[:, None])
    assert column.predict(x).shape == (442,)


def test_alpha_weighs_as_in_scikit_learn():
    """The penalty that is added to the loss, from the weights by hand."""
    for model, share in ((classifier(alpha=3.0), 0.5), (regressor(alpha=3.0), 1.0)):
        model.set_params(max_iter=1, learning_rate_init=1e-12, batch_size=150).fit(X, Y)
        kernels = [w for w in model.model_.get_weights() if w.ndim == 2]
        penalty = share * 3.0 / 150 * sum(float((k.astype(np.float64) ** 2).sum()) for k in kernels)
        plain = clone(model).set_params(alpha=0).fit(X, Y)
        np.testing.assert_allclose(model.loss_ - plain.loss_, penalty, rtol=1e-4)


def test_a_model_of_ones_own():
    seen = []

    def build(n_features, n_outputs, hidden_layer_sizes, meta, extra=1):
        seen.append((n_features, n_outputs, hidden_layer_sizes, meta["n_classes"], extra))
        return nn.Sequential([nn.Dense(hidden_layer_sizes[0], "relu"), nn.Dense(n_outputs, "softmax")])

    model = classifier(build=build, build_args={"extra": 2}).fit(X, NAMES)
    assert seen == [(4, 3, (16,), 3, 2)]
    assert model.score(X, NAMES) > 0.93
    before = states()
    first, again = (classifier(build=build).fit(X, Y).predict_proba(X) for _ in range(2))
    np.testing.assert_array_equal(first, again)
    assert states() == before

    def logits(n_outputs):
        return nn.Sequential([nn.Dense(8, "relu"), nn.Dense(n_outputs)])

    for y in (Y, Y == 2):
        likely = classifier(build=logits, hidden_layer_sizes=(100,)).fit(X, y).predict_proba(X)
        np.testing.assert_allclose(likely.sum(axis=1), 1, rtol=1e-5)
        assert (likely.argmax(axis=1) == y).mean() > 0.8

    def compiled(n_outputs):
        made = nn.Sequential([nn.Dense(8, "tanh"), nn.Dense(n_outputs, "softmax")])
        made.compile(nn.SGD(0.5, momentum=0.9), "categorical_crossentropy")
        return made

    model = nn.sklearn.Classifier(build=compiled, max_iter=30, tol=None, random_state=0).fit(X, NAMES)
    assert model.score(X, NAMES) > 0.93
    assert isinstance(model.model_.optimizer, nn.SGD)

    def images(sample_shape, n_outputs):
        assert sample_shape == (2, 2)
        return nn.Sequential([nn.Flatten(), nn.Dense(n_outputs, "softmax")])

    assert (
        classifier(build=images, max_iter=60, hidden_layer_sizes=(100,))
        .fit(X.reshape(-1, 2, 2), Y)
        .score(X.reshape(-1, 2, 2), Y)
        > 0.8
    )


def test_an_optimizer_is_not_shared():
    adam = nn.Adam(0.02)
    model = classifier(optimizer=adam, learning_rate_init=None)
    first = model.fit(X, Y).predict_proba(X)
    np.testing.assert_array_equal(first, model.fit(X, Y).predict_proba(X))
    assert int(adam.iterations.item()) == 0
    assert model.model_.optimizer is not adam
    stop = nn.EarlyStopping("loss", patience=0, min_delta=10.0)
    stopped = classifier(callbacks=[stop]).fit(X, Y)
    assert stopped.n_iter_ == 2
    assert stop.stopped_epoch == 0


def wide(n_outputs):
    return nn.Sequential([nn.Dense(n_outputs + 1, "softmax")])


def certain(n_outputs):
    return nn.Sequential([nn.Dense(n_outputs, "softplus")])


def ready(n_outputs):
    made = nn.Sequential([nn.Dense(n_outputs, "softmax")])
    made.compile("adam", "sparse_categorical_crossentropy")
    return made


def test_what_is_refused():
    for given, message in (
        ({"hidden_layer_sizes": (0,)}, "hidden_layer_sizes"),
        ({"dropout": 2}, "dropout"),
        ({"alpha": -1}, "alpha"),
        ({"batch_size": "all"}, "batch_size"),
        ({"batch_size": 0}, "batch_size"),
        ({"max_iter": 0}, "max_iter"),
        ({"tol": -1}, "tol"),
        ({"validation_fraction": 1.0}, "validation_fraction"),
        ({"validation_fraction": 0.001, "early_stopping": True}, "test_size|holds out"),
        ({"random_state": 1.5}, "random_state"),
        ({"random_state": -1}, "random_state"),
        ({"dtype": "int32"}, "dtype"),
        ({"activation": "rely"}, "rely"),
        ({"optimizer": "adm"}, "adm"),
        ({"class_weight": "equal"}, "class_weight"),
        ({"build_args": {"units": 3}}, "build_args"),
        ({"build": 3}, "build"),
        ({"build": wide}, "build_args|describes|outputs"),
        ({"build": wide, "hidden_layer_sizes": (100,)}, "4|outputs"),
        ({"build": certain, "hidden_layer_sizes": (100,), "build_args": {"unit": 1}}, "unit"),
        ({"build": ready, "hidden_layer_sizes": (100,)}, "compiled"),
        ({"callbacks": 3}, "callbacks"),
    ):
        with pytest.raises(ValueError, match=message):
            classifier(**given).fit(X, Y)
    with pytest.raises(ValueError, match="describes the perceptron"):
        classifier(build=certain).fit(X, Y)
    bare = nn.sklearn.Classifier(build=certain, max_iter=1, tol=None, random_state=0)
    with pytest.raises(ValueError, match="no probabilities"):
        bare.fit(X, Y).predict_proba(X)
    with pytest.raises(TypeError, match="solver"):
        nn.sklearn.Classifier(solver="adam")
    with np.errstate(all="ignore"), pytest.raises(ValueError, match="the loss is"):
        regressor(learning_rate_init=1e30, optimizer="sgd").fit(X, Y)
    for weight, message in (([1.0], "shape"), (-np.ones(150), "below 0"), (np.zeros(150), "zero")):
        with pytest.raises(ValueError, match=message):
            classifier().fit(X, Y, sample_weight=weight)


def test_without_scikit_learn_the_extra_is_named():
    import subprocess
    import sys

    code = (
        "import sys; sys.modules['sklearn'] = None; import nn\n"
        "try: nn.sklearn\nexcept nn.MissingExtraError as error: print(error)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "pip install 'gradloom[sklearn]'" in done.stdout
