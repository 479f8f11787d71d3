"""What `fit`, `evaluate` and `train_on_batch` were given, checked against each other, the model and the loss."""

from __future__ import annotations

from collections.abc import Mapping
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any

from autograd import Tensor

from .batches import ArrayData, Data, IterableData, check_repeatable, is_iterable_of_batches
from .data import Rows, check_lengths, features, sample_weights, targets
from .errors import ArgumentError

if TYPE_CHECKING:
    from .model import Model


def rows_of(
    model: Model, x: Any, y: Any, sample_weight: Any, class_weight: Mapping[int, float] | None
) -> Rows:
    """The arguments as rows; builds the model."""
    if y is None:
        raise ArgumentError("y is missing: training and evaluation need targets")
    loss = model.compiled_loss("fit")
    inputs, labels = features(x, model.dtype, sample=model.sample_shape), targets(y)
    check_lengths(inputs, labels, None)
    weight = sample_weights(labels, sample_weight, class_weight)
    check_lengths(inputs, labels, weight)
    return Rows(inputs, loss.check(labels, model.ensure_built(inputs)), weight)


def validation_of(model: Model, data: Any, batch_size: int, epochs: int) -> Data:
    """`validation_data` as batches: (x, y), (x, y, weight), or an iterable of batches."""
    if is_iterable_of_batches(data):
        check_repeatable("validation_data", data, epochs)
        return IterableData(data, model.dtype, model.checked)
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


def given(y: Tensor | None) -> Tensor:
    """The targets of a batch."""
    if y is None:
        raise ArgumentError("y is missing: each batch needs (x, y)")
    return y


def check_epochs(epochs: Any, initial_epoch: Any) -> None:
    """Both are integers >= 0."""
    for name, value in (("epochs", epochs), ("initial_epoch", initial_epoch)):
        if isinstance(value, bool) or not isinstance(value, Integral) or value < 0:
            raise ArgumentError(f"{name} is an integer >= 0, got {value!r}")


def check_counts(**counts: Any) -> None:
    """All are None or integers >= 1."""
    for name, value in counts.items():
        integer = isinstance(value, Integral) and not isinstance(value, bool)
        if value is not None and not (integer and value >= 1):
            raise ArgumentError(f"{name} is an integer >= 1, got {value!r}")


def check_validation(validation_split: Any, validation_data: Any) -> None:
    """At most one of the two, and a fraction."""
    if validation_split and validation_data is not None:
        raise ArgumentError("validation_split and validation_data together; give one")
    if not isinstance(validation_split, Real) or not 0 <= float(validation_split) < 1:
        raise ArgumentError(f"validation_split lies in [0, 1), got {validation_split!r}")
