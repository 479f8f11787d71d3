"""Products in bfloat16 by each unit that a processor may have: against float64, the interpreter, and themselves."""

from __future__ import annotations

import logging
from collections import Counter

import numpy as np
import pytest
from programs import joined
from programs import product as of_matrices

import backends
from backends import processor
from backends.native import Executable, mixed_precision, threads, units
from backends.program import interpret, parse_program

pytestmark = pytest.mark.once

NUMPY = backends.get("numpy")
HERE = units.usable()
UNITS = [
    pytest.param(
        unit,
        marks=pytest.mark.skipif(
            unit is not None and unit not in HERE, reason=f"this processor has no {unit}"
        ),
    )
    for unit in (units.AMX, units.DOT, None)
]
SIZES = [
    (1, 1, 1),
    (5, 3, 7),
    (16, 16, 32),
    (32, 32, 64),
    (33, 47, 65),
    (64, 96, 128),
    (100, 1, 31),
    (1, 200, 33),
    (17, 17, 1),
    (128, 10, 256),
    (7, 300, 77),
    (1, 512, 77),
    (200, 72, 300),
]
"""Rows, columns and terms: whole tiles, one more, fewer than one, odd terms, a single row, a single column, and
a row times a matrix that is read line after line where it lies so.
"""


@pytest.fixture
def on(monkeypatch):
    """All products by this unit, the smallest too; None: what a processor without one does."""

    def choose(unit):
        monkeypatch.setattr(units, "bfloat16_unit", lambda: unit)
        monkeypatch.setattr(mixed_precision, "_LEAST_TERMS", 1)

    return choose


def product(rows, columns, terms, turned=""):
    """A product of bfloat16 with a row added to it."""
    return of_matrices(rows, columns, terms, turned, setting=", precision='bfloat16'")


def drawn(program, seed=0):
    rng = np.random.default_rng(seed)
    return [
        {n: rng.standard_normal(v.spec.shape).astype(np.float32) for n, v in program.named(role).items()}
        for role in ("state", "input")
    ]


def rounded(x):
    return NUMPY.round_to(x, format="bfloat16").astype(np.float64)


def labels(machine):
    return [call.label for _, call in machine.listed()]


@pytest.mark.parametrize("turned", ["", "a", "b", "ab"])
@pytest.mark.parametrize("unit", UNITS)
def test_products_are_those_of_rounded_operands(unit, turned, on):
    on(unit)
    program = parse_program(joined(product(*size, turned) for size in SIZES))
    machine = Executable(program)
    kinds = Counter(label.partition(")")[0] for label in labels(machine) if "matmul (bfloat16" in label)
    lines = 0 if "b" in turned else 1
    expected = {f"matmul (bfloat16, {unit}": len(SIZES) - lines, "matmul (bfloat16, lines": lines}
    assert kinds == (Counter(expected) if unit else Counter())
    _, given = drawn(program)
    found = machine.step({}, given)
    _, expected = interpret(program, NUMPY, {}, given)
    for number, (rows, columns, terms) in enumerate(SIZES):
        a, b = (given[f"{n}_{number}"].T if n in turned else given[f"{n}_{number}"] for n in "ab")
        a, b, c = rounded(a), rounded(b), given[f"c_{number}"].astype(np.float64)
        y, size = found[f"y_{number}"], (rows, columns, terms)
        # a sum of so many terms in float32, in any order
        bound = (terms + 2) * 2.0**-24 * (np.abs(a) @ np.abs(b) + np.abs(c))
        assert y.shape == (rows, columns)
        assert (np.abs(y - (a @ b + c)) <= bound).all(), size
        assert (np.abs(y - expected[f"y_{number}"]) <= 2 * bound).all(), size


@pytest.mark.parametrize("unit", UNITS)
def test_the_number_of_threads_changes_no_bit(unit, on, monkeypatch):
    on(unit)
    monkeypatch.setattr(threads, "limit", 3)
    program = parse_program(joined(product(*size, "b") for size in SIZES))
    _, given = drawn(program, 1)
    machine = Executable(program)
    found = []
    for parts in (1, 2, 3, 2):
        monkeypatch.setattr(machine, "parts", lambda parts=parts: parts)
        found.append(machine.step({}, given))
    for other in found[1:]:
        for name, value in found[0].items():
            assert np.array_equal(value, other[name]), name


LAYER = """
program layer
%0: float32[50, 70] = state "w"
%1: float32[50, 70] = state "v"
%2: float32[37, 50] = input "x"
%3: float32[37, 70] = input "g"
%4: float32[37, 70] = matmul(%2, %0, precision='bfloat16')
%5: float32[37, 70] = maximum(%4, 0)
%6: float32[70, 50] = permute_dims(%0, axes=(1, 0))
%7: float32[37, 70] = multiply(%3, %5)
%8: float32[37, 50] = matmul(%7, %6, precision='bfloat16')
%9: float32[50, 37] = permute_dims(%2, axes=(1, 0))
%10: float32[50, 70] = matmul(%9, %7, precision='bfloat16')
%11: float32[50, 70] = multiply(%10, 0.125)
%12: float32[50, 70] = multiply(%1, 0.5)
%13: float32[50, 70] = subtract(%12, %11)
%14: float32[50, 70] = add(%0, %13)
%15: float32[37, 70] = matmul(%2, %0, precision='bfloat16')
%16: float32[37, 70] = multiply(%15, %3)
%17: float32[37, 70] = matmul(%8, %0, precision='bfloat16')
assign %0 = %14
assign %1 = %13
return y=%5, back=%8, again=%16, more=%17
"""


@pytest.mark.parametrize("unit", UNITS)
def test_state_is_read_before_it_is_written_where_it_lies(unit, on):
    on(unit)
    program = parse_program(LAYER)
    state, given = drawn(program, 2)
    new, expected = interpret(program, NUMPY, state, given)
    machine = Executable(program)
    for _ in range(2):
        mine = {name: array.copy() for name, array in state.items()}
        found = machine.step(mine, given)
        for name, value in (expected | new).items():
            got = mine[name] if name in mine else found[name]
            scale = np.abs(value).max()
            # where an operand is a product itself it may be rounded to a neighbour
            near = 1e-5 if name in ("y", "again") else 2.0**-8
            assert np.abs(got - value).max() <= near * scale, name


@pytest.mark.parametrize("unit", [unit for unit in UNITS if unit.values[0]])
def test_an_operand_is_packed_once_for_each_axis_that_is_summed(unit, on):
    """`w` forward twice and turned over, `x` forward and turned over, `%7` by rows and by columns, `%8`."""
    on(unit)
    machine = Executable(parse_program(LAYER))
    assert labels(machine).count("pack bfloat16") == 7


@pytest.mark.parametrize("unit", UNITS)
def test_operands_that_do_not_lie_in_rows(unit, on):
    """Every second column, one row for all, and the same matrix on both sides."""
    on(unit)
    program = parse_program("""
    program views
    %0: float32[20, 90] = input "x"
    %1: float32[45] = input "row"
    %2: float32[20, 45] = getitem(%0, key=(slice(None, None, None), slice(None, None, 2)))
    %3: float32[30, 45] = broadcast_to(%1, shape=(30, 45))
    %4: float32[45, 30] = permute_dims(%3, axes=(1, 0))
    %5: float32[20, 30] = matmul(%2, %4, precision='bfloat16')
    %6: float32[45, 20] = permute_dims(%2, axes=(1, 0))
    %7: float32[20, 20] = matmul(%2, %6, precision='bfloat16')
    %8: float32[45, 45] = matmul(%6, %2, precision='bfloat16')
    return a=%5, b=%7, c=%8
    """)
    _, given = drawn(program, 3)
    found = Executable(program).step({}, given)
    x, row = rounded(given["x"][:, ::2]), rounded(given["row"])
    wide = np.broadcast_to(row, (30, 45))
    for name, a, b in (("a", x, wide.T), ("b", x, x.T), ("c", x.T, x)):
        assert (np.abs(found[name] - a @ b) <= 50 * 2.0**-24 * (np.abs(a) @ np.abs(b))).all(), name


