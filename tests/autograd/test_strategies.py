"""The strategies give what they promise, and what they give shrinks to something that a person can read."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from grouping import by, grouped
from hypothesis import Phase, find, given, settings
from hypothesis import strategies as st

import autograd as ag
from autograd.ops import OPS
from autograd.testing import GradientMismatch, Undecided, check_grad, check_vjp, strategies
from autograd.testing.program import usable_ops

pytestmark = pytest.mark.once

ROOT = Path(__file__).resolve().parents[2]
SEARCH = settings(max_examples=3000, derandomize=True, database=None, deadline=None)


def first(strategy, condition):
    """The simplest example, the same at every run."""
    return find(strategy, condition, settings=SEARCH)


def exists(strategy, condition):
    """Whether there is such an example; the first one ends the search, whatever its size."""
    one = settings(SEARCH, phases=[Phase.generate], report_multiple_bugs=False)
    return find(strategy, condition, settings=one) is not None


def test_hypothesis_is_imported_only_with_the_strategies():
    code = "import sys, autograd.testing; print('hypothesis' in sys.modules, 'pytest' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]


@pytest.mark.parametrize(
    "condition",
    [
        lambda x: x.shape == (),
        lambda x: x.size == 0,
        lambda x: x.ndim == 3 and x.size > 6,
        lambda x: x.ndim == 2 and not x.flags.c_contiguous and x.flags.f_contiguous,
        lambda x: x.size > 1 and any(s < 0 for s in x.strides),
        lambda x: x.size > 1 and not x.flags.c_contiguous and not x.flags.f_contiguous,
    ],
)
def test_every_kind_of_array_occurs(condition):
    assert exists(strategies.arrays(), condition)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize(
    ("name", "condition"),
    [
        ("zeros", lambda x: (x == 0).any() and np.signbit(x).any()),
        (
            "subnormal",
            lambda x: ((x != 0) & (np.abs(x) < np.finfo(x.dtype).smallest_normal)).any(),
        ),
        ("huge", lambda x: (np.abs(x) > 1e18).any()),
        ("inf", lambda x: np.isinf(x).any()),
        ("nan", lambda x: np.isnan(x).any()),
    ],
)
def test_special_values_occur_on_demand(name, condition, dtype):
    found = first(strategies.arrays(shape=(2,), dtype=dtype, special=[name]), condition)
    assert found.dtype == dtype
    assert found.shape == (2,)


@given(strategies.arrays(interval=(0.5, 2.0), dtype="float32"))
def test_without_demand_values_are_those_of_the_interval(x):
    assert ((x >= 0.5) & (x <= 2.0)).all()


def test_unknown_names_are_explained():
    with pytest.raises(ValueError, match="known are zeros, subnormal"):
        first(strategies.arrays(special=["odd"]), lambda x: True)
    with pytest.raises(ValueError, match="known are row, column"):
        first(strategies.arrays(layout="diagonal"), lambda x: True)


@given(strategies.arrays(layout="row"), st.sampled_from(strategies.LAYOUTS))
def test_a_layout_keeps_the_values(x, layout):
    other = strategies.with_layout(x, layout)
    assert other.dtype == x.dtype
    np.testing.assert_array_equal(other, x)


@given(st.data(), strategies.shapes())
def test_partners_broadcast(data, shape):
    partner = data.draw(strategies.broadcast_partners(shape))
    assert np.broadcast_shapes(shape, partner) == shape


@given(strategies.tensors(requires_grad=True, shape=(2, 3), dtype="float32"))
def test_tensors(x):
    assert isinstance(x, ag.Tensor)
    assert x.shape == (2, 3)
    assert x.requires_grad


@grouped("op", by(OPS.values(), lambda op: op.forward.__module__.rpartition(".")[2]))
def test_arguments_of_every_op_are_accepted_by_it(op, full):
    @settings(max_examples=60 if full else 4)
    @given(strategies.op_arguments(op))
    def accepted(call):
        with np.errstate(all="ignore"):  # one element has no spread
            call.subject().value(call.inputs)

    accepted()


@given(strategies.op_arguments(ag.log))
def test_arguments_respect_the_domain(call):
    check_grad(call.subject(), *call.inputs)


@given(strategies.programs())
def test_a_program_is_a_function_with_inputs_and_a_text_that_is_its_source(program):
    inputs = program.inputs()
    expected = program.subject().value(inputs)
    scope = {"ag": ag}
    exec("\n".join(program.subject().imports()), scope)
    found = scope["program"](*map(ag.tensor, inputs))
    np.testing.assert_array_equal(found.numpy(), expected)


def test_programs_are_deep_share_values_and_use_every_op(full):
    assert exists(strategies.programs(), lambda p: len(p.steps) >= 5)

    def shares(program):
        used = [a for step in program.steps for a in step.arguments]
        return any(used.count(a) > 1 for a in used)

    assert exists(strategies.programs(), shares)
    if full:
        assert len(first(strategies.programs(), shares).steps) <= 2
    seen = set()

    # the more programs, the more of the ops that need inputs of a special shape or sign, which a short one seldom has
    examples, share = (1500, 0.7) if full else (150, 0.35)

    @settings(max_examples=examples)
    @given(strategies.programs())
    def collect(program):
        seen.update(step.op.name for step in program.steps)

    collect()
    assert len(seen) > share * len(usable_ops()), sorted(seen)


def wrong_rule(op, monkeypatch):
    """A factor of 1.1 in the first rule of an op."""
    wrong, original = next(iter(op.vjp)), type(op)._make_pullback

    def patched(self, position, name, saved):
        rule = original(self, position, name, saved)
        if self is op and name == wrong:
            return lambda xp, g, values, node: xp.multiply(rule(xp, g, values, node), 1.1)
        return rule

    monkeypatch.setattr(type(op), "_make_pullback", patched)
    monkeypatch.setattr(op, "_plans", {})


def fails(program):
    try:
        check_vjp(program.subject(), *program.inputs())
    except GradientMismatch:
        return True
    except Undecided:
        return False
    return False


SHRUNK = ("multiply",)
"""Found soonest; with `--full` others, too, some after a thousand programs. Ops of one input are below by default, too."""


@pytest.mark.parametrize("name", [*SHRUNK, "tanh", "matmul", "sum", "getitem", "softmax", "log"])
def test_a_planted_bug_shrinks_to_the_op_that_has_it(name, full, monkeypatch):
    if name not in SHRUNK and not full:
        pytest.skip("takes long; with --full")
    wrong_rule(OPS[name], monkeypatch)
    program = first(strategies.programs(), fails)
    assert len(program.steps) <= 2
    assert f".{name}(" in repr(program)
    with pytest.raises(GradientMismatch) as caught:
        check_vjp(program.subject(), *program.inputs())
    assert repr(program) in str(caught.value)


def test_a_program_in_a_report_can_be_run(monkeypatch):
    wrong_rule(OPS["softmax"], monkeypatch)
    program = first(strategies.programs(ops=[ag.softmax, ag.add]), fails)
    with pytest.raises(GradientMismatch) as caught:
        check_vjp(program.subject(), *program.inputs())
    with pytest.raises(GradientMismatch) as again:
        exec(caught.value.reproducer, {})
    assert str(caught.value).splitlines()[0] == str(again.value).splitlines()[0]


def test_a_planted_bug_in_an_activation_is_found_by_perceptrons(monkeypatch):
    wrong_rule(ag.elu.op, monkeypatch)
    program = first(strategies.mlps(), fails)
    assert ".elu(" in repr(program)
    assert len(program.steps) <= 6


def test_perceptrons_have_right_gradients(full):
    @settings(max_examples=80 if full else 20)
    @given(strategies.mlps())
    def right(program):
        check_grad(program.subject(), *program.inputs())

    right()


def test_without_hypothesis_the_package_still_imports():
    code = (
        "import sys; sys.modules['hypothesis'] = None; from autograd import testing; "
        "testing.check_grad(testing.TensorSubject(lambda x: x * x), [1.0]); print('fine')"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["fine"]
