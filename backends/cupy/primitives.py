"""The primitives on CuPy's arrays: functions that mean what NumPy's do, and a few lines for the rest.

CuPy 14 promotes as NumPy 2 does. It differs where this file has more than a name: booleans and
negative exponents in powers, shifts by a whole word, reductions over no axis, empty operands, ranges.
Every result is an array, also of no axis.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .. import shapes
from ..contract import DType, Shape, bool_, int64
from ..errors import DTypeError
from ..formats import FORMATS
from ..primitives import PRIMITIVES
from .indexing import Indexing
from .kernels import Kernels

Axes = tuple[int, ...]


def primitives(cupy: Any) -> dict[str, Callable[..., Any]]:
    """Every row of the vocabulary as a function, for arrays on the current device."""
    kernels = Kernels(cupy)
    indexing = Indexing(cupy, kernels)
    own = _Own(cupy)
    table: dict[str, Callable[..., Any]] = {
        name: getattr(own, name) for name in PRIMITIVES if hasattr(own, name)
    }
    table["getitem"], table["index_add"] = indexing.getitem, indexing.index_add
    table["erf"] = kernels.erf
    table["random_bits"] = lambda key, counter, *, shape: kernels.random_bits(key, counter, shape)
    return {name: table[name] if name in table else getattr(cupy, name) for name in PRIMITIVES}


class _Own:
    """What is more than a name."""

    def __init__(self, cupy: Any) -> None:
        self._cupy = cupy

    # elementwise
    def sign(self, x: Any) -> Any:
        if x.dtype == bool_:
            raise DTypeError("booleans have no sign; convert with .to('float32') first")
        return self._cupy.sign(x)

    def round_to(self, x: Any, *, format: str) -> Any:
        if format == "float16":
            return x.astype(np.float16).astype(np.float32)
        drop = 23 - FORMATS[format].bits
        bits = self._cupy.ascontiguousarray(x).view(np.uint32)
        # half a unit, less one where the number below is even; a carry raises the exponent, as it should
        carried = bits + (((bits >> drop) & 1) + ((1 << (drop - 1)) - 1))
        rounded = (carried & (0xFFFFFFFF - ((1 << drop) - 1))).view(np.float32)
        return self._cupy.where(x != x, x, rounded)

    def floor(self, x: Any) -> Any:
        return self._cupy.floor(x) if x.dtype.kind == "f" else x

    def power(self, a: Any, b: Any) -> Any:
        # The operator where there is one: it turns x ** 2 into a square and x ** 0.5 into a root.
        operands = [getattr(o, "dtype", o) for o in (a, b)]
        dtype = np.result_type(*operands)
        if dtype.kind in "biu":
            if dtype == bool_:
                raise DTypeError("booleans have no powers")
            # CuPy answers 0 where NumPy refuses; looking at an array of exponents waits for the device
            if (b < 0) if not hasattr(b, "dtype") else (b.dtype.kind == "i" and bool((b < 0).any())):
                raise ValueError("integers to negative integer powers are not allowed")
        y = a**b if hasattr(a, "dtype") else self._cupy.power(a, b)
        return y if y.dtype == dtype else y.astype(dtype)

    def right_shift(self, a: Any, b: Any) -> Any:
        operands = [getattr(o, "dtype", bool_ if isinstance(o, bool) else type(o)) for o in (a, b)]
        dtype = np.right_shift.resolve_dtypes((*operands, None))[2]
        shift, last = self._cupy.right_shift, dtype.type(8 * dtype.itemsize - 1)
        # after the last place nothing but the sign is left
        more = dtype.type(dtype.kind == "u")
        a = a.astype(dtype, copy=False) if hasattr(a, "dtype") else dtype.type(a)
        if not hasattr(b, "dtype"):
            within = 0 <= dtype.type(b) <= last
            return shift(a, dtype.type(b)) if within else shift(shift(a, last), more)
        b = b.astype(dtype, copy=False)
        within = self._cupy.logical_and(b >= 0, b <= last)
        return self._cupy.where(
            within, shift(a, self._cupy.where(within, b, last)), shift(shift(a, last), more)
        )

    def where(self, condition: Any, a: Any, b: Any) -> Any:
        if not hasattr(condition, "dtype"):
            condition = self._cupy.full((), bool(condition), bool_)
        return self._cupy.where(condition, a, b)

    def astype(self, x: Any, *, dtype: DType) -> Any:
        return x.astype(dtype, copy=False)

    # reductions and scans
    def sum(self, x: Any, *, axis: Axes, keepdims: bool) -> Any:
        return x.sum(axis=axis, keepdims=keepdims) if axis else x.astype(_total(x), copy=False)

    def prod(self, x: Any, *, axis: Axes, keepdims: bool) -> Any:
        return x.prod(axis=axis, keepdims=keepdims) if axis else x.astype(_total(x), copy=False)

    def max(self, x: Any, *, axis: Axes, keepdims: bool) -> Any:
        _check_not_empty(x, axis)
        return x.max(axis=axis, keepdims=keepdims) if axis else x

    def min(self, x: Any, *, axis: Axes, keepdims: bool) -> Any:
        _check_not_empty(x, axis)
        return x.min(axis=axis, keepdims=keepdims) if axis else x

    def any(self, x: Any, *, axis: Axes, keepdims: bool) -> Any:
        return x.any(axis=axis, keepdims=keepdims) if axis else x.astype(bool_, copy=False)

    def all(self, x: Any, *, axis: Axes, keepdims: bool) -> Any:
        return x.all(axis=axis, keepdims=keepdims) if axis else x.astype(bool_, copy=False)

    def argmax(self, x: Any, *, axis: Axes, keepdims: bool) -> Any:
        _check_not_empty(x, axis)
        return x.argmax(axis=axis[0], keepdims=keepdims)

    def argmin(self, x: Any, *, axis: Axes, keepdims: bool) -> Any:
        _check_not_empty(x, axis)
        return x.argmin(axis=axis[0], keepdims=keepdims)

    def cumsum(self, x: Any, *, axis: int) -> Any:
        return self._cupy.cumsum(x, axis=axis) if x.size else self._cupy.zeros(x.shape, _total(x))

    def argsort(self, x: Any, *, axis: int) -> Any:
        # CuPy's is stable
        shapes.normalise_axis(axis, x.ndim)
        return self._cupy.argsort(x, axis=axis) if x.size else self._cupy.zeros(x.shape, int64)

    # shapes
    def reshape(self, x: Any, *, shape: Shape) -> Any:
        return x.reshape(shape)

    def permute_dims(self, x: Any, *, axes: Axes) -> Any:
        return x.transpose(axes) if axes or x.ndim else x

    def broadcast_to(self, x: Any, *, shape: Shape) -> Any:
        return self._cupy.broadcast_to(x, shape)

    def concat(self, *arrays: Any, axis: int) -> Any:
        return self._cupy.concatenate(arrays, axis)

    def pad(self, x: Any, *, pad_width: tuple[tuple[int, int], ...], value: float) -> Any:
        sizes = tuple(n + sum(widths) for n, widths in zip(x.shape, pad_width, strict=True))
        result = self.full(shape=sizes, value=value, dtype=x.dtype)
        middle = zip(x.shape, pad_width, strict=True)
        result[tuple(slice(before, before + n) for n, (before, _) in middle)] = x
        return result

    def windows(self, x: Any, *, axes: Axes, size: Shape, stride: Shape, dilation: Shape) -> Any:
        shape = shapes.windows(x.shape, axes=axes, size=size, stride=stride, dilation=dilation)
        strides = shapes.window_strides(x.strides, axes, stride, dilation)
        # a view, since what CuPy gives here shares the memory of `x` and has no base that would tell
        return self._cupy.lib.stride_tricks.as_strided(x, shape, strides).view()

    def windows_add(
        self, values: Any, *, axes: Axes, size: Shape, stride: Shape, dilation: Shape, shape: Shape
    ) -> Any:
        """One strided addition for each place inside a window, in the order of NumPy's."""
        shapes.windows_add(values.shape, axes=axes, size=size, stride=stride, dilation=dilation, shape=shape)
        axes = tuple(axis % len(shape) for axis in axes)
        result = self._cupy.zeros(shape, values.dtype)
        for there, here in shapes.window_places(values.shape, axes, size, stride, dilation):
            target = result[there]
            self._cupy.add(target, values[here], out=target)
        return result

    # the rest
    def matmul(self, a: Any, b: Any, *, precision: str | None = None) -> Any:
        if precision is not None:
            a, b = (self.round_to(x, format=precision) for x in (a, b))
        if a.dtype == b.dtype == bool_:
            # CuPy counts, NumPy asks whether there is one
            return self._cupy.matmul(a.astype(np.int32), b.astype(np.int32)).astype(bool_)
        return self._cupy.matmul(a, b)

    def full(self, *, shape: Shape, value: float, dtype: DType) -> Any:
        # through NumPy, which refuses what does not fit
        return self._cupy.full(shape, np.full((), value, dtype)[()], dtype)

    def arange(self, *, start: float, stop: float, step: float, dtype: DType) -> Any:
        if dtype.kind == "f" or all(isinstance(n, int) for n in (start, step)):
            return self._cupy.arange(start, stop, step, dtype=dtype)
        return self._cupy.array(np.arange(start, stop, step, dtype=dtype))


def _total(x: Any) -> DType:
    """Sums and products of small integers are held in 64 bits."""
    return PRIMITIVES["sum"].dtype(x.dtype)


def _check_not_empty(x: Any, axis: Axes) -> None:
    """As CuPy does not always."""
    if not x.size:
        shapes.reduce_nonempty(x.shape, axis=axis)
