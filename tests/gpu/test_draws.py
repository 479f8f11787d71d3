"""Random bits that are made where they are read: the interpreter's, whoever reads them and whatever becomes of the counter."""

from __future__ import annotations

import numpy as np
import pytest

import backends
from backends.program import parse_program

pytestmark = pytest.mark.once

HEAD = """
program p
%0: uint64[] = input "key"
%1: uint64[] = state "counter"
%2: float32[{shape}] = input "x"
%3: uint32[{shape}] = random_bits(%0, %1, shape=({shape},))
%4: uint64[] = add(%1, 1)
%5: bool[{shape}] = less(%3, 3000000000)
%6: float32[{shape}] = where(%5, %2, 0.0)
"""
ENDS = {
    "one reader": ("", "y=%6", False),
    "two loops": ("%7: float32[{last}] = sum(%6, axis=(0,), keepdims=False)\n%8: float32[{shape}] = subtract(%6, %7)\n%9: float32[{shape}] = where(%5, %8, %6)\n", "y=%9", False),
    "the bits are a result": ("", "y=%6, z=%3", True),
    "turned": ("%7: uint32[{turned}] = permute_dims(%3, axes=(1, 0))\n%8: bool[{turned}] = less(%7, 2000000000)\n", "y=%6, z=%8", True),
    "a part of them": ("%7: uint32[{last}] = getitem(%3, key=(1,))\n%8: bool[{last}] = less(%7, 2000000000)\n", "y=%6, z=%8", True),
    "reduced": ("%7: uint32[{last}] = max(%3, axis=(0,), keepdims=False)\n", "y=%6, z=%7", False),
    "behind a product": ("%7: float32[{rows}, {rows}] = input_product\n%8: float32[{rows}, {rows}] = where(%12, %7, 0.0)\n", "y=%8", False),
}  # fmt: skip


def text_of(end, rows, last):
    more, outputs, _ = ENDS[end]
    shape, turned = f"{rows}, {last}", f"{last}, {rows}"
    head = HEAD
    if end == "behind a product":
        head = HEAD.replace("%6", "%13") + (
            "%10: float32[{turned}] = permute_dims(%2, axes=(1, 0))\n%11: uint32[{rows}, {rows}] = random_bits(%0, %4, shape=({rows}, {rows}))\n"
            "%12: bool[{rows}, {rows}] = less(%11, 3000000000)\n"
        )  # fmt: skip
        more = more.replace("input_product", "matmul(%2, %10)")
    words = dict(shape=shape, turned=turned, last=last, rows=rows)
    return f"{head}{more}assign %1 = %4\nreturn {outputs}".format(**words)


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize(("rows", "last"), [(8, 16), (5, 7), (3, 6), (40, 130)])
def test_bits_are_the_interpreters(cupy_backend, end, rows, last):
    program = parse_program(text_of(end, rows, last))
    executable = cupy_backend.compile(program)
    made_alone = any("random_bits" in line for line in executable.kernels())
    assert made_alone == ENDS[end][2]
    state, right = (
        {"counter": cupy_backend.asarray(np.uint64(2**40))},
        {"counter": np.array(2**40, np.uint64)},
    )
    for number in range(3):
        inputs = {"key": np.array(12345 + number, np.uint64), "x": np.arange(rows * last, dtype=np.float32).reshape(rows, last) % 5}  # fmt: skip
        found = executable.step(state, {n: cupy_backend.asarray(a) for n, a in inputs.items()})
        expected = backends.get("numpy").compile(program).step(right, inputs)
        for name, value in expected.items():
            np.testing.assert_array_equal(cupy_backend.to_numpy(found[name]), value, err_msg=name)
        assert int(cupy_backend.to_numpy(state["counter"])) == 2**40 + number + 1 == int(right["counter"])
