"""Losses, with Keras's meanings: a value per sample (the mean over the last axis), then a reduction over the batch.

Shapes never broadcast silently: (n,) and (n, 1) are aligned, anything else that differs raises. `check` looks at the
whole target once, before training, so that a bad label is found before a weight has moved. A loss with `logits_of`
can be computed from the logits of that activation, which is exact where the probability has saturated.
"""

from __future__ import annotations

from typing import Any, ClassVar

import autograd as ag
from autograd import ShapeError, Tensor

from .errors import ArgumentError, DataError, lookup

EPSILON = 1e-7
REDUCTIONS = ("sum_over_batch_size", "mean", "sum", "mean_with_sample_weight", "none", None)


def _tensor(value: Any) -> Tensor:
    return value if isinstance(value, Tensor) else ag.tensor(value)


def align(name: str, y_true: Tensor, y_pred: Tensor) -> Tensor:
    """`y_true` in the shape and dtype of the prediction; (n,) and (n, 1) are the same thing."""
    if y_true.shape != y_pred.shape:
        if _without_last_one(y_true.shape) != _without_last_one(y_pred.shape):
            raise ShapeError(
                f"{name}: targets {y_true.shape} do not fit predictions {y_pred.shape}. "
                "Expected the same shape, or (n,) against (n, 1)."
            )
        y_true = y_true.reshape(y_pred.shape)
    return y_true.to(y_pred.dtype)


def _without_last_one(shape: tuple[int, ...]) -> tuple[int, ...]:
    return shape[:-1] if len(shape) == 2 and shape[-1] == 1 else shape


class Loss:
    """Base of losses. Subclasses define `per_sample`.

    Args:
        reduction: "sum_over_batch_size" or "mean" (the mean of all per-sample values, weighted ones included with
            their weight as a factor), "sum", "mean_with_sample_weight" (divides by the sum of weights), or None.

    Calling `loss(y_true, y_pred, sample_weight=None)` gives a single number, or a value per sample for None.
    """

    logits_of: ClassVar[str | None] = None
    """The activation whose logits `per_sample` accepts with `from_logits=True`."""
    from_logits: bool = False

    def __init__(self, reduction: str | None = "sum_over_batch_size") -> None:
        if reduction not in REDUCTIONS:
            raise ArgumentError(
                f"unknown reduction {reduction!r}. Known: {', '.join(map(repr, REDUCTIONS))}."
            )
        self.reduction = reduction

    def per_sample(self, y_true: Tensor, y_pred: Tensor, from_logits: bool = False) -> Tensor:
        """One value per sample: predictions (n, ..., k) give (n, ...)."""
        raise ArgumentError(f"{type(self).__name__} defines no per_sample(self, y_true, y_pred)")

    def check(self, y_true: Tensor, output_shape: tuple[int | None, ...]) -> Tensor:
        """The whole target, checked against the model's output shape (its batch size is not looked at)."""
        n = y_true.shape[0] if y_true.shape else 0
        shape = (n, *(1 if size is None else size for size in output_shape[1:]))
        if y_true.shape != shape and _without_last_one(y_true.shape) != _without_last_one(shape):
            raise ShapeError(
                f"{type(self).__name__}: targets {y_true.shape} do not fit the model's output "
                f"{('n', *output_shape[1:])}. Expected {('n', *output_shape[1:])}, or (n,) against (n, 1)."
            )
        return y_true.reshape(shape)

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Tensor:
        return self.reduce(
            self.per_sample(_tensor(y_true), _tensor(y_pred), self.from_logits), sample_weight
        )

    def reduce(self, values: Tensor, sample_weight: Any = None) -> Tensor:
        """Per-sample values to the loss."""
        weight = None
        if sample_weight is not None:
            weight = _tensor(sample_weight).to(values.dtype)
            if weight.shape != values.shape[: weight.ndim]:
                raise ShapeError(
                    f"{type(self).__name__}: sample_weight {weight.shape} does not fit {values.shape}, one value per sample"
                )
            weight = weight.reshape(weight.shape + (1,) * (values.ndim - weight.ndim))
            values = values * weight
        if self.reduction in ("none", None):
            return values
        total = values.sum()
        if self.reduction == "sum":
            return total
        if self.reduction == "mean_with_sample_weight" and weight is not None:
            return total / ag.broadcast_to(weight, values.shape).sum()
        return total / values.size


