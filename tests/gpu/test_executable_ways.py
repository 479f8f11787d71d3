"""Graphs, kernels one by one and one kernel for a whole step give the same bits, at every run, on any stream."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from descending import WAYS, descent, put_on_the_stream_by, start

import autograd as ag
import backends
import nn
from backends.contract import Feed
from backends.cuda import lower as lowering
from backends.cupy import executable as executables
from backends.program import parse_program

pytestmark = pytest.mark.once
RNG = np.random.default_rng(0)
X = RNG.standard_normal((90, 6)).astype(np.float32)
Y = RNG.integers(0, 3, 90)


def fitted():
    """The weights and the history of a short training with dropout, whose last batch is a partial one."""
    nn.set_random_seed(3)
    layers = [layer for width in (7, 5) for layer in (nn.Dense(width, "relu"), nn.Dropout(0.25))]
    model = nn.Sequential([nn.Input((6,)), *layers, nn.Dense(3, "softmax")])
    model.compile(nn.SGD(0.05, momentum=0.9), "sparse_categorical_crossentropy", metrics=["accuracy"])
    history = model.fit(X, Y, 16, 2, verbose=0).history
    return [*(np.asarray(w) for w in model.get_weights()), *(np.array(v) for v in history.values())]


@pytest.mark.parametrize("products", ["tiles", "cuBLAS"])
def test_every_way_and_every_run_has_the_same_bits(either_backend, monkeypatch, products):
    if products == "cuBLAS":
        monkeypatch.setattr(lowering, "_TILES_UNTIL", -1)
    found = {}
    for way in WAYS:
        with monkeypatch.context() as patch:
            put_on_the_stream_by(way, patch)
            found[way] = [fitted() for _ in range(2)]
    first = found["graphs"][0]
    assert all(np.isfinite(part).all() for part in first)
    for way, runs in found.items():
        for number, run in enumerate(runs):
            for one, other in zip(first, run, strict=True):
                np.testing.assert_array_equal(one, other, err_msg=f"{way}, run {number}")


def test_threads_with_streams_of_their_own(either_backend):
    """Each has a step of its own on its stream, and all of them share one more."""
    threads, steps = 3, 6
    x, shared = ag.ones((4,), "float32"), start()
    own = [start() for _ in range(threads)]
    common = descent(shared)
    streams = [either_backend._cupy.cuda.Stream(non_blocking=True) for _ in range(threads)]
    # what was made so far was put on the stream of this thread
    either_backend.synchronize()
    ended, failed = [], []

    def work(number):
        try:
            with backends.use(either_backend), streams[number]:
                step = descent(own[number], rate=0.25)
                for _ in range(steps):
                    step(x)
                    common(x)
                ended.append((number, own[number].numpy()))
                either_backend.synchronize()
        except BaseException as error:
            failed.append(error)

    running = [threading.Thread(target=work, args=(number,)) for number in range(threads)]
    for thread in running:
        thread.start()
    for thread in running:
        thread.join(120)
    assert not any(thread.is_alive() for thread in running)
    assert not failed, failed
    assert len(ended) == threads
    for _, values in ended:
        np.testing.assert_array_equal(values, np.arange(4, dtype=np.float32) * np.float32(0.5**steps))
    expected = np.arange(4, dtype=np.float32) * np.float32(0.5 ** (threads * steps))
    np.testing.assert_array_equal(shared.numpy(), expected)


@pytest.mark.parametrize("way", WAYS)
def test_an_epoch_is_cut_into_as_many_launches_as_it_takes(either_backend, monkeypatch, way):
    """More steps than one launch or one graph has."""
    put_on_the_stream_by(way, monkeypatch)
    monkeypatch.setattr(executables, "_LAUNCH", 3)
    monkeypatch.setattr(executables, "_STEPS", 4)
    program = parse_program("""
    program p
    %0: float32[] = state "n"
    %1: float32[2] = input "x"
    %2: float32[] = sum(%1, axis=(0,), keepdims=False)
    %3: float32[] = multiply(%0, 0.5)
    %4: float32[] = add(%3, %2)
    assign %0 = %4
    return
    """)
    executable = either_backend.compile(program, {"x": Feed(40, False)})
    rows = np.arange(40, dtype=np.float32)
    state = {"n": either_backend.asarray(np.array(1.0, np.float32))}
    executable.epoch(state, {"x": either_backend.asarray(rows)}, None, 2, 17)
    right = np.float32(1.0)
    for number in range(2, 19):
        right = right * np.float32(0.5) + (rows[2 * number] + rows[2 * number + 1])
    assert either_backend.to_numpy(state["n"]) == right


@pytest.mark.usefixtures("graphs")
def test_a_graph_serves_as_long_as_nothing_moves(either_backend):
    w, x = start(), ag.ones((4,), "float32")
    step = descent(w)
    counts, held = [], []
    for moved in (False, False, True, False):
        if moved:
            # else its place could be the next one, too
            held.append(w._data)
            w.assign(w.detach() * 1.0)
        step(x)
        counts.append(len(step._last.executable.graphs))
    assert counts == [1, 1, 2, 2]
    np.testing.assert_array_equal(w.numpy(), np.arange(4, dtype=np.float32) * np.float32(0.5**4))
