"""Threads that share a call: all of the work, all of the parts at once, all errors."""

from __future__ import annotations

import threading
from functools import partial

import numpy as np
import pytest

from backends.numba import workers

pytestmark = pytest.mark.once


def test_ranges_cover_all_of_the_work():
    for threads in range(1, 9):
        for total in range(1, 300):
            seen = np.zeros(total, int)
            ranges = workers.ranges(total, threads)
            for begin, end in ranges:
                seen[begin:end] += 1
            assert (seen == 1).all(), (threads, total)
            assert len(ranges) <= threads


def test_parts_run_at_the_same_time_each_once():
    for count in (1, 2, 5, 3):
        barrier, seen = threading.Barrier(count, timeout=60), []

        def part(number, barrier=barrier, seen=seen):
            barrier.wait()
            seen.append(number)

        workers.together([partial(part, number) for number in range(count)])
        assert sorted(seen) == list(range(count))


@pytest.mark.parametrize("wrong", [0, 1, 2])
def test_an_error_is_raised_when_all_have_ended(wrong):
    ended = []

    def part(number):
        if number == wrong:
            raise LookupError(number)
        ended.append(number)

    for _ in range(3):
        ended.clear()
        with pytest.raises(LookupError, match=str(wrong)):
            workers.together([partial(part, number) for number in range(3)])
        assert sorted(ended) == [n for n in range(3) if n != wrong]


def test_many_threads_that_share():
    counts = []

    def work():
        for _ in range(50):
            done = []
            workers.together([partial(done.append, n) for n in range(3)])
            counts.append(len(done))

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert counts == [3] * 300
