"""Metrics by class, by function and by name."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING as _TYPE_CHECKING
from typing import Any

from .. import losses as _losses
from ..arguments import called, takes
from ..configured import deserializer as _deserializer
from ..configured import is_description as _is_description
from ..configured import serialize as serialize
from ..constructors import snake_case
from ..errors import ArgumentError, lookup
from ..exports import absent as _absent
from ..exports import exported as _exported
from ..losses import LOSSES, Loss
from ..losses import binary_crossentropy as binary_crossentropy
from ..losses import binary_focal_crossentropy as binary_focal_crossentropy
from ..losses import categorical_crossentropy as categorical_crossentropy
from ..losses import categorical_focal_crossentropy as categorical_focal_crossentropy
from ..losses import categorical_hinge as categorical_hinge
from ..losses import hinge as hinge
from ..losses import huber as huber
from ..losses import kl_divergence as kl_divergence
from ..losses import log_cosh as log_cosh
from ..losses import mean_absolute_error as mean_absolute_error
from ..losses import mean_absolute_percentage_error as mean_absolute_percentage_error
from ..losses import mean_squared_error as mean_squared_error
from ..losses import mean_squared_logarithmic_error as mean_squared_logarithmic_error
from ..losses import poisson as poisson
from ..losses import sparse_categorical_crossentropy as sparse_categorical_crossentropy
from ..losses import squared_hinge as squared_hinge
from .accuracy import Accuracy as Accuracy
from .accuracy import BinaryAccuracy as BinaryAccuracy
from .accuracy import CategoricalAccuracy as CategoricalAccuracy
from .accuracy import MatchingAccuracy as MatchingAccuracy
from .accuracy import SparseCategoricalAccuracy as SparseCategoricalAccuracy
from .accuracy import SparseTopKCategoricalAccuracy as SparseTopKCategoricalAccuracy
from .accuracy import TopKCategoricalAccuracy as TopKCategoricalAccuracy
from .base import LossMetric as LossMetric
from .base import Mean as Mean
from .base import MeanMetricWrapper as MeanMetricWrapper
from .base import Metric as Metric
from .base import Sum as Sum
from .confusion import ConfusionMatrix as ConfusionMatrix
from .confusion import F1Score as F1Score
from .confusion import FBetaScore as FBetaScore
from .confusion import Precision as Precision
from .confusion import Recall as Recall
from .correlation import ConcordanceCorrelation as ConcordanceCorrelation
from .correlation import PearsonCorrelation as PearsonCorrelation
from .functions import binary_accuracy as binary_accuracy
from .functions import categorical_accuracy as categorical_accuracy
from .functions import concordance_correlation as concordance_correlation
from .functions import pearson_correlation as pearson_correlation
from .functions import sparse_categorical_accuracy as sparse_categorical_accuracy
from .functions import sparse_top_k_categorical_accuracy as sparse_top_k_categorical_accuracy
from .functions import top_k_categorical_accuracy as top_k_categorical_accuracy
from .of_losses import BinaryCrossentropy as BinaryCrossentropy
from .of_losses import CategoricalCrossentropy as CategoricalCrossentropy
from .of_losses import CategoricalHinge as CategoricalHinge
from .of_losses import CosineSimilarity as CosineSimilarity
from .of_losses import Hinge as Hinge
from .of_losses import Huber as Huber
from .of_losses import KLDivergence as KLDivergence
from .of_losses import LogCoshError as LogCoshError
from .of_losses import MeanAbsolutePercentageError as MeanAbsolutePercentageError
from .of_losses import MeanSquaredLogarithmicError as MeanSquaredLogarithmicError
from .of_losses import Poisson as Poisson
from .of_losses import SparseCategoricalCrossentropy as SparseCategoricalCrossentropy
from .of_losses import SquaredHinge as SquaredHinge
from .overlap import BinaryIoU as BinaryIoU
from .overlap import IoU as IoU
from .overlap import MeanIoU as MeanIoU
from .overlap import OneHotIoU as OneHotIoU
from .overlap import OneHotMeanIoU as OneHotMeanIoU
from .ranking import AUC as AUC
from .regression import MeanAbsoluteError as MeanAbsoluteError
from .regression import MeanSquaredError as MeanSquaredError
from .regression import R2Score as R2Score
from .regression import RootMeanSquaredError as RootMeanSquaredError
from .thresholds import FalseNegatives as FalseNegatives
from .thresholds import FalsePositives as FalsePositives
from .thresholds import PrecisionAtRecall as PrecisionAtRecall
from .thresholds import RecallAtPrecision as RecallAtPrecision
from .thresholds import SensitivityAtSpecificity as SensitivityAtSpecificity
from .thresholds import SpecificityAtSensitivity as SpecificityAtSensitivity
from .thresholds import TrueNegatives as TrueNegatives
from .thresholds import TruePositives as TruePositives

_OF_LOSSES = [
    name for name, thing in list(globals().items()) if hasattr(thing, "loss") and hasattr(thing, "short")
]
__all__ = _exported(__name__, "METRICS", "deserialize", "get", "serialize", *_OF_LOSSES)

_CLASSES: list[Any] = [
    kind
    for kind in map(globals().get, __all__)
    if isinstance(kind, type)
    and issubclass(kind, Metric)
    and kind not in (Metric, LossMetric, Mean, Sum, MeanMetricWrapper, MatchingAccuracy, ConfusionMatrix)
]
METRICS: dict[str, Callable[..., Metric]] = {
    **{name: lambda name, loss=loss: LossMetric(loss(), name) for name, loss in LOSSES.items()},
    **{snake_case(kind.__name__): kind for kind in _CLASSES},
    "accuracy": MatchingAccuracy,
    "acc": MatchingAccuracy,
    "fbeta_score": FBetaScore,
    "mae": MeanAbsoluteError,
    "mse": MeanSquaredError,
    "mape": MeanAbsolutePercentageError,
    "msle": MeanSquaredLogarithmicError,
    "bce": BinaryCrossentropy,
    "kld": KLDivergence,
    "log_cosh": LogCoshError,
    "logcosh": LogCoshError,
}
_ALSO: dict[str, Callable[..., Metric]] = {
    **{kind.__name__: kind for kind in _CLASSES},
    **{name.upper(): METRICS[name] for name in ("mae", "mse", "mape", "msle", "bce", "kld")},
}


def _by_name(name: Any) -> Metric:
    make = lookup("metric", name, METRICS, _ALSO)
    if not takes(make, 0, name=name):
        raise ArgumentError(
            f"metric {name!r} needs arguments; give the object nn.metrics.{make.__name__}(...)"
        )
    return make(name=name)


def get(identifier: Any) -> Metric:
    """A metric by name ("auc" or "AUC"), the object itself, a function of (y_true, y_pred), or a description.

    A function of this module or of `nn.losses` stands for its class, so that a model with it can be saved.
    """
    if isinstance(identifier, type) and issubclass(identifier, (Metric, Loss)):
        identifier = identifier()
    if isinstance(identifier, Metric):
        return identifier
    if _is_description(identifier):
        made: Metric = deserialize(identifier)
        return made
    if isinstance(identifier, Loss):
        return LossMetric(identifier, type(identifier).__name__)
    name = getattr(identifier, "__name__", "metric")
    if globals().get(name) is identifier or vars(_losses).get(name) is identifier:
        return _by_name(name)
    if called("metric", identifier, 2, "(y_true, y_pred)") is not None:
        return LossMetric(identifier, name)
    return _by_name(identifier)


_DESCRIBED = [*_CLASSES, Mean, Sum, MatchingAccuracy, ConfusionMatrix]
deserialize = _deserializer("metric", get, {kind.__name__: kind for kind in _DESCRIBED})

if not _TYPE_CHECKING:
    __getattr__ = _absent(__name__)
