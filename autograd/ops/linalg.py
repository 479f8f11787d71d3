"""Matrix products. The primitive multiplies matrices; vectors become
matrices of one row or one column here.
"""

from __future__ import annotations

from typing import Any

from backends.errors import ShapeError

from ..call import op
from ..op import bad, case


def _swap_last(xp: Any, x: Any) -> Any:
    n = len(x.shape)
    return xp.permute_dims(x, axes=(*range(n - 2), n - 1, n - 2))


def _as_matrices(xp: Any, a: Any, b: Any) -> tuple[Any, Any]:
    if _is_number(a) or _is_number(b):
        raise ShapeError("both need at least one dimension; use * for numbers")
    if a.shape[-1] != (b.shape[0] if len(b.shape) == 1 else b.shape[-2]):
        other = b.shape[0] if len(b.shape) == 1 else b.shape[-2]
        raise ShapeError(f"inner sizes differ: {a.shape[-1]} and {other}")
    if len(a.shape) == 1:
        a = xp.reshape(a, shape=(1, a.shape[0]))
    if len(b.shape) == 1:
        b = xp.reshape(b, shape=(b.shape[0], 1))
    return a, b


def product(xp: Any, a: Any, b: Any) -> Any:
    """NumPy's `a @ b` for any number of dimensions from one."""
    if len(getattr(a, "shape", ())) > 1 and len(getattr(b, "shape", ())) > 1:
        return xp.matmul(a, b)
    left, right = _as_matrices(xp, a, b)
    y = xp.matmul(left, right)
    shape = y.shape[:-2]
    shape += y.shape[-2:-1] if len(a.shape) > 1 else ()
    shape += y.shape[-1:] if len(b.shape) > 1 else ()
    return xp.reshape(y, shape=shape)


def _as_result(xp: Any, g: Any, a: Any, b: Any) -> Any:
    """g with the axes that a vector operand took away."""
    if len(b.shape) == 1:
        g = xp.reshape(g, shape=(*g.shape, 1))
    if len(a.shape) == 1:
        g = xp.reshape(g, shape=(*g.shape[:-1], 1, g.shape[-1]))
    return g


def product_left(xp: Any, g: Any, a_spec: Any, b: Any) -> Any:
    """g b'."""
    if len(a_spec.shape) > 1 and len(b.shape) == 2:
        return xp.matmul(g, _swap_last(xp, b))
    matrix = xp.reshape(b, shape=(b.shape[0], 1)) if len(b.shape) == 1 else b
    left = xp.matmul(_as_result(xp, g, a_spec, b), _swap_last(xp, matrix))
    return xp.reshape(left, shape=(*left.shape[:-2], left.shape[-1])) if len(a_spec.shape) == 1 else left


def product_right(xp: Any, g: Any, a: Any, b_spec: Any) -> Any:
    """a' g, with all leading axes of a folded into the product when b is a single matrix."""
    if len(a.shape) > 1 and len(b_spec.shape) == 2:
        if len(a.shape) > 2:
            rows = 1
            for n in a.shape[:-1]:
                rows *= n
            a = xp.reshape(a, shape=(rows, a.shape[-1]))
            g = xp.reshape(g, shape=(rows, g.shape[-1]))
        return xp.matmul(_swap_last(xp, a), g)
    matrix = xp.reshape(a, shape=(1, a.shape[0])) if len(a.shape) == 1 else a
    right = xp.matmul(_swap_last(xp, matrix), _as_result(xp, g, a, b_spec))
    return xp.reshape(right, shape=right.shape[:-1]) if len(b_spec.shape) == 1 else right


@op(
    vjp=dict(a=product_left, b=product_right),
    cases=[
        case(a=(3, 4), b=(4, 2)),
        case(a=(4,), b=(4, 2)),
        case(a=(3, 4), b=(4,)),
        case(a=(4,), b=(4,)),
        case(a=(2, 3, 4), b=(4, 5)),
        case(a=(3, 4), b=(2, 4, 5)),
        case(a=(5, 1, 3, 4), b=(2, 4, 2)),
        case(a=(2, 3, 4), b=(4,)),
        case(a=(4,), b=(2, 4, 3)),
        case(a=(3, 0), b=(0, 2)),
    ],
    bad=[
        bad(
            ValueError,
            "matmul: inner sizes differ: 4 and 5. Received a=(3, 4) float64, b=(5, 6) float64.",
            a=(3, 4),
            b=(5, 6),
        ),
        bad(ValueError, "at least one dimension", a=(), b=(3,)),
        bad(ValueError, "do not broadcast", a=(2, 3, 4), b=(3, 4, 5)),
    ],
)
def matmul(xp, a, b):
    """`a @ b`: the last axis of a against the second to last of b, broadcast over the others."""
    return product(xp, a, b)


