"""What cannot be compiled or goes wrong is an error with the way out, and leaves state as it was."""

from __future__ import annotations

import numpy as np
import pytest
from steps import ones

import autograd as ag
import backends

pytestmark = [pytest.mark.once, pytest.mark.devices]


def test_what_needs_a_value_is_an_error_with_the_way_out():
    cases = [
        (lambda x: x if x.sum() > 0 else -x, r"where\(condition, a, b\)|need a value"),
        (lambda x: x * x.sum().item(), r"item\(\) and numpy\(\) need a value"),
        (lambda x: x * x.numpy(), "need a value"),
        (lambda x: x * np.asarray(x), "need a value|no values yet"),
        (lambda x: x * float(x.sum()), "need a value|no values yet"),
        (lambda x: x[x > 0], "where"),
        (lambda x: 3.0, "returns tensors"),
        (lambda x: x * len(x.tolist()), "need a value"),
    ]
    for f, message in cases:
        jitted = ag.jit(f)
        with pytest.raises(ag.TraceError, match=message):
            jitted(ones())
        assert jitted.traces == 0


def test_a_float_argument_that_decides_is_an_error():
    with pytest.raises(ag.TraceError):
        ag.jit(lambda x, rate: x if rate > 0 else -x)(ones(), 1.0)


def test_printing_inside_does_no_harm(capsys):
    def f(x):
        print("x is", x)
        return x + 1

    jitted = ag.jit(f)
    assert jitted(ones()).tolist() == jitted(ones()).tolist() == [2.0, 2.0]
    assert capsys.readouterr().out.count("x is") == 1


def test_an_index_out_of_range_leaves_state_untouched():
    table, count = ag.tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True), ag.zeros(())

    @ag.jit(state=[table, count])
    def step(i):
        count.assign(count + 1)
        table.grad = None
        loss = (ag.dropout(table[i], 0.0) ** 2).sum()
        loss.backward()
        table.assign(table.detach() - table.grad * 0.5)
        table.grad = None
        return loss

    good, bad = ag.tensor([0, 1]), ag.tensor([0, 2])
    with pytest.raises(IndexError, match=r"out of (range|bounds)"):
        step(bad)
    assert table.tolist() == [[1.0, 2.0], [3.0, 4.0]]
    assert count.item() == 0
    before = ag.random.default_generator().counter.item()
    for _ in range(2):
        with pytest.raises(IndexError, match=r"out of (range|bounds)"):
            step(ag.tensor([-3, 0]))
    assert ag.random.default_generator().counter.item() == before
    assert step(good).item() == 30.0
    assert table.tolist() == [[0.0, 0.0], [0.0, 0.0]]
    assert count.item() == 1
    assert step(ag.tensor([-1, -2])).item() == 0.0


def test_an_error_while_tracing_leaves_everything():
    w = ag.ones(2, requires_grad=True)
    fails = True

    def step(x):
        w.assign(w.detach() + ag.dropout(x, 0.5))
        (w * x).sum().backward()
        if fails:
            raise KeyError("half-way")
        w.grad = None

    f = ag.jit(step, state=[w])
    array, draws = w.data, ag.random.default_generator().counter.item()
    for _ in range(2):
        with pytest.raises(KeyError, match="half-way"):
            f(ones())
    assert w.data is array
    assert w.grad is None
    assert w.backend == backends.default().name
    assert ag.random.default_generator().counter.item() == draws
    fails = False
    f(ones())
    assert w.tolist() != [1.0, 1.0]


def test_looking_inside_before_the_first_call():
    f = ag.jit(lambda x: x)
    for look in (f.program_text, f.memory_report, f.kernels, f.source):
        with pytest.raises(ag.TraceError, match="call the function first"):
            look()


@pytest.mark.host
def test_state_and_arguments_on_two_backends(backend):
    other = "numba" if backend == "numpy" else "numpy"
    w = ag.ones(2, backend=other)
    f = ag.jit(lambda x: x * w, state=[w])
    with pytest.raises(backends.BackendError, match=r"numba.*numpy"):
        f(ag.ones(2, backend=backend))
    assert f(ag.ones(2, backend=other)).backend == other


@pytest.mark.usefixtures("two_threads")
def test_an_error_with_two_threads():
    draw = np.random.default_rng(0)
    table = ag.tensor(draw.standard_normal((100, 128)).astype(np.float32))
    before = table.numpy()

    @ag.jit(state=[table])
    def step(i):
        rows = table[i]
        table.assign(table + ag.tanh(rows @ rows.T @ rows)[:100])

    bad = np.arange(200) % 100
    for place in (0, 199, 100):
        i = bad.copy()
        i[place] = 100
        with pytest.raises(IndexError, match="out of"):
            step(i)
        assert table.numpy().tobytes() == before.tobytes()
    step(bad)
    assert table.numpy().tobytes() != before.tobytes()


CAUGHT = {
    "float": lambda x: float(x.max()),
    "item": lambda x: x.max().item(),
    "branch": lambda x: 2.0 if x.max() > 0 else 3.0,
    "numpy": lambda x: x.numpy()[0],
    "mask": lambda x: x[x > 0].sum(),
}


@pytest.mark.parametrize("error", [Exception, RuntimeError, ag.TraceError])
@pytest.mark.parametrize("name", CAUGHT)
def test_a_refusal_that_the_step_catches_is_raised_at_the_end(name, error):
    """Else the program would hold what the handler gave, for ever."""

    def step(x):
        try:
            scale = CAUGHT[name](x)
        except error:
            scale = 100.0
        return x * scale

    with pytest.raises(ag.TraceError, match=r"value|mask|branch"):
        ag.jit(step)(ag.ones(2))
    assert step(ag.ones(2)).tolist() != [100.0, 100.0]
    assert ag.jit(lambda x: x * 2.0)(ag.ones(2)).tolist() == [2.0, 2.0]


def test_a_refusal_that_is_caught_outside_of_the_step_is_over():
    step = ag.jit(lambda x: x * float(x.max()))
    for _ in range(2):
        with pytest.raises(ag.TraceError):
            step(ag.ones(2))
        assert ag.jit(lambda x: x * 2.0)(ag.ones(2)).tolist() == [2.0, 2.0]
