"""Keras's datasets under its names and with its arguments, from the files that Keras leaves in its cache."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..arguments import COUNT, COUNT_OR_ZERO, INTEGER, SHARE, choice
from ..errors import ArgumentError, DataError
from .files import arrays_of, checked, found, unpickled
from .shipped import Array, Split

STORE = "https://storage.googleapis.com/tensorflow/tf-keras-datasets/"
SPLIT_NAMES = ("x_train", "y_train", "x_test", "y_test")


class MNIST:
    """70,000 handwritten digits of 28 x 28 pixels; `mnist.npz`."""

    def load_data(self, path: str = "mnist.npz") -> Split:
        """Images (60000, 28, 28) and (10000, 28, 28) of uint8, and the digits.

        Raises:
            FileNotFoundError: Keras's file is not there.
        """
        place = found("mnist", path, f"{STORE}mnist.npz", "digits")
        x, y, x_test, y_test = arrays_of(place, *SPLIT_NAMES)
        checked(place, dict(zip(SPLIT_NAMES, (x, y, x_test, y_test), strict=True)), (28, 28), 10)
        return (x, y), (x_test, y_test)


class FashionMNIST:
    """70,000 pictures of clothes of 28 x 28 pixels; four files in `fashion-mnist`."""

    def load_data(self) -> Split:
        """Images (60000, 28, 28) and (10000, 28, 28) of uint8, and ten classes.

        Raises:
            FileNotFoundError: one of Keras's files is not there.
        """
        held = []
        for part in ("train", "t10k"):
            images, labels = (
                self._bytes(f"{part}-{what}-ubyte.gz") for what in ("images-idx3", "labels-idx1")
            )
            place, data = images
            if (len(data) - 16) % 784 or len(data) < 16:
                raise DataError(f"{place}: {len(data)} bytes are no images of 28 x 28 pixels")
            x = np.frombuffer(data, np.uint8, offset=16).reshape(-1, 28, 28)
            y = np.frombuffer(labels[1], np.uint8, offset=min(8, len(labels[1])))
            checked(place, {"images": x, "labels": y}, (28, 28), 10)
            held.append((x, y))
        return held[0], held[1]

    @staticmethod
    def _bytes(name: str) -> tuple[Path, bytes]:
        place = found("fashion_mnist", Path("fashion-mnist") / name, f"{STORE}{name}", "digits")
        try:
            return place, gzip.decompress(place.read_bytes())
        except (OSError, EOFError, zlib.error) as error:
            raise DataError(f"{place}: no gzip file: {error}") from error


class CIFAR10:
    """60,000 photographs of 32 x 32 pixels in ten classes; the folder `cifar-10-batches-py-target`."""

    def load_data(self) -> Split:
        """Images (50000, 32, 32, 3) and (10000, 32, 32, 3) of uint8, and classes (n, 1).

        Raises:
            FileNotFoundError: Keras's folder is not there.
        """
        address = "https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz (unpacked)"
        name = Path("cifar-10-batches-py-target") / "cifar-10-batches-py"
        train = [
            _photographs(found("cifar10", name / f"data_batch_{i}", address, "digits"), b"labels", 10)
            for i in range(1, 6)
        ]
        test = _photographs(found("cifar10", name / "test_batch", address, "digits"), b"labels", 10)
        x, y = (np.concatenate(parts) for parts in zip(*train, strict=True))
        return (x, y), test


class CIFAR100:
    """60,000 photographs of 32 x 32 pixels in 100 classes; the folder `cifar-100-python-target`."""

    def load_data(self, label_mode: str = "fine") -> Split:
        """Images (50000, 32, 32, 3) and (10000, 32, 32, 3) of uint8, and classes (n, 1): 100, or 20 "coarse".

        Raises:
            FileNotFoundError: Keras's folder is not there.
        """
        mode = choice("fine", "coarse").checked("datasets.cifar100", "label_mode", label_mode)
        address = "https://www.cs.toronto.edu/~kriz/cifar-100-python.tar.gz (unpacked)"
        name = Path("cifar-100-python-target") / "cifar-100-python"
        train, test = (
            _photographs(
                found("cifar100", name / part, address, "digits"),
                f"{mode}_labels".encode(),
                100 if mode == "fine" else 20,
            )
            for part in ("train", "test")
        )
        return train, test


def _photographs(place: Path, key: bytes, classes: int) -> tuple[Array, Array]:
    held = unpickled(place, place.read_bytes())
    if not isinstance(held, dict) or b"data" not in held or key not in held:
        raise DataError(f"{place}: holds no images with {key.decode()}")
    x, y = np.asarray(held[b"data"]), np.asarray(held[key]).astype(np.uint8).reshape(-1, 1)
    checked(place, {"data": x, "labels": y}, (3072,), classes)
    return x.reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1), y


class _Prices:
    """Rows of numbers with a price each, shuffled as Keras does."""

    name = ""
    features = 0

    def _load(self, path: str, test_split: float, seed: int, rows: int | None) -> Split:
        share = SHARE.checked(f"datasets.{self.name}", "test_split", test_split)
        place = found(self.name, path, f"{STORE}{self.name}.npz", "pima")
        x, y = arrays_of(place, "x", "y")
        checked(place, {"x": x, "y": y}, (self.features,))
        order = _shuffled(min(len(x), rows or len(x)), seed, self.name)
        cut = int(len(order) * (1 - share))
        return (x[order[:cut]], y[order[:cut]]), (x[order[cut:]], y[order[cut:]])


class BostonHousing(_Prices):
    """506 places near Boston, 13 numbers each, and what houses cost; `boston_housing.npz`.

    One of its inputs, B, takes for granted that prices depend on who lives together; better take another.
    """

    name, features = "boston_housing", 13

    def load_data(self, path: str = "boston_housing.npz", test_split: float = 0.2, seed: int = 113) -> Split:
        """Numbers (n, 13) and prices (n,) in thousand dollars.

        Raises:
            FileNotFoundError: Keras's file is not there.
        """
        return self._load(path, test_split, seed, None)


class CaliforniaHousing(_Prices):
    """20,640 districts of California, 8 numbers each, and what houses cost; `california_housing.npz`."""

    name, features = "california_housing", 8

    def load_data(
        self,
        version: str = "large",
        path: str = "california_housing.npz",
        test_split: float = 0.2,
        seed: int = 113,
    ) -> Split:
        """Numbers (n, 8) and prices (n,) in dollars; of the version "small" the first 600 rows.

        Raises:
            FileNotFoundError: Keras's file is not there.
        """
        small = choice("small", "large").checked("datasets.california_housing", "version", version) == "small"
        return self._load(path, test_split, seed, 600 if small else None)


def _shuffled(count: int, seed: int, name: str) -> Array:
    """The order of rows that Keras has with this seed."""
    number = COUNT_OR_ZERO.but(most=2**32 - 1).checked(f"datasets.{name}", "seed", seed)
    order = np.arange(count)
    np.random.RandomState(number).shuffle(order)
    return order


Words = list[list[int]]


TEXT_ARGUMENTS = {
    "num_words": COUNT.or_none(),
    "skip_top": COUNT_OR_ZERO,
    "maxlen": COUNT.or_none(),
    "start_char": INTEGER.or_none(),
    "oov_char": INTEGER.or_none(),
    "index_from": COUNT_OR_ZERO,
}
"""What IMDB's and Reuters's `load_data` take alike, in this order."""


class _Texts:
    """Texts as the numbers of their words, the most frequent word 1."""

    name = ""

    def get_word_index(self, path: str | None = None) -> dict[str, int]:
        """The number of each word, without what `index_from` adds.

        Raises:
            FileNotFoundError: Keras's file is not there.
        """
        name = path or f"{self.name}_word_index.json"
        place = found(self.name, name, f"{STORE}{self.name}_word_index.json", "waves")
        try:
            index = json.loads(place.read_text(encoding="utf-8"))
        except ValueError as error:
            raise DataError(f"{place}: no JSON: {error}") from error
        return {str(word): int(number) for word, number in index.items()}

    def _check(self, *values: int | None) -> None:
        for (name, check), value in zip(TEXT_ARGUMENTS.items(), values, strict=True):
            check.checked(f"datasets.{self.name}", name, value)

    def _begun(self, texts: Any, start_char: int | None, index_from: int) -> Words:
        """Each text moved by `index_from`, behind the number of its start."""
        first = [] if start_char is None else [start_char]
        return [[*first, *(int(word) + index_from for word in text)] for text in texts]

    def _short(self, texts: Words, labels: Array, maxlen: int | None) -> tuple[Words, Array]:
        if not maxlen:
            return texts, labels
        kept = [i for i, text in enumerate(texts) if len(text) < maxlen]
        if not kept:
            raise ArgumentError(f"datasets.{self.name}: no text has fewer than maxlen={maxlen} words")
        return [texts[i] for i in kept], labels[kept]

    def _known(self, texts: Words, num_words: int | None, skip_top: int, oov_char: int | None) -> Words:
        """Words that are too rare or too frequent stand as `oov_char`, or not at all."""
        limit = num_words or max(map(max, texts))
        if oov_char is None:
            return [[word for word in text if skip_top <= word < limit] for text in texts]
        return [[word if skip_top <= word < limit else oov_char for word in text] for text in texts]


def _objects(texts: Sequence[list[int]]) -> Array:
    """An array of lists, also where all are of one length."""
    array = np.empty(len(texts), object)
    array[:] = texts
    return array


class IMDB(_Texts):
    """50,000 reviews of films, and whether they praise; `imdb.npz`."""

    name = "imdb"

    def load_data(
        self,
        path: str = "imdb.npz",
        num_words: int | None = None,
        skip_top: int = 0,
        maxlen: int | None = None,
        seed: int = 113,
        start_char: int | None = 1,
        oov_char: int | None = 2,
        index_from: int = 3,
    ) -> Split:
        """Arrays of lists of words, 25,000 and 25,000, and 1 for praise; arguments as in Keras.

        Raises:
            FileNotFoundError: Keras's file is not there.
        """
        self._check(num_words, skip_top, maxlen, start_char, oov_char, index_from)
        place = found("imdb", path, f"{STORE}imdb.npz", "waves")
        x, y, x_test, y_test = arrays_of(place, *SPLIT_NAMES)
        checked(place, dict(zip(SPLIT_NAMES, (x, y, x_test, y_test), strict=True)), (), 2)
        parts = []
        # as one stream of random numbers in Keras
        stream = np.random.RandomState(
            COUNT_OR_ZERO.but(most=2**32 - 1).checked("datasets.imdb", "seed", seed)
        )
        for texts, labels in ((x, y), (x_test, y_test)):
            order = np.arange(len(texts))
            stream.shuffle(order)
            parts.append(
                self._short(self._begun(texts[order], start_char, index_from), labels[order], maxlen)
            )
        (first, y), (second, y_test) = parts
        all_texts = self._known(first + second, num_words, skip_top, oov_char)
        cut = len(first)
        return (_objects(all_texts[:cut]), y), (_objects(all_texts[cut:]), y_test)


class Reuters(_Texts):
    """11,228 newswires and their 46 topics; `reuters.npz`."""

    name = "reuters"

    def load_data(
        self,
        path: str = "reuters.npz",
        num_words: int | None = None,
        skip_top: int = 0,
        maxlen: int | None = None,
        test_split: float = 0.2,
        seed: int = 113,
        start_char: int | None = 1,
        oov_char: int | None = 2,
        index_from: int = 3,
    ) -> Split:
        """Arrays of lists of words, and the numbers of topics; arguments as in Keras.

        Raises:
            FileNotFoundError: Keras's file is not there.
        """
        self._check(num_words, skip_top, maxlen, start_char, oov_char, index_from)
        share = SHARE.checked("datasets.reuters", "test_split", test_split)
        place = found("reuters", path, f"{STORE}reuters.npz", "waves")
        texts, labels = arrays_of(place, "x", "y")
        checked(place, {"x": texts, "y": labels}, (), 46)
        order = _shuffled(len(texts), seed, "reuters")
        begun = self._begun(texts[order], start_char, index_from)
        kept, labels = self._short(begun, labels[order], maxlen)
        known = self._known(kept, num_words, skip_top, oov_char)
        cut = int(len(known) * (1 - share))
        return (_objects(known[:cut]), labels[:cut]), (_objects(known[cut:]), labels[cut:])


mnist, fashion_mnist, cifar10, cifar100 = MNIST(), FashionMNIST(), CIFAR10(), CIFAR100()
boston_housing, california_housing, imdb, reuters = BostonHousing(), CaliforniaHousing(), IMDB(), Reuters()
