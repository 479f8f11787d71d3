"""From a program to a graph of ONNX: constants are worked out, all else becomes nodes by the tables."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from ..contract import DType
from ..errors import ExportError
from ..numpy import NumPyBackend
from ..primitives import PRIMITIVES
from . import indexing, reductions, shapes, sliding
from .elementwise import elementwise
from .lines import Item, Line, Lines
from .sizes import Rows, Size
from .whole import WHOLE
from .writer import Constant, Named, Node, Operand, Writer, dtype_of, shape_of

_numpy = NumPyBackend()
_MOST_FOLDED = 1 << 16
"""Bytes of a constant that is larger than what it is made of."""


class Step(NamedTuple):
    """A line whose operands are known."""

    name: str
    operands: tuple[Operand, ...]
    static: Mapping[str, Any]
    shape: tuple[Size, ...]
    dtype: DType


class Port(NamedTuple):
    """An input or output of the file."""

    name: str
    shape: tuple[Size, ...]
    dtype: DType


class Graph(NamedTuple):
    """What a file holds."""

    nodes: tuple[Node, ...]
    constants: Mapping[str, np.ndarray[Any, Any]]
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]


Rule = Callable[[Writer, Step], str]
_BY_NAME: dict[str, Rule] = {
    "cumsum": reductions.cumsum,
    "argsort": reductions.argsort,
    "matmul": reductions.matmul,
    "reshape": shapes.reshape,
    "permute_dims": shapes.permute_dims,
    "broadcast_to": shapes.broadcast_to,
    "concat": shapes.concat,
    "pad": shapes.pad,
    "full": shapes.full,
    "arange": shapes.arange,
    "windows": sliding.windows,
    "windows_add": sliding.windows_add,
    "getitem": indexing.getitem,
    "index_add": indexing.index_add,
}
_BY_KIND: dict[str, Rule] = {"elementwise": elementwise, "reduction": reductions.reduction}
_REFUSED = {"random_bits": "it draws random numbers, in a prediction, too, and ONNX has none that are these"}


def rule_of(primitive: str) -> Rule | None:
    """What makes nodes of it; None for those that have no form in ONNX.

    >>> rule_of("random_bits") is None, rule_of("add") is elementwise
    (True, True)
    """
    return None if primitive in _REFUSED else _BY_NAME.get(primitive) or _BY_KIND[PRIMITIVES[primitive].kind]


def translated(
    lines: Lines,
    arrays: Mapping[str, np.ndarray[Any, Any]],
    inputs: Sequence[str],
    outputs: Sequence[str],
    opset: int,
) -> Graph:
    """The graph of a program.

    Args:
        lines: the program.
        arrays: its state by name, which becomes constants.
        inputs, outputs: their names, in order.
        opset: which nodes there are.

    Raises:
        ExportError: something that an output depends on has no form in ONNX; it says what and where.
    """
    source = Named(inputs[0], lines.inputs[0].shape, lines.inputs[0].dtype)
    writer = Writer(source.name, [*inputs, *outputs], opset)
    values: dict[int, Operand] = {
        item.number: Named(name, item.shape, item.dtype)
        for name, item in zip(inputs, lines.inputs, strict=True)
    }
    values |= {
        item.number: Constant(arrays[name], name) for name, item in lines.state.items() if name in arrays
    }
    writer.seen |= {value.name: value for value in values.values() if isinstance(value, Named)}
    _Translation(lines, writer, values).run()
    ports = tuple(Port(n, i.shape, i.dtype) for n, i in zip(inputs, lines.inputs, strict=True))
    return _finished(writer, lines, values, ports, outputs)


class _Translation:
    """One way through the lines that are needed."""

    def __init__(self, lines: Lines, writer: Writer, values: dict[int, Operand]) -> None:
        self.lines, self.writer, self.values = lines, writer, values
        self.needed = _needed(lines)

    def run(self) -> None:
        place, lines = 0, self.lines.lines
        while place < len(lines):
            line = lines[place]
            whole = self.lines.whole.get(place)
            self.writer.scope = line.scope
            if whole is not None and whole.line.result.number in self.needed and self._as_one(whole.line):
                place = whole.stop
                continue
            if line.result.number in self.needed:
                self._keep(line, self._translated(line))
            place += 1

    def _keep(self, line: Line, value: Operand) -> None:
        self.values[line.result.number] = value
        if isinstance(value, Named):
            self.writer.seen[value.name] = value

    def _step(self, line: Line) -> Step:
        operands = (self.values[o.number] if isinstance(o, Item) else o for o in line.operands)
        given = tuple(o for o in operands if o is not None)
        return Step(line.name, given, line.static, line.result.shape, line.result.dtype)

    def _as_one(self, line: Line) -> bool:
        """Whether an op has become one node."""
        step = self._step(line)
        first = step.operands[0]
        if step.dtype.kind != "f" or not isinstance(first, Named) or first.dtype != step.dtype:
            return False
        if 0 in step.shape or any(dtype_of(o) != step.dtype for o in step.operands):
            return False
        name = WHOLE[line.name](self.writer, step)
        if name is None:
            return False
        self._keep(line, Named(name, step.shape, step.dtype))
        return True

    def _translated(self, line: Line) -> Operand:
        if line.problem or line.name in _REFUSED:
            raise ExportError(line.problem or _REFUSED[line.name], line.scope)
        step = self._step(line)
        known = _folded(step)
        if known is not None:
            return known
        rule = rule_of(line.name)
        assert rule is not None
        try:
            return Named(rule(self.writer, step), step.shape, step.dtype)
        except ExportError as error:
            raise ExportError(str(error), line.scope) from None


def _needed(lines: Lines) -> set[int]:
    """The values that an output depends on."""
    wanted = {one.number for one in lines.outputs if isinstance(one, Item)}
    for line in reversed(lines.lines):
        if line.result.number in wanted:
            wanted |= {o.number for o in line.operands if isinstance(o, Item)}
    return wanted


def _folded(step: Step) -> Constant | None:
    """What is made of constants alone, unless it is large: a number repeated often is left to a node."""
    shape = tuple(size for size in step.shape if not isinstance(size, Rows))
    if len(shape) < len(step.shape):
        return None
    if 0 in shape:
        return Constant(np.zeros(shape, step.dtype), "")
    if any(isinstance(o, (Named, Rows)) for o in step.operands) or _moves(step.static):
        return None
    arrays = [o.array if isinstance(o, Constant) else o for o in step.operands]
    given = sum(a.nbytes for a in arrays if isinstance(a, np.ndarray))
    if math.prod(shape) * step.dtype.itemsize > max(_MOST_FOLDED, given):
        return None
    with _numpy.quiet():
        made = getattr(_numpy, step.name)(*arrays, **step.static)
    names = [o.wish for o in step.operands if isinstance(o, Constant) and o.wish]
    same = PRIMITIVES[step.name].kind == "shape" and len(step.operands) == 1
    wish = (names[0] if same else f"{names[0].partition('/')[0]}/{step.name}") if names else ""
    return Constant(np.ascontiguousarray(made, step.dtype).reshape(shape), wish)


def _moves(value: Any) -> bool:
    """Whether a size that follows the rows is somewhere in it."""
    if isinstance(value, Rows):
        return True
    if isinstance(value, Mapping):
        return any(map(_moves, value.values()))
    if isinstance(value, slice):
        return any(map(_moves, (value.start, value.stop, value.step)))
    return isinstance(value, (tuple, list)) and any(map(_moves, value))


def _finished(
    writer: Writer,
    lines: Lines,
    values: Mapping[int, Operand],
    inputs: tuple[Port, ...],
    names: Sequence[str],
) -> Graph:
    """With the outputs by their names, and without what none of them needs."""
    writer.scope = ""
    made = {output for node in writer.nodes for output in node.outputs}
    final: dict[str, str] = {}
    outputs = []
    for name, item in zip(names, lines.outputs, strict=True):
        operand: Operand = values[item.number] if isinstance(item, Item) else item
        inner = writer.name_of(operand)
        if inner in made and inner not in final:
            final[inner] = name
        else:
            final[writer.node("Identity", inner)] = name
        dtype = dtype_of(operand)
        assert isinstance(dtype, np.dtype)
        outputs.append(Port(name, shape_of(operand), dtype))
    nodes = [_renamed(node, final) for node in writer.nodes]
    kept = _used(nodes, names)
    used = {name for node in kept for name in node.inputs}
    constants = {name: array for name, array in writer.constants.items() if name in used}
    better = _better_names(writer, constants, {*used, *names, *(port.name for port in inputs)})
    kept = [_renamed(node, better) for node in kept]
    constants = {better.get(name, name): array for name, array in constants.items()}
    return Graph(tuple(kept), constants, inputs, tuple(outputs))


def _renamed(node: Node, names: Mapping[str, str]) -> Node:
    inputs, outputs = ([names.get(n, n) for n in part] for part in (node.inputs, node.outputs))
    return node._replace(inputs=tuple(inputs), outputs=tuple(outputs))


def _better_names(writer: Writer, constants: Iterable[str], used: set[str]) -> dict[str, str]:
    """Constants that got a number behind their name, though what has the name alone is not needed."""
    found: dict[str, str] = {}
    for name in constants:
        wish = writer.wishes[name]
        if wish and wish != name and wish not in used:
            found[name] = wish
            used.add(wish)
    return found


def _used(nodes: Sequence[Node], outputs: Sequence[str]) -> list[Node]:
    """The nodes that an output depends on, in order."""
    wanted, kept = set(outputs), []
    for node in reversed(nodes):
        if not wanted.isdisjoint(node.outputs):
            kept.append(node)
            wanted.update(node.inputs)
    return kept[::-1]
