"""The hazards of compiled steps: what may not be frozen, shared, overwritten or lost, on NumPy and as machine code.

A compiled step does what the function does: the same values, the same state, the same random numbers. Where it cannot,
it says so and leaves state as it was.
"""

from __future__ import annotations

import logging
import math
import os
import signal
import subprocess
import sys
import threading
import time
from collections import namedtuple
from functools import partial
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

import autograd as ag
import backends
import nn

pytestmark = pytest.mark.once
ROOT = Path(__file__).resolve().parent.parent.parent


@pytest.fixture(params=["numpy", "numba"], autouse=True)
def backend(request):
    if request.param not in backends.available():
        pytest.skip("numba is not installed")
    with backends.use(request.param):
        ag.random.seed(0)
        yield request.param


@pytest.fixture
def log(caplog):
    caplog.set_level(logging.INFO, "gradloom")
    return lambda: [r.getMessage() for r in caplog.records if r.name == "gradloom"]


def ones(n=2, dtype="float32"):
    return ag.ones(n, dtype)


def counter():
    """A tensor and a step that adds to it."""
    w = ag.zeros(2)

    @ag.jit(state=[w])
    def add(x):
        w.assign(w + x)

    return w, add


# what is captured without being declared
OUTSIDE = ag.tensor([1.0, 2.0])
RATE = 2.0
TABLE = {"rate": 2.0}


def test_an_undeclared_tensor_is_an_error_with_the_way_out():
    hidden = ones()
    for f in (lambda x: x * hidden, lambda x: x + OUTSIDE, lambda x: x + np.ones(2, np.float32), lambda x: hidden):  # fmt: skip
        jitted = ag.jit(f)
        for _ in range(2):
            with pytest.raises(ag.TraceError, match=r"undeclared.*state=|returns tensors"):
                jitted(ones())
        assert jitted.traces == 0
    assert hidden.backend == backends.default().name
    assert (hidden + 1).tolist() == [2.0, 2.0]


def test_a_tensor_of_an_earlier_trace_is_an_error():
    kept = []

    def leaks(x):
        kept.append(x)
        return x * 2

    ag.jit(leaks)(ones())
    with pytest.raises(ag.TraceError):
        ag.jit(lambda x: x + kept[0])(ones())


def test_a_number_in_a_closure_that_changes(log):
    rate = 2.0
    scaled = ag.jit(lambda x: x * rate, name="scaled")
    assert scaled(ones()).tolist() == [2.0, 2.0]
    rate = 3.0
    assert scaled(ones()).tolist() == [3.0, 3.0]
    rate = 2.0
    assert scaled(ones()).tolist() == [2.0, 2.0]
    assert scaled.traces == 2
    first, second = log()
    assert first == "scaled: trace 1 (the first)"
    assert "scaled: trace 2" in second
    assert "rate" in second
    assert "2.0" in second
    assert "3.0" in second


def test_a_global_number_that_changes(monkeypatch):
    scaled = ag.jit(lambda x: x * RATE)
    assert scaled(ones()).tolist() == [2.0, 2.0]
    monkeypatch.setitem(globals(), "RATE", 5.0)
    assert scaled(ones()).tolist() == [5.0, 5.0]


@pytest.mark.parametrize("values", [(1, True), (1, 1.0), (0.0, -0.0), (True, None), ("a", "b")], ids=str)  # fmt: skip
def test_values_that_are_equal_are_still_two(values):
    """Python says 1 == True == 1.0 and 0.0 == -0.0; a trace of one is wrong for the other."""
    value = values[0]

    def f(x):
        if value is None:
            return x * 7
        if value == "a":
            return x * 8
        if value == "b":
            return x * 9
        if isinstance(value, bool):
            return x + 10
        return ag.where(x > 0, math.copysign(1.0, value), 0.0) + (0 if isinstance(value, int) else 100)  # fmt: skip

    jitted = ag.jit(f)
    for value in (*values, *values):  # noqa: B007 - f reads it
        assert jitted(ones()).tolist() == f(ones()).tolist()
    assert jitted.traces == 2


def test_nan_in_a_closure_is_not_a_new_trace_each_time():
    bound = float("nan")
    f = ag.jit(lambda x: x * bound)
    for _ in range(3):
        assert np.isnan(f(ones()).numpy()).all()
    assert f.traces == 1


class Settings:
    rate = 2.0

    @property
    def doubled(self):
        return self.rate * 2

    def step(self, x):
        return x * self.rate


class Slotted:
    __slots__ = ("rate",)


def numbers_behind_something(monkeypatch=None):
    """(name, a function that reads a number, a function that changes it to 3)."""
    table, row, scalar, settings = {"rate": 2.0}, [2.0], np.float32(2.0), Settings()
    slotted, module, long, deep = (
        Slotted(),
        ModuleType("settings"),
        [2.0] * 100,
        [[[[[[{"rate": 2.0}]]]]]],
    )
    slotted.rate = module.rate = 2.0
    circle = {"rate": 2.0}
    circle["self"] = circle
    rate = 2.0

    def helper(x):
        return x * rate

    def set_rate():
        nonlocal rate
        rate = 3.0

    def set_scalar():
        nonlocal scalar
        scalar = np.float32(3.0)

    return {
        "dict": (lambda x: x * table["rate"], lambda: table.update(rate=3.0)),
        "list": (lambda x: x * row[0], lambda: row.__setitem__(0, 3.0)),
        "method": (settings.step, lambda: setattr(settings, "rate", 3.0)),
        "attribute": (lambda x: x * settings.rate, lambda: setattr(settings, "rate", 3.0)),
        "helper": (lambda x: helper(x), set_rate),
        "numpy scalar": (lambda x: x * scalar, set_scalar),
        "global dict": (lambda x: x * TABLE["rate"], None),
        "class": (lambda x: x * settings.rate, lambda: monkeypatch.setattr(Settings, "rate", 3.0)),
        "slots": (lambda x: x * slotted.rate, lambda: setattr(slotted, "rate", 3.0)),
        "module": (lambda x: x * module.rate, lambda: setattr(module, "rate", 3.0)),
        "long list": (lambda x: x * long[99], lambda: long.__setitem__(99, 3.0)),
        "deep": (
            lambda x: x * deep[0][0][0][0][0][0]["rate"],
            lambda: deep[0][0][0][0][0][0].update(rate=3.0),
        ),
        "itself": (lambda x: x * circle["rate"], lambda: circle.update(rate=3.0)),
        "property": (lambda x: x * settings.doubled / 2, lambda: setattr(settings, "rate", 3.0)),
    }


@pytest.mark.parametrize("kind", numbers_behind_something())
def test_a_number_behind_something_is_seen_or_refused(kind, monkeypatch):
    """Right values, or an error that says how to pass it; never the old number."""
    f, change = numbers_behind_something(monkeypatch)[kind]
    jitted = ag.jit(f)
    try:
        assert jitted(ones()).tolist() == [2.0, 2.0]
        if change is None:
            monkeypatch.setitem(TABLE, "rate", 3.0)
        else:
            change()
        assert jitted(ones()).tolist() == [3.0, 3.0]
    except ag.TraceError as error:
        assert "argument" in str(error)  # noqa: PT017


@pytest.mark.parametrize("kind", ["closure", "dict", "attribute"])
def test_a_number_that_the_step_itself_changes(kind):
    """Eager values, or an error that names it."""
    calls, table, settings = 0, {"calls": 0}, Settings()
    settings.rate = 0

    def step(x):
        nonlocal calls
        if kind == "closure":
            calls += 1
            return x * calls
        if kind == "dict":
            table["calls"] += 1
            return x * table["calls"]
        settings.rate += 1
        return x * settings.rate

    f = ag.jit(step)
    try:
        assert [f(ones()).tolist()[0] for _ in range(3)] == [1.0, 2.0, 3.0]
    except ag.TraceError as error:
        assert "change" in str(error)  # noqa: PT017


def test_functions_that_take_the_place_of_dead_ones():
    """An object may get the address of one that is gone; what a program was traced with must not be mistaken for it."""
    box = {}
    f = ag.jit(lambda x: box["f"](x))
    for n in range(2, 9):
        space = {}
        exec(f"def scaled(x): return x * {n}", space)
        box["f"] = space.pop("scaled")
        assert f(ones()).tolist() == [float(n)] * 2


def test_partial_and_nested_functions(log):
    def outer(rate, x):
        def inner(y):
            return y * rate * RATE

        return inner(x)

    f = ag.jit(partial(outer, 0.5))
    assert f(ones()).tolist() == [1.0, 1.0]
    assert f(ones()).tolist() == [1.0, 1.0]
    assert f.traces == 1


