"""Metrics: numbers to watch, accumulated over batches.

Each keeps its sums as float64 tensors, so a traced step updates them as named state; `result` reads them as a
float. A metric that needs more than sums says `traced = False`: it is no part of the step's program, and is
given the targets and the predictions of each batch after the step.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

import autograd as ag
from autograd import ShapeError, Tensor

from ..arguments import TEXT, Checked, function
from ..checkpoint.fields import check_arrays
from ..constructors import OWN_NAME, argument, attribute, common, constructor
from ..errors import ArgumentError
from ..losses import Loss
from ..losses.base import tensor


@common
class Metric(Checked):
    """Base of metrics: the weighted mean of a value per sample. Subclasses define `values`.

    A metric with other sums names them in `state_names` and defines `update` and `result`. Keras's spelling
    (`update_state`, `reset_state`) works too.

    >>> import nn
    >>> metric = nn.BinaryAccuracy()
    >>> metric.update([[1.0], [0.0]], [[0.9], [0.8]]); metric.result()
    0.5
    """

    traced: ClassVar[bool] = True
    """Whether `update` is a part of the step's program: it then only does tensor arithmetic and `assign`.
    Otherwise it runs after the step, and the result is looked at once per epoch, not after every batch."""
    logged: ClassVar[bool] = True
    """Whether the result is a number for the logs."""
    state_names: ClassVar[tuple[str, ...]] = ("total", "count")
    """The attributes that hold the sums."""
    total: Tensor = attribute()
    count: Tensor = attribute()
    name: str = argument(TEXT, default=OWN_NAME)

    def __init__(self, name: str) -> None:
        self.name = name
        self.allocate(())

    def __post_init__(self) -> None:
        self.allocate(())

    def allocate(self, shape: tuple[int, ...]) -> None:
        """Make every sum a zero tensor of `shape`; one that has this shape already stays."""
        for name in self.state_names:
            present = getattr(self, name, None)
            if present is None or present.shape != shape:
                setattr(self, name, ag.zeros(shape, "float64"))

    def build(self, output_shape: Sequence[int | None]) -> None:
        """Make the sums whose shape depends on the model's output (batch
        size first); before the first step.
        """

    def state(self) -> dict[str, Tensor]:
        """What `update` reads and assigns, by name: a traced step and a saved run keep it."""
        return {name: getattr(self, name) for name in self.state_names}

    def check_state(self, state: Mapping[str, Any]) -> None:
        """Refuse arrays that are not the sums of this metric, which is built; nothing changes.

        Raises:
            FileError: naming what does not fit.
        """
        check_arrays(f"the sums of {self.name}", self.state(), state)

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Take up what `state` gave."""
        for name in self.state_names:
            value = tensor(state[name])
            if getattr(self, name).shape == value.shape:
                getattr(self, name).assign(value)
            else:
                setattr(self, name, value)

    def values(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """One value per sample."""
        raise ArgumentError(f"{type(self).__name__} defines no values(self, y_true, y_pred)")

    def update(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Add a batch."""
        self.add(self.values(tensor(y_true), tensor(y_pred)), sample_weight)

    def observe(self, y_true: Any, y_pred: Any, sample_weight: Any) -> None:
        """Add a batch of `fit` or `evaluate`; what was compiled among `metrics` counts every row once."""
        self.update(y_true, y_pred)

    def add(self, values: Tensor, sample_weight: Any = None) -> None:
        """Add per-sample values."""
        if not isinstance(values, Tensor):
            raise ArgumentError(f"metric {self.name!r} returns a tensor, got {type(values).__name__}")
        count: Any = float(values.size)
        if sample_weight is not None:
            weight = spread(self.name, sample_weight, values.shape)
            count = weight.sum()
            values = values * weight.to(values.dtype)
        self.total.assign(self.total + values.sum().to("float64"))
        self.count.assign(self.count + count)

    def result(self) -> float:
        """The metric over all batches since `reset`; NaN before the first."""
        count = self.count.item()
        return float(self.total.item() / count) if count else float("nan")

    def reset(self) -> None:
        """Forget all batches."""
        for total in self.state().values():
            total.assign(ag.zeros_like(total))

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Keras's name of `update`."""
        self.update(y_true, y_pred, sample_weight)

    def reset_state(self) -> None:
        """Keras's name of `reset`."""
        self.reset()


@constructor
class Mean(Metric):
    """The weighted mean of all numbers that it was given; by hand, not in `compile`.

    >>> import nn
    >>> mean = nn.metrics.Mean(); mean.update([1.0, 3.0]); mean.update([5.0], [2.0]); mean.result()
    3.5
    """

    def update(self, values: Any, sample_weight: Any = None) -> None:  # type: ignore[override]
        """Add numbers, one or an array of them."""
        self.add(tensor(values), sample_weight)

    def update_state(self, values: Any, sample_weight: Any = None) -> None:  # type: ignore[override]
        """Keras's name of `update`."""
        self.update(values, sample_weight)


class LossMetric(Metric):
    """A loss as a metric, or a user's function of (y_true, y_pred)."""

    checks = {"loss": function("is a loss or a function of (y_true, y_pred)", 2)}

    def __init__(self, loss: Loss | Callable[..., Any], name: str) -> None:
        super().__init__(name)
        self.loss = loss

    def update(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Add a batch; what the loss leaves out of its mean (`ignore_class`) is left out here."""
        targets = tensor(y_true)
        kept = self.loss.kept(targets) if isinstance(self.loss, Loss) else None
        values = self.values(targets, tensor(y_pred))
        if kept is not None:
            counts = kept.reshape(values.shape).to("float64")
            if sample_weight is not None:
                counts = counts * spread(self.name, sample_weight, values.shape)
            sample_weight = counts
        self.add(values, sample_weight)

    def values(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        if isinstance(self.loss, Loss):
            return self.loss.per_sample(y_true, y_pred, self.loss.from_logits)
        result: Tensor = self.loss(y_true, y_pred)
        return result


def spread(name: str, sample_weight: Any, shape: tuple[int, ...]) -> Tensor:
    """Weights in `shape`, float64: one for all, one per sample (n,) or (n, 1), or one per value; else ones.

    Raises:
        ShapeError: the weights belong to other values.
    """
    if sample_weight is None:
        return ag.ones(shape, "float64")
    weight = tensor(sample_weight).to("float64")
    if weight.ndim == len(shape) + 1 and weight.shape[-1] == 1:
        weight = weight.reshape(weight.shape[:-1])
    given = weight.shape
    weight = weight.reshape(given + (1,) * max(len(shape) - len(given), 0))
    fits = weight.ndim == len(shape) and all(
        own in (1, size) for own, size in zip(weight.shape, shape, strict=True)
    )
    if not fits or (given and given[0] != shape[0]):
        raise ShapeError(f"{name}: sample_weight {given} does not fit {shape}, one value per sample")
    return ag.broadcast_to(weight, shape)


def number_of(name: str, result: Any) -> float:
    """The result of a metric as a number for the logs."""
    try:
        return float(result.item() if hasattr(result, "item") else result)
    except (TypeError, ValueError) as error:
        raise ArgumentError(f"metric {name!r}: result() returns a number, got {result!r}") from error


def ratio(numerator: float, denominator: float) -> float:
    """0 when there is nothing to divide by, as in Keras."""
    return numerator / denominator if denominator else 0.0
