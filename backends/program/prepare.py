"""A program in the form that a planner of kernels wants; the same values, but for the order of large sums.

Random bits come first, powers that are products are products, the operands of a product have its dtype, large
sums are taken in two steps, and each assigned or returned value has an instruction of its own.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping

from ..contract import Spec
from ..primitives import PRIMITIVES
from .ir import Instruction, Operand, Program, Value, casting, filling, operands_of
from .passes import Fresh, drop_unused
from .views import own, viewed

_SPLIT_FROM = 4096
"""From so many elements on a sum over everything is taken over the last axis first: rows can be shared."""


def prepare(program: Program, split_sums: bool = True) -> Program:
    """The form that `fuse.plan` expects; the same values, but for the order in which large sums are taken.

    Without `split_sums` every sum is one reduction, however large.
    """
    program = _with_cast_products(_with_plain_powers(_with_draws_first(program)))
    if split_sums:
        program = _with_split_sums(program)
    return drop_unused(_with_own_values(_with_affine_views(program)))


def _each(program: Program, rewrite: Callable[[Instruction], Iterator[Instruction]]) -> Program:
    """All instructions rewritten; what comes of one has its scope."""
    pairs = ((new, i) for i in program.instructions for new in rewrite(i))
    made = (new if new is old else new._replace(scope=old.scope) for new, old in pairs)
    return program._replace(instructions=tuple(made))


def _with_draws_first(program: Program) -> Program:
    """Random bits, with the counting that they need, before all else: who reads them can join its operand."""
    instructions = program.instructions
    wanted: set[Value] = set()
    for instruction in reversed(instructions):
        if instruction.primitive == "random_bits" or instruction.result in wanted:
            wanted.update(operands_of(instruction))
            wanted.add(instruction.result)
    # only where a draw depends on parameters through a short chain, not on what the step computes
    early = [i for i in instructions if i.result in wanted]
    if any(PRIMITIVES[i.primitive].kind not in ("elementwise", "random", "create") for i in early):
        return program
    others = (i for i in instructions if i.result not in wanted)
    return program._replace(instructions=(*early, *others))


def _with_plain_powers(program: Program) -> Program:
    """Powers of floats that are products, a root or a quotient, bit for bit, as those; the rest needs pow."""
    fresh = Fresh(program)

    def rewrite(instruction: Instruction) -> Iterator[Instruction]:
        result, primitive, operands, _ = instruction
        exponent = operands[1] if primitive == "power" else None
        source, spec = operands[0] if operands else None, result.spec
        plain = not isinstance(exponent, Value) and exponent in (1, 2, 3, 0.5, -1)
        if not plain or not isinstance(source, Value) or spec.dtype.kind != "f":
            yield instruction
            return
        if source.spec.dtype != spec.dtype:
            cast = fresh(Spec(source.spec.shape, spec.dtype))
            yield casting(source, cast)
            source = cast
        if exponent == 1:
            yield casting(source, result)
        elif exponent == 0.5:
            yield Instruction(result, "sqrt", (source,), ())
        elif exponent == -1:
            yield Instruction(result, "divide", (1, source), ())
        elif exponent == 2:
            yield Instruction(result, "multiply", (source, source), ())
        else:
            square = fresh(spec)
            yield Instruction(square, "multiply", (source, source), ())
            yield Instruction(result, "multiply", (square, source), ())

    return _each(program, rewrite)


def _with_cast_products(program: Program) -> Program:
    """Operands of a product that have not its dtype are cast first: kernels and BLAS know one dtype."""
    fresh = Fresh(program)

    def rewrite(instruction: Instruction) -> Iterator[Instruction]:
        result, primitive, operands, static = instruction
        if primitive != "matmul":
            yield instruction
            return
        dtype, given = result.spec.dtype, list(operands)
        if all(operand.spec.dtype == dtype for operand in operands_of(instruction)):
            yield instruction
            return
        for at, operand in enumerate(operands):
            if isinstance(operand, Value) and operand.spec.dtype != dtype:
                cast = fresh(Spec(operand.spec.shape, dtype))
                yield casting(operand, cast)
                given[at] = cast
        yield Instruction(result, primitive, tuple(given), static)

    return _each(program, rewrite)


def _with_split_sums(program: Program) -> Program:
    """A large sum over everything is taken by rows, then over them; one over axes of length 1 is none."""
    fresh = Fresh(program)

    def rewrite(instruction: Instruction) -> Iterator[Instruction]:
        result, primitive, operands, static = instruction
        source = operands[0] if operands else None
        if primitive != "sum" or not isinstance(source, Value):
            yield instruction
            return
        axes, shape = dict(static)["axis"], source.spec.shape
        if source.spec.dtype == result.spec.dtype and all(shape[axis] == 1 for axis in axes):
            yield Instruction(result, "reshape", operands, (("shape", result.spec.shape),))
            return
        if len(axes) < 2 or len(axes) < len(shape) or math.prod(shape) < _SPLIT_FROM:
            yield instruction
            return
        last = len(shape) - 1
        rows = fresh(Spec(shape[:-1], result.spec.dtype))
        yield Instruction(rows, "sum", operands, (("axis", (last,)), ("keepdims", False)))
        total = fresh(Spec((), result.spec.dtype))
        over_rows = (("axis", tuple(range(last))), ("keepdims", False))
        yield Instruction(total, "sum", (rows,), over_rows)
        yield Instruction(result, "reshape", (total,), (("shape", result.spec.shape),))

    return _each(program, rewrite)


def _with_affine_views(program: Program) -> Program:
    """Where a reshape cannot be a view of memory as it lies, its operand is copied first."""
    fresh = Fresh(program)
    instructions: list[Instruction] = []
    views = {p.value: own(p.value) for p in program.parameters}
    for instruction in program.instructions:
        result = instruction.result
        view = viewed(result, instruction, views)
        if view is None:
            (source,) = operands_of(instruction)
            copied = fresh(source.spec)
            instructions.append(casting(source, copied, instruction.scope))
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
            added.append(filling(value, operand))
            return value
        if operand in made and operand not in taken and views[operand].root == operand:
            taken.add(operand)
            return operand
        value = fresh(operand.spec)
        added.append(casting(operand, value, made[operand].scope if operand in made else ""))
        return value

    assigns = tuple((state, held(new, state.spec)) for state, new in program.assigns)
    outputs = tuple(
        (name, held(value, value.spec) if isinstance(value, Value) else value)
        for name, value in program.outputs
    )
    return program._replace(instructions=(*program.instructions, *added), assigns=assigns, outputs=outputs)