def test_many_traces_warn_once(log, caplog):
    power = ag.jit(lambda x, n: x**n, name="power")
    for n in range(2, 26):
        assert power(ag.full((), 2.0), n).item() == 2.0**n
    warnings = [r.getMessage() for r in caplog.records if r.levelno >= logging.WARNING]
    assert len(warnings) == 1
    assert "power has been traced 16 times" in warnings[0]
    assert "argument 1: 16 became 17" in warnings[0]
    assert "pass what changes as a tensor" in warnings[0]
    assert power.traces == 24
    assert power(ag.full((), 2.0), 2).item() == 4.0
    assert power.traces == 24


def test_floats_are_inputs_and_integers_choose_the_program():
    f = ag.jit(lambda x, rate, n: x * rate + n)
    for rate in (0.5, 1.5, -2.0):
        assert f(ones(), rate, 3).tolist() == [rate + 3] * 2
    assert f.traces == 1
    assert f(ones(), 0.5, 4).tolist() == [4.5, 4.5]
    assert f.traces == 2


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_a_float_argument_takes_the_precision_of_what_it_meets(dtype):
    def f(x, rate):
        return x * rate

    x = ag.tensor(np.array([1.0, 2.0, 3.0], dtype))
    got, expected = ag.jit(f)(x, 0.1), f(x, 0.1)
    assert got.dtype == expected.dtype
    np.testing.assert_array_equal(got.numpy(), expected.numpy())


def test_keyword_arguments():
    f = ag.jit(lambda x, rate=2.0: x * rate)
    assert f(ones()).tolist() == [2.0, 2.0]
    assert f(ones(), rate=3.0).tolist() == [3.0, 3.0]
    assert f(x=ones(), rate=4.0).tolist() == [4.0, 4.0]


def test_arguments_without_a_hash_are_no_riddle():
    """A value, or an error of ours that says which argument it was."""
    for part in (slice(0, 2), {1, 2}):
        f = ag.jit(lambda x, p: x[p] if isinstance(p, slice) else x[: len(p)])
        try:
            assert f(ones(5), part).tolist() == [1.0, 1.0]
        except ag.TraceError as error:
            assert "argument" in str(error)  # noqa: PT017


def test_a_method():
    class Scale:
        def __init__(self, rate):
            self.rate = rate

        @ag.jit
        def apply(self, x):
            return x * self.rate

    two, three = Scale(2.0), Scale(3.0)
    assert two.apply(ones()).tolist() == [2.0, 2.0]
    assert three.apply(ones()).tolist() == [3.0, 3.0]
    assert two.apply(ones()).tolist() == [2.0, 2.0]


# random numbers
@pytest.mark.parametrize(
    "draw",
    [
        lambda x: ag.dropout(x, 0.5),
        lambda x: x + ag.random.normal(64),
        lambda x: x + ag.random.uniform((64,), dtype="float64").to("float32"),
        lambda x: x * ag.random.bernoulli(64, 0.3).to("float32") + ag.dropout(x, 0.2),
        lambda x: x[ag.random.permutation(64)] * ag.arange(64),
    ],
    ids=["dropout", "normal", "uniform", "two draws", "permutation"],
)
def test_draws_are_new_each_time_and_those_of_eager(draw, backend):
    x = ag.arange(64).to("float32") + 1.0
    ag.random.seed(5)
    expected = [draw(x).numpy() for _ in range(3)]
    after = ag.random.uniform(2).tolist()
    ag.random.seed(5)
    jitted = ag.jit(draw)
    got = [jitted(x).numpy() for _ in range(3)]
    assert ag.random.uniform(2).tolist() == after
    for mine, theirs in zip(got, expected, strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=0 if backend == "numpy" else 1e-5, atol=1e-6)
    assert len({a.tobytes() for a in got}) == 3
    ag.random.seed(5)
    assert jitted(x).numpy().tobytes() == got[0].tobytes()
    assert jitted.traces == 1


@pytest.mark.parametrize("shape", [(), (1,), (1, 1), (2,)], ids=str)
def test_two_draws_of_one_number(shape):
    """The second needs the counter that follows the first: no loop may hold both."""
    draws = {
        "uniform": lambda x: x + ag.random.uniform(shape) * ag.random.uniform(shape),
        "bernoulli": lambda x: x + ag.random.bernoulli(shape).to("float32") * 2 + ag.random.bernoulli(shape).to("float32"),
        "dropout": lambda x: ag.dropout(ag.dropout(x + 1.0, 0.3), 0.3),
        "mixed": lambda x: x * ag.random.uniform(shape) + ag.random.normal(shape) - ag.dropout(x + 1.0, 0.5) * ag.random.uniform(shape),
    }  # fmt: skip
    x = ag.zeros(shape)
    for name, draw in draws.items():
        ag.random.seed(3)
        expected = [draw(x).numpy() for _ in range(4)]
        ag.random.seed(3)
        f = ag.jit(draw)
        for theirs in expected:
            np.testing.assert_allclose(f(x).numpy(), theirs, 1e-5, 1e-6, err_msg=name)


def test_a_generator_of_the_users_own_is_state():
    mine = ag.random.Generator(3)
    f = ag.jit(lambda x: x + ag.random.uniform(2, key=mine), state=[mine.key, mine.counter])
    got = [f(ag.zeros(2)).tolist() for _ in range(2)]
    again = ag.random.Generator(3)
    assert got == [ag.random.uniform(2, key=again).tolist() for _ in range(2)]
    with pytest.raises(ag.TraceError, match="state="):
        ag.jit(lambda x: x + ag.random.uniform(2, key=ag.random.default_generator() and again))(ones())  # fmt: skip


def test_preparing_draws_nothing():
    f = ag.jit(lambda x: ag.dropout(x, 0.5))
    ag.random.seed(1)
    f.prepare(ones(64))
    first = f(ones(64)).tolist()
    ag.random.seed(1)
    assert first == ag.dropout(ones(64), 0.5).tolist()


# what needs a value
def test_what_needs_a_value_is_an_error_with_the_way_out():
    cases = [
        (lambda x: x if x.sum() > 0 else -x, r"where\(condition, a, b\)|need a value"),
        (lambda x: x * x.sum().item(), r"item\(\) and numpy\(\) need a value"),
        (lambda x: x * x.numpy(), "need a value"),
        (lambda x: x * np.asarray(x), "need a value|no values yet"),
        (lambda x: x * float(x.sum()), "need a value|no values yet"),
        (lambda x: x[x > 0], "where"),
        (lambda x: 3.0, "returns tensors"),
        (lambda x: x * len(x.tolist()), "need a value"),
    ]
    for f, message in cases:
        jitted = ag.jit(f)
        with pytest.raises(ag.TraceError, match=message):
            jitted(ones())
        assert jitted.traces == 0


def test_a_float_argument_that_decides_is_an_error():
    with pytest.raises(ag.TraceError):
        ag.jit(lambda x, rate: x if rate > 0 else -x)(ones(), 1.0)


def test_printing_inside_does_no_harm(capsys):
    def f(x):
        print("x is", x)
        return x + 1

    jitted = ag.jit(f)
    assert jitted(ones()).tolist() == jitted(ones()).tolist() == [2.0, 2.0]
    assert capsys.readouterr().out.count("x is") == 1


# arguments
Pair = namedtuple("Pair", "a b")


def test_shapes_dtypes_and_structures():
    def f(tree):
        leaves = tree["list"]
        total = sum((leaf * 2 for leaf in leaves), start=tree["pair"].a)
        return {"total": total, "none": None, "pair": Pair(tree["pair"].b, (total, [total + 1]))}

    jitted = ag.jit(f)
    seen = set()
    for n, count, dtype in [(2, 1, "float32"), (3, 1, "float32"), (2, 2, "float32"), (2, 1, "float64"), (0, 1, "float32"), (2, 1, "int32")]:  # fmt: skip
        for second in (None, ones(n, dtype)):
            tree = {"pair": Pair(ones(n, dtype), second), "list": [ones(n, dtype)] * count}
            for _ in range(2):
                got, expected = jitted(tree), f(tree)
                assert list(got) == ["total", "none", "pair"]
                assert got["none"] is None
                assert type(got["pair"]) is Pair
                assert (got["pair"].a is None) == (second is None)
                assert got["total"].dtype == expected["total"].dtype
                assert got["total"].tolist() == expected["total"].tolist()
                assert got["pair"].b[1][0].tolist() == expected["pair"].b[1][0].tolist()
            seen.add((n, count, dtype, second is None))
    assert jitted.traces == len(seen)


