"""What is learnt of a column of a table, and the numbers that are made of it for a network.

Both kinds are made of a config, too, of which nothing is believed: it may come from a damaged file.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from .arguments import FLAG, FLOAT, POSITIVE, TEXT
from .columns import Array
from .errors import ArgumentError, DataError
from .frames import Word, numbers_of, words_of

LARGEST = float(np.finfo(np.float32).max)
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
        # squares of huge or tiny numbers would be infinite or 0
        largest = float(abs(held).max())
        is_usual = not largest or 1e-100 < largest < 1e100
        unit = 1.0 if is_usual else math.ldexp(0.5, math.frexp(largest)[1])
        held, numbers = held / unit, numbers / unit
        value = float(np.median(held) if fill == "median" else held.mean())
        filled = np.where(missing, value, numbers)
        spread = float(filled.std()) * unit
        mean = float(filled.mean()) * unit
        return cls(name, value * unit, mean, spread if spread > 0 else 1.0, bool(missing.any()))

    @property
    def names(self) -> list[str]:
        """Of the numbers that are made."""
        return [self.name, f"{self.name}={MISSING}"] if self.indicator else [self.name]

    def encoded(self, column: Array, what: str) -> Array:
        """(rows, 1), or (rows, 2) with the indicator."""
        numbers = numbers_of(column, what)
        missing = np.isnan(numbers)
        with np.errstate(over="ignore"):
            scaled = (np.where(missing, self.fill, numbers) / 2 - self.mean / 2) / self.scale * 2
        far = ~(abs(scaled) <= LARGEST)
        if far.any():
            raise DataError(
                f"{what}: row {int(far.argmax())} holds {float(numbers[far][0])!r}, which is beyond float32 "
                f"when scaled by mean {self.mean:.4g} and standard deviation {self.scale:.4g}"
            )
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
        # True is no 1 here, where both were learnt
        self._places = {(type(word), word): i for i, word in enumerate(words)}
        if len(self._places) < len(self.words):
            raise ArgumentError(f"{name}: a category twice")
        self._equal = {word: i for i, word in enumerate(words)}
        self._kinds = {_kind_of(word) for word in words}

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
            nothing if word is None else self._place(word, f"{what}: row {row}")
            for row, word in enumerate(words_of(column, what))
        ]
        made = np.zeros((len(found), len(self.names)))
        made[np.arange(len(found)), found] = 1.0
        return made

    def _place(self, word: Word, where: str) -> int:
        """The number of a category; 1 is True where that alone was learnt."""
        place = self._places.get((type(word), word), self._equal.get(word))
        if place is not None:
            return place
        if _kind_of(word) not in self._kinds:
            raise DataError(
                f"{where} holds the {_kind_of(word)} {word!r}, and the column was learnt from "
                f"{' and '.join(sorted(f'{kind}s' for kind in self._kinds))}"
            )
        return len(self.words)

    def said(self) -> str:
        """For people."""
        shown = ", ".join(map(str, self.words[:6]))
        return f"{len(self.words)}: {shown}{', ...' if len(self.words) > 6 else ''}"

    def config(self) -> dict[str, Any]:
        return {"kind": self.kind, "name": self.name, "words": self.words, "missing": self.missing}


def _kind_of(word: Word) -> str:
    return "text" if isinstance(word, str) else "truth value" if isinstance(word, bool) else "number"


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
