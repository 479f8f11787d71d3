"""What `fit`, `evaluate` and `train_on_batch` were given, checked against
each other, the model and the loss.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import autograd as ag
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
from .errors import ArgumentError, warn
from .inputs import inputs_of, targets_of
from .sparse import SparseData, is_sparse
from .structured import sole

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
    validation_steps: Any
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
        COUNT.or_none().checked("fit", "validation_steps", self.validation_steps)
        check_frequency(self.validation_freq)
        check_validation(self.validation_split, self.validation_data)
        shuffle = FLAG.checked("fit", "shuffle", self.shuffle)
        size = check_batch_size(32 if self.batch_size is None else self.batch_size)
        measured = size
        if self.validation_batch_size is not None:
            measured = check_batch_size(self.validation_batch_size, "validation_batch_size")
        validation: Data | None = None
        if self.validation_data is not None:
            steps = self.validation_steps
            validation = validation_of(model, self.validation_data, measured, self.passes, steps)
        if is_iterable_of_batches(self.x):
            return self._batches(model), validation
        split = float(self.validation_split) if self.validation_data is None else 0.0
        weight = None if split else self.class_weight
        rows = self._rows(model, weight)
        if split:
            labels = targets(self.y) if self.class_weight is not None else None
            rows, held_out = split_validation(rows, split, labels, self.class_weight)
            validation = self._in_batches(model, held_out, measured, False, self.validation_steps)
        elif validation is None and self.validation_steps is not None:
            raise ArgumentError("validation_steps without validation_data or validation_split")
        data = self._in_batches(model, rows, size, shuffle, self.steps_per_epoch)
        if data.runs_short(self.passes):
            warn(
                f"fit: steps_per_epoch={self.steps_per_epoch} and a pass over the rows has {data.whole} "
                "batches: the last epoch of each pass is shorter"
            )
        return data, validation

    def _rows(self, model: Model, class_weight: Any) -> Rows:
        return rows_of(model, self.x, self.y, self.sample_weight, class_weight)

    def _in_batches(
        self, model: Model, rows: Rows, size: int, shuffle: bool, steps: int | None
    ) -> ArrayData | SparseData:
        if is_sparse(rows.x):
            return SparseData(rows.x, partial(inputs_of, model), rows, size, shuffle, steps)
        return ArrayData(rows, size, shuffle, steps)

    def _batches(self, model: Model) -> Data:
        refuse_beside_batches(
            y=self.y,
            validation_split=self.validation_split or None,
            sample_weight=self.sample_weight,
        )
        check_class_weight(self.class_weight)
        if self.steps_per_epoch is None:
            check_repeatable("x", self.x, self.passes)
        shuffle = FLAG.checked("fit", "shuffle", self.shuffle)
        data = batches_of(model, self.x, self.steps_per_epoch, shuffle)
        if self.class_weight is not None:
            data.check = partial(_weighted, model, self.class_weight)
        return data


def _weighted(model: Model, class_weight: Any, batch: Rows) -> Rows:
    """A batch with a weight for each row, by its class."""
    if batch.weight is not None:
        raise ArgumentError("class_weight, and the batches have weights; multiply them into those")
    weight = sample_weights(given(batch.y), None, class_weight, whole=False)
    return model.checked(batch._replace(weight=weight))


def check_class_weight(class_weight: Any) -> None:
    """Of batches the classes are not known before."""
    if isinstance(class_weight, str):
        raise ArgumentError(
            f"class_weight={class_weight!r} counts the classes of all rows, which batches do not tell; "
            "give a dict from class numbers to weights"
        )


def check_frequency(given: Any) -> None:
    """`validation_freq`: every so many epochs, or after which."""
    if isinstance(given, (list, tuple, set, frozenset, range)):
        for one in given:
            COUNT.checked("fit", "validation_freq, an epoch,", one)
        if given:
            return
    COUNT.checked("fit", "validation_freq", given)


def rows_of(
    model: Model, x: Any, y: Any, sample_weight: Any, class_weight: Mapping[int, float] | None
) -> Rows:
    """The arguments as rows; builds the model."""
    if y is None:
        raise ArgumentError(
            "y is missing: training and evaluation need targets; a model that needs none, as one that learns "
            "its own inputs, is given x for them, too"
        )
    model.compiled_loss("fit")
    sparse = is_sparse(x)
    x = x.tocsr() if sparse else x
    # a sparse matrix becomes dense batch by batch; its first row says whether it fits
    inputs = inputs_of(model, x[:1].toarray() if sparse else x)
    labels = targets_of(model, y, inputs)
    counted = ag.zeros((x.shape[0],)) if sparse else inputs
    check_lengths(counted, labels, None)
    weight = sample_weights(labels, sample_weight, class_weight)
    check_lengths(counted, labels, weight)
    shape = sole(model.ensure_built(inputs))
    labels = model.compiled_loss("fit").check(labels, shape)
    for leaf in flatten(labels):
        warn_not_finite(leaf, "y")
    return Rows(x if sparse else inputs, labels, weight)


def batches_of(
    model: Model,
    source: Any,
    steps: int | None = None,
    shuffle: bool = False,
    restarts: bool = False,
    keeps: bool = False,
) -> IterableData:
    """An iterable of batches with targets, as the model takes them."""
    inputs, labels = partial(inputs_of, model), partial(targets_of, model)
    return IterableData(source, inputs, labels, model.checked, steps, shuffle, restarts, keeps)


def data_of(
    model: Model, x: Any, y: Any, sample_weight: Any, batch_size: int, steps: int | None = None
) -> Data:
    """Data to measure on, as batches; builds the model."""
    if is_iterable_of_batches(x):
        refuse_beside_batches(y=y, sample_weight=sample_weight)
        return batches_of(model, x, steps, restarts=True)
    rows = rows_of(model, x, y, sample_weight, None)
    if is_sparse(rows.x):
        return SparseData(rows.x, partial(inputs_of, model), rows, batch_size, steps=steps)
    return ArrayData(rows, batch_size, steps=steps)


def validation_of(model: Model, data: Any, batch_size: int, epochs: int, steps: int | None = None) -> Data:
    """`validation_data` as batches: (x, y), (x, y, weight), or an iterable of batches."""
    if is_iterable_of_batches(data):
        if steps is None:
            check_repeatable("validation_data", data, epochs)
        # an iterator would go on with others in the next epoch
        keeps = epochs > 1 and isinstance(data, Iterator)
        return batches_of(model, data, steps, restarts=True, keeps=keeps)
    if not isinstance(data, (tuple, list)) or len(data) not in (2, 3):
        raise ArgumentError("validation_data is (x, y) or (x, y, sample_weight)")
    return data_of(model, data[0], data[1], data[2] if len(data) == 3 else None, batch_size, steps)


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
    """A fraction; beside `validation_data`, which counts then, it is said not to."""
    SHARE.checked("fit", "validation_split", validation_split)
    if validation_split and validation_data is not None:
        warn("fit: validation_data is what is measured on; validation_split beside it takes no rows away")