def test_none_and_a_tensor_in_other_places_are_other_programs():
    f = ag.jit(lambda a, b: (0 if a is None else a) + (0 if b is None else b * 2))
    assert f(ones(), None).tolist() == [1.0, 1.0]
    assert f(None, ones()).tolist() == [2.0, 2.0]
    assert f(ones(), ones()).tolist() == [3.0, 3.0]
    f = ag.jit(lambda t: t["a"] * 2 if "a" in t else t["b"])
    assert f({"a": ones()}).tolist() == [2.0, 2.0]
    assert f({"b": ones()}).tolist() == [1.0, 1.0]
    g = ag.jit(lambda t: t[0] * 2 if isinstance(t, tuple) else t[0])
    assert g((ones(),)).tolist() == [2.0, 2.0]
    assert g([ones()]).tolist() == [1.0, 1.0]


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "int8", "int64", "uint8", "uint64", "bool"])  # fmt: skip
@pytest.mark.parametrize("shape", [(), (1,), (0,), (0, 3), (5, 0), (7,), (3, 1, 4)], ids=str)
def test_dtypes_and_shapes(dtype, shape):
    draw = np.random.default_rng(0)
    a, b = (ag.tensor((draw.integers(0, 2, shape) + (dtype != "bool")).astype(dtype)) for _ in range(2))  # fmt: skip

    def f(a, b):
        if dtype == "bool":
            return [a & b, ~a, a.any(), ag.where(a, b, a)]
        results = [a + b, a * b - a, a.sum(), ag.maximum(a, b), (a > b), a.to("float32") / 2, ag.concat([a.reshape(-1), b.reshape(-1)])]  # fmt: skip
        return results if 0 in shape else [*results, a.max()]

    for got, expected in zip(ag.jit(f)(a, b), f(a, b), strict=True):
        assert (got.shape, got.dtype) == (expected.shape, expected.dtype)
        np.testing.assert_allclose(got.numpy(), expected.numpy(), rtol=1e-3 if dtype == "float16" else 1e-6)  # fmt: skip


def test_float16_is_compiled(caplog):
    c = ag.ones(3, dtype="float16")

    @ag.jit(state=[c])
    def step(x, rate):
        c.assign(c * rate + 1)
        return c * x, c.sum(), c > rate

    assert step(c, 2.0)[0].tolist() == [3.0] * 3
    assert step(ones(3, "float16"), 0.5)[1].item() == 7.5
    assert [r.getMessage() for r in caplog.records if r.levelno >= logging.WARNING] == []


def test_inputs_of_every_make():
    f = ag.jit(lambda x: x * 2 + x.sum())
    values = np.arange(12, dtype=np.float32).reshape(3, 4)
    locked = values.copy()
    locked.flags.writeable = False
    base = np.zeros((3, 8), np.float32)
    base[:, ::2] = values
    expected = values * 2 + values.sum()
    wide = ag.tensor(base)
    for x in (
        values, locked, np.asfortranarray(values), base[:, ::2], values[::-1][::-1], ag.tensor(values), ag.tensor(locked),
        ag.tensor(values.T.copy()).T, wide[:, ::2], ag.broadcast_to(ag.tensor(values), (2, 3, 4))[1],
    ):  # fmt: skip
        np.testing.assert_allclose(f(x).numpy(), expected, rtol=1e-6)
    assert f.traces == 1
    assert locked.sum() == values.sum()
    row = ag.broadcast_to(ag.tensor([1.0, 2.0]), (3, 2))
    assert ag.jit(lambda x: x + 1)(row).tolist() == [[2.0, 3.0]] * 3
    assert ag.jit(lambda x: x + 1)(np.float64(0.1)).item() == 1.1
    assert ag.jit(lambda x: x + 1)(np.int32(4)).item() == 5


def test_products_of_nothing(caplog):
    """Sums of no terms are 0, and products without rows or columns are empty; compiled like all others."""

    def f(a, b):
        y = a @ b
        return (
            y,
            (y * 2 + 1).sum(axis=0),
            ag.grad(lambda a, b: ((a @ b) ** 2).sum(), argnums=(0, 1))(a, b),
        )

    for m, k, n in [(3, 0, 2), (0, 3, 2), (3, 2, 0), (0, 0, 0), (1, 0, 1), (0, 1, 1)]:
        a, b = ag.ones((m, k)), ag.ones((k, n))
        (y, total, (ga, gb)), (ey, etotal, (ea, eb)) = ag.jit(f)(a, b), f(a, b)
        for got, expected in ((y, ey), (total, etotal), (ga, ea), (gb, eb)):
            assert got.shape == expected.shape
            assert got.tolist() == expected.tolist()
    assert [r.getMessage() for r in caplog.records if r.levelno >= logging.WARNING] == []


def test_a_leaf_beside_a_product(caplog):
    """What has no operands (`arange`, `full`) may stand in the loops that follow a product."""
    labels = ag.tensor([0, 0])

    def f(x, w, labels):
        y = x @ w
        return (
            ag.softmax_cross_entropy(y, labels),
            ag.grad(lambda w: ag.softmax_cross_entropy(x @ w, labels).mean())(w),
            ag.where(y > ag.arange(y.shape[1]), y, ag.full(y.shape, 7.0)),
        )

    for classes in (1, 2, 17):
        x, w = ag.random.normal((2, 5)), ag.random.normal((5, classes))
        for got, expected in zip(ag.jit(f)(x, w, labels), f(x, w, labels), strict=True):
            np.testing.assert_allclose(got.numpy(), expected.numpy(), 1e-4, 1e-5)
    assert [r.getMessage() for r in caplog.records if r.levelno >= logging.WARNING] == []


def weak_floats(x, rate):
    """Every way in which a number may meet a tensor, or nothing but numbers."""
    w = ag.full((3,), 1.5, x.dtype) if x.dtype.kind == "f" else ag.full((3,), 2, x.dtype)
    return [
        x * rate, rate * x, x + rate, rate - x, x / rate, rate / (x + 3.0), x**rate, ag.maximum(x, rate), ag.where(x > rate, x, rate),
        x * rate * rate, x * (rate * 2.0), x * (1.0 - rate), x * (rate**2), ag.concat([x, w * rate]), ag.clip(x, 0.0, 1.0) * rate,
        x > rate, (x * 0.0 + rate).sum(), ag.exp(x * -rate), x * rate + w, ag.arange(3) * rate, ag.arange(3) + rate,
    ]  # fmt: skip


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "int32"])
def test_floats_meet_tensors_as_in_eager(dtype, backend):
    x = ag.tensor(np.array([1, 2, 3], dtype))
    jitted = ag.jit(weak_floats)
    for rate in (0.1, 2.5, 0.1):
        for i, (got, expected) in enumerate(zip(jitted(x, rate), weak_floats(x, rate), strict=True)):  # fmt: skip
            assert (got.dtype, got.shape) == (expected.dtype, expected.shape), i
            tolerance = {"float16": 2e-3, "float32": 1e-6, "float64": 1e-14}.get(
                str(expected.dtype), 0
            )
            np.testing.assert_allclose(got.numpy(), expected.numpy(), tolerance, err_msg=str(i))
    assert jitted.traces == 1


@pytest.mark.parametrize("value", [float("inf"), float("nan"), -0.0, 1e300, 5e-324, 1e-45], ids=str)
def test_floats_of_all_sizes(value, backend):
    """What is smaller than a normal number may become 0 in machine code."""

    def f(x, rate):
        return x * rate, rate / x

    with np.errstate(all="ignore"):
        for dtype in ("float32", "float64"):
            x = ones(2, dtype)
            for got, expected in zip(ag.jit(f)(x, value), f(x, value), strict=True):
                smallest = np.finfo(got.dtype).tiny if backend == "numba" else 0.0
                np.testing.assert_allclose(got.numpy(), expected.numpy(), 0, smallest)
                np.testing.assert_array_equal(np.signbit(got.numpy()), np.signbit(expected.numpy()))


def test_floats_alone_and_as_state():
    """What is made of numbers alone has float32, as `ag.tensor` of them has; a state keeps its dtype."""
    w = ag.zeros((), "float64")

    @ag.jit(state=[w])
    def step(rate, other):
        w.assign(rate)
        return rate * other, rate

    product, rate = step(0.1, 3.0)
    assert w.item() in (0.1, float(np.float32(0.1)))
    assert rate.item() == pytest.approx(0.1)
    assert product.item() == pytest.approx(0.3)
    assert step(0.2, 3.0)[0].item() == pytest.approx(0.6)
    assert step.traces == 1
    grads = ag.jit(lambda x, r: ag.grad(lambda v: (v * r).sum())(x))(ones(2, "float64"), 0.1)
    assert grads.tolist() == [0.1, 0.1]


