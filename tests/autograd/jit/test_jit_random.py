"""Draws inside a compiled step are new at each call, and those of eager."""

from __future__ import annotations

import numpy as np
import pytest
from steps import ones

import autograd as ag

pytestmark = [pytest.mark.once, pytest.mark.devices]


@pytest.mark.parametrize(
    "draw",
    [
        lambda x: ag.dropout(x, 0.5),
        lambda x: x + ag.random.normal(64),
        lambda x: x + ag.random.uniform((64,), dtype="float64").to("float32"),
        lambda x: x * ag.random.bernoulli(64, 0.3).to("float32") + ag.dropout(x, 0.2),
        lambda x: x[ag.random.permutation(64)] * ag.arange(64),
    ],
    ids=["dropout", "normal", "uniform", "two draws", "permutation"],
)
def test_draws_are_new_each_time_and_those_of_eager(draw, backend):
    x = ag.arange(64).to("float32") + 1.0
    ag.random.seed(5)
    expected = [draw(x).numpy() for _ in range(3)]
    after = ag.random.uniform(2).tolist()
    ag.random.seed(5)
    jitted = ag.jit(draw)
    got = [jitted(x).numpy() for _ in range(3)]
    assert ag.random.uniform(2).tolist() == after
    for mine, theirs in zip(got, expected, strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=0 if backend == "numpy" else 1e-5, atol=1e-6)
    assert len({a.tobytes() for a in got}) == 3
    ag.random.seed(5)
    assert jitted(x).numpy().tobytes() == got[0].tobytes()
    assert jitted.traces == 1


@pytest.mark.parametrize("shape", [(), (1,), (1, 1), (2,)], ids=str)
def test_two_draws_of_one_number(shape):
    """The second needs the counter that follows the first: no loop may hold both."""
    draws = {
        "uniform": lambda x: x + ag.random.uniform(shape) * ag.random.uniform(shape),
        "bernoulli": lambda x: x + ag.random.bernoulli(shape).to("float32") * 2 + ag.random.bernoulli(shape).to("float32"),
        "dropout": lambda x: ag.dropout(ag.dropout(x + 1.0, 0.3), 0.3),
        "mixed": lambda x: x * ag.random.uniform(shape) + ag.random.normal(shape) - ag.dropout(x + 1.0, 0.5) * ag.random.uniform(shape),
    }  # fmt: skip
    x = ag.zeros(shape)
    for name, draw in draws.items():
        ag.random.seed(3)
        expected = [draw(x).numpy() for _ in range(4)]
        ag.random.seed(3)
        f = ag.jit(draw)
        for theirs in expected:
            np.testing.assert_allclose(f(x).numpy(), theirs, 1e-5, 1e-6, err_msg=name)


def test_a_generator_of_the_users_own_is_state():
    mine = ag.random.Generator(3)
    f = ag.jit(lambda x: x + ag.random.uniform(2, key=mine), state=[mine.key, mine.counter])
    got = [f(ag.zeros(2)).tolist() for _ in range(2)]
    again = ag.random.Generator(3)
    assert got == [ag.random.uniform(2, key=again).tolist() for _ in range(2)]
    with pytest.raises(ag.TraceError, match="state="):
        ag.jit(lambda x: x + ag.random.uniform(2, key=ag.random.default_generator() and again))(ones())  # fmt: skip


def test_preparing_draws_nothing():
    f = ag.jit(lambda x: ag.dropout(x, 0.5))
    ag.random.seed(1)
    f.prepare(ones(64))
    first = f(ones(64)).tolist()
    ag.random.seed(1)
    assert first == ag.dropout(ones(64), 0.5).tolist()


def test_a_generator_that_is_set_back():
    f = ag.jit(lambda x: x + ag.random.uniform(2))
    generator = ag.random.default_generator()
    f(ones())
    state = generator.state
    first = [f(ones()).tolist() for _ in range(2)]
    generator.state = state
    assert [f(ones()).tolist() for _ in range(2)] == first
    assert [word.item() for word in state] == [0, 1]
    # nobody else holds these arrays, so no copy tells that they are others
    generator.state = tuple(ag.full((), word.item(), "uint64") for word in state)
    assert [f(ones()).tolist() for _ in range(2)] == first
