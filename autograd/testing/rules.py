"""A gradient rule as a program: traced on symbols for one call of its op, with the
graph's unbroadcasting at its end.

What a rule computes is then data. Mutation testing changes it, documentation prints it, and `run_rule` is its
meaning on NumPy arrays. The parameters of the program are `g`, every input of the op under its own name, and
the result `y`; a rule reads some of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

import backends
from backends.contract import Spec
from backends.program import Program, Symbol, TraceBackend
from backends.program import interpret as interpret_program

from .. import graph
from ..op import Op, argument_names
from .samples import Sample

NDArray = np.ndarray[Any, Any]


class RuleProgram(NamedTuple):
    """The rule of the input at `position`, for inputs of these shapes and dtypes. `fitted` counts the
    instructions of the rule itself; those that follow undo broadcasting."""

    op: Op
    position: int
    inputs: tuple[Any, ...]
    static: Mapping[str, Any]
    program: Program
    fitted: int

    @property
    def input_name(self) -> str:
        return self.op.parameter_name(self.position)


def rule_positions(sample: Sample) -> list[int]:
    """The floating inputs of a sample that the declaration gives a rule."""
    names = [*sample.op.arrays, *[sample.op.variadic] * len(sample.inputs)]
    return [i for i in sample.floating if names[i] in sample.op.vjp]


def rule_name(rule: RuleProgram) -> str:
    """The name under which the declaration has the rule."""
    arrays = rule.op.arrays
    return arrays[rule.position] if rule.position < len(arrays) else str(rule.op.variadic)


def trace_rule(sample: Sample, position: int, *, fit: bool = True) -> RuleProgram:
    """The program of the rule for one input of a sample.

    Inputs that are Python numbers stay numbers, as in `x ** 2`. With `fit=False`
    the program ends where the rule does.

    >>> import autograd as ag
    >>> from autograd.testing import samples
    >>> from backends.program import format_program
    >>> print(format_program(trace_rule(samples(ag.exp.op)[0], 0).program))
    program exp_x
    %0: float64[3, 4] = input "g"
    %1: float64[3, 4] = input "x"
    %2: float64[3, 4] = input "y"
    %3: float64[3, 4] = multiply(%0, %2)
    return gradient=%3
    """
    op = sample.op
    specs = [Spec(x.shape, x.dtype) if hasattr(x, "shape") else x for x in sample.inputs]
    static = op.canonical(specs, dict(sample.static))
    result = op.spec(*specs, **sample.static)
    xp = TraceBackend()
    g = xp.parameter(result, "input", "g")
    inputs = [
        xp.parameter(spec, "input", op.parameter_name(i)) if isinstance(spec, Spec) else spec
        for i, spec in enumerate(specs)
    ]
    y = xp.parameter(result, "input", "y")
    name = op.arrays[position] if position < len(op.arrays) else str(op.variadic)
    rule = op.vjp[name]
    known = {**static, "i": position - len(op.arrays)}
    arguments = [known[n] if n in known else op.value_of(n, inputs, y) for n in argument_names(rule)[2:]]
    gradient = rule(xp, g, *arguments)
    gradient = gradient if isinstance(gradient, Symbol) else xp.asarray(gradient)
    own = len(xp.finish("rule", [], []).instructions)
    if fit:
        gradient = graph._fit(xp, gradient, specs[position])
    program = xp.finish(f"{op.name}_{name}", [], [("gradient", gradient)])
    return RuleProgram(op, position, tuple(sample.inputs), static, program, own)


def run_rule(program: Program, op: Op, inputs: Sequence[Any], y: NDArray, g: NDArray) -> NDArray:
    """What the program of a rule makes of arrays."""
    backend = backends.get("numpy")
    named = {op.parameter_name(i): x for i, x in enumerate(inputs) if hasattr(x, "shape")}
    with backend.quiet():
        _, outputs = interpret_program(program, backend, {}, {**named, "g": g, "y": y})
    return np.asarray(outputs["gradient"])


def run_forward(op: Op, static: Mapping[str, Any], inputs: Sequence[Any]) -> NDArray:
    """The value of an op on NumPy arrays, without a graph. `static` is canonical."""
    backend = backends.get("numpy")
    with backend.quiet():
        return np.asarray(op.forward(backend, *inputs, **static))
