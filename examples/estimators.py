"""A network among the estimators of scikit-learn: in a pipeline, cross-validated, searched, calibrated.

`nn.sklearn.Classifier` takes what `MLPClassifier` takes, and any network of this library. Handwritten digits show
that they agree; then a grid chooses, and calibration makes probabilities of what the network is too sure of.
"""

from __future__ import annotations

import time
import warnings

import numpy as np
from pictures import options, plt, save
from sklearn.calibration import CalibratedClassifierCV, calibration_curve
from sklearn.datasets import load_breast_cancer, load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import brier_score_loss
from sklearn.model_selection import GridSearchCV, cross_val_predict, cross_val_score
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import nn


def residual(n_features: int, n_outputs: int, units: int = 32) -> nn.Model:
    """A network that no list of layers is: what comes in goes around the hidden layer, too."""
    x = nn.Input((n_features,))
    hidden = nn.Dense(n_features)(nn.Dense(units, "relu")(x))
    return nn.Model(x, nn.Dense(n_outputs, "softmax")(nn.Add()([x, hidden])))


def beside_mlpclassifier(epochs: int) -> None:
    x, y = load_digits(return_X_y=True)
    same = {"learning_rate_init": 0.005, "max_iter": epochs, "random_state": 0}
    for name, model in (
        ("MLPClassifier", MLPClassifier((64,), **same)),
        ("nn.sklearn.Classifier", nn.sklearn.Classifier((64,), **same)),
        ("one of our own", nn.sklearn.Classifier(build=residual, **same)),
    ):
        start = time.perf_counter()
        scores = cross_val_score(make_pipeline(StandardScaler(), model), x, y, cv=3)
        print(f"{name:<22} accuracy {scores.mean():.3f} in {time.perf_counter() - start:.1f} s")


def searched(epochs: int) -> None:
    x, y = load_digits(return_X_y=True)
    names = np.array(["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"])
    network = nn.sklearn.Classifier(learning_rate_init=0.005, max_iter=epochs, tol=None, random_state=0)
    grid = {"classifier__hidden_layer_sizes": [(8,), (64,)], "classifier__dropout": [0.0, 0.3]}
    search = GridSearchCV(make_pipeline(StandardScaler(), network), grid, cv=2).fit(x, names[y])
    print(f"best of {len(search.cv_results_['params'])}: {search.best_params_}")
    print(f"the first three digits are read as {', '.join(search.predict(x[:3]))}")


def calibrated(epochs: int) -> list[tuple[str, np.ndarray, np.ndarray]]:
    """Curves (name, predicted, observed) of a network that knows its patients by heart, as it is and calibrated."""
    x, y = load_breast_cancer(return_X_y=True)
    x, y = x[:, :8] + np.random.default_rng(0).normal(size=(len(x), 8)) * x[:, :8].std(axis=0), y
    network = nn.sklearn.Classifier(
        (32, 32), learning_rate_init=0.02, alpha=0.0, max_iter=4 * epochs, tol=None, random_state=0
    )
    curves = []
    for name, model in (
        ("as it is", network),
        ("calibrated", CalibratedClassifierCV(network, method="sigmoid", cv=3)),
    ):
        piped = make_pipeline(StandardScaler(), model)
        likely = cross_val_predict(piped, x, y, cv=3, method="predict_proba")[:, 1]
        observed, predicted = calibration_curve(y, likely, n_bins=6)
        print(f"{name:<10} Brier score {brier_score_loss(y, likely):.3f}")
        curves.append((name, predicted, observed))
    return curves


def main() -> None:
    chosen = options(__doc__, "estimators", epochs=30)
    # so few epochs are meant
    warnings.simplefilter("ignore", ConvergenceWarning)
    beside_mlpclassifier(chosen.epochs)
    searched(chosen.epochs)
    figure, axes = plt.subplots(figsize=(5.2, 4.6))
    axes.plot([0, 1], [0, 1], color="#a0aec0", linewidth=1, label="what it ought to be")
    for (name, predicted, observed), color in zip(
        calibrated(chosen.epochs), ("#dd6b20", "#2b6cb0"), strict=True
    ):
        axes.plot(predicted, observed, "o-", color=color, label=name)
    axes.set_xlabel("probability that is predicted")
    axes.set_ylabel("how often it happens")
    axes.legend(frameon=False)
    print("picture:", save(figure, chosen.picture))


if __name__ == "__main__":
    main()
