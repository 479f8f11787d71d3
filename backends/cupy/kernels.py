"""The CUDA kernels of the eager backend: what CuPy has not, or not as NumPy does it.

Written for any compiler of C++: no intrinsic, no shared memory, one thread for each result. Compiled by CuPy
at their first launch and kept by it on disk.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..contract import DType, Shape, Spec, float32, float64, int64, uint32, uint64
from ..cuda import data_movement
from ..cuda.kernel import Kernel
from ..cuda.scalar import TYPES
from ..program.access import Access
from ..program.ir import Value
from .launching import launch

_THREADS = 256
_INDEX = """
    const unsigned long long i = blockIdx.x * (unsigned long long)blockDim.x + threadIdx.x;"""
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
_TYPES = {"i64": "long long", "u64": "unsigned long long"}
"""What stands in the prelude of compiled steps."""

_KEY, _COUNTER = (Value(number, Spec((), uint64)) for number in (0, 1))
_BITS = Value(2, Spec((), uint32))


@functools.lru_cache(maxsize=256)
def _random_bits(size: int) -> Kernel:
    """The kernel of compiled steps, for so many words."""
    key, counter = (Access(v, uint64, 0, ()) for v in (_KEY, _COUNTER))
    kernel = data_movement.random_bits(key, counter, _BITS._replace(spec=Spec((size,), uint32)))
    pointers = tuple(p._replace(root=_BITS) if p.written else p for p in kernel.pointers)
    return kernel._replace(pointers=pointers)


class Kernels:
    """The kernels, ready to launch on the current device and stream.

    Args:
        cupy: the module.
    """

    def __init__(self, cupy: Any) -> None:
        self._cupy = cupy
        self._kernel = functools.cache(self._make)

    def _make(self, source: str, name: str, dtype: DType | None) -> Any:
        kind = "" if dtype is None else TYPES[dtype]
        return self._cupy.RawKernel(source.replace("TYPE", _TYPES.get(kind, kind)), name)

    def _launch(self, source: str, name: str, dtype: DType | None, threads: int, *args: Any) -> None:
        if threads:
            grid = (-(-threads // _THREADS),)
            self._kernel(source, name, dtype)(grid, (_THREADS,), args)

    def random_bits(self, key: Any, counter: Any, shape: Shape) -> Any:
        """See `philox.random_bits`; key and counter are read on the device, so nothing waits for them."""
        bits = self._cupy.empty(shape, uint32)
        if bits.size:
            words = [word.astype(uint64, copy=False) for word in (key, counter)]
            pointers = (int(array.data.ptr) for array in (*words, bits))
            places = dict(zip((_KEY, _COUNTER, _BITS), pointers, strict=True))
            launch(self._cupy, _random_bits(bits.size), places.__getitem__)
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
            given = index, uint64.type(index.size), int64.type(length), found
            self._launch(OUTSIDE, "outside", None, index.size, *given)
        return bool(found.get())

    def sums_by_row(self, values: Any, rows: Any, height: int) -> Any:
        """(height, columns): row r is the sum of those rows of `values` whose
        number in `rows` is r, in their order.
        """
        dtype = values.dtype
        inner = float32 if dtype == np.float16 else dtype
        values = self._cupy.ascontiguousarray(values, inner)
        count, columns = values.shape
        sums = self._cupy.zeros((height, columns), inner)
        if values.size:
            order = self._cupy.argsort(rows)
            sorted_rows, sizes = self._cupy.take(rows, order), map(uint64.type, (count, columns))
            self._launch(ADD_RUNS, "add_runs", inner, values.size, values, order, sorted_rows, *sizes, sums)
        return sums.astype(dtype, copy=False)
