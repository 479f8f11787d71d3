"""The functions of CuPy that the backend calls: NumPy's, with what CuPy does otherwise done otherwise."""

from __future__ import annotations

from typing import Any

import numpy as np

from .array import PyCapsule, _compute, _content, ndarray
from .machine import MACHINE
from .memory import must_fit
from .streams import get_current_stream

_UFUNCS = (
    "negative", "absolute", "abs", "sqrt", "square", "exp", "expm1", "log", "log1p", "sin", "cos", "tanh", "isfinite",
    "logical_not", "add", "subtract", "multiply", "divide", "maximum", "minimum", "equal", "not_equal", "less",
    "less_equal", "greater", "greater_equal", "logical_and", "logical_or", "right_shift", "bitwise_and", "bitwise_or", "floor",
    "tan", "arcsin", "arccos", "arctan", "arctan2", "sinh", "cosh", "log2", "log10", "rint", "hypot", "logaddexp",
    "floor_divide", "remainder",
)  # fmt: skip


def _ufunc(name: str):
    function = getattr(np, name)

    def call(*args, out=None, **kwargs):
        operands = [_content(arg) for arg in args]
        return _compute(name, lambda: function(*operands, **kwargs), out)

    call.__name__ = name
    return call


globals().update({name: _ufunc(name) for name in _UFUNCS})


def sign(x):
    host = _content(x)
    # CuPy has a sign of booleans
    return _compute("sign", lambda: np.sign(host.astype(np.int8) if host.dtype == bool else host))


def power(a, b):
    first, second = _content(a), _content(b)
    if all(np.asarray(operand).dtype.kind in "biu" for operand in (first, second)):
        dtype = np.result_type(*(o.dtype if isinstance(o, np.ndarray) else o for o in (first, second)))  # fmt: skip

        def work():
            # no error for negative exponents
            low = np.where(np.asarray(second) < 0, 0, second).astype(np.int64)
            whole = np.power(np.asarray(first, np.int64), low).astype(np.int8 if dtype.kind == "b" else dtype)  # fmt: skip
            small = np.where(np.abs(np.asarray(first, np.int64)) == 1, whole, 0)
            return np.where(np.asarray(second) < 0, small, whole).astype(whole.dtype)

        return _compute("power", work)
    return _compute("power", lambda: first**second)


def matmul(x1, x2, out=None):
    first, second = _content(x1), _content(x2)
    return _compute("matmul", lambda: np.matmul(first, second), out)


def where(condition, x=None, y=None):
    if not isinstance(condition, ndarray):
        raise AttributeError(f"{type(condition).__name__!r} object has no attribute 'astype'")
    test, first, second = _content(condition), _content(x), _content(y)
    return _compute("where", lambda: np.where(test, first, second))


def cumsum(a, axis=None, dtype=None, out=None):
    host = _content(a)
    return _compute("cumsum", lambda: np.cumsum(host, axis=axis))


def argsort(a, axis=-1, kind=None):
    host = _content(a)
    return _compute("argsort", lambda: np.argsort(host, axis=axis, kind="stable"))


def take(a, indices, axis=None, out=None):
    host, places = _content(a), _content(indices)
    return _compute("take", lambda: np.take(host, places, axis=axis, mode="wrap"))


def _pick(a: ndarray, key: Any) -> ndarray:
    """a[key] with arrays in the key, which CuPy wraps around."""
    host = _content(a)
    if not all(isinstance(entry, ndarray) and entry.dtype.kind in "iu" for entry in key):
        raise TypeError("this substitute takes integer arrays for the first axes, nothing else")
    places = [_content(entry) for entry in key]
    return _compute("pick", lambda: host[tuple(p % n for p, n in zip(places, host.shape, strict=False))])  # fmt: skip


def concatenate(tup, axis=0, out=None, *, dtype=None, casting="same_kind"):
    parts = [_content(part) for part in tup]
    return _compute("concatenate", lambda: np.concatenate(parts, axis))


def broadcast_to(array, shape):
    view = np.broadcast_to(_content(array), shape)
    # NumPy's may not be written to, CuPy's may
    return array._view(np.lib.stride_tricks.as_strided(_content(array), view.shape, view.strides))


def as_strided(x, shape=None, strides=None):
    """CuPy makes an array of the same memory, which therefore has no base."""
    made = object.__new__(ndarray)
    made._set(np.lib.stride_tricks.as_strided(_content(x), shape, strides), x._mem, None)
    return made


def array(obj, dtype=None, copy=True, order="K", subok=False, ndmin=0, *, blocking=False):
    if isinstance(obj, ndarray):
        host = _content(obj)
        return _compute("copy", lambda: np.array(host, dtype=dtype, order="C"))
    made = np.array(obj, dtype=dtype)
    target = ndarray(made.shape, made.dtype)
    MACHINE.submit(get_current_stream(), f"copy from host {made.nbytes}", lambda: np.copyto(target._host, made))  # fmt: skip
    return target


def asarray(a, dtype=None, order=None, *, copy=None, blocking=False):
    if isinstance(a, ndarray):
        return a if dtype is None or a.dtype == dtype else a.astype(dtype)
    return array(a, dtype)


def ascontiguousarray(a, dtype=None):
    host = _content(a)
    if host.flags.c_contiguous and host.ndim and (dtype is None or host.dtype == dtype):
        return a
    return _compute("copy", lambda: np.ascontiguousarray(host, dtype))


def empty(shape, dtype=float, order="C"):
    made = ndarray(shape, dtype)
    # what is read before it is written shows
    made._host.view(np.uint8 if made.dtype == bool else made.dtype).fill(77)
    return made


def zeros(shape, dtype=float, order="C"):
    return full(shape, 0, dtype)


def full(shape, fill_value, dtype=None, order="C"):
    kind = np.asarray(fill_value).dtype if dtype is None else np.dtype(dtype)
    # before the host has it: it might have less
    must_fit(int(np.prod(shape, dtype=np.int64)) * kind.itemsize)
    return _compute("full", lambda: np.full(shape, fill_value, dtype))


def arange(start, stop=None, step=1, dtype=None):
    return _compute("arange", lambda: np.arange(start, stop, step, dtype=dtype))


def from_dlpack(array, *, device=None, copy=None):
    if hasattr(array, "__dlpack_device__"):
        kind, _ = array.__dlpack_device__()
        if int(kind) != 2:
            raise TypeError("CPU arrays cannot be directly imported to CuPy. Use `cupy.array(numpy.from_dlpack(input))` instead.")  # fmt: skip
        array = array.__dlpack__(stream=get_current_stream().ptr or 1, max_version=(1, 1))
    if not isinstance(array, PyCapsule):
        raise ValueError("A DLPack tensor object cannot be consumed multiple times")
    taken = array._array
    # as CuPy's: the memory belongs to somebody else, and the array does not say so
    view = object.__new__(ndarray)
    view._set(taken._host, taken._mem, None)
    return view


def asnumpy(a, stream=None, order="C", out=None, *, blocking=True):
    return a.get() if isinstance(a, ndarray) else np.asarray(a)


__all__ = [*_UFUNCS, "arange", "argsort", "array", "as_strided", "asarray", "ascontiguousarray", "asnumpy", "broadcast_to", "concatenate", "cumsum", "empty", "from_dlpack", "full", "matmul", "power", "sign", "take", "where", "zeros"]  # fmt: skip
