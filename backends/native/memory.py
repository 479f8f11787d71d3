"""Memory that programs share: named state that stays in place, and is given up when somebody else still looks at it.

A compiled step writes state where it lies. A tensor hands out its array freely, so before a step writes, an array that
has other holders is left to them and the step goes on with a copy: whoever kept an old value keeps it. Counting
references tells, and costs nothing where nobody looks.
"""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Iterable
from typing import Any

import numpy as np

NDArray = np.ndarray[Any, Any]
_LINE = 64
_HUGE = 1 << 21
_field = ctypes.c_void_p.from_address
_ONLY_TENSOR = 3
"""References to an array that only the store and one tensor hold: these two, and the argument of the count."""


def address(array: NDArray) -> int:
    """Where the elements are: the first field of NumPy's array object, read six times faster than array.ctypes.data."""
    return _field(id(array) + object.__basicsize__).value or 0


def aligned(size: int) -> NDArray:
    """Bytes that begin at a cache line, or at a large page where they fill one."""
    line = _HUGE if size >= 2 * _HUGE else _LINE
    whole = np.empty(size + line, np.uint8)
    start = -address(whole) % line
    return whole[start : start + size]


class Store:
    """Arrays of state by name."""

    def __init__(self) -> None:
        self.arrays: dict[str, NDArray] = {}

    def take(self, name: str, array: Any) -> None:
        """Let `name` be `array` from now on, in its own memory where that can be written."""
        usable = type(array) is np.ndarray and array.flags.c_contiguous and array.flags.writeable and array.flags.owndata  # fmt: skip
        self.arrays[name] = array if usable else np.array(array, order="C")

    def own(self, names: Iterable[str]) -> None:
        """Before `names` are written: leave arrays with other holders to them."""
        arrays = self.arrays
        for name in names:
            if sys.getrefcount(arrays[name]) > _ONLY_TENSOR:
                arrays[name] = arrays[name].copy()


_probe = np.zeros(1)
if address(_probe) != _probe.ctypes.data:
    raise ImportError("this Python keeps arrays in another form than compiled programs expect")
