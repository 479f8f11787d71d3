"""Simplification: the same program with less in it. Each pass takes a program and returns one that `verify` accepts.

`simplify` folds numbers, drops what does nothing, computes equal things once and removes what nobody reads. It keeps
every bit of every result. `prepare` brings a program into the form that a planner of kernels wants: the operands of a
product in its dtype, large sums in two steps, and each assigned or returned value an instruction of its own.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from ..contract import DType, Scalar, Spec
from ..errors import GradloomError
from ..numpy import NumPyBackend
from ..primitives import PRIMITIVES
from .ir import Instruction, Operand, Program, Value
from .views import own, viewed

_UNIFORM = frozenset(("reshape", "permute_dims", "broadcast_to"))
"""What only moves elements: all equal before, all equal after."""
_SPLIT_FROM = 4096
"""A sum over everything is taken over the last axis first when it has this many elements, so that rows can be shared."""


_numpy = NumPyBackend()


def simplify(program: Program) -> Program:
    """Fold, deduplicate and drop until nothing changes; the results have the same bits.

    >>> from backends.program import format_program, parse_program
    >>> text = '''
    ... program twice
    ... %0: float32[2] = input "x"
    ... %1: float32[] = full(shape=(), value=1.0, dtype=float32)
    ... %2: float32[] = divide(%1, 8)
    ... %3: float32[2] = multiply(%0, %2)
    ... %4: float32[2] = multiply(%0, %2)
    ... %5: float32[2] = add(%3, %4)
    ... return y=%5
    ... '''
    >>> print(format_program(simplify(parse_program(text))), end="")
    program twice
    %0: float32[2] = input "x"
    %3: float32[2] = multiply(%0, 0.125)
    %5: float32[2] = add(%3, %3)
    return y=%5
    """
    return drop_unused(_Rewriter(program).run())


def drop_unused(program: Program) -> Program:
    """Without the instructions that no output and no assignment depends on."""
    wanted = {o for _, o in (*program.outputs, *program.assigns) if isinstance(o, Value)}
    kept: list[Instruction] = []
    for instruction in reversed(program.instructions):
        if instruction.result in wanted:
            kept.append(instruction)
            wanted.update(o for o in instruction.operands if isinstance(o, Value))
    return program._replace(instructions=tuple(reversed(kept)))


class _Rewriter:
    """One pass from the first instruction to the last: operands are final before their reader is looked at."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.same: dict[Value, Value] = {}
        self.constants: dict[Value, Scalar] = {}
        self.made: dict[Value, Instruction] = {}
        self.known: dict[Any, Value] = {}

    def run(self) -> Program:
        for instruction in self.program.instructions:
            self._one(instruction)
        final = self._final
        return self.program._replace(
            instructions=tuple(self.made.values()),
            assigns=tuple((state, final(new)) for state, new in self.program.assigns),
            outputs=tuple((name, final(value)) for name, value in self.program.outputs),
        )

    def _final(self, operand: Operand) -> Operand:
        return self.same.get(operand, operand) if isinstance(operand, Value) else operand

    def _one(self, instruction: Instruction) -> None:
        result = instruction.result
        instruction = instruction._replace(
            operands=tuple(self._final(o) for o in instruction.operands)
        )
        instruction = self._with_numbers(instruction)
        instruction = self._shorter(instruction)
        alias = self._alias(instruction)
        if alias is not None:
            self.same[result] = alias
            return
        number = self._number(instruction)
        if number is not None:
            self.constants[result] = number
            spec = result.spec
            static = (("shape", spec.shape), ("value", number), ("dtype", spec.dtype))
            instruction = instruction._replace(primitive="full", operands=(), static=static)
        key = _key(instruction)
        if key in self.known:
            self.same[result] = self.known[key]
            return
        self.known[key] = result
        self.made[result] = instruction

    def _with_numbers(self, instruction: Instruction) -> Instruction:
        """Operands that are one number throughout become that number, where shape and dtype stay the same."""
        row = PRIMITIVES[instruction.primitive]
        if row.kind != "elementwise" or instruction.primitive == "astype":
            return instruction
        operands = list(instruction.operands)
        for i, operand in enumerate(operands):
            others = any(isinstance(o, Value) for j, o in enumerate(operands) if j != i)
            if not isinstance(operand, Value) or not others:
                continue
            shorter: list[Operand] = [*operands[:i], self._smaller(operand), *operands[i + 1 :]]
            if shorter[i] != operand and _infer(instruction, shorter) == instruction.result.spec:
                operands = shorter
        return instruction._replace(operands=tuple(operands))

    def _smaller(self, operand: Value) -> Operand:
        """The number that `operand` is throughout, or what was broadcast to it."""
        if operand in self.constants:
            return self.constants[operand]
        made = self.made.get(operand)
        return made.operands[0] if made is not None and made.primitive == "broadcast_to" else operand  # fmt: skip

    def _shorter(self, instruction: Instruction) -> Instruction:
        """Two moves of elements in a row as one; a reduction over axes of length 1 as a reshape."""
        result, primitive, operands, static = instruction
        source = operands[0] if operands else None
        inner = self.made.get(source) if isinstance(source, Value) else None
        if (
            primitive == "add"
            and inner is not None
            and inner.primitive == "add"
            and result.spec.dtype.kind in "iu"
            and isinstance(operands[1], int)
            and isinstance(inner.operands[1], int)
        ):
            # a counter that is counted on
            return instruction._replace(operands=(inner.operands[0], inner.operands[1] + operands[1]))  # fmt: skip
        if primitive == "reshape" and inner is not None and inner.primitive == "reshape":
            return instruction._replace(operands=inner.operands)
        if primitive == "permute_dims" and inner is not None and inner.primitive == primitive:
            first = dict(inner.static)["axes"]
            axes = tuple(first[i] for i in dict(static)["axes"])
            return instruction._replace(operands=inner.operands, static=(("axes", axes),))
        if (
            primitive in ("prod", "max", "min")
            and isinstance(source, Value)
            and source.spec.dtype == result.spec.dtype
            and all(source.spec.shape[axis] == 1 for axis in dict(static)["axis"])
        ):
            return instruction._replace(primitive="reshape", static=(("shape", result.spec.shape),))
        return instruction

    def _alias(self, instruction: Instruction) -> Value | None:
        """The operand that the result is equal to, bit for bit."""
        result, primitive, operands, static = instruction
        if primitive == "multiply" and not isinstance(operands[0], Value):
            operands = operands[::-1]
        source = operands[0] if operands else None
        if not isinstance(source, Value) or source.spec != result.spec:
            return None
        if primitive in ("reshape", "broadcast_to", "astype"):
            return source
        if primitive == "permute_dims" and dict(static)["axes"] == tuple(range(source.spec.ndim)):
            return source
        one = len(operands) > 1 and not isinstance(operands[1], (Value, bool)) and operands[1] == 1
        is_float = result.spec.dtype.kind == "f"
        return source if one and (primitive in ("multiply", "divide") or (primitive == "power" and is_float)) else None  # fmt: skip

    def _number(self, instruction: Instruction) -> Scalar | None:
        """The value of every element, where it is known now."""
        result, primitive, operands, static = instruction
        if primitive == "full":
            return _rounded(dict(static)["value"], result.spec.dtype)
        numbers = [self.constants.get(o) if isinstance(o, Value) else o for o in operands]
        if not numbers or any(number is None for number in numbers):
            return None
        if primitive in _UNIFORM:
            return numbers[0]
        if PRIMITIVES[primitive].kind != "elementwise":
            return None
        arrays = [
            np.full((), number, o.spec.dtype) if isinstance(o, Value) else number
            for number, o in zip(numbers, operands, strict=True)
        ]
        with np.errstate(all="ignore"):
            value = getattr(_numpy, primitive)(*arrays, **dict(static))
        return _rounded(np.asarray(value).item(), result.spec.dtype)


