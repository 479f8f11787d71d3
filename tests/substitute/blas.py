"""cuBLAS on the host: the C functions that `backends.cupy.cublas` calls, with the meaning of NVIDIA's manual.

Matrices lie column by column. `a`, `b` and `c` are read and written through their addresses when the work is done, so that a
captured product sees what is there at each replay.
"""

from __future__ import annotations

import ctypes
from typing import Any

import numpy as np

import backends

from .machine import MACHINE
from .streams import by_pointer

_SUCCESS, _INVALID, _EXECUTION_FAILED, _NOT_SUPPORTED = 0, 7, 13, 15
_DTYPES = {0: np.float32, 1: np.float64, 2: np.float16, 14: np.uint16}
_BFLOAT16 = 14
_COMPUTE_DOUBLE = 70
_COMPUTE = {68: None, 77: "tf32", 75: "bfloat16", 74: "float16", _COMPUTE_DOUBLE: None}
_KINDS = {(0, 0, 0), (2, 2, 0), (_BFLOAT16, _BFLOAT16, 0)}
"""Of both operands and of the result, where sums are float32."""


def _number(value: Any) -> Any:
    return value.value if hasattr(value, "value") else value


def _matrix(address: int, kind: int, lines: int, columns: int, step: int) -> np.ndarray:
    """`columns` columns of `lines` numbers, `step` apart."""
    dtype = np.dtype(_DTYPES[kind])
    count = step * (columns - 1) + lines if lines and columns else 0
    flat = np.frombuffer((ctypes.c_uint8 * (count * dtype.itemsize)).from_address(address), dtype)
    return np.lib.stride_tricks.as_strided(flat, (lines, columns), (dtype.itemsize, step * dtype.itemsize))  # fmt: skip


class Library:
    """One shared library."""

    def __init__(self) -> None:
        self.stream: Any = None
        self.on_device = False
        self.workspace = (0, 0)

    def cublasCreate_v2(self, handle) -> int:
        return _SUCCESS

    def cublasSetStream_v2(self, handle, stream) -> int:
        self.stream = by_pointer(_number(stream) or 0)
        self.workspace = (0, 0)
        return _SUCCESS

    def cublasSetWorkspace_v2(self, handle, place, size) -> int:
        self.workspace = (_number(place), _number(size))
        return _SUCCESS if self.workspace[0] % 256 == 0 else _INVALID

    def cublasSetPointerMode_v2(self, handle, mode) -> int:
        self.on_device = _number(mode) == 1
        return _SUCCESS

    def cublasGemmEx(self, handle, turn_a, turn_b, m, n, k, alpha, a, kind_a, step_a, b, kind_b, step_b, beta, c, kind_c, step_c, compute, algorithm) -> int:  # fmt: skip
        return self._gemm(turn_a, turn_b, m, n, k, alpha, (a, kind_a, step_a, 0), (b, kind_b, step_b, 0), beta, (c, kind_c, step_c, 0), 1, compute)  # fmt: skip

    def cublasGemmStridedBatchedEx(self, handle, turn_a, turn_b, m, n, k, alpha, a, kind_a, step_a, stride_a, b, kind_b, step_b, stride_b, beta, c, kind_c, step_c, stride_c, count, compute, algorithm) -> int:  # fmt: skip
        return self._gemm(turn_a, turn_b, m, n, k, alpha, (a, kind_a, step_a, stride_a), (b, kind_b, step_b, stride_b), beta, (c, kind_c, step_c, stride_c), count, compute)  # fmt: skip

    def _gemm(self, turn_a, turn_b, m, n, k, alpha, a, b, beta, c, count, compute) -> int:
        turn_a, turn_b, m, n, k, count, compute = map(_number, (turn_a, turn_b, m, n, k, count, compute))  # fmt: skip
        places = [tuple(map(_number, x)) for x in (a, b, c)]
        lines = [(k, m) if turn_a else (m, k), (n, k) if turn_b else (k, n), (m, n)]
        if min(m, n, k, count) < 0 or any(step < max(1, rows) for (_, _, step, _), (rows, _) in zip(places, lines, strict=True)):  # fmt: skip
            return _INVALID
        kinds = tuple(kind for _, kind, _, _ in places)
        narrow = kinds != (0, 0, 0)
        if compute not in _COMPUTE or kinds not in ({(1, 1, 1)} if compute == _COMPUTE_DOUBLE else _KINDS) or (narrow and compute not in (68, _COMPUTE_DOUBLE)):  # fmt: skip
            return _NOT_SUPPORTED
        dtype = np.dtype(_DTYPES[places[2][1]])
        # what a device does with these is not said; it may well be nothing that is seen at once
        _, _, step, stride = places[2]
        if any(address % np.dtype(_DTYPES[kind]).itemsize for address, kind, *_ in places) or (count > 1 and stride < step * (n - 1) + m):  # fmt: skip
            return _EXECUTION_FAILED
        alpha, beta = _number(alpha), _number(beta)
        if not self.on_device:
            # read when the call is made
            kept = [np.frombuffer((ctypes.c_uint8 * dtype.itemsize).from_address(x), dtype)[0] for x in (alpha, beta)]  # fmt: skip
        on_device = self.on_device

        def work() -> None:
            factors = kept if not on_device else [np.frombuffer((ctypes.c_uint8 * dtype.itemsize).from_address(x), dtype)[0] for x in (alpha, beta)]  # fmt: skip
            for number in range(count):
                x, y, z = (
                    _numbers(address + number * stride * np.dtype(_DTYPES[kind]).itemsize, kind, *size, step)
                    for (address, kind, step, stride), size in zip(places, lines, strict=True)
                )  # fmt: skip
                product = _product(x.T if turn_a else x, y.T if turn_b else y, _COMPUTE[compute])
                z[...] = factors[0] * product + (factors[1] * z if factors[1] else 0)

        MACHINE.submit(self.stream, "gemm", work)
        return _SUCCESS


def _numbers(address: int, kind: int, lines: int, columns: int, step: int) -> np.ndarray:
    """What such a matrix holds; the words of bfloat16 are the upper halves of float32."""
    found = _matrix(address, kind, lines, columns, step)
    return (found.astype(np.uint32) << 16).view(np.float32) if kind == _BFLOAT16 else found


def _product(a: np.ndarray, b: np.ndarray, precision: str | None) -> np.ndarray:
    # in float64: what a product of float32 rounds to does not hang on BLAS
    if precision is not None:
        a, b = (backends.get("numpy").round_to(np.ascontiguousarray(x), format=precision) for x in (a, b))  # fmt: skip
    with np.errstate(all="ignore"):
        return a.astype(np.float64) @ b.astype(np.float64)


def open_library(name: str) -> Library:
    return Library()
