"""Kernels where numbers are hard: rows and columns cut in parts, NaN and infinities, the ends of integers, views, wide indices."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
from comparing import NUMPY
from substitute import host
from substitute.on_host import OnHost

from backends.contract import Spec
from backends.cuda import kernel, lower
from backends.program import TraceBackend, format_program, interpret, parse_program
from backends.program.ir import Value
from backends.shapes import Slot

pytestmark = pytest.mark.once


def traced(work, arrays):
    """The program of `work` on symbols for arrays."""
    trace = TraceBackend()
    symbols = [trace.parameter(Spec(a.shape, a.dtype), "input", f"x{i}") for i, a in enumerate(arrays)]  # fmt: skip
    found = work(trace, *symbols)
    found = found if isinstance(found, tuple) else (found,)
    return trace.finish("p", [], [(f"y{i}", y) for i, y in enumerate(found)])


def on_the_host(program, inputs):
    """The lowered program, and what its kernels give one by one, from memory full of NaN."""
    lowered = lower.lower(program)
    on_host = OnHost(lowered)
    on_host.run({program.named("input")[n]: a for n, a in inputs.items()})
    outputs = {n: np.array(on_host.value(value)) for n, value in lowered.program.outputs}
    return lowered, outputs


def on_the_device(backend, program, inputs):
    """The same by an executable: several kernels by a graph or by one kernel."""
    executable = backend.compile(program)
    outputs = executable.step({}, {n: backend.asarray(a) for n, a in inputs.items()})
    return executable.lowered, {n: backend.to_numpy(a) for n, a in outputs.items()}


@pytest.fixture
def check(place, cupy_backend):
    """Holds a program on the kernels of a device against the interpreter: same dtypes, NaN in the same places, the same numbers."""

    def checked(work, *arrays, tolerance=0.0, wide=None, bits=False):
        program = traced(work, arrays)
        inputs = {f"x{i}": np.array(a, order="C") for i, a in enumerate(arrays)}
        run = on_the_host if place == "substitute" else partial(on_the_device, cupy_backend)
        lowered, outputs = run(program, inputs)
        with NUMPY.quiet():
            _, expected = interpret(program, NUMPY, {}, inputs)
        for name, value in lowered.program.outputs:
            assert isinstance(value, Value)
            found, right = outputs[name], np.asarray(expected[name])
            assert (found.dtype, found.shape) == (right.dtype, right.shape)
            np.testing.assert_allclose(found, right, tolerance, tolerance, err_msg=format_program(program))  # fmt: skip
            if bits:
                assert np.array_equal(np.signbit(found), np.signbit(right)), (found, right)
        kernels = [c.kernel for c in lowered.calls if c.kernel]
        if wide is not None:
            assert {k.wide for k in kernels} == {wide}
        return kernels

    return checked


def reduced(t, name, x, axis):
    """`x` reduced along some axes; truths are taken of what is not 0."""
    return getattr(t, name)(t.not_equal(x, 0.0) if name in ("any", "all") else x, axis=axis, keepdims=False)


RNG = np.random.default_rng(0)
REDUCTIONS = ["sum", "max", "min", "argmax", "argmin", "prod", "any", "all"]


@pytest.mark.parametrize("shape", [(100_000,), (3, 100_003), (17, 16_384), (100_001, 3), (1024, 33), (5000, 2, 2)], ids=str)  # fmt: skip
@pytest.mark.parametrize("axis", [0, -1])
def test_long_rows_and_columns(check, shape, axis):
    x = RNG.integers(-3, 4, shape).astype(np.float32)
    factors = np.where(RNG.random(shape) < 1e-4, -2, 1).astype(np.float32)
    along = (axis % len(shape),)
    names = ("sum", "max", "argmin", "all")
    kernels = check(lambda t, x, f: (*(reduced(t, name, x, along) for name in names), reduced(t, "prod", f, along)), x, factors)  # fmt: skip
    if x.shape[axis] >= 16_384 and x.size // x.shape[axis] < 128 and (axis == -1 or len(shape) > 1):
        assert any("partial" in k.name for k in kernels)


def ends_of(kind):
    """The smallest and the largest of a dtype, and what is next to them."""
    if kind.kind in "iu":
        info = np.iinfo(kind)
        return np.array([info.min, info.max, 0, 1, info.max - 1, info.min + 1], kind)
    if kind.kind == "f":
        info = np.finfo(kind)
        return np.array([info.min, info.max, 0, 1, -info.tiny, info.tiny], kind)
    return np.array([False, True, False, False, True, True])


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64", "float32", "float64", "bool"])  # fmt: skip
def test_the_ends_of_every_dtype(check, dtype):
    ends = ends_of(np.dtype(dtype))
    x = np.concatenate([np.tile(ends, (7, 3)), np.full((2, 18), ends.min()), np.full((2, 18), ends.max())])  # fmt: skip
    # there is no largest truth; a sum of such numbers depends on its order
    left_out = {"b": ("max", "min"), "f": ("sum",)}.get(ends.dtype.kind, ())
    names = [n for n in ("max", "min", "argmax", "argmin", "sum", "any") if n not in left_out]
    tolerance = 1e-6 if ends.dtype.kind == "f" else 0
    for axis in (0, 1):

        def work(t, x, axis=axis):
            return tuple(getattr(t, name)(x, axis=(axis,), keepdims=False) for name in names)

        check(work, x, tolerance=tolerance)
        check(work, np.tile(x, (400, 1) if axis == 0 else (1, 2000)), tolerance=tolerance)


SPECIAL = np.array([np.nan, np.inf, -np.inf, -0.0, 0.0, 1.0, -1.0, 5e-324, 1e308])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_reductions_of_what_is_no_number(check, dtype):
    names = ("max", "min", "argmax", "argmin", "sum", "prod")
    with np.errstate(all="ignore"):
        x = np.array(np.meshgrid(SPECIAL, SPECIAL, SPECIAL)).reshape(3, -1).astype(dtype)
    check(lambda t, x: tuple(reduced(t, name, x, (axis,)) for axis in (0, 1) for name in names), x, tolerance=1e-6)  # fmt: skip


@pytest.mark.parametrize("axis", [0, 1])
def test_two_totals_alike_in_one_kernel(check, axis):
    """Both lie in the same memory of a block, one after the other."""
    x = RNG.integers(-3, 4, (100, 70)).astype(np.float32)
    kernels = check(lambda t, x: (reduced(t, "sum", x, (axis,)), reduced(t, "sum", t.multiply(x, 2.0), (axis,))), x)  # fmt: skip
    assert len(kernels) == 1


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_pairs_of_what_is_no_number(check, dtype):
    compared = ("less", "less_equal", "greater", "greater_equal", "equal", "not_equal")
    computed = ("maximum", "minimum", "add", "multiply", "subtract", "divide")
    with np.errstate(all="ignore"):
        a, b = (g.astype(dtype) for g in np.meshgrid(SPECIAL, SPECIAL))
    for names in (compared, computed):
        check(lambda t, a, b, n=names: tuple(getattr(t, name)(a, b) for name in n), a, b, bits=names == compared)  # fmt: skip


def test_numbers_of_every_kind(check):
    x = np.array([1.0, -1.0, 0.0, np.nan], np.float32)
    numbers = (np.nan, np.inf, -np.inf, -0.0, 1e300, 1e-320, 2**63 - 1, 0.1, True)

    def work(t, x):
        wide = t.astype(x, dtype=np.dtype("float64"))
        return tuple(y for n in numbers for y in (t.maximum(x, n), t.add(x, n), t.multiply(wide, n)))

    with np.errstate(over="ignore"):
        check(work, x)


def test_integer_numbers(check):
    x = np.array([1, -1, 2**62, -(2**63), 2**63 - 1])
    numbers = (2**63 - 1, -(2**63), 255, -1, 2**31)
    check(lambda t, x: tuple(y for n in numbers for y in (t.maximum(x, n), t.less(x, n), t.where(t.less(x, 0), x, n))), x)  # fmt: skip


VIEWS = {
    "turned": lambda t, x: t.permute_dims(x, axes=(1, 0)),
    "backwards": lambda t, x: t.getitem(x, key=(slice(None, None, -1), slice(None, None, -1))),
    "every other": lambda t, x: t.getitem(x, key=(slice(1, None, 2), slice(None, None, 3))),
    "shifted": lambda t, x: t.getitem(x, key=(slice(None), slice(1, 29))),
    "shifted by a pack": lambda t, x: t.getitem(x, key=(slice(None), slice(4, 28))),
    "one row": lambda t, x: t.getitem(x, key=(3,)),
    "repeated": lambda t, x: t.broadcast_to(t.getitem(x, key=(slice(2, 3),)), shape=(5, 32)),
    "repeated along": lambda t, x: t.broadcast_to(t.getitem(x, key=(slice(None), slice(2, 3))), shape=(16, 9)),
    "windows": lambda t, x: t.windows(x, axes=(1,), size=(3,), stride=(2,), dilation=(2,)),
}  # fmt: skip


@pytest.mark.parametrize("dtype", ["float32", "float64", "int8", "bool"])
def test_views(check, dtype, full):
    """Every view in every dtype; every other one unless the run is full."""
    x = RNG.integers(0, 2 if dtype == "bool" else 5, (16, 32)).astype(dtype)
    first = ["float32", "float64", "int8", "bool"].index(dtype) % 2
    for view in list(VIEWS)[0 if full else first :: 1 if full else 2]:

        def work(t, x, view=view):
            y = t.astype(VIEWS[view](t, x), dtype=np.dtype("int64"))
            ahead, back = tuple(range(y.ndim)), (y.ndim - 1,)
            return t.add(y, 1), t.sum(y, axis=ahead, keepdims=False), t.sum(y, axis=back, keepdims=False), t.sum(y, axis=(0,), keepdims=False), t.max(y, axis=back, keepdims=True)  # fmt: skip

        check(work, x)


@pytest.mark.parametrize("shape", [(0, 4), (4, 0), (0, 0), (2, 0, 3), (0,)], ids=str)
def test_nothing(check, shape):
    x = np.zeros(shape, np.float32)
    every = tuple(range(len(shape)))
    check(lambda t, x: (t.add(x, 1.0), t.sum(x, axis=(0,), keepdims=False), t.sum(x, axis=every, keepdims=False), t.prod(x, axis=(len(shape) - 1,), keepdims=True), t.any(t.less(x, 1), axis=every, keepdims=False), t.all(t.less(x, 1), axis=(0,), keepdims=False)), x)  # fmt: skip


def test_scalars(check):
    check(lambda t, a, b: (t.add(a, b), t.exp(a), t.sum(a, axis=(), keepdims=False), t.where(t.less(a, b), a, b), t.reshape(a, shape=(1, 1))), np.array(1.5), np.array(-2.0), tolerance=1e-15)  # fmt: skip


@pytest.fixture
def small_is_large(monkeypatch):
    monkeypatch.setattr(kernel, "_WIDE_FROM", 1)


WINDOW = dict(axes=(1,), size=(3,), stride=(2,), dilation=(1,))
WIDE = {
    "add": lambda t, x: t.add(x, 1.0),
    "turned": lambda t, x: t.add(t.permute_dims(x, axes=(1, 0)), 1.0),
    "windows": lambda t, x: t.windows_add(t.windows(x, **WINDOW), **WINDOW, shape=(12, 40)),
    "matmul": lambda t, x: t.matmul(x, t.permute_dims(x, axes=(1, 0))),
    "concat": lambda t, x: t.concat(x, x, axis=1),
    "pad": lambda t, x: t.pad(x, pad_width=((1, 2), (0, 3)), value=2),
    "arange": lambda t, x: t.add(x, t.arange(start=1, stop=41, step=1, dtype=np.dtype("float32"))),
}  # fmt: skip


@pytest.mark.usefixtures("small_is_large")
def test_wide_indices_give_the_same(check):
    x = RNG.integers(-3, 4, (12, 40)).astype(np.float32)
    index = np.array([3, 0, 3, -1])
    for work in WIDE.values():
        check(work, x, wide=True)
    check(lambda t, x, i: t.getitem(x, i, key=(Slot(0),)), x, index, wide=True)
    check(lambda t, x, i: t.index_add(x, i, key=(Slot(0),), shape=(9, 40)), x[:4], index, wide=True)
    check(lambda t, k, c: t.random_bits(k, c, shape=(33,)), np.array(5, np.uint64), np.array(2**63, np.uint64), wide=True)  # fmt: skip


@pytest.mark.usefixtures("small_is_large")
def test_reductions_with_wide_indices_give_the_same(check):
    x = RNG.integers(-3, 4, (12, 40)).astype(np.float32)
    for axis in ((0,), (1,), (0, 1)):
        names = [n for n in REDUCTIONS if not (n.startswith("arg") and len(axis) > 1)]
        check(lambda t, x, names=names, axis=axis: tuple(reduced(t, n, x, axis) for n in names), x, wide=True)  # fmt: skip
    large = np.where(RNG.random((2, 20_000)) < 0.001, 2, 1).astype(np.float32)
    check(lambda t, x: tuple(reduced(t, n, t.subtract(x, 1.0) if n in ("any", "all") else x, (1,)) for n in REDUCTIONS), large, wide=True)  # fmt: skip


LARGE = [(2**31,), (2**16, 2**15), (2**30, 2), (3, 2**30)]


@pytest.mark.skipif(host.COMPILER is None, reason=host.REASON)
@pytest.mark.parametrize("what", ["add", "rows", "columns", "turned"])
def test_the_wide_text_is_chosen_where_indices_need_it(what):
    """Compiled, not run: such an array has gigabytes."""
    found = []
    for shape in LARGE:
        trace = TraceBackend()
        x = trace.parameter(Spec(shape, np.dtype("int8")), "input", "x")
        works = {
            "add": lambda t, x: t.add(x, 1),
            "rows": lambda t, x: t.sum(x, axis=(len(x.shape) - 1,), keepdims=False),
            "columns": lambda t, x: t.sum(x, axis=(0,), keepdims=False),
            "turned": lambda t, x: t.add(t.permute_dims(x, axes=tuple(range(len(x.shape)))[::-1]), 1),
        }
        program = trace.finish("p", [], [("y", works[what](trace, x))])
        kernels = [c.kernel for c in lower.lower(program).calls if c.kernel]
        assert any(k.wide for k in kernels)
        found += kernels
    host.prepare(k.source for k in found)
    for k in found:
        host.HostModule(k.source)
        most = 2**63 if k.wide else 2**31
        assert all(abs(n) < most for n in k.integers)
        assert k.grid[0] < 2**31
        assert k.grid[1] <= 65535


@pytest.mark.gpu
def test_more_elements_than_32_bits_count_on_the_device(device):
    """In a compiled step, in bytes: 2 GB of state, as much of what is computed."""
    free, _ = device._cupy.cuda.runtime.memGetInfo()
    if free < 12 << 30:
        pytest.skip(f"{free:,} bytes of the device are free, twelve gigabytes are needed")
    size = 2**31 + 5
    program = parse_program(f"""
    program large
    %0: int8[{size}] = state "x"
    %1: int8[{size}] = add(%0, 1)
    %2: int64[] = sum(%1, axis=(0,), keepdims=False)
    %3: int8[3] = getitem(%1, key=(slice({size - 3}, {size}, None),))
    assign %0 = %1
    return y=%2, z=%3
    """)
    executable = device.compile(program)
    assert any(call.kernel.wide for call in executable.calls if call.kernel)
    state = {"x": device._cupy.zeros(size, np.int8)}
    for number in (1, 2):
        outputs = executable.step(state, {})
        assert int(device.to_numpy(outputs["y"])) == number * size
        assert device.to_numpy(outputs["z"]).tolist() == [number] * 3
