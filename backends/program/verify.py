"""The grammar of programs, checked by machine: run after a trace, after
parsing, and after every pass in tests.
"""

from __future__ import annotations

from ..errors import GradloomError, ProgramError
from ..primitives import PRIMITIVES
from .ir import Instruction, Operand, Program, Value


def verify(program: Program) -> Program:
    """Return `program` unchanged when it is well formed.

    Values are defined once, before they are used; every primitive exists and its rules give
    exactly the printed shape and dtype; only state is assigned, once, by a value of the same
    shape and dtype; names are unique.

    Raises:
        ProgramError: naming the first thing that is wrong.
    """
    defined: set[Value] = set()
    numbers: set[int] = set()

    def define(value: Value) -> None:
        if value.number in numbers:
            raise ProgramError(f"{value} is defined twice")
        numbers.add(value.number)
        defined.add(value)

    def need(operand: Operand, where: str) -> None:
        if isinstance(operand, Value) and operand not in defined:
            raise ProgramError(f"{where} uses {operand}: {operand.spec}, which is not defined before")

    for parameter in program.parameters:
        define(parameter.value)
    for role in ("state", "input"):
        names = [p.name for p in program.parameters if p.role == role]
        if len(set(names)) < len(names):
            raise ProgramError(f"two {role} parameters have the same name")
    for instruction in program.instructions:
        for operand in instruction.operands:
            need(operand, f"{instruction.result} = {instruction.primitive}(...)")
        _check_instruction(instruction)
        define(instruction.result)
    _check_effects(program, need)
    return program


def _check_instruction(instruction: Instruction) -> None:
    row = PRIMITIVES.get(instruction.primitive)
    where = f"{instruction.result} = {instruction.primitive}(...)"
    if row is None:
        raise ProgramError(f"{where}: no such primitive")
    operands = [o.spec if isinstance(o, Value) else o for o in instruction.operands]
    try:
        spec = row.infer(operands, dict(instruction.static))
    except (GradloomError, TypeError) as error:
        raise ProgramError(f"{where}: {error}") from error
    if spec != instruction.result.spec:
        raise ProgramError(f"{where} is declared {instruction.result.spec} but gives {spec}")


def _check_effects(program: Program, need: object) -> None:
    assert callable(need)
    state = set(program.named("state").values())
    assigned: set[Value] = set()
    for target, value in program.assigns:
        need(value, f"assign {target}")
        if target not in state or target in assigned:
            raise ProgramError(f"assign {target}: not state, or assigned twice")
        if not isinstance(value, Value) or value.spec != target.spec:
            raise ProgramError(f"assign {target}: {target.spec} cannot hold {value}")
        assigned.add(target)
    names = [name for name, _ in program.outputs]
    if len(set(names)) < len(names):
        raise ProgramError("two outputs have the same name")
    for name, value in program.outputs:
        need(value, f"return {name}")
