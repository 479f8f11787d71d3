"""Tensors, captured programs and compiled functions in a notebook."""

from __future__ import annotations

import numpy as np
import pytest
from pages import Page

import autograd as ag
from autograd.notebook import DOTS, ENDS, image, listing, table, text

pytestmark = pytest.mark.once
HOSTILE = "<script>alert(1)</script>&\"'"


def shown(thing):
    """What a notebook shows, read."""
    return Page(thing._repr_html_())


def test_a_small_tensor_is_a_table_of_its_elements():
    page = shown(ag.tensor([[1.0, 2.5], [3.0, float("nan")]], requires_grad=True))
    assert page.tables == [[["1", "2.5"], ["3", "nan"]]]
    assert "shape (2, 2), float32" in page.text
    assert "requires_grad" in page.text
    assert shown(ag.tensor([1, 2, 3])).tables == [[["1", "2", "3"]]]
    assert shown(ag.tensor([True, False])).tables == [[["True", "False"]]]
    assert "grad_fn=exp" in shown(ag.exp(ag.tensor([1.0], requires_grad=True))).text


def test_numbers_and_empty_tensors():
    assert "0.25" in shown(ag.tensor(0.25)).text
    for shape in ((0,), (3, 0), (0, 2, 2)):
        page = shown(ag.zeros(shape))
        assert "no elements" in page.text
        assert str(shape) in page.text


@pytest.mark.parametrize(
    "shape", [(9,), (100,), (3, 100), (100, 3), (20, 30), (2, 3, 4), (5, 2, 9, 10), (8, 8)]
)
def test_of_every_axis_both_ends_are_shown(shape):
    """Beside NumPy: the first element of all leading axes, and of the last two the ends."""
    values = np.arange(np.prod(shape)).reshape(shape)
    matrix = values.reshape(-1, *shape[-2:])[0] if len(shape) > 1 else values[None]

    def ends(items):
        items = list(items)
        return items if len(items) <= 2 * ENDS else [*items[:ENDS], None, *items[-ENDS:]]

    columns = ends(range(matrix.shape[1]))
    wanted = [[DOTS if row is None or c is None else str(row[c]) for c in columns] for row in ends(matrix)]
    (table,) = shown(ag.tensor(values)).tables
    assert table == wanted


def test_of_a_huge_tensor_only_what_is_shown_is_copied(monkeypatch):
    """A million rows that are one row repeated: no other element of it exists in memory, or as text."""
    x = ag.broadcast_to(ag.arange(1000), shape=(1_000_000, 1000))
    copied = []
    backend = x._backend
    real = type(backend).to_numpy

    def counting(self, array):
        copied.append(array.size)
        return real(self, array)

    monkeypatch.setattr(type(backend), "to_numpy", counting)
    html = x._repr_html_()
    assert sum(copied) == (2 * ENDS) ** 2
    assert len(html) < 5_000
    assert "(1000000, 1000)" in Page(html).text


def test_a_tensor_of_a_step_keeps_its_place_in_the_graph_and_stays_private():
    """Looking changes nothing: no node, no copy of a state that a compiled step writes in place."""
    w = ag.ones(3, requires_grad=True)
    y = w * 2
    shown(y)
    y.sum().backward()
    assert w.grad.tolist() == [2.0, 2.0, 2.0]
    state = ag.zeros(100)
    step = ag.jit(lambda x: state.assign(state + x), state=[state])
    step(ag.ones(100))
    step(ag.ones(100))
    kind = type(state)
    assert shown(state).tables[0][0][0] == "2"
    assert type(state) is kind


def test_a_tensor_that_is_traced_has_no_values():
    seen = []

    def step(x):
        seen.append(x._repr_html_())
        return x + 1

    ag.capture(step, ag.ones((2, 3)), state={})
    page = Page(seen[0])
    assert "no values while it is traced" in page.text
    assert page.tables == []


def test_a_captured_step():
    w = ag.tensor([1.0, 2.0])

    def decay(rate):
        w.assign(w * rate)
        return w.sum()

    decay.__name__ = HOSTILE
    captured = ag.capture(decay, ag.tensor(0.5), state={HOSTILE: w})
    page = shown(captured)
    assert HOSTILE in page.text
    assert ["name", "shape", "dtype"] in page.tables[0]
    assert [HOSTILE, "(2,)", "float32"] in page.tables[0]
    assert "multiply" in page.text
    empty = shown(ag.capture(lambda x: x + 1.0, ag.ones(2), state={}))
    assert "state of 0 tensors" in empty.text


def test_a_captured_step_of_a_thousand_instructions_is_cut():
    def long(x):
        for i in range(1000):
            x = x * (1.0 + i)
        return x

    html = ag.capture(long, ag.ones(2), state={})._repr_html_()
    assert "more lines" in Page(html).text
    assert len(html) < 10_000


def test_a_compiled_function_before_and_after_its_first_call():
    @ag.jit(name=HOSTILE)
    def step(x):
        return ag.tanh(x) * 2.0

    page = shown(step)
    assert HOSTILE in page.text
    assert "Not called yet" in page.text
    assert "0 traces" in page.text
    step(ag.ones(3))
    page = shown(step)
    assert "1 trace" in page.text
    assert "tanh" in page.text
    assert "kernels" in page.text


class Walk:
    """A compiled method."""

    @ag.jit
    def on(self, x):
        return x + 1.0


def test_a_compiled_method():
    assert "Not called yet" in shown(Walk().on).text


def test_the_pieces():
    page = Page(table(["a", HOSTILE], [[HOSTILE, 0.123456]] * 50, most=3))
    assert page.tables == [[["a", HOSTILE], *[[HOSTILE, "0.1235"]] * 3, ["47 more"]]]
    assert Page(listing([HOSTILE] * 100, most=2)).text.count("alert") == 2
    assert len(text("x" * 10_000)) == 120
    assert Page(image(b"\x00" * 10, "image/png", HOSTILE)).images[0]["alt"] == HOSTILE
