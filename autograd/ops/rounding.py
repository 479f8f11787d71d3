"""Rounding, whole quotients and what is left of them. The steps of these functions have slope 0."""

from __future__ import annotations

from typing import Any

from ..call import op
from ..op import Domain
from .elementwise import zero_slope

_STEPS = tuple(float(i) for i in range(-4, 5))
_BETWEEN = tuple(i + 0.5 for i in range(-5, 5))


def _ceil(xp: Any, x: Any) -> Any:
    return xp.negative(xp.floor(xp.negative(x))) if x.dtype.kind == "f" else x


@op(vjp=dict(x=lambda xp, g: zero_slope(xp, g)), domain=Domain(x=(-4, 4), kinks=dict(x=_STEPS)))
def ceil(xp, x):
    """The smallest integer not below each element; its gradient is 0."""
    return _ceil(xp, x)


@op(vjp=dict(x=lambda xp, g: zero_slope(xp, g)), domain=Domain(x=(-4, 4), kinks=dict(x=_STEPS)))
def trunc(xp, x):
    """Each element without its fraction; its gradient is 0."""
    return xp.where(xp.less(x, 0), _ceil(xp, x), xp.floor(x)) if x.dtype.kind == "f" else x


@op(vjp=dict(x=lambda xp, g: zero_slope(xp, g)), domain=Domain(x=(-4, 4), kinks=dict(x=_BETWEEN)))
def rint(xp, x):
    """The nearest integer to each element, of two the even one; its gradient is 0."""
    return xp.rint(x) if x.dtype.kind == "f" else x


@op(
    vjp=dict(a=lambda xp, g: zero_slope(xp, g), b=lambda xp, g: zero_slope(xp, g)),
    domain=Domain(a=(7.2, 8.8), b=(3.1, 3.4)),
)
def floor_divide(xp, a, b):
    """`a // b`: the largest integer not above the quotient; its gradient is 0."""
    return xp.floor_divide(a, b)


@op(
    vjp=dict(
        a=lambda xp, g: g,
        b=lambda xp, g, a, b: xp.negative(xp.multiply(g, xp.floor_divide(a, b))),
    ),
    domain=Domain(a=(7.2, 8.8), b=(3.1, 3.4)),
)
def remainder(xp, a, b):
    """`a % b`, with the sign of b: `a - b * floor_divide(a, b)`."""
    return xp.remainder(a, b)


@op(vjp=dict(x=lambda xp, g: g))
def positive(xp, x):
    """`+x`: the same values."""
    if x.dtype.kind == "f":
        return xp.multiply(x, 1.0)
    return xp.logical_or(x, False) if x.dtype.kind == "b" else xp.add(x, 0)
