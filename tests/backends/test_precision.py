"""Products of a lower precision: rounding against other libraries and exact fractions, programs, and every engine."""

from __future__ import annotations

import ctypes
import math
import shutil
import subprocess
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import backends
from backends.contract import Spec
from backends.errors import DTypeError, ProgramError
from backends.formats import FORMATS, resolve_precision
from backends.numba import mathematics
from backends.numpy.planned import Planned
from backends.primitives import PRIMITIVES, written
from backends.program import TraceBackend, format_program, interpret, parse_program, verify
from backends.program.formula import format_formula
from backends.program.passes import simplify
from backends.program.precision import rounded_products

NUMPY = backends.get("numpy")
FLOAT32 = np.dtype("float32")
NAMES = tuple(FORMATS)
BITS = st.integers(0, 2**32 - 1)


def from_bits(*words):
    return np.array(words, np.uint32).view(np.float32)


def same(found, expected):
    """The same numbers, zeros of the same sign; a NaN is a NaN."""
    found, expected = np.asarray(found), np.asarray(expected)
    assert found.dtype == expected.dtype == FLOAT32
    known = ~np.isnan(expected)
    assert np.array_equal(np.isnan(found), ~known)
    assert np.array_equal(found.view(np.uint32)[known], expected.view(np.uint32)[known])


def edges():
    """Numbers around every tie, boundary and special value of the formats, of both signs."""
    words = [0, 1, 2, 0x7F800000, 0x7F800001, 0x7FC00000, 0x7FFFFFFF, 0x7F7FFFFF]
    for exponent in (0, 1, 90, 102, 103, 104, 111, 112, 113, 127, 142, 143, 144, 253, 254):
        for high in (0, 1, 2, 0x7E, 0x7F):
            for drop in (13, 16):
                mantissa = (high << 16) & 0x7FFFFF
                for low in (0, 1, (1 << (drop - 1)) - 1, 1 << (drop - 1), (1 << (drop - 1)) + 1, (1 << drop) - 1, 3 << (drop - 1)):  # fmt: skip
                    words.append(exponent << 23 | (mantissa + low) & 0x7FFFFF)
    return from_bits(*words, *(word | 0x80000000 for word in words))


def nearest_by_fractions(x, name):
    """Round by the definition: exact numbers, the nearer neighbour, the even one of two at the same distance."""
    form = FORMATS[name]
    if not math.isfinite(x) or x == 0:
        return x
    exact = abs(Fraction(float(x)))
    exponent = math.floor(math.log2(exact)) - 1
    while Fraction(2) ** (exponent + 1) <= exact:
        exponent += 1
    unit = Fraction(2) ** (max(exponent, form.lowest) - form.bits)
    below, rest = divmod(exact, unit)
    half = unit / 2
    steps = below + (rest > half or (rest == half and below % 2 == 1))
    largest = (2 - Fraction(1, 2**form.bits)) * Fraction(2) ** (1 - form.lowest)
    size = math.inf if steps * unit > largest else float(steps * unit)
    return math.copysign(size, x)


def by_fractions(x, name):
    with np.errstate(invalid="ignore"):  # of a signalling NaN
        return np.array([nearest_by_fractions(v, name) for v in x.astype(np.float64)], np.float32)


# rounding
@pytest.mark.parametrize("name", NAMES)
def test_rounding_is_to_the_nearest_with_ties_to_even(name):
    same(NUMPY.round_to(edges(), format=name), by_fractions(edges(), name))


@pytest.mark.parametrize("name", NAMES)
@given(words=st.lists(BITS, min_size=1, max_size=50))
def test_rounding_of_any_number(name, words):
    x = from_bits(*words)
    same(NUMPY.round_to(x, format=name), by_fractions(x, name))


@pytest.mark.oracle
@given(words=st.lists(BITS, min_size=1, max_size=200))
def test_bfloat16_is_that_of_ml_dtypes(words):
    bfloat16 = pytest.importorskip("ml_dtypes").bfloat16
    for x in (from_bits(*words), edges()):
        with np.errstate(all="ignore"):
            expected = x.astype(bfloat16).astype(np.float32)
        same(NUMPY.round_to(x, format="bfloat16"), expected)


