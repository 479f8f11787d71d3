"""Operands of products in bfloat16: matrices rounded and packed into tiles, as their units want them.

A tile is 1 KB: 16 rows or columns of the product ("outer") by 32 terms of its sums. Its element is a pair of
terms that follow each other, in 32 bits. The first operand has a row of pairs for each row of the product,
`[outer][pair]`, the second a row for each pair, `[pair][outer]`. Tiles of the same outer follow each other.
What is missing at the edges is 0. A matrix may lie in memory along either of its axes: pairs are made along
or across vectors, then a tile is turned over if need be.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from ..contract import NAMES, Spec, float32, uint32
from ..program.access import Access
from ..program.ir import Value
from .kernel import Kernel
from .transpose import transposed
from .vectors import VectorValue

OUTER, TERMS = 16, 32
"""What a tile holds."""
TILE = OUTER * TERMS // 2
"""Pairs in a tile."""
_CONVERT = "llvm.x86.avx512bf16.cvtne2ps2bf16.512"
_ACROSS = "<" + ", ".join(f"i32 {i}, i32 {i + OUTER}" for i in range(OUTER)) + ">"


def tiles_along(outer: int) -> int:
    """Tiles for so many rows or columns: one, or an even number, since they are used in twos."""
    count = -(-outer // OUTER)
    return count if count == 1 else count + count % 2


def packed_spec(outer: int, terms: int) -> Spec:
    """What a packed matrix is in memory."""
    return Spec((tiles_along(outer) * -(-terms // TERMS) * TILE,), uint32)


class TilePacking(Kernel):
    """float32 at `source`, with strides for (outer, terms), to tiles at `target`.

    `first` tells whether it is the first operand of products, with a row of pairs for each outer.
    """

    def __init__(
        self, source: Access, target: Value, outer: int, terms: int, first: bool, width: int
    ) -> None:
        super().__init__((source.root, target), width)
        self.source, self.target = self.pointers[source.root], self.pointers[target]
        self.offset, (self.by_outer, self.by_term) = source.offset, source.strides
        self.outer, self.terms, self.first = outer, terms, first
        self.along = self.by_term == 1
        self.code.declare(f"declare <32 x bfloat> @{_CONVERT}(<16 x float>, <16 x float>)")

    def body(self) -> None:
        """Threads share the axis along which memory is not consecutive."""
        rows = (self.outer, tiles_along(self.outer), OUTER)
        terms = (self.terms, -(-self.terms // TERMS), TERMS)
        shared, inner = (rows, terms) if self.along else (terms, rows)
        begin, end = self.share(shared[1], 1)

        def outside(at: VectorValue, count: int) -> None:
            def inside(place: VectorValue, size: int) -> None:
                if self.along:
                    self._tile(at, place, count, size)
                else:
                    self._tile(place, at, size, count)

            self._each(*inner, self.number(0), self.number(inner[1]), inside)

        self._each(*shared, begin, end, outside)

    def _each(
        self,
        extent: int,
        blocks: int,
        size: int,
        begin: VectorValue,
        end: VectorValue,
        body: Callable[[VectorValue, int], None],
    ) -> None:
        """`body` for the blocks from `begin` to `end`, with how much there is: all, a rest, nothing."""
        code, whole = self.code, extent // size
        if whole:

            def one(at: VectorValue, carried: list[VectorValue]) -> list[VectorValue]:
                body(at, size)
                return []

            self.loop(begin, code.intrinsic("smin", end, whole), 1, (), one)
        for number in range(whole, blocks):
            some = code.binary("&", code.compare("<=", begin, number), code.compare(">", end, number))
            left = max(extent - number * size, 0)
            self.when(some, partial(body, self.number(number), left))

    def _tile(self, block: VectorValue, part: VectorValue, outer: int, terms: int) -> None:
        """Tile `part` of those of outer `block`, with so much in it."""
        code = self.code
        row, term = code.binary("*", block, OUTER), code.binary("*", part, TERMS)
        corner = code.binary("+", code.binary("*", row, self.by_outer), code.binary("*", term, self.by_term))
        pairs = self._along(corner, outer, terms) if self.along else self._across(corner, outer, terms)
        if self.along != self.first:
            pairs = transposed(code, pairs)
        tiles = -(-self.terms // TERMS)
        at = code.binary("*", code.binary("+", code.binary("*", block, tiles), part), TILE)
        for k, vector in enumerate(pairs):
            code.store(vector, code.at(self.target, code.binary("+", at, k * OUTER), uint32), uint32, OUTER)

    def _along(self, corner: VectorValue, outer: int, terms: int) -> list[VectorValue]:
        """A vector of pairs for each outer, whose terms follow each other in memory."""
        low, high = min(terms, OUTER), max(terms - OUTER, 0)
        places = [i * self.by_outer for i in range(OUTER)]
        return [
            self._pairs(self._load(corner, place, low), self._load(corner, place + OUTER, high))
            if i < outer and terms
            else self._zero()
            for i, place in enumerate(places)
        ]

    def _across(self, corner: VectorValue, outer: int, terms: int) -> list[VectorValue]:
        """A vector for each pair of terms, of outers that follow each other in memory."""
        vectors = []
        for k in range(0, TERMS, 2):
            low, high = (
                self._load(corner, (k + n) * self.by_term, outer if k + n < terms else 0) for n in (0, 1)
            )
            vectors.append(self._pairs(low, high, mixed=True) if outer and k < terms else self._zero())
        return vectors

    def _load(self, corner: VectorValue, place: int, active: int) -> VectorValue:
        code = self.code
        if not active:
            return code.constant(0, NAMES[float32], OUTER)
        address = code.at(self.source, code.binary("+", corner, place + self.offset), float32)
        return code.load(address, float32, active)

    def _zero(self) -> VectorValue:
        return self.code.constant(0, NAMES[uint32], OUTER)

    def _pairs(self, low: VectorValue, high: VectorValue, mixed: bool = False) -> VectorValue:
        """Both rounded to bfloat16; pairs are neighbours, or `mixed`, each of `low` with its like."""
        code = self.code
        given = f"<16 x float> {high.name}, <16 x float> {low.name}"
        halves = code.put(f"call <32 x bfloat> @{_CONVERT}({given})", "float32", OUTER).name
        if mixed:
            halves = code.put(
                f"shufflevector <32 x bfloat> {halves}, <32 x bfloat> poison, <32 x i32> {_ACROSS}",
                "float32",
                OUTER,
            ).name
        return code.put(f"bitcast <32 x bfloat> {halves} to <16 x i32>", "uint32", OUTER)
