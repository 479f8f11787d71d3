"""Activations: elementwise functions with a bend, and maxout.

Slopes at the bend: relu 0, leaky_relu its slope, elu and selu those of the left side;
ties of maxout share the gradient.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from backends.errors import ShapeError

from ..call import op
from ..errors import RangeError
from ..op import Domain, bad, case
from .floats import as_double, as_float

_KINK_AT_0 = Domain(x=(-4, 4), kinks=dict(x=(0.0,)))
SELU_SCALE, SELU_ALPHA = 1.0507009873554805, 1.6732632423543772
_GELU_LIMIT, _GELU_SCALE, _GELU_CUBE = 40.0, math.sqrt(2 / math.pi), 0.044715


def sigmoid_of(xp: Any, x: Any) -> Any:
    """1 / (1 + e^-x) without overflow and without cancellation: only e^-|x| is computed.

    Not by abs, whose slope at 0 is 0: the derivative of this is that of the sigmoid, everywhere.
    """
    x = as_float(xp, x)
    right = xp.greater_equal(x, 0)
    decay = xp.exp(xp.where(right, xp.negative(x), x))
    return xp.divide(xp.where(right, 1.0, decay), xp.add(decay, 1.0))


def _decay(xp: Any, x: Any) -> tuple[Any, Any]:
    """(x >= 0, e^-|x|) for gradient rules. Not with abs: its slope 0 at 0
    would spoil second derivatives there.
    """
    positive = xp.greater_equal(x, 0)
    return positive, xp.exp(xp.where(positive, xp.negative(x), x))


def smooth_sigmoid_of(xp: Any, x: Any) -> Any:
    """sigmoid_of for gradient rules, right at 0 however often it is differentiated."""
    positive, decay = _decay(xp, x)
    return xp.divide(xp.where(positive, 1.0, decay), xp.add(decay, 1.0))


def softplus_of(xp: Any, x: Any) -> Any:
    """log(1 + e^x) without overflow."""
    x = as_float(xp, x)
    return xp.add(xp.maximum(x, 0), xp.log1p(xp.exp(xp.negative(xp.abs(x)))))


@op(vjp=dict(x=lambda xp, g, y: g * (y * (1 - y))))
def sigmoid(xp, x):
    """Logistic function `1 / (1 + exp(-x))`, accurate for every x."""
    return sigmoid_of(xp, x)


@op(vjp=dict(x=lambda xp, g, x: xp.multiply(g, smooth_sigmoid_of(xp, x))))
def softplus(xp, x):
    """`log(1 + exp(x))`, the smooth relu; slope 1/2 at 0."""
    return softplus_of(xp, x)


@op(vjp=dict(x=lambda xp, g, x: xp.multiply(g, smooth_sigmoid_of(xp, xp.negative(x)))))
def log_sigmoid(xp, x):
    """`log(sigmoid(x))`, finite for every finite x; slope 1/2 at 0."""
    return xp.negative(softplus_of(xp, xp.negative(as_float(xp, x))))


@op(vjp=dict(x=lambda xp, g, x: g / xp.power(xp.abs(x) + 1.0, 2)))
def softsign(xp, x):
    """`x / (1 + |x|)`."""
    return xp.divide(x, xp.add(xp.abs(as_double(xp, x)), 1.0))


def _silu_slope(xp: Any, g: Any, x: Any) -> Any:
    s = smooth_sigmoid_of(xp, x)
    return g * (s * (1 + x * (1 - s)))


@op(vjp=dict(x=_silu_slope))
def silu(xp, x):
    """`x * sigmoid(x)`, also called swish."""
    return xp.multiply(x, sigmoid_of(xp, x))


def _between(xp: Any, x: Any) -> Any:
    """x limited to where gelu still bends in any precision, so that neither
    x^3 nor infinity times 0 can arise.
    """
    return xp.minimum(xp.maximum(x, -_GELU_LIMIT), _GELU_LIMIT)


def _gelu_argument(xp: Any, x: Any) -> Any:
    """sqrt(2/pi) (x + 0.044715 x^3), what the tanh form takes the tanh of."""
    return _GELU_SCALE * (x * (1.0 + _GELU_CUBE * (x * x)))


_TAIL_FROM = -4.0
_TAIL = (
    (
        0.9999999999999872773,
        37.44152889004836759,
        441.7732110541147751,
        1894.384998147120919,
        2491.257360655818766,
        447.8920546363815792,
    ),
    (
        1.0,
        38.44152888999839769,
        477.214739978407989,
        2271.275141727852701,
        3802.512730635978853,
        1503.289819090336787,
    ),
)


def _tail(xp: Any, x: Any) -> Any:
    """Phi(x) / Phi'(x) below -4, where 1 + erf cancels: Mills' ratio, -1/x times
    a quotient of polynomials of 1/x^2.

    The quotient meets it at Chebyshev's points of 1/x^2 in [0, 1/16]; its
    relative error there is below 1.2e-14.
    """
    x = xp.minimum(x, _TAIL_FROM)
    square = 1.0 / (x * x)
    above, below = (_polynomial(square, numbers) for numbers in _TAIL)
    return -(above / (below * x))


def _polynomial(x: Any, numbers: Sequence[float]) -> Any:
    total = x * numbers[-1] + numbers[-2]
    for number in reversed(numbers[:-2]):
        total = total * x + number
    return total


def _gelu_slope(xp: Any, g: Any, x: Any, approximate: str) -> Any:
    """The share Phi(x) of x that passes, plus x Phi'(x)."""
    x = _between(xp, x)
    if approximate == "tanh":
        # (1 + tanh a) / 2 is sigmoid(2 a), whose slope has no cancellation in the tails
        positive, decay = _decay(xp, 2.0 * _gelu_argument(xp, x))
        total = 1.0 + decay
        inner = 2.0 * _GELU_SCALE * (1.0 + 3 * _GELU_CUBE * (x * x))
        share = xp.divide(xp.where(positive, 1.0, decay), total)
        return g * (share + x * (inner * (decay / (total * total))))
    bell = xp.exp(-0.5 * (x * x)) * (1 / math.sqrt(2 * math.pi))
    share = xp.where(xp.less(x, _TAIL_FROM), _tail(xp, x) * bell, 0.5 * (1.0 + xp.erf(x * math.sqrt(0.5))))
    return g * (share + x * bell)


