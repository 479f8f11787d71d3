"""The walk: order, accumulation, freeing, memory, and what it refuses."""

from __future__ import annotations

import random
import sys
import threading

import numpy as np
import pytest

import autograd as ag
from autograd.graph import Node


def leaf(*values):
    return ag.tensor(list(values), requires_grad=True)


def test_depth_of_a_hundred_thousand():
    x = leaf(1.0)
    y = x
    for _ in range(100_000):
        y = y + 1.0
    y.backward()
    assert x.grad.tolist() == [1.0]
    assert y.tolist() == [100_001.0]


@pytest.mark.parametrize(
    "build", [lambda y: y + 1.0, lambda y: y * y, lambda y: ag.sum(y, axis=0, keepdims=True)]
)
def test_a_deep_graph_dies_without_backward(build):
    """The chain of nodes is released link by link; a recursive release would overflow the C stack."""
    x = leaf(1.0)
    y = x
    for _ in range(100_000):
        y = build(y)
    node = y._node
    assert isinstance(node, Node)
    del y, node
    x.sum().backward()
    assert x.grad.tolist() == [1.0]


def test_a_deep_graph_kept_by_retain_graph_dies_too():
    y = x = leaf(1.0)
    for _ in range(100_000):
        y = y * 1.0
    y.backward(retain_graph=True)
    del y
    assert x.grad.tolist() == [1.0]


def test_diamond():
    x = leaf(3.0)
    a = x * 2
    ((a + 1) * (a - 1)).sum().backward()
    assert x.grad.tolist() == [2 * 2 * 6.0]


def test_ladder_of_diamonds_takes_linear_time():
    """Every level doubles the number of paths: 2**200 of them."""
    x = leaf(1.0)
    y = x
    for _ in range(200):
        y = (y + y) * 0.5
    y.backward()
    assert x.grad.tolist() == [1.0]


def test_consumers_run_before_producers():
    """A long and a short way to the same place: the sum must be complete before it is passed on."""
    x = leaf(2.0)
    a = x * 3
    long = a
    for _ in range(5):
        long = long * 2
    (long + a).backward()
    assert x.grad.tolist() == [3.0 * 33]


@pytest.mark.eager
def test_one_tensor_as_both_operands():
    x = leaf(3.0, -2.0)
    (x * x).sum().backward()
    assert x.grad.tolist() == [6.0, -4.0]
    x.grad = None
    (x - x).sum().backward()
    assert x.grad.tolist() == [0.0, 0.0]
    x.grad = None
    ag.concat([x, x, x]).sum().backward()
    assert x.grad.tolist() == [3.0, 3.0]


def test_many_uses_of_one_tensor():
    x = leaf(1.0, 2.0)
    total = sum((x * float(i) for i in range(10)), ag.tensor(0.0))
    total.sum().backward()
    assert x.grad.tolist() == [45.0, 45.0]


@pytest.mark.eager
def test_accumulation_over_several_backwards():
    x = leaf(1.0, 2.0)
    for times in range(1, 4):
        (x * x).sum().backward()
        assert x.grad.tolist() == [2.0 * times, 4.0 * times]
    x.grad = None
    assert x.grad is None


def test_backward_on_a_leaf():
    x = ag.tensor(2.0, requires_grad=True)
    x.backward()
    x.backward(ag.tensor(3.0))
    assert x.grad.item() == 4.0


def test_a_freed_graph_says_so():
    x = leaf(1.0, 2.0)
    y = x.exp()
    loss = (y * y).sum()
    loss.backward()
    with pytest.raises(ag.GradientError, match=r"already freed at sum.*retain_graph=True"):
        loss.backward()
    with pytest.raises(ag.GradientError, match="already freed at exp"):
        (y * 2).sum().backward()


def test_retain_graph():
    x = leaf(1.0, 2.0)
    loss = (x * x).sum()
    loss.backward(retain_graph=True)
    loss.backward(retain_graph=True)
    loss.backward()
    assert x.grad.tolist() == [6.0, 12.0]
    with pytest.raises(ag.GradientError):
        loss.backward()