def test_inputs_of_foreign_byte_order():
    values = np.arange(3, dtype=">f4")
    assert ag.jit(lambda x: x * 2)(values).tolist() == [0.0, 2.0, 4.0]
    assert ag.jit(lambda x: x * 2)(np.frombuffer(b"\0" + np.arange(3, dtype="f4").tobytes(), "f4", offset=1)).tolist() == [0.0, 2.0, 4.0]  # fmt: skip
    with pytest.raises(ag.DTypeError):
        ag.jit(lambda x: x * 2)(np.array([1j]))


def test_dicts_with_numbers_as_keys_and_a_hundred_arguments():
    f = ag.jit(lambda d: d[1] + d[2] * 2)
    assert f({2: ones(), 1: ones()}).tolist() == [3.0, 3.0]
    many = ag.jit(lambda *xs: sum(xs[1:], start=xs[0]))
    assert many(*[ones()] * 100).tolist() == [100.0, 100.0]


def test_more_programs_than_are_kept(backend):
    """Old ones are made again; the state that they share is the same for all."""
    total = ag.zeros(())

    @ag.jit(state=[total])
    def add(x, n):
        total.assign(total + x.sum() * n)

    for _ in range(2):
        for n in range(70 if backend == "numpy" else 5):
            add(ones(1), n)
    assert total.item() == (4830.0 if backend == "numpy" else 20.0)


def test_large_arrays():
    x = ag.tensor(np.random.default_rng(0).standard_normal((1200, 700)).astype(np.float32))

    def f(x):
        y = ag.tanh(x) * 2
        return y, y.sum(axis=0), (x @ x.T).max(), y.argmax(axis=1)

    for got, expected in zip(ag.jit(f)(x), f(x), strict=True):
        np.testing.assert_allclose(got.numpy(), expected.numpy(), rtol=2e-5, atol=2e-4)


def test_not_a_number_and_infinity_survive():
    x = ag.tensor([float("nan"), float("inf"), -float("inf"), 0.0])

    def f(x):
        return (
            x * 0.0,
            x - x,
            1.0 / x,
            ag.exp(x),
            x.sum(),
            ag.maximum(x, 0.0),
            x > 1.0,
            ag.softmax(x),
        )

    with np.errstate(all="ignore"):
        for got, expected in zip(ag.jit(f)(x), f(x), strict=True):
            np.testing.assert_array_equal(got.numpy(), expected.numpy())


# results
def test_results_are_new_arrays():
    w = ag.zeros(2)

    @ag.jit(state=[w])
    def step(x):
        w.assign(w + x)
        y = w * 2
        return y, y, y.reshape(2, 1), w, x

    x = ones()
    first = step(x)
    second = step(x)
    assert [t.tolist() for t in first] == [[2.0, 2.0], [2.0, 2.0], [[2.0], [2.0]], [1.0, 1.0], [1.0, 1.0]]  # fmt: skip
    assert second[0].tolist() == [4.0, 4.0]
    arrays = [t.data for t in (*first, *second, w, x)]
    for i, a in enumerate(arrays):
        for b in arrays[:i]:
            assert not np.shares_memory(a, b)
    second[3].assign(ag.full(2, 9.0))
    assert w.tolist() == [2.0, 2.0]


def test_a_returned_constant_and_nothing():
    assert ag.jit(lambda x: None)(ones()) is None
    assert ag.jit(lambda x: [])(ones()) == []
    assert ag.jit(lambda x: x * 0 + 3)(ones()).tolist() == [3.0, 3.0]
    assert ag.jit(lambda x: ag.zeros(3))(ones()).tolist() == [0.0] * 3
    assert ag.jit(lambda x: ag.arange(3))(ones()).tolist() == [0, 1, 2]


# state
def hand_out(w):
    """What users keep of a tensor, and how to read it."""
    flat = w.data
    return {
        "detach": (w.detach(), lambda t: t.tolist()),
        "data": (flat, lambda a: a.tolist()),
        "asarray": (np.asarray(w), lambda a: a.tolist()),
        "numpy": (w.numpy(), lambda a: a.tolist()),
        "view": (np.asarray(w)[1:], lambda a: [a.base[0].item() if a.base is not None else None, *a.tolist()]),
        "tensor view": (w.detach()[:2], lambda t: t.tolist()),
        "transposed": (w.detach().T, lambda t: t.tolist()),
        "from_dlpack": (np.from_dlpack(w), lambda a: a.tolist()),
        "memoryview": (memoryview(np.asarray(w)), lambda m: m.tolist()),
        "assigned": (ag.zeros(2).assign(w), lambda t: t.tolist()),
        "iterator": (iter(np.asarray(w)), lambda i: [x.item() for x in i]),
        "two names": ([w.detach()] * 2, lambda p: p[0].tolist()),
    }  # fmt: skip


@pytest.mark.parametrize("kind", hand_out(ag.zeros(2, backend="numpy")))
def test_what_was_handed_out_keeps_its_values(kind):
    w, add = counter()
    add(ones())
    kept, read = hand_out(w)[kind]
    for _ in range(3):
        add(ones())
    assert read(kept) == [1.0, 1.0]
    assert w.tolist() == [4.0, 4.0]


def test_a_view_of_a_view_and_a_capsule():
    w, add = counter()
    capsule = w.__dlpack__()
    view = np.asarray(w).reshape(2, 1).T[:, 1:]
    add(ones())
    add(ones())
    assert view.tolist() == [[0.0]]
    del capsule
    assert w.tolist() == [2.0, 2.0]


def test_state_that_nobody_holds_stays_where_it_is():
    w, add = counter()
    add(ones())
    where = w.data.ctypes.data
    for _ in range(3):
        add(ones())
    assert w.data.ctypes.data == where


def test_donated_state_is_written_where_it_lies():
    w = ag.zeros(2)

    @ag.jit(state=[w], donate=True)
    def add(x):
        w.assign(w + x)

    kept = w.data
    for _ in range(3):
        add(ones())
    assert w.data is kept
    assert kept.tolist() == [3.0, 3.0]


def test_a_view_as_state_leaves_its_base_alone():
    base = ag.zeros((2, 3))
    w = base[0]

    @ag.jit(state=[w])
    def add(x):
        w.assign(w + x)

    for _ in range(2):
        add(ones(3))
    assert w.tolist() == [2.0] * 3
    assert base.tolist() == [[0.0] * 3] * 2
    tall = ag.tensor(np.arange(6.0)).reshape(2, 3).T
    read = ag.jit(lambda: tall * 1, state=[tall])
    assert read().tolist() == tall.tolist()


def test_two_tensors_of_one_array():
    a = ag.zeros(2)
    b = a.detach()

    @ag.jit(state={"a": a, "b": b})
    def step(x):
        a.assign(a + x)
        b.assign(b + a)

    step(ones())
    step(ones())
    assert (a.tolist(), b.tolist()) == ([2.0, 2.0], [3.0, 3.0])


def test_a_step_sees_what_another_step_wrote():
    """Whoever holds an array makes the writer move the state; readers must follow."""
    w = ag.ones(3)
    read = ag.jit(lambda x: (w * x).sum(), state=[w])

    @ag.jit(state=[w])
    def grow():
        w.assign(w + 1)

    x, got, kept = ones(3), [], []
    for turn in range(6):
        got += [read(x).item(), read(x).item()]
        if turn % 2:
            kept.append(w.data)
        grow()
    assert got == [3.0, 3.0, 6.0, 6.0, 9.0, 9.0, 12.0, 12.0, 15.0, 15.0, 18.0, 18.0]
    assert [a.tolist() for a in kept] == [[2.0] * 3, [4.0] * 3, [6.0] * 3]


def test_every_way_to_change_state_between_calls_is_seen():
    w = ag.ones(2)
    read = ag.jit(lambda x: w * x, state=[w])

    def check(value):
        assert read(ones()).tolist() == [value, value]
        assert read(ones()).tolist() == [value, value]

    check(1.0)
    w.assign(ag.full(2, 2.0))
    check(2.0)
    w.data = np.full(2, 3.0, np.float32)
    check(3.0)
    w.data[...] = 4.0
    check(4.0)
    w.assign(ag.full(4, 5.0)[::2])
    check(5.0)
    w.requires_grad = True
    check(5.0)
    w.assign(6.0 * ones())
    check(6.0)


