"""cuBLAS by its own C functions: CuPy's refuse to be captured in a graph, and give no choice of workspace.

One handle for each device. Before every use the stream and the workspace are set again, because
setting a stream takes cuBLAS's own workspace. Matrices here lie row by row, for cuBLAS column by
column, so that C = A B is C' = B' A' to it.
"""

from __future__ import annotations

import ctypes
import functools
import logging
import os
from typing import Any

from ..contract import DType, float32
from ..cuda.calls import Gemm
from ..errors import BackendError
from ..locks import renewed_lock

_log = logging.getLogger("gradloom")
_HOST, _DEVICE = 0, 1
_TYPES = {4: 0, 8: 1}
"""cudaDataType_t: CUDA_R_32F and CUDA_R_64F, by the size of an element."""
_HALVES = {"bfloat16": 14, "float16": 2}
"""CUDA_R_16BF and CUDA_R_16F: of operands that lie in 16 bits."""
_COMPUTE = {None: 68, "tf32": 77, "bfloat16": 68, "float16": 68}
"""cublasComputeType_t of products into float32: CUBLAS_COMPUTE_32F, and _FAST_TF32."""
_COMPUTE_DOUBLE = 70
_DEFAULT_ALGORITHM = -1
_STATUS = {
    1: "CUBLAS_STATUS_NOT_INITIALIZED",
    3: "CUBLAS_STATUS_ALLOC_FAILED",
    7: "CUBLAS_STATUS_INVALID_VALUE",
    8: "CUBLAS_STATUS_ARCH_MISMATCH",
    11: "CUBLAS_STATUS_MAPPING_ERROR",
    13: "CUBLAS_STATUS_EXECUTION_FAILED",
    14: "CUBLAS_STATUS_INTERNAL_ERROR",
    15: "CUBLAS_STATUS_NOT_SUPPORTED",
}
_NOT_HERE = (8, 15)
"""What is answered for a precision that the device does not have."""
WORKSPACE = 32 << 20
"""Bytes; what NVIDIA advises for its largest devices."""


def load(cupy: Any) -> Any:
    """The library that CuPy uses.

    Raises:
        BackendError: when it is not installed.
    """
    major = int(cupy.cuda.runtime.runtimeGetVersion()) // 1000
    try:
        # CuPy knows where it is; once loaded it is found by its name
        _ = cupy.cuda.cublas
        return open_library(f"cublas64_{major}.dll" if os.name == "nt" else f"libcublas.so.{major}")
    except (ImportError, OSError) as error:
        raise BackendError(
            f"cuBLAS for CUDA {major} is missing: {error}. Install the CUDA toolkit, or pip install "
            "nvidia-cublas"
        ) from error


def open_library(name: str) -> Any:
    """A shared library by its name."""
    return ctypes.CDLL(name)


class Blas:
    """The handle of a device.

    Args:
        cupy: the module.

    Attributes:
        lock: held from `use` to the last product, because the stream belongs
            to the handle and not to the thread.
    """

    def __init__(self, cupy: Any) -> None:
        self.lock = renewed_lock()
        self._compute = dict(_COMPUTE)
        self._library = load(cupy)
        self._handle = ctypes.c_void_p()
        self._call("cublasCreate_v2", ctypes.byref(self._handle))
        self._numbers = {
            4: (ctypes.c_float(1.0), ctypes.c_float(0.0)),
            8: (ctypes.c_double(1.0), ctypes.c_double(0.0)),
        }

    def _call(self, name: str, *arguments: Any) -> None:
        if status := self._status(name, *arguments):
            raise BackendError(f"{name} failed: {_STATUS.get(status, status)}")

    def _status(self, name: str, *arguments: Any) -> int:
        return int(getattr(self._library, name)(*arguments))

    def use(self, stream: int, workspace: int) -> None:
        """Work on a stream (its pointer) with WORKSPACE bytes at `workspace`."""
        self._call("cublasSetStream_v2", self._handle, ctypes.c_void_p(stream))
        given = ctypes.c_void_p(workspace), ctypes.c_size_t(WORKSPACE)
        self._call("cublasSetWorkspace_v2", self._handle, *given)

    def gemm(self, gemm: Gemm, dtype: DType, a: int, b: int, c: int, factors: tuple[int, int] | None) -> None:
        """A product of matrices at the addresses `a`, `b` and `c`; `factors` are those of alpha and beta."""
        size = dtype.itemsize
        kind = _TYPES[size]
        given_kind = _HALVES.get(gemm.precision or "", kind)
        compute = self._compute[gemm.precision] if dtype == float32 else _COMPUTE_DOUBLE
        self._call(
            "cublasSetPointerMode_v2", self._handle, ctypes.c_int(_HOST if factors is None else _DEVICE)
        )
        if factors is None:
            alpha, beta = (ctypes.c_void_p(ctypes.addressof(n)) for n in self._numbers[size])
        else:
            alpha, beta = map(ctypes.c_void_p, factors)
        first, second = gemm.b, gemm.a
        shape = [
            ctypes.c_int(n)
            for n in (int(first.transposed), int(second.transposed), gemm.columns, gemm.rows, gemm.terms)
        ]

        def matrix(address: int, step: int, stride: int, kind: int = given_kind) -> list[Any]:
            given: list[Any] = [ctypes.c_void_p(address), ctypes.c_int(kind), ctypes.c_int(step)]
            return given if gemm.matrices == 1 else [*given, ctypes.c_longlong(stride)]

        arguments = [
            self._handle,
            *shape,
            alpha,
            *matrix(b, first.step, first.stride),
            *matrix(a, second.step, second.stride),
            beta,
            *matrix(c, gemm.columns, gemm.rows * gemm.columns, kind),
        ]
        if gemm.matrices > 1:
            arguments.append(ctypes.c_int(gemm.matrices))
        name = "cublasGemmEx" if gemm.matrices == 1 else "cublasGemmStridedBatchedEx"
        algorithm = ctypes.c_int(_DEFAULT_ALGORITHM)
        status = self._status(name, *arguments, ctypes.c_int(compute), algorithm)
        if status in _NOT_HERE and compute not in (_COMPUTE[None], _COMPUTE_DOUBLE):
            _log.warning(
                "this device has no products in %s, or not for these shapes: they are float32", gemm.precision
            )
            self._compute[gemm.precision] = _COMPUTE[None]
            status = self._status(name, *arguments, ctypes.c_int(_COMPUTE[None]), algorithm)
        if status:
            raise BackendError(f"{name} failed: {_STATUS.get(status, status)}")


def formats_of(cupy: Any) -> frozenset[str]:
    """The formats of 16 bits in which the current device multiplies: float16 from compute capability 7.0 on,
    bfloat16 from 8.0 on.
    """
    major = int(str(cupy.cuda.Device().compute_capability)[:-1])
    return frozenset(n for n, first in (("float16", 7), ("bfloat16", 8)) if major >= first)


@functools.cache
def blas_of(cupy: Any, device: int) -> Blas:
    """THE handle of a device; made while it is current."""
    return Blas(cupy)
