"""Products of a lower precision for machines that have none: their operands are
rounded, the product is an ordinary one.

That is what `matmul(a, b, precision=p)` means, so the values stay the same. What is rounded
is rounded once: below the moves of elements that stand between an array and its products,
where `W` and `W'` are the same numbers.
"""

from __future__ import annotations

from collections.abc import Callable

from ..primitives import PRIMITIVES
from .ir import Instruction, Operand, Program, Value
from .passes import Fresh, drop_unused


def rounded_products(
    program: Program,
    keeps: Callable[[Instruction], bool] = lambda instruction: False,
    narrows: Callable[[Instruction], bool] = lambda instruction: False,
) -> Program:
    """`program` without `precision`, for which `round_to` stands; products that the target `keeps` stay.

    Those that it `narrows` say in which precision they are, besides: it holds their operands, which are
    rounded, in so many bits.

    >>> from backends.program import format_program, parse_program
    >>> text = '''
    ... program square
    ... %0: float32[2, 2] = input "x"
    ... %1: float32[2, 2] = permute_dims(%0, axes=(1, 0))
    ... %2: float32[2, 2] = matmul(%0, %1, precision='bfloat16')
    ... return y=%2
    ... '''
    >>> print(format_program(rounded_products(parse_program(text))), end="")
    program square
    %0: float32[2, 2] = input "x"
    %3: float32[2, 2] = round_to(%0, format='bfloat16')
    %4: float32[2, 2] = permute_dims(%3, axes=(1, 0))
    %2: float32[2, 2] = matmul(%3, %4)
    return y=%2
    """
    if not any(dict(i.static).get("precision") for i in program.instructions):
        return program
    return drop_unused(_Rounding(program, keeps, narrows).run())


class _Rounding:
    """One pass; `rounded` holds what was rounded so far, by value and format."""

    def __init__(
        self,
        program: Program,
        keeps: Callable[[Instruction], bool],
        narrows: Callable[[Instruction], bool],
    ) -> None:
        self.program, self.keeps, self.narrows = program, keeps, narrows
        self.fresh = Fresh(program)
        self.made: dict[Value, Instruction] = {}
        self.rounded: dict[tuple[Value, str], Value] = {}

    def run(self) -> Program:
        for instruction in self.program.instructions:
            static = dict(instruction.static)
            precision = static.pop("precision", None)
            if precision is not None and not self.keeps(instruction):
                operands = tuple(self._operand(o, precision, instruction.scope) for o in instruction.operands)
                kept = instruction.static if self.narrows(instruction) else tuple(static.items())
                instruction = instruction._replace(operands=operands, static=kept)
            self.made[instruction.result] = instruction
        return self.program._replace(instructions=tuple(self.made.values()))

    def _operand(self, operand: Operand, format: str, scope: str) -> Operand:
        if not isinstance(operand, Value):
            return operand
        key = operand, format
        if key not in self.rounded:
            moved = self.made.get(operand)
            if moved is not None and PRIMITIVES[moved.primitive].view == "whole":
                given = tuple(self._operand(o, format, scope) for o in moved.operands)
                made = moved._replace(result=self.fresh(operand.spec), operands=given)
            else:
                result = self.fresh(operand.spec)
                made = Instruction(result, "round_to", (operand,), (("format", format),), scope)
            self.made[made.result] = made
            self.rounded[key] = made.result
        return self.rounded[key]
