"""Compiled programs beside the interpreter: every value that lies in memory, instruction by instruction."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from programs import assert_close, differences, in_all, joined

pytestmark = pytest.mark.once
SHAPES = [(1,), (3,), (17,), (200,), (1, 1), (5, 3), (8, 16), (33, 7), (40, 100), (2, 3, 4), (3, 1, 20), (4, 5, 6, 7)]  # fmt: skip


def listed(shape):
    """As programs write it."""
    return ", ".join(map(str, shape))


def elementwise(shape):
    dims = listed(shape)
    return f"""
    %0: float32[{dims}] = input "a"
    %1: float32[{dims}] = input "b"
    %2: float32[{dims}] = multiply(%0, %1)
    %3: bool[{dims}] = less(%2, 0.5)
    %4: float32[{dims}] = where(%3, %2, 0.25)
    %5: float32[{dims}] = exp(%4)
    return y=%5, mask=%3
    """


def test_elementwise():
    assert_close(joined(map(elementwise, SHAPES)))


def reduction(primitive, shape, dtype, axis):
    result = "int64" if "arg" in primitive or dtype == "int64" else dtype
    return f"""
    %0: {dtype}[{listed(shape)}] = input "a"
    %1: {dtype}[{listed(shape)}] = multiply(%0, 2)
    %2: {result}[{listed(n for k, n in enumerate(shape) if k != axis)}] = {primitive}(%1, axis=({axis},), keepdims=False)
    return y=%2
    """


@pytest.mark.parametrize("dtype", ["float32", "float64", "int64"])
def test_reductions(dtype, full):
    """Every shape in float32, and every third of the others, unless the run is full."""
    step = 1 if full or dtype == "float32" else 3
    for shape in SHAPES[step // 2 :: step]:
        axes = sorted({0, len(shape) - 1, len(shape) // 2})
        cases = itertools.product(["sum", "max", "min", "prod", "argmax", "argmin"], axes)
        assert_close(joined(reduction(name, shape, dtype, axis) for name, axis in cases), 1e-5)


def softmax(width):
    return f"""
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
    """


def test_softmax_and_what_is_not_finite():
    widths = (2, 10, 16, 33, 200)
    for bad in (np.nan, np.inf, -np.inf):
        given = {}
        for number, width in enumerate(widths):
            x = np.random.default_rng(1).standard_normal((20, width)).astype(np.float32)
            x[3, 1] = bad
            x[5] = bad
            given[f"x_{number}"] = x
        assert_close(joined(map(softmax, widths)), **given)


def random_bits(shape):
    return f"""
    %0: uint64[] = input "key"
    %1: uint64[] = input "counter"
    %2: uint32[{listed(shape)}] = random_bits(%0, %1, shape=({listed(shape)},))
    %3: uint64[] = add(%1, 3)
    return y=%2, next=%3
    """


def test_random_bits():
    shapes = [(1,), (5,), (64,), (130,), (8, 3), (32, 16), (16, 40), (2, 3, 5)]
    words = dict(key=np.array(0x123456789ABCDEF0, np.uint64), counter=np.array(0xFFFFFFFFFFFFFFFE, np.uint64))
    found = differences(joined(map(random_bits, shapes)), **in_all(len(shapes), **words))
    assert max(d for _, _, d in found) == 0


def test_moves():
    assert_close("""
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


@pytest.mark.parametrize(
    "key", ["-1,", "-5, -1", "slice(None, None, -1), -2", "None, -3, slice(-4, -1, 2)", "2, None"]
)
def test_parts_by_numbers_from_the_end(key):
    indexed = np.empty((5, 6))[eval(f"({key})")]
    assert_close(f"""
    program p
    %0: float32[5, 6] = input "x"
    %1: float32[5, 6] = multiply(%0, 2.0)
    %2: float32[{listed(indexed.shape)}] = getitem(%1, key=({key}))
    %3: float32[{listed(indexed.shape)}] = add(%2, 1.0)
    return y=%3
    """)


def test_rows_by_index():
    indices = np.array([[0, 3], [-1, 2], [3, 3]])
    assert_close("""
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


def test_what_has_no_kernel_runs_on_the_host():
    assert_close("""
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


def long_rows(width):
    return f"""
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
    """


def test_long_rows_of_a_part():
    """Rows that are no stretch of memory, short and long, with numbers of the row and columns of a parameter."""
    assert_close(joined(map(long_rows, (3, 16, 100))))


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


def test_counting():
    assert_close(joined(text.replace("; ", "\n") for text in COUNTS.values()))


def test_draws_of_one_element():
    """The second draw depends on what the first one's group computes."""
    assert_close("""
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


def windows_added(stride, gap, size, width, shape, order):
    rows, columns = shape
    across = [(n - (size - 1) * gap - 1) // stride + 1 for n in shape]
    if order == "as they lie":
        given, moved = f"3, {across[0]}, {across[1]}, {width}, {size}, {size}", "(0, 1, 2, 3, 4, 5)"
    else:
        given, moved = f"3, {across[0]}, {across[1]}, {size}, {size}, {width}", "(0, 1, 2, 5, 3, 4)"
    return f"""
    %0: float32[{given}] = input "x"
    %1: float32[3, {across[0]}, {across[1]}, {width}, {size}, {size}] = permute_dims(%0, axes={moved})
    %2: float32[3, {rows}, {columns}, {width}] = windows_add(%1, axes=(1, 2), size=({size}, {size}), stride=({stride}, {stride}), dilation=({gap}, {gap}), shape=(3, {rows}, {columns}, {width}))
    return y=%2
    """


@pytest.mark.parametrize(("size", "width", "shape"), [(2, 5, (9, 8)), (3, 33, (7, 9)), (1, 16, (5, 5))])  # fmt: skip
@pytest.mark.parametrize("order", ["as they lie", "inside first"])
def test_windows_added_at_once(size, width, shape, order):
    cases = itertools.product([1, 2, 3], [1, 2])
    assert_close(joined(windows_added(stride, gap, size, width, shape, order) for stride, gap in cases))
