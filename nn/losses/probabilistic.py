"""Losses for probabilities: cross-entropies, from probabilities or from logits."""

from __future__ import annotations

import autograd as ag
from autograd import ShapeError, Tensor

from ..errors import ArgumentError, DataError
from .base import EPSILON, Loss, align, mean_last


class SmoothedCrossentropy(Loss):
    """What the binary and the categorical cross-entropy share: their arguments, and softened targets."""

    def __init__(
        self,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        reduction: str | None = "sum_over_batch_size",
    ) -> None:
        super().__init__(reduction)
        if not 0 <= label_smoothing < 1:
            raise ArgumentError(f"label_smoothing lies in [0, 1), got {label_smoothing!r}")
        self.from_logits = from_logits
        self.label_smoothing = label_smoothing

    def smoothed(self, targets: Tensor, classes: int) -> Tensor:
        """Targets moved towards 1 / classes."""
        if not self.label_smoothing:
            return targets
        return targets * (1 - self.label_smoothing) + self.label_smoothing / classes


class BinaryCrossentropy(SmoothedCrossentropy):
    """-mean(t log p + (1 - t) log(1 - p)), p clipped to [1e-7, 1 - 1e-7].

    Args:
        from_logits: predictions are logits; the stable form is used, without clipping.
        label_smoothing: s makes targets t (1 - s) + s / 2.
        reduction: as in `Loss`.

    >>> import nn
    >>> round(nn.BinaryCrossentropy()([[1.0]], [[0.5]]).item(), 4)
    0.6931
    """

    logits_of = "sigmoid"

    def check(self, y_true: Tensor, output_shape: tuple[int | None, ...]) -> Tensor:
        y_true = super().check(y_true, output_shape)
        check_range("BinaryCrossentropy", y_true, "0 or 1, or a probability between")
        return y_true

    def per_sample(self, y_true: Tensor, y_pred: Tensor, from_logits: bool = False) -> Tensor:
        targets = self.smoothed(align("BinaryCrossentropy", y_true, y_pred), 2)
        if from_logits:
            return mean_last(ag.sigmoid_cross_entropy(y_pred, targets))
        p = y_pred.clip(EPSILON, 1 - EPSILON)
        return mean_last(-(targets * p.log() + (1 - targets) * (1 - p).log()))


def check_range(name: str, y_true: Tensor, meaning: str) -> None:
    if y_true.size and not (y_true.min().item() >= 0 and y_true.max().item() <= 1):
        raise DataError(
            f"{name}: targets have to be {meaning}. "
            f"Received values from {y_true.min().item():g} to {y_true.max().item():g}."
        )


def _log_probabilities(y_pred: Tensor) -> Tensor:
    return (y_pred / y_pred.sum(axis=-1, keepdims=True)).clip(EPSILON, 1 - EPSILON).log()


class CategoricalCrossentropy(SmoothedCrossentropy):
    """-sum(t log q) over the classes, q = p / sum(p) clipped to [1e-7, 1 - 1e-7].

    Args:
        from_logits: predictions are logits; log_softmax is used, without clipping.
        label_smoothing: s makes targets t (1 - s) + s / classes.
        reduction: as in `Loss`.

    >>> import nn
    >>> round(nn.CategoricalCrossentropy()([[0.0, 1.0]], [[0.5, 0.5]]).item(), 4)
    0.6931
    """

    logits_of = "softmax"

    def check(self, y_true: Tensor, output_shape: tuple[int | None, ...]) -> Tensor:
        if y_true.ndim < len(output_shape):
            raise ShapeError(
                f"CategoricalCrossentropy: targets {y_true.shape} are not one row of probabilities per sample. "
                "For class numbers use sparse_categorical_crossentropy, or ag.one_hot."
            )
        y_true = super().check(y_true, output_shape)
        check_range("CategoricalCrossentropy", y_true, "probabilities, such as one-hot rows")
        return y_true

    def per_sample(self, y_true: Tensor, y_pred: Tensor, from_logits: bool = False) -> Tensor:
        targets = self.smoothed(align("CategoricalCrossentropy", y_true, y_pred), y_pred.shape[-1])
        if from_logits:
            return ag.softmax_cross_entropy(y_pred, targets)
        return -(targets * _log_probabilities(y_pred)).sum(axis=-1)


class SparseCategoricalCrossentropy(Loss):
    """Categorical cross-entropy for class numbers: targets (n,) or (n, 1) of integers.

    A negative or too large label raises (Keras computes a number).

    >>> import nn
    >>> round(nn.SparseCategoricalCrossentropy()([1], [[0.5, 0.5]]).item(), 4)
    0.6931
    """

    logits_of = "softmax"

    def __init__(
        self, from_logits: bool = False, reduction: str | None = "sum_over_batch_size"
    ) -> None:
        super().__init__(reduction)
        self.from_logits = from_logits

    def check(self, y_true: Tensor, output_shape: tuple[int | None, ...]) -> Tensor:
        name = type(self).__name__
        labels = drop_last_one(y_true, len(output_shape) - 1)
        if labels.shape[1:] != tuple(output_shape[1:-1]):
            raise ShapeError(
                f"{name}: targets {y_true.shape} do not fit the model's output {('n', *output_shape[1:])}. "
                "Expected one class number per sample; for one-hot rows use categorical_crossentropy."
            )
        if labels.dtype.kind == "f":
            if not (labels == labels.floor()).all():
                raise DataError(
                    f"{name}: class numbers are integers, some targets have a fraction or are NaN"
                )
            labels = labels.to("int64")
        classes = output_shape[-1] or 1
        low, high = (labels.min().item(), labels.max().item()) if labels.size else (0, 0)
        if low < 0 or high >= classes:
            raise DataError(
                f"{name}: label {low if low < 0 else high} is out of range. "
                f"The model has {classes} outputs, so labels run from 0 to {classes - 1}."
            )
        return labels.to("int64")

    def per_sample(self, y_true: Tensor, y_pred: Tensor, from_logits: bool = False) -> Tensor:
        labels = drop_last_one(y_true, y_pred.ndim - 1)
        if labels.dtype.kind == "f":
            labels = labels.to("int64")
        if labels.shape != y_pred.shape[:-1]:
            raise ShapeError(
                f"SparseCategoricalCrossentropy: targets {y_true.shape} do not fit predictions {y_pred.shape}. "
                "Expected one class number per sample."
            )
        if from_logits:
            return ag.softmax_cross_entropy(y_pred, labels)
        log_q = _log_probabilities(y_pred)
        return -ag.take_along_axis(log_q, labels.expand_dims(-1), axis=-1).squeeze(-1)


def drop_last_one(labels: Tensor, ndim: int) -> Tensor:
    return labels.squeeze(-1) if labels.ndim == ndim + 1 and labels.shape[-1] == 1 else labels
