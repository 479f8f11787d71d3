"""State is written in place, and never what somebody else can have: every way to get at the array of a tensor."""

from __future__ import annotations

import copy
import pickle
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

import autograd as ag
import backends
import nn
from autograd.owner import array_of, is_private

pytestmark = pytest.mark.once
ZEROS, ONES = np.zeros((2, 3), np.float32), np.ones((2, 3), np.float32)

# (what is held, a function that makes NumPy's array of it)
HELD = {
    "detach": (lambda w: w.detach(), lambda held: held.numpy()),
    "detach of detach": (lambda w: w.detach().detach(), lambda held: held.numpy()),
    "data": (lambda w: w.data, np.asarray),
    "numpy": (lambda w: w.numpy(), np.asarray),
    "asarray": (np.asarray, np.asarray),
    "array": (np.array, np.asarray),
    "view of asarray": (lambda w: np.asarray(w)[::-1, 1:], np.asarray),
    "memoryview": (lambda w: memoryview(np.asarray(w)), np.asarray),
    "capsule": (lambda w: np.from_dlpack(w), np.asarray),
    "reshape": (lambda w: w.reshape(6), lambda held: held.numpy()),
    "transpose": (lambda w: w.T, lambda held: held.numpy()),
    "slice": (lambda w: w[:, 1:], lambda held: held.numpy()),
    "broadcast": (lambda w: ag.broadcast_to(w, (4, 2, 3)), lambda held: held.numpy()),
    "astype": (lambda w: w.to("float64"), lambda held: held.numpy()),
    "split": (lambda w: ag.split(w, 3, axis=1)[1], lambda held: held.numpy()),
    "windows": (lambda w: ag.windows(w, axes=1, size=2), lambda held: held.numpy()),
    "squeeze": (lambda w: w[None].squeeze(0), lambda held: held.numpy()),
    "state of a module": (lambda w: {"w": w.detach()}, lambda held: held["w"].numpy()),
    "another tensor": (lambda w: ag.zeros((2, 3)).assign(w), lambda held: held.numpy()),
    "copy": (lambda w: copy.copy(w), lambda held: held.numpy()),
    "deepcopy": (lambda w: copy.deepcopy(w), lambda held: held.numpy()),
    "pickle": (lambda w: pickle.dumps(w), lambda held: pickle.loads(held).numpy()),
}


@pytest.fixture(params=["as it is", "lower", "none"], autouse=True)
def counted(request, monkeypatch):
    """An interpreter whose reference counts are lower, as 3.14's are, or tell nothing."""
    real = sys.getrefcount
    if request.param != "as it is":
        count = (lambda thing: real(thing) - 2) if request.param == "lower" else (lambda thing: 1)
        monkeypatch.setattr(sys, "getrefcount", count)


def counter(donate=False):
    w = ag.tensor(ZEROS)

    @ag.jit(state=[w], donate=donate)
    def add(x):
        w.assign(w + x)

    return w, add


@pytest.mark.host
@pytest.mark.parametrize("how", HELD)
@pytest.mark.parametrize("when", ["before", "after"])
def test_what_is_held_stays_what_it_was(how, when):
    hold, values = HELD[how]
    w, add = counter()
    if when == "after":
        add(ONES)
        assert is_private(w)
    held = hold(w)
    first = values(held).copy()
    for _ in range(3):
        add(ONES)
    assert w.tolist() == ((3 + (when == "after")) * ONES).tolist()
    np.testing.assert_array_equal(values(held), first)


@pytest.mark.host
def test_what_a_graph_has_saved_stays_what_it_was():
    w, add = counter()
    add(ONES)
    leaf = ag.tensor(ONES, requires_grad=True)
    loss = (w * leaf).sum()
    saved = w.numpy()
    add(ONES)
    loss.backward()
    np.testing.assert_array_equal(leaf.grad.numpy(), saved)


@pytest.mark.host
def test_state_that_nobody_holds_stays_where_it_is():
    w, add = counter()
    w.requires_grad = True
    add(ONES)
    where = array_of(w).ctypes.data
    for _ in range(3):
        add(ONES)
        assert (w.shape, w.ndim, w.size, w.dtype, len(w)) == ((2, 3), 2, 6, "float32", 2)
        w.tolist(), w.numpy(), repr(w), f"{w}"
        w.grad = ag.ones((2, 3))
    assert array_of(w).ctypes.data == where
    assert is_private(w)


