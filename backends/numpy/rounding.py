"""Rounding of float32 numbers to a coarser format, to nearest with
ties to even; they stay float32 numbers.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..formats import FORMATS

NDArray = np.ndarray[Any, Any]


def round_to(x: NDArray, *, format: str) -> NDArray:
    """`x` as numbers of `format`, in the order in which x lies in memory.

    >>> import numpy as np
    >>> round_to(np.array([1.001, 70000.0], np.float32), format="float16").tolist()
    [1.0009765625, inf]
    """
    x = np.asarray(x)
    if format == "float16":
        with np.errstate(over="ignore", under="ignore"):
            return x.astype(np.float16).astype(np.float32)
    drop = 23 - FORMATS[format].bits
    bits = x.view(np.uint32)
    rounded = np.empty_like(bits)
    # half a unit, less one where the number below is even; a carry out of the mantissa raises the exponent,
    # as it should
    np.right_shift(bits, drop, out=rounded)
    np.bitwise_and(rounded, 1, out=rounded)
    np.add(rounded, (1 << (drop - 1)) - 1, out=rounded)
    np.add(rounded, bits, out=rounded)
    np.bitwise_and(rounded, 0xFFFFFFFF - ((1 << drop) - 1), out=rounded)
    result: NDArray = rounded.view(np.float32)
    np.copyto(result, x, where=np.isnan(x))
    return result
