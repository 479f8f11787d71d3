"""A step over the rows of arrays: in order and shuffled, with errors in the middle, refused where it does not fit."""

from __future__ import annotations

import numpy as np
import pytest

import autograd as ag

pytestmark = [pytest.mark.once, pytest.mark.devices]


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


def test_over_rows_of_other_dtypes():
    log, _, note = rows_step()
    x, y = ag.arange(20).to("float32").reshape(10, 2), ag.arange(10)
    for dtype in ("float32", "float64", "int32", "int64", "float32"):
        note.over_rows([x, y.to(dtype)], 3, None, 1, 1, (None,))
        assert log.tolist()[7] == [6 + 8 + 10, 7 + 9 + 11, 3 + 4 + 5], dtype


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
