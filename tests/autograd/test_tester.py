"""The tester is tested: it must reject every kind of wrong gradient, and accept the right ones."""

from __future__ import annotations

import numpy as np
import pytest
from grouping import by, grouped

import autograd as ag
import backends
from autograd import graph
from autograd.call import apply
from autograd.ops import OPS
from autograd.testing import (
    GradientMismatch,
    check_grad,
    check_vjp,
    samples,
)
from autograd.testing.campaign import Case, main, random_case, run_campaign

X = np.array([[0.3, -0.7, 1.2], [1.9, -1.4, 0.5]])


def declared(rule_of_a, rule_of_b):
    """a * b with the rules under test."""

    @ag.op(vjp=dict(a=rule_of_a, b=rule_of_b))
    def product(xp, a, b):
        return xp.multiply(a, b)

    return product


def right_a(xp, g, b):
    return xp.multiply(g, b)


def right_b(xp, g, a):
    return xp.multiply(g, a)


def test_right_rules_are_accepted():
    check_grad(declared(right_a, right_b), X, X[0] + 0.1, order=2)
    check_grad(declared(right_a, right_b), X, X[0] + 0.1, dtype="float32")
    check_vjp(declared(right_a, right_b), X, X[0] + 0.1)


@pytest.mark.parametrize("factor", [1.001, 0.999])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e6])
def test_an_error_of_a_thousandth_is_rejected(factor, dtype, scale):
    def wrong(xp, g, b):
        return xp.multiply(xp.multiply(g, b), factor)

    function = declared(wrong, right_b)
    with pytest.raises(GradientMismatch, match="product: the gradient with respect to a"):
        check_grad(function, X * scale, X, dtype=dtype)
    with pytest.raises(GradientMismatch, match="product"):
        check_grad(function, X, X * scale, dtype=dtype)
    with pytest.raises(GradientMismatch, match="product"):
        check_vjp(function, X, X, dtype=dtype)


def test_an_error_of_a_thousandth_in_one_element_is_rejected():
    def wrong(xp, g, b):
        return xp.multiply(xp.multiply(g, b), backends.default().asarray([1.0, 1.0, 1.001]))

    with pytest.raises(GradientMismatch, match="with respect to a"):
        check_grad(declared(wrong, right_b), X, X)


def test_no_seed_lets_an_error_of_a_thousandth_pass(request):
    @ag.op(vjp=dict(x=lambda xp, g, x: g * xp.cos(x) * 1.001))
    def sine(xp, x):
        return xp.sin(x)

    for seed in range(40 if request.config.getoption("--full") else 20):
        values = np.random.default_rng(seed).uniform(-3, 3, (20,))
        check_grad(ag.sin, values, seed=seed)
        with pytest.raises(GradientMismatch):
            check_grad(sine, values, seed=seed)


def test_a_wrong_second_derivative_is_rejected():
    """The gradient is right, but it hides from differentiation how it depends on x."""

    def hidden(xp, g, x):
        frozen = x.detach() if isinstance(x, ag.Tensor) else x
        return xp.multiply(g, xp.multiply(frozen, 2.0))

    @ag.op(vjp=dict(x=hidden))
    def square(xp, x):
        return xp.multiply(x, x)

    check_grad(square, X)
    with pytest.raises(GradientMismatch, match="gradient of square"):
        check_grad(square, X, order=2)


def test_a_wrong_mixed_second_derivative_is_rejected():
    """The gradient by a hides how it depends on b, and each of the two has the right second derivative, 0."""

    def hidden(xp, g, b):
        return xp.multiply(g, b.detach() if isinstance(b, ag.Tensor) else b)

    check_grad(declared(hidden, right_b), X, X)
    with pytest.raises(GradientMismatch, match="gradient of product"):
        check_grad(declared(hidden, right_b), X, X, order=2)


def test_a_missing_unbroadcast_is_rejected(monkeypatch):
    monkeypatch.setattr(graph, "_fit", lambda xp, gradient, parent: gradient)
    with pytest.raises(GradientMismatch, match=r"the gradient of b is float64 \(2, 3\)"):
        check_grad(ag.add, X, X[0])


def test_an_unbroadcast_that_takes_one_row_is_rejected(monkeypatch):
    def first_row(xp, gradient, shape):
        return gradient if gradient.shape == shape else gradient[0].reshape(shape)

    monkeypatch.setattr(graph, "unbroadcast", first_row)
    with pytest.raises(GradientMismatch, match="with respect to b"):
        check_grad(ag.add, X, X[0])


def test_a_gradient_of_another_dtype_is_rejected(monkeypatch):
    def to_float32(xp, gradient, parent):
        return gradient.astype(np.float32)

    monkeypatch.setattr(graph, "_fit", to_float32)
    with pytest.raises(GradientMismatch, match="float32"):
        check_grad(ag.exp, X)


def test_swapped_operands_are_rejected():
    def own_operand_a(xp, g, a):
        return xp.multiply(g, a)

    def own_operand_b(xp, g, b):
        return xp.multiply(g, b)

    with pytest.raises(GradientMismatch):
        check_grad(declared(own_operand_a, own_operand_b), X, X + 0.3)


def test_a_wrong_sign_is_rejected():
    with pytest.raises(GradientMismatch):
        check_grad(declared(lambda xp, g, b: xp.negative(g * b), right_b), X, X)


def test_a_dropped_term_is_rejected():
    @ag.op(vjp=dict(x=lambda xp, g, x: xp.cos(x) * x * g))
    def wave(xp, x):
        return xp.multiply(x, xp.sin(x))

    with pytest.raises(GradientMismatch):
        check_grad(wave, X)


