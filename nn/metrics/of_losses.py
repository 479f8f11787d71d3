"""The losses as metrics, by class, with Keras's names and arguments: the mean of the loss of each row.

The losses are `nn.BinaryCrossentropy` ..., the metrics `nn.metrics.BinaryCrossentropy` ... Penalties and
weights of a model are no part of them.
"""

from __future__ import annotations

from typing import Any, ClassVar

from autograd import Tensor

from .. import losses
from ..arguments import FLAG, INTEGER, POSITIVE, SHARE
from ..constructors import OWN_NAME, argument, arguments_of, common, constructor
from ..losses import Loss
from .base import OfLoss


@common
class NamedLossMetric(OfLoss):
    """Base of the losses as metrics: the arguments of a metric, besides its name, are those of its loss."""

    loss_class: ClassVar[type[Loss]]
    name: str = argument(default=OWN_NAME)

    @property
    def loss(self) -> Any:
        """The loss, with the arguments that the metric has now."""
        names = [name for name in arguments_of(type(self)) if name != "name"]
        return self.loss_class(**{name: getattr(self, name) for name in names})


@constructor
class BinaryCrossentropy(NamedLossMetric):
    """The mean of `nn.BinaryCrossentropy`.

    Args:
        name: in the logs.
        from_logits, label_smoothing, axis: as in the loss.

    >>> import nn
    >>> metric = nn.metrics.BinaryCrossentropy(); metric.update([[1.0]], [[0.5]]); round(metric.result(), 4)
    0.6931
    """

    saved_as: ClassVar[str] = "metrics.BinaryCrossentropy"
    loss_class: ClassVar[type[Loss]] = losses.BinaryCrossentropy
    from_logits: bool = argument(FLAG, default=False)
    label_smoothing: float = argument(SHARE, default=0.0)
    axis: int = argument(INTEGER, default=-1)


@constructor
class CategoricalCrossentropy(NamedLossMetric):
    """The mean of `nn.CategoricalCrossentropy`, for one-hot rows.

    Args:
        name: in the logs.
        from_logits, label_smoothing, axis: as in the loss.

    >>> import nn
    >>> metric = nn.metrics.CategoricalCrossentropy(); metric.update([[0.0, 1.0]], [[0.5, 0.5]])
    >>> round(metric.result(), 4)
    0.6931
    """

    saved_as: ClassVar[str] = "metrics.CategoricalCrossentropy"
    loss_class: ClassVar[type[Loss]] = losses.CategoricalCrossentropy
    from_logits: bool = argument(FLAG, default=False)
    label_smoothing: float = argument(SHARE, default=0.0)
    axis: int = argument(INTEGER, default=-1)


@constructor
class SparseCategoricalCrossentropy(NamedLossMetric):
    """The mean of `nn.SparseCategoricalCrossentropy`, for class numbers.

    Args:
        name: in the logs.
        from_logits, axis: as in the loss.

    >>> import nn
    >>> metric = nn.metrics.SparseCategoricalCrossentropy(); metric.update([1], [[0.5, 0.5]])
    >>> round(metric.result(), 4)
    0.6931
    """

    saved_as: ClassVar[str] = "metrics.SparseCategoricalCrossentropy"
    loss_class: ClassVar[type[Loss]] = losses.SparseCategoricalCrossentropy
    from_logits: bool = argument(FLAG, default=False)
    axis: int = argument(INTEGER, default=-1)


@constructor
class KLDivergence(NamedLossMetric):
    """The mean of `nn.KLDivergence`.

    >>> import nn
    >>> metric = nn.metrics.KLDivergence(); metric.update([[0.5, 0.5]], [[0.25, 0.75]])
    >>> round(metric.result(), 4)
    0.1438
    """

    saved_as: ClassVar[str] = "metrics.KLDivergence"
    loss_class: ClassVar[type[Loss]] = losses.KLDivergence


@constructor
class Poisson(NamedLossMetric):
    """The mean of `nn.Poisson`.

    >>> import nn
    >>> metric = nn.metrics.Poisson(); metric.update([[1.0]], [[2.0]]); round(metric.result(), 4)
    1.3069
    """

    saved_as: ClassVar[str] = "metrics.Poisson"
    loss_class: ClassVar[type[Loss]] = losses.Poisson


