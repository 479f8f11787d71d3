"""Rows added by index where there are many: brought into the order of their indices, then summed run by run.

Each row finds its place by comparing its index with all others, a warp for each row. Runs are summed in parts
of 256 rows, then the parts: one index that fills most of a batch (padding) does not wait for one thread. No
atomic addition, and the same sums whatever the device.
"""

from __future__ import annotations

import math

from ..program.ir import Value
from .data_movement import plain
from .kernel import THREADS, Kernel, Writer
from .scalar import TYPES

_PART = 256
_BLOCKS = 4096


def ranks(indices: Value, height: int, places: Value, errors: Value) -> Kernel:
    """`places` (3, count): in the order of the indices which row of `values` it is, where its run begins, and
    the index. An index out of range is noted and counts as 0.
    """
    writer = Writer()
    count, rows = writer.integer(indices.spec.size), writer.integer(height)
    by, noted = writer.pointer(plain(indices)), writer.pointer(plain(errors), written=True)
    found = writer.pointer(plain(places), written=True)
    writer.reaches((3 * indices.spec.size,), (1,))
    warps = THREADS // 32
    writer.line("const I lane = (I)threadIdx.x % 32;")
    writer.open(f"for (I first = (I)blockIdx.x * {warps}; first < {count}; first += (I)gridDim.x * {warps})")
    writer.line("// all lanes of a warp stay together; the last ones may have no row of their own")
    writer.line(f"const bool live = first + (I)threadIdx.x / 32 < {count};")
    writer.line(f"const I i = live ? first + (I)threadIdx.x / 32 : {count} - 1;")
    writer.line(f"const i64 own = checked((i64){by}[i], {rows}, {noted});")
    writer.line("int before = 0, same = 0;")
    writer.open(f"for (I j = lane; j < {count}; j += 32)")
    writer.line(f"const i64 other = checked((i64){by}[j], {rows}, {noted});")
    writer.line("before += other < own;")
    writer.line("same += other == own && j < i;")
    writer.close()
    writer.line("before = total<32, Sum>(before);")
    writer.line("same = total<32, Sum>(same);")
    writer.line("const I at = before + same;")
    writer.open("if (live && lane == 0)")
    writer.line(f"{found}[at] = (int)i;")
    writer.line(f"{found}[{count} + at] = before;")
    writer.line(f"{found}[2 * {count} + at] = (int)own;")
    writer.close()
    writer.close()
    return writer.kernel("ranks", (min(-(-indices.spec.size // warps), _BLOCKS), 1))


def _each(writer: Writer, places: Value, columns: int) -> tuple[str, str, str]:
    """Open a loop over positions and columns; names of what `ranks` left, of the count, of the columns."""
    total = places.spec.shape[1] * columns
    writer.reaches((total,), (1,))
    count, length = writer.integer(places.spec.shape[1]), writer.integer(columns)
    given = writer.pointer(plain(places))
    writer.open(
        f"for (I i = (I)blockIdx.x * {THREADS} + (I)threadIdx.x; i < {count} * {length}; "
        f"i += (I)gridDim.x * {THREADS})"
    )
    writer.line(f"const I k = i / {length}, c = i % {length};")
    writer.line(f"const int run = {given}[{count} + k];")
    return given, count, length


def _grid(places: Value, columns: int) -> tuple[int, int]:
    return min(-(-places.spec.shape[1] * columns // THREADS), _BLOCKS), 1


def partial_sums(values: Value, places: Value, parts: Value) -> Kernel:
    """Part by part of each run, the sum of its rows, at the position of its first one."""
    writer = Writer()
    columns, kind = parts.spec.shape[1], TYPES[values.spec.dtype]
    rows, sums = writer.pointer(plain(values)), writer.pointer(plain(parts), written=True)
    writer.reaches((math.prod(values.spec.shape),), (1,))
    given, count, length = _each(writer, places, columns)
    writer.line(f"if ((k - run) % {_PART}) continue;")
    writer.line(f"{kind} sum = 0;")
    writer.open(f"for (I m = k; m < k + {_PART} && m < {count} && {given}[{count} + m] == run; ++m)")
    writer.line(f"sum += {rows}[(I){given}[m] * {length} + c];")
    writer.close()
    writer.line(f"{sums}[i] = sum;")
    writer.close()
    return writer.kernel("partial_sums", _grid(places, columns))


def sums(parts: Value, places: Value, result: Value) -> Kernel:
    """The parts of each run added up, at its place in `result`, which is 0 elsewhere."""
    writer = Writer()
    columns, kind = parts.spec.shape[1], TYPES[parts.spec.dtype]
    given_parts, total = writer.pointer(plain(parts)), writer.pointer(plain(result), written=True)
    writer.reaches((math.prod(result.spec.shape),), (1,))
    given, count, length = _each(writer, places, columns)
    writer.line("if (k != run) continue;")
    writer.line(f"{kind} sum = 0;")
    writer.open(f"for (I m = k; m < {count} && {given}[{count} + m] == run; m += {_PART})")
    writer.line(f"sum += {given_parts}[m * {length} + c];")
    writer.close()
    writer.line(f"{total}[(I){given}[2 * {count} + k] * {length} + c] = sum;")
    writer.close()
    return writer.kernel("sums", _grid(places, columns))
