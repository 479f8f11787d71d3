"""Memory of the pretended devices: bytes of the host, counted for the device that they stand for."""

from __future__ import annotations

import ctypes

import numpy as np

from .errors import OutOfMemoryError
from .machine import MACHINE, current_device
from .streams import get_current_stream


def must_fit(size: int) -> int:
    """Bytes in use on the current device, where so many more can be had; else CuPy's error."""
    used = MACHINE.used.get(current_device.get(), 0)
    if used + size > MACHINE.memory:
        raise OutOfMemoryError(size, used)
    return used


class Memory:
    """Bytes on a device; freed with their last user."""

    def __init__(self, size: int, content: np.ndarray | None = None) -> None:
        MACHINE.check()
        self.device_id = current_device.get()
        MACHINE.used[self.device_id] = must_fit(size) + size
        self._counted = MACHINE.used
        self.size = size
        if content is None:
            whole = np.empty(size + 256, np.uint8)
            start = -whole.__array_interface__["data"][0] % 256
            content = whole[start : start + size]
        self.content = content

    @property
    def ptr(self) -> int:
        return self.content.__array_interface__["data"][0]

    def __del__(self) -> None:
        if hasattr(self, "_counted"):
            self._counted[self.device_id] -= self.size


class UnownedMemory(Memory):
    """Bytes that somebody else holds."""

    def __init__(self, ptr: int, size: int, owner: object, device_id: int = -1) -> None:
        self.device_id = current_device.get() if device_id < 0 else device_id
        self.content = np.frombuffer((ctypes.c_uint8 * size).from_address(ptr), np.uint8)
        self.size = size


class MemoryPointer:
    """A place in memory."""

    def __init__(self, mem: Memory, offset: int) -> None:
        self.mem = mem
        self.offset = offset

    @property
    def ptr(self) -> int:
        return self.mem.ptr + self.offset

    @property
    def device_id(self) -> int:
        return self.mem.device_id

    def __add__(self, y: int) -> MemoryPointer:
        return MemoryPointer(self.mem, self.offset + y)

    def _bytes(self, size: int) -> np.ndarray:
        if self.offset + size > self.mem.size:
            raise IndexError("a copy beyond the end of device memory")
        return self.mem.content[self.offset : self.offset + size]

    def copy_from_host_async(self, mem, size: int, stream=None) -> None:
        target = self._bytes(size)
        MACHINE.submit(stream or get_current_stream(), f"copy from host {size}", lambda: ctypes.memmove(target.ctypes.data, mem, size))  # fmt: skip

    def copy_to_host_async(self, mem, size: int, stream=None) -> None:
        source = self._bytes(size)
        MACHINE.submit(stream or get_current_stream(), f"copy to host {size}", lambda: ctypes.memmove(mem, source.ctypes.data, size))  # fmt: skip

    def copy_from_device_async(self, src: MemoryPointer, size: int, stream=None) -> None:
        target, source = self._bytes(size), src._bytes(size)
        MACHINE.submit(stream or get_current_stream(), f"copy {size}", lambda: np.copyto(target, source))  # fmt: skip

    def memset_async(self, value: int, size: int, stream=None) -> None:
        target = self._bytes(size)
        MACHINE.submit(stream or get_current_stream(), f"fill {size}", lambda: target.fill(value))


def alloc(size: int) -> MemoryPointer:
    return MemoryPointer(Memory(size), 0)


class PinnedMemoryPointer(bytearray):
    """Memory of the host that a device can read."""

    def __init__(self, size: int) -> None:
        super().__init__(size)
        self.ptr = ctypes.addressof(ctypes.c_char.from_buffer(self))


def alloc_pinned_memory(size: int) -> PinnedMemoryPointer:
    MACHINE.check()
    return PinnedMemoryPointer(size)


class MemoryPool:
    """What CuPy keeps for reuse: here, nothing."""

    def used_bytes(self) -> int:
        return MACHINE.used.get(current_device.get(), 0)

    def free_bytes(self) -> int:
        return 0

    def total_bytes(self) -> int:
        return self.used_bytes()

    def free_all_blocks(self, stream=None) -> None:
        """Nothing is kept."""


_pool = MemoryPool()


def get_default_memory_pool() -> MemoryPool:
    return _pool
