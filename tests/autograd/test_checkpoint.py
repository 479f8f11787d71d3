"""checkpoint: the gradients of the function itself, bit for bit, with the memory of its results alone."""

from __future__ import annotations

import functools
import gc
import itertools
import tracemalloc

import numpy as np
import pytest
from blocks import B, W, X, dense, leaf, nodes, same

import autograd as ag
from autograd.testing import check_grad


def test_values_and_gradients_are_those_of_the_function():
    same(
        lambda x, w, b: (dense(x, w, b) ** 2).sum(),
        lambda x, w, b: (ag.checkpoint(dense)(x, w, b) ** 2).sum(),
        X, W, B,
    )  # fmt: skip


def test_what_the_function_closes_over_gets_its_gradient():
    def network(x, w, b, wrap):
        inner = w * 2.0  # a result of the outside, which also has another user
        block = wrap(lambda x: dense(x, inner, b) @ w)
        return (block(block(x)) * inner.sum()).sum()

    same(
        functools.partial(network, wrap=lambda f: f),
        functools.partial(network, wrap=ag.checkpoint),
        X, W, B,
    )  # fmt: skip


def test_without_a_tracked_argument():
    ids = ag.tensor([0, 2, 2])
    same(
        lambda w: ag.take(w, ids, axis=0).sum(),
        lambda w: ag.checkpoint(lambda i: ag.take(w, i, axis=0))(ids).sum(),
        W,
    )
    same(lambda w: ag.exp(w).sum(), lambda w: ag.checkpoint(lambda: ag.exp(w))().sum(), W)


def test_nested_arguments_and_results():
    def f(tree, *, scale):
        a, (b, text) = tree["x"], tree["rest"]
        return {"y": [ag.sin(a @ b), None, text], "z": (a * scale, a, 3)}

    def loss(wrap, a, b):
        result = wrap(f)({"x": a, "rest": (b, "label")}, scale=ag.tensor(2.0))
        assert result["y"][1:] == [None, "label"]
        assert result["z"][1] is a
        assert result["z"][2] == 3
        return (result["y"][0] ** 2).sum() + (result["z"][0] * result["z"][1]).sum()

    plain, saved = functools.partial(loss, lambda f: f), functools.partial(loss, ag.checkpoint)
    same(plain, saved, X, W, regrouped=True)


@pytest.mark.parametrize("used", [[0], [1], [2], [0, 1], [2, 0], [0, 1, 2]])
def test_any_of_several_results(used):
    """A result that is not used takes no part: its infinite slope does not become 0 times infinity."""

    def f(x):
        return ag.sqrt(x), x.to("float32") * 2, ag.exp(x) * x

    def loss(wrap, x):
        results = wrap(f)(x)
        return sum(results[i].to("float64").sum() for i in used)

    point = np.array([1.0, 4.0]) if 0 in used else np.array([0.0, 4.0])
    plain, saved = functools.partial(loss, lambda f: f), functools.partial(loss, ag.checkpoint)
    same(plain, saved, point, regrouped=len(used) == 3)


def test_the_function_runs_once_in_forward_and_once_in_each_backward():
    calls = []

    def f(x, w, b):
        calls.append(1)
        y = dense(x, w, b)
        return y, y * 2, y.sum()

    x, w, b = leaf(X), leaf(W), leaf(B)
    y, z, total = ag.checkpoint(f)(x, w, b)
    assert len(calls) == 1
    loss = y.sum() * total + z.sum()
    loss.backward(retain_graph=True)
    assert len(calls) == 2
    first = w.grad.numpy()
    loss.backward()
    assert len(calls) == 3
    np.testing.assert_array_equal(w.grad.numpy(), first * 2)
    with pytest.raises(ag.GradientError, match="already freed"):
        loss.backward()


def test_gradients_of_some_inputs_only():
    f = ag.checkpoint(dense)
    found = ag.grad(lambda x, w, b: f(x, w, b).sum(), (2, 0))(*map(ag.tensor, (X, W, B)))
    expected = ag.grad(lambda x, w, b: dense(x, w, b).sum(), (2, 0))(*map(ag.tensor, (X, W, B)))
    for mine, theirs in zip(found, expected, strict=True):
        assert mine.numpy().tobytes() == theirs.numpy().tobytes()


def test_dropout_has_the_same_mask_in_both_runs():
    key = ag.random.Generator(11)

    def block(x, w):
        hidden = ag.dropout(ag.tanh(x @ w), 0.5)
        return ag.dropout(hidden, 0.3, key=key) * ag.random.uniform(4, dtype="float64", key=5)

    def run(wrap):
        key.seed(11)
        wrapped = wrap(block)
        return lambda x, w: wrapped(wrapped(ag.dropout(x, 0.2), w), w).sum()

    def again(wrap):
        def loss(x, w):
            return run(wrap)(x, w)

        return loss

    same(again(lambda f: f), again(ag.checkpoint), X, W, rounds=3)


def test_generators_go_on_where_forward_left_them():
    key = ag.random.Generator(1)
    x = leaf(X)
    y = ag.checkpoint(lambda x: ag.dropout(ag.dropout(x, 0.5, key=key), 0.5))(x)
    between = key.counter.item(), ag.random.default_generator().counter.item()
    drawn = ag.random.normal(3, key=key)
    y.sum().backward()
    assert between == (1, 1)
    assert (key.counter.item(), ag.random.default_generator().counter.item()) == (2, 1)
    assert drawn.tolist() != ag.random.normal(3, key=key).tolist()


def test_a_seed_inside_the_function():
    def block(x):
        ag.random.seed(5)
        return ag.dropout(x, 0.5) * x

    same(lambda x: block(x).sum(), lambda x: ag.checkpoint(block)(x).sum(), X)


def test_nested_checkpoints():
    calls = {"inner": 0, "outer": 0}

    def inner(x, w):
        calls["inner"] += 1
        return ag.dropout(ag.tanh(x @ w), 0.5)

    def make(wrap):
        def outer(x, w):
            calls["outer"] += 1
            return wrap(inner)(wrap(inner)(x, w), w)

        return lambda x, w: (wrap(outer)(x, w) * w.sum()).sum()

    same(make(lambda f: f), make(ag.checkpoint), X, W, regrouped=True)
    # forward, and each level once more below the one above it
    assert calls == {"inner": 2 + 2 + 2 + 2, "outer": 1 + 2}


def test_under_no_grad_it_is_the_function():
    f = ag.checkpoint(dense)
    with ag.no_grad():
        y = f(leaf(X), leaf(W), leaf(B))
    assert not y.requires_grad
    assert not f(*map(ag.tensor, (X, W, B))).requires_grad


def test_backward_under_no_grad():
    x = leaf(X)
    y = ag.checkpoint(lambda x: ag.exp(x) * x)(x).sum()
    with ag.no_grad():
        y.backward()
    np.testing.assert_allclose(x.grad.numpy(), np.exp(X) * (1 + X))


def test_second_derivatives():
    w = ag.tensor(W)
    f = ag.checkpoint(lambda x: ag.tanh(x @ w) ** 2)
    plain = f.__wrapped__
    x, v = ag.tensor(B), ag.tensor(X[0])
    for transform in (
        ag.hessian,
        lambda g: lambda x: ag.hvp(g, x, v),
        lambda g: lambda x: ag.jvp(g, [x], [v])[1],
        lambda g: ag.grad(lambda x: (ag.grad(g)(x) ** 2).sum()),
        ag.jacobian,
    ):
        found = transform(lambda x: f(x).sum())(x)
        expected = transform(lambda x: plain(x).sum())(x)
        assert found.numpy().tobytes() == expected.numpy().tobytes()
    check_grad(ag.checkpoint(dense), X, W, B, order=2)
    check_grad(
        ag.checkpoint(lambda x, w: sum(ag.checkpoint(lambda x, w: (ag.sin(x @ w), x**3))(x, w))),
        X, W, order=2,
    )  # fmt: skip


def test_create_graph_reaches_what_enters_by_closure():
    def penalty(wrap):
        def loss(x, w):
            y = wrap(lambda x: ag.tanh(x @ w))(x).sum()
            (slope,) = ag.vjp(lambda x: wrap(lambda x: ag.tanh(x @ w))(x).sum(), x)[1](ag.ones(()))
            return y + (slope**2).sum()

        return loss

    same(penalty(lambda f: f), penalty(ag.checkpoint), X, W)


