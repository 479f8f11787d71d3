"""What can be wrong with one instruction of a gradient rule: the catalogue of mutations.

A change is given the operands of an instruction (symbols of a new trace, or Python numbers) and writes something else
in its place. The rest of the program is replayed after it, so shapes and dtypes are inferred again, and a change that
fits nowhere shows itself as an error of the vocabulary. Kinds are the ways in which people get gradients wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

from backends.contract import Spec
from backends.primitives import PRIMITIVES
from backends.program import Instruction, Program, Symbol, TraceBackend, Value
from backends.program.text import format_call
from backends.shapes import expand_key

Write = Callable[["Replay", list[Any], dict[str, Any]], Any]
"""(trace, operands, static attributes) -> what takes the place of the instruction's result."""

KINDS = (
    "sign",
    "factor",
    "dropped term",
    "swapped operand",
    "other input",
    "wrong primitive",
    "comparison off",
    "constant off",
    "missing unbroadcast",
    "axis off by one",
    "key off by one",
    "g ignored",
)


class Replay:
    """A program being written again: `do` writes an instruction, `inputs` are its parameters by number."""

    def __init__(self) -> None:
        self.xp = TraceBackend()
        self.inputs: dict[int, Symbol] = {}

    def do(self, primitive: str, operands: Sequence[Any], **static: Any) -> Any:
        return getattr(self.xp, primitive)(*operands, **static)


class Change(NamedTuple):
    """A mutation of the instruction at `place`: -1 stands for the parameter g, the length of the program for its result."""

    kind: str
    place: int
    write: Write


def replay(program: Program, change: Change) -> tuple[Program, str]:
    """The program with one change, and the text of what stands in the changed place.

    Raises:
        GradloomError, TypeError: when the change, or something after it, has no shape or dtype.
    """
    new = Replay()
    values: dict[Value, Any] = {}
    for value, role, name in program.parameters:
        values[value] = new.inputs[value.number] = new.xp.parameter(value.spec, role, name)
    written = ""

    def write(operands: Sequence[Any], static: dict[str, Any]) -> Any:
        nonlocal written
        before = len(new.xp.finish("", [], []).instructions)
        result = change.write(new, list(operands), static)
        result = result if isinstance(result, Symbol) else new.xp.asarray(result)
        added = new.xp.finish("", [], []).instructions[before:]
        written = (
            "; ".join(f"{step.result} = {format_call(step)}" for step in added)
            or f"{result.value} in its place"
        )
        return result

    if change.place < 0:
        g = program.parameters[0].value
        values[g] = write([values[g]], {})
    for index, (result, primitive, operands, static) in enumerate(program.instructions):
        given = [values[o] if isinstance(o, Value) else o for o in operands]
        if index == change.place:
            values[result] = write(given, dict(static))
        else:
            values[result] = new.do(primitive, given, **dict(static))
    outputs = [(name, values[value] if isinstance(value, Value) else new.xp.asarray(value)) for name, value in program.outputs]  # fmt: skip
    if change.place == len(program.instructions):
        outputs = [(name, write([value], {})) for name, value in outputs]
    return new.xp.finish(program.name, [], outputs), written


def result_spec(program: Program) -> Spec:
    """Shape and dtype of the only output."""
    ((_, result),) = program.outputs
    assert isinstance(result, Value)
    return result.spec


def changes(program: Program, own: int) -> Iterator[Change]:
    """Every change of the catalogue that applies; `own` counts the instructions that precede unbroadcasting."""
    yield Change("g ignored", -1, _ones)
    end = len(program.instructions)
    yield Change("dropped term", end, lambda xp, o, s: xp.do("multiply", [o[0], 0.0]))
    if not end:
        yield from _scaled(end, lambda xp, o, s: o[0])
        # the usual slip of someone who copies the rule of a product
        for parameter in program.parameters:
            if parameter.name not in ("g", "y") and parameter.value.spec == result_spec(program):
                yield Change("factor", end, _times_input(parameter.value.number))
    for index, instruction in enumerate(program.instructions):
        yield from _of_instruction(program, index, instruction, fitting=index >= own)


def _of_instruction(
    program: Program, index: int, instruction: Instruction, fitting: bool
) -> Iterator[Change]:
    name = instruction.primitive

    def again(xp: Replay, operands: list[Any], static: dict[str, Any]) -> Any:
        return xp.do(name, operands, **static)

    if instruction.result.spec.dtype.kind == "f":
        yield from _scaled(index, again)
    if fitting and name == "sum":
        yield from _unbroadcast(index)
    yield from _operands(program, index, instruction)
    for other in PRIMITIVES[name].mistaken_for:
        yield Change("wrong primitive", index, _instead(other))
    for other in _beside(name):
        yield Change("comparison off", index, _instead(other))
    for kind, static in _other_settings(instruction):
        yield Change(kind, index, _with_settings(name, static))
    if name == "reshape":
        yield Change("axis off by one", index, _reshape_of_transposed)


def _beside(name: str) -> Iterator[str]:
    """The comparison that differs from this one where both are equal."""
    row = PRIMITIVES[name]
    if row.family == "comparison" and row.infix is not None and not row.commutes:
        yield name.removesuffix("_equal") if name.endswith("_equal") else f"{name}_equal"


def _scaled(index: int, compute: Write) -> Iterator[Change]:
    yield Change("sign", index, lambda xp, o, s: xp.do("negative", [compute(xp, o, s)]))
    for factor in (2.0, 1.001):
        yield Change("factor", index, lambda xp, o, s, f=factor: xp.do("multiply", [compute(xp, o, s), f]))  # type: ignore[misc]  # fmt: skip


def _unbroadcast(index: int) -> Iterator[Change]:
    yield Change("missing unbroadcast", index, lambda xp, o, s: o[0])

    def first_row(xp: Replay, operands: list[Any], static: dict[str, Any]) -> Any:
        key = tuple(0 if i in static["axis"] else slice(None) for i in range(operands[0].ndim))
        return xp.do("getitem", operands, key=key)

    yield Change("missing unbroadcast", index, first_row)


def _operands(program: Program, index: int, instruction: Instruction) -> Iterator[Change]:
    name, operands = instruction.primitive, instruction.operands
    by_index = "key" in dict(instruction.static)
    row = PRIMITIVES[name]
    arithmetic = row.kind == "elementwise" and row.family == "arithmetic"
    if (arithmetic and (row.infix or row.prefers)) or name == "where":
        for i, operand in enumerate(operands):
            if isinstance(operand, Value) and not (name == "where" and i == 0):
                yield Change("dropped term", index, lambda xp, o, s, i=i: o[i])  # type: ignore[misc]
    elif len(operands) == 1 and row.kind in ("elementwise", "scan") and name != "astype":
        yield Change("dropped term", index, lambda xp, o, s: o[0])
    if row.infix and not row.commutes:
        yield Change("swapped operand", index, _reordered(name, (1, 0)))
    elif name == "where":
        yield Change("swapped operand", index, _reordered(name, (0, 2, 1)))
    elif by_index and len(operands) > 2:
        order = (0, *range(2, len(operands)), 1)
        yield Change("swapped operand", index, _reordered(name, order))
    for i, operand in enumerate(operands):
        if isinstance(operand, Value):
            for parameter in program.parameters:
                if parameter.value != operand and parameter.value.spec == operand.spec:
                    yield Change("other input", index, _with_input(name, i, parameter.value.number))
            if by_index and i:
                yield Change("key off by one", index, _index_before(name, i))
        elif type(operand) is not bool:
            yield Change("constant off", index, _with_number(name, i, operand + 1))


