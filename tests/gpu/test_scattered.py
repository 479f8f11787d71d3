"""Rows added by index where they are many: the sums of `numpy.add.at`, twice the same bits."""

from __future__ import annotations

import numpy as np
import pytest

from backends.cuda import lower as lowering
from backends.program import parse_program

pytestmark = pytest.mark.once
RNG = np.random.default_rng(0)
INDICES = {
    "all different": lambda count, height: np.arange(count) % height,
    "drawn": lambda count, height: RNG.integers(-height, height, count),
    "one fills most": lambda count, height: np.where(
        RNG.random(count) < 0.95, 3, RNG.integers(0, height, count)
    ),
    "all the same": lambda count, height: np.full(count, -1),
    "falling": lambda count, height: np.sort(RNG.integers(0, height, count))[::-1],
}


def program_of(height, columns, count, dtype, index):
    shape = f"{height}, {columns}" if columns else f"{height}"
    rows = f"{count}, {columns}" if columns else f"{count}"
    return parse_program(f"""
    program p
    %0: {dtype}[{rows}] = input "rows"
    %1: {index}[{count}] = input "i"
    %2: {dtype}[{shape}] = index_add(%0, %1, key=(slot(0),), shape=({shape},))
    return y=%2
    """)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(
    ("height", "columns", "count"), [(9, 4, 1), (9, 4, 33), (200, 3, 900), (5, 0, 700), (1, 2, 300)]
)
def test_sums_are_those_of_numpy(cupy_backend, monkeypatch, height, columns, count, dtype):
    monkeypatch.setattr(lowering, "_SCAN_UNTIL", -1)
    for index in ("int64", "int32"):
        executable = cupy_backend.compile(program_of(height, columns, count, dtype, index))
        assert any("order" in line for line in executable.kernels())
        for make in INDICES.values():
            picked = (
                make(count, height).astype(index) % height
                if height < 4
                else make(count, height).astype(index)
            )
            rows = (10 * RNG.standard_normal((count, columns)[: 1 + bool(columns)])).astype(dtype)
            expected = np.zeros((height, columns)[: 1 + bool(columns)], dtype)
            np.add.at(expected, picked, rows)
            given = {"rows": cupy_backend.asarray(rows), "i": cupy_backend.asarray(picked)}
            found = [cupy_backend.to_numpy(executable.step({}, given)["y"]) for _ in range(2)]
            np.testing.assert_array_equal(found[0], found[1])
            np.testing.assert_allclose(
                found[0],
                expected,
                1e-4 if dtype == "float32" else 1e-10,
                1e-3 if dtype == "float32" else 1e-8,
            )


def test_an_index_out_of_range_is_found(cupy_backend, monkeypatch):
    monkeypatch.setattr(lowering, "_SCAN_UNTIL", -1)
    executable = cupy_backend.compile(program_of(5, 2, 40, "float32", "int64"))
    rows = cupy_backend.asarray(np.ones((40, 2), np.float32))
    for wrong in (5, -6, 2**40):
        picked = np.zeros(40, np.int64)
        picked[17] = wrong
        with pytest.raises(IndexError, match="out of range"):
            executable.step({}, {"rows": rows, "i": cupy_backend.asarray(picked)})
    found = executable.step({}, {"rows": rows, "i": cupy_backend.asarray(np.zeros(40, np.int64))})
    assert cupy_backend.to_numpy(found["y"])[0].tolist() == [40, 40]


def test_which_way_is_taken():
    """By looking for what belongs to each element, by order, or by the array library: by counted work."""
    for height, columns, count, way in ((10, 4, 100, "scatter_add: "), (1000, 16, 8400, "order"), (10, 1, 40_000, "scatter_add: "), (100_000, 16, 40_000, "CuPy")):  # fmt: skip
        calls = lowering.lower(program_of(height, columns, count, "float32", "int64")).calls
        told = [f"{c.label}: " for c in calls]
        assert any(way in line for line in told), told
