"""Kernels and products put on CuPy's current stream, with memory told
by a function from roots to addresses.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from ..cuda.calls import Gemm
from ..cuda.kernel import Kernel
from ..program.ir import Value

OPTIONS = ("--std=c++17", "--fmad=false")
"""Without contraction of products and sums: results have the bits of the CPU's wherever functions do."""
Address = Callable[[Value], int]


@functools.lru_cache(maxsize=4096)
def function_of(cupy: Any, source: str, name: str) -> Any:
    """The compiled kernel, which CuPy keeps on disk."""
    return cupy.RawModule(code=source, options=OPTIONS).get_function(name)


def launch(cupy: Any, kernel: Kernel, address: Address) -> None:
    """Put a kernel on the current stream."""
    index = np.int64 if kernel.wide else np.int32
    pointers = [np.uint64(address(p.root) + p.offset * p.dtype.itemsize) for p in kernel.pointers]
    numbers = [dtype.type(x) for dtype, x in kernel.numbers]
    arguments = (*pointers, *map(index, kernel.integers), *numbers)
    function_of(cupy, kernel.source, kernel.name)(kernel.grid, (kernel.block,), arguments)


def multiply(blas: Any, gemm: Gemm, address: Address) -> None:
    """Put a product on the stream that `blas` uses."""
    dtype = gemm.c.spec.dtype
    a, b = (address(s.root) + s.offset * s.root.spec.dtype.itemsize for s in (gemm.a, gemm.b))
    factors = None if gemm.factors is None else (address(gemm.factors[0]), address(gemm.factors[1]))
    blas.gemm(gemm, dtype, a, b, address(gemm.c), factors)
