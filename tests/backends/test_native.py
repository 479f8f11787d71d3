"""Compiled programs beside the interpreter: every value that lies in memory, for steps of models and drawn programs."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("llvmlite")
from backends.native import Machine, team
from backends.program import parse_program

pytestmark = pytest.mark.once


def numbers(spec, rng):
    if spec.dtype.kind == "f":
        return rng.standard_normal(spec.shape).astype(spec.dtype)
    return np.asarray(rng.integers(0, 2, spec.shape)).astype(spec.dtype)


def differences(text, seed=0, **given):
    """The largest difference of each value of a program from the interpreter's."""
    program = parse_program(text)
    rng = np.random.default_rng(seed)
    machine = Machine(program)
    made = {role: {n: given.get(n, numbers(v.spec, rng)) for n, v in program.named(role).items()} for role in ("state", "input")}  # fmt: skip
    return machine.compare(made["state"], made["input"])


def close(text, tolerance=2e-6, **given):
    found = differences(text, **given)
    assert found
    for kernel, value, difference in found:
        assert difference <= tolerance, (kernel, value, difference)


SHAPES = [(1,), (3,), (17,), (200,), (1, 1), (5, 3), (8, 16), (33, 7), (40, 100), (2, 3, 4), (3, 1, 20), (4, 5, 6, 7)]  # fmt: skip


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_elementwise(shape):
    dims = ", ".join(map(str, shape))
    close(f"""
    program p
    %0: float32[{dims}] = input "a"
    %1: float32[{dims}] = input "b"
    %2: float32[{dims}] = multiply(%0, %1)
    %3: bool[{dims}] = less(%2, 0.5)
    %4: float32[{dims}] = where(%3, %2, 0.25)
    %5: float32[{dims}] = exp(%4)
    return y=%5, mask=%3
    """)