def test_the_graph_of_gradients_and_that_of_the_value_are_kept_apart():
    """`create_graph` needs the graph of the gradients; whether the other one is kept is `retain_graph`'s to say."""
    for retain in (None, True, False):
        x = leaf(1.0, 2.0)
        loss = (x * x * x).sum()
        loss.backward(retain_graph=retain, create_graph=True)
        assert x.grad.requires_grad
        if retain is False:
            with pytest.raises(ag.GradientError, match="already freed"):
                loss.backward()
        else:
            loss.backward()


def test_values_that_are_used_again_and_again():
    """Sums of sums, drawn: an integer counts the ways, and no gradient lies in an array that is another's."""
    draw = random.Random(0)
    for _ in range(60):
        leaves = [leaf(1.0, 1.0) for _ in range(3)]
        ways = [{i: 1} for i in range(3)]
        values = list(leaves)
        for _ in range(draw.randint(2, 8)):
            i, j = draw.randrange(len(values)), draw.randrange(len(values))
            values.append(values[i] + values[j])
            ways.append({k: ways[i].get(k, 0) + ways[j].get(k, 0) for k in range(3)})
        chosen = [draw.randrange(len(values)) for _ in range(3)]
        loss = sum((values[k] * (2.0**n)).sum() for n, k in enumerate(chosen))
        loss.backward()
        for k, x in enumerate(leaves):
            expected = sum(2.0**n * ways[c].get(k, 0) for n, c in enumerate(chosen))
            assert (x.grad is None and expected == 0) or x.grad.tolist() == [expected] * 2


@pytest.mark.eager
def test_create_graph_gives_gradients_with_a_graph():
    x = ag.tensor(2.0, requires_grad=True)
    (x**4).backward(create_graph=True)
    first = x.grad
    assert first.requires_grad
    x.grad = None
    first.backward(create_graph=True)
    second = x.grad
    x.grad = None
    second.backward()
    assert (first.item(), second.item(), x.grad.item()) == (32.0, 48.0, 48.0)


def test_create_graph_accumulates_with_a_graph():
    x = ag.tensor(3.0, requires_grad=True)
    (x * x).backward(create_graph=True)
    (x * x * x).backward(create_graph=True)
    total = x.grad
    assert total.item() == 6.0 + 27.0
    x.grad = None
    total.backward()
    assert x.grad.item() == 2.0 + 18.0


def test_without_create_graph_gradients_have_no_graph():
    x = leaf(1.0)
    (x * x).backward()
    assert not x.grad.requires_grad


def test_backward_works_inside_no_grad():
    x = leaf(2.0)
    y = (x * x).sum()
    with ag.no_grad():
        y.backward(create_graph=True)
    assert x.grad.requires_grad
    assert x.grad.tolist() == [4.0]


def test_gradient_needs_a_single_number():
    x = leaf(1.0, 2.0)
    with pytest.raises(ag.GradientError, match=r"shape \(2,\).*gradient=.*\.mean\(\)"):
        (x * x).backward()
    assert x.grad is None


def test_a_single_number_of_any_shape_is_enough():
    x = leaf(3.0)
    (x * x).reshape(1, 1, 1).backward()
    assert x.grad.tolist() == [6.0]


def test_gradient_of_another_shape_is_refused():
    x = leaf(1.0, 2.0)
    with pytest.raises(ag.ShapeError, match=r"\(3,\).*\(2,\)"):
        (x * x).backward(ag.ones(3))


@pytest.mark.parametrize("seed", [ag.tensor([1.0, 2.0], dtype="float64"), np.array([1, 2]), [1.0, 2.0]])
def test_gradient_may_be_anything_of_the_right_shape(seed):
    x = leaf(1.0, 1.0)
    (x * x).backward(seed)
    assert x.grad.dtype == "float32"
    assert x.grad.tolist() == [2.0, 4.0]


def test_untracked_tensors_have_no_backward():
    with pytest.raises(ag.GradientError, match="requires_grad=True"):
        ag.tensor(1.0).backward()
    x = ag.tensor(1.0, requires_grad=True)
    with ag.no_grad():
        y = x * 2
    with pytest.raises(ag.GradientError, match="no_grad"):
        y.backward()
    with pytest.raises(ag.GradientError):
        x.detach().backward()
    with pytest.raises(ag.GradientError):
        (x > 0).backward()


