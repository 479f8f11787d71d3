"""The objects of a program: a flat list of instructions in single static assignment.

A program reads parameters (named state, and inputs), computes values with primitives, assigns new values to
state and returns named outputs. Assignment is the only effect and happens after the last instruction, so a
run that fails leaves the state as it was. Nothing here computes.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal, NamedTuple, Self

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


class _Call(NamedTuple):
    result: Value
    primitive: str
    operands: tuple[Operand, ...]
    static: tuple[tuple[str, Any], ...]


class Instruction(_Call):
    """`result = primitive(operands, **static)`, and the `scope` in which it was recorded.

    A scope ("layers.0 Dense", "layers.0 Dense grad") is there for people: kernels and profiles
    name layers with it. It is no part of the tuple, so instructions of two layers that compute
    the same are equal, and share kernels.
    """

    scope: str = ""

    def __new__(
        cls,
        result: Value,
        primitive: str,
        operands: tuple[Operand, ...],
        static: tuple[tuple[str, Any], ...],
        scope: str = "",
    ) -> Self:
        made = super().__new__(cls, result, primitive, operands, static)
        made.scope = scope
        return made

    # final for pyright; but one that loses the scope must not be there to be called
    def _replace(self, **changes: Any) -> Self:  # pyright: ignore[reportIncompatibleMethodOverride]
        """A copy with other fields; the scope stays, unless it is one of them."""
        scope = changes.pop("scope", self.scope)
        made = super()._replace(**changes)
        made.scope = scope
        return made


def operands_of(step: Instruction) -> list[Value]:
    """The operands that are arrays."""
    return [o for o in step.operands if isinstance(o, Value)]


def filling(result: Value, number: bool | int | float) -> Instruction:
    """The instruction that makes `result` of one number."""
    shape, dtype = result.spec
    return Instruction(result, "full", (), (("shape", shape), ("value", number), ("dtype", dtype)))


def casting(source: Value, result: Value, scope: str = "") -> Instruction:
    """The instruction that makes `result` of the elements of `source`, in its own dtype."""
    return Instruction(result, "astype", (source,), (("dtype", result.spec.dtype),), scope)


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


def scope_label(instructions: Iterable[Instruction]) -> str:
    """The first scope of some instructions, and how many others there are.

    >>> from backends.program import parse_program
    >>> scope_label(parse_program('''
    ... program two
    ... %0: float32[2] = input "x"
    ... %1: float32[2] = negative(%0)  # layers.0 Dense
    ... %2: float32[2] = exp(%1)
    ... %3: float32[2] = sqrt(%2)  # loss
    ... return y=%3
    ... ''').instructions)
    'layers.0 Dense +1'
    """
    first, *others = dict.fromkeys(i.scope for i in instructions if i.scope) or [""]
    return f"{first} +{len(others)}" if others else first