@pytest.mark.parametrize("primitive", ["sum", "max", "min", "prod", "argmax", "argmin"])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("dtype", ["float32", "float64", "int64"])
def test_reductions(primitive, shape, dtype):
    dims = ", ".join(map(str, shape))
    result = "int64" if "arg" in primitive or dtype == "int64" else dtype
    for axis in {0, len(shape) - 1, len(shape) // 2}:
        kept = ", ".join(str(n) for k, n in enumerate(shape) if k != axis)
        close(
            f"""
        program p
        %0: {dtype}[{dims}] = input "a"
        %1: {dtype}[{dims}] = multiply(%0, 2)
        %2: {result}[{kept}] = {primitive}(%1, axis=({axis},), keepdims=False)
        return y=%2
        """,
            1e-5,
        )


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("width", [2, 10, 16, 33, 200])
def test_softmax_and_what_is_not_finite(width, bad):
    x = np.random.default_rng(1).standard_normal((20, width)).astype(np.float32)
    x[3, 1] = bad
    x[5] = bad
    close(f"""
    program p
    %0: float32[20, {width}] = input "x"
    %1: float32[20, 1] = max(%0, axis=(1,), keepdims=True)
    %2: bool[20, 1] = isfinite(%1)
    %3: float32[20, 1] = where(%2, %1, 0.0)
    %4: float32[20, {width}] = subtract(%0, %3)
    %5: float32[20, {width}] = exp(%4)
    %6: float32[20, 1] = sum(%5, axis=(1,), keepdims=True)
    %7: float32[20, {width}] = divide(%5, %6)
    %8: int64[20] = argmax(%7, axis=(1,), keepdims=False)
    %9: float32[20, 1] = log(%6)
    %10: float32[20, {width}] = subtract(%4, %9)
    return p=%7, label=%8, logs=%10
    """, x=x)  # fmt: skip


SIZES = [(1, 1, 1), (1, 7, 12), (3, 5, 2), (8, 16, 16), (9, 17, 33), (32, 12, 8), (40, 100, 30), (64, 48, 128), (31, 200, 5)]  # fmt: skip


@pytest.mark.parametrize(("rows", "columns", "terms"), SIZES)
@pytest.mark.parametrize("turned", ["", "a", "b", "ab"])
def test_products(rows, columns, terms, turned):
    a, b = (terms, rows) if "a" in turned else (rows, terms), (columns, terms) if "b" in turned else (terms, columns)  # fmt: skip
    lines = [f'%0: float32[{a[0]}, {a[1]}] = input "a"', f'%1: float32[{b[0]}, {b[1]}] = input "b"', f'%9: float32[{columns}] = input "c"']  # fmt: skip
    left, right = "%0", "%1"
    if "a" in turned:
        lines.append(f"%2: float32[{rows}, {terms}] = permute_dims(%0, axes=(1, 0))")
        left = "%2"
    if "b" in turned:
        lines.append(f"%3: float32[{terms}, {columns}] = permute_dims(%1, axes=(1, 0))")
        right = "%3"
    lines += [
        f"%4: float32[{rows}, {columns}] = matmul({left}, {right})",
        f"%5: float32[{rows}, {columns}] = add(%4, %9)",
        f"%6: float32[{rows}, {columns}] = maximum(%5, 0)",
    ]
    close("\n".join(["program p", *lines, "return y=%6"]), 1e-5)


@pytest.mark.parametrize(("rows", "columns", "terms"), [(64, 256, 150), (72, 128, 333), (96, 384, 100)])  # fmt: skip
@pytest.mark.parametrize("turned", ["", "a", "b"])
@pytest.mark.parametrize("threads", [1, 2, 3])
def test_products_by_panels(rows, columns, terms, turned, threads, monkeypatch):
    monkeypatch.setattr(team, "limit", 3)
    a = (terms, rows) if turned == "a" else (rows, terms)
    b = (columns, terms) if turned == "b" else (terms, columns)
    left = "%2" if turned == "a" else "%0"
    right = "%2" if turned == "b" else "%1"
    turn = {
        "a": f"%2: float32[{rows}, {terms}] = permute_dims(%0, axes=(1, 0))",
        "b": f"%2: float32[{terms}, {columns}] = permute_dims(%1, axes=(1, 0))",
        "": "",
    }[turned]
    program = parse_program(f"""
    program p
    %0: float32[{a[0]}, {a[1]}] = input "a"
    %1: float32[{b[0]}, {b[1]}] = input "b"
    %9: float32[{columns}] = input "c"
    {turn}
    %4: float32[{rows}, {columns}] = matmul({left}, {right})
    %5: float32[{rows}, {columns}] = add(%4, %9)
    return y=%5
    """)
    rng = np.random.default_rng(0)
    given = {n: numbers(v.spec, rng) for n, v in program.named("input").items()}
    machine = Machine(program)
    monkeypatch.setattr(machine, "parts", lambda: threads)
    result = machine.step({}, given)["y"]
    x, y = (given[n].T if turned == n else given[n] for n in "ab")
    np.testing.assert_allclose(result, x.astype(float) @ y + given["c"], rtol=1e-4, atol=1e-4)


def test_batched_products():
    close("""
    program p
    %0: float64[3, 2, 5, 4] = input "a"
    %1: float64[2, 4, 9] = input "b"
    %2: float64[3, 2, 5, 9] = matmul(%0, %1)
    %3: float64[3, 2, 9, 5] = permute_dims(%2, axes=(0, 1, 3, 2))
    %4: float64[3, 2, 5, 5] = matmul(%2, %3)
    return y=%4
    """, 1e-13)  # fmt: skip


@pytest.mark.parametrize("shape", [(1,), (5,), (64,), (130,), (8, 3), (32, 16), (16, 40), (2, 3, 5)], ids=str)  # fmt: skip
def test_random_bits(shape):
    dims = ", ".join(map(str, shape))
    found = differences(
        f"""
    program p
    %0: uint64[] = input "key"
    %1: uint64[] = input "counter"
    %2: uint32[{dims}] = random_bits(%0, %1, shape=({dims},))
    %3: uint64[] = add(%1, 3)
    return y=%2, next=%3
    """,
        key=np.array(0x123456789ABCDEF0, np.uint64),
        counter=np.array(0xFFFFFFFFFFFFFFFE, np.uint64),
    )
    assert max(d for _, _, d in found) == 0


def test_one_parameter_along_two_axes():
    close("""
    program p
    %0: float32[6] = input "v"
    %1: float32[6, 6] = input "m"
    %2: float32[6, 6] = add(%1, %0)
    %3: float32[6] = sum(%2, axis=(1,), keepdims=False)
    %4: float32[6] = multiply(%3, %0)
    %5: float32[6, 1] = reshape(%0, shape=(6, 1))
    %6: float32[6, 6] = multiply(%5, %0)
    return y=%4, z=%6
    """)


def test_moves():
    close("""
    program p
    %0: float32[4, 6] = input "x"
    %1: float32[6, 4] = permute_dims(%0, axes=(1, 0))
    %2: float32[24] = reshape(%1, shape=(24,))
    %3: float32[8] = getitem(%2, key=(slice(1, 24, 3),))
    %4: float32[10] = pad(%3, pad_width=((1, 1),), value=7.0)
    %5: float32[20] = concat(%4, %4, axis=0)
    %6: float32[18, 3] = windows(%5, axes=(0,), size=(3,), stride=(1,), dilation=(1,))
    %7: float32[18] = sum(%6, axis=(1,), keepdims=False)
    %8: float32[20] = windows_add(%6, axes=(0,), size=(3,), stride=(1,), dilation=(1,), shape=(20,))
    %9: float32[24] = index_add(%3, key=(slice(1, 24, 3),), shape=(24,))
    return a=%5, b=%7, c=%8, d=%9, e=%1
    """)


def test_rows_by_index():
    indices = np.array([[0, 3], [-1, 2], [3, 3]])
    close("""
    program p
    %0: float32[4, 5] = state "table"
    %1: int64[3, 2] = input "i"
    %2: float32[3, 2, 5] = getitem(%0, %1, key=(slot(0),))
    %3: float32[3, 2, 5] = multiply(%2, 2.0)
    %4: float32[4, 5] = index_add(%3, %1, key=(slot(0),), shape=(4, 5))
    %5: float32[4, 5] = subtract(%0, %4)
    assign %0 = %5
    return y=%2
    """, i=indices)  # fmt: skip


def test_an_index_out_of_range_leaves_state_as_it_was():
    program = parse_program("""
    program p
    %0: float32[4, 2] = state "table"
    %1: int64[3] = input "i"
    %2: float32[3, 2] = getitem(%0, %1, key=(slot(0),))
    %3: float32[4, 2] = index_add(%2, %1, key=(slot(0),), shape=(4, 2))
    assign %0 = %3
    return
    """)
    table = np.arange(8, dtype=np.float32).reshape(4, 2)
    state = {"table": table.copy()}
    machine = Machine(program)
    with pytest.raises(IndexError, match="out of range"):
        machine.step(state, {"i": np.array([0, 4, 1])})
    assert np.array_equal(state["table"], table)
    machine.step(state, {"i": np.array([0, 3, -1])})
    assert np.array_equal(state["table"][3], 2 * table[3])


def test_what_has_no_kernel_runs_on_the_host():
    close("""
    program p
    %0: float32[7] = state "x"
    %1: int64[7] = argsort(%0, axis=0)
    %2: float32[7] = getitem(%0, %1, key=(slot(0),))
    %3: float32[7] = cumsum(%2, axis=0)
    %4: float16[7] = astype(%3, dtype=float16)
    %5: float16[7] = multiply(%4, 2)
    %6: float32[7] = astype(%5, dtype=float32)
    assign %0 = %6
    return y=%3
    """)


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_results_do_not_depend_on_threads(threads, monkeypatch):
    program = parse_program(STEP)
    rng = np.random.default_rng(0)
    state = {n: numbers(v.spec, rng) for n, v in program.named("state").items()}
    inputs = {n: numbers(v.spec, rng) for n, v in program.named("input").items()}
    machine = Machine(program)
    alone = {n: a.copy() for n, a in state.items()}
    monkeypatch.setattr(machine, "parts", lambda: 1)
    machine.step(alone, inputs)
    monkeypatch.setattr(team, "limit", 3)
    shared = {n: a.copy() for n, a in state.items()}
    again = Machine(program)
    monkeypatch.setattr(again, "parts", lambda: threads)
    again.step(shared, inputs)
    assert {n: a.tobytes() for n, a in alone.items()} == {n: a.tobytes() for n, a in shared.items()}


STEP = """
program step
%0: float32[40, 100] = state "w"
%1: float32[100] = state "b"
%2: float32[33, 40] = input "x"
%3: float32[33, 100] = matmul(%2, %0)
%4: float32[33, 100] = add(%3, %1)
%5: float32[33, 100] = tanh(%4)
%6: float32[33] = sum(%5, axis=(1,), keepdims=False)
%7: float32[33, 1] = reshape(%6, shape=(33, 1))
%8: float32[33, 100] = multiply(%5, %7)
%9: float32[40, 33] = permute_dims(%2, axes=(1, 0))
%10: float32[40, 100] = matmul(%9, %8)
%11: float32[40, 100] = multiply(%10, 0.01)
%12: float32[40, 100] = subtract(%0, %11)
%13: float32[100] = sum(%8, axis=(0,), keepdims=False)
%14: float32[100] = subtract(%1, %13)
assign %0 = %12
assign %1 = %14
return
"""


def test_order_of_random_keys():
    rng = np.random.default_rng(2)
    keys = rng.integers(0, 2**64, 300, dtype=np.uint64)
    keys[7] = keys[200] = keys[5]
    keys[10:20] >>= np.uint64(56)
    found = differences(
        """
    program p
    %0: uint64[300] = input "keys"
    %1: int64[300] = argsort(%0, axis=0)
    return order=%1
    """,
        keys=keys,
    )
    assert [f for f in found if f[1] == "%1"] == [("argsort", "%1", 0.0)]


@pytest.mark.parametrize("width", [3, 16, 100])
def test_long_rows_of_a_part(width):
    """Rows that are no stretch of memory, short and long, with numbers of the row and columns of a parameter."""
    close(f"""
    program p
    %0: float32[6, 5, {width}] = input "x"
    %1: float32[6, 5, 1] = input "r"
    %2: float32[{width}] = input "c"
    %3: float32[6, 5, {width}] = multiply(%0, %1)
    %4: float32[6, 5, {width}] = add(%3, %2)
    %5: float32[8, 7, {width}] = pad(%4, pad_width=((1, 1), (2, 0), (0, 0)), value=0.0)
    %6: float32[4, 7, {width}] = getitem(%5, key=(slice(1, 8, 2), slice(None, None, None), slice(None, None, None)))
    %7: float32[4, 7, {width}] = tanh(%6)
    %8: float32[4, {width}] = sum(%7, axis=(1,), keepdims=False)
    %9: float32[4, 7, {width}] = subtract(%6, 1.0)
    return a=%5, b=%7, c=%8, d=%9
    """)


COUNTS = {
    "one element as a number": "%0: float32[2] = input \"x\"; %1: float32[1] = sum(%0, axis=(0,), keepdims=True); %2: float32[1] = arange(start=0, stop=1, step=1, dtype=float32); return y=%1, z=%2",
    "one element, behind a product": "%0: float64[1, 8] = input \"a\"; %1: float64[8, 1] = input \"b\"; %2: float64[1, 1] = matmul(%0, %1); %3: float32[1] = arange(start=0, stop=1, step=1, dtype=float32); return y=%2, z=%3",
    "one element, flat": "%0: int64[33] = input \"x\"; %1: int64[1] = arange(start=0, stop=1, step=1, dtype=int64); %2: int64[33] = minimum(%1, %0); %3: int64[33] = subtract(%2, 2); return y=%3",
    "along the columns": "%0: float32[8, 3] = input \"x\"; %1: float32[3] = arange(start=0, stop=6, step=2, dtype=float32); %2: float32[8, 3] = add(%0, %1); return y=%2",
    "along the kept axis": "%0: float32[3, 8] = input \"x\"; %1: float32[3] = arange(start=5, stop=8, step=1, dtype=float32); %2: float32[3] = sum(%0, axis=(1,), keepdims=False); %3: float32[3] = add(%2, %1); return y=%3",
    "along the rows": "%0: float32[8, 70] = input \"x\"; %1: float32[8] = arange(start=0, stop=8, step=1, dtype=float32); %2: float32[8, 1] = reshape(%1, shape=(8, 1)); %3: float32[8, 70] = add(%0, %2); %4: float32[8] = max(%3, axis=(1,), keepdims=False); return y=%3, z=%4",
    "beside a product": "%0: float32[9, 4] = input \"a\"; %1: float32[4, 3] = input \"b\"; %2: float32[9, 3] = matmul(%0, %1); %3: float32[3] = arange(start=0, stop=3, step=1, dtype=float32); %4: float32[9, 3] = add(%2, %3); %5: float32[9] = arange(start=0, stop=9, step=1, dtype=float32); %6: float32[9, 1] = reshape(%5, shape=(9, 1)); %7: float32[9, 3] = multiply(%4, %6); return y=%7",
    "down the columns": "%0: float32[9, 20] = input \"x\"; %1: float32[20] = arange(start=0, stop=20, step=1, dtype=float32); %2: float32[9, 20] = multiply(%0, %1); %3: float32[20] = sum(%2, axis=(0,), keepdims=False); %4: float32[20] = add(%3, %1); return y=%4",
    "narrow rows": "%0: float32[20, 3] = input \"x\"; %1: float32[3] = arange(start=0, stop=3, step=1, dtype=float32); %2: float32[20, 3] = multiply(%0, %1); %3: float32[20] = sum(%2, axis=(1,), keepdims=False); %4: float32[20] = arange(start=0, stop=20, step=1, dtype=float32); %5: float32[20] = add(%3, %4); return y=%5",
}  # fmt: skip


@pytest.mark.parametrize("text", COUNTS.values(), ids=COUNTS)
def test_counting(text):
    close("\n".join(["program p", *text.split("; ")]))


def test_draws_of_one_element():
    """The second draw depends on what the first one's group computes."""
    close("""
    program p
    %0: uint64[] = state "key"
    %1: uint64[] = state "counter"
    %2: float32[1] = input "x"
    %3: uint32[1] = random_bits(%0, %1, shape=(1,))
    %4: uint64[] = add(%1, 1)
    %5: uint32[1] = random_bits(%0, %4, shape=(1,))
    %6: uint64[] = add(%4, 1)
    %7: uint32[1] = right_shift(%3, 8)
    %8: float32[1] = astype(%7, dtype=float32)
    %9: uint32[1] = right_shift(%5, 8)
    %10: float32[1] = astype(%9, dtype=float32)
    %11: float32[1] = multiply(%8, %10)
    %12: float32[1] = add(%2, %11)
    assign %1 = %6
    return y=%12
    """)


@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("gap", [1, 2])
@pytest.mark.parametrize(("size", "width", "shape"), [(2, 5, (9, 8)), (3, 33, (7, 9)), (1, 16, (5, 5))])  # fmt: skip
@pytest.mark.parametrize("order", ["as they lie", "inside first"])
def test_windows_added_at_once(stride, gap, size, width, shape, order):
    rows, columns = shape
    across = [(n - (size - 1) * gap - 1) // stride + 1 for n in shape]
    if order == "as they lie":
        given, moved = f"3, {across[0]}, {across[1]}, {width}, {size}, {size}", "(0, 1, 2, 3, 4, 5)"
    else:
        given, moved = f"3, {across[0]}, {across[1]}, {size}, {size}, {width}", "(0, 1, 2, 5, 3, 4)"
    close(f"""
    program p
    %0: float32[{given}] = input "x"
    %1: float32[3, {across[0]}, {across[1]}, {width}, {size}, {size}] = permute_dims(%0, axes={moved})
    %2: float32[3, {rows}, {columns}, {width}] = windows_add(%1, axes=(1, 2), size=({size}, {size}), stride=({stride}, {stride}), dilation=({gap}, {gap}), shape=(3, {rows}, {columns}, {width}))
    return y=%2
    """)


def test_no_result_takes_the_place_of_what_others_still_read():
    """%4 could lie where %3 is, but the sums down its columns, in other threads, may still be reading."""
    program = parse_program(
        """
    program p
    %0: float32[64, 48] = input "x"
    %1: float32[48] = input "c"
    %2: float32[64, 48] = multiply(%0, 2.0)
    %3: float32[64, 48] = tanh(%2)
    %5: float32[48] = sum(%3, axis=(0,), keepdims=False)
    %6: float32[64] = sum(%3, axis=(1,), keepdims=False)
    %7: float32[64, 1] = reshape(%6, shape=(64, 1))
    %4: float32[64, 48] = multiply(%3, %7)
    %8: float32[64, 64] = matmul(%4, %9)
    return s=%5, y=%8
    """.replace(
            "%2: float32[64, 48] = m",
            '%9: float32[48, 64] = input "w"\n    %2: float32[64, 48] = m',
        )
    )
    machine = Machine(program)
    readers: dict = {}
    offsets = machine.layout.offsets
    for call, flags in machine.placed:
        if flags & 1:
            readers.clear()
        for root in call.writes:
            for other, touch in readers.items():
                shares = root in offsets and other in offsets and offsets[root] == offsets[other] and root != other  # fmt: skip
                assert not shares or touch == {call.writes[root]}, (call.label, root, other)
        for root, touch in (*call.reads.items(), *call.writes.items()):
            readers.setdefault(root, set()).add(touch)


def test_programs_do_not_depend_on_the_order_of_hashes():
    code = "from test_native import STEP; from backends.native import Machine; from backends.program import parse_program; print(hash(Machine(parse_program(STEP)).text) and Machine(parse_program(STEP)).text[:200000])"
    texts = set()
    for seed in ("1", "2", "3"):
        environment = os.environ | {"PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join([str(Path(__file__).parent), str(Path(__file__).parents[2])])}  # fmt: skip
        texts.add(subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True).stdout)  # fmt: skip
    assert len(texts) == 1


@pytest.mark.skipif(platform.machine().lower() not in ("x86_64", "amd64"), reason="a mode of x86")
def test_numbers_below_the_normal_ones_become_zero_inside_a_step_alone():
    program = parse_program("""
    program p
    %0: float32[40] = state "v"
    %1: float32[40] = multiply(%0, 0.5)
    assign %0 = %1
    return
    """)
    smallest = np.finfo(np.float32).tiny
    state = {"v": np.full(40, smallest, np.float32)}
    Machine(program).step(state, {})
    assert not state["v"].any()
    assert (np.full(40, smallest, np.float32) * np.float32(0.5)).all()
