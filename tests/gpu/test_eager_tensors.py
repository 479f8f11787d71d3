"""Arrays and tensors on a GPU: what comes in and goes out, what is shared, and who may meet whom."""

from __future__ import annotations

import numpy as np
import pytest
from beside_numpy import NUMPY, some

import autograd as ag
import backends
from backends.contract import SUPPORTED


@pytest.mark.parametrize("value", [1, 1.5, True, [1, 2], [[1.5], [2]], np.float32(3), np.arange(6).reshape(2, 3).T, np.zeros((0, 2)), range(3), np.arange(3, dtype=">i4")], ids=repr)  # fmt: skip
def test_asarray(cupy_backend, value):
    found, expected = cupy_backend.asarray(value), NUMPY.asarray(value)
    assert type(found) is cupy_backend.array_type
    assert found.dtype == expected.dtype
    assert found.flags.c_contiguous
    np.testing.assert_array_equal(cupy_backend.to_numpy(found), expected)
    wanted = cupy_backend.asarray(value, SUPPORTED["float32"])
    np.testing.assert_array_equal(cupy_backend.to_numpy(wanted), NUMPY.asarray(value, SUPPORTED["float32"]))  # fmt: skip
    again = cupy_backend.asarray(found)
    assert again.data.ptr != found.data.ptr or not found.size


def test_asarray_refuses(cupy_backend):
    for value, text in (("text", "text is not supported"), ([[1], [1, 2]], "equal lengths"), (np.zeros(2, complex), "complex128")):  # fmt: skip
        with pytest.raises(ag.DTypeError, match=text):
            cupy_backend.asarray(value)


def test_what_was_given_may_be_changed(cupy_backend):
    values = np.zeros(1000)
    arrays = []
    for number in range(40):
        values[:] = number
        arrays.append(cupy_backend.asarray(values))
    assert [cupy_backend.to_numpy(a)[-1] for a in arrays] == list(range(40))


def test_owned(cupy_backend):
    b = cupy_backend
    own = b.asarray(np.arange(6.0).reshape(2, 3))
    assert b.owned(own) is own
    assert b.owned(own, shared=True).data.ptr != own.data.ptr
    for view in (own.T, own[0], b.broadcast_to(own, shape=(2, 2, 3)), 3.0, np.float64(3.0)):
        copy = b.owned(view)
        assert type(copy) is b.array_type
        assert copy.base is None
        assert copy.flags.c_contiguous
        expected = b.to_numpy(view) if isinstance(view, b.array_type) else view
        np.testing.assert_array_equal(b.to_numpy(copy), expected)


def test_accumulate(cupy_backend):
    b = cupy_backend
    total, term = b.asarray(np.ones(3)), b.asarray(np.arange(3.0))
    found = b.accumulate(total, term)
    assert found.data.ptr == total.data.ptr
    assert b.to_numpy(found).tolist() == [1, 2, 3]
    assert b.to_numpy(term).tolist() == [0, 1, 2]
    assert b.accumulate(b.asarray(np.ones(2, "float32")), b.asarray(np.ones(2))).dtype == "float64"


def test_index(cupy_backend):
    b = cupy_backend
    for value in ([0, 2], np.array([1], np.int8), [], [True, False], np.array([[True], [False]])):
        for given_ in (value, b.asarray(value)) if len(value) else (value,):
            found, expected = b.index(given_), NUMPY.index(value)
            assert len(found) == len(expected)
            for one, other in zip(found, expected, strict=True):
                np.testing.assert_array_equal(b.to_numpy(one), other)
    for wrong in ([0.5], b.asarray([0.5])):
        with pytest.raises(ag.DTypeError, match="integer or boolean, got float64"):
            b.index(wrong)


