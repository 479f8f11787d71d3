"""Ops that work element by element: arithmetic, functions of analysis, choices.

What happens at kinks and ties is decided here, once, for every backend: abs has slope 0 at 0, maximum shares
a tie by halves, clip passes gradients at its bounds. Activations and comparisons have files of their own.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from backends.contract import resolve_dtype
from backends.errors import DTypeError

from ..call import op
from ..op import Domain, bad, case

if TYPE_CHECKING:
    from ..typing import DTypeLike

_KINK_AT_0 = Domain(x=(-4, 4), kinks=dict(x=(0.0,)))
_POSITIVE = Domain(x=(0.2, 4))


def zero_slope(xp: Any, g: Any) -> Any:
    """The gradient of what is flat."""
    return xp.full(shape=g.shape, value=0.0, dtype=g.dtype)


@op(
    vjp=dict(a=lambda xp, g: g, b=lambda xp, g: g),
    bad=[bad(ValueError, "do not broadcast", a=(3,), b=(4,))],
)
def add(xp, a, b):
    """`a + b`, elementwise with broadcasting."""
    return xp.add(a, b)


@op(vjp=dict(a=lambda xp, g: g, b=lambda xp, g: xp.negative(g)))
def subtract(xp, a, b):
    """`a - b`, elementwise with broadcasting."""
    return xp.subtract(a, b)


@op(vjp=dict(a=lambda xp, g, b: xp.multiply(g, b), b=lambda xp, g, a: xp.multiply(g, a)))
def multiply(xp, a, b):
    """`a * b`, elementwise with broadcasting."""
    return xp.multiply(a, b)


@op(
    vjp=dict(
        a=lambda xp, g, b: xp.divide(g, b),
        b=lambda xp, g, b, y: xp.negative(xp.divide(xp.multiply(g, y), b)),
    ),
    domain=Domain(b=(0.5, 3)),
)
def divide(xp, a, b):
    """`a / b`, elementwise with broadcasting; integers give floats."""
    return xp.divide(a, b)


def _power_base(xp: Any, g: Any, a: Any, b: Any) -> Any:
    """b a^(b-1), and 0 where b is 0 whatever a is."""
    if not hasattr(b, "shape"):
        return zero_slope(xp, g) if b == 0 else xp.multiply(g, xp.multiply(xp.power(a, b - 1), b))
    # only 0**-1 is kept away: where a is not 0 the slope depends on b at b = 0 as anywhere
    constant = xp.equal(b, 0)
    base = xp.where(xp.logical_and(constant, xp.equal(a, 0)), 1.0, a)
    lowered = xp.power(base, b - 1)
    overflow = xp.logical_and(constant, xp.logical_not(xp.isfinite(lowered)))
    return xp.where(overflow, 0.0, xp.multiply(g, xp.multiply(b, lowered)))


def _power_exponent(xp: Any, g: Any, a: Any, b: Any, y: Any) -> Any:
    """y log(a), and 0 where a is 0."""
    logarithm = xp.log(xp.where(xp.equal(a, 0), 1.0, a))
    return xp.multiply(g, xp.multiply(y, logarithm))


@op(vjp=dict(a=_power_base, b=_power_exponent), domain=Domain(a=(0.3, 2), b=(-2, 3)))
def power(xp, a, b):
    """`a ** b`, elementwise. The slope of `x**2` at 0 is 0, that of
    `0**b` with respect to b is 0 for b > 0.
    """
    return xp.power(a, b)


@op(vjp=dict(x=lambda xp, g: xp.negative(g)))
def negative(xp, x):
    """`-x`."""
    return xp.negative(x)


@op(vjp=dict(x=lambda xp, g, x: xp.multiply(g, xp.sign(x))), domain=_KINK_AT_0)
def abs(xp, x):  # noqa: A001 - NumPy's name
    """Absolute value; slope 0 at 0."""
    return xp.abs(x)


@op(vjp=dict(x=lambda xp, g: zero_slope(xp, g)), domain=_KINK_AT_0)
def sign(xp, x):
    """-1, 0 or 1 by the sign of each element; its gradient is 0."""
    return xp.sign(x)


@op(
    vjp=dict(x=lambda xp, g: zero_slope(xp, g)),
    domain=Domain(x=(-4, 4), kinks=dict(x=tuple(float(i) for i in range(-4, 5)))),
)
def floor(xp, x):
    """The largest integer not above each element; its gradient is 0."""
    return xp.floor(x)


@op(vjp=dict(x=lambda xp, g, y: xp.divide(g, xp.multiply(y, 2.0))), domain=_POSITIVE)
def sqrt(xp, x):
    """Square root; the slope at 0 is infinite."""
    return xp.sqrt(x)


@op(vjp=dict(x=lambda xp, g, y: xp.multiply(g, y)))
def exp(xp, x):
    """e to the power of each element."""
    return xp.exp(x)


@op(vjp=dict(x=lambda xp, g, x: xp.multiply(g, xp.exp(x))))
def expm1(xp, x):
    """`exp(x) - 1`, exact for small x."""
    return xp.expm1(x)


@op(vjp=dict(x=lambda xp, g, x: xp.divide(g, x)), domain=_POSITIVE)
def log(xp, x):
    """Natural logarithm; NaN for negative elements, -inf at 0."""
    return xp.log(x)


@op(vjp=dict(x=lambda xp, g, x: xp.divide(g, xp.add(x, 1.0))), domain=Domain(x=(-0.7, 4)))
def log1p(xp, x):
    """`log(1 + x)`, exact for small x."""
    return xp.log1p(x)


@op(vjp=dict(x=lambda xp, g, x: xp.multiply(g, xp.cos(x))))
def sin(xp, x):
    """Sine of each element, in radians."""
    return xp.sin(x)


@op(vjp=dict(x=lambda xp, g, x: xp.negative(xp.multiply(g, xp.sin(x)))))
def cos(xp, x):
    """Cosine of each element, in radians."""
    return xp.cos(x)


@op(vjp=dict(x=lambda xp, g, y: g * (1 - y * y)))
def tanh(xp, x):
    """Hyperbolic tangent of each element."""
    return xp.tanh(x)


def _erf_slope(xp: Any, g: Any, x: Any) -> Any:
    """2/sqrt(pi) exp(-x^2). Beyond 30 the exponential is 0, so x^2 need not overflow there."""
    x = xp.maximum(xp.minimum(x, 30.0), -30.0)
    bell = xp.exp(xp.negative(xp.multiply(x, x)))
    return xp.multiply(g, xp.multiply(bell, 2 / math.sqrt(math.pi)))


@op(vjp=dict(x=_erf_slope))
def erf(xp, x):
    """Error function, `2/sqrt(pi)` times the integral of `exp(-t^2)` from 0 to x."""
    return xp.erf(x)


def _winner(loses: str, mine: str) -> Any:
    """The rule of maximum and minimum for one operand: 0 where it loses,
    half of g at a tie; no NaN gets lost.
    """

    def rule(xp: Any, g: Any, a: Any, b: Any) -> Any:
        lost = getattr(xp, loses)(a, b) if mine == "a" else getattr(xp, loses)(b, a)
        return xp.where(lost, 0.0, xp.where(xp.equal(a, b), xp.multiply(g, 0.5), g))

    return rule


@op(vjp=dict(a=_winner("less", "a"), b=_winner("less", "b")))
def maximum(xp, a, b):
    """The larger of each pair; a tie shares its gradient by halves. NaN where either is NaN."""
    return xp.maximum(a, b)


@op(vjp=dict(a=_winner("greater", "a"), b=_winner("greater", "b")))
def minimum(xp, a, b):
    """The smaller of each pair; a tie shares its gradient by halves. NaN where either is NaN."""
    return xp.minimum(a, b)


def _bounds(x: Any, min: float | None, max: float | None) -> dict[str, Any]:
    for bound in (min, max):
        if bound is not None and not isinstance(bound, (int, float)):
            raise DTypeError(
                f"the bounds are numbers, got {type(bound).__name__}; use maximum() and minimum() for arrays"
            )
    return dict(min=min, max=max)


def _inside(xp: Any, g: Any, x: Any, min: float | None, max: float | None) -> Any:
    if min is not None:
        g = xp.where(xp.less(x, min), 0.0, g)
    return g if max is None else xp.where(xp.greater(x, max), 0.0, g)


@op(
    vjp=dict(x=_inside),
    normalise=_bounds,
    domain=Domain(x=(-4, 4), kinks=dict(x=(-1.0, 1.5))),
    cases=[case(x=(3, 4), min=-1.0, max=1.5), case(x=(4,), min=-1.0), case(x=(4,), max=1.5)],
    bad=[bad(TypeError, "use maximum", x=(3,), min="low")],
)
def clip(xp, x, *, min=None, max=None):
    """x limited to `[min, max]`; gradients pass at the bounds."""
    if min is not None:
        x = xp.maximum(x, min)
    return x if max is None else xp.minimum(x, max)


@op(
    vjp=dict(
        a=lambda xp, g, condition: xp.where(condition, g, 0.0),
        b=lambda xp, g, condition: xp.where(condition, 0.0, g),
    ),
    no_gradient=["condition"],
    cases=[
        case(condition=[[True, False], [False, True]], a=(2, 2), b=(2, 2)),
        case(condition=[True, False, True], a=(2, 3), b=(2, 1)),
        case(condition=[[True], [False]], a=(), b=(3,)),
    ],
)
def where(xp, condition, a, b):
    """a where `condition`, else b. The branch not taken gets an exact 0."""
    return xp.where(condition, a, b)


def _of_dtype(x: Any, dtype: DTypeLike) -> dict[str, Any]:
    return dict(dtype=resolve_dtype(dtype))


@op(
    vjp=dict(x=lambda xp, g, x_spec: xp.astype(g, dtype=x_spec.dtype)),
    normalise=_of_dtype,
    cases=[case(x=(3,), dtype="float64")],
    bad=[bad(TypeError, "not one of the dtypes", x=(3,), dtype="float31")],
)
def astype(xp, x, *, dtype):
    """The same values in another dtype; gradients come back in the old one."""
    return xp.astype(x, dtype=dtype)


@op(
    vjp=dict(x=lambda xp, g, keep, scale: xp.where(keep, xp.multiply(g, scale), 0.0)),
    no_gradient=["keep"],
    cases=[case(x=(2, 2), keep=[[True, False], [False, True]], scale=1.25)],
)
def masked_scale(xp, x, keep, *, scale):
    """`x * scale` where `keep`, else 0: what dropout does once its mask is drawn."""
    return xp.where(keep, xp.multiply(x, scale), 0.0)