def test_swapped_rotated_and_assigned_twice():
    a, b, c = ag.zeros(3), ag.ones(3), ag.full(3, 2.0)

    @ag.jit(state=[a, b, c])
    def rotate(x):
        old = a.detach()
        a.assign(b)
        b.assign(c)
        c.assign(old)
        a.assign(a + x)
        return a, old

    now, old = rotate(ag.zeros(3))
    assert (now.tolist(), old.tolist()) == ([1.0] * 3, [0.0] * 3)
    assert [t.tolist()[0] for t in (a, b, c)] == [1.0, 2.0, 0.0]
    rotate(ones(3))
    assert [t.tolist()[0] for t in (a, b, c)] == [3.0, 0.0, 1.0]
    assert not any(np.shares_memory(p.data, q.data) for p, q in ((a, b), (b, c), (a, c)))


def test_state_assigned_an_argument_a_view_or_itself():
    w, v = ag.zeros((2, 2)), ag.ones((2, 2))

    @ag.jit(state=[w, v])
    def step(x):
        w.assign(x)
        v.assign(v.T)
        return w, x

    x = ag.tensor([[1.0, 2.0], [3.0, 4.0]])
    v.assign(x + 0)
    result, _ = step(x)
    assert w.tolist() == x.tolist() == result.tolist()
    assert v.tolist() == [[1.0, 3.0], [2.0, 4.0]]
    assert not np.shares_memory(w.data, x.data)
    step(x)
    assert v.tolist() == x.tolist()
    step(w)
    step(v + 0)
    assert w.tolist() == x.T.tolist()
    assert x.tolist() == [[1.0, 2.0], [3.0, 4.0]]


def test_state_passed_as_an_argument_too():
    w, add = counter()
    add(ones())
    for expected in (2.0, 4.0, 8.0):
        add(w)
        assert w.tolist() == [expected] * 2
    add(w.detach()[::-1])
    assert w.tolist() == [16.0, 16.0]


def test_assigning_converts_and_checks_as_ever():
    w = ag.zeros(2, dtype="float64")

    @ag.jit(state=[w])
    def step(x):
        w.assign(x)

    step(ones())
    assert w.dtype == "float64"
    assert w.tolist() == [1.0, 1.0]
    with pytest.raises(ag.ShapeError, match="assign"):
        step(ones(3))
    assert w.tolist() == [1.0, 1.0]


def test_state_replaced_instead_of_assigned():
    """The state that a function, dict or module gives now, or an error; never the tensor of long ago."""
    box = {"w": ones()}
    module = nn.Sequential([nn.Input((2,)), nn.Dense(1, use_bias=False)], "float32")
    module.layers[0].kernel.assign(ag.ones((2, 1)))
    tries = {
        "function": (ag.jit(lambda x: (x * box["w"]).sum(), state=lambda: [box["w"]])),
        "dict": (ag.jit(lambda x: (x * box["w"]).sum(), state=box)),
        "module": (ag.jit(lambda x: module(x.reshape(1, 2)).sum(), state=module)),
    }
    assert {name: f(ones()).item() for name, f in tries.items()} == dict.fromkeys(tries, 2.0)
    box["w"] = ag.full(2, 3.0)
    module.layers[0].kernel = nn.Parameter(np.full((2, 1), 3.0, np.float32))
    got = {}
    for name, f in tries.items():
        try:
            got[name] = f(ones()).item()
        except ag.TraceError as error:
            got[name] = "state" in str(error) and 6.0
    assert got == dict.fromkeys(tries, 6.0)


def test_state_inside_a_step_is_assigned_not_replaced():
    box = {"w": ones()}

    def step(x):
        box["w"] = box["w"] + x
        return box["w"]

    f = ag.jit(step, state=lambda: [box["w"]])
    try:
        f(ones())
    except ag.TraceError:
        box["w"] = ones()
        return
    assert box["w"].tolist() == [2.0, 2.0]


def test_gradients_that_a_step_leaves_behind_are_kept_or_refused():
    w = ag.ones(3, requires_grad=True)

    def step(x):
        (w * x).sum().backward()

    try:
        f = ag.jit(step, state=[w])
        f(ones(3))
        f(ones(3))
    except ag.TraceError as error:
        assert "grad" in str(error)  # noqa: PT017
    else:
        assert w.grad is not None
        assert w.grad.tolist() == [2.0] * 3


def test_gradients_that_are_there_before_a_step():
    """An update on its own reads them, and a step may clear them: as eager does, or an error."""
    w = ag.ones(2, requires_grad=True)

    def update():
        if w.grad is not None:
            w.assign(w.detach() - w.grad)

    def clear(x):
        (w * x).sum().backward()
        w.grad = None

    (w * 5).sum().backward()
    try:
        ag.jit(update, state=[w])()
        assert w.tolist() == [-4.0, -4.0]
    except ag.TraceError as error:
        assert "grad" in str(error)  # noqa: PT017
    try:
        ag.jit(clear, state=[w])(ones())
        assert w.grad is None
    except ag.TraceError as error:
        assert "grad" in str(error)  # noqa: PT017


def test_gradients_from_before_are_left_alone():
    w = ag.ones(3, requires_grad=True)
    (w * 5).sum().backward()

    @ag.jit(state=[w])
    def step(x):
        w.grad = None
        (w * x).sum().backward()
        g, w.grad = w.grad, None
        w.assign(w.detach() - g)
        return g

    assert step(ones(3)).tolist() == [1.0] * 3
    assert w.requires_grad
    assert w.tolist() == [0.0] * 3


def test_freezing_state_between_calls():
    w, v = ag.ones(2, requires_grad=True), ag.ones(2, requires_grad=True)

    @ag.jit(state=[w, v])
    def step(x):
        w.grad = v.grad = None
        (w * v * x).sum().backward()
        for t in (w, v):
            if t.requires_grad:
                t.assign(t.detach() + t.grad)
                t.grad = None

    step(ones())
    v.requires_grad = False
    step(ones())
    assert (w.tolist(), v.tolist()) == ([4.0, 4.0], [2.0, 2.0])
    v.requires_grad = True
    step(ones())
    assert (w.tolist(), v.tolist()) == ([6.0, 6.0], [6.0, 6.0])
    assert step.traces == 2


def test_what_is_no_state():
    w = ones()
    for state in ([1.0], {"a": np.ones(2)}, (t for t in [w]), 3):
        with pytest.raises(
            ag.TraceError, match=r"state is a dict, a list or a module|is a tensor, got ndarray"
        ):
            ag.jit(lambda x: x, state=state)(ones())
    with pytest.raises(ag.TraceError, match="two names"):
        ag.jit(lambda x: x * w, state=[w, w])(ones())

    def broken():
        raise ValueError("not today")

    with pytest.raises(ValueError, match="not today"):
        ag.jit(lambda x: x, state=broken)(ones())


# errors
def test_an_index_out_of_range_leaves_state_untouched():
    table, count = ag.tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True), ag.zeros(())

    @ag.jit(state=[table, count])
    def step(i):
        count.assign(count + 1)
        table.grad = None
        loss = (ag.dropout(table[i], 0.0) ** 2).sum()
        loss.backward()
        table.assign(table.detach() - table.grad * 0.5)
        table.grad = None
        return loss

    good, bad = ag.tensor([0, 1]), ag.tensor([0, 2])
    with pytest.raises(IndexError, match=r"out of (range|bounds)"):
        step(bad)
    assert table.tolist() == [[1.0, 2.0], [3.0, 4.0]]
    assert count.item() == 0
    before = ag.random.default_generator().counter.item()
    for _ in range(2):
        with pytest.raises(IndexError, match=r"out of (range|bounds)"):
            step(ag.tensor([-3, 0]))
    assert ag.random.default_generator().counter.item() == before
    assert step(good).item() == 30.0
    assert table.tolist() == [[0.0, 0.0], [0.0, 0.0]]
    assert count.item() == 1
    assert step(ag.tensor([-1, -2])).item() == 0.0


def test_an_error_while_tracing_leaves_everything():
    w = ag.ones(2, requires_grad=True)
    fails = True

    def step(x):
        w.assign(w.detach() + ag.dropout(x, 0.5))
        (w * x).sum().backward()
        if fails:
            raise KeyError("half-way")
        w.grad = None

    f = ag.jit(step, state=[w])
    array, draws = w.data, ag.random.default_generator().counter.item()
    for _ in range(2):
        with pytest.raises(KeyError, match="half-way"):
            f(ones())
    assert w.data is array
    assert w.grad is None
    assert w.backend == backends.default().name
    assert ag.random.default_generator().counter.item() == draws
    fails = False
    f(ones())
    assert w.tolist() != [1.0, 1.0]


