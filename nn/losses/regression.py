"""Losses for numbers: how far the prediction is from the target."""

from __future__ import annotations

from autograd import Tensor

from .base import Loss, align, mean_last


class MeanSquaredError(Loss):
    """mean((t - p)^2).

    >>> import nn
    >>> nn.MeanSquaredError()([[0.0], [1.0]], [[0.0], [0.5]]).item()
    0.125
    """

    def per_sample(self, y_true: Tensor, y_pred: Tensor, from_logits: bool = False) -> Tensor:
        difference = y_pred - align("MeanSquaredError", y_true, y_pred)
        return mean_last(difference * difference)
