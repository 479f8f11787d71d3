"""The walk: order, accumulation, freeing, memory, and what it refuses."""

from __future__ import annotations

import gc
import sys
import threading
import tracemalloc
import weakref

import numpy as np
import pytest

import autograd as ag
from autograd import graph
from autograd.graph import Leaf, Node


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


def test_an_earlier_gradient_is_not_changed_by_a_later_backward():
    x = leaf(1.0, 2.0)
    (x * 2).sum().backward()
    first = x.grad
    array = first.data
    (x * 2).sum().backward()
    assert first.tolist() == [2.0, 2.0]
    assert array.tolist() == [2.0, 2.0]
    assert x.grad.tolist() == [4.0, 4.0]


def shares(a, b):
    return np.shares_memory(a.data, b.data)


def test_gradients_of_two_leaves_share_no_memory():
    a, b, c = leaf(1.0, 2.0), leaf(3.0, 4.0), leaf(5.0, 6.0)
    (a + b - (-c)).backward(ag.ones(2))
    assert not shares(a.grad, b.grad)
    assert not shares(a.grad, c.grad)
    assert not shares(b.grad, c.grad)


def test_gradients_do_not_share_memory_with_the_seed():
    x, y = leaf(1.0, 2.0), leaf(1.0, 2.0)
    seed = ag.tensor([1.0, 10.0])
    (x + y).backward(seed)
    raw = np.array([1.0, 10.0], np.float32)
    z = leaf(1.0, 2.0)
    z.reshape(2).backward(raw)
    for grad in (x.grad, y.grad):
        assert not shares(grad, seed)
    assert not np.shares_memory(z.grad.data, raw)
    x.grad.data[...] = 0
    assert seed.tolist() == [1.0, 10.0]
    assert y.grad.tolist() == [1.0, 10.0]


def test_a_leaf_as_root_does_not_share_memory_with_the_seed():
    x = leaf(1.0, 2.0)
    seed = ag.tensor([1.0, 10.0])
    x.backward(seed)
    assert not shares(x.grad, seed)


def test_views_of_one_gradient_become_arrays_of_their_own():
    a, b = leaf(1.0, 2.0), leaf(3.0, 4.0)
    ag.stack([a, b]).backward(ag.tensor([[1.0, 2.0], [3.0, 4.0]]))
    assert a.grad.tolist() == [1.0, 2.0]
    assert b.grad.tolist() == [3.0, 4.0]
    for grad in (a.grad, b.grad):
        assert grad.data.base is None
        assert grad.data.flags.c_contiguous
        assert grad.data.flags.writeable


def test_gradients_do_not_share_memory_with_saved_values():
    x = leaf(1.0, 2.0)
    weight = ag.tensor([3.0, 4.0])
    y = x * weight
    y.backward(ag.ones(2), retain_graph=True)
    assert not shares(x.grad, weight)
    x.grad.data[...] = 7
    x.grad = None
    y.backward(ag.ones(2))
    assert x.grad.tolist() == [3.0, 4.0]


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


@pytest.mark.parametrize(
    "seed", [ag.tensor([1.0, 2.0], dtype="float64"), np.array([1, 2]), [1.0, 2.0]]
)
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


def test_gradients_have_the_dtype_of_their_leaf():
    a = ag.tensor([1.0, 2.0], dtype="float32", requires_grad=True)
    b = ag.tensor([3.0, 4.0], dtype="float64", requires_grad=True)
    c = ag.tensor([3.0, 4.0], dtype="float16", requires_grad=True)
    y = (a * b * c).sum()
    assert y.dtype == "float64"
    y.backward()
    assert [str(t.grad.dtype) for t in (a, b, c)] == ["float32", "float64", "float16"]


def rules_run(monkeypatch):
    """A list that fills with (op, input) whenever a gradient rule is called."""
    ran = []
    real = graph._fit

    def fit(xp, gradient, parent):
        ran.append(parent)
        return real(xp, gradient, parent)

    monkeypatch.setattr(graph, "_fit", fit)
    return ran


def test_unneeded_gradients_are_not_computed(monkeypatch):
    ran = rules_run(monkeypatch)
    x, data = leaf(1.0, 2.0), ag.tensor([3.0, 4.0])
    (x * data + data).sum().backward()
    assert len(ran) == 3
    assert sum(isinstance(vertex, Leaf) for vertex in ran) == 1


