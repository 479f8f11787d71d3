"""Learning rate schedules: by formula in plain Python, at their corners, and what they refuse."""

from __future__ import annotations

import math
from functools import partial

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import autograd as ag
import nn

STEPS = (0, 1, 2, 5, 9, 10, 11, 19, 20, 21, 25, 30, 31, 70, 1000)


def inverse(step):
    return 0.1 / (1 + 0.5 * step / 10)


def inverse_stairs(step):
    return 0.1 / (1 + 0.5 * (step // 10))


def polynomial(step):
    return (0.1 - 0.02) * (1 - min(step, 10) / 10) ** 2 + 0.02


def cycling(step):
    length = 10 * max(1, math.ceil(step / 10))
    return (0.1 - 0.02) * (1 - step / length) ** 2 + 0.02


def cosine(step, start=0.1):
    return start * (0.8 * 0.5 * (1 + math.cos(math.pi * min(step, 10) / 10)) + 0.2)


def warmed_up(step):
    return 0.1 + (0.3 - 0.1) * step / 20 if step < 20 else cosine(step - 20, 0.3)


def restarts(step, growth=2):
    """Period by period."""
    height, length = 1.0, 10.0
    while step >= length:
        step, length, height = step - length, length * growth, height * 0.5
    return 0.1 * (0.8 * height * 0.5 * (1 + math.cos(math.pi * step / length)) + 0.2)


def piecewise(step):
    return 0.1 if step <= 10 else 0.5 if step <= 20 else 0.01


SCHEDULES = {
    "inverse": (nn.InverseTimeDecay(0.1, 10, 0.5), inverse),
    "inverse, staircase": (nn.InverseTimeDecay(0.1, 10, 0.5, True), inverse_stairs),
    "polynomial": (nn.PolynomialDecay(0.1, 10, 0.02, 2.0), polynomial),
    "polynomial, cycle": (nn.PolynomialDecay(0.1, 10, 0.02, 2.0, True), cycling),
    "cosine": (nn.CosineDecay(0.1, 10, 0.2), cosine),
    "cosine, warmup": (
        nn.CosineDecay(0.1, 10, 0.2, warmup_target=0.3, warmup_steps=20),
        warmed_up,
    ),
    "cosine, warmup without steps": (
        nn.CosineDecay(0.1, 10, 0.2, warmup_target=0.3),
        partial(cosine, start=0.3),
    ),
    "restarts": (nn.CosineDecayRestarts(0.1, 10, 2.0, 0.5, 0.2), restarts),
    "restarts of equal length": (
        nn.CosineDecayRestarts(0.1, 10, 1.0, 0.5, 0.2),
        partial(restarts, growth=1),
    ),
    "piecewise": (nn.PiecewiseConstantDecay([10, 20], [0.1, 0.5, 0.01]), piecewise),
    "one value": (nn.PiecewiseConstantDecay([], [0.5]), lambda step: 0.5),
}
each = pytest.mark.parametrize(("schedule", "formula"), SCHEDULES.values(), ids=SCHEDULES)


@each
def test_values(schedule, formula):
    for step in STEPS:
        rate = schedule(step)
        assert rate.dtype == np.float64
        assert rate.shape == ()
        assert rate.item() == pytest.approx(formula(step), rel=1e-13, abs=1e-17), step


@each
def test_a_number_an_integer_tensor_and_a_traced_counter_give_the_same(schedule, formula):
    counter = ag.zeros((), "int64")

    def count():
        rate = schedule(counter)
        counter.assign(counter + 1)
        return rate

    step = ag.capture(count, state={"counter": counter})
    with_tensors = [schedule(ag.tensor(i)).item() for i in range(40)]
    assert with_tensors == [schedule(i).item() for i in range(40)]
    assert [step().item() for _ in range(40)] == pytest.approx(with_tensors, rel=1e-15)


@example(10.0, 1, 3)
@example(2.0, 1, 29)
@given(st.sampled_from([1.5, 2.0, 3.0, 5.0, 10.0]), st.integers(1, 100), st.integers(1, 12))
def test_a_restart_happens_at_the_step_where_a_period_is_full(growth, first, count):
    """A logarithm alone would put it a step late for growth 10: log(1000) / log(10) is a little less than 3."""
    begin = sum(first * growth**i for i in range(count))
    schedule = nn.CosineDecayRestarts(1.0, first, growth)
    if begin != int(begin) or begin > 2**50:
        return
    assert schedule(int(begin)).item() == 1.0
    if first * growth ** (count - 1) > 8:
        assert schedule(int(begin) - 1).item() < 0.5
        assert 0.9 < schedule(int(begin) + 1).item() <= 1


BAD = {
    "exponential": (lambda: nn.ExponentialDecay(0.1, 0, 0.9), "ExponentialDecay: decay_steps has to be positive, got 0"),
    "inverse": (lambda: nn.InverseTimeDecay(0.1, -3, 0.9), "InverseTimeDecay: decay_steps has to be positive, got -3"),
    "polynomial": (lambda: nn.PolynomialDecay(0.1, math.nan), "PolynomialDecay: decay_steps has to be positive, got nan"),
    "cosine": (lambda: nn.CosineDecay(0.1, "ten"), "CosineDecay: decay_steps has to be positive, got 'ten'"),
    "restarts": (lambda: nn.CosineDecayRestarts(0.1, 0), "first_decay_steps has to be positive, got 0"),
    "t_mul": (lambda: nn.CosineDecayRestarts(0.1, 5, 0.5), "t_mul is a number >= 1, got 0.5; below 1 the periods"),
    "m_mul": (lambda: nn.CosineDecayRestarts(0.1, 5, m_mul=-1), "m_mul is a number >= 0, got -1"),
    "rate": (lambda: nn.CosineDecay(-0.1, 5), "CosineDecay: initial_learning_rate is a number >= 0, got -0.1"),
    "end": (lambda: nn.PolynomialDecay(0.1, 5, -1), "end_learning_rate is a number >= 0, got -1"),
    "power": (lambda: nn.PolynomialDecay(0.1, 5, power=-1), "power is a number >= 0, got -1"),
    "warmup": (lambda: nn.CosineDecay(0.1, 5, warmup_steps=-1), "warmup_steps is a number >= 0, got -1"),
    "target": (lambda: nn.CosineDecay(0.1, 5, warmup_target=-1), "warmup_target is a number >= 0, got -1"),
    "decay rate": (lambda: nn.ExponentialDecay(0.1, 5, -0.9), "decay_rate is a number >= 0, got -0.9"),
    "too few values": (
        lambda: nn.PiecewiseConstantDecay([1, 2], [0.1, 0.2]),
        "values is one longer than boundaries, got 2 values and 2 boundaries",
    ),
    "boundaries fall": (
        lambda: nn.PiecewiseConstantDecay([2, 1], [0.1, 0.2, 0.3]),
        r"boundaries increase, got \[2, 1\]",
    ),
    "a boundary twice": (
        lambda: nn.PiecewiseConstantDecay([2, 2], [0.1, 0.2, 0.3]),
        r"boundaries increase, got \[2, 2\]",
    ),
    "a bad value": (
        lambda: nn.PiecewiseConstantDecay([2], [0.1, math.inf]),
        r"PiecewiseConstantDecay: values\[1\] is a number >= 0, got inf",
    ),
    "none": (lambda: nn.LearningRateSchedule()(1), r"LearningRateSchedule defines no rate\(self, step\)"),
}  # fmt: skip


@pytest.mark.parametrize(("make", "message"), BAD.values(), ids=BAD)
def test_bad_arguments(make, message):
    with pytest.raises(nn.ArgumentError, match=message):
        make()
