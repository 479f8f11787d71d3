"""Programs: their text, their grammar, and what they mean."""

from __future__ import annotations

import copy
import math
import operator
import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import backends
from autograd.ops import OPS
from backends.contract import SUPPORTED, Spec
from backends.errors import ProgramError
from backends.program import (
    Instruction,
    Parameter,
    Program,
    TraceBackend,
    Value,
    format_program,
    interpret,
    parse_program,
    verify,
)
from backends.program.interpret import difference
from backends.program.purity import is_pure
from backends.shapes import Slot

NUMPY = backends.get("numpy")
F32 = SUPPORTED["float32"]

TEXT = """\
program step
%0: float32[3, 2] = state "layers.0.kernel"
%1: float32[5, 3] = input "x"
%2: float32[5, 2] = matmul(%1, %0)
%3: float32[2] = sum(%2, axis=(0,), keepdims=False)
%4: float32[3, 2] = multiply(%0, 0.5)
assign %0 = %4
return loss=%3
"""


def small():
    return parse_program(TEXT)


def test_text_is_read_back_as_it_was_written():
    program = small()
    assert format_program(program) == TEXT
    assert parse_program(format_program(program)) == program
    assert verify(program) is program


@given(data=st.data())
def test_any_program_survives_the_round_trip(data):
    """Random programs: operands, weak numbers, static attributes of every kind."""
    trace = TraceBackend()
    x = trace.parameter(Spec((2, 3), SUPPORTED["float64"]), "state", 'a "quoted" name\n')
    i = trace.parameter(Spec((2,), SUPPORTED["int64"]), "input", "i")
    values = [x]
    for _ in range(data.draw(st.integers(0, 8))):
        a, b = (data.draw(st.sampled_from(values)) for _ in range(2))
        number = data.draw(
            # drawn floats seldom have all the digits that they can have
            st.one_of(
                st.sampled_from([1 / 3, 1e-13]),
                st.floats(allow_nan=False),
                st.integers(-(2**40), 2**40),
                st.booleans(),
            )
        )
        values.append(
            data.draw(
                st.sampled_from(
                    [
                        lambda a=a, b=b: trace.add(a, b),
                        lambda a=a, n=number: trace.multiply(n, a),
                        lambda a=a: trace.sum(a, axis=(), keepdims=True),
                        lambda a=a: trace.astype(a, dtype=SUPPORTED["float64"]),
                        lambda a=a, n=number: trace.pad(
                            trace.getitem(a, key=(slice(None, None, -1), slice(0, 2))),
                            pad_width=((0, 0), (1, 0)),
                            value=n,
                        ),
                        lambda a=a: trace.getitem(
                            trace.getitem(a, i, key=(Slot(0), None, ...)), key=(..., 0, slice(None))
                        ),
                        lambda: trace.full(shape=(2, 3), value=-math.inf, dtype=SUPPORTED["float64"]),
                        lambda a=a: trace.permute_dims(trace.reshape(a, shape=(3, 2)), axes=(1, 0)),
                    ]
                )
            )()
        )
    program = trace.finish("random", [(x, values[-1])] if len(values) > 1 else [], [("y", values[-1])])
    text = format_program(program)
    assert parse_program(text) == program
    assert format_program(parse_program(text)) == text


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("program step\n", "", "a program begins with 'program NAME'"),
        ("return loss=%3\n", "", "expected 'return ...' at the end"),
        ("%2: float32[5, 2] = matmul(%1, %0)", "nonsense", "cannot read 'nonsense'"),
        ("matmul(%1, %0)", "matmul(%1, %7)", "cannot read"),
        ("matmul(%1, %0)", "matmul(%1, ", "cannot read"),
        ("matmul(%1, %0)", "matmul", r"expected primitive\(operands\)"),
        ("matmul(%1, %0)", "np.matmul(%1, %0)", "a primitive is a plain name"),
        ("matmul(%1, %0)", "matmul(%1, 'text')", "neither a value nor a number"),
        ("matmul(%1, %0)", "matmul(%1, [1])", "not allowed here"),
        ("axis=(0,)", "axis=(lambda: 0)", "not allowed here"),
        ("axis=(0,)", "axis=__import__('os')", "not allowed here"),
        ("float32[2] = sum", "float31[2] = sum", "cannot read"),
        ('state "layers.0.kernel"', "state layers", "cannot read"),
        ("assign %0 = %4", "assign %9 = %4", "cannot read"),
        ("loss=%3", "loss=%8", "'%8'"),
    ],
)
def test_text_that_cannot_be_read(old, new, message):
    assert old in TEXT
    with pytest.raises(ProgramError, match=message):
        parse_program(TEXT.replace(old, new))


