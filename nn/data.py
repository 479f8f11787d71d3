"""From what users have (arrays, tensors, lists, frames, iterables of batches) to batches of tensors.

All checks of data are here and run once, before the first step: emptiness, text, ragged rows, NaN, lengths,
weights. Frames are recognised by what they offer (`to_numpy`, `columns`), not by import.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator, Mapping, Sequence, Set, ValuesView
from typing import Any, NamedTuple

import numpy as np

import autograd as ag
from autograd import Tensor
from autograd.structure import flatten, unflatten

from .arguments import COUNT, NOT_NEGATIVE, shown
from .errors import ArgumentError, DataError, warn
from .structured import first, holds_arrays, picked, rows_in


class Rows(NamedTuple):
    """Samples: inputs, and where there are any, a target and a weight for each.

    Each is a tensor, or a list, tuple or dict of them where a model has several inputs or outputs.
    """

    x: Any
    y: Any = None
    weight: Any = None

    @property
    def number(self) -> int:
        """How many they are."""
        found: int = self.x.shape[0] if hasattr(self.x, "toarray") else rows_in(self.x)
        return found

    def pick(self, rows: Any) -> Rows:
        """Some of them: a slice, or a tensor of positions."""
        x = self.x[rows] if hasattr(self.x, "toarray") else picked(self.x, rows)
        return self.others(rows)._replace(x=x)

    def others(self, rows: Any) -> Rows:
        """The targets and weights of some of them."""
        return Rows(None, *(None if part is None else picked(part, rows) for part in self[1:]))


Array = np.ndarray[Any, Any]


def to_array(value: Any, what: str) -> Array:
    """`value` as a NumPy array of numbers.

    Raises:
        DataError: for text, ragged lists, masked values, sparse matrices and objects; the message
            names the column, or what to call.
    """
    there = _as_it_lies(value)
    if there is not None:
        return np.asarray(there)
    _check_kind(value, what)
    columns = [str(name) for name in getattr(value, "columns", ())]
    raw = value.to_numpy() if hasattr(value, "to_numpy") else value
    # PyTorch's word for data alone; as of a tensor of this library, no gradient flows to what comes in as
    # data
    raw = raw.detach() if getattr(raw, "requires_grad", False) and hasattr(raw, "detach") else raw
    try:
        array = np.asarray(raw)
    except ValueError as error:
        raise DataError(
            f"{what}: rows of different lengths; every row needs the same number of values"
        ) from error
    except (TypeError, RuntimeError, OverflowError, NotImplementedError) as error:
        raise DataError(f"{what}: this {type(raw).__name__} gives no array of numbers: {error}") from error
    if array.dtype.kind == "O":
        array = _numbers_in_objects(array, raw, what, columns)
    if array.dtype.kind not in "fiub":
        kind = "text" if array.dtype.kind in "US" else str(array.dtype)
        raise DataError(
            f"{what}: holds {kind}{_where_text(array, columns)}; convert every column to numbers first"
        )
    return array.astype(np.float64) if array.dtype.itemsize > 8 else array


def _check_kind(value: Any, what: str) -> None:
    """Refuse what NumPy would take for something else, or make a single object of."""
    kind = type(value).__name__
    if value is None:
        raise DataError(f"{what} is missing: None was given")
    # NumPy imports them when they are asked for: before that there are none
    masked = sys.modules.get("numpy.ma")
    if masked is not None and isinstance(value, masked.MaskedArray) and masked.is_masked(value):
        raise DataError(
            f"{what}: {int(masked.getmaskarray(value).sum())} values are masked; fill them, as in "
            f"{what}.filled(0), or drop their rows"
        )
    if hasattr(value, "collect") and not hasattr(value, "to_numpy"):
        raise DataError(f"{what}: a {kind} is no array yet; call collect() first")
    if hasattr(value, "toarray"):
        raise DataError(f"{what}: a sparse {kind}; use {what}.toarray()")
    if isinstance(value, (Set, Mapping, ValuesView)):
        raise DataError(f"{what}: a {kind} is no array of rows; give a list or an array of its values")


def _numbers_in_objects(array: Array, raw: Any, what: str, columns: list[str]) -> Array:
    """Python's numbers of any kind as float64; None and the NA of pandas are NaN."""
    if not array.ndim:
        raise DataError(f"{what}: a {type(raw).__name__} is no array of numbers")
    try:
        return _floats(array)
    except OverflowError as error:
        raise DataError(f"{what}: holds integers that no float64 holds ({error})") from error
    except (TypeError, ValueError) as error:
        raise DataError(
            f"{what}: holds values that are not numbers{_where_text(array, columns)}; convert every "
            "column first"
        ) from error


