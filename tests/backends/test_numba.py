"""Kernels against the rules they were made from: every op, forward and backward, and the functions they are built of."""

from __future__ import annotations

import importlib
import itertools
import math
import os
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

import autograd as ag
import backends
from autograd.ops import NAMESPACE, OPS
from autograd.testing import samples

pytest.importorskip("numba", reason="the extra gradloom[cpu] is not installed")

from skeletons import DTYPES, dtypes_of, skeleton, sources_of

from backends.contract import Spec
from backends.numba import NumbaBackend, kernels, mathematics
from backends.numba import backend as numba_backend
from backends.numba.kernels import source_of

ROOT = Path(__file__).resolve().parent.parent.parent
NUMPY = backends.get("numpy")
NUMBA = NumbaBackend(fuse_from=0, threads=2)
TOLERANCE = {"float32": dict(rtol=3e-6, atol=1e-6), "float64": dict(rtol=2e-14, atol=1e-14)}
SPECIAL = [0.0, -0.0, 1.0, -1.0, 1e-45, -1e-45, 1e-310, 3e38, -3e38, math.inf, -math.inf, math.nan, 0.5, 88.8, -88.8, 110.0, -110.0]  # fmt: skip
UNARY = [op.name for op in OPS.values() if op.arrays == ("x",) and not op.variadic and not op.static]


def values_and_gradients(op, static, arrays, backend):
    """The result of an op, and the gradient of each input that has one, for fixed weights."""
    tensors = [ag.tensor(array, backend=backend) for array in arrays]
    names = [*op.arrays, *[op.variadic] * len(tensors)]
    for tensor, name in zip(tensors, names, strict=False):
        tensor.requires_grad = name in op.vjp and tensor.dtype.kind == "f"
    with NUMPY.quiet():
        y = getattr(NAMESPACE, op.name)(*tensors, **static)
        if y.requires_grad:
            weights = np.random.default_rng(1).uniform(0.5, 1.5, y.shape)
            y.backward(ag.tensor(weights.astype(y.dtype), backend=backend))
    return [y.numpy(), *(t.grad.numpy() for t in tensors if t.grad is not None)]


def compare(op, static, arrays, dtype):
    """An op on Numba and on NumPy."""
    found = values_and_gradients(op, static, arrays, NUMBA)
    expected = values_and_gradients(op, static, arrays, NUMPY)
    for mine, theirs in zip(found, expected, strict=True):
        assert (mine.shape, mine.dtype) == (theirs.shape, theirs.dtype)
        np.testing.assert_allclose(mine, theirs, **TOLERANCE[dtype])
    return zip(found, expected, strict=True)


@pytest.mark.parametrize("name", OPS)
def test_every_op_gives_what_numpy_gives(name, full):
    """All samples; of those whose kernels differ only in what they read, the first, unless the run is full."""
    op, seen = OPS[name], set()
    for dtype, sample in itertools.product(dtypes_of(name, OPS, full), samples(op)):
        arrays = [a.astype(dtype) if a.dtype.kind == "f" else a for a in sample.inputs]
        needed = set(
            map(
                skeleton,
                sources_of(lambda b, s=sample, a=arrays: values_and_gradients(op, s.static, a, b)),
            )
        )
        if full or not needed or needed - seen:
            seen |= needed
            compare(op, sample.static, arrays, dtype)


@pytest.mark.parametrize("name", UNARY)
def test_special_values_and_every_length(name, full, monkeypatch):
    """NaN, infinities, signed zeros and subnormals; lengths around the width of vectors and the parts of threads."""
    monkeypatch.setattr(kernels, "SHARE_FROM", 20_000)
    lengths = [1, 2, 15, 16, 17, 63, 1000, 65536, 65551, 131075]
    for dtype in dtypes_of(name, OPS, full):
        with np.errstate(over="ignore"):
            special = np.array(SPECIAL).astype(dtype)
        draw = np.random.default_rng(0)
        for n in lengths:
            compare(OPS[name], {}, [draw.normal(0, 3, n).astype(dtype)], dtype)
        for mine, theirs in compare(OPS[name], {}, [special], dtype):
            if mine.dtype.kind == "f":
                zero = (mine == 0) & (theirs == 0)
                assert np.array_equal(np.signbit(mine[zero]), np.signbit(theirs[zero]))


