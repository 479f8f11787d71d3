"""Datasets that are in the package: digits, iris and pima; `data/README.md` says where they are from."""

from __future__ import annotations

import csv
import gzip
from pathlib import Path
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]
Split = tuple[tuple[Array, Array], tuple[Array, Array]]
"""((x_train, y_train), (x_test, y_test))."""
FOLDER = Path(__file__).parent / "data"


class Digits:
    """1,797 handwritten digits of 8 x 8 pixels, a small stand-in for MNIST."""

    def load_data(self) -> Split:
        """Images (n, 8, 8) of uint8 from 0 to 16, and the digits; every fifth row, 359, is for the test.

        >>> import nn
        >>> (x_train, y_train), (x_test, y_test) = nn.datasets.digits.load_data()
        >>> x_train.shape, y_test.shape
        ((1438, 8, 8), (359,))
        """
        with gzip.open(FOLDER / "digits.csv.gz", "rt") as file:
            table = np.loadtxt(file, delimiter=",").astype(np.uint8)
        return _every_fifth(table[:, :-1].reshape(-1, 8, 8), table[:, -1])


class Iris:
    """150 iris flowers of three species, four measurements each."""

    feature_names = ("sepal_length", "sepal_width", "petal_length", "petal_width")
    class_names = ("setosa", "versicolor", "virginica")

    def load_data(self) -> Split:
        """Centimetres (n, 4) of float32, and numbers of `class_names`; every fifth row, 30, is for the test.

        >>> import nn
        >>> (x_train, y_train), (x_test, y_test) = nn.datasets.iris.load_data()
        >>> x_train.shape, sorted(set(y_test.tolist()))
        ((120, 4), [0, 1, 2])
        """
        table = np.loadtxt(FOLDER / "iris.csv", delimiter=",", skiprows=1)
        return _every_fifth(table[:, :4].astype(np.float32), table[:, 4].astype(np.int64))


class Pima:
    """532 women of the Pima, seven measurements each, and whether they have diabetes."""

    feature_names = ("npreg", "glu", "bp", "skin", "bmi", "ped", "age")

    def load_data(self) -> Split:
        """Measurements (n, 7) of float32, and 1 for diabetes; 200 rows to train, 332 for the test.

        >>> import nn
        >>> (x_train, y_train), (x_test, y_test) = nn.datasets.pima.load_data()
        >>> x_train.shape, x_test.shape
        ((200, 7), (332, 7))
        """
        with open(FOLDER / "pima.csv", newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        x = np.array([[float(row[name]) for name in self.feature_names] for row in rows], np.float32)
        y = np.array([int(row["type"]) for row in rows])
        train = np.array([row["split"] == "train" for row in rows])
        return (x[train], y[train]), (x[~train], y[~train])


def _every_fifth(x: Array, y: Array) -> Split:
    test = np.arange(len(x)) % 5 == 4
    return (x[~test], y[~test]), (x[test], y[test])


digits, iris, pima = Digits(), Iris(), Pima()
