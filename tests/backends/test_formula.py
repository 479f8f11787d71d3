"""Formulas: short where the rule is, and always what the program computes, read back by Python itself."""

from __future__ import annotations

import numpy as np
import pytest
from grouping import by, grouped

import backends
from autograd.ops import OPS
from autograd.testing import samples
from autograd.testing.rules import rule_positions, run_forward, run_rule, trace_rule
from backends.primitives import PRIMITIVES
from backends.program import parse_program
from backends.program.formula import format_formula

NUMPY = backends.get("numpy")


def program(*lines, inputs="gxy", shape=(3,)):
    """A program of the given instructions on inputs of one shape; the last one is its result."""
    kind = f"float64[{', '.join(map(str, shape))}]"
    head = [f'%{i}: {kind} = input "{name}"' for i, name in enumerate(inputs)]
    body = [line if ":" in line else line.replace(" =", f": {kind} =", 1) for line in lines]
    last = body[-1].split(":")[0] if body else "%0"
    return parse_program("\n".join(["program p", *head, *body, f"return r={last}"]))


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ([], "g"),
        (["%3 = multiply(%2, %2)", "%4 = subtract(1, %3)", "%5 = multiply(%0, %4)"], "g * (1 - y * y)"),
        (["%3 = add(%0, %1)", "%4 = add(%3, %2)"], "g + x + y"),
        (["%3 = add(%0, %1)", "%4 = add(%2, %3)"], "y + (g + x)"),
        (["%3 = subtract(%0, %1)", "%4 = subtract(%2, %3)"], "y - (g - x)"),
        (["%3 = divide(%0, %1)", "%4 = multiply(%3, %2)"], "g / x * y"),
        (["%3 = multiply(%0, %1)", "%4 = divide(%2, %3)"], "y / (g * x)"),
        (["%3 = negative(%0)", "%4 = multiply(%3, %1)"], "-g * x"),
        (["%3 = multiply(%0, %1)", "%4 = negative(%3)"], "-(g * x)"),
        (["%3 = negative(%0)", "%4 = negative(%3)"], "--g"),
        (["%3 = subtract(%0, -2.0)"], "g - -2"),
        (["%3 = negative(%1)", "%4 = power(%3, 2)"], "(-x) ** 2"),
        (["%3 = power(%1, 2)", "%4 = negative(%3)"], "-x ** 2"),
        (["%3 = power(%1, %2)", "%4 = power(%0, %3)"], "g ** x ** y"),
        (["%3 = power(%1, %2)", "%4 = power(%3, %0)"], "(x ** y) ** g"),
        (["%3 = power(%1, -0.5)"], "x ** -0.5"),
        (["%3: bool[3] = greater(%1, 0)", "%4 = where(%3, %0, 0.0)"], "where(x > 0, g, 0)"),
        (["%3: bool[3] = less(%1, %2)", "%4: bool[3] = equal(%3, True)"], "(x < y) == True"),
        (["%3: bool[3] = less(%1, %2)", "%4: bool[3] = equal(True, %3)"], "True == (x < y)"),
        (["%3: float64[] = sum(%0, axis=(0,), keepdims=False)"], "sum(g, axis=0)"),
        (["%3: float64[1] = sum(%0, axis=(0,), keepdims=True)"], "sum(g, axis=0, keepdims=True)"),
        (["%3 = getitem(%0, key=(slice(None, None, -1),))"], "g[::-1]"),
        (["%3 = add(%0, %1)", "%4: float64[] = getitem(%3, key=(0,))"], "(g + x)[0]"),
        (["%3: float64[] = max(%0, axis=(0,), keepdims=False)", "%4 = broadcast_to(%3, shape=(3,))"], "broadcast_to(max(g, axis=0), g.shape)"),
    ],
)  # fmt: skip
def test_parentheses_stand_where_python_needs_them(lines, expected):
    assert format_formula(program(*lines)) == [expected]


def test_what_is_used_twice_has_a_name_unless_it_is_short():
    twice = ["%3 = exp(%1)", "%4 = negative(%3)", "%5 = multiply(%4, %4)", "%6 = add(%3, %5)"]
    assert format_formula(program(*twice)) == ["exp(x) + -exp(x) * -exp(x)"]
    longer = ["%3 = exp(%1)", "%4 = log1p(%3)", "%5 = multiply(%4, %4)"]
    assert format_formula(program(*longer)) == ["t1 = log1p(exp(x))", "t1 * t1"]