def _rows_and_columns(xp: Any, a: Any, b: Any) -> tuple[Any, Any]:
    """b with its contracted axis first, as in numpy.dot, and the shape of the result's tail."""
    last = len(b.shape) - 2
    order = (last, *(i for i in range(len(b.shape)) if i != last))
    moved = xp.permute_dims(b, axes=order)
    columns = 1
    for n in moved.shape[1:]:
        columns *= n
    return xp.reshape(moved, shape=(moved.shape[0], columns)), moved.shape[1:]


def _is_number(x: Any) -> bool:
    """Whether x has no dimensions: a Python number, or an array of one."""
    return not getattr(x, "shape", ())


def _dot_left(xp: Any, g: Any, a_spec: Any, b: Any) -> Any:
    if _is_number(a_spec) or _is_number(b):
        return xp.multiply(g, b)
    if len(b.shape) <= 2:
        return product_left(xp, g, a_spec, b)
    matrix, _ = _rows_and_columns(xp, g, b)
    rows = xp.reshape(g, shape=(*a_spec.shape[:-1], matrix.shape[1]))
    return product_left(xp, rows, a_spec, matrix)


def _dot_right(xp: Any, g: Any, a: Any, b_spec: Any) -> Any:
    if _is_number(a) or _is_number(b_spec):
        return xp.multiply(g, a)
    if len(b_spec.shape) <= 2:
        return product_right(xp, g, a, b_spec)
    last = len(b_spec.shape) - 2
    tail = tuple(n for i, n in enumerate(b_spec.shape) if i != last)
    columns = 1
    for n in tail:
        columns *= n
    rows = xp.reshape(g, shape=(*a.shape[:-1], columns))
    matrix = product_right(xp, rows, a, type(b_spec)((b_spec.shape[last], columns), b_spec.dtype))
    moved = xp.reshape(matrix, shape=(b_spec.shape[last], *tail))
    back = tuple(0 if i == last else i + (i < last) for i in range(len(b_spec.shape)))
    return xp.permute_dims(moved, axes=back)


@op(
    vjp=dict(a=_dot_left, b=_dot_right),
    cases=[
        case(a=(4,), b=(4,)),
        case(a=(3, 4), b=(4, 2)),
        case(a=(2, 3, 4), b=(4,)),
        case(a=(2, 4), b=(3, 4, 2)),
        case(a=(4,), b=(2, 3, 4, 2)),
        case(a=(), b=(3,)),
    ],
    bad=[bad(ValueError, "inner sizes differ", a=(3,), b=(4,))],
)
def dot(xp, a, b):
    """numpy.dot: inner product of vectors, matrix product, and sums over the last axis of a in general."""
    if _is_number(a) or _is_number(b):
        return xp.multiply(a, b)
    if len(b.shape) <= 2:
        return product(xp, a, b)
    matrix, tail = _rows_and_columns(xp, a, b)
    return xp.reshape(product(xp, a, matrix), shape=(*a.shape[:-1], *tail))


def _column(xp: Any, a: Any) -> Any:
    size = 1
    for n in a.shape:
        size *= n
    return xp.reshape(a, shape=(size, 1))


def _row(xp: Any, b: Any) -> Any:
    size = 1
    for n in b.shape:
        size *= n
    return xp.reshape(b, shape=(1, size))


@op(
    vjp=dict(
        a=lambda xp, g, a_spec, b: xp.reshape(xp.matmul(g, _column(xp, b)), shape=a_spec.shape),
        b=lambda xp, g, a, b_spec: xp.reshape(xp.matmul(_row(xp, a), g), shape=b_spec.shape),
    ),
    cases=[case(a=(3,), b=(4,)), case(a=(2, 2), b=(3,)), case(a=(), b=(2,))],
)
def outer(xp, a, b):
    """Every element of a times every element of b, both flattened: shape (a.size, b.size)."""
    return xp.matmul(_column(xp, a), _row(xp, b))


@op(
    vjp=dict(
        x=lambda xp, g, x_spec, weight: product_left(xp, g, x_spec, weight),
        weight=lambda xp, g, x, weight_spec: product_right(xp, g, x, weight_spec),
        bias=lambda xp, g: g,
    ),
    cases=[
        case(x=(3, 4), weight=(4, 2), bias=(2,)),
        case(x=(2, 3, 4), weight=(4, 5), bias=(5,)),
        case(x=(4,), weight=(4, 2), bias=(2,)),
        case(x=(3, 4), weight=(4, 2)),
    ],
    bad=[bad(ValueError, "inner sizes differ: 3 and 4", x=(2, 3), weight=(4, 2))],
)
def linear(xp, x, weight, bias=None):
    """`x @ weight + bias`: x (..., n), weight (n, units), bias (units,)."""
    y = product(xp, x, weight)
    return y if bias is None else xp.add(y, bias)