def test_float16_is_numpys():
    with np.errstate(all="ignore"):
        same(NUMPY.round_to(edges(), format="float16"), edges().astype(np.float16).astype(np.float32))  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_the_functions_of_kernels_round_the_same(name):
    function = getattr(mathematics, f"round_to_{name}")
    # an array has no ternary choice, so one by one
    with np.errstate(all="ignore"):
        found = [function(x) for x in edges()]
    same(np.array(found, np.float32), by_fractions(edges(), name))


@pytest.mark.parametrize("name", NAMES)
def test_rounding_keeps_how_an_array_lies_in_memory(name):
    x = np.arange(12, dtype=np.float32).reshape(3, 4).T
    y = NUMPY.round_to(x, format=name)
    assert y.strides == x.strides
    assert np.array_equal(x, y)
    assert not np.shares_memory(x, y)
    same(NUMPY.round_to(np.float32(-70000), format=name), by_fractions(from_bits(0xC788B800), name)[0])  # fmt: skip


def test_cuda_text_rounds_the_same(tmp_path):
    compiler = shutil.which("g++")
    if compiler is None:
        pytest.skip("no g++ on PATH to compile the CUDA scalar text with")
    row = PRIMITIVES["round_to"]
    lines = ["#include <cmath>", "using namespace std;", 'extern "C" {']
    for name in NAMES:
        body = written(row.cuda, ["x"], {"format": name})
        lines.append(f"float round_{name}(float x) {{ return {body}; }}")
    (tmp_path / "round.cpp").write_text("\n".join([*lines, "}"]))
    subprocess.run([compiler, "-shared", "-fPIC", "-O1", "-o", tmp_path / "round.so", tmp_path / "round.cpp"], check=True)  # fmt: skip
    library = ctypes.CDLL(str(tmp_path / "round.so"))
    for name in NAMES:
        function = getattr(library, f"round_{name}")
        function.restype, function.argtypes = ctypes.c_float, [ctypes.c_float]
        same(np.array([function(float(x)) for x in edges()], np.float32), by_fractions(edges(), name))  # fmt: skip


def test_only_float32_is_rounded():
    row = PRIMITIVES["round_to"]
    with pytest.raises(DTypeError, match="only float32 is rounded to tf32, got float64"):
        row.infer([Spec((2,), np.dtype("float64"))], {"format": "tf32"})
    with pytest.raises(ProgramError, match="no format 'tf31'; known: tf32, bfloat16, float16"):
        row.infer([Spec((2,), FLOAT32)], {"format": "tf31"})
    assert row.infer([Spec((2,), FLOAT32)], {"format": "tf32"}) == Spec((2,), FLOAT32)


# names
def test_names_of_precisions():
    assert [resolve_precision(name) for name in (None, *NAMES)] == [None, *NAMES]
    assert resolve_precision("mixed_float16") == "float16"
    assert resolve_precision("mixed_bfloat16") == "bfloat16"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("bfloat61", "None or one of 'tf32', 'bfloat16', 'float16', got 'bfloat61'. Did you mean 'bfloat16'?"),
        ("float32", "None is float32"),
        (16, "got 16. Known: bfloat16, float16, tf32"),
    ],
)  # fmt: skip
def test_unknown_precisions(name, text):
    with pytest.raises(DTypeError) as caught:
        TraceBackend(precision=name)
    assert text in str(caught.value)


# programs
def step(precision, shape=(5, 7, 3), dtype="float32"):
    """x' (relu(x w)) w-like: a product forward, two backward, an update."""
    rows, terms, columns = shape
    trace = TraceBackend(precision=precision)
    x = trace.parameter(Spec((rows, terms), np.dtype(dtype)), "input", "x")
    w = trace.parameter(Spec((terms, columns), np.dtype(dtype)), "state", "w")
    y = trace.matmul(x, w)
    g = trace.maximum(y, 0.0)
    back = trace.matmul(g, trace.permute_dims(w, axes=(1, 0)))
    slope = trace.matmul(trace.permute_dims(x, axes=(1, 0)), g)
    new = trace.subtract(w, trace.multiply(slope, 0.125))
    return trace.finish("step", [(w, new)], [("y", y), ("back", back)])


@pytest.mark.parametrize("name", NAMES)
def test_programs_with_a_precision_print_parse_and_verify(name):
    program = step(name)
    text = format_program(program)
    assert text.count(f", precision='{name}')") == 3
    assert parse_program(text) == verify(program) == program
    again = simplify(program)
    assert format_program(again).count(f"precision='{name}'") == 3
    assert verify(again)