def test_long_lines_are_cut_by_naming_a_part():
    steps = ["%3 = sin(%1)"] + [f"%{i} = sin(%{i - 1})" for i in range(4, 12)]
    lines = format_formula(program(*steps), width=30)
    assert lines[-1].startswith("sin(")
    assert all(len(line) <= 30 + len("t1 = ") for line in lines)
    assert len(lines) == 2


def test_what_is_not_needed_is_not_printed():
    assert format_formula(program("%3 = exp(%1)", "%4 = sin(%0)")) == ["sin(g)"]


def test_shapes_are_named_after_the_parameters_asked_for():
    steps = [
        "%3: float64[] = sum(%0, axis=(0,), keepdims=False)",
        "%4 = broadcast_to(%3, shape=(3,))",
    ]
    assert format_formula(program(*steps), shapes_of=["x"])[0].endswith("x.shape)")
    assert format_formula(program(*steps, inputs=["g", "x", "y"]))[0].endswith("g.shape)")


class _Slices:
    """What `s_[...]` gives in a formula: the key."""

    def __getitem__(self, key):
        return key if isinstance(key, tuple) else (key,)


def by_name(primitive):
    """A primitive of NumPy's backend that takes its axes by position, as formulas write them."""

    def call(x, axes, **static):
        return getattr(NUMPY, primitive)(x, axes=axes, **static)

    return call


def evaluated(lines, parameters):
    """The formula, run by Python."""

    def index_add(values, at, shape):
        result = np.zeros(shape, values.dtype)
        np.add.at(result, at, values)
        return result

    def reduction(name):
        def reduce(x, axis, keepdims=False):
            axes = axis if isinstance(axis, tuple) else (axis,)
            return getattr(NUMPY, name)(x, axis=axes, keepdims=keepdims)

        return reduce

    names = {n: getattr(NUMPY, n) for n, row in PRIMITIVES.items() if row.kind == "elementwise"}
    names |= {n: reduction(n) for n, row in PRIMITIVES.items() if row.kind == "reduction"}
    names |= dict(
        s_=_Slices(),
        index_add=index_add,
        astype=lambda x, dtype: x.astype(dtype),
        reshape=lambda x, shape: np.reshape(x, shape),
        permute_dims=lambda x, axes: np.transpose(x, axes),
        broadcast_to=lambda x, shape: np.broadcast_to(x, shape),
        pad=lambda x, widths, value: np.pad(x, widths, constant_values=value),
        full=lambda shape, value, dtype: np.full(shape, value, dtype),
        arange=lambda start, stop, dtype: np.arange(start, stop, dtype=dtype),
        cumsum=np.cumsum,
        argsort=lambda x, axis: np.argsort(x, axis=axis, kind="stable"),
        float64=np.float64,
        inf=np.inf,
        int64=np.int64,
    )
    for name in PRIMITIVES:
        names.setdefault(name, by_name(name))
    lists = {}
    for name, value in parameters.items():
        base, bracket, _ = name.partition("[")
        if bracket:
            lists.setdefault(base, []).append(value)
        else:
            names[base] = value
    names |= lists
    for line in lines[:-1]:
        name, _, text = line.partition(" = ")
        names[name] = eval(text, {"__builtins__": {}}, names)
    return eval(lines[-1], {"__builtins__": {}}, names)


RULES = [(s, p) for op in OPS.values() for s in samples(op) for p in rule_positions(s)]


@grouped("case", by(RULES, lambda rule: rule[0].op.name[0]))
def test_the_formula_of_every_rule_computes_what_the_rule_does(case):
    sample, position = case
    rule = trace_rule(sample, position, fit=False)
    op = rule.op
    y = run_forward(op, rule.static, rule.inputs)
    g = np.random.default_rng(0).uniform(-1, 1, y.shape)
    expected = run_rule(rule.program, op, rule.inputs, y, g)
    lines = format_formula(rule.program, shapes_of=[op.parameter_name(position)])
    parameters = {op.parameter_name(i): x for i, x in enumerate(rule.inputs)}
    found = evaluated(lines, {**parameters, "g": g, "y": y})
    assert np.shape(found) == expected.shape
    assert np.array_equal(found, expected, equal_nan=True)


def test_a_program_that_returns_a_number():
    text = 'program p\n%0: float64[3] = input "g"\nreturn r=2.5\n'
    assert format_formula(parse_program(text)) == ["2.5"]
