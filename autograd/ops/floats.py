"""Integers as floats, before an op negates, squares or adds them up: in their own dtype the least of
them has no negative, unsigned ones have none at all, and products and sums wrap around.

Floats are returned as they are: their rules record no operation more.
"""

from __future__ import annotations

from typing import Any

from backends.contract import resolve_dtype

_BY_BYTES = {1: resolve_dtype("float16"), 2: resolve_dtype("float32")}
_DOUBLE = resolve_dtype("float64")


def _is_integer(x: Any) -> bool:
    """Of arrays; a Python number is as its user wrote it."""
    return hasattr(x, "dtype") and x.dtype.kind in "iu"


def as_float(xp: Any, x: Any) -> Any:
    """`x`, integers in the float dtype in which exp and log compute them: float16 and up, by their bytes."""
    return xp.astype(x, dtype=_BY_BYTES.get(x.dtype.itemsize, _DOUBLE)) if _is_integer(x) else x


def as_double(xp: Any, x: Any) -> Any:
    """`x`, integers in float64."""
    return xp.astype(x, dtype=_DOUBLE) if _is_integer(x) else x


def as_sum(xp: Any, x: Any) -> Any:
    """`x`, integers of 64 bits in float64: sums of narrower ones, which are of 64 bits, do not overflow."""
    return as_double(xp, x) if _is_integer(x) and x.dtype.itemsize == 8 else x
