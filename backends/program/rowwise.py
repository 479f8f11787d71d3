"""Whether a program computes each row of its results from that row of its input alone.

Then it serves any number of rows: more are given to it in parts, fewer with rows added that are cut off
again. The step is traced with two numbers of rows. An axis whose length follows that number is the batch
axis of a value, and no instruction may mix what lies along it; a number in the program that follows it,
too, would be wrong for any other.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Literal

from ..primitives import PRIMITIVES
from ..shapes import expand_key, normalise_axes, normalise_axis
from .ir import Instruction, Operand, Program, Value, operands_of

_Axes = list[int | None]
"""The batch axis of each operand."""


def is_rowwise(program: Program, other: Program, rows: int, more: int) -> bool:
    """Whether the outputs of `program`, a trace with `rows` rows, are computed row by row.

    Args:
        program: of one input; `rows` is the length of its first axis.
        other: the trace of the same step with `more` rows.
    """
    if program.assigns or other.assigns or _counts(program) != _counts(other):
        return False
    axes: dict[int, int | None] = {}
    for one, two in zip(program.parameters, other.parameters, strict=True):
        if (one.role, one.name) != (two.role, two.name):
            return False
        if one.role == "state" and one.value.spec != two.value.spec:
            return False
        axes[one.value.number] = 0 if one.role == "input" else None
    for ours, theirs in zip(program.instructions, other.instructions, strict=True):
        found = _batch_axis(ours.result, theirs.result, rows, more)
        if found is False or not _same(ours, theirs) or not _keeps_rows(ours, axes, found):
            return False
        axes[ours.result.number] = found
    return all(
        isinstance(value, Value) and axes[value.number] == 0 and value.spec.shape[0] == rows
        for _, value in program.outputs
    )


def _counts(program: Program) -> tuple[int, int, int]:
    return len(program.parameters), len(program.instructions), len(program.outputs)


def _batch_axis(value: Value, other: Value, rows: int, more: int) -> int | Literal[False] | None:
    """The axis that follows the number of rows, None where none does; False
    where several do, or in another way.
    """
    ours, theirs = value.spec.shape, other.spec.shape
    if len(ours) != len(theirs) or value.spec.dtype != other.spec.dtype:
        return False
    changed = [i for i, (a, b) in enumerate(zip(ours, theirs, strict=True)) if a != b]
    if not changed:
        return None
    (axis, *rest) = changed
    follows = ours[axis] * more == theirs[axis] * rows and ours[axis] % rows == 0
    return axis if follows and not rest else False


def _same(ours: Instruction, theirs: Instruction) -> bool:
    """Whether two instructions differ in nothing but shapes, which are looked at for themselves."""
    if ours.primitive != theirs.primitive or len(ours.operands) != len(theirs.operands):
        return False
    pairs = zip(ours.operands, theirs.operands, strict=True)
    return all(_name(a) == _name(b) for a, b in pairs) and _settings(ours) == _settings(theirs)


def _name(operand: Operand) -> Any:
    return operand.number if isinstance(operand, Value) else (type(operand), repr(operand))


def _settings(instruction: Instruction) -> str:
    return repr([(k, v) for k, v in instruction.static if k != "shape"])


def _keeps_rows(instruction: Instruction, known: dict[int, int | None], result: int | None) -> bool:
    operands = operands_of(instruction)
    axes = [known[o.number] for o in operands]
    rule = _rule_of(instruction.primitive)
    if rule is not None:
        return rule(instruction, operands, axes, result)
    kind = PRIMITIVES[instruction.primitive].kind
    if all(axis is None for axis in axes):
        return kind in ("elementwise", "create") or result is None
    static = dict(instruction.static)
    if kind == "elementwise":
        return _aligned(instruction, operands, axes, result)
    if kind in ("reduction", "scan"):
        (axis,), (operand,) = axes, operands
        ndim = len(operand.spec.shape)
        along = static["axis"]
        mixed = (normalise_axis(along, ndim),) if isinstance(along, int) else normalise_axes(along, ndim)
        return axis not in mixed
    return False


def _aligned(instruction: Instruction, operands: list[Value], axes: _Axes, result: int | None) -> bool:
    """All batch axes lie over each other where NumPy broadcasts."""
    if result is None:
        return False
    place = result - len(instruction.result.spec.shape)
    return all(a is None or a - len(o.spec.shape) == place for a, o in zip(axes, operands, strict=True))


def _reshape(instruction: Instruction, operands: list[Value], axes: _Axes, result: int | None) -> bool:
    """The numbers of a row that lie side by side are as many as before; a
    batch axis may take in what follows it.
    """
    (axis,), old, new = axes, operands[0].spec.shape, instruction.result.spec.shape
    if axis is None or result is None:
        return axis is result
    return math.prod(old[axis:]) == math.prod(new[result:])


def _permute_dims(instruction: Instruction, operands: list[Value], axes: _Axes, result: int | None) -> bool:
    return axes[0] is None or result == dict(instruction.static)["axes"].index(axes[0])


def _concat(instruction: Instruction, operands: list[Value], axes: _Axes, result: int | None) -> bool:
    joined = normalise_axis(dict(instruction.static)["axis"], len(operands[0].spec.shape))
    return joined != result and all(axis == result for axis in axes)


def _pad(instruction: Instruction, operands: list[Value], axes: _Axes, result: int | None) -> bool:
    (axis,) = axes
    return axis is None or dict(instruction.static)["pad_width"][axis] == (0, 0)


def _windows(instruction: Instruction, operands: list[Value], axes: _Axes, result: int | None) -> bool:
    (axis,), static = axes, dict(instruction.static)
    ndim = len(operands[0].spec.shape) - (len(static["size"]) if "shape" in static else 0)
    return axis is None or axis not in [normalise_axis(a, ndim) for a in static["axes"]]


def _getitem(instruction: Instruction, operands: list[Value], axes: _Axes, result: int | None) -> bool:
    """Rows of a table that numbers choose; or any piece of each row."""
    key = dict(instruction.static)["key"]
    axis, *indices = axes
    if axis is None:
        # without numbers of each row, or with several, what follows the number of rows is not theirs
        return (result is None) == (not any(i is not None for i in indices)) and len(indices) <= 1
    if any(i is not None for i in indices):
        return False
    entries = [e for e in expand_key(key, len(operands[0].spec.shape)) if e is not None]
    # a slice with bounds may be whole for some numbers of rows and not for others
    return entries[axis] in (slice(None), slice(None, None, 1), slice(0, None, 1))


def _matmul(instruction: Instruction, operands: list[Value], axes: _Axes, result: int | None) -> bool:
    places = [None if a is None else a - len(o.spec.shape) for a, o in zip(axes, operands, strict=True)]
    left, right = places
    if left is None or right is None:
        return left != -1 and right != -2
    return left == right and left < -2


def _rule_of(primitive: str) -> Callable[[Instruction, list[Value], _Axes, int | None], bool] | None:
    """The rule of a primitive whose kind does not tell which axes it mixes."""
    match primitive:
        case "reshape":
            return _reshape
        case "permute_dims":
            return _permute_dims
        case "broadcast_to":
            return _aligned
        case "concat":
            return _concat
        case "pad":
            return _pad
        case "windows" | "windows_add":
            return _windows
        case "getitem":
            return _getitem
        case "matmul":
            return _matmul
    return None
