"""A few threads that share a call: the rows of a kernel, or the parts of a
compiled step, which wait for each other.

Python runs handlers of signals between two bytecodes of the main thread, and a handler may raise. What wakes
the threads, does the caller's own part and waits for theirs is therefore one call into C, inside which no
handler runs: an exception comes before all of it or after all of it. Nothing here uses `threading`, whose
conditions and semaphores are Python code and stay locked when a handler raises in them. The threads belong to
a process: a fork leaves them behind.
"""

from __future__ import annotations

import _thread
import ctypes
import os
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from operator import call
from queue import SimpleQueue
from typing import Any

from ..locks import renewed_lock

_GRAIN = 16
"""Parts begin at multiples of this, so that two threads rarely write to one cache line."""
_allocate = ctypes.PYFUNCTYPE(ctypes.c_void_p)(("PyThread_allocate_lock", ctypes.pythonapi))
_release = ctypes.PYFUNCTYPE(None, ctypes.c_void_p)(("PyThread_release_lock", ctypes.pythonapi))
_acquire = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_int)(
    ("PyThread_acquire_lock", ctypes.pythonapi)
)
"""Python's locks without Python around them: waiting for one gives the GIL
away and runs no handler of a signal.
"""
_invoke: Callable[[Any], object] = call
_nothing: Callable[[], object] = dict
"""The part of the calling thread where another does the work: nothing, in C."""
_lock = renewed_lock()
"""Held by whoever shares a call: parts that wait for each other need all their threads at the same time."""
_workers: list[_Worker] = []
_lock_apart = renewed_lock()
_workers_apart: list[_Worker] = []


class _Worker:
    """A thread that does what it is given, one after the other."""

    def __init__(self) -> None:
        done = _allocate()
        self.wait = partial(_acquire, done, 1)
        self.wait()
        self.queue: SimpleQueue[tuple[Callable[[], object], list[BaseException]]] = SimpleQueue()
        _thread.start_new_thread(_work, (self.queue.get, partial(_release, done)))


def _work(given: Callable[[], Any], tell: Callable[[], None]) -> None:
    while True:
        part, failed = given()
        try:
            part()
        except BaseException as error:  # whatever it is: it is raised by `together`
            failed.append(error)
        del part, failed
        tell()


def together(parts: Sequence[Callable[[], object]]) -> None:
    """Call the first part here and the others in threads, all at the same time;
    returns, or raises, when all have ended.

    Parts that are calls of C functions are not interrupted: an exception of a
    handler is raised when all are done.
    """
    if len(parts) == 1:
        parts[0]()
        return
    _shared(parts, _lock, _workers)


def _shared(parts: Sequence[Callable[[], object]], lock: Any, threads: list[_Worker]) -> None:
    failed: list[BaseException] = []
    with lock:
        while len(threads) < len(parts) - 1:
            threads.append(_Worker())
        workers = threads[: len(parts) - 1]
        gives = [partial(w.queue.put, (p, failed)) for w, p in zip(workers, parts[1:], strict=True)]
        calls = map(_invoke, [*gives, parts[0], *(w.wait for w in workers)])
        run: Callable[[Any], None] = deque[Any](maxlen=0).extend
        try:
            run(calls)
        finally:
            # when the first part itself has raised, the others are still waited for
            run(calls)
    if failed:
        raise failed[0]


def apart(parts: Sequence[Callable[[], object]]) -> None:
    """Call all parts at the same time, in threads where no handler of a signal comes between their bytecodes.

    For calls of libraries that would keep a lock of theirs when they are left in the middle: LLVM's. The
    threads are others than those that share calls, which need not wait for these.
    """
    _shared([_nothing, *parts], _lock_apart, _workers_apart)


def ranges(total: int, threads: int) -> list[tuple[int, int]]:
    """(begin, end) of the parts, at most `threads`, that cover 0 to `total`."""
    size = -(-total // (threads * _GRAIN)) * _GRAIN if total > threads * _GRAIN else -(-total // threads)
    return [(at, min(at + size, total)) for at in range(0, total, size)]


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_workers.clear)
    os.register_at_fork(after_in_child=_workers_apart.clear)
