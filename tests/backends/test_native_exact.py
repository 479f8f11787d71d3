"""Executable code beside the interpreter, bit for bit: the edges of every dtype, constants, state that is still to be read."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from comparing import results
from programs import Executable, assert_close, parse_program

pytestmark = pytest.mark.once
COMPARED = ("less", "less_equal", "equal", "not_equal", "maximum", "minimum")
EDGES = {
    "bool": [False, True],
    "uint8": [0, 1, 127, 128, 255],
    "int8": [-128, -1, 0, 1, 127],
    "int64": [-(2**63), -1, 0, 1, 2**63 - 1],
    "float32": [np.nan, -np.inf, -1.0, -0.0, 0.0, 1.0, np.inf],
}


BEYOND = {"uint8": (-1, 256, 300), "int8": (-129, 128, 200), "int64": (-(2**64), 2**63, 2**64)}


@pytest.mark.parametrize("dtype", BEYOND)
def test_comparisons_with_numbers_that_no_element_can_equal(dtype):
    edges = EDGES[dtype]
    lines, returned = [], []
    for k, (name, number) in enumerate(itertools.product(COMPARED[:4], BEYOND[dtype]), 1):
        lines.append(f"%{k}: bool[{len(edges)}] = {name}(%0, {number})")
        returned.append(f"y{k}=%{k}")
    text = "\n".join([
        "program p", f'%0: {dtype}[{len(edges)}] = input "a"', *lines, f"return {', '.join(returned)}",
    ])  # fmt: skip
    as_interpreted(text, {}, {"a": np.array(edges, dtype)})


def test_numbers_that_are_equal_and_not_the_same():
    """An integer and a fraction, zeros of two signs: no two of these instructions are one."""
    text = """
    program p
    %0: int64[3] = input "i"
    %1: float64[3] = input "x"
    %2: int64[3] = multiply(%0, 2)
    %3: float64[3] = multiply(%0, 2.0)
    %4: int64[3] = add(%0, 1)
    %5: int64[3] = add(%0, True)
    %6: float64[3] = add(%0, 1.0)
    %7: float64[3] = multiply(%1, 0.0)
    %8: float64[3] = multiply(%1, -0.0)
    %9: float64[3] = divide(1.0, %7)
    %10: float64[3] = divide(1.0, %8)
    return a=%2, b=%3, c=%4, d=%5, e=%6, f=%9, g=%10
    """
    given = {"i": np.array([1, 2, 3]), "x": np.array([1.0, -2.0, 3.0])}
    as_interpreted(text, {}, given)


def test_a_constant_has_the_digits_of_its_dtype():
    """0.1 in float32, wherever it goes from there."""
    text = """
    program p
    %0: float64[3] = input "x"
    %1: float32[3] = full(shape=(3,), value=0.1, dtype=float32)
    %2: float64[3] = multiply(%0, %1)
    %3: float64[3] = astype(%1, dtype=float64)
    return y=%2, z=%3
    """
    as_interpreted(text, {}, {"x": np.array([1.0, 2.0, 3.0])})


@pytest.mark.parametrize("dtype", EDGES)
def test_comparisons_at_the_edges(dtype):
    """All pairs of the numbers where a sign, a width or NaN decides; with an array and with a number."""
    edges = np.array(EDGES[dtype], dtype)
    a, b = (x.ravel() for x in np.meshgrid(edges, edges))
    lines, returned = [], []
    number = {"bool": "True", "float32": "0.0"}.get(dtype, "1")
    for k, name in enumerate(COMPARED):
        result = "bool" if k < 4 else dtype
        lines += [f"%{10 + 2 * k + i}: {result}[{a.size}] = {name}(%0, {other})" for i, other in enumerate(("%1", number))]  # fmt: skip
        returned += [f"y{k}_{i}=%{10 + 2 * k + i}" for i in range(2)]
    as_interpreted(
        "\n".join([
            "program p",
            f'%0: {dtype}[{a.size}] = input "a"',
            f'%1: {dtype}[{a.size}] = input "b"',
            *lines,
            f"%90: {dtype}[] = max(%0, axis=(0,), keepdims=False)",
            f"%91: {dtype}[] = min(%0, axis=(0,), keepdims=False)",
            f"return largest=%90, least=%91, {', '.join(returned)}",
        ]),
        {},
        {"a": a, "b": b},
    )  # fmt: skip


def as_interpreted(text, state, given, tolerance=0.0):
    """New state and outputs of one step beside the interpreter's."""
    program = parse_program(text)
    expected = results(program, state, given)
    mine = {name: array.copy() for name, array in state.items()}
    found = Executable(program).step(mine, given) | {f"state {n}": a for n, a in mine.items()}
    assert found.keys() == expected.keys()
    for name, array in expected.items():
        assert found[name].dtype == array.dtype
        np.testing.assert_allclose(found[name], array, rtol=tolerance, atol=tolerance, err_msg=name)


