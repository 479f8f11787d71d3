"""Metrics of right and wrong decisions: precision, recall, F scores, the confusion matrix.

Several thresholds, and `average=None`, give a tensor of several values as `result()`, as in Keras, and the
logs a NumPy array of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import autograd as ag
from autograd import ShapeError, Tensor

from ..arguments import COUNT, COUNT_OR_ZERO, FRACTION, POSITIVE, choice
from ..constructors import argument, attribute, common_argument, constructor
from ..errors import ArgumentError
from ..losses.base import align, tensor
from .accuracy import has_labels, is_binary, labels_for
from .base import Metric, ratio, spread
from .regression import columns
from .thresholds import AtThresholds

AVERAGES = (None, "micro", "macro", "weighted")


@constructor
class _Share(AtThresholds):
    """Base of right / (right + wrong)."""

    def update(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Add a batch."""
        positive, p, weight = self.decisions(y_true, y_pred, sample_weight)
        called = self.called(p)
        right, wrong = self.state_names
        found = {
            right: [c * positive * weight for c in called],
            wrong: [self.mistakes(positive, c) * weight for c in called],
        }
        self.gather(**found)

    def mistakes(self, positive: Tensor, called: Tensor) -> Tensor:
        """Which decisions count as wrong, as numbers."""
        raise ArgumentError(f"{type(self).__name__} defines no mistakes(self, positive, called)")

    def results(self) -> list[float]:
        """The value at each threshold."""
        right, wrong = (getattr(self, name).tolist() for name in self.state_names)
        return [ratio(r, r + w) for r, w in zip(right, wrong)]


@constructor
class Precision(_Share):
    """Of what was called positive, the share that is: true positives / (true + false positives).

    Positive is what is predicted above the threshold (0.5 by default); a target is positive when it is not 0.
    Every element counts, of several outputs too; `class_id` picks one output.

    Args:
        thresholds: a number in [0, 1] (0 for logits), or several: the result then has a value for each.
        top_k: only the so many largest predictions of each row can be called
            positive; without thresholds they all are.
        class_id: the output to look at.

    >>> import nn
    >>> metric = nn.Precision(); metric.update([0, 1, 1, 1], [0.9, 0.2, 0.8, 0.7]); round(metric.result(), 4)
    0.6667
    """

    state_names = ("true_positives", "false_positives")
    true_positives: Tensor = attribute()
    false_positives: Tensor = attribute()

    top_k: int | None = argument(COUNT.or_none(), default=None)
    class_id: int | None = argument(COUNT_OR_ZERO.or_none(), default=None)

    def mistakes(self, positive: Tensor, called: Tensor) -> Tensor:
        """The false alarms."""
        return called * (1.0 - positive)


@constructor
class Recall(_Share):
    """Of what is positive, the share that was called so: true positives / (true positives + false negatives).

    Arguments as for `Precision`.

    >>> import nn
    >>> metric = nn.Recall(); metric.update([0, 1, 1, 1], [0.9, 0.2, 0.8, 0.7]); round(metric.result(), 4)
    0.6667
    """

    state_names = ("true_positives", "false_negatives")
    true_positives: Tensor = attribute()
    false_negatives: Tensor = attribute()

    top_k: int | None = argument(COUNT.or_none(), default=None)
    class_id: int | None = argument(COUNT_OR_ZERO.or_none(), default=None)

    def mistakes(self, positive: Tensor, called: Tensor) -> Tensor:
        """What was missed."""
        return (1.0 - called) * positive