def test_a_gradient_that_is_cut_off_is_rejected():
    with pytest.raises(GradientMismatch, match="with respect to x"):
        check_grad(lambda x: x * x.detach(), X)


def test_a_gradient_outside_the_slopes_of_a_kink_is_rejected():
    """At 0 relu has the slopes 0 and 1; the rule claims 1.01 there."""

    @ag.op(vjp=dict(x=lambda xp, g, x: xp.where(xp.greater(x, 0), g, xp.where(x == 0, g * 1.01, 0.0))))
    def rectified(xp, x):
        return xp.maximum(x, 0)

    check_grad(ag.relu, np.array([0.0, 1.0]))
    with pytest.raises(GradientMismatch, match="on the two sides"):
        check_grad(rectified, np.array(0.0))
    with pytest.raises(GradientMismatch):
        check_grad(rectified, np.array([0.0, 1.0]))


def test_a_gradient_of_nan_is_rejected():
    with pytest.raises(GradientMismatch):
        check_grad(declared(lambda xp, g, b: g * b * float("nan"), right_b), X, X)


def test_a_value_changed_by_the_transform_is_rejected():
    state = []

    def moody(x):
        state.append(None)
        return x * float(len(state))

    with pytest.raises(GradientMismatch, match="changes the value"):
        check_vjp(moody, X)


def test_the_message_says_what_is_needed_to_look_closer():
    with pytest.raises(GradientMismatch) as caught:
        check_grad(declared(lambda xp, g, b: g * b * 2.0, right_b), X, X)
    message = str(caught.value)
    for part in ("product", "a (2, 3)", "Result of shape (2, 3)", "direction", "backward gives"):
        assert part in message
    assert isinstance(caught.value, AssertionError)


@pytest.mark.parametrize(
    ("function", "x"),
    [
        (lambda x: (x * 30).exp(), np.array([-0.5, 0.2])),
        (lambda x: (x * 200).sin(), np.array([0.1, 0.3, 2.0])),
        (lambda x: x * 1e-9, X),
        (lambda x: x + 1e6, X),
        (lambda x: x * 1e12, X),
        (lambda x: 1.0 / x, np.array([0.05, -0.1])),
        (lambda x: x.sum() * 0 + 3.0, X),
        (lambda x: ag.tensor(3.0), X),
        (lambda x: (x.exp() - x.exp()).sum(), X),
        (lambda x: x[:0], X),
    ],
)
def test_right_gradients_of_awkward_functions_are_accepted(function, x):
    check_grad(function, x, order=2)


def test_integers_and_masks_are_passed_on():
    check_grad(lambda x, i: x[i], X, np.array([0, 0, 1]))
    check_grad(lambda c, x: ag.where(c, x, x * 2), X > 0, X)


def test_only_the_dtypes_that_can_be_judged():
    with pytest.raises(ValueError, match="float64 or float32"):
        check_grad(ag.exp, X, dtype="float16")


# a zero that is wrong by a thousandth is a zero
SMOOTH = [op for op in OPS.values() if op.vjp and "its gradient is 0" not in op.forward.__doc__]


@grouped("op", by(SMOOTH, lambda op: op.forward.__module__.rpartition(".")[2]))
def test_a_mutated_rule_of_every_op_is_killed(op, monkeypatch):
    """Every rule of the library, wrong by a thousandth, is caught by the samples that test it."""
    real = graph._fit
    for name in op.vjp:
        inputs = [*op.arrays, *[op.variadic] * 9]

        def slightly_wrong(xp, gradient, parent):
            return real(xp, xp.multiply(gradient, 1.001), parent)

        caught = 0
        for sample in samples(op):
            places = [i for i in sample.floating if inputs[i] == name]
            if not places:
                continue

            def call(x, sample=sample, place=places[0]):
                arrays = [*sample.inputs[:place], x, *sample.inputs[place + 1 :]]
                return apply(sample.op, arrays, dict(sample.static))

            with monkeypatch.context() as patch:
                patch.setattr(graph, "_fit", slightly_wrong)
                try:
                    check_grad(call, sample.inputs[places[0]])
                except GradientMismatch:
                    caught += 1
                    break
        assert caught, f"{op.name}: no sample notices a wrong gradient of {name}"


def test_right_gradients_of_every_op_are_never_rejected(request):
    """A small part of the campaign that `python -m autograd.testing.campaign` runs."""
    count = 2500 if request.config.getoption("--full") else 400
    outcome = run_campaign(count, seed=20)
    assert outcome.rejections == []
    assert outcome.cases == count
    assert 0 < outcome.undecided.total() < count / 50


def test_cases_of_the_campaign_repeat_and_cover_every_op():
    cases = [random_case(i) for i in range(1500)]
    assert {c.sample.op.name for c in cases} == {op.name for op in OPS.values() if op.vjp}
    assert {c.dtype for c in cases} == {"float64", "float32"}
    assert {c.order for c in cases} == {1, 2}
    again = random_case(17)
    assert isinstance(again, Case)
    for mine, theirs in zip(again.sample.inputs, cases[17].sample.inputs, strict=True):
        np.testing.assert_array_equal(mine, theirs)


def test_the_campaign_reports_a_rejection(monkeypatch, capsys):
    assert main(["--cases", "20"]) == 0
    assert "20 cases, 0 rejections of right gradients" in capsys.readouterr().out
    real = graph._fit
    monkeypatch.setattr(graph, "_fit", lambda xp, g, parent: real(xp, xp.multiply(g, 1.01), parent))
    assert main(["--cases", "20"]) == 1
    assert "To repeat it:" in capsys.readouterr().out
