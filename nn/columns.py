"""Columns as people have them, before they are tensors: texts in order, whole numbers, boundaries of bins.

Tensors hold numbers alone, so words are looked up here, on the host. Frames and series are recognised by what
they offer (`to_numpy`, `columns`), not by import.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np

import autograd as ag
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
    """Whole numbers one after the other, and the shape in which they lay; as floats, too.

    Raises:
        DataError: something else is among them.
    """
    array = np.asarray(value.numpy() if isinstance(value, Tensor) else as_column(value, what))
    if array.dtype.kind == "O":
        array = np.array([_number(item, what) for item in array.ravel()], object).reshape(array.shape)
    elif array.dtype.kind == "f":
        refuse_fractions(array.astype(np.float64), what)
    elif array.dtype.kind not in "iub":
        raise DataError(f"{what}: holds {array.dtype}, not whole numbers")
    return [int(item) for item in array.ravel().tolist()], array.shape


def _number(item: Any, what: str) -> Any:
    if isinstance(item, (str, bytes)) or is_missing(item):
        raise DataError(f"{what}: holds {item!r}, not whole numbers")
    if isinstance(item, (float, np.floating)):
        refuse_fractions(np.float64(item), what)
    return item


def refuse_fractions(array: Any, what: str) -> None:
    """Raise for the first float that is no whole number."""
    whole = np.isfinite(array) & (np.floor(array) == array)
    if not whole.all():
        raise DataError(f"{what}: holds {float(array[~whole].flat[0])!r}, which is no whole number")


def whole_numbers(x: Tensor, what: str) -> Tensor:
    """A tensor as int64.

    Raises:
        DataError: it holds NaN, infinity, a fraction or what no int64 is; in a program RangeError.
    """
    limit = 2**63
    if x.dtype.kind == "f":
        # NaN equals nothing
        fine = ag.logical_and(ag.equal(x, ag.floor(x)), ag.less(ag.abs(x), float(limit)))
    elif x.dtype.name == "uint64":
        fine = ag.less_equal(x, limit - 1)
    else:
        return x.to("int64")
    if fine.backend == "trace":
        # looking it up in a table of one place refuses what is outside
        refused = ag.take(ag.zeros((1,), "int64"), ag.where(fine, 0, 1), axis=0)
        return ag.where(fine, x, 0).to("int64") + refused
    if not bool(fine.all()):
        bad = np.asarray(x)[~np.asarray(fine)].flat[0].item()
        kind = (
            "a whole number of int64" if bad in (math.inf, -math.inf) or bad == bad // 1 else "a whole number"
        )
        raise DataError(f"{what}: holds {bad!r}, which is not {kind}")
    return x.to("int64")


def refuse_infinite(known: Sequence[Any], dtype: str, owner: str, columns: Sequence[str] = ()) -> None:
    """Raise where mean or variance are infinite in a dtype: every number would become the same."""
    for value in known:
        beyond = ~np.isfinite(in_dtype(value, dtype))
        if beyond.any():
            at = int(np.argwhere(beyond)[0][-1]) if beyond.ndim else None
            name = f" ({columns[at]!r})" if at is not None and at < len(columns) else ""
            where = "" if at is None else f" in column {at}{name}"
            hint = "" if dtype == "float64" else ", or give the layer a larger dtype"
            raise DataError(
                f"{owner}: the data holds numbers so large{where} that their mean or variance is beyond "
                f"{dtype}; scale them first{hint}"
            )


@contextmanager
def quiet() -> Iterator[None]:
    """Inside, what is infinite or NaN is looked at afterwards."""
    with np.errstate(over="ignore", invalid="ignore"):
        yield


def in_dtype(values: Any, dtype: str) -> Array:
    """Numbers rounded to a dtype; what is beyond it is infinite there."""
    with np.errstate(over="ignore"):
        return np.asarray(values, dtype=dtype)


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
    flat = np.sort(in_dtype(values, "float32").ravel())
    if not np.isfinite(flat).all():
        if np.isfinite(np.asarray(values, np.float64)).all():
            raise DataError(
                f"{owner}: the data holds numbers beyond float32, in which boundaries are looked for"
            )
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
