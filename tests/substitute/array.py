"""The array of the pretended device. It computes with NumPy and is none: whoever treats it as one gets CuPy's errors."""

from __future__ import annotations

from typing import Any

import numpy as np

from .machine import MACHINE, current_device
from .memory import Memory, MemoryPointer
from .streams import get_current_stream

_SCALARS = (bool, int, float, np.generic)


class Flags:
    """Of an array."""

    def __init__(self, host: np.ndarray, owndata: bool) -> None:
        self.c_contiguous = host.flags.c_contiguous
        self.f_contiguous = host.flags.f_contiguous
        self.owndata = owndata


class ndarray:
    """Values on a device; not a NumPy array."""

    __array_priority__ = 100
    __hash__ = None  # type: ignore[assignment]

    def __init__(self, shape, dtype=float, memptr=None, strides=None, order="C") -> None:
        shape = (shape,) if isinstance(shape, int) else tuple(shape)
        size = int(np.prod(shape, dtype=np.int64)) * np.dtype(dtype).itemsize
        if memptr is None:
            memptr = MemoryPointer(Memory(size), 0)
        host = np.ndarray(shape, dtype, memptr.mem.content, memptr.offset, strides, order)
        self._set(host, memptr.mem, None)

    def _set(self, host: np.ndarray, mem: Memory, base: ndarray | None) -> None:
        self._host = host
        self._mem = mem
        self.base = base

    def _view(self, host: np.ndarray) -> ndarray:
        """An array of the same memory."""
        view = object.__new__(ndarray)
        view._set(host, self._mem, self if self.base is None else self.base)
        return view

    # what it is
    @property
    def data(self) -> MemoryPointer:
        return MemoryPointer(self._mem, self._host.__array_interface__["data"][0] - self._mem.ptr if self.size else 0)  # fmt: skip

    @property
    def flags(self) -> Flags:
        return Flags(self._host, self.base is None)

    @property
    def device(self) -> Any:
        from .streams import Device

        return Device(self._mem.device_id)

    shape = property(lambda self: self._host.shape)
    dtype = property(lambda self: self._host.dtype)
    ndim = property(lambda self: self._host.ndim)
    size = property(lambda self: self._host.size)
    strides = property(lambda self: self._host.strides)
    nbytes = property(lambda self: self._host.nbytes)
    itemsize = property(lambda self: self._host.itemsize)
    T = property(lambda self: self._view(self._host.T))

    @property
    def __cuda_array_interface__(self) -> dict[str, Any]:
        return dict(shape=self.shape, typestr=self.dtype.str, data=(self.data.ptr, False), version=3, strides=None if self._host.flags.c_contiguous else self.strides)  # fmt: skip

    def __len__(self) -> int:
        return len(self._host)

    def __repr__(self) -> str:
        return repr(self.get())

    # not a NumPy array
    def __array__(self, dtype=None):
        raise TypeError(
            "Implicit conversion to a NumPy array is not allowed. "
            "Please use `.get()` to construct a NumPy array explicitly."
        )

    def __array_ufunc__(self, ufunc, method, *inputs, **kwargs):
        from . import functions

        own = getattr(functions, ufunc.__name__, None)
        if method != "__call__" or own is None:
            return NotImplemented
        return own(*inputs, **kwargs)

    def get(self, stream=None, order="C", out=None, blocking=True) -> np.ndarray:
        """A copy on the host, which waits for the device."""
        if (stream or get_current_stream()).captured is not None:
            raise RuntimeError("get: not permitted while the stream is capturing")
        MACHINE.wait()
        MACHINE.log.append(((stream or get_current_stream()).name, f"copy to host {self.nbytes}"))
        return np.array(self._host, order=order)

    def set(self, arr, stream=None) -> None:
        if not isinstance(arr, np.ndarray):
            raise TypeError("Only numpy.ndarray can be set to cupy.ndarray")
        values = arr.copy()
        MACHINE.submit(stream or get_current_stream(), "copy", lambda: np.copyto(self._host, values))  # fmt: skip

    def item(self):
        return self.get().item()

    def tolist(self):
        return self.get().tolist()

    def __bool__(self) -> bool:
        return bool(self.get())

    def __int__(self) -> int:
        return int(self.get())

    def __float__(self) -> float:
        return float(self.get())

    def __index__(self) -> int:
        return self.get().__index__()

    def __iter__(self):
        return (self[i] for i in range(len(self)))

    # DLPack
    def __dlpack__(self, *, stream=None, max_version=None, dl_device=None, copy=None):
        if dl_device == (1, 0):
            return self.get().__dlpack__()
        if dl_device not in (None, self.__dlpack_device__()):
            raise BufferError("unsupported device requested.")
        MACHINE.log.append((get_current_stream().name, f"given away to stream {stream}"))
        return PyCapsule(self)

    def __dlpack_device__(self) -> tuple[int, int]:
        return 2, self._mem.device_id

    # views and copies
    def __getitem__(self, slices):
        from . import functions

        key = slices if isinstance(slices, tuple) else (slices,)
        if any(isinstance(entry, ndarray) for entry in key):
            return functions._pick(self, key)
        if any(isinstance(entry, (np.ndarray, list)) for entry in key):
            raise TypeError("this substitute takes arrays of the device as indices, nothing else")
        return self._view(self._host[(*key, ...)] if Ellipsis not in key else self._host[key])

    def __setitem__(self, slices, value) -> None:
        key = slices if isinstance(slices, tuple) else (slices,)
        if any(isinstance(entry, (ndarray, np.ndarray, list)) for entry in key):
            raise TypeError("this substitute assigns to slices alone")
        source = _content(value)
        MACHINE.submit(get_current_stream(), "assign", lambda: self._host.__setitem__(key, source))

    def reshape(self, *shape, order="C") -> ndarray:
        new = self._host.reshape(*shape)
        return self._view(new) if np.shares_memory(new, self._host) or not self.size else _made(new)

    def transpose(self, *axes) -> ndarray:
        return self._view(self._host.transpose(*axes))

    def view(self, dtype=None) -> ndarray:
        return self._view(self._host.view() if dtype is None else self._host.view(dtype))

    def ravel(self, order="C") -> ndarray:
        return self.reshape(self.size)

    def copy(self, order="C") -> ndarray:
        return _compute("copy", lambda: np.array(self._host, order="C"))

    def astype(self, dtype, order="K", casting=None, subok=None, copy=True) -> ndarray:
        if not copy and self.dtype == dtype:
            return self
        return _compute("astype", lambda: np.array(self._host.astype(dtype), order="C"))

    def fill(self, value) -> None:
        MACHINE.submit(get_current_stream(), "fill", lambda: self._host.fill(value))

    # reductions
    def _reduced(self, what: str, **settings: Any) -> ndarray:
        return _compute(what, lambda: getattr(self._host, what)(**settings))

    def sum(self, axis=None, dtype=None, out=None, keepdims=False) -> ndarray:
        return self._reduced("sum", axis=axis, keepdims=keepdims)

    def prod(self, axis=None, dtype=None, out=None, keepdims=None) -> ndarray:
        return self._reduced("prod", axis=axis, keepdims=bool(keepdims))

    def max(self, axis=None, out=None, keepdims=False) -> ndarray:
        return self._extreme("max", axis, keepdims)

    def min(self, axis=None, out=None, keepdims=False) -> ndarray:
        return self._extreme("min", axis, keepdims)

    def _extreme(self, what: str, axis, keepdims) -> ndarray:
        try:
            return self._reduced(what, axis=axis, keepdims=keepdims)
        except ValueError:
            # CuPy looks at the size of the result first
            shape = np.zeros(self.shape, bool).any(axis=axis, keepdims=keepdims).shape
            if 0 in shape:
                return ndarray(shape, self.dtype)
            raise

    def any(self, axis=None, out=None, keepdims=False) -> ndarray:
        return self._reduced("any", axis=axis, keepdims=keepdims)

    def all(self, axis=None, out=None, keepdims=False) -> ndarray:
        return self._reduced("all", axis=axis, keepdims=keepdims)

    def argmax(self, axis=None, out=None, dtype=None, keepdims=False) -> ndarray:
        return self._reduced("argmax", axis=axis, keepdims=keepdims)

    def argmin(self, axis=None, out=None, dtype=None, keepdims=False) -> ndarray:
        return self._reduced("argmin", axis=axis, keepdims=keepdims)

    def nonzero(self) -> tuple[ndarray, ...]:
        if not self.ndim:
            raise ValueError("Calling nonzero on 0d arrays is not allowed. Use cp.atleast_1d(scalar).nonzero() instead.")  # fmt: skip
        MACHINE.wait()
        return tuple(_made(part) for part in self._host.nonzero())


