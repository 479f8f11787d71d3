"""One mutant: a gradient rule with one fault in it, and the checks that must notice.

A mutant belongs to the program of one rule at one sample. `subject()` is the op with that faulty rule in place of its
own, for `check_grad`: unbroadcasting is part of the program, so it can be faulty too. `function()` is the same fault
as an op of its own, for everything else that takes one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from autograd.call import Function
from autograd.call import op as declare
from autograd.op import Op
from autograd.testing.rules import RuleProgram, rule_positions, run_forward, run_rule, trace_rule
from autograd.testing.samples import Sample
from autograd.testing.subject import BaseSubject
from backends.errors import GradloomError
from backends.program import Program
from backends.program.text import format_call

from .changes import Change, changes, replay, result_spec

NDArray = np.ndarray[Any, Any]

_NUMBERS = (0.0, 1.5, 2.0)
"""Python numbers that stand in for scalar arrays: rules may have a way of their own for them, as `x ** 2` has."""


class Mutant(NamedTuple):
    """A fault: its kind, the instruction before and after as text, and the program with it.

    `program` is None where the fault gives shapes that do not fit together, which is noticed without a check.
    """

    rule: RuleProgram
    kind: str
    before: str
    after: str
    program: Program | None

    @property
    def name(self) -> str:
        return f"{self.rule.op.name}.{self.rule.input_name}: {self.kind}: {self.before} -> {self.after}"

    @property
    def where(self) -> str:
        """The shapes and settings of the sample that it belongs to."""
        rule = self.rule
        inputs = [f"{rule.op.parameter_name(i)}={getattr(x, 'shape', x)}" for i, x in enumerate(rule.inputs)]
        return ", ".join([*inputs, *(f"{name}={value}" for name, value in rule.static.items())])

    @property
    def keeps_shape(self) -> bool:
        """Whether the result still has the shape and dtype of the input, so that values decide."""
        if self.program is None:
            return False
        return result_spec(self.program) == result_spec(self.rule.program)

    def gradient(self, inputs: Sequence[Any], y: NDArray, g: NDArray) -> NDArray:
        """What the faulty rule makes of these arrays."""
        if self.program is None:
            raise ValueError(f"{self.name}: this fault has no program")
        return run_rule(self.program, self.rule.op, inputs, y, g)

    def subject(self) -> RuleSubject:
        """The op with the faulty rule, as `check_grad` takes it: a function of the one input that the rule is for."""
        if self.program is None:
            raise ValueError(f"{self.name}: this fault has no program")
        return RuleSubject(self.rule, self.program, f"mutant of {self.rule.op.name}")

    def function(self) -> Function:
        """An op whose rule for this input is the faulty one, for calls with the shapes and settings of the sample."""
        real, program = self.rule.op, self.program
        if program is None:
            raise ValueError(f"{self.name}: this fault has no program")
        fixed, position = self.rule, self.rule.position

        def rule(xp: Any, g: Any, x: Any, y: Any) -> Any:
            return run_rule(program, real, _with(fixed.inputs, position, x), y, g)

        @declare(vjp=dict(x=rule), second_order="the rule is a program on arrays")
        def mutant(xp: Any, x: Any) -> Any:
            return real.forward(xp, *_with(fixed.inputs, position, x), **fixed.static)

        return mutant


class RuleSubject(BaseSubject):
    """An op as a function of one of its inputs, whose gradient is a program. It has reverse mode alone."""

    def __init__(self, rule: RuleProgram, program: Program, name: str) -> None:
        super().__init__(rule.op.forward, name)
        self.rule = rule
        self.program = program

    def value(self, arrays: Sequence[NDArray]) -> NDArray:
        """The op at `arrays[0]`."""
        inputs = _with(self.rule.inputs, self.rule.position, arrays[0])
        return run_forward(self.rule.op, self.rule.static, inputs)

    def pull(self, arrays: Sequence[NDArray], weights: NDArray, wanted: tuple[int, ...]) -> list[NDArray]:
        """What the program gives."""
        inputs = _with(self.rule.inputs, self.rule.position, arrays[0])
        y = run_forward(self.rule.op, self.rule.static, inputs)
        return [run_rule(self.program, self.rule.op, inputs, y, weights)]

    def input_name(self, position: int) -> str:
        return self.rule.input_name


def rules_of(op: Op, sample: Sample) -> Iterator[RuleProgram]:
    """The program of each rule at a sample; also with a Python number in place of a scalar array, as in `x ** 2`."""
    for position in rule_positions(sample):
        yield trace_rule(sample, position)
    others = [i for i in sample.floating if sample.inputs[i].shape == ()]
    if op.cases or len(sample.inputs) != 2 or len(others) != 1:
        return
    for number in _NUMBERS:
        inputs = tuple(_with(sample.inputs, others[0], number))
        static = op.canonical(inputs, dict(sample.static))
        if np.isfinite(run_forward(op, static, inputs)).all():
            for position in rule_positions(sample):
                if position != others[0]:
                    yield trace_rule(Sample(op, inputs, sample.static), position)


def mutant_of(rule: RuleProgram, change: Change) -> Mutant:
    """A traced rule with one change."""
    before = _before(rule.program, change)
    try:
        program, after = replay(rule.program, change)
    except (GradloomError, TypeError, IndexError) as error:
        return Mutant(rule, change.kind, before, str(error), None)
    return Mutant(rule, change.kind, before, after, program)


def mutants(op: Op, sample: Sample) -> Iterator[Mutant]:
    """Every mutant of every gradient rule of `op`, for the shapes and settings of `sample`.

    >>> import autograd as ag
    >>> from autograd.testing import samples
    >>> found = list(mutants(ag.exp.op, samples(ag.exp.op)[0]))
    >>> [(m.before, m.after) for m in found if m.kind == "swapped operand" or m.kind == "sign"]
    [('%3 = multiply(%0, %2)', '%3 = multiply(%0, %2); %4 = negative(%3)')]
    """
    for rule in rules_of(op, sample):
        for change in changes(rule.program, rule.fitted):
            yield mutant_of(rule, change)


def _before(program: Program, change: Change) -> str:
    if change.place < 0:
        return "g"
    if change.place == len(program.instructions):
        return "the result"
    instruction = program.instructions[change.place]
    return f"{instruction.result} = {format_call(instruction)}"


def _with(inputs: Sequence[Any], position: int, x: Any) -> list[Any]:
    return [*inputs[:position], x, *inputs[position + 1 :]]