def test_an_empty_text_is_no_program():
    for text in ("", "\n", "program x"):
        with pytest.raises(ProgramError):
            parse_program(text)


def corrupted(**changes):
    return small()._replace(**changes)


def instruction(position, **changes):
    instructions = list(small().instructions)
    instructions[position] = instructions[position]._replace(**changes)
    return corrupted(instructions=tuple(instructions))


STATE, INPUT = (p.value for p in small().parameters)
PRODUCT, TOTAL, NEW = (i.result for i in small().instructions)
WIDE = Value(9, Spec(NEW.spec.shape, SUPPORTED["float64"]))
CORRUPTIONS = [
    (lambda: instruction(0, primitive="matmal"), "no such primitive"),
    (lambda: instruction(0, operands=(INPUT,)), "matmul takes 2 operands, got 1"),
    (lambda: instruction(0, operands=(STATE, INPUT)), "inner sizes differ"),
    (
        lambda: instruction(0, operands=(INPUT, NEW)),
        r"uses %4: float32\[3, 2\], which is not defined before",
    ),
    (
        lambda: instruction(0, operands=(INPUT, STATE._replace(spec=Spec((3, 9), F32)))),
        "not defined before",
    ),
    (
        lambda: instruction(0, result=Value(2, Spec((5, 3), F32))),
        r"declared float32\[5, 3\] but gives float32\[5, 2\]",
    ),
    (lambda: instruction(0, result=Value(2, Spec((5, 2), SUPPORTED["float64"]))), "is declared"),
    (lambda: instruction(1, result=Value(2, TOTAL.spec)), "%2 is defined twice"),
    (lambda: instruction(0, result=Value(0, PRODUCT.spec)), "%0 is defined twice"),
    (
        lambda: instruction(1, static=(("axis", (5,)), ("keepdims", False))),
        "axis 5 is out of range",
    ),
    (lambda: instruction(1, static=()), "axis"),
    (lambda: instruction(1, static=(("axes", (0,)),)), "axes"),
    (lambda: corrupted(instructions=small().instructions[::-1]), "not defined before"),
    (lambda: corrupted(parameters=(small().parameters[0],) * 2), "%0 is defined twice"),
    (
        lambda: corrupted(parameters=(*small().parameters, Parameter(Value(9, INPUT.spec), "input", "x"))),
        "two input parameters have the same name",
    ),
    (
        lambda: corrupted(
            parameters=(
                *small().parameters,
                Parameter(Value(9, INPUT.spec), "state", "layers.0.kernel"),
            )
        ),
        "two state parameters have the same name",
    ),
    (lambda: corrupted(assigns=((INPUT, INPUT),)), "not state"),
    (lambda: corrupted(assigns=((STATE, NEW), (STATE, NEW))), "assigned twice"),
    (lambda: corrupted(assigns=((STATE, PRODUCT),)), r"float32\[3, 2\] cannot hold %2"),
    (lambda: corrupted(assigns=((STATE, 1.0),)), "cannot hold 1.0"),
    (
        lambda: corrupted(
            instructions=(
                *small().instructions,
                Instruction(WIDE, "astype", (NEW,), (("dtype", WIDE.spec.dtype),)),
            ),
            assigns=((STATE, WIDE),),
        ),
        r"float32\[3, 2\] cannot hold %9",
    ),
    (lambda: corrupted(assigns=((STATE, Value(9, STATE.spec)),)), "not defined before"),
    (lambda: corrupted(outputs=(("y", TOTAL), ("y", TOTAL))), "two outputs have the same name"),
    (lambda: corrupted(outputs=(("y", Value(9, TOTAL.spec)),)), "return y uses %9"),
]


@pytest.mark.parametrize(("corrupt", "message"), CORRUPTIONS, ids=[m for _, m in CORRUPTIONS])
def test_verify_catches_every_corruption(corrupt, message):
    with pytest.raises(ProgramError, match=message):
        verify(corrupt())


def test_interpret():
    kernel = np.arange(6, dtype=np.float32).reshape(3, 2)
    x = np.ones((5, 3), np.float32)
    state, outputs = interpret(small(), NUMPY, {"layers.0.kernel": kernel}, {"x": x})
    assert outputs["loss"].tolist() == [30.0, 45.0]
    assert state["layers.0.kernel"].tolist() == (kernel * 0.5).tolist()
    assert kernel[2, 1] == 5.0


def test_state_that_is_not_assigned_stays_the_same_object():
    kernel = np.ones((3, 2), np.float32)
    program = corrupted(assigns=())
    state, _ = interpret(program, NUMPY, {"layers.0.kernel": kernel}, {"x": np.ones((5, 3), np.float32)})
    assert state["layers.0.kernel"] is kernel


