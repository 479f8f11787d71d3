"""What can be wrong with a GPU and its libraries, and that each is said in words that tell what to do."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
import substitute
from substitute import host

import autograd as ag
import backends
from backends.cupy import CuPyBackend
from backends.cupy.library import library
from backends.errors import DeviceMemoryError

COMPILED = pytest.mark.skipif(host.COMPILER is None, reason=host.REASON)


def reason():
    library.cache_clear()
    text = backends.available()["cupy"]
    with pytest.raises(backends.BackendError, match="backend 'cupy' cannot be loaded here") as caught:  # fmt: skip
        backends.get("cupy")
    assert str(caught.value) == text
    return text


def test_not_installed(machine, monkeypatch):
    class Missing:
        def find_spec(self, name, path=None, target=None):
            if name == "cupy":
                raise ModuleNotFoundError("No module named 'cupy'", name="cupy")

    monkeypatch.delitem(sys.modules, "cupy")
    monkeypatch.setattr(sys, "meta_path", [Missing(), *sys.meta_path])
    text = reason()
    assert "CuPy is not installed; pip install 'gradloom[cuda13]'" in text
    assert "'gradloom[cuda12]'" in text


def test_installed_and_broken(machine, monkeypatch):
    class Broken:
        def find_spec(self, name, path=None, target=None):
            if name == "cupy":
                raise ImportError("libcudart.so.13: cannot open shared object file")

    monkeypatch.delitem(sys.modules, "cupy")
    monkeypatch.setattr(sys, "meta_path", [Broken(), *sys.meta_path])
    assert "CuPy is installed and cannot be imported: libcudart.so.13" in reason()


def test_too_old(machine, monkeypatch):
    monkeypatch.setattr(substitute.cupy, "__version__", "13.6.0")
    assert "CuPy 13.6.0 is too old, at least 14 is needed; pip install" in reason()


def test_no_driver(machine):
    machine.driver = 0
    assert "no NVIDIA driver is installed, or this container was started without its GPUs" in reason()  # fmt: skip


def test_a_driver_that_is_too_old(machine):
    machine.driver, machine.runtime = 12040, 13020
    text = reason()
    assert "the NVIDIA driver supports CUDA 12.4 and CuPy was built for CUDA 13.2" in text
    assert "pip install 'gradloom[cuda12]'" in text


def test_no_device(machine, monkeypatch):
    machine.devices = 0
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    assert reason().endswith("no CUDA device: the NVIDIA driver sees no GPU")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert "; CUDA_VISIBLE_DEVICES is ''" in reason()


def test_any_other_reason(machine, monkeypatch):
    def fails():
        raise substitute.runtime.CUDARuntimeError(719)

    monkeypatch.setattr(substitute.runtime, "getDeviceCount", fails)
    assert "no CUDA device: cudaErrorLaunchFailure" in reason()


def test_this_machine():
    """Whatever is true here is said, or works."""
    with substitute.as_installed():
        text = backends.available()["cupy"]
    assert text == "available" or "no CUDA device" in text or "CuPy is not installed" in text


def test_no_such_device(machine):
    machine.devices = 2
    assert backends.get("cupy:1").device == 1
    with pytest.raises(backends.BackendError, match="no CUDA device 2: this machine has 2, numbered from 0"):  # fmt: skip
        backends.get("cupy:2")
    with pytest.raises(backends.BackendError, match="'cupy:one': a device is a number, as in 'cupy:0'"):  # fmt: skip
        backends.get("cupy:one")
    with pytest.raises(backends.BackendError, match="unknown backend 'numpy:0'"):
        backends.get("numpy:0")
    with pytest.raises(ag.BackendError, match="no CUDA device 3"):
        ag.tensor([1.0]).to("cupy:3")


@COMPILED
def test_out_of_memory(machine):
    backend = CuPyBackend()
    machine.memory = 1_000_000
    x = ag.tensor(np.zeros(50_000, "float32"), backend=backend)
    with pytest.raises(DeviceMemoryError, match=r"Out of memory allocating 1,600,000 bytes.*Of the device's 1,000,000 bytes 800,000 are free; this process uses 200,000.*smaller batches") as caught:  # fmt: skip
        ag.broadcast_to(x, (8, 50_000)) + 1
    assert isinstance(caught.value, MemoryError)
    assert isinstance(caught.value, ag.BackendError)
    with pytest.raises(ag.DeviceMemoryError, match="800,000"):
        ag.tensor(np.zeros((8, 50_000), "float32"), backend=backend)
    # there is scratch again
    assert (x + 1).sum().item() == 50_000


def test_a_number_that_no_device_has(cupy_backend):
    with pytest.raises(backends.BackendError, match=r"no CUDA device 9999: this machine has .*, numbered from 0"):  # fmt: skip
        backends.get("cupy:9999")


def test_more_than_there_is(cupy_backend):
    """Eager, and again after it was refused."""
    x = ag.tensor(np.ones(8, "float32"), backend=cupy_backend)
    for _ in range(2):
        with pytest.raises(DeviceMemoryError, match=r"Out of memory.*bytes.*are free.*smaller batches"):
            ag.zeros((1 << 40,), backend=cupy_backend)
    assert (x + 1).sum().item() == 16


def test_memory_of_the_runtime(machine):
    backend = CuPyBackend()
    machine.broken = 2
    with pytest.raises(DeviceMemoryError, match="cudaErrorMemoryAllocation"):
        backend.asarray([1.0])


@pytest.mark.parametrize("status", [700, 719])
def test_after_a_kernel_has_broken_the_device(machine, status):
    backend = CuPyBackend()
    x = ag.tensor([1.0], backend=backend)
    machine.broken = status
    for work in (x.numpy, lambda: x + 1, x.item, lambda: backend.synchronize(), lambda: ag.tensor([1.0], backend=backend)):  # fmt: skip
        with pytest.raises(ag.BackendError, match=r"broke the device's context.*restart the process.*CUDA_LAUNCH_BLOCKING=1"):  # fmt: skip
            work()


def test_any_other_error_of_the_device(machine):
    backend = CuPyBackend()
    machine.broken = 1
    with pytest.raises(ag.BackendError, match="the CUDA device reports cudaErrorInvalidValue"):
        backend.asarray([1.0])


def test_a_kernel_that_cannot_be_compiled(cupy_backend, monkeypatch):
    backend = CuPyBackend()
    monkeypatch.setattr("backends.cupy.kernels.ERF", "not C++")
    with pytest.raises(ag.BackendError, match="a CUDA kernel could not be compiled"):
        backend.erf(backend.asarray([1.0]))


@COMPILED
def test_arrays_of_two_devices(machine):
    machine.devices = 2
    here, there = backends.get("cupy"), backends.get("cupy:1")
    x, y = here.asarray([1.0]), there.asarray([1.0])
    assert (x.data.device_id, y.data.device_id) == (0, 1)
    for work in (lambda: here.add(x, y), lambda: here.asarray(y), lambda: here.index(there.asarray([1]))):  # fmt: skip
        with pytest.raises(ag.BackendError, match="an array of CUDA device 1 in an operation on device 0"):  # fmt: skip
            work()
    a, b = ag.tensor([1.0], backend="cupy"), ag.tensor([2.0], backend="cupy:1")
    with pytest.raises(ag.BackendError, match="two backends, 'cupy' and 'cupy:1'"):
        a + b
    moved = a.to("cupy:1")
    assert (moved.backend, (moved + b).tolist()) == ("cupy:1", [3])
    assert ag.from_dlpack(b).backend == "cupy:1"
    with pytest.raises(ag.BackendError, match="is on CUDA device 1, and this is backend 'cupy' on device 0"):  # fmt: skip
        here.from_dlpack(b)


@COMPILED
def test_operations_run_on_the_backends_own_device(machine):
    machine.devices = 2
    b = ag.tensor([[1.0, 2.0]], backend="cupy:1", requires_grad=True)
    with substitute.cuda.Device(0):
        (b.exp() @ b.T).sum().backward()
        assert b.grad.data.data.device_id == 1
        assert backends.get("cupy").device == 0
    with substitute.cuda.Device(1):
        assert backends.get("cupy") is backends.get("cupy:1")
        assert backends.get("cupy").name == "cupy:1"
    assert backends.get("cupy") is backends.get("cupy:0")


def test_the_cpu_never_imports_cupy():
    """Not to convert, not to list names, not to report an unknown target."""
    code = """
import sys, autograd as ag, nn, backends
x = ag.tensor([1, 2]).to("float32").to("numpy")
backends.names()
try:
    x.to("nothing")
except ag.BackendError as error:
    print(error)
model = nn.Sequential([nn.Dense(1)]); model.compile("sgd", "mse", jit=False); model.fit([[1.0]], [1.0], verbose=0)
print("cupy" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "neither a backend (numpy, numba, cupy) nor a dtype" in done.stdout
    assert done.stdout.splitlines()[-1] == "False"
