"""Cross-entropies, from probabilities or from logits; their targets are
checked to be what they have to be.
"""

from __future__ import annotations

import autograd as ag
from autograd import ShapeError, Tensor

from ..arguments import FLAG, FRACTION, INTEGER, NOT_NEGATIVE, SHARE
from ..constructors import argument, attribute, common, common_argument, constructor
from ..errors import DataError
from .base import EPSILON, Loss, align, mean_last, moved_last, order_with_last
from .functions import loss_function


@common
class SmoothedCrossentropy(Loss):
    """What the binary and the categorical cross-entropies share: their arguments, and softened targets."""

    from_logits: bool = argument(FLAG, default=False)
    label_smoothing: float = argument(SHARE, default=0.0)
    axis: int = argument(INTEGER, default=-1)

    def smoothed(self, targets: Tensor, classes: int) -> Tensor:
        """Targets moved towards 1 / classes."""
        if not self.label_smoothing:
            return targets
        return targets * (1 - self.label_smoothing) + self.label_smoothing / classes


@common
class BinaryLoss(SmoothedCrossentropy):
    """What the two binary cross-entropies share: targets between 0 and
    1, and the value of each prediction.
    """

    logits_of: str | None = attribute("sigmoid")

    def check(self, y_true: Tensor, output_shape: tuple[int | None, ...]) -> Tensor:
        y_true = super().check(y_true, output_shape)
        check_range(type(self).__name__, y_true, "0 or 1, or a probability between")
        return y_true

    def mean(self, values: Tensor) -> Tensor:
        """The mean over `axis`; (n,) are n samples."""
        return mean_last(values) if self.axis == -1 else values.mean(axis=self.axis)


def _binary(targets: Tensor, y_pred: Tensor, from_logits: bool) -> Tensor:
    if from_logits:
        return ag.sigmoid_cross_entropy(y_pred, targets)
    p = y_pred.clip(EPSILON, 1 - EPSILON)
    return -(targets * p.log() + (1 - targets) * (1 - p).log())


@constructor
class BinaryCrossentropy(BinaryLoss):
    """-mean(t log p + (1 - t) log(1 - p)), p clipped to [1e-7, 1 - 1e-7].

    Args:
        from_logits: predictions are logits; the stable form is used, without clipping.
        label_smoothing: s makes targets t (1 - s) + s / 2.
        axis: of the mean.
        reduction, name: as in `Loss`.

    >>> import nn
    >>> round(nn.BinaryCrossentropy()([[1.0]], [[0.5]]).item(), 4)
    0.6931
    """

    def per_sample(self, y_true: Tensor, y_pred: Tensor, from_logits: bool = False) -> Tensor:
        targets = self.smoothed(align("BinaryCrossentropy", y_true, y_pred), 2)
        return self.mean(_binary(targets, y_pred, from_logits))


@constructor
class BinaryFocalCrossentropy(BinaryLoss):
    """Binary cross-entropy times (1 - q)^gamma, q = t p + (1 - t)(1 - p): easy
    samples count less (Lin et al. 2017).

    Args:
        apply_class_balancing: multiply by `alpha` for class 1 and by 1 - alpha for class 0.
        alpha: the weight of class 1.
        gamma: how much less easy samples count; 0 is `BinaryCrossentropy`.
        from_logits, label_smoothing, axis, reduction, name: as in `BinaryCrossentropy`.

    >>> import nn
    >>> round(nn.BinaryFocalCrossentropy()([[1.0]], [[0.5]]).item(), 4)
    0.1733
    """

    apply_class_balancing: bool = argument(FLAG, default=False)
    alpha: float = argument(FRACTION, default=0.25)
    gamma: float = argument(NOT_NEGATIVE, default=2.0)

    def per_sample(self, y_true: Tensor, y_pred: Tensor, from_logits: bool = False) -> Tensor:
        targets = self.smoothed(align("BinaryFocalCrossentropy", y_true, y_pred), 2)
        p = ag.sigmoid(y_pred) if from_logits else y_pred
        miss = 1 - (targets * p + (1 - targets) * (1 - p))
        values = miss**self.gamma * _binary(targets, y_pred, from_logits)
        if self.apply_class_balancing:
            values = (targets * self.alpha + (1 - targets) * (1 - self.alpha)) * values
        return self.mean(values)


