"""Losses, with Keras's meanings: a value per sample (the mean over the last
axis), then a reduction over the batch.

Shapes never broadcast silently: (n,) and (n, 1) are aligned, anything else that differs raises. `check` looks
at the whole target once, before training, so that a bad label is found before a weight has moved. A loss with
`logits_of` can be computed from the logits of that activation, which is exact where the probability has
saturated. `per_sample`, `kept` and `reduce` run inside a traced step: none of them looks at a value.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import autograd as ag
from autograd import ShapeError, Tensor

from ..arguments import FLAG, NAME, TEXT, choice
from ..arguments import function as function_of
from ..configured import Configured
from ..constructors import OWN_NAME, argument, attribute, common, snake_case
from ..errors import ArgumentError

EPSILON = 1e-7
REDUCTIONS = ("sum_over_batch_size", "mean", "sum", "mean_with_sample_weight", "none", None)


def tensor(value: Any) -> Tensor:
    return value if isinstance(value, Tensor) else ag.tensor(value)


def returned(what: str, value: Any) -> Tensor:
    """What somebody's own loss, metric or penalty gave, once it is known to be one.

    Raises:
        ArgumentError: it is no tensor of floating numbers.
    """
    if not isinstance(value, Tensor):
        raise ArgumentError(f"{what} returns a tensor, got {type(value).__name__}")
    if value.dtype.kind != "f":
        raise ArgumentError(f"{what} returns floating numbers, got {value.dtype}, which have no slope")
    return value


def floating(value: Any) -> Tensor:
    """Predictions: whole numbers count as float32."""
    given = tensor(value)
    return given if given.dtype.kind == "f" else given.to("float32")


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


def shape_of(y_true: Tensor, output_shape: tuple[int | None, ...]) -> tuple[int, ...]:
    """That of the predictions of a model with such an output, one for each target."""
    n = y_true.shape[0] if y_true.shape else 0
    return (n, *(1 if size is None else size for size in output_shape[1:]))


def in_shape_of(y_true: Tensor, output_shape: tuple[int | None, ...]) -> Tensor:
    """Targets (n,) as (n, 1) where the output is so, or the other way; any others as they are.

    Formulas of somebody's own, metrics too, would broadcast them to (n, n).
    """
    shape = shape_of(y_true, output_shape)
    same = without_last_one(y_true.shape) == without_last_one(shape)
    return y_true.reshape(shape) if same else y_true


@common
class Loss(Configured):
    """Base of losses. Subclasses define `per_sample`, or `call(self, y_true, y_pred)` as in Keras.

    `call` is given targets in the dtype of the predictions, and its predictions are
    never logits in the place of probabilities.

    Args:
        reduction: "sum_over_batch_size" or "mean" (the mean of all per-sample values,
            weighted ones included with their weight as a factor), "sum",
            "mean_with_sample_weight" (divides by the sum of weights), or None.
        name: what to call the loss in messages and tables; default: the class name in snake case.

    Calling `loss(y_true, y_pred, sample_weight=None)` gives a single number, or a value per sample for None.
    In predictions of shape (n,) each number is a sample, as in (n, 1).

    Raises:
        ArgumentError: an unknown reduction.
        ShapeError: targets and predictions, or weights and samples, do not fit.

    >>> import nn
    >>> class Cubic(nn.Loss):
    ...     def per_sample(self, y_true, y_pred, from_logits=False):
    ...         return (abs(y_true - y_pred) ** 3).mean(axis=-1)
    >>> Cubic(reduction="sum")([[0.0], [1.0]], [[2.0], [1.0]]).item()
    8.0
    >>> class Half(nn.Loss):
    ...     def call(self, y_true, y_pred):
    ...         return (abs(y_true - y_pred) / 2).mean(axis=-1)
    >>> Half()([[0.0], [1.0]], [[2.0], [1.0]]).item()
    0.5
    """

    checks = {"from_logits": FLAG}
    logits_of: str | None = attribute(None)
    """The activation whose logits `per_sample` accepts with `from_logits=True`."""
    from_logits: bool = attribute(False)
    reduction: str | None = argument(choice(*REDUCTIONS), default="sum_over_batch_size")
    name: str | None = argument(
        TEXT,
        default=OWN_NAME,
        takes=NAME.or_none(),
        instead_of_none=lambda self: snake_case(type(self).__name__),
    )

    def __init__(self, name: str | None = None, reduction: str | None = "sum_over_batch_size") -> None:
        kind = type(self).__name__
        self.name = NAME.or_none().checked(kind, "name", name) or snake_case(kind)
        self.reduction = reduction

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        own = vars(cls)
        if "call" in own and "per_sample" not in own:
            cls.per_sample = _by_call(own["call"])  # type: ignore[method-assign]
            cls.logits_of = None
        elif "per_sample" in own and "call" not in own:
            cls.call = _by_per_sample(own["per_sample"])  # type: ignore[method-assign]

    def per_sample(self, y_true: Tensor, y_pred: Tensor, from_logits: bool = False) -> Tensor:
        """One value per sample: predictions (n, ..., k) give (n, ...)."""
        raise ArgumentError(
            f"{type(self).__name__} defines no per_sample(self, y_true, y_pred) and no call of these"
        )

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """Keras's name of `per_sample`."""
        return Loss.per_sample(self, y_true, y_pred)

    def check(self, y_true: Tensor, output_shape: tuple[int | None, ...]) -> Tensor:
        """The whole target, checked against the model's output shape (its batch size is not looked at).

        A loss that defines `call` says itself what fits.
        """
        if hasattr(type(self).per_sample, "is_made_of_call"):
            return in_shape_of(y_true, output_shape)
        shape = shape_of(y_true, output_shape)
        if y_true.shape != shape and without_last_one(y_true.shape) != without_last_one(shape):
            raise ShapeError(
                f"{type(self).__name__}: targets {y_true.shape} do not fit the model's output "
                f"{('n', *output_shape[1:])}. Expected {('n', *output_shape[1:])}, or (n,) against (n, 1)."
            )
        return y_true.reshape(shape)

    def kept(self, y_true: Tensor) -> Tensor | None:
        """Which per-sample values count, as booleans; None when all do."""
        return None

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Tensor:
        with ag.named_scope("loss"):
            targets = tensor(y_true)
            values = self.per_sample(targets, floating(y_pred), self.from_logits)
            return self.reduce(returned("a loss", values), sample_weight, self.kept(targets))

    def reduce(self, values: Tensor, sample_weight: Any = None, kept: Tensor | None = None) -> Tensor:
        """Per-sample values to the loss; `kept` says which of them count in a mean."""
        weight = None if sample_weight is None else self._weight(sample_weight, values)
        if weight is not None:
            values = values * weight
        if self.reduction in ("none", None):
            return values
        total = values.sum()
        if self.reduction == "sum":
            return total
        counts = None if kept is None else kept.reshape(values.shape).to(values.dtype)
        if self.reduction == "mean_with_sample_weight" and weight is not None:
            counts = ag.broadcast_to(weight, values.shape) if counts is None else weight * counts
        return total / values.size if counts is None else _ratio(total, counts.sum())

    def _weight(self, sample_weight: Any, values: Tensor) -> Tensor:
        weight = tensor(sample_weight).to(values.dtype)
        if values.ndim == 1:
            weight = weight.reshape(without_last_one(weight.shape))
        if weight.shape != values.shape[: weight.ndim]:
            raise ShapeError(
                f"{type(self).__name__}: sample_weight {weight.shape} does not fit {values.shape}, one "
                "value per sample"
            )
        return weight.reshape(weight.shape + (1,) * (values.ndim - weight.ndim))


