"""Memory of executables: what each keeps from turn to turn is its own; what it computes on its way lies
in a room that all executables of a device use in turn, with one workspace for cuBLAS.

Turns on a device follow each other, whatever their streams: one event and one lock say so. Where memory runs
out, executables that have not run for the longest give theirs back, and it is asked for once more.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from ..errors import DeviceMemoryError
from ..locks import renewed_lock
from ..plan.calls import size_of
from ..program.ir import Value
from ..program.layout import Layout
from ..program.views import View
from .cublas import WORKSPACE

_ALIGNED = 256


def _rounded(size: int) -> int:
    return -(-size // _ALIGNED) * _ALIGNED


class Arena:
    """The room of a device, made while it is current.

    Args:
        cupy: the module.

    Attributes:
        lock: held during a turn, and while memory changes hands.
        done: after this event the last turn is over on the device.
    """

    def __init__(self, cupy: Any) -> None:
        self._cupy = cupy
        self.lock = renewed_lock()
        self.done = cupy.cuda.Event(disable_timing=True)
        self._room: Any = None
        self._workspace: Any = None
        self._turns: weakref.WeakKeyDictionary[Memory, int] = weakref.WeakKeyDictionary()
        self._turn = 0
        self._blocks: dict[weakref.ref[Memory], tuple[Any, Any]] = {}
        self._dead: list[weakref.ref[Memory]] = []

    def hold(self, memory: Memory, block: Any) -> None:
        """Keep the block of an executable until it is gone and a next turn begins.

        Nothing of ours runs when it is collected, which may happen while a step is traced: a trace depends on
        all code that runs meanwhile.
        """
        stream = self._cupy.cuda.get_current_stream()
        self._blocks[weakref.ref(memory, self._dead.append)] = block, stream

    def free(self, memory: Memory) -> None:
        """Give the block of an executable back now; it is out of use."""
        for reference in [r for r in self._blocks if r() is memory]:
            del self._blocks[reference]

    def _bury(self) -> None:
        """Give back the blocks of executables that are gone. Freed memory goes to whoever asks next on the
        stream that asked for it: that waits for the last turn, whichever stream it was on.
        """
        while self._dead:
            block, stream = self._blocks.pop(self._dead.pop(), (None, None))
            if stream is not None:
                stream.wait_event(self.done)
            del block

    def began(self, memory: Memory) -> None:
        """Note whose turn it is."""
        self._bury()
        self._turn += 1
        self._turns[memory] = self._turn

    def room(self, size: int, asking: Memory) -> int:
        """The address of at least so many bytes."""
        if self._room is None or int(self._room.nbytes) < size:
            if self._room is not None:
                # it goes back to the pool, which would hand it out while another stream still uses it
                self.done.synchronize()
                self._room = None
            self._room = self.allocate(max(size, 1), asking)
        return int(self._room.data.ptr)

    def workspace(self, asking: Memory) -> int:
        """The address of the workspace of cuBLAS."""
        if self._workspace is None:
            self._workspace = self.allocate(WORKSPACE, asking)
        return int(self._workspace.data.ptr)

    def allocate(self, size: int, asking: Memory) -> Any:
        """So many bytes; from those that have not run for the longest where there are no others."""
        self._bury()
        others = sorted(
            (m for m in self._turns if m is not asking and m.block is not None), key=self._turns.__getitem__
        )
        while True:
            try:
                return self._cupy.empty(size, np.uint8)
            except self._cupy.cuda.memory.OutOfMemoryError as error:
                if not others:
                    raise DeviceMemoryError(f"{asking.describe()} ({error})") from error
                self.done.synchronize()
                others.pop(0).release()


class Memory:
    """Where the values of one executable lie.

    Args:
        arena: of its device.
        device: its number.
        kept: roots that keep their place from turn to turn.
        layout: of the values of a step in the room.
        multiplies: whether it needs the workspace.
        describe: says what is needed, and what for, where there is not enough.
    """

    def __init__(
        self,
        arena: Arena,
        device: int,
        kept: Sequence[Value],
        layout: Layout,
        multiplies: bool,
        describe: Callable[[], str],
    ) -> None:
        self.arena, self.device, self.layout, self.describe = arena, device, layout, describe
        self._cupy = arena._cupy
        self._multiplies = multiplies
        self._offsets: dict[Value, int] = {}
        at = 0
        for root in kept:
            self._offsets[root] = at
            at += _rounded(max(size_of(root), 1))
        self.own = max(at, 1)
        """Bytes that this executable keeps."""
        self.block: Any = None
        self.is_filled = False
        """Whether its constants are there."""
        self.where = (0, 0)
        """The addresses of what is its own, and of the room."""
        self.workspace = 0
        self._places: dict[Value, int] = {}

    @property
    def bytes(self) -> int:
        """Bytes that a turn needs, with those that all share."""
        return self.own + self.layout.size + (WORKSPACE if self._multiplies else 0)

    def ready(self) -> None:
        """Have memory, and know where.

        Raises:
            DeviceMemoryError: when there is not enough.
        """
        arena = self.arena
        room = arena.room(self.layout.size, self)
        self.workspace = arena.workspace(self) if self._multiplies else 0
        if self.block is None:
            self.is_filled = False
            block = arena.allocate(self.own, self)
            block.data.memset_async(0, self.own)
            arena.hold(self, block)
            self.block = block
        base = int(self.block.data.ptr)
        if (base, room) != self.where:
            self._places = {root: base + offset for root, offset in self._offsets.items()}
            self._places |= {root: room + offset for root, offset in self.layout.offsets.items()}
            self.where = base, room

    def release(self) -> None:
        """Give back what is its own, which nobody uses any more."""
        self.where = (0, 0)
        self.block = None
        self.arena.free(self)

    def address(self, root: Value, bound: Mapping[Value, int]) -> int:
        """Where a root lies in this turn; `bound` are those in memory of others."""
        place = self._places.get(root)
        return bound[root] if place is None else place

    def pointer(self, address: int, size: int) -> Any:
        """A place in memory, whoever owns it, as CuPy points to it."""
        cuda = self._cupy.cuda
        return cuda.MemoryPointer(cuda.UnownedMemory(address, size, None, self.device), 0)

    def array(self, root: Value, address: int, value: Value | None = None, view: View | None = None) -> Any:
        """What lies there as an array; or `value`, which is a view of it."""
        size = root.spec.dtype.itemsize
        pointer = self.pointer(address, max(root.spec.size, 1) * size)
        if value is None or view is None:
            return self._cupy.ndarray(root.spec.shape, root.spec.dtype, pointer)
        strides = tuple(s * size for s in view.strides)
        return self._cupy.ndarray(value.spec.shape, value.spec.dtype, pointer + view.offset * size, strides)
