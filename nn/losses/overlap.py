"""Losses of overlap: how much of two masks is not common to both.

Without `axis` the sums go over the whole batch, which then has one value, as in Keras.
"""

from __future__ import annotations

from typing import Any

from autograd import Tensor

from ..arguments import AXES, NOT_NEGATIVE
from ..constructors import argument, constructor
from .base import EPSILON, Loss, align
from .functions import loss_function

Axes = int | tuple[int, ...] | None


@constructor
class Dice(Loss):
    """1 - 2 sum(t p) / (sum(t) + sum(p) + 1e-7): 0 where the masks are the same (Dice 1945).

    Args:
        axis: over which the sums go, an integer or several; None is all, the batch too.
        reduction, name: as in `Loss`.

    >>> import nn
    >>> round(nn.losses.Dice()([[0.0, 1.0]], [[0.5, 0.5]]).item(), 4)
    0.5
    """

    axis: Axes = argument(AXES.or_none(), default=None)

    def per_sample(self, y_true: Tensor, y_pred: Tensor, from_logits: bool = False) -> Tensor:
        targets = align("Dice", y_true, y_pred)
        both = (targets * y_pred).sum(axis=self.axis)
        sizes = targets.sum(axis=self.axis) + y_pred.sum(axis=self.axis)
        return 1.0 - 2.0 * both / (sizes + EPSILON)


@constructor
class Tversky(Loss):
    """1 - c / (c + alpha sum(t (1 - p)) + beta sum(p (1 - t)) + 1e-7), c = sum(t p) (Salehi et al. 2017).

    Args:
        alpha: what counts a miss, as in Keras's formula.
        beta: what counts a false alarm.
        axis: over which the sums go, an integer or several; None is all, the batch too.
        reduction, name: as in `Loss`.

    >>> import nn
    >>> round(nn.losses.Tversky(0.25, 0.75)([[0.0, 1.0]], [[0.5, 0.5]]).item(), 4)
    0.5
    """

    alpha: float = argument(NOT_NEGATIVE, default=0.5)
    beta: float = argument(NOT_NEGATIVE, default=0.5)
    axis: Axes = argument(AXES.or_none(), default=None)

    def per_sample(self, y_true: Tensor, y_pred: Tensor, from_logits: bool = False) -> Tensor:
        targets = align("Tversky", y_true, y_pred)
        both = (targets * y_pred).sum(axis=self.axis)
        missed = (targets * (1.0 - y_pred)).sum(axis=self.axis)
        false = (y_pred * (1.0 - targets)).sum(axis=self.axis)
        return 1.0 - both / (both + missed * self.alpha + false * self.beta + EPSILON)


dice: Any = loss_function(Dice, "[[0.0, 1.0]], [[0.5, 0.5]], axis=1 -> [0.5]")
tversky: Any = loss_function(Tversky, "[[0.0, 1.0]], [[0.5, 0.5]], axis=1 -> [0.5]")
