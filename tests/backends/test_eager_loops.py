"""Which rules become kernels: the form of their loops, how operands lie, which pass a step is in."""

from __future__ import annotations

import re

import numpy as np
import pytest

import autograd as ag
import backends
from autograd.ops import OPS
from autograd.testing import samples
from backends.contract import Spec, float32, int64
from backends.errors import is_refusal
from backends.program import Symbol, TraceBackend, Value
from backends.program.nest import passes_of, scratch_values
from backends.program.passes import drop_unused

pytest.importorskip("llvmlite", reason="the extra gradloom[cpu] is not installed")

from backends.numba import NumbaBackend, kernels
from backends.numba.emit import emit
from backends.numba.forms import LEFT_TO_NUMPY, form_of, loops_of

NUMPY = backends.get("numpy")


def specs(shapes):
    return [s if isinstance(s, Spec) else Spec(s, float32) for s in shapes]


def plan(rule, *shapes, **static):
    """The nests of a rule on float32 arrays (or Specs) that kernels are made of."""
    return kernels.plan_rule(rule, specs(shapes), static)


def loops(rule, args, static):
    """All nests of a rule, whatever their form; None when it is more than loops, or does not pay."""
    trace = TraceBackend()
    symbols = [trace.parameter(a, "input", str(i)) if isinstance(a, Spec) else a for i, a in enumerate(args)]
    result = rule(trace, *symbols, **static)
    if not isinstance(result, Symbol):
        return None
    program = drop_unused(trace.finish("rule", [], [("y", result)]))
    nests = kernels.nests_of(program) if kernels._pays(kernels._work(program), 1) else None
    return None if nests is None else nests.nests


def places(planned):
    """Where the kernel reads each parameter."""
    source = emit(planned.nest, planned.parameters, ()).source
    return dict(re.findall(r"(p\d+)\[(.*)\]$", source, re.MULTILINE))


def passes(planned):
    return [tuple([i.primitive for i in part] for part in one) for one in passes_of(planned.nest.group)]


def test_softmax_takes_three_passes():
    (found,) = plan(ag.softmax.op.forward, (5, 7), axis=(1,))
    assert loops_of(found.nest) == (1, 5, 7, False)
    assert passes(found) == [
        ([], [], ["max"]),
        (["isfinite", "where"], ["subtract", "exp"], ["sum"]),
        ([], ["divide"], []),
    ]
    assert len(scratch_values(found.nest.group, 0)) == 1


def test_elementwise_is_one_flat_pass():
    (found,) = plan(lambda xp, a, b, c: a * b + xp.exp(c), (2, 3, 4), (), (2, 3, 4))
    assert loops_of(found.nest) == (0, 1, 24, True)
    assert passes(found) == [([], ["exp", "multiply", "add"], [])]
    assert places(found) == {"p0": "j", "p1": "0", "p2": "j"}


@pytest.mark.parametrize(
    ("shape", "place"),
    [((3, 4), "base + j"), ((4,), "j"), ((1, 4), "j"), ((3, 1), "r"), ((), "0"), ((1, 1), "0")],
)
def test_how_operands_lie(shape, place):
    def rule(xp, x, other):
        return xp.sum(x * other, axis=(1,), keepdims=True) + x

    (found,) = plan(rule, (3, 4), shape)
    assert places(found) == {"p0": "base + j", "p1": place}


def gated(xp, x):
    """Two halves of each row."""
    value, gate = (
        xp.getitem(x, key=(slice(None), slice(0, 6))),
        xp.getitem(x, key=(slice(None), slice(6, 12))),
    )
    return value * 2.0 + xp.abs(gate)


def test_parts_of_rows_are_read_where_they_lie():
    (found,) = plan(gated, (9, 12))
    kernel = emit(found.nest, found.parameters, ())
    assert "p0[r * t0 + j]" in kernel.source
    assert kernel.numbers == (12, 6, 12)
    x = np.random.default_rng(0).normal(size=(9, 12)).astype("float32")
    found = NumbaBackend(fuse_from=0).run(gated, x)
    assert found.tobytes() == (x[:, :6] * np.float32(2) + np.abs(x[:, 6:])).tobytes()


def test_a_dropped_axis_is_not_mistaken_for_a_column():
    """In a square matrix numbers of rows and of columns have one shape, and mean different things."""

    def rule(xp, x, per_row, per_column):
        total = xp.sum(x + per_column, axis=(1,), keepdims=False)
        return xp.multiply(total, per_row)

    (found,) = plan(rule, (4, 4), (4,), (4,))
    assert places(found) == {"p0": "base + j", "p1": "r", "p2": "j"}
    assert len(plan(sums_added_to_columns, (4, 4))) == 2
    # two results of the first nest would have to go through memory
    assert plan(sums_added_to_exponentials, (4, 4)) == []


