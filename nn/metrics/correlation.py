"""How far targets and predictions of a row rise and fall together."""

from __future__ import annotations

from typing import Any

from autograd import ShapeError, Tensor

from ..arguments import AXES
from ..constructors import OWN_NAME, argument, common, constructor
from ..losses.base import EPSILON, align
from .base import Metric


@common
class _Correlation(Metric):
    """What the correlations share: the axis over which they go."""

    def check_axis(self, y_pred: Tensor) -> None:
        """The axis is one of the predictions, besides that of the rows.

        Raises:
            ShapeError: it is none.
        """
        if y_pred.ndim < 2:
            raise ShapeError(
                f"{type(self).__name__}: a row of several predictions is expected, got {y_pred.shape}"
            )


@constructor
class PearsonCorrelation(_Correlation):
    """The mean over rows of Pearson's coefficient of targets and predictions: 1 on a rising line.

    NaN for a row in which one of both is constant.

    Args:
        name: in the logs.
        axis: over which a coefficient is taken.

    >>> import nn
    >>> metric = nn.metrics.PearsonCorrelation(); metric.update([[0.0, 1.0, 2.0]], [[1.0, 3.0, 5.0]])
    >>> round(metric.result(), 6)
    1.0
    """

    name: str = argument(default=OWN_NAME)
    axis: int | tuple[int, ...] = argument(AXES, default=-1)

    def values(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        self.check_axis(y_pred)
        t, p = (_centred(x, self.axis) for x in (align("PearsonCorrelation", y_true, y_pred), y_pred))
        t, p = (x / x.std(axis=self.axis, keepdims=True) for x in (t, p))
        return (t * p).mean(axis=self.axis)


@constructor
class ConcordanceCorrelation(_Correlation):
    """The mean over rows of Lin's coefficient (1989): 1 when targets and predictions are the same.

    2 cov(t, p) / (var(t) + var(p) + (mean(t) - mean(p))^2 + 1e-7).

    Args:
        name: in the logs.
        axis: over which a coefficient is taken.

    >>> import nn
    >>> metric = nn.metrics.ConcordanceCorrelation(); metric.update([[0.0, 1.0, 2.0]], [[0.0, 1.0, 2.0]])
    >>> round(metric.result(), 6)
    1.0
    """

    name: str = argument(default=OWN_NAME)
    axis: int | tuple[int, ...] = argument(AXES, default=-1)

    def values(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        self.check_axis(y_pred)
        targets = align("ConcordanceCorrelation", y_true, y_pred)
        t, p = _centred(targets, self.axis), _centred(y_pred, self.axis)
        apart = (targets - y_pred).mean(axis=self.axis, keepdims=True)
        over: dict[str, Any] = dict(axis=self.axis, keepdims=True)
        size = (t * t).mean(**over) + (p * p).mean(**over) + apart * apart
        return (2.0 * t * p / (size + EPSILON)).mean(axis=self.axis)


def _centred(x: Tensor, axis: int | tuple[int, ...]) -> Tensor:
    return x - x.mean(axis=axis, keepdims=True)