def test_looking_inside_before_the_first_call():
    f = ag.jit(lambda x: x)
    for look in (f.program_text, f.memory_report, f.kernels, f.source):
        with pytest.raises(ag.TraceError, match="call the function first"):
            look()


def test_state_and_arguments_on_two_backends(backend):
    other = "numba" if backend == "numpy" else "numpy"
    w = ag.ones(2, backend=other)
    f = ag.jit(lambda x: x * w, state=[w])
    with pytest.raises(backends.BackendError, match=r"numba.*numpy"):
        f(ag.ones(2, backend=backend))
    assert f(ag.ones(2, backend=other)).backend == other


# transforms and nesting
def cubes(x):
    return (x**3).sum()


def test_transforms_of_compiled_and_compiled_transforms():
    x, inner = ag.tensor([1.0, 2.0]), ag.jit(cubes)
    assert ag.grad(inner)(x).tolist() == [3.0, 12.0]
    assert ag.hessian(inner)(x).tolist() == [[6.0, 0.0], [0.0, 12.0]]
    value, change = ag.jvp(inner, (x,), (ag.ones(2),))
    assert (value.item(), change.item()) == (9.0, 15.0)
    for f in (cubes, inner):
        assert ag.jit(ag.grad(f))(x).tolist() == [3.0, 12.0]
        assert ag.jit(ag.hessian(f))(x).tolist() == [[6.0, 0.0], [0.0, 12.0]]
        assert ag.jit(lambda x, f=f: ag.grad(lambda y: ag.grad(f)(y).sum())(x))(x).tolist() == [6.0, 12.0]  # fmt: skip
        assert ag.jit(lambda x, f=f: f(f(x) * x))(x).item() == pytest.approx(9**3 + 18**3)
    leaf = ag.tensor([1.0, 2.0], requires_grad=True)
    inner(leaf).backward()
    assert leaf.grad.tolist() == [3.0, 12.0]


def test_a_compiled_step_inside_another():
    w, add = counter()

    @ag.jit(state=[w])
    def twice(x):
        add(x)
        add(x * 2)
        return w

    assert twice(ones()).tolist() == [3.0, 3.0]
    assert twice(ones()).tolist() == [6.0, 6.0]
    add(ones())
    assert w.tolist() == [7.0, 7.0]
    with pytest.raises(ag.TraceError, match=r"undeclared|state="):
        ag.jit(lambda x: add(x))(ones())
    assert w.tolist() == [7.0, 7.0]


def test_checkpoint_inside():
    w = ag.full(8, 2.0, requires_grad=True)

    def step(x):
        w.grad = None
        ag.checkpoint(lambda v: ag.dropout(v * w, 0.5) ** 2)(x).sum().backward()
        g, w.grad = w.grad, None
        return g

    ag.random.seed(4)
    expected = [step(ones(8)).tolist() for _ in range(2)]
    ag.random.seed(4)
    f = ag.jit(step, state=[w])
    assert [f(ones(8)).tolist() for _ in range(2)] == expected


def test_results_over_state_that_requires_gradients():
    """They have no graph behind them, and the error says that it is the compiled step that has none."""
    w = ag.ones(2, requires_grad=True)
    loss = ag.jit(lambda x: (w * x).sum(), state=[w])(ones())
    if not loss.requires_grad:
        with pytest.raises(ag.GradientError, match=r"jit|compiled"):
            loss.backward()


def test_no_grad_is_part_of_what_was_traced():
    w = ag.ones(2, requires_grad=True)

    @ag.jit(state=[w])
    def step(x):
        if (w * x).requires_grad:
            return x * 1
        return x * 2

    assert step(ones()).tolist() == [1.0, 1.0]
    with ag.no_grad():
        assert step(ones()).tolist() == [2.0, 2.0]
    assert step(ones()).tolist() == [1.0, 1.0]


def test_anomaly_detection_runs_the_function_itself():
    seen = []

    def f(x):
        seen.append(x.backend)
        return ag.sqrt(x - 1.0).sum()

    jitted = ag.jit(f)
    jitted(ones())
    with ag.detect_anomaly():
        jitted(ones())
    assert seen == ["trace", backends.default().name]
    x = ag.tensor([1.0, 1.0], requires_grad=True)
    with pytest.raises(ag.AnomalyError), ag.detect_anomaly():
        ag.jit(lambda x: (ag.sqrt(x - 1.0) * 0.0).sum())(x).backward()


# models in the closure
def test_the_mode_of_a_model():
    model = nn.Sequential([nn.Input((50,)), nn.Dropout(0.5)])
    f = ag.jit(lambda x: model(x), state=model)
    x = ag.ones((1, 50))
    for _ in range(4):
        model.train()
        assert set(f(x).tolist()[0]) == {0.0, 2.0}
        model.eval()
        assert set(f(x).tolist()[0]) == {1.0}
        nn.Dense(3)  # a layer that has nothing to do with it
    model.train()
    model.layers[0].rate = 0.75
    assert set(f(x).tolist()[0]) == {0.0, 4.0}
    assert f.traces == 3


class Apply(nn.Module):
    """Calls whatever it holds."""

    def __init__(self, f):
        self.f = f

    def call(self, x):
        return self.f(x)


class Times:
    """Multiplies; an object of one number."""

    def __init__(self, n):
        self.n = n

    def __call__(self, x):
        return x * self.n


def test_objects_of_a_model_that_take_the_place_of_dead_ones():
    layer = Apply(Times(1))
    f = ag.jit(lambda x: layer(x), state=layer)
    for n in range(2, 9):
        layer.f = Times(n)
        assert f(ones()).tolist() == [float(n)] * 2
        layer.f.n = -n
        assert f(ones()).tolist() == [-float(n)] * 2


def test_a_layer_that_is_not_built():
    """Its parameters would be symbols for ever; the error says what to do, and the layer can be built afterwards."""
    layer = nn.Dense(2)
    f = ag.jit(lambda x: layer(x), state=layer)
    with pytest.raises(ag.TraceError, match=r"build|call"):
        f(ones(3).reshape(1, 3))
    layer(ones(3).reshape(1, 3))
    assert f(ones(3).reshape(1, 3)).tolist() == layer(ones(3).reshape(1, 3)).tolist()


def test_what_else_may_be_compiled():
    class Callable:
        rate = 2.0

        def __call__(self, x):
            return x * self.rate

    thing = Callable()
    f = ag.jit(thing)
    assert f(ones()).tolist() == [2.0, 2.0]
    thing.rate = 3.0
    assert f(ones()).tolist() == [3.0, 3.0]
    assert ag.jit(ag.jit(lambda x: x * 2))(ones()).tolist() == [2.0, 2.0]
    assert ag.jit(ag.exp)(ag.zeros(2)).tolist() == [1.0, 1.0]
    layer = nn.Dense(2, kernel_initializer="ones")
    layer(ones().reshape(1, 2))
    assert ag.jit(layer, state=layer)(ones().reshape(1, 2)).tolist() == [[2.0, 2.0]]

    @ag.jit
    def power(x, n):
        return x if n == 1 else x * power(x, n - 1)

    assert power(ag.full((), 2.0), 5).item() == 32.0


def test_one_function_on_two_backends_in_turn(backend):
    other = "numba" if backend == "numpy" else "numpy"
    f = ag.jit(lambda x: x + ag.random.uniform(3))
    ag.random.seed(6)
    expected = [ag.random.uniform(3).numpy() for _ in range(6)]
    ag.random.seed(6)
    for i, theirs in enumerate(expected):
        with backends.use(other if i % 2 else backend):
            got = f(ag.zeros(3))
            assert got.backend == (other if i % 2 else backend)
            np.testing.assert_allclose(got.numpy(), theirs, 1e-6)
    assert f.traces == 2


def test_a_generator_that_is_set_back():
    f = ag.jit(lambda x: x + ag.random.uniform(2))
    generator = ag.random.default_generator()
    f(ones())
    state = generator.state
    first = [f(ones()).tolist() for _ in range(2)]
    generator.state = state
    assert [f(ones()).tolist() for _ in range(2)] == first
    assert [word.item() for word in state] == [0, 1]


# threads and processes
def together(*functions):
    failed = []

    def guarded(f):
        try:
            f()
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=guarded, args=(f,)) for f in functions]
    for t in threads:
        t.start()
    for t in threads:
        t.join(60)
    assert not any(t.is_alive() for t in threads)
    if failed:
        raise failed[0]


@pytest.mark.parametrize("count", [2, 4])
def test_threads_that_call_one_function(count, backend):
    w = ag.zeros(8)

    @ag.jit(state=[w])
    def add(x):
        w.assign(w + x)
        return x * 2

    def work(value):
        with backends.use(backend):
            for n in (8, 1) * 20:
                x = ag.full(n, value)
                assert set(add(x).tolist()) == {value * 2}

    together(*(partial(work, float(i)) for i in range(count)))
    assert w.tolist() == [40.0 * sum(range(count))] * 8
    assert add.traces == 2


