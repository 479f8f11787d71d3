"""Who shares memory with whom, what is saved, and when it is given back."""

from __future__ import annotations

import gc
import tracemalloc
import weakref

import numpy as np
import pytest

import autograd as ag
import backends
from autograd import graph
from autograd.graph import Leaf


def leaf(*values):
    return ag.tensor(list(values), requires_grad=True)


@pytest.mark.eager
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
    if isinstance(a.data, np.ndarray):
        return np.shares_memory(a.data, b.data)
    first, second = ((x.data.data.ptr, x.data.data.ptr + x.data.nbytes) for x in (a, b))
    return first[0] < second[1] and second[0] < first[1]


@pytest.mark.eager
def test_gradients_of_two_leaves_share_no_memory():
    a, b, c = leaf(1.0, 2.0), leaf(3.0, 4.0), leaf(5.0, 6.0)
    (a + b - (-c)).backward(ag.ones(2))
    assert not shares(a.grad, b.grad)
    assert not shares(a.grad, c.grad)
    assert not shares(b.grad, c.grad)


@pytest.mark.eager
def test_gradients_do_not_share_memory_with_the_seed():
    x, y = leaf(1.0, 2.0), leaf(1.0, 2.0)
    seed = ag.tensor([1.0, 10.0])
    (x + y).backward(seed)
    raw = np.array([1.0, 10.0], np.float32)
    z = leaf(1.0, 2.0)
    z.reshape(2).backward(raw)
    for grad in (x.grad, y.grad):
        assert not shares(grad, seed)
    raw[:] = 0
    assert z.grad.tolist() == [1.0, 10.0]
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
        assert getattr(grad.data.flags, "writeable", True)


@pytest.mark.eager
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
        for _ in range(400):  # one object a step, of 16 bytes at least, is more than is let pass
            network.step()
        # before memory is read, because it also empties the interpreter's lists of reusable tuples
        unreachable = gc.collect()
        grown = tracemalloc.get_traced_memory()[0] - memory
    finally:
        tracemalloc.stop()
    assert unreachable == 0
    assert len(gc.get_objects()) - objects < 20
    # what is left of arrays elsewhere than in NumPy's memory is not seen here
    assert grown < 5_000 or backends.default().array_type is not np.ndarray


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
