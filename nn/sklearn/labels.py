"""From labels to what a loss takes, and from outputs of a model back to labels.

Labels are of one of four kinds: "binary", "multiclass", "one-hot" (rows with a single 1, where these are
classes, as scripts for Keras give them) and "multilabel" (a column of 0 and 1 for each label).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.utils.multiclass import check_classification_targets, type_of_target

from ..arguments import shown
from ..data import Array
from ..errors import ArgumentError, DataError


class Labels:
    """What the targets of a classifier are.

    Args:
        owner: the class that asks, for messages.
        y: labels (n,), or indicators (n, k).
        classes: all classes where y may lack some, as `partial_fit` is given them.
        one_hot: whether rows with a single 1 are classes.

    Raises:
        ValueError: fractions, or several columns of classes.
        DataError: a single class.
        ArgumentError: y has several columns, and `classes` are not their numbers.

    >>> import numpy as np
    >>> from nn.sklearn.labels import Labels
    >>> labels = Labels("Classifier", np.array(["b", "a", "c"]))
    >>> labels.kind, labels.classes.tolist(), labels.encoded(np.array(["c", "a"]), 3, sparse=True).tolist()
    ('multiclass', ['a', 'b', 'c'], [2, 0])
    """

    def __init__(self, owner: str, y: Array, classes: Any = None, one_hot: bool = False) -> None:
        check_classification_targets(y)
        kind = type_of_target(y, input_name="y")
        if kind == "multiclass-multioutput":
            raise DataError(f"{owner}: y has several columns of classes; one column of labels is expected")
        self.owner = owner
        self.dtype = y.dtype
        if kind == "multilabel-indicator":
            hot = one_hot and bool((y.sum(axis=1) == 1).all())
            self.kind = "one-hot" if hot else "multilabel"
            self.classes = np.arange(y.shape[1])
            if classes is not None:
                self.check_classes(classes)
            return
        self.classes = np.unique(y if classes is None else np.asarray(classes))
        if self.classes.size < 2:
            raise DataError(f"{owner}: y has 1 class, {self.classes[0]!r}; at least two classes are needed")
        self.kind = "binary" if self.classes.size == 2 else "multiclass"

    def check_classes(self, classes: Any) -> None:
        """Refuse other classes than these, which are the numbers of the columns where y has several.

        Raises:
            ArgumentError: they are others.
        """
        if not np.array_equal(np.unique(np.asarray(classes)), self.classes):
            raise ArgumentError(
                f"{self.owner}: classes={shown(classes)} are not those of before or of the columns of y, "
                f"{self.classes.tolist()[:9]}"
            )

    @property
    def widths(self) -> tuple[int, ...]:
        """How many outputs a model may have for them; the first is what is asked for."""
        return (1, 2) if self.kind == "binary" else (self.classes.size,)

    def positions(self, y: Array) -> Array:
        """The place of each label among the classes.

        Raises:
            DataError: a label is none of them.
        """
        if self.kind == "one-hot":
            found: Array = np.asarray(y).argmax(axis=1)
            return found
        if unknown := sorted(set(np.unique(y).tolist()) - set(self.classes.tolist()), key=str):
            raise DataError(
                f"{self.owner}: y has classes that are not in classes_: {unknown[:5]}; known are "
                f"{self.classes.tolist()[:9]}"
            )
        return np.searchsorted(self.classes, y)

    def encoded(self, y: Array, width: int, sparse: bool) -> Array:
        """Targets for a model with `width` outputs: indices for a loss that takes these, else an indicator
        for each output.
        """
        self._check_shape(y)
        if self.kind == "multilabel":
            return np.asarray(y, np.float32)
        positions = self.positions(y)
        if sparse or width == 1:
            return positions if sparse else positions.astype(np.float32)
        return np.eye(width, dtype=np.float32)[positions]

    def _check_shape(self, y: Array) -> None:
        columns = self.classes.size if self.kind in ("one-hot", "multilabel") else None
        found = y.shape[1] if y.ndim > 1 else None
        if found != columns:
            raise DataError(
                f"{self.owner}: y has {found or 'no'} columns, and was fitted with {columns or 'none'}"
            )

    def probabilities(self, outputs: Array, logits: bool) -> Array:
        """The probability of each class (n, k), from the outputs of a model.

        Args:
            outputs: (n, 1) for two classes, (n, k), or (n,) as (n, 1).
            logits: whether they are logits.

        Raises:
            ArgumentError: they are neither logits nor probabilities.
        """
        values = outputs.reshape(len(outputs), -1)
        single = self.kind == "binary" and values.shape[1] == 1
        if logits:
            values = _sigmoid(values) if single or self.kind == "multilabel" else _softmax(values)
        if single:
            values = np.concatenate([1 - values, values], axis=1)
        inside = bool(((values >= 0) & (values <= 1)).all())
        sums = self.kind in ("multilabel", "one-hot") or np.allclose(values.sum(axis=1), 1, atol=1e-3)
        if not (inside and sums):
            raise ArgumentError(
                f"{self.owner}: the model gives no probabilities. End it with a softmax over the classes or "
                "a sigmoid, or compile it with a loss that has from_logits=True"
            )
        return values

    def check_probabilities(self, outputs: Array) -> None:
        """Refuse outputs that are none. NaN is not: the training tells of it, and where it comes from."""
        if np.isfinite(outputs).all():
            self.probabilities(outputs, logits=False)

    def decided(self, probabilities: Array) -> Array:
        """The label of each row, as they were given: names, rows with a single 1, or indicators."""
        if self.kind == "multilabel":
            return (probabilities > 0.5).astype(self.dtype)
        best = probabilities.argmax(axis=1)
        if self.kind == "one-hot":
            hot: Array = np.eye(self.classes.size, dtype=self.dtype)[best]
            return hot
        names: Array = self.classes[best]
        return names


def _sigmoid(x: Array) -> Array:
    # exp of what is negative alone: no overflow
    small = np.exp(-np.abs(x))
    return np.where(x >= 0, 1 / (1 + small), small / (1 + small))


def _softmax(x: Array) -> Array:
    powers = np.exp(x - x.max(axis=1, keepdims=True))
    share: Array = powers / powers.sum(axis=1, keepdims=True)
    return share
