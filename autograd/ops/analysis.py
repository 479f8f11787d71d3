"""More functions of analysis, under NumPy's names: trigonometry, hyperbolas,
logarithms of other bases, distances.
"""

from __future__ import annotations

import math
from typing import Any

from ..call import op
from ..op import Domain
from .floats import as_double, as_float

_INSIDE_1 = Domain(x=(-0.9, 0.9))
_POSITIVE = Domain(x=(0.2, 4))
_LN_2, _LN_10 = math.log(2), math.log(10)


def _arc(xp: Any, x: Any) -> Any:
    """sqrt(1 - x^2), exact near 1."""
    return xp.sqrt(xp.multiply(xp.subtract(1.0, x), xp.add(x, 1.0)))


@op(vjp=dict(x=lambda xp, g, y: xp.multiply(g, xp.add(xp.multiply(y, y), 1.0))), domain=Domain(x=(-1.2, 1.2)))
def tan(xp, x):
    """Tangent of each element, in radians."""
    return xp.tan(x)


@op(vjp=dict(x=lambda xp, g, x: xp.divide(g, _arc(xp, x))), domain=_INSIDE_1)
def arcsin(xp, x):
    """The angle in [-pi/2, pi/2] whose sine is x; NaN outside of [-1, 1]."""
    return xp.arcsin(x)


@op(vjp=dict(x=lambda xp, g, x: xp.negative(xp.divide(g, _arc(xp, x)))), domain=_INSIDE_1)
def arccos(xp, x):
    """The angle in [0, pi] whose cosine is x; NaN outside of [-1, 1]."""
    return xp.arccos(x)


@op(vjp=dict(x=lambda xp, g, x: xp.divide(g, xp.add(xp.multiply(x, x), 1.0))))
def arctan(xp, x):
    """The angle in [-pi/2, pi/2] whose tangent is x."""
    return xp.arctan(x)


def _beside(xp: Any, g: Any, other: Any, a: Any, b: Any) -> Any:
    """g * other / (a^2 + b^2), which neither overflows nor vanishes early."""
    distance = xp.hypot(a, b)
    return xp.divide(xp.multiply(g, xp.divide(other, distance)), distance)


@op(
    vjp=dict(
        a=lambda xp, g, a, b: _beside(xp, g, b, a, b),
        b=lambda xp, g, a, b: xp.negative(_beside(xp, g, a, a, b)),
    ),
    domain=Domain(a=(0.3, 2), b=(0.3, 2)),
)
def arctan2(xp, a, b):
    """The angle in [-pi, pi] of the point with height a above and distance b beside the origin."""
    return xp.arctan2(a, b)


@op(vjp=dict(x=lambda xp, g, x: xp.multiply(g, xp.cosh(x))))
def sinh(xp, x):
    """Hyperbolic sine of each element."""
    return xp.sinh(x)


@op(vjp=dict(x=lambda xp, g, x: xp.multiply(g, xp.sinh(x))))
def cosh(xp, x):
    """Hyperbolic cosine of each element."""
    return xp.cosh(x)


@op(vjp=dict(x=lambda xp, g, x: xp.divide(g, xp.multiply(x, _LN_2))), domain=_POSITIVE)
def log2(xp, x):
    """Logarithm to base 2; NaN for negative elements, -inf at 0."""
    return xp.log2(x)


@op(vjp=dict(x=lambda xp, g, x: xp.divide(g, xp.multiply(x, _LN_10))), domain=_POSITIVE)
def log10(xp, x):
    """Logarithm to base 10; NaN for negative elements, -inf at 0."""
    return xp.log10(x)


def _share(xp: Any, g: Any, mine: Any, y: Any) -> Any:
    """g * mine / y, and 0 where y is 0."""
    return xp.multiply(g, xp.where(xp.equal(y, 0), 0.0, xp.divide(mine, xp.where(xp.equal(y, 0), 1.0, y))))


@op(
    vjp=dict(a=lambda xp, g, a, y: _share(xp, g, a, y), b=lambda xp, g, b, y: _share(xp, g, b, y)),
    domain=Domain(a=(0.3, 2), b=(0.3, 2)),
)
def hypot(xp, a, b):
    """`sqrt(a**2 + b**2)`, without overflow; slopes 0 where both are 0."""
    return xp.hypot(a, b)


def _part(mine: str) -> Any:
    """The rule of logaddexp for one operand: its part of the sum, half where both are equal."""

    def rule(xp: Any, g: Any, a: Any, b: Any, y: Any) -> Any:
        part = xp.exp(xp.subtract(a if mine == "a" else b, y))
        return xp.multiply(g, xp.where(xp.equal(a, b), 0.5, part))

    return rule


@op(vjp=dict(a=_part("a"), b=_part("b")))
def logaddexp(xp, a, b):
    """`log(exp(a) + exp(b))`, without overflow."""
    return xp.logaddexp(a, b)


@op(vjp=dict(x=lambda xp, g, x: xp.multiply(g, xp.multiply(x, 2.0))))
def square(xp, x):
    """`x * x`."""
    return xp.multiply(x, x)


@op(vjp=dict(x=lambda xp, g, y: xp.negative(xp.multiply(g, xp.multiply(y, y)))), domain=_POSITIVE)
def reciprocal(xp, x):
    """`1 / x`; integers give floats."""
    return xp.divide(1.0, x)


def _inverse_sinh(xp: Any, size: Any) -> Any:
    """Of numbers >= 0: below 1 without loss of digits, above 1 without overflow."""
    small, large = xp.minimum(size, 1.0), xp.maximum(size, 1.0)
    inside = xp.add(small, xp.multiply(small, xp.divide(small, xp.add(1.0, xp.hypot(small, 1.0)))))
    beyond = xp.log1p(xp.hypot(xp.divide(1.0, large), 1.0))
    return xp.where(xp.less(size, 1.0), xp.log1p(inside), xp.add(xp.log(large), beyond))


@op(vjp=dict(x=lambda xp, g, x: xp.divide(g, xp.hypot(x, 1.0))))
def arcsinh(xp, x):
    """The number whose hyperbolic sine is x."""
    x = as_double(xp, x)
    size = _inverse_sinh(xp, xp.abs(x))
    # the number itself at 0, which has a sign there
    return xp.where(xp.equal(x, 0), x, xp.where(xp.less(x, 0), xp.negative(size), size))


@op(
    vjp=dict(
        x=lambda xp, g, x: xp.divide(g, xp.multiply(xp.sqrt(xp.subtract(x, 1.0)), xp.sqrt(xp.add(x, 1.0))))
    ),
    domain=Domain(x=(1.3, 4)),
)
def arccosh(xp, x):
    """The number >= 0 whose hyperbolic cosine is x; NaN below 1."""
    endless = xp.equal(x, math.inf)
    x = xp.where(endless, 1.0, x)
    part = xp.multiply(xp.divide(xp.subtract(x, 1.0), x), xp.add(1.0, xp.divide(1.0, x)))
    return xp.where(endless, math.inf, xp.add(xp.log(x), xp.log1p(xp.sqrt(part))))


@op(
    vjp=dict(x=lambda xp, g, x: xp.divide(g, xp.multiply(xp.subtract(1.0, x), xp.add(x, 1.0)))),
    domain=_INSIDE_1,
)
def arctanh(xp, x):
    """The number whose hyperbolic tangent is x; NaN outside of [-1, 1]."""
    x = as_float(xp, x)
    return xp.multiply(xp.subtract(xp.log1p(x), xp.log1p(xp.negative(x))), 0.5)
