"""Dtypes, constants, and what can be asked of dtypes, which are NumPy's objects, as everywhere here."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import autograd as ag
from autograd import DTypeError, Tensor
from backends.contract import SUPPORTED, DType, resolve_dtype
from backends.primitives import promote

__all__ = ["astype", "can_cast", "finfo", "iinfo", "isdtype", "result_type"]
DTYPES: dict[str, Any] = dict(SUPPORTED)
CONSTANTS: dict[str, Any] = {
    "e": math.e,
    "inf": math.inf,
    "nan": math.nan,
    "newaxis": None,
    "pi": math.pi,
}
_KINDS = {
    "bool": "b",
    "signed integer": "i",
    "unsigned integer": "u",
    "integral": "iu",
    "real floating": "f",
    "complex floating": "",
    "numeric": "iuf",
}
"""The standard's kinds, with NumPy's letters for them."""
_FLOATS = {"float16": (10, 15), "float32": (23, 127), "float64": (52, 1023)}
"""Bits of the fraction, and the largest exponent."""


class finfo_object(NamedTuple):
    """What `finfo` answers, in Python's numbers."""

    bits: int
    eps: float
    max: float
    min: float
    smallest_normal: float
    dtype: Any


class iinfo_object(NamedTuple):
    """What `iinfo` answers."""

    bits: int
    max: int
    min: int
    dtype: Any


def dtype_of(x: Any) -> DType:
    """That of an array, or the dtype itself."""
    is_array = hasattr(x, "shape") and hasattr(x, "dtype") and not isinstance(x, type)
    return x.dtype if is_array else resolve_dtype(x)


def astype(x: Any, dtype: Any, /, *, copy: bool = True, device: Any = None) -> Tensor:
    """The values of `x` in another dtype; gradients come back in the old one.

    Args:
        copy: False returns `x` itself where it has the dtype already.
        device: the backend of the result; that of `x` when None.
    """
    moved = x if device is None else x.to_device(device)
    if moved.dtype == resolve_dtype(dtype):
        return ag.positive(moved) if copy and moved is x else moved
    return ag.astype(moved, dtype=dtype)


def can_cast(from_: Any, to: Any, /) -> bool:
    """Whether values of one dtype, or of an array, are those of another without loss of range."""
    wanted = resolve_dtype(to)
    return bool(promote(dtype_of(from_), wanted) == wanted)


def result_type(*arrays_and_dtypes: Any) -> DType:
    """The dtype of what arrays, dtypes and Python numbers make together; the numbers are weak."""
    numbers = (bool, int, float)
    return promote(*(x if type(x) in numbers else dtype_of(x) for x in arrays_and_dtypes))


def isdtype(dtype: Any, kind: Any) -> bool:
    """Whether a dtype is of a kind such as "integral", is another dtype, or one of several of these.

    Raises:
        ValueError: there is no such kind.
    """
    if isinstance(kind, tuple):
        return any(isdtype(dtype, each) for each in kind)
    if isinstance(kind, str):
        if kind not in _KINDS:
            raise ValueError(f"isdtype: kind is one of {', '.join(_KINDS)} or a dtype, got {kind!r}")
        return resolve_dtype(dtype).kind in _KINDS[kind]
    return resolve_dtype(dtype) == resolve_dtype(kind)


def finfo(type: Any, /) -> finfo_object:
    """Limits of a floating dtype.

    Raises:
        DTypeError: it is none.

    >>> finfo("float32").eps == 2.0**-23
    True
    """
    dtype = dtype_of(type)
    if dtype.name not in _FLOATS:
        raise DTypeError(f"finfo: a floating dtype is expected, got {dtype}")
    fraction, exponent = _FLOATS[dtype.name]
    largest = (2.0 - 2.0**-fraction) * 2.0**exponent
    return finfo_object(8 * dtype.itemsize, 2.0**-fraction, largest, -largest, 2.0 ** (1 - exponent), dtype)


def iinfo(type: Any, /) -> iinfo_object:
    """Limits of an integer dtype.

    Raises:
        DTypeError: it is none.

    >>> iinfo("uint8").max
    255
    """
    dtype = dtype_of(type)
    if dtype.kind not in "iu":
        raise DTypeError(f"iinfo: an integer dtype is expected, got {dtype}")
    bits = 8 * dtype.itemsize
    signed = dtype.kind == "i"
    return iinfo_object(bits, 2 ** (bits - signed) - 1, -(2 ** (bits - 1)) if signed else 0, dtype)
