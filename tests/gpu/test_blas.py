"""Products by cuBLAS: batches, turned and repeated operands, odd sizes; what cuBLAS refuses; streams of several threads."""

from __future__ import annotations

import ctypes
import threading

import numpy as np
import pytest
from comparing import assert_equal, results
from substitute import blas

import backends
from backends.cuda import lower as lowering
from backends.cupy import cublas
from backends.program import parse_program

pytestmark = pytest.mark.once


@pytest.fixture
def always_blas(monkeypatch):
    """Products of every size."""
    monkeypatch.setattr(lowering, "_TILES_UNTIL", -1)


def run(backend, text, state=(), seed=0, steps=1):
    """The machine, and what it makes of small whole numbers beside the interpreter."""
    program = parse_program(text)
    rng = np.random.default_rng(seed)
    made = {role: {n: np.asarray(rng.integers(-3, 4, v.spec.shape)).astype(v.spec.dtype) for n, v in program.named(role).items()} for role in ("state", "input")}  # fmt: skip
    machine = backend.compile(program)
    mine = {n: backend.asarray(a) for n, a in made["state"].items()}
    expected = {}
    for _ in range(steps):
        outputs = machine.step(mine, {n: backend.asarray(a) for n, a in made["input"].items()})
        expected = results(program, made["state"], made["input"])
        made["state"] = {n: expected.get(f"state {n}", a) for n, a in made["state"].items()}
    found = {f"state {n}": backend.to_numpy(a) for n, a in mine.items()}
    assert_equal(found | {n: backend.to_numpy(a) for n, a in outputs.items()}, expected, program)
    return machine


def gemms(machine):
    return [call.gemm for call in machine.calls if call.gemm]


SIZES = [(1, 1, 1), (1, 5, 1), (5, 1, 7), (1, 1, 9), (7, 3, 1), (1, 6, 5), (33, 2, 17)]


@pytest.mark.usefixtures("always_blas")
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("turned", [(), (0,), (1,), (0, 1)])
@pytest.mark.parametrize("size", SIZES)
def test_matrices_of_one_row_or_column(cupy_backend, size, turned, dtype):
    m, k, n = size
    a, b = ((k, m) if 0 in turned else (m, k)), ((n, k) if 1 in turned else (k, n))
    lines = [f'%0: {dtype}{list(a)} = input "a"', f'%1: {dtype}{list(b)} = input "b"']
    lines += [f"%{2 + s}: {dtype}{list(((m, k), (k, n))[s])} = permute_dims(%{s}, axes=(1, 0))" for s in turned]  # fmt: skip
    x, y = (f"%{2 + s}" if s in turned else f"%{s}" for s in (0, 1))
    text = "\n".join(["program p", *lines, f"%9: {dtype}[{m}, {n}] = matmul({x}, {y})", "return y=%9"])  # fmt: skip
    assert len(gemms(run(cupy_backend, text))) == 1


@pytest.mark.usefixtures("always_blas")
@pytest.mark.parametrize(
    ("a", "b", "result"),
    [
        ((4, 3, 5), (5, 2), (4, 3, 2)), ((3, 5), (4, 5, 2), (4, 3, 2)), ((4, 3, 5), (4, 5, 2), (4, 3, 2)), ((1, 3, 5), (4, 5, 2), (4, 3, 2)),
        ((2, 1, 3, 5), (1, 4, 5, 2), (2, 4, 3, 2)), ((2, 4, 3, 5), (4, 5, 2), (2, 4, 3, 2)), ((2, 4, 3, 5), (2, 1, 5, 2), (2, 4, 3, 2)), ((70, 1, 5), (70, 5, 1), (70, 1, 1)),
        ((2, 3, 0), (2, 0, 4), (2, 3, 4)), ((0, 3, 2), (0, 2, 4), (0, 3, 4)), ((3, 0), (0, 4), (3, 4)), ((0, 3), (3, 4), (0, 4)), ((3, 2), (2, 0), (3, 0)),
    ],
)  # fmt: skip
@pytest.mark.parametrize("precision", ["", ', precision="tf32"', ', precision="float16"'])
def test_batches(cupy_backend, a, b, result, precision):
    run(
        cupy_backend,
        f"""
    program p
    %0: float32{list(a)} = input "a"
    %1: float32{list(b)} = input "b"
    %2: float32{list(result)} = matmul(%0, %1{precision})
    return y=%2
    """,
    )


@pytest.mark.usefixtures("always_blas")
def test_a_part_of_a_matrix_is_not_copied(cupy_backend):
    machine = run(cupy_backend, """
    program p
    %0: float32[6, 10] = input "a"
    %1: float32[8, 7] = input "b"
    %2: float32[4, 5] = getitem(%0, key=(slice(1, 5, None), slice(3, 8, None)))
    %3: float32[5, 7] = getitem(%1, key=(slice(2, 7, None), slice(None, None, None)))
    %4: float32[4, 7] = matmul(%2, %3)
    return y=%4
    """)  # fmt: skip
    (gemm,) = gemms(machine)
    assert len(machine.calls) == 1
    assert (gemm.a.offset, gemm.a.step, gemm.b.offset, gemm.b.step) == (13, 10, 14, 7)


