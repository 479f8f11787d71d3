"""The primitives on NumPy arrays.

Most rows of the vocabulary are a NumPy function under its own name. The rest are here because NumPy's version
is slow on small arrays (`sum`, `broadcast_to`), takes its arguments differently, or does not exist. Arrays
are values: nothing here writes to an operand, except `accumulate`, whose caller gives the operand away.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import philox
from ..contract import SUPPORTED, DType, Executable, Feed, Shape
from ..errors import BackendError, DTypeError, ShapeError
from ..shapes import Key, Slot
from . import rounding, sliding, special

if TYPE_CHECKING:
    from ..program import Program

NDArray = np.ndarray[Any, Any]
Axes = tuple[int, ...]

# Below this many elements one strided fill beats numpy.broadcast_to, which is written in Python (0.7 us
# against 3.1).
_MACHINE_DTYPES = frozenset(SUPPORTED.values())
_FILL_BELOW = 4096


# NumPy's stubs do not know reductions over several axes.
_add: Any = np.add
_multiply: Any = np.multiply
_maximum: Any = np.maximum
_minimum: Any = np.minimum
_logical_or: Any = np.logical_or
_logical_and: Any = np.logical_and


def _unsupported(dtype: Any) -> DTypeError:
    kind = "text" if dtype.kind in "US" else f"dtype {dtype}"
    return DTypeError(
        f"{kind} is not supported. Supported: {', '.join(SUPPORTED)}. Convert the values to numbers first."
    )


def _array_of(value: Any, dtype: DType | None) -> NDArray:
    """A new array of what is a number: NumPy would read texts and
    dates as numbers where it is told a dtype.
    """
    if type(value) in (bool, int, float):
        return np.array(value, dtype=dtype)
    if type(value) is not np.ndarray:
        value = _data_of(value)
    given = value if type(value) is np.ndarray else np.asarray(value)
    if value is None:
        raise _unsupported(given.dtype)
    if given.dtype.kind == "O":
        value = given = _numbers(given)
    if dtype is not None and given.dtype.kind not in "fiub":
        raise _unsupported(given.dtype)
    # of the list itself, so that integers that the dtype does not hold are an error
    return np.array(given if dtype is None else value, dtype=dtype)


def _data_of(value: Any) -> Any:
    """What NumPy should make an array of: of arrays of other libraries
    their data, without what hangs on them.
    """
    if isinstance(value, np.ma.MaskedArray) and np.ma.is_masked(value):
        raise DTypeError(
            "this array has masked values; fill them, as in array.filled(0), or take those that are "
            "not masked"
        )
    for method in (
        "toarray",
        "collect",
    ):  # SciPy's sparse matrices, frames that are still to be computed
        if hasattr(value, method) and not hasattr(value, "__array__"):
            raise DTypeError(f"a {type(value).__name__} is not supported; use .{method}()")
    if getattr(value, "requires_grad", False) and hasattr(value, "detach"):
        value = value.detach()
    # asked for without a copy first: not every library knows that NumPy's word for it
    return np.asarray(value) if hasattr(value, "__array__") else value


def _numbers(array: NDArray) -> NDArray:
    """Python's numbers in an array of objects, with the dtype that a list of them has;
    None and the NA of pandas are NaN.
    """
    if any(isinstance(item, (str, bytes)) for item in array.flat):
        raise _unsupported(np.dtype(str))
    missing = np.array([item is None or type(item).__name__ == "NAType" for item in array.flat], bool)
    filled = np.where(missing.reshape(array.shape), np.nan, array)
    found = np.array(filled.tolist())
    return found if found.dtype.kind != "O" else filled.astype(np.float64)


class NumPyBackend:
    """`backends.get("numpy")`."""

    name: str = "numpy"
    array_type: type = np.ndarray
    fuse_from: int = sys.maxsize

    negative = np.negative
    abs = np.abs
    sign = np.sign
    sqrt = np.sqrt
    exp = np.exp
    expm1 = np.expm1
    log = np.log
    log1p = np.log1p
    sin = np.sin
    cos = np.cos
    tanh = np.tanh
    tan = np.tan
    arcsin = np.arcsin
    arccos = np.arccos
    arctan = np.arctan
    arctan2 = np.arctan2
    sinh = np.sinh
    cosh = np.cosh
    log2 = np.log2
    log10 = np.log10
    rint = np.rint
    hypot = np.hypot
    logaddexp = np.logaddexp
    floor_divide = np.floor_divide
    remainder = np.remainder
    isfinite = np.isfinite
    erf = staticmethod(special.erf)
    windows = staticmethod(sliding.windows)
    windows_add = staticmethod(sliding.windows_add)
    logical_not = np.logical_not
    add = np.add
    subtract = np.subtract
    multiply = np.multiply
    divide = np.divide
    maximum = np.maximum
    minimum = np.minimum
    equal = np.equal
    not_equal = np.not_equal
    less = np.less
    less_equal = np.less_equal
    greater = np.greater
    greater_equal = np.greater_equal
    logical_and = np.logical_and
    logical_or = np.logical_or
    right_shift = np.right_shift
    where = staticmethod(np.where)
    round_to = staticmethod(rounding.round_to)

    @staticmethod
    def matmul(a: NDArray, b: NDArray, precision: str | None = None) -> Any:
        if precision is None:
            return np.matmul(a, b)
        return np.matmul(*(rounding.round_to(x, format=precision) for x in (a, b)))

    @staticmethod
    def power(a: Any, b: Any) -> Any:
        # The operator, not numpy.power: it turns x ** 2 into a square and x ** 0.5 into a root.
        y = a**b
        if y.dtype.kind == "i":
            # for booleans the result of the operator depends on the value of the exponent: int8 or int64
            dtype = np.result_type(a, b)
            if dtype.kind == "b":
                raise DTypeError("booleans have no powers")
            y = y.astype(dtype, copy=False)
        return y

    @staticmethod
    def floor(x: NDArray) -> Any:
        return np.floor(x) if x.dtype.kind == "f" else x

    @staticmethod
    def astype(x: NDArray, *, dtype: DType) -> Any:
        return x.astype(dtype, copy=False)

    @staticmethod
    def sum(x: NDArray, *, axis: Axes, keepdims: bool) -> Any:
        return _add.reduce(x, axis=axis, keepdims=keepdims)

    @staticmethod
    def prod(x: NDArray, *, axis: Axes, keepdims: bool) -> Any:
        return _multiply.reduce(x, axis=axis, keepdims=keepdims)

    @staticmethod
    def max(x: NDArray, *, axis: Axes, keepdims: bool) -> Any:
        return _maximum.reduce(x, axis=axis, keepdims=keepdims)

    @staticmethod
    def min(x: NDArray, *, axis: Axes, keepdims: bool) -> Any:
        return _minimum.reduce(x, axis=axis, keepdims=keepdims)

    @staticmethod
    def any(x: NDArray, *, axis: Axes, keepdims: bool) -> Any:
        return _logical_or.reduce(x, axis=axis, keepdims=keepdims)

    @staticmethod
    def all(x: NDArray, *, axis: Axes, keepdims: bool) -> Any:
        return _logical_and.reduce(x, axis=axis, keepdims=keepdims)

    @staticmethod
    def argmax(x: NDArray, *, axis: Axes, keepdims: bool) -> Any:
        return np.argmax(x, axis=axis[0], keepdims=keepdims)

    @staticmethod
    def argmin(x: NDArray, *, axis: Axes, keepdims: bool) -> Any:
        return np.argmin(x, axis=axis[0], keepdims=keepdims)

    @staticmethod
    def cumsum(x: NDArray, *, axis: int) -> Any:
        return np.cumsum(x, axis=axis)

    def argsort(self, x: NDArray, *, axis: int) -> Any:
        return np.argsort(x, axis=axis, kind="stable")

    @staticmethod
    def reshape(x: NDArray, *, shape: Shape) -> Any:
        return x.reshape(shape)

    @staticmethod
    def permute_dims(x: NDArray, *, axes: Axes) -> Any:
        return x.transpose(axes)

    @staticmethod
    def broadcast_to(x: NDArray, *, shape: Shape) -> Any:
        if x.ndim > len(shape):
            raise ShapeError("too many dimensions")  # an assignment would drop leading ones
        if math.prod(shape) > _FILL_BELOW:
            return np.broadcast_to(x, shape)
        result = np.empty(shape, x.dtype)
        result[...] = x
        return result

    @staticmethod
    def concat(*arrays: NDArray, axis: int) -> Any:
        return np.concatenate(arrays, axis)

    @staticmethod
    def pad(x: NDArray, *, pad_width: tuple[tuple[int, int], ...], value: float) -> Any:
        sizes = [n + sum(widths) for n, widths in zip(x.shape, pad_width, strict=True)]
        result = np.full(sizes, value, x.dtype)
        middle = zip(x.shape, pad_width, strict=True)
        result[tuple(slice(before, before + n) for n, (before, _) in middle)] = x
        return result

    @staticmethod
    def getitem(x: NDArray, *indices: NDArray, key: Key) -> Any:
        return x[_filled(key, indices)]

    @staticmethod
    def index_add(values: NDArray, *indices: NDArray, key: Key, shape: Shape) -> Any:
        result = np.zeros(shape, values.dtype)
        if indices:
            np.add.at(result, _filled(key, indices), values)
        else:
            result[key] = values
        return result

    def random_bits(self, key: NDArray, counter: NDArray, *, shape: Shape) -> Any:
        return philox.random_bits(key, counter, shape)

    @staticmethod
    def full(*, shape: Shape, value: float, dtype: DType) -> Any:
        return np.full(shape, value, dtype)

    @staticmethod
    def arange(*, start: float, stop: float, step: float, dtype: DType) -> Any:
        return np.arange(start, stop, step, dtype=dtype)

    def run(self, rule: Callable[..., Any], *args: Any, **static: Any) -> Any:
        return rule(self, *args, **static)

    def compile(self, program: Program, feeds: Mapping[str, Feed] | None = None) -> Executable:
        """A list of NumPy calls with memory laid out beforehand."""
        # late: whoever never compiles need not load the machinery
        from .planned import Planned

        return Planned(program, self, feeds)

    def asarray(self, value: Any, dtype: DType | None = None) -> NDArray:
        # asked first, because NumPy would ask the array for a conversion that it has to refuse
        if type(value) is not np.ndarray and hasattr(value, "__cuda_array_interface__"):
            raise BackendError(
                f"this {type(value).__name__} is on a CUDA device and backend {self.name!r} is not; keep it "
                "there with ag.tensor(array, backend='cupy'), or copy it to the host first: array.get() in "
                "CuPy, .cpu() in PyTorch"
            )
        try:
            array = _array_of(value, dtype)
        except DTypeError:
            raise
        except (ValueError, TypeError, RuntimeError, OverflowError) as error:
            raise DTypeError(
                f"cannot make an array of this {type(value).__name__}: rows of a list must have equal "
                f"lengths and hold numbers ({(str(error).splitlines() or [type(error).__name__])[0]})"
            ) from None
        if array.dtype in _MACHINE_DTYPES:
            return array
        if array.dtype.name not in SUPPORTED:
            raise _unsupported(array.dtype)
        # a byte order other than the machine's is a dtype of its own for every comparison that follows
        return array.astype(SUPPORTED[array.dtype.name], copy=False)

    def from_dlpack(self, value: Any) -> NDArray:
        try:
            array = np.from_dlpack(value)
        except (BufferError, RuntimeError) as error:
            # PyTorch's word for a dtype or a layout that cannot be shared, and NumPy's
            raise DTypeError(f"this {type(value).__name__} cannot be shared: {error}") from error
        if array.dtype not in _MACHINE_DTYPES:
            raise DTypeError(f"dtype {array.dtype} is not supported. Supported: {', '.join(SUPPORTED)}.")
        return array

    def owned(self, array: Any, shared: bool = False) -> NDArray:
        if shared:
            return np.array(array, order="C")
        if type(array) is np.ndarray and array.base is None and array.flags.c_contiguous:
            return array
        return np.array(array, order="C")

    def accumulate(self, total: Any, term: Any) -> Any:
        if type(total) is np.ndarray and total.dtype == term.dtype and total.ndim:
            return np.add(total, term, out=total)
        return np.add(total, term)

    def to_numpy(self, array: NDArray) -> NDArray:
        return array

    def quiet(self) -> np.errstate:
        return np.errstate(all="ignore")

    def index(self, value: Any) -> tuple[NDArray, ...]:
        array = np.asarray(value)
        if array.dtype == np.bool_:
            return array.nonzero()
        if array.size == 0 and not isinstance(value, np.ndarray):
            array = array.astype(np.int64)
        if array.dtype.kind not in "iu":
            raise DTypeError(f"arrays used as indices are integer or boolean, got {array.dtype}")
        return (array,)


def _filled(key: Key, indices: tuple[NDArray, ...]) -> Key:
    return tuple(indices[e.position] if isinstance(e, Slot) else e for e in key)
