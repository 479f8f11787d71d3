"""Compiled steps in several threads and in forked processes: no state of another, no lock for ever, the same bytes."""

from __future__ import annotations

import os
import signal
import threading
import time
from functools import partial

import pytest
from compiling import together
from steps import big_step, ones

import autograd as ag
import backends

pytestmark = [pytest.mark.once, pytest.mark.devices]


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


@pytest.mark.parametrize("begun", [False, True])
def test_a_call_while_another_thread_traces_with_the_same_state(backend, begun):
    """During a trace the state holds symbols; a step of the same state waits for its end, even one that has begun."""
    w, x = ag.full(4, 2.0), ag.ones(4)
    calling, tracing, go_on = threading.Event(), threading.Event(), threading.Event()
    got = {}

    def slowly(x):
        y = w * x
        tracing.set()
        assert go_on.wait(60)
        return y

    called, traced = ag.jit(lambda x: w + x, state=[w]), ag.jit(slowly, state=[w])
    for _ in range(3):
        called(x)
    # what is bound need not be read
    w.assign(ag.full(4, 2.0))

    def trace():
        with backends.use(backend):
            got["traced"] = traced(x).tolist()

    def call():
        with backends.use(backend):
            assert begun or tracing.wait(60)
            calling.set()
            got["called"] = called(x).tolist()

    threads = [threading.Thread(target=trace), threading.Thread(target=call)]
    if begun:
        # another turn of the machine makes the call wait between its arguments and its state
        with called._last.executable.lock:
            threads[1].start()
            assert calling.wait(60)
            time.sleep(0.2)
            threads[0].start()
            assert tracing.wait(60)
    else:
        threads[0].start()
        threads[1].start()
        assert calling.wait(60)
    time.sleep(0.2)
    go_on.set()
    for thread in threads:
        thread.join(60)
    assert got == {"traced": [2.0] * 4, "called": [3.0] * 4}


@pytest.mark.parametrize("backend", ["numba"], indirect=True)
@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("writes", [False, True])
def test_two_functions_of_one_program_in_two_threads(when, writes, monkeypatch):
    """They share the machine code; a thread that gets its turn just before or after a step must not lend its state."""
    machine = pytest.importorskip("backends.native.executable").Executable

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
    step, armed, started = machine.step, [], []

    def disturb():
        if armed:
            armed.clear()
            thread = threading.Thread(target=work)
            thread.start()
            thread.join(0.2)  # it may have to wait for this very step
            started.append(thread)

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
    for thread in started:
        thread.join(60)
    assert [thread.is_alive() for thread in started] == [False] * 3
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


@pytest.mark.host
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


@pytest.mark.host
@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
@pytest.mark.filterwarnings("ignore:.*fork.*:RuntimeWarning")
@pytest.mark.usefixtures("two_threads")
def test_fork_while_another_thread_runs(backend):
    """Its locks are held, in the child for ever, unless they are made anew.

    On NumPy with products of one thread: at a fork OpenBLAS ends its own threads, also under a product that waits
    for them in another thread of ours, and that product then never returns here, in the parent.
    """
    w, step, x = big_step(rows=16 if backend == "numpy" else 64)
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
    assert not thread.is_alive()


@pytest.mark.usefixtures("two_threads")
def test_one_thread_or_two_give_the_same_bytes(monkeypatch, backend):
    from backends.native import threads

    results = []
    for limit in (1, 2):
        monkeypatch.setattr(threads, "limit", limit)
        w, step, x = big_step()
        for _ in range(3):
            step(x)
        results.append(w.numpy().tobytes())
    assert results[0] == results[1]
