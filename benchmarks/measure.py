"""In a contestant's process: times after warming up, and the growth of the peak of memory."""

from __future__ import annotations

import contextlib
import gc
import sys
import time
from collections.abc import Callable
from pathlib import Path

STATUS = Path("/proc/self/status")


def seconds_per_pass(work: Callable[[int], None], seconds: float) -> float:
    """Warm up with one pass, then time as many as take about `seconds`; `work(n)` does n of them."""
    work(1)
    passes = 1
    while True:
        start = time.perf_counter()
        work(passes)
        took = time.perf_counter() - start
        if took >= 0.7 * seconds:
            return took / passes
        passes = max(passes + 1, int(passes * min(20.0, seconds / max(took, 1e-9))))


def seconds_per_call(call: Callable[[], object], seconds: float) -> float:
    """The same for one call."""

    def several(passes: int) -> None:
        for _ in range(passes):
            call()

    return seconds_per_pass(several, seconds)


def peak_growth(work: Callable[[], None]) -> float:
    """Megabytes by which the peak of this process's resident memory rises above what it is now."""
    gc.collect()  # what is freed during the work would hide its growth
    _forget_peak()
    before = _megabytes("VmRSS")
    work()
    return max(0.0, _megabytes("VmHWM") - before)


def _forget_peak() -> None:
    """Linux can start counting anew; elsewhere an earlier peak hides a lower one."""
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")


def _megabytes(what: str) -> float:
    """A line of Linux's status of this process; elsewhere the peak so far, whatever is asked for."""
    if STATUS.exists():
        line = next(line for line in STATUS.read_text().splitlines() if line.startswith(what))
        return int(line.split()[1]) / 1024
    import resource

    unit = 1024 * 1024 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit
