"""The pretended machine: its devices and their memory, what is current, what failed, and what was called."""

from __future__ import annotations

import contextvars
from collections import deque
from collections.abc import Callable
from typing import Any

from .errors import CUDARuntimeError


class Machine:
    """What a test can set, and look at afterwards.

    Attributes:
        devices: how many there are.
        driver: the CUDA version that the driver supports, as 1000 * major + 10 * minor; 0: no driver.
        runtime: the CUDA version that CuPy was built for.
        memory: bytes of each device.
        used: bytes in use, by device.
        broken: an error (status of the runtime) that every call raises from now on; None.
        lazy: copies from the host wait until something needs them, as on a busy device.
        log: (stream, what) for everything that was put on a stream, oldest first; kept after `record()`.
        waits: how often the host waited for the device.
    """

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        self.devices = 1
        self.driver = 13020
        self.runtime = 13020
        self.memory = 1 << 40
        self.used: dict[int, int] = {}
        self.broken: int | None = None
        self.lazy = False
        self.log: deque[tuple[str, str]] = deque(maxlen=0)
        self.waits = 0
        self.submitted = self.completed = 0
        self._pending: list[Callable[[], Any]] = []

    def record(self) -> None:
        """From now on, keep what is called."""
        self.log = deque(maxlen=100_000)

    # what is put on streams
    def submit(self, stream: Any, what: str, work: Callable[[], Any], wait: bool = False) -> Any:
        """Do `work` in the order of the calls; only note it where the stream is being captured."""
        self.check()
        self.log.append((stream.name, what))
        if stream.captured is not None:
            if wait:
                raise RuntimeError(f"{what}: not permitted while the stream is capturing")
            stream.captured.append((what, work))
            return None
        self.submitted += 1
        if self.lazy and what.startswith("copy from host"):
            self._pending.append(work)
            return None
        self.finish()
        return work()

    def finish(self) -> None:
        """All that is still waiting is done."""
        pending, self._pending = self._pending, []
        for work in pending:
            work()
        self.completed = self.submitted

    def wait(self) -> None:
        """The host waits."""
        self.check()
        self.waits += 1
        self.finish()

    def check(self) -> None:
        if self.broken is not None:
            raise CUDARuntimeError(self.broken)


MACHINE = Machine()
current_device: contextvars.ContextVar[int] = contextvars.ContextVar("device", default=0)
current_stream: contextvars.ContextVar[Any] = contextvars.ContextVar("stream", default=None)
