"""A program as a formula: `g * (1 - y * y)` for what its instructions compute one by one.

Arithmetic and comparisons are infix with as few parentheses as Python needs to read the same program back;
the other primitives are functions under their own names, an index stands in brackets. A value that is used
twice, or a line that grows too long, gets a name of its own. The last line is the result.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from ..contract import Shape
from ..primitives import PRIMITIVES
from ..shapes import Slot
from .ir import Instruction, Operand, Program, Value, operands_of
from .text import format_static

_COMPARE, _ADD, _MULTIPLY, _NEGATE, _POWER, _ATOM = range(6)
_BINDING = {"+": _ADD, "-": _ADD, "*": _MULTIPLY, "/": _MULTIPLY, "@": _MULTIPLY, "**": _POWER}
"""How strongly an operator binds; those of comparisons bind least."""
_SHORT = 12
"""An expression up to this length is written out again rather than named."""


class _Text(NamedTuple):
    """An expression and how strongly its outermost operator binds."""

    text: str
    binding: int

    def inside(self, binding: int) -> str:
        return f"({self.text})" if self.binding < binding else self.text


def format_formula(program: Program, *, width: int = 76, shapes_of: Sequence[str] = ()) -> list[str]:
    """The lines of a formula for the only output of `program`.

    Shapes that equal that of a parameter are written as its shape, `x.shape`:
    the parameters in `shapes_of` first.

    >>> from backends.program import parse_program
    >>> format_formula(parse_program('''
    ... program tanh
    ... %0: float64[3] = input "g"
    ... %1: float64[3] = input "y"
    ... %2: float64[3] = multiply(%1, %1)
    ... %3: float64[3] = subtract(1, %2)
    ... %4: float64[3] = multiply(%0, %3)
    ... return gradient=%4
    ... '''))
    ['g * (1 - y * y)']
    """
    ((_, result),) = program.outputs
    if not isinstance(result, Value):
        return [_number(result)]
    return _Printer(program, width, shapes_of).lines(result)


class _Printer:
    """One formula: the instructions that it needs, and the names given so far."""

    def __init__(self, program: Program, width: int, shapes_of: Sequence[str]) -> None:
        self.width = width
        self.steps = {step.result: step for step in program.instructions}
        self.known = {p.value: _Text(p.name, _ATOM) for p in program.parameters}
        ranked = sorted(
            program.parameters,
            key=lambda p: shapes_of.index(p.name) if p.name in shapes_of else len(shapes_of),
        )
        self.shapes: dict[Shape, str] = {}
        for parameter in ranked:
            if parameter.value.spec.shape:
                self.shapes.setdefault(parameter.value.spec.shape, f"{parameter.name}.shape")
        self.needed: list[Instruction] = []
        self.named: list[str] = []

    def lines(self, result: Value) -> list[str]:
        needed = {result}
        for step in reversed(self.steps.values()):
            if step.result in needed:
                needed |= set(operands_of(step))
                self.needed.insert(0, step)
        uses = Counter(o for step in self.needed for o in step.operands)
        for step in self.needed:
            text = self._expression(step)
            if len(text.text) > self.width:
                self._name_longest(step)
                text = self._expression(step)
            if step.result != result and uses[step.result] > 1 and len(text.text) > _SHORT:
                text = self._name(text)
            self.known[step.result] = text
        return [*self.named, self.known[result].text]

    def _name_longest(self, step: Instruction) -> None:
        """Give the longest operand a name; a line that is long by itself stays so."""
        longest = max(operands_of(step), key=lambda o: len(self.known[o].text), default=None)
        if longest is not None and len(self.known[longest].text) > _SHORT:
            self.known[longest] = self._name(self.known[longest])

    def _name(self, text: _Text) -> _Text:
        name = f"t{len(self.named) + 1}"
        self.named.append(f"{name} = {text.text}")
        return _Text(name, _ATOM)

    def _operand(self, operand: Operand) -> _Text:
        if isinstance(operand, Value):
            return self.known[operand]
        text = _number(operand)
        return _Text(text, _NEGATE if text.startswith("-") else _ATOM)

    def _expression(self, step: Instruction) -> _Text:
        name, operands = step.primitive, [self._operand(o) for o in step.operands]
        sign = PRIMITIVES[name].infix
        if sign is not None and not step.static:
            binding = _BINDING.get(sign, _COMPARE)
            left, right = operands
            if name == "power":
                return _Text(f"{left.inside(_ATOM)} {sign} {right.inside(_NEGATE)}", binding)
            # comparisons do not chain; what stands on the left of an equal operator binds first
            first = binding + 1 if binding == _COMPARE else binding
            return _Text(f"{left.inside(first)} {sign} {right.inside(binding + 1)}", binding)
        if name == "negative":
            return _Text(f"-{operands[0].inside(_NEGATE)}", _NEGATE)
        static = dict(step.static)
        if name == "getitem":
            key = self._key(static["key"], operands[1:])
            return _Text(f"{operands[0].inside(_ATOM)}[{key}]", _ATOM)
        arguments = [o.text for o in operands]
        if name == "index_add":
            shape = self._shape(static["shape"])
            arguments = [arguments[0], f"s_[{self._key(static['key'], operands[1:])}]", shape]
        else:
            arguments += self._settings(static)
        return _Text(f"{name}({', '.join(arguments)})", _ATOM)

    def _shape(self, shape: Shape) -> str:
        return self.shapes.get(shape) or format_static(shape)

    def _settings(self, static: Mapping[str, Any]) -> list[str]:
        """Static attributes: by position where their meaning is plain,
        until the first that needs its name.
        """
        written: list[str] = []
        by_name = False
        for key, item in static.items():
            text = _STATIC.get(key, _plain)(self, item)
            by_name |= key not in _BY_POSITION
            if text:
                written.append(f"{key}={text}" if by_name else text)
        return written

    def _key(self, key: Sequence[Any], arrays: Sequence[_Text]) -> str:
        return (
            ", ".join(
                arrays[entry.position].text if isinstance(entry, Slot) else _entry(entry) for entry in key
            )
            or "()"
        )


def _plain(printer: _Printer, item: Any) -> str:
    return format_static(item)


_BY_POSITION = frozenset(("shape", "axes", "value", "pad_width", "start", "stop", "step", "dtype"))
_STATIC: Mapping[str, Callable[[_Printer, Any], str]] = {
    "shape": lambda printer, shape: printer._shape(shape),
    "axis": lambda printer, axis: format_static(
        axis[0] if isinstance(axis, tuple) and len(axis) == 1 else axis
    ),
    "keepdims": lambda printer, keepdims: "True" if keepdims else "",
    "value": lambda printer, value: _number(value),
    "start": lambda printer, start: _number(start),
    "stop": lambda printer, stop: _number(stop),
    "step": lambda printer, step: "" if step == 1 else _number(step),
}
"""How a static attribute is written where it is not as in a program; an empty text leaves it out."""


def _number(number: Any) -> str:
    is_whole = isinstance(number, float) and number.is_integer() and abs(number) < 1e6
    return repr(int(number)) if is_whole else repr(number)


def _entry(entry: Any) -> str:
    if isinstance(entry, slice):
        ends = ["" if end is None else str(end) for end in (entry.start, entry.stop)]
        return ":".join([*ends, *([] if entry.step in (None, 1) else [str(entry.step)])])
    return "..." if entry is Ellipsis else repr(entry)
