"""What the lessons share: their command line, the data of the first lab, and writing pictures."""

from __future__ import annotations

import argparse
import csv
from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl
import numpy as np

mpl.use("Agg")
import matplotlib.pyplot as plt

HERE = Path(__file__).parent
INPUTS = ("npreg", "glu", "bp", "skin", "bmi", "ped", "age")


def options(description: str | None, name: str, **numbers: int) -> argparse.Namespace:
    """`--picture` and an option for each of `numbers` with its default."""
    parser = argparse.ArgumentParser(description=description)
    for option, default in numbers.items():
        parser.add_argument(f"--{option}", type=int, default=default)
    parser.add_argument("--picture", type=Path, default=HERE / "out" / f"{name}.png")
    return parser.parse_args()


def pima() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """(train inputs, train targets, test inputs, test targets) of 532 patients, standardised with the training rows."""
    with open(HERE.parent / "nn" / "datasets" / "data" / "pima.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    x = np.array([[float(row[name]) for name in INPUTS] for row in rows])
    y = np.array([float(row["type"]) for row in rows])
    train = np.array([row["split"] == "train" for row in rows])
    x = (x - x[train].mean(axis=0)) / x[train].std(axis=0)
    return x[train], y[train], x[~train], y[~train]


def digits(train: int = 1400) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """(train images, train classes, test images, test classes): 8x8 real handwritten digits, values from 0 to 1."""
    from sklearn.datasets import load_digits

    data = load_digits()
    order = np.random.default_rng(0).permutation(len(data.target))
    x, y = (data.data[order] / 16).astype(np.float32), data.target[order]
    return x[:train], y[:train], x[train:], y[train:]


def panels(count: int, width: float = 4.4, height: float = 3.6) -> tuple[plt.Figure, Sequence[plt.Axes]]:  # fmt: skip
    """A figure with `count` axes beside each other, each with a light grid."""
    figure, axes = plt.subplots(1, count, figsize=(width * count, height), squeeze=False)
    for axis in axes[0]:
        axis.grid(alpha=0.3)
    return figure, axes[0]


def save(figure: plt.Figure, path: Path) -> Path:
    """Write a figure and free it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.tight_layout()
    figure.savefig(path, dpi=120)
    plt.close(figure)
    return path
