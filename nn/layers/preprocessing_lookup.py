"""StringLookup and IntegerLookup: the place of a word or number in a vocabulary, saved with the model.

Numbers are looked up in the compiled program; texts, which are no tensors, on the host before it.
"""

from __future__ import annotations

from typing import Any

import autograd as ag
from autograd import Tensor

from ..arguments import INTEGER, TEXT, choice
from ..columns import as_words, integers, texts, whole_numbers
from ..constructors import argument, constructor
from ..errors import ArgumentError, DataError
from ..hashing import bucket
from .base import Layer
from .host import HostLayer
from .preprocessing import floating_of
from .preprocessing_vocabulary import ENCODING, SALT, Lookup, lines_of

EXACT = {"float16": 2**11, "float32": 2**24, "float64": 2**53}
"""Below that every whole number is one of the dtype."""


@constructor
class StringLookup(Lookup, HostLayer):
    """The index of each text in a vocabulary; on the host, as the first layer of a model or before it.

    Takes arrays, nested lists and columns of text. In a model what comes after it gets numbers.

    Args:
        max_tokens: the most indices, those before the vocabulary with it.
        num_oov_indices: how many indices there are for what is not in the vocabulary; with 0 it is an error,
            with several FarmHash64 chooses, as in Keras.
        mask_token: a text whose index is 0, before all others; in other modes than "int" it counts nowhere.
        oov_token: the text for what is not in the vocabulary, from `invert` and in `get_vocabulary`.
        vocabulary: a list, an array, or the path of a text file with a word a line; or `adapt` learns it.
        idf_weights: of "tf_idf" with a vocabulary, a weight for each entry.
        invert: from indices, in an array or tensor, to an array of texts; not in a model.
        output_mode: "int", indices of int64; "one_hot", "multi_hot", "count", "tf_idf": numbers of float32
            for each index, of each text or of each sample (batch, n) together.
        pad_to_max_tokens: as many indicators as `max_tokens`, also where the vocabulary is smaller.
        sparse: False; there are no sparse tensors here.
        encoding: of bytes.
        salt: hash with SipHash and this key instead.
        input_shape: of what a row becomes; name: as in `Layer`.

    Raises:
        DataError: something is no text; or it is not in the vocabulary, with `num_oov_indices=0`.

    >>> import nn
    >>> layer = nn.StringLookup()
    >>> layer.adapt(["red", "blue", "red"])
    >>> layer(["blue", "green", "red"]).tolist(), layer.get_vocabulary()
    ([2, 0, 1], ['[UNK]', 'red', 'blue'])
    """

    mask_token: str | None = argument(TEXT.or_none(), default=None)
    oov_token: str = argument(TEXT, default="[UNK]")
    encoding: str = argument(ENCODING, default="utf-8")
    salt: Any = argument(SALT, default=None)

    not_settings = Layer.not_settings.union(("tokens", "idf_weights", "vocabulary", "places"))

    @property
    def host_layer(self) -> HostLayer | None:
        return None if self.invert else self

    def _checked(self, vocabulary: Any) -> list[Any]:
        words = lines_of(vocabulary) if isinstance(vocabulary, str) else vocabulary
        return texts(words, f"{self.title}: vocabulary", self.encoding).flat

    def _flat(self, batch: Any) -> tuple[list[Any], tuple[int, ...]]:
        return texts(batch, f"{self.title}: the data", self.encoding)

    def __call__(self, *inputs: Any, training: bool | None = None, **named: Any) -> Any:
        if not self.invert or len(inputs) != 1 or named:
            return super().__call__(*inputs, training=training, **named)
        words, start = self.known_tokens(), self.start
        flat, shape = integers(inputs[0], self.title)
        found = [words[i - start] if start <= i < start + len(words) else self.oov_token for i in flat]
        if self.mask_token is not None:
            found = [self.mask_token if i == 0 else word for i, word in zip(flat, found, strict=True)]
        return as_words(found, shape)

    def encoded(self, value: Any) -> Any:
        known = {word: i for i, word in enumerate(self.known_tokens(), self.start)}
        if self.mask_token is not None:
            known[self.mask_token] = 0 if self.output_mode == "int" else -1
        flat, shape = texts(value, self.title, self.encoding)
        found = [known[word] if word in known else self._outside(word) for word in flat]
        return self._indicated(ag.tensor(found, "int64").reshape(shape), "float32")

    def _outside(self, word: str) -> int:
        if not self.num_oov_indices:
            raise DataError(f"{self.title}: {word!r} is not in the vocabulary, and num_oov_indices is 0")
        if self.num_oov_indices == 1:
            return self.oov_start
        return self.oov_start + bucket(word, self.num_oov_indices, self.salt, self.encoding)


