"""Which arguments choose the program and which go into it: floats, keywords, structures, sizes; how many programs are kept."""

from __future__ import annotations

import logging
from collections import namedtuple
from functools import partial

import numpy as np
import pytest
from steps import ones

import autograd as ag
import nn

pytestmark = pytest.mark.once


def test_many_traces_warn_once(log, caplog, everything):
    if not everything:
        pytest.skip("the count of traces knows nothing of the backend; with --full")
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


Pair = namedtuple("Pair", "a b")


def test_shapes_dtypes_and_structures(everything):
    def f(tree):
        leaves = tree["list"]
        total = sum((leaf * 2 for leaf in leaves), start=tree["pair"].a)
        return {"total": total, "none": None, "pair": Pair(tree["pair"].b, (total, [total + 1]))}

    jitted = ag.jit(f)
    seen = set()
    cases = [(2, 1, "float32"), (2, 2, "float32"), (2, 1, "int32"), (3, 1, "float32"), (2, 1, "float64"), (0, 1, "float32")]  # fmt: skip
    for n, count, dtype in cases if everything else cases[:3]:
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


VIEWS = {
    "transposed": lambda a: a.T,
    "reversed": lambda a: a[::-1],
    "of another shape": lambda a: a.reshape(2, 8)[:, ::-1].reshape(4, 4),
    "a part, repeated": lambda a: ag.broadcast_to(a[1:2], (4, 4)),
    "of its own dtype": lambda a: a.to(a.dtype),
    "a view of a view": lambda a: a.T[::-1],
}


@pytest.mark.parametrize("view", VIEWS)
def test_a_view_keeps_the_memory_that_it_shows(view):
    """Results in between fill all memory that is free; what the view shows is still to be read."""

    def f(x):
        seen = VIEWS[view](ag.exp(x))
        others = x
        for k in range(1, 6):
            others = others * 0.5 + x * k
        return seen * others, seen.sum()

    x = ag.tensor(np.linspace(-1, 1, 16, dtype=np.float32).reshape(4, 4))
    for got, expected in zip(ag.jit(f)(x), f(x), strict=True):
        np.testing.assert_allclose(got.numpy(), expected.numpy(), 1e-5, 1e-6)


KINDS = (
    lambda a, b: ag.cumsum(a, axis=0), lambda a, b: ag.where(a > b, a, b), lambda a, b: a * 2, lambda a, b: ag.tanh(a),
    ag.maximum, lambda a, b: a * b,
)  # fmt: skip


def test_arithmetic_that_waits_and_is_then_needed_by_a_scan(caplog):
    """Cheap arithmetic is done where it is used, until something needs it in memory: then nobody may run before that."""
    programs = [
        ([1, 0, 4, 4, 2, 4, 4, 1], [(1, 15), (77, 42), (88, 32), (76, 29), (71, 96), (27, 3), (51, 91), (53, 41)]),
        ([5, 5, 0, 1, 5, 5, 1, 0], [(66, 76), (50, 46), (71, 12), (65, 60), (20, 37), (38, 41), (93, 20), (31, 40)]),
        ([4, 2, 0, 4, 4, 4, 4, 4], [(7, 4), (28, 9), (19, 51), (74, 81), (56, 90), (59, 82), (81, 59), (33, 1)]),
        ([2, 0, 0, 1, 1, 2, 2, 1], [(58, 87), (97, 10), (51, 69), (48, 0), (76, 47), (87, 0), (48, 43), (9, 62)]),
    ]  # fmt: skip

    def value(kinds, picks, x):
        found = [x, x * 2, ag.tanh(x)]
        for kind, (i, j) in zip(kinds, picks, strict=True):
            a, b = found[i % len(found)], found[j % len(found)]
            found.append(KINDS[kind](a, b))
        return sum(y.sum() for y in found[-3:])

    def first(x):
        d, s = x * 2, ag.tanh(x)
        c = ag.cumsum(d)
        return ag.where(s > c, s, c).sum() + ag.where(s > 2 * d, s, 2 * d).sum()

    x = ag.tensor([0.1, -0.2, 0.3, -0.4, 0.25])
    for f in (first, *(partial(value, *program) for program in programs)):
        slope = ag.grad(f)
        np.testing.assert_allclose(ag.jit(slope)(x).numpy(), slope(x).numpy(), rtol=1e-5)
    assert [r.getMessage() for r in caplog.records if "could not be compiled" in r.getMessage()] == []


ROWS = {
    "function": ag.exp, "scan": lambda w: ag.cumsum(w, 0), "softmax": ag.softmax, "pending": lambda w: w * 2, "joined": lambda w: ag.concat([w[:2], w[2:]]),
    "shifted": lambda w: w - w.max(keepdims=True),
}  # fmt: skip


@pytest.mark.parametrize("row", ROWS)
@pytest.mark.parametrize("reduce", [ag.sum, ag.max, ag.mean, ag.argmax, ag.var, ag.logsumexp])
def test_reductions_of_a_row_that_is_repeated(row, reduce):
    rng = np.random.default_rng(0)
    w, x = ag.tensor(rng.normal(size=4).astype("f")), ag.tensor(rng.normal(size=(3, 4)).astype("f"))

    def results(w, x):
        repeated = ag.broadcast_to(ROWS[row](w), (3, 4))
        return [reduce(y, axis=axis) for y in (repeated, repeated * x) for axis in (0, 1, None)]

    for found, right in zip(ag.jit(results)(w, x), results(w, x), strict=True):
        np.testing.assert_allclose(found.numpy(), right.numpy(), rtol=1e-4, atol=1e-5)
    if reduce is not ag.argmax:
        slope = ag.grad(lambda w, x: sum((y * (i + 1)).sum() for i, y in enumerate(results(w, x))), (0, 1))
        for found, right in zip(ag.jit(slope)(w, x), slope(w, x), strict=True):
            np.testing.assert_allclose(found.numpy(), right.numpy(), rtol=1e-3, atol=1e-4)