def test_a_tensor_on_the_device(cupy_backend):
    x = ag.tensor([[1.0, -2.0], [3.0, 4.0]], requires_grad=True).to(cupy_backend)
    assert x.backend == cupy_backend.name
    assert f"backend={cupy_backend.name}, requires_grad=True" in repr(x)
    (x.exp() * x).sum().backward()
    host = x.numpy()
    np.testing.assert_allclose(x.grad.numpy(), np.exp(host) * (1 + host), rtol=1e-5)
    assert x.sum().item() == 6
    assert x[0, 1].tolist() == -2
    assert np.asarray(x).tolist() == host.tolist()
    assert np.array(x, dtype="float64").dtype == "float64"
    assert [row.tolist() for row in x.detach()] == host.tolist()
    assert x[x > 0].tolist() == [1, 3, 4]
    assert x.to("numpy").backend == "numpy"
    assert x.to(cupy_backend.name) is x
    assert bool((x.detach() == x.detach().to("numpy").to(cupy_backend)).all())


def test_tensors_of_two_backends_do_not_mix(cupy_backend):
    here, there = ag.tensor([1.0], backend="numpy"), ag.tensor([1.0], backend=cupy_backend)
    with pytest.raises(ag.BackendError, match=f"two backends, 'numpy' and '{cupy_backend.name}'"):
        here + there
    with pytest.raises(ag.BackendError, match=f"getitem: tensors of two backends, 'numpy' and '{cupy_backend.name}'"):  # fmt: skip
        here[ag.tensor([0], backend=cupy_backend)]
    with pytest.raises(ag.BackendError, match="getitem: tensors of two backends"):
        there[ag.tensor([0], backend="numpy")]
    there.requires_grad = True
    with pytest.raises(ag.BackendError, match="backward: the gradient is on 'numpy' and the tensor on 'cupy'"):  # fmt: skip
        (there * 1).backward(here)


def test_numpy_arrays_and_numbers_meet_tensors(cupy_backend):
    x = ag.tensor([1.0, 2.0], backend=cupy_backend)
    for y in (x + np.array([1.0, 2.0], "float32"), np.array([1.0, 2.0], "float32") + x, np.float32(1) * x + x, np.exp(x) * 0 + 2 * x):  # fmt: skip
        assert (y.backend, y.tolist()) == (cupy_backend.name, [2, 4])


def test_random_numbers_are_those_of_numpy(cupy_backend):
    drawn_ = {}
    for backend in ("numpy", cupy_backend):
        with backends.use(backend):
            ag.random.seed(5)
            drawn_[str(backend)] = [ag.random.uniform(5), ag.random.normal((2, 3)), ag.random.permutation(9), ag.random.bernoulli(7, 0.5), ag.dropout(ag.ones((3, 3)))]  # fmt: skip
    for one, other in zip(*drawn_.values(), strict=True):
        np.testing.assert_allclose(one.numpy(), other.numpy(), rtol=1e-6, atol=1e-6)


def test_anomalies_are_found(cupy_backend):
    x = ag.tensor([1.0, -1.0], requires_grad=True, backend=cupy_backend)
    with ag.detect_anomaly(), pytest.raises(ag.AnomalyError, match="log: the result holds NaN"):
        ag.log(x)


def test_an_array_of_the_library_in_an_op(cupy_backend):
    x = cupy_backend.asarray([1.0, 2.0])
    with backends.use(cupy_backend):
        assert ag.tensor(x).tolist() == [1, 2]
        assert (ag.tensor([1.0, 1.0]) + x).tolist() == [2, 3]
        assert ag.exp(x).backend == cupy_backend.name


def test_a_product_of_float16_with_what_follows(cupy_backend):
    x, w, b = (some(shape, "float16", k) for k, shape in enumerate([(3, 4), (4, 2), (2,)]))
    found = ag.linear(*(ag.tensor(a, backend=cupy_backend) for a in (x, w, b)))
    expected = ag.linear(*(ag.tensor(a, backend="numpy") for a in (x, w, b)))
    assert found.dtype == expected.dtype
    np.testing.assert_array_equal(found.numpy(), expected.numpy())


@pytest.mark.gpu
def test_everything_here_ran_on_a_device_too(left_out):
    """One line in the place of a skipped test for each."""
    if left_out:
        pytest.skip(left_out)
