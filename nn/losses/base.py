"""Losses, with Keras's meanings: a value per sample (the mean over the last axis), then a reduction over the batch.

Shapes never broadcast silently: (n,) and (n, 1) are aligned, anything else that differs raises. `check` looks at the
whole target once, before training, so that a bad label is found before a weight has moved. A loss with `logits_of`
can be computed from the logits of that activation, which is exact where the probability has saturated.
"""

from __future__ import annotations

from typing import Any, ClassVar

import autograd as ag
from autograd import ShapeError, Tensor

from ..errors import ArgumentError

EPSILON = 1e-7
REDUCTIONS = ("sum_over_batch_size", "mean", "sum", "mean_with_sample_weight", "none", None)


def tensor(value: Any) -> Tensor:
    return value if isinstance(value, Tensor) else ag.tensor(value)


def align(name: str, y_true: Tensor, y_pred: Tensor) -> Tensor:
    """`y_true` in the shape and dtype of the prediction; (n,) and (n, 1) are the same thing."""
    if y_true.shape != y_pred.shape:
        if without_last_one(y_true.shape) != without_last_one(y_pred.shape):
            raise ShapeError(
                f"{name}: targets {y_true.shape} do not fit predictions {y_pred.shape}. "
                "Expected the same shape, or (n,) against (n, 1)."
            )
        y_true = y_true.reshape(y_pred.shape)
    return y_true.to(y_pred.dtype)


def without_last_one(shape: tuple[int, ...]) -> tuple[int, ...]:
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
        if y_true.shape != shape and without_last_one(y_true.shape) != without_last_one(shape):
            raise ShapeError(
                f"{type(self).__name__}: targets {y_true.shape} do not fit the model's output "
                f"{('n', *output_shape[1:])}. Expected {('n', *output_shape[1:])}, or (n,) against (n, 1)."
            )
        return y_true.reshape(shape)

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Tensor:
        return self.reduce(
            self.per_sample(tensor(y_true), tensor(y_pred), self.from_logits), sample_weight
        )

    def reduce(self, values: Tensor, sample_weight: Any = None) -> Tensor:
        """Per-sample values to the loss."""
        weight = None
        if sample_weight is not None:
            weight = tensor(sample_weight).to(values.dtype)
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


def mean_last(values: Tensor) -> Tensor:
    return values.mean(axis=-1) if values.ndim > 1 else values


class FunctionLoss(Loss):
    """A user's function `f(y_true, y_pred)` as a loss."""

    def __init__(self, function: Any) -> None:
        super().__init__()
        self.function = function

    def check(self, y_true: Tensor, output_shape: tuple[int | None, ...]) -> Tensor:
        return y_true

    def per_sample(self, y_true: Tensor, y_pred: Tensor, from_logits: bool = False) -> Tensor:
        # an own function would broadcast (n,) against (n, 1) to (n, n)
        if without_last_one(y_true.shape) == without_last_one(y_pred.shape):
            y_true = y_true.reshape(y_pred.shape)
        values = self.function(y_true, y_pred)
        if not isinstance(values, Tensor):
            raise ArgumentError(f"a loss returns a tensor, got {type(values).__name__}")
        return values
