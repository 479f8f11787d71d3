"""Kinks, ties, jumps and the ends of domains: right slopes pass, and nothing hides beside them."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from grouping import by, grouped

import autograd as ag
from autograd.testing import (
    BaseSubject,
    GradientMismatch,
    Undecided,
    check_grad,
    check_jvp,
    check_vjp,
)

ALONE = np.array([0.0])
BESIDE = np.array([0.7, 0.0, -1.3, 2.1])
MANY = np.concatenate([np.linspace(-3.9, -0.1, 500), [0.0], np.linspace(0.1, 3.9, 500)])


def with_slope(forward, slope):
    """A function of one input whose gradient is `slope(x)` as arrays say."""

    class Claimed(BaseSubject):
        def value(self, arrays):
            return np.asarray(forward(*arrays))

        def pull(self, arrays, weights, wanted):
            found = slope(weights, *arrays)
            found = found if isinstance(found, tuple) else (found,)
            return [np.asarray(found[i], arrays[i].dtype) for i in wanted]

    return Claimed(forward, "claimed")


def relu_with(at_zero, elsewhere=1.0):
    def slope(g, x):
        return g * np.where(x > 0, elsewhere, np.where(x == 0, at_zero, 0.0))

    return with_slope(lambda x: np.maximum(x, 0), slope)


def together(values):
    """One test for all the cases of each first part of them."""
    return grouped("case", by(values, lambda case: case[0]))


@pytest.fixture
def seeds(request):
    """So many seeds with `--full`, and two without."""
    return lambda count: range(count if request.config.getoption("--full") else 2)


AT_ZERO = [ALONE, BESIDE, MANY, np.zeros(()), np.zeros((2, 3))]
DTYPES = ["float64", "float32"]


@together(itertools.product(DTYPES, [0.0, 1e-3, 0.5, 1.0], AT_ZERO))
def test_every_slope_between_the_sides_passes(case):
    dtype, slope, x = case
    check_grad(relu_with(slope), x, dtype=dtype)


@together(itertools.product(DTYPES, [-0.1, -0.001, 1.001, 1.1, np.nan, np.inf], AT_ZERO))
def test_no_slope_outside_passes(case, seeds):
    dtype, slope, x = case
    for seed in seeds(3)[: None if x.size < MANY.size else 1]:
        with pytest.raises(GradientMismatch, match="two sides"):
            check_grad(relu_with(slope), x, dtype=dtype, seed=seed)


@together(itertools.product([1.001, 0.999], [BESIDE, MANY]))
def test_a_kink_does_not_hide_a_thousandth_beside_it(case, seeds):
    factor, x = case
    for seed in seeds(8):
        with pytest.raises(GradientMismatch):
            check_grad(relu_with(0.0, factor), x, seed=seed)


@pytest.mark.parametrize("place", [1, 400, 999])
def test_a_kink_does_not_hide_a_single_element(place, seeds):
    def slope(g, x):
        found = g * np.where(x > 0, 2.0, 1.0)
        found[place] *= 1.001
        return found

    function = with_slope(lambda x: np.where(x > 0, 2 * x, x), slope)
    for seed in seeds(8):
        with pytest.raises(GradientMismatch):
            check_grad(function, MANY, seed=seed)


@pytest.mark.parametrize("slope", [1.5, -1.001, 1.001])
def test_slopes_of_abs(slope):
    def claimed(value):
        return with_slope(np.abs, lambda g, x: g * np.where(x == 0, value, np.sign(x)))

    for x in (ALONE, BESIDE):
        with pytest.raises(GradientMismatch):
            check_grad(claimed(slope), x)
        check_grad(claimed(-1.0), x)
        check_grad(claimed(0.3), x)


def max_sharing(total):
    def slope(g, x):
        hits = x == x.max()
        return g * hits * (total / hits.sum())

    return with_slope(np.max, slope)


@pytest.mark.parametrize("x", [[1.0, 1.0, 1.0], [0.2, 1.0, -3.0, 1.0], [[2.0, 2.0], [2.0, 1.0]]])
def test_shares_of_a_tie_must_sum_to_one(x, seeds):
    for seed in seeds(5):
        check_grad(max_sharing(1.0), x, seed=seed)
        for total in (1.3, 0.7, 1.001, 0.999):
            with pytest.raises(GradientMismatch):
                check_grad(max_sharing(total), x, seed=seed)


@pytest.mark.parametrize(("mine", "yours"), [(0.65, 0.65), (0.3, 0.3), (1.0, 0.1), (1.1, -0.1)])
def test_shares_of_a_tie_of_two_inputs(mine, yours, seeds):
    def slope(g, a, b):
        return (
            g * np.where(a == b, mine, a > b),
            g * np.where(a == b, yours, b > a),
        )

    a = np.array([1.0, 2.0, -0.5])
    b = np.array([1.0, 0.5, 0.5])
    for seed in seeds(5):
        with pytest.raises(GradientMismatch):
            check_grad(with_slope(np.maximum, slope), a, b, seed=seed)


@pytest.mark.parametrize(
    ("function", "inputs"),
    [
        (ag.relu, [BESIDE]),
        (ag.abs, [BESIDE]),
        (ag.leaky_relu, [BESIDE]),
        (ag.elu, [BESIDE]),
        (ag.selu, [BESIDE]),
        (ag.softsign, [BESIDE]),
        (ag.floor, [np.array([2.0, -1.0, 0.3])]),
        (ag.sign, [BESIDE]),
        (lambda x: ag.clip(x, -1.3, 0.7), [BESIDE]),
        (ag.maximum, [BESIDE, BESIDE]),
        (ag.maximum, [BESIDE, np.array([0.7, 1.0, -1.3, 2.0])]),
        (ag.minimum, [np.zeros((2, 1)), np.zeros(3)]),
        (ag.max, [np.array([1.0, 3.0, 3.0, 3.0])]),
        (lambda x: ag.min(x, axis=0), [np.ones((3, 4))]),
        (ag.maxout, [np.ones((3, 4))]),
        (ag.sort, [np.array([1.0, 2.0, 2.0, 2.0, 2.0, 0.5])]),
        (ag.sort, [np.zeros(7)]),
        (ag.norm, [np.zeros(3)]),
        (ag.prod, [np.array([0.0, 2.0, 0.0])]),
        (lambda x: ag.where(x > 0, x + 1.0, x * 2.0), [BESIDE]),
        (lambda x: x * ag.abs(x), [BESIDE]),
        (lambda x: x**2, [BESIDE]),
        (ag.logsumexp, [np.array([-np.inf, 1.0, 2.0])]),
        (ag.softplus, [BESIDE]),
        (ag.silu, [BESIDE]),
        (ag.log_sigmoid, [BESIDE]),
        (ag.power, [np.array([2.0, 0.5, 1.0]), np.array([0.0, 0.0, 1.5])]),
    ],
)
def test_what_the_library_does_at_kinks_passes(function, inputs):
    """The second order goes through the first."""
    for dtype in DTYPES:
        check_grad(function, *inputs, order=2, dtype=dtype)


def test_the_spread_of_equal_elements():
    check_grad(ag.std, np.full(4, 0.5))
    check_grad(ag.std, np.full(4, 0.5), dtype="float32")


@pytest.mark.parametrize("x", [[0.0, 1.0], [0.0], [0.0, 0.0, 4.0]])
def test_an_infinite_slope_is_right_where_the_function_is_vertical(x):
    check_grad(ag.sqrt, x)
    finite = with_slope(np.sqrt, lambda g, x: g * np.where(x > 0, 0.5 / np.sqrt(np.where(x > 0, x, 1)), 0.0))
    with pytest.raises(GradientMismatch, match="inf"):
        check_grad(finite, x)
    with pytest.raises(GradientMismatch):
        check_grad(with_slope(np.sin, lambda g, x: g * np.cos(x) / np.where(x == 0, 0.0, 1.0)), x)


def test_a_wrong_second_derivative_beside_a_kink_is_rejected():
    def twice_relu(factor):
        @ag.op(vjp=dict(x=lambda xp, g, x: g * relu_slope(x)))
        def squared(xp, x):
            return xp.multiply(xp.maximum(x, 0), x)

        @ag.op(vjp=dict(x=lambda xp, g, x: xp.where(xp.greater(x, 0), g * (2.0 * factor), 0.0)))
        def relu_slope(xp, x):
            return xp.multiply(xp.maximum(x, 0), 2.0)

        return squared

    check_grad(twice_relu(1.0), BESIDE, order=2)
    check_grad(twice_relu(1.001), BESIDE)
    with pytest.raises(GradientMismatch, match="gradient of squared"):
        check_grad(twice_relu(1.001), BESIDE, order=2)


@pytest.mark.parametrize("function", [lambda x: x / (x - x[1]), ag.log, lambda x: 1.0 / x, lambda x: x**-0.5])
def test_a_value_that_is_not_finite_is_named(function):
    with pytest.raises(Undecided, match=r"the value is -?(nan|inf) at \(1,\)"):
        check_grad(function, [1.0, 0.0] if function is not ag.log else [1.0, -1.0])


def test_a_value_without_a_slope_is_undecided():
    """Finite at one point alone."""

    def island(x):
        return ag.where(x == 1.0, x, float("nan"))

    with pytest.raises(Undecided, match="cannot be judged here"):
        check_grad(island, [1.0])


@pytest.mark.parametrize(
    "x", [[5e-324, -5e-324, 1e-310], [1e-300, 1.0, 1e-8], [1e150, -1e120, 1.0], [1e200, 1.0]]
)
def test_scales_far_from_one(x):
    for function in (ag.relu, ag.softsign, ag.sum, ag.tanh, lambda x: x * 3.0):
        check_grad(function, x, order=2)


def one_over(x):
    return 1.0 / x


def root_of_cube(x):
    return x**1.5


@pytest.mark.parametrize(
    ("function", "scales"),
    [
        (ag.log, (1e-300, 1e-100, 1e-12, 1.0, 1e12, 1e150)),
        (ag.sqrt, (1e-300, 1e-100, 1e-12, 1.0, 1e12, 1e150)),
        (one_over, (1e-100, 1e-12, 1.0, 1e12, 1e100)),
        (root_of_cube, (1e-100, 1e-12, 1e-4, 1.0, 1e12, 1e100)),
    ],
)
def test_scales_far_from_one_at_the_edge_of_a_domain(function, scales):
    for x, other in itertools.product(scales, ([], [1.0])):
        far_from_one(function, x, other)


def far_from_one(function, x, other):
    check_grad(function, [x, *other])

    def wrong(x):
        return function(x) + 0.002 * (function(x) - function(x).detach())

    # beyond 1e6 a function might oscillate between the numbers that there are
    with pytest.raises(GradientMismatch if x <= 1e6 else (GradientMismatch, Undecided)):
        check_grad(wrong, [x, *other])


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("function", [ag.tanh, ag.sigmoid, ag.softmax, ag.log_softmax, ag.softplus])
def test_saturation(function, dtype):
    for x in ([20.0], [20.0, -20.0, 0.3], [50.0, 0.0], [-800.0, 800.0], [37.0, 37.5]):
        check_grad(function, x, dtype=dtype)


def test_forward_mode_at_a_tie():
    check_jvp(ag.maximum, [1.0, 2.0], [1.0, 0.0])
    check_jvp(ag.max, [1.0, 1.0, 0.5])
    check_jvp(ag.relu, BESIDE)
    check_vjp(ag.max, [1.0, 1.0, 0.5])


def test_several_kinks_at_once_do_not_add_up_to_a_false_alarm(seeds):
    """clip passes the gradient at both bounds, so along a mixed direction the claim is on no side."""
    x = np.array([-1.0, 1.5, -1.0, 1.5, 0.3, 1.5, -1.0])
    for seed in seeds(20):
        check_grad(lambda x: ag.clip(x, -1.0, 1.5), x, seed=seed)
        check_grad(ag.selu, np.array([0.0, 0.0, 1.0, 0.0, -1.0]), seed=seed)


@pytest.mark.parametrize("x", [1e6, -3e7])
def test_functions_that_oscillate_within_a_large_input(x):
    check_grad(ag.sin, [x, 0.5])
    check_grad(ag.floor, [x + 0.5, 0.5])
    with pytest.raises(GradientMismatch):
        check_grad(lambda x: ag.sin(x) + 0.01 * (x - x.detach()), [x])


def test_the_claim_of_one_among_equals_is_found_beside_them(seeds):
    """Sorted, the middle one of three equal elements has on no side the slope that the stable order gives it."""
    for seed in seeds(20):
        check_grad(ag.sort, [1.0, 1.0, 1.0], seed=seed)

    def order(g, x):
        return g[::-1] * 1.3

    with pytest.raises(GradientMismatch):
        check_grad(with_slope(np.sort, order), np.ones(3))
