"""Every primitive on a GPU against NumPy: values, dtypes, errors. More in `test_eager_data_movement` and `test_eager_tensors`."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from beside_numpy import NUMPY, same, some
from grouping import by, grouped

import autograd as ag
from backends.contract import SUPPORTED
from backends.formats import FORMATS
from backends.philox import philox4x32
from backends.primitives import PRIMITIVES

DTYPES = [SUPPORTED[name] for name in SUPPORTED]
ELEMENTWISE = [r for r in PRIMITIVES.values() if r.kind == "elementwise" and r.name != "astype"]
UNARY = [r.name for r in ELEMENTWISE if r.arity == 1 and r.name != "round_to"]
BINARY = [r.name for r in ELEMENTWISE if r.arity == 2]
REDUCTIONS = [r.name for r in PRIMITIVES.values() if r.kind == "reduction"]


def each(names, dtypes):
    """Cases for `grouped`: a test for all dtypes of a name."""
    return {name: [(name, dtype) for dtype in dtypes] for name in names}


@grouped("case", {"every one": [(name, dtype) for name in UNARY for dtype in DTYPES]})
def test_unary(cupy_backend, case):
    name, dtype = case
    for shape in ((), (0, 2), (2, 3)):
        same(cupy_backend, name, some(shape, dtype))


@grouped("format", {"every one": list(FORMATS)})
def test_rounding_to_a_coarser_format(cupy_backend, format):
    drawn = np.random.default_rng(5).integers(0, 2**32, 3000, np.uint64).astype(np.uint32)
    for x in (drawn.view(np.float32), SPECIAL.astype(np.float32), some((), "float32"), some((0, 2), "float32")):  # fmt: skip
        with NUMPY.quiet():
            expected = NUMPY.round_to(x, format=format)
        found = cupy_backend.to_numpy(cupy_backend.round_to(cupy_backend.asarray(x), format=format))
        np.testing.assert_array_equal(found, expected)
    a, b = some((3, 4), "float32", 1) + np.float32(1e-3), some((4, 2), "float32", 2)
    same(cupy_backend, "matmul", a, b, precision=format)


def partners(place, first):
    """Every dtype; on a device, where CuPy compiles kernels for each pair, one of each kind, another one for another `first`."""
    if place == "substitute":
        return DTYPES
    kinds = by(DTYPES, lambda dtype: dtype.kind).values()
    return [kind[DTYPES.index(first) % len(kind)] for kind in kinds]


def test_on_a_device_every_dtype_is_somebodys_partner():
    met = [partners("device", first) for first in DTYPES]
    assert all(sorted(d.kind for d in found) == ["b", "f", "i", "u"] for found in met)
    assert {dtype for found in met for dtype in found} == set(DTYPES)


@grouped("case", each(BINARY, DTYPES))
def test_binary(place, cupy_backend, case):
    name, first = case
    for second in partners(place, first):
        same(cupy_backend, name, some((2, 3), first), some((3,), second, 1))
        same(cupy_backend, name, some((), first), some((2, 1), second, 1))


@grouped("case", each(BINARY, DTYPES))
def test_numbers_are_weak(place, cupy_backend, case):
    name, dtype = case
    for number in (True, 1, 2, 1.5) if place == "substitute" else (True, 2, 1.5):
        same(cupy_backend, name, some((2,), dtype), number)
        same(cupy_backend, name, number, some((2,), dtype))


SPECIAL = np.array([0.0, -0.0, 1.0, -1.0, 0.5, -2.5, 3.0, np.inf, -np.inf, np.nan, 88.0, -88.0])


@grouped("case", {"every one": list(itertools.product([*UNARY, *BINARY], ["float32", "float64"]))})
def test_special_values(cupy_backend, case):
    name, dtype = case
    x = SPECIAL.astype(dtype)
    if PRIMITIVES[name].arity == 1:
        same(cupy_backend, name, x)
        return
    same(cupy_backend, name, x[:, None], x)
    for number in (2, 0.5, -1, -1.0, 3):
        same(cupy_backend, name, x, number)


def test_an_array_at_an_odd_address_after_one_at_a_round_one(cupy_backend):
    """Several elements at once are read only where a device takes the address."""

    def rule(xp, x):
        return xp.exp(x * 2.0)

    whole = cupy_backend.asarray(some((65,), "float32"))
    for part in (whole[:64], whole[1:], whole[:64]):
        found = cupy_backend.to_numpy(cupy_backend.run(rule, part))
        np.testing.assert_allclose(found, np.exp(cupy_backend.to_numpy(part) * 2), rtol=1e-5)


COUNTS = [0, 1, 7, 8, 31, 63, 64, 100, -1]
WORDS = ["int8", "int32", "int64", "uint8", "uint64"]


@grouped("case", {"every one": list(itertools.product(COUNTS, WORDS))})
def test_shifts_of_any_width(cupy_backend, case):
    count, dtype = case
    x = np.array([0, 1, 77, 127], dtype)
    x = np.concatenate([x, -x]) if x.dtype.kind == "i" else x
    shared = max(count, 0)
    same(cupy_backend, "right_shift", x, np.full(x.shape, min(shared, 100), dtype))
    if count >= 0:
        same(cupy_backend, "right_shift", x, count)


def test_powers_of_integers(cupy_backend):
    x = np.array([-2, -1, 0, 1, 3])
    for exponent in (0, 1, 2, 3, -1, 0.5, 2.0, True):
        same(cupy_backend, "power", x, exponent)
    same(cupy_backend, "power", x, np.array([1, 2, 3, 0, 4]))
    same(cupy_backend, "power", x, np.array([1, 2, -3, 0, 4]))
    same(cupy_backend, "power", 2, np.array([0, 5, 1]))
    with pytest.raises(ValueError, match="integers to negative integer powers"):
        cupy_backend.power(cupy_backend.asarray(x), -1)
    with pytest.raises(ag.DTypeError, match="booleans have no powers"):
        cupy_backend.power(cupy_backend.asarray(x > 0), cupy_backend.asarray(x > 0))
    with pytest.raises(ag.DTypeError, match="booleans have no sign"):
        cupy_backend.sign(cupy_backend.asarray(x > 0))


def test_where(cupy_backend):
    condition, a = some((2, 1), bool, low=0, high=2), some((3,), "float32")
    for b in (0.0, 2, True, some((2, 3), "int64")):
        same(cupy_backend, "where", condition, a, b)
        same(cupy_backend, "where", condition, b, a)
    same(cupy_backend, "where", condition, 1.0, 0)
    same(cupy_backend, "where", True, a, some((3,), "float64"))


@grouped("source", {"every one": DTYPES})
def test_astype(cupy_backend, source):
    for target in DTYPES:
        same(cupy_backend, "astype", some((2, 3), source), dtype=target)


KINDS = ["bool", "int8", "uint16", "int64", "float16", "float32", "float64"]
SHAPES = [(), (3,), (2, 3), (2, 3, 4), (0, 2), (0, 0)]


@grouped("case", {name: list(itertools.product([name], KINDS, SHAPES)) for name in REDUCTIONS})
def test_reductions(cupy_backend, case):
    name, dtype, shape = case
    count = len(shape)
    axes = [(i,) for i in range(count)]
    if name not in ("argmax", "argmin"):
        axes += [(), tuple(range(count)), tuple(range(0, count, 2))]
    for axis in axes:
        for keepdims in (True, False):
            same(cupy_backend, name, some(shape, dtype, low=0), axis=axis, keepdims=keepdims)


@grouped("name", {"every one": ["max", "min", "argmax", "argmin", "any", "all", "sum"]})
def test_reductions_of_nan_and_ties(cupy_backend, name):
    x = np.array([[1.0, np.nan, np.nan], [2.0, 2.0, 1.0], [-np.inf, np.inf, 0.0]], "float32")
    for axis in ((0,), (1,)):
        same(cupy_backend, name, x, axis=axis, keepdims=False)


@grouped("case", each(["cumsum", "argsort"], ["bool", "int8", "uint32", "float32", "float64"]))
def test_scans(cupy_backend, case):
    name, dtype = case
    for shape in ((5,), (3, 4), (2, 3, 2), (0,), (2, 0)):
        for axis in range(len(shape)):
            same(cupy_backend, name, some(shape, dtype, low=0), axis=axis)


def test_sorting_is_stable_and_nan_comes_last(cupy_backend):
    x = np.array([2.0, np.nan, 1.0, 2.0, -np.inf, 1.0, np.nan, np.inf] * 40, "float32")
    same(cupy_backend, "argsort", x, axis=0)
    same(cupy_backend, "argsort", np.arange(500) % 7, axis=0)


@grouped("dtype", {"every one": DTYPES})
def test_matmul(cupy_backend, dtype):
    for a, b in (((2, 3), (3, 4)), ((5, 2, 3), (3, 4)), ((2, 1, 2, 3), (4, 3, 2)), ((2, 0), (0, 3)), ((0, 2), (2, 3)), ((2, 3), (2, 3))):  # fmt: skip
        same(cupy_backend, "matmul", some(a, dtype, low=0), some(b, dtype, 1, low=0))
        same(cupy_backend, "matmul", some(a, dtype, low=0), some(b, "float32", 1))


LENGTHS = [(), (0,), (1,), (4,), (5,), (3, 7), (1000, 3)]
KEYS = [(0, 0), (3, 7), (2**64 - 1, 2**64 - 5), (2**33, 2**40 + 1)]


@grouped("case", {"every one": list(itertools.product(LENGTHS, KEYS))})
def test_random_bits(cupy_backend, case):
    shape, (key, counter) = case
    words = [np.array(word, np.uint64) for word in (key, counter)]
    same(cupy_backend, "random_bits", *words, shape=shape)


def test_random_bits_are_those_of_the_paper(cupy_backend):
    """Known answers of Random123: block 0 of key 0."""
    zero = cupy_backend.asarray(np.array(0, np.uint64))
    found = cupy_backend.to_numpy(cupy_backend.random_bits(zero, zero, shape=(4,)))
    assert [int(word) for word in philox4x32((0, 0, 0, 0), (0, 0))] == found.tolist()
    assert found[0] == 0x6627E8D5


@grouped("dtype", {"every one": DTYPES})
def test_full_and_arange(cupy_backend, dtype):
    for value in (0, 1, True, 1.5, -1, 300):
        same(cupy_backend, "full", shape=(2, 3), value=value, dtype=dtype)
    if dtype.kind != "b":
        for start, stop, step in ((0, 5, 1), (5, -5, -2), (0, 0, 1), (0.5, 4, 0.5), (1.5, 9, 2)):
            if dtype.kind == "u" and min(start, stop) < 0:
                continue
            same(cupy_backend, "arange", start=start, stop=stop, step=step, dtype=dtype)
