"""The printed form of a program, and the parser that reads it back.

    program step
    %0: float32[3, 2] = state "layers.0.kernel"
    %1: float32[5, 3] = input "x"
    %2: float32[5, 2] = matmul(%1, %0)
    %3: float32[2] = sum(%2, axis=(0,), keepdims=False)
    assign %0 = %2
    return loss=%3

An instruction may carry its scope behind it, as in `%2: float32[5, 2] = matmul(%1, %0)  # layers.0 Dense`.
`parse_program(format_program(p)) == p` for every program. A right-hand side is a Python expression once each
`%n` is read as a name, so Python's own parser does the work; only the node types listed below are accepted.
"""

from __future__ import annotations

import ast
import re
from typing import Any

import numpy as np

from ..contract import SUPPORTED, Spec
from ..errors import ProgramError
from ..shapes import Slot
from .ir import Instruction, Operand, Parameter, Program, Value

_NUMBERS = {"inf": float("inf"), "nan": float("nan")}
_SCOPE = "  # "
_VALUE_LINE = re.compile(r"%(\d+): (\w+)\[([\d, ]*)\] = (.+)")


def format_program(program: Program, scopes: bool = False) -> str:
    """The program as text, one line per parameter, instruction, assignment
    and the outputs; `scopes` adds those.
    """
    lines = [f"program {program.name}"]
    for value, role, name in program.parameters:
        lines.append(f"{value}: {value.spec} = {role} {_quoted(name)}")
    for instruction in program.instructions:
        result = instruction.result
        scope = format_scope(instruction) if scopes else ""
        lines.append(f"{result}: {result.spec} = {format_call(instruction)}{scope}")
    lines += [f"assign {state} = {format_operand(value)}" for state, value in program.assigns]
    outputs = ", ".join(f"{name}={format_operand(value)}" for name, value in program.outputs)
    lines.append(f"return {outputs}".rstrip())
    return "\n".join(lines) + "\n"


def format_call(instruction: Instruction) -> str:
    """The right-hand side of an instruction."""
    arguments = [format_operand(o) for o in instruction.operands]
    arguments += [f"{key}={format_static(item)}" for key, item in instruction.static]
    return f"{instruction.primitive}({', '.join(arguments)})"


def format_scope(instruction: Instruction) -> str:
    """What stands behind an instruction to tell its scope."""
    return f"{_SCOPE}{_escaped(instruction.scope)}" if instruction.scope else ""


def format_operand(operand: Operand) -> str:
    return str(operand) if isinstance(operand, Value) else repr(operand)


def _quoted(name: str) -> str:
    """A Python string literal in double quotes."""
    return '"' + _escaped(name).replace('"', '\\"') + '"'


def _escaped(name: str) -> str:
    """In one line of ASCII."""
    return name.encode("unicode_escape").decode()


def format_static(item: Any) -> str:
    """A static attribute: a number, a dtype, an index key, a tuple of such."""
    if isinstance(item, tuple) and not isinstance(item, Slot):
        inner = ", ".join(format_static(part) for part in item)
        return f"({inner},)" if len(item) == 1 else f"({inner})"
    if isinstance(item, slice):
        return f"slice({item.start}, {item.stop}, {item.step})"
    if isinstance(item, np.dtype):
        return str(item)
    return str(item) if isinstance(item, Slot) else "..." if item is Ellipsis else repr(item)


def parse_program(text: str) -> Program:
    """The program that `text` describes.

    Raises:
        ProgramError: naming the line that cannot be read.
    """
    return _Parser(text).program()


