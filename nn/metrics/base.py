"""Metrics: numbers to watch, accumulated over batches.

Each keeps its sums as tensors, so a traced step updates them as named state; `result` reads them as a float.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import autograd as ag
from autograd import Tensor

from ..errors import ArgumentError
from ..losses import Loss


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

    def state(self) -> dict[str, Tensor]:
        """What `update` reads and assigns, by name: a traced step and a saved run keep it."""
        return {"total": self.total, "count": self.count}

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
        for tensor in self.state().values():
            tensor.assign(ag.zeros_like(tensor))


class LossMetric(Metric):
    """A loss as a metric, or a user's function of (y_true, y_pred)."""

    def __init__(self, loss: Loss | Callable[..., Any], name: str) -> None:
        super().__init__(name)
        self.loss = loss

    def state(self) -> dict[str, Tensor]:
        """What `update` reads and assigns, by name: a traced step and a saved run keep it."""
        return {"total": self.total, "count": self.count}

    def values(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        if isinstance(self.loss, Loss):
            return self.loss.per_sample(y_true, y_pred, self.loss.from_logits)
        result = self.loss(y_true, y_pred)
        if not isinstance(result, Tensor):
            raise ArgumentError(
                f"metric {self.name!r} returns a tensor, got {type(result).__name__}"
            )
        return result
