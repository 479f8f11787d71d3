"""Threads that share the rows of a kernel."""

from __future__ import annotations

import numpy as np
import pytest

from backends.numba import workers

pytestmark = pytest.mark.once


def test_threads_share_all_of_the_work():
    for threads in range(1, 9):
        for total in range(1, 300):
            seen = np.zeros(total, int)
            numbers = []

            def part(number, begin, end, seen=seen, numbers=numbers):
                numbers.append(number)
                seen[begin:end] += 1

            workers.share(part, total, threads)
            assert (seen == 1).all(), (threads, total)
            assert sorted(numbers) == list(range(len(numbers)))
            assert len(numbers) <= threads