class _Parser:
    """One pass over the lines; knows the values defined so far."""

    def __init__(self, text: str) -> None:
        self.lines = [line.strip() for line in text.splitlines() if line.strip()]
        self.values: dict[str, Value] = {}
        self.parameters: list[Parameter] = []
        self.instructions: list[Instruction] = []
        self.assigns: list[tuple[Value, Operand]] = []

    def program(self) -> Program:
        if len(self.lines) < 2 or not self.lines[0].startswith("program "):
            raise ProgramError("a program begins with 'program NAME' and ends with 'return ...'")
        name = self.lines[0].removeprefix("program ")
        for line in self.lines[1:-1]:
            try:
                self._line(line)
            except (SyntaxError, KeyError, ValueError, TypeError, AttributeError) as error:
                raise ProgramError(f"cannot read {line!r}: {error}") from error
        if self.lines[-1].split()[0] != "return":
            raise ProgramError(f"expected 'return ...' at the end, found {self.lines[-1]!r}")
        try:
            call = self._expression(f"outputs({self.lines[-1].removeprefix('return')})")
            outputs = tuple((str(k.arg), self._operand(k.value)) for k in call.keywords)
        except (SyntaxError, KeyError, ValueError) as error:
            raise ProgramError(f"cannot read {self.lines[-1]!r}: {error}") from error
        return Program(name, tuple(self.parameters), tuple(self.instructions), tuple(self.assigns), outputs)

    def _line(self, line: str) -> None:
        if line.startswith("assign "):
            state, _, new = line.removeprefix("assign ").partition(" = ")
            self.assigns.append((self.values[state], self._operand(_expression(new))))
            return
        match = _VALUE_LINE.fullmatch(line)
        if match is None:
            raise ValueError("not a value, an assignment or a return")
        number, dtype, shape, right = match.groups()
        spec = Spec(tuple(int(n) for n in shape.split(",") if n.strip()), SUPPORTED[dtype])
        value = Value(int(number), spec)
        if right.startswith("state "):
            self.parameters.append(Parameter(value, "state", ast.literal_eval(right[6:])))
        elif right.startswith("input "):
            self.parameters.append(Parameter(value, "input", ast.literal_eval(right[6:])))
        else:
            # no text stands in an instruction that could hold this mark
            right, _, scope = right.partition(_SCOPE)
            call = self._expression(right)
            if not isinstance(call.func, ast.Name):
                raise ValueError("a primitive is a plain name")
            operands = tuple(self._operand(node) for node in call.args)
            static = tuple((str(k.arg), self._static(k.value)) for k in call.keywords)
            scope = scope.encode().decode("unicode_escape")
            self.instructions.append(Instruction(value, call.func.id, operands, static, scope))
        self.values[str(value)] = value

    def _expression(self, text: str) -> ast.Call:
        node = _expression(text)
        if not isinstance(node, ast.Call):
            raise ValueError("expected primitive(operands)")
        return node

    def _operand(self, node: ast.expr) -> Operand:
        if isinstance(node, ast.Name) and node.id.startswith("v") and node.id[1:].isdigit():
            return self.values[f"%{node.id[1:]}"]
        literal = self._static(node)
        if not isinstance(literal, (bool, int, float)):
            raise ValueError(f"{ast.unparse(node)} is neither a value nor a number")
        return literal

    def _static(self, node: ast.expr) -> Any:
        match node:
            case ast.Constant(value=constant):
                return constant
            case ast.Tuple(elts=parts):
                return tuple(self._static(part) for part in parts)
            case ast.UnaryOp(op=ast.USub(), operand=inner):
                return -self._static(inner)
            case ast.Name(id=name) if name in _NUMBERS:
                return _NUMBERS[name]
            case ast.Name(id=name):
                return SUPPORTED[name]
            case ast.Call(func=ast.Name(id="slice"), args=[start, stop, step]):
                return slice(self._static(start), self._static(stop), self._static(step))
            case ast.Call(func=ast.Name(id="slot"), args=[position]):
                return Slot(self._static(position))
        raise ValueError(f"{ast.unparse(node)} is not allowed here")


def _expression(text: str) -> ast.expr:
    return ast.parse(re.sub(r"%(\d+)", r"v\1", text), mode="eval").body