def _other_settings(instruction: Instruction) -> Iterator[tuple[str, dict[str, Any]]]:
    """Static attributes with one thing in them shifted."""
    static = dict(instruction.static)
    first = instruction.operands[0] if instruction.operands else None
    ndim = first.spec.ndim if isinstance(first, Value) else 0
    name = instruction.primitive
    if isinstance(static.get("axis"), tuple):
        shifted = tuple(sorted((axis + 1) % ndim for axis in static["axis"]))
        if shifted != static["axis"]:
            yield "axis off by one", dict(static, axis=shifted)
    elif isinstance(static.get("axis"), int) and ndim > 1:
        yield "axis off by one", dict(static, axis=(static["axis"] + 1) % ndim)
    if name == "permute_dims":
        axes = static["axes"]
        for i in range(ndim - 1):
            swapped = (*axes[:i], axes[i + 1], axes[i], *axes[i + 2 :])
            yield "axis off by one", dict(static, axes=swapped)
    if "key" in static:
        length = ndim if name == "getitem" else len(static["shape"])
        shape = first.spec.shape if name == "getitem" and isinstance(first, Value) else static.get("shape", ())  # fmt: skip
        for key in _other_keys(expand_key(static["key"], length), shape):
            yield "key off by one", dict(static, key=key)
    if name == "pad":
        for i, (before, after) in enumerate(static["pad_width"]):
            for pair in {(after, before), (before + 1, after - 1), (before - 1, after + 1)}:
                if min(pair) >= 0 and pair != (before, after):
                    widths = (*static["pad_width"][:i], pair, *static["pad_width"][i + 1 :])
                    yield "key off by one", dict(static, pad_width=widths)
        yield "constant off", dict(static, value=static["value"] + 1)
    if name == "full":
        yield "constant off", dict(static, value=static["value"] + 1)
    if name == "arange":
        step = static["step"]
        yield "constant off", dict(static, start=static["start"] + step, stop=static["stop"] + step)


def _other_keys(key: tuple[Any, ...], shape: Sequence[int]) -> Iterator[tuple[Any, ...]]:
    """Keys with one entry off by one: an int, or a slice moved by one place or turned round."""
    axis = 0
    for i, entry in enumerate(key):
        if entry is None:
            continue
        others: list[Any] = []
        if type(entry) is int:
            others = [entry + 1 if entry + 1 < shape[axis] else entry - 1]
        elif isinstance(entry, slice):
            start, stop, step = entry.indices(shape[axis])
            count = len(range(start, stop, step))
            if 0 < count < shape[axis]:
                others = [_slice(start + d, count, step) for d in (1, -1) if _inside(start + d, count, step, shape[axis])]  # fmt: skip
            if count > 1:
                others.append(_slice(start + (count - 1) * step, count, -step))
        for other in others:
            yield (*key[:i], other, *key[i + 1 :])
        axis += 1


def _inside(start: int, count: int, step: int, length: int) -> bool:
    return 0 <= start < length and 0 <= start + (count - 1) * step < length


def _slice(start: int, count: int, step: int) -> slice:
    stop = start + count * step
    return slice(start, None if stop < 0 else stop, step)


def _ones(xp: Replay, operands: list[Any], static: dict[str, Any]) -> Any:
    spec: Spec = operands[0].value.spec
    return xp.do("full", [], shape=spec.shape, value=1.0, dtype=spec.dtype)


def _instead(primitive: str) -> Write:
    return lambda xp, operands, static: xp.do(primitive, operands, **static)


def _with_settings(primitive: str, other: dict[str, Any]) -> Write:
    return lambda xp, operands, static: xp.do(primitive, operands, **other)


def _reordered(primitive: str, order: tuple[int, ...]) -> Write:
    return lambda xp, operands, static: xp.do(primitive, [operands[i] for i in order], **static)


def _with_input(primitive: str, place: int, number: int) -> Write:
    def write(xp: Replay, operands: list[Any], static: dict[str, Any]) -> Any:
        others = [*operands[:place], xp.inputs[number], *operands[place + 1 :]]
        return xp.do(primitive, others, **static)

    return write


def _times_input(number: int) -> Write:
    return lambda xp, operands, static: xp.do("multiply", [operands[0], xp.inputs[number]])


def _with_number(primitive: str, place: int, number: float) -> Write:
    return lambda xp, o, static: xp.do(primitive, [*o[:place], number, *o[place + 1 :]], **static)


def _index_before(primitive: str, place: int) -> Write:
    def write(xp: Replay, operands: list[Any], static: dict[str, Any]) -> Any:
        others = list(operands)
        others[place] = xp.do("subtract", [operands[place], 1])
        return xp.do(primitive, others, **static)

    return write


def _reshape_of_transposed(xp: Replay, operands: list[Any], static: dict[str, Any]) -> Any:
    """The elements in the other order: rows for columns, or backwards where there is one axis."""
    x = operands[0]
    if x.ndim > 1:
        x = xp.do("permute_dims", [x], axes=tuple(range(x.ndim))[::-1])
    elif x.ndim == 1:
        x = xp.do("getitem", [x], key=(slice(None, None, -1),))
    return xp.do("reshape", [x], **static)
