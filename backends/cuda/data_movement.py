"""Kernels that are no arithmetic: random bits, rows by index, the rows of a step, windows added back."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..contract import uint32, uint64
from ..program.access import Access
from ..program.ir import Value
from ..program.views import row_major
from .kernel import THREADS, Axes, Kernel, Writer
from .scalar import TYPES

_BLOCKS = 4096
_INT64 = np.dtype(np.int64)


def plain(value: Value) -> Access:
    """All of a value, in C order, as one axis."""
    return Access(value, value.spec.dtype, 0, (1,))


def _each(writer: Writer, total: int) -> None:
    """Open a loop over `total` elements, one at a time."""
    writer.reaches((total,), (1,))
    count = writer.integer(total)
    writer.open(
        f"for (I i = (I)blockIdx.x * {THREADS} + (I)threadIdx.x; i < {count}; i += (I)gridDim.x * {THREADS})"
    )


def _done(writer: Writer, name: str, total: int) -> Kernel:
    """Close that loop: the kernel."""
    writer.close()
    return writer.kernel(name, (min(max(-(-total // THREADS), 1), _BLOCKS), 1))


def random_bits(key: Access, counter: Access, result: Value) -> Kernel:
    """The bits of `backends.philox.random_bits`: a thread makes four words."""
    writer = Writer()
    size = result.spec.size
    blocks = -(-size // 4)
    bits = writer.pointer(plain(result), written=True)
    words, stream = writer.pointer(key), writer.pointer(counter)
    end = writer.integer(size)
    _each(writer, blocks)
    writer.line(f"const Words words = philox({words}[0], {stream}[0], (u64)i);")
    writer.line("#pragma unroll")
    writer.line(f"for (int w = 0; w < 4; ++w) if (i * 4 + w < {end}) {bits}[i * 4 + w] = words.v[w];")
    assert key.dtype == counter.dtype == uint64
    assert result.spec.dtype == uint32
    writer.reaches((size,), (1,))
    return _done(writer, "random_bits", blocks)


def _row_words(row_bytes: int) -> np.dtype[Any]:
    """The widest integers of which a row is made."""
    return next(
        np.dtype(n) for n in ("uint64", "uint32", "uint16", "uint8") if row_bytes % np.dtype(n).itemsize == 0
    )


def batch(source: Value, order: Value | None, step: Value, result: Value) -> Kernel:
    """The rows of step number `step` (in memory) of an epoch: consecutive ones of
    `source`, or those that `order` names.
    """
    writer = Writer()
    rows = result.spec.shape[0]
    word = _row_words(result.spec.size // rows * result.spec.dtype.itemsize)
    words = result.spec.size // rows * result.spec.dtype.itemsize // word.itemsize
    given = writer.pointer(Access(source, word, 0, ()))
    taken = writer.pointer(Access(result, word, 0, ()), written=True)
    at = writer.pointer(plain(step))
    picked = "" if order is None else writer.pointer(plain(order))
    count, length = writer.integer(rows), writer.integer(words)
    _each(writer, rows * words)
    writer.line(f"const I r = i / {length}, w = i % {length};")
    writer.line(f"const i64 place = {at}[0] * {count} + r;")
    row = f"{picked}[place]" if picked else "place"
    writer.line(f"{taken}[i] = {given}[{row} * {length} + w];")
    return _done(writer, "batch", rows * words)


def advance(step: Value) -> Kernel:
    """The step is counted on."""
    writer = Writer()
    at = writer.pointer(plain(step), written=True)
    writer.line(f"if (threadIdx.x == 0) {at}[0] += 1;")
    return writer.kernel("advance", (1, 1))


def take(table: Value, indices: Value, result: Value, errors: Value) -> Kernel:
    """result[i] = table[indices[i]] for rows; an index out of range is noted and reads row 0."""
    writer = Writer()
    row_bytes = math.prod(table.spec.shape[1:]) * table.spec.dtype.itemsize
    word = _row_words(row_bytes)
    words = row_bytes // word.itemsize
    given = writer.pointer(Access(table, word, 0, ()))
    taken = writer.pointer(Access(result, word, 0, ()), written=True)
    by, noted = writer.pointer(plain(indices)), writer.pointer(plain(errors), written=True)
    length, rows = writer.integer(words), writer.integer(table.spec.shape[0])
    writer.reaches((table.spec.size,), (table.spec.dtype.itemsize,))
    _each(writer, indices.spec.size * words)
    writer.line(f"const I r = i / {length}, w = i % {length};")
    writer.line(f"{taken}[i] = {given}[checked((i64){by}[r], {rows}, {noted}) * {length} + w];")
    return _done(writer, "take", indices.spec.size * words)


def scatter(values: Value, indices: Value, result: Value, errors: Value) -> Kernel:
    """result = zeros; result[indices[i]] += values[i], row by row, in order: each
    element looks for what belongs to it.
    """
    writer = Writer()
    columns = math.prod(result.spec.shape[1:])
    kind = TYPES[result.spec.dtype]
    given, by = writer.pointer(plain(values)), writer.pointer(plain(indices))
    total, noted = writer.pointer(plain(result), written=True), writer.pointer(plain(errors), written=True)
    length, rows, count = (writer.integer(n) for n in (columns, result.spec.shape[0], indices.spec.size))
    writer.reaches((values.spec.size,), (1,))
    _each(writer, result.spec.size)
    writer.line(f"const I r = i / {length}, c = i % {length};")
    writer.line(f"{kind} sum = 0;")
    writer.open(f"for (I j = 0; j < {count}; ++j)")
    writer.line(f"if (checked((i64){by}[j], {rows}, {noted}) == r) sum += {given}[j * {length} + c];")
    writer.close()
    writer.line(f"{total}[i] = sum;")
    return _done(writer, "scatter_add", result.spec.size)


def windows_add(values: Access, counts: Sequence[int], result: Value, static: dict[str, Any]) -> Kernel:
    """Each element of the result sums the windows that have it, place by place in their order.

    Args:
        values: with a stride for each axis of the result (a windowed one counts
            windows), then for the axes inside.
        counts: windows along each windowed axis.
        result: what is written.
        static: of the instruction.
    """
    writer = Writer()
    shape = result.spec.shape
    ndim = len(shape)
    axes = [axis % ndim for axis in static["axes"]]
    kind = TYPES[result.spec.dtype]
    fixed = [0 if k in axes else s for k, s in enumerate(values.strides[:ndim])]
    # no two axes become one here: the coordinate of each is needed
    domain = Axes(
        writer,
        shape,
        [row_major(shape), *(tuple(int(k == j) for k in range(ndim)) for j in range(ndim) if shape[j] > 1)],
    )
    given, total = writer.pointer(values), writer.pointer(plain(result), written=True)
    writer.reaches([*(n for n in shape), *static["size"]], values.strides)
    # the axes that `Axes` keeps apart
    places = [k for k, n in enumerate(shape) if n != 1]
    domain.declare()
    _each(writer, result.spec.size)
    found = domain.find("i", "c")
    at = {k: found[places.index(k)] if k in places else "0" for k in range(ndim)}
    base = " + ".join(f"{at[k]} * {writer.integer(s)}" for k, s in enumerate(fixed) if s) or "0"
    writer.line(f"const I base = {base};")
    writer.line(f"{kind} sum = 0;")
    for j, axis in enumerate(axes):
        size, step, gap = (static[k][j] for k in ("size", "stride", "dilation"))
        many = writer.integer(counts[j])
        writer.open(f"for (I t{j} = 0; t{j} < {writer.integer(size)}; ++t{j})")
        name_step = writer.integer(step)
        writer.line(f"const I d{j} = {at[axis]} - t{j} * {writer.integer(gap)};")
        writer.line(f"const I u{j} = d{j} / {name_step};")
        writer.line(f"if (d{j} < 0 || u{j} * {name_step} != d{j} || u{j} >= {many}) continue;")
    offset = itertools.chain.from_iterable(
        (
            f"u{j} * {writer.integer(values.strides[axis])}",
            f"t{j} * {writer.integer(values.strides[ndim + j])}",
        )
        for j, axis in enumerate(axes)
    )
    writer.line(f"sum += {given}[base + {' + '.join(offset)}];")
    for _ in axes:
        writer.close()
    writer.line(f"{total}[i] = sum;")
    return _done(writer, "windows_add", result.spec.size)