def _operator(name: str, reflected: bool = False):
    def operate(self, other):
        from . import functions

        # as CuPy: NumPy's rule, and by priority for whoever has none
        if not isinstance(other, (ndarray, np.generic, np.ndarray)):
            if hasattr(other, "__array_ufunc__"):
                return NotImplemented
            if getattr(other, "__array_priority__", 0) > self.__array_priority__:
                return NotImplemented
        function = getattr(functions, name)
        return function(other, self) if reflected else function(self, other)

    return operate


for _symbol, _name in {
    "add": "add", "sub": "subtract", "mul": "multiply", "truediv": "divide", "pow": "power", "matmul": "matmul",
    "rshift": "right_shift",
}.items():  # fmt: skip
    setattr(ndarray, f"__{_symbol}__", _operator(_name))
    setattr(ndarray, f"__r{_symbol}__", _operator(_name, reflected=True))
for _symbol, _name in {"lt": "less", "le": "less_equal", "gt": "greater", "ge": "greater_equal", "eq": "equal", "ne": "not_equal",
    "and": "bitwise_and", "or": "bitwise_or"}.items():  # fmt: skip
    setattr(ndarray, f"__{_symbol}__", _operator(_name))
ndarray.__neg__ = lambda self: _compute("negative", lambda: np.negative(self._host))  # type: ignore[attr-defined]
ndarray.__invert__ = lambda self: _compute("invert", lambda: np.invert(self._host))  # type: ignore[attr-defined]


