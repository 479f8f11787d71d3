"""The matrix products of a step on a GPU and nothing else, by cuBLAS: through PyTorch, or through CuPy without it.

They are put into a CUDA graph where PyTorch can, so that launching them from Python costs nothing.
"""

from __future__ import annotations

import importlib
from typing import Any

from ..measure import seconds_per_pass
from ..work import Figure, Skip
from .problems import Problem, products


class WithTorch:
    def __init__(self, precision: str) -> None:
        self.torch = torch = importlib.import_module("torch")
        if not torch.cuda.is_available():
            raise ImportError("PyTorch sees no GPU")
        torch.set_float32_matmul_precision("high" if precision == "tf32" else "highest")
        self.dtype = getattr(torch, precision if precision.endswith("16") else "float32")
        self.version = f"torch {torch.__version__}"

    def train(self, problem: Problem) -> Any:
        torch = self.torch
        calls = []
        for m, n, k, flip_a, flip_b in products(problem):
            a = torch.randn((k, m) if flip_a else (m, k), device="cuda").to(self.dtype)
            b = torch.randn((n, k) if flip_b else (k, n), device="cuda").to(self.dtype)
            c = torch.empty((m, n), device="cuda", dtype=self.dtype)
            calls.append((a.T if flip_a else a, b.T if flip_b else b, c))

        def once() -> None:
            for a, b, c in calls:
                torch.mm(a, b, out=c)

        once()
        torch.cuda.synchronize()
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            once()

        def many(times: int) -> None:
            for _ in range(times):
                graph.replay()
            torch.cuda.synchronize()

        return many


class WithCupy:
    def __init__(self, precision: str) -> None:
        if precision not in ("float32", "float16"):
            raise Skip(f"products in {precision} are called by way of PyTorch, which is not here")
        self.cupy = importlib.import_module("cupy")
        if not self.cupy.cuda.runtime.getDeviceCount():
            raise Skip("CuPy sees no GPU")
        self.dtype, self.version = precision, f"cupy {self.cupy.__version__}"

    def train(self, problem: Problem) -> Any:
        cupy = self.cupy
        calls = []
        for m, n, k, flip_a, flip_b in products(problem):
            a = cupy.random.standard_normal((k, m) if flip_a else (m, k)).astype(self.dtype)
            b = cupy.random.standard_normal((n, k) if flip_b else (k, n)).astype(self.dtype)
            calls.append((a.T if flip_a else a, b.T if flip_b else b, cupy.empty((m, n), self.dtype)))

        def many(times: int) -> None:
            for _ in range(times):
                for a, b, c in calls:
                    cupy.matmul(a, b, out=c)
            cupy.cuda.get_current_stream().synchronize()

        return many


def library(precision: str) -> WithTorch | WithCupy:
    """Whichever is there; Skip or ImportError where none is."""
    try:
        return WithTorch(precision)
    except ImportError:
        return WithCupy(precision)


def figure(problem: Problem, blas: WithTorch | WithCupy, seconds: float) -> Figure:
    """Microseconds of the products alone of a step."""
    if not problem.dense_only:
        raise Skip("the products of networks that are not dense are not written down")
    return Figure(seconds_per_pass(blas.train(problem), seconds) * 1e6)