@pytest.mark.eager
def test_gradients_have_the_dtype_of_their_leaf():
    a = ag.tensor([1.0, 2.0], dtype="float32", requires_grad=True)
    b = ag.tensor([3.0, 4.0], dtype="float64", requires_grad=True)
    c = ag.tensor([3.0, 4.0], dtype="float16", requires_grad=True)
    y = (a * b * c).sum()
    assert y.dtype == "float64"
    y.backward()
    assert [str(t.grad.dtype) for t in (a, b, c)] == ["float32", "float64", "float16"]


def test_an_exception_in_a_rule_leaves_leaves_untouched():
    def broken(xp, g):
        raise RuntimeError("a broken rule")

    @ag.op(vjp=dict(x=broken))
    def identity(xp, x):
        return xp.add(x, 0)

    x, other = leaf(1.0), leaf(2.0)
    with pytest.raises(RuntimeError, match="a broken rule"):
        (identity(x) + other).backward()
    assert x.grad is None
    assert other.grad is None
    assert (x * 2).requires_grad


def test_an_exception_during_create_graph_restores_the_mode():
    def broken(xp, g):
        raise RuntimeError("a broken rule")

    @ag.op(vjp=dict(x=broken))
    def identity(xp, x):
        return xp.add(x, 0)

    with ag.no_grad():
        with ag.enable_grad():
            y = identity(leaf(1.0))
        with pytest.raises(RuntimeError):
            y.backward(create_graph=True)
        assert not (leaf(1.0) * 2).requires_grad


def test_an_exception_inside_no_grad_restores_the_mode():
    with pytest.raises(ZeroDivisionError), ag.no_grad():
        raise ZeroDivisionError
    assert (leaf(1.0) * 2).requires_grad


def test_threads_have_modes_of_their_own():
    seen = {}
    inside, done = threading.Event(), threading.Event()

    def other():
        inside.wait()
        seen["other"] = (leaf(1.0) * 2).requires_grad
        done.set()

    thread = threading.Thread(target=other)
    thread.start()
    with ag.no_grad():
        inside.set()
        done.wait()
        seen["mine"] = (leaf(1.0) * 2).requires_grad
    thread.join()
    assert seen == {"other": True, "mine": False}


def test_threads_can_walk_graphs_at_the_same_time():
    results = {}

    def train(name):
        x = ag.tensor(np.full(50, float(name)), requires_grad=True)
        for _ in range(50):
            x.grad = None
            (x * x).sum().backward()
        results[name] = x.grad.numpy()

    threads = [threading.Thread(target=train, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for name, grad in results.items():
        assert np.array_equal(grad, np.full(50, 2.0 * name))


def test_no_grad_as_decorator_and_nested():
    @ag.no_grad()
    def twice(x):
        return x * 2

    x = leaf(1.0)
    assert not twice(x).requires_grad
    switch = ag.no_grad()
    with switch, switch:
        assert not (x * 2).requires_grad
    assert (x * 2).requires_grad


def test_numbers_meet_tensors_without_a_node():
    x = leaf(2.0)
    for y in (x + 1, 1 + x, x * 2.0, 2.0 * x, x - 1, 1 - x, x / 2, 2 / x, x**2, 2**x):
        assert y._node.parents.count(None) == 1
        assert y.dtype == "float32"


def test_recursion_limit_is_never_needed():
    limit = sys.getrecursionlimit()
    x = leaf(1.0)
    y = x
    for _ in range(3 * limit):
        y = y * 1.0
    y.backward(create_graph=True)
    assert x.grad.tolist() == [1.0]
    x.grad = None


def test_a_rule_of_the_wrong_shape_is_named():
    @ag.op(vjp=dict(x=lambda xp, g: g[:1]))
    def shortened(xp, x):
        return xp.exp(x)

    x = ag.ones(3, requires_grad=True)
    with pytest.raises(
        ag.GradientError, match=r"returned the shape \(1,\) for an input of shape \(3,\)"
    ) as caught:
        shortened(x).sum().backward()
    assert caught.value.__notes__ == ["In the gradient of shortened by x."]


def test_an_op_that_returns_no_array_is_named():
    @ag.op(vjp=dict(x=lambda xp, g: g))
    def forgetful(xp, x):
        xp.exp(x)

    with pytest.raises(ag.DTypeError, match="forgetful: the op returned NoneType None; expected an array"):
        forgetful(ag.ones(3))