@constructor
class FBetaScore(Metric):
    """The harmonic mean of precision and recall, recall counting `beta` times as much, per class.

    `(1 + beta**2) tp / ((1 + beta**2) tp + beta**2 fn + fp)`, 0 for a class that neither occurs nor is
    predicted. Exact, where Keras adds 1e-7 to every denominator.

    Args:
        average: None, "macro" (the mean over classes), "micro" (all decisions in one), "weighted"
            (by how often a class occurs). With None the result is a tensor with the score of each class,
            which callbacks cannot monitor.
        beta: a positive number.
        threshold: called positive is what lies above. By default the largest output of each row, and 0.5
            for one output (Keras calls every row positive then).

    >>> import nn
    >>> metric = nn.metrics.FBetaScore("macro", beta=2.0, threshold=0.5)
    >>> metric.update([0, 1, 1], [0.9, 0.8, 0.1]); metric.result()
    0.5
    """

    state_names = ("true_positives", "false_positives", "false_negatives")
    true_positives: Tensor = attribute()
    false_positives: Tensor = attribute()
    false_negatives: Tensor = attribute()

    average: str | None = argument(choice(*AVERAGES), default=None)
    beta: float = argument(POSITIVE, default=1.0)
    threshold: float | None = argument(
        FRACTION.but(words="lies in (0, 1]", above=True, optional=True), default=None
    )
    name: str = common_argument(default="fbeta_score", kw_only=True)

    def build(self, output_shape: Sequence[int | None]) -> None:
        """One count per class."""
        self.allocate((columns(type(self).__name__, output_shape),))

    def update(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Add a batch."""
        y_pred = tensor(y_pred)
        self.build(y_pred.shape)
        shape = (y_pred.shape[0], self.true_positives.shape[0])
        t = align(type(self).__name__, tensor(y_true), y_pred).reshape(shape).to("float64")
        called = self._called(y_pred.reshape(shape)).to("float64")
        weight = spread(type(self).__name__, sample_weight, shape)
        hits, alarms = called * t * weight, called * (1.0 - t) * weight
        misses = (1.0 - called) * t * weight
        self.true_positives.assign(self.true_positives + hits.sum(axis=0))
        self.false_positives.assign(self.false_positives + alarms.sum(axis=0))
        self.false_negatives.assign(self.false_negatives + misses.sum(axis=0))

    def _called(self, p: Tensor) -> Tensor:
        if self.threshold is not None or p.shape[1] == 1:
            return p > (0.5 if self.threshold is None else self.threshold)
        largest = (p >= p.max(axis=-1, keepdims=True)).to(p.dtype)
        # a row of zeros decides nothing
        return largest * (p.abs() > 1e-9).to(p.dtype)

    def _counts(self) -> list[list[float]]:
        return [getattr(self, name).reshape(-1).tolist() for name in self.state_names]

    def _score(self, hits: float, alarms: float, misses: float) -> float:
        square = self.beta**2
        return ratio((1 + square) * hits, (1 + square) * hits + square * misses + alarms)

    def results(self) -> list[float]:
        """The score of each class."""
        return [self._score(*counts) for counts in zip(*self._counts(), strict=True)]

    def result(self) -> Any:
        """The score over all batches since `reset`; without an `average` a tensor of those of the classes."""
        hits, alarms, misses = self._counts()
        if self.average == "micro":
            return self._score(sum(hits), sum(alarms), sum(misses))
        scores, weights = self.results(), [1.0] * len(hits)
        if self.average is None:
            return ag.tensor(scores, "float64")
        if self.average == "weighted":
            weights = [h + m for h, m in zip(hits, misses)]
        return ratio(sum(s * w for s, w in zip(scores, weights)), sum(weights))


class F1Score(FBetaScore):
    """The harmonic mean of precision and recall, per class: `FBetaScore` with beta 1.

    >>> import nn
    >>> metric = nn.F1Score()
    >>> metric.update([[1, 0], [0, 1], [0, 1]], [[0.9, 0.1], [0.8, 0.2], [0.3, 0.7]])
    >>> metric.result().shape, [round(score, 4) for score in metric.results()]
    ((2,), [0.6667, 0.6667])
    """

    def __init__(
        self, average: str | None = None, threshold: float | None = None, name: str = "f1_score"
    ) -> None:
        super().__init__(average, 1.0, threshold, name=name)


@constructor
class ConfusionMatrix(Metric):
    """How often each class (row) was predicted as each class (column); a matrix, so not a part of the logs.

    Targets are class numbers or one-hot rows; the prediction is the largest of
    several outputs, `p > 0.5` of one.

    Args:
        classes: how many there are; 2 for one output.

    >>> import nn
    >>> metric = nn.ConfusionMatrix(2); metric.update([0, 1, 1], [0.2, 0.9, 0.4]); metric.matrix().tolist()
    [[1.0, 0.0], [1.0, 1.0]]
    """

    logged: ClassVar[bool] = False
    state_names = ("counts",)
    counts: Tensor = attribute()

    classes: int = argument(COUNT.but(words="is a whole number >= 2", least=2))

    def build(self, output_shape: Sequence[int | None]) -> None:
        """A count for each pair of classes."""
        outputs = 1 if len(output_shape) < 2 else output_shape[-1]
        if self.classes != (2 if outputs == 1 else outputs):
            raise ShapeError(
                f"ConfusionMatrix: {self.classes} classes do not fit predictions {tuple(output_shape)}"
            )
        self.allocate((self.classes, self.classes))

    def update(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Add a batch."""
        t, p = tensor(y_true), tensor(y_pred)
        self.build(p.shape)
        if is_binary(p):
            labels, called = align("ConfusionMatrix", t, p).to("int64"), (p > 0.5).to("int64")
        else:
            called = p.argmax(axis=-1)
            if has_labels(t, p):
                labels = labels_for("ConfusionMatrix", t, p)
            else:
                labels = align("ConfusionMatrix", t, p).argmax(axis=-1)
        rows = ag.one_hot(labels.reshape(-1), self.classes).to("float64")
        if sample_weight is not None:
            weight = spread("ConfusionMatrix", sample_weight, labels.shape)
            rows = rows * weight.reshape((-1, 1))
        found = ag.one_hot(called.reshape(-1), self.classes).to("float64")
        self.counts.assign(self.counts + rows.T @ found)

    def matrix(self) -> Any:
        """The counts, or sums of weights, as a NumPy array (classes, classes)."""
        if self.counts.ndim < 2:
            self.allocate((self.classes, self.classes))
        return self.counts.numpy()

    def result(self) -> Any:
        """The same as `matrix()`."""
        return self.matrix()