def test_in_a_captured_step_with_dropout():
    generator = ag.random.default_generator()

    def make(wrap):
        def step(x, w):
            x, w = x.detach(), w.detach()
            w.requires_grad = True
            block = wrap(lambda x: (ag.dropout(ag.tanh(x @ w), 0.5), x * 2))
            y, z = block(x)
            (block(y)[0] * z).sum().backward()
            return w.grad

        return step

    state = {"key": generator.key, "counter": generator.counter}
    arguments = ag.tensor(X), ag.tensor(W)
    results = []
    for wrap, capture in itertools.product([lambda f: f, ag.checkpoint], [False, True]):
        ag.random.seed(3)
        step = make(wrap)
        if capture:
            step = ag.capture(step, *arguments, state=state)
        drawn = [step(*arguments).numpy().tobytes() for _ in range(3)]
        results.append((drawn, generator.counter.item()))
    assert results[0] == results[1] == results[2] == results[3]
    assert len(set(results[0][0])) == 3


def chain(depth, wrap):
    x = ag.tensor(np.ones(50_000), requires_grad=True)

    def block(x):
        for _ in range(4):
            x = ag.sin(x)
        return x

    y = x
    for _ in range(depth):
        y = wrap(block)(y)
    return x, y.sum()


def peak_of(depth, wrap):
    gc.disable()
    try:
        tracemalloc.start()
        x, y = chain(depth, wrap)
        y.backward()
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    finally:
        gc.enable()
    assert x.grad is not None
    return peak / x.data.nbytes


def test_memory_grows_with_the_number_of_results_and_not_of_ops(on_numpy):
    """One array for each block instead of one for each op: the slope of memory over depth is a quarter."""
    plain = peak_of(24, lambda f: f) - peak_of(12, lambda f: f)
    saved = peak_of(24, ag.checkpoint) - peak_of(12, ag.checkpoint)
    assert plain == pytest.approx(48, abs=1)
    assert saved == pytest.approx(12, abs=1)


def test_memory_stays_flat_where_one_checkpoint_holds_the_whole_chain_in_checkpoints(on_numpy):
    """Square-root schedule: 36 blocks as 6 checkpoints of 6 checkpoints."""

    def six(f):
        def run(x):
            for _ in range(6):
                x = ag.checkpoint(f)(x)
            return x

        return run

    nested = peak_of(6, lambda f: ag.checkpoint(six(f)))
    assert nested < 6 + 6 + 4 + 6
    assert peak_of(36, lambda f: f) > 140


def test_the_graph_inside_is_freed_at_once():
    gc.collect()
    gc.disable()
    try:
        before = nodes()
        x, y = chain(5, ag.checkpoint)
        assert nodes() == before + 6  # one a checkpoint, and the sum
        y.backward()
        assert nodes() == before + 1
        del x, y
        assert nodes() == before
        x, y = chain(2, ag.checkpoint)
        y.backward(create_graph=True)
        # on purpose a graph that refers to itself: the gradient of a leaf, held by the leaf
        x.grad = None
        del x, y
        assert nodes() == before
    finally:
        gc.enable()


def test_a_deep_chain():
    x = leaf(np.ones(1))
    step = ag.checkpoint(lambda x: x * 1.0)
    y = x
    for _ in range(5_000):  # five times as many as Python calls may lie in one another
        y = step(y)
    y.sum().backward()
    assert x.grad.tolist() == [1.0]
    z = x
    for _ in range(20_000):
        z = step(z)
    del z


def test_what_a_failed_backward_left_is_not_taken_by_the_next():
    """Of several results, each in its turn: the error comes before, between and behind the others."""

    def fail(xp, g, x):
        raise LookupError

    bad = ag.op(vjp=dict(x=fail))(lambda xp, x: xp.multiply(x, 1.0))
    for order in itertools.permutations(range(3)):
        for wanted in range(3):
            x = leaf(np.array([1.0, 2.0]))
            results = ag.checkpoint(lambda x: (x * 2.0, x * 3.0, x * 5.0))(x)
            terms = [results[0].sum() * 7.0, results[1].sum() * 11.0, bad(results[2]).sum()]
            with pytest.raises(LookupError):
                sum(terms[k] for k in order).backward(retain_graph=True)
            x.grad = None
            results[wanted].sum().backward()
            assert x.grad.tolist() == [(2.0, 3.0, 5.0)[wanted]] * 2, (order, wanted)
