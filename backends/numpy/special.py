"""Functions of analysis that NumPy does not have, as vectorised polynomials.

Computed in float64 in blocks that stay in cache, whatever the dtype: float32 and float16 results are rounded
once, and no float64 array of the size of the operand is ever made.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..coefficients import ERF_LARGE, ERF_LIMIT, ERF_OFFSET, ERF_SCALE, ERF_SHIFT, ERF_SMALL

NDArray = np.ndarray[Any, Any]

_BLOCK = 8192


def erf(x: Any) -> NDArray:
    """The error function; integers give the float dtype that numpy.exp gives them."""
    array = np.asarray(x)
    result = np.empty(array.shape, np.exp.resolve_dtypes((array.dtype, None))[1])
    # without a copy where the memory is in order
    source, target = array.reshape(-1), result.reshape(-1)
    for start in range(0, source.size, _BLOCK):
        block = slice(start, start + _BLOCK)
        target[block] = _erf(source[block].astype(np.float64))
    return result


def _erf(x: NDArray) -> NDArray:
    """For a block of doubles, which is used as scratch."""
    size = np.abs(x)
    far = np.flatnonzero(size >= 1.0)
    if far.size == x.size:
        return np.copysign(_erf_from_1(size), x)
    signs, distant = x[far], size[far]
    # any finite number would do: the far places are filled in below
    x[far] = 0.0
    y = _polynomial(ERF_SMALL, x * x)
    y *= x
    y += x
    y[far] = np.copysign(_erf_from_1(distant), signs)
    return y


def _erf_from_1(x: NDArray) -> NDArray:
    """For x >= 1, infinity included."""
    np.minimum(x, ERF_LIMIT, out=x)
    tail = _polynomial(ERF_LARGE, ERF_SCALE / (x + ERF_SHIFT) + ERF_OFFSET)
    np.multiply(x, x, out=x)
    np.negative(x, out=x)
    tail *= np.exp(x, out=x)
    return np.subtract(1.0, tail, out=tail)


def _polynomial(coefficients: Sequence[float], x: NDArray) -> NDArray:
    """Horner's rule, lowest power first in `coefficients`."""
    y = np.full_like(x, coefficients[-1])
    for coefficient in coefficients[-2::-1]:
        y *= x
        y += coefficient
    return y
