"""Tables as people have them: the columns of a frame, a dict, rows or records; numbers and words of a column.

Frames are recognised by what they offer (`columns`, `to_numpy`), not by import. What is made of a column for
a network is in `table_columns.py`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from .columns import Array, as_column, is_missing
from .errors import DataError

Word = str | int | float | bool
TAKEN = "a frame, a dict of columns or of one row, a list of such rows, or a structured array"


class Table(Mapping[str, Array]):
    """Columns of the same length by name, each made an array when it is asked for.

    Args:
        value: a frame of pandas or polars, a dict of columns or of one row, a list of such rows, a row of a
            frame, a structured array or a record of one.
        what: how errors call it.

    Raises:
        DataError: it is none of these, or two columns have the same name.
    """

    def __init__(self, value: Any, what: str) -> None:
        self.what = what
        names, self._take = _columns(value, what)
        self.names = {str(name): name for name in names}
        if len(self.names) < len(names):
            twice = next(str(name) for name in names if [*map(str, names)].count(str(name)) > 1)
            raise DataError(f"{what}: two columns are called {twice!r}")
        if not self.names:
            raise DataError(f"{what}: the frame has no columns")
        self.rows: int | None = None

    def __getitem__(self, name: str) -> Array:
        column = as_column(self._take(self.names[name]), f"{self.what}: column {name!r}")
        if column.ndim != 1:
            raise DataError(
                f"{self.what}: column {name!r} has shape {column.shape}; expected a value for each row"
            )
        if self.rows is None:
            self.rows = len(column)
        if len(column) != self.rows:
            raise DataError(
                f"{self.what}: column {name!r} has {len(column)} rows, those before it have {self.rows}"
            )
        return column

    def __iter__(self) -> Any:
        return iter(self.names)

    def __len__(self) -> int:
        return len(self.names)

    def is_category(self, name: str) -> bool:
        """Whether the frame says itself that a column holds categories."""
        dtype = str(getattr(self._take(self.names[name]), "dtype", ""))
        return dtype == "category" or dtype.startswith(("Categorical", "Enum"))


def _columns(value: Any, what: str) -> tuple[list[Any], Any]:
    """The names of the columns, and the function from a name to a column."""
    if isinstance(value, (list, tuple)) and value and all(isinstance(row, Mapping) for row in value):
        names = list(dict.fromkeys(name for row in value for name in row))
        return names, lambda name: [row.get(name) for row in value]
    if isinstance(value, (np.ndarray, np.void)) and value.dtype.names:
        return list(value.dtype.names), np.atleast_1d(value).__getitem__
    if hasattr(value, "collect") and not hasattr(value, "to_numpy"):
        raise DataError(f"{what}: a {type(value).__name__} is no table yet; call collect() first")
    as_dict = getattr(value, "to_dict", None)
    if as_dict is not None and not isinstance(value, Mapping) and not hasattr(value, "columns"):
        value = as_dict()  # a row of a frame
    if isinstance(value, Mapping):
        single = [_is_single(item) for item in value.values()]
        if any(single) and not all(single):
            raise DataError(f"{what}: single values beside columns; give one row or columns, not both")
        return list(value), lambda name: [value[name]] if single[0] else value[name]
    of_frame = getattr(value, "columns", None)
    if of_frame is not None and hasattr(value, "to_numpy"):
        return list(of_frame), value.__getitem__
    raise DataError(f"{what}: takes {TAKEN}; got {type(value).__name__}")


def _is_single(item: Any) -> bool:
    if isinstance(item, (str, bytes)) or not hasattr(item, "__len__"):
        return True
    return getattr(item, "ndim", 1) == 0


def numbers_of(column: Array, what: str) -> Array:
    """A column as float64, what is missing as NaN.

    Raises:
        DataError: something is no number, or infinite; the message names the row.
    """
    if column.dtype.kind == "O":
        column = np.array([_number(item, i, what) for i, item in enumerate(column)], np.float64)
    elif column.dtype.kind not in "fiub":
        held = "text" if column.dtype.kind in "US" else str(column.dtype)
        raise DataError(f"{what} holds {held}, not numbers; make numbers of it, or leave it out by drop")
    found = column.astype(np.float64)
    if np.isinf(found).any():
        raise DataError(f"{what}: row {int(np.isinf(found).argmax())} is infinite")
    return found


def _number(item: Any, row: int, what: str) -> float:
    if is_missing(item):
        return math.nan
    if isinstance(item, (str, bytes)):
        raise DataError(f"{what}: row {row} holds {item!r}, which is no number")
    try:
        return float(item)
    except (TypeError, ValueError, OverflowError) as error:
        raise DataError(f"{what}: row {row} holds {item!r}, which is no number") from error


def words_of(column: Array, what: str) -> list[Word | None]:
    """A column as texts, whole numbers, numbers or truth values; None where one is missing.

    Raises:
        DataError: something is none of these, such as a date.
    """
    if column.dtype.kind in "mMcV":
        raise DataError(f"{what} holds {column.dtype}; make text or numbers of it, or leave it out by drop")
    return [_word(item, i, what) for i, item in enumerate(column.tolist())]


def _word(item: Any, row: int, what: str) -> Word | None:
    if is_missing(item):
        return None
    if isinstance(item, np.generic):
        item = item.item()
    # a column of whole numbers has become one of floats where one was missing
    if isinstance(item, float) and item.is_integer():
        return int(item)
    if isinstance(item, (str, bool, int, float)):
        return item
    raise DataError(
        f"{what}: row {row} holds a {type(item).__name__}; a category is text, a number or a truth value"
    )


def is_numeric(column: Array) -> bool:
    """Whether a column holds numbers alone, and some; truth values are categories."""
    if column.dtype.kind != "O":
        return column.dtype.kind in "fiu"
    held = [item for item in column if not is_missing(item)]
    return not any(isinstance(item, (str, bytes, bool, np.bool_)) for item in held) and all(
        hasattr(item, "__float__") for item in held
    )
