"""What is learnt of a column of a table, and the numbers that are made of it for a network.

Both kinds are made of a config, too, of which nothing is believed: it may come from a damaged file.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from .arguments import FLAG, FLOAT, POSITIVE, TEXT
from .columns import Array
from .errors import ArgumentError, DataError
from .frames import Word, numbers_of, words_of

OTHER, MISSING = "<other>", "<missing>"


class Numeric:
    """A column of numbers: filled, then with mean 0 and standard deviation 1.

    Args:
        name: of the column.
        fill: what stands for a missing number.
        mean, scale: what is subtracted, then divided by.
        indicator: whether a second number says that the first was missing.
    """

    kind = "numeric"

    def __init__(self, name: str, fill: float, mean: float, scale: float, indicator: bool) -> None:
        self.name = TEXT.checked("column", "name", name)
        self.fill = FLOAT.checked(name, "fill", fill)
        self.mean = FLOAT.checked(name, "mean", mean)
        self.scale = POSITIVE.checked(name, "scale", scale)
        self.indicator = FLAG.checked(name, "indicator", indicator)

    @classmethod
    def learnt(cls, name: str, column: Array, what: str, fill: str) -> Numeric:
        """From the numbers of a column; a constant one is divided by 1."""
        numbers = numbers_of(column, what)
        missing = np.isnan(numbers)
        held = numbers[~missing]
        if not held.size:
            raise DataError(f"{what} holds no number at all; leave it out by drop")
        value = float(np.median(held) if fill == "median" else held.mean())
        filled = np.where(missing, value, numbers)
        spread = float(filled.std())
        return cls(name, value, float(filled.mean()), spread if spread > 0 else 1.0, bool(missing.any()))

    @property
    def names(self) -> list[str]:
        """Of the numbers that are made."""
        return [self.name, f"{self.name}={MISSING}"] if self.indicator else [self.name]

    def encoded(self, column: Array, what: str) -> Array:
        """(rows, 1), or (rows, 2) with the indicator."""
        numbers = numbers_of(column, what)
        missing = np.isnan(numbers)
        scaled = (np.where(missing, self.fill, numbers) - self.mean) / self.scale
        return np.stack([scaled, missing][: len(self.names)], axis=1)

    def said(self) -> str:
        """For people."""
        text = f"mean {self.mean:.4g}, standard deviation {self.scale:.4g}"
        return f"{text}; missing: {self.fill:.4g}, told" if self.indicator else text

    def config(self) -> dict[str, Any]:
        return {"kind": self.kind} | vars(self)


class Categorical:
    """A column of categories: an indicator for each, for all others together, and for missing ones.

    Args:
        name: of the column.
        words: the categories, the most frequent first.
        missing: whether one was missing: then that is a category of its own, else it counts to the others.
    """

    kind = "categorical"

    def __init__(self, name: str, words: Sequence[Word], missing: bool) -> None:
        self.name = TEXT.checked("column", "name", name)
        self.missing = FLAG.checked(name, "missing", missing)
        if not isinstance(words, (list, tuple)) or not all(
            isinstance(word, (str, bool, int, float)) for word in words
        ):
            raise ArgumentError(f"{name}: words are a list of texts, numbers and truth values")
        self.words = list(words)
        # True is no 1 here
        self._places = {(type(word), word): i for i, word in enumerate(words)}
        if len(self._places) < len(self.words):
            raise ArgumentError(f"{name}: a category twice")

    @classmethod
    def learnt(cls, name: str, column: Array, what: str, most: int) -> Categorical:
        """From the categories of a column: the `most` frequent; of equals the first by their text."""
        words = words_of(column, what)
        counts = Counter((type(word), word) for word in words if word is not None)
        if not counts:
            raise DataError(f"{what} holds no category at all; leave it out by drop")
        order = sorted(counts, key=lambda each: (-counts[each], str(each[1]), each[0].__name__))
        return cls(name, [word for _, word in order[:most]], None in words)

    @property
    def names(self) -> list[str]:
        """Of the numbers that are made."""
        last = [OTHER, MISSING] if self.missing else [OTHER]
        return [f"{self.name}={word}" for word in (*self.words, *last)]

    def encoded(self, column: Array, what: str) -> Array:
        """(rows, categories + 1 or 2), a one in each row."""
        other = len(self.words)
        nothing = other + self.missing
        found = [
            nothing if word is None else self._places.get((type(word), word), other)
            for word in words_of(column, what)
        ]
        made = np.zeros((len(found), len(self.names)))
        made[np.arange(len(found)), found] = 1.0
        return made

    def said(self) -> str:
        """For people."""
        shown = ", ".join(map(str, self.words[:6]))
        return f"{len(self.words)}: {shown}{', ...' if len(self.words) > 6 else ''}"

    def config(self) -> dict[str, Any]:
        return {"kind": self.kind, "name": self.name, "words": self.words, "missing": self.missing}


Column = Numeric | Categorical
KINDS: dict[str, type[Any]] = {"numeric": Numeric, "categorical": Categorical}


def column_of(config: Any) -> Column:
    """What `config()` describes."""
    if not isinstance(config, Mapping) or config.get("kind") not in KINDS:
        raise ArgumentError(f"TableFeatures: a column is described by a dict with kind, got {config!r}")
    made: Column = KINDS[config["kind"]](**{key: v for key, v in config.items() if key != "kind"})
    return made


def side_by_side(parts: Sequence[Array]) -> Array:
    """Numbers of several columns as those of one table."""
    return np.concatenate(parts, axis=1)