ROWS = {
    "softmax": lambda x: ag.softmax(x),
    "log_softmax": lambda x: ag.log_softmax(x, axis=(1, 2)),
    "logsumexp": lambda x: ag.logsumexp(x, axis=2),
    "var": lambda x: ag.var(x, axis=(1, 2), keepdims=True),
    "std of all": lambda x: ag.std(x),
    "norm": lambda x: ag.norm(x, axis=-1),
    "max": lambda x: ag.max(x, axis=2) * ag.min(x, axis=2),
    "a column": lambda x: ag.sigmoid_cross_entropy(x, x[0, 0].detach() * 0.1),
    "a number": lambda x: ag.sigmoid_cross_entropy(x, x[0, 0, 0].detach() * 0.1),
    "a number a row": lambda x: ag.sigmoid_cross_entropy(x, x[:, :, :1].detach() * 0.1),
    "across": lambda x: ag.softmax(x, axis=0),
}


@pytest.mark.parametrize("name", ROWS)
def test_rows_and_columns(name, full):
    """One row and one column make kernels of their own: for every other function, unless the run is full."""
    shapes = [(2, 3, 5), (40, 7, 300), (1, 1, 5000)]
    if full or list(ROWS).index(name) % 2 == 0:
        shapes += [(1, 1, 1), (5000, 1, 1)]
    like = name.split()[0] if name.split()[0] in OPS else "sigmoid_cross_entropy"
    for shape, dtype in itertools.product(shapes, dtypes_of(like, OPS, full)):
        check_rows(ROWS[name], dtype, shape)


def check_rows(function, dtype, shape):
    """Values and gradients of a function of rows."""
    array = np.random.default_rng(0).normal(size=shape).astype(dtype)
    results = []
    for backend in (NUMBA, NUMPY):
        x = ag.tensor(array, backend=backend, requires_grad=True)
        y = function(x)
        (y * y).sum().backward()
        results.append((y.numpy(), x.grad.numpy()))
    for mine, theirs in zip(*results, strict=True):
        scale = max(1.0, float(np.abs(theirs).max()))
        tolerance = TOLERANCE[dtype]
        np.testing.assert_allclose(mine / scale, theirs / scale, rtol=1e3 * tolerance["rtol"], atol=10 * tolerance["atol"])  # fmt: skip


def test_rows_with_nan_and_infinity():
    array = np.random.default_rng(0).normal(size=(6, 9)).astype("float32")
    array[0, 3], array[1, 4], array[2, 5], array[3] = np.nan, np.inf, -np.inf, -np.inf
    for name in ("min", "max"):
        for x in (array, -array):

            def rule(xp, x, name=name):
                return getattr(xp, name)(x * 2.0, axis=(1,), keepdims=False)

            assert source_of(rule, [Spec(x.shape, x.dtype)], {}) is not None
            with NUMPY.quiet():
                np.testing.assert_array_equal(NUMBA.run(rule, x), NUMPY.run(rule, x))
    for function in (ag.softmax, ag.log_softmax, ag.logsumexp, lambda x, axis: ag.var(x, axis)):
        with NUMPY.quiet():
            found, expected = (function(ag.tensor(array, backend=b), axis=1).numpy() for b in (NUMBA, NUMPY))
        np.testing.assert_allclose(found, expected, **TOLERANCE["float32"])


@pytest.mark.parametrize("order", ["transposed", "strided", "reversed", "repeated"])
def test_memory_layouts(order):
    base = np.random.default_rng(0).normal(size=(60, 80)).astype("float32")
    array = {
        "transposed": base.T,
        "strided": base[::2, ::3],
        "reversed": base[::-1, ::-1],
        "repeated": np.broadcast_to(base[:1, :1], (50, 70)),
    }[order]
    for op in ("sigmoid", "softmax", "std"):
        results = [getattr(ag, op)(ag.Tensor.wrap(array, backend)).numpy() for backend in (NUMBA, NUMPY)]
        np.testing.assert_allclose(*results, rtol=2e-5, atol=1e-6)


