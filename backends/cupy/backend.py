"""The primitives on a CUDA device, call by call. What they compute stands in
`primitives`; here is where, and on what.

Every operation runs on the backend's device, whichever is current, and on CuPy's current stream;
nothing waits for the device but what needs values on the host: `to_numpy`, boolean masks, looking at
arrays of indices, powers of integers.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any

import numpy as np

from ..contract import NAMES, DType, Executable, Feed, check_dtype
from ..errors import BackendError, DTypeError
from ..numpy import NumPyBackend
from .fused import Fused
from .library import device_errors, explained, library, plain_errors
from .primitives import primitives
from .transfer import Staging

if TYPE_CHECKING:
    from ..program import Program
    from .memory import Arena

NDArray = np.ndarray[Any, Any]
_CUDA_DEVICES = (2, 13)
"""DLPack's numbers for memory of a CUDA device, and for memory that device and host share."""
_HOST = NumPyBackend()

_ALIGNMENT = 16


class CuPyBackend:
    """`backends.get("cupy")` for the current device, `backends.get("cupy:1")` for device 1.

    Operations are put on the stream that is current in CuPy (`with cupy.cuda.Stream():`) for the calling
    thread, in the order of the calls. Arrays that cross from one stream to another are yours to order, by an
    event. `numpy()`, `item()` and printing wait for the current stream alone. Memory is that of CuPy's pool.

    Args:
        device: the number of a CUDA device; default: the current one.

    Raises:
        ImportError: when CuPy or a driver is missing; the message says what to install.
        BackendError: when there is no device of that number.
    """

    fuse_from: int = 0

    def __init__(self, device: int | None = None) -> None:
        cupy = self._cupy = library()
        runtime = cupy.cuda.runtime
        count = runtime.getDeviceCount()
        number = runtime.getDevice() if device is None else device
        if not 0 <= number < count:
            raise BackendError(f"no CUDA device {number}: this machine has {count}, numbered from 0")
        self.device: int = number
        self.name: str = "cupy" if number == 0 else f"cupy:{number}"
        self.array_type: type[Any] = cupy.ndarray
        self._staging = Staging(cupy)
        self._fused = Fused(self)
        for name, function in primitives(cupy).items():
            setattr(self, name, self._guarded(function, count > 1))
        for name in ("asarray", "from_dlpack", "owned", "accumulate", "to_numpy", "index"):
            setattr(self, name, self._guarded(getattr(self, name), several=False))

    def _guarded(self, function: Callable[..., Any], several: bool) -> Callable[..., Any]:
        """`function` on this device, with plain errors; where there are `several`
        devices, for arrays of this one alone.
        """
        cupy, number = self._cupy, self.device
        current, errors, check = cupy.cuda.runtime.getDevice, device_errors(cupy), self._check_device

        @functools.wraps(function)
        def call(*args: Any, **static: Any) -> Any:
            if several:
                for array in args:
                    check(array)
            try:
                if current() == number:
                    return function(*args, **static)
                with self._here:
                    return function(*args, **static)
            except errors as error:
                raise explained(cupy, error) from error

        return call

    @property
    def _here(self) -> Any:
        """This device, to be made current; a new object each time, because it
        remembers what was current before.
        """
        return self._cupy.cuda.Device(self.device)

    def _check_device(self, array: Any) -> None:
        if type(array) is self.array_type and array.data.device_id != self.device:
            raise BackendError(
                f"an array of CUDA device {array.data.device_id} in an operation on device {self.device} "
                f"(backend {self.name!r}). Move it: ag.tensor(array, "
                f"backend='cupy:{array.data.device_id}').to({self.name!r})"
            )

    @functools.cached_property
    def arena(self) -> Arena:
        """The memory that executables share."""
        from .memory import Arena

        with self._here:
            return Arena(self._cupy)

    def run(self, rule: Callable[..., Any], *args: Any, **static: Any) -> Any:
        """`rule(self, *args, **static)`, by one kernel where it is arithmetic."""
        return self._fused(rule, args, static)

    def compile(self, program: Program, feeds: Mapping[str, Feed] | None = None) -> Executable:
        """Kernels for the whole program, replayed as CUDA graphs."""
        # late: whoever never compiles need not load the machinery
        from .executable import Executable

        return Executable(program, self, feeds)

    # in and out
    def asarray(self, value: Any, dtype: DType | None = None) -> Any:
        """See `Backend`. From NumPy through pinned memory; arrays on this device are copied there.

        Raises:
            BackendError: for an array on another device.
            DTypeError: for text, ragged lists and dtypes that are not supported.
        """
        if _is_on_a_device(value):
            array = value if isinstance(value, self.array_type) else self._shared(value)
            self._check_device(array)
            check_dtype(array.dtype)
            return self._cupy.array(array, dtype=dtype, copy=True, order="C")
        if isinstance(value, np.ndarray) and value.dtype in NAMES:
            return self._staging.send(value if dtype is None else value.astype(dtype, copy=False))
        return self._staging.send(_HOST.asarray(value, dtype))

    def from_dlpack(self, value: Any) -> Any:
        """An array that shares its memory with `value`, a DLPack capsule or an object that gives one."""
        array = self._shared(value)
        self._check_device(array)
        check_dtype(array.dtype)
        # a view has a base, by which `owned` knows that somebody else may hold the memory
        return array.view()

    def _shared(self, value: Any) -> Any:
        device = getattr(value, "__dlpack_device__", None)
        if device is not None and tuple(device())[1] != self.device:
            raise BackendError(
                f"{type(value).__name__} is on CUDA device {tuple(device())[1]}, and this is backend "
                f"{self.name!r} on device {self.device}; use backend='cupy:{tuple(device())[1]}', or copy "
                f"it to device {self.device} first"
            )
        try:
            return self._cupy.from_dlpack(value)
        except (BufferError, TypeError, ValueError) as error:
            raise DTypeError(f"this {type(value).__name__} cannot be shared: {error}") from error

    def owned(self, array: Any, shared: bool = False) -> Any:
        if not isinstance(array, self.array_type):
            return self.asarray(array)
        if not shared and array.base is None and array.flags.c_contiguous and _is_whole(array):
            return array
        return self._cupy.array(array, copy=True, order="C")

    def accumulate(self, total: Any, term: Any) -> Any:
        if total.dtype == term.dtype and isinstance(total, self.array_type):
            return self._cupy.add(total, term, out=total)
        return self._cupy.add(total, term)

    def to_numpy(self, array: Any) -> NDArray:
        """A copy on the host. The one place that waits for the current stream;
        errors of earlier kernels come up here.
        """
        result: NDArray = array.get()
        return result

    def index(self, value: Any) -> tuple[Any, ...]:
        array = value
        if not _is_on_a_device(value):
            return tuple(self._staging.send(part) for part in _HOST.index(value))
        if not isinstance(value, self.array_type):
            array = self.asarray(value)
        self._check_device(array)
        if array.dtype == np.bool_:
            return tuple(array.nonzero())
        if array.dtype.kind not in "iu":
            raise DTypeError(f"arrays used as indices are integer or boolean, got {array.dtype}")
        return (array,)

    def quiet(self) -> AbstractContextManager[Any]:
        """Nothing: a device warns of nothing."""
        return nullcontext()

    def synchronize(self) -> None:
        """Wait until all that was put on the current stream is done;
        errors of its kernels are raised here.
        """
        with plain_errors(self._cupy), self._here:
            self._cupy.cuda.get_current_stream().synchronize()

    def __repr__(self) -> str:
        return f"<backend {self.name!r} on CUDA device {self.device}>"


def _is_whole(array: Any) -> bool:
    """Whether it begins where its memory does, at an address from which kernels read 16 bytes at once. An
    array that was made of a place in the memory of another one has no base, and need not.
    """
    place = int(array.data.ptr)
    return place == int(array.data.mem.ptr) and place % _ALIGNMENT == 0


def _is_on_a_device(value: Any) -> bool:
    """Arrays of CUDA devices, of whichever library, and DLPack capsules."""
    if isinstance(value, (np.ndarray, list, tuple, int, float)):
        return False
    if type(value).__name__ == "PyCapsule":
        return True
    device = getattr(value, "__dlpack_device__", None)
    return device is not None and int(device()[0]) in _CUDA_DEVICES


_made: dict[int, Any] = {}


def on_device(device: int | None = None) -> Any:
    """THE backend of a device, the same object at every call; the current device when `device` is None."""
    if device is None:
        device = int(library().cuda.runtime.getDevice())
    if device not in _made:
        _made[device] = CuPyBackend(device)
    return _made[device]
