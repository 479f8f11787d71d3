"""Errors half-way through a step of a machine, and looking inside one."""

from __future__ import annotations

import logging
import os
from contextlib import suppress

import numpy as np
import pytest
import substitute
from descending import descent, put, put_on_the_stream_by, start
from interrupting import at_every_place
from substitute import blas

import autograd as ag
from backends.contract import Feed
from backends.cuda.lower import lower
from backends.cuda.persistent import together
from backends.cupy import cublas
from backends.cupy import executable as machine_module
from backends.errors import BackendError, DeviceMemoryError
from backends.program import parse_program

pytestmark = pytest.mark.once
RNG = np.random.default_rng(0)


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
def test_an_index_out_of_range_leaves_state_as_it_was(monkeypatch, either_backend, way):
    put_on_the_stream_by(way, monkeypatch)
    executable = either_backend.compile(TABLE)
    table = RNG.standard_normal((4, 2)).astype(np.float32)
    state = {"table": either_backend.asarray(table)}
    for wrong in ([0, 4, 1], [-5, 0, 0], [0, 1, 2**40], [-(2**63), 0, 0]):
        with pytest.raises(IndexError, match="out of range"):
            executable.step(state, {"i": either_backend.asarray(np.array(wrong))})
        assert np.array_equal(state["table"].get(), table)
    executable.step(state, {"i": either_backend.asarray(np.array([0, 3, -1]))})
    assert np.allclose(state["table"].get()[[0, 1, 3]], table[[0, 1, 3]] * [[2], [1], [3]])


