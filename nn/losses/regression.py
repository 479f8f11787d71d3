"""Losses for numbers: how far the prediction is from the target; for counts and distributions: how unlikely.

Formulas and defaults are Keras's. Logarithms and divisions are kept away from 0 by EPSILON.
"""

from __future__ import annotations

import math

import autograd as ag
from autograd import Tensor

from ..arguments import INTEGER, POSITIVE
from ..constructors import argument, common_argument, constructor
from .base import EPSILON, Loss, align, mean_last, moved_last
from .functions import loss_function


@constructor
class MeanSquaredError(Loss):
    """mean((t - p)^2).

    Args:
        reduction, name: as in `Loss`.

    >>> import nn
    >>> nn.MeanSquaredError()([[0.0], [1.0]], [[0.0], [0.5]]).item()
    0.125
    """

    def per_sample(self, y_true: Tensor, y_pred: Tensor, from_logits: bool = False) -> Tensor:
        difference = y_pred - align("MeanSquaredError", y_true, y_pred)
        return mean_last(difference * difference)


@constructor
class MeanAbsoluteError(Loss):
    """mean(|t - p|); slope 0 where they are equal.

    Args:
        reduction, name: as in `Loss`.

    >>> import nn
    >>> nn.MeanAbsoluteError()([[0.0], [1.0]], [[0.0], [0.5]]).item()
    0.25
    """

    def per_sample(self, y_true: Tensor, y_pred: Tensor, from_logits: bool = False) -> Tensor:
        return mean_last(abs(y_pred - align("MeanAbsoluteError", y_true, y_pred)))


@constructor
class MeanAbsolutePercentageError(Loss):
    """100 mean(|t - p| / max(|t|, 1e-7)).

    Args:
        reduction, name: as in `Loss`.

    >>> import nn
    >>> nn.MeanAbsolutePercentageError()([[2.0]], [[1.0]]).item()
    50.0
    """

    def per_sample(self, y_true: Tensor, y_pred: Tensor, from_logits: bool = False) -> Tensor:
        targets = align("MeanAbsolutePercentageError", y_true, y_pred)
        return 100.0 * mean_last(abs((targets - y_pred) / abs(targets).clip(EPSILON)))


@constructor
class MeanSquaredLogarithmicError(Loss):
    """mean((log(max(p, 1e-7) + 1) - log(max(t, 1e-7) + 1))^2): the square of the ratio's logarithm.

    Args:
        reduction, name: as in `Loss`.

    >>> import nn
    >>> round(nn.MeanSquaredLogarithmicError()([[0.0]], [[1.0]]).item(), 4)
    0.4805
    """

    def per_sample(self, y_true: Tensor, y_pred: Tensor, from_logits: bool = False) -> Tensor:
        targets = align("MeanSquaredLogarithmicError", y_true, y_pred)
        difference = _log_of_one_more(y_pred) - _log_of_one_more(targets)
        return mean_last(difference * difference)


def _log_of_one_more(x: Tensor) -> Tensor:
    return (ag.maximum(x, EPSILON) + 1.0).log()


@constructor
class Huber(Loss):
    """Quadratic for errors up to `delta`, linear beyond: e^2 / 2, or delta |e| - delta^2 / 2 (Huber 1964).

    Args:
        delta: where it becomes linear, > 0.
        reduction, name: as in `Loss`.

    >>> import nn
    >>> nn.Huber()([[0.0], [0.0]], [[0.5], [3.0]]).item()
    1.3125
    """

    delta: float = argument(POSITIVE, default=1.0)
    name: str | None = common_argument(default="huber_loss", kw_only=True)

    def per_sample(self, y_true: Tensor, y_pred: Tensor, from_logits: bool = False) -> Tensor:
        error = y_pred - align("Huber", y_true, y_pred)
        size = abs(error)
        linear = self.delta * size - 0.5 * self.delta**2
        return mean_last(ag.where(size <= self.delta, 0.5 * (error * error), linear))


@constructor
class LogCosh(Loss):
    """mean(log(cosh(p - t))): e^2 / 2 for small errors, |e| - log 2 for large ones.

    Args:
        reduction, name: as in `Loss`.

    >>> import nn
    >>> round(nn.LogCosh()([[0.0]], [[1.0]]).item(), 4)
    0.4338
    """

    def per_sample(self, y_true: Tensor, y_pred: Tensor, from_logits: bool = False) -> Tensor:
        error = y_pred - align("LogCosh", y_true, y_pred)
        return mean_last(error + ag.softplus(-2.0 * error) - math.log(2))


@constructor
class CosineSimilarity(Loss):
    """-sum(t p) of the targets and predictions scaled to length 1: -1 when they
    point the same way, 1 when opposite.

    Args:
        axis: of the vectors.
        reduction, name: as in `Loss`.

    A vector shorter than 1e-7 is divided by 1e-7, so zeros give 0.

    >>> import nn
    >>> nn.CosineSimilarity()([[3.0, 4.0]], [[3.0, 4.0]]).item()
    -1.0
    """

    axis: int = argument(INTEGER, default=-1)

    def per_sample(self, y_true: Tensor, y_pred: Tensor, from_logits: bool = False) -> Tensor:
        targets = align("CosineSimilarity", y_true, y_pred)
        vectors = (moved_last(x, self.axis) for x in (targets, y_pred))
        t, p = (x / ag.norm(x, axis=-1, keepdims=True).clip(EPSILON) for x in vectors)
        return -(t * p).sum(axis=-1)


@constructor
class KLDivergence(Loss):
    """sum(t log(t / p)) over the last axis, both clipped to [1e-7, 1] and not scaled to sum 1.

    Args:
        reduction, name: as in `Loss`.

    >>> import nn
    >>> round(nn.KLDivergence()([[0.5, 0.5]], [[0.25, 0.75]]).item(), 4)
    0.1438
    """

    def per_sample(self, y_true: Tensor, y_pred: Tensor, from_logits: bool = False) -> Tensor:
        targets = align("KLDivergence", y_true, y_pred).clip(EPSILON, 1.0)
        return (targets * (targets / y_pred.clip(EPSILON, 1.0)).log()).sum(axis=-1)


@constructor
class Poisson(Loss):
    """mean(p - t log(p + 1e-7)): how unlikely the counts t are when p is their mean.

    Args:
        reduction, name: as in `Loss`.

    >>> import nn
    >>> round(nn.Poisson()([[1.0]], [[2.0]]).item(), 4)
    1.3069
    """

    def per_sample(self, y_true: Tensor, y_pred: Tensor, from_logits: bool = False) -> Tensor:
        targets = align("Poisson", y_true, y_pred)
        return mean_last(y_pred - targets * (y_pred + EPSILON).log())


mean_squared_error = loss_function(MeanSquaredError, "[[0.0, 1.0]], [[0.5, 0.5]] -> [0.25]", "mse")
mean_absolute_error = loss_function(MeanAbsoluteError, "[[0.0, 1.0]], [[0.5, 0.5]] -> [0.5]", "mae")
mean_absolute_percentage_error = loss_function(
    MeanAbsolutePercentageError, "[[1.0, 2.0]], [[0.5, 1.0]] -> [50.0]", "mape"
)
mean_squared_logarithmic_error = loss_function(
    MeanSquaredLogarithmicError, "[[0.0, 1.0]], [[0.0, 1.0]] -> [0.0]", "msle"
)
huber = loss_function(Huber, "[[0.0, 0.0]], [[0.5, 3.0]] -> [1.3125]")
log_cosh = loss_function(LogCosh, "[[0.0, 1.0]], [[0.0, 1.0]] -> [0.0]")
cosine_similarity = loss_function(CosineSimilarity, "[[3.0, 4.0]], [[3.0, 4.0]] -> [-1.0]")
kl_divergence = loss_function(KLDivergence, "[[0.5, 0.5]], [[0.5, 0.5]] -> [0.0]", "kld")
poisson = loss_function(Poisson, "[[0.0, 0.0]], [[1.0, 3.0]] -> [2.0]")