def test_without_a_precision_a_program_is_what_it_was():
    text = format_program(step(None))
    assert text.splitlines()[3] == "%2: float32[5, 3] = matmul(%0, %1)"
    assert "precision" not in text
    assert rounded_products(step(None)) == step(None)


@pytest.mark.parametrize("dtype", ["float64", "int64", "float16"])
def test_products_of_other_dtypes_are_left_alone(dtype):
    trace = TraceBackend(precision="tf32")
    a = trace.parameter(Spec((2, 2), np.dtype(dtype)), "input", "a")
    b = trace.parameter(Spec((2, 2), FLOAT32), "input", "b")
    program = trace.finish("p", [], [("y", trace.matmul(a, a)), ("z", trace.matmul(a, b))])
    assert "precision" not in format_program(program)


def test_a_program_with_a_wrong_precision_is_refused():
    text = """
    program p
    %0: {0}[2, 2] = input "x"
    %1: {0}[2, 2] = matmul(%0, %0, precision='{1}')
    return y=%1
    """
    verify(parse_program(text.format("float32", "tf32")))
    with pytest.raises(ProgramError, match="only float32 is rounded to tf32, got float64"):
        verify(parse_program(text.format("float64", "tf32")))
    with pytest.raises(ProgramError, match="no format 'float8'"):
        verify(parse_program(text.format("float32", "float8")))


def test_products_of_two_precisions_are_different_products():
    program = parse_program("""
    program p
    %0: float32[2, 2] = input "x"
    %1: float32[2, 2] = matmul(%0, %0, precision='tf32')
    %2: float32[2, 2] = matmul(%0, %0, precision='bfloat16')
    %3: float32[2, 2] = matmul(%0, %0)
    %4: float32[2, 2] = matmul(%0, %0, precision='tf32')
    return a=%1, b=%2, c=%3, d=%4
    """)
    kept = simplify(program)
    assert len(kept.instructions) == 3
    assert [v.number for _, v in kept.outputs] == [1, 2, 3, 1]
    rounded = verify(simplify(rounded_products(program)))
    assert [i.primitive for i in rounded.instructions] == ["round_to", "matmul", "round_to", "matmul", "matmul"]  # fmt: skip


def test_a_parameter_is_rounded_once_for_forward_and_backward():
    rounded = verify(simplify(rounded_products(step("bfloat16"))))
    given = [i.operands[0] for i in rounded.instructions if i.primitive == "round_to"]
    assert [str(v) for v in given] == ["%0", "%1", "%3"]
    assert all("precision" not in dict(i.static) for i in rounded.instructions)


def test_a_formula_says_what_a_product_is():
    program = parse_program("""
    program p
    %0: float32[2, 2] = input "x"
    %1: float32[2, 2] = matmul(%0, %0, precision='tf32')
    return y=%1
    """)
    assert format_formula(program) == ["matmul(x, x, precision='tf32')"]


# meaning
@pytest.mark.parametrize("name", NAMES)
def test_a_product_is_that_of_the_rounded_operands(name):
    rng = np.random.default_rng(3)
    a, b = (rng.standard_normal(shape).astype(np.float32) for shape in ((4, 33, 40), (40, 21)))
    found = NUMPY.matmul(a, b, precision=name)
    wide = [by_fractions(x.ravel(), name).reshape(x.shape).astype(np.float64) for x in (a, b)]
    exact = wide[0] @ wide[1]
    assert found.dtype == FLOAT32
    # sums in float32, of numbers around 1
    assert np.max(np.abs(found - exact)) < 40 * 2**-24 * np.max(np.abs(exact))
    # and not the product of the operands as they were
    assert np.max(np.abs(found - a.astype(np.float64) @ b)) > 2.0 ** -FORMATS[name].bits


def arrays(program, seed, special=False):
    rng = np.random.default_rng(seed)
    made = {}
    for role in ("state", "input"):
        made[role] = {n: rng.standard_normal(v.spec.shape).astype(np.float32) for n, v in program.named(role).items()}  # fmt: skip
    if special:
        made["state"]["w"].flat[:6] = [1e5, -65520.0, 65519.0, 1e-7, np.inf, np.nan]
    return made["state"], made["input"]


SIZES = [(1, 1, 1), (5, 7, 3), (8, 16, 32), (33, 40, 17), (70, 64, 100), (128, 784, 256)]


