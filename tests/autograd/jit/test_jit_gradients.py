"""Gradients around and inside compiled steps: those that are left behind, transforms, nesting, checkpoints, modes."""

from __future__ import annotations

import pytest
from steps import counter, ones

import autograd as ag
import backends

pytestmark = pytest.mark.once


def test_gradients_that_a_step_leaves_behind_are_kept_or_refused():
    w = ag.ones(3, requires_grad=True)

    def step(x):
        (w * x).sum().backward()

    try:
        f = ag.jit(step, state=[w])
        f(ones(3))
        f(ones(3))
    except ag.TraceError as error:
        assert "grad" in str(error)  # noqa: PT017
    else:
        assert w.grad is not None
        assert w.grad.tolist() == [2.0] * 3


def test_gradients_that_are_there_before_a_step():
    """An update on its own reads them, and a step may clear them: as eager does, or an error."""
    w = ag.ones(2, requires_grad=True)

    def update():
        if w.grad is not None:
            w.assign(w.detach() - w.grad)

    def clear(x):
        (w * x).sum().backward()
        w.grad = None

    (w * 5).sum().backward()
    try:
        ag.jit(update, state=[w])()
        assert w.tolist() == [-4.0, -4.0]
    except ag.TraceError as error:
        assert "grad" in str(error)  # noqa: PT017
    try:
        ag.jit(clear, state=[w])(ones())
        assert w.grad is None
    except ag.TraceError as error:
        assert "grad" in str(error)  # noqa: PT017


def test_gradients_from_before_are_left_alone():
    w = ag.ones(3, requires_grad=True)
    (w * 5).sum().backward()

    @ag.jit(state=[w])
    def step(x):
        w.grad = None
        (w * x).sum().backward()
        g, w.grad = w.grad, None
        w.assign(w.detach() - g)
        return g

    assert step(ones(3)).tolist() == [1.0] * 3
    assert w.requires_grad
    assert w.tolist() == [0.0] * 3


def cubes(x):
    return (x**3).sum()


def test_transforms_of_compiled_and_compiled_transforms():
    x, inner = ag.tensor([1.0, 2.0]), ag.jit(cubes)
    assert ag.grad(inner)(x).tolist() == [3.0, 12.0]
    assert ag.hessian(inner)(x).tolist() == [[6.0, 0.0], [0.0, 12.0]]
    value, change = ag.jvp(inner, (x,), (ag.ones(2),))
    assert (value.item(), change.item()) == (9.0, 15.0)
    for f in (cubes, inner):
        assert ag.jit(ag.grad(f))(x).tolist() == [3.0, 12.0]
        assert ag.jit(ag.hessian(f))(x).tolist() == [[6.0, 0.0], [0.0, 12.0]]
        assert ag.jit(lambda x, f=f: ag.grad(lambda y: ag.grad(f)(y).sum())(x))(x).tolist() == [6.0, 12.0]  # fmt: skip
        assert ag.jit(lambda x, f=f: f(f(x) * x))(x).item() == pytest.approx(9**3 + 18**3)
    leaf = ag.tensor([1.0, 2.0], requires_grad=True)
    inner(leaf).backward()
    assert leaf.grad.tolist() == [3.0, 12.0]


def test_a_compiled_step_inside_another():
    w, add = counter()

    @ag.jit(state=[w])
    def twice(x):
        add(x)
        add(x * 2)
        return w

    assert twice(ones()).tolist() == [3.0, 3.0]
    assert twice(ones()).tolist() == [6.0, 6.0]
    add(ones())
    assert w.tolist() == [7.0, 7.0]
    with pytest.raises(ag.TraceError, match=r"undeclared|state="):
        ag.jit(lambda x: add(x))(ones())
    assert w.tolist() == [7.0, 7.0]


def test_checkpoint_inside():
    w = ag.full(8, 2.0, requires_grad=True)

    def step(x):
        w.grad = None
        ag.checkpoint(lambda v: ag.dropout(v * w, 0.5) ** 2)(x).sum().backward()
        g, w.grad = w.grad, None
        return g

    ag.random.seed(4)
    expected = [step(ones(8)).tolist() for _ in range(2)]
    ag.random.seed(4)
    f = ag.jit(step, state=[w])
    assert [f(ones(8)).tolist() for _ in range(2)] == expected


def test_results_over_state_that_requires_gradients():
    """They have no graph behind them, and the error says that it is the compiled step that has none."""
    w = ag.ones(2, requires_grad=True)
    loss = ag.jit(lambda x: (w * x).sum(), state=[w])(ones())
    if not loss.requires_grad:
        with pytest.raises(ag.GradientError, match=r"jit|compiled"):
            loss.backward()


def test_no_grad_is_part_of_what_was_traced():
    w = ag.ones(2, requires_grad=True)

    @ag.jit(state=[w])
    def step(x):
        if (w * x).requires_grad:
            return x * 1
        return x * 2

    assert step(ones()).tolist() == [1.0, 1.0]
    with ag.no_grad():
        assert step(ones()).tolist() == [2.0, 2.0]
    assert step(ones()).tolist() == [1.0, 1.0]


def test_anomaly_detection_runs_the_function_itself():
    seen = []

    def f(x):
        seen.append(x.backend)
        return ag.sqrt(x - 1.0).sum()

    jitted = ag.jit(f)
    jitted(ones())
    with ag.detect_anomaly():
        jitted(ones())
    assert seen == ["trace", backends.default().name]
    x = ag.tensor([1.0, 1.0], requires_grad=True)
    with pytest.raises(ag.AnomalyError), ag.detect_anomaly():
        ag.jit(lambda x: (ag.sqrt(x - 1.0) * 0.0).sum())(x).backward()