@pytest.mark.parametrize("count", [2, 4])
def test_threads_that_trace_and_call_different_functions(count, backend):
    shared = ag.full(4, 2.0)
    results = {}

    def work(i):
        with backends.use(backend):
            w = ag.zeros(4)
            f = ag.jit(lambda x: (w.assign(w + ag.dropout(x, 0.0)), x * i)[1] * shared, state={"w": w, "s": shared})  # fmt: skip
            for n in range(10):
                got = f(ag.full(4, float(n)))
                assert got.tolist() == [2.0 * n * i] * 4
            results[i] = w.tolist()

    together(*(partial(work, i) for i in range(1, count + 1)))
    assert results == {i: [45.0] * 4 for i in range(1, count + 1)}


@pytest.mark.parametrize("backend", ["numba"], indirect=True)
@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("writes", [False, True])
def test_two_functions_of_one_program_in_two_threads(when, writes, monkeypatch):
    """They share the machine code; a thread that gets its turn just before or after a step must not lend its state."""
    machine = pytest.importorskip("backends.native.machine").Machine

    def make(value):
        w = ag.full(4, value)
        if writes:
            return w, ag.jit(lambda x: (w.assign(w + x), w)[1], state=[w])
        return w, ag.jit(lambda x: w + x, state=[w])

    (w, f), (_, g) = make(1.0), make(100.0)
    x = ag.zeros(4)
    for _ in range(3):
        f(x)
        f(x)
        g(x)
    step, armed = machine.step, []

    def disturb():
        if armed:
            armed.clear()
            thread = threading.Thread(target=work)
            thread.start()
            thread.join(0.2)  # it may have to wait for this very step

    def work():
        with backends.use("numba"):
            g(x)

    def disturbed(*arguments):
        if when == "before":
            disturb()
        result = step(*arguments)
        if when == "after":
            disturb()
        return result

    monkeypatch.setattr(machine, "step", disturbed)
    for _ in range(3):
        f(x)
        armed.append(True)
        assert f(x).tolist() == [1.0] * 4
        assert f(x).tolist() == [1.0] * 4
    assert w.tolist() == [1.0] * 4


def while_another_traces(backend, w, read):
    """Run `read` in a thread while another is in the middle of tracing a step whose state is `w`."""
    entered, done = threading.Event(), threading.Event()

    def slow(x):
        entered.set()
        done.wait(0.3)
        return x * w

    def trace():
        with backends.use(backend):
            assert ag.jit(slow, state=[w])(ones(4)).tolist() == [2.0] * 4

    def reads():
        with backends.use(backend):
            entered.wait(5)
            try:
                read()
            finally:
                done.set()

    together(trace, reads)


def test_a_compiled_step_runs_while_another_thread_traces(backend):
    """A trace puts symbols into tensors; a step of another thread that reads them waits."""
    w = ag.full(4, 2.0)
    ready, new = (ag.jit(lambda x, n: x * n + w, state=[w]) for _ in range(2))
    ready(ones(4), 1)

    def read():
        assert ready(ones(4), 1).tolist() == [3.0] * 4
        assert new(ones(4), 2).tolist() == [4.0] * 4

    while_another_traces(backend, w, read)


@pytest.mark.parametrize(
    "use",
    [lambda w: w + 1, lambda w: ones(4) + w, lambda w: ag.where(w > 0, w + 1, w), lambda w: w.reshape(1, 4) @ ag.eye(4) + 1, lambda w: ag.linear(ag.eye(4), ag.eye(4), w)[0] - ag.linear(ag.eye(4), ag.eye(4))[0] + 1, lambda w: w.detach() + 1],
    ids=["left", "right", "where", "product", "linear", "detached"],
)  # fmt: skip
def test_eager_use_while_another_thread_traces(use, backend):
    """Right values, or an error that says what is going on."""
    w = ag.full(4, 2.0)

    def read():
        try:
            assert use(w).reshape(4).tolist() == [3.0] * 4
        except ag.TraceError as error:
            assert "thread" in str(error)  # noqa: PT017

    while_another_traces(backend, w, read)


def big_step():
    """A step with enough work for two threads, and its state."""
    draw = np.random.default_rng(0)
    w = ag.tensor(draw.standard_normal((96, 128)).astype(np.float32))

    @ag.jit(state=[w])
    def step(x):
        w.assign(w + (x.T @ ag.tanh(x @ w)) * 0.01)
        return w.sum()

    return w, step, ag.tensor(draw.standard_normal((64, 96)).astype(np.float32))


@pytest.fixture
def two_threads():
    team = pytest.importorskip("backends.native").team
    before, team.limit = team.limit, 2
    yield
    team.limit = before


def in_child(work):
    """Run `work` in a fork; its exit must be 0 within four seconds."""
    child = os.fork()
    if child == 0:
        try:
            work()
            os._exit(0)
        except BaseException as error:
            print("in the child:", repr(error), flush=True)
            os._exit(1)
    end = time.monotonic() + 4
    while time.monotonic() < end:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            assert status == 0
            return
        time.sleep(0.01)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    pytest.fail("the child hangs")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
@pytest.mark.filterwarnings("ignore:.*fork.*:RuntimeWarning")
@pytest.mark.usefixtures("two_threads")
def test_fork_after_compiling():
    w, step, x = big_step()
    step(x)
    before = w.numpy()
    expected = step(x).item()
    after = w.numpy()
    w.assign(ag.tensor(before))

    def child():
        assert step(x).item() == expected
        assert w.numpy().tobytes() == after.tobytes()
        assert ag.jit(lambda x: x + 1)(ones()).tolist() == [2.0, 2.0]

    in_child(child)
    assert w.numpy().tobytes() == before.tobytes()
    assert step(x).item() == expected


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
@pytest.mark.filterwarnings("ignore:.*fork.*:RuntimeWarning")
@pytest.mark.usefixtures("two_threads")
def test_fork_while_another_thread_runs(backend):
    """Its locks are held, in the child for ever, unless they are made anew."""
    w, step, x = big_step()
    step(x)
    stop = threading.Event()

    def work():
        with backends.use(backend):
            while not stop.is_set():
                step(x)

    def child():
        w.assign(ag.zeros(w.shape))
        assert step(x).item() == 0.0
        assert ag.jit(lambda x: x * 3)(ones()).tolist() == [3.0, 3.0]

    thread = threading.Thread(target=work)
    thread.start()
    try:
        for _ in range(5):
            in_child(child)
    finally:
        stop.set()
        thread.join(20)


@pytest.mark.usefixtures("two_threads")
def test_one_thread_or_two_give_the_same_bytes(monkeypatch, backend):
    from backends.native import team

    results = []
    for limit in (1, 2):
        monkeypatch.setattr(team, "limit", limit)
        w, step, x = big_step()
        for _ in range(3):
            step(x)
        results.append(w.numpy().tobytes())
    assert results[0] == results[1]


@pytest.mark.usefixtures("two_threads")
def test_an_error_with_two_threads():
    draw = np.random.default_rng(0)
    table = ag.tensor(draw.standard_normal((100, 128)).astype(np.float32))
    before = table.numpy()

    @ag.jit(state=[table])
    def step(i):
        rows = table[i]
        table.assign(table + ag.tanh(rows @ rows.T @ rows)[:100])

    bad = np.arange(200) % 100
    for place in (0, 199, 100):
        i = bad.copy()
        i[place] = 100
        with pytest.raises(IndexError, match="out of"):
            step(i)
        assert table.numpy().tobytes() == before.tobytes()
    step(bad)
    assert table.numpy().tobytes() != before.tobytes()


# rows
def rows_step():
    log, count = ag.zeros((8, 3)), ag.zeros((), "int64")

    @ag.jit(state=[log, count])
    def note(x, y, weight):
        row = (x.sum(axis=0) * 1.0).reshape(1, 2)
        line = ag.concat([row, y.sum().reshape(1, 1)], axis=1)
        if weight is not None:
            line = line * weight.sum()
        log.assign(ag.concat([log[1:], line]))
        count.assign(count + 1)

    return log, count, note


