"""Right gradients that the checks once rejected, and wrong ones beside them that they must go on rejecting."""

from __future__ import annotations

import numpy as np
import pytest

import autograd as ag
from autograd.testing import GradientMismatch, Undecided, check_grad, check_jvp
from autograd.testing.campaign import random_case


@pytest.mark.parametrize(("seed", "number"), [(2, 6454), (2, 48917), (2, 49466), (2, 79351), (3, 20024)])
def test_cases_of_the_campaign(seed, number):
    """Elements tied in two overlapping windows; three equal elements of a sort."""
    case = random_case(number, seed)
    subject = case.sample.subject()
    check_grad(subject, *case.sample.inputs, order=case.order, dtype=case.dtype, seed=number)


TIED = np.array([2.0, -1.0, 2.0, 1.0, 2.0])


@pytest.fixture
def seeds(request):
    """So many seeds with `--full`, and a quarter of them without."""
    return lambda count: range(count if request.config.getoption("--full") else count // 4)


def test_a_wrong_share_among_equal_elements_is_rejected(seeds):
    @ag.op(vjp=dict(x=lambda xp, g, x: ag.sort.op.vjp["x"](xp, g, x, 0) * 1.01))
    def almost_sorted(xp, x):
        return ag.sort.op.forward(xp, x, axis=0)

    for seed in seeds(40):
        check_grad(ag.sort, TIED, seed=seed)
        with pytest.raises(GradientMismatch):
            check_grad(almost_sorted, TIED, seed=seed)


@pytest.mark.parametrize(
    ("function", "x"),
    [(ag.sqrt, [2.1, 1e-12, 0.2]), (ag.sqrt, [0.2, 0.0]), (ag.sort, [0.0, 0.0, 1e-12, -800.0])],
)
def test_forward_mode_at_tiny_elements_and_infinite_slopes(function, x, seeds):
    for seed in seeds(12):
        check_jvp(function, x, seed=seed)


def test_forward_mode_where_nothing_can_be_said():
    with pytest.raises(Undecided):
        check_jvp(ag.power, [-1e12, 0.5], [1.0, 2.0])


def steep(factor):
    @ag.op(vjp=dict(x=lambda xp, g, y: g / (y * 2.0) * factor))
    def root(xp, x):
        return xp.sqrt(x)

    return root


@pytest.mark.parametrize("x", [[2.1, 1e-12, 0.2], [0.2, 1.3], [0.2, 0.0], [0.2, 50.0]])
def test_a_forward_mode_wrong_by_a_thousandth_is_rejected(x, seeds):
    for seed in seeds(12):
        with pytest.raises(GradientMismatch):
            check_jvp(steep(1.001), x, seed=seed)