@pytest.mark.parametrize("special", [False, True], ids=["plain", "special"])
@pytest.mark.parametrize("name", NAMES)
def test_planned_is_the_interpreter_bit_for_bit(name, special):
    for seed, size in enumerate(SIZES[1:]):
        program = step(name, size)
        state, inputs = arrays(program, seed, special)
        with NUMPY.quiet():
            new, outputs = interpret(program, NUMPY, state, inputs)
            kept = {n: a.copy() for n, a in state.items()}
            found = Planned(program, NUMPY).step(kept, inputs)
        for key, value in outputs.items():
            assert np.array_equal(found[key], value, equal_nan=True), (size, key)
        assert np.array_equal(kept["w"], new["w"], equal_nan=True)


@pytest.mark.once
@pytest.mark.parametrize("special", [False, True], ids=["plain", "special"])
@pytest.mark.parametrize("name", NAMES)
def test_machine_code_agrees_with_the_interpreter(name, special, full):
    """Every size in one of the precisions, and in all of them in a full run."""
    pytest.importorskip("llvmlite")
    native = pytest.importorskip("backends.native")
    for seed, size in enumerate(SIZES):
        if (special and size == SIZES[0]) or not (full or seed % len(NAMES) == list(NAMES).index(name)):
            continue
        program = step(name, size)
        state, inputs = arrays(program, seed, special)
        with NUMPY.quiet():
            new, outputs = interpret(program, NUMPY, state, inputs)
            machine = native.Executable(program)
            kept = {n: a.copy() for n, a in state.items()}
            found = machine.step(kept, inputs)
        for label, value, expected in (("y", found["y"], outputs["y"]), ("back", found["back"], outputs["back"]), ("w", kept["w"], new["w"])):  # fmt: skip
            assert np.array_equal(np.isfinite(value), np.isfinite(expected)), (size, label)
            good = np.isfinite(expected)
            scale = np.max(np.abs(expected[good]), initial=1e-30)
            # sums in another order; y rounded again may fall on the other side of a tie
            loose = 2e-6 if label == "y" else 2.0 ** -FORMATS[name].bits / 8
            assert np.max(np.abs(value[good] - expected[good]), initial=0) <= loose * scale, (size, label)  # fmt: skip


@pytest.mark.once
@pytest.mark.parametrize("name", NAMES)
@example(words=edges().view(np.uint32).tolist())
@given(words=st.lists(BITS, min_size=1, max_size=40))
def test_machine_code_rounds_every_number_the_same(name, words):
    pytest.importorskip("llvmlite")
    native = pytest.importorskip("backends.native")
    # numbers below the normal ones are zero in machine code
    x = from_bits(*words)
    x = np.resize(x[(np.abs(x) >= 2**-126) | (x == 0) | np.isnan(x)], 1400)
    if not x.size:
        return
    machine = _rounding(native, name)
    same(machine.step({}, {"x": x})["y"], by_fractions(x, name))


_machines = {}


def _rounding(native, name):
    if name not in _machines:
        _machines[name] = native.Executable(parse_program(f"""
        program p
        %0: float32[1400] = input "x"
        %1: float32[1400] = round_to(%0, format='{name}')
        return y=%1
        """))  # fmt: skip
    return _machines[name]


@pytest.mark.once
@pytest.mark.parametrize("name", NAMES)
def test_a_kernel_of_a_rule_rounds_the_same(name):
    pytest.importorskip("numba")
    numba = backends.get("numba")
    x = np.resize(edges(), 40_000)

    def rule(xp, x):
        return xp.abs(xp.round_to(x, format=name))

    with NUMPY.quiet():
        same(numba.run(rule, x), np.abs(NUMPY.round_to(x, format=name)))
    assert any(calls is not None for key, calls in numba._calls.items() if key[0] is rule)


@pytest.mark.once
def test_products_that_are_left_to_blas_are_rounded_too():
    pytest.importorskip("llvmlite")
    native = pytest.importorskip("backends.native")
    program = step("bfloat16", (64, 1500, 1500))
    state, inputs = arrays(program, 0)
    _, outputs = interpret(program, NUMPY, state, inputs)
    machine = native.Executable(program)
    assert np.allclose(machine.step(state, inputs)["y"], outputs["y"], rtol=0, atol=1e-3)
