"""Metrics by class and by name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..errors import lookup
from ..losses import LOSSES, Loss
from .accuracy import Accuracy, BinaryAccuracy, CategoricalAccuracy, SparseCategoricalAccuracy
from .base import LossMetric, Metric

__all__ = [
    "METRICS",
    "Accuracy",
    "BinaryAccuracy",
    "CategoricalAccuracy",
    "LossMetric",
    "Metric",
    "SparseCategoricalAccuracy",
    "get",
]

METRICS: dict[str, Callable[[str], Metric]] = {
    "accuracy": Accuracy,
    "acc": Accuracy,
    "binary_accuracy": BinaryAccuracy,
    "categorical_accuracy": CategoricalAccuracy,
    "sparse_categorical_accuracy": SparseCategoricalAccuracy,
    **{name: lambda given, loss=loss: LossMetric(loss(), given) for name, loss in LOSSES.items()},  # type: ignore[misc]
}


def get(metric: Any) -> Metric:
    """A metric by name, the object itself, or a function of (y_true, y_pred)."""
    if isinstance(metric, type) and issubclass(metric, (Metric, Loss)):
        metric = metric()  # type: ignore[call-arg]
    if isinstance(metric, Metric):
        return metric
    if isinstance(metric, Loss):
        return LossMetric(metric, type(metric).__name__)
    if callable(metric):
        return LossMetric(metric, getattr(metric, "__name__", "metric"))
    return lookup("metric", metric, METRICS)(metric)