def check_range(name: str, y_true: Tensor, meaning: str) -> None:
    if y_true.size and not (y_true.min().item() >= 0 and y_true.max().item() <= 1):
        raise DataError(
            f"{name}: targets have to be {meaning}. "
            f"Received values from {y_true.min().item():g} to {y_true.max().item():g}."
        )


def log_probabilities(y_pred: Tensor) -> Tensor:
    return (y_pred / y_pred.sum(axis=-1, keepdims=True)).clip(EPSILON, 1 - EPSILON).log()


@constructor
class CategoricalCrossentropy(SmoothedCrossentropy):
    """-sum(t log q) over the classes, q = p / sum(p) clipped to [1e-7, 1 - 1e-7].

    Args:
        from_logits: predictions are logits; log_softmax is used, without clipping.
        label_smoothing: s makes targets t (1 - s) + s / classes.
        axis: of the classes.
        reduction, name: as in `Loss`.

    >>> import nn
    >>> round(nn.CategoricalCrossentropy()([[0.0, 1.0]], [[0.5, 0.5]]).item(), 4)
    0.6931
    """

    logits_of: str | None = attribute("softmax")

    def __post_init__(self) -> None:
        if self.axis != -1:
            # a softmax of a layer is over the last axis, and its logits say nothing about another one
            self.logits_of = None

    def check(self, y_true: Tensor, output_shape: tuple[int | None, ...]) -> Tensor:
        if y_true.ndim < len(output_shape):
            raise ShapeError(
                f"{type(self).__name__}: targets {y_true.shape} are not one row of probabilities per "
                "sample. For class numbers use sparse_categorical_crossentropy, or ag.one_hot."
            )
        y_true = super().check(y_true, output_shape)
        check_range(type(self).__name__, y_true, "probabilities, such as one-hot rows")
        return y_true

    def per_sample(self, y_true: Tensor, y_pred: Tensor, from_logits: bool = False) -> Tensor:
        targets = moved_last(align("CategoricalCrossentropy", y_true, y_pred), self.axis)
        y_pred = moved_last(y_pred, self.axis)
        targets = self.smoothed(targets, y_pred.shape[-1])
        if from_logits:
            return ag.softmax_cross_entropy(y_pred, targets)
        return -(targets * log_probabilities(y_pred)).sum(axis=-1)


