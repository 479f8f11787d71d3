"""A lowered program on the CPU: kernels through the host build, products through NumPy, all on one block of memory."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from backends.cuda.calls import ERRORS, Call
from backends.cuda.kernel import Kernel
from backends.numpy import NumPyBackend
from backends.plan.lowering import Lowered
from backends.program.ir import Value

from .host import HostModule, prepare


@functools.lru_cache(maxsize=4096)
def module(source: str) -> HostModule:
    return HostModule(source)


class OnHost:
    """Runs calls in their order; every root has an array of its own, filled with NaN or -1 before it is written."""

    def __init__(self, lowered: Lowered[Call]) -> None:
        self.lowered = lowered
        self.arrays: dict[Value, np.ndarray] = {ERRORS: np.zeros(1, np.int64)}

    def run(self, given: dict[Value, np.ndarray]) -> None:
        self.arrays.update(given)
        prepare(c.kernel.source for c in self.lowered.calls if c.kernel is not None)
        for call in self.lowered.calls:
            for root in call.roots:
                if root not in self.arrays:
                    fill = np.nan if root.spec.dtype.kind == "f" else 1
                    self.arrays[root] = np.full(root.spec.shape, fill, root.spec.dtype)
            self._one(call)

    def _one(self, call: Call) -> None:
        if call.kernel is not None:
            self.launch(call.kernel)
        elif call.gemm is not None:
            self._gemm(call.gemm)
        else:
            self._foreign(call.foreign)

    def launch(self, kernel: Kernel) -> None:
        addresses = [self.arrays[p.root].ctypes.data + p.offset * p.dtype.itemsize for p in kernel.pointers]  # fmt: skip
        index = np.int64 if kernel.wide else np.int32
        args = [*addresses, *map(index, kernel.integers), *(dtype.type(x) for dtype, x in kernel.numbers)]  # fmt: skip
        module(kernel.source).launch(kernel.name, kernel.grid, kernel.block, args)

    def _gemm(self, gemm: Any) -> None:
        def matrices(side: Any, rows: int, columns: int) -> np.ndarray:
            array = self.arrays[side.root].reshape(-1)[side.offset :]
            steps = (side.stride, 1, side.step) if side.transposed else (side.stride, side.step, 1)
            size = array.itemsize
            return np.lib.stride_tricks.as_strided(array, (gemm.matrices, rows, columns), [s * size for s in steps])  # fmt: skip

        a, b = matrices(gemm.a, gemm.rows, gemm.terms), matrices(gemm.b, gemm.terms, gemm.columns)
        c = self.arrays[gemm.c].reshape(gemm.matrices, gemm.rows, gemm.columns)
        if gemm.factors is None:
            c[...] = a @ b
        else:
            alpha, beta = (self.arrays[v] for v in gemm.factors)
            c[...] = alpha * (a @ b) + beta * c

    def value(self, value: Value) -> np.ndarray:
        view = self.lowered.views[value]
        root = self.lowered.place.get(view.root, view.root)
        array = self.arrays[root].reshape(-1)[view.offset :]
        return np.lib.stride_tricks.as_strided(array, value.spec.shape, [s * array.itemsize for s in view.strides])  # fmt: skip

    def _foreign(self, instruction: Any) -> None:
        result, primitive, operands, static = instruction
        given = [self.value(o) if isinstance(o, Value) else o for o in operands]
        self.value(result)[...] = getattr(NumPyBackend(), primitive)(*given, **dict(static))
