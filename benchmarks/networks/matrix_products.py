"""The matrix products of a step and nothing else, called in OpenBLAS directly: what no step can be faster than.

Each problem's products run in their shapes and transposes, on buffers of their own as in a real step. What a call
costs by way of ctypes is measured with an empty product of the same arguments and taken off.
"""

from __future__ import annotations

import ctypes
import importlib
import time
from pathlib import Path
from typing import Any

import numpy as np

from ..measure import seconds_per_pass
from ..work import Figure, Skip
from .problems import Array, Problem, products

ROW_MAJOR, PLAIN, TRANSPOSED = 101, 111, 112


class Library:
    """OpenBLAS of the package scipy-openblas32; ImportError or Skip without it."""

    def __init__(self, threads: int) -> None:
        package = importlib.import_module("scipy_openblas32")
        path = Path(package.get_lib_dir()) / package.get_library(fullname=True)
        if not path.exists():
            raise Skip(f"scipy_openblas32 has no library at {path}")
        self.library = ctypes.CDLL(str(path))
        self.library.scipy_openblas_set_num_threads(threads)
        self.sgemm = self.library.scipy_cblas_sgemm
        self.sgemm.restype = None
        types: list[Any] = (
            [ctypes.c_int] * 6 + [ctypes.c_float, ctypes.c_void_p, ctypes.c_int]
            + [ctypes.c_void_p, ctypes.c_int, ctypes.c_float, ctypes.c_void_p, ctypes.c_int]
        )  # fmt: skip
        self.sgemm.argtypes = types
        self.version = str(package.__version__)

    def arguments(self, a: Array, b: Array, c: Array, flip_a: bool, flip_b: bool) -> tuple[Any, ...]:
        """What `sgemm(*...)` needs for c = a b, with a or b stored transposed. Keep the arrays alive."""
        (m, n), k = c.shape, a.shape[0] if flip_a else a.shape[1]
        flips = (TRANSPOSED if flip_a else PLAIN, TRANSPOSED if flip_b else PLAIN)
        return (
            ROW_MAJOR, *flips, m, n, k, 1.0, a.ctypes.data, a.shape[1],
            b.ctypes.data, b.shape[1], 0.0, c.ctypes.data, n,
        )  # fmt: skip


class ProductsTrainer:
    """`train` runs the products of one step per epoch."""

    def __init__(self, problem: Problem, blas: Library) -> None:
        self.blas = blas
        draw = np.random.default_rng(0)
        self.arrays: list[tuple[Array, Array, Array]] = []
        self.calls: list[tuple[Any, ...]] = []
        for m, n, k, flip_a, flip_b in products(problem):
            a = draw.standard_normal((k, m) if flip_a else (m, k), dtype=np.float32)
            b = draw.standard_normal((n, k) if flip_b else (k, n), dtype=np.float32)
            c = np.empty((m, n), np.float32)
            self.arrays.append((a, b, c))
            self.calls.append(self.blas.arguments(a, b, c, flip_a, flip_b))
        self.empty = [(*call[:3], 0, *call[4:]) for call in self.calls]

    def check(self) -> None:
        """Each product against NumPy's in float64."""
        self.train(1)
        for (a, b, c), call in zip(self.arrays, self.calls, strict=True):
            first = a.T if call[1] == TRANSPOSED else a
            second = b.T if call[2] == TRANSPOSED else b
            exact = first.astype(np.float64) @ second.astype(np.float64)
            np.testing.assert_allclose(c, exact, rtol=1e-3, atol=1e-5 * float(np.abs(exact).max()))

    def train(self, epochs: int) -> None:
        self._run(self.calls, epochs)

    def call_seconds(self) -> float:
        """What the calls of one step cost without any arithmetic."""
        times = []
        for _ in range(5):
            start = time.perf_counter()
            self._run(self.empty, 200)
            times.append(time.perf_counter() - start)
        return min(times) / 200

    def _run(self, calls: list[tuple[Any, ...]], times: int) -> None:
        sgemm = self.blas.sgemm
        for _ in range(times):
            for call in calls:
                sgemm(*call)


def figure(problem: Problem, blas: Library, seconds: float) -> Figure:
    """Microseconds of the products alone of a step."""
    if not problem.dense_only:
        raise Skip("the products of networks that are not dense are not written down")
    trainer = ProductsTrainer(problem, blas)
    trainer.check()
    whole = seconds_per_pass(trainer.train, seconds)
    return Figure((whole - trainer.call_seconds()) * 1e6)