def test_over_rows_in_order_and_shuffled():
    x, y = ag.arange(20).to("float32").reshape(10, 2), ag.arange(10).to("float32")
    order = ag.tensor([9, 8, 7, 6, 5, 4, 3, 2, 1, 0])
    for picked in (None, order, order.to("int32")):
        log, count, note = rows_step()
        note.over_rows([x, y], 3, picked, 0, 2, (None,))
        note.over_rows([x, y], 3, picked, 2, 1, (None,))
        xs, ys = (x, y) if picked is None else (x[order], y[order])
        expected = [[*xs[i : i + 3].sum(axis=0).tolist(), ys[i : i + 3].sum().item()] for i in (0, 3, 6)]  # fmt: skip
        assert log.tolist()[5:] == expected
        assert count.item() == 3
        assert note.traces == 1
        note(x[:3], y[:3], None)
        assert log.tolist()[7] == [*x[:3].sum(axis=0).tolist(), y[:3].sum().item()]


def test_over_rows_of_every_make():
    """Views, other row counts than before, no steps at all, weights, and rows that are changed in between."""
    wide = ag.arange(40).to("float32").reshape(10, 4)
    log, count, note = rows_step()
    note.over_rows([wide[:, ::2], wide[:, 1]], 2, None, 0, 0, (None,))
    assert count.item() == 0
    note.over_rows([wide[:, ::2], wide[:, 1]], 2, None, 4, 1, (None,))
    assert log.tolist()[7] == [32 + 36, 34 + 38, 33 + 37]
    note.over_rows([wide[:4, ::2], wide[:4, 1]], 2, None, 0, 2, (None,))
    assert log.tolist()[7] == [8 + 12, 10 + 14, 9 + 13]
    note.over_rows([wide[:, ::2], wide[:, 1], ag.full(10, 0.5)], 2, None, 0, 1)
    assert log.tolist()[7] == [0 + 4, 2 + 6, 1 + 5]
    x, y = ag.ones((4, 2)), ag.ones(4)
    note.over_rows([x, y], 2, None, 0, 1, (None,))
    x.assign(x * 5)
    note.over_rows([x, y], 2, None, 0, 1, (None,))
    assert log.tolist()[6:] == [[2.0, 2.0, 2.0], [10.0, 10.0, 2.0]]
    assert note.traces == 2


def test_over_rows_refuses_what_does_not_fit():
    log, count, note = rows_step()
    x, y = ag.ones((10, 2)), ag.ones(10)
    before = log.tolist()
    for rows, size, first, steps in [
        ([x, y], 3, 0, 4), ([x, y], 11, 0, 1), ([x, y[:9]], 3, 0, 1), ([x, y], 3, -1, 1), ([x, y], 3, 3, 1),
    ]:  # fmt: skip
        with pytest.raises(ag.ShapeError, match="over_rows: steps"):
            note.over_rows(rows, size, None, first, steps, (None,))
    for steps, size in ((-1, 3), (1, 0), (1, -2)):
        with pytest.raises(ag.ShapeError, match="over_rows"):
            note.over_rows([x, y], size, None, 0, steps, (None,))
    with pytest.raises(ag.TraceError, match="returns something"):
        ag.jit(lambda x: x * 2).over_rows([x], 2, None, 0, 1)
    assert log.tolist() == before
    assert count.item() == 0


def test_over_rows_with_a_wrong_order_reads_nothing_foreign():
    log, count, note = rows_step()
    x, y = ag.ones((10, 2)), ag.ones(10)
    for order in ([0, 1, 2, 10, 4, 5, 6, 7, 8, 9], [0, 1, 2, -11, 4, 5, 6, 7, 8, 9], [0, 1, 2]):
        with pytest.raises((IndexError, ag.ShapeError, ag.IndexingError) if hasattr(ag, "IndexingError") else (IndexError, ag.ShapeError)):  # fmt: skip
            note.over_rows([x, y], 3, ag.tensor(order), 0, 3, (None,))
        assert count.item() <= 1
    assert np.isfinite(log.numpy()).all()
    assert log.numpy().max() <= 3


def test_an_error_in_the_middle_of_an_epoch():
    """State is as after the last good step, and the error says which failed."""
    table, seen = ag.arange(4).to("float32").reshape(4, 1), ag.zeros((), "int64")

    @ag.jit(state=[table, seen])
    def step(i):
        table.assign(table + table[i].sum())
        seen.assign(seen + 1)

    i = ag.tensor([0, 1, 2, 3, 0, 9, 1, 1])
    with pytest.raises(IndexError, match=r"out of (range|bounds)"):
        step.over_rows([i], 2, None, 0, 4)
    assert seen.item() == 2
    assert table.tolist() == [[1.0 + 7.0], [2.0 + 7.0], [3.0 + 7.0], [4.0 + 7.0]]
    step.over_rows([i], 2, None, 3, 1)
    assert seen.item() == 3


def test_rows_that_are_state():
    """Each step reads what the one before left there, as a loop of calls does."""

    def run(loop):
        w = ag.arange(6).to("float32")

        def step(x):
            w.assign(w + x.sum())

        f = ag.jit(step, state=[w])
        if loop:
            for i in range(3):
                f(w[2 * i : 2 * i + 2])
        else:
            f.over_rows([w], 2, None, 0, 3)
        return w.tolist()

    kept = ag.arange(6).to("float32")
    assert run(True) == run(False)
    assert kept.tolist() == [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]


# looking inside
def test_reports(tmp_path):
    w, step, x = big_step()
    total = step(x).item()
    before = w.numpy()
    assert step.program_text().startswith("program step\n%0: float32[96, 128] = state")
    kernels = step.kernels()
    assert any("matmul" in line for line in kernels)
    assert "bytes" in step.memory_report()
    assert "step" in step.memory_report()
    assert len(step.source()) > 50
    found = step.compare(x)
    assert found
    assert max(difference for _, _, difference in found) < 1e-5
    assert w.numpy().tobytes() == before.tobytes()
    profile = step.profile(lambda: [step(x) for _ in range(3)])
    assert len(profile.rows) > 0
    assert all(row.seconds >= 0 and row.bytes > 0 for row in profile.rows)
    assert profile.seconds > 0
    assert "kernel" in str(profile)
    pytest.importorskip("matplotlib")
    profile.plot(tmp_path / "profile.png")
    assert (tmp_path / "profile.png").read_bytes().startswith(b"\x89PNG")
    assert total != step(x).item()


def test_a_profile_in_which_nothing_runs_and_of_small_steps():
    w, add = counter()
    add(ones())
    assert add.profile(lambda: None).seconds == 0.0
    profile = add.profile(lambda: [add(ones()) for _ in range(5)])
    assert profile.seconds > 0
    assert w.tolist() == [6.0, 6.0]
    add(ones())
    assert w.tolist() == [7.0, 7.0]


@pytest.mark.parametrize("level", range(5))
def test_debug_levels(level, capsys, caplog):
    caplog.set_level(logging.INFO, "gradloom")
    w = ag.ones(3)

    @ag.jit(state=[w])
    def grow(x):
        w.assign(w * 2 + x)
        return w.sum()

    with ag.debug(level):
        assert grow(ones(3)).item() == 9.0
        assert grow(ones(3)).item() == 21.0
    shown = capsys.readouterr().err
    assert ("== grow:" in shown) == (level >= 1)
    assert ("program grow" in shown) == (level >= 2)
    assert shown.count("== grow:") <= 1
    beside = [r.getMessage() for r in caplog.records if "beside the interpreter" in r.getMessage()]
    assert bool(beside) == (level == 4)
    assert w.tolist() == [7.0] * 3
    assert grow(ones(3)).item() == 45.0
    assert capsys.readouterr().err == ""


def test_the_level_of_the_environment(backend):
    code = f"import autograd as ag, backends; backends.set_default({backend!r}); ag.jit(lambda x: x + 1.0, name='one')(ag.ones(2))"
    for level in ("1", "0", "much"):
        done = subprocess.run([sys.executable, "-c", code], env={**os.environ, "GRADLOOM_DEBUG": level}, cwd=ROOT, capture_output=True, text=True, check=True)  # fmt: skip
        assert ("== one:" in done.stderr) == (level == "1")


def test_an_unknown_debug_level():
    with pytest.raises(ag.RangeError, match="between 0 and 4, got 5"), ag.debug(5):
        pass


def test_comparing_draws_nothing_and_changes_nothing():
    w = ag.ones(20)

    def step(x):
        w.assign(ag.dropout(w, 0.5) + x)

    f = ag.jit(step, state=[w])
    ag.random.seed(2)
    found = f.compare(ones(20))
    assert max(d for _, _, d in found) < 1e-6
    assert w.tolist() == [1.0] * 20
    f(ones(20))
    got = w.tolist()
    ag.random.seed(2)
    w.assign(ag.ones(20))
    step(ones(20))
    assert got == w.tolist()
