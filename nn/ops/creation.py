"""Keras's ops that make tensors of nothing: zeros, ranges, diagonals."""

from __future__ import annotations

from typing import Any

import autograd as ag
from autograd import Tensor
from autograd.deferred import Deferred

from .common import tensor

__all__ = [
    "arange", "empty", "empty_like", "eye", "full", "full_like", "identity", "linspace", "ones",
    "ones_like", "tri", "zeros", "zeros_like",
]  # fmt: skip
_FLOAT = "float32"


def zeros(shape: Any, dtype: Any = None) -> Tensor:
    """Zeros; float32 unless `dtype` says otherwise."""
    return ag.zeros(shape, dtype or _FLOAT)


def ones(shape: Any, dtype: Any = None) -> Tensor:
    """Ones."""
    return ag.ones(shape, dtype or _FLOAT)


def full(shape: Any, fill_value: Any, dtype: Any = None) -> Tensor:
    """One value everywhere, which may be a tensor that broadcasts."""
    sizes = (shape,) if isinstance(shape, int) else tuple(shape)
    return ag.positive(ag.broadcast_to(tensor(fill_value, dtype or _FLOAT), sizes))


def empty(shape: Any, dtype: Any = None) -> Tensor:
    """Zeros: here nothing is left undefined."""
    return zeros(shape, dtype)


def _like(x: Any, value: Any, dtype: Any) -> Any:
    x = tensor(x)
    if isinstance(x, Deferred):
        # the number of rows is not known yet; no number is less than itself, NaN neither
        return ag.where(ag.less(x, x), x, tensor(value, dtype or x.dtype.name)).to(dtype or x.dtype.name)
    return full(x.shape, value, dtype or x.dtype.name)


def zeros_like(x: Any, dtype: Any = None) -> Tensor:
    """Zeros of the shape, and unless `dtype` is given of the dtype, of x."""
    return _like(x, 0, dtype)


def ones_like(x: Any, dtype: Any = None) -> Tensor:
    """Ones of the shape of x."""
    return _like(x, 1, dtype)


def full_like(x: Any, fill_value: Any, dtype: Any = None) -> Tensor:
    """One value in the shape of x."""
    return _like(x, fill_value, dtype)


def empty_like(x: Any, dtype: Any = None) -> Tensor:
    """Zeros of the shape of x."""
    return zeros_like(x, dtype)


def arange(start: Any, stop: Any = None, step: Any = None, dtype: Any = None) -> Tensor:
    """Numbers from `start` by `step` before `stop`; int32 of integers, else float32, as in Keras."""
    given = [v for v in (start, stop, step) if v is not None]
    kind = dtype or ("int32" if all(isinstance(v, int) for v in given) else _FLOAT)
    return ag.arange(start, stop, 1 if step is None else step, dtype=kind)


def linspace(start: float, stop: float, num: int = 50, endpoint: bool = True, dtype: Any = None) -> Tensor:
    """`num` numbers from `start` to `stop`, which is the last one with `endpoint`."""
    if endpoint:
        return ag.linspace(start, stop, num, dtype=dtype or _FLOAT)
    return ag.linspace(start, stop, num + 1, dtype=dtype or _FLOAT)[:num]


def eye(N: int, M: int | None = None, k: int = 0, dtype: Any = None) -> Tensor:  # noqa: N803
    """1 on the diagonal, `k` columns to the right of the first."""
    rows, columns = places(N, M)
    return (columns - rows == k).to(dtype or _FLOAT)


def identity(n: int, dtype: Any = None) -> Tensor:
    """1 on the diagonal of a square."""
    return eye(n, dtype=dtype)


def tri(N: int, M: int | None = None, k: int = 0, dtype: Any = None) -> Tensor:  # noqa: N803
    """1 on the diagonal and below."""
    rows, columns = places(N, M)
    return (columns - rows <= k).to(dtype or _FLOAT)


def places(n: int, m: int | None) -> tuple[Tensor, Tensor]:
    """The numbers of rows as a column, and those of columns as a row."""
    return ag.arange(n).reshape(-1, 1), ag.arange(n if m is None else m).reshape(1, -1)
