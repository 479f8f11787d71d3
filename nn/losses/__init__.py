"""Losses by class, by function and by name."""

from __future__ import annotations

from typing import Any

from ..arguments import called
from ..errors import lookup
from .base import FunctionLoss, Loss
from .crossentropy import (
    BinaryCrossentropy,
    BinaryFocalCrossentropy,
    CategoricalCrossentropy,
    SparseCategoricalCrossentropy,
    binary_crossentropy,
    binary_focal_crossentropy,
    categorical_crossentropy,
    sparse_categorical_crossentropy,
)
from .margin import (
    CategoricalHinge,
    Hinge,
    SquaredHinge,
    categorical_hinge,
    hinge,
    squared_hinge,
)
from .probabilistic import KLDivergence, Poisson, kl_divergence, poisson
from .regression import (
    CosineSimilarity,
    Huber,
    LogCosh,
    MeanAbsoluteError,
    MeanAbsolutePercentageError,
    MeanSquaredError,
    MeanSquaredLogarithmicError,
    cosine_similarity,
    huber,
    log_cosh,
    mean_absolute_error,
    mean_absolute_percentage_error,
    mean_squared_error,
    mean_squared_logarithmic_error,
)

__all__ = [
    "LOSSES",
    "BinaryCrossentropy",
    "BinaryFocalCrossentropy",
    "CategoricalCrossentropy",
    "CategoricalHinge",
    "CosineSimilarity",
    "FunctionLoss",
    "Hinge",
    "Huber",
    "KLDivergence",
    "LogCosh",
    "Loss",
    "MeanAbsoluteError",
    "MeanAbsolutePercentageError",
    "MeanSquaredError",
    "MeanSquaredLogarithmicError",
    "Poisson",
    "SparseCategoricalCrossentropy",
    "SquaredHinge",
    "binary_crossentropy",
    "binary_focal_crossentropy",
    "categorical_crossentropy",
    "categorical_hinge",
    "cosine_similarity",
    "get",
    "hinge",
    "huber",
    "kl_divergence",
    "log_cosh",
    "mean_absolute_error",
    "mean_absolute_percentage_error",
    "mean_squared_error",
    "mean_squared_logarithmic_error",
    "poisson",
    "sparse_categorical_crossentropy",
    "squared_hinge",
]

_FUNCTIONS: list[Any] = [f for f in map(globals().get, __all__) if hasattr(f, "short")]
LOSSES: dict[str, type[Loss]] = {
    name: f.loss for f in _FUNCTIONS for name in (f.__name__, *f.short)
}
"""The names of Keras's functions, and the short ones: what an error message suggests."""
_ALSO: dict[str, type[Loss]] = {
    name: f.loss
    for f in _FUNCTIONS
    for name in (f.loss.__name__, *(short.upper() for short in f.short))
}


def get(loss: Any) -> Loss:
    """A loss by name, the object itself, or a function of (y_true, y_pred).

    A function of this module stands for its class, so that the whole target is checked and the model can be saved.

    Raises:
        ArgumentError: an unknown name, with the nearest known one.
    """
    if isinstance(loss, Loss):
        return loss
    if isinstance(loss, type) and issubclass(loss, Loss):
        return loss()
    for function in _FUNCTIONS:
        if loss is function:
            chosen: Loss = function.loss()
            return chosen
    if called("loss", loss, 2, "(y_true, y_pred)") is not None:
        return FunctionLoss(loss)
    return lookup("loss", loss, LOSSES, _ALSO)()
