"""Row programs: the one loop nest that carries nearly all of a network that is not a matrix product.

The values of a row program have the shape (rows, columns), or one number a row, or one row for all, or are single
numbers. A row is worked on in stages. Each stage computes numbers of the row, then runs along the columns once; what
it reduces on the way (a sum, a maximum) is a number of the row for the next stage. Softmax has three stages: the
maximum, the sum of exponentials, the division.

`plan_rows` finds this form in a flat program, or says that there is none. It knows shapes and kinds of primitives,
and no target: an emitter prints a plan as a loop nest for a CPU or as a block of threads per row for a GPU.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Literal, NamedTuple

from ..contract import Scalar, Shape
from ..primitives import PRIMITIVES
from .ir import Instruction, Operand, Program, Value

Layout = Literal["full", "row", "column", "scalar"]
REDUCTIONS = frozenset(("sum", "max", "min"))


class Stage(NamedTuple):
    """Numbers of the row first, then one pass along the columns, and what that pass reduces."""

    numbers: tuple[Instruction, ...]
    elements: tuple[Instruction, ...]
    reductions: tuple[Instruction, ...]


class RowPlan(NamedTuple):
    """A program as stages over (rows, columns).

    `layouts` tells how each value lies; `constants` are values that stand for one number; `saved` are elements that a
    later stage reads again; `result` is what the program returns.
    """

    rows: int
    columns: int
    parameters: tuple[Value, ...]
    names: tuple[str, ...]
    layouts: dict[Value, Layout]
    constants: dict[Value, Scalar]
    stages: tuple[Stage, ...]
    saved: tuple[Value, ...]
    result: Value

    @property
    def instructions(self) -> tuple[Instruction, ...]:
        return tuple(i for stage in self.stages for part in stage for i in part)


def plan_rows(program: Program, accepts: Callable[[Instruction], bool]) -> RowPlan | None:
    """The row program that computes the single output of `program`; None when it has no such form.

    `accepts` tells which elementwise instructions the target can compute.
    """
    result = program.outputs[0][1]
    if len(program.outputs) != 1 or program.assigns or not isinstance(result, Value):
        return None
    finder = _Finder(program, result)
    if not all(finder.read(i, accepts) for i in finder.instructions):
        return None
    return finder.plan()


def _needed(program: Program, result: Value) -> tuple[Instruction, ...]:
    """The instructions that the result depends on, in order."""
    wanted = {result}
    kept = []
    for instruction in reversed(program.instructions):
        if instruction.result in wanted:
            kept.append(instruction)
            wanted.update(o for o in instruction.operands if isinstance(o, Value))
    return tuple(reversed(kept))


class _Finder:
    """Collects what each instruction says about shapes, then lays the values out.

    A value belongs to one of two frames: that of the elements, whose shapes align with the full shape from the right,
    and that of the numbers left when a reduction drops its axes, whose shapes align with the kept axes.
    """

    def __init__(self, program: Program, result: Value) -> None:
        self.program = program
        self.result = result
        self.instructions = _needed(program, result)
        self.steps: list[Instruction] = []
        self.constants: dict[Value, Scalar] = {}
        self.renamed: dict[Value, Value] = {}
        self.full: Shape | None = None
        self.kept = 0
        self.parents: dict[Value, Value] = {}
        self.is_element: dict[Value, bool] = {}
        self.columns_only: list[Value] = []
        self.parameters = {p.value for p in program.parameters}
        self.uses: dict[Value, int] = {}
        for instruction in self.instructions:
            for operand in instruction.operands:
                if isinstance(operand, Value):
                    self.uses[operand] = self.uses.get(operand, 0) + 1

    def read(self, instruction: Instruction, accepts: Callable[[Instruction], bool]) -> bool:
        """Note what one instruction demands; False when no row program can hold it."""
        instruction = instruction._replace(
            operands=tuple(
                self._final(o) if isinstance(o, Value) else o for o in instruction.operands
            )
        )
        result, primitive, operands, static = instruction
        if primitive == "full":
            self.constants[result] = dict(static)["value"]
            return True
        if primitive == "reshape":
            return self._reshape(instruction)
        if primitive == "broadcast_to" or PRIMITIVES[primitive].kind == "elementwise":
            self.steps.append(instruction)
            together = [v for v in (*operands, result) if isinstance(v, Value) and v.spec.shape]
            return self._unite(together) and (primitive == "broadcast_to" or accepts(instruction))
        if primitive in REDUCTIONS:
            return self._reduce(instruction)
        if primitive == "arange":
            self.steps.append(instruction)
            self.columns_only.append(result)
            return self._mark(result, True)
        return False

    def _reduce(self, instruction: Instruction) -> bool:
        (operand,), static = instruction.operands, dict(instruction.static)
        if not isinstance(operand, Value) or operand in self.constants:
            return False
        shape, axes = operand.spec.shape, static["axis"]
        kept = len(shape) - len(axes)
        if not axes or axes != tuple(range(kept, len(shape))):
            return False
        if self.full is not None and (self.full, self.kept) != (shape, kept):
            return False
        self.full, self.kept = shape, kept
        self.steps.append(instruction)
        dropped = instruction.result.spec.shape and not static["keepdims"]
        return self._mark(operand, True) and (
            not instruction.result.spec.shape or self._mark(instruction.result, not dropped)
        )

    def _reshape(self, instruction: Instruction) -> bool:
        (old,), new = instruction.operands, instruction.result
        assert isinstance(old, Value)
        if old in self.constants:
            self.constants[new] = self.constants[old]
            return True
        if old in self.parameters and self.uses.get(old) == 1:
            # memory in row-major order has any shape: the parameter is simply given the new one
            self.parameters.add(new)
            self.renamed[old] = new
            return True
        if new == self.result:
            self.result = old
            return True
        before, after = old.spec.shape, new.spec.shape
        self.steps.append(instruction)
        if old.spec.size == 1 or before == after:
            return self._unite([v for v in (old, new) if v.spec.shape])
        short, long = sorted((before, after), key=len)
        if long != short + (1,) * (len(long) - len(short)):
            return False
        return self._mark(old, before == long) and self._mark(new, after == long)

    def _final(self, value: Value) -> Value:
        while value in self.renamed:
            value = self.renamed[value]
        return value

    def _root(self, value: Value) -> Value:
        while (parent := self.parents.get(value, value)) != value:
            value = parent
        return value

    def _unite(self, values: list[Value]) -> bool:
        roots = [self._root(v) for v in values]
        marks = {self.is_element[r] for r in roots if r in self.is_element}
        for root in roots[1:]:
            self.parents[root] = roots[0]
        if marks:
            self.is_element[roots[0]] = marks.pop()
        return not marks

    def _mark(self, value: Value, is_element: bool) -> bool:
        return self.is_element.setdefault(self._root(value), is_element) == is_element

    def plan(self) -> RowPlan | None:
        """Lay out every value, then order the instructions in stages."""
        used = [p for p in self.program.parameters if p.value in self.uses]
        given = [self._final(p.value) for p in used]
        values = list(
            dict.fromkeys([*given, *(v for step in self.steps for v in (*step.operands, step.result) if isinstance(v, Value))])
        )  # fmt: skip
        values = [v for v in values if v not in self.constants]
        reduces = self.full is not None
        full = self.full if self.full is not None else self.result.spec.shape
        if not self.steps or 0 in full or self.result in self.constants:
            return None
        for kept in (self.kept,) if reduces else range(max(len(full), 1)):
            layouts = self._layouts(values, full, kept)
            if layouts is not None:
                rows, columns = math.prod(full[:kept]), math.prod(full[kept:])
                stages, saved = _stages(self.steps, layouts, given)
                return RowPlan(
                    rows, columns, tuple(given), tuple(p.name for p in used), layouts, self.constants, stages, saved, self.result
                )  # fmt: skip
        return None

    def _layouts(self, values: list[Value], full: Shape, kept: int) -> dict[Value, Layout] | None:
        layouts: dict[Value, Layout] = {}
        for value in values:
            element = self.is_element.get(self._root(value), True)
            layout = _layout(value.spec.shape, full, kept, element)
            if layout is None:
                return None
            layouts[value] = layout
        if any(layouts[v] not in ("full", "column") or len(full) - kept != 1 for v in self.columns_only):  # fmt: skip
            return None
        return layouts


def _layout(shape: Shape, full: Shape, kept: int, element: bool) -> Layout | None:
    """How an array of `shape` lies in (rows, columns) = (full[:kept], full[kept:])."""
    if not element:
        full = full[:kept]
    if len(shape) > len(full):
        return "scalar" if math.prod(shape) == 1 else None
    padded = (1,) * (len(full) - len(shape)) + shape
    lead, tail = padded[:kept], padded[kept:]
    whole, one = (lead == full[:kept], tail == full[kept:]), (set(lead) <= {1}, set(tail) <= {1})
    if not element:
        return "row" if whole[0] else "scalar" if one[0] else None
    if whole == (True, True):
        return "full"
    if whole[0] and one[1]:
        return "row"
    if one[0] and whole[1]:
        return "column"
    return "scalar" if one == (True, True) else None


def _stages(
    steps: list[Instruction], layouts: dict[Value, Layout], given: list[Value]
) -> tuple[tuple[Stage, ...], tuple[Value, ...]]:
    """Order the steps: reductions as early as possible, elements as late as their first reader allows."""
    ready = _earliest(steps, layouts)
    last = max(ready.values(), default=0)
    place: dict[Value, int] = {}
    saved: dict[Value, None] = {}
    for step in reversed(steps):
        at = ready[step.result]
        if step.primitive in REDUCTIONS:
            at -= 1
        elif layouts[step.result] in ("full", "column"):
            at = place.get(step.result, last)
        for operand in _values(step.operands):
            is_element = layouts.get(operand) in ("full", "column") and operand not in given
            if is_element and operand in place and place[operand] != at:
                saved[operand] = None
            if is_element:
                place[operand] = min(place.get(operand, at), at)
        place[step.result] = at
    stages = [([], [], []) for _ in range(last + 1)]  # type: ignore[var-annotated]
    for step in steps:
        kind = 2 if step.primitive in REDUCTIONS else layouts[step.result] in ("full", "column")
        stages[place[step.result]][int(kind)].append(step)
    return tuple(Stage(*map(tuple, parts)) for parts in stages), tuple(saved)


def _earliest(steps: list[Instruction], layouts: dict[Value, Layout]) -> dict[Value, int]:
    """The first stage at which each result can exist; that of a reduction is the one after its pass."""
    ready: dict[Value, int] = {}
    for step in steps:
        at = max((ready.get(o, 0) for o in _values(step.operands)), default=0)
        ready[step.result] = at + (step.primitive in REDUCTIONS)
    return ready


def _values(operands: tuple[Operand, ...]) -> Iterator[Value]:
    return (o for o in operands if isinstance(o, Value))