def test_values_that_no_rule_needs_are_not_saved():
    x, w = leaf(1.0, 2.0), ag.tensor([3.0, 4.0])
    assert (x + w)._node.saved == ()
    (saved,) = (x * w)._node.saved
    assert saved is w.data
    (saved,) = (w * x)._node.saved
    assert saved is w.data
    assert len((x * x)._node.saved) == 2
    y = x.exp()
    (saved,) = y._node.saved
    assert saved is y.data
    batch = ag.tensor(np.ones((5, 2)))
    kernel = ag.tensor(np.ones((2, 3)), requires_grad=True)
    saved = ag.linear(batch, kernel)._node.saved
    assert any(value is batch.data for value in saved)
    assert not any(value is kernel.data for value in saved)


def test_shape_rules_save_no_values():
    x = leaf(1.0, 2.0)
    for y in (
        x.reshape(2, 1),
        x.sum(),
        x.mean(),
        ag.concat([x, x]),
        x[0],
        ag.flip(x),
        ag.pad(x, 1),
    ):
        assert not any(isinstance(value, np.ndarray) for value in _flat(y._node.saved))


def _flat(saved):
    for value in saved:
        if isinstance(value, tuple):
            yield from _flat(value)
        else:
            yield value


def test_backward_frees_saved_values_as_it_goes():
    x = leaf(1.0, 2.0)
    y = x.exp()
    z = y * y
    node = z._node
    z.sum().backward()
    assert node.saved is None
    assert y._node.saved is None
    assert node.parents == ()


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


class Network:
    """A small MLP in plain autograd."""

    def __init__(self):
        draw = np.random.default_rng(0)
        self.parameters = [
            ag.tensor(draw.normal(size=shape), dtype="float32", requires_grad=True)
            for shape in ((4, 8), (8,), (8, 3), (3,))
        ]
        self.x = ag.tensor(draw.normal(size=(16, 4)), dtype="float32")
        self.y = ag.tensor(draw.integers(0, 3, 16))

    def loss(self):
        w, b, v, c = self.parameters
        hidden = ag.dropout(ag.relu(ag.linear(self.x, w, b)), 0.2)
        return ag.softmax_cross_entropy(ag.linear(hidden, v, c), self.y).mean()

    def step(self):
        loss = self.loss()
        loss.backward()
        for p in self.parameters:
            p.assign(p.detach() - p.grad * 0.1)
            p.grad = None
        return loss.item()


@pytest.fixture
def _without_gc():
    gc.collect()
    gc.disable()
    yield
    gc.enable()


@pytest.mark.usefixtures("_without_gc")
def test_training_makes_no_reference_cycles():
    network = Network()
    for _ in range(100):
        network.step()
    gc.collect()
    objects = len(gc.get_objects())
    tracemalloc.start()
    try:
        network.step()
        gc.collect()
        memory = tracemalloc.get_traced_memory()[0]
        for _ in range(900):
            network.step()
        # before memory is read, because it also empties the interpreter's lists of reusable tuples
        unreachable = gc.collect()
        grown = tracemalloc.get_traced_memory()[0] - memory
    finally:
        tracemalloc.stop()
    assert unreachable == 0
    assert abs(len(gc.get_objects()) - objects) < 20
    assert grown < 5_000


@pytest.mark.usefixtures("_without_gc")
def test_every_step_peaks_at_the_same_memory():
    """Saved values of one step do not live on into the next one."""
    network = Network()
    network.step()
    tracemalloc.start()
    try:
        peaks = []
        for _ in range(5):
            tracemalloc.reset_peak()
            network.step()
            peaks.append(tracemalloc.get_traced_memory()[1])
    finally:
        tracemalloc.stop()
    assert max(peaks[1:]) - min(peaks[1:]) < 4_000


@pytest.mark.usefixtures("_without_gc")
@pytest.mark.parametrize("walked", [False, True])
@pytest.mark.parametrize("create_graph", [False, True])
def test_tensors_die_with_their_last_reference(walked, create_graph):
    x = leaf(1.0, 2.0)
    y = x.exp()
    loss = (y * y).sum()
    dying = [weakref.ref(t) for t in (x, y, loss)]
    if walked:
        loss.backward(create_graph=create_graph)
        dying.append(weakref.ref(x.grad))
    if create_graph:
        # the gradient of a leaf points back at that leaf; clearing it is what opens the circle
        x.grad = None
    del x, y, loss
    assert [reference() for reference in dying] == [None] * len(dying)


@pytest.mark.usefixtures("_without_gc")
def test_a_leaf_that_nobody_holds_dies_with_its_graph():
    x = leaf(1.0, 2.0)
    y = (x * x).sum()
    node = weakref.ref(x)
    del x
    assert node() is None
    y.backward()


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