def test_the_gradient_of_a_sum_is_read_as_one_number():
    array = np.random.default_rng(0).normal(size=(300, 400)).astype("float32")
    grads = []
    for backend in (NUMBA, NUMPY):
        x = ag.tensor(array, backend=backend, requires_grad=True)
        ag.silu(x).sum().backward()
        grads.append(x.grad.numpy())
    np.testing.assert_allclose(*grads, rtol=1e-5, atol=1e-6)


def test_one_number_repeated_and_then_an_array_of_its_shape():
    def rule(xp, x):
        return xp.exp(x) * 2.0

    array = np.random.default_rng(0).normal(size=(6, 9)).astype("float32")
    for x in (np.broadcast_to(np.float32(0.5), array.shape), array, array[:1].repeat(6, axis=0)):
        np.testing.assert_allclose(NUMBA.run(rule, x), NUMPY.run(rule, x), rtol=1e-6)


def test_results_do_not_depend_on_the_number_of_threads(monkeypatch):
    monkeypatch.setattr(kernels, "SHARE_FROM", 0)
    # rows that take so long that threads are in the middle of some at the same time, on a busy machine, too
    array = np.random.default_rng(0).standard_normal((103, 40_007), "float32")
    for rule, static in ((ag.gelu.op, {"approximate": "tanh"}) if hasattr(ag, "gelu") else (ag.silu.op, {}), (ag.softmax.op, {"axis": (1,)})):  # fmt: skip
        results = {
            NumbaBackend(0, threads).run(rule.forward, array, **static).tobytes() for threads in (1, 2, 3, 7)
        }
        assert len(results) == 1


def test_arithmetic_is_bit_equal():
    """Only sums and the functions of `mathematics` may differ from NumPy in the last bit."""

    @ag.op(vjp=dict(a=lambda xp, g: g, b=lambda xp, g: g))
    def mixture(xp, a, b):
        return (a * b + 0.3) / (b - a * 1.7) - xp.sqrt(xp.abs(a)) * 2

    draw = np.random.default_rng(0)
    for dtype in ("float32", "float64"):
        a, b = (draw.normal(size=100_003).astype(dtype) for _ in range(2))
        assert source_of(mixture.op.forward, [Spec(a.shape, a.dtype)] * 2, {})
        found, expected = (mixture(ag.tensor(a, backend=k), ag.tensor(b, backend=k)).numpy() for k in (NUMBA, NUMPY))  # fmt: skip
        assert found.tobytes() == expected.tobytes()


@pytest.mark.parametrize("exponent", [1, 2, 3, 0.5, -1, 2.0])
def test_powers_that_are_products_and_roots(exponent, full):
    for dtype in dtypes_of(exponent, [1, 0.5, 2, -1, 3], full):
        check_power(exponent, dtype)


def check_power(exponent, dtype):
    """A power and its gradient for a constant exponent."""
    with np.errstate(over="ignore"):
        values = np.array([*SPECIAL, 2.5, 7.0]).astype(dtype)
    arrays = [values[~np.isnan(values)] if exponent == 0.5 else values]
    rules = [lambda xp, x: xp.power(x, exponent) + 1.0, OPS["power"].vjp["a"]]
    spec = Spec(arrays[0].shape, arrays[0].dtype)
    assert source_of(rules[0], [spec], {}) is not None
    with NUMPY.quiet():
        found, expected = (b.run(rules[0], arrays[0]) for b in (NUMBA, NUMPY))
        np.testing.assert_allclose(found, expected, **TOLERANCE[dtype])
        slopes = [b.run(rules[1], np.ones_like(arrays[0]), arrays[0], exponent) for b in (NUMBA, NUMPY)]  # fmt: skip
        np.testing.assert_allclose(*slopes, **TOLERANCE[dtype])


