"""The losses as functions of (y_true, y_pred) to a value per sample, with Keras's names and arguments.

Each is its class without the reduction. The mean ones take it over the last axis: numbers of shape (n,) are one
sample here, as in Keras, where a class reads them as n.
"""

from __future__ import annotations

from typing import Any

from autograd import Tensor

from .base import Loss, floating, tensor
from .crossentropy import (
    BinaryCrossentropy,
    BinaryFocalCrossentropy,
    CategoricalCrossentropy,
    SparseCategoricalCrossentropy,
)
from .margin import CategoricalHinge, Hinge, SquaredHinge
from .probabilistic import KLDivergence, Poisson
from .regression import (
    CosineSimilarity,
    Huber,
    LogCosh,
    MeanAbsoluteError,
    MeanAbsolutePercentageError,
    MeanSquaredError,
    MeanSquaredLogarithmicError,
)


def _values(loss: Loss, y_true: Any, y_pred: Any) -> Tensor:
    return loss.per_sample(tensor(y_true), floating(y_pred), loss.from_logits)


def _means(loss: Loss, y_true: Any, y_pred: Any) -> Tensor:
    targets, predictions = tensor(y_true), floating(y_pred)
    values = loss.per_sample(targets, predictions, loss.from_logits)
    return values.mean() if targets.ndim == predictions.ndim == 1 else values


def mean_squared_error(y_true: Any, y_pred: Any) -> Tensor:
    """`MeanSquaredError` for each sample: predictions (n, ..., k) give (n, ...).

    >>> import nn
    >>> nn.losses.mean_squared_error([[0.0, 1.0]], [[0.5, 0.5]]).tolist()
    [0.25]
    """
    return _means(MeanSquaredError(), y_true, y_pred)


def mean_absolute_error(y_true: Any, y_pred: Any) -> Tensor:
    """`MeanAbsoluteError` for each sample: predictions (n, ..., k) give (n, ...).

    >>> import nn
    >>> nn.losses.mean_absolute_error([[0.0, 1.0]], [[0.5, 0.5]]).tolist()
    [0.5]
    """
    return _means(MeanAbsoluteError(), y_true, y_pred)


def mean_absolute_percentage_error(y_true: Any, y_pred: Any) -> Tensor:
    """`MeanAbsolutePercentageError` for each sample: predictions (n, ..., k) give (n, ...).

    >>> import nn
    >>> nn.losses.mean_absolute_percentage_error([[1.0, 2.0]], [[0.5, 1.0]]).tolist()
    [50.0]
    """
    return _means(MeanAbsolutePercentageError(), y_true, y_pred)


def mean_squared_logarithmic_error(y_true: Any, y_pred: Any) -> Tensor:
    """`MeanSquaredLogarithmicError` for each sample: predictions (n, ..., k) give (n, ...).

    >>> import nn
    >>> nn.losses.mean_squared_logarithmic_error([[0.0, 1.0]], [[0.0, 1.0]]).tolist()
    [0.0]
    """
    return _means(MeanSquaredLogarithmicError(), y_true, y_pred)


def log_cosh(y_true: Any, y_pred: Any) -> Tensor:
    """`LogCosh` for each sample: predictions (n, ..., k) give (n, ...).

    >>> import nn
    >>> nn.losses.log_cosh([[0.0, 1.0]], [[0.0, 1.0]]).tolist()
    [0.0]
    """
    return _means(LogCosh(), y_true, y_pred)


def poisson(y_true: Any, y_pred: Any) -> Tensor:
    """`Poisson` for each sample: predictions (n, ..., k) give (n, ...).

    >>> import nn
    >>> nn.losses.poisson([[0.0, 0.0]], [[1.0, 3.0]]).tolist()
    [2.0]
    """
    return _means(Poisson(), y_true, y_pred)


def hinge(y_true: Any, y_pred: Any) -> Tensor:
    """`Hinge` for each sample: predictions (n, ..., k) give (n, ...).

    >>> import nn
    >>> nn.losses.hinge([[0.0, 1.0]], [[-0.5, 2.0]]).tolist()
    [0.25]
    """
    return _means(Hinge(), y_true, y_pred)


