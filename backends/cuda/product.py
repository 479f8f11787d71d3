"""Small matrix products: tiles of 32 by 32 through shared memory, with the arithmetic that follows done on the sums.

Each of 256 threads holds four sums. Terms are added in their order, so the result does not depend on the device. Where
cuBLAS gets going (`lower`), this is not used.
"""

from __future__ import annotations

import math

from ..program.access import Access
from ..program.nest import Nest, count_strides
from .kernel import THREADS, Axes, Kernel, Writer
from .scalar import TYPES

_TILE = 32
_BLOCKS = 65535


def product(nest: Nest, a: Access, b: Access, terms: int, name: str = "product") -> Kernel:
    """The kernel of a `product` group.

    Args:
        nest: the group with what its epilogue reads and writes.
        a: the first operand, with strides for all axes of the product but the columns, which it does not have: (batch ..., rows, terms).
        b: the second operand: (batch ..., terms, columns).
        terms: of each sum.
    """
    group = nest.group
    *batch, rows, columns = group.domain
    writer = Writer()
    head = group.head
    assert head is not None
    counts = {s.result: count_strides(group, s.result) for s in group.steps if s.primitive == "arange"}  # fmt: skip
    inner = [x.strides for x in (*nest.reads.values(), *nest.writes.values())] + list(counts.values())  # fmt: skip
    outer = Axes(writer, batch, [a.strides[:-2], b.strides[:-2], *(r[:-2] for r in inner)])
    for access, sizes in ((a, (rows, terms)), (b, (terms, columns))):
        writer.reaches(sizes, access.strides[-2:])
    for run in inner:
        writer.reaches((rows, columns), run[-2:])
    m, n, k = (writer.integer(x) for x in (rows, columns, terms))
    steps = {x: [writer.integer(s) for s in x.strides[-2:]] for x in (a, b)}
    outer.declare()
    kind = TYPES[head.result.spec.dtype]
    pa, pb = writer.pointer(a), writer.pointer(b)
    writer.line(f"__shared__ {kind} left[{_TILE}][{_TILE} + 1], right[{_TILE}][{_TILE} + 1];")
    writer.line(f"const I x = (I)threadIdx.x % {_TILE}, y = (I)threadIdx.x / {_TILE};")
    tiles = f"(({n} + {_TILE - 1}) / {_TILE})"
    writer.line(f"const I row = (I)blockIdx.x / {tiles} * {_TILE}, column = (I)blockIdx.x % {tiles} * {_TILE};")  # fmt: skip
    count = writer.integer(max(math.prod(batch), 1))
    writer.open(f"for (I batch = (I)blockIdx.y; batch < {count}; batch += (I)gridDim.y)")
    places = outer.find("batch", "b")
    writer.line(f"const {kind}* from_a = {pa} + {outer.offset(places, a.strides[:-2])};")
    writer.line(f"const {kind}* from_b = {pb} + {outer.offset(places, b.strides[:-2])};")
    writer.line(f"{kind} sums[4] = {{0, 0, 0, 0}};")
    writer.open(f"for (I start = 0; start < {k}; start += {_TILE})")
    writer.line("#pragma unroll")
    writer.open(f"for (int i = y; i < {_TILE}; i += {THREADS // _TILE})")
    writer.line(f"left[i][x] = row + i < {m} && start + x < {k} ? from_a[(row + i) * {steps[a][0]} + (start + x) * {steps[a][1]}] : ({kind})0;")  # fmt: skip
    writer.line(f"right[i][x] = start + i < {k} && column + x < {n} ? from_b[(start + i) * {steps[b][0]} + (column + x) * {steps[b][1]}] : ({kind})0;")  # fmt: skip
    writer.close()
    writer.line("__syncthreads();")
    writer.line("#pragma unroll")
    writer.open(f"for (int t = 0; t < {_TILE}; ++t)")
    writer.line("#pragma unroll")
    writer.line(f"for (int j = 0; j < 4; ++j) sums[j] = fma(left[y + j * {THREADS // _TILE}][t], right[t][x], sums[j]);")  # fmt: skip
    writer.close()
    writer.line("__syncthreads();")
    writer.close()
    writer.line("#pragma unroll")
    writer.open("for (int j = 0; j < 4; ++j)")
    writer.line(f"const I r = row + y + j * {THREADS // _TILE}, c = column + x;")
    writer.line(f"if (r >= {m} || c >= {n}) continue;")
    writer.define(head.result, "sums[j]")

    def place(run: tuple[int, ...]) -> str:
        terms = [outer.offset(places, run[:-2])]
        terms += [name if s == 1 else f"{name} * {writer.integer(s)}" for name, s in zip("rc", run[-2:], strict=True) if s]  # fmt: skip
        return " + ".join(t for t in terms if t != "0") or "0"

    for value, access in nest.reads.items():
        writer.define(value, f"{writer.pointer(access)}[{place(access.strides)}]")
    for step in group.steps:
        writer.step(step, f"({place(counts[step.result])})" if step.result in counts else "")
    for value, access in nest.writes.items():
        writer.line(f"{writer.pointer(access, written=True)}[{place(access.strides)}] = {writer.read(value)};")  # fmt: skip
    writer.close()
    writer.close()
    blocks = -(-rows // _TILE) * -(-columns // _TILE)
    return writer.kernel(name, (blocks, min(max(math.prod(batch), 1), _BLOCKS)))
