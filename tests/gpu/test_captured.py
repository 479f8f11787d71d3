"""Graphs between what has no kernel, and the one kernel that is compiled beside them."""

from __future__ import annotations

import logging
import threading

import numpy as np
import pytest
from descending import put, put_on_the_stream_by

import backends
from backends.contract import Feed
from backends.cupy import graphs
from backends.program import parse_program

pytestmark = pytest.mark.once
SORTED = parse_program("""
program p
%0: float32[4] = state "w"
%1: float32[4] = input "x"
%2: float32[4] = add(%0, %1)
%3: int64[4] = argsort(%2, axis=0)
%4: float32[4] = astype(%3, dtype=float32)
%5: float32[4] = multiply(%4, 0.5)
%6: float32[4] = add(%5, %0)
assign %0 = %6
return y=%5
""")
ADDED = parse_program("""
program p
%0: float32[4] = state "w"
%1: float32[4] = input "x"
%2: float32[4] = multiply(%0, 0.75)
%3: float32[4] = add(%2, %1)
assign %0 = %3
return
""")


@pytest.mark.parametrize("fed", [False, True])
def test_what_lies_between_calls_without_a_kernel_is_captured(machine, backend, fed):
    rows = np.arange(24, dtype=np.float32)[::-1] % 7
    executable = backend.compile(SORTED, {"x": Feed(24, False)} if fed else None)
    mine, right = {"w": backend.asarray(np.zeros(4, np.float32))}, {"w": np.zeros(4, np.float32)}
    interpreter = backends.get("numpy").compile(SORTED)
    for number in range(6):
        x = rows[4 * number : 4 * number + 4]
        machine.log.clear()
        if fed:
            executable.epoch(mine, {"x": backend.asarray(rows)}, None, number, 1)
        else:
            executable.step(mine, {"x": backend.asarray(x)})
        assert len(put(machine, "graph of")) == 2
        interpreter.step(right, {"x": x})
        np.testing.assert_array_equal(mine["w"].get(), right["w"])


def epochs(backend, count=12):
    executable = backend.compile(ADDED, {"x": Feed(400, False)})
    state = {"w": backend.asarray(np.ones(4, np.float32))}
    rows = backend.asarray(np.random.default_rng(0).standard_normal(400).astype(np.float32))
    for _ in range(count):
        executable.epoch(state, {"x": rows}, None, 0, 100)
        for one in executable.ones.values():
            if one._thread is not None:
                one._thread.join()
    return state["w"].get()


def test_the_one_kernel_is_compiled_when_there_were_steps_enough(machine, monkeypatch, backend):
    monkeypatch.setattr(graphs, "ONE_KERNEL_AFTER", 500)
    machine.log.clear()
    found = epochs(backend)
    told = put(machine, "graph of", "launch steps")
    first = told.index("launch steps")
    assert all(what.startswith("graph of") for what in told[:first])
    assert set(told[first:]) == {"launch steps"}
    for way in ("graphs", "no graphs", "one kernel"):
        with pytest.MonkeyPatch.context() as patch:
            put_on_the_stream_by(way, patch)
            np.testing.assert_array_equal(epochs(backend), found)


def test_a_kernel_that_cannot_be_compiled_costs_speed_alone(monkeypatch, backend, caplog):
    monkeypatch.setattr(graphs, "ONE_KERNEL_AFTER", 100)
    error = backend._cupy.cuda.compiler.CompileException("no registers left", "", "steps", ())
    compiled = graphs.compiled

    def refused(cupy, where, kernels):
        if kernels[0].name == "steps":
            raise error
        compiled(cupy, where, kernels)

    monkeypatch.setattr(graphs, "compiled", refused)
    with caplog.at_level(logging.WARNING, "gradloom"):
        found = epochs(backend)
    assert "no registers left" in caplog.text
    assert caplog.text.count("stays a graph") == 1
    put_on_the_stream_by("graphs", monkeypatch)
    np.testing.assert_array_equal(epochs(backend), found)
    assert threading.active_count() < 20