@pytest.mark.parametrize(
    ("state", "inputs", "message"),
    [
        ({}, {"x": np.ones((5, 3), np.float32)}, "state 'layers.0.kernel' is missing"),
        ({"layers.0.kernel": np.ones((3, 2), np.float32)}, {}, "input 'x' is missing"),
        (
            {"layers.0.kernel": np.ones((3, 2), np.float32)},
            {"x": np.ones((4, 3), np.float32)},
            r"input 'x' is float32\[4, 3\], the program expects float32\[5, 3\]",
        ),
        (
            {"layers.0.kernel": np.ones((3, 2))},
            {"x": np.ones((5, 3), np.float32)},
            r"float64\[3, 2\], the program expects float32",
        ),
    ],
)
def test_interpret_refuses_other_arrays(state, inputs, message):
    with pytest.raises(ProgramError, match=message):
        interpret(small(), NUMPY, state, inputs)


def test_assignments_read_the_values_before_any_of_them():
    """Two states that change places."""
    spec = Spec((), F32)
    a, b = Value(0, spec), Value(1, spec)
    program = verify(
        Program(
            "swap",
            (Parameter(a, "state", "a"), Parameter(b, "state", "b")),
            (),
            ((a, b), (b, a)),
            (),
        )
    )
    one, two = np.float32(1), np.float32(2)
    state, _ = interpret(program, NUMPY, {"a": np.array(one), "b": np.array(two)}, {})
    assert (float(state["a"]), float(state["b"])) == (2.0, 1.0)
    assert parse_program(format_program(program)) == program


def test_a_value_may_be_used_again_after_its_last_instruction():
    spec = Spec((2,), F32)
    x, y = Value(0, spec), Value(1, spec)
    program = Program(
        "twice",
        (Parameter(x, "input", "x"),),
        (Instruction(y, "add", (x, x), ()),),
        (),
        (("x", x), ("y", y)),
    )
    _, outputs = interpret(verify(program), NUMPY, {}, {"x": np.ones(2, np.float32)})
    assert outputs["x"].tolist() == [1.0, 1.0]
    assert outputs["y"].tolist() == [2.0, 2.0]


@pytest.mark.parametrize(
    "name", ["layers.0.kernel", 'a "quoted" name', "it's", "line\nbreak", "back\\slash", "größe"]
)
def test_any_name_survives_print_and_parse(name):
    trace = TraceBackend()
    symbol = trace.parameter(Spec((2,), np.dtype("float32")), "state", name)
    program = trace.finish("named", [], [("same", symbol)])
    text = format_program(program)
    assert text.count("\n") == 3
    assert parse_program(text) == program


factor = 2.0
FACTOR = 2.0
settings = {"factor": 2.0}


def scaled_by_a_helper(x):
    return x * factor


def holder():
    class Holder:
        factor = 2.0

        def rule(self, xp, x):
            return xp.tanh(x * self.factor)

    return Holder()


IMPURE = {
    "a global number": lambda xp, x: xp.tanh(x * factor),
    "a global dictionary": lambda xp, x: xp.tanh(x * settings["factor"]),
    "a helper that reads a global": lambda xp, x: xp.tanh(scaled_by_a_helper(x)),
    "a method": holder().rule,
    "an object in a closure": (lambda held: lambda xp, x: xp.tanh(x * held.factor))(holder()),
    "a list in a closure": (lambda held: lambda xp, x: xp.tanh(x * held[0]))([2.0]),
}


@pytest.mark.parametrize("rule", IMPURE.values(), ids=IMPURE)
def test_a_rule_that_reads_what_may_change_gets_no_kernel(rule):
    """Its number would be frozen into the program."""
    numba = pytest.importorskip("backends.numba", reason="the extra gradloom[cpu] is not installed")
    kernels = pytest.importorskip("backends.numba.kernels", reason="the extra gradloom[cpu] is not installed")
    assert kernels.source_of(rule, [Spec((10,), np.dtype("float32"))], {}) is None
    x = np.linspace(-1, 1, 50_000)
    np.testing.assert_array_equal(numba.NumbaBackend(fuse_from=0).run(rule, x), np.tanh(x * 2.0))


PURE = {
    "a constant": lambda xp, x: xp.tanh(x * FACTOR),
    "a module and a builtin": lambda xp, x: xp.tanh(x * math.pi * float(2)),
    "a number in a closure": (lambda held: lambda xp, x: xp.tanh(x * held))(2.0),
    "a default": lambda xp, x, held=2.0: xp.tanh(x * held),
}


@pytest.mark.parametrize("rule", PURE.values(), ids=PURE)
def test_a_rule_of_its_arguments_alone_gets_one(rule):
    kernels = pytest.importorskip("backends.numba.kernels", reason="the extra gradloom[cpu] is not installed")
    assert kernels.source_of(rule, [Spec((10,), np.dtype("float32"))], {}) is not None


