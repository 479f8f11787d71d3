"""Training to the end: the reference recipes on the Pima records, and handwritten digits.

Each recipe is trained from several seeds; the median of each figure has to lie in the range that Keras 3.15.1 gave
for the same data and recipe. Losses and accuracies are those of `evaluate`, after training, without dropout. Slow:
the default run takes FEW seeds and ranges that are WIDER by a part of their width on either side, as the median of few
scatters more; `--full` takes all seeds and the ranges themselves. The default run trains with machine code, which takes
a tenth of the time, where there is any.
"""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

import backends
import nn

FEW, WIDER = 3, 0.5
PIMA = Path(__file__).parents[2] / "nn" / "datasets" / "data" / "pima.csv"


class Pima(NamedTuple):
    """Inputs (200, 7) and (332, 7), targets 0 or 1."""

    x_train: np.ndarray
    y_train: np.ndarray
    x_test: np.ndarray
    y_test: np.ndarray


def pima(standardised: bool) -> Pima:
    """The records as published: 200 rows to train, 332 to test."""
    with PIMA.open(newline="") as file:
        rows = list(csv.DictReader(file))
    inputs = [name for name in rows[0] if name not in ("type", "split")]
    x = np.array([[float(row[name]) for name in inputs] for row in rows])
    y = np.array([float(row["type"]) for row in rows])
    train = np.array([row["split"] == "train" for row in rows])
    if standardised:
        x = (x - x[train].mean(axis=0)) / x[train].std(axis=0)
    return Pima(x[train], y[train], x[~train], y[~train])


def network(dropout: float = 0.0) -> nn.Sequential:
    layers = [
        nn.Dense(12, activation="relu"),
        nn.Dense(8, activation="relu"),
        nn.Dense(1, "sigmoid"),
    ]
    if dropout:
        layers.insert(1, nn.Dropout(dropout))
    return nn.Sequential(layers)


def decayed_sgd() -> nn.SGD:
    return nn.SGD(nn.ExponentialDecay(0.05, decay_steps=100, decay_rate=0.96), momentum=0.9)


FIGURES = ("train loss", "train accuracy", "test loss", "test accuracy")


class Recipe(NamedTuple):
    """How to train, and the range of each figure of FIGURES that is compared."""

    standardised: bool
    dropout: float
    optimizer: Callable[[], nn.Optimizer]
    batch_size: int
    epochs: int
    ranges: dict[str, tuple[float, float]]
    seeds: int = 10


RECIPES = {
    "adam, raw inputs": Recipe(
        False, 0.0, nn.Adam, 10, 150,
        {"train loss": (0.494, 0.540), "train accuracy": (0.725, 0.750), "test loss": (0.541, 0.568), "test accuracy": (0.714, 0.750)},
    ),
    "adam": Recipe(
        True, 0.0, nn.Adam, 10, 150,
        {"train loss": (0.280, 0.346), "train accuracy": (0.815, 0.885), "test loss": (0.516, 0.624), "test accuracy": (0.762, 0.792)},
        # Keras's five runs had the median .762, which is also their lowest; ten runs scatter around .765 by .005
        seeds=30,
    ),
    "sgd with momentum, decay and dropout": Recipe(
        True, 0.2, decayed_sgd, 32, 100,
        {"train loss": (0.228, 0.321), "train accuracy": (0.845, 0.905), "test loss": (0.561, 0.758), "test accuracy": (0.750, 0.774)},
    ),
    "adam with dropout": Recipe(
        True, 0.2, nn.Adam, 32, 100,
        {"train loss": (0.400, 0.459), "train accuracy": (0.785, 0.810), "test loss": (0.445, 0.479), "test accuracy": (0.765, 0.792)},
    ),
}  # fmt: skip


def figures(recipe: Recipe, seed: int) -> tuple[float, ...]:
    """FIGURES after training from `seed`."""
    data = pima(recipe.standardised)
    nn.set_random_seed(seed)
    model = network(recipe.dropout)
    model.compile(recipe.optimizer(), "binary_crossentropy", metrics=["accuracy"])
    model.fit(data.x_train, data.y_train, batch_size=recipe.batch_size, epochs=recipe.epochs)
    train = measures(model, network, data.x_train, data.y_train)
    return (*train, *measures(model, network, data.x_test, data.y_test))


def measures(model: nn.Sequential, make: Callable[[], nn.Sequential], x: np.ndarray, y: np.ndarray) -> list[float]:  # fmt: skip
    """Loss and accuracy with the weights of `model`, on NumPy: without programs to compile for that once."""
    with backends.use("numpy"):
        same = make()
        same(x[:1])
        same.set_weights(model.get_weights())
        same.compile("sgd", model.loss, metrics=["accuracy"])
        return list(same.evaluate(x, y))


@pytest.fixture(autouse=True)
def _quick(full):
    """Every step costs microseconds as machine code."""
    quick = not full and backends.available()["numba"] == "available"
    with backends.use("numba" if quick else backends.default()):
        yield


@pytest.mark.slow
@pytest.mark.parametrize("recipe", RECIPES.values(), ids=RECIPES)
def test_the_medians_lie_where_kerass_runs_lie(recipe, full):
    medians = np.median([figures(recipe, seed) for seed in range(recipe.seeds if full else FEW)], axis=0)
    outside = []
    for name, median in zip(FIGURES, medians, strict=True):
        low, high = recipe.ranges[name]
        margin = 0.0 if full else WIDER * (high - low)
        if not low - margin <= median <= high + margin:
            outside.append(f"{name} {median:.4f} is not within {margin:.4f} of {low} to {high}")
    assert not outside


def perceptron() -> nn.Sequential:
    return nn.MLP(hidden=(128, 64), outputs=10, dropout=0.2, output_activation="softmax")


def digits_accuracy(seed: int) -> float:
    """Held-out accuracy on the digits of scikit-learn: the last fifth of a fixed shuffle is held out."""
    datasets = pytest.importorskip("sklearn.datasets")
    x, y = datasets.load_digits(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(x))
    x, y = x[order] / 16, y[order]
    cut = len(x) - len(x) // 5
    nn.set_random_seed(seed)
    model = perceptron()
    model.compile(decayed_sgd(), "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(x[:cut], y[:cut], batch_size=32, epochs=30)
    return measures(model, perceptron, x[cut:], y[cut:])[1]


@pytest.mark.slow
def test_digits_are_read_with_97_percent(full):
    """With few seeds 96.5: held-out digits are 359, so that a digit is 0.3 percent."""
    assert np.median([digits_accuracy(seed) for seed in range(5 if full else FEW)]) >= (
        0.97 if full else 0.965
    )
