"""A whole step as machine code: threads, the order of its parts, errors, hashes, the mode of the processor."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from programs import assert_nothing_is_overwritten_early, differences, numbers

from backends.native import Executable, threads
from backends.program import parse_program

pytestmark = pytest.mark.once


def test_an_index_out_of_range_leaves_state_as_it_was():
    program = parse_program("""
    program p
    %0: float32[4, 2] = state "table"
    %1: int64[3] = input "i"
    %2: float32[3, 2] = getitem(%0, %1, key=(slot(0),))
    %3: float32[4, 2] = index_add(%2, %1, key=(slot(0),), shape=(4, 2))
    assign %0 = %3
    return
    """)
    table = np.arange(8, dtype=np.float32).reshape(4, 2)
    state = {"table": table.copy()}
    machine = Executable(program)
    with pytest.raises(IndexError, match="out of range"):
        machine.step(state, {"i": np.array([0, 4, 1])})
    assert np.array_equal(state["table"], table)
    machine.step(state, {"i": np.array([0, 3, -1])})
    assert np.array_equal(state["table"][3], 2 * table[3])


@pytest.mark.parametrize("parts", [1, 2, 3])
def test_results_do_not_depend_on_threads(parts, monkeypatch):
    program = parse_program(STEP)
    rng = np.random.default_rng(0)
    state = {n: numbers(v.spec, rng) for n, v in program.named("state").items()}
    inputs = {n: numbers(v.spec, rng) for n, v in program.named("input").items()}
    machine = Executable(program)
    alone = {n: a.copy() for n, a in state.items()}
    monkeypatch.setattr(machine, "parts", lambda: 1)
    machine.step(alone, inputs)
    monkeypatch.setattr(threads, "limit", 3)
    shared = {n: a.copy() for n, a in state.items()}
    again = Executable(program)
    monkeypatch.setattr(again, "parts", lambda: parts)
    again.step(shared, inputs)
    assert {n: a.tobytes() for n, a in alone.items()} == {n: a.tobytes() for n, a in shared.items()}


STEP = """
program step
%0: float32[40, 100] = state "w"
%1: float32[100] = state "b"
%2: float32[33, 40] = input "x"
%3: float32[33, 100] = matmul(%2, %0)
%4: float32[33, 100] = add(%3, %1)
%5: float32[33, 100] = tanh(%4)
%6: float32[33] = sum(%5, axis=(1,), keepdims=False)
%7: float32[33, 1] = reshape(%6, shape=(33, 1))
%8: float32[33, 100] = multiply(%5, %7)
%9: float32[40, 33] = permute_dims(%2, axes=(1, 0))
%10: float32[40, 100] = matmul(%9, %8)
%11: float32[40, 100] = multiply(%10, 0.01)
%12: float32[40, 100] = subtract(%0, %11)
%13: float32[100] = sum(%8, axis=(0,), keepdims=False)
%14: float32[100] = subtract(%1, %13)
assign %0 = %12
assign %1 = %14
return
"""


def test_order_of_random_keys():
    rng = np.random.default_rng(2)
    keys = rng.integers(0, 2**64, 300, dtype=np.uint64)
    keys[7] = keys[200] = keys[5]
    keys[10:20] >>= np.uint64(56)
    found = differences(
        """
    program p
    %0: uint64[300] = input "keys"
    %1: int64[300] = argsort(%0, axis=0)
    return order=%1
    """,
        keys=keys,
    )
    assert [f for f in found if f[1] == "%1"] == [("argsort", "%1", 0.0)]


def test_no_result_takes_the_place_of_what_others_still_read():
    """%4 could lie where %3 is, but the product in front of it, in other threads, may still be reading all of %3."""
    program = parse_program("""
    program p
    %0: float32[64, 48] = input "x"
    %1: float32[48, 48] = input "c"
    %2: float32[48, 64] = input "w"
    %3: float32[64, 48] = matmul(%0, %1)
    %5: float32[48] = sum(%3, axis=(0,), keepdims=False)
    %6: float32[1, 48] = reshape(%5, shape=(1, 48))
    %7: float32[64, 48] = multiply(%0, %5)
    %8: float32[1, 48] = matmul(%6, %1)
    %9: float32[48, 64] = permute_dims(%3, axes=(1, 0))
    %10: float32[48, 48] = matmul(%9, %7)
    %4: float32[64, 48] = subtract(%3, %8)
    %11: float32[64, 64] = matmul(%4, %2)
    return s=%10, y=%11
    """)
    assert_nothing_is_overwritten_early(Executable(program))


def test_programs_do_not_depend_on_the_order_of_hashes():
    code = "from test_native_executable import STEP; from backends.native import Executable; from backends.program import parse_program; print(Executable(parse_program(STEP)).source())"
    texts = set()
    for seed in ("1", "2", "3"):
        environment = os.environ | {"PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join([str(Path(__file__).parent), str(Path(__file__).parents[2])])}  # fmt: skip
        texts.add(subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True).stdout)  # fmt: skip
    assert len(texts) == 1


@pytest.mark.skipif(platform.machine().lower() not in ("x86_64", "amd64"), reason="a mode of x86")
def test_numbers_below_the_normal_ones_become_zero_inside_a_step_alone():
    program = parse_program("""
    program p
    %0: float32[40] = state "v"
    %1: float32[40] = multiply(%0, 0.5)
    assign %0 = %1
    return
    """)
    smallest = np.finfo(np.float32).tiny
    state = {"v": np.full(40, smallest, np.float32)}
    Executable(program).step(state, {})
    assert not state["v"].any()
    assert (np.full(40, smallest, np.float32) * np.float32(0.5)).all()