class MeanSquaredError(Loss):
    """mean((t - p)^2).

    >>> import nn
    >>> nn.MeanSquaredError()([[0.0], [1.0]], [[0.0], [0.5]]).item()
    0.125
    """

    def per_sample(self, y_true: Tensor, y_pred: Tensor, from_logits: bool = False) -> Tensor:
        difference = y_pred - align("MeanSquaredError", y_true, y_pred)
        return _mean_last(difference * difference)


def _mean_last(values: Tensor) -> Tensor:
    return values.mean(axis=-1) if values.ndim > 1 else values


class _SmoothedCrossentropy(Loss):
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


class BinaryCrossentropy(_SmoothedCrossentropy):
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
        _check_range("BinaryCrossentropy", y_true, "0 or 1, or a probability between")
        return y_true

    def per_sample(self, y_true: Tensor, y_pred: Tensor, from_logits: bool = False) -> Tensor:
        targets = self.smoothed(align("BinaryCrossentropy", y_true, y_pred), 2)
        if from_logits:
            return _mean_last(ag.sigmoid_cross_entropy(y_pred, targets))
        p = y_pred.clip(EPSILON, 1 - EPSILON)
        return _mean_last(-(targets * p.log() + (1 - targets) * (1 - p).log()))


def _check_range(name: str, y_true: Tensor, meaning: str) -> None:
    if y_true.size and not (y_true.min().item() >= 0 and y_true.max().item() <= 1):
        raise DataError(
            f"{name}: targets have to be {meaning}. "
            f"Received values from {y_true.min().item():g} to {y_true.max().item():g}."
        )


def _log_probabilities(y_pred: Tensor) -> Tensor:
    return (y_pred / y_pred.sum(axis=-1, keepdims=True)).clip(EPSILON, 1 - EPSILON).log()


class CategoricalCrossentropy(_SmoothedCrossentropy):
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
        _check_range("CategoricalCrossentropy", y_true, "probabilities, such as one-hot rows")
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
        labels = _drop_last_one(y_true, len(output_shape) - 1)
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
        labels = _drop_last_one(y_true, y_pred.ndim - 1)
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


def _drop_last_one(labels: Tensor, ndim: int) -> Tensor:
    return labels.squeeze(-1) if labels.ndim == ndim + 1 and labels.shape[-1] == 1 else labels


LOSSES: dict[str, type[Loss]] = {
    "mse": MeanSquaredError,
    "mean_squared_error": MeanSquaredError,
    "binary_crossentropy": BinaryCrossentropy,
    "categorical_crossentropy": CategoricalCrossentropy,
    "sparse_categorical_crossentropy": SparseCategoricalCrossentropy,
}


class FunctionLoss(Loss):
    """A user's function `f(y_true, y_pred)` as a loss."""

    def __init__(self, function: Any) -> None:
        super().__init__()
        self.function = function

    def check(self, y_true: Tensor, output_shape: tuple[int | None, ...]) -> Tensor:
        return y_true

    def per_sample(self, y_true: Tensor, y_pred: Tensor, from_logits: bool = False) -> Tensor:
        # an own function would broadcast (n,) against (n, 1) to (n, n)
        if _without_last_one(y_true.shape) == _without_last_one(y_pred.shape):
            y_true = y_true.reshape(y_pred.shape)
        values = self.function(y_true, y_pred)
        if not isinstance(values, Tensor):
            raise ArgumentError(f"a loss returns a tensor, got {type(values).__name__}")
        return values


def get(loss: Any) -> Loss:
    """A loss by name, the object itself, or a function of (y_true, y_pred)."""
    if isinstance(loss, Loss):
        return loss
    if isinstance(loss, type) and issubclass(loss, Loss):
        return loss()
    return FunctionLoss(loss) if callable(loss) else lookup("loss", loss, LOSSES)()
