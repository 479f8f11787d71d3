"""Errors of models and data. Shapes, dtypes and gradients raise the errors
of `autograd`, under the same names.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Mapping
from typing import Any, TypeVar

from autograd.errors import GradloomError, nearest
from autograd.errors import MissingExtraError as MissingExtraError

T = TypeVar("T")


class ArgumentError(GradloomError, ValueError):
    """An argument of a layer, of `compile` or of `fit` makes no sense.

    Cause: `batch_size=0`, an unknown loss, `validation_split=1`, x and y of different lengths.
    Fix: the message says what was received and what is expected.
    """


class DataError(GradloomError, ValueError):
    """The data cannot be used: empty, text, ragged, labels out of range.

    Fix: the message names the column, the label or the row.
    """


class NotCompiledError(GradloomError, RuntimeError):
    """`fit`, `evaluate` or `train_on_batch` before `compile`.

    Fix: `model.compile(optimizer="adam", loss="mse")`.
    """


class FileError(GradloomError, ValueError):
    """A saved model cannot be read: damaged, truncated, not a model, or of a class that is not known here."""


class TuningError(GradloomError, RuntimeError):
    """A search of hyperparameters came to nothing: every trial failed, or none was finished.

    Cause: mostly an error in `build`, which then is the cause of this one and in its text.
    """


def warn(message: str) -> None:
    """A warning that shows the line outside of this package from which it was called."""
    frame, level = sys._getframe(1), 2
    while frame.f_back is not None and frame.f_globals.get("__name__", "").startswith("nn."):
        frame, level = frame.f_back, level + 1
    warnings.warn(message, stacklevel=level)


class stop_iteration_is_an_error:
    """A context for code of the user's: its StopIteration would look like the end of
    the data to iterators further out.

    No generator, since `contextlib` lets an error that has a StopIteration as its cause pass for that one.
    """

    def __init__(self, what: str) -> None:
        self.what = what

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        if isinstance(error, StopIteration):
            raise RuntimeError(
                f"{self.what} raised StopIteration, which does not end training: set "
                "model.stop_training = True for that"
            ) from error


def lookup(kind: str, name: Any, table: Mapping[str, T], also: Mapping[str, T] | None = None) -> T:
    """`table[name]`, or the error that suggests the nearest name; the names of
    `also` are known and not suggested.
    """
    if not isinstance(name, str):
        raise ArgumentError(f"{kind}: expected a name or an object, got {type(name).__name__} {name!r}")
    if also and name in also:
        return also[name]
    if name not in table:
        raise ArgumentError(f"unknown {kind} {name!r}. {nearest(name, table)}")
    return table[name]
