"""Small matrix products: tiles of 32 by 32 through shared memory, with the
arithmetic that follows done on the sums.

Each of 256 threads holds four sums. Terms are added in their order, so the result does not depend on the
device. Where cuBLAS gets going (`lower`), this is not used.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from ..program.access import Access
from ..program.nest import Nest, counts_of, runs_of
from .kernel import THREADS, Axes, Kernel, Writer
from .scalar import TYPES

_TILE = 32
_LINES = THREADS // _TILE
_BLOCKS = 65535


class Product:
    """The kernel of a `product` group.

    Args:
        nest: the group with what its epilogue reads and writes.
        a: the first operand, with a stride for each axis of (batch ..., rows, terms).
        b: the second operand: (batch ..., terms, columns).
        terms: of each sum.
    """

    def __init__(self, nest: Nest, a: Access, b: Access, terms: int) -> None:
        self.nest, self.group, self.a, self.b = nest, nest.group, a, b
        *batch, rows, columns = self.group.domain
        self.size = (rows, columns, terms)
        self.count = max(math.prod(batch), 1)
        self.writer = writer = Writer()
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
        rows, columns, _ = self.size
        self.m, self.n, self.k = (writer.integer(x) for x in self.size)
        self.outer.declare()
        kind = TYPES[self.a.dtype]
        writer.line(
            f"{kind} (*left)[{_TILE} + 1] = ({kind} (*)[{_TILE} + 1])scratch(), (*right)[{_TILE} + 1] = "
            f"left + {_TILE};"
        )
        writer.line(f"const I x = (I)threadIdx.x % {_TILE}, y = (I)threadIdx.x / {_TILE};")
        writer.line(f"const I tiles = ({self.n} + {_TILE - 1}) / {_TILE};")
        writer.open(
            f"for (I tile = (I)blockIdx.x; tile < ({self.m} + {_TILE - 1}) / {_TILE} * tiles; tile += "
            "(I)gridDim.x)"
        )
        writer.line(f"const I row = tile / tiles * {_TILE}, column = tile % tiles * {_TILE};")
        writer.open(
            f"for (I batch = (I)blockIdx.y; batch < {writer.integer(self.count)}; batch += (I)gridDim.y)"
        )
        self.places = self.outer.find("batch", "b")
        self._sum(kind)
        writer.line("#pragma unroll")
        writer.open("for (int j = 0; j < 4; ++j)")
        writer.line(f"const I r = row + y + j * {_LINES}, c = column + x;")
        writer.line(f"if (r >= {self.m} || c >= {self.n}) continue;")
        self._epilogue()
        writer.close()
        writer.close()
        writer.close()
        blocks = -(-rows // _TILE) * -(-columns // _TILE)
        return writer.kernel(name, (blocks, min(self.count, _BLOCKS)))

    def _sum(self, kind: str) -> None:
        """Four sums of each thread."""
        writer, m, n, k = self.writer, self.m, self.n, self.k
        steps = [[writer.integer(s) for s in x.strides[-2:]] for x in (self.a, self.b)]
        for name, access in (("from_a", self.a), ("from_b", self.b)):
            writer.line(
                f"const {kind}* {name} = {writer.pointer(access)} + "
                f"{self.outer.offset(self.places, access.strides[:-2])};"
            )
        writer.line(f"{kind} sums[4] = {{0, 0, 0, 0}};")
        writer.open(f"for (I start = 0; start < {k}; start += {_TILE})")
        writer.line("#pragma unroll")
        writer.open(f"for (int i = y; i < {_TILE}; i += {_LINES})")
        writer.line(
            f"left[i][x] = row + i < {m} && start + x < {k} ? from_a[(row + i) * {steps[0][0]} + (start "
            f"+ x) * {steps[0][1]}] : ({kind})0;"
        )
        writer.line(
            f"right[i][x] = start + i < {k} && column + x < {n} ? from_b[(start + i) * {steps[1][0]} + "
            f"(column + x) * {steps[1][1]}] : ({kind})0;"
        )
        writer.close()
        writer.line("__syncthreads();")
        writer.line("#pragma unroll")
        writer.open(f"for (int t = 0; t < {_TILE}; ++t)")
        writer.line("#pragma unroll")
        writer.line(
            f"for (int j = 0; j < 4; ++j) sums[j] = fma(left[y + j * {_LINES}][t], right[t][x], sums[j]);"
        )
        writer.close()
        writer.line("__syncthreads();")
        writer.close()

    def _epilogue(self) -> None:
        """What is done with the sum at row r and column c."""
        writer, head = self.writer, self.group.head
        assert head is not None
        writer.define(head.result, "sums[j]")
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
