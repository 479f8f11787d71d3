"""The primitives on NumPy arrays.

Most rows of the vocabulary are a NumPy function under its own name. The rest are here because NumPy's version
is slow on small arrays (`sum`, `broadcast_to`), takes its arguments differently, or does not exist. Arrays
are values: nothing here writes to an operand.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from .. import philox
from ..contract import DType, Shape
from ..errors import DTypeError, ShapeError
from ..primitives import PRIMITIVES
from ..shapes import Key, Slot
from . import rounding, sliding, special

NDArray = np.ndarray[Any, Any]
Axes = tuple[int, ...]

_FILL_BELOW = 4096
"""Elements below which one strided fill beats numpy.broadcast_to, which is Python (0.7 us against 3.1)."""


def _reduction(ufunc: Any) -> Callable[..., Any]:
    """The reduction by a ufunc; NumPy's stubs do not know those over several axes."""
    reduce = ufunc.reduce

    def reduction(x: NDArray, *, axis: Axes, keepdims: bool) -> Any:
        return reduce(x, axis=axis, keepdims=keepdims)

    return reduction


class NumPyPrimitives:
    """One attribute for each row of the vocabulary: what is more than a name of NumPy's stands here."""

    erf = staticmethod(special.erf)
    windows = staticmethod(sliding.windows)
    windows_add = staticmethod(sliding.windows_add)
    where = staticmethod(np.where)
    round_to = staticmethod(rounding.round_to)

    @staticmethod
    def matmul(a: NDArray, b: NDArray, precision: str | None = None) -> Any:
        if precision is None:
            return np.matmul(a, b)
        return np.matmul(*(rounding.round_to(x, format=precision) for x in (a, b)))

    @staticmethod
    def power(a: Any, b: Any) -> Any:
        # The operator, not numpy.power: it turns x ** 2 into a square and x ** 0.5 into a root.
        y = a**b
        if y.dtype.kind == "i":
            # for booleans the result of the operator depends on the value of the exponent: int8 or int64
            dtype = np.result_type(a, b)
            if dtype.kind == "b":
                raise DTypeError("booleans have no powers")
            y = y.astype(dtype, copy=False)
        return y

    @staticmethod
    def floor(x: NDArray) -> Any:
        return np.floor(x) if x.dtype.kind == "f" else x

    @staticmethod
    def astype(x: NDArray, *, dtype: DType) -> Any:
        return x.astype(dtype, copy=False)

    sum = staticmethod(_reduction(np.add))
    prod = staticmethod(_reduction(np.multiply))
    max = staticmethod(_reduction(np.maximum))
    min = staticmethod(_reduction(np.minimum))
    any = staticmethod(_reduction(np.logical_or))
    all = staticmethod(_reduction(np.logical_and))

    @staticmethod
    def argmax(x: NDArray, *, axis: Axes, keepdims: bool) -> Any:
        return np.argmax(x, axis=axis[0], keepdims=keepdims)

    @staticmethod
    def argmin(x: NDArray, *, axis: Axes, keepdims: bool) -> Any:
        return np.argmin(x, axis=axis[0], keepdims=keepdims)

    @staticmethod
    def cumsum(x: NDArray, *, axis: int) -> Any:
        return np.cumsum(x, axis=axis)

    def argsort(self, x: NDArray, *, axis: int) -> Any:
        return np.argsort(x, axis=axis, kind="stable")

    @staticmethod
    def reshape(x: NDArray, *, shape: Shape) -> Any:
        return x.reshape(shape)

    @staticmethod
    def permute_dims(x: NDArray, *, axes: Axes) -> Any:
        return x.transpose(axes)

    @staticmethod
    def broadcast_to(x: NDArray, *, shape: Shape) -> Any:
        if x.ndim > len(shape):
            raise ShapeError("too many dimensions")  # an assignment would drop leading ones
        if math.prod(shape) > _FILL_BELOW:
            return np.broadcast_to(x, shape)
        result = np.empty(shape, x.dtype)
        result[...] = x
        return result

    @staticmethod
    def concat(*arrays: NDArray, axis: int) -> Any:
        return np.concatenate(arrays, axis)

    @staticmethod
    def pad(x: NDArray, *, pad_width: tuple[tuple[int, int], ...], value: float) -> Any:
        sizes = [n + sum(widths) for n, widths in zip(x.shape, pad_width, strict=True)]
        result = np.full(sizes, value, x.dtype)
        middle = zip(x.shape, pad_width, strict=True)
        result[tuple(slice(before, before + n) for n, (before, _) in middle)] = x
        return result

    @staticmethod
    def getitem(x: NDArray, *indices: NDArray, key: Key) -> Any:
        return x[_filled(key, indices)]

    @staticmethod
    def index_add(values: NDArray, *indices: NDArray, key: Key, shape: Shape) -> Any:
        result = np.zeros(shape, values.dtype)
        if indices:
            np.add.at(result, _filled(key, indices), values)
        else:
            result[key] = values
        return result

    def random_bits(self, key: NDArray, counter: NDArray, *, shape: Shape) -> Any:
        return philox.random_bits(key, counter, shape)

    @staticmethod
    def full(*, shape: Shape, value: float, dtype: DType) -> Any:
        return np.full(shape, value, dtype)

    @staticmethod
    def arange(*, start: float, stop: float, step: float, dtype: DType) -> Any:
        return np.arange(start, stop, step, dtype=dtype)


def _filled(key: Key, indices: tuple[NDArray, ...]) -> Key:
    return tuple(indices[e.position] if isinstance(e, Slot) else e for e in key)


for _name in PRIMITIVES.keys() - vars(NumPyPrimitives).keys():
    # a ufunc, which means what the row says
    setattr(NumPyPrimitives, _name, getattr(np, _name))
