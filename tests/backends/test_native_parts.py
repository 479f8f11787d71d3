"""Outputs for many times the rows of a program: part by part in one call of the driver, and which threads do it."""

from __future__ import annotations

import numpy as np
import pytest

from backends.native import Executable, blas, parts, threads
from backends.native.threads import ThreadTuner
from backends.program import parse_program

pytestmark = pytest.mark.once

LAYER = """
program layer
%0: float32[5, 23] = state "w"
%1: float32[3, 5] = input "x"
%2: float32[3, 23] = matmul(%1, %0)
%3: {dtype}[3, 23] = {last}
return y=%3
"""
LASTS = {"float32": "maximum(%2, 0.0)", "bool": "greater(%2, 0.0)"}
"""Parts of 276 bytes, and of 69: no whole number of lines of 64, nor of words."""


@pytest.mark.parametrize("count", [1, 2, 3])
@pytest.mark.parametrize("dtype", LASTS)
@pytest.mark.parametrize("at_once", [0, 1_500, 1 << 40])
def test_many_parts_are_what_each_part_is(dtype, count, at_once, monkeypatch):
    monkeypatch.setattr(threads, "limit", 3)
    monkeypatch.setattr(parts, "_AT_ONCE", at_once)
    monkeypatch.setattr(parts, "_PER_BYTE", 0)
    machine = Executable(parse_program(LAYER.format(dtype=dtype, last=LASTS[dtype])))
    monkeypatch.setattr(machine, "parts", lambda: count)
    rng = np.random.default_rng(0)
    state = {"w": rng.standard_normal((5, 23), dtype=np.float32)}
    x = rng.standard_normal((33, 5), dtype=np.float32)
    each = [machine.step(state, {"x": x[i : i + 3]})["y"] for i in range(0, 33, 3)]
    for _ in range(2):
        found = machine.again("x", x)
        assert found.tobytes() == np.concatenate(each).tobytes()
        assert found.dtype == dtype
        assert machine.again("x", x[3:6]).tobytes() == each[1].tobytes()


@pytest.mark.parametrize("count", [1, 2])
def test_an_index_out_of_range_in_a_part(count, monkeypatch):
    monkeypatch.setattr(threads, "limit", 2)
    program = parse_program("""
    program rows
    %0: float32[4, 2] = state "table"
    %1: int64[3] = input "i"
    %2: float32[3, 2] = getitem(%0, %1, key=(slot(0),))
    return y=%2
    """)
    machine = Executable(program)
    monkeypatch.setattr(machine, "parts", lambda: count)
    table = np.arange(8, dtype=np.float32).reshape(4, 2)
    i = np.arange(12) % 4
    machine.step({"table": table}, {"i": i[:3]})
    wrong = i.copy()
    wrong[7] = 4
    with pytest.raises(IndexError, match="out of range"):
        machine.again("i", wrong)
    assert np.array_equal(machine.again("i", i), table[i])


@pytest.mark.skipif(not blas.is_here(), reason="needs scipy-openblas32")
def test_parts_that_need_more_than_the_driver():
    """Where BLAS multiplies, each part is a step of its own."""
    program = parse_program("""
    program large
    %0: float32[1024, 256] = state "w"
    %1: float32[8, 1024] = input "x"
    %2: float32[8, 256] = matmul(%1, %0)
    return y=%2
    """)
    machine = Executable(program)
    assert machine.needs_care()
    rng = np.random.default_rng(0)
    state = {"w": rng.standard_normal((1024, 256), dtype=np.float32)}
    x = rng.standard_normal((32, 1024), dtype=np.float32)
    each = [machine.step(state, {"x": x[i : i + 8]})["y"] for i in range(0, 32, 8)]
    assert machine.again("x", x).tobytes() == np.concatenate(each).tobytes()
    np.testing.assert_allclose(np.concatenate(each), x @ state["w"], 1e-4, 1e-3)


def turns(tuner, seconds, count):
    """How often each number of threads is chosen in `count` turns that take so many seconds."""
    chosen = {1: 0, 2: 0}
    for _ in range(count):
        threads = tuner.choose(2)
        chosen[threads] += 1
        tuner.note(threads, seconds[threads])
    return chosen


@pytest.mark.parametrize("faster", [1, 2])
@pytest.mark.parametrize("ratio", [1.5, 4.0, 15.0])
def test_the_slower_way_is_tried_the_more_rarely_the_slower_it_is(faster, ratio):
    seconds = {faster: 1.0, 3 - faster: ratio}
    tuner = ThreadTuner()
    turns(tuner, seconds, 2 * tuner.TRIES)
    chosen = turns(tuner, seconds, 3000)
    more_rarely = ratio if ratio >= tuner.MUCH else 1
    assert chosen[3 - faster] == pytest.approx(3000 / (tuner.AGAIN * more_rarely), abs=tuner.TRIES)
    assert chosen[3 - faster] * more_rarely <= 3000 / tuner.AGAIN + tuner.TRIES


def test_a_way_whose_first_turns_are_slow_gets_its_turns_in_a_row():
    """Threads that slept share a core at first: one turn now and then would never show what they can."""
    tuner, now = ThreadTuner(), 0
    turns(tuner, {1: 0.8, 2: 0.9}, 2 * tuner.TRIES)
    chosen = []
    for _ in range(200):
        threads = tuner.choose(2)
        now = now + 1 if threads == 2 else 0
        chosen.append(threads)
        tuner.note(threads, 0.8 if threads == 1 else 0.5 if now >= tuner.TRIES else 0.9)
    assert chosen.index(2) <= tuner.AGAIN
    assert chosen[chosen.index(2) :].count(2) > 150


def test_a_way_that_is_slower_than_can_be_is_tried_all_the_same():
    tuner = ThreadTuner()
    turns(tuner, {1: 1.0, 2: 1e6}, 2 * tuner.TRIES)
    every = tuner.AGAIN * tuner.RARELY
    assert turns(tuner, {1: 1.0, 2: 1e6}, 2 * every)[2] == 2
    # the machine has become quiet
    assert turns(tuner, {1: 1.0, 2: 0.5}, 2 * every)[2] > every - tuner.AGAIN
