"""How many threads share a step; the threads themselves are those of `numba.workers`.

Their number is that of the cores this process may use, GRADLOOM_NUM_THREADS, `threads.limit`, or what
threadpoolctl allows BLAS, whichever is least.
"""

from __future__ import annotations

import ctypes
import sys
import time
from collections import deque
from functools import cache

from ..cores import usable_cores
from . import blas

_MOST = 64
_LOOK_AGAIN = 0.2
"""Seconds for which the number of cores is believed."""


class ThreadTuner:
    """Whether several threads are worth it for one program: tried now and then, not guessed.

    On a quiet machine meeting costs a microsecond; where other processes want the cores, a thousand.
    Results are the same bits either way.
    """

    AGAIN, MUCH, RARELY = 20, 4, 20
    """After `AGAIN` turns for each that it was tried the slower way is tried again; where it is `MUCH` times
    slower or more, so many times more rarely, up to `RARELY`, for else it would take most of the time. Where
    it is less, what made it slower may have been another process.
    """
    TRIES = 3
    """A way is tried so many turns in a row, and judged by the best of them: the first ones meet cold memory
    and threads that share a core until the system has moved one, and any may be disturbed. One turn that is
    `MUCH` slower is enough.
    """

    def __init__(self) -> None:
        self.seconds: dict[int, deque[float]] = {}
        self.best: dict[int, float] = {}
        self.turn = 0
        self.tried, self.left, self.spent = 1, 0, 1
        """The way that is being tried, for so many more turns; and how many the last try took."""

    def choose(self, most: int) -> int:
        """One thread or `most`, for the next turn."""
        if most == 1:
            return 1
        several, one = self.best.get(most), self.best.get(1)
        if several is None or one is None:
            return most if several is None else 1
        if self.left and self.tried in (1, most):
            self.left -= 1
            self.spent += 1
            return self.tried
        faster, slower = (most, 1) if several <= one else (1, most)
        self.turn += 1
        ratio = self.best[slower] / self.best[faster]
        if self.turn < self.AGAIN * self.spent * (1 if ratio < self.MUCH else min(ratio, self.RARELY)):
            return faster
        self.turn, self.tried, self.left, self.spent = 0, slower, self.TRIES - 1, 1
        return slower

    def note(self, parts: int, seconds: float) -> None:
        """A step took `seconds` with `parts` threads."""
        times = self.seconds.setdefault(parts, deque(maxlen=self.TRIES))
        times.append(seconds)
        if self.left and seconds >= self.MUCH * min(self.best.values()):
            self.left = 0
        if len(times) == self.TRIES:
            self.best[parts] = min(times)


class ThreadPool:
    """One per process."""

    LEAST_EACH = 150_000
    """Operations that a thread should have in a step to be worth waiting for."""

    def __init__(self) -> None:
        self.limit: int | None = None
        self._looked, self._usable = -1.0, 1

    def most(self) -> int:
        """The largest number of threads that any run may use."""
        return min(_MOST, max(self._cores(), self.limit or 1))

    def size(self, work: int) -> int:
        """How many threads share a step of `work` operations."""
        wanted = work // self.LEAST_EACH
        if wanted <= 1:
            return 1
        allowed = self._cores() if self.limit is None else self.limit
        return max(1, min(wanted, allowed, blas.allowed_threads(), _MOST))

    def _cores(self) -> int:
        """The cores that this process may use, looked up a few times a second."""
        now = time.monotonic()
        if now - self._looked > _LOOK_AGAIN:
            self._looked, self._usable = now, usable_cores()
        return self._usable

    @staticmethod
    @cache
    def yield_address() -> int:
        """The address of the system's function that gives a core to another thread; 0 where there is none."""
        try:
            if sys.platform == "win32":
                return ctypes.cast(ctypes.windll.kernel32.SwitchToThread, ctypes.c_void_p).value or 0
            return ctypes.cast(ctypes.CDLL(None).sched_yield, ctypes.c_void_p).value or 0
        except (AttributeError, OSError):
            return 0


threads = ThreadPool()
