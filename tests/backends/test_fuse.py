"""Which instructions share a pass over memory."""

from __future__ import annotations

import numpy as np
import pytest

import autograd as ag
from backends.contract import Spec, float32
from backends.program import TraceBackend
from backends.program.arithmetic import accepts_loop
from backends.program.fuse import plan
from backends.program.passes import simplify
from backends.program.prepare import prepare


def groups(rule, *shapes, **static):
    """The groups of a rule on float32 arrays."""
    trace = TraceBackend()
    symbols = [trace.parameter(Spec(s, float32), "input", str(i)) for i, s in enumerate(shapes)]
    result = rule(trace, *symbols, **static)
    results = result if isinstance(result, tuple) else (result,)
    outputs = [(f"y{i}", y) for i, y in enumerate(results)]
    return plan(prepare(simplify(trace.finish("rule", [], outputs))), accepts_loop).groups


@pytest.mark.parametrize("approximate", ["none", "tanh"])
def test_the_gradient_of_gelu_is_one_pass(approximate):
    """Three chains of arithmetic begin at the input, each too dear to be computed twice."""
    shape = (64, 256)
    (group,) = groups(ag.gelu.op.vjp["x"], shape, shape, approximate=approximate)
    assert (group.kind, group.domain) == ("rows", shape)


def functions_of_two(xp, x, other):
    """Nothing that one reads is read by the other until they are added."""
    return xp.exp(x * 2.0) + xp.log(other * 3.0)


def test_chains_that_meet_are_one_pass():
    assert len(groups(functions_of_two, (4, 5), (4, 5))) == 1


def test_a_chain_of_another_shape_has_a_pass_of_its_own():
    """What is repeated is computed once: there are fewer of them."""
    assert [g.domain for g in groups(functions_of_two, (4, 5), (5,))] == [(4, 5), (5,), (4, 5)]


def test_a_chain_joins_the_rows_that_are_reduced():
    def rule(xp, x, other):
        total = xp.sum(xp.exp(x), axis=(1,), keepdims=True)
        return xp.tanh(other) / total

    (group,) = groups(rule, (4, 5), (4, 5))
    assert group.reduced == {1}


def test_a_chain_is_no_part_of_a_product():
    """It would be computed tile by tile, for a reader that is elsewhere."""

    def rule(xp, x, w, other):
        return xp.tanh(xp.matmul(x, w)), xp.log(xp.exp(other))

    kinds = [g.kind for g in groups(rule, (4, 5), (5, 6), (4, 6))]
    assert kinds == ["product", "rows"]


def test_results_of_one_pass_have_the_bits_of_two():
    pytest.importorskip("llvmlite")
    draw = np.random.default_rng(0)
    a, b = (ag.tensor(draw.uniform(0.5, 2.0, (40, 50)).astype("float32"), backend="numba") for _ in range(2))
    together = ag.jit(lambda a, b: ag.exp(a * 2.0) + ag.log(b * 3.0))(a, b)
    first, second = ag.jit(lambda a: ag.exp(a * 2.0))(a), ag.jit(lambda b: ag.log(b * 3.0))(b)
    assert together.numpy().tobytes() == (first.numpy() + second.numpy()).tobytes()
