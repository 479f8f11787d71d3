"""Comparisons, logic and bits: ops whose results are steps, so none has a gradient."""

from __future__ import annotations

from typing import Any

from ..call import op
from ..op import case


@op(no_gradient=["a", "b"])
def equal(xp, a, b):
    """`a == b`, elementwise."""
    return xp.equal(a, b)


@op(no_gradient=["a", "b"])
def not_equal(xp, a, b):
    """`a != b`, elementwise."""
    return xp.not_equal(a, b)


@op(no_gradient=["a", "b"])
def less(xp, a, b):
    """`a < b`, elementwise."""
    return xp.less(a, b)


@op(no_gradient=["a", "b"])
def less_equal(xp, a, b):
    """`a <= b`, elementwise."""
    return xp.less_equal(a, b)


@op(no_gradient=["a", "b"])
def greater(xp, a, b):
    """`a > b`, elementwise."""
    return xp.greater(a, b)


@op(no_gradient=["a", "b"])
def greater_equal(xp, a, b):
    """`a >= b`, elementwise."""
    return xp.greater_equal(a, b)


@op(no_gradient=["a", "b"])
def logical_and(xp, a, b):
    """True where both are."""
    return xp.logical_and(a, b)


@op(no_gradient=["a", "b"])
def logical_or(xp, a, b):
    """True where either is."""
    return xp.logical_or(a, b)


def _truth(xp: Any, x: Any) -> Any:
    return xp.not_equal(x, 0) if hasattr(x, "shape") else bool(x)


@op(no_gradient=["a", "b"])
def logical_xor(xp, a, b):
    """True where one alone is."""
    return xp.not_equal(_truth(xp, a), _truth(xp, b))


@op(no_gradient=["x"])
def logical_not(xp, x):
    """True where x is not."""
    return xp.logical_not(x)


@op(no_gradient=["x"])
def isfinite(xp, x):
    """True where x is neither NaN nor infinite."""
    return xp.isfinite(x)


@op(no_gradient=["x"])
def isnan(xp, x):
    """True where x is NaN."""
    return xp.not_equal(x, x)


@op(no_gradient=["x"])
def isinf(xp, x):
    """True where x is infinite."""
    return xp.equal(xp.abs(x), float("inf"))


@op(no_gradient=["a", "b"], cases=[case(a=[5, 8, 9], b=[1, 2, 0])])
def right_shift(xp, a, b):
    """Integer `a` without its lowest `b` bits."""
    return xp.right_shift(a, b)