def test_the_first_of_an_axis_is_not_the_axis():
    """What is computed for all and summed over a part: the loops of the one are not those of the other."""
    assert_close("""
    program p
    %0: float32[9] = input "x"
    %1: float32[9] = exp(%0)
    %2: float32[5] = getitem(%1, key=(slice(0, 5, 1),))
    %3: float32[] = sum(%2, axis=(0,), keepdims=False)
    return y=%1, s=%3
    """)


CHAINS = {
    "read by a product": "%9: float32[3, 4] = matmul(%1, %0)",
    "read behind others": """
    %5: float32[3, 4] = matmul(%1, %2)
    %6: float32[3, 4] = tanh(%5)
    %7: float32[3, 4] = matmul(%6, %2)
    %9: float32[3, 4] = matmul(%7, %0)
    """,
    "read down and across": """
    %5: float32[4] = sum(%0, axis=(0,), keepdims=False)
    %6: float32[4] = sum(%0, axis=(1,), keepdims=False)
    %7: float32[3, 4] = multiply(%1, %6)
    %9: float32[3, 4] = add(%7, %5)
    """,
    "read behind a meeting of threads": """
    %5: float32[3, 4] = matmul(%1, %2)
    %6: float32[3, 4] = tanh(%5)
    %7: float32[4, 3] = permute_dims(%6, axes=(1, 0))
    %8: float32[4, 4] = matmul(%7, %6)
    %9: float32[4, 4] = matmul(%8, %0)
    """,
}


@pytest.mark.parametrize("chain", CHAINS)
@pytest.mark.parametrize("early", [False, True])
def test_state_is_written_when_all_have_read_it(chain, early):
    """Wherever in the program its new value is made."""
    made = """
    %3: float32[4, 4] = multiply(%0, 0.5)
    %4: float32[4, 4] = add(%3, %2)
    """
    parts = [made, CHAINS[chain]] if early else [CHAINS[chain], made]
    text = f"""
    program p
    %0: float32[4, 4] = state "w"
    %1: float32[3, 4] = input "x"
    %2: float32[4, 4] = input "c"
    {"".join(parts)}
    assign %0 = %4
    return y=%9
    """
    rng = np.random.default_rng(0)
    w, x, c = (rng.normal(size=s).astype("float32") for s in ((4, 4), (3, 4), (4, 4)))
    as_interpreted(text, {"w": w}, {"x": x, "c": c}, 1e-5)


@pytest.mark.parametrize("width", [5, 24, 40, 100, 300])
def test_state_that_later_passes_over_its_rows_read(width):
    """Rows that stay in registers, and longer ones, which are read anew when the sum is known."""
    text = f"""
    program p
    %0: float32[3, {width}] = state "w"
    %1: float32[3, {width}] = multiply(%0, 0.5)
    %2: float32[3, 1] = sum(%1, axis=(1,), keepdims=True)
    %3: float32[3, {width}] = subtract(%0, %2)
    %4: float32[3, {width}] = multiply(%3, %3)
    %5: float32[3, 1] = sum(%4, axis=(1,), keepdims=True)
    %6: float32[3, {width}] = multiply(%0, %5)
    %7: float32[3, 1] = sum(%6, axis=(1,), keepdims=True)
    assign %0 = %3
    return y=%7
    """
    w = np.random.default_rng(0).normal(size=(3, width)).astype("float32")
    as_interpreted(text, {"w": w}, {}, 1e-4)
