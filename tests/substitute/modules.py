"""Kernels from source: compiled for the host when they are first launched."""

from __future__ import annotations

import ctypes
import functools

import numpy as np

from .array import ndarray
from .errors import CompileException, CUDARuntimeError
from .host import HostModule, prepare
from .machine import MACHINE
from .streams import get_current_stream

_C = {
    "b1": ctypes.c_bool, "i1": ctypes.c_int8, "i2": ctypes.c_int16, "i4": ctypes.c_int32, "i8": ctypes.c_int64, "u1": ctypes.c_uint8,
    "u2": ctypes.c_uint16, "u4": ctypes.c_uint32, "u8": ctypes.c_uint64, "f4": ctypes.c_float, "f8": ctypes.c_double,
}  # fmt: skip


@functools.lru_cache(maxsize=512)
def _module(source: str, options: tuple[str, ...]) -> HostModule:
    return HostModule(source, options)


_asked_for: list[str] = []
"""Sources that somebody wants compiled; all of them at once when the first of them runs."""


class RawKernel:
    """A kernel of a source."""

    def __init__(self, code, name, options=(), backend="nvrtc", translate_cucomplex=False, *, enable_cooperative_groups=False, jitify=False) -> None:  # fmt: skip
        self.code, self.name, self.options = code, name, options
        self._loaded = False

    def compile(self, log_stream=None) -> HostModule:
        self._loaded = True
        prepare(_asked_for)
        _asked_for.clear()
        try:
            return _module(self.code, self.options)
        except SyntaxError as error:
            raise CompileException(str(error), self.code, self.name, self.options) from None

    @property
    def kernel(self) -> RawKernel:
        """Compiled and loaded, as far as anybody can see."""
        self._loaded = True
        _asked_for.append(self.code)
        return self

    def __call__(self, grid, block, args, *, shared_mem=0) -> None:
        stream = get_current_stream()
        if stream.is_capturing() and not self._loaded:
            raise CUDARuntimeError(900)
        module = self.compile()
        values = [_argument(arg) for arg in args]
        # held, so that their memory lives as long as a graph that uses it
        MACHINE.submit(stream, f"launch {self.name}", lambda _held=args: module.launch(self.name, grid, block, values))  # fmt: skip


def _argument(value):
    """As CuPy hands it over: arrays by address, Python's numbers in 64 bits."""
    if isinstance(value, ndarray):
        return ctypes.c_void_p(value.data.ptr)
    if hasattr(value, "ptr"):
        return ctypes.c_void_p(value.ptr)
    if isinstance(value, np.generic):
        return _C[value.dtype.str[1:]](value.item())
    if isinstance(value, bool):
        return ctypes.c_bool(value)
    if isinstance(value, int):
        return ctypes.c_int64(value)
    if isinstance(value, float):
        return ctypes.c_double(value)
    raise TypeError(f"Unsupported type {type(value)}")


class RawModule:
    """A source with several kernels."""

    def __init__(self, *, code=None, path=None, options=(), backend="nvrtc", translate_cucomplex=False, enable_cooperative_groups=False, name_expressions=None, jitify=False) -> None:  # fmt: skip
        self.code, self.options = code, options

    def compile(self, log_stream=None) -> None:
        RawKernel(self.code, "module", self.options).compile()

    def get_function(self, name) -> RawKernel:
        return RawKernel(self.code, name, self.options)
