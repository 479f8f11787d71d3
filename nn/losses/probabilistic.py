"""Losses between distributions that are no cross-entropy: Kullback-Leibler
divergence and Poisson likelihood.
"""

from __future__ import annotations

from autograd import Tensor

from ..constructors import constructor
from .base import EPSILON, Loss, align, mean_last
from .functions import loss_function


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


kl_divergence = loss_function(KLDivergence, "[[0.5, 0.5]], [[0.5, 0.5]] -> [0.0]", "kld")
poisson = loss_function(Poisson, "[[0.0, 0.0]], [[1.0, 3.0]] -> [2.0]")
