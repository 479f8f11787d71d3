"""Primitives on a GPU beside NumPy."""

from __future__ import annotations

import numpy as np
import pytest

import backends

NUMPY = backends.get("numpy")
TOLERANCE = {"float16": 2e-3, "float32": 1e-6, "float64": 1e-12}


def same(backend, name, *operands, **static):
    """The primitive gives NumPy's values and dtype, in an array of the backend; or refuses where NumPy does."""
    given_ = [backend.asarray(o) if isinstance(o, np.ndarray) else o for o in operands]
    try:
        with NUMPY.quiet():
            expected = np.asarray(getattr(NUMPY, name)(*operands, **static))
    except Exception:
        with pytest.raises((TypeError, ValueError, IndexError, OverflowError, ZeroDivisionError)):
            getattr(backend, name)(*given_, **static)
        return None
    found = getattr(backend, name)(*given_, **static)
    assert type(found) is backend.array_type
    assert (found.shape, found.dtype) == (expected.shape, expected.dtype)
    values = backend.to_numpy(found)
    if expected.dtype.kind == "f":
        tolerance = TOLERANCE[expected.dtype.name]
        np.testing.assert_allclose(values.astype(float), expected.astype(float), rtol=tolerance, atol=tolerance)  # fmt: skip
    else:
        np.testing.assert_array_equal(values, expected)
    return found


def some(shape, dtype, seed=0, low=1, high=4):
    values = np.random.default_rng(seed).integers(low, high, shape)
    return np.asarray(values).astype(dtype)
