"""Losses of margins: nothing for a prediction that is on the right side by more than 1.

Labels 0 and 1 mean -1 and 1. Keras decides batch by batch whether the labels are of that kind; here it is the
whole target that decides. `per_sample` sees a batch and has to say the same, in a trace too, without looking
at a value: see `HingeLoss.check`.
"""

from __future__ import annotations

import autograd as ag
from autograd import Tensor

from ..constructors import constructor
from .base import Loss, align, mean_last
from .functions import loss_function

_NO_LABEL = 1e-30


class HingeLoss(Loss):
    """What Hinge and SquaredHinge share: labels as signs, and how far
    each prediction is inside the margin.
    """

    def check(self, y_true: Tensor, output_shape: tuple[int | None, ...]) -> Tensor:
        """The target, such that each part of it is read as the whole is.

        Of labels 0 and 1 every batch holds labels, and of -1 and 1 only a batch of ones looks like labels,
        for which both readings are the same. In targets of another kind a batch of zeros and ones would be
        read wrongly: there a zero becomes a number that is nothing beside 1, but is no label.
        """
        y_true = super().check(y_true, output_shape)
        zero = y_true == 0
        are_labels = (zero.to("int64") + (y_true == 1).to("int64") == 1).all().item()
        if are_labels or not zero.any().item():
            return y_true
        floats = y_true if y_true.dtype.kind == "f" else y_true.to("float64")
        return ag.where(zero, _NO_LABEL, floats)

    def margin(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """max(1 - t p, 0), elementwise."""
        targets = align(type(self).__name__, y_true, y_pred)
        are_labels = (targets * (targets - 1.0) == 0).all()
        signs = ag.where(are_labels, 2.0 * targets - 1.0, targets)
        return ag.maximum(1.0 - signs * y_pred, 0.0)


@constructor
class Hinge(HingeLoss):
    """mean(max(1 - t p, 0)) for targets -1 and 1; targets 0 and 1 become -1 and 1.

    Args:
        reduction, name: as in `Loss`.

    Whether the targets are 0 and 1 is decided once, from all that `fit` or `evaluate` is given.

    >>> import nn
    >>> nn.Hinge()([[0.0], [1.0]], [[-0.5], [2.0]]).item()
    0.25
    """

    def per_sample(self, y_true: Tensor, y_pred: Tensor, from_logits: bool = False) -> Tensor:
        return mean_last(self.margin(y_true, y_pred))


@constructor
class SquaredHinge(HingeLoss):
    """mean(max(1 - t p, 0)^2) for targets -1 and 1; targets 0 and 1 become -1 and 1, as in `Hinge`.

    Args:
        reduction, name: as in `Loss`.

    >>> import nn
    >>> nn.SquaredHinge()([[0.0], [1.0]], [[-0.5], [2.0]]).item()
    0.125
    """

    def per_sample(self, y_true: Tensor, y_pred: Tensor, from_logits: bool = False) -> Tensor:
        margin = self.margin(y_true, y_pred)
        return mean_last(margin * margin)


@constructor
class CategoricalHinge(Loss):
    """max(n - p + 1, 0): p the prediction for the right class, n the largest for a
    wrong one. Targets are one-hot rows.

    Args:
        reduction, name: as in `Loss`.

    p = sum(t y), n = max((1 - t) y).

    >>> import nn
    >>> nn.CategoricalHinge()([[0.0, 1.0]], [[0.25, 0.5]]).item()
    0.75
    """

    def per_sample(self, y_true: Tensor, y_pred: Tensor, from_logits: bool = False) -> Tensor:
        targets = align("CategoricalHinge", y_true, y_pred)
        right = (targets * y_pred).sum(axis=-1)
        wrong = ((1.0 - targets) * y_pred).max(axis=-1)
        return ag.maximum(wrong - right + 1.0, 0.0)


hinge = loss_function(Hinge, "[[0.0, 1.0]], [[-0.5, 2.0]] -> [0.25]")
squared_hinge = loss_function(SquaredHinge, "[[0.0, 1.0]], [[-0.5, 2.0]] -> [0.125]")
categorical_hinge = loss_function(CategoricalHinge, "[[0.0, 1.0]], [[0.25, 0.5]] -> [0.75]")
