"""logsumexp, softmax and log_softmax: exponentials of what is left after the maximum is taken away."""

from __future__ import annotations

from typing import Any

from ..call import op
from ..op import case
from .reduce import BAD_AXIS, CASES, Axes, canonical_axes, keep, narrowed, widened


def _shift(xp: Any, x: Any, axis: Axes) -> Any:
    """The maximum that makes exp safe, and 0 where there is no finite one."""
    if 0 in x.shape:
        return 0.0
    top = xp.max(x, axis=axis, keepdims=True)
    return xp.where(xp.isfinite(top), top, 0.0)


def _logsumexp_slope(xp: Any, g: Any, x: Any, axis: Axes) -> Any:
    """The softmax; from the shifted x, since `x - y` has no digits left
    where x is large. 0 where all are -inf.
    """
    wide = widened(xp, x)
    e = xp.exp(xp.subtract(wide, _shift(xp, wide, axis)))
    total = xp.sum(e, axis=axis, keepdims=True)
    share = xp.divide(e, xp.where(xp.equal(total, 0), 1.0, total))
    return narrowed(xp, xp.multiply(keep(xp, g, x.shape, axis), share), x)


@op(
    vjp=dict(x=_logsumexp_slope),
    normalise=canonical_axes,
    cases=CASES,
    bad=BAD_AXIS,
)
def logsumexp(xp, x, *, axis=None, keepdims=False):
    """`log(sum(exp(x)))` over `axis` without overflow; -inf entries count as absent."""
    wide = widened(xp, x)
    shift = _shift(xp, wide, axis)
    total = xp.sum(xp.exp(xp.subtract(wide, shift)), axis=axis, keepdims=True)
    y = narrowed(xp, xp.add(xp.log(total), shift), x)
    if keepdims:
        return y
    return xp.reshape(y, shape=tuple(n for i, n in enumerate(x.shape) if i not in axis))


def softmax_of(xp: Any, x: Any, axis: Axes) -> Any:
    if 0 in x.shape:
        return xp.exp(x)
    wide = widened(xp, x)
    e = xp.exp(xp.subtract(wide, _shift(xp, wide, axis)))
    return narrowed(xp, xp.divide(e, xp.sum(e, axis=axis, keepdims=True)), x)


def log_softmax_of(xp: Any, x: Any, axis: Axes) -> Any:
    if 0 in x.shape:
        return xp.exp(x)
    wide = widened(xp, x)
    centred = xp.subtract(wide, _shift(xp, wide, axis))
    total = xp.sum(xp.exp(centred), axis=axis, keepdims=True)
    return narrowed(xp, xp.subtract(centred, xp.log(total)), x)


_SOFTMAX_CASES = (
    case(x=(3, 4)),
    case(x=(3, 4), axis=0),
    case(x=(2, 3, 4), axis=(1, 2)),
    case(x=(5,)),
)


def _softmax_slope(xp: Any, g: Any, y: Any, axis: Axes) -> Any:
    wide = widened(xp, y)
    weighted = xp.multiply(widened(xp, g), wide)
    total = xp.sum(weighted, axis=axis, keepdims=True)
    return narrowed(xp, xp.subtract(weighted, xp.multiply(wide, total)), y)


@op(vjp=dict(x=_softmax_slope), normalise=canonical_axes, cases=_SOFTMAX_CASES, bad=BAD_AXIS)
def softmax(xp, x, *, axis=-1):
    """`exp(x) / sum(exp(x))` over `axis`, without overflow."""
    return softmax_of(xp, x, axis)


def _log_softmax_slope(xp: Any, g: Any, y: Any, axis: Axes) -> Any:
    wide = widened(xp, g)
    total = xp.sum(wide, axis=axis, keepdims=True)
    return narrowed(xp, xp.subtract(wide, xp.multiply(xp.exp(widened(xp, y)), total)), y)


@op(vjp=dict(x=_log_softmax_slope), normalise=canonical_axes, cases=_SOFTMAX_CASES, bad=BAD_AXIS)
def log_softmax(xp, x, *, axis=-1):
    """`log(softmax(x))` over `axis`, finite where softmax underflows."""
    return log_softmax_of(xp, x, axis)
