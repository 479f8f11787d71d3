"""logsumexp, softmax and log_softmax: exponentials of what is left after the maximum is taken away."""

from __future__ import annotations

from typing import Any

from ..call import op
from ..op import case
from .reduce import BAD_AXIS, CASES, Axes, canonical_axes, keep


def _shift(xp: Any, x: Any, axis: Axes) -> Any:
    """The maximum that makes exp safe, and 0 where there is no finite one."""
    top = xp.max(x, axis=axis, keepdims=True)
    return xp.where(xp.isfinite(top), top, 0.0)


def _logsumexp_slope(xp: Any, g: Any, x: Any, y: Any, axis: Axes) -> Any:
    level = keep(xp, xp.where(xp.isfinite(y), y, 0.0), x.shape, axis)
    return xp.multiply(keep(xp, g, x.shape, axis), xp.exp(xp.subtract(x, level)))


@op(vjp=dict(x=_logsumexp_slope), normalise=canonical_axes, cases=CASES, bad=BAD_AXIS)
def logsumexp(xp, x, *, axis=None, keepdims=False):
    """`log(sum(exp(x)))` over `axis` without overflow; -inf entries count as absent."""
    shift = _shift(xp, x, axis)
    total = xp.sum(xp.exp(xp.subtract(x, shift)), axis=axis, keepdims=True)
    y = xp.add(xp.log(total), shift)
    if keepdims:
        return y
    return xp.reshape(y, shape=tuple(n for i, n in enumerate(x.shape) if i not in axis))


def softmax_of(xp: Any, x: Any, axis: Axes) -> Any:
    e = xp.exp(xp.subtract(x, _shift(xp, x, axis)))
    return xp.divide(e, xp.sum(e, axis=axis, keepdims=True))


def log_softmax_of(xp: Any, x: Any, axis: Axes) -> Any:
    centred = xp.subtract(x, _shift(xp, x, axis))
    return xp.subtract(centred, xp.log(xp.sum(xp.exp(centred), axis=axis, keepdims=True)))


_SOFTMAX_CASES = (
    case(x=(3, 4)),
    case(x=(3, 4), axis=0),
    case(x=(2, 3, 4), axis=(1, 2)),
    case(x=(5,)),
)


def _softmax_slope(xp: Any, g: Any, y: Any, axis: Axes) -> Any:
    weighted = xp.multiply(g, y)
    return xp.subtract(weighted, xp.multiply(y, xp.sum(weighted, axis=axis, keepdims=True)))


@op(vjp=dict(x=_softmax_slope), normalise=canonical_axes, cases=_SOFTMAX_CASES, bad=BAD_AXIS)
def softmax(xp, x, *, axis=-1):
    """`exp(x) / sum(exp(x))` over `axis`, without overflow."""
    return softmax_of(xp, x, axis)


def _log_softmax_slope(xp: Any, g: Any, y: Any, axis: Axes) -> Any:
    total = xp.sum(g, axis=axis, keepdims=True)
    return xp.subtract(g, xp.multiply(xp.exp(y), total))


@op(vjp=dict(x=_log_softmax_slope), normalise=canonical_axes, cases=_SOFTMAX_CASES, bad=BAD_AXIS)
def log_softmax(xp, x, *, axis=-1):
    """`log(softmax(x))` over `axis`, finite where softmax underflows."""
    return log_softmax_of(xp, x, axis)
