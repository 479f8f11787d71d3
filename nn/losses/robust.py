"""Cross-entropies that count samples by how hard they are, or such that wrong labels cost little."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import autograd as ag
from autograd import Tensor

from ..arguments import FRACTION, NOT_NEGATIVE, form
from ..constructors import argument, attribute, constructor
from .base import EPSILON, Loss, align, moved_last
from .crossentropy import (
    CategoricalCrossentropy,
    check_labels,
    drop_last_one,
    labels_of,
    log_probabilities,
)
from .functions import loss_function


@form("is a number >= 0 or a list of them, one per class")
def ALPHA(value: Any) -> Any:
    if isinstance(value, (list, tuple)) and value:
        return [NOT_NEGATIVE.keep(each) for each in value]
    return NOT_NEGATIVE.keep(value)


@constructor
class CategoricalFocalCrossentropy(CategoricalCrossentropy):
    """-sum(alpha (1 - q)^gamma t log q): easy samples count less (Lin et al. 2017).

    Args:
        alpha: a factor, or one per class.
        gamma: how much less easy samples count; 0 is `CategoricalCrossentropy` times alpha.
        from_logits, label_smoothing, axis, reduction, name: as in `CategoricalCrossentropy`.

    >>> import nn
    >>> round(nn.losses.CategoricalFocalCrossentropy()([[0.0, 1.0]], [[0.5, 0.5]]).item(), 4)
    0.0433
    """

    alpha: float | Sequence[float] = argument(ALPHA, default=0.25)
    gamma: float = argument(NOT_NEGATIVE, default=2.0)

    def per_sample(self, y_true: Tensor, y_pred: Tensor, from_logits: bool = False) -> Tensor:
        targets = moved_last(align(type(self).__name__, y_true, y_pred), self.axis)
        y_pred = moved_last(y_pred, self.axis)
        targets = self.smoothed(targets, y_pred.shape[-1])
        log_q = ag.log_softmax(y_pred, axis=-1) if from_logits else log_probabilities(y_pred)
        hard = (1.0 - log_q.exp().clip(EPSILON, 1 - EPSILON)) ** self.gamma
        alpha: Any = self.alpha
        if isinstance(alpha, list):
            alpha = ag.tensor(alpha, y_pred.dtype, backend=y_pred.backend)
        values: Tensor = -(alpha * hard * targets * log_q).sum(axis=-1)
        return values


@constructor
class CategoricalGeneralizedCrossEntropy(Loss):
    """(1 - p^q) / q, p the probability of the right class: a wrong label costs 1 / q at most.

    Zhang & Sabuncu 2018.
    Targets are class numbers, (n,) or (n, 1).

    Args:
        q: near 0 it is the cross-entropy, near 1 the absolute error.
        reduction, name: as in `Loss`.

    >>> import nn
    >>> nn.losses.CategoricalGeneralizedCrossEntropy()([1], [[0.75, 0.25]]).item()
    1.0
    """

    q: float = argument(FRACTION.but(words="is a number in (0, 1)", above=True, below=True), default=0.5)
    from_logits: bool = attribute(False)

    def check(self, y_true: Tensor, output_shape: tuple[int | None, ...]) -> Tensor:
        labels = labels_of(type(self).__name__, y_true, output_shape)
        check_labels(labels, output_shape[-1] or 1, type(self).__name__)
        return labels

    def per_sample(self, y_true: Tensor, y_pred: Tensor, from_logits: bool = False) -> Tensor:
        labels = drop_last_one(y_true, y_pred.ndim - 1).to("int64")
        if labels.backend != "trace":
            check_labels(labels, y_pred.shape[-1], type(self).__name__)
        p = ag.take_along_axis(y_pred, labels.expand_dims(-1), axis=-1).squeeze(-1)
        return (1.0 - p**self.q) / self.q


categorical_focal_crossentropy = loss_function(
    CategoricalFocalCrossentropy, "[[0.0, 1.0]], [[0.0, 0.0]], from_logits=True -> [0.0433]"
)
categorical_generalized_cross_entropy = loss_function(
    CategoricalGeneralizedCrossEntropy, "[1, 0], [[0.75, 0.25], [0.75, 0.25]], 0.5 -> [1.0, 0.2679]"
)
