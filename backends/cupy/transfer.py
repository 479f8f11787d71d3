"""From NumPy to the device without waiting: through pinned memory that is used again and again.

The values are copied into a pinned buffer, and from there to the device on the current stream, while
Python goes on. An event says when a buffer may be overwritten. There are a few buffers, so that a
step can be prepared while others run.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ..locks import renewed_lock

NDArray = np.ndarray[Any, Any]
BUFFERS = 8
LARGEST = 1 << 24
"""Bytes of a buffer; what is larger goes in pieces."""
_SMALLEST = 1 << 12


class _Buffer(NamedTuple):
    memory: Any
    size: int
    event: Any


class Staging:
    """The pinned buffers of a device.

    Args:
        cupy: the module.
    """

    def __init__(self, cupy: Any) -> None:
        self._cupy = cupy
        self._buffers: list[_Buffer] = []
        self._lock = renewed_lock()

    def send(self, values: NDArray) -> Any:
        """A new array on the current device with `values`, which may be changed as soon as this returns."""
        array = self._cupy.empty(values.shape, values.dtype)
        content = np.ascontiguousarray(values).reshape(-1).view(np.uint8)
        stream = self._cupy.cuda.get_current_stream()
        with self._lock:
            for start in range(0, content.size, LARGEST):
                piece = content[start : start + LARGEST]
                buffer = self._free(piece.size)
                np.frombuffer(buffer.memory, np.uint8, piece.size)[:] = piece
                (array.data + start).copy_from_host_async(buffer.memory.ptr, piece.size, stream)
                buffer.event.record(stream)
        return array

    def _free(self, size: int) -> _Buffer:
        """A buffer of at least `size` bytes that no copy reads any more; it becomes the last in the row."""
        at = next((i for i, b in enumerate(self._buffers) if b.size >= size and b.event.done), -1)
        if at < 0 and len(self._buffers) < BUFFERS:
            return self._new(size)
        if at < 0:
            at = next((i for i, b in enumerate(self._buffers) if b.size >= size), 0)
            self._buffers[at].event.synchronize()
        buffer = self._buffers.pop(at)
        if buffer.size < size:
            return self._new(size)
        self._buffers.append(buffer)
        return buffer

    def _new(self, size: int) -> _Buffer:
        rounded = max(_SMALLEST, 1 << (size - 1).bit_length())
        cuda = self._cupy.cuda
        event = cuda.Event(disable_timing=True)
        self._buffers.append(_Buffer(cuda.alloc_pinned_memory(rounded), rounded, event))
        return self._buffers[-1]
