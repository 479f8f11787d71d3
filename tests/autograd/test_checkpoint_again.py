"""The second run of a checkpoint: on the arguments of the first, with errors that say which run they are of."""

from __future__ import annotations

import functools

import numpy as np
import pytest
from blocks import W, X, dense, leaf, nodes, same

import autograd as ag


def test_arguments_are_those_of_forward_even_when_assigned_later():
    x = leaf([1.0, 2.0])
    y = ag.checkpoint(lambda x: x * x)(x).sum()
    x.assign(ag.tensor([10.0, 20.0]))
    y.backward()
    assert x.grad.tolist() == [2.0, 4.0]


def test_a_parameter_that_is_assigned_before_backward():
    """The second run would see another network than the first, and nobody would know."""
    w, x = leaf(W), leaf(X)
    y = ag.checkpoint(lambda x: ag.checkpoint(lambda x: ag.tanh(x @ w))(x) * 2.0)(x).sum()
    w.assign(w.detach() * 2.0)
    with pytest.raises(ag.GradientError, match=r"values in the leaf float64\[4, 4\], which was assigned"):  # fmt: skip
        y.backward()


def test_a_list_that_the_function_empties():
    def f(parts):
        return parts.pop() * parts.pop()

    x, y = leaf([2.0]), leaf([3.0])
    ag.checkpoint(f)([x, y]).sum().backward()
    assert (x.grad.tolist(), y.grad.tolist()) == ([3.0], [2.0])


def test_parameters_made_in_the_first_call():
    """As a layer does that learns the shape of its input when it is first called: that call draws more than later ones."""

    def make(wrap):
        kept = {}

        def layer(x):
            if not kept:
                kept["w"] = leaf(ag.random.normal((4, 4), dtype="float64"))
            return ag.dropout(ag.tanh(x @ kept["w"]), 0.5)

        layer = wrap(layer)

        def steps(x):
            total = layer(x).sum()
            total.backward()
            before = nodes()
            hidden = layer(x)
            counted.append(nodes() - before)
            return hidden.sum() * kept["w"].sum()

        return steps

    counted = []
    same(make(lambda f: f), make(ag.checkpoint), X, regrouped=True)
    assert counted == [3, 1]


def test_leaves_of_the_function_alone():
    def f(x):
        return x * ag.tensor([2.0], requires_grad=True)

    x = leaf([3.0])
    ag.checkpoint(f)(x).sum().backward()
    assert x.grad.tolist() == [2.0]


def test_other_numbers_of_draws_are_noticed():
    runs = []

    def block(x):
        runs.append(1)
        if len(runs) == 1:
            ag.random.normal(2)
        return ag.dropout(x, 0.5) * x

    y = ag.checkpoint(block)(leaf(X))
    with pytest.raises(ag.GradientError, match="had 1 draws of random numbers and the first 2"):
        y.sum().backward()


def test_gradients_inside_the_function():
    def f(x):
        return ag.grad(lambda z: (z**3).sum())(x) + ag.grad(lambda z: (z * x).sum())(ag.ones(2))

    def loss(wrap, x):
        return wrap(f)(x.to("float64")).sum()

    point = np.array([1.0, 2.0])
    same(functools.partial(loss, lambda f: f), functools.partial(loss, ag.checkpoint), point)


def notes(error):
    return "\n".join(error.value.__notes__)


def test_an_error_of_the_second_run_names_checkpoint():
    runs = []

    def block(x):
        runs.append(1)
        return x @ ag.tensor(W) if len(runs) == 1 else x @ ag.ones((5, 5))

    y = ag.checkpoint(block)(leaf(X)).sum()
    with pytest.raises(ag.ShapeError, match="inner sizes differ") as caught:
        y.backward()
    assert "In the second run of block under checkpoint, for backward." in notes(caught)


@pytest.mark.parametrize(
    ("second", "text"),
    [
        (lambda x, w: ag.exp(x)[0:2], r"results \[float64\[2, 4\]\] where the first had \[float64\[3, 4\]\]"),
        (lambda x, w: x.detach() * 2, r"results \[\] where the first had"),
        (lambda x, w: [ag.exp(x), ag.exp(x)], r"results \[float64\[3, 4\], float64\[3, 4\]\]"),
        (lambda x, w: ag.exp(x) * w.sum(), r"inputs \[float64\[4, 4\], float64\[3, 4\]\]"),
        (lambda x, w: ag.exp(w)[0:3], r"inputs \[float64\[4, 4\]\] where the first had \[float64\[3, 4\]\]"),
        (lambda x, w: ag.exp(leaf(X) * OTHER), "inputs"),
        (lambda x, w: ag.exp(OTHER), r"another input float64\[3, 4\], by argument or by closure"),
    ],
)  # fmt: skip
def test_a_second_run_unlike_the_first(second, text):
    runs = []
    w = leaf(W)

    def block(x):
        runs.append(1)
        return ag.exp(x) if len(runs) == 1 else second(x, w)

    x = leaf(X)
    y = ag.checkpoint(block)(x)
    with pytest.raises(ag.GradientError, match=f"checkpoint: the second run of block.*{text}.*the same each time"):  # fmt: skip
        y.sum().backward()
    assert x.grad is None


OTHER = leaf(X)


def test_an_error_in_the_middle_of_a_backward_leaves_nothing_for_the_next():
    switch = {"broken": True}

    @ag.op(vjp=dict(x=lambda xp, g: 1 / 0 if switch["broken"] else g))
    def fragile(xp, x):
        return x * 1.0

    x = leaf(np.array([4.0]))
    y, z = ag.checkpoint(lambda x: (x * 2.0, x * 3.0))(x)
    total = (fragile(y) + z * 1.0).sum()
    with pytest.raises(ZeroDivisionError):
        total.backward(retain_graph=True)
    y.sum().backward()
    assert x.grad.tolist() == [2.0]


def test_anomalies_are_found_in_either_run():
    def line(x):
        return ag.log(x)

    with ag.detect_anomaly():
        with pytest.raises(ag.AnomalyError, match="log: the result holds NaN"):
            ag.checkpoint(line)(leaf([-1.0]))
        x = leaf([0.0])
        y = ag.checkpoint(ag.sqrt)(x)
        with pytest.raises(ag.AnomalyError, match="sqrt: the gradient"):
            y.sum().backward()


def test_methods_and_callable_objects():
    class Layer:
        def __init__(self):
            self.w = leaf(W)

        def __call__(self, x):
            return ag.tanh(x @ self.w)

    layer = Layer()
    wrapped = ag.checkpoint(layer)
    wrapped(ag.tensor(X)).sum().backward()
    first = layer.w.grad.numpy()
    layer.w.grad = None
    ag.checkpoint(layer.__call__)(ag.tensor(X)).sum().backward()
    assert np.array_equal(layer.w.grad.numpy(), first)
    assert not hasattr(wrapped, "w")
    assert ag.checkpoint(dense).__name__ == "dense"
