"""Tensors from nothing: constants, ranges, identity. All of them are created on
the default backend or on `backend`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import backends
from backends.contract import Array, Backend, DType, Shape, resolve_dtype
from backends.shapes import sizes_of

from .arguments import plain
from .errors import DTypeError, RangeError, ShapeError
from .tensor import Tensor

if TYPE_CHECKING:
    from .typing import ArrayLike, DTypeLike


def tensor(
    data: ArrayLike,
    dtype: DTypeLike | None = None,
    requires_grad: bool = False,
    backend: str | Backend | None = None,
) -> Tensor:
    """A tensor with a copy of `data`; see `Tensor` for dtypes and errors.

    >>> import autograd as ag
    >>> ag.tensor([[1, 2], [3, 4]], dtype="float32").shape
    (2, 2)
    """
    return Tensor(data, dtype, requires_grad, backend)


def from_dlpack(x: Any) -> Tensor:
    """A tensor that shares its memory with `x`, an array of any library that speaks
    DLPack: on the CPU or a CUDA device.

    Nothing is copied and nothing waits, so what is later written into `x` changes
    the tensor as well; `tensor` copies.
    The tensor's backend is that of the memory: "cupy" (with the device's number) for
    CUDA, else the default or "numpy".

    Raises:
        BackendError: for a device that no backend here has.
        DTypeError: for a dtype that is not supported, such as complex64 or
            bfloat16, and for objects without DLPack.

    >>> import autograd as ag, numpy as np
    >>> ag.from_dlpack(np.arange(3.0)).tolist()
    [0.0, 1.0, 2.0]
    """
    if not hasattr(x, "__dlpack__") or not hasattr(x, "__dlpack_device__"):
        raise DTypeError(
            f"from_dlpack: a {type(x).__name__} has no __dlpack__ and __dlpack_device__; use tensor(), "
            "which copies"
        )
    backend = backends.sharing(x)
    return Tensor.wrap(backend.from_dlpack(x), backend)


def _create(
    primitive: str, dtype: Any, requires_grad: bool, backend: str | Backend | None, **static: Any
) -> Tensor:
    target = backends.default() if backend is None else backends.get(backend)
    array: Array = getattr(target, primitive)(**static, dtype=resolve_dtype(dtype))
    result = Tensor.wrap(array, target)
    if requires_grad:
        result.requires_grad = True
    return result


def _shape(shape: Any) -> Shape:
    """Of an integer, or a tuple or list of them."""
    sizes = sizes_of(shape)
    if any(n < 0 for n in sizes):
        raise ShapeError(f"negative size in shape {sizes}")
    return sizes


def full(
    shape: int | Sequence[int],
    value: float,
    dtype: DTypeLike | None = None,
    requires_grad: bool = False,
    backend: str | Backend | None = None,
) -> Tensor:
    """A tensor of `shape` with every element `value`; dtype by the kind of `value` (float32, int64, bool).

    >>> import autograd as ag
    >>> ag.full((2,), 0.5)
    Tensor([0.5, 0.5], dtype=float32, backend=numpy)
    """
    value = plain(value)
    if dtype is None:
        dtype = "bool" if isinstance(value, bool) else "int64" if isinstance(value, int) else "float32"
    return _create("full", dtype, requires_grad, backend, shape=_shape(shape), value=value)


def zeros(
    shape: int | Sequence[int],
    dtype: DTypeLike = "float32",
    requires_grad: bool = False,
    backend: str | Backend | None = None,
) -> Tensor:
    """A tensor of zeros.

    >>> import autograd as ag
    >>> ag.zeros((2, 1)).tolist()
    [[0.0], [0.0]]
    """
    return full(shape, 0, dtype, requires_grad, backend)


def ones(
    shape: int | Sequence[int],
    dtype: DTypeLike = "float32",
    requires_grad: bool = False,
    backend: str | Backend | None = None,
) -> Tensor:
    """A tensor of ones.

    >>> import autograd as ag
    >>> ag.ones(3).tolist()
    [1.0, 1.0, 1.0]
    """
    return full(shape, 1, dtype, requires_grad, backend)


def zeros_like(x: Tensor, dtype: DTypeLike | None = None) -> Tensor:
    """Zeros with the shape, backend and (unless given) dtype of `x`.

    >>> import autograd as ag
    >>> ag.zeros_like(ag.tensor([1, 2])).tolist()
    [0, 0]
    """
    return full(x.shape, 0, x.dtype if dtype is None else dtype, backend=x._backend)


def ones_like(x: Tensor, dtype: DTypeLike | None = None) -> Tensor:
    """Ones with the shape, backend and (unless given) dtype of `x`.

    >>> import autograd as ag
    >>> ag.ones_like(ag.tensor([0.5, 2.0])).tolist()
    [1.0, 1.0]
    """
    return full(x.shape, 1, x.dtype if dtype is None else dtype, backend=x._backend)


def arange(
    start: float,
    stop: float | None = None,
    step: float = 1,
    dtype: DTypeLike | None = None,
    backend: str | Backend | None = None,
) -> Tensor:
    """Numbers from `start` up to, not including, `stop`; int64 when all arguments are ints, else float32.

    Raises:
        ShapeError: a step of 0.
        RangeError: a number that an integer `dtype` does not hold.

    >>> import autograd as ag
    >>> ag.arange(3).tolist()
    [0, 1, 2]
    """
    start, stop, step = plain((start, stop, step))
    if stop is None:
        start, stop = 0, start
    if step == 0:
        raise ShapeError("arange: step must not be 0")
    if dtype is None:
        dtype = "int64" if all(isinstance(n, int) for n in (start, stop, step)) else "float32"
    _check_range(start, stop, step, resolve_dtype(dtype))
    return _create("arange", dtype, False, backend, start=start, stop=stop, step=step)


def _check_range(start: float, stop: float, step: float, dtype: DType) -> None:
    count = math.ceil((stop - start) / step)
    if dtype.kind not in "iu" or count < 1:
        return
    bits = 8 * dtype.itemsize - (dtype.kind == "i")
    low = -(1 << bits) if dtype.kind == "i" else 0
    for end in (start, start + (count - 1) * step):
        if not low <= end < 1 << bits:
            raise RangeError(f"arange: {end} is no number of {dtype}")


def linspace(
    start: float,
    stop: float,
    num: int = 50,
    dtype: DTypeLike = "float32",
    backend: str | Backend | None = None,
) -> Tensor:
    """`num` evenly spaced numbers from `start` to `stop`, both included.

    >>> import autograd as ag
    >>> ag.linspace(0, 1, 3).tolist()
    [0.0, 0.5, 1.0]
    """
    position = arange(num, dtype="float64", backend=backend)
    # weighted from both ends, so that the last element is exactly `stop`
    fraction = position / max(num - 1, 1)
    return (start * (1 - fraction) + stop * fraction).to(dtype)


def eye(
    n: int, m: int | None = None, dtype: DTypeLike = "float32", backend: str | Backend | None = None
) -> Tensor:
    """A matrix (n, m) with ones on its diagonal.

    >>> import autograd as ag
    >>> ag.eye(2).tolist()
    [[1.0, 0.0], [0.0, 1.0]]
    """
    rows, columns = arange(n, backend=backend), arange(n if m is None else m, backend=backend)
    return (rows.expand_dims(1) == columns).to(dtype)
