"""The NumPy backend: its primitives, and how arrays are made and owned.

Arrays are values: nothing here writes to an operand, except `accumulate`, whose caller gives the operand
away.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from ..contract import NAMES, SUPPORTED, DType, Executable, Feed, check_dtype
from ..errors import BackendError, DTypeError
from .primitives import NumPyPrimitives

if TYPE_CHECKING:
    from ..program import Program

NDArray = np.ndarray[Any, Any]


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
    # NumPy imports them when they are asked for: before that there are none
    masked = sys.modules.get("numpy.ma")
    if masked is not None and isinstance(value, masked.MaskedArray) and masked.is_masked(value):
        raise DTypeError(
            "this array has masked values; fill them, as in array.filled(0), or take those that are "
            "not masked"
        )
    for method in ("toarray", "collect"):  # SciPy's sparse matrices, frames that are still to be computed
        if hasattr(value, method) and not hasattr(value, "__array__"):
            raise DTypeError(f"a {type(value).__name__} is not supported; use .{method}()")
    if getattr(value, "requires_grad", False) and (detach := getattr(value, "detach", None)):
        value = detach()
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


class NumPyBackend(NumPyPrimitives):
    """`backends.get("numpy")`."""

    name: str = "numpy"
    array_type: type = np.ndarray
    fuse_from: int = sys.maxsize

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
        if array.dtype in NAMES:
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
        check_dtype(array.dtype)
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
