"""The data of a search, cut once: every trial trains on the same rows and is judged by the same others."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Self

import autograd as ag

from ..arguments import KEY
from ..batches import is_iterable_of_batches
from ..callbacks import Callback
from ..data import Rows, check_lengths, sample_weights, split_validation, to_array
from ..errors import ArgumentError
from ..fit_arguments import check_validation, refuse_beside_batches

HELD_OUT = 0.2
"""The fraction of the last rows to validate on, unless told otherwise."""


class Samples:
    """What `fit` is given in every trial.

    Args:
        x, y, sample_weight, class_weight, validation_split, validation_data: as in
        `fit`; without validation data the
            last fifth of the rows is held out.
        monitor: the number of the logs that is watched.
    """

    def __init__(
        self,
        x: Any,
        y: Any,
        validation_split: float | None,
        validation_data: Any,
        monitor: str,
        sample_weight: Any = None,
        class_weight: Any = None,
    ) -> None:
        if x is None:
            raise ArgumentError("x is missing: tune(build, x, y, space)")
        check_validation(0.0 if validation_split is None else validation_split, validation_data)
        self.batches = is_iterable_of_batches(x)
        self.targets = y
        self.length: int | None = None
        self.fit_arguments: dict[str, Any] = {"x": x, "validation_data": validation_data}
        if self.batches:
            refuse_beside_batches(
                y=y, validation_split=validation_split, sample_weight=sample_weight, class_weight=class_weight
            )
            _refuse_used_up("x", x)
        else:
            self._cut(y, validation_split, sample_weight, class_weight)
        held_out = self.fit_arguments["validation_data"]
        _refuse_used_up("validation_data", held_out)
        if KEY.checked("tune", "monitor", monitor).startswith("val_") and held_out is None:
            raise ArgumentError(
                f"{monitor!r} needs validation data: give validation_split, or validation_data=(x, y)"
            )

    @classmethod
    def of_rows(cls, training: Rows, held_out: Rows) -> Self:
        """Samples that are cut already."""
        self = cls.__new__(cls)
        self.batches, self.targets, self.length = False, training.y, training.number
        given = held_out if held_out.weight is not None else held_out[:2]
        self.fit_arguments = {
            "x": training.x,
            "y": training.y,
            "sample_weight": training.weight,
            "validation_data": tuple(given),
        }
        return self

    def _cut(self, y: Any, validation_split: float | None, sample_weight: Any, class_weight: Any) -> None:
        if y is None:
            raise ArgumentError("y is missing: a search needs targets")
        inputs = ag.tensor(to_array(self.fit_arguments["x"], "x"))
        labels = ag.tensor(to_array(y, "y"))
        if not inputs.shape:
            raise ArgumentError("x: a single number; expected an array with one row per sample")
        check_lengths(inputs, labels, None)
        fraction = HELD_OUT if validation_split is None else validation_split
        if self.fit_arguments["validation_data"] is not None:
            fraction = 0.0
        weight = sample_weights(labels, sample_weight, None if fraction else class_weight)
        check_lengths(inputs, labels, weight)
        rows = Rows(inputs, labels, weight)
        if fraction:
            rows, held_out = split_validation(rows, fraction, labels, class_weight)
            given = held_out if held_out.weight is not None else held_out[:2]
            self.fit_arguments["validation_data"] = tuple(given)
        self.length = rows.number
        self.fit_arguments |= {"x": rows.x, "y": rows.y, "sample_weight": rows.weight}

    def steps(self, batch_size: int) -> int:
        """Steps of an epoch.

        Raises:
            ArgumentError: the batches do not say how many they are.
        """
        if self.length is not None:
            return -(-self.length // batch_size)
        x = self.fit_arguments["x"]
        if not hasattr(x, "__len__"):
            raise ArgumentError(
                "decay needs the number of steps of an epoch, and the batches have no len(); give "
                "steps_per_epoch"
            )
        return len(x)


def _refuse_used_up(name: str, source: Any) -> None:
    if hasattr(source, "__next__"):
        raise ArgumentError(
            f"{name} is a {type(source).__name__}, which yields its batches once, and every trial needs "
            "them. Give arrays, or an object whose __iter__ starts again, such as a data loader."
        )


def callbacks_of(
    given: Callback | Iterable[Callback] | Callable[[], Any] | None,
) -> list[Callback]:
    """Callbacks of one trial: copies, so that no trial meets what another left
    in them; or what a function returns.
    """
    from_function = given() if callable(given) and not isinstance(given, Callback) else given
    listed = [] if from_function is None else from_function
    return [_copy(c) for c in ([listed] if isinstance(listed, Callback) else listed)]


def _copy(callback: Any) -> Any:
    if not isinstance(callback, Callback):
        raise ArgumentError(
            f"callbacks are nn.Callback objects, or a function that returns a list of them, got {callback!r}"
        )
    twin = object.__new__(type(callback))
    vars(twin).update(vars(callback))
    return twin
