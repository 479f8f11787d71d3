"""Columns as people have them, before they are tensors: texts in order, whole numbers, boundaries of bins.

Tensors hold numbers alone, so words are looked up here, on the host. Frames and series are recognised by what
they offer (`to_numpy`, `columns`), not by import.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from autograd import Tensor

from .errors import ArgumentError, DataError

Array = np.ndarray[Any, Any]


class Texts(NamedTuple):
    """Texts one after the other, and the shape in which they lay."""

    flat: list[str]
    shape: tuple[int, ...]


def is_missing(value: Any) -> bool:
    """None, NaN, and the NA and NaT of pandas."""
    if value is None or type(value).__name__ in ("NAType", "NaTType"):
        return True
    return isinstance(value, (float, np.floating)) and math.isnan(value)


def as_column(value: Any, what: str) -> Array:
    """What holds values in rows, as an array, of objects where they are no numbers.

    Raises:
        DataError: rows of different lengths, a table of names, or a tensor where text is expected.
    """
    if isinstance(value, (str, bytes)):
        return np.array(value, dtype=object)
    if isinstance(value, Mapping) or value is None:
        raise DataError(f"{what}: a {type(value).__name__} is no column of values")
    raw = value.to_numpy() if hasattr(value, "to_numpy") else value
    if isinstance(raw, np.ndarray):
        return _unmasked(raw)
    items = list(raw) if isinstance(raw, Iterable) else raw
    try:
        array = np.array(items)
    except ValueError as error:
        raise DataError(f"{what}: rows of different lengths") from error
    # NumPy makes texts of the numbers beside them, and numbers of the truth values
    return array if array.dtype.kind in "iu" and not _truths(items) else np.array(items, dtype=object)


def _unmasked(array: Any) -> Array:
    """What is masked is missing, whatever lies under the mask; NumPy would show that."""
    mask = getattr(array, "mask", None)
    if mask is None:
        return np.asarray(array)
    found = np.array(array.data, dtype=object)
    found[np.broadcast_to(mask, found.shape)] = None
    return found


def _truths(items: Any) -> bool:
    return isinstance(items, list) and any(isinstance(item, (bool, np.bool_)) for item in items)


def texts(value: Any, what: str, encoding: str = "utf-8") -> Texts:
    """The texts of an array, nested lists or a column; bytes are decoded.

    Raises:
        DataError: something else is among them; the message says where.
    """
    if isinstance(value, Tensor):
        raise DataError(
            f"{what}: a tensor holds numbers, and texts are looked up here; give an array, list or column"
        )
    array = as_column(value, what)
    flat = array.ravel().tolist()
    for i, item in enumerate(flat):
        if isinstance(item, bytes):
            flat[i] = item.decode(encoding)
        elif not isinstance(item, str):
            place = f"row {i // max(math.prod(array.shape[1:]), 1)}"
            missing = "; fill what is missing with a word of its own" if is_missing(item) else ""
            raise DataError(f"{what}: {place} holds {item!r}, which is no text{missing}")
    return Texts(flat, array.shape)


def integers(value: Any, what: str) -> tuple[list[int], tuple[int, ...]]:
    """Whole numbers one after the other, and the shape in which they lay; a fraction is cut off."""
    array = np.asarray(value.numpy() if isinstance(value, Tensor) else as_column(value, what))
    if array.dtype.kind == "O":
        array = np.array([_number(item, what) for item in array.ravel()], object).reshape(array.shape)
    elif array.dtype.kind == "f":
        if not np.isfinite(array).all():
            raise DataError(f"{what}: holds NaN or infinity, which is no whole number")
    elif array.dtype.kind not in "iub":
        raise DataError(f"{what}: holds {array.dtype}, not whole numbers")
    return [int(item) for item in array.ravel().tolist()], array.shape


def _number(item: Any, what: str) -> Any:
    if isinstance(item, (str, bytes)) or is_missing(item):
        raise DataError(f"{what}: holds {item!r}, not whole numbers")
    return item


def has_text(value: Any, what: str) -> bool:
    """Whether the first value of a column is text."""
    array = as_column(value, what)
    return array.dtype.kind in "US" or (
        array.dtype.kind == "O" and bool(array.size) and isinstance(array.ravel()[0], (str, bytes))
    )


def as_words(flat: Sequence[str], shape: tuple[int, ...]) -> Array:
    """Texts as an array."""
    return np.array(flat, dtype=str).reshape(shape)


def batches_of(data: Any, steps: Any, owner: str, is_batches: bool) -> Iterator[Any]:
    """What `adapt` was given, batch by batch: an array is one; of an iterable at most `steps`."""
    if not is_batches:
        if steps is not None:
            raise ArgumentError(f"{owner}: steps counts batches of an iterable, and all of an array is used")
        yield data
        return
    for number, batch in enumerate(data):
        if steps is not None and number >= steps:
            return
        # batches for training, of which the targets do not matter
        yield batch[0] if isinstance(batch, tuple) else batch


Summary = Array
"""Values in order and how many numbers each stands for: (2, n), float32, as Keras has it."""


def summary_of(values: Any, epsilon: float, before: Summary | None, owner: str) -> Summary:
    """Numbers as at most about 1 / epsilon values, joined with a summary of those before."""
    flat = np.sort(np.asarray(values, dtype=np.float32).ravel())
    if not np.isfinite(flat).all():
        raise DataError(f"{owner}: the data holds NaN or infinity, which lies in no bin; fill it first")
    step = max(flat.size * epsilon, 1.0)
    kept = flat[int(step - 1) :: int(step)]
    found = np.stack([kept, np.full(kept.shape, step, np.float32)])
    joined = found if before is None else np.concatenate([found, before], axis=1)
    return _thinned(joined[:, np.argsort(joined[0])], epsilon)


def boundaries_of(summary: Summary, bins: int) -> list[float]:
    """What divides the numbers into so many bins of about as many numbers each."""
    return [float(value) for value in _thinned(summary, 1.0 / bins)[0][:-1]]


def _thinned(summary: Summary, epsilon: float) -> Summary:
    """Fewer values: one for each share `epsilon` of the numbers, between two values by proportion."""
    if summary.shape[1] * epsilon < 1:
        return summary
    values, counts = summary
    upto = np.cumsum(counts)
    shares = epsilon + np.arange(0.0, 1.0, epsilon)
    places = upto / upto[-1]
    heights = np.interp(shares, places, upto)
    return np.stack([np.interp(shares, places, values), np.diff(heights, prepend=0.0)]).astype(np.float32)
