"""Every gradient rule of the library, with a fault put into it, is noticed by the checks that its declaration makes."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from grouping import by, grouped
from mutation import KINDS, campaign, kill_rate, mutants
from mutation.__main__ import main
from mutation.changes import changes
from mutation.mutant import rules_of

import autograd as ag
from autograd.call import apply
from autograd.ops import OPS
from autograd.testing import GradientMismatch, Undecided, check_grad, samples
from autograd.testing.conventions import CONVENTIONS
from autograd.testing.rules import rule_name, rule_positions, run_forward, run_rule, trace_rule

pytestmark = pytest.mark.once

WITH_RULES = [op for op in OPS.values() if op.vjp]


PARTS = 12
"""Tests among which the ops are dealt out: those with few mutants, most of them equivalent, are not together."""


def smaller(op):
    """Samples of which a check at ties, in every window, does not take seconds."""
    found = samples(op)
    if op is ag.max_pool2d.op:
        found = [s._replace(inputs=(s.inputs[0][:, :1, :3, :4],)) for s in found if s.static.get("padding") == 1]  # fmt: skip
        assert found
    return found


@pytest.mark.parametrize("part", range(PARTS))
def test_the_checks_kill_every_mutant_that_is_a_fault(part, request, monkeypatch):
    """At least three mutants of every rule, few of them equivalent; 16 with `--full`."""
    ops, per_rule = WITH_RULES[part::PARTS], 16
    if not request.config.getoption("--full"):
        monkeypatch.setattr(campaign, "samples", smaller)
        per_rule = 3
    report = kill_rate(ops, per_rule=per_rule)
    assert [mutant.name for mutant in report.survivors] == []
    assert report.rate == 1.0
    counts = Counter((r.mutant.rule.op.name, rule_name(r.mutant.rule)) for r in report.results)
    assert counts.keys() == {(op.name, name) for op in ops for name in op.vjp}
    assert min(counts.values()) >= min(per_rule, 5)
    # most mutants of a rule that gives 0 give 0, too
    flat = {op.name for op in ops if "its gradient is 0" in op.forward.__doc__}
    results, equivalent = (
        [m for m in found if m.rule.op.name not in flat] for found in ([r.mutant for r in report.results], report.equivalent)
    )  # fmt: skip
    assert len(equivalent) < 0.15 * len(results)
    the_table_counts_every_mutant(report, ops)


def the_table_counts_every_mutant(report, ops):
    lines = report.table("kind").splitlines()
    assert lines[0].split()[:2] == ["kind", "mutants"]
    total = lines[-1].split()
    assert total[0] == "total"
    assert int(total[1]) == len(report.results) == sum(int(n) for n in total[2:8])
    assert {line.split("  ")[0] for line in lines[1:-1]} <= set(KINDS)
    assert set(report.by("rule")) == {f"{op.name}.{name}" for op in ops for name in op.vjp}


def test_every_kind_of_fault_occurs(full):
    """Twenty times in two samples of each op; with `--full` every one of all samples is written, too."""
    if full:
        found = Counter(m.kind for op in WITH_RULES for s in samples(op) for m in mutants(op, s))
    else:
        rules = [r for op in WITH_RULES for s in samples(op)[:2] for r in rules_of(op, s)]
        found = Counter(c.kind for r in rules for c in changes(r.program, r.fitted))
    assert set(found) == set(KINDS)
    assert min(found.values()) > 20


def by_kind(function, kind, number=0):
    op = function.op
    return [m for m in mutants(op, samples(op)[number]) if m.kind == kind]


def test_a_mutant_shows_the_instruction_before_and_after():
    (swap,) = [m for m in by_kind(ag.divide, "swapped operand") if m.rule.input_name == "a"]
    assert (swap.before, swap.after) == ("%4 = divide(%0, %2)", "%4 = divide(%2, %0)")
    assert swap.name == f"divide.a: swapped operand: {swap.before} -> {swap.after}"
    ones = by_kind(ag.exp, "g ignored")[0]
    assert ones.before == "g"
    assert "full(shape=(3, 4), value=1.0" in ones.after


def test_unbroadcasting_belongs_to_the_rule_and_has_faults_of_its_own():
    faults = [m for m in by_kind(ag.add, "missing unbroadcast", 1) if m.rule.input_name == "b"]
    skipped, first_row = faults
    assert skipped.before == first_row.before == "%4 = sum(%0, axis=(0,), keepdims=False)"
    assert not skipped.keeps_shape
    assert first_row.keeps_shape
    with pytest.raises(GradientMismatch):
        check_grad(first_row.subject(), first_row.rule.inputs[1])
    g = np.arange(12.0).reshape(3, 4)
    assert first_row.gradient(first_row.rule.inputs, g, g).tolist() == g[0].tolist()


def test_a_fault_without_shapes_that_fit_has_no_program():
    broken = [m for m in by_kind(ag.sum, "axis off by one", 1) if m.program is None]
    for mutant in broken:
        assert not mutant.keeps_shape
        for use in (mutant.subject, mutant.function, lambda m=mutant: m.gradient((), None, None)):
            with pytest.raises(ValueError, match="this fault has no program"):
                use()
    assert any(m.program is None for m in by_kind(ag.matmul, "swapped operand"))


def test_a_mutant_as_an_op_of_its_own():
    flipped = next(m for m in by_kind(ag.tanh, "sign") if m.keeps_shape)
    x = ag.tensor(flipped.rule.inputs[0], requires_grad=True)
    flipped.function()(x).sum().backward()
    right = 1 - np.tanh(x.numpy()) ** 2
    assert not np.allclose(x.grad.numpy(), right)
    with pytest.raises(GradientMismatch):
        check_grad(flipped.function(), flipped.rule.inputs[0])


def test_an_equivalent_mutant_is_recognised():
    """At 0 both branches of the stable sigmoid are 1/2, so it does not matter which is taken."""
    results = kill_rate([ag.softplus.op], per_rule=8).results
    (off,) = [r for r in results if r.mutant.kind == "comparison off" and r.mutant.rule.inputs[0].ndim == 2]  # fmt: skip
    assert off.verdict == "equivalent"


def test_a_survivor_is_reported_and_lowers_the_rate():
    """The slope of a bend that no convention fixes: any choice lies between the slopes of its two sides."""

    @ag.op(
        vjp=dict(x=lambda xp, g, x: xp.where(xp.greater(x, 0), g, 0.0)),
        domain=ag.Domain(x=(-4, 4), kinks=dict(x=(0.0,))),
    )
    def bend(xp, x):
        return xp.maximum(x, 0)

    found = kill_rate([bend.op])
    assert {m.kind for m in found.survivors} == {"comparison off"}
    assert 0.8 < found.rate < 1.0
    assert found.by("op")["bend"]["survivor"] == len(found.survivors)
    assert f"{found.rate:.2%}" in found.table()


def test_where_nothing_can_be_judged_a_mutant_is_undecided(monkeypatch):
    """That says nothing about the checks, so such a mutant counts neither as found nor as missed."""
    real = campaign.check_grad

    def blind(subject, *inputs, **settings):
        try:
            real(subject, *inputs, **settings)
        except GradientMismatch as error:
            raise Undecided(str(error)) from None

    monkeypatch.setattr(campaign, "check_grad", blind)
    report = kill_rate([ag.tanh.op], per_rule=2)
    counts = Counter(r.verdict for r in report.results)
    assert counts["undecided"] > 0
    assert counts["differences"] == 0
    assert "undecided" in report.table()


def test_a_wrong_rule_is_not_mutated_but_reported():
    @ag.op(vjp=dict(x=lambda xp, g, x: xp.multiply(g, x)))
    def wrong(xp, x):
        return xp.multiply(x, x)

    with pytest.raises(GradientMismatch, match="wrong: the rule itself fails"):
        kill_rate([wrong.op])


def test_the_command(capsys):
    assert main(["tanh", "relu", "--per-rule", "6", "--list"]) == 0
    printed = capsys.readouterr().out
    assert "tanh" in printed
    assert "100.00%" in printed
    with pytest.raises(SystemExit):
        main(["no_such_op"])
    assert "no such op: no_such_op" in capsys.readouterr().err


TRACED = [(s, p) for op in WITH_RULES for s in samples(op) for p in rule_positions(s)]


@grouped("case", by(TRACED, lambda case: case[0].op.name))
@pytest.mark.usefixtures("on_numpy")
def test_the_traced_rule_is_the_gradient_of_the_engine(case):
    """Bit for bit: otherwise mutants would be faults of something else."""
    sample, position = case
    rule = trace_rule(sample, position)
    y = run_forward(rule.op, rule.static, rule.inputs)
    g = np.random.default_rng(0).uniform(-1, 1, y.shape)
    tensors = [ag.tensor(x) for x in sample.inputs]
    tensors[position].requires_grad = True
    apply(sample.op, tensors, dict(sample.static)).backward(ag.tensor(g))
    found = run_rule(rule.program, rule.op, rule.inputs, y, g)
    assert np.array_equal(found, tensors[position].grad.numpy(), equal_nan=True)


def test_conventions_name_ops_and_inputs_that_exist():
    for row in CONVENTIONS:
        assert row.op in OPS
