"""Arrays from nothing and from values, with the standard's arguments: `device` is the name of a backend."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import autograd as ag
import backends
from autograd import Tensor
from backends.contract import resolve_dtype

from ..composites import COMPOSITES
from ..ops import NAMESPACE

__all__ = [
    "arange", "asarray", "empty", "empty_like", "eye", "from_dlpack", "full", "full_like", "linspace",
    "meshgrid", "ones", "ones_like", "tril", "triu", "zeros", "zeros_like",
]  # fmt: skip


def _float_or(dtype: Any) -> Any:
    return "float32" if dtype is None else dtype


def asarray(obj: Any, /, *, dtype: Any = None, device: Any = None, copy: bool | None = None) -> Tensor:
    """`obj` as a tensor. A tensor stays itself, with its gradient, unless it has another dtype or device.

    Args:
        copy: True for a new tensor in any case; False to share memory or raise; None to copy where needed.

    Raises:
        ValueError: `copy=False`, and it cannot be had without a copy.
    """
    if isinstance(obj, Tensor):
        made = obj if device is None else obj.to_device(device)
        made = made if dtype is None or made.dtype == resolve_dtype(dtype) else ag.astype(made, dtype=dtype)
        if made is not obj and copy is False:
            raise ValueError("asarray: copy=False, and another dtype or device has to be a copy")
        return ag.positive(made) if copy and made is obj else made
    if copy is not False:
        return ag.tensor(obj, dtype, backend=device)
    if not hasattr(obj, "__dlpack__"):
        raise ValueError(f"asarray: copy=False, and a {type(obj).__name__} has to be copied")
    shared = ag.from_dlpack(obj)
    return asarray(shared, dtype=dtype, device=device, copy=False)


def from_dlpack(x: Any, /, *, device: Any = None, copy: bool | None = None) -> Tensor:
    """A tensor of the memory of another library's array, which is copied with `copy=True` or to move it.

    Raises:
        ValueError: `copy=False`, and the device is another.
    """
    shared = ag.from_dlpack(x)
    if device is not None and backends.get(device).name != shared.device:
        if copy is False:
            raise ValueError(f"from_dlpack: copy=False, and the array is on {shared.device!r}")
        return shared.to_device(device)
    return ag.positive(shared) if copy else shared


def full(shape: Any, fill_value: Any, *, dtype: Any = None, device: Any = None) -> Tensor:
    """One value everywhere; its kind decides the dtype where none is given."""
    return ag.full(shape, fill_value, dtype, backend=device)


def zeros(shape: Any, *, dtype: Any = None, device: Any = None) -> Tensor:
    """Zeros."""
    return ag.full(shape, 0, _float_or(dtype), backend=device)


def ones(shape: Any, *, dtype: Any = None, device: Any = None) -> Tensor:
    """Ones."""
    return ag.full(shape, 1, _float_or(dtype), backend=device)


def empty(shape: Any, *, dtype: Any = None, device: Any = None) -> Tensor:
    """Zeros: nothing is left undefined here."""
    return zeros(shape, dtype=dtype, device=device)


def full_like(x: Any, /, fill_value: Any, *, dtype: Any = None, device: Any = None) -> Tensor:
    """One value in the shape, and unless given the dtype and on the device, of x."""
    return ag.full(x.shape, fill_value, x.dtype if dtype is None else dtype, backend=device or x._backend)


def zeros_like(x: Any, /, *, dtype: Any = None, device: Any = None) -> Tensor:
    """Zeros like x."""
    return full_like(x, 0, dtype=dtype, device=device)


def ones_like(x: Any, /, *, dtype: Any = None, device: Any = None) -> Tensor:
    """Ones like x."""
    return full_like(x, 1, dtype=dtype, device=device)


def empty_like(x: Any, /, *, dtype: Any = None, device: Any = None) -> Tensor:
    """Zeros like x: nothing is left undefined here."""
    return full_like(x, 0, dtype=dtype, device=device)


def arange(
    start: Any, /, stop: Any = None, step: Any = 1, *, dtype: Any = None, device: Any = None
) -> Tensor:
    """Numbers from `start` by `step` before `stop`."""
    return ag.arange(start, stop, step, dtype, device)


def linspace(
    start: Any, stop: Any, /, num: int, *, dtype: Any = None, device: Any = None, endpoint: bool = True
) -> Tensor:
    """`num` numbers from `start` to `stop`, which is the last one with `endpoint`."""
    made = ag.linspace(start, stop, num if endpoint else num + 1, _float_or(dtype), device)
    return made if endpoint else made[:num]


def eye(
    n_rows: int, n_cols: int | None = None, /, *, k: int = 0, dtype: Any = None, device: Any = None
) -> Tensor:
    """Ones on a diagonal, `k` columns to the right of the first."""
    rows = ag.arange(n_rows, backend=device)
    columns = ag.arange(n_rows if n_cols is None else n_cols, backend=device)
    return ag.astype(ag.equal(columns - ag.expand_dims(rows, axis=1), k), dtype=_float_or(dtype))


def tril(x: Any, /, *, k: int = 0) -> Any:
    """The lower triangle of matrices (..., m, n), zeros elsewhere."""
    return COMPOSITES["tril"](NAMESPACE, x, k)


def triu(x: Any, /, *, k: int = 0) -> Any:
    """The upper triangle of matrices (..., m, n), zeros elsewhere."""
    return COMPOSITES["triu"](NAMESPACE, x, k)


def meshgrid(*arrays: Any, indexing: str = "xy") -> list[Tensor]:
    """The coordinates of a grid, an array for each vector.

    Raises:
        ValueError: `indexing` is neither "xy" nor "ij".
    """
    if indexing not in ("xy", "ij"):
        raise ValueError(f'meshgrid: indexing is "xy" or "ij", got {indexing!r}')
    order = list(range(len(arrays)))
    if indexing == "xy" and len(arrays) > 1:
        order[:2] = [1, 0]
    sizes = [arrays[order.index(i)].size for i in range(len(arrays))]
    return [_spread(x, order[i], sizes) for i, x in enumerate(arrays)]


def _spread(x: Any, axis: int, sizes: Sequence[int]) -> Tensor:
    own = [1] * len(sizes)
    own[axis] = -1
    return ag.broadcast_to(ag.reshape(x, shape=tuple(own)), shape=tuple(sizes))