@constructor
class IntegerLookup(Lookup):
    """The index of each whole number in a vocabulary; a float may be one, too.

    Args:
        max_tokens, num_oov_indices, idf_weights, output_mode, pad_to_max_tokens, sparse: as in
            `StringLookup`; of several indices for what is not in the vocabulary, its remainder chooses.
        mask_token: a number whose index is 0, before all others; in other modes than "int" it counts nowhere.
        oov_token: the number for what is not in the vocabulary, from `invert` and in `get_vocabulary`.
        vocabulary: a list, an array, or the path of a text file with a number a line; or `adapt` learns it.
        invert: from indices to numbers.
        vocabulary_dtype: "int64".
        oov_method: "floormod"; "farmhash" is for texts, which tensors are not.
        input_shape, name: as in `Layer`.

    Raises:
        ArgumentError: a number of the vocabulary is not exact in the floating dtype of the input.
        DataError: something is missing, has a fraction, or is no int64; or it is not in the vocabulary, with
            `num_oov_indices=0`. In a program RangeError.

    >>> import nn
    >>> nn.IntegerLookup(vocabulary=[12, 36, 1138])([[12, 7], [1138, 36]]).tolist()
    [[1, 0], [3, 2]]
    """

    mask_token: int | None = argument(INTEGER.or_none(), default=None)
    oov_token: int = argument(INTEGER, default=-1)
    vocabulary_dtype: str = argument(choice("int64"), default="int64")
    oov_method: str = argument(choice("floormod"), default="floormod")

    def _checked(self, vocabulary: Any) -> list[Any]:
        if isinstance(vocabulary, str):
            vocabulary = [int(line) if line.strip("-").isdecimal() else line for line in lines_of(vocabulary)]
        return [INTEGER.checked(self.title, f"vocabulary[{i}]", word) for i, word in enumerate(vocabulary)]

    def _flat(self, batch: Any) -> tuple[list[Any], tuple[int, ...]]:
        flat, shape = integers(batch, f"{self.title}: the data")
        for number in flat:
            if not -(2**63) <= number < 2**63:
                raise DataError(
                    f"{self.title}: the data: holds {number}, which is not a whole number of int64"
                )
        return flat, shape

    def call(self, x: Tensor) -> Tensor:
        words, start = self.known_tokens(), self.start
        if x.dtype.kind == "f" and not self.invert:
            self._check_exact(x.dtype.name)
        numbers = whole_numbers(x, self.title)
        if self.invert:
            table = ag.tensor([*self.get_vocabulary(), self.oov_token], "int64")
            last = start + len(words)
            inside = ag.logical_and(ag.greater_equal(numbers, 0), ag.less(numbers, last))
            return ag.take(table, ag.where(inside, numbers, last), axis=0)
        same = ag.equal(numbers.expand_dims(-1), ag.tensor(words, "int64"))
        found = (same.to("int64") * ag.arange(start, start + len(words))).sum(axis=-1)
        found = ag.where(same.any(axis=-1), found, self._outside(numbers, same))
        if self.mask_token is not None:
            masked = 0 if self.output_mode == "int" else -1
            found = ag.where(ag.equal(numbers, self.mask_token), masked, found)
        return self._indicated(found, floating_of(x))

    def _outside(self, numbers: Tensor, same: Tensor) -> Any:
        """Indices for what is not in the vocabulary."""
        if self.num_oov_indices == 1:
            return self.oov_start
        if self.num_oov_indices:
            return ag.remainder(numbers, self.num_oov_indices) + self.oov_start
        known = same.any(axis=-1)
        if self.mask_token is not None:
            known = ag.logical_or(known, ag.equal(numbers, self.mask_token))
        if known.backend != "trace" and not bool(known.all()):
            raise DataError(f"{self.title}: some numbers are not in the vocabulary, and num_oov_indices is 0")
        # in a program looking it up in a table of one place refuses what is outside
        return ag.take(ag.zeros((1,), "int64"), ag.where(known, 0, 1), axis=0)

    def _check_exact(self, dtype: str) -> None:
        largest = max(map(abs, (*self.known_tokens(), self.mask_token or 0)))
        if largest >= EXACT[dtype]:
            raise ArgumentError(
                f"{self.title}: {largest} is not exact in {dtype}, in which this input comes; look numbers "
                "up before the model, as integers, or give the model dtype='float64'"
            )
