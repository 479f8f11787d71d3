"""What a machine holds and leaves alone: state that is shared, moves or is given away; errors half-way; streams; looking inside."""

from __future__ import annotations

import logging
import os
import threading

import numpy as np
import pytest
import substitute
from substitute import host

import autograd as ag
import backends
import nn
from backends.contract import Feed
from backends.cupy import machine as machine_module
from backends.errors import BackendError, DeviceMemoryError
from backends.program import parse_program

pytestmark = [pytest.mark.once, pytest.mark.skipif(host.COMPILER is None, reason=host.REASON)]
RNG = np.random.default_rng(0)


@pytest.fixture
def backend(machine):
    """On a pretended device, whose log is kept."""
    machine.record()
    with backends.use(backends.get("cupy")):
        yield backends.default()


@pytest.fixture
def graphs(monkeypatch):
    """Graphs, also where one kernel would do."""
    monkeypatch.setattr(machine_module, "together", lambda calls: None)


def put(machine, *beginnings):
    """What was put on streams since the last look, as far as it begins so."""
    found = [what for _, what in machine.log if what.startswith(beginnings)]
    machine.log.clear()
    return found


def descent(w, rate=0.25, **options):
    @ag.jit(state=[w], **options)
    def step(x):
        w.grad = None
        loss = ((x * w) ** 2).sum()
        loss.backward()
        w.assign(w.detach() - w.grad * rate)
        return loss.detach()

    return step


def start():
    return ag.tensor(np.arange(4, dtype=np.float32), requires_grad=True)


# state
@pytest.mark.usefixtures("graphs")
def test_nothing_is_captured_again_while_nothing_changed(machine, backend):
    w, x = start(), ag.ones((4,), "float32")
    step = descent(w)
    step(x)
    assert put(machine, "launch")
    for _ in range(5):
        step(x)
    assert put(machine, "launch") == []
    w.assign(w.detach() * 1.0)
    step(x)
    assert put(machine, "launch")


@pytest.mark.usefixtures("graphs")
def test_graphs_for_many_addresses_are_not_kept_forever(machine, backend):
    program = parse_program("""
    program p
    %0: float32[4] = state "w"
    %1: float32[4] = add(%0, 1.0)
    assign %0 = %1
    return
    """)
    executable = backend.compile(program)
    arrays = [backend.asarray(np.full(4, k, np.float32)) for k in range(40)]
    for _ in range(2):
        for array in arrays:
            executable.step({"w": array}, {})
    assert len(executable._graphs) <= machine_module._KEPT
    assert [float(a.get()[0]) for a in arrays] == [k + 2 for k in range(40)]


def test_who_else_holds_the_state_keeps_the_old_numbers(backend):
    w, x = start(), ag.ones((4,), "float32")
    step = descent(w)
    kept = w.detach()
    held = kept.numpy().tolist()
    for _ in range(3):
        step(x)
    assert kept.numpy().tolist() == held
    assert w.numpy().tolist() != held
    again = w.detach()
    held = again.numpy().tolist()
    step(x)
    assert again.numpy().tolist() == held


def test_state_that_is_given_away_is_written_in_place(backend):
    w, x = start(), ag.ones((4,), "float32")
    step = descent(w, donate=True)
    step(x)
    address = w._data.data.ptr
    view = w.detach()
    step(x)
    assert w._data.data.ptr == address
    assert np.array_equal(view.numpy(), w.numpy())


def test_one_array_as_two_inputs_and_as_state(backend):
    w = ag.tensor(np.arange(3, dtype=np.float32))

    @ag.jit(state=[w])
    def step(a, b):
        w.assign(w + a * b)
        return a + b, w * 2.0

    x = ag.tensor([1.0, 2.0, 3.0], dtype="float32")
    total, double = step(x, x)
    assert (total.tolist(), double.tolist(), w.tolist()) == ([2, 4, 6], [2, 10, 22], [1, 5, 11])
    held = w.detach()
    total, double = step(held, w.detach())
    assert (total.tolist(), w.tolist(), held.tolist()) == ([2, 10, 22], [2, 30, 132], [1, 5, 11])


