"""Functions of single elements whose arguments in the standard are not those of an op, made of ops."""

from __future__ import annotations

from typing import Any

import autograd as ag
from autograd import Tensor
from backends.contract import DType
from backends.primitives import PRIMITIVES, promote

from .bits import signs
from .data_types import iinfo

__all__ = ["clip", "conj", "copysign", "imag", "real"]
_of_floats = PRIMITIVES["hypot"].dtype


def clip(x: Any, /, min: Any = None, max: Any = None) -> Tensor:
    """x between bounds, numbers or arrays: at a number the gradient passes, an equal array shares it.

    The dtype is that of x and arrays together, as in NumPy: a bound is neither cut nor does it wrap around.

    Raises:
        OverflowError: a Python integer beyond the dtype that would change a number.

    >>> clip(ag.tensor([1, 7], dtype="int8"), max=ag.tensor([300, 5], dtype="int16")).tolist()
    [1, 5]
    """
    arrays = [bound for bound in (min, max) if _is_array(bound)]
    dtype = promote(x.dtype, *(bound.dtype for bound in arrays))
    x = x if x.dtype == dtype else ag.astype(x, dtype=dtype)
    for bound, op, name in ((min, ag.maximum, "min"), (max, ag.minimum, "max")):
        if _is_array(bound):
            x = op(x, bound)
        elif bound is not None and not _is_beyond(bound, name, dtype):
            x = ag.clip(x, **{name: bound})
    return ag.positive(x) if min is None and max is None else x


def _is_array(bound: Any) -> bool:
    """A float64 of NumPy is a float, and weak like one, as everywhere here."""
    return hasattr(bound, "shape") and not isinstance(bound, float)


def _is_beyond(bound: float, name: str, dtype: DType) -> bool:
    """Whether no integer of a dtype is beyond a bound, which the dtype need not hold then."""
    if dtype.kind not in "iu" or type(bound) is not int:
        return False
    limits = iinfo(dtype)
    return bound <= limits.min if name == "min" else bound >= limits.max


def conj(x: Any, /) -> Tensor:
    """x: there are no complex numbers here."""
    return ag.positive(x)


def real(x: Any, /) -> Tensor:
    """x: there are no complex numbers here."""
    return ag.positive(x)


def imag(x: Any, /) -> Tensor:
    """Zeros: there are no complex numbers here."""
    return ag.zeros_like(x)


def copysign(x1: Any, x2: Any, /) -> Tensor:
    """The size of x1 with the sign of x2, also that of a zero; the gradient goes to x1.

    A float, as in NumPy, also of integers.

    Raises:
        TraceError: inside a traced step: signs are read in the memory of the host.
    """
    second = signs(x2, "copysign") if hasattr(x2, "shape") else _is_negative(x2)
    dtype = _of_floats(*(x.dtype if hasattr(x, "shape") else x for x in (x1, x2)))
    if not hasattr(x1, "shape"):
        x1 = ag.full((), x1, dtype, backend=x2._backend)
    wide = x1 if x1.dtype == dtype else ag.astype(x1, dtype=dtype)
    return ag.where(ag.logical_xor(signs(wide, "copysign"), second), ag.negative(wide), wide)


def _is_negative(number: float) -> bool:
    return str(float(number)).startswith("-")
