"""Derivatives of functions: grad, value_and_grad, vjp, and how they nest."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import pytest

import autograd as ag


def number(value):
    return ag.tensor(value, dtype="float64")


def test_value_and_grad():
    value, gradient = ag.value_and_grad(lambda x: (x * x).sum())(ag.tensor([1.0, 3.0]))
    assert value.item() == 10.0
    assert gradient.tolist() == [2.0, 6.0]
    assert not value.requires_grad
    assert not gradient.requires_grad


def test_numbers_lists_and_arrays_are_arguments_too():
    assert ag.grad(lambda x: x * x)(3.0).item() == 6.0
    assert ag.grad(lambda x: (x * x).sum())(np.array([1.0, 2.0])).tolist() == [2.0, 4.0]


def test_argnums():
    def f(a, b, c=2.0):
        return (a * b * c).sum()

    a, b = number([1.0, 2.0]), number([3.0, 4.0])
    assert ag.grad(f)(a, b).tolist() == [6.0, 8.0]
    assert ag.grad(f, 1)(a, b).tolist() == [2.0, 4.0]
    both = ag.grad(f, (1, 0))(a, b)
    assert isinstance(both, tuple)
    assert [g.tolist() for g in both] == [[2.0, 4.0], [6.0, 8.0]]
    assert ag.grad(f, (0,))(a, b, c=3.0)[0].tolist() == [9.0, 12.0]
    assert ag.grad(f, -1)(a, b).tolist() == [2.0, 4.0]


class Pair(NamedTuple):
    a: object
    b: object


def test_structures():
    tree = {"w": [number(2.0), number(3.0)], "b": (number(1.0), Pair(number(4.0), None))}

    def f(p):
        return p["w"][0] * p["w"][1] + p["b"][0] * p["b"][1].a

    gradient = ag.grad(f)(tree)
    assert list(gradient) == ["w", "b"]
    assert [g.item() for g in gradient["w"]] == [3.0, 2.0]
    assert gradient["b"][0].item() == 4.0
    assert isinstance(gradient["b"][1], Pair)
    assert gradient["b"][1].a.item() == 1.0
    assert gradient["b"][1].b is None


def test_the_argument_is_left_alone():
    x = ag.tensor([1.0], requires_grad=True)
    ag.grad(lambda x: (x * x).sum())(x)
    assert x.grad is None
    y = ag.tensor([1.0])
    ag.grad(lambda x: (x * x).sum())(y)
    assert not y.requires_grad


def test_other_leaves_are_left_alone():
    w = ag.tensor([2.0], requires_grad=True)
    assert ag.grad(lambda x: (x * w).sum())(ag.tensor([3.0])).tolist() == [2.0]
    assert w.grad is None


def test_an_argument_without_influence_has_gradient_zero():
    found = ag.grad(lambda a, b: (a * 2).sum(), (0, 1))(number([1.0]), number([5.0, 6.0]))
    assert found[1].tolist() == [0.0, 0.0]
    assert ag.grad(lambda a: ag.tensor(1.0))(number(math.inf)).item() == 0.0


def test_gradients_of_gradients():
    f = ag.tanh
    x = number(0.3)
    t = math.tanh(0.3)
    expected = [1 - t**2, -2 * t * (1 - t**2), (1 - t**2) * (6 * t**2 - 2)]
    for value in expected:
        f = ag.grad(f)
        assert f(x).item() == pytest.approx(value, rel=1e-13)


def test_gradient_of_a_gradient_with_another_argument():
    def f(x, y):
        return x**2 * y**3

    mixed = ag.grad(ag.grad(f, 0), 1)
    assert mixed(number(2.0), number(3.0)).item() == 2 * 2.0 * 3 * 9.0


def test_perturbations_are_not_confused():
    """The inner derivative must not see the outer variable as its own."""
    inner = lambda x: ag.grad(lambda y: x + y)(x)  # noqa: E731
    assert ag.grad(lambda x: x * inner(x))(number(1.0)).item() == 1.0


def test_gradient_with_respect_to_an_argument_that_also_enters_by_closure():
    """Only what passes through the argument counts."""
    x = number(3.0)
    assert ag.grad(lambda a: a * x)(x).item() == 3.0
    tracked = ag.tensor(3.0, dtype="float64", requires_grad=True)
    gradient = ag.grad(lambda a: a * tracked)(tracked)
    assert gradient.item() == 3.0
    assert tracked.grad is None


def test_the_gradient_is_differentiable_in_what_enters_by_closure():
    w = ag.tensor(3.0, dtype="float64", requires_grad=True)
    gradient = ag.grad(lambda a: a * a * w)(number(2.0))
    assert gradient.item() == 12.0
    gradient.backward()
    assert w.grad.item() == 4.0


def test_value_and_gradient_stay_in_the_graph_of_a_tracked_argument():
    x = ag.tensor(2.0, dtype="float64", requires_grad=True)
    value, gradient = ag.value_and_grad(lambda a: a**3)(x * 1.0)
    (value + gradient).backward()
    assert x.grad.item() == 12.0 + 12.0


def test_the_value_stays_in_the_graph_of_what_enters_by_closure():
    w = ag.tensor(3.0, dtype="float64", requires_grad=True)
    value, _ = ag.value_and_grad(lambda a: a * w)(number(2.0))
    value.backward()
    assert w.grad.item() == 2.0


@pytest.mark.parametrize("tracked", [(False, True), (True, False), (True, True)], ids=str)
def test_jvp_is_differentiable_by_point_and_by_direction(tracked):
    x = ag.tensor([1.0, 3.0], requires_grad=tracked[0])
    t = ag.tensor([0.5, 2.0], requires_grad=tracked[1])
    _, change = ag.jvp(lambda x: x * x * x, [x], [t])
    assert change.tolist() == [1.5, 54.0]
    change.sum().backward()
    if tracked[0]:
        assert x.grad.tolist() == [6 * 0.5, 6 * 3 * 2.0]
    if tracked[1]:
        assert t.grad.tolist() == [3.0, 27.0]


@pytest.mark.parametrize("switch", ["no_grad", "enable_grad"])
@pytest.mark.parametrize("way", ["a block", "a decorator"])
def test_an_exception_does_not_leave_gradients_switched(switch, way):
    """Inside the opposite, so that each of them changes something."""
    opposite = {"no_grad": ag.enable_grad, "enable_grad": ag.no_grad}[switch]
    x = ag.tensor([1.0], requires_grad=True)

    def fail():
        raise LookupError

    def in_a_block():
        with getattr(ag, switch)():
            fail()

    failing = in_a_block if way == "a block" else getattr(ag, switch)()(fail)
    with opposite():
        before = (x * 2).requires_grad
        with pytest.raises(LookupError):
            failing()
        assert (x * 2).requires_grad == before == (switch == "no_grad")


def test_under_no_grad():
    with ag.no_grad():
        value, gradient = ag.value_and_grad(lambda x: x**2)(number(3.0))
        nested = ag.grad(ag.grad(lambda x: x**3))(number(2.0))
        x = ag.tensor(3.0, requires_grad=True)
        outside = ag.grad(lambda a: a * a)(x)
    assert (value.item(), gradient.item(), nested.item()) == (9.0, 6.0, 12.0)
    assert not outside.requires_grad


def test_no_grad_inside_the_function():
    def f(x):
        with ag.no_grad():
            frozen = x * 2
        return x * frozen

    assert ag.grad(f)(number(3.0)).item() == 6.0


def test_only_numbers_have_gradients():
    with pytest.raises(ag.GradientError, match=r"single number.*\(2,\)"):
        ag.grad(lambda x: x * 2)(number([1.0, 2.0]))
    with pytest.raises(ag.GradientError, match="float"):
        ag.grad(lambda x: x.item())(number(1.0))
    assert ag.grad(lambda x: x * 2)(number([[3.0]])).tolist() == [[2.0]]


def test_integers_are_refused():
    with pytest.raises(ag.DTypeError, match="only floating tensors"):
        ag.grad(lambda x: x * 2)(3)


def test_keywords_and_names_are_kept():
    def loss(x, *, scale=1.0):
        """A documented loss."""
        return x * scale

    assert ag.grad(loss).__doc__ == "A documented loss."
    assert ag.grad(loss)(number(1.0), scale=4.0).item() == 4.0


def test_vjp():
    value, pull = ag.vjp(lambda x, y: x * y, number([1.0, 2.0]), number([3.0, 4.0]))
    assert value.tolist() == [3.0, 8.0]
    for _ in range(2):
        x, y = pull(number([1.0, 10.0]))
        assert x.tolist() == [3.0, 40.0]
        assert y.tolist() == [1.0, 20.0]


def test_vjp_of_structures():
    def f(tree):
        return {"sum": tree["a"] + tree["b"], "product": tree["a"] * tree["b"]}

    value, pull = ag.vjp(f, {"a": number(2.0), "b": number(3.0)})
    assert (value["sum"].item(), value["product"].item()) == (5.0, 6.0)
    (gradient,) = pull({"sum": number(1.0), "product": number(10.0)})
    assert (gradient["a"].item(), gradient["b"].item()) == (31.0, 21.0)


def test_vjp_nests():
    def f(x):
        _, pull = ag.vjp(lambda y: y**3, x)
        return pull(ag.ones_like(x))[0].sum()

    assert ag.grad(f)(number([1.0, 2.0])).tolist() == [6.0, 12.0]


def test_vjp_is_linear_in_the_weights_and_differentiable_in_them():
    x = number([1.0, 2.0])

    def f(g):
        _, pull = ag.vjp(lambda y: y * y, x)
        return (pull(g)[0] * number([1.0, 10.0])).sum()

    assert ag.grad(f)(number([5.0, 6.0])).tolist() == [2.0, 40.0]


def test_hessian_by_nesting_agrees_with_the_formula():
    matrix = np.array([[2.0, 0.5], [0.5, 3.0]])
    f = lambda x: 0.5 * ag.dot(x, ag.matmul(number(matrix), x))  # noqa: E731
    rows = [ag.grad(lambda x, i=i: ag.grad(f)(x)[i])(number([0.3, -0.7])).tolist() for i in range(2)]
    np.testing.assert_allclose(rows, matrix, rtol=1e-14)


def test_a_training_loop_without_requires_grad():
    x, y = number([[1.0], [2.0], [3.0]]), number([[2.0], [4.0], [6.0]])
    w = number([[0.0]])
    step = ag.value_and_grad(lambda w: ((x @ w - y) ** 2).mean())
    losses = []
    for _ in range(50):
        loss, gradient = step(w)
        losses.append(loss.item())
        w = w - gradient * 0.05
    assert losses[-1] < 1e-6 * losses[0]
    np.testing.assert_allclose(w.numpy(), [[2.0]], rtol=1e-3)


def test_an_exception_leaves_the_mode_as_it_was():
    def broken(x):
        raise KeyError("x")

    with ag.no_grad():
        with pytest.raises(KeyError):
            ag.grad(broken)(number(1.0))
        assert not (ag.tensor(1.0, requires_grad=True) * 2).requires_grad
