"""How parameters begin. Each call draws fresh values from the default generator of `autograd.random`.

Variance scaling: Glorot & Bengio 2010 (`glorot`), He et al. 2015 (`he`), LeCun et al. 1998 (`lecun`).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import autograd as ag
from autograd import Tensor, random

from .errors import lookup

Initializer = Callable[..., Tensor]
# the standard deviation of a standard normal cut off at 2 sigma
_TRUNCATED_STD = 0.87962566103423978


def fans(shape: tuple[int, ...]) -> tuple[int, int]:
    """(inputs, outputs) of one unit: the last two axes, times the size of the window for convolutions."""
    if len(shape) < 2:
        size = shape[0] if shape else 1
        return size, size
    window = math.prod(shape[:-2])
    return shape[-2] * window, shape[-1] * window


def zeros(shape: tuple[int, ...], dtype: Any = "float32") -> Tensor:
    """All 0."""
    return ag.zeros(shape, dtype)


def ones(shape: tuple[int, ...], dtype: Any = "float32") -> Tensor:
    """All 1."""
    return ag.ones(shape, dtype)


def truncated_normal(
    shape: tuple[int, ...], dtype: Any = "float32", mean: float = 0.0, stddev: float = 0.05
) -> Tensor:
    """Normal numbers; those beyond 2 standard deviations are drawn again."""
    values = random.normal(shape, dtype=dtype)
    while True:
        outside = abs(values) > 2
        if not outside.any():
            return values * stddev + mean
        values = ag.where(outside, random.normal(shape, dtype=dtype), values)


def random_normal(
    shape: tuple[int, ...], dtype: Any = "float32", mean: float = 0.0, stddev: float = 0.05
) -> Tensor:
    """Normal numbers."""
    return random.normal(shape, mean, stddev, dtype)


def random_uniform(
    shape: tuple[int, ...], dtype: Any = "float32", minval: float = -0.05, maxval: float = 0.05
) -> Tensor:
    """Numbers spread evenly over [minval, maxval)."""
    return random.uniform(shape, minval, maxval, dtype)


def _scaled(scale: float, mode: str, distribution: str) -> Initializer:
    def initialise(shape: tuple[int, ...], dtype: Any = "float32") -> Tensor:
        inputs, outputs = fans(shape)
        variance = scale / max(1.0, (inputs + outputs) / 2 if mode == "average" else inputs)
        if distribution == "uniform":
            limit = math.sqrt(3 * variance)
            return random.uniform(shape, -limit, limit, dtype)
        return truncated_normal(shape, dtype, stddev=math.sqrt(variance) / _TRUNCATED_STD)

    return initialise


glorot_uniform = _scaled(1, "average", "uniform")
glorot_normal = _scaled(1, "average", "normal")
he_uniform = _scaled(2, "inputs", "uniform")
he_normal = _scaled(2, "inputs", "normal")
lecun_uniform = _scaled(1, "inputs", "uniform")
lecun_normal = _scaled(1, "inputs", "normal")

INITIALIZERS: dict[str, Initializer] = {
    "zeros": zeros,
    "ones": ones,
    "truncated_normal": truncated_normal,
    "random_normal": random_normal,
    "random_uniform": random_uniform,
    "uniform": random_uniform,
    "glorot_uniform": glorot_uniform,
    "glorot_normal": glorot_normal,
    "he_uniform": he_uniform,
    "he_normal": he_normal,
    "lecun_uniform": lecun_uniform,
    "lecun_normal": lecun_normal,
}


def get(initializer: str | Initializer) -> Initializer:
    """An initializer by name, or the function itself: `f(shape, dtype) -> Tensor`."""
    return (
        initializer if callable(initializer) else lookup("initializer", initializer, INITIALIZERS)
    )