class PyCapsule:
    """What `__dlpack__` gives away."""

    def __init__(self, array: ndarray) -> None:
        self._array = array


def _content(value: Any) -> Any:
    """The values of an operand: an array of a device that is current, or a number."""
    if isinstance(value, ndarray):
        if value._mem.device_id != current_device.get():
            raise ValueError(f"Array device must be same as the current device: array device = {value._mem.device_id} while current = {current_device.get()}")  # fmt: skip
        return value._host
    if isinstance(value, _SCALARS):
        return value
    raise TypeError(f"Unsupported type {type(value)}")


def _made(values: Any) -> ndarray:
    """A new array with values that are there."""
    return _adopted(np.array(values, order="C"))


def _adopted(values: np.ndarray) -> ndarray:
    """A new array that takes over what NumPy has just computed, where nobody else has it."""
    if values.base is not None or not values.flags.c_contiguous:
        values = np.array(values, order="C")
    array = object.__new__(ndarray)
    array._set(values, Memory(values.nbytes, values.reshape(-1).view(np.uint8)), None)
    return array


def _nothing() -> None:
    """What is left to do when the values are there."""


def _compute(what: str, work: Any, out: ndarray | None = None) -> ndarray:
    """A new array with what `work` gives, also again when a graph is launched."""
    stream = get_current_stream()

    def quiet() -> Any:
        with np.errstate(all="ignore"):
            return work()

    if out is None:
        MACHINE.check()
        MACHINE.finish()
        values = np.asarray(quiet())
        if stream.captured is None:
            MACHINE.submit(stream, what, _nothing)
            return _adopted(values)
        out = ndarray(values.shape, values.dtype)
    MACHINE.submit(stream, what, lambda: np.copyto(out._host, quiet()))
    return out
