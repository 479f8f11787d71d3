"""The objects of a program: a flat list of instructions in single static assignment.

A program reads parameters (named state, and inputs), computes values with primitives, assigns new values to state
and returns named outputs. Assignment is the only effect and happens after the last instruction, so a run that
fails leaves the state as it was. Nothing here computes.
"""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

from ..contract import Scalar, Spec


class Value(NamedTuple):
    """One array of a program; `number` is unique in it."""

    number: int
    spec: Spec

    def __str__(self) -> str:
        return f"%{self.number}"


Operand = Value | Scalar


class Parameter(NamedTuple):
    """A value that exists before the program runs: named state, which it may assign, or an input."""

    value: Value
    role: Literal["state", "input"]
    name: str


class Instruction(NamedTuple):
    """`result = primitive(operands, **static)`."""

    result: Value
    primitive: str
    operands: tuple[Operand, ...]
    static: tuple[tuple[str, Any], ...]


def operands_of(step: Instruction) -> list[Value]:
    """The operands that are arrays."""
    return [o for o in step.operands if isinstance(o, Value)]


class Program(NamedTuple):
    """A whole step. `assigns` pairs a state parameter with its new value."""

    name: str
    parameters: tuple[Parameter, ...]
    instructions: tuple[Instruction, ...]
    assigns: tuple[tuple[Value, Operand], ...]
    outputs: tuple[tuple[str, Operand], ...]

    def named(self, role: str) -> dict[str, Value]:
        """The parameters of one role by name, in order."""
        return {p.name: p.value for p in self.parameters if p.role == role}
