"""Products of bfloat16 from packed tiles, by AMX or AVX512_BF16, with what follows in float32.

A block of the result is 32 by 32: two tiles of each operand and four of sums. Each sum runs over all terms in
their order, whichever thread has the block, so results do not depend on how many threads there are. The units
take subnormal numbers for 0.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence

from ..contract import float32, uint32
from ..program.access import Access
from ..program.ir import Value
from ..program.nest import Nest
from .product import Product
from .tile_packing import OUTER, TERMS, TILE, tiles_along
from .units import AMX, DOT
from .vectors import VectorValue

_BLOCK = 2 * OUTER
_NEAR_BYTES = 1_000_000
"""So much of the second operand stays in the caches of a core while the first passes by."""
_LEAST_STRIPS = 32
"""A product is cut into so many strips, where it can be, so that threads get equal shares."""
_PAIR = 4
"""Bytes of a pair."""


class TileProduct(Product):
    """A product of packed operands; `terms` is how many there are before packing."""

    ROWS: int
    """Rows whose sums are in registers when what follows is done."""

    def __init__(
        self, nest: Nest, a: Access, b: Access, terms: int, roots: Sequence[Value], width: int
    ) -> None:
        super().__init__(nest, a, b, terms, roots, width)
        self.first, self.second = self.pointers[a.root], self.pointers[b.root]
        self.tiles = -(-terms // TERMS)
        self.panels = min(tiles_along(self.rows), 2), min(tiles_along(self.columns), 2)

    def body(self) -> None:
        """A thread takes strips: blocks side by side, so that memory is walked as it lies."""
        code = self.code
        self.place = 0
        self.begin()
        self.prepare()
        down, across = -(-self.rows // _BLOCK), -(-self.columns // _BLOCK)
        size = max(1, min(across, _NEAR_BYTES // (_BLOCK * TERMS // 2 * _PAIR * self.tiles)))
        while size > 1 and down * -(-across // size) < _LEAST_STRIPS:
            size = -(-size // 2)
        begin, end = self.share(down * -(-across // size), 1)

        def one(number: VectorValue, carried: list[VectorValue]) -> list[VectorValue]:
            left = code.binary("*", code.put(f"udiv i64 {number.name}, {down}", "int64"), size)
            row = code.put(f"urem i64 {number.name}, {down}", "int64")
            self.strip(row, left, code.intrinsic("smin", code.binary("+", left, size), across))
            return []

        self.loop(begin, end, 1, (), one)
        self.finish()

    def prepare(self) -> None:
        """What a thread does before its first block."""

    def finish(self) -> None:
        """What a thread does after its last block."""

    @abstractmethod
    def strip(self, down: VectorValue, left: VectorValue, right: VectorValue) -> None:
        """The blocks from `left` to `right`, `down` so many, with what follows."""

    def follow(self, down: VectorValue, across: VectorValue) -> None:
        """What follows the sums of a block, with masks in the last columns."""
        code = self.code
        rest = self.columns % _BLOCK
        whole = [self.width] * 2
        left = [min(self.width, rest - k) for k in range(0, rest, self.width)]
        if not rest or self.columns < _BLOCK:
            self._rows(down, across, left or whole)
            return
        is_last = code.compare("==", across, self.columns // _BLOCK)
        self.when(is_last, lambda: self._rows(down, across, left))
        self.when(code.invert(is_last), lambda: self._rows(down, across, whole))

    def _rows(self, down: VectorValue, across: VectorValue, actives: list[int]) -> None:
        """What follows, for the rows that there are of a block."""
        code, step = self.code, self.ROWS
        top, column = code.binary("*", down, _BLOCK), code.binary("*", across, _BLOCK)
        there = code.intrinsic("smin", code.binary("-", self.rows, top), _BLOCK)

        def some(row: VectorValue, rows: int) -> None:
            sums = self.sums(down, across, row, rows, len(actives))
            self._epilogue(sums, code.binary("+", top, row), rows, column, actives)

        def whole(row: VectorValue, carried: list[VectorValue]) -> list[VectorValue]:
            some(row, step)
            return []

        if self.rows >= step:
            self.loop(self.number(0), code.binary("&", there, -step), step, (), whole)
        if self.rows % step:
            last = code.compare("==", down, self.rows // _BLOCK)
            place = self.number(self.rows % _BLOCK // step * step)
            self.when(last, lambda: some(place, self.rows % step))

    @abstractmethod
    def sums(
        self, down: VectorValue, across: VectorValue, row: VectorValue, rows: int, panels: int
    ) -> list[VectorValue]:
        """The sums of `rows` rows of a block from its `row` on, a vector for each panel of its columns."""

    def address(self, pointer: str, block: VectorValue, panel: int, part: VectorValue | int) -> str:
        """The address of tile `part` of a panel of a block."""
        code = self.code
        number = code.binary("+", code.binary("*", block, 2), panel)
        at = code.binary("+", code.binary("*", number, self.tiles), part)
        return code.at(pointer, code.binary("*", at, TILE), uint32)


class AmxProduct(TileProduct):
    """By tiles: the sums of a block stay in four registers of 16 by 16, then go through memory."""

    ROWS = 4
    _SETTING = (
        1,
        0,
        0,
        0,
        *(64 << 16 | 64,) * 4,
        0,
        0,
        0,
        0,
        *(16 << 24 | 16 << 16 | 16 << 8 | 16,) * 2,
        0,
        0,
    )
    """Eight registers of 16 rows with 64 bytes."""

    def prepare(self) -> None:
        """Registers for tiles, and memory for a block."""
        code = self.code
        setting = code.put("alloca <16 x i32>, align 64", "uint64").name
        self.block_sums = code.put(f"alloca [{_BLOCK * _BLOCK} x float], align 64", "uint64").name
        numbers = ", ".join(f"i32 {n}" for n in self._SETTING)
        code.line(f"store <16 x i32> <{numbers}>, ptr {setting}, align 64")
        self._do("ldtilecfg", f"ptr {setting}")

    def finish(self) -> None:
        self._do("tilerelease")

    def _do(self, name: str, *given: str) -> None:
        """An instruction on tiles."""
        kinds = ", ".join(g.split()[0] for g in given)
        self.code.declare(f"declare void @llvm.x86.{name}({kinds})")
        self.code.line(f"call void @llvm.x86.{name}({', '.join(given)})")

    def strip(self, down: VectorValue, left: VectorValue, right: VectorValue) -> None:
        """While tiles of a block are multiplied, what follows the block before goes on beside them."""
        code = self.code
        high, wide = self.panels
        places = [(i, k) for i in range(high) for k in range(wide)]

        def block(across: VectorValue, carried: list[VectorValue]) -> list[VectorValue]:
            more = code.compare("<", across, right)
            self.when(more, lambda: self._multiply(down, across, places))
            before = code.binary("-", across, 1)
            self.when(code.compare(">", across, left), lambda: self.follow(down, before))
            self.when(more, lambda: self._store(places))
            return []

        self.loop(left, code.binary("+", right, 1), 1, (), block)

    def _multiply(self, down: VectorValue, across: VectorValue, places: list[tuple[int, int]]) -> None:
        """The sums of a block, in registers."""
        for i, k in places:
            self._do("tilezero", f"i8 {2 * i + k}")
        high, wide = self.panels

        def part(number: VectorValue, carried: list[VectorValue]) -> list[VectorValue]:
            for first, pointer, block, count in ((4, self.first, down, high), (6, self.second, across, wide)):
                for panel in range(count):
                    at = self.address(pointer, block, panel, number)
                    self._do("tileloadd64", f"i8 {first + panel}", f"ptr {at}", f"i64 {OUTER * _PAIR}")
            for i, k in places:
                self._do("tdpbf16ps", f"i8 {2 * i + k}", f"i8 {4 + i}", f"i8 {6 + k}")
            return []

        self.loop(self.number(0), self.number(self.tiles), 1, (), part)

    def _store(self, places: list[tuple[int, int]]) -> None:
        for i, k in places:
            at = self.code.at(self.block_sums, OUTER * (_BLOCK * i + k), float32)
            self._do("tilestored64", f"i8 {2 * i + k}", f"ptr {at}", f"i64 {_BLOCK * float32.itemsize}")

    def sums(
        self, down: VectorValue, across: VectorValue, row: VectorValue, rows: int, panels: int
    ) -> list[VectorValue]:
        code = self.code
        start = code.binary("*", row, _BLOCK)
        places = [_BLOCK * i + OUTER * k for i in range(rows) for k in range(panels)]
        return [
            code.load(code.at(self.block_sums, code.binary("+", start, p), float32), float32, OUTER)
            for p in places
        ]


class DotProduct(TileProduct):
    """By vectors: a pair of the first operand in every lane, times a row of pairs of the second."""

    ROWS = 8
    _DOT = "llvm.x86.avx512bf16.dpbf16ps.512"

    def strip(self, down: VectorValue, left: VectorValue, right: VectorValue) -> None:
        """Sums are made where they are asked for."""

        def block(across: VectorValue, carried: list[VectorValue]) -> list[VectorValue]:
            self.follow(down, across)
            return []

        self.loop(left, right, 1, (), block)

    def sums(
        self, down: VectorValue, across: VectorValue, row: VectorValue, rows: int, panels: int
    ) -> list[VectorValue]:
        code = self.code
        code.declare(f"declare <16 x float> @{self._DOT}(<16 x float>, <32 x bfloat>, <32 x bfloat>)")
        upper = code.put(f"lshr i64 {row.name}, {OUTER.bit_length() - 1}", "int64")
        first = code.binary("+", code.binary("*", down, 2), upper)
        a = code.binary("*", first, self.tiles * TILE)
        a = code.binary("+", a, code.binary("*", code.binary("&", row, OUTER - 1), OUTER))
        b = [self.address(self.second, across, k, 0) for k in range(panels)]
        zero = code.constant(0, "float32", OUTER)

        def part(number: VectorValue, carried: list[VectorValue]) -> list[VectorValue]:
            sums, tile = list(carried), code.binary("*", number, TILE)
            own = code.at(self.first, code.binary("+", a, tile), uint32)
            for pair in range(OUTER):
                lines = [self._line(code.at(p, code.binary("+", tile, pair * OUTER), uint32)) for p in b]
                for i in range(rows):
                    number_of = code.load(code.at(own, i * OUTER + pair, uint32), uint32)
                    left = self._halves(code.spread(number_of, OUTER))
                    for k, line in enumerate(lines):
                        at = i * panels + k
                        given = f"<16 x float> {sums[at].name}, <32 x bfloat> {left}, <32 x bfloat> {line}"
                        sums[at] = code.put(f"call <16 x float> @{self._DOT}({given})", "float32", OUTER)
            return sums

        return self.loop(self.number(0), self.number(self.tiles), 1, [zero] * (rows * panels), part)

    def _line(self, address: str) -> str:
        return self._halves(self.code.load(address, uint32, OUTER))

    def _halves(self, pairs: VectorValue) -> str:
        return self.code.put(f"bitcast <16 x i32> {pairs.name} to <32 x bfloat>", "uint32", OUTER).name


KERNELS: dict[str, type[TileProduct]] = {AMX: AmxProduct, DOT: DotProduct}
"""By the unit that multiplies."""