def test_a_changing_number_does_not_make_a_new_kernel():
    backend = NumbaBackend(fuse_from=0)

    def scaled(xp, x, factor):
        return xp.tanh(x * factor) + factor

    x = np.linspace(-1, 1, 50)
    for i in range(30):
        factor = 0.3 + i
        np.testing.assert_allclose(backend.run(scaled, x, factor), np.tanh(x * factor) + factor, rtol=1e-14)
    (calls,) = backend._calls.values()
    assert len({id(call.function) for call in calls.values()}) == 1


def test_what_has_no_kernel_runs_on_numpy():
    backend = NumbaBackend(fuse_from=0)
    x = np.arange(12.0).reshape(3, 4)
    half = x.astype("float16")
    assert backend.run(ag.sigmoid.op.forward, half).dtype == np.float16
    assert backend.run(ag.add.op.forward, x, x) is not x
    assert source_of(ag.add.op.forward, [Spec((3,), x.dtype)] * 2, {}) is None
    assert source_of(ag.cumsum.op.forward, [Spec((3, 4), x.dtype)], {"axis": 0}) is None
    with pytest.raises(ag.AxisError):
        ag.sum(ag.tensor(x, backend=backend), axis=5)


def test_a_rule_that_looks_at_values_runs_on_numpy():
    @ag.op(vjp=dict(x=lambda xp, g: g))
    def peeking(xp, x):
        return x * 2 if float(xp.sum(x, axis=(0,), keepdims=False)) > 0 else x * 3

    for sign in (1.0, -1.0):
        x = np.full(20_000, sign)
        assert peeking(ag.tensor(x, backend=NUMBA)).numpy()[0] == (2.0 if sign > 0 else -3.0)


def test_two_threads_share_a_backend(monkeypatch):
    monkeypatch.setattr(kernels, "SHARE_FROM", 0)
    backend = NumbaBackend(fuse_from=0, threads=2)
    arrays = [np.random.default_rng(i).normal(size=(300, 500)) for i in range(4)]
    expected = [backend.run(ag.softmax.op.forward, a, axis=(1,)) for a in arrays]
    wrong = []

    def work(array, result):
        for _ in range(30):
            if not np.array_equal(backend.run(ag.softmax.op.forward, array, axis=(1,)), result):
                wrong.append(array)

    threads = [threading.Thread(target=work, args=pair) for pair in zip(arrays, expected, strict=True)]  # fmt: skip
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


