"""The order of 64-bit keys, by radix: what shuffles the rows of an epoch.

Eight passes of a stable counting sort, a byte each, from the lowest. Keys and places move together between
two pairs of arrays; after an even number of passes they are back where they began.
"""

from __future__ import annotations

import numpy as np

from ..program.ir import Value
from .indexing import fill
from .kernel import Kernel
from .vectors import VectorValue

_WORD = np.dtype(np.uint64)
_PLACE = np.dtype(np.int64)
_DIGITS = 256


class Order(Kernel):
    """result = argsort(keys), stable, for one axis of uint64; `scratch` holds the counts and 3 n words.

    `length` holds n, where the shape of the keys does not say it.
    """

    def __init__(
        self, keys: Value, result: Value, scratch: Value, width: int, length: Value | None = None
    ) -> None:
        super().__init__([v for v in (keys, result, scratch, length) if v is not None], width)
        self.keys, self.result, self.scratch = (self.pointers[v] for v in (keys, result, scratch))
        self.given = None if length is None else self.pointers[length]
        self.end = self.number(0 if length is not None else keys.spec.shape[0])

    @staticmethod
    def scratch_size(length: int) -> int:
        """Words of scratch memory."""
        return 3 * length + _DIGITS

    def body(self) -> None:
        self.when(self.code.compare("==", VectorValue("%part", "int64"), 0), self._sort)

    def _sort(self) -> None:
        code = self.code
        if self.given is not None:
            self.end = code.load(self.given, _PLACE)
        counts, own = self.scratch, code.at(self.scratch, _DIGITS, _WORD)
        other_keys = code.at(own, self.end, _WORD)
        other_places = code.at(other_keys, self.end, _WORD)

        def begin(i: VectorValue, carried: list[VectorValue]) -> list[VectorValue]:
            code.store(code.load(code.at(self.keys, i, _WORD), _WORD), code.at(own, i, _WORD), _WORD)
            code.store(i, code.at(self.result, i, _PLACE), _PLACE)
            return []

        self.loop(self.number(0), self.end, 1, (), begin)
        pairs = [(own, self.result), (other_keys, other_places)]
        for digit in range(8):
            self._pass(*pairs[digit % 2], *pairs[1 - digit % 2], counts, 8 * digit)

    def _pass(self, keys: str, places: str, to_keys: str, to_places: str, counts: str, shift: int) -> None:
        """Distribute by one byte."""
        code, end = self.code, self.end
        fill(self, counts, 8 * _DIGITS)

        def bucket(i: VectorValue) -> tuple[VectorValue, str]:
            key = code.load(code.at(keys, i, _WORD), _WORD)
            digit = code.binary("&", code.binary(">>", key, shift), _DIGITS - 1)
            return key, code.at(counts, digit, _PLACE)

        def count(i: VectorValue, carried: list[VectorValue]) -> list[VectorValue]:
            _, at = bucket(i)
            code.store(code.binary("+", code.load(at, _PLACE), 1), at, _PLACE)
            return []

        def add_up(i: VectorValue, carried: list[VectorValue]) -> list[VectorValue]:
            at = code.at(counts, i, _PLACE)
            here = code.load(at, _PLACE)
            code.store(carried[0], at, _PLACE)
            return [code.binary("+", carried[0], here)]

        def move(i: VectorValue, carried: list[VectorValue]) -> list[VectorValue]:
            key, at = bucket(i)
            target = code.load(at, _PLACE)
            code.store(code.binary("+", target, 1), at, _PLACE)
            code.store(key, code.at(to_keys, target, _WORD), _WORD)
            code.store(
                code.load(code.at(places, i, _PLACE), _PLACE), code.at(to_places, target, _PLACE), _PLACE
            )
            return []

        self.loop(self.number(0), end, 1, (), count)
        self.loop(self.number(0), self.number(_DIGITS), 1, [self.number(0)], add_up)
        self.loop(self.number(0), end, 1, (), move)
