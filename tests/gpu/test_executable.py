"""Whole programs on a device beside the interpreter: drawn ones, step by step, in epochs, and with state that moves."""

from __future__ import annotations

import numpy as np
import pytest
from comparing import assert_equal, results
from descending import WAYS, put_on_the_stream_by
from drawn import large_products, programs
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from backends.contract import Feed
from backends.program import parse_program

pytestmark = pytest.mark.once
FEW = settings(max_examples=max(25, settings.default.max_examples // 2), suppress_health_check=[HealthCheck.function_scoped_fixture])  # fmt: skip


@pytest.fixture(params=WAYS)
def way(request, monkeypatch):
    """How steps are put on the stream."""
    put_on_the_stream_by(request.param, monkeypatch)
    return request.param


def on_device(backend, arrays):
    return {name: backend.asarray(array) for name, array in arrays.items()}


def step(backend, machine, state, inputs):
    """The state after a step, and what it returned, on the host."""
    outputs = machine.step(state, on_device(backend, inputs))
    found = {f"state {n}": backend.to_numpy(a) for n, a in state.items()}
    return found | {n: backend.to_numpy(a) for n, a in outputs.items()}


def after(program, state, inputs):
    """The same by the interpreter, and the state as a mapping."""
    expected = results(program, state, inputs)
    new = {n: expected.get(f"state {n}", a) for n, a in state.items()}
    return {f"state {n}": a for n, a in new.items()} | expected, new


def check_steps(backend, drawn, tolerance=0.0):
    """Three steps; before the last one all state is elsewhere in memory."""
    program = drawn.program
    machine = backend.compile(program)
    state, inputs = drawn.arrays("state"), drawn.arrays("input")
    mine = on_device(backend, state)
    for number in range(3):
        if number == 2:
            mine = {n: a.copy() for n, a in mine.items()}
        found = step(backend, machine, mine, inputs)
        expected, state = after(program, state, inputs)
        assert_equal(found, expected, program, tolerance)
        if any(np.abs(np.asarray(a, float)).max(initial=0) > 2**20 for a in state.values()):
            # from here on sums of float32 are rounded
            return


@FEW
@given(drawn=programs())
def test_drawn_programs_step_by_step(cupy_backend, way, drawn):
    check_steps(cupy_backend, drawn)


@settings(FEW, max_examples=15)
@given(drawn=large_products())
def test_large_products_step_by_step(cupy_backend, drawn):
    check_steps(cupy_backend, drawn)


ROWS = 4
TAKEN = parse_program("""
program taken
%0: float32[3] = state "w"
%1: int64[] = state "n"
%2: float32[4, 3] = input "x"
%3: int32[4] = input "y"
%4: float32[3] = sum(%2, axis=(0,), keepdims=False)
%5: float32[3] = multiply(%0, 0.5)
%6: float32[3] = add(%5, %4)
%7: int32[] = sum(%3, axis=(0,), keepdims=False)
%8: int64[] = astype(%7, dtype=int64)
%9: int64[] = multiply(%1, 3)
%10: int64[] = add(%9, %8)
assign %0 = %6
assign %1 = %10
return
""")


@FEW
@given(rows=st.integers(4, 400), data=st.data())
def test_an_epoch_is_its_steps(cupy_backend, way, rows, data):
    ordered = data.draw(st.booleans())
    most = rows // ROWS
    first = data.draw(st.integers(0, most - 1))
    steps = data.draw(st.integers(1, min(70, most - first)))
    rng = np.random.default_rng(rows)
    order = rng.permutation(rows) if ordered else None
    machine = cupy_backend.compile(TAKEN, {n: Feed(rows, ordered) for n in ("x", "y")})
    state = {"w": np.ones(3, np.float32), "n": np.array(1)}
    mine = on_device(cupy_backend, state)
    # the second epoch finds its rows elsewhere, and the state where it was
    given = [
        {"x": rng.integers(-3, 4, (rows, 3)).astype(np.float32), "y": rng.integers(0, 9, rows).astype(np.int32)} for _ in range(2)
    ]  # fmt: skip
    held = [on_device(cupy_backend, arrays) for arrays in given]
    for arrays, sources in zip(given, held, strict=True):
        machine.epoch(mine, sources, None if order is None else cupy_backend.asarray(order), first, steps)
        for number in range(first, first + steps):
            place = slice(number * ROWS, (number + 1) * ROWS)
            picked = np.arange(rows)[place] if order is None else order[place]
            _, state = after(TAKEN, state, {n: a[picked] for n, a in arrays.items()})
    for name, array in state.items():
        np.testing.assert_allclose(cupy_backend.to_numpy(mine[name]), array, rtol=1e-6, err_msg=name)
