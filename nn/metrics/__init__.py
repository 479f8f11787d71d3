"""Metrics by class and by name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..arguments import called
from ..constructors import snake_case
from ..errors import lookup
from ..losses import LOSSES, Loss
from .accuracy import (
    Accuracy,
    BinaryAccuracy,
    CategoricalAccuracy,
    SparseCategoricalAccuracy,
    SparseTopKCategoricalAccuracy,
    TopKCategoricalAccuracy,
)
from .base import LossMetric, Mean, Metric
from .confusion import ConfusionMatrix, F1Score, FBetaScore, Precision, Recall
from .ranking import AUC
from .regression import MeanAbsoluteError, MeanSquaredError, R2Score, RootMeanSquaredError

__all__ = [
    "AUC",
    "METRICS",
    "Accuracy",
    "BinaryAccuracy",
    "CategoricalAccuracy",
    "ConfusionMatrix",
    "F1Score",
    "FBetaScore",
    "LossMetric",
    "Mean",
    "MeanAbsoluteError",
    "MeanSquaredError",
    "Metric",
    "Precision",
    "R2Score",
    "Recall",
    "RootMeanSquaredError",
    "SparseCategoricalAccuracy",
    "SparseTopKCategoricalAccuracy",
    "TopKCategoricalAccuracy",
    "get",
]

_CLASSES = [
    kind
    for kind in map(globals().get, __all__)
    if isinstance(kind, type)
    and issubclass(kind, Metric)
    and kind not in (Metric, LossMetric, Mean, ConfusionMatrix)
]
METRICS: dict[str, Callable[..., Metric]] = {
    **{name: lambda name, loss=loss: LossMetric(loss(), name) for name, loss in LOSSES.items()},
    **{snake_case(kind.__name__).replace("f_beta", "fbeta"): kind for kind in _CLASSES},
    "acc": Accuracy,
    "mae": MeanAbsoluteError,
    "mse": MeanSquaredError,
}
_BY_CLASS_NAME: dict[str, Callable[..., Metric]] = {
    kind.__name__: kind for kind in METRICS.values() if isinstance(kind, type)
}


def get(metric: Any) -> Metric:
    """A metric by name ("auc" or "AUC"), the object itself, or a function of (y_true, y_pred)."""
    if isinstance(metric, type) and issubclass(metric, (Metric, Loss)):
        metric = metric()  # type: ignore[call-arg]
    if isinstance(metric, Metric):
        return metric
    if isinstance(metric, Loss):
        return LossMetric(metric, type(metric).__name__)
    if called("metric", metric, 2, "(y_true, y_pred)") is not None:
        return LossMetric(metric, getattr(metric, "__name__", "metric"))
    known = isinstance(metric, str) and metric in _BY_CLASS_NAME
    return lookup("metric", metric, _BY_CLASS_NAME if known else METRICS)(name=metric)
