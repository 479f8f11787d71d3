"""Exact meanings: slopes at kinks and ties, and numbers at the edges of floating point."""

from __future__ import annotations

import math

import numpy as np
import pytest

import autograd as ag

INF = math.inf


def slope(function, *values, dtype="float64"):
    """The gradients of sum(function) at one point, one list per argument."""
    tensors = [ag.tensor(v, dtype=dtype, requires_grad=True) for v in values]
    with np.errstate(all="ignore"):
        function(*tensors).sum().backward()
    found = [t.grad.tolist() for t in tensors]
    return found[0] if len(found) == 1 else found


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(
    ("function", "x", "expected"),
    [
        (ag.relu, [0.0, -0.0, 1e-30, -1e-30], [0, 0, 1, 0]),
        (lambda x: ag.leaky_relu(x, 0.25), [0.0, -1.0, 1.0], [0.25, 0.25, 1]),
        (lambda x: ag.elu(x, 2.0), [0.0], [2.0]),
        (ag.elu, [0.0, 5.0], [1, 1]),
        (ag.abs, [0.0, -2.0, 3.0], [0, -1, 1]),
        (ag.sign, [0.0, -2.0], [0, 0]),
        (ag.floor, [0.0, 1.0, 1.5], [0, 0, 0]),
        (lambda x: ag.clip(x, -1.0, 2.0), [-1.0, 2.0, -1.5, 2.5, 0.0], [1, 1, 0, 0, 1]),
        (lambda x: x**2, [0.0, 3.0], [0, 6]),
        (lambda x: x**1, [0.0], [1]),
        (lambda x: x**0, [0.0, 2.0], [0, 0]),
        (lambda x: x**3, [0.0], [0]),
        (ag.log_sigmoid, [0.0], [0.5]),
        (ag.softplus, [0.0], [0.5]),
        (ag.sigmoid, [0.0], [0.25]),
        (ag.softsign, [0.0], [1]),
        (ag.silu, [0.0], [0.5]),
        (ag.sqrt, [0.0, 4.0], [INF, 0.25]),
        (ag.norm, [0.0, 0.0], [0, 0]),
        (ag.std, [2.0, 2.0, 2.0], [0, 0, 0]),
        (ag.var, [2.0, 2.0], [0, 0]),
        (ag.prod, [0.0, 2.0, 3.0], [6, 0, 0]),
        (ag.prod, [0.0, 0.0, 3.0], [0, 0, 0]),
        (ag.prod, [2.0, 5.0, 3.0], [15, 6, 10]),
        (ag.max, [1.0, 4.0, 4.0, 4.0, 4.0], [0, 0.25, 0.25, 0.25, 0.25]),
        (ag.min, [1.0, 4.0, 1.0], [0.5, 0, 0.5]),
        (lambda x: ag.max(x, axis=1), [[1.0, 1.0], [2.0, 3.0]], [[0.5, 0.5], [0, 1]]),
        (ag.maxout, [3.0, 3.0, 1.0, 2.0], [0.5, 0.5, 0, 1]),
        (lambda x: x[[0, 0, 1]], [1.0, 2.0], [2, 1]),
        (lambda x: ag.take(x, [1, 1, 1]), [1.0, 2.0], [0, 3]),
        (lambda x: ag.take_along_axis(x, ag.tensor([0, 0]), 0), [1.0, 2.0], [2, 0]),
        (lambda x: ag.where(x > 0, x, 0.0), [0.0, 1.0], [0, 1]),
        (lambda x: ag.log(ag.where(x > 0, x, 1.0)), [0.0, 2.0], [0, 0.5]),
        (lambda x: ag.sort(x), [2.0, 2.0, 1.0], [1, 1, 1]),
    ],
)
def test_slopes_at_kinks(function, x, expected, dtype):
    assert slope(function, x, dtype=dtype) == expected


def test_leaky_relu_default_slope():
    assert slope(ag.leaky_relu, [0.0, -1.0]) == [0.1, 0.1]
    assert ag.leaky_relu(ag.tensor([-2.0], dtype="float64")).tolist() == [-0.2]


