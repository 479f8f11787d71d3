"""The CUDA kernels of the eager backend: what CuPy has not, or not as NumPy does it.

Written for any compiler of C++: no intrinsic, no shared memory, one thread for each result. Compiled by CuPy at their
first launch and kept by it on disk.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..contract import DType, Shape, float32, float64, int64, uint32, uint64
from ..philox import MULTIPLIERS, WEYL

_THREADS = 256
_INDEX = """
    const unsigned long long i = blockIdx.x * (unsigned long long)blockDim.x + threadIdx.x;"""
RANDOM_BITS = f"""
extern "C" __global__ void random_bits(
    const unsigned long long* key, const unsigned long long* counter, unsigned int* bits, const unsigned long long size) {{{_INDEX}
    if (4 * i >= size) return;
    unsigned int c0 = (unsigned int)i, c1 = (unsigned int)(i >> 32);
    unsigned int c2 = (unsigned int)*counter, c3 = (unsigned int)(*counter >> 32);
    unsigned int k0 = (unsigned int)*key, k1 = (unsigned int)(*key >> 32);
    for (int round = 0; round < 10; ++round) {{
        const unsigned long long p0 = {MULTIPLIERS[0]}ull * c0, p1 = {MULTIPLIERS[1]}ull * c2;
        c0 = (unsigned int)(p1 >> 32) ^ c1 ^ k0;
        c1 = (unsigned int)p1;
        c2 = (unsigned int)(p0 >> 32) ^ c3 ^ k1;
        c3 = (unsigned int)p0;
        k0 += {WEYL[0]}u;
        k1 += {WEYL[1]}u;
    }}
    const unsigned int words[4] = {{c0, c1, c2, c3}};
    for (int j = 0; j < 4; ++j) if (4 * i + j < size) bits[4 * i + j] = words[j];
}}
"""
ERF = f"""
extern "C" __global__ void error_function(const TYPE* x, TYPE* y, const unsigned long long size) {{{_INDEX}
    if (i < size) y[i] = erf(x[i]);
}}
"""
OUTSIDE = f"""
extern "C" __global__ void outside(
    const long long* index, const unsigned long long size, const long long length, int* found) {{{_INDEX}
    // all that write, write the same
    if (i < size && (index[i] < -length || index[i] >= length)) *found = 1;
}}
"""
ADD_RUNS = f"""
extern "C" __global__ void add_runs(
    const TYPE* values, const long long* order, const long long* rows, const unsigned long long count,
    const unsigned long long columns, TYPE* sums) {{{_INDEX}
    const unsigned long long column = i % columns, first = i / columns;
    if (first >= count || (first > 0 && rows[first - 1] == rows[first])) return;
    // from the left, as numpy.add.at does: the sum does not depend on which thread is faster
    TYPE total = 0;
    for (unsigned long long k = first; k < count && rows[k] == rows[first]; ++k)
        total = total + values[order[k] * columns + column];
    sums[rows[first] * columns + column] = total;
}}
"""
_NAMES = {
    "bool": "bool", "int8": "signed char", "int16": "short", "int32": "int", "int64": "long long", "uint8": "unsigned char",
    "uint16": "unsigned short", "uint32": "unsigned int", "uint64": "unsigned long long", "float32": "float", "float64": "double",
}  # fmt: skip


class Kernels:
    """The kernels, ready to launch on the current device and stream.

    Args:
        cupy: the module.
    """

    def __init__(self, cupy: Any) -> None:
        self._cupy = cupy
        self._kernel = functools.cache(self._make)

    def _make(self, source: str, name: str, dtype: DType | None) -> Any:
        text = source if dtype is None else source.replace("TYPE", _NAMES[dtype.name])
        return self._cupy.RawKernel(text, name)

    def _launch(self, source: str, name: str, dtype: DType | None, threads: int, *args: Any) -> None:  # fmt: skip
        if threads:
            grid = (-(-threads // _THREADS),)
            self._kernel(source, name, dtype)(grid, (_THREADS,), args)

    def random_bits(self, key: Any, counter: Any, shape: Shape) -> Any:
        """See `philox.random_bits`; key and counter are read on the device, so nothing waits for them."""
        bits = self._cupy.empty(shape, uint32)
        words = [word.astype(uint64, copy=False) for word in (key, counter)]
        self._launch(RANDOM_BITS, "random_bits", None, -(-bits.size // 4), *words, bits, uint64.type(bits.size))  # fmt: skip
        return bits

    def erf(self, x: Any) -> Any:
        """The error function; integers give the float dtype that numpy.exp gives them."""
        dtype = np.exp.resolve_dtypes((x.dtype, None))[1]
        inner = float64 if dtype == float64 else float32
        y = self._cupy.empty(x.shape, inner)
        x = self._cupy.ascontiguousarray(x, inner)
        self._launch(ERF, "error_function", inner, x.size, x, y, uint64.type(x.size))
        return y.astype(dtype, copy=False)

    def any_outside(self, indices: Sequence[Any], lengths: Sequence[int]) -> bool:
        """Whether an index (contiguous int64) reaches beyond its axis. Waits for the device."""
        if not any(index.size for index in indices):
            return False
        found = self._cupy.zeros((), np.int32)
        for index, length in zip(indices, lengths, strict=True):
            self._launch(OUTSIDE, "outside", None, index.size, index, uint64.type(index.size), int64.type(length), found)  # fmt: skip
        return bool(found.get())

    def sums_by_row(self, values: Any, rows: Any, height: int) -> Any:
        """(height, columns): row r is the sum of those rows of `values` whose number in `rows` is r, in their order."""
        dtype = values.dtype
        inner = float32 if dtype == np.float16 else dtype
        values = self._cupy.ascontiguousarray(values, inner)
        count, columns = values.shape
        sums = self._cupy.zeros((height, columns), inner)
        if values.size:
            order = self._cupy.argsort(rows)
            sorted_rows = self._cupy.take(rows, order)
            self._launch(ADD_RUNS, "add_runs", inner, values.size, values, order, sorted_rows, uint64.type(count), uint64.type(columns), sums)  # fmt: skip
        return sums.astype(dtype, copy=False)
