"""Memory shared with other libraries, without a copy."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

import autograd as ag
import backends
import nn


class Foreign:
    """An array of some other library on a device: it speaks DLPack and nothing else."""

    def __init__(self, array, kind=2, number=0):
        self.array, self.kind, self.number, self.streams = array, kind, number, []

    def __dlpack__(self, **settings):
        self.streams.append(settings.get("stream"))
        return self.array.__dlpack__(**settings)

    def __dlpack_device__(self):
        return self.kind, self.number


def test_in_and_out_share_memory(cupy_backend):
    own = cupy_backend.asarray([1.0, 2.0, 3.0])
    foreign = Foreign(own)
    x = ag.from_dlpack(foreign)
    assert (x.backend, x.tolist(), x.data.data.ptr) == (cupy_backend.name, [1, 2, 3], own.data.ptr)
    # the consumer says on which stream it will read
    assert isinstance(foreign.streams[0], int)
    back = cupy_backend.from_dlpack(x)
    assert back.data.ptr == own.data.ptr
    assert x.__dlpack_device__() == (2, 0)
    capsule = x.__dlpack__(stream=1)
    assert type(capsule).__name__ == "PyCapsule"
    assert cupy_backend.from_dlpack(capsule).data.ptr == own.data.ptr


def test_borrowed_memory_is_not_written_to(cupy_backend):
    """Whoever wants to write in place gets a copy."""
    own = cupy_backend.asarray([1.0, 2.0, 3.0])
    x = ag.from_dlpack(Foreign(own))
    assert cupy_backend.owned(x.data).data.ptr != own.data.ptr


def test_a_tensor_of_a_foreign_array_is_a_copy(cupy_backend):
    own = cupy_backend.asarray([1.0, 2.0, 3.0])
    x = ag.tensor(Foreign(own), backend=cupy_backend)
    assert x.tolist() == [1, 2, 3]
    assert x.data.data.ptr != own.data.ptr


def test_dtypes_that_do_not_exist_here(cupy_backend):
    wrong = cupy_backend._cupy.array(np.ones(2, complex))
    for make in (ag.from_dlpack, lambda a: ag.tensor(a, backend=cupy_backend)):
        with pytest.raises(ag.DTypeError, match="complex128 is not supported"):
            make(Foreign(wrong))


def test_numpy_and_other_backends_are_told_where_an_array_is(cupy_backend):
    own = cupy_backend.asarray([1.0])
    with pytest.raises(ag.BackendError, match=r"this ndarray is on a CUDA device and backend 'numpy' is not.*backend='cupy'"):  # fmt: skip
        ag.tensor(own, backend="numpy")
    with pytest.raises(ag.BackendError, match=r"array\.get\(\) in CuPy"):
        backends.get("numpy").asarray(own)


def test_unknown_devices():
    with pytest.raises(ag.BackendError, match="Foreign is on a device of DLPack's kind 10"):
        ag.from_dlpack(Foreign(np.ones(2), kind=10))
    with pytest.raises(ag.DTypeError, match="a list has no __dlpack__"):
        ag.from_dlpack([1.0])


def test_on_the_cpu():
    """Both ways between NumPy and tensors of the CPU, whichever backend is the default."""
    values = np.arange(3.0)
    x = ag.from_dlpack(values)
    assert x.backend in ("numpy", "numba")
    values[0] = 7
    assert x.tolist() == [7, 1, 2]
    again = np.from_dlpack(ag.tensor([1.0, 2.0], backend="numpy"))
    assert again.tolist() == [1, 2]
    with pytest.raises(ag.DTypeError, match="complex128 is not supported"):
        ag.from_dlpack(np.ones(2, complex))


def test_with_pytorch_on_the_cpu():
    torch = pytest.importorskip("torch")
    there = torch.arange(3.0)
    x = ag.from_dlpack(there)
    there[0] = 5
    assert x.tolist() == [5, 1, 2]
    assert torch.from_dlpack(ag.tensor([1.0, 2.0], backend="numpy")).tolist() == [1, 2]
    for wrong in (there.clone().requires_grad_(), there.to(torch.bfloat16)):
        with pytest.raises(ag.DTypeError, match="this Tensor cannot be shared"):
            ag.from_dlpack(wrong)


@pytest.mark.gpu
def test_with_pytorch_on_the_device(device):
    torch = pytest.importorskip("torch")
    if not torch.cuda.is_available():
        pytest.skip("PyTorch sees no CUDA device")
    there = torch.arange(4.0, device="cuda")
    x = ag.from_dlpack(there)
    assert (x.backend, x.data.data.ptr) == (device.name, there.data_ptr())
    back = torch.from_dlpack(ag.tensor([1.0, 2.0], backend=device))
    assert (back.device.type, back.tolist()) == ("cuda", [1, 2])
    assert ag.tensor(there, backend=device).tolist() == [0, 1, 2, 3]


def test_pickling(cupy_backend):
    x = ag.tensor([1.0, 2.0], requires_grad=True, backend=cupy_backend)
    again = pickle.loads(pickle.dumps(x))
    assert (again.backend, again.tolist(), again.requires_grad) == (cupy_backend.name, [1, 2], True)


def test_a_model_is_given_arrays_of_the_device(cupy_backend):
    """Rows that lie on the device are used where they lie."""
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(40, 3)).astype("float32"), rng.integers(0, 2, 40)
    with backends.use(cupy_backend):
        predicted = []
        for where in (lambda a: a, cupy_backend.asarray):
            nn.set_random_seed(0)
            model = nn.Sequential([nn.Dense(4, activation="relu"), nn.Dense(1, activation="sigmoid")])  # fmt: skip
            model.compile("sgd", "binary_crossentropy", metrics=["accuracy"], jit=False)
            model.fit(where(x), where(y), epochs=2, verbose=0, validation_split=0.25)
            model.evaluate(where(x), where(y), verbose=0)
            predicted.append(model.predict(where(x)))
    np.testing.assert_array_equal(*predicted)


def test_missing_values_on_the_device_are_named(cupy_backend):
    x = cupy_backend.asarray(np.array([[1.0, np.nan], [2.0, 3.0]], "float32"))
    with backends.use(cupy_backend):
        model = nn.Sequential([nn.Dense(1)])
        model.compile("sgd", "mse", jit=False)
        with pytest.warns(UserWarning, match="x holds NaN in column 1"):
            model.fit(x, cupy_backend.asarray([1.0, 2.0]), verbose=0)
