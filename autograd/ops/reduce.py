"""Ops that combine elements along axes: sums, extremes, statistics.

Every gradient here begins by giving g the axes back that the reduction removed (`_restore`). Ties of max and
min share the gradient equally; prod is exact with any number of zeros, to any order.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from backends.contract import Spec, float32, resolve_dtype
from backends.errors import AxisError
from backends.shapes import normalise_axes, normalise_axis

from ..call import op
from ..op import Domain, bad, case
from .floats import as_double, as_sum

if TYPE_CHECKING:
    from ..typing import AxisLike

Axes = tuple[int, ...]
_HALF = resolve_dtype("float16")


def canonical_axes(x: Any, *, axis: AxisLike | None, **static: Any) -> dict[str, Any]:
    return dict(static, axis=normalise_axes(axis, len(x.shape)))


def _one_axis(x: Any, *, axis: int | None, **static: Any) -> dict[str, Any]:
    return dict(static, axis=None if axis is None else normalise_axis(axis, len(x.shape)))


def _kept(shape: tuple[int, ...], axis: Axes) -> tuple[int, ...]:
    return tuple(1 if i in axis else n for i, n in enumerate(shape))


def keep(xp: Any, y: Any, shape: tuple[int, ...], axis: Axes) -> Any:
    """A reduced array with length-1 axes where the reduced ones were."""
    kept = _kept(shape, axis)
    return y if y.shape == kept else xp.reshape(y, shape=kept)


def _restore(xp: Any, g: Any, x_spec: Spec, axis: Axes) -> Any:
    """g, repeated along the reduced axes to the shape of the input."""
    if g.shape:
        g = keep(xp, g, x_spec.shape, axis)
    return xp.broadcast_to(g, shape=x_spec.shape)


def _count(shape: tuple[int, ...], axis: Axes) -> int:
    count = 1
    for i in axis:
        count *= shape[i]
    return count


def widened(xp: Any, x: Any) -> Any:
    """`x`, in float32 if it is float16: many small numbers, or a few large
    ones, are more than float16 holds.
    """
    return xp.astype(x, dtype=float32) if x.dtype == _HALF else x


def narrowed(xp: Any, y: Any, x: Any) -> Any:
    """`y`, which was computed from `widened` x, in the dtype of a result."""
    return xp.astype(y, dtype=_HALF) if x.dtype == _HALF else y


def _freedom(shape: tuple[int, ...], axis: Axes, ddof: float) -> float:
    """n - ddof, and NaN where no such variance exists."""
    left = _count(shape, axis) - ddof
    return left if left > 0 else math.nan


CASES = (
    case(x=(3, 4)),
    case(x=(3, 4), axis=0),
    case(x=(3, 4), axis=-1, keepdims=True),
    case(x=(2, 3, 4), axis=(0, 2)),
    case(x=()),
    case(x=(1,), axis=0),
)
_EMPTY = (case(x=(0, 3), axis=1), case(x=(0, 3), axis=0))
BAD_AXIS = (
    bad(AxisError, "axis 2 is out of range", x=(3, 4), axis=2),
    bad(AxisError, "twice", x=(3, 4), axis=(0, -2)),
)


@op(
    vjp=dict(x=lambda xp, g, x_spec, axis: _restore(xp, g, x_spec, axis)),
    normalise=canonical_axes,
    cases=[*CASES, *_EMPTY],
    bad=BAD_AXIS,
)
def sum(xp, x, *, axis=None, keepdims=False):  # noqa: A001 - NumPy's name
    """Sum over `axis` (an int, a tuple, or None for all)."""
    return narrowed(xp, xp.sum(widened(xp, x), axis=axis, keepdims=keepdims), x)


def _mean_slope(xp: Any, g: Any, x_spec: Spec, axis: Axes) -> Any:
    share = xp.divide(widened(xp, g), _count(x_spec.shape, axis))
    return _restore(xp, narrowed(xp, share, g), x_spec, axis)


@op(vjp=dict(x=_mean_slope), normalise=canonical_axes, cases=CASES, bad=BAD_AXIS)
def mean(xp, x, *, axis=None, keepdims=False):
    """Arithmetic mean over `axis`."""
    total = xp.sum(widened(xp, as_sum(xp, x)), axis=axis, keepdims=keepdims)
    return narrowed(xp, xp.divide(total, _count(x.shape, axis)), x)


def _centred(xp: Any, x: Any, axis: Axes) -> Any:
    mean = xp.divide(xp.sum(x, axis=axis, keepdims=True), _count(x.shape, axis))
    return xp.subtract(x, mean)


def _variance(xp: Any, x: Any, axis: Axes, ddof: float, keepdims: bool) -> Any:
    centred = _centred(xp, x, axis)
    total = xp.sum(xp.multiply(centred, centred), axis=axis, keepdims=keepdims)
    return xp.divide(total, _freedom(x.shape, axis, ddof))


def _variance_slope(xp: Any, g: Any, x: Any, axis: Axes, ddof: float) -> Any:
    wide, given = widened(xp, x), keep(xp, widened(xp, g), x.shape, axis)
    scale = xp.multiply(given, 2.0 / _freedom(x.shape, axis, ddof))
    return narrowed(xp, xp.multiply(scale, _centred(xp, wide, axis)), x)


_SPREAD = (*CASES[:4], case(x=(5,), ddof=1))


@op(vjp=dict(x=_variance_slope), normalise=canonical_axes, cases=[*_SPREAD, case(x=())])
def var(xp, x, *, axis=None, ddof=0, keepdims=False):
    """Variance over `axis`, divided by n - ddof; NaN where that is not above 0."""
    return narrowed(xp, _variance(xp, widened(xp, as_sum(xp, x)), axis, ddof, keepdims), x)


def _over_root(xp: Any, g: Any, y: Any) -> Any:
    """g / y, and 0 where the root y is 0: the slope chosen at a point that has none."""
    zero = xp.equal(y, 0)
    return xp.where(zero, 0.0, xp.divide(g, xp.where(zero, 1.0, y)))


def _std_slope(xp: Any, g: Any, x: Any, y: Any, axis: Axes, ddof: float) -> Any:
    wide = widened(xp, x)
    root = xp.divide(_over_root(xp, widened(xp, g), widened(xp, y)), _freedom(x.shape, axis, ddof))
    return narrowed(xp, xp.multiply(keep(xp, root, x.shape, axis), _centred(xp, wide, axis)), x)


@op(vjp=dict(x=_std_slope), normalise=canonical_axes, cases=_SPREAD)
def std(xp, x, *, axis=None, ddof=0, keepdims=False):
    """Standard deviation over `axis`; the slope of a constant is 0."""
    return narrowed(xp, xp.sqrt(_variance(xp, widened(xp, as_sum(xp, x)), axis, ddof, keepdims)), x)


def _norm_slope(xp: Any, g: Any, x: Any, y: Any, axis: Axes) -> Any:
    return xp.multiply(keep(xp, _over_root(xp, g, y), x.shape, axis), x)


@op(vjp=dict(x=_norm_slope), normalise=canonical_axes, domain=Domain(x=(0.3, 3)), cases=CASES)
def norm(xp, x, *, axis=None, keepdims=False):
    """Euclidean length over `axis`; slope 0 at the origin. Integers are squared as float64."""
    wide = widened(xp, as_double(xp, x))
    return narrowed(xp, xp.sqrt(xp.sum(xp.multiply(wide, wide), axis=axis, keepdims=keepdims)), x)


def _extreme_slope(xp: Any, g: Any, x: Any, y: Any, axis: Axes) -> Any:
    """g shared equally among the elements that equal the extreme: among NaN, where that is one."""
    hits = xp.logical_or(xp.equal(x, keep(xp, y, x.shape, axis)), xp.not_equal(x, x))
    given = widened(xp, g)
    count = xp.sum(xp.astype(hits, dtype=given.dtype), axis=axis, keepdims=True)
    share = xp.divide(keep(xp, given, x.shape, axis), count)
    return narrowed(xp, xp.where(hits, share, 0.0), g)


_EMPTY_EXTREME = (bad(ValueError, "empty axis", x=(0, 3), axis=0),)


@op(
    vjp=dict(x=_extreme_slope),
    normalise=canonical_axes,
    cases=CASES,
    bad=[*BAD_AXIS, *_EMPTY_EXTREME],
)
def max(xp, x, *, axis=None, keepdims=False):  # noqa: A001 - NumPy's name
    """Largest element over `axis`; m equal ones get 1/m of the gradient each."""
    return xp.max(x, axis=axis, keepdims=keepdims)


@op(
    vjp=dict(x=_extreme_slope),
    normalise=canonical_axes,
    cases=CASES,
    bad=[*BAD_AXIS, *_EMPTY_EXTREME],
)
def min(xp, x, *, axis=None, keepdims=False):  # noqa: A001 - NumPy's name
    """Smallest element over `axis`; m equal ones get 1/m of the gradient each."""
    return xp.min(x, axis=axis, keepdims=keepdims)


def _products_before(xp: Any, x: Any) -> Any:
    """For each element the product of those before it on the last axis, in log2(n) multiplications."""
    lead = ((0, 0),) * (len(x.shape) - 1)
    n = x.shape[-1]
    x = xp.getitem(xp.pad(x, pad_width=(*lead, (1, 0)), value=1.0), key=(..., slice(0, n)))
    shift = 1
    while shift < n:
        earlier = xp.getitem(x, key=(..., slice(0, n - shift)))
        x = xp.multiply(x, xp.pad(earlier, pad_width=(*lead, (shift, 0)), value=1.0))
        shift *= 2
    return x


def _product_slope(xp: Any, g: Any, x: Any, axis: Axes) -> Any:
    """The product of all other elements; no division, so zeros are nothing special."""
    ndim = len(x.shape)
    order = (*(i for i in range(ndim) if i not in axis), *axis)
    moved = xp.permute_dims(x, axes=order)
    rows = xp.reshape(moved, shape=(*moved.shape[: ndim - len(axis)], _count(x.shape, axis)))
    backwards = (..., slice(None, None, -1))
    after = xp.getitem(_products_before(xp, xp.getitem(rows, key=backwards)), key=backwards)
    others = xp.reshape(xp.multiply(_products_before(xp, rows), after), shape=moved.shape)
    others = xp.permute_dims(others, axes=tuple(order.index(i) for i in range(ndim)))
    return xp.multiply(keep(xp, g, x.shape, axis), others)


@op(
    vjp=dict(x=_product_slope),
    normalise=canonical_axes,
    cases=[*CASES, *_EMPTY, case(x=[[0.0, 2.0, 3.0], [0.0, 0.0, 2.0]], axis=1)],
)
def prod(xp, x, *, axis=None, keepdims=False):
    """Product over `axis`; gradients are right with zeros among the factors."""
    return xp.prod(x, axis=axis, keepdims=keepdims)


@op(no_gradient=["x"], normalise=canonical_axes, cases=[*CASES, *_EMPTY])
def any(xp, x, *, axis=None, keepdims=False):  # noqa: A001 - NumPy's name
    """Whether some element over `axis` is true (not 0)."""
    return xp.any(x, axis=axis, keepdims=keepdims)


@op(no_gradient=["x"], normalise=canonical_axes, cases=[*CASES, *_EMPTY])
def all(xp, x, *, axis=None, keepdims=False):  # noqa: A001 - NumPy's name
    """Whether every element over `axis` is true (not 0)."""
    return xp.all(x, axis=axis, keepdims=keepdims)


_POSITION_CASES = (
    case(x=(3, 4)),
    case(x=(3, 4), axis=-1),
    case(x=(2, 3, 4), axis=1, keepdims=True),
    case(x=(3, 4), keepdims=True),
    case(x=()),
    case(x=[3, 1, 3], axis=0),
)


def _position(xp: Any, name: str, x: Any, axis: int | None, keepdims: bool) -> Any:
    if axis is not None:
        return getattr(xp, name)(x, axis=(axis,), keepdims=keepdims)
    flat = xp.reshape(x, shape=(_count(x.shape, tuple(range(len(x.shape)))),))
    found = getattr(xp, name)(flat, axis=(0,), keepdims=False)
    return xp.reshape(found, shape=(1,) * len(x.shape)) if keepdims else found


@op(no_gradient=["x"], normalise=_one_axis, cases=_POSITION_CASES, bad=[BAD_AXIS[0]])
def argmax(xp, x, *, axis=None, keepdims=False):
    """Position of the first largest element along `axis`, or in the flattened array."""
    return _position(xp, "argmax", x, axis, keepdims)


@op(no_gradient=["x"], normalise=_one_axis, cases=_POSITION_CASES, bad=[BAD_AXIS[0]])
def argmin(xp, x, *, axis=None, keepdims=False):
    """Position of the first smallest element along `axis`, or in the flattened array."""
    return _position(xp, "argmin", x, axis, keepdims)


def _from_the_end(xp: Any, g: Any, x_spec: Spec, axis: int | None) -> Any:
    at = 0 if axis is None else axis
    key = (*((slice(None),) * at), slice(None, None, -1))
    total = xp.cumsum(xp.getitem(g, key=key), axis=at)
    return xp.reshape(xp.getitem(total, key=key), shape=x_spec.shape)


@op(
    vjp=dict(x=_from_the_end),
    normalise=_one_axis,
    cases=[case(x=(5,), axis=0), case(x=(2, 3), axis=1), case(x=(2, 3)), case(x=(0,), axis=0)],
    bad=[BAD_AXIS[0]],
)
def cumsum(xp, x, *, axis=None):
    """Running sum along `axis`, or of the flattened array."""
    if axis is None:
        return xp.cumsum(xp.reshape(x, shape=(_count(x.shape, tuple(range(len(x.shape)))),)), axis=0)
    return xp.cumsum(x, axis=axis)
