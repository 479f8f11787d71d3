"""Stands in for CuPy where there is no GPU: the names that `backends.cupy` uses, on memory of the host.

`install()` puts it in the place of `cupy`; `MACHINE` is what a test sets and looks at. A test holds every name against the
real CuPy where that is installed.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

from backends.cupy import backend, cublas
from backends.cupy.library import library

from . import array, blas, errors, functions, memory, modules, streams
from .machine import MACHINE

__all__ = ["MACHINE", "as_installed", "cupy", "install", "remove", "standing_in"]


def _module(name: str, **members: object) -> ModuleType:
    module = ModuleType(name, "A substitute for tests.")
    module.__spec__ = ModuleSpec(name, None)
    vars(module).update(members)
    return module


runtime = _module(
    "cupy.cuda.runtime", CUDARuntimeError=errors.CUDARuntimeError,
    **{name: getattr(streams, name) for name in ("getDeviceCount", "getDevice", "setDevice", "driverGetVersion", "runtimeGetVersion", "memGetInfo", "deviceSynchronize")},
)  # fmt: skip
runtime.streamCaptureModeGlobal, runtime.streamCaptureModeThreadLocal, runtime.streamCaptureModeRelaxed = 0, 1, 2  # fmt: skip
cuda = _module(
    "cupy.cuda",
    runtime=runtime,
    driver=_module("cupy.cuda.driver", CUDADriverError=errors.CUDADriverError),
    memory=_module("cupy.cuda.memory", OutOfMemoryError=errors.OutOfMemoryError),
    compiler=_module("cupy.cuda.compiler", CompileException=errors.CompileException),
    Device=streams.Device,
    Stream=streams.Stream,
    Event=streams.Event,
    Graph=streams.Graph,
    MemoryPointer=memory.MemoryPointer,
    UnownedMemory=memory.UnownedMemory,
    cublas=_module("cupy.cuda.cublas"),
    PinnedMemoryPointer=memory.PinnedMemoryPointer,
    alloc=memory.alloc,
    alloc_pinned_memory=memory.alloc_pinned_memory,
    get_current_stream=streams.get_current_stream,
    get_elapsed_time=streams.get_elapsed_time,
)
cupy = _module(
    "cupy",
    __version__="14.2.0",
    __path__=[],
    ndarray=array.ndarray,
    cuda=cuda,
    RawKernel=modules.RawKernel,
    RawModule=modules.RawModule,
    lib=_module("cupy.lib", stride_tricks=_module("cupy.lib.stride_tricks", as_strided=functions.as_strided)),
    get_default_memory_pool=memory.get_default_memory_pool,
    **{name: getattr(functions, name) for name in functions.__all__ if name != "as_strided"},
)
cupyx = _module("cupyx", __path__=[])
"""Nothing of it is used here, but other libraries would load the real one, which needs the real CuPy."""
UFUNCS = (*functions._UFUNCS, "power", "sign")
_REPLACED: dict[str, ModuleType] = {}
_open_library = cublas.open_library


def install() -> None:
    """`import cupy` gives the substitute from now on."""
    for name in [n for n in sys.modules if n.partition(".")[0] in ("cupy", "cupyx")]:
        _REPLACED[name] = sys.modules.pop(name)
    sys.modules |= {
        "cupy": cupy,
        "cupy.cuda": cuda,
        "cupy.cuda.runtime": runtime,
        "cupy.lib": cupy.lib,
    }
    cublas.open_library = blas.open_library


def remove() -> None:
    """`import cupy` gives the real one again, if there is one."""
    for name in [n for n in sys.modules if n.partition(".")[0] in ("cupy", "cupyx")]:
        del sys.modules[name]
    cublas.open_library = _open_library
    sys.modules |= _REPLACED
    _REPLACED.clear()


@contextmanager
def standing_in() -> Iterator[Any]:
    """Inside, the substitute is CuPy, on a machine as new; gives `MACHINE`."""
    with _swapped(substitute=True):
        MACHINE.reset()
        MACHINE.record()
        streams.current_device.set(0)
        yield MACHINE
        MACHINE.reset()


@contextmanager
def as_installed() -> Iterator[None]:
    """Inside, `import cupy` means what is installed here, whatever the tests run on."""
    with _swapped(substitute=False):
        yield


@contextmanager
def _swapped(substitute: bool) -> Iterator[None]:
    """The other CuPy, and a backend that knows nothing of the one before."""
    was, made = sys.modules.get("cupy") is cupy, dict(backend._made)
    if was != substitute:
        install() if substitute else remove()
    backend._made.clear()
    library.cache_clear()
    try:
        yield
    finally:
        if was != substitute:
            remove() if substitute else install()
        library.cache_clear()
        backend._made.clear()
        backend._made.update(made)
