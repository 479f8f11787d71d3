"""Passes and machine code beside the interpreter, for drawn programs: nothing that a program computes may change.

Programs of ops with their gradients are compared bit for bit under `simplify` and to rounding where sums change their
order; programs of small integers, drawn primitive by primitive, exactly (see `drawn`).
"""

from __future__ import annotations

import logging

import numpy as np
import pytest
from comparing import NUMPY, assert_equal, results, step_of
from drawn import large_products, programs
from hypothesis import given, settings
from hypothesis import strategies as st

from autograd.testing import strategies
from backends.cuda import lower as cuda_lower
from backends.native import lower as native_lower
from backends.primitives import PRIMITIVES
from backends.program import format_program, parse_program, passes, prepare, verify
from backends.program.precision import rounded_products

pytestmark = pytest.mark.once
OPS = st.one_of(strategies.programs(), strategies.mlps())
half_as_many = settings(max_examples=settings.default.max_examples // 2)
"""Compiling a program takes some hundredths of a second."""
PASSES = {
    "unused instructions": passes.drop_unused,
    "one rewriting": lambda program: passes._Rewriter(program).run(),
    "simplify": passes.simplify,
    "random bits first": prepare._with_draws_first,
    "powers that are products": prepare._with_plain_powers,
    "operands of products in their dtype": prepare._with_cast_products,
    "large sums in two steps": prepare._with_split_sums,
    "views of memory as it lies": prepare._with_affine_views,
    "an instruction for each result": prepare._with_own_values,
    "prepare": prepare.prepare,
    "all": lambda program: prepare.prepare(passes.simplify(program)),
}
PREPARE = (
    "_with_draws_first",
    "_with_plain_powers",
    "_with_cast_products",
    "_with_split_sums",
    "_with_affine_views",
    "_with_own_values",
    "drop_unused",
)


@pytest.fixture(scope="module", autouse=True)
def _small_is_large():
    """What happens to large sums alone happens to the small ones of drawn programs."""
    before, prepare._SPLIT_FROM = prepare._SPLIT_FROM, 16
    yield
    prepare._SPLIT_FROM = before


def assert_same_bits(found, expected, program):
    assert found.keys() == expected.keys()
    for name, array in expected.items():
        mine = found[name]
        assert (mine.dtype, mine.shape) == (array.dtype, array.shape), name
        # the sum of one element -0.0 is 0.0 in NumPy, and here the element itself
        assert _signless(mine) == _signless(array), f"{name} of\n{format_program(program)}"


def _signless(array):
    """The bytes, with every zero positive."""
    return (array + array.dtype.type(0)).tobytes() if array.dtype.kind == "f" else array.tobytes()


@given(OPS)
def test_simplify_keeps_every_bit_of_ops_and_gradients(drawn):
    program, state, inputs = step_of(drawn)
    simple = verify(passes.simplify(program))
    assert_same_bits(results(simple, state, inputs), results(program, state, inputs), program)


@given(programs())
def test_simplify_keeps_every_bit_of_primitives(drawn):
    state, inputs = drawn.arrays("state"), drawn.arrays("input")
    simple = verify(passes.simplify(drawn.program))
    expected = results(drawn.program, state, inputs)
    assert_same_bits(results(simple, state, inputs), expected, drawn.program)


@given(OPS)
def test_a_simplified_program_is_simple(drawn):
    simple = passes.simplify(step_of(drawn)[0])
    assert passes.simplify(simple) == simple


@pytest.mark.parametrize("name", PASSES)
@given(drawn=programs())
def test_every_pass_gives_a_program_that_computes_the_same(name, drawn):
    state, inputs = drawn.arrays("state"), drawn.arrays("input")
    changed = verify(PASSES[name](drawn.program))
    expected = results(drawn.program, state, inputs)
    assert_equal(results(changed, state, inputs), expected, drawn.program)


@pytest.mark.parametrize("name", ["rounded", *PASSES])
@half_as_many
@given(drawn=programs())
def test_every_pass_keeps_the_scopes(name, drawn):
    """But for copies of parameters, which nobody recorded, every instruction comes from one of the program."""
    named = drawn.program._replace(
        instructions=tuple(i._replace(scope="layers.0 Dense") for i in drawn.program.instructions)
    )
    change = {"rounded": rounded_products, **PASSES}[name]
    given = {p.value for p in named.parameters}
    for instruction in change(named).instructions:
        of_parameter = instruction.primitive == "astype" and set(instruction.operands) <= given
        assert instruction.scope == "layers.0 Dense" or of_parameter, instruction


@given(st.one_of(OPS.map(step_of), programs().map(lambda d: (d.program, d.arrays("state"), d.arrays("input")))))  # fmt: skip
def test_a_prepared_program_differs_by_rounding(drawn):
    program, state, inputs = drawn
    expected = results(program, state, inputs)
    changed = passes.simplify(program)
    for name in PREPARE:
        changed = verify(getattr(prepare, name)(changed))
        assert_equal(results(changed, state, inputs), expected, program, 1e-12)
    assert changed == prepare.prepare(passes.simplify(program))


@given(programs())
def test_a_prepared_program_has_an_instruction_for_each_result(drawn):
    prepared = prepare.prepare(passes.simplify(drawn.program))
    made = {i.result for i in prepared.instructions}
    held = [value for _, value in (*prepared.assigns, *prepared.outputs)]
    assert set(held) <= made
    assert len(set(held)) == len(held)


@pytest.mark.parametrize("dtype", ["int64", "float32", "bool"])
@pytest.mark.parametrize("keepdims", [True, False])
def test_reductions_over_an_axis_of_one(dtype, keepdims):
    """Some are the element itself; a place, a count and a truth are not."""
    array = np.array([[3], [0], [1]]).astype(dtype)
    names = [r.name for r in PRIMITIVES.values() if r.kind == "reduction"]
    lines, returned = [], []
    for k, name in enumerate(names, 1):
        made = getattr(NUMPY, name)(array, axis=(1,), keepdims=keepdims)
        shape = ", ".join(map(str, made.shape))
        lines.append(f"%{k}: {made.dtype}[{shape}] = {name}(%0, axis=(1,), keepdims={keepdims})")
        returned.append(f"{name}=%{k}")
    text = "\n".join(["program p", f'%0: {dtype}[3, 1] = input "x"', *lines, f"return {', '.join(returned)}"])  # fmt: skip
    program = parse_program(text)
    expected = results(program, {}, {"x": array})
    assert_equal(results(passes.simplify(program), {}, {"x": array}), expected, program)


# machine code
@pytest.fixture(scope="module")
def machine():
    """Makes machines that three threads may share, however few cores there are."""
    pytest.importorskip("llvmlite")
    from backends.native import Executable, threads

    before, threads.limit = threads.limit, 3
    yield Executable
    threads.limit = before


def one_step(machine, program, state, inputs, parts):
    """New state and outputs of a step of machine code in so many threads."""
    from programs import assert_nothing_is_overwritten_early

    made = machine(program)
    assert_nothing_is_overwritten_early(made)
    made.parts = lambda: parts
    mine = {name: np.array(array) for name, array in state.items()}
    outputs = made.step(mine, inputs)
    return {f"state {n}": a for n, a in mine.items()} | outputs


@half_as_many
@given(drawn=OPS)
def test_machine_code_computes_ops_and_gradients_to_rounding(machine, drawn):
    program, state, inputs = step_of(drawn)
    found = one_step(machine, program, state, inputs, 1)
    assert_equal(found, results(program, state, inputs), program, 1e-9)


@half_as_many
@given(drawn=programs())
def test_machine_code_computes_small_integers_exactly(machine, drawn):
    state, inputs = drawn.arrays("state"), drawn.arrays("input")
    expected = results(drawn.program, state, inputs)
    alone = one_step(machine, drawn.program, state, inputs, 1)
    assert_equal(alone, expected, drawn.program)
    together = one_step(machine, drawn.program, state, inputs, 3)
    assert {n: a.tobytes() for n, a in together.items()} == {n: a.tobytes() for n, a in alone.items()}  # fmt: skip


@settings(max_examples=max(15, settings.default.max_examples // 8))
@given(drawn=large_products())
def test_large_products_are_exact(machine, drawn):
    state, inputs = drawn.arrays("state"), drawn.arrays("input")
    expected = results(drawn.program, state, inputs)
    for parts in (1, 2, 3):
        found = one_step(machine, drawn.program, state, inputs, parts)
        assert_equal(found, expected, drawn.program)


COUNTING = {
    "in a flat loop": """
        %0: float32[8, 3] = input "x"
        %1: float32[3] = arange(start=0, stop=3, step=1, dtype=float32)
        %2: float32[8, 3] = add(%0, %1)
        return y=%2""",
    "one element in a flat loop": """
        %0: int64[33] = input "x"
        %1: int64[1] = arange(start=0, stop=1, step=1, dtype=int64)
        %2: int64[33] = minimum(%1, %0)
        %3: int64[33] = subtract(%2, 2)
        return y=%3""",
    "along the kept axis of a reduction": """
        %0: float32[3, 8] = input "x"
        %1: float32[3] = arange(start=0, stop=3, step=1, dtype=float32)
        %2: float32[3] = sum(%0, axis=(1,), keepdims=False)
        %3: float32[3] = add(%2, %1)
        return y=%3""",
    "one element beside a sum": """
        %0: float32[2] = input "x"
        %1: float32[1] = sum(%0, axis=(0,), keepdims=True)
        %2: float32[1] = arange(start=0, stop=1, step=1, dtype=float32)
        return y=%1, z=%2""",
    "down the columns": """
        %0: float32[3, 8] = input "x"
        %1: float32[8] = arange(start=0, stop=8, step=1, dtype=float32)
        %2: float32[3, 8] = add(%0, %1)
        %3: float32[8] = sum(%2, axis=(0,), keepdims=False)
        return y=%3""",
    "along the rows": """
        %0: float32[8, 70] = input "x"
        %1: float32[8] = arange(start=2, stop=18, step=2, dtype=float32)
        %2: float32[8, 1] = reshape(%1, shape=(8, 1))
        %3: float32[8, 70] = add(%0, %2)
        return y=%3""",
    "after a product": """
        %0: float32[8, 3] = input "x"
        %1: float32[3, 3] = input "w"
        %2: float32[8, 3] = matmul(%0, %1)
        %3: float32[3] = arange(start=0, stop=3, step=1, dtype=float32)
        %4: float32[8, 3] = add(%2, %3)
        return y=%4""",
}


@pytest.mark.parametrize("text", COUNTING.values(), ids=COUNTING)
def test_machine_code_counts(machine, text):
    program = parse_program("program counted" + text)
    rng = np.random.default_rng(0)
    inputs = {n: rng.integers(0, 5, v.spec.shape).astype(v.spec.dtype) for n, v in program.named("input").items()}  # fmt: skip
    assert_equal(one_step(machine, program, {}, inputs, 1), results(program, {}, inputs), program)


@pytest.mark.parametrize("target", ["native", "cuda"])
def test_the_log_tells_what_each_pass_has_left(target, caplog):
    program = parse_program("""
    program mean
    %0: float32[64, 8] = input "x"
    %1: float32[] = full(shape=(), value=1.0, dtype=float32)
    %2: float32[] = divide(%1, 8)
    %3: float32[64, 8] = multiply(%0, %2)
    %4: float32[64] = sum(%3, axis=(1,), keepdims=False)
    %5: float32[8, 64] = permute_dims(%0, axes=(1, 0))
    %6: float32[8, 8] = matmul(%5, %0)
    return y=%4, z=%6
    """)
    with caplog.at_level(logging.DEBUG, "gradloom"):
        lowered = native_lower.lower(program, 8, False) if target == "native" else cuda_lower.lower(program)
    (record,) = caplog.records
    calls = len(lowered.calls)
    assert calls >= 2
    assert record.getMessage() == (
        "mean: trace 6 instructions, rounded 6 instructions, simplify 4 instructions, prepare 4 instructions, "
        f"fuse 2 groups, lower {calls} calls"
    )