FORKING = """
import os
import numpy as np
import autograd as ag
from backends.numba import NumbaBackend, kernels

kernels.SHARE_FROM = 0
backend = NumbaBackend(fuse_from=0, threads=2)
x = np.random.default_rng(0).normal(size=(400, 500))
expected = backend.run(ag.softmax.op.forward, x, axis=(1,))
child = os.fork()
if child == 0:
    good = np.array_equal(backend.run(ag.softmax.op.forward, x, axis=(1,)), expected)
    fresh = backend.run(ag.logsumexp.op.forward, x, axis=(1,), keepdims=False)
    os._exit(0 if good and fresh.shape == (400,) else 1)
assert os.waitpid(child, 0)[1] == 0
print("the child computed")
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_a_forked_child_has_threads_of_its_own():
    """In a process of its own: other libraries in this one may not survive a fork."""
    done = subprocess.run(
        [sys.executable, "-c", FORKING], cwd=ROOT, capture_output=True, text=True, check=False, timeout=120
    )  # fmt: skip
    assert done.stdout == "the child computed\n", done.stderr


def test_settings():
    with pytest.raises(backends.BackendError, match="at least 1"):
        NumbaBackend(threads=0)
    backend = NumbaBackend()
    backend.threads = 3
    assert backend.threads == 3
    assert backends.get("numba").name == "numba"


ULP = {
    # function: (largest error in units in the last place for float32, for float64)
    "exp": (1.0, 1.1),
    "expm1": (1.5, 2.0),
    "log": (0.9, 1.0),
    "log1p": (1.3, 1.5),
    "tanh": (2.5, 3.0),
    "erf": (1.5, 2.0),
}


def line_of(dtype, full):
    """Every 4,999th float32, or doubles of every size; a quarter of them unless the run is full."""
    if dtype == "float32":
        return np.arange(0, 2**32, 4999 if full else 19_997, dtype=np.uint32).view(np.float32)
    draw, count = np.random.default_rng(0), 200_000 if full else 50_000
    bits = draw.integers(0, 2**64, count, dtype=np.uint64).view(np.float64)
    return np.concatenate([SPECIAL, bits, draw.uniform(-800, 800, count), draw.normal(0, 2, count)])


def exactly(name, x):
    """In NumPy's long double; the error function, which NumPy lacks, from Python's math in double."""
    if name == "erf":
        return np.array([math.erf(value) for value in x.tolist()], np.longdouble)
    return getattr(np, name)(x.astype(np.longdouble))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", ULP)
def test_error_of_the_functions(name, dtype, full):
    x = line_of(dtype, full)

    def function(xp, x):  # two instructions: a single one is left to NumPy
        return xp.negative(getattr(xp, name)(x))

    found = -NUMBA.run(function, x)
    assert source_of(function, [Spec(x.shape, x.dtype)], {}) is not None
    with NUMPY.quiet():
        exact = exactly(name, x)
        rounded = exact.astype(dtype)
        assert np.array_equal(np.isnan(found), np.isnan(exact))
        finite = np.isfinite(rounded) & np.isfinite(found)
        assert (np.isinf(found) <= (np.abs(exact) > np.finfo(dtype).max * (1 - 1e-7))).all()
        assert np.array_equal(np.signbit(found[finite]), np.signbit(exact[finite]))
        error = np.abs(found - exact)[finite] / np.spacing(np.abs(rounded[finite])).astype(np.longdouble)  # fmt: skip
    assert error.max() <= ULP[name][dtype == "float64"]


def test_every_function_has_both_precisions():
    names = [
        n
        for n in vars(mathematics)
        if n.endswith(("_single", "_double")) and "tail" not in n and "power_of_two" not in n
    ]
    bases = {n.rpartition("_")[0] for n in names}
    assert len(names) == 2 * len(bases)
    assert bases == set(ULP)


def test_numpy_draws_and_sorts_until_a_compiled_function_pays(monkeypatch):
    """The bits are the same on both sides of the border."""
    asked = []
    library = numba_backend._library
    monkeypatch.setattr(numba_backend, "_library", lambda: asked.append(1) or library())
    key, counter = np.array(7, np.uint64), np.array(3, np.uint64)
    keys = np.random.default_rng(0).integers(0, 50, 4000).astype(np.uint64)
    backend, plain = NumbaBackend(), backends.get("numpy")
    for shape in [(5,), (300, 300)] * 8:
        np.testing.assert_array_equal(
            backend.random_bits(key, counter, shape=shape), plain.random_bits(key, counter, shape=shape)
        )
        np.testing.assert_array_equal(backend.argsort(keys, axis=0), plain.argsort(keys, axis=0))
    assert 5 < len(asked) < 25
    asked.clear()
    NumbaBackend().random_bits(key, counter, shape=(1 << 20,))
    NumbaBackend(fuse_from=0).random_bits(key, counter, shape=(1,))
    assert len(asked) == 2


def test_the_private_blas_leaves_the_environment_as_it_was(monkeypatch):
    """Its threads are told to sleep when it is loaded, unless somebody has told them something else."""
    blas = pytest.importorskip("scipy_openblas32") and importlib.import_module("backends.native.blas")
    path = blas._library()._name
    seen = []
    monkeypatch.setattr(blas.ctypes, "CDLL", lambda path: seen.append(os.environ.get(blas._TIMEOUT)))
    monkeypatch.delenv(blas._TIMEOUT, raising=False)
    blas._loaded(path)
    assert blas._TIMEOUT not in os.environ
    monkeypatch.setenv(blas._TIMEOUT, "20")
    blas._loaded(path)
    assert seen == ["4", "20"]
    assert os.environ[blas._TIMEOUT] == "20"
