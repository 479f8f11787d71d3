"""Does the tester notice? Every mutant of every rule is put before the checks that the declaration gives rise to.

A mutant is killed when its gradient has another shape, or when `check_grad` rejects it at the samples of its op, at
points with ties, kinks and large numbers made from them, or when it contradicts `conventions.py`. The unmutated rule
must pass wherever a mutant is tried, so a check that raises `Undecided` about the mutant alone has noticed it too. A
mutant that nothing notices is compared with the rule itself on many inputs: one that computes the same there is
equivalent, no fault at all; one that does not is a survivor, a hole in the tests.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Literal, NamedTuple, get_args

import numpy as np

from autograd.op import Op
from autograd.testing.check import check_grad
from autograd.testing.conventions import CONVENTIONS, Expected, expected_at
from autograd.testing.report import GradientMismatch, Undecided
from autograd.testing.rules import RuleProgram, rule_name, run_forward, run_rule
from autograd.testing.samples import samples
from backends.program import Program, format_program

from .changes import Change, changes
from .mutant import Mutant, RuleSubject, mutant_of, rules_of

NDArray = np.ndarray[Any, Any]
Verdict = Literal["shape", "differences", "convention", "undecided", "equivalent", "survivor"]

_LARGE = 800.0
"""Its exponential overflows."""
_FAR = 1e6
"""A thousandth of it is still large."""
_HUGE = 1e200
"""Its square overflows."""
_COMPARISONS = 60
_DRAWS = 6


class Result(NamedTuple):
    """What became of one mutant."""

    mutant: Mutant
    verdict: Verdict


class Report:
    """The outcome of a campaign.

    `rate` is the share of killed mutants among those that are not equivalent.
    """

    def __init__(self, results: Sequence[Result]) -> None:
        self.results = tuple(results)

    @property
    def survivors(self) -> list[Mutant]:
        return [r.mutant for r in self.results if r.verdict == "survivor"]

    @property
    def equivalent(self) -> list[Mutant]:
        return [r.mutant for r in self.results if r.verdict == "equivalent"]

    @property
    def rate(self) -> float:
        faults = len(self.results) - len(self.equivalent)
        return 1.0 if not faults else 1.0 - len(self.survivors) / faults

    def by(self, group: str) -> dict[str, Counter[str]]:
        """Verdicts counted per op (`group="op"`), per rule ("rule") or per kind of fault ("kind")."""
        counts: dict[str, Counter[str]] = {}
        for mutant, verdict in self.results:
            name = mutant.rule.op.name
            key = {"op": name, "rule": f"{name}.{rule_name(mutant.rule)}", "kind": mutant.kind}[group]
            counts.setdefault(key, Counter())[verdict] += 1
        return counts

    def table(self, group: str = "op") -> str:
        """A line per op, rule or kind, and the total."""
        verdicts = get_args(Verdict)
        rows = self.by(group)
        width = max([len(name) for name in rows] + [len(group), 5])
        lines = [f"{group:{width}} mutants {' '.join(f'{v:>11}' for v in verdicts)}  killed"]
        total: Counter[str] = sum(rows.values(), Counter())
        for name, counts in [*sorted(rows.items()), ("total", total)]:
            every = sum(counts.values())
            faults = every - counts["equivalent"]
            rate = f"{(faults - counts['survivor']) / faults:7.2%}" if faults else "      -"
            numbers = " ".join(f"{counts[v]:11}" for v in verdicts)
            lines.append(f"{name:{width}} {every:7} {numbers} {rate}")
        return "\n".join(lines)


def kill_rate(ops: Iterable[Op], *, per_rule: int | None = None) -> Report:
    """Put the mutants of every gradient rule of `ops` before the checks.

    Args:
        ops: declarations; those without gradient rules have no mutants.
        per_rule: at most this many mutants of each rule, taken from all kinds in turn, at the first sample whose
            program is not empty. None tries every mutant of every sample with a program of its own.

    >>> import autograd as ag
    >>> report = kill_rate([ag.tanh.op], per_rule=6)
    >>> report.rate, len(report.results)
    (1.0, 6)
    """
    results = []
    with np.errstate(all="ignore"):
        for op in ops:
            for group in _groups(op, per_rule is not None):
                judge, rule = Judge(group), group[0]
                chosen = list(changes(rule.program, rule.fitted))
                if per_rule is not None:
                    chosen = _in_turn(chosen, per_rule)
                mutants = (mutant_of(rule, change) for change in chosen)
                results += [Result(mutant, judge(mutant)) for mutant in mutants]
    return Report(results)


def _groups(op: Op, one_per_rule: bool) -> list[list[RuleProgram]]:
    """Traced rules of `op` with the same program together; only programs that see an element."""
    groups: dict[str, list[RuleProgram]] = {}
    for sample in samples(op):
        for rule in rules_of(op, sample):
            if all(parameter.value.spec.size for parameter in rule.program.parameters):
                key = f"{rule.position} {sorted(rule.static.items(), key=str)} {format_program(rule.program)}"
                groups.setdefault(key, []).append(rule)
    if not one_per_rule:
        return list(groups.values())
    longest: dict[str, list[RuleProgram]] = {}
    for group in groups.values():
        best = longest.setdefault(rule_name(group[0]), group)
        if len(group[0].program.instructions) > len(best[0].program.instructions):
            longest[rule_name(group[0])] = group
    return list(longest.values())


def _in_turn(found: Sequence[Change], count: int) -> list[Change]:
    """`count` of the changes, from all kinds in turn."""
    kinds: dict[str, list[Change]] = {}
    for change in found:
        kinds.setdefault(change.kind, []).append(change)
    chosen: list[Change] = []
    for place in range(max(map(len, kinds.values()), default=0)):
        chosen += [alike[place] for alike in kinds.values() if place < len(alike)]
    return chosen[:count]


class _Point(NamedTuple):
    """Inputs at which a mutant is tried, and the seed of the weights and directions there."""

    seed: int
    inputs: tuple[Any, ...]


class Judge:
    """The checks of one rule: points that the rule itself passes, and what conventions say about it."""

    def __init__(self, group: Sequence[RuleProgram]) -> None:
        self.rule = group[0]
        op, static = self.rule.op, self.rule.static
        # a seed of its own for each point: weights of other signs
        own = [_Point(i, tuple(rule.inputs)) for i, rule in enumerate(group)]
        for point in own:
            if self._outcome(self.rule.program, point) != "passes":
                raise GradientMismatch(f"{op.name}: the rule itself fails at a sample of its own")
        more = [_Point(i, inputs) for i, inputs in enumerate(_points(self.rule), len(own))]
        # a single number has one weight, and a fault may hide behind its sign
        again = [point._replace(seed=seed) for point in own for seed in (101, 102, 103)]
        self._seen = own
        # looked at when a mutant gets so far: most are found at the first
        self._unseen = iter((*more, *again))
        y = run_forward(op, static, self.rule.inputs)
        rows = [
            expected_at(row, op, self.rule.inputs, static, y.shape)
            for row in CONVENTIONS
            if row.op == op.name
        ]
        self.expected = [row for row in rows if row is not None and self.rule.position in row.gradients]
        for row in self.expected:
            if not self._agrees(self.rule.program, row):
                raise GradientMismatch(f"{op.name}: the rule itself contradicts a convention at {row.inputs}")

    def __call__(self, mutant: Mutant) -> Verdict:
        if not mutant.keeps_shape:
            return "shape"
        assert mutant.program is not None
        undecided = False
        for point in self._points():
            outcome = self._outcome(mutant.program, point)
            if outcome == "fails":
                return "differences"
            undecided |= outcome == "undecided"
        if not all(self._agrees(mutant.program, row) for row in self.expected):
            return "convention"
        if undecided:
            return "undecided"
        return "equivalent" if self._is_equivalent(mutant) else "survivor"

    def _points(self) -> Iterator[_Point]:
        """Where mutants are tried: the points that the rule itself passes."""
        yield from self._seen
        for point in self._unseen:
            if self._outcome(self.rule.program, point) == "passes":
                self._seen.append(point)
                yield point

    def _outcome(self, program: Program, point: _Point) -> Literal["passes", "fails", "undecided"]:
        rule = self.rule._replace(inputs=point.inputs)
        subject = RuleSubject(rule, program, rule.op.name)
        try:
            check_grad(subject, point.inputs[rule.position], seed=point.seed)
        except Undecided:
            return "undecided"
        except (GradientMismatch, IndexError):
            return "fails"
        return "passes"

    def _agrees(self, program: Program, row: Expected) -> bool:
        op = self.rule.op
        y = run_forward(op, self.rule.static, row.inputs)
        found = run_rule(program, op, row.inputs, y, row.g)
        return np.allclose(found, row.gradients[self.rule.position], rtol=1e-12, atol=0)

    def _is_equivalent(self, mutant: Mutant) -> bool:
        op, static = self.rule.op, self.rule.static
        compared = 0
        for inputs, g in _comparisons(self.rule):
            y = run_forward(op, static, inputs)
            if not np.all(np.isfinite(y)):
                continue
            right = run_rule(self.rule.program, op, inputs, y, g)
            scale = float(np.abs(right[np.isfinite(right)]).max(initial=0.0))
            found = mutant.gradient(inputs, y, g)
            if not np.allclose(found, right, rtol=1e-9, atol=1e-9 * scale, equal_nan=True):
                return False
            compared += 1
        return compared >= 10


def _changed(rule: RuleProgram, change: Any) -> tuple[Any, ...]:
    """The inputs of a rule with `change(array, name)` in place of each floating array."""
    return tuple(
        np.asarray(change(x, rule.op.parameter_name(i)), x.dtype)
        if hasattr(x, "shape") and x.dtype.kind == "f"
        else x
        for i, x in enumerate(rule.inputs)
    )


def _numbers(rule: RuleProgram) -> list[float]:
    """The Python numbers among the inputs: where arrays equal them there are ties."""
    return [x for x in rule.inputs if not hasattr(x, "shape")]


def _points(rule: RuleProgram) -> Iterator[tuple[Any, ...]]:
    """Inputs of the shapes of a sample where gradients go wrong: other numbers, ties, zeros, kinks, large numbers."""
    yield _changed(rule, lambda x, name: x[..., ::-1] if x.ndim else x)
    generator = np.random.default_rng(1)
    for _ in range(_DRAWS):
        yield _changed(
            rule,
            lambda x, name: generator.uniform(*rule.op.domain.intervals.get(name, (-3.0, 3.0)), x.shape),
        )
    yield _changed(rule, lambda x, name: np.round(x))
    yield _changed(rule, lambda x, name: np.resize([0.0, 1.5, -2.0], x.shape))
    yield _changed(rule, lambda x, name: np.resize([2.5, 2.5, 0.0, 1.5, 0.0], x.shape))
    yield _changed(rule, lambda x, name: np.resize([_LARGE, -_LARGE, 0.0], x.shape))
    # several times, because weights of either sign belong to it
    for large in (*(-_LARGE, _LARGE) * 4, -_FAR, _FAR, -_HUGE, _HUGE):
        yield _changed(rule, lambda x, name, c=large: np.full(x.shape, c))
    yield _changed(rule, lambda x, name: np.resize([-np.inf, 0.5, 1.5, 0.7], x.shape))
    for constant in (0.0, 1.0, -1.0, *_numbers(rule)):
        yield _changed(rule, lambda x, name, c=constant: np.full(x.shape, c))
    for name, kinks in rule.op.domain.kinks.items():
        yield _changed(rule, lambda x, n, k=kinks, at=name: np.resize(k, x.shape) if n == at else x)


def _comparisons(rule: RuleProgram) -> Iterator[tuple[tuple[Any, ...], NDArray]]:
    """Many inputs, also far from the domain, and gradients of the result."""
    generator = np.random.default_rng(0)
    shape = run_forward(rule.op, rule.static, rule.inputs).shape

    def drawn(x: Any, number: int) -> Any:
        if not hasattr(x, "shape"):
            return x
        if x.dtype.kind != "f":
            return generator.choice(x.ravel(), x.shape) if x.size else x
        if number % 3 == 0:
            return generator.choice([-2.0, -1.0, 0.0, 0.0, 1.0, 2.0, *_numbers(rule)], x.shape)
        if number % 3 == 1:
            return np.abs(generator.normal(0, 3, x.shape))
        return generator.normal(0, 3, x.shape)

    for inputs in [rule.inputs, *_points(rule)]:
        yield tuple(inputs), np.asarray(generator.normal(0, 1, shape))
    for number in range(_COMPARISONS):
        yield (
            tuple(drawn(x, number) for x in rule.inputs),
            np.asarray(generator.normal(0, 1, shape)),
        )
