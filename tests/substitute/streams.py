"""Devices, streams, events and graphs. Work is done when it is put on a stream; a captured one keeps it for its graph."""

from __future__ import annotations

import itertools
import time
import weakref

from .errors import CUDARuntimeError
from .machine import MACHINE, current_device, current_stream

_numbers = itertools.count(1)


class Device:
    """A device by its number; `with` makes it current."""

    def __init__(self, device: int | None = None) -> None:
        self.id = current_device.get() if device is None else device
        self._tokens = []

    def __enter__(self) -> Device:
        self._tokens.append(current_device.set(self.id))
        return self

    def __exit__(self, *args) -> None:
        current_device.reset(self._tokens.pop())

    def use(self) -> None:
        current_device.set(self.id)

    def synchronize(self) -> None:
        MACHINE.wait()

    @property
    def compute_capability(self) -> str:
        return "90"

    @property
    def attributes(self) -> dict[str, int]:
        return {"MultiProcessorCount": 4, "MaxThreadsPerBlock": 1024, "WarpSize": 32}

    @property
    def mem_info(self) -> tuple[int, int]:
        return MACHINE.memory - MACHINE.used.get(self.id, 0), MACHINE.memory


class Stream:
    """An order of work."""

    def __init__(self, null=False, non_blocking=False, ptds=False, *, priority=None) -> None:
        number = 0 if null else next(_numbers)
        self.name = "null" if null else f"stream {number}"
        self.ptr = number
        if number:
            _streams[number] = self
        self.captured = None
        self.invalidated = False
        self._tokens = []

    def __enter__(self) -> Stream:
        self._tokens.append(current_stream.set(self))
        return self

    def __exit__(self, *args) -> None:
        current_stream.reset(self._tokens.pop())

    def use(self) -> Stream:
        current_stream.set(self)
        return self

    @property
    def done(self) -> bool:
        return MACHINE.completed >= MACHINE.submitted

    def synchronize(self) -> None:
        if self.captured is not None:
            raise RuntimeError("synchronize: not permitted while the stream is capturing")
        MACHINE.wait()

    def record(self, event=None) -> Event:
        event = event or Event()
        event.record(self)
        return event

    def wait_event(self, event: Event) -> None:
        MACHINE.log.append((self.name, "wait for event"))

    def begin_capture(self, mode=None) -> None:
        if self.ptr == 0:
            raise RuntimeError("cannot capture on the default stream")
        self.captured = []

    def end_capture(self) -> Graph:
        captured, self.captured = self.captured, None
        if self.invalidated:
            self.invalidated = False
            raise CUDARuntimeError(901)
        return Graph._of(captured)

    def is_capturing(self) -> bool:
        return self.captured is not None


_streams: weakref.WeakValueDictionary[int, Stream] = weakref.WeakValueDictionary()


def by_pointer(ptr: int) -> Stream:
    """The stream that a library in C was given."""
    return null if ptr == 0 else _streams[ptr]


null = Stream(null=True)
Stream.null = null


def get_current_stream(device_id=-1) -> Stream:
    return current_stream.get() or null


class Event:
    """A point in the order of work."""

    def __init__(self, block=False, disable_timing=False, interprocess=False) -> None:
        self._after = 0
        self._time = 0.0

    def record(self, stream=None) -> None:
        MACHINE.log.append(((stream or get_current_stream()).name, "record event"))
        self._after = MACHINE.submitted
        self._time = time.perf_counter()

    @property
    def done(self) -> bool:
        return MACHINE.completed >= self._after

    def synchronize(self) -> None:
        MACHINE.wait()


def get_elapsed_time(start_event: Event, end_event: Event) -> float:
    return (end_event._time - start_event._time) * 1000


class Graph:
    """Captured work, to be done again and again."""

    @classmethod
    def _of(cls, captured) -> Graph:
        graph = cls.__new__(cls)
        graph._captured = captured
        return graph

    def launch(self, stream=None) -> None:
        def work() -> None:
            for _, one in self._captured:
                one()

        MACHINE.submit(stream or get_current_stream(), f"graph of {len(self._captured)}", work)

    def upload(self, stream=None) -> None:
        """Nothing to prepare."""


# cupy.cuda.runtime
def getDeviceCount() -> int:
    if MACHINE.driver < MACHINE.runtime // 1000 * 1000:
        raise CUDARuntimeError(35)
    if not MACHINE.devices:
        raise CUDARuntimeError(100)
    return MACHINE.devices


def getDevice() -> int:
    return current_device.get()


def setDevice(device: int) -> None:
    if not 0 <= device < MACHINE.devices:
        raise CUDARuntimeError(101)
    current_device.set(device)


def driverGetVersion() -> int:
    return MACHINE.driver


def runtimeGetVersion() -> int:
    return MACHINE.runtime


def memGetInfo() -> tuple[int, int]:
    return Device().mem_info


def deviceSynchronize() -> None:
    MACHINE.wait()
