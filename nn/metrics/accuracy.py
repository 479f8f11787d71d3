"""How often the prediction is right: by one output, by the largest of several, by the k largest."""

from __future__ import annotations

from typing import ClassVar

import autograd as ag
from autograd import ShapeError, Tensor

from ..arguments import COUNT, NUMBER
from ..constructors import OWN_NAME, argument, constructor
from ..losses.base import align, floating
from .base import Metric


def labels_for(name: str, y_true: Tensor, y_pred: Tensor) -> Tensor:
    """Class numbers (n, ...) for scores (n, ..., classes): given so, or with a last dimension of 1."""
    labels = y_true.squeeze(-1) if y_true.ndim == y_pred.ndim and y_true.shape[-1] == 1 else y_true
    if labels.shape != y_pred.shape[:-1]:
        raise ShapeError(
            f"{name}: class numbers {y_true.shape} do not fit scores {y_pred.shape}. "
            f"Expected {y_pred.shape[:-1]}, a number per row of scores."
        )
    return labels.to("int64")


def is_binary(y_pred: Tensor) -> bool:
    """Whether there is one output per sample."""
    return y_pred.ndim < 2 or y_pred.shape[-1] == 1


def has_labels(y_true: Tensor, y_pred: Tensor) -> bool:
    """Whether the targets are class numbers, not one-hot rows."""
    return y_true.ndim < y_pred.ndim or y_true.shape[-1] == 1


@constructor
class BinaryAccuracy(Metric):
    """How often `p > threshold` equals the target.

    >>> import nn
    >>> metric = nn.BinaryAccuracy(threshold=0.25)
    >>> metric.update([1, 0, 0, 1], [0.3, 0.3, 0.1, 0.9]); metric.result()
    0.75
    """

    name: str = argument(default=OWN_NAME)
    threshold: float = argument(NUMBER, default=0.5)

    def hits(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """1 for each prediction that is right, else 0."""
        targets = align("BinaryAccuracy", y_true, y_pred)
        return ((y_pred > self.threshold).to(y_pred.dtype) == targets).to(y_pred.dtype)

    def values(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        hits = self.hits(y_true, y_pred)
        return hits.mean(axis=-1) if hits.ndim > 1 else hits


@constructor
class CategoricalAccuracy(Metric):
    """How often the largest prediction is at the largest target (one-hot rows).

    >>> import nn
    >>> metric = nn.CategoricalAccuracy()
    >>> metric.update([[0, 1], [1, 0]], [[0.4, 0.6], [0.1, 0.9]]); metric.result()
    0.5
    """

    def values(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        targets = align("CategoricalAccuracy", y_true, y_pred)
        return (targets.argmax(axis=-1) == y_pred.argmax(axis=-1)).to(y_pred.dtype)


@constructor
class SparseCategoricalAccuracy(Metric):
    """How often the largest prediction is at the class number.

    >>> import nn
    >>> metric = nn.SparseCategoricalAccuracy()
    >>> metric.update([1, 0], [[0.4, 0.6], [0.1, 0.9]]); metric.result()
    0.5
    """

    def values(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        labels = labels_for("SparseCategoricalAccuracy", y_true, y_pred)
        return (labels == y_pred.argmax(axis=-1)).to(y_pred.dtype)


@constructor
class Accuracy(Metric):
    """How often the prediction is the target itself: for predictions that are class numbers.

    What the name "accuracy" means in `compile` is `MatchingAccuracy`.

    >>> import nn
    >>> metric = nn.Accuracy(); metric.update([1, 0], [1, 2]); metric.result()
    0.5
    """

    saved_as: ClassVar[str] = "metrics.Accuracy"
    """In files that are older the plain name is that of `MatchingAccuracy`."""

    def values(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        p = floating(y_pred)
        return (align("Accuracy", y_true, p) == p).to(p.dtype)


@constructor
class MatchingAccuracy(Metric):
    """The accuracy that fits the shapes: binary for one output, sparse for class numbers, else categorical.

    It is what the name "accuracy" means in `compile`.

    >>> import nn
    >>> metric = nn.metrics.MatchingAccuracy(); metric.update([1, 0], [[0.4, 0.6], [0.1, 0.9]])
    >>> metric.result()
    0.5
    """

    saved_as: ClassVar[str] = "Accuracy"
    name: str = argument(default="accuracy")

    def values(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        if is_binary(y_pred):
            kind: type[Metric] = BinaryAccuracy
        elif has_labels(y_true, y_pred):
            kind = SparseCategoricalAccuracy
        else:
            kind = CategoricalAccuracy
        return kind().values(y_true, y_pred)


@constructor
class SparseTopKCategoricalAccuracy(Metric):
    """How often the score of the class number is among the k largest; a tie
    with the k-th largest counts as in.

    A score that is NaN is never among them.

    >>> import nn
    >>> metric = nn.SparseTopKCategoricalAccuracy(k=2)
    >>> metric.update([0, 2], [[0.3, 0.6, 0.1], [0.5, 0.4, 0.1]]); metric.result()
    0.5
    """

    k: int = argument(COUNT, default=5)

    def values(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        return _within(labels_for(type(self).__name__, y_true, y_pred), y_pred, self.k)


@constructor
class TopKCategoricalAccuracy(Metric):
    """How often the score at the largest target (one-hot rows) is among the k largest.

    >>> import nn
    >>> metric = nn.TopKCategoricalAccuracy(k=2)
    >>> metric.update([[1, 0, 0], [0, 0, 1]], [[0.3, 0.6, 0.1], [0.5, 0.4, 0.1]]); metric.result()
    0.5
    """

    k: int = argument(COUNT, default=5)

    def values(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        targets = align(type(self).__name__, y_true, y_pred)
        return _within(targets.argmax(axis=-1), y_pred, self.k)


def _within(labels: Tensor, scores: Tensor, k: int) -> Tensor:
    own = ag.take_along_axis(scores, labels.expand_dims(-1), axis=-1)
    # counted as "not below", so that a NaN beside the class takes a place instead of leaving one
    above = 1.0 - (scores <= own).to(scores.dtype)
    known: Tensor = (own == own).to(scores.dtype).squeeze(-1)
    return (above.sum(axis=-1) < float(k)).to(scores.dtype) * known
