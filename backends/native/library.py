"""Functions of any length for steps that are not compiled: random bits, and the order of random keys."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

from .. import processor
from ..contract import Shape, Spec
from ..numpy.memory import address
from ..program.ir import Value
from .build import Function, build
from .random_numbers import RandomBits
from .sorting import Order

_held: list[Any] = []
"""The code of these functions, for as long as the process lives."""
NDArray = np.ndarray[Any, Any]


@cache
def _functions() -> tuple[Callable[[int, int, int, int], None], Callable[[int, int, int, int], None], int]:
    """(bits, order, words that a group of blocks has)."""
    word, place = (Spec((), np.dtype(name)) for name in ("uint64", "int64"))
    key, counter, length = Value(0, word), Value(1, word), Value(2, place)
    bits = RandomBits(key, counter, Value(3, Spec((), np.dtype("uint32"))), processor.here().width, length)
    order = Order(Value(4, word), Value(5, place), Value(6, word), processor.here().width, length)
    codes = build([Function(bits), Function(order)])
    kind = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_int64, ctypes.c_int64, ctypes.c_int64)
    _held.extend(codes)
    return kind(codes[0].address), kind(codes[1].address), 4 * processor.here().width


def random_bits(key: NDArray, counter: NDArray, shape: Shape) -> NDArray:
    """See `backends.philox.random_bits`; key and counter are arrays without dimensions."""
    bits, _, group = _functions()
    size = 1
    for length in shape:
        size *= length
    scratch = np.empty(-(-size // group) * group, np.uint32)
    count = np.array(size)
    given = np.array([address(key), address(counter), address(scratch), address(count)])
    bits(address(given), 0, 1, 0)
    return scratch[:size].reshape(shape)


def order(keys: NDArray) -> NDArray:
    """Stable argsort of uint64 in one axis."""
    _, sort, _ = _functions()
    keys = np.ascontiguousarray(keys)
    result = np.empty(len(keys), np.int64)
    scratch = np.empty(Order.scratch_size(len(keys)), np.uint64)
    count = np.array(len(keys))
    given = np.array([address(keys), address(result), address(scratch), address(count)])
    sort(address(given), 0, 1, 0)
    return result
