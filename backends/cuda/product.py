"""Small matrix products: tiles of 32 by 32 through shared memory, with the
arithmetic that follows done on the sums.

Sums of few terms are four a thread, in the order of the terms. Where there are more, each of eight
warps takes every eighth term for the whole tile, 32 sums a thread, which reads shared memory a third
as often; the warps are joined in a fixed order. So the result does not depend on the device. Where
cuBLAS gets going (`lower`), this is not used.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from ..program.access import Access
from ..program.ir import Value
from ..program.nest import Nest, counts_of, runs_of
from .kernel import THREADS, Axes, Draw, Kernel, Writer
from .scalar import TYPES

TILE = 32
_PITCH = TILE + 1
"""Numbers from one line of shared memory to the next: those below each other lie in different banks."""
_LINES = THREADS // TILE
_ALONE = 32
"""Terms up to which a thread adds up its sums alone."""
_CHUNK = {4: 64, 8: 32}
"""Terms that lie in shared memory at once, by the size of a number."""
_DOWN, _ALONG = 4, 8
"""The part of a tile whose sums a thread holds where warps share the terms: rows and columns."""
_JOINS = {4: ((4, 4, 0), (2, 2, 0), (1, 1, 0)), 8: ((6, 2, 2), (4, 2, 0), (2, 2, 0), (1, 1, 0))}
"""(from this warp on, so many, to those from this one on): what is joined after one another, by the size of a
number. Shared memory holds the sums of four warps of floats, of two of doubles."""
_BLOCKS = 65535


class Product:
    """The kernel of a `product` group.

    Args:
        nest: the group with what its epilogue reads and writes.
        a: the first operand, with a stride for each axis of (batch ..., rows, terms).
        b: the second operand: (batch ..., terms, columns).
        terms: of each sum.
        draws: operands of the epilogue that are random bits.
    """

    def __init__(
        self, nest: Nest, a: Access, b: Access, terms: int, draws: Mapping[Value, Draw] | None = None
    ) -> None:
        self.nest, self.group, self.a, self.b = nest, nest.group, a, b
        *batch, rows, columns = self.group.domain
        self.size = (rows, columns, terms)
        self.count = max(math.prod(batch), 1)
        self.writer = writer = Writer(draws=draws)
        self.counts, inner = counts_of(nest), runs_of(nest)
        self.outer = Axes(writer, batch, [a.strides[:-2], b.strides[:-2], *(r[:-2] for r in inner)])
        for run, sizes in (
            (a.strides, (rows, terms)),
            (b.strides, (terms, columns)),
            *((r, (rows, columns)) for r in inner),
        ):
            writer.reaches(sizes, run[-2:])

    def kernel(self, name: str = "product") -> Kernel:
        writer = self.writer
        rows, columns, terms = self.size
        self.m, self.n, self.k = (writer.integer(x) for x in self.size)
        self.outer.declare()
        kind = TYPES[self.a.dtype]
        writer.line(f"{kind} *left = ({kind}*)scratch();")
        writer.line(f"const I x = (I)threadIdx.x % {TILE}, y = (I)threadIdx.x / {TILE};")
        writer.line(f"const I tiles = ({self.n} + {TILE - 1}) / {TILE};")
        writer.open(
            f"for (I tile = (I)blockIdx.x; tile < ({self.m} + {TILE - 1}) / {TILE} * tiles; tile += "
            "(I)gridDim.x)"
        )
        writer.line(f"const I row = tile / tiles * {TILE}, column = tile % tiles * {TILE};")
        writer.open(
            f"for (I batch = (I)blockIdx.y; batch < {writer.integer(self.count)}; batch += (I)gridDim.y)"
        )
        self.places = self.outer.find("batch", "b")
        for operand, access in (("from_a", self.a), ("from_b", self.b)):
            writer.line(
                f"const {kind}* {operand} = {writer.pointer(access)} + "
                f"{self.outer.offset(self.places, access.strides[:-2])};"
            )
        total = self._sums_alone(kind) if terms <= _ALONE else self._sums_of_warps(kind)
        writer.line("#pragma unroll")
        writer.open("for (int j = 0; j < 4; ++j)")
        writer.line(f"const I r = row + y + j * {_LINES}, c = column + x;")
        writer.line(f"if (r >= {self.m} || c >= {self.n}) continue;")
        self._epilogue(total)
        writer.close()
        writer.close()
        writer.close()
        blocks = -(-rows // TILE) * -(-columns // TILE)
        return writer.kernel(name, (blocks, min(self.count, _BLOCKS)))

    def _fill(self, chunk: int) -> None:
        """`chunk` terms of both operands into shared memory, zeros where there are none: term by
        term, so that number r of term t of the first one is `left[t * pitch + r]`. Neighbouring
        threads read neighbours.
        """
        writer = self.writer
        writer.line("// what was there is read by all")
        writer.line("__syncthreads();")
        sides = (("left", "from_a", "row", self.m, self.a.strides[-2:]),
                 ("right", "from_b", "column", self.n, self.b.strides[-2:][::-1]))  # fmt: skip
        for name, source, first, most, (outer, term) in sides:
            by_term = term == 1 or outer != 1
            steps = [writer.integer(s) for s in (outer, term)]
            writer.line("#pragma unroll")
            writer.open(f"for (int i = (int)threadIdx.x; i < {chunk * TILE}; i += {THREADS})")
            places = (f"i % {chunk}", f"i / {chunk}") if by_term else (f"i / {TILE}", f"i % {TILE}")
            writer.line(f"const int t = {places[0]}, o = {places[1]};")
            writer.line(
                f"{name}[t * {_PITCH} + o] = {first} + o < {most} && start + t < {self.k} ? "
                f"{source}[({first} + o) * {steps[0]} + (start + t) * {steps[1]}] : 0;"
            )
            writer.close()
        writer.line("__syncthreads();")
        writer.line(f"const int most = {self.k} - start < {chunk} ? (int)({self.k} - start) : {chunk};")

    def _sums_alone(self, kind: str) -> str:
        """Four sums of each thread, over all terms."""
        writer = self.writer
        writer.line(f"{kind}* right = left + {_ALONE * _PITCH};")
        writer.line(f"{kind} sums[4] = {{0, 0, 0, 0}};")
        writer.open(f"for (I start = 0; start < {self.k}; start += {_ALONE})")
        self._fill(_ALONE)
        writer.open("for (int t = 0; t < most; ++t)")
        writer.line("#pragma unroll")
        writer.line(
            f"for (int j = 0; j < 4; ++j) sums[j] = fma(left[t * {_PITCH} + y + j * {_LINES}], "
            f"right[t * {_PITCH} + x], sums[j]);"
        )
        writer.close()
        writer.close()
        return "sums[j]"

    def _sums_of_warps(self, kind: str) -> str:
        """The sums of a tile over every eighth term by each warp, then joined in shared memory."""
        writer, size = self.writer, self.a.dtype.itemsize
        chunk, warps = _CHUNK[size], THREADS // 32
        writer.line(f"{kind}* right = left + {chunk * _PITCH};")
        writer.line(f"const int down = (int)x / {TILE // _ALONG} * {_DOWN};")
        writer.line(f"const int along = (int)x % {TILE // _ALONG} * {_ALONG};")
        writer.line(f"{kind} sums[{_DOWN}][{_ALONG}] = {{{{0}}}};")
        writer.open(f"for (I start = 0; start < {self.k}; start += {chunk})")
        self._fill(chunk)
        writer.open(f"for (int t = (int)y; t < most; t += {warps})")
        for name, side, first, count in (("a", "left", "down", _DOWN), ("b", "right", "along", _ALONG)):
            writer.line(f"{kind} {name}[{count}];")
            writer.line("#pragma unroll")
            writer.line(f"for (int i = 0; i < {count}; ++i) {name}[i] = {side}[t * {_PITCH} + {first} + i];")
        self._each("sums[j][i] = fma(a[j], b[i], sums[j][i]);")
        writer.close()
        writer.close()
        for source, count, target in _JOINS[size]:
            writer.line("__syncthreads();")
            self._each(
                self._shared(f"y - {source}", "= sums[j][i]"),
                f"if (y >= {source} && y < {source + count}) ",
            )
            writer.line("__syncthreads();")
            self._each(
                f"sums[j][i] += {self._shared(f'y - {target}')}",
                f"if (y >= {target} && y < {target + count}) ",
            )
        writer.line("__syncthreads();")
        self._each(self._shared("y", "= sums[j][i]"), "if (y == 0) ")
        writer.line("__syncthreads();")
        # thread x of line y wants the sum of row y + 8 j and of column x of the tile
        at = f"(y + j * {_LINES})"
        lane = f"{at} / {_DOWN} * {TILE // _ALONG} + x / {_ALONG}"
        return f"left[({at} % {_DOWN} * {_ALONG} + x % {_ALONG}) * {_PITCH} + {lane}]"

    def _shared(self, warp: str, what: str = "") -> str:
        """The place of sum (j, i) of this lane among those of a warp."""
        place = f"({warp}) * {TILE * _PITCH} + (j * {_ALONG} + i) * {_PITCH} + x"
        return f"left[{place}]{' ' if what else ''}{what};"

    def _each(self, text: str, where: str = "") -> None:
        """For each sum of a thread that shares a tile with its warp."""
        writer = self.writer
        writer.open(where.strip())
        writer.line("#pragma unroll")
        writer.line(f"for (int j = 0; j < {_DOWN}; ++j)")
        writer.line("#pragma unroll")
        writer.line(f"for (int i = 0; i < {_ALONG}; ++i) {text}")
        writer.close()

    def _epilogue(self, total: str) -> None:
        """What is done with the sum at row r and column c."""
        writer, head = self.writer, self.group.head
        assert head is not None
        writer.define(head.result, total)
        for value, access in self.nest.reads.items():
            writer.load(value, access, self._place(access.strides))
        for step in self.group.steps:
            counted = self.counts.get(step.result)
            writer.step(step, "" if counted is None else f"({self._place(counted)})")
        for value, access in self.nest.writes.items():
            writer.store(value, access, self._place(access.strides))

    def _place(self, run: Sequence[int]) -> str:
        terms = [self.outer.offset(self.places, run[:-2])]
        terms += [
            name if s == 1 else f"{name} * {self.writer.integer(s)}"
            for name, s in zip("rc", run[-2:], strict=True)
            if s
        ]
        return " + ".join(t for t in terms if t != "0") or "0"