def squared_hinge(y_true: Any, y_pred: Any) -> Tensor:
    """`SquaredHinge` for each sample: predictions (n, ..., k) give (n, ...).

    >>> import nn
    >>> nn.losses.squared_hinge([[0.0, 1.0]], [[-0.5, 2.0]]).tolist()
    [0.125]
    """
    return _means(SquaredHinge(), y_true, y_pred)


def huber(y_true: Any, y_pred: Any, delta: float = 1.0) -> Tensor:
    """`Huber` for each sample: predictions (n, ..., k) give (n, ...).

    >>> import nn
    >>> nn.losses.huber([[0.0, 0.0]], [[0.5, 3.0]]).tolist()
    [1.3125]
    """
    return _means(Huber(delta), y_true, y_pred)


def binary_crossentropy(
    y_true: Any,
    y_pred: Any,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: int = -1,
) -> Tensor:
    """`BinaryCrossentropy` for each sample: predictions (n, ..., k) give (n, ...).

    >>> import nn
    >>> [round(v, 4) for v in nn.losses.binary_crossentropy([[1.0]], [[0.25]]).tolist()]
    [1.3863]
    """
    return _means(BinaryCrossentropy(from_logits, label_smoothing, axis), y_true, y_pred)


def binary_focal_crossentropy(
    y_true: Any,
    y_pred: Any,
    apply_class_balancing: bool = False,
    alpha: float = 0.25,
    gamma: float = 2.0,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: int = -1,
) -> Tensor:
    """`BinaryFocalCrossentropy` for each sample: predictions (n, ..., k) give (n, ...).

    >>> import nn
    >>> [round(v, 4) for v in nn.losses.binary_focal_crossentropy([[1.0]], [[0.0]], from_logits=True).tolist()]
    [0.1733]
    """
    return _means(
        BinaryFocalCrossentropy(
            apply_class_balancing, alpha, gamma, from_logits, label_smoothing, axis
        ),
        y_true,
        y_pred,
    )


def categorical_crossentropy(
    y_true: Any,
    y_pred: Any,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: int = -1,
) -> Tensor:
    """`CategoricalCrossentropy` for each sample: predictions (n, ..., k) give (n, ...).

    >>> import nn
    >>> [round(v, 4) for v in nn.losses.categorical_crossentropy([[0.0, 1.0]], [[0.0, 0.0]], from_logits=True).tolist()]
    [0.6931]
    """
    return _values(CategoricalCrossentropy(from_logits, label_smoothing, axis), y_true, y_pred)


def sparse_categorical_crossentropy(
    y_true: Any,
    y_pred: Any,
    from_logits: bool = False,
    ignore_class: int | None = None,
    axis: int = -1,
) -> Tensor:
    """`SparseCategoricalCrossentropy` for each sample: predictions (n, ..., k) give (n, ...).

    >>> import nn
    >>> [round(v, 4) for v in nn.losses.sparse_categorical_crossentropy([1, 0], [[0.0, 0.0], [0.0, 0.0]], from_logits=True, ignore_class=0).tolist()]
    [0.6931, 0.0]
    """
    return _values(
        SparseCategoricalCrossentropy(from_logits, ignore_class, axis=axis), y_true, y_pred
    )


def kl_divergence(y_true: Any, y_pred: Any) -> Tensor:
    """`KLDivergence` for each sample: predictions (n, ..., k) give (n, ...).

    >>> import nn
    >>> nn.losses.kl_divergence([[0.5, 0.5]], [[0.5, 0.5]]).tolist()
    [0.0]
    """
    return _values(KLDivergence(), y_true, y_pred)


def categorical_hinge(y_true: Any, y_pred: Any) -> Tensor:
    """`CategoricalHinge` for each sample: predictions (n, ..., k) give (n, ...).

    >>> import nn
    >>> nn.losses.categorical_hinge([[0.0, 1.0]], [[0.25, 0.5]]).tolist()
    [0.75]
    """
    return _values(CategoricalHinge(), y_true, y_pred)


def cosine_similarity(y_true: Any, y_pred: Any, axis: int = -1) -> Tensor:
    """`CosineSimilarity` for each sample: predictions (n, ..., k) give (n, ...).

    >>> import nn
    >>> nn.losses.cosine_similarity([[3.0, 4.0]], [[3.0, 4.0]]).tolist()
    [-1.0]
    """
    return _values(CosineSimilarity(axis), y_true, y_pred)
