"""Capturing steps: the hazards of tracing, state, and programs that do what eager does."""

from __future__ import annotations

import numpy as np
import pytest

import autograd as ag
import backends
from backends.errors import ProgramError, TraceError

# Tracing: what cannot become part of a program says so, and says what to do.
OUTSIDE = ag.tensor([1.0, 2.0])


@pytest.mark.parametrize(
    ("step", "message"),
    [
        (lambda x: x.sum().item(), "need a value"),
        (lambda x: ag.tensor(x.numpy()), "need a value"),
        (lambda x: ag.tensor(x.tolist()), "need a value"),
        (lambda x: np.asarray(x), "need a value"),
        (lambda x: x if x.sum() > 0 else -x, "where|need a value"),
        (lambda x: x[x > 0], "where"),
        (lambda x: x + OUTSIDE, r"undeclared.*state="),
        (lambda x: OUTSIDE * x, r"undeclared.*state="),
        (lambda x: x + np.ones(2), r"undeclared.*shape \(2,\)"),
        (lambda x: ag.add(x, [1.0] * 100), "undeclared"),
        (lambda x: x[np.array([0, 1])], "undeclared"),
        (lambda x: x[[0, 1] * 50], "undeclared"),
        (lambda x: ag.concat([x, OUTSIDE]), "undeclared"),
        (lambda x: 3.0, "returns tensors"),
        (lambda x: OUTSIDE, "returns tensors"),
        (lambda x: x + ag.random.normal(2), "undeclared|state="),
        (lambda x: ag.dropout(x, 0.5), "undeclared|state="),
    ],
)
def test_hazards_of_tracing(step, message):
    x = ag.tensor([1.0, 2.0])
    with pytest.raises(TraceError, match=message):
        ag.capture(step, x, state={})
    assert x.tolist() == [1.0, 2.0]
    assert (OUTSIDE * 1).tolist() == [1.0, 2.0]


def test_a_tensor_of_an_earlier_trace_is_refused():
    kept = []

    def keep(x):
        kept.append(x)
        return x * 2

    ag.capture(keep, ag.ones(2), state={})
    with pytest.raises(TraceError, match="another trace"):
        ag.capture(lambda x: x + kept[0]._data, ag.ones(2), state={})
    with pytest.raises(TraceError):
        ag.capture(lambda x: x + kept[0], ag.ones(2), state={})


def test_an_exception_in_the_step_restores_state():
    w = ag.tensor([1.0], requires_grad=True)
    (w * 2).sum().backward()
    grad, array = w.grad, w.data

    def broken(x):
        w.assign(w * x)
        raise KeyError("half-way")

    with pytest.raises(KeyError):
        ag.capture(broken, ag.tensor(2.0), state={"w": w})
    assert w.data is array
    assert w.grad is grad
    assert w.backend == backends.default().name != "trace"


def test_an_exception_in_a_run_leaves_state_untouched():
    w = ag.tensor([1.0])

    def step(x):
        w.assign(w * x)
        return w

    captured = ag.capture(step, ag.tensor(2.0), state={"w": w})
    with pytest.raises(ProgramError):
        captured(ag.tensor([2.0, 3.0]))
    assert w.tolist() == [1.0]
    assert captured(ag.tensor(3.0)).tolist() == [3.0]


def test_one_tensor_under_two_names_is_refused():
    w = ag.tensor([1.0])
    with pytest.raises(TraceError, match="two names"):
        ag.capture(lambda x: x * w, ag.tensor(1.0), state={"a": w, "b": w})


def test_returned_values_do_not_share_memory_with_state():
    w = ag.tensor([1.0, 2.0])

    def step(x):
        w.assign(w + x)
        return w.reshape(2)

    captured = ag.capture(step, ag.tensor(1.0), state={"w": w})
    first = captured(ag.tensor(1.0))
    second = captured(ag.tensor(1.0))
    assert first.tolist() == [2.0, 3.0]
    assert second.tolist() == [3.0, 4.0]


def test_a_training_step_as_a_program_is_bit_equal_to_eager():
    """On NumPy; elsewhere eager may run a whole rule as one kernel, and the last bits differ."""
    exact = backends.default().name == "numpy"

    def make():
        draw = np.random.default_rng(0)
        w = ag.tensor(draw.normal(size=(4, 3)), dtype="float32", requires_grad=True)
        b = ag.zeros(3, requires_grad=True)
        v = ag.zeros((4, 3))

        def step(x, labels, rate):
            loss = ag.softmax_cross_entropy(ag.linear(x, w, b), labels).mean()
            loss.backward()
            v.assign(v * 0.9 - w.grad * rate)
            w.assign(w.detach() + v)
            b.assign(b.detach() - b.grad * rate)
            w.grad = b.grad = None
            return {"loss": loss.detach(), "norm": [ag.norm(w).detach()]}

        return step, {"w": w, "b": b, "v": v}

    x = ag.tensor(np.random.default_rng(1).normal(size=(8, 4)), dtype="float32")
    labels = ag.tensor([0, 1, 2, 0, 1, 2, 0, 1])
    rate = ag.tensor(0.1)
    eager, state = make()
    traced, other = make()
    program = ag.capture(traced, x, labels, rate, state=other)
    for _ in range(5):
        expected, found = eager(x, labels, rate), program(x, labels, rate)
        for mine, theirs in zip(
            (found["loss"], found["norm"][0]), (expected["loss"], expected["norm"][0]), strict=True
        ):
            np.testing.assert_allclose(mine.numpy(), theirs.numpy(), rtol=0 if exact else 1e-6)
    for name in state:
        mine, theirs = state[name].numpy(), other[name].numpy()
        np.testing.assert_allclose(mine, theirs, rtol=0, atol=0 if exact else 1e-6)


def test_a_captured_step_keeps_the_structure_of_its_result_and_no_tensor_of_the_trace():
    x = ag.ones(3)
    step = ag.capture(lambda x: {"sum": x.sum(), "pair": (x, x * 2)}, x, state={})
    assert step.result == {"sum": 0, "pair": (0, 0)}
    assert step(x)["pair"][1].tolist() == [2.0, 2.0, 2.0]
