"""What a compiled step finds outside itself: never a value that is no longer true.

Tensors must be declared; numbers, functions and objects are watched, or refused with an error that names them.
"""

from __future__ import annotations

import functools
import math
from functools import partial
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest
from steps import ones

import autograd as ag
import backends

pytestmark = pytest.mark.once
# what is captured without being declared
OUTSIDE = ag.tensor([1.0, 2.0])
RATE = 2.0
TABLE = {"rate": 2.0}


def test_an_undeclared_tensor_is_an_error_with_the_way_out():
    hidden = ones()
    for f in (lambda x: x * hidden, lambda x: x + OUTSIDE, lambda x: (x + np.ones((20_000, 2), np.float32)).sum(0), lambda x: hidden):  # fmt: skip
        jitted = ag.jit(f)
        for _ in range(2):
            with pytest.raises(ag.TraceError, match=r"undeclared.*state=|returns tensors"):
                jitted(ones())
        assert jitted.traces == 0
    assert hidden.backend == backends.default().name
    assert (hidden + 1).tolist() == [2.0, 2.0]


@pytest.mark.parametrize(
    "how",
    [float, lambda t: t.item(), lambda t: t.numpy()[0], np.asarray, lambda t: t.tolist()[0], bool],
)
def test_the_value_of_an_undeclared_tensor_is_refused(how):
    hidden = ag.tensor([2.0])
    for _ in range(2):
        with pytest.raises(ag.TraceError, match=r"undeclared.*state="):
            ag.jit(lambda x: x * how(hidden))(ones())
    assert how(hidden) == 2.0 or how(hidden) is True


class Holder:
    def __init__(self):
        self.w, self.parts, self.named = ones(), [ones()], {"w": ones()}

    def replace(self, x):
        self.w = self.w + x
        return self.w * 1.0

    def add(self, x):
        self.fresh = x * 2
        return self.fresh


def leaking(how):
    """(a step that leaves a result somewhere, what is to be there afterwards, how the place is called)."""
    held, kept, w = Holder(), [], ones()

    def attribute(x):
        held.w = held.w + x
        return held.w * 1.0

    def element(x):
        held.parts[0] = x * 2
        return held.parts[0] + 1

    def item(x):
        held.named["w"] = x * 2
        return held.named["w"] + 1

    def appended(x):
        kept.append(x)
        kept.append(x * 2)
        return x * 2

    def variable(x):
        nonlocal w
        w = w + x
        return w * 1.0

    return {
        "attribute": (attribute, lambda: held.w.tolist(), r"held\.w"),
        "element": (element, lambda: held.parts[0].tolist(), r"parts\[0\]"),
        "item": (item, lambda: held.named["w"].tolist(), r"named\['w'\]"),
        "appended": (appended, lambda: kept or [1.0, 1.0], r"'kept'\[0\]"),
        "variable": (variable, lambda: w.tolist(), "'w'"),
        "method": (held.replace, lambda: held.w.tolist(), r"self\.w"),
        "new attribute": (held.add, lambda: [1.0, 1.0] if not hasattr(held, "fresh") else None, r"self\.fresh"),
        "partial": (functools.partial(Holder.replace, held), lambda: held.w.tolist(), r"w"),
    }[how]  # fmt: skip


def test_a_trace_that_fails_leaves_nothing_behind():
    held = Holder()
    held.empty, held.named["empty"] = None, None

    def step(x):
        held.w = x * 2
        held.fresh = held.empty = held.named["empty"] = held.w
        return x + np.ones((20_000, 2))

    with pytest.raises(ag.TraceError, match="undeclared"):
        ag.jit(step)(ones())
    assert held.w.tolist() == [1.0, 1.0]
    assert not hasattr(held, "fresh")
    assert held.empty is None
    assert held.named["empty"] is None


@pytest.mark.parametrize("how", ["attribute", "element", "item", "appended", "variable", "method", "new attribute", "partial"])  # fmt: skip
@pytest.mark.parametrize("declared", [False, True])
def test_a_result_that_is_left_behind_is_refused_and_taken_away(how, declared):
    step, there, place = leaking(how)
    held = getattr(step, "__self__", None)
    state = [held.w] if declared and held is not None else None
    for _ in range(2):
        with pytest.raises(ag.TraceError, match=f"leaves a result in .*{place}|undeclared"):
            ag.jit(step, state=state)(ones())
        assert there() == [1.0, 1.0]


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


@pytest.mark.parametrize("place", ["positional", "keyword"])
def test_what_a_partial_holds_is_watched(place):
    def step(x, settings):
        return x * settings.rate

    def first(settings, x):
        return step(x, settings)

    settings = SimpleNamespace(rate=2.0)
    f = ag.jit(partial(first, settings) if place == "positional" else partial(step, settings=settings))  # fmt: skip
    for rate in (2.0, 2.0, 0.5):
        settings.rate = rate
        assert f(ones()).tolist() == [rate, rate]