@pytest.mark.parametrize("donate", [False, True])
def test_two_tensors_of_one_array(donate):
    online, target = ag.tensor(ZEROS), ag.tensor(ONES)

    @ag.jit(state=[online, target], donate=donate)
    def step(x):
        online.assign(online + x)
        target.assign(target * 0.5)

    for _ in range(2):
        target.assign(online)
        before = online.numpy()
        step(ag.tensor(ONES))
        np.testing.assert_array_equal(online.numpy(), before + 1)
        np.testing.assert_array_equal(target.numpy(), before * 0.5)


@pytest.mark.host
@pytest.mark.parametrize("donate", [False, True])
def test_a_view_of_one_state_as_another(donate):
    w = ag.tensor(ZEROS)
    part = w.detach()[0]

    @ag.jit(state=[w, part], donate=donate)
    def step(x):
        w.assign(w + x)
        part.assign(part - x[0])

    step(ag.tensor(ONES))
    assert (w.tolist(), part.tolist()) == (ONES.tolist(), (-ONES[0]).tolist())


def test_state_that_is_an_argument_too():
    w, add = counter()
    for _ in range(3):
        add(w + 1)
    assert w.tolist() == (7 * ONES).tolist()

    v = ag.tensor(ONES)

    @ag.jit(state=[v])
    def double(x):
        v.assign(v + x)
        return x * 1.0

    assert double(v).tolist() == ONES.tolist()
    assert double(v).tolist() == (2 * ONES).tolist()
    assert v.tolist() == (4 * ONES).tolist()


def test_asarray_is_read_only():
    w = ag.tensor(ZEROS)
    with pytest.raises(ValueError, match="read-only"):
        np.asarray(w)[0] = 1
    assert np.array(w).flags.writeable
    assert w.numpy().flags.writeable
    assert np.asarray(w, np.float64).dtype == np.float64
    assert w.tolist() == ZEROS.tolist()


def test_reference_counts_decide_nothing():
    root = Path(ag.__file__).parents[1]
    for folder in ("autograd", "backends", "gradloom", "nn"):
        for path in (root / folder).rglob("*.py"):
            assert "getrefcount" not in path.read_text(), path


@pytest.mark.host
def test_what_another_thread_holds_is_never_half_of_a_step(two_threads, backend):
    """Whoever asks for an array waits for the step that writes into it; none reads it half-way."""
    w, one = ag.zeros(50_000), ag.ones(50_000)
    step = ag.jit(lambda x: w.assign(w + x), state=[w])
    step(one)
    stop = threading.Event()

    def train():
        # a thread has a default backend of its own: with another one it would trace, and readers would be told so
        with backends.use(backend):
            while not stop.is_set():
                step(one)

    trainer = threading.Thread(target=train)
    trainer.start()
    try:
        for _ in range(200):
            held = w.detach()
            values = held.numpy()
            assert values.min() == values.max()
            read = w.numpy()
            assert read.min() == read.max()
            assert np.array_equal(held.numpy(), values)
    finally:
        stop.set()
        trainer.join()


def test_a_tensor_with_a_private_array_is_like_any_other():
    w, add = counter()
    p = nn.Parameter(ZEROS)
    step = ag.jit(lambda x: (p.assign(p.detach() + x), None)[1], state=[p])
    for _ in range(2):
        add(ONES)
        step(ONES)
        assert is_private(w)
        assert isinstance(p, nn.Parameter)
        assert (repr(w).startswith("Tensor("), repr(p).startswith("Parameter(")) == (True, True)
        assert (type(w).__name__, type(p).__qualname__, type(p).__module__) == (
            "Tensor",
            "Parameter",
            "nn.parameter",
        )
        assert type(pickle.loads(pickle.dumps(p))) is nn.Parameter
        assert type(copy.deepcopy(w)) is ag.Tensor
        assert (w + 1).tolist() == (w.numpy() + 1).tolist()
        assert type(w + 1) is ag.Tensor
        w.data = w.numpy()
        assert not is_private(w)
