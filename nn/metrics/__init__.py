"""Metrics by class and by name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..arguments import called
from ..constructors import snake_case
from ..errors import lookup
from ..exports import exported as _exported
from ..losses import LOSSES, Loss
from .accuracy import Accuracy as Accuracy
from .accuracy import BinaryAccuracy as BinaryAccuracy
from .accuracy import CategoricalAccuracy as CategoricalAccuracy
from .accuracy import SparseCategoricalAccuracy as SparseCategoricalAccuracy
from .accuracy import SparseTopKCategoricalAccuracy as SparseTopKCategoricalAccuracy
from .accuracy import TopKCategoricalAccuracy as TopKCategoricalAccuracy
from .base import LossMetric as LossMetric
from .base import Mean as Mean
from .base import Metric as Metric
from .confusion import ConfusionMatrix as ConfusionMatrix
from .confusion import F1Score as F1Score
from .confusion import FBetaScore as FBetaScore
from .confusion import Precision as Precision
from .confusion import Recall as Recall
from .ranking import AUC as AUC
from .regression import MeanAbsoluteError as MeanAbsoluteError
from .regression import MeanSquaredError as MeanSquaredError
from .regression import R2Score as R2Score
from .regression import RootMeanSquaredError as RootMeanSquaredError

__all__ = _exported(__name__, "METRICS", "get")

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