@pytest.mark.parametrize("way", ["graphs", "no graphs", "one kernel"])
def test_an_epoch_stops_at_the_step_with_a_wrong_index(monkeypatch, either_backend, way):
    put_on_the_stream_by(way, monkeypatch)
    executable = either_backend.compile(TABLE, {"i": Feed(12, False)})
    state = {"table": either_backend.asarray(np.ones((4, 2), np.float32))}
    rows = np.array([0, 0, 1, 2, 2, 2, 9, 0, 0, 3, 3, 3])
    with pytest.raises(IndexError, match="out of range"):
        executable.epoch(state, {"i": either_backend.asarray(rows)}, None, 0, 4)
    # two steps were right; nothing after the wrong one happened
    assert state["table"].get()[:, 0].tolist() == [3, 2, 4, 1]
    executable.epoch(state, {"i": either_backend.asarray(rows)}, None, 3, 1)
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
def test_an_error_while_a_graph_is_captured_ends_the_capture(monkeypatch, either_backend):
    w, x = start(), ag.ones((4,), "float32")
    step = descent(w)
    launch = machine_module.launch
    monkeypatch.setattr(machine_module, "launch", lambda *a: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        step(x)
    monkeypatch.setattr(machine_module, "launch", launch)
    assert not either_backend._cupy.cuda.get_current_stream().is_capturing()
    for _ in range(2):
        step(x)
    assert w.tolist() == [0, 0.25, 0.5, 0.75]


@pytest.mark.usefixtures("graphs")
@pytest.mark.parametrize("by_library", [True, False])
def test_a_refused_capture_costs_speed_and_its_own_error_is_told(monkeypatch, backend, caplog, by_library):
    """Ending a capture in which a call failed is an error by itself, which would hide the first one."""
    w, x = start(), ag.ones((4,), "float32")
    step = descent(w)
    launch = machine_module.launch
    runtime = substitute.cuda.runtime.CUDARuntimeError

    def refused(*arguments):
        stream = substitute.cuda.get_current_stream()
        if stream.captured is None:
            return launch(*arguments)
        stream.invalidated = True
        raise BackendError("cublasGemmEx failed: first") if by_library else runtime(1)

    monkeypatch.setattr(machine_module, "launch", refused)
    with caplog.at_level(logging.WARNING, "gradloom"):
        for _ in range(3):
            step(x)
    assert w.tolist() == [0, 0.125, 0.25, 0.375]
    told = [r.getMessage() for r in caplog.records if "without CUDA graphs" in r.getMessage()]
    assert len(told) == 1
    assert ("first" if by_library else str(runtime(1))) in told[0]


def test_one_kernel_runs_a_bounded_number_of_steps(machine, monkeypatch, backend):
    put_on_the_stream_by("one kernel", monkeypatch)
    program = parse_program("""
    program p
    %0: float32[4] = state "w"
    %1: float32[4] = input "x"
    %2: float32[4] = add(%0, %1)
    assign %0 = %2
    return
    """)
    executable = backend.compile(program, {"x": Feed(4, False)})
    assert executable.together[True] is not None
    state = {"w": backend.asarray(np.zeros(4, np.float32))}
    rows = backend.asarray(np.ones(4 * 4500, np.float32))
    machine.log.clear()
    executable.epoch(state, {"x": rows}, None, 0, 4500)
    assert state["w"].get().tolist() == [4500.0] * 4
    assert len(put(machine, "launch")) == -(-4500 // machine_module._LAUNCH)


def test_one_kernel_has_no_more_parameters_than_old_devices_take():
    """4 KB are 512 pointers."""
    for count, is_one in ((100, True), (300, False)):
        states = "\n".join(f'%{i}: float32[4] = state "w{i}"' for i in range(count))
        added = "\n".join(f"%{count + i}: float32[4] = add(%{i}, 1.0)" for i in range(count))
        kept = "\n".join(f"assign %{i} = %{count + i}" for i in range(count))
        program = parse_program(f"program p\n{states}\n{added}\n{kept}\nreturn")
        assert (together(lower(program).calls) is not None) == is_one


def test_a_device_without_tf32_multiplies_in_float32(monkeypatch, backend, caplog):
    precision = "tf32"
    monkeypatch.setattr(blas, "_COMPUTE", {68: None, 70: None})
    monkeypatch.setattr(machine_module, "blas_of", lambda cupy, device: cublas.Blas(cupy))
    a, b = (ag.tensor(RNG.standard_normal((512, 512)).astype(np.float32)) for _ in range(2))
    product = ag.jit(lambda a, b: a @ b, state=[], precision=precision)
    with caplog.at_level(logging.WARNING, "gradloom"):
        found = [product(a, b).numpy() for _ in range(2)]
    np.testing.assert_allclose(found[0], a.numpy() @ b.numpy(), 1e-4, 1e-4)
    np.testing.assert_array_equal(found[0], found[1])
    assert sum(precision in r.getMessage() for r in caplog.records) == 1


def test_ctrl_c_while_a_step_is_put_on_the_stream(monkeypatch, either_backend):
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


@pytest.mark.parametrize("way", ["graphs", "one kernel"])
def test_an_exception_at_every_place_of_a_turn(monkeypatch, backend, way):
    """Of the library, not of what stands in for the device: afterwards no error is remembered and state is whole."""
    put_on_the_stream_by(way, monkeypatch)
    executable = backend.compile(TABLE)
    state = {"table": backend.asarray(np.ones((4, 2), np.float32))}
    wrong, right = (backend.asarray(np.array(rows)) for rows in ([0, 9, 0], [0, 1, 2]))

    def run():
        with suppress(IndexError):
            executable.step(state, {"i": wrong})

    def check():
        before = state["table"].get()
        executable.step(state, {"i": right})
        np.testing.assert_array_equal(state["table"].get(), before * [[2], [2], [2], [1]])
        executable.step({"table": state["table"]}, {"i": right})
        state["table"][...] = 1

    assert at_every_place(run, check, heard=True) > 30


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


def test_a_program_beyond_all_memory_is_refused_and_leaves_the_device_usable(either_backend):
    """Four terabytes, which no device has."""
    hungry = parse_program("""
    program hungry
    %0: float32[1000000, 1] = input "x"
    %1: float32[1, 1000000] = permute_dims(%0, axes=(1, 0))
    %2: float32[1000000, 1000000] = matmul(%0, %1)
    %3: float32[1000000, 1000000] = exp(%2)
    %4: float32[1000000, 1] = matmul(%3, %0)
    return y=%4
    """)
    for _ in range(2):
        with pytest.raises(
            DeviceMemoryError, match=r"hungry needs .* bytes on CUDA device 0 .*smaller batches"
        ):
            either_backend.compile(hungry)
    w, x = start(), ag.ones((4,), "float32")
    step = descent(w)
    step(x)
    assert w.tolist() == [0, 0.5, 1.0, 1.5]


def test_no_memory_for_a_result_leaves_the_machine_usable(machine, backend):
    x = ag.ones((1000,), "float32")
    double = ag.jit(lambda x: x * 2.0)
    double(x)
    machine.memory = machine.used[0]
    with pytest.raises(DeviceMemoryError, match="smaller batches"):
        double(x)
    machine.memory = 1 << 40
    assert double(x).sum().item() == 2000


def test_a_machine_can_be_looked_at(either_backend):
    w, x = start(), ag.ones((4,), "float32")
    step = descent(w)
    step(x)
    before = w.numpy()
    entry = step._last
    executable = entry.executable
    assert "__global__" in executable.source()
    assert any("w" in line or "%" in line for line in executable.kernels())
    found = executable.compare({n: t._data for n, t in entry.tensors.items()}, dict.fromkeys(executable.inputs, x._data))  # fmt: skip
    assert found
    assert all(difference < 1e-6 for _, _, difference in found)
    assert np.array_equal(w.numpy(), before)
    rows = executable.profile(lambda: [step(x) for _ in range(3)])
    assert rows
    assert all(seconds >= 0 and size > 0 for _, seconds, size, *_ in rows)
    assert np.allclose(w.numpy(), before * 0.5**3)
    step(x)
    assert np.allclose(w.numpy(), before * 0.5**4)


@pytest.mark.parametrize("level", [1, 2, 3, 4])
def test_levels_of_debugging(either_backend, caplog, capsys, level):
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
