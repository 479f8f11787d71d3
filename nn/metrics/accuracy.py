"""How often the prediction is right."""

from __future__ import annotations

from autograd import Tensor

from ..losses.base import align
from .base import Metric


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
