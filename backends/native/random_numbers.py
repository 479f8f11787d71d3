"""Random bits: a kernel that draws them, each thread its own part."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from ..philox import MULTIPLIERS, WEYL
from ..program.ir import Value
from .kernel import UNIT, Kernel
from .vectors import VectorValue

_ROUNDS = 10
_WORD = 0xFFFFFFFF


class RandomBits(Kernel):
    """Philox-4x32-10, the bits of `backends.philox.random_bits`: as many blocks of
    four words at once as there are lanes.

    `length` holds how many words there are, where the shape of the result does not say it.
    """

    def __init__(
        self, key: Value, counter: Value, result: Value, width: int, length: Value | None = None
    ) -> None:
        super().__init__([v for v in (key, counter, result, length) if v is not None], width)
        self.length = None if length is None else self.pointers[length]
        self.key, self.counter, self.result = (self.pointers[v] for v in (key, counter, result))
        self.shape = result.spec.shape

    @staticmethod
    def by_rows(shape: Sequence[int], width: int) -> bool:
        """Whether the rows of a thread are whole groups of blocks."""
        return len(shape) > 1 and math.prod(shape[1:]) * UNIT % (4 * width) == 0

    def body(self) -> None:
        code, group = self.code, 4 * self.width
        if self.length is not None:
            self._between(self.number(0), code.load(self.length, np.dtype(np.int64)))
            return
        if self.by_rows(self.shape, self.width):
            length = math.prod(self.shape[1:])
            begin, end = (code.binary("*", bound, length) for bound in self.share(self.shape[0]))
        else:
            begin, end = (
                code.binary("*", b, group) for b in self.share(-(-math.prod(self.shape) // group), 1)
            )
        self._between(begin, end)

    def _between(self, begin: VectorValue, end: VectorValue) -> None:
        """The words from number `begin` to `end`, or a few more."""
        code, group = self.code, 4 * self.width
        word = np.dtype(np.uint64)
        key, stream = code.load(self.key, word), code.load(self.counter, word)
        keys = [code.binary("&", key, _WORD), code.binary(">>", key, 32)]
        streams = [
            code.spread(w, self.width)
            for w in (code.binary("&", stream, _WORD), code.binary(">>", stream, 32))
        ]
        schedule = [
            [
                code.spread(code.binary("&", code.binary("+", k, round_ * weyl), _WORD), self.width)
                for k, weyl in zip(keys, WEYL, strict=True)
            ]
            for round_ in range(_ROUNDS)
        ]

        def blocks(first: VectorValue, carried: list[VectorValue]) -> list[VectorValue]:
            start = code.put(f"lshr i64 {first.name}, 2", "uint64")
            numbers = code.binary(
                "+", code.spread(start, self.width), code.lane_numbers()._replace(dtype="uint64")
            )
            words = self._rounds(numbers, streams, schedule)
            self._store(words, first)
            return []

        self.loop(begin, end, group, (), blocks)

    def _rounds(
        self, numbers: VectorValue, streams: list[VectorValue], schedule: list[list[VectorValue]]
    ) -> list[VectorValue]:
        code = self.code
        # only the low words count; products ignore what stands above, and so does the store
        c0, c1 = numbers, code.binary(">>", numbers, 32)
        c2, c3 = streams
        for k0, k1 in schedule:
            first, second = (
                code.binary("*", code.binary("&", c0, _WORD), MULTIPLIERS[0]),
                code.binary("*", code.binary("&", c2, _WORD), MULTIPLIERS[1]),
            )
            c0, c1, c2, c3 = (
                code.binary("^", code.binary("^", self._high(second), c1), k0),
                second,
                code.binary("^", code.binary("^", self._high(first), c3), k1),
                first,
            )
        return [c0, c1, c2, c3]

    def _high(self, x: VectorValue) -> VectorValue:
        """The high words in the low places; a shuffle runs beside the
        products, a shift would wait for them.
        """
        code, width = self.code, self.width
        halves = f"<{2 * width} x i32>"
        split = code.put(f"bitcast {x.type} {x.name} to {halves}", "uint32", 2 * width)
        order = ", ".join(f"i32 {i | 1}" for i in range(2 * width))
        moved = code.put(
            f"shufflevector {halves} {split.name}, {halves} poison, {halves} <{order}>", "uint32", 2 * width
        )
        return code.put(f"bitcast {halves} {moved.name} to {x.type}", x.dtype, width)

    def _store(self, words: list[VectorValue], first: VectorValue) -> None:
        """The words of a block lie one after the other."""
        code, width = self.code, self.width
        narrow = [code.cast(w, "uint32") for w in words]
        pairs = [self._interleaved(narrow[0], narrow[2]), self._interleaved(narrow[1], narrow[3])]
        all_words = self._interleaved(*pairs)
        address = code.at(self.result, first, np.dtype(np.uint32))
        code.line(f"store <{4 * width} x i32> {all_words.name}, ptr {address}, align 4")

    def _interleaved(self, a: VectorValue, b: VectorValue) -> VectorValue:
        size = a.lanes
        order = ", ".join(f"i32 {i // 2 + (i % 2) * size}" for i in range(2 * size))
        return self.code.put(
            f"shufflevector {a.type} {a.name}, {b.type} {b.name}, <{2 * size} x i32> <{order}>",
            "uint32",
            2 * size,
        )
