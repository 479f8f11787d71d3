"""Blocks of memory that begin where vectors like it, and the addresses of arrays."""

from __future__ import annotations

import ctypes
from collections.abc import Mapping
from typing import Any

import numpy as np

from ..contract import Spec

NDArray = np.ndarray[Any, Any]
Arrays = Mapping[str, NDArray]
"""State or inputs by name."""
_LINE = 64
_HUGE = 1 << 21
_field = ctypes.c_void_p.from_address


def address(array: NDArray) -> int:
    """Where the elements are: the first field of NumPy's array object, read six
    times faster than array.ctypes.data.
    """
    return _field(id(array) + object.__basicsize__).value or 0


def aligned(size: int) -> NDArray:
    """Bytes that begin at a cache line, or at a large page where they fill one."""
    line = _HUGE if size >= 2 * _HUGE else _LINE
    whole = np.empty(size + line, np.uint8)
    start = -address(whole) % line
    return whole[start : start + size]


def shaped(block: NDArray, spec: Spec) -> NDArray:
    """An array of `spec` at the beginning of a block of bytes."""
    return block[: spec.size * spec.dtype.itemsize].view(spec.dtype).reshape(spec.shape)


_probe = np.zeros(1)
if address(_probe) != _probe.ctypes.data:
    raise ImportError("this Python keeps arrays in another form than compiled programs expect")