def _ratio(total: Tensor, count: Tensor) -> Tensor:
    """total / count, and 0 where nothing counts."""
    nothing = count == 0
    return ag.where(nothing, 0.0, total / ag.where(nothing, 1.0, count))


def mean_last(values: Tensor) -> Tensor:
    return values.mean(axis=-1) if values.ndim > 1 else values


def moved_last(x: Tensor, axis: int) -> Tensor:
    """x with `axis` moved to the end."""
    return x if axis == -1 else ag.permute_dims(x, order_with_last(x.ndim, axis))


def order_with_last(ndim: int, axis: int) -> tuple[int, ...]:
    """The axes of an array of `ndim` dimensions, `axis` after all others."""
    if not -ndim <= axis < ndim:
        raise ShapeError(f"a loss over axis {axis} needs more than {ndim} dimensions")
    return (*(i for i in range(ndim) if i != axis % ndim), axis % ndim)


def _by_call(call: Callable[..., Any]) -> Callable[..., Tensor]:
    """`per_sample` of a class that defines `call`."""

    def per_sample(self: Loss, y_true: Tensor, y_pred: Tensor, from_logits: bool = False) -> Tensor:
        values: Tensor = call(self, same_column(y_true, y_pred).to(y_pred.dtype), y_pred)
        return values

    per_sample.is_made_of_call = True  # type: ignore[attr-defined]
    return per_sample


def _by_per_sample(per_sample: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """`call` of a class that defines `per_sample`: of that class, whatever its subclasses define."""

    def call(self: Loss, y_true: Tensor, y_pred: Tensor) -> Tensor:
        return per_sample(self, y_true, y_pred, self.from_logits)

    return call


def same_column(y_true: Tensor, y_pred: Tensor) -> Tensor:
    """`y_true` in the shape of the prediction where one is (n,) and the other (n, 1).

    A formula of somebody's own would broadcast them to (n, n).
    """
    if y_true.shape != y_pred.shape and without_last_one(y_true.shape) == without_last_one(y_pred.shape):
        return y_true.reshape(y_pred.shape)
    return y_true


class FunctionLoss(Loss):
    """A user's function `f(y_true, y_pred)` as a loss."""

    checks = {"function": function_of("is a function of (y_true, y_pred)", 2)}

    def __init__(self, function: Any) -> None:
        super().__init__(getattr(function, "__name__", None))
        self.function = function

    def check(self, y_true: Tensor, output_shape: tuple[int | None, ...]) -> Tensor:
        return in_shape_of(y_true, output_shape)

    def per_sample(self, y_true: Tensor, y_pred: Tensor, from_logits: bool = False) -> Tensor:
        values: Tensor = self.function(same_column(y_true, y_pred), y_pred)
        return values