@pytest.mark.parametrize("text", [
    'program p\n%0: float32[3] = full(shape=(3,), value=2.0, dtype=float32)\nreturn y=%0',
    'program p\n%0: int64[] = full(shape=(), value=2, dtype=int64)\nreturn y=%0',
    'program p\n%0: float32[3] = input "x"\nreturn y=%0',
    'program p\n%0: float32[3] = state "x"\nreturn y=%0',
    'program p\n%0: float32[2, 3] = input "x"\n%1: float32[3, 2] = permute_dims(%0, axes=(1, 0))\nreturn y=%1, z=%0',
    'program p\n%0: float32[2, 3] = state "x"\n%1: float32[3] = getitem(%0, key=(1,))\nreturn y=%1',
    'program p\n%0: float32[0, 3] = state "x"\n%1: float32[0, 3] = add(%0, 1.0)\nassign %0 = %1\nreturn y=%1',
    'program p\n%0: float32[] = state "x"\n%1: float32[] = add(%0, 1.0)\nassign %0 = %1\nreturn y=%1, z=%0',
    'program p\n%0: float32[3] = state "x"\n%1: float32[3] = state "z"\nassign %0 = %1\nassign %1 = %0\nreturn',
    'program p\n%0: float32[3] = state "x"\n%1: float32[3] = input "z"\nassign %0 = %1\nreturn y=%0',
    'program p\n%0: float16[4, 3] = input "x"\n%1: float16[4, 3] = multiply(%0, 2.0)\n%2: float32[4, 3] = astype(%1, dtype=float32)\n%3: float32[3] = sum(%2, axis=(0,), keepdims=False)\nreturn y=%1, z=%3',
    'program p\n%0: float32[4, 3] = input "x"\n%1: int64[4, 3] = argsort(%0, axis=1)\n%2: float32[4, 3] = cumsum(%0, axis=0)\nreturn y=%1, z=%2',
    'program p\n%0: int64[4, 3] = input "x"\n%1: int64[3, 4] = permute_dims(%0, axes=(1, 0))\n%2: int64[4, 4] = matmul(%0, %1)\nreturn y=%2',
    'program p\n%0: bool[4, 3] = input "x"\n%1: bool[3, 4] = permute_dims(%0, axes=(1, 0))\n%2: bool[4, 4] = matmul(%0, %1)\nreturn y=%2',
    'program p\n%0: float32[4, 3] = input "x"\n%1: int64[2] = input "i"\n%2: int64[2] = input "j"\n%3: float32[2] = getitem(%0, %1, %2, key=(slot(0), slot(1)))\nreturn y=%3',
    'program p\nreturn',
])  # fmt: skip
@pytest.mark.parametrize("way", ["graphs", "no graphs", "one kernel"])
def test_small_and_odd_programs(machine, monkeypatch, backend, text, way):
    if way == "graphs":
        monkeypatch.setattr(machine_module, "together", lambda calls: None)
    elif way == "no graphs":
        monkeypatch.setenv("GRADLOOM_CUDA_GRAPHS", "0")
    program = parse_program(text)
    executable = backend.compile(program)
    arrays = {}
    for role in ("state", "input"):
        for name, value in program.named(role).items():
            arrays[role, name] = np.asarray(RNG.integers(0, 2, value.spec.shape)).astype(value.spec.dtype)  # fmt: skip
    state = {n: a for (r, n), a in arrays.items() if r == "state"}
    inputs = {n: a for (r, n), a in arrays.items() if r == "input"}
    mine = {n: backend.asarray(a) for n, a in state.items()}
    right = backends.get("numpy").compile(program)
    for _ in range(2):
        outputs = executable.step(mine, {n: backend.asarray(a) for n, a in inputs.items()})
        expected = right.step(state, inputs)
        assert outputs.keys() == expected.keys()
        for name, value in expected.items():
            assert outputs[name].dtype == value.dtype
            np.testing.assert_array_equal(outputs[name].get(), value, err_msg=name)
        for name, value in state.items():
            np.testing.assert_array_equal(mine[name].get(), value, err_msg=name)
    foreign = any(w in text for w in ("float16", "argsort", "matmul", "slot"))
    assert executable.uses_graphs == (way != "no graphs" and not foreign) or "float32[0" in text
    assert executable.kernels() is not None
    assert "bytes on device 0" in executable.memory_report()


def test_outputs_are_nobody_elses(backend):
    w, x = start(), ag.ones((4,), "float32")

    @ag.jit(state=[w])
    def step(x):
        w.assign(w.detach() + x)
        return w.detach(), x * 2.0

    first, other = step(x)
    before = first.tolist(), other.tolist()
    step(x + 1.0)
    assert (first.tolist(), other.tolist()) == before


# errors
TABLE = parse_program("""
program p
%0: float32[4, 2] = state "table"
%1: int64[3] = input "i"
%2: float32[3, 2] = getitem(%0, %1, key=(slot(0),))
%3: float32[4, 2] = index_add(%2, %1, key=(slot(0),), shape=(4, 2))
%4: float32[4, 2] = add(%3, %0)
assign %0 = %4
return y=%2
""")


