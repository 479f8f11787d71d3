"""Operands of products in 16 bits: rounded where they are made, held in half of the memory, float32 sums."""

from __future__ import annotations

import numpy as np
import pytest
import substitute

import backends
from backends.cuda import lower as lowering
from backends.cupy import cublas
from backends.program import parse_program
from backends.program.interpret import values_of

pytestmark = pytest.mark.once
RNG = np.random.default_rng(0)
SIZE = 260
PRODUCT = """
program p
%0: float32[{n}, {n}] = input "a"
%1: float32[{n}, {n}] = input "b"
%2: float32[{n}, {n}] = {made}
%3: float32[{n}, {n}] = permute_dims(%1, axes=(1, 0))
%4: float32[{n}, {n}] = matmul(%2, {second}, precision='{precision}')
%5: float32[{n}, {n}] = tanh(%4)
return {outputs}
"""
CASES = {
    "made here": ("multiply(%0, %0)", "%1", "y=%4"),
    "an input, turned": ("negative(%0)", "%3", "y=%4"),
    "what follows": ("abs(%0)", "%1", "y=%5"),
    "who else reads it": ("multiply(%0, 0.7)", "%1", "y=%4, z=%2"),
    "the same twice": ("maximum(%0, 0.1)", "%2", "y=%4"),
}


def compiled(backend, precision, case):
    made, second, outputs = CASES[case]
    program = parse_program(
        PRODUCT.format(n=SIZE, made=made, second=second, precision=precision, outputs=outputs)
    )
    return program, backend.compile(program)


def right(program, arrays):
    numpy = backends.get("numpy")
    given = {v: arrays[n] for n, v in program.named("input").items()}
    with numpy.quiet():
        values = values_of(program, numpy, given)
    return {name: values[value] for name, value in program.outputs}


@pytest.mark.parametrize("precision", ["bfloat16", "float16"])
@pytest.mark.parametrize("case", CASES)
def test_products_have_the_interpreters_numbers_to_the_order_of_sums(cupy_backend, precision, case):
    program, executable = compiled(cupy_backend, precision, case)
    gemms = [c.gemm for c in executable.calls if c.gemm]
    assert [g.precision for g in gemms] == [precision]
    assert {s.root.spec.dtype.itemsize for s in (gemms[0].a, gemms[0].b)} == {2}
    arrays = {n: RNG.standard_normal((SIZE, SIZE)).astype(np.float32) for n in "ab"}
    found = executable.step({}, {n: cupy_backend.asarray(a) for n, a in arrays.items()})
    for name, expected in right(program, arrays).items():
        np.testing.assert_allclose(cupy_backend.to_numpy(found[name]), expected, 2e-6, 1e-4)


@pytest.mark.parametrize("precision", ["bfloat16", "float16"])
def test_every_kind_of_number_keeps_its_bits(cupy_backend, precision):
    """One times the numbers: ties, the smallest and the largest ones, infinities, NaN; sums of one number."""
    kinds = [0.0, -0.0, 1.0, -1.5, 1 + 2**-8, 1 + 3 * 2**-8, 1 + 2**-11, 1 + 3 * 2**-11, 65504, 65519.9, 65520, 1e6, 3.3e38, -3.4e38, 2.0**-14, 2.0**-24, 2.0**-25, 3 * 2.0**-25, 1.0001 * 2.0**-25, 6e-8, 1e-30, 1e-45, np.inf, -np.inf]  # fmt: skip
    kinds += list(np.ldexp(RNG.standard_normal(SIZE - len(kinds)), RNG.integers(-30, 18, SIZE - len(kinds))))
    program = parse_program(f"""
    program p
    %0: float32[{SIZE}, 1] = input "a"
    %1: float32[1, {SIZE}] = input "b"
    %2: float32[{SIZE}, {SIZE}] = matmul(%0, %1, precision='{precision}')
    return y=%2
    """)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lowering, "_TILES_UNTIL", -1)
        executable = cupy_backend.compile(program)
    assert [c.gemm.precision for c in executable.calls if c.gemm] == [precision]
    a = np.array(kinds, np.float32)[:, None]
    b = np.ones((1, SIZE), np.float32)
    found = cupy_backend.to_numpy(executable.step({}, {"a": cupy_backend.asarray(a), "b": cupy_backend.asarray(b)})["y"])  # fmt: skip
    expected = backends.get("numpy").round_to(a, format=precision)
    # numbers below the normal ones of float32 may be 0 on a device
    small = np.abs(expected) < np.finfo(np.float32).tiny
    np.testing.assert_array_equal(found[~small[:, 0], 0], expected[~small[:, 0], 0])
    a[...] = np.nan
    found = cupy_backend.to_numpy(executable.step({}, {"a": cupy_backend.asarray(a), "b": cupy_backend.asarray(b)})["y"])  # fmt: skip
    assert np.isnan(found).all()


def test_a_device_without_the_format_multiplies_rounded_numbers_in_float32(backend, monkeypatch):
    monkeypatch.setattr(substitute.streams.Device, "compute_capability", "75")
    assert cublas.formats_of(backend._cupy) == {"float16"}
    for precision in ("bfloat16", "float16"):
        program, executable = compiled(backend, precision, "made here")
        (gemm,) = [c.gemm for c in executable.calls if c.gemm]
        assert gemm.precision == (None if precision == "bfloat16" else precision)
        arrays = {n: RNG.standard_normal((SIZE, SIZE)).astype(np.float32) for n in "ab"}
        found = executable.step({}, {n: backend.asarray(a) for n, a in arrays.items()})
        np.testing.assert_allclose(backend.to_numpy(found["y"]), right(program, arrays)["y"], 2e-6, 1e-4)


def test_comparing_reads_16_bits_as_the_numbers_that_they_are(backend):
    _, executable = compiled(backend, "bfloat16", "made here")
    arrays = {n: backend.asarray(RNG.standard_normal((SIZE, SIZE)).astype(np.float32)) for n in "ab"}
    found = executable.compare({}, arrays)
    assert len(found) >= 3
    assert all(difference < 1e-5 for _, _, difference in found)
