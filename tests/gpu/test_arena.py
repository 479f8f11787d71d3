"""Memory of executables: one room for all of a device, what each keeps, and who gives back when it runs out."""

from __future__ import annotations

import gc
import threading

import numpy as np
import pytest
import substitute
from descending import descent, put, put_on_the_stream_by, start

import autograd as ag
import backends
import nn
from backends.cupy.cublas import WORKSPACE
from backends.errors import DeviceMemoryError
from backends.program import parse_program

pytestmark = pytest.mark.once


def used(machine):
    gc.collect()
    return machine.used[0]


def test_a_fit_with_measuring_and_predicting_takes_one_room(machine, monkeypatch, backend):
    """Six executables: steps of full and of partial batches of each; they had six rooms, each with a workspace."""
    put_on_the_stream_by("graphs", monkeypatch)
    model = nn.Sequential(
        [nn.Input((300,)), nn.Dense(300, "relu"), nn.Dense(300, "relu"), nn.Dense(3, "softmax")]
    )
    model.compile(nn.SGD(0.1, momentum=0.9), "sparse_categorical_crossentropy")
    x, y = np.zeros((300, 300), np.float32), np.zeros(300, np.int32)
    before = used(machine)
    model.fit(x, y, 128, 1, verbose=0, validation_split=0.2)
    model.evaluate(x, y, verbose=0, batch_size=128)
    model.predict(x, verbose=0, batch_size=128)
    taken = used(machine) - before
    weights = sum(w.nbytes for w in model.get_weights())
    # weights, velocities, data, and rooms of a few hundred kilobytes
    assert taken < WORKSPACE + 2 * weights + x.nbytes + 6_000_000


def hungry(size):
    return parse_program(f"""
    program hungry{size}
    %0: float32[{size}] = input "x"
    %1: float32[{size}] = exp(%0)
    return y=%1
    """)


def test_executables_that_rest_give_their_memory_to_one_that_runs(machine, backend):
    size = 100_000
    executables = [backend.compile(hungry(size + k)) for k in range(4)]
    inputs = [backend.asarray(np.full(size + k, k, np.float32)) for k in range(4)]
    for executable, x in zip(executables, inputs, strict=True):
        executable.step({}, {"x": x})
    own = executables[0].memory.own
    # room for a result, not for one more executable
    machine.memory = used(machine) + 4 * size + own // 2
    extra = backend.compile(hungry(size + 9))
    assert executables[0].memory.block is None
    assert executables[3].memory.block is not None
    machine.memory += 3 * own
    for number, (executable, x) in enumerate(zip(executables, inputs, strict=True)):
        found = executable.step({}, {"x": x})["y"].get()
        np.testing.assert_allclose(found, np.exp(number), rtol=1e-6)
    extra.step({}, {"x": backend.asarray(np.zeros(size + 9, np.float32))})


def test_nobody_gives_more_than_there_is(machine, backend):
    executable = backend.compile(hungry(1000))
    x = backend.asarray(np.zeros(1000, np.float32))
    machine.memory = used(machine) + 20_000
    with pytest.raises(DeviceMemoryError, match="hungry100000 needs"):
        backend.compile(hungry(100_000))
    assert executable.step({}, {"x": x})["y"].get().tolist() == [1.0] * 1000


@pytest.mark.parametrize("way", ["graphs", "one kernel"])
def test_a_larger_room_leaves_others_right(machine, monkeypatch, backend, way):
    """Graphs hold addresses: those of a room that was given up are made anew."""
    put_on_the_stream_by(way, monkeypatch)
    w, x = start(), ag.ones((4,), "float32")
    step = descent(w)
    for _ in range(2):
        step(x)
    large = parse_program("""
    program large
    %0: float32[300, 300] = input "x"
    %1: float32[300, 300] = exp(%0)
    %2: float32[300, 300] = matmul(%1, %1)
    %3: float32[] = sum(%2, axis=(0, 1), keepdims=False)
    return y=%3
    """)
    executable = backend.compile(large)
    for number in range(3):
        executable.step({}, {"x": backend.asarray(np.zeros((300, 300), np.float32))})
        machine.log.clear()
        step(x)
        if way == "graphs":
            assert bool(put(machine, "launch")) == (number == 0)
    assert np.allclose(w.numpy(), np.arange(4) * 0.5**5)


def test_memory_of_an_executable_goes_back_with_the_next_turn(machine, backend):
    """To the stream that asked for it, which waits for the event of the last turn, whichever stream that was on."""
    executable, other = backend.compile(hungry(5000)), backend.compile(hungry(11))
    x, y = (backend.asarray(np.zeros(n, np.float32)) for n in (5000, 11))
    with substitute.cuda.Stream(non_blocking=True):
        executable.step({}, {"x": x})
        other.step({}, {"x": y})
        before = used(machine)
        del executable
        gc.collect()
        machine.log.clear()
        other.step({}, {"x": y})
    assert used(machine) < before - 2 * 5000 * 4
    assert ("null", "wait for event") in machine.log


def test_an_executable_that_is_collected_while_a_step_is_traced(machine, backend):
    """What runs then is no part of the step: it is not traced again."""
    state, box = ag.zeros((4,)), []

    @ag.jit(state=[state])
    def note(x):
        box.clear()
        gc.collect()
        state.assign(state + x)

    executable = backend.compile(hungry(4))
    executable.step({}, {"x": backend.asarray(np.zeros(4, np.float32))})
    executable.itself = executable
    box.append(executable)
    del executable
    for _ in range(3):
        note(ag.ones((4,)))
        machine.log.append(("nobody", "anything"))
    assert note.traces == 1


def test_threads_with_executables_of_their_own_take_turns(backend):
    """All compute in one room; a step of each is a chain of values that would be overwritten."""
    size = 500
    text = "\n".join(f"%{k}: float32[{size}] = {('cumsum', 'negative')[k % 2]}(%{k - 1}{', axis=0' * (1 - k % 2)})" for k in range(1, 6))  # fmt: skip
    failed = []

    def work(number):
        program = parse_program(f'program p{number}\n%0: float32[{size}] = input "x"\n{text}\nreturn y=%5')
        with backends.use(backend), substitute.cuda.Stream(non_blocking=True):
            executable = backend.compile(program)
            x = np.random.default_rng(number).random(size).astype(np.float32)
            expected = backends.get("numpy").compile(program).step({}, {"x": x})["y"]
            for _ in range(20):
                found = executable.step({}, {"x": backend.asarray(x)})["y"].get()
                if not np.allclose(found, expected, rtol=1e-3):
                    failed.append(number)

    threads = [threading.Thread(target=work, args=(k,)) for k in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed
