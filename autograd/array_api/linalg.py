"""`linalg` of the array API standard, as far as it is made of products and sums: no decompositions."""

from __future__ import annotations

import math
from typing import Any

import autograd as ag
from autograd import RangeError, ShapeError, Tensor
from backends.shapes import normalise_axis

from ..composites import COMPOSITES
from ..ops import NAMESPACE
from . import names, statistics

__all__ = [
    "cross", "diagonal", "matmul", "matrix_norm", "matrix_power", "matrix_transpose", "outer", "tensordot",
    "trace", "vecdot", "vector_norm",
]  # fmt: skip
matmul = ag.matmul


def _matrices(name: str, x: Any) -> None:
    if x.ndim < 2:
        raise ShapeError(f"{name}: matrices (..., m, n) are expected, got shape {x.shape}")


def matrix_transpose(x: Any, /) -> Tensor:
    """The last two axes exchanged."""
    _matrices("matrix_transpose", x)
    return ag.swapaxes(x, axis1=-2, axis2=-1)


def tensordot(x1: Any, x2: Any, /, *, axes: Any = 2) -> Any:
    """Sums of products over the last `axes` of x1 and the first of x2, or over pairs of axes."""
    given = tuple(map(list, axes)) if isinstance(axes, (tuple, list)) else axes
    return COMPOSITES["tensordot"](NAMESPACE, x1, x2, given)


def vecdot(x1: Any, x2: Any, /, *, axis: int = -1) -> Tensor:
    """Sums of products along an axis, which both have.

    Raises:
        ShapeError: it has other sizes.
    """
    if x1.shape[normalise_axis(axis, x1.ndim)] != x2.shape[normalise_axis(axis, x2.ndim)]:
        raise ShapeError(f"vecdot: axis {axis} of shapes {x1.shape} and {x2.shape} has other sizes")
    products = ag.multiply(x1, x2)
    # counted from the end, as the other axes broadcast
    return statistics.sum(products, axis=axis, dtype=products.dtype)


def outer(x1: Any, x2: Any, /) -> Tensor:
    """Every element of a vector times every element of another."""
    if x1.ndim != 1 or x2.ndim != 1:
        raise ShapeError(f"outer: two vectors are expected, got shapes {x1.shape} and {x2.shape}")
    # products one by one keep the sign of a zero, which sums of one product lose
    return ag.multiply(ag.expand_dims(x1, axis=1), x2)


def cross(x1: Any, x2: Any, /, *, axis: int = -1) -> Tensor:
    """The cross product along an axis of size 3."""
    for x in (x1, x2):
        if x.shape[normalise_axis(axis, x.ndim)] != 3:
            raise ShapeError(f"cross: axis {axis} has size 3, got shape {x.shape}")
    places = [ag.tensor([1, 2, 0], backend=x1._backend), ag.tensor([2, 0, 1], backend=x1._backend)]
    (a, b), (c, d) = ([ag.take(x, place, axis=axis) for place in places] for x in (x1, x2))
    return ag.subtract(ag.multiply(a, d), ag.multiply(b, c))


def diagonal(x: Any, /, *, offset: int = 0) -> Tensor:
    """The diagonals of matrices (..., m, n), `offset` columns to the right of the first."""
    _matrices("diagonal", x)
    *lead, rows, columns = x.shape
    start = offset if offset >= 0 else -offset * columns
    count = max(0, min(rows + min(offset, 0), columns - max(offset, 0)))
    flat = ag.reshape(x, shape=(*lead, rows * columns))
    stop = start + max(count * (columns + 1) - columns, 0)
    return ag.getitem(flat, (..., slice(start, stop, columns + 1)))


def trace(x: Any, /, *, offset: int = 0, dtype: Any = None) -> Tensor:
    """The sums of diagonals; dtypes as in `sum`."""
    return statistics.sum(diagonal(x, offset=offset), axis=-1, dtype=dtype)


def matrix_power(x: Any, n: int, /) -> Tensor:
    """Square matrices multiplied with themselves n times.

    Raises:
        RangeError: n is negative, for which matrices would have to be inverted.
        ShapeError: they are not square.
    """
    _matrices("matrix_power", x)
    if x.shape[-1] != x.shape[-2]:
        raise ShapeError(f"matrix_power: square matrices are expected, got shape {x.shape}")
    if n < 0:
        raise RangeError(f"matrix_power: n is 0 or more, got {n}: there is no op that inverts matrices")
    result = None
    while n:
        if n % 2:
            result = x if result is None else ag.matmul(result, x)
        n //= 2
        x = ag.matmul(x, x) if n else x
    if result is not None:
        return ag.positive(result)
    return ag.broadcast_to(ag.eye(x.shape[-1], dtype=x.dtype, backend=x._backend), shape=x.shape)


def _floating(x: Any) -> Any:
    return ag.astype(x, dtype="float64") if x.dtype.kind in "iu" else x


def vector_norm(x: Any, /, *, axis: Any = None, keepdims: bool = False, ord: float = 2) -> Tensor:
    """The length of vectors over `axis`: the root of order `ord` of the sum of powers of sizes.

    Args:
        ord: any number; infinity for the largest size, minus infinity for the smallest, 0 for how many are
            not 0.

    Integers are measured as float64, as NumPy does: their powers and sums do not overflow, and the least of
    them has a size.
    """
    x = _floating(x)
    if ord == 2:
        return ag.norm(x, axis=axis, keepdims=keepdims)
    size = ag.abs(x)
    if ord == math.inf:
        return ag.max(size, axis=axis, keepdims=keepdims)
    if ord == -math.inf:
        return ag.min(size, axis=axis, keepdims=keepdims)
    if ord == 0:
        return ag.sum(ag.astype(ag.not_equal(x, 0), dtype=x.dtype), axis=axis, keepdims=keepdims)
    total = ag.sum(size if ord == 1 else ag.power(size, ord), axis=axis, keepdims=keepdims)
    return total if ord == 1 else ag.power(total, 1.0 / ord)


def matrix_norm(x: Any, /, *, keepdims: bool = False, ord: Any = "fro") -> Tensor:
    """The size of matrices (..., m, n).

    Args:
        ord: "fro" for the root of the sum of squares; 1 and -1 for the largest and smallest sum of a column
            of sizes, infinity and minus infinity for those of a row.

    Integers are measured as float64.

    Raises:
        RangeError: 2, -2 and "nuc", which need singular values.
    """
    _matrices("matrix_norm", x)
    x = _floating(x)
    if ord == "fro":
        return ag.norm(x, axis=(-2, -1), keepdims=keepdims)
    if ord not in (1, -1, math.inf, -math.inf):
        raise RangeError(
            f'matrix_norm: ord is "fro", 1, -1, inf or -inf, got {ord!r}: there is no op for singular values'
        )
    down = abs(ord) == 1
    sums = ag.sum(ag.abs(x), axis=-2 if down else -1, keepdims=True)
    extreme = ag.max if ord > 0 else ag.min
    found = extreme(sums, axis=-1 if down else -2, keepdims=True)
    return found if keepdims else ag.squeeze(found, axis=(-2, -1))


def __getattr__(name: str) -> Any:
    raise AttributeError(names.why_not("autograd.array_api.linalg", name))