@pytest.mark.parametrize("unit", UNITS)
def test_numbers_that_are_none_stay_in_their_rows_and_columns(unit, on):
    """NaN with any payload, infinity, and what rounds to infinity."""
    on(unit)
    rows, columns, terms = 40, 50, 37
    program = parse_program(joined([product(rows, columns, terms)]))
    _, given = drawn(program, 4)
    given["a_0"][0, 36], given["a_0"][1, 0], given["a_0"][2, 5] = np.nan, np.inf, np.finfo(np.float32).max
    given["a_0"][3, 1] = np.array(0x7F800001, np.uint32).view(np.float32)
    given["b_0"][3, 49], given["b_0"][:, 48] = -np.inf, 0.0
    with NUMPY.quiet():
        found = Executable(program).step({}, given)["y_0"]
        _, expected = interpret(program, NUMPY, {}, given)
    assert np.array_equal(np.isnan(found), np.isnan(expected["y_0"]))
    assert np.array_equal(np.isinf(found), np.isinf(expected["y_0"]))
    assert np.isnan(found[0]).all()
    assert np.isnan(found[3]).all()
    assert np.isinf(found[2, :48]).all()
    good = np.isfinite(found)
    assert good[4:, :49].all()
    np.testing.assert_allclose(found[good], expected["y_0"][good], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("unit", UNITS)
def test_subnormal_operands_are_zero_to_a_unit(unit, on):
    """The one difference from the interpreter but for the order of sums."""
    on(unit)
    program = parse_program(joined([product(16, 16, 32)]))
    given = {"a_0": np.full((16, 32), 1e-39, np.float32), "b_0": np.full((32, 16), 2.0**60, np.float32)}
    found = Executable(program).step({}, given | {"c_0": np.zeros(16, np.float32)})["y_0"]
    expected = 0.0 if unit else rounded(given["a_0"])[0, 0] * 2.0**60 * 32
    np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_small_products_and_stacks_are_rounded_and_multiplied_in_float32():
    machine = Executable(
        parse_program("""
    program small
    %0: float32[8, 12] = input "a"
    %1: float32[12, 8] = input "b"
    %2: float32[8, 8] = matmul(%0, %1, precision='bfloat16')
    %3: float32[2, 64, 64] = input "c"
    %4: float32[2, 64, 64] = matmul(%3, %3, precision='bfloat16')
    return y=%2, z=%4
    """)
    )
    assert not [label for label in labels(machine) if "bfloat16" in label]


def test_the_system_is_asked_for_the_registers_of_tiles(monkeypatch):
    monkeypatch.setattr(units, "_permitted", lambda: False)
    assert units.usable.__wrapped__() == ((units.DOT,) if HERE else ())


@pytest.mark.parametrize("lacking", ["avx512bf16", "amx-bf16"])
def test_a_unit_is_a_feature_of_the_processor_that_code_is_made_for(lacking, monkeypatch):
    features = {"avx512f", "avx512bw", "avx512bf16", "amx-tile", "amx-bf16"} - {lacking}
    monkeypatch.setattr(processor, "here", lambda: processor.Processor("some", frozenset(features)))
    assert units.usable.__wrapped__() == (() if lacking == "avx512bf16" else (units.DOT,))


@pytest.mark.parametrize(
    ("usable", "name", "unit"),
    [
        ((units.AMX, units.DOT), "sapphirerapids", units.AMX),
        ((units.DOT,), "znver4", units.DOT),
        ((units.DOT,), "sapphirerapids", None),
        ((), "znver3", None),
    ],
)
def test_the_unit_is_one_that_is_faster_than_float32(usable, name, unit, monkeypatch, caplog):
    monkeypatch.setattr(units, "usable", lambda: usable)
    monkeypatch.setattr(processor, "here", lambda: processor.Processor(name, frozenset()))
    with caplog.at_level(logging.INFO, "gradloom"):
        assert units.bfloat16_unit.__wrapped__() == unit
    assert ("nothing is gained" in caplog.text) is (unit is None)
