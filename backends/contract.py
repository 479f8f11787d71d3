"""What every machine that runs the instruction set must offer, and the
description of an array that needs no array.

Decides: the names of dtypes, `Spec`, and the members of a backend beyond its primitives (moving
data in and out, owning memory). It must not know any particular array library beyond NumPy's
dtype objects, which all of them share.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import Any, NamedTuple, Protocol

import numpy as np

from .errors import DTypeError
from .suggest import nearest

Namespace = Any
"""Anything that has the primitives: a backend, or the ops of `autograd`
when a gradient is differentiated again.
"""
Array = Any
"""An array of some backend: `numpy.ndarray`, a symbol of a trace, ..."""
Shape = tuple[int, ...]
DType = np.dtype[Any]
NumPyArray = np.ndarray[Any, np.dtype[Any]]
Scalar = bool | int | float
"""A Python number. It never raises the precision of the arrays it meets (NEP 50)."""

SUPPORTED: dict[str, DType] = {
    name: np.dtype(name)
    for name in (
        *("bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"),
        *("float16", "float32", "float64"),
    )
}
NAMES: dict[DType, str] = {dtype: name for name, dtype in SUPPORTED.items()}
"""The name of a supported dtype: NumPy computes dtype.name anew each time, which takes longer than a sum."""
_RESOLVED: dict[Any, DType] = {**SUPPORTED, **{dtype: dtype for dtype in SUPPORTED.values()}}
float32 = SUPPORTED["float32"]
float64 = SUPPORTED["float64"]
int64 = SUPPORTED["int64"]
uint32 = SUPPORTED["uint32"]
uint64 = SUPPORTED["uint64"]
bool_ = SUPPORTED["bool"]


def resolve_dtype(name: Any) -> DType:
    """The supported dtype that `name` means: a name, a NumPy dtype or scalar type.

    Raises:
        DTypeError: for anything else, with the nearest supported name.
    """
    try:
        return _RESOLVED[name]
    except (KeyError, TypeError):
        pass
    try:
        return SUPPORTED[np.dtype(name).name]
    except (TypeError, KeyError) as error:
        known = ", ".join(SUPPORTED)
        hint = nearest(str(name), SUPPORTED)
        raise DTypeError(f"{name!r} is not one of the dtypes {known}. {hint}") from error


def check_dtype(dtype: Any) -> None:
    """Refuse the dtype of an array that is shared as it is.

    Raises:
        DTypeError: where it is not supported.
    """
    if dtype not in NAMES:
        raise DTypeError(f"dtype {dtype} is not supported. Supported: {', '.join(SUPPORTED)}.")


class Spec(NamedTuple):
    """Shape and dtype of an array, without the array."""

    shape: Shape
    dtype: DType

    @property
    def ndim(self) -> int:
        return len(self.shape)

    @property
    def size(self) -> int:
        size = 1
        for length in self.shape:
            size *= length
        return size

    def __str__(self) -> str:
        return f"{self.dtype}[{', '.join(map(str, self.shape))}]"


class Backend(Protocol):
    """A machine for the instruction set: one attribute per primitive, and the members below.

    The primitives are not spelled out here because their list stands in
    `primitives.PRIMITIVES` and nowhere else; `tests/backends` holds every backend against it.
    Code that calls them takes the backend as a `Namespace`.
    """

    name: str
    array_type: type
    """The class of this backend's arrays, for the one cheap check after an operation."""

    fuse_from: int
    """From this many elements `run` may be faster than calling a rule; sys.maxsize where it never is."""

    def run(self, rule: Callable[..., Any], *args: Any, **static: Any) -> Array:
        """`rule(self, *args, **static)` to rounding, by whatever means. A rule is
        a function of its arguments alone.
        """
        ...

    def asarray(self, value: Any, dtype: DType | None = None) -> Array:
        """A new array of this backend that holds `value`; later changes of `value` do not reach it."""
        ...

    def from_dlpack(self, value: Any) -> Array:
        """An array that shares memory with `value`, an object with `__dlpack__`
        whose memory this backend can read.
        """
        ...

    def owned(self, array: Array, shared: bool = False) -> Array:
        """`array`, or a contiguous copy where it is a view, a scalar, or `shared` with another holder."""
        ...

    def accumulate(self, total: Array, term: Array) -> Array:
        """`total + term`, in the memory of `total` where that is possible. `total` must not be used again."""
        ...

    def to_numpy(self, array: Array) -> NumPyArray:
        """A NumPy array with the same values; it may share memory with `array`."""
        ...

    def quiet(self) -> AbstractContextManager[Any]:
        """A context without floating-point warnings, for gradients at points where the slope is infinite."""
        ...

    def index(self, value: Any) -> Array:
        """`value` as an array of indices: integers as they are, a boolean mask as a tuple of positions."""
        ...

    def compile(self, program: Any, feeds: Mapping[str, Feed] | None = None) -> Executable:
        """A traced program, ready to run. `feeds` are the inputs, by name, that `epoch` takes from rows."""
        ...


class Feed(NamedTuple):
    """An input that is filled step by step from the rows of a larger
    array, in their order or in a given one.
    """

    rows: int
    ordered: bool


class ProfileRow(NamedTuple):
    """One kernel in one step, and whose work it is."""

    kernel: str
    seconds: float
    bytes: int
    operations: int
    scope: str = ""


class Executable(Protocol):
    """A program that a backend made ready. State is written where it lies; nothing else is changed."""

    program: Any
    written: list[str]
    """The names of the state that a step assigns."""

    def step(self, state: Mapping[str, Array] | None, inputs: Mapping[str, Array]) -> dict[str, Array]:
        """One step; all arrays have the program's shapes and dtypes and
        lie in C order. Returns new arrays.
        """
        ...

    def epoch(
        self,
        state: Mapping[str, Array],
        sources: Mapping[str, Array],
        order: Array | None,
        first: int,
        steps: int,
    ) -> None:
        """Steps `first` to `first + steps`: step i takes rows i * batch ... of each
        source, or those that `order` names.
        """

    lock: Any
    """Held during a turn; who holds it may look at `turns` and step without another coming between."""
    binds: int
    """How often state was given to `step` or `epoch`: as long as it stands
    still, the last state is still known.
    """
    is_simple: bool
    """Whether `step` may be given None for the state of the last turn: a small program without the host."""
    is_quick: bool
    """Whether `again` may be called: a program without the host, with one input and one output."""

    def again(self, name: str, array: Array) -> Array:
        """The output of a step on the same state as last time; `array` is the input `name`.

        Of an array with several times the rows of that input each part has a step, and
        the outputs are one under the other.
        """
        ...

    def memory_report(self) -> str:
        """Which values lie where, and the peak in bytes."""
        ...

    def kernels(self) -> list[str]:
        """What runs one after the other, a line each."""
        ...

    def source(self) -> str:
        """The text that was compiled."""
        ...

    def profile(self, run: Callable[[], object]) -> list[ProfileRow]:
        """What each kernel of a step takes, while `run` runs steps."""
        ...

    def compare(
        self, state: Mapping[str, Array], inputs: Mapping[str, Array]
    ) -> list[tuple[str, str, float]]:
        """(kernel, value, largest relative difference) of a step beside
        the interpreter; nothing is changed.
        """
        ...


def as_array(backend: Backend, value: Any) -> Array:
    """`value`, which primitives of `backend` computed, as an array: NumPy gives
    scalars where no dimension is left.
    """
    return value if type(value) is backend.array_type else backend.owned(value)
