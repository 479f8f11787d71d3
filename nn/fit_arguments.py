"""What `fit`, `evaluate` and `train_on_batch` were given, checked against
each other, the model and the loss.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from autograd.structure import flatten

from .arguments import COUNT, COUNT_OR_ZERO, FLAG, SHARE
from .batches import ArrayData, Data, IterableData, check_repeatable, is_iterable_of_batches
from .data import (
    Rows,
    check_batch_size,
    check_lengths,
    sample_weights,
    split_validation,
    targets,
    warn_not_finite,
)
from .errors import ArgumentError
from .inputs import inputs_of, targets_of

if TYPE_CHECKING:
    from .model import Model


class FitArguments(NamedTuple):
    """What `fit` was given, except for who watches."""

    x: Any
    y: Any
    batch_size: Any
    epochs: Any
    validation_split: Any
    validation_data: Any
    shuffle: Any
    class_weight: Any
    sample_weight: Any
    initial_epoch: Any
    steps_per_epoch: Any
    validation_batch_size: Any
    validation_freq: Any

    @property
    def passes(self) -> int:
        """How many epochs there will be."""
        return max(int(self.epochs) - int(self.initial_epoch), 0)

    def data_of(self, model: Model) -> tuple[Data, Data | None]:
        """What to train on, and what to measure on where there is any; builds the model."""
        COUNT_OR_ZERO.checked("fit", "epochs", self.epochs)
        COUNT_OR_ZERO.checked("fit", "initial_epoch", self.initial_epoch)
        COUNT.or_none().checked("fit", "steps_per_epoch", self.steps_per_epoch)
        COUNT.checked("fit", "validation_freq", self.validation_freq)
        check_validation(self.validation_split, self.validation_data)
        shuffle = FLAG.checked("fit", "shuffle", self.shuffle)
        size = check_batch_size(32 if self.batch_size is None else self.batch_size)
        measured = size
        if self.validation_batch_size is not None:
            measured = check_batch_size(self.validation_batch_size, "validation_batch_size")
        validation: Data | None = None
        if self.validation_data is not None:
            validation = validation_of(model, self.validation_data, measured, self.passes)
        if is_iterable_of_batches(self.x):
            return self._batches(model), validation
        weight = None if self.validation_split else self.class_weight
        rows = rows_of(model, self.x, self.y, self.sample_weight, weight)
        if self.validation_split:
            labels = targets(self.y) if self.class_weight is not None else None
            rows, held_out = split_validation(rows, float(self.validation_split), labels, self.class_weight)
            validation = ArrayData(held_out, measured)
        return ArrayData(rows, size, shuffle, self.steps_per_epoch), validation

    def _batches(self, model: Model) -> Data:
        refuse_beside_batches(
            y=self.y,
            validation_split=self.validation_split or None,
            class_weight=self.class_weight,
            sample_weight=self.sample_weight,
        )
        if self.steps_per_epoch is None:
            check_repeatable("x", self.x, self.passes)
        shuffle = FLAG.checked("fit", "shuffle", self.shuffle)
        return batches_of(model, self.x, self.steps_per_epoch, shuffle)


def rows_of(
    model: Model, x: Any, y: Any, sample_weight: Any, class_weight: Mapping[int, float] | None
) -> Rows:
    """The arguments as rows; builds the model."""
    if y is None:
        raise ArgumentError("y is missing: training and evaluation need targets")
    model.compiled_loss("fit")
    inputs = inputs_of(model, x)
    labels = targets_of(model, y, inputs)
    check_lengths(inputs, labels, None)
    weight = sample_weights(labels, sample_weight, class_weight)
    check_lengths(inputs, labels, weight)
    shape = model.ensure_built(inputs)
    labels = model.compiled_loss("fit").check(labels, shape)
    for leaf in flatten(labels):
        warn_not_finite(leaf, "y")
    return Rows(inputs, labels, weight)


def batches_of(model: Model, source: Any, steps: int | None = None, shuffle: bool = False) -> IterableData:
    """An iterable of batches with targets, as the model takes them."""
    inputs, labels = partial(inputs_of, model), partial(targets_of, model)
    return IterableData(source, inputs, labels, model.checked, steps, shuffle)


def validation_of(model: Model, data: Any, batch_size: int, epochs: int) -> Data:
    """`validation_data` as batches: (x, y), (x, y, weight), or an iterable of batches."""
    if is_iterable_of_batches(data):
        check_repeatable("validation_data", data, epochs)
        return batches_of(model, data)
    if not isinstance(data, (tuple, list)) or len(data) not in (2, 3):
        raise ArgumentError("validation_data is (x, y) or (x, y, sample_weight)")
    weight = data[2] if len(data) == 3 else None
    return ArrayData(rows_of(model, data[0], data[1], weight, None), batch_size)


def refuse_beside_batches(**arguments: Any) -> None:
    """Batches hold their own targets and weights, so these arguments have to be None."""
    for name, value in arguments.items():
        if value is not None:
            raise ArgumentError(
                f"{name} cannot be given with an iterable of batches; put it into the batches"
            )


def given(y: Any) -> Any:
    """The targets of a batch."""
    if y is None:
        raise ArgumentError("y is missing: each batch needs (x, y)")
    return y


def check_validation(validation_split: Any, validation_data: Any) -> None:
    """At most one of the two, and a fraction."""
    SHARE.checked("fit", "validation_split", validation_split)
    if validation_split and validation_data is not None:
        raise ArgumentError("validation_split and validation_data together; give one")
