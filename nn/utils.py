"""What Keras keeps in `utils` and scripts written for it ask for."""

from __future__ import annotations

from typing import Any

import autograd as ag

from .arguments import COUNT
from .data import to_array
from .errors import DataError
from .seed import set_random_seed

__all__ = ["set_random_seed", "to_categorical"]


def to_categorical(x: Any, num_classes: int | None = None) -> Any:
    """Class numbers (...) as one-hot rows (..., classes), a NumPy array of
    float64; a last axis of 1 is dropped.

    Args:
        x: integers from 0.
        num_classes: default the largest plus 1.

    Raises:
        DataError: for a negative number, a fraction, or one that is too large.

    >>> import nn
    >>> nn.utils.to_categorical([0, 2])
    array([[1., 0., 0.],
           [0., 0., 1.]])
    """
    labels = to_array(x, "x")
    if labels.ndim > 1 and labels.shape[-1] == 1:
        labels = labels.reshape(labels.shape[:-1])
    if not labels.size:
        raise DataError("to_categorical: no labels")
    whole = labels.astype("int64")
    if (whole != labels).any():
        raise DataError("to_categorical: class numbers are integers, some have a fraction")
    low, high = int(whole.min()), int(whole.max())
    classes = COUNT.or_none().checked("to_categorical", "num_classes", num_classes) or high + 1
    if low < 0 or high >= classes:
        raise DataError(
            f"to_categorical: label {low if low < 0 else high} is out of range; labels run from 0 to "
            f"{classes - 1}"
        )
    return ag.one_hot(ag.tensor(whole), classes).to("float64").numpy()
