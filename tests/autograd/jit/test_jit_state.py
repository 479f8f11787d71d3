"""State of a compiled step: what was handed out keeps its values, what others write is seen, what is replaced is refused."""

from __future__ import annotations

import numpy as np
import pytest
from steps import counter, ones

import autograd as ag
import nn

pytestmark = [pytest.mark.once, pytest.mark.devices]


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
        "assigned": (ag.zeros_like(w).assign(w), lambda t: t.tolist()),
        "iterator": (iter(np.asarray(w)), lambda i: [x.item() for x in i]),
        "two names": ([w.detach()] * 2, lambda p: p[0].tolist()),
    }  # fmt: skip


@pytest.mark.host
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


@pytest.mark.host
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


@pytest.mark.host
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


@pytest.mark.parametrize("kind", [list, tuple, dict])
def test_state_in_a_collection_that_a_function_makes(kind):
    """Nothing but the state itself tells that it has other tensors now: the step reaches them by ways that nobody watches."""

    class Held:
        tensors = (ag.ones(2), ag.full(2, 2.0))

        def __iter__(self):
            return iter(self.tensors)

    def state():
        a, b = held
        return {"a": a, "b": b} if kind is dict else kind((a, b))

    held = Held()
    get = iter(lambda: held.tensors, None)
    parts = list(state()) if kind is list else None

    def step(x):
        a, b = next(get)
        a.assign(a + x * b)

    f = ag.jit(step, state=state if parts is None else parts)
    for _ in range(2):
        f(ones())
    assert held.tensors[0].tolist() == [5.0, 5.0]
    held.tensors = (ag.zeros(2), ag.ones(2))
    if parts is not None:
        parts[:] = held.tensors
    f(ones())
    assert held.tensors[0].tolist() == [1.0, 1.0]


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


def test_freezing_state_between_calls():
    x = ones()
    w, v = ag.ones(2, requires_grad=True), ag.ones(2, requires_grad=True)

    @ag.jit(state=[w, v])
    def step(x):
        w.grad = v.grad = None
        (w * v * x).sum().backward()
        for t in (w, v):
            if t.requires_grad:
                t.assign(t.detach() + t.grad)
                t.grad = None

    for _ in range(3):  # the later calls find everything where the one before left it
        step(x)
    assert (w.tolist(), v.tolist()) == ([8.0, 8.0], [8.0, 8.0])
    v.requires_grad = False
    step(x)
    assert (w.tolist(), v.tolist()) == ([16.0, 16.0], [8.0, 8.0])
    v.requires_grad = True
    step(x)
    assert (w.tolist(), v.tolist()) == ([24.0, 24.0], [24.0, 24.0])
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


def test_a_function_that_reads_sees_that_another_moves_the_state():
    w, x = ag.ones(4), ag.ones(4)
    read = ag.jit(lambda x: x * w, state=[w])
    write = ag.jit(lambda: w.assign(w + 1), state=[w])
    write.prepare()
    for n in range(1, 4):
        for _ in range(3):
            assert read(x).tolist() == [float(n)] * 4
        write()