@constructor
class SparseCategoricalCrossentropy(Loss):
    """Categorical cross-entropy for class numbers: targets (n,) or (n, 1) of integers.

    Args:
        from_logits: predictions are logits; log_softmax is used, without clipping.
        ignore_class: a label that marks targets to leave out: they cost 0, and the mean is over the others.
        reduction: as in `Loss`.
        axis: of the classes in the predictions.
        name: as in `Loss`.

    Raises:
        RangeError, DataError: a negative or too large label (Keras computes a number).

    >>> import nn
    >>> round(nn.SparseCategoricalCrossentropy()([1], [[0.5, 0.5]]).item(), 4)
    0.6931
    """

    logits_of: str | None = attribute("softmax")

    from_logits: bool = argument(FLAG, default=False)
    ignore_class: int | None = argument(INTEGER.or_none(), default=None)
    axis: int = common_argument(INTEGER, default=-1, after="reduction", kw_only=True)

    def __post_init__(self) -> None:
        if self.axis != -1:
            self.logits_of = None

    def check(self, y_true: Tensor, output_shape: tuple[int | None, ...]) -> Tensor:
        if self.axis != -1:
            order = order_with_last(len(output_shape), self.axis)
            output_shape = tuple(output_shape[i] for i in order)
        labels = labels_of(type(self).__name__, y_true, output_shape)
        check_labels(self._without_ignored(labels)[0], output_shape[-1] or 1)
        return labels

    def per_sample(self, y_true: Tensor, y_pred: Tensor, from_logits: bool = False) -> Tensor:
        y_pred = moved_last(y_pred, self.axis)
        labels = drop_last_one(y_true, y_pred.ndim - 1)
        if labels.shape != y_pred.shape[:-1]:
            raise ShapeError(
                f"SparseCategoricalCrossentropy: targets {y_true.shape} do not fit predictions "
                f"{y_pred.shape}. Expected one class number per sample."
            )
        labels, kept = self._without_ignored(labels.to("int64"))
        if kept is not None:
            # whatever is predicted there, NaN included, has no say
            y_pred = ag.where(kept.expand_dims(-1), y_pred, 1.0)
        values = self._of_labels(labels, y_pred, from_logits)
        return values if kept is None else ag.where(kept, values, 0.0)

    def _of_labels(self, labels: Tensor, y_pred: Tensor, from_logits: bool) -> Tensor:
        if from_logits:
            return ag.softmax_cross_entropy(y_pred, labels)
        if labels.backend != "trace":
            check_labels(labels, y_pred.shape[-1])
        log_q = log_probabilities(y_pred)
        return -ag.take_along_axis(log_q, labels.expand_dims(-1), axis=-1).squeeze(-1)

    def _without_ignored(self, labels: Tensor) -> tuple[Tensor, Tensor | None]:
        """(labels with 0 in place of the ignored ones, which of them are kept)."""
        if self.ignore_class is None:
            return labels, None
        kept = labels != self.ignore_class
        return ag.where(kept, labels, 0), kept

    def kept(self, y_true: Tensor) -> Tensor | None:
        """Which targets are not of `ignore_class`."""
        return None if self.ignore_class is None else y_true != self.ignore_class


def labels_of(name: str, y_true: Tensor, output_shape: tuple[int | None, ...]) -> Tensor:
    """The whole targets as class numbers for a model's output (n, ..., classes), of any size."""
    labels = drop_last_one(y_true, len(output_shape) - 1)
    if labels.shape[1:] != tuple(output_shape[1:-1]):
        raise ShapeError(
            f"{name}: targets {y_true.shape} do not fit the model's output {('n', *output_shape[1:])}. "
            "Expected one class number per sample; for one-hot rows use categorical_crossentropy."
        )
    if labels.dtype.kind == "f" and not (labels == labels.floor()).all():
        raise DataError(f"{name}: class numbers are integers, some targets have a fraction or are NaN")
    return labels.to("int64")


def check_labels(labels: Tensor, classes: int, name: str = "SparseCategoricalCrossentropy") -> None:
    """Every label is a class number: the values are looked at, so not in a trace."""
    low, high = (labels.min().item(), labels.max().item()) if labels.size else (0, 0)
    if low < 0 or high >= classes:
        raise DataError(
            f"{name}: label {low if low < 0 else high} is out of range. "
            f"The model has {classes} outputs, so labels run from 0 to {classes - 1}."
        )


def drop_last_one(labels: Tensor, ndim: int) -> Tensor:
    return labels.squeeze(-1) if labels.ndim == ndim + 1 and labels.shape[-1] == 1 else labels


binary_crossentropy = loss_function(BinaryCrossentropy, "[[1.0]], [[0.25]] -> [1.3863]", "bce")
binary_focal_crossentropy = loss_function(
    BinaryFocalCrossentropy, "[[1.0]], [[0.0]], from_logits=True -> [0.1733]"
)
categorical_crossentropy = loss_function(
    CategoricalCrossentropy, "[[0.0, 1.0]], [[0.0, 0.0]], from_logits=True -> [0.6931]"
)
sparse_categorical_crossentropy = loss_function(
    SparseCategoricalCrossentropy,
    "[1, 0], [[0.0, 0.0], [0.0, 0.0]], from_logits=True, ignore_class=0 -> [0.6931, 0.0]",
)
