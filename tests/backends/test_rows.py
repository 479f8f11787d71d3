"""Row programs: what has the form, how values lie, which stage each instruction is in."""

from __future__ import annotations

import numpy as np
import pytest

import autograd as ag
import backends
from backends.contract import Spec, float32, int64
from backends.numba import NumbaBackend
from backends.program import TraceBackend
from backends.program.rows import plan_rows


def plan(rule, *shapes, **static):
    """The row plan of a rule on float32 arrays (or Specs); None when there is none."""
    trace = TraceBackend()
    specs = [s if isinstance(s, Spec) else Spec(s, float32) for s in shapes]
    symbols = [trace.parameter(spec, "input", str(i)) for i, spec in enumerate(specs)]
    result = rule(trace, *symbols, **static)
    program = trace.finish("rule", [], [("y", result)])
    return plan_rows(program, lambda instruction: instruction.primitive != "power")


def stages(found):
    return [
        tuple([i.primitive for i in part if i.primitive not in ("reshape", "broadcast_to")] for part in stage)
        for stage in found.stages
    ]  # fmt: skip


def test_softmax_takes_three_passes():
    found = plan(ag.softmax.op.forward, (5, 7), axis=(1,))
    assert (found.rows, found.columns) == (5, 7)
    assert stages(found) == [
        ([], [], ["max"]),
        (["isfinite", "where"], ["subtract", "exp"], ["sum"]),
        ([], ["divide"], []),
    ]
    (saved,) = found.saved
    assert found.layouts[saved] == "full"


def test_elementwise_is_one_flat_pass():
    found = plan(lambda xp, a, b, c: a * b + xp.exp(c), (2, 3, 4), (), (2, 3, 4))
    assert (found.rows, found.columns) == (1, 24)
    assert stages(found) == [([], ["multiply", "exp", "add"], [])]
    assert [found.layouts[p] for p in found.parameters] == ["full", "row", "full"]


@pytest.mark.parametrize(
    ("shape", "layout"),
    [((3, 4), "full"), ((4,), "column"), ((1, 4), "column"), ((3, 1), "row"), ((), "scalar"), ((1, 1), "scalar")],
)  # fmt: skip
def test_layouts(shape, layout):
    found = plan(
        lambda xp, x, other: xp.sum(x * other, axis=(1,), keepdims=True) + x, (3, 4), shape
    )
    assert found.layouts[found.parameters[1]] == layout


def test_a_dropped_axis_is_not_mistaken_for_a_column():
    """In a square matrix a vector of row numbers and a column vector have one shape, and mean different things."""

    def rule(xp, x, per_row, per_column):
        total = xp.sum(x + per_column, axis=(1,), keepdims=False)
        return xp.multiply(total, per_row)

    found = plan(rule, (4, 4), (4,), (4,))
    assert [found.layouts[p] for p in found.parameters] == ["full", "row", "column"]

    def confused(xp, x):
        return x + xp.sum(x, axis=(1,), keepdims=False)

    assert plan(confused, (4, 4)) is None


def test_cross_entropy_with_class_numbers():
    found = plan(ag.softmax_cross_entropy.op.forward, (6, 3), Spec((6,), int64))
    assert len(found.stages) == 4
    assert found.layouts[found.parameters[1]] == "row"
    assert found.layouts[found.result] == "row"


@pytest.mark.parametrize(
    ("rule", "shapes"),
    [
        (lambda xp, x: xp.sum(x, axis=(0,), keepdims=False) * 2, [(3, 4)]),
        (lambda xp, x: xp.sum(x, axis=(0,), keepdims=True) * xp.sum(x, axis=(1,), keepdims=True), [(3, 3)]),
        (lambda xp, x: xp.cumsum(x, axis=0) * 2, [(5,)]),
        (lambda xp, x: xp.matmul(x, x) * 2, [(3, 3)]),
        (lambda xp, x: x**2.5, [(3,)]),
        (lambda xp, x: x, [(3,)]),
        (lambda xp, x: xp.exp(x) * 2, [(0, 3)]),
        (lambda xp, x: xp.permute_dims(xp.exp(x), axes=(1, 0)), [(2, 3)]),
        (lambda xp, a, b: xp.exp(a) * b, [(5, 1, 3, 4), (2, 1, 4)]),
        (lambda xp, x: xp.full(shape=(3,), value=1.0, dtype=float32), [(3,)]),
        (lambda xp, x: xp.sum(xp.max(x, axis=(1,), keepdims=False), axis=(0,), keepdims=False), [(3, 4)]),
    ],
)  # fmt: skip
def test_what_is_no_row_program(rule, shapes):
    assert plan(rule, *shapes) is None


def test_reshapes_at_both_ends_are_free():
    found = plan(
        lambda xp, x: xp.reshape(
            xp.exp(xp.reshape(xp.reshape(x, shape=(6, 2)), shape=(12,))), shape=(3, 4)
        ),
        (2, 6),
    )
    assert found.columns == 12
    assert stages(found) == [([], ["exp"], [])]


def test_every_instruction_has_its_operands():
    """In the order of stages, nothing is read before it is made."""
    for op, static, shapes in (
        (ag.softmax, {"axis": (1,)}, [(5, 7)]),
        (ag.logsumexp, {"axis": (0, 1), "keepdims": False}, [(5, 7)]),
        (ag.std, {"axis": (1,), "ddof": 1, "keepdims": False}, [(5, 7)]),
        (ag.softmax_cross_entropy, {}, [(5, 7), (5, 7)]),
    ):
        found = plan(op.op.forward, *shapes, **static)
        known = {*found.parameters, *found.constants}
        for stage in found.stages:
            for part in stage:
                for instruction in part:
                    operands = {o for o in instruction.operands if hasattr(o, "spec")}
                    assert operands <= known
                    known.add(instruction.result)
        assert np.prod([found.rows, found.columns]) == 35


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


@pytest.mark.parametrize("rule", [sums_in_two_passes, sums_added_to_columns])
def test_kernels_of_several_passes(rule):
    pytest.importorskip("numba", reason="the extra gradloom[cpu] is not installed")
    numba = NumbaBackend(fuse_from=0)
    array = np.random.default_rng(0).normal(size=(6, 6)).astype("float32")
    np.testing.assert_allclose(
        numba.run(rule, array), rule(backends.get("numpy"), array), rtol=1e-5
    )
