"""MNIST-1D: ten shapes of twelve points, padded, stretched, moved, sheared, with noise; forty numbers a row.

The recipe, its templates and its numbers are those of Greydanus and Kobak, "Scaling down deep learning with
MNIST-1D", ICML 2024 (arXiv:2011.14439). They are drawn here with NumPy's new generator: other rows of the
same kind.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .made import Draw, Drawn
from .shipped import Array

TEMPLATES = (
    (5, 6, 6.5, 6.75, 7, 7, 7, 7, 6.75, 6.5, 6, 5),
    (5, 3, 3, 3.4, 3.8, 4.2, 4.6, 5, 5.4, 5.8, 5, 5),
    (5, 6, 6.5, 6.5, 6, 5.25, 4.75, 4, 3.5, 3.5, 4, 5),
    (5, 6, 6.5, 6.5, 6, 5, 5, 6, 6.5, 6.5, 6, 5),
    (5, 4.4, 3.8, 3.2, 2.6, 2.6, 5, 5, 5, 5, 5, 5),
    (5, 3, 3, 3, 3, 5, 6, 6.5, 6.5, 6, 4.5, 5),
    (5, 4, 3.5, 3.25, 3, 3, 3, 3, 3.25, 3.5, 4, 5),
    (5, 7, 7, 6.6, 6.2, 5.8, 5.4, 5, 4.6, 4.2, 5, 5),
    (5, 4, 3.5, 3.5, 4, 5, 5, 4, 3.5, 3.5, 4, 5),
    (5, 4, 3.5, 3.5, 4, 5, 5, 5, 5, 4.7, 4.3, 5),
)
"""A row for each digit."""
PADDING, TRANSLATION = (36, 60), 48
SCALE, SHEAR, WHITE_NOISE = 0.4, 0.75, 0.02
SMOOTHING, LENGTH = 2.0, 40
"""Standard deviation, in points, of the filter that correlates the noise; points of a row."""


def _shapes() -> Array:
    """The templates: mean 0 and deviation 1, then begun at 0, and a sixth of that."""
    x = np.asarray(TEMPLATES, np.float64)
    x = (x - x.mean(1, keepdims=True)) / x.std(1, keepdims=True)
    result: Array = (x - x[:, :1]) / 6.0
    return result


def _at(rows: Array, places: Array) -> Array:
    """Each row read between its points, at `places` that count them from 0."""
    left = np.minimum(places.astype(np.int64), rows.shape[1] - 2)
    low, high = (np.take_along_axis(rows, left + i, 1) for i in (0, 1))
    result: Array = low + (places - left) * (high - low)
    return result


def _smooth(rows: Array) -> Array:
    """Rows through a Gaussian filter, mirrored at their ends."""
    reach = round(4 * SMOOTHING)
    weights = np.exp(-0.5 * (np.arange(-reach, reach + 1) / SMOOTHING) ** 2)
    padded = np.pad(rows, ((0, 0), (reach, reach)), "symmetric")
    windows = np.lib.stride_tricks.sliding_window_view(padded, weights.size, axis=1)
    result: Array = windows @ (weights / weights.sum())
    return result


def rows(draw: Draw, count: int, noise: float) -> tuple[Array, Any]:
    """(x, y): rows of 40, of mean 0 and deviation 1 in all, and their digits; `noise` where no shape is."""
    y = draw.integers(0, len(TEMPLATES), count)
    shape, points = _shapes(), len(TEMPLATES[0])
    whole = points + PADDING[1]
    # a little more than 0, which tells a shape from the padding behind it
    x = np.pad(shape[y] + 1e-8, ((0, 0), (0, PADDING[1])))
    lengths = points + draw.integers(PADDING[0], PADDING[1] + 1, count)
    x = _at(x, np.linspace(0.0, 1.0, whole) * (lengths[:, None] - 1))
    x *= 1 + SCALE * draw.uniform(-0.5, 0.5, (count, 1))
    moved = (np.arange(whole) - draw.integers(0, TRANSLATION, (count, 1))) % whole
    x = np.take_along_axis(x, moved, 1)
    x = np.where(x != 0, x, _smooth(noise * draw.normal(size=x.shape)))
    x += WHITE_NOISE * draw.normal(size=x.shape)
    x -= SHEAR * draw.uniform(-0.5, 0.5, (count, 1)) * np.linspace(-0.5, 0.5, whole)
    x = _at(x, np.broadcast_to(np.linspace(0.0, whole - 1, LENGTH), (count, LENGTH)))
    return (x - x.mean()) / x.std(), y


mnist1d = Drawn("mnist1d", "forty numbers a row, shapes of ten digits; 5,000 rows", rows, 5000, 0.25)
