"""Sums, spreads and differences, with the standard's arguments."""

from __future__ import annotations

from typing import Any

import autograd as ag
from autograd import ShapeError, Tensor
from backends.contract import resolve_dtype
from backends.shapes import normalise_axis

from ..composites import COMPOSITES
from ..ops import NAMESPACE

__all__ = ["cumulative_prod", "cumulative_sum", "diff", "prod", "std", "sum", "var"]


def _wide(x: Any, dtype: Any) -> Any:
    """x in the dtype in which it is to be added up."""
    return x if dtype is None or x.dtype == resolve_dtype(dtype) else ag.astype(x, dtype=dtype)


def sum(x: Any, /, *, axis: Any = None, dtype: Any = None, keepdims: bool = False) -> Tensor:
    """The sum over `axis`; integers of few bits are added up in 64, unless `dtype` says otherwise."""
    return _wide(ag.sum(_wide(x, dtype), axis=axis, keepdims=keepdims), dtype)


def prod(x: Any, /, *, axis: Any = None, dtype: Any = None, keepdims: bool = False) -> Tensor:
    """The product over `axis`; dtypes as in `sum`."""
    return _wide(ag.prod(_wide(x, dtype), axis=axis, keepdims=keepdims), dtype)


def std(x: Any, /, *, axis: Any = None, correction: float = 0.0, keepdims: bool = False) -> Tensor:
    """The standard deviation over `axis`, from squares divided by their number less `correction`."""
    return ag.std(x, axis=axis, ddof=correction, keepdims=keepdims)


def var(x: Any, /, *, axis: Any = None, correction: float = 0.0, keepdims: bool = False) -> Tensor:
    """The variance over `axis`, squares divided by their number less `correction`."""
    return ag.var(x, axis=axis, ddof=correction, keepdims=keepdims)


def _along(name: str, x: Any, axis: int | None) -> int:
    if axis is None and x.ndim != 1:
        raise ShapeError(f"{name}: axis is needed for an array of {x.ndim} dimensions")
    return 0 if axis is None else normalise_axis(axis, x.ndim)


def _after(first: float, running: Any, axis: int) -> Any:
    """`first` before each row of running results."""
    shape = [1 if i == axis else n for i, n in enumerate(running.shape)]
    return ag.concat([ag.full(shape, first, running.dtype, backend=running._backend), running], axis=axis)


def cumulative_sum(
    x: Any, /, *, axis: int | None = None, dtype: Any = None, include_initial: bool = False
) -> Tensor:
    """Running sums along an axis, which is needed unless there is but one; with a 0 before them."""
    place = _along("cumulative_sum", x, axis)
    running = _wide(ag.cumsum(_wide(x, dtype), axis=place), dtype)
    return _after(0, running, place) if include_initial else running


def cumulative_prod(
    x: Any, /, *, axis: int | None = None, dtype: Any = None, include_initial: bool = False
) -> Tensor:
    """Running products along an axis, which is needed unless there is but one; with a 1 before them."""
    place = _along("cumulative_prod", x, axis)
    running = _wide(COMPOSITES["cumprod"](NAMESPACE, _wide(x, dtype), place), dtype)
    return _after(1, running, place) if include_initial else running


def diff(x: Any, /, *, axis: int = -1, n: int = 1, prepend: Any = None, append: Any = None) -> Tensor:
    """Differences of neighbours along an axis, n times; `prepend` and `append` are put around x before."""
    place = normalise_axis(axis, x.ndim)
    parts = [part for part in (prepend, x, append) if part is not None]
    whole = ag.concat(parts, axis=place) if len(parts) > 1 else x
    return COMPOSITES["diff"](NAMESPACE, whole, n, place)