def test_selu_constants():
    scale, alpha = 1.0507009873554805, 1.6732632423543772
    np.testing.assert_allclose(slope(ag.selu, [0.0, 1.0]), [scale * alpha, scale], rtol=1e-15)
    y = ag.selu(ag.tensor([-1.0, 2.0], dtype="float64"))
    np.testing.assert_allclose(y.numpy(), [scale * alpha * math.expm1(-1), 2 * scale], rtol=1e-15)


@pytest.mark.eager
@pytest.mark.parametrize("function", [ag.maximum, ag.minimum])
def test_a_tie_is_shared_by_halves(function):
    assert slope(function, [2.0], [2.0]) == [[0.5], [0.5]]
    x = ag.tensor([2.0], requires_grad=True)
    function(x, x).backward()
    assert x.grad.tolist() == [1.0]


def test_maximum_with_a_number():
    assert slope(lambda x: ag.maximum(x, 0.0), [0.0, 1.0, -1.0]) == [0.5, 1.0, 0.0]


@pytest.mark.eager
def test_power_with_respect_to_the_exponent():
    base, exponent = slope(lambda a, b: a**b, [0.0, 0.0, 2.0], [2.0, 1.0, 3.0])
    assert exponent == [0.0, 0.0, 8 * math.log(2)]
    assert base == [0.0, 1.0, 12.0]
    assert slope(lambda b: 0.0**b, [2.0]) == [0.0]
    np.testing.assert_allclose(slope(lambda b: 2.0**b, [3.0]), [8 * math.log(2)])


def test_power_of_negative_numbers_to_whole_exponents():
    assert slope(lambda x: x**2, [-3.0]) == [-6.0]
    assert slope(lambda x: x**3, [-2.0]) == [12.0]
    assert slope(lambda x: x**-1, [-2.0]) == [-0.25]


@pytest.mark.eager
def test_where_sends_an_exact_zero_into_the_branch_not_taken():
    a, b = slope(lambda a, b: ag.where(ag.tensor([True, False]), a, b), [1.0, INF], [math.nan, 2.0])
    assert a == [1.0, 0.0]
    assert b == [0.0, 1.0]


def test_where_with_an_infinite_slope_is_nan_and_the_double_where_is_not():
    assert math.isnan(slope(lambda x: ag.where(x > 0, ag.sqrt(x), 0.0), [0.0])[0])
    clean = slope(lambda x: ag.where(x > 0, ag.sqrt(ag.where(x > 0, x, 1.0)), 0.0), [0.0, 4.0])
    assert clean == [0.0, 0.25]


def test_second_derivative_of_prod_with_zeros():
    x = ag.tensor([0.0, 0.0, 3.0], dtype="float64", requires_grad=True)
    ag.prod(x).backward(create_graph=True)
    first = x.grad
    x.grad = None
    first[0].backward()
    assert x.grad.tolist() == [0.0, 3.0, 0.0]


EXTREME = [-1e4, -800.0, -100.0, -20.0, 0.0, 20.0, 100.0, 800.0, 1e4]


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        (ag.sigmoid, 0.0),
        (ag.softplus, 0.25),
        (ag.log_sigmoid, -0.25),
        (ag.silu, 0.5),
        (ag.gelu, 2 / math.sqrt(2 * math.pi)),
        (lambda x: ag.gelu(x, approximate="tanh"), math.sqrt(2 / math.pi)),
        (lambda x: ag.sigmoid_cross_entropy(x, ag.tensor(1.0)), 0.25),
    ],
)
@pytest.mark.parametrize("zero", [0.0, -0.0])
def test_second_derivatives_at_0_of_functions_that_are_smooth_there(function, expected, zero):
    """Where stable forms take |x|, whose own slope at 0 must not become theirs."""
    second = ag.grad(ag.grad(function))(ag.tensor(zero, dtype="float64"))
    assert second.item() == pytest.approx(expected, rel=1e-14)


def test_sigmoid_at_extremes():
    x = np.array(EXTREME)
    y = ag.sigmoid(ag.tensor(x)).numpy()
    assert np.all(np.isfinite(y))
    assert y[0] == 0
    assert y[-1] == 1
    np.testing.assert_allclose(y[2:7], 1 / (1 + np.exp(-x[2:7])), rtol=1e-15)
    assert np.all(np.isfinite(slope(ag.sigmoid, EXTREME)))
    assert ag.sigmoid(ag.tensor([-INF, INF])).tolist() == [0.0, 1.0]


