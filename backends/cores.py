"""How many cores there are for threads."""

from __future__ import annotations

import os


def usable_cores() -> int:
    """The number of cores this process may use, or GRADLOOM_NUM_THREADS where that is set and smaller."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    chosen = os.environ.get("GRADLOOM_NUM_THREADS", "")
    return max(1, min(cores, int(chosen))) if chosen.isdigit() else cores
