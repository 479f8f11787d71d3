"""Datasets that are drawn: points in the plane that tell networks apart, and waves; the same for a seed.

Rows are drawn independently, so the last ones are as good a test as any.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ..arguments import COUNT, FRACTION, NOT_NEGATIVE, SEED
from .shipped import Array, Split

Draw = Any
"""A generator of NumPy."""


class Drawn:
    """A dataset that a function draws.

    Args:
        name, about: for people.
        rows: (generator, number of rows, noise) to (x, y).
        samples, noise: the defaults of `load_data`.
    """

    def __init__(
        self,
        name: str,
        about: str,
        rows: Callable[[Draw, int, float], tuple[Array, Array]],
        samples: int = 1000,
        noise: float = 0.1,
    ) -> None:
        self.name, self._rows, self._samples, self._noise = name, rows, samples, noise
        self.__doc__ = about

    def __repr__(self) -> str:
        return f"<dataset {self.name}: {self.__doc__}>"

    def load_data(
        self,
        samples: int | None = None,
        noise: float | None = None,
        seed: int = 0,
        test_split: float = 0.2,
    ) -> Split:
        """Inputs of float32, and the numbers of classes of int64.

        Args:
            samples: rows, those for the test with them; default 1,000, of waves and MNIST-1D 5,000.
            noise: the standard deviation of what is added to the inputs; default 0.1, of blobs 0.6, of waves
                1, of MNIST-1D 0.25.
            seed: of NumPy's `default_rng`.
            test_split: the share of the rows, the last ones, for the test.

        >>> import nn
        >>> (x_train, y_train), (x_test, y_test) = nn.datasets.moons.load_data(samples=500)
        >>> x_train.shape, y_test.shape
        ((400, 2), (100,))
        """
        owner = f"datasets.{self.name}"
        count = COUNT.checked(owner, "samples", self._samples if samples is None else samples)
        spread = NOT_NEGATIVE.checked(owner, "noise", self._noise if noise is None else noise)
        if SEED.checked(owner, "seed", seed) is None:
            SEED.but(optional=False).checked(owner, "seed", seed)
        share = FRACTION.checked(owner, "test_split", test_split)
        x, y = self._rows(np.random.default_rng(seed), count, spread)
        cut = round(count * (1 - share))
        x, y = x.astype(np.float32), y.astype(np.int64)
        return (x[:cut], y[:cut]), (x[cut:], y[cut:])


def _noisy(draw: Draw, x: Array, noise: float) -> Array:
    result: Array = x + noise * draw.normal(size=x.shape)
    return result


def _blobs(draw: Draw, count: int, noise: float) -> tuple[Array, Array]:
    y = draw.integers(0, 3, count)
    angles = y * (2 * math.pi / 3)
    return _noisy(draw, 2 * np.stack([np.cos(angles), np.sin(angles)], 1), noise), y


def _moons(draw: Draw, count: int, noise: float) -> tuple[Array, Array]:
    y, angles = draw.integers(0, 2, count), draw.uniform(0, math.pi, count)
    sides = 1 - 2 * y
    x = np.stack([y + sides * np.cos(angles), y / 2 + sides * np.sin(angles)], 1)
    return _noisy(draw, x, noise), y


def _circles(draw: Draw, count: int, noise: float) -> tuple[Array, Array]:
    y, angles = draw.integers(0, 2, count), draw.uniform(0, 2 * math.pi, count)
    x = (1 - y / 2)[:, None] * np.stack([np.cos(angles), np.sin(angles)], 1)
    return _noisy(draw, x, noise), y


def _spirals(draw: Draw, count: int, noise: float) -> tuple[Array, Array]:
    y, along = draw.integers(0, 2, count), np.sqrt(draw.uniform(0, 1, count))
    angles = 3 * math.pi * along + math.pi * y
    x = 3 * along[:, None] * np.stack([np.cos(angles), np.sin(angles)], 1)
    return _noisy(draw, x, noise), y


def _xor(draw: Draw, count: int, noise: float) -> tuple[Array, Array]:
    x = draw.uniform(-1, 1, (count, 2))
    return _noisy(draw, x, noise), x[:, 0] * x[:, 1] < 0


def _waves(draw: Draw, count: int, noise: float) -> tuple[Array, Array]:
    times = np.linspace(0, 2 * np.pi, 40)
    strengths = draw.normal(size=(10, 5, 2)) / np.arange(1, 6)[:, None]
    y = draw.integers(0, 10, count)
    moved = times + draw.uniform(0, 3, (count, 1))
    angles = moved[:, None, :] * np.arange(1, 6)[:, None]
    chosen = strengths[y]
    signal = (chosen[..., :1] * np.sin(angles) + chosen[..., 1:] * np.cos(angles)).sum(axis=1)
    return _noisy(draw, signal * draw.uniform(0.6, 1.4, (count, 1)), noise), y


blobs = Drawn("blobs", "three round clouds in the plane; a line tells two of them apart", _blobs, noise=0.6)
moons = Drawn("moons", "two half moons in the plane, each in the other's opening", _moons)
circles = Drawn("circles", "a circle of radius 1 / 2 in one of radius 1", _circles)
spirals = Drawn("spirals", "two spirals in the plane, one and a half turns each", _spirals)
xor = Drawn("xor", "points of a square, by whether their signs differ, of before the noise", _xor)
waves = Drawn(
    "waves",
    "ten smooth waves of 40 points, moved, scaled and noisy; of the size of MNIST-1D",
    _waves,
    5000,
    1.0,
)