@pytest.mark.eager
def test_softplus_and_log_sigmoid_at_extremes():
    for dtype in ("float32", "float64"):
        x = ag.tensor(EXTREME, dtype=dtype)
        y = ag.softplus(x).numpy()
        assert np.all(np.isfinite(y))
        np.testing.assert_allclose(y[5:], EXTREME[5:], rtol=1e-7)
        # float32 has but a few bits left down there
        assert y[2] == pytest.approx(math.exp(-100), rel=0.02 if dtype == "float32" else 1e-14)
        assert ag.log_sigmoid(x).tolist() == (-ag.softplus(-x)).tolist()
        found = slope(ag.softplus, EXTREME, dtype=dtype)
        np.testing.assert_allclose(found, ag.sigmoid(x).numpy(), rtol=1e-6)
    assert ag.softplus(ag.tensor([-INF, INF])).tolist() == [0.0, INF]


@pytest.mark.eager
def test_sigmoid_cross_entropy_at_extremes():
    z = ag.tensor([1e4, -1e4, 1e4, -1e4, 0.0], dtype="float64", requires_grad=True)
    y = ag.sigmoid_cross_entropy(z, ag.tensor([1.0, 0.0, 0.0, 1.0, 0.5], dtype="float64"))
    assert y.tolist() == [0.0, 0.0, 1e4, 1e4, math.log(2)]
    y.sum().backward()
    assert z.grad.tolist() == [0.0, 0.0, 1.0, -1.0, 0.0]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("size", [1e4, 1e30])
def test_softmax_cross_entropy_at_extremes(dtype, size):
    z = ag.tensor([[size, 0.0, -size], [size, 0.0, -size]], dtype=dtype, requires_grad=True)
    y = ag.softmax_cross_entropy(z, [0, 2])
    expected = z.numpy()[0, 0]
    assert y.tolist() == [0.0, 2 * expected]
    y.sum().backward()
    assert z.grad.tolist() == [[0, 0, 0], [1, 0, -1]]


@pytest.mark.eager
def test_softmax_at_extremes():
    for function in (ag.softmax, ag.log_softmax):
        x = ag.tensor([1e4, 1e4, -1e4], dtype="float64")
        assert np.all(np.isfinite(function(x).numpy()))
        assert np.all(np.isfinite(slope(function, [1e4, 1e4, -1e4])))
    assert ag.softmax(ag.tensor([1e4, 1e4, -1e4])).tolist() == [0.5, 0.5, 0.0]
    assert ag.softmax(ag.tensor([0.0, -INF])).tolist() == [1.0, 0.0]


@pytest.mark.eager
def test_logsumexp_with_infinite_entries():
    with np.errstate(divide="ignore"):
        assert ag.logsumexp(ag.tensor([-INF, -INF])).item() == -INF
    assert ag.logsumexp(ag.tensor([-INF, 0.0])).item() == 0.0
    assert ag.logsumexp(ag.tensor([INF, 0.0])).item() == INF
    assert slope(ag.logsumexp, [-INF, 0.0, 0.0]) == [0.0, 0.5, 0.5]
    assert slope(ag.logsumexp, [-INF, -INF]) == [0.0, 0.0]
    np.testing.assert_allclose(ag.logsumexp(ag.tensor([1e4, 1e4])).item(), 1e4 + math.log(2))
    np.testing.assert_allclose(ag.logsumexp(ag.tensor([-1e4, -1e4])).item(), -1e4 + math.log(2))


def test_tanh_and_expm1_near_zero_and_far_away():
    x = [1e-12, -1e-12, 50.0, -50.0]
    np.testing.assert_allclose(ag.tanh(ag.tensor(x, dtype="float64")).numpy(), [1e-12, -1e-12, 1, -1])
    assert slope(ag.tanh, [100.0, -100.0]) == [0.0, 0.0]
    np.testing.assert_allclose(ag.expm1(ag.tensor([1e-12], dtype="float64")).numpy(), [1e-12])
    np.testing.assert_allclose(ag.log1p(ag.tensor([1e-12], dtype="float64")).numpy(), [1e-12])


