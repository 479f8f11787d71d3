"""Questions to a device that need no model: what is there, kernels and products beside NumPy, errors, many elements.

Every number is held against the same in float64 by NumPy; `error` is the norm of the difference beside that of the right
values.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np

import autograd as ag
import backends

from .answers import Facts, Place, Question

Array = np.ndarray[Any, Any]


def error_of(found: Any, right: Any) -> float:
    """How far apart they are, as a part of the right values."""
    found, right = np.asarray(found, np.float64), np.asarray(right, np.float64)
    return float(np.linalg.norm(found - right) / max(float(np.linalg.norm(right)), 1e-300))


def normal(*shape: int, seed: int = 0) -> Array:
    """float32 numbers, the same at every call."""
    return np.random.default_rng(seed).standard_normal(shape, dtype=np.float32)


# import
def of_the_library(place: Place) -> Iterator[Question]:
    """What is installed, and whether anything arrives."""
    yield Question("import", "versions", partial(_versions, place))
    yield Question("import", "to the device and back", partial(_there_and_back, place))


def _versions(place: Place) -> Facts:
    cupy = getattr(place.gpu, "_cupy", None)
    if cupy is None:
        return {"backend": repr(place.gpu)}
    cuda = cupy.cuda
    nvrtc = getattr(cuda, "nvrtc", None)
    return {
        "cupy": cupy.__version__,
        "numpy": np.__version__,
        "runtime": cuda.runtime.runtimeGetVersion(),
        "driver": cuda.runtime.driverGetVersion(),
        "capability": cuda.Device().compute_capability,
        "free": cuda.runtime.memGetInfo()[0],
        "nvrtc": nvrtc.getVersion() if nvrtc else "?",
        "cache": os.environ.get("CUPY_CACHE_DIR", "~/.cupy/kernel_cache"),
    }


def _there_and_back(place: Place) -> None:
    sent = normal(1000, 777)
    assert np.array_equal(place.gpu.to_numpy(place.gpu.asarray(sent)), sent)


# kernels
EAGER: dict[str, tuple[Callable[..., Any], tuple[tuple[int, ...], ...]]] = {
    "elements with a row beside it": (lambda x, b: ag.tanh(x * 2.0 + b), ((129, 260), (260,))),
    "sum of rows": (lambda x: x.sum(axis=1), ((300, 5000),)),
    "sum of few long rows, in parts": (lambda x: x.sum(axis=1), ((3, 100_000),)),
    "sum of columns": (lambda x: x.sum(axis=0), ((300, 257),)),
    "sum of long columns, in parts": (lambda x: x.sum(axis=0), ((5000, 33),)),
    "softmax": (lambda x: ag.softmax(x, axis=-1), ((100, 1000),)),
}  # fmt: skip
"""An expression, and the shapes of its operands."""


def of_kernels(place: Place) -> Iterator[Question]:
    """Kernels of each kind, called one by one."""
    for name, (expression, shapes) in EAGER.items():
        yield Question("kernels", name, partial(_eager, place, expression, shapes))


def _eager(place: Place, expression: Callable[..., Any], shapes: tuple[tuple[int, ...], ...]) -> Facts:
    operands = [normal(*shape) for shape in shapes]
    begin = time.perf_counter()
    found = expression(*(ag.tensor(a, backend=place.gpu) for a in operands)).numpy()
    first = time.perf_counter() - begin
    right = expression(*(ag.tensor(a.astype(np.float64), backend=place.cpu) for a in operands)).numpy()
    error = error_of(found, right)
    assert error < 1e-6, error
    return {"error": error, "first call": round(first, 3)}


# blas
SIZES = {
    "tiles": (100, 50, 70), "cuBLAS": (256, 300, 200), "cuBLAS, odd": (257, 301, 203), "cuBLAS, large": (1024, 2048, 1024),
}  # fmt: skip
"""Rows, terms and columns of products."""
LARGEST_ERRORS = {None: 2e-6, "tf32": 1e-3, "bfloat16": 1e-2, "float16": 1e-3}
"""By the precision of the operands; None is float32."""
TIES = {
    1024.0: "to even, as CPUs do here, or cut off", 1025.0: "away from zero", 1024.5: "not rounded at all",
}  # fmt: skip
"""What 1024.5 becomes in tf32, and what that says of how operands are rounded."""


def of_products(place: Place) -> Iterator[Question]:
    """Products of a compiled step in every precision."""
    for text, shape in list(SIZES.items())[: 2 if place.small else None]:
        for precision in LARGEST_ERRORS:
            ask = partial(_product, place, shape, precision)
            yield Question("blas", f"{text} {shape} {precision}", ask)
    yield Question("blas", "ties of tf32: which way", partial(_ties, place))


def _product(place: Place, shape: tuple[int, int, int], precision: str | None) -> Facts:
    rows, terms, columns = shape
    a, b = normal(rows, terms), normal(terms, columns, seed=1)
    step = ag.jit(lambda x, y: x @ y, precision=precision)
    with backends.use(place.gpu):
        x, y = ag.tensor(a), ag.tensor(b)
        found, again = step(x, y).numpy(), step(x, y).numpy()
    right = rounded = a.astype(np.float64) @ b.astype(np.float64)
    if precision:
        x, y = (place.cpu.round_to(operand, format=precision).astype(np.float64) for operand in (a, b))
        rounded = x @ y
    error = error_of(found, right)
    assert np.array_equal(found, again), "two runs differ"
    assert error < LARGEST_ERRORS[precision], error
    # far below `error`: the device rounds as CPUs do here; equal to it: in another way, or not at all
    return {"error": error, "from operands rounded here": error_of(found, rounded)}


def _ties(place: Place) -> Facts:
    step = ag.jit(lambda x, y: x @ y, precision="tf32")
    with backends.use(place.gpu):
        x = ag.tensor(np.full((256, 256), 1024.5, np.float32))
        found = float(step(x, ag.tensor(np.eye(256, dtype=np.float32))).numpy()[3, 5])
    return {"1024.5 becomes": found, "meaning": TIES.get(found)}


# errors
def of_errors(place: Place) -> Iterator[Question]:
    """Mistakes that a user can make, and that all goes on afterwards."""
    yield Question("errors", "an index out of range in a compiled step", partial(_wrong_index, place))
    yield Question("errors", "too much memory", partial(_too_much_memory, place))


def _wrong_index(place: Place) -> Facts:
    with backends.use(place.gpu):
        table = ag.tensor(np.ones((4, 2), np.float32), requires_grad=True)

        @ag.jit(state=[table])
        def step(i: ag.Tensor) -> ag.Tensor:
            table.grad = None
            loss = (table[i] ** 2).sum()
            loss.backward()
            assert table.grad is not None
            table.assign(table.detach() - table.grad * 0.1)
            return loss.detach()

        try:
            step(ag.tensor(np.array([0, 9, 1])))
        except IndexError as error:
            assert float(table.sum()) == 8.0, "state has changed"
            step(ag.tensor(np.array([0, 3, 1])))
            return {"says": str(error)}
    raise AssertionError("no error")


def _too_much_memory(place: Place) -> Facts:
    try:
        ag.zeros((1 << 40,), backend=place.gpu)
    except ag.DeviceMemoryError as error:
        return {"says": str(error)[:200]}
    raise AssertionError("no error")


# wide
def of_many_elements(place: Place) -> Iterator[Question]:
    """Indices that 32 bits do not hold; 14 GB of them."""
    yield Question("wide", "more than 2**31 elements", partial(_many_elements, place))


def _many_elements(place: Place) -> Facts | None:
    if place.small:
        return {"skipped": True}
    with backends.use(place.gpu):
        x = ag.ones((2**31 + 5,), "int8")
        total = (x + 1).sum().item()
        assert total == 2 * (2**31 + 5), total
        y = ag.ones((3, 2**30), "float32")
        assert y.sum(axis=1).tolist() == [2**30] * 3
        assert float(y.sum(axis=0)[2**30 - 1]) == 3.0
    return None


# errors, the last of them
def of_shared_memory(place: Place) -> Iterator[Question]:
    """Base and alignment of what `as_strided` gives."""
    what = "windows of a shifted row as rows of an epoch; may break the context, so last"
    yield Question("errors", what, partial(_windows, place))


def _windows(place: Place) -> Facts:
    with backends.use(place.gpu):
        series = ag.tensor(np.arange(4097, dtype=np.float32))
        x = ag.windows(series[1:], axes=0, size=8, stride=8)
        total = ag.zeros((), "float32")

        @ag.jit(state=[total])
        def add(rows: ag.Tensor) -> None:
            total.assign(total + rows.sum())

        add.over_rows([x], 32, None, 0, 16)
        expected = float(np.arange(1, 4097, dtype=np.float64).sum())
        assert total.item() == expected, total.item()
        return {"base": str(type(getattr(x._data, "base", None)))}
