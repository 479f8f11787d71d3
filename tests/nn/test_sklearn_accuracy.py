"""Classifier beside MLPClassifier, with the same arguments and the same folds: within the spread over seeds."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

import nn

pytestmark = pytest.mark.once
pytest.importorskip("sklearn")

from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits, load_iris, load_wine  # noqa: E402
from sklearn.model_selection import KFold, StratifiedKFold, cross_val_score  # noqa: E402
from sklearn.neural_network import MLPClassifier, MLPRegressor  # noqa: E402
from sklearn.pipeline import make_pipeline  # noqa: E402
from sklearn.preprocessing import StandardScaler  # noqa: E402

SETS = {"digits": load_digits, "iris": load_iris, "wine": load_wine, "breast_cancer": load_breast_cancer}
EPOCHS = {"digits": 20, "iris": 400, "wine": 150, "breast_cancer": 50}


def scores(kind, name, seeds, **more):
    """The mean accuracy over three folds for each seed."""
    x, y = SETS[name](return_X_y=True)
    found = []
    for seed in range(seeds):
        model = make_pipeline(StandardScaler(), kind((50,), max_iter=EPOCHS[name], random_state=seed, **more))
        folds = StratifiedKFold(3, shuffle=True, random_state=0)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found.append(cross_val_score(model, x, y, cv=folds).mean())
    return np.array(found)


@pytest.mark.parametrize("name", SETS)
def test_the_accuracy_is_that_of_mlpclassifier(name, full):
    seeds = 10 if full else 2 if name == "digits" else 3
    ours, theirs = (scores(kind, name, seeds) for kind in (nn.sklearn.Classifier, MLPClassifier))
    spread = np.hypot(ours.std(ddof=1), theirs.std(ddof=1))
    # means of so many seeds, three standard errors apart, and a row or two on the folds
    assert abs(ours.mean() - theirs.mean()) < 3 * spread / np.sqrt(seeds) + 0.01, (ours, theirs)
    assert ours.mean() > 0.85


def test_the_score_of_a_regression_is_that_of_mlpregressor(full):
    x, y = load_diabetes(return_X_y=True)
    y = (y - y.mean()) / y.std()
    found = {}
    for kind in (nn.sklearn.Regressor, MLPRegressor):
        model = [
            make_pipeline(
                StandardScaler(), kind(hidden_layer_sizes=(20,), alpha=1.0, max_iter=60, random_state=seed)
            )
            for seed in range(6 if full else 3)
        ]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            folds = KFold(3, shuffle=True, random_state=0)
            found[kind] = np.array([cross_val_score(one, x, y, cv=folds).mean() for one in model])
    ours, theirs = found.values()
    spread = np.hypot(ours.std(ddof=1), theirs.std(ddof=1))
    assert abs(ours.mean() - theirs.mean()) < 3 * spread / np.sqrt(len(ours)) + 0.05, (ours, theirs)
