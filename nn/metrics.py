"""Metrics: numbers to watch, accumulated over batches.

Each keeps its sums as tensors, so a traced step updates them as named state; `result` reads them as a float.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import autograd as ag
from autograd import Tensor

from .errors import ArgumentError, lookup
from .losses import LOSSES, Loss, align


class Metric:
    """Base of metrics: the weighted mean of a value per sample. Subclasses define `values`.

    >>> import nn
    >>> metric = nn.BinaryAccuracy()
    >>> metric.update([[1.0], [0.0]], [[0.9], [0.8]]); metric.result()
    0.5
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.total = ag.zeros((), "float64")
        self.count = ag.zeros((), "float64")

    def values(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """One value per sample."""
        raise ArgumentError(f"{type(self).__name__} defines no values(self, y_true, y_pred)")

    def update(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Add a batch."""
        tensors = [v if isinstance(v, Tensor) else ag.tensor(v) for v in (y_true, y_pred)]
        self.add(self.values(*tensors), sample_weight)

    def add(self, values: Tensor, sample_weight: Any = None) -> None:
        """Add per-sample values."""
        if sample_weight is None:
            count: Any = float(values.size)
        else:
            weight = (
                sample_weight if isinstance(sample_weight, Tensor) else ag.tensor(sample_weight)
            )
            weight = weight.reshape(weight.shape + (1,) * (values.ndim - weight.ndim)).to(
                values.dtype
            )
            count = ag.broadcast_to(weight, values.shape).sum().to("float64")
            values = values * weight
        self.total.assign(self.total + values.sum().to("float64"))
        self.count.assign(self.count + count)

    def result(self) -> float:
        """The metric over all batches since `reset`; NaN before the first."""
        count = self.count.item()
        return float(self.total.item() / count) if count else float("nan")

    def reset(self) -> None:
        """Forget all batches."""
        self.total.assign(ag.zeros((), "float64"))
        self.count.assign(ag.zeros((), "float64"))


class BinaryAccuracy(Metric):
    """How often `p > threshold` equals the target."""

    def __init__(self, name: str = "binary_accuracy", threshold: float = 0.5) -> None:
        super().__init__(name)
        self.threshold = threshold

    def values(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        targets = align("BinaryAccuracy", y_true, y_pred)
        hits = ((y_pred > self.threshold).to(y_pred.dtype) == targets).to(y_pred.dtype)
        return hits.mean(axis=-1) if hits.ndim > 1 else hits


class CategoricalAccuracy(Metric):
    """How often the largest prediction is at the largest target (one-hot rows)."""

    def __init__(self, name: str = "categorical_accuracy") -> None:
        super().__init__(name)

    def values(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        return (y_true.argmax(axis=-1) == y_pred.argmax(axis=-1)).to(y_pred.dtype)


class SparseCategoricalAccuracy(Metric):
    """How often the largest prediction is at the class number."""

    def __init__(self, name: str = "sparse_categorical_accuracy") -> None:
        super().__init__(name)

    def values(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        labels = y_true.squeeze(-1) if y_true.ndim == y_pred.ndim else y_true
        return (labels.to("int64") == y_pred.argmax(axis=-1)).to(y_pred.dtype)


class Accuracy(Metric):
    """The accuracy that fits the shapes: binary for one output, sparse for class numbers, else categorical."""

    def __init__(self, name: str = "accuracy") -> None:
        super().__init__(name)

    def values(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        if y_pred.ndim < 2 or y_pred.shape[-1] == 1:
            kind: type[Metric] = BinaryAccuracy
        elif y_true.ndim < y_pred.ndim or y_true.shape[-1] == 1:
            kind = SparseCategoricalAccuracy
        else:
            kind = CategoricalAccuracy
        return kind().values(y_true, y_pred)  # type: ignore[call-arg]


class LossMetric(Metric):
    """A loss as a metric, or a user's function of (y_true, y_pred)."""

    def __init__(self, loss: Loss | Callable[..., Any], name: str) -> None:
        super().__init__(name)
        self.loss = loss

    def values(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        if isinstance(self.loss, Loss):
            return self.loss.per_sample(y_true, y_pred, self.loss.from_logits)
        result = self.loss(y_true, y_pred)
        if not isinstance(result, Tensor):
            raise ArgumentError(
                f"metric {self.name!r} returns a tensor, got {type(result).__name__}"
            )
        return result


METRICS: dict[str, Callable[[str], Metric]] = {
    "accuracy": Accuracy,
    "acc": Accuracy,
    "binary_accuracy": BinaryAccuracy,
    "categorical_accuracy": CategoricalAccuracy,
    "sparse_categorical_accuracy": SparseCategoricalAccuracy,
    **{name: lambda given, loss=loss: LossMetric(loss(), given) for name, loss in LOSSES.items()},  # type: ignore[misc]
}


def get(metric: Any) -> Metric:
    """A metric by name, the object itself, or a function of (y_true, y_pred)."""
    if isinstance(metric, type) and issubclass(metric, (Metric, Loss)):
        metric = metric()  # type: ignore[call-arg]
    if isinstance(metric, Metric):
        return metric
    if isinstance(metric, Loss):
        return LossMetric(metric, type(metric).__name__)
    if callable(metric):
        return LossMetric(metric, getattr(metric, "__name__", "metric"))
    return lookup("metric", metric, METRICS)(metric)