def test_cross_entropy_with_class_numbers():
    (found,) = plan(ag.softmax_cross_entropy.op.forward, (6, 3), Spec((6,), int64))
    assert len(passes(found)) == 4
    assert places(found) == {"p0": "base + j", "p1": "r"}


@pytest.mark.parametrize(
    ("rule", "shape", "form"),
    [
        (lambda xp, x: xp.sum(x, axis=(0,), keepdims=False) * 2, (3, 4), "narrow"),
        (lambda xp, x: xp.sum(x * 2, axis=(1,), keepdims=False), (3, 4, 5), "strides"),
        (lambda xp, x: xp.permute_dims(xp.exp(x) * 2, axes=(1, 0)), (2, 3), "strides"),
    ],
)
def test_forms_that_are_left_to_numpy(rule, shape, form):
    assert form in {form_of(nest) for nest in loops(rule, specs([shape]), {})}
    assert form in LEFT_TO_NUMPY
    assert plan(rule, shape) == []


@pytest.mark.parametrize(
    ("rule", "shapes"),
    [
        (lambda xp, x: xp.cumsum(x, axis=0) * 2, [(5,)]),
        (lambda xp, x: xp.matmul(x, x) * 2, [(3, 3)]),
        (lambda xp, x: x**2.5, [(3,)]),
        (lambda xp, x: xp.sin(x) * 2, [(3,)]),
        (lambda xp, x: x, [(3,)]),
        (lambda xp, x: xp.exp(x) * 2, [(0, 3)]),
        (lambda xp, x: xp.broadcast_to(x / 2, shape=(3, 4)), [()]),
        (lambda xp, x: xp.full(shape=(3,), value=1.0, dtype=float32), [(3,)]),
        (lambda xp, x: xp.argmax(x * 2, axis=(1,), keepdims=False) + 1, [(3, 4)]),
        (lambda xp, x: xp.prod(x * 2, axis=(1,), keepdims=False), [(3, 4)]),
        (lambda xp, x: xp.any(x > 2, axis=(1,), keepdims=False), [(3, 4)]),
    ],
)
def test_what_has_no_kernel(rule, shapes):
    assert plan(rule, *shapes) == []


def test_reshapes_at_both_ends_are_free():
    def rule(xp, x):
        flat = xp.reshape(xp.reshape(x, shape=(6, 2)), shape=(12,))
        return xp.reshape(xp.reshape(xp.exp(flat) * 2.0, shape=(3, 4)), shape=(2, 6))

    (found,) = plan(rule, (4, 3))
    assert loops_of(found.nest).columns == 12
    assert (found.result.shape, passes(found)) == ((2, 6), [([], ["exp", "multiply"], [])])


@pytest.mark.parametrize(
    ("op", "static", "count"),
    [
        (ag.softmax, {"axis": (1,)}, 1),
        (ag.logsumexp, {"axis": (0, 1), "keepdims": False}, 1),
        (ag.std, {"axis": (1,), "ddof": 1, "keepdims": False}, 1),
        (ag.softmax_cross_entropy, {}, 2),
        (ag.gelu, {"approximate": "tanh"}, 1),
    ],
)
def test_one_kernel_serves_every_size(op, static, count):
    texts = set()
    for shape in ((5, 7), (2, 1000), (70, 64), (1, 30)):
        (found,) = plan(op.op.forward, *[shape] * count, **static)
        texts.add(re.sub(r"\bv\d+", "v", emit(found.nest, found.parameters, ()).source))
    assert len(texts) == 1


def test_every_instruction_has_its_operands():
    """In the order of passes, nothing is read before it is made."""
    (found,) = plan(ag.softmax_cross_entropy.op.forward, (5, 7), (5, 7))
    known = {*found.nest.reads}
    for one in passes_of(found.nest.group):
        for part in one:
            for instruction in part:
                assert {o for o in instruction.operands if isinstance(o, Value)} <= known
                known.add(instruction.result)


def sums_in_two_passes(xp, x):
    """A later instruction reads the elements in an earlier pass than the one before it."""
    e = xp.exp(x)
    first = xp.sum(e, axis=(1,), keepdims=True)
    late = xp.sum(e * first, axis=(1,), keepdims=True)
    early = xp.sum(e * e, axis=(1,), keepdims=True)
    return late + early


def sums_added_to_columns(xp, x):
    """In a square matrix the numbers of rows have the shape of a row; added, they lie along the columns."""
    return x * 2.0 + xp.sum(x, axis=(1,), keepdims=False)


def sums_added_to_exponentials(xp, x):
    """What they are added to is computed by the same loops."""
    e = xp.exp(x)
    return e + xp.sum(e, axis=(1,), keepdims=False)


@pytest.mark.parametrize("rule", [sums_in_two_passes, sums_added_to_columns, sums_added_to_exponentials])
def test_kernels_of_several_passes(rule):
    array = np.random.default_rng(0).normal(size=(6, 6)).astype("float32")
    np.testing.assert_allclose(NumbaBackend(fuse_from=0).run(rule, array), rule(NUMPY, array), rtol=1e-5)