def _infer(instruction: Instruction, operands: list[Operand]) -> Spec | None:
    specs = [o.spec if isinstance(o, Value) else o for o in operands]
    try:
        return PRIMITIVES[instruction.primitive].infer(specs, dict(instruction.static))
    except (GradloomError, TypeError, OverflowError):
        return None


def _rounded(number: Scalar, dtype: DType) -> Scalar:
    """As an element of an array of `dtype` holds it."""
    with np.errstate(all="ignore"):
        value: Scalar = np.asarray(number).astype(dtype).item()
    return value


def _key(instruction: Instruction) -> Any:
    """Equal for instructions that compute the same. Numbers by text: True, 1 and 1.0 are equal in Python, as are 0.0 and -0.0."""
    _, primitive, operands, static = instruction
    return primitive, tuple(o if isinstance(o, Value) else repr(o) for o in operands), repr(static)


def prepare(program: Program) -> Program:
    """The form that `fuse.plan` expects; the same values, but for the order in which large sums are taken."""
    program = _with_split_sums(_with_cast_products(_with_draws_first(program)))
    return drop_unused(_with_own_values(_with_affine_views(program)))


def _with_draws_first(program: Program) -> Program:
    """Random bits before all else, with the counting that they need: then whoever reads them can join its operand."""
    instructions = program.instructions
    wanted: set[Value] = set()
    for instruction in reversed(instructions):
        if instruction.primitive == "random_bits" or instruction.result in wanted:
            wanted.update(o for o in instruction.operands if isinstance(o, Value))
            wanted.add(instruction.result)
    # only where a draw depends on parameters through a short chain, not on what the step computes
    early = [i for i in instructions if i.result in wanted]
    if any(PRIMITIVES[i.primitive].kind not in ("elementwise", "random", "create") for i in early):
        return program
    others = (i for i in instructions if i.result not in wanted)
    return program._replace(instructions=(*early, *others))


