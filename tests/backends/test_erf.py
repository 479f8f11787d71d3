"""The error function against math.erf, value by value: NumPy has none, so this one is our own arithmetic."""

from __future__ import annotations

import ast
import math
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

import backends
from backends import coefficients
from backends.contract import SUPPORTED
from backends.numpy.special import erf

NUMPY = backends.get("numpy")
DRAW = np.random.default_rng(20)
GRIDS = {
    "all that is not 1": np.linspace(-6.5, 6.5, 100_001),
    "around the seam of the two pieces": np.linspace(0.999, 1.001, 20_001),
    "normal": DRAW.normal(size=50_000) * 1.5,
    "every size": 10.0 ** DRAW.uniform(-307, 2, 50_000) * DRAW.choice([-1, 1], 50_000),
    "subnormal": DRAW.uniform(-2.2e-308, 2.2e-308, 5_000),
}


def reference(x):
    return np.array([math.erf(value) for value in x.tolist()])


@pytest.mark.parametrize("name", GRIDS)
def test_within_two_units_in_the_last_place_of_the_c_library(name):
    """Either side may be off by one: math.erf itself is within 0.94, ours within 1.16 of the true value."""
    x = GRIDS[name]
    expected, found = reference(x), erf(x)
    assert np.max(np.abs(found - expected) / np.spacing(np.abs(expected))) <= 2
    np.testing.assert_allclose(found, expected, rtol=3e-16, atol=5e-324)
    assert np.array_equal(erf(-x), -found)


@pytest.mark.oracle
def test_within_a_few_1e_16_of_the_true_value():
    mpmath = pytest.importorskip("mpmath")
    worst = 0.0
    with mpmath.workdps(40):
        for value in np.concatenate([np.linspace(-6.2, 6.2, 3001), [1e-300, 1e-20, 0.9999999]]):
            true = mpmath.erf(mpmath.mpf(float(value)))
            if true:
                worst = max(worst, float(abs(erf(value) - true) / abs(true)))
    assert 0 < worst < 1.7e-16


def test_special_values():
    x = np.array([math.inf, -math.inf, math.nan, 0.0, -0.0, 5e-324, -5e-324, 1e308, -30.0])
    expected = [1.0, -1.0, math.nan, 0.0, -0.0, 5e-324, -5e-324, 1.0, -1.0]
    found = erf(x)
    np.testing.assert_array_equal(found, expected)
    assert np.array_equal(np.signbit(found[3:5]), [False, True])
    assert erf(np.array([7.0, math.inf])).tolist() == [1.0, 1.0]
    assert np.isnan(erf(np.array([math.nan]))).all()


@pytest.mark.parametrize("dtype", SUPPORTED)
def test_dtypes_are_those_of_exp(dtype):
    x = np.arange(2).astype(dtype)
    assert erf(x).dtype == np.exp(x).dtype
    np.testing.assert_allclose(erf(x), [0, math.erf(1)], rtol=1e-3)


@pytest.mark.parametrize("dtype", ["float16", "float32"])
def test_small_floats_are_rounded_once(dtype):
    x = DRAW.normal(size=20_000).astype(dtype) * 2
    found = erf(x)
    assert found.dtype == dtype
    assert np.array_equal(found, reference(x).astype(dtype))


@pytest.mark.parametrize("shape", [(), (0, 3), (1,), (3, 0), (7, 8192 // 4 + 1), (2, 8192)])
def test_shapes_and_memory_layout(shape):
    x = DRAW.normal(size=shape)
    expected = reference(np.ravel(x)).reshape(shape)
    for layout in (x, np.array(x, order="F"), x[..., ::-1][..., ::-1] if x.ndim else x):
        kept = np.array(layout)
        found = erf(layout)
        assert type(found) is np.ndarray
        assert found.shape == shape
        np.testing.assert_allclose(found, expected, rtol=3e-16)
        assert np.array_equal(layout, kept)


def test_scalars_of_numpy_are_operands():
    assert erf(np.float32(0.5)).dtype == np.float32
    assert NUMPY.erf(np.float64(0.5)) == pytest.approx(math.erf(0.5), rel=3e-16)


def test_memory_is_that_of_the_result():
    x = np.ones(4_000_000, np.float32)
    tracemalloc.start()
    erf(x)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < x.nbytes + 1_000_000


def test_the_coefficients_are_plain_numbers_for_any_emitter():
    tree = ast.parse(Path(coefficients.__file__).read_text(encoding="utf-8"))
    assert not [node for node in ast.walk(tree) if isinstance(node, ast.Import)]
    for table in (coefficients.ERF_SMALL, coefficients.ERF_LARGE):
        assert all(type(value) is float for value in table)
    assert coefficients.ERF_SMALL[0] == 2 / math.sqrt(math.pi) - 1