@constructor
class MeanAbsolutePercentageError(NamedLossMetric):
    """The mean of `nn.MeanAbsolutePercentageError`, in percent.

    >>> import nn
    >>> metric = nn.metrics.MeanAbsolutePercentageError(); metric.update([[2.0]], [[1.0]]); metric.result()
    50.0
    """

    saved_as: ClassVar[str] = "metrics.MeanAbsolutePercentageError"
    loss_class: ClassVar[type[Loss]] = losses.MeanAbsolutePercentageError


@constructor
class MeanSquaredLogarithmicError(NamedLossMetric):
    """The mean of `nn.MeanSquaredLogarithmicError`.

    >>> import nn
    >>> metric = nn.metrics.MeanSquaredLogarithmicError(); metric.update([[0.0]], [[1.0]])
    >>> round(metric.result(), 4)
    0.4805
    """

    saved_as: ClassVar[str] = "metrics.MeanSquaredLogarithmicError"
    loss_class: ClassVar[type[Loss]] = losses.MeanSquaredLogarithmicError


@constructor
class LogCoshError(NamedLossMetric):
    """The mean of `nn.LogCosh`.

    >>> import nn
    >>> metric = nn.metrics.LogCoshError(); metric.update([[0.0]], [[1.0]]); round(metric.result(), 4)
    0.4338
    """

    loss_class: ClassVar[type[Loss]] = losses.LogCosh
    name: str = argument(default="logcosh")


@constructor
class Huber(NamedLossMetric):
    """The mean of `nn.Huber`.

    Args:
        name: in the logs.
        delta: as in the loss.

    >>> import nn
    >>> metric = nn.metrics.Huber(); metric.update([[0.0]], [[0.5]]); metric.result()
    0.125
    """

    saved_as: ClassVar[str] = "metrics.Huber"
    loss_class: ClassVar[type[Loss]] = losses.Huber
    delta: float = argument(POSITIVE, default=1.0)


@constructor
class Hinge(NamedLossMetric):
    """The mean of `nn.Hinge`; targets 0 and 1 become -1 and 1.

    >>> import nn
    >>> metric = nn.metrics.Hinge(); metric.update([[0.0], [1.0]], [[-0.5], [2.0]]); metric.result()
    0.25
    """

    saved_as: ClassVar[str] = "metrics.Hinge"
    loss_class: ClassVar[type[Loss]] = losses.Hinge


@constructor
class SquaredHinge(NamedLossMetric):
    """The mean of `nn.SquaredHinge`; targets 0 and 1 become -1 and 1.

    >>> import nn
    >>> metric = nn.metrics.SquaredHinge(); metric.update([[0.0], [1.0]], [[-0.5], [2.0]]); metric.result()
    0.125
    """

    saved_as: ClassVar[str] = "metrics.SquaredHinge"
    loss_class: ClassVar[type[Loss]] = losses.SquaredHinge


@constructor
class CategoricalHinge(NamedLossMetric):
    """The mean of `nn.CategoricalHinge`, for one-hot rows.

    >>> import nn
    >>> metric = nn.metrics.CategoricalHinge(); metric.update([[0.0, 1.0]], [[0.25, 0.5]]); metric.result()
    0.75
    """

    saved_as: ClassVar[str] = "metrics.CategoricalHinge"
    loss_class: ClassVar[type[Loss]] = losses.CategoricalHinge


@constructor
class CosineSimilarity(NamedLossMetric):
    """The mean cosine of the angle between targets and predictions: 1 when they point the same way.

    The loss of this name is minus that.

    Args:
        name: in the logs.
        axis: of the vectors.

    >>> import nn
    >>> metric = nn.metrics.CosineSimilarity(); metric.update([[3.0, 4.0]], [[3.0, 4.0]]); metric.result()
    1.0
    """

    saved_as: ClassVar[str] = "metrics.CosineSimilarity"
    loss_class: ClassVar[type[Loss]] = losses.CosineSimilarity
    axis: int = argument(INTEGER, default=-1)

    def values(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        return -super().values(y_true, y_pred)
