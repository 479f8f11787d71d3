"""Where CuPy comes in: the one import, the check that a driver and a device are
there, and its errors in plain words.

Everything that can be wrong with an installation is an ImportError, whose text `backends.available()` shows.
What goes wrong later is a BackendError that says what the user can do.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ..errors import BackendError, DeviceMemoryError

OLDEST = 14
"""The first CuPy whose Python numbers are weak, as in NumPy 2."""
_INSTALL = "pip install 'gradloom[cuda13]' (a driver for CUDA 13), or 'gradloom[cuda12]' (CUDA 12)"
_BROKEN = (
    *("illegaladdress", "misalignedaddress", "illegalinstruction", "invalidaddressspace", "invalidpc"),
    *("launchfailure", "launchfailed", "launchtimeout", "cudaerrorassert", "hardwarestackerror"),
    "eccuncorrectable",
)
"""Errors after which every further call of this process fails with the same error, as the runtime
(cudaErrorIllegalAddress) and the driver (CUDA_ERROR_ILLEGAL_ADDRESS) both write them.
"""
_FORKED = ("cudaErrorInitializationError", "CUDA_ERROR_NOT_INITIALIZED")


@functools.cache
def library() -> Any:
    """The module `cupy`.

    Raises:
        ImportError: when CuPy is not installed or too old, or there is no driver,
            none that is new enough, or no device.
    """
    try:
        import cupy
    except ImportError as error:
        if error.name == "cupy":
            raise ImportError(f"CuPy is not installed; {_INSTALL}", name="cupy") from None
        raise ImportError(f"CuPy is installed and cannot be imported: {error}") from error
    _check(cupy)
    return cupy


def _check(cupy: Any) -> None:
    """Whether this CuPy is new enough, and has a driver and a device."""
    if int(cupy.__version__.partition(".")[0]) < OLDEST:
        raise ImportError(f"CuPy {cupy.__version__} is too old, at least {OLDEST} is needed; {_INSTALL}")
    runtime = cupy.cuda.runtime
    try:
        count = runtime.getDeviceCount()
    except runtime.CUDARuntimeError as error:
        raise ImportError(_why_no_device(runtime, str(error))) from error
    if not count:
        raise ImportError(_why_no_device(runtime, "cudaErrorNoDevice"))


def _why_no_device(runtime: Any, error: str) -> str:
    if "NoDevice" in error:
        seen = os.environ.get("CUDA_VISIBLE_DEVICES")
        hidden = "" if seen is None else f"; CUDA_VISIBLE_DEVICES is {seen!r}"
        return f"no CUDA device: the NVIDIA driver sees no GPU{hidden}"
    if "InsufficientDriver" not in error:
        return f"no CUDA device: {error}"
    driver, built = runtime.driverGetVersion(), runtime.runtimeGetVersion()
    if not driver:
        return "no CUDA device: no NVIDIA driver is installed, or this container was started without its GPUs"
    return (
        f"no CUDA device: the NVIDIA driver supports CUDA {_version(driver)} and CuPy was built for CUDA "
        f"{_version(built)}; install a newer driver, or the CuPy for this one: pip install "
        "'gradloom[cuda12]' in place of 'gradloom[cuda13]'"
    )


def _version(number: int) -> str:
    return f"{number // 1000}.{number % 1000 // 10}"


def device_errors(cupy: Any) -> tuple[type[Exception], ...]:
    """The exceptions that `explained` knows."""
    cuda = cupy.cuda
    return (
        cuda.memory.OutOfMemoryError,
        cuda.runtime.CUDARuntimeError,
        cuda.driver.CUDADriverError,
        cuda.compiler.CompileException,
    )


@contextmanager
def plain_errors(cupy: Any) -> Iterator[None]:
    """Errors of the device inside become those of this library."""
    try:
        yield
    except device_errors(cupy) as error:
        raise explained(cupy, error) from error


def explained(cupy: Any, error: Exception) -> BackendError:
    """What an error of CuPy means for the user."""
    text = str(error).rstrip(".")
    if isinstance(error, cupy.cuda.memory.OutOfMemoryError) or "cudaErrorMemoryAllocation" in text:
        return DeviceMemoryError(
            f"{text}. {_memory(cupy)} Use smaller batches, or delete what is no longer needed."
        )
    if any(name in text.replace("_", "").lower() for name in _BROKEN):
        return BackendError(
            f"{text}. A kernel of this process, not necessarily the last one, broke the device's context; "
            "everything that follows on it fails. Save nothing from the device and restart the process. To "
            "find the kernel, run with GRADLOOM_CUDA_GRAPHS=0 CUDA_LAUNCH_BLOCKING=1 in the environment, or "
            "under compute-sanitizer"
        )
    if any(name in text for name in _FORKED):
        return BackendError(
            f"{text}. CUDA does not work in a child process that was forked after its parent used the "
            "device. Start processes with multiprocessing.get_context('spawn'), or use the device in the "
            "children alone"
        )
    if isinstance(error, cupy.cuda.compiler.CompileException):
        return BackendError(f"a CUDA kernel could not be compiled: {text}")
    return BackendError(f"the CUDA device reports {text}")


def _memory(cupy: Any) -> str:
    """How much is free where."""
    free, total = cupy.cuda.runtime.memGetInfo()
    pool = cupy.get_default_memory_pool()
    return (
        f"Of the device's {total:,} bytes {free:,} are free; this process uses {pool.used_bytes():,} and "
        f"keeps {pool.free_bytes():,} for reuse (cupy.get_default_memory_pool().free_all_blocks() gives "
        "them back)."
    )
