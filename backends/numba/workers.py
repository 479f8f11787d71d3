"""A few threads that share the rows of one kernel call. Results do not depend on how many there are.

Kernels release the GIL, and each row (each element, in a flat kernel) is written by exactly one thread. The threads
belong to a process: after a fork the child starts its own.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

_GRAIN = 16
"""Parts begin at multiples of this, so that two threads rarely write to one cache line."""
_pools: dict[tuple[int, int], ThreadPoolExecutor] = {}


def share(part: Callable[[int, int, int], None], total: int, threads: int) -> None:
    """Call `part(number, begin, end)` for ranges that cover 0 to `total`, the first in the calling thread."""
    size = -(-total // (threads * _GRAIN)) * _GRAIN if total > threads * _GRAIN else -(-total // threads)  # fmt: skip
    bounds = [(i, at, min(at + size, total)) for i, at in enumerate(range(0, total, size))]
    others = [_pool(threads).submit(part, *bound) for bound in bounds[1:]]
    part(*bounds[0])
    for other in others:
        other.result()


def _pool(threads: int) -> ThreadPoolExecutor:
    key = (os.getpid(), threads)
    pool = _pools.get(key)
    if pool is None:
        pool = _pools.setdefault(key, ThreadPoolExecutor(max(1, threads - 1), "gradloom"))
    return pool
