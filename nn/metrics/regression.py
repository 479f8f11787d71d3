"""Metrics of numbers: squared and absolute errors, and the share of the variance that is explained.

The errors have the names of their losses; the losses are `nn.MeanSquaredError` ..., the
metrics `nn.metrics.MeanSquaredError` ...
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import autograd as ag
from autograd import ShapeError, Tensor

from ..arguments import COUNT_OR_ZERO, choice
from ..constructors import argument, attribute, constructor
from ..losses.base import align, tensor
from .base import Metric, spread

AGGREGATIONS = ("uniform_average", "variance_weighted_average", None)


@constructor
class MeanSquaredError(Metric):
    """The mean of `(y_true - y_pred)**2`.

    >>> import nn
    >>> metric = nn.metrics.MeanSquaredError(); metric.update([1.0, 2.0], [1.0, 4.0]); metric.result()
    2.0
    """

    saved_as: ClassVar[str] = "metrics.MeanSquaredError"
    """In a file the plain name is that of the loss."""

    def values(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        error = y_pred - align(self.name, y_true, y_pred)
        return error * error


@constructor
class RootMeanSquaredError(MeanSquaredError):
    """The root of the mean of `(y_true - y_pred)**2`, over everything seen.

    >>> import nn
    >>> metric = nn.metrics.RootMeanSquaredError(); metric.update([1.0, 2.0], [3.0, 4.0]); metric.result()
    2.0
    """

    def result(self) -> float:
        """The root over all batches since `reset`; NaN before the first."""
        return float(super().result() ** 0.5)


@constructor
class MeanAbsoluteError(Metric):
    """The mean of `abs(y_true - y_pred)`.

    >>> import nn
    >>> metric = nn.metrics.MeanAbsoluteError(); metric.update([1.0, 2.0], [1.0, 4.0]); metric.result()
    1.0
    """

    saved_as: ClassVar[str] = "metrics.MeanAbsoluteError"

    def values(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        return (y_pred - align(self.name, y_true, y_pred)).abs()


@constructor
class R2Score(Metric):
    """The coefficient of determination: 1 - sum of squared errors / sum of
    squared distances from the mean target.

    The distances are added up batch by batch around the mean so far (Chan, Golub & LeVeque 1983), so a large
    mean costs no digits. A constant target gives 0, as in Keras, and NaN when it is also met exactly.

    Args:
        class_aggregation: of several outputs: "uniform_average",
            "variance_weighted_average", or None, with which the result is a tensor with the score
            of each output. `results` lists these, not adjusted.
        num_regressors: for the adjusted score, the number of inputs. The number of samples in it is that of
            all targets, rows times outputs, as in Keras; up to `num_regressors + 1` of them adjust nothing.

    >>> import nn
    >>> metric = nn.R2Score(); metric.update([1.0, 2.0, 3.0], [1.0, 2.0, 4.0]); metric.result()
    0.5
    """

    state_names = ("count", "mean", "deviation", "residual", "samples")
    mean: Tensor = attribute()
    deviation: Tensor = attribute()
    residual: Tensor = attribute()
    samples: Tensor = attribute()

    class_aggregation: str | None = argument(choice(*AGGREGATIONS), default="uniform_average")
    num_regressors: int = argument(COUNT_OR_ZERO, default=0)

    def build(self, output_shape: Sequence[int | None]) -> None:
        """One sum per output."""
        self.allocate((columns("R2Score", output_shape),))

    def update(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Add a batch."""
        y_pred = tensor(y_pred)
        self.build(y_pred.shape)
        shape = (y_pred.shape[0], self.mean.shape[0])
        p = y_pred.reshape(shape).to("float64")
        t = align("R2Score", tensor(y_true), y_pred).reshape(shape).to("float64")
        weight = spread("R2Score", sample_weight, shape)
        added = weight.sum(axis=0)
        mean = (t * weight).sum(axis=0) / _or_one(added)
        away = t - mean
        count = self.count + added
        share = added / _or_one(count)
        step = mean - self.mean
        within = (away * away * weight).sum(axis=0)
        self.deviation.assign(self.deviation + within + step * step * share * self.count)
        self.mean.assign(self.mean + step * share)
        self.residual.assign(self.residual + ((t - p) * (t - p) * weight).sum(axis=0))
        self.count.assign(count)
        self.samples.assign(self.samples + float(shape[0] * shape[1]))

    def results(self) -> list[float]:
        """The score of each output, not adjusted."""
        pairs = zip(self.residual.reshape(-1).tolist(), self.deviation.reshape(-1).tolist())
        return [_share_explained(residual, deviation) for residual, deviation in pairs]

    def result(self) -> Any:
        """The score over all batches since `reset`; NaN before the first."""
        scores = self.results()
        if self.class_aggregation is None:
            return ag.tensor([self._adjusted(score) for score in scores], "float64")
        weights: list[float] = [1.0] * len(scores)
        if self.class_aggregation == "variance_weighted_average":
            weights = self.deviation.reshape(-1).tolist()
        total = sum(weights)
        score: float = sum(s * w for s, w in zip(scores, weights)) / total if total else float("nan")
        return self._adjusted(score)

    def _adjusted(self, score: float) -> float:
        samples = float(self.samples.reshape(-1).tolist()[0])
        if self.num_regressors and samples > self.num_regressors + 1:
            return 1 - (1 - score) * (samples - 1) / (samples - self.num_regressors - 1)
        return score


def columns(name: str, shape: Sequence[int | None]) -> int:
    """The number of outputs of predictions (n,) or (n, outputs).

    Raises:
        ShapeError: there are more dimensions.
    """
    if len(shape) > 2:
        raise ShapeError(f"{name}: expected predictions of shape (n,) or (n, outputs), got {tuple(shape)}")
    last = shape[1] if len(shape) == 2 else 1
    return 1 if last is None else last


def _or_one(count: Tensor) -> Tensor:
    return ag.where(count == 0.0, ag.ones_like(count), count)


def _share_explained(residual: float, deviation: float) -> float:
    if deviation:
        return 1 - residual / deviation
    return 0.0 if residual else float("nan")