@pytest.mark.parametrize("way", ["graphs", "no graphs", "one kernel"])
def test_an_index_out_of_range_leaves_state_as_it_was(machine, monkeypatch, backend, way):
    if way == "graphs":
        monkeypatch.setattr(machine_module, "together", lambda calls: None)
    elif way == "no graphs":
        monkeypatch.setenv("GRADLOOM_CUDA_GRAPHS", "0")
    executable = backend.compile(TABLE)
    table = RNG.standard_normal((4, 2)).astype(np.float32)
    state = {"table": backend.asarray(table)}
    for wrong in ([0, 4, 1], [-5, 0, 0], [0, 1, 2**40], [-(2**63), 0, 0]):
        with pytest.raises(IndexError, match="out of range"):
            executable.step(state, {"i": backend.asarray(np.array(wrong))})
        assert np.array_equal(state["table"].get(), table)
    executable.step(state, {"i": backend.asarray(np.array([0, 3, -1]))})
    assert np.allclose(state["table"].get()[[0, 1, 3]], table[[0, 1, 3]] * [[2], [1], [3]])


def test_an_epoch_stops_at_the_step_with_a_wrong_index(backend):
    executable = backend.compile(TABLE, {"i": Feed(12, False)})
    state = {"table": backend.asarray(np.ones((4, 2), np.float32))}
    rows = np.array([0, 0, 1, 2, 2, 2, 9, 0, 0, 3, 3, 3])
    with pytest.raises(IndexError, match="out of range"):
        executable.epoch(state, {"i": backend.asarray(rows)}, None, 0, 4)
    # two steps were right; nothing after the wrong one happened
    assert state["table"].get()[:, 0].tolist() == [3, 2, 4, 1]
    executable.epoch(state, {"i": backend.asarray(rows)}, None, 3, 1)
    assert state["table"].get()[:, 0].tolist() == [3, 2, 4, 4]


def test_an_error_of_the_device_leaves_everything_usable(machine, backend):
    w, x = start(), ag.ones((4,), "float32")
    step = descent(w)
    step(x)
    before = w.numpy().tolist()
    for status, words in ((700, "restart the process"), (719, "restart the process"), (1, "the CUDA device reports")):  # fmt: skip
        machine.broken = status
        with pytest.raises(BackendError, match=words):
            step(x)
        machine.broken = None
        assert w.numpy().tolist() == before
    step(x)
    assert w.numpy().tolist() != before