def _floats(array: Array) -> Array:
    """Text is no number, also where it looks like one: NumPy would read it."""
    if any(isinstance(item, (str, bytes)) for item in array.flat):
        raise TypeError("text")
    missing = np.array([type(item).__name__ == "NAType" for item in array.flat], bool)
    return np.where(missing.reshape(array.shape), np.nan, array).astype(np.float64)


def _where_text(array: Array, columns: list[str]) -> str:
    """ " in column 2 ('name')" for the first column with a value that is not a number."""
    if array.ndim != 2 or array.dtype.kind not in "OUS":
        return ""
    for i in range(array.shape[1]):
        try:
            array[:, i].astype(np.float64) if array.dtype.kind != "O" else _floats(array[:, i])
        except (TypeError, ValueError):
            return f" in column {_column(i, columns)}"
    return ""


def _column(i: int, columns: list[str]) -> str:
    return f"{i} ({columns[i]!r})" if i < len(columns) else str(i)


def features(value: Any, dtype: Any, what: str = "x", sample: tuple[int, ...] | None = None) -> Tensor:
    """Inputs of a model as a tensor of `dtype`; warns once, naming the column, when they hold NaN.

    n numbers are n rows of one feature. `sample` is the shape of a row, where it is known.
    """
    array = _as_it_lies(value)
    if array is None:
        array = to_array(value, what)
    if array.ndim == 0:
        raise DataError(f"{what}: a single number; expected an array with one row per sample")
    if sample and array.shape[0] and array.ndim == len(sample) and sample != (1,):
        raise DataError(
            f"{what} of shape {array.shape} has no axis of rows, and a row of this model has shape "
            f"{sample}; for a single row write x[None]"
        )
    if array.ndim == 1:
        array = array.reshape(-1, 1)
    with np.errstate(over="ignore"):
        if isinstance(array, Tensor) or not _is_finite_as(array, dtype):
            checked = array if isinstance(array, Tensor) else array.astype(dtype, copy=False)
            warn_not_finite(checked, what, [str(name) for name in getattr(value, "columns", ())])
        return ag.tensor(array, dtype)


def _is_finite_as(array: Array, dtype: Any) -> bool:
    """Whether all elements are finite in another dtype, without a copy in it: rounding keeps the order."""
    ends = [array.min(), array.max()] if array.size else []
    return bool(np.isfinite(np.array(ends, array.dtype).astype(dtype)).all())


def warn_not_finite(array: Any, what: str, columns: Sequence[str] = ()) -> None:
    """A warning that names the columns of an array or tensor that hold NaN,
    infinity or numbers beyond its dtype.
    """
    if array.dtype.kind != "f" or not array.size:
        return
    # two passes without a temporary array: NaN is passed on by both
    if math.isfinite(float(array.min())) and math.isfinite(float(array.max())):
        return
    rows = np.asarray(array).reshape(len(array), -1)
    names = [name for name, found in (("NaN", np.isnan), ("infinity", np.isinf)) if found(rows).any()]
    (where,) = np.nonzero(~np.isfinite(rows).all(axis=0))
    named = ", ".join(_column(int(i), list(columns)) for i in where[:5])
    warn(
        f"{what} holds {' and '.join(names)} in column {named}{', ...' if len(where) > 5 else ''}; "
        "every result that touches it will be NaN. Fill or drop those rows."
    )


def targets(value: Any, what: str = "y") -> Tensor:
    """Targets as a tensor of their own dtype (float64 numbers stay exact until the loss casts them)."""
    there = _as_it_lies(value)
    return ag.tensor(to_array(value, what)) if there is None else there


def _as_it_lies(value: Any) -> Any:
    """A tensor, or an array on a CUDA device, as a tensor of the default backend that
    took no way over the host; else None.
    """
    if isinstance(value, Tensor):
        return value.detach().to(ag.zeros(()).backend)
    if hasattr(value, "__cuda_array_interface__"):
        return ag.tensor(value)
    return None


def check_lengths(x: Any, y: Any, weight: Any, what: str = "x") -> None:
    """At least one row, and as many targets and weights as rows."""
    rows = rows_in(x)
    if not rows:
        raise DataError(f"{what} is empty: shape {first(x).shape}. At least one row is needed.")
    for name, tree in (("another input", x), ("y", y), ("sample_weight", weight)):
        for other in flatten(tree):
            if not other.shape or other.shape[0] != rows:
                length = other.shape[0] if other.shape else "no"
                raise ArgumentError(f"{what} has {rows} rows and {name} has {length}; they have to be equal")


