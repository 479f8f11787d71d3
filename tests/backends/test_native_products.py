"""Matrix products as machine code: every size, turned operands, panels, stacks, a parameter along two axes."""

from __future__ import annotations

import numpy as np
import pytest
from programs import assert_close, joined, numbers, product

from backends.native import Executable, threads
from backends.program import parse_program

pytestmark = pytest.mark.once

SIZES = [(1, 1, 1), (1, 7, 12), (3, 5, 2), (8, 16, 16), (9, 17, 33), (32, 12, 8), (40, 100, 30), (64, 48, 128), (31, 200, 5), (1, 512, 300)]  # fmt: skip


@pytest.mark.parametrize("turned", ["", "a", "b", "ab"])
def test_products(turned):
    texts = [
        product(*size, turned, f"%6: float32[{size[0]}, {size[1]}] = maximum(%5, 0)\nreturn y=%6")
        for size in SIZES
    ]
    assert_close(joined(texts), 1e-5)


LARGE = [
    (64, 256, 150),
    (72, 128, 333),
    (96, 384, 100),
    (1, 512, 333),
    (1, 4096, 7),
    (71, 256, 150),
    (1, 512, 329),
]


@pytest.mark.parametrize("turned", ["", "a", "b"])
def test_products_by_panels_and_line_after_line(turned, monkeypatch):
    monkeypatch.setattr(threads, "limit", 3)
    program = parse_program(joined(product(*size, turned) for size in LARGE))
    rng = np.random.default_rng(0)
    given = {n: numbers(v.spec, rng) for n, v in program.named("input").items()}
    for parts in (1, 2, 3):
        machine = Executable(program)
        monkeypatch.setattr(machine, "parts", lambda parts=parts: parts)
        results = machine.step({}, given)
        for number in range(len(LARGE)):
            x, y = (given[f"{n}_{number}"].T if turned == n else given[f"{n}_{number}"] for n in "ab")
            np.testing.assert_allclose(results[f"y_{number}"], x.astype(float) @ y + given[f"c_{number}"], rtol=1e-4, atol=1e-4)  # fmt: skip


def test_batched_products():
    assert_close("""
    program p
    %0: float64[3, 2, 5, 4] = input "a"
    %1: float64[2, 4, 9] = input "b"
    %2: float64[3, 2, 5, 9] = matmul(%0, %1)
    %3: float64[3, 2, 9, 5] = permute_dims(%2, axes=(0, 1, 3, 2))
    %4: float64[3, 2, 5, 5] = matmul(%2, %3)
    return y=%4
    """, 1e-13)  # fmt: skip


@pytest.mark.parametrize("momentum", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("size", [(3, 5, 4), (420, 410, 40)], ids=str)
@pytest.mark.parametrize("again", [False, True])
def test_products_that_are_taken_from_a_velocity(size, momentum, again):
    """`v = momentum v - rate gradient`, by tiles or, where it is large, by BLAS into the velocity itself.

    `again`: the weights move by the old velocity, too.
    """
    rows, columns, terms = size
    kept = f"%4: float32[{rows}, {columns}] = multiply(%0, {momentum})" if momentum != 1 else ""
    text = f"""
    program p
    %0: float32[{rows}, {columns}] = state "v"
    %9: float32[{rows}, {columns}] = state "w"
    %1: float32[{rows}, {terms}] = input "a"
    %2: float32[{terms}, {columns}] = input "b"
    %3: float32[{rows}, {columns}] = matmul(%1, %2)
    {kept}
    %5: float32[{rows}, {columns}] = multiply(%3, 0.25)
    %6: float32[{rows}, {columns}] = subtract({"%4" if kept else "%0"}, %5)
    %7: float32[{rows}, {columns}] = add(%9, %6)
    {f"%8: float32[{rows}, {columns}] = add(%7, %0)" if again else ""}
    assign %0 = %6
    assign %9 = {"%8" if again else "%7"}
    return
    """
    rng = np.random.default_rng(0)
    v, w, a, b = (rng.normal(size=s).astype("float32") for s in ((rows, columns), (rows, columns), (rows, terms), (terms, columns)))  # fmt: skip
    mine = {"v": v.copy(), "w": w.copy()}
    Executable(parse_program(text)).step(mine, {"a": a, "b": b})
    velocity = momentum * v - 0.25 * (a.astype(float) @ b)
    np.testing.assert_allclose(mine["v"], velocity, 1e-4, 1e-4)
    np.testing.assert_allclose(mine["w"], w + velocity + (v if again else 0), 1e-4, 1e-4)


@pytest.mark.parametrize(("a", "b"), [("1", "4"), ("4", "1"), ("1, 3", "2, 1"), ("2, 1", "3")])
def test_matrices_that_are_repeated(a, b):
    """A batch of one, and an axis that the other operand has more of."""
    batch = ", ".join(map(str, np.broadcast_shapes(*(tuple(map(int, s.split(", "))) for s in (a, b)))))  # fmt: skip
    assert_close(f"""
    program p
    %0: float32[{a}, 5, 3] = input "a"
    %1: float32[{b}, 3, 6] = input "b"
    %2: float32[{batch}, 5, 6] = matmul(%0, %1)
    %3: float32[{batch}, 5, 6] = multiply(%2, 2)
    return y=%3
    """)


def test_one_parameter_along_two_axes():
    assert_close("""
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