def _known_form(x: Any, approximate: str) -> dict[str, Any]:
    if approximate not in ("none", "tanh"):
        raise RangeError(f"approximate is 'none' or 'tanh', got {approximate!r}")
    return dict(approximate=approximate)


@op(
    vjp=dict(x=_gelu_slope),
    normalise=_known_form,
    domain=Domain(x=(-4, 4)),
    cases=[case(x=(3, 4)), case(x=(3, 4), approximate="tanh"), case(x=()), case(x=(0, 3))],
    bad=[bad(ValueError, "approximate is 'none' or 'tanh', got 'erf'", x=(3,), approximate="erf")],
)
def gelu(xp, x, *, approximate="none"):
    """`x Phi(x)`, Phi the normal distribution function; `approximate="tanh"`
    for the tanh form of the same paper.

    Hendrycks and Gimpel 2016. 0 at -infinity, in both forms.
    """
    middle = _between(xp, x)
    if approximate == "tanh":
        spread = xp.tanh(_gelu_argument(xp, middle))
    else:
        spread = xp.erf(xp.multiply(middle, math.sqrt(0.5)))
    share = xp.multiply(xp.add(spread, 1.0), 0.5)
    return xp.multiply(xp.maximum(x, -_GELU_LIMIT), share)


@op(vjp=dict(x=lambda xp, g, y: xp.where(xp.less_equal(y, 0), 0.0, g)), domain=_KINK_AT_0)
def relu(xp, x):
    """`max(x, 0)`; slope 0 at 0, and 1 at NaN, which is to be seen."""
    return xp.maximum(x, 0)


@op(
    vjp=dict(x=lambda xp, g, x, slope: xp.where(xp.greater(x, 0), g, xp.multiply(g, slope))),
    domain=_KINK_AT_0,
    cases=[case(x=(3, 4)), case(x=(5,), slope=0.3)],
)
def leaky_relu(xp, x, *, slope=0.1):
    """x where positive, else `slope * x`; the slope at 0 is `slope`."""
    return xp.where(xp.greater(x, 0), x, xp.multiply(x, slope))


def _elu_slope(xp: Any, g: Any, x: Any, alpha: float) -> Any:
    return xp.where(xp.greater(x, 0), g, xp.multiply(g, xp.multiply(xp.exp(xp.minimum(x, 0)), alpha)))


@op(vjp=dict(x=_elu_slope), domain=_KINK_AT_0, cases=[case(x=(3, 4)), case(x=(5,), alpha=0.5)])
def elu(xp, x, *, alpha=1.0):
    """x where positive, else `alpha * (exp(x) - 1)` (Clevert et al. 2016)."""
    return xp.where(xp.greater(x, 0), x, xp.multiply(xp.expm1(xp.minimum(x, 0)), alpha))


@op(
    vjp=dict(x=lambda xp, g, x: xp.multiply(_elu_slope(xp, g, x, SELU_ALPHA), SELU_SCALE)),
    domain=_KINK_AT_0,
)
def selu(xp, x):
    """Scaled elu that keeps mean 0 and variance 1 through layers (Klambauer et al. 2017)."""
    negative_part = xp.multiply(xp.expm1(xp.minimum(x, 0)), SELU_ALPHA)
    return xp.multiply(xp.where(xp.greater(x, 0), x, negative_part), SELU_SCALE)


def _pieces(x: Any, pieces: int, axis: int) -> dict[str, Any]:
    ndim = len(x.shape)
    if not -ndim <= axis < ndim or x.shape[axis] % pieces:
        raise ShapeError(f"axis {axis} must exist and divide into {pieces} pieces")
    return dict(pieces=pieces, axis=axis % ndim)


def _in_pieces(xp: Any, x: Any, pieces: int, axis: int) -> Any:
    shape = (*x.shape[:axis], x.shape[axis] // pieces, pieces, *x.shape[axis + 1 :])
    return xp.reshape(x, shape=shape)


def _maxout_slope(xp: Any, g: Any, x: Any, y: Any, pieces: int, axis: int) -> Any:
    kept = (*y.shape[: axis + 1], 1, *y.shape[axis + 1 :])
    groups = _in_pieces(xp, x, pieces, axis)
    hits = xp.equal(groups, xp.reshape(y, shape=kept))
    count = xp.sum(xp.astype(hits, dtype=g.dtype), axis=(axis + 1,), keepdims=True)
    share = xp.divide(xp.reshape(g, shape=kept), count)
    return xp.reshape(xp.where(hits, share, 0.0), shape=x.shape)


@op(
    vjp=dict(x=_maxout_slope),
    normalise=_pieces,
    cases=[case(x=(3, 4)), case(x=(3, 6), pieces=3), case(x=(4, 3), axis=0)],
    bad=[bad(ValueError, "divide into 2 pieces", x=(3, 5))],
)
def maxout(xp, x, *, pieces=2, axis=-1):
    """The largest of each `pieces` neighbours along `axis` (Goodfellow et
    al. 2013); ties share the gradient.
    """
    return xp.max(_in_pieces(xp, x, pieces, axis), axis=(axis + 1,), keepdims=False)