class Fresh:
    """New values for a program."""

    def __init__(self, program: Program) -> None:
        used = [p.value.number for p in program.parameters]
        used += [i.result.number for i in program.instructions]
        self.next = max(used, default=-1) + 1

    def __call__(self, spec: Spec) -> Value:
        self.next += 1
        return Value(self.next - 1, spec)


def _with_cast_products(program: Program) -> Program:
    """Operands of a product that have not its dtype are cast first: kernels and BLAS read both as what they write."""
    fresh = Fresh(program)

    def rewrite(instruction: Instruction) -> Iterator[Instruction]:
        result, primitive, operands, _ = instruction
        if primitive != "matmul":
            yield instruction
            return
        dtype, given = result.spec.dtype, list(operands)
        for at, operand in enumerate(operands):
            if isinstance(operand, Value) and operand.spec.dtype != dtype:
                cast = fresh(Spec(operand.spec.shape, dtype))
                yield Instruction(
                    cast, "astype", (operand,), (("dtype", dtype),), instruction.scope
                )
                given[at] = cast
        yield instruction._replace(operands=tuple(given))

    return program._replace(
        instructions=tuple(new for i in program.instructions for new in rewrite(i))
    )


def _with_split_sums(program: Program) -> Program:
    """A large sum over everything is taken row by row, then over the rows; one over axes of length 1 is none."""
    fresh = Fresh(program)

    def rewrite(instruction: Instruction) -> Iterator[Instruction]:
        result, primitive, operands, static = instruction
        scope = instruction.scope
        source = operands[0] if operands else None
        if primitive != "sum" or not isinstance(source, Value):
            yield instruction
            return
        axes, shape = dict(static)["axis"], source.spec.shape
        if source.spec.dtype == result.spec.dtype and all(shape[axis] == 1 for axis in axes):
            yield instruction._replace(primitive="reshape", static=(("shape", result.spec.shape),))
            return
        if len(axes) < 2 or len(axes) < len(shape) or math.prod(shape) < _SPLIT_FROM:
            yield instruction
            return
        last = len(shape) - 1
        rows = fresh(Spec(shape[:-1], result.spec.dtype))
        yield Instruction(rows, "sum", operands, (("axis", (last,)), ("keepdims", False)), scope)
        total = fresh(Spec((), result.spec.dtype))
        over = (("axis", tuple(range(last))), ("keepdims", False))
        yield Instruction(total, "sum", (rows,), over, scope)
        yield Instruction(result, "reshape", (total,), (("shape", result.spec.shape),), scope)

    return program._replace(
        instructions=tuple(new for i in program.instructions for new in rewrite(i))
    )


def copy_of(source: Value, result: Value, scope: str) -> Instruction:
    """An instruction that writes `source` to memory of its own."""
    return Instruction(result, "astype", (source,), (("dtype", source.spec.dtype),), scope)


def _with_affine_views(program: Program) -> Program:
    """Where a reshape cannot be a view of memory as it lies, its operand is copied first."""
    fresh = Fresh(program)
    instructions: list[Instruction] = []
    views = {p.value: own(p.value) for p in program.parameters}
    for instruction in program.instructions:
        result, _, operands, _ = instruction
        view = viewed(result, instruction, views)
        if view is None:
            source = operands[0]
            assert isinstance(source, Value)
            copied = fresh(source.spec)
            instructions.append(copy_of(source, copied, instruction.scope))
            views[copied] = own(copied)
            instruction = instruction._replace(operands=(copied,))
            view = viewed(result, instruction, views)
            assert view is not None
        views[result] = view
        instructions.append(instruction)
    return program._replace(instructions=tuple(instructions))


def _with_own_values(program: Program) -> Program:
    """Every assigned or returned value is computed by an instruction that serves nothing else of the kind."""
    fresh = Fresh(program)
    made: Mapping[Value, Instruction] = {i.result: i for i in program.instructions}
    views = {p.value: own(p.value) for p in program.parameters}
    for instruction in program.instructions:
        view = viewed(instruction.result, instruction, views)
        assert view is not None
        views[instruction.result] = view
    taken: set[Value] = set()
    added: list[Instruction] = []

    def held(operand: Operand, spec: Spec) -> Operand:
        if not isinstance(operand, Value):
            value = fresh(spec)
            static = (("shape", spec.shape), ("value", operand), ("dtype", spec.dtype))
            added.append(Instruction(value, "full", (), static))
            return value
        if operand in made and operand not in taken and views[operand].root == operand:
            taken.add(operand)
            return operand
        value = fresh(operand.spec)
        added.append(copy_of(operand, value, made[operand].scope if operand in made else ""))
        return value

    assigns = tuple((state, held(new, state.spec)) for state, new in program.assigns)
    outputs = tuple(
        (name, held(value, value.spec) if isinstance(value, Value) else value)
        for name, value in program.outputs
    )
    return program._replace(
        instructions=(*program.instructions, *added), assigns=assigns, outputs=outputs
    )