@pytest.mark.eager
def test_nan_passes_through():
    x = ag.tensor([math.nan, 1.0])
    for function in (
        ag.relu,
        ag.maximum,
        ag.minimum,
        ag.clip,
        ag.sigmoid,
        ag.max,
        ag.min,
        ag.softmax,
        ag.sum,
    ):
        y = function(x, 0.0) if function in (ag.maximum, ag.minimum, ag.clip) else function(x)
        assert math.isnan(np.ravel(y.numpy())[0]), function


def test_variance_with_ddof():
    values = [1.0, 2.0, 4.0]
    for ddof in (0, 1):
        x = ag.tensor(values, dtype="float64")
        np.testing.assert_allclose(ag.var(x, ddof=ddof).item(), np.var(values, ddof=ddof))
        np.testing.assert_allclose(x.std(ddof=ddof).item(), np.std(values, ddof=ddof))


@pytest.mark.eager
def test_variance_does_not_cancel():
    x = ag.tensor([1e8, 1e8 + 1, 1e8 + 2], dtype="float64")
    np.testing.assert_allclose(x.var().item(), 2 / 3, rtol=1e-12)


def test_one_hot():
    assert ag.one_hot(ag.tensor([1, 0]), 3).tolist() == [[0, 1, 0], [1, 0, 0]]
    for wrong in ([3, 0], [-1]):
        with pytest.raises(IndexError, match="out of bounds"):
            ag.one_hot(ag.tensor(wrong), 3)


def test_sums_of_small_integers_are_wide():
    x = ag.tensor(np.full(300, 100, "int8"))
    assert ag.sum(x).item() == 30_000
    assert ag.sum(ag.tensor(np.ones(300, bool))).item() == 300


def test_argmax_takes_the_first():
    assert ag.argmax(ag.tensor([1.0, 3.0, 3.0])).item() == 1
    assert ag.argmin(ag.tensor([[1, 0], [0, 1]])).item() == 1


def test_argsort_is_stable():
    assert ag.argsort(ag.tensor([2, 1, 2, 1])).tolist() == [1, 3, 0, 2]


def test_empty_reductions():
    assert ag.sum(ag.zeros((0, 3)), axis=0).tolist() == [0.0] * 3
    assert ag.prod(ag.zeros((0,))).item() == 1.0
    with pytest.raises(ag.ShapeError, match="empty axis"):
        ag.max(ag.zeros((0,)))
    with pytest.raises(ag.ShapeError, match="empty axis"):
        ag.argmax(ag.zeros((3, 0)), axis=1)


def test_a_loss_with_wrong_labels_does_not_compute():
    z = ag.zeros((2, 3))
    with pytest.raises(ValueError, match="label 3 is out of range"):
        ag.softmax_cross_entropy(z, [0, 3])
    with pytest.raises(ValueError, match=r"need the shape \(2,\)"):
        ag.softmax_cross_entropy(z, [[0], [1]])
    with pytest.raises(ValueError, match=r"probabilities need the shape \(2, 3\)"):
        ag.softmax_cross_entropy(z, [0.0, 1.0])


@pytest.mark.eager
@pytest.mark.parametrize("function", [ag.norm, ag.std])
def test_second_derivatives_where_the_root_of_nothing_is_taken(function):
    """One row at the origin, or of equal numbers, has slopes of 0 and leaves those of the others as they are."""
    x = ag.tensor([[3.0, 4.0], [0.0, 0.0], [2.0, -1.0]], "float64", requires_grad=True)
    alone = ag.tensor(x.numpy()[[0, 2]], requires_grad=True)
    found = []
    for rows in (x, alone):
        function(rows, axis=1).sum().backward(create_graph=True)
        slope, rows.grad = rows.grad, None
        (slope[:, 0] * 2.0 + slope[:, 1] * slope[:, 1]).sum().backward()
        found.append(rows.grad.numpy())
    assert found[0][1].tolist() == [0.0, 0.0]
    np.testing.assert_allclose(found[0][[0, 2]], found[1], rtol=1e-12, atol=1e-15)
