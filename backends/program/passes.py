"""Simplification: the same program with less in it. Each pass takes a program and
returns one that `verify` accepts.

`simplify` folds numbers, drops what does nothing, computes equal things once and removes what nobody reads.
It keeps every bit of every result.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..contract import DType, Scalar, Spec
from ..errors import GradloomError
from ..numpy.primitives import NumPyPrimitives
from ..primitives import PRIMITIVES
from .ir import Instruction, Operand, Program, Value, filling, operands_of

_numpy = NumPyPrimitives()


def simplify(program: Program) -> Program:
    """Fold, deduplicate and drop until nothing changes; the results have the same bits.

    >>> from backends.program import format_program, parse_program
    >>> text = '''
    ... program twice
    ... %0: float32[2] = input "x"
    ... %1: float32[] = full(shape=(), value=1.0, dtype=float32)
    ... %2: float32[] = divide(%1, 8)
    ... %3: float32[2] = multiply(%0, %2)
    ... %4: float32[2] = multiply(%0, %2)
    ... %5: float32[2] = add(%3, %4)
    ... return y=%5
    ... '''
    >>> print(format_program(simplify(parse_program(text))), end="")
    program twice
    %0: float32[2] = input "x"
    %3: float32[2] = multiply(%0, 0.125)
    %5: float32[2] = add(%3, %3)
    return y=%5
    """
    return drop_unused(_Rewriter(program).run())


def drop_unused(program: Program) -> Program:
    """Without the instructions that no output and no assignment depends on."""
    wanted = {o for _, o in (*program.outputs, *program.assigns) if isinstance(o, Value)}
    kept: list[Instruction] = []
    for instruction in reversed(program.instructions):
        if instruction.result in wanted:
            kept.append(instruction)
            wanted.update(operands_of(instruction))
    return program._replace(instructions=tuple(reversed(kept)))


class Fresh:
    """New values for a program."""

    def __init__(self, program: Program) -> None:
        used = [p.value.number for p in program.parameters]
        used += [i.result.number for i in program.instructions]
        self.next = max(used, default=-1) + 1

    def __call__(self, spec: Spec) -> Value:
        self.next += 1
        return Value(self.next - 1, spec)


class _Rewriter:
    """One pass from the first instruction to the last: operands are
    final before their reader is looked at.
    """

    def __init__(self, program: Program) -> None:
        self.program = program
        self.same: dict[Value, Value] = {}
        self.constants: dict[Value, Scalar] = {}
        self.made: dict[Value, Instruction] = {}
        self.known: dict[Any, Value] = {}

    def run(self) -> Program:
        for instruction in self.program.instructions:
            self._one(instruction)
        final = self._final
        return self.program._replace(
            instructions=tuple(self.made.values()),
            assigns=tuple((state, final(new)) for state, new in self.program.assigns),
            outputs=tuple((name, final(value)) for name, value in self.program.outputs),
        )

    def _final(self, operand: Operand) -> Operand:
        return self.same.get(operand, operand) if isinstance(operand, Value) else operand

    def _one(self, instruction: Instruction) -> None:
        result = instruction.result
        operands = tuple(map(self._final, instruction.operands))
        if operands != instruction.operands:
            instruction = instruction._replace(operands=operands)
        instruction = self._with_numbers(instruction)
        instruction = self._shorter(instruction)
        alias = self._alias(instruction)
        if alias is not None:
            self.same[result] = alias
            return
        number = self._number(instruction)
        if number is not None:
            self.constants[result] = number
            instruction = filling(result, number)._replace(scope=instruction.scope)
        key = _key(instruction)
        if key in self.known:
            self.same[result] = self.known[key]
            return
        self.known[key] = result
        self.made[result] = instruction

    def _with_numbers(self, instruction: Instruction) -> Instruction:
        """Operands that are one number throughout become that number, where shape and dtype stay the same."""
        row = PRIMITIVES[instruction.primitive]
        if row.kind != "elementwise" or instruction.primitive == "astype":
            return instruction
        operands = list(instruction.operands)
        if len(operands) == 1:
            return instruction
        for i, operand in enumerate(operands):
            others = any(isinstance(o, Value) for j, o in enumerate(operands) if j != i)
            if not isinstance(operand, Value) or not others:
                continue
            shorter: list[Operand] = [*operands[:i], self._smaller(operand), *operands[i + 1 :]]
            if shorter[i] != operand and _infer(instruction, shorter) == instruction.result.spec:
                operands = shorter
        changed = any(new is not old for new, old in zip(operands, instruction.operands, strict=True))
        return instruction._replace(operands=tuple(operands)) if changed else instruction

    def _smaller(self, operand: Value) -> Operand:
        """The number that `operand` is throughout, or what was broadcast to it."""
        if operand in self.constants:
            return self.constants[operand]
        made = self.made.get(operand)
        return made.operands[0] if made is not None and made.primitive == "broadcast_to" else operand

    def _shorter(self, instruction: Instruction) -> Instruction:
        """Two moves of elements in a row as one; a reduction over axes of length 1 as a reshape."""
        result, primitive, operands, static = instruction
        source = operands[0] if operands else None
        inner = self.made.get(source) if isinstance(source, Value) else None
        gathers = PRIMITIVES[primitive].gathers
        if (
            primitive == "add"
            and inner is not None
            and inner.primitive == "add"
            and result.spec.dtype.kind in "iu"
            and isinstance(operands[1], int)
            and isinstance(inner.operands[1], int)
        ):
            # a counter that is counted on
            return instruction._replace(operands=(inner.operands[0], inner.operands[1] + operands[1]))
        if primitive == "reshape" and inner is not None and inner.primitive == "reshape":
            return instruction._replace(operands=inner.operands)
        if primitive == "permute_dims" and inner is not None and inner.primitive == primitive:
            first = dict(inner.static)["axes"]
            axes = tuple(first[i] for i in dict(static)["axes"])
            return instruction._replace(operands=inner.operands, static=(("axes", axes),))
        if (
            gathers is not None
            and not gathers.place
            and gathers.start != 0  # which is not -0.0, to which a sum adds it
            and isinstance(source, Value)
            and source.spec.dtype == result.spec.dtype
            and all(source.spec.shape[axis] == 1 for axis in dict(static)["axis"])
        ):
            return instruction._replace(primitive="reshape", static=(("shape", result.spec.shape),))
        return instruction

    def _alias(self, instruction: Instruction) -> Value | None:
        """The operand that the result is equal to, bit for bit."""
        result, primitive, operands, static = instruction
        if primitive == "multiply" and not isinstance(operands[0], Value):
            operands = operands[::-1]
        source = operands[0] if operands else None
        if not isinstance(source, Value) or source.spec != result.spec:
            return None
        row = PRIMITIVES[primitive]
        if primitive == "permute_dims":
            return source if dict(static)["axes"] == tuple(range(source.spec.ndim)) else None
        if row.view == "whole" or primitive == "astype":
            return source
        number = operands[1] if len(operands) > 1 else None
        if number is None or isinstance(number, (Value, bool)) or number != row.neutral:
            return None
        return source

    def _number(self, instruction: Instruction) -> Scalar | None:
        """The value of every element, where it is known now."""
        result, primitive, operands, static = instruction
        if primitive == "full":
            return _rounded(dict(static)["value"], result.spec.dtype)
        numbers = [self.constants.get(o) if isinstance(o, Value) else o for o in operands]
        if not numbers or any(number is None for number in numbers):
            return None
        row = PRIMITIVES[primitive]
        if row.view == "whole":
            return numbers[0]
        if row.kind != "elementwise":
            return None
        arrays = [
            np.full((), number, o.spec.dtype) if isinstance(o, Value) else number
            for number, o in zip(numbers, operands, strict=True)
        ]
        with np.errstate(all="ignore"):
            value = getattr(_numpy, primitive)(*arrays, **dict(static))
        return _rounded(np.asarray(value).item(), result.spec.dtype)


def _infer(instruction: Instruction, operands: list[Operand]) -> Spec | None:
    specs = [o.spec if isinstance(o, Value) else o for o in operands]
    try:
        return PRIMITIVES[instruction.primitive].infer(specs, dict(instruction.static))
    except (GradloomError, TypeError, OverflowError):
        return None


def _rounded(number: Scalar, dtype: DType) -> Scalar:
    """As an element of an array of `dtype` holds it."""
    with np.errstate(all="ignore"):
        value: Scalar = np.asarray(number).astype(dtype).item()
    return value


def _key(instruction: Instruction) -> Any:
    """Equal for instructions that compute the same. Numbers by text: True, 1 and 1.0 are
    equal in Python, as are 0.0 and -0.0.
    """
    _, primitive, operands, static = instruction
    return primitive, tuple(o if isinstance(o, Value) else repr(o) for o in operands), repr(static)
