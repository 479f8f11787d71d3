"""How much of what was found and what there is is common to both: intersection over union, per class."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import autograd as ag
from autograd import ShapeError, Tensor

from ..arguments import COUNT_OR_ZERO, FLAG, INTEGER, NUMBER, form
from ..constructors import argument, attribute, common, constructor
from ..errors import ArgumentError
from ..losses.base import EPSILON, tensor
from .base import Metric, spread

_CLASSES = COUNT_OR_ZERO.but(words="is an integer >= 2", least=2)


@form("is a list of class numbers >= 0")
def _IDS(value: Any) -> Any:
    if not isinstance(value, (list, tuple)) or not value:
        raise TypeError
    return [COUNT_OR_ZERO.keep(each) for each in value]


@common
class _Overlap(Metric):
    """Base: how often each class (row) was predicted as each class (column), or sums of weights.

    Labels that are no class count nowhere, as in Keras.
    """

    state_names = ("total_cm",)
    total_cm: Tensor = attribute()
    num_classes: int = attribute(2)
    target_class_ids: Sequence[int] = attribute(())
    ignore_class: int | None = attribute(None)
    sparse_y_true: bool = attribute(True)
    sparse_y_pred: bool = attribute(True)
    axis: int = attribute(-1)

    def __post_init__(self) -> None:
        wrong = [i for i in self.target_class_ids if i >= self.num_classes]
        if wrong:
            raise ArgumentError(
                f"{type(self).__name__}: target_class_ids are below {self.num_classes}, got {wrong[0]}"
            )
        self.allocate((self.num_classes, self.num_classes))

    def update(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Add a batch."""
        t, p = tensor(y_true), tensor(y_pred)
        t = t if self.sparse_y_true else t.argmax(axis=self.axis)
        p = p if self.sparse_y_pred else p.argmax(axis=self.axis)
        if t.size != p.size:
            raise ShapeError(f"{type(self).__name__}: {t.size} targets do not fit {p.size} predictions")
        weight = spread(type(self).__name__, sample_weight, t.shape).reshape(-1)
        labels, found = t.reshape(-1).to("int64"), p.reshape(-1).to("int64")
        known = (labels >= 0) & (labels < self.num_classes) & (found >= 0) & (found < self.num_classes)
        if self.ignore_class is not None:
            known = known & (labels != self.ignore_class)
        rows, columns = (ag.one_hot(ag.where(known, x, 0), self.num_classes) for x in (labels, found))
        weight = weight * known.to("float64")
        more = (rows.to("float64") * weight.expand_dims(-1)).T @ columns.to("float64")
        self.total_cm.assign(self.total_cm + more)

    def result(self) -> float:
        """The mean over the classes that occur or were predicted since `reset`; 0 before the first."""
        counts = self.total_cm.numpy()
        both = counts.diagonal()
        either = counts.sum(axis=0) + counts.sum(axis=1) - both
        ids = list(self.target_class_ids) or list(range(self.num_classes))
        shares = [both[i] / (either[i] + EPSILON) for i in ids if either[i] > 1e-9]
        return float(sum(shares) / (len(shares) + EPSILON)) if shares else 0.0


@constructor
class IoU(_Overlap):
    """The mean over `target_class_ids` of common / (predicted + there - common); of class numbers.

    Args:
        num_classes: how many there are.
        target_class_ids: which of them count.
        ignore_class: a label that marks targets to leave out.
        sparse_y_true, sparse_y_pred: class numbers; if False, rows of scores or one-hot rows.
        axis: of the scores.
        name: in the logs.

    >>> import nn
    >>> metric = nn.metrics.IoU(2, [0]); metric.update([0, 0, 1, 1], [0, 1, 0, 1]); round(metric.result(), 4)
    0.3333
    """

    num_classes: int = argument(_CLASSES)
    target_class_ids: Sequence[int] = argument(_IDS)
    ignore_class: int | None = argument(INTEGER.or_none(), default=None)
    sparse_y_true: bool = argument(FLAG, default=True)
    sparse_y_pred: bool = argument(FLAG, default=True)
    axis: int = argument(INTEGER, default=-1)


@constructor
class MeanIoU(_Overlap):
    """`IoU` of all classes.

    Args:
        num_classes, ignore_class, sparse_y_true, sparse_y_pred, axis, name: as for `IoU`.

    >>> import nn
    >>> metric = nn.metrics.MeanIoU(2); metric.update([0, 0, 1, 1], [0, 1, 0, 1]); round(metric.result(), 4)
    0.3333
    """

    num_classes: int = argument(_CLASSES)
    ignore_class: int | None = argument(INTEGER.or_none(), default=None)
    sparse_y_true: bool = argument(FLAG, default=True)
    sparse_y_pred: bool = argument(FLAG, default=True)
    axis: int = argument(INTEGER, default=-1)


@constructor
class OneHotIoU(_Overlap):
    """`IoU` of one-hot rows and scores.

    Args:
        num_classes, target_class_ids, ignore_class, sparse_y_pred, axis, name: as for `IoU`.

    >>> import nn
    >>> metric = nn.metrics.OneHotIoU(2, [0]); metric.update([[1, 0], [0, 1]], [[0.6, 0.4], [0.7, 0.3]])
    >>> round(metric.result(), 4)
    0.5
    """

    sparse_y_true: bool = attribute(False)
    num_classes: int = argument(_CLASSES)
    target_class_ids: Sequence[int] = argument(_IDS)
    ignore_class: int | None = argument(INTEGER.or_none(), default=None)
    sparse_y_pred: bool = argument(FLAG, default=False)
    axis: int = argument(INTEGER, default=-1)


@constructor
class OneHotMeanIoU(_Overlap):
    """`MeanIoU` of one-hot rows and scores.

    Args:
        num_classes, ignore_class, sparse_y_pred, axis, name: as for `IoU`.

    >>> import nn
    >>> metric = nn.metrics.OneHotMeanIoU(2); metric.update([[1, 0], [0, 1]], [[0.6, 0.4], [0.2, 0.8]])
    >>> round(metric.result(), 4)
    1.0
    """

    sparse_y_true: bool = attribute(False)
    num_classes: int = argument(_CLASSES)
    ignore_class: int | None = argument(INTEGER.or_none(), default=None)
    sparse_y_pred: bool = argument(FLAG, default=False)
    axis: int = argument(INTEGER, default=-1)


@constructor
class BinaryIoU(_Overlap):
    """`IoU` of the classes 0 and 1, where a prediction from `threshold` on is 1.

    Args:
        target_class_ids: which of both count.
        threshold: where class 1 begins.
        name: in the logs.

    >>> import nn
    >>> metric = nn.metrics.BinaryIoU([1], 0.5); metric.update([0, 1, 1], [0.1, 0.5, 0.2])
    >>> round(metric.result(), 4)
    0.5
    """

    target_class_ids: Sequence[int] = argument(_IDS, default=(0, 1))
    threshold: float = argument(NUMBER, default=0.5)

    def update(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Add a batch."""
        super().update(y_true, (tensor(y_pred) >= self.threshold).to("int64"), sample_weight)