@pytest.mark.usefixtures("always_blas")
@pytest.mark.parametrize("key", ["slice(None, None, -1), slice(None, None, None)", "slice(None, None, None), slice(None, None, 2)", "slice(None, None, 2), slice(None, None, None)", "slice(None, None, None), slice(None, None, -1)"])  # fmt: skip
def test_matrices_that_lie_otherwise(cupy_backend, key):
    shape = [4 if key.startswith("slice(None, None, 2)") else 8, 3 if key.endswith("2)") else 6]
    run(
        cupy_backend,
        f"""
    program p
    %0: float32[8, 6] = input "a"
    %1: float32[{shape[1]}, 5] = input "b"
    %2: float32{shape} = getitem(%0, key=({key}))
    %3: float32[{shape[0]}, 5] = matmul(%2, %1)
    %4: float32[{shape[1]}, {shape[0]}] = permute_dims(%2, axes=(1, 0))
    %5: float32[{shape[1]}, {shape[1]}] = matmul(%4, %2)
    return y=%3, z=%5
    """,
    )


@pytest.mark.usefixtures("always_blas")
def test_a_velocity_is_added_to_by_the_product_with_a_rate_that_is_state(cupy_backend):
    machine = run(cupy_backend, """
    program p
    %0: float32[3, 4] = state "w"
    %1: float32[3, 4] = state "v"
    %2: float32[] = state "rate"
    %3: float32[5, 3] = input "x"
    %4: float32[5, 4] = input "g"
    %5: float32[3, 5] = permute_dims(%3, axes=(1, 0))
    %6: float32[3, 4] = matmul(%5, %4)
    %7: float32[3, 4] = multiply(%1, 0.5)
    %8: float32[3, 4] = multiply(%6, %2)
    %9: float32[3, 4] = subtract(%7, %8)
    %10: float32[3, 4] = add(%0, %9)
    %11: float32[] = multiply(%2, 0.5)
    assign %0 = %10
    assign %1 = %9
    assign %2 = %11
    return
    """, steps=4)  # fmt: skip
    (gemm,) = gemms(machine)
    assert gemm.factors is not None
    assert gemm.c == machine.state["v"]


def call(library, *, m=2, n=2, k=2, steps=(2, 2, 2), kinds=(0, 0, 0), compute=68, shift=0, strides=(4, 4, 4), count=1):  # fmt: skip
    """The status of a product."""
    scratch = (ctypes.c_double * 64)()
    place = ctypes.addressof(scratch) + shift
    one = ctypes.c_float(1)
    x, y, z = ((place, kind, step, stride) for kind, step, stride in zip(kinds, steps, strides, strict=True))  # fmt: skip
    return library.cublasGemmStridedBatchedEx(None, 0, 0, m, n, k, ctypes.addressof(one), *x, *y, ctypes.addressof(one), *z, count, compute, -1)  # fmt: skip


@pytest.mark.parametrize(
    ("wrong", "status"),
    [
        ({}, 0), (dict(steps=(1, 2, 2)), 7), (dict(steps=(2, 1, 2)), 7), (dict(steps=(2, 2, 1)), 7), (dict(m=-1), 7), (dict(k=0, steps=(2, 0, 2)), 7), (dict(k=0), 0),
        (dict(m=0, steps=(0, 2, 2)), 7), (dict(n=0), 0), (dict(count=-1), 7), (dict(kinds=(0, 1, 0)), 15), (dict(compute=70), 15), (dict(kinds=(1, 1, 1)), 15), (dict(compute=3), 15),
        (dict(shift=2), 13), (dict(count=2, strides=(0, 0, 2)), 13), (dict(count=2, strides=(0, 0, 4)), 0),
    ],
)  # fmt: skip
def test_the_substitute_refuses_what_cublas_refuses(machine, wrong, status):
    library = blas.open_library("")
    library.cublasSetStream_v2(None, 0)
    assert call(library, **wrong) == status


def test_threads_with_streams_of_their_own_do_not_take_each_others(machine, monkeypatch, always_blas):  # fmt: skip
    """The handle is one for all; between the choice of a stream and the product no other thread may choose."""
    backend = backends.get("cupy")
    cupy = backend._cupy
    monkeypatch.setenv("GRADLOOM_CUDA_GRAPHS", "0")
    program = parse_program("""
    program p
    %0: float32[8, 8] = input "a"
    %1: float32[8, 8] = matmul(%0, %0)
    return y=%1
    """)
    chosen = cublas.Blas.use
    met = threading.Barrier(2)

    def slow(self, *arguments):
        chosen(self, *arguments)
        try:
            # both threads are here at once, if they can be
            met.wait(0.3)
        except threading.BrokenBarrierError:
            met.reset()

    monkeypatch.setattr(cublas.Blas, "use", slow)
    machines = [backend.compile(program) for _ in range(2)]
    streams = [cupy.cuda.Stream(non_blocking=True) for _ in range(2)]
    a = backend.asarray(np.ones((8, 8), np.float32))

    def work(k):
        with streams[k]:
            machines[k].step({}, {"a": a})

    machine.record()
    threads = [threading.Thread(target=work, args=(k,)) for k in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(name for name, what in machine.log if what == "gemm") == sorted(s.name for s in streams)  # fmt: skip
