"""Which programs of a compiled function stay: those that were used last."""

from __future__ import annotations

import pytest
from steps import ones

import autograd as ag
from autograd import programs

pytestmark = pytest.mark.once


def test_a_hundred_shapes_in_turn_are_a_hundred_traces():
    step = ag.jit(lambda x: x * 2.0)
    for _ in range(3):
        for n in range(1, 101):
            assert step(ones(n)).tolist() == [2.0] * n
    assert step.traces == 100


def test_what_was_used_last_stays(monkeypatch):
    monkeypatch.setattr(programs, "_MOST", 4)
    step = ag.jit(lambda x: x * 2.0)
    for n in (1, 2, 3, 4, 1, 5, 1, 6, 1, 7, 1):
        step(ones(n))
    assert step.traces == 7  # 1 was never dropped
    step(ones(6))
    assert step.traces == 7
    step(ones(2))
    assert step.traces == 8


def test_programs_of_one_shape_are_bounded_too(monkeypatch):
    monkeypatch.setattr(programs, "_MOST", 4)
    rate = 0.0

    def scaled(x):
        return x * rate

    step = ag.jit(scaled)
    for rate in (1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 6.0, 3.0):
        assert step(ones(2)).tolist() == [rate] * 2
    assert step.traces == 6
    rate = 1.0
    assert step(ones(2)).tolist() == [1.0] * 2
    assert step.traces == 7