@pytest.mark.usefixtures("graphs")
def test_an_error_while_a_graph_is_captured_ends_the_capture(machine, monkeypatch, backend):
    w, x = start(), ag.ones((4,), "float32")
    step = descent(w)
    launch = machine_module.launch
    monkeypatch.setattr(machine_module, "launch", lambda *a: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        step(x)
    monkeypatch.setattr(machine_module, "launch", launch)
    assert not substitute.cuda.get_current_stream().is_capturing()
    for _ in range(2):
        step(x)
    assert w.tolist() == [0, 0.25, 0.5, 0.75]


def test_ctrl_c_while_a_step_is_put_on_the_stream(monkeypatch, backend):
    monkeypatch.setenv("GRADLOOM_CUDA_GRAPHS", "0")
    w, x = start(), ag.ones((4,), "float32")
    step = descent(w)
    step(x)
    launch = machine_module.launch

    def pressed(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr(machine_module, "launch", pressed)
    with pytest.raises(KeyboardInterrupt):
        step(x)
    monkeypatch.setattr(machine_module, "launch", launch)
    before = w.numpy()
    step(x)
    assert np.array_equal(w.numpy(), before * 0.5)


def test_no_memory_for_a_program_says_what_takes_it(machine, backend):
    program = parse_program("""
    program hungry
    %0: float32[1000, 1000] = input "x"
    %1: float32[1000, 1000] = matmul(%0, %0)
    %2: float32[1000, 1000] = exp(%1)
    %3: float32[1000, 1000] = matmul(%2, %1)
    %4: float32[] = sum(%3, axis=(0, 1), keepdims=False)
    return y=%4
    """)
    machine.memory = 1 << 20
    with pytest.raises(DeviceMemoryError) as failure:
        backend.compile(program)
    text = str(failure.value)
    for words in ("hungry needs", "bytes on CUDA device 0", "float32[1000, 1000] (4,000,000 bytes)", "Use smaller batches"):  # fmt: skip
        assert words in text
    machine.memory = 1 << 40
    backend.compile(program)


def test_no_memory_for_a_result_leaves_the_machine_usable(machine, backend):
    x = ag.ones((1000,), "float32")
    double = ag.jit(lambda x: x * 2.0)
    double(x)
    machine.memory = machine.used[0]
    with pytest.raises(DeviceMemoryError, match="smaller batches"):
        double(x)
    machine.memory = 1 << 40
    assert double(x).sum().item() == 2000


# streams and waiting
def test_turns_of_one_machine_follow_each_other_whatever_their_streams(machine, backend):
    w, x = start(), ag.ones((4,), "float32")
    step = descent(w)
    step(x)
    streams = [substitute.cuda.Stream(non_blocking=True) for _ in range(2)]

    def work(stream):
        with backends.use(backend), stream:
            for _ in range(5):
                step(x)

    machine.log.clear()
    threads = [threading.Thread(target=work, args=(s,)) for s in streams]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    last = None
    turns = {s.name: [what for name, what in machine.log if name == s.name] for s in streams}
    for name, what in machine.log:
        if what == "wait for event":
            assert last in (None, "record event")
        last = what if what in ("wait for event", "record event") else last
        assert name in turns
    assert [sum(what == "wait for event" for what in t) for t in turns.values()] == [5, 5]
    np.testing.assert_allclose(w.numpy(), np.arange(4) * 0.5**11)


@pytest.mark.parametrize("way", ["graphs", "one kernel"])
def test_a_fit_waits_only_at_the_ends_of_its_stretches(machine, monkeypatch, backend, way):
    if way == "graphs":
        monkeypatch.setattr(machine_module, "together", lambda calls: None)
    model = nn.Sequential([nn.Input((6,)), nn.Dense(5, "relu"), nn.Dropout(0.2), nn.Dense(1)])
    model.compile("adam", "mse")
    x, y = RNG.standard_normal((3200, 6)).astype(np.float32), np.zeros((3200, 1), np.float32)
    model.fit(x, y, 32, 1, verbose=0)
    machine.log.clear()
    machine.waits = 0
    model.fit(x, y, 32, 2, verbose=0)
    assert machine.waits < 40
    graphs, launches = len([w for _, w in machine.log if w.startswith("graph")]), len(put(machine, "launch"))  # fmt: skip
    if way == "graphs":
        # 100 steps are five graphs; rows lie elsewhere in the second fit, so some are captured again
        assert 0 < graphs < 60
    else:
        assert graphs == 0
        assert launches < 60


def test_a_step_waits_for_nothing(machine, backend):
    w, x = start(), ag.ones((4,), "float32")
    step = descent(w)
    step(x)
    machine.waits = 0
    for _ in range(5):
        step(x)
    assert machine.waits == 0


# looking inside
def test_a_machine_can_be_looked_at(backend):
    w, x = start(), ag.ones((4,), "float32")
    step = descent(w)
    step(x)
    before = w.numpy()
    (entry,) = step._entries.values()
    executable = entry.executable
    assert "__global__" in executable.source()
    assert any("w" in line or "%" in line for line in executable.kernels())
    found = executable.compare({n: t._data for n, t in entry.tensors.items()}, dict.fromkeys(executable.inputs, x._data))  # fmt: skip
    assert found
    assert all(difference < 1e-6 for _, _, difference in found)
    assert np.array_equal(w.numpy(), before)
    rows = executable.profile(lambda: [step(x) for _ in range(3)])
    assert rows
    assert all(seconds >= 0 and size > 0 for _, seconds, size, _ in rows)
    assert np.allclose(w.numpy(), before * 0.5**3)
    step(x)
    assert np.allclose(w.numpy(), before * 0.5**4)


@pytest.mark.parametrize("level", [1, 2, 3, 4])
def test_levels_of_debugging(backend, caplog, capsys, level):
    w, x = start(), ag.ones((4,), "float32")
    step = descent(w)
    with caplog.at_level(logging.DEBUG), ag.debug(level):
        for _ in range(2):
            step(x)
    told = caplog.text + "".join(capsys.readouterr())
    assert "step" in told
    assert ("__global__" in told) == (level >= 3)
    assert np.allclose(w.numpy(), np.arange(4) * 0.25)


def test_graphs_can_be_switched_off(monkeypatch, machine, backend):
    monkeypatch.setenv("GRADLOOM_CUDA_GRAPHS", "0")
    w, x = start(), ag.ones((4,), "float32")
    step = descent(w)
    for _ in range(3):
        step(x)
    assert not put(machine, "graph")
    assert np.allclose(w.numpy(), np.arange(4) * 0.5**3)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_child_may_look_at_what_the_parent_has_on_the_host(backend):
    """Here it goes on; what a real device says is told in words of ours (see below)."""
    w, x = start(), ag.ones((4,), "float32")
    step = descent(w)
    step(x)
    child = os.fork()
    if child == 0:
        try:
            step(x)
        finally:
            os._exit(0)
    assert os.waitpid(child, 0)[1] == 0


def test_what_a_device_says_in_a_child_is_explained(machine, backend):
    x = ag.ones((4,), "float32")
    machine.broken = 3
    with pytest.raises(BackendError, match=r"InitializationError.*forked.*get_context\('spawn'\)"):
        x + 1
