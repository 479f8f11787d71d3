"""Lookup: a vocabulary that is given or learnt, and how the indices in it become indicators.

Keras's meaning: what is masked comes first, then what is not in the vocabulary, then the vocabulary.
"""

from __future__ import annotations

import codecs
import math
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, Self

import autograd as ag
from autograd import Tensor

from ..arguments import COUNT, COUNT_OR_ZERO, FLAG, NUMBER, TEXT, at_least, choice, form
from ..batches import is_iterable_of_batches
from ..columns import batches_of
from ..constructors import argument, attribute, constructor
from ..errors import ArgumentError, DataError
from .base import Layer
from .preprocessing import MODES, NOT_SPARSE, as_mode, hits


@form("is a list of numbers, one for each entry of the vocabulary, or None")
def WEIGHTS(value: Any) -> Any:
    if value is None:
        return None
    return [float(NUMBER.keep(item)) for item in (value.tolist() if hasattr(value, "tolist") else value)]


@form("is a salt: one integer from 0 to 2**64 - 1, two of them, or None")
def SALT(value: Any) -> Any:
    """Two integers."""
    if value is None:
        return None
    several = isinstance(value, (tuple, list))
    first, second = value if several else (value, value)
    bounds = at_least(0).but(most=2**64 - 1)
    return bounds.keep(first), bounds.keep(second)


@form("is the name of an encoding")
def ENCODING(value: Any) -> str:
    try:
        codecs.lookup(TEXT.keep(value))
    except LookupError as error:
        raise ValueError from error
    return str(value)


@form("is a list of what may come, a path, or None")
def VOCABULARY(value: Any) -> Any:
    """A list, or the path as it is."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, (bytes, dict)) or not isinstance(value, Iterable):
        raise TypeError
    listed = getattr(value, "tolist", None)
    return list(value) if listed is None else listed()


@constructor
class Lookup(Layer):
    """What both share: the vocabulary, how it is learnt, and how indices become indicators."""

    max_tokens: int | None = argument(at_least(2).or_none(), default=None)
    num_oov_indices: int = argument(COUNT_OR_ZERO, default=1)
    mask_token: Any = argument(default=None)
    oov_token: Any = argument(default=None)
    vocabulary: Any = argument(takes=VOCABULARY, default=None)
    idf_weights: Any = argument(WEIGHTS, default=None)
    invert: bool = argument(FLAG, default=False)
    output_mode: str = argument(choice(*MODES, "tf_idf"), default="int")
    pad_to_max_tokens: bool = argument(FLAG, default=False)
    sparse: bool = argument(NOT_SPARSE, default=False)

    tokens: tuple[Any, ...] | None = attribute(None, init=False)
    """The vocabulary without the tokens for what is masked and what is not in it."""
    was_given: bool = attribute(False, init=False)

    def __post_init__(self) -> None:
        if self.pad_to_max_tokens and self.max_tokens is None:
            raise ArgumentError(f"{self.title}: pad_to_max_tokens needs max_tokens")
        if self.invert and self.output_mode != "int":
            raise ArgumentError(f"{self.title}: the output_mode of invert is 'int', got {self.output_mode!r}")
        if self.idf_weights is not None and self.output_mode != "tf_idf":
            raise ArgumentError(f"{self.title}: idf_weights are for the output_mode 'tf_idf'")
        vocabulary, self.vocabulary = self.vocabulary, None
        if vocabulary is not None:
            self.set_vocabulary(vocabulary, self.idf_weights)
            self.was_given = True
        elif self.idf_weights is not None:
            raise ArgumentError(f"{self.title}: idf_weights need the vocabulary that they are of")

    def _checked(self, vocabulary: Any) -> list[Any]:
        """What the user calls a vocabulary, as texts or integers."""
        raise NotImplementedError

    def _flat(self, batch: Any) -> tuple[list[Any], tuple[int, ...]]:
        """The values of a batch, and its shape."""
        raise NotImplementedError

    @property
    def start(self) -> int:
        """The index of the first word of the vocabulary."""
        return self.oov_start + self.num_oov_indices

    @property
    def oov_start(self) -> int:
        """The first index of what is not in the vocabulary."""
        return int(self.mask_token is not None and self.output_mode == "int")

    @property
    def depth(self) -> int:
        """How many indicators there are."""
        if self.pad_to_max_tokens and self.max_tokens is not None:
            return self.max_tokens
        return self.vocabulary_size()

    def get_vocabulary(self, include_special_tokens: bool = True) -> list[Any]:
        """What each index stands for, in order; without those before the vocabulary if so wished."""
        special = [self.mask_token] * self.oov_start + [self.oov_token] * self.num_oov_indices
        words = list(self.known_tokens())
        return (
            [*special, *words]
            if FLAG.checked("get_vocabulary", "include_special_tokens", include_special_tokens)
            else words
        )

    def vocabulary_size(self) -> int:
        """How many indices there are, those before the vocabulary with it."""
        return self.start + len(self.tokens or ())

    def known_tokens(self) -> tuple[Any, ...]:
        """The vocabulary, or the error that there is none."""
        if self.tokens is None:
            raise ArgumentError(
                f"{self.title}: has no vocabulary yet; call adapt(data) first, or give it one"
            )
        return self.tokens

    def set_vocabulary(self, vocabulary: Any, idf_weights: Any = None) -> None:
        """Take a vocabulary: a list, an array, or the path of a text file with a word a line.

        It may begin with the tokens that `get_vocabulary` has before it.

        Args:
            vocabulary: each word once.
            idf_weights: of "tf_idf", a weight for each entry.
        """
        words = self._checked(VOCABULARY.checked(self.title, "vocabulary", vocabulary))
        if not words:
            raise ArgumentError(f"{self.title}: an empty vocabulary")
        special = [self.mask_token] * self.oov_start + [self.oov_token] * self.num_oov_indices
        whole = words[: self.start] == special
        tokens = words[self.start :] if whole else words
        twice = [word for word, count in Counter(tokens).items() if count > 1]
        if twice:
            raise ArgumentError(f"{self.title}: twice in the vocabulary: {', '.join(map(repr, twice[:5]))}")
        for name, token in (("mask_token", self.mask_token), ("oov_token", self.oov_token)):
            if token is not None and token in tokens and (name == "mask_token" or self.invert):
                raise ArgumentError(
                    f"{self.title}: the {name} {token!r} stands inside the vocabulary; leave such tokens "
                    f"out, or begin with exactly {special}"
                )
        if self.max_tokens is not None and self.start + len(tokens) > self.max_tokens:
            raise ArgumentError(
                f"{self.title}: {self.start + len(tokens)} entries with those before the vocabulary are more "
                f"than max_tokens, {self.max_tokens}"
            )
        self._take(tokens, self._weights(len(words), whole, idf_weights))

    def _weights(self, count: int, whole: bool, given: Any) -> list[float] | None:
        """A weight for each index, 0 where there is no word yet."""
        weights: list[float] | None = WEIGHTS.checked(self.title, "idf_weights", given)
        if (weights is not None) != (self.output_mode == "tf_idf"):
            raise ArgumentError(
                f"{self.title}: idf_weights are given with a vocabulary in the output_mode 'tf_idf', and in "
                "no other"
            )
        if weights is None:
            return None
        if len(weights) != count:
            raise ArgumentError(f"{self.title}: {len(weights)} idf_weights for {count} entries")
        return weights if whole else [math.fsum(weights) / count] * self.start + weights

    def _take(self, tokens: Sequence[Any], weights: list[float] | None) -> None:
        size = self.start + len(tokens)
        sized = self.output_mode != "int" and not self.pad_to_max_tokens
        if self.built and sized and size != self.vocabulary_size():
            raise ArgumentError(
                f"{self.title}: was built for {self.vocabulary_size()} indices and cannot have {size} now; "
                "set pad_to_max_tokens, or make a new layer"
            )
        self.tokens, self.idf_weights = tuple(tokens), weights

    def adapt(self, data: Any, steps: int | None = None) -> None:
        """Learn the vocabulary of an array, list or column, or of an iterable of batches, at most `steps`.

        The most frequent come first; of those as frequent as each other the last in the alphabet. Each row is
        a document of "tf_idf", whose weights are log(1 + documents / (1 + documents with the word)).
        """
        if self.was_given:
            raise ArgumentError(f"{self.title}: has the vocabulary that was given to the constructor")
        COUNT.or_none().checked("adapt", "steps", steps)
        several = is_iterable_of_batches(data)
        counts: Counter[Any] = Counter()
        within: Counter[Any] = Counter()
        documents = 0
        for batch in batches_of(data, steps, self.title, several):
            flat, shape = self._flat(batch)
            counts.update(flat)
            # a batch without rows is one document, an array without them has one in each element
            width = math.prod(shape[1:]) if len(shape) > 1 else len(flat) if several else 1
            rows = [set(flat[i : i + width]) for i in range(0, len(flat), max(width, 1))]
            documents += len(rows)
            for row in rows:
                within.update(row)
        for special in (self.mask_token, self.oov_token):
            counts.pop(special, None)
        if not counts:
            raise DataError(f"{self.title}: adapt was given no words")
        order = sorted(counts, key=lambda word: (counts[word], word), reverse=True)
        if self.max_tokens is not None:
            order = order[: max(self.max_tokens - self.start, 0)]
        weights = None
        if self.output_mode == "tf_idf":
            learnt = [math.log(1 + documents / (1 + within[word])) for word in order]
            weights = [math.fsum(learnt) / len(learnt)] * self.start + learnt
        self._take(order, weights)

    def _indicated(self, indices: Tensor, dtype: str) -> Tensor:
        """Indices as the output that was asked for; -1 is none."""
        if self.output_mode == "int":
            return indices
        mode = "count" if self.output_mode == "tf_idf" else self.output_mode
        ones = hits(indices if indices.ndim else indices.reshape(1), self.depth, dtype)
        found = as_mode(self.title, ones, mode)
        if self.idf_weights is None:
            return found
        return found * ag.tensor([*self.idf_weights, *[0.0] * (self.depth - len(self.idf_weights))], dtype)

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        return config | {"vocabulary": None if self.tokens is None else self.get_vocabulary()}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        """The vocabulary is a list: a file cannot have another file read."""
        if isinstance(config.get("vocabulary"), str):
            raise ArgumentError(f"{cls.__name__}: the vocabulary of a configuration is a list, got a path")
        return cls(**config)


def lines_of(path: str) -> list[str]:
    """The lines of a text file, without empty ones at its end."""
    try:
        with open(path, encoding="utf-8") as file:
            lines = file.read().split("\n")
    except (OSError, ValueError) as error:
        raise ArgumentError(f"vocabulary: no text file {path!r}: {error}") from error
    while lines and not lines[-1]:
        lines.pop()
    return lines