def test_a_chain_of_kernels_gives_what_one_would():
    """A function of the smaller operand is computed once for all that it meets."""
    logits, targets = (
        np.random.default_rng(0).uniform(0, 1, s).astype("float32") for s in ((300, 1), (1, 400))
    )
    backend = NumbaBackend(fuse_from=0, threads=2)
    rule = ag.sigmoid_cross_entropy.op.forward
    found = backend.run(rule, logits, targets)
    ((call,),) = (calls.values() for calls in backend._calls.values())
    assert isinstance(call, kernels.Chain)
    assert len(call.calls) == 2
    np.testing.assert_allclose(found, rule(NUMPY, logits, targets), rtol=2e-6, atol=1e-6)
    assert backend.run(rule, logits, targets).tobytes() == found.tobytes()


def totals(xp, x, scale):
    """All that a column can be reduced to, of numbers of the row, of the column and of the place."""
    numbers = xp.astype(x * scale, dtype=int64)
    count = xp.sum(xp.astype(x > 0.5, dtype=int64) + numbers, axis=(0,), keepdims=False)
    top, low = (getattr(xp, n)(x, axis=(0,), keepdims=False) for n in ("max", "min"))
    return xp.astype(count, dtype=float32) * 0.5 + top - low


DOWN = {
    "norm": (ag.norm.op.forward, 1, 1),
    "a total of each kind": (totals, 2, 1),
    "var": (lambda xp, x: ag.var.op.forward(xp, x, axis=(0,), ddof=0, keepdims=False), 1, 3),
    "softmax": (lambda xp, x: ag.softmax.op.forward(xp, x, axis=(0,)), 1, 4),
    "softmax back": (lambda xp, g, y: ag.softmax.op.vjp["x"](xp, g, y, (0,)), 2, 2),
}


@pytest.mark.parametrize("name", DOWN)
def test_reductions_down_the_rows(name, monkeypatch):
    """One kernel for all that is reduced together, shared by columns; NaN and infinity stay what they are."""
    monkeypatch.setattr(kernels, "SHARE_FROM", 0)
    rule, count, passes_down = DOWN[name]
    static = dict(axis=(0,), keepdims=False) if name == "norm" else {}
    draw = np.random.default_rng(0)
    x, other = (draw.normal(size=(40, 67)).astype("float32") for _ in range(2))
    if rule is totals:  # which makes integers of them
        other = other[:, :1].copy()
    else:
        x[3, 5], x[7, 6], x[0, 66], x[:, 8] = np.nan, np.inf, -np.inf, -np.inf
    arrays = [x, other][:count]
    assert len(plan(rule, *[a.shape for a in arrays], **static)) == passes_down
    with NUMPY.quiet():
        expected = rule(NUMPY, *arrays, **static)
    found = [NumbaBackend(0, threads).run(rule, *arrays, **static) for threads in (1, 2, 5)]
    np.testing.assert_allclose(found[0], expected, rtol=1e-5, atol=1e-5)
    assert len({f.tobytes() for f in found}) == 1


SEVERAL = {
    "power b",
    "sigmoid_cross_entropy forward",
    "sigmoid_cross_entropy logits",
    "einsum forward",
}
"""Rules of two nests where an operand is repeated: what is computed of it alone comes first, by a kernel of its
own where that saves a pass; `einsum("ij,k->k")` is a sum and a product in NumPy, too."""


def rules():
    """(name, rule, arguments, static) of the forward and the gradient rules of every op, for each sample."""
    for op in OPS.values():
        for sample in samples(op, "float32"):
            arrays = [Spec(x.shape, x.dtype) for x in sample.inputs]
            static = op.canonical(arrays, dict(sample.static))
            yield f"{op.name} forward", op.forward, arrays, static
            result = op.spec(*arrays, **sample.static)
            known = {**static, **dict(zip(op.arrays, arrays, strict=False)), "y": result}
            for name, rule in op.vjp.items():
                wanted = [n.removesuffix("_spec") for n in op.rule_names(name)]
                if set(wanted) <= known.keys():
                    yield f"{op.name} {name}", rule, [result, *(known[n] for n in wanted)], {}


def test_every_rule_that_pays_is_one_nest():
    one, several = set(), set()
    for name, rule, args, static in rules():
        arrays = [a for a in args if isinstance(a, Spec)]
        try:
            nests = loops(rule, args, static)
        except Exception as error:  # without values some rules say that they cannot
            if not is_refusal(error):
                raise
            continue
        if nests is None or max((a.size for a in arrays), default=0) <= 1:
            continue
        if all(form_of(nest) == "rows" for nest in nests):
            (one if len(nests) == 1 else several).add(name)
            made = len(kernels.plan_rule(rule, args, static))
            assert made == len(nests) or (made, name) == (0, "einsum forward"), name
    assert several == SEVERAL
    assert len(one) > 70