def test_every_rule_of_the_library_is_pure():
    for op in OPS.values():
        assert all(map(is_pure, (op.forward, *op.vjp.values()))), op.name


OPERATORS = {
    name: getattr(operator, name)
    for name in ("add", "sub", "mul", "truediv", "pow", "eq", "ne", "lt", "le", "gt", "ge")
}


@pytest.mark.parametrize("name", OPERATORS)
def test_operators_of_symbols(name):
    """With a symbol or a number on either side, as NumPy's."""
    function, x = OPERATORS[name], np.array([0.5, 2.0, 3.0])
    y = np.array([3.0, 2.0, 0.5])
    for left, right in (("x", "y"), ("x", 2.0), (2.0, "x"), (3, "x"), ("y", 3)):
        trace = TraceBackend()
        symbols = {n: trace.parameter(Spec((3,), np.dtype("float64")), "input", n) for n in "xy"}
        a, b = (symbols.get(side, side) for side in (left, right))
        program = trace.finish("rule", [], [("z", function(a, b))])
        _, outputs = interpret(program, NUMPY, {}, {"x": x, "y": y})
        arrays = {"x": x, "y": y}
        expected = function(arrays.get(left, left), arrays.get(right, right))
        np.testing.assert_array_equal(outputs["z"], expected)


def test_the_difference_that_reports_tell():
    """Relative to the largest number; infinite where one of two is NaN or infinite."""
    nan, inf = float("nan"), float("inf")
    for a, b, expected in (
        ([1.0, 4.0], [1.0, 5.0], 0.2), ([0.25], [0.5], 0.5), ([nan, 1.0], [nan, 1.0], 0.0), ([inf, -inf], [inf, -inf], 0.0),
        ([nan, 1.0], [0.0, 1.0], inf), ([0.0], [nan], inf), ([inf], [1.0], inf), ([inf], [-inf], inf), ([], [], 0.0),
    ):  # fmt: skip
        assert difference(np.array(a), np.array(b)) == expected, (a, b)
    assert difference(np.array([True, False]), np.array([True, True])) > 0
    assert difference(np.array([3]), np.array([3])) == 0


SCOPES = [
    "layers.0 Dense",
    "layers.0 Dense grad",
    "loss",
    "a  # b",
    "line\nbreak",
    "größe",
    'a "quoted" one',
]


def scoped(program, scopes):
    """The program with these scopes, one after the other."""
    given = zip(program.instructions, scopes, strict=False)
    return program._replace(instructions=tuple(i._replace(scope=s) for i, s in given))


@pytest.mark.parametrize("first", range(len(SCOPES) - 2))
def test_scopes_stand_in_the_text_where_they_are_asked_for(first):
    program = scoped(small(), SCOPES[first : first + 3])
    assert format_program(program) == TEXT
    text = format_program(program, scopes=True)
    assert len(text.splitlines()) == len(TEXT.splitlines())
    again = parse_program(text)
    assert again == program
    assert [i.scope for i in again.instructions] == SCOPES[first : first + 3]
    assert format_program(again, scopes=True) == text


def test_an_instruction_without_a_scope_has_none_in_the_text():
    text = format_program(scoped(small(), ["", "loss", ""]), scopes=True)
    assert [line.partition("  # ")[2] for line in text.splitlines()[3:6]] == ["", "loss", ""]
    assert [i.scope for i in parse_program(text).instructions] == ["", "loss", ""]


def test_a_scope_is_no_part_of_what_an_instruction_is():
    first, second = (scoped(small(), [name] * 3) for name in ("layers.0 Dense", "layers.1 Dense"))
    assert first == second
    assert hash(first.instructions[0]) == hash(second.instructions[0])
    assert len(first.instructions[0]) == 4


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, lambda i: pickle.loads(pickle.dumps(i))])
def test_a_scope_goes_along(copied):
    instruction = small().instructions[0]._replace(scope="loss")
    assert copied(instruction) == instruction
    assert copied(instruction).scope == "loss"
    assert instruction._replace(primitive="add").scope == "loss"
    assert instruction._replace(scope="loss grad").scope == "loss grad"
    assert instruction.scope == "loss"


def test_a_trace_gives_the_scope_of_now():
    trace = TraceBackend()
    x = trace.parameter(Spec((2,), F32), "input", "x")
    trace.scope = "layers.0 Dense"
    y = x + 1.0
    trace.scope = "loss"
    program = trace.finish("two", [], [("y", y * x)])
    assert [i.scope for i in program.instructions] == ["layers.0 Dense", "loss"]
