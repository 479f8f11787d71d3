"""Activations: elementwise functions with a bend, and maxout.

Slopes at the bend: relu 0, leaky_relu its slope, elu and selu those of the left side; ties of maxout share the gradient.
"""

from __future__ import annotations

from typing import Any

from backends.errors import ShapeError

from ..call import op
from ..op import Domain, bad, case

_KINK_AT_0 = Domain(x=(-4, 4), kinks=dict(x=(0.0,)))
SELU_SCALE, SELU_ALPHA = 1.0507009873554805, 1.6732632423543772


def sigmoid_of(xp: Any, x: Any) -> Any:
    """1 / (1 + e^-x) without overflow and without cancellation: only e^-|x| is computed.

    Not by abs, whose slope at 0 is 0: the derivative of this is that of the sigmoid, everywhere.
    """
    right = xp.greater_equal(x, 0)
    decay = xp.exp(xp.where(right, xp.negative(x), x))
    return xp.divide(xp.where(right, 1.0, decay), xp.add(decay, 1.0))


def softplus_of(xp: Any, x: Any) -> Any:
    """log(1 + e^x) without overflow."""
    return xp.add(xp.maximum(x, 0), xp.log1p(xp.exp(xp.negative(xp.abs(x)))))


@op(vjp=dict(x=lambda xp, g, y: g * (y * (1 - y))))
def sigmoid(xp, x):
    """Logistic function `1 / (1 + exp(-x))`, accurate for every x."""
    return sigmoid_of(xp, x)


@op(vjp=dict(x=lambda xp, g, x: xp.multiply(g, sigmoid_of(xp, x))))
def softplus(xp, x):
    """`log(1 + exp(x))`, the smooth relu; slope 1/2 at 0."""
    return softplus_of(xp, x)


@op(vjp=dict(x=lambda xp, g, x: xp.multiply(g, sigmoid_of(xp, xp.negative(x)))))
def log_sigmoid(xp, x):
    """`log(sigmoid(x))`, finite for every finite x; slope 1/2 at 0."""
    return xp.negative(softplus_of(xp, xp.negative(x)))


@op(vjp=dict(x=lambda xp, g, x: g / xp.power(xp.abs(x) + 1.0, 2)))
def softsign(xp, x):
    """`x / (1 + |x|)`."""
    return xp.divide(x, xp.add(xp.abs(x), 1.0))


def _silu_slope(xp: Any, g: Any, x: Any) -> Any:
    s = sigmoid_of(xp, x)
    return g * (s * (1 + x * (1 - s)))


@op(vjp=dict(x=_silu_slope))
def silu(xp, x):
    """`x * sigmoid(x)`, also called swish."""
    return xp.multiply(x, sigmoid_of(xp, x))


@op(vjp=dict(x=lambda xp, g, y: xp.where(xp.greater(y, 0), g, 0.0)), domain=_KINK_AT_0)
def relu(xp, x):
    """`max(x, 0)`; slope 0 at 0."""
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
    return xp.where(
        xp.greater(x, 0), g, xp.multiply(g, xp.multiply(xp.exp(xp.minimum(x, 0)), alpha))
    )


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
    """The largest of each `pieces` neighbours along `axis` (Goodfellow et al. 2013); ties share the gradient."""
    return xp.max(_in_pieces(xp, x, pieces, axis), axis=(axis + 1,), keepdims=False)
