"""How a step is put on a stream at once: as CUDA graphs, or as one kernel once that is compiled.

The one kernel of a small program takes seconds to compile. So steps begin as graphs of kernels that
are compiled in moments, and the one kernel is compiled beside them when there have been steps enough;
both compute the same bits.
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

from ..cuda.calls import Call
from ..cuda.kernel import Kernel
from ..errors import BackendError
from .launching import function_of
from .library import device_errors

_log = logging.getLogger("gradloom")
_KEPT = 16
"""So many graphs are kept, for as many sets of addresses."""
ONE_KERNEL_AFTER = 2000
"""Steps after which the one kernel is worth compiling; 0: at once, before the first step."""


def _refusals(cupy: Any) -> tuple[type[Exception], ...]:
    return BackendError, *device_errors(cupy)


def compiled(cupy: Any, backend: Any, kernels: Sequence[Kernel]) -> None:
    """Have these kernels compiled and loaded, by several threads where they are many."""
    wanted = list(dict.fromkeys((k.source, k.name) for k in kernels))

    def load(source: str, name: str) -> None:
        with backend._here:
            # the attribute is asked for its effect
            _ = function_of(cupy, source, name).kernel

    if len(wanted) < 3:
        for source, name in wanted:
            load(source, name)
        return
    with ThreadPoolExecutor(min(len(wanted), os.cpu_count() or 1)) as pool:
        for done in [pool.submit(load, source, name) for source, name in wanted]:
            done.result()


class OneKernel:
    """The kernel that is a whole step, and whether it can be launched by now."""

    def __init__(self, cupy: Any, backend: Any, kernel: Kernel) -> None:
        self._cupy, self._backend, self.kernel = cupy, backend, kernel
        self._steps = 0
        self._thread: threading.Thread | None = None
        self._is_loaded = False

    def is_ready(self, steps: int = 0) -> bool:
        """Whether it is compiled; `steps` are going to be done, by it or otherwise."""
        if self._is_loaded:
            return True
        self._steps += steps
        if ONE_KERNEL_AFTER == 0:
            self._load()
        elif self._steps >= ONE_KERNEL_AFTER and self._thread is None:
            self._thread = threading.Thread(target=self._load_or_say, daemon=True)
            self._thread.start()
        return self._is_loaded

    def _load(self) -> None:
        compiled(self._cupy, self._backend, [self.kernel])
        self._is_loaded = True

    def _load_or_say(self) -> None:
        try:
            self._load()
        except _refusals(self._cupy) as error:
            _log.warning("a step stays a graph of kernels, its one kernel cannot be compiled: %s", error)


class Graphs:
    """The graphs of one executable, by what they do and for which addresses.

    Args:
        cupy: the module; the device is current.
        name: of the program.
    """

    def __init__(self, cupy: Any, name: str) -> None:
        self._cupy, self._name = cupy, name
        self._stream = cupy.cuda.Stream(non_blocking=True)
        self._made: dict[Any, Any] = {}

    def __len__(self) -> int:
        return len(self._made)

    def of(self, key: Any, put: Callable[[Any], None], load: Callable[[], None]) -> Any:
        """The graph of what `put` puts on a stream, once `load` has compiled it; None where the device
        refuses to capture it.
        """
        graph = self._made.get(key)
        if graph is None:
            load()
            try:
                graph = self._captured(put)
            except _refusals(self._cupy) as error:
                _log.warning("%s runs without CUDA graphs, slower: %s", self._name, error)
                return None
            while len(self._made) >= _KEPT:
                self._made.pop(next(iter(self._made)))
            self._made[key] = graph
        return graph

    def _captured(self, put: Callable[[Any], None]) -> Any:
        with self._stream:
            self._stream.begin_capture()
            try:
                put(self._stream)
            except BaseException:
                # ending a capture in which something failed is an error, too, which tells nothing
                with suppress(*device_errors(self._cupy)):
                    self._stream.end_capture()
                raise
            return self._stream.end_capture()


def in_pieces(calls: Sequence[Call]) -> list[list[Call]]:
    """Calls that follow each other without one for which there is no kernel; such a one stands alone."""
    pieces: list[list[Call]] = []
    for call in calls:
        if pieces and call.foreign is None and pieces[-1][0].foreign is None:
            pieces[-1].append(call)
        else:
            pieces.append([call])
    return pieces