def sample_weights(
    y: Any, sample_weight: Any, class_weight: Mapping[int, float] | None, whole: bool = True
) -> Any:
    """One weight per row, from `sample_weight` or from the class of each row; for several outputs one each,
    where a list or dict of them is given. Without `whole` the rows are some of all.
    """
    if not isinstance(y, Tensor):
        if class_weight is not None:
            raise ArgumentError("class_weight is for models with one output; give a sample_weight for each")
        if holds_arrays(sample_weight):
            return unflatten(
                sample_weight, (sample_weights(first(y), w, None) for w in flatten(sample_weight))
            )
    if sample_weight is not None and class_weight is not None:
        raise ArgumentError("sample_weight and class_weight together; multiply them into one sample_weight")
    if class_weight is not None:
        return _weights_of_classes(y, class_weight, whole)
    if sample_weight is None:
        return None
    weight = to_array(sample_weight, "sample_weight")
    if weight.dtype.kind == "f" and not np.isfinite(weight).all():
        raise DataError("sample_weight holds NaN or infinity")
    return ag.tensor(weight.astype(np.float64))


def _weights_of_classes(y: Tensor, class_weight: Any, whole: bool) -> Tensor:
    balanced = isinstance(class_weight, str) and class_weight == "balanced"
    given: Any = class_weight
    if not (balanced or isinstance(given, Mapping)):
        raise ArgumentError(
            f'class_weight is a dict from class numbers to weights, or "balanced", got {shown(given)}'
        )
    for label, weight in () if balanced else given.items():
        NOT_NEGATIVE.checked("class_weight", f"the weight of class {label!r}", weight)
    array = np.asarray(y)
    labels = array.argmax(-1) if array.ndim > 1 and array.shape[-1] > 1 else array.reshape(len(array))
    if labels.dtype.kind == "f" and not (labels == np.floor(labels)).all():
        raise DataError("class_weight needs class numbers, some targets have a fraction or are NaN")
    known, counts = np.unique(labels, return_counts=True)
    if balanced:
        # every class sums up to the same, and the mean weight is 1
        given = dict(zip(known.tolist(), labels.size / (known.size * counts), strict=True))
    strange = [label for label in given if label not in known]
    if whole and len(strange) == len(given) and strange:
        raise ArgumentError(
            f"class_weight: no target is of class {strange[0]!r}; there are {known[:9].tolist()}"
        )
    return ag.tensor(np.array([given.get(int(label), 1.0) for label in labels], dtype=np.float64))


def check_batch_size(batch_size: Any, name: str = "batch_size") -> int:
    """A number of rows as a plain integer >= 1."""
    size: int = COUNT.checked("rows of a step", name, batch_size)
    return size


def split_validation(
    rows: Rows, fraction: float, labels: Tensor | None = None, class_weight: Mapping[int, float] | None = None
) -> tuple[Rows, Rows]:
    """(training, validation): the first floor(n (1 - fraction)) rows, and the rest.

    `class_weight` weighs the training rows alone, by their `labels`.
    """
    n = rows.number
    cut = math.floor(n * (1 - fraction))
    if not 0 < cut < n:
        raise ArgumentError(
            f"validation_split={fraction} of {n} rows leaves one side empty ({cut} and {n - cut})"
        )
    if isinstance(rows.y, Tensor):
        column = np.asarray(rows.y).reshape(n, -1)[:, 0]
        if n > 2 and column[0] != column[-1] and bool((np.diff(column) >= 0).all()):
            warn(
                "y is sorted, and validation_split takes the last rows: the validation set has other "
                "targets than the training set. Shuffle the rows first."
            )
    training, validation = rows.pick(slice(cut)), rows.pick(slice(cut, None))
    if class_weight is not None and labels is not None:
        weight = sample_weights(labels[:cut], training.weight, class_weight)
        training = training._replace(weight=weight)
    return training, validation


Run = tuple[int, int, int]
"""(start, stop, size): rows that are computed `size` at a time."""


def cuts(rows: int, sizes: Sequence[int]) -> Iterator[Run]:
    """Runs of parts: as many rows as fit into the larger sizes, the last part not always full.

    >>> list(cuts(700, (32, 256)))
    [(0, 512, 256), (512, 672, 32), (672, 700, 32)]
    """
    start = 0
    for size in reversed(sizes):
        stop = rows - (rows - start) % size
        if stop > start:
            yield start, stop, size
            start = stop
    if start < rows:
        yield start, rows, sizes[0]


def in_parts(shape: Any, runs: Sequence[Run], ways: Sequence[Any], x: Any) -> Any:
    """The outputs for an array of `shape`, run by run; None where a way is closed."""
    if type(x) is not np.ndarray or x.shape != shape:
        return None
    found = []
    for (start, stop, size), way in zip(runs, ways, strict=True):
        part = x[start:stop]
        if len(part) < size:
            full = np.empty((size, *shape[1:]), x.dtype)
            full[: len(part)], full[len(part) :] = part, part[-1]
            part = full
        y = way(part)
        if y is None:
            return None
        found.append(y)
    return (found[0] if len(found) == 1 else np.concatenate(found))[: shape[0]]
