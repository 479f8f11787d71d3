"""What is put on which stream, what waits, and that pinned memory is not overwritten too early."""

from __future__ import annotations

import numpy as np
import pytest
import substitute
from substitute import host

import autograd as ag
import backends
from backends.cupy import transfer
from backends.cupy.transfer import Staging

COMPILED = pytest.mark.skipif(host.COMPILER is None, reason=host.REASON)


@COMPILED
def test_operations_go_to_the_current_stream(machine):
    backend = backends.get("cupy")
    stream = substitute.cuda.Stream(non_blocking=True)
    with stream:
        machine.log.clear()
        x = ag.tensor([1.0, 2.0], requires_grad=True, backend=backend)
        y = (x[[0, 1, 1]] * 2).sum()
        y.backward()
        ag.erf(x)
    assert {name for name, _ in machine.log} == {stream.name}
    assert "launch add_runs" in [what for _, what in machine.log]
    machine.log.clear()
    x + 1
    assert {name for name, _ in machine.log} == {"null"}


@COMPILED
def test_what_waits_for_the_device(machine):
    backend = backends.get("cupy")
    with backends.use(backend):
        x = ag.tensor(np.ones((4, 3), "float32"), requires_grad=True)
        ag.random.seed(1)
        machine.waits = 0
        y = ag.dropout(ag.tanh(x @ x.T) * 2.0 + 1.0, 0.5)
        (y**2).mean().backward()
        ag.concat([x.grad, x.grad[1:], ag.argsort(x.detach())], axis=0)
        assert machine.waits == 0
        x[[0, 1]]
        assert machine.waits == 1
        y.numpy()
        assert machine.waits == 2


def test_pinned_memory_is_not_overwritten_before_it_was_read(machine):
    """On a device that is busy: no copy is done before something has to wait for it."""
    machine.lazy = True
    staging = Staging(substitute.cupy)
    values, arrays = np.zeros(100), []
    for number in range(3 * transfer.BUFFERS):
        values[:] = number
        arrays.append(staging.send(values))
    assert len(staging._buffers) == transfer.BUFFERS
    assert machine.waits > 0
    assert [float(a.get()[7]) for a in arrays] == list(range(3 * transfer.BUFFERS))


def test_a_buffer_is_used_again_and_grows(machine):
    staging = Staging(substitute.cupy)
    for size in (10, 1000, 100_000, 10):
        sent = staging.send(np.arange(size))
        assert sent.get().tolist() == list(range(size))
    sizes = sorted(buffer.size for buffer in staging._buffers)
    assert sizes == [4096, 8192, 1 << 20]


def test_all_buffers_are_small_and_busy(machine):
    machine.lazy = True
    staging = Staging(substitute.cupy)
    small = [staging.send(np.full(3, i)) for i in range(transfer.BUFFERS)]
    large = staging.send(np.arange(5000))
    assert len(staging._buffers) == transfer.BUFFERS
    assert large.get().tolist() == list(range(5000))
    assert [a.get()[0] for a in small] == list(range(transfer.BUFFERS))


@pytest.mark.parametrize("lazy", [False, True])
def test_large_arrays_go_in_pieces(machine, monkeypatch, lazy):
    monkeypatch.setattr(transfer, "LARGEST", 1 << 12)
    machine.lazy = lazy
    staging = Staging(substitute.cupy)
    values = np.arange(20_000, dtype="float32").reshape(100, 200)
    machine.log.clear()
    assert np.array_equal(staging.send(values.T).get(), values.T)
    copies = [what for _, what in machine.log if what.startswith("copy from host")]
    assert copies[0] == "copy from host 4096"
    assert len(copies) == 20


@pytest.mark.gpu
def test_streams_on_the_device(device):
    """Two streams, ordered by an event."""
    cuda = device._cupy.cuda
    first, second, event = cuda.Stream(non_blocking=True), cuda.Stream(non_blocking=True), cuda.Event()  # fmt: skip
    with first:
        x = ag.tensor(np.ones((2000, 2000), "float32"), backend=device)
        for _ in range(20):
            x = x @ x * (1 / 2000)
        event.record()
    with second:
        second.wait_event(event)
        assert (x + 1).sum().item() == 2 * 2000 * 2000


@pytest.mark.gpu
def test_many_transfers_on_the_device(device):
    values, arrays = np.zeros(1 << 16, "float32"), []
    for number in range(100):
        values[:] = number
        arrays.append(device.asarray(values))
    assert [float(device.to_numpy(a).min()) for a in arrays] == list(range(100))
    large = np.arange(20_000_000, dtype="float32")
    assert np.array_equal(device.to_numpy(device.asarray(large)), large)


@pytest.mark.gpu
def test_memory_on_the_device_runs_out(device):
    with pytest.raises(ag.DeviceMemoryError, match=r"Out of memory.*bytes.*are free"):
        ag.zeros((1 << 40,), backend=device)
    assert ag.ones(3, backend=device).sum().item() == 3
