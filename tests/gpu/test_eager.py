"""Every primitive on a GPU against NumPy: values, dtypes, errors, and what comes in and goes out."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import autograd as ag
import backends
from backends.contract import SUPPORTED
from backends.formats import FORMATS
from backends.philox import philox4x32
from backends.primitives import PRIMITIVES
from backends.shapes import Slot

NUMPY = backends.get("numpy")
DTYPES = [SUPPORTED[name] for name in SUPPORTED]
ELEMENTWISE = [r for r in PRIMITIVES.values() if r.kind == "elementwise" and r.name != "astype"]
UNARY = [r.name for r in ELEMENTWISE if r.arity == 1 and r.name != "round_to"]
BINARY = [r.name for r in ELEMENTWISE if r.arity == 2]
REDUCTIONS = [r.name for r in PRIMITIVES.values() if r.kind == "reduction"]
TOLERANCE = {"float16": 2e-3, "float32": 1e-6, "float64": 1e-12}
drawn = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])


def same(backend, name, *operands, **static):
    """The primitive gives NumPy's values and dtype, in an array of the backend; or refuses where NumPy does."""
    given_ = [backend.asarray(o) if isinstance(o, np.ndarray) else o for o in operands]
    try:
        with NUMPY.quiet():
            expected = np.asarray(getattr(NUMPY, name)(*operands, **static))
    except Exception:
        with pytest.raises((TypeError, ValueError, IndexError, OverflowError, ZeroDivisionError)):
            getattr(backend, name)(*given_, **static)
        return None
    found = getattr(backend, name)(*given_, **static)
    assert type(found) is backend.array_type
    assert (found.shape, found.dtype) == (expected.shape, expected.dtype)
    values = backend.to_numpy(found)
    if expected.dtype.kind == "f":
        tolerance = TOLERANCE[expected.dtype.name]
        np.testing.assert_allclose(values.astype(float), expected.astype(float), rtol=tolerance, atol=tolerance)  # fmt: skip
    else:
        np.testing.assert_array_equal(values, expected)
    return found


def some(shape, dtype, seed=0, low=1, high=4):
    values = np.random.default_rng(seed).integers(low, high, shape)
    return np.asarray(values).astype(dtype)


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("name", UNARY)
def test_unary(cupy_backend, name, dtype):
    for shape in ((), (0, 2), (2, 3)):
        same(cupy_backend, name, some(shape, dtype))


@pytest.mark.parametrize("format", FORMATS)
def test_rounding_to_a_coarser_format(cupy_backend, format):
    drawn = np.random.default_rng(5).integers(0, 2**32, 3000, np.uint64).astype(np.uint32)
    for x in (drawn.view(np.float32), SPECIAL.astype(np.float32), some((), "float32"), some((0, 2), "float32")):  # fmt: skip
        with NUMPY.quiet():
            expected = NUMPY.round_to(x, format=format)
        found = cupy_backend.to_numpy(cupy_backend.round_to(cupy_backend.asarray(x), format=format))
        np.testing.assert_array_equal(found, expected)
    a, b = some((3, 4), "float32", 1) + np.float32(1e-3), some((4, 2), "float32", 2)
    same(cupy_backend, "matmul", a, b, precision=format)


@pytest.mark.parametrize("first", DTYPES, ids=str)
@pytest.mark.parametrize("name", BINARY)
def test_binary(cupy_backend, name, first):
    for second in DTYPES:
        same(cupy_backend, name, some((2, 3), first), some((3,), second, 1))
        same(cupy_backend, name, some((), first), some((2, 1), second, 1))


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("name", BINARY)
def test_numbers_are_weak(cupy_backend, name, dtype):
    for number in (True, 1, 2, 1.5):
        same(cupy_backend, name, some((2,), dtype), number)
        same(cupy_backend, name, number, some((2,), dtype))


SPECIAL = np.array([0.0, -0.0, 1.0, -1.0, 0.5, -2.5, 3.0, np.inf, -np.inf, np.nan, 88.0, -88.0])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", [*UNARY, *BINARY])
def test_special_values(cupy_backend, name, dtype):
    x = SPECIAL.astype(dtype)
    if PRIMITIVES[name].arity == 1:
        same(cupy_backend, name, x)
        return
    same(cupy_backend, name, x[:, None], x)
    for number in (2, 0.5, -1, -1.0, 3):
        same(cupy_backend, name, x, number)


@pytest.mark.parametrize("dtype", ["int8", "int32", "int64", "uint8", "uint64"])
@pytest.mark.parametrize("count", [0, 1, 7, 8, 31, 63, 64, 100, -1])
def test_shifts_of_any_width(cupy_backend, dtype, count):
    x = np.array([0, 1, 77, 127], dtype)
    x = np.concatenate([x, -x]) if x.dtype.kind == "i" else x
    shared = max(count, 0)
    same(cupy_backend, "right_shift", x, np.full(x.shape, min(shared, 100), dtype))
    if count >= 0:
        same(cupy_backend, "right_shift", x, count)


def test_powers_of_integers(cupy_backend):
    x = np.array([-2, -1, 0, 1, 3])
    for exponent in (0, 1, 2, 3, -1, 0.5, 2.0, True):
        same(cupy_backend, "power", x, exponent)
    same(cupy_backend, "power", x, np.array([1, 2, 3, 0, 4]))
    same(cupy_backend, "power", x, np.array([1, 2, -3, 0, 4]))
    same(cupy_backend, "power", 2, np.array([0, 5, 1]))
    with pytest.raises(ValueError, match="integers to negative integer powers"):
        cupy_backend.power(cupy_backend.asarray(x), -1)
    with pytest.raises(ag.DTypeError, match="booleans have no powers"):
        cupy_backend.power(cupy_backend.asarray(x > 0), cupy_backend.asarray(x > 0))
    with pytest.raises(ag.DTypeError, match="booleans have no sign"):
        cupy_backend.sign(cupy_backend.asarray(x > 0))


def test_where(cupy_backend):
    condition, a = some((2, 1), bool, low=0, high=2), some((3,), "float32")
    for b in (0.0, 2, True, some((2, 3), "int64")):
        same(cupy_backend, "where", condition, a, b)
        same(cupy_backend, "where", condition, b, a)
    same(cupy_backend, "where", condition, 1.0, 0)
    same(cupy_backend, "where", True, a, some((3,), "float64"))


@pytest.mark.parametrize("source", DTYPES, ids=str)
def test_astype(cupy_backend, source):
    for target in DTYPES:
        same(cupy_backend, "astype", some((2, 3), source), dtype=target)


@pytest.mark.parametrize("dtype", ["bool", "int8", "uint16", "int64", "float16", "float32", "float64"])  # fmt: skip
@pytest.mark.parametrize("name", REDUCTIONS)
@pytest.mark.parametrize("shape", [(), (3,), (2, 3), (2, 3, 4), (0, 2), (0, 0)])
def test_reductions(cupy_backend, name, dtype, shape):
    count = len(shape)
    axes = [(i,) for i in range(count)]
    if name not in ("argmax", "argmin"):
        axes += [(), tuple(range(count)), tuple(range(0, count, 2))]
    for axis in axes:
        for keepdims in (True, False):
            same(cupy_backend, name, some(shape, dtype, low=0), axis=axis, keepdims=keepdims)


@pytest.mark.parametrize("name", ["max", "min", "argmax", "argmin", "any", "all", "sum"])
def test_reductions_of_nan_and_ties(cupy_backend, name):
    x = np.array([[1.0, np.nan, np.nan], [2.0, 2.0, 1.0], [-np.inf, np.inf, 0.0]], "float32")
    for axis in ((0,), (1,)):
        same(cupy_backend, name, x, axis=axis, keepdims=False)


@pytest.mark.parametrize("dtype", ["bool", "int8", "uint32", "float32", "float64"])
@pytest.mark.parametrize("name", ["cumsum", "argsort"])
def test_scans(cupy_backend, name, dtype):
    for shape in ((5,), (3, 4), (2, 3, 2), (0,), (2, 0)):
        for axis in range(len(shape)):
            same(cupy_backend, name, some(shape, dtype, low=0), axis=axis)


def test_sorting_is_stable_and_nan_comes_last(cupy_backend):
    x = np.array([2.0, np.nan, 1.0, 2.0, -np.inf, 1.0, np.nan, np.inf] * 40, "float32")
    same(cupy_backend, "argsort", x, axis=0)
    same(cupy_backend, "argsort", np.arange(500) % 7, axis=0)


def test_shapes(cupy_backend):
    x = some((2, 3, 4), "float32")
    for shape in ((24,), (4, -1), (3, 2, 4), (5,)):
        same(cupy_backend, "reshape", x, shape=shape)
    same(cupy_backend, "permute_dims", x, axes=(2, 0, 1))
    same(cupy_backend, "permute_dims", some((), "int8"), axes=())
    same(cupy_backend, "broadcast_to", some((3, 1), "int8"), shape=(2, 3, 4))
    same(cupy_backend, "broadcast_to", x, shape=(3, 4))
    same(cupy_backend, "concat", x, some((2, 1, 4), "int64"), axis=1)
    same(cupy_backend, "concat", x, some((2, 1, 3), "int64"), axis=1)
    for value in (0, 1.5, True):
        same(cupy_backend, "pad", x, pad_width=((0, 1), (2, 0), (1, 1)), value=value)
    same(cupy_backend, "pad", some((2,), "uint8"), pad_width=((1, 1),), value=300)


def test_turned_operands(cupy_backend):
    """Views that are not contiguous go into every kind of primitive."""
    x, b = some((3, 4), "float32"), cupy_backend
    turned, cut = b.permute_dims(b.asarray(x), axes=(1, 0)), b.getitem(b.asarray(x), key=(slice(None, None, 2), slice(3, 0, -1)))  # fmt: skip
    for own, other in ((turned, x.T), (cut, x[::2, 3:0:-1])):
        np.testing.assert_array_equal(b.to_numpy(own), other)
        np.testing.assert_allclose(b.to_numpy(b.erf(own)), NUMPY.erf(other), rtol=1e-6)
        np.testing.assert_array_equal(b.to_numpy(b.sum(own, axis=(0,), keepdims=False)), other.sum(0))  # fmt: skip
        np.testing.assert_array_equal(b.to_numpy(b.matmul(own, b.permute_dims(own, axes=(1, 0)))), other @ other.T)  # fmt: skip
        np.testing.assert_array_equal(b.to_numpy(b.getitem(own, b.asarray(np.array([1, 0])), key=(slice(None), Slot(0)))), other[:, [1, 0]])  # fmt: skip


@st.composite
def keys(draw):
    """A key for an array of shape (3, 4, 2), and its index arrays."""
    arrays, key = [], []
    for _ in range(draw(st.integers(0, 3))):
        kind = draw(st.sampled_from(["int", "slice", "slot", "slot"]))
        if kind == "int":
            key.append(draw(st.integers(-2, 1)))
        elif kind == "slice":
            key.append(draw(st.slices(2)))
        else:
            key.append(Slot(len(arrays)))
            shape = draw(st.sampled_from([(2,), (1,), (), (2, 1)]))
            dtype = draw(st.sampled_from([np.int64, np.int8, np.int32]))
            arrays.append(draw(hnp.arrays(dtype, shape, elements=st.integers(-2, 1))))
    for extra in (None, ...):
        if draw(st.booleans()):
            key.insert(draw(st.integers(0, len(key))), extra)
    return tuple(key), arrays


@drawn
@given(keys())
def test_getitem_and_its_transpose(cupy_backend, drawn_key):
    key, arrays = drawn_key
    x = np.arange(24.0).reshape(3, 4, 2)
    same(cupy_backend, "getitem", x, *arrays, key=key)
    values = np.asarray(NUMPY.getitem(x, *arrays, key=key) + 0.5)
    same(cupy_backend, "index_add", values, *arrays, key=key, shape=x.shape)


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_repeated_indices_add_up(cupy_backend, dtype):
    rows = np.random.default_rng(0).integers(-6, 6, 300)
    values = some((300, 5), dtype, low=0, high=2)
    same(cupy_backend, "index_add", values, rows, key=(Slot(0),), shape=(6, 5))
    same(cupy_backend, "index_add", values.T.copy(), rows, key=(slice(None), Slot(0)), shape=(5, 6))


def test_adding_by_index_can_be_repeated_bit_by_bit(cupy_backend):
    rng = np.random.default_rng(0)
    rows, values = rng.integers(0, 3, 4000), rng.normal(size=(4000, 2)).astype("float32")
    found = same(cupy_backend, "index_add", values, rows, key=(Slot(0),), shape=(3, 2))
    assert np.array_equal(cupy_backend.to_numpy(found), NUMPY.index_add(values, rows, key=(Slot(0),), shape=(3, 2)))  # fmt: skip


@pytest.mark.parametrize("wrong", [3, -4, 100, -100])
def test_an_index_beyond_the_end_is_an_error(cupy_backend, wrong):
    x, index = cupy_backend.asarray(np.zeros((2, 3))), cupy_backend.asarray(np.array([0, wrong, 1]))
    with pytest.raises(IndexError, match=f"index {wrong} is out of bounds for an axis of size 3"):
        cupy_backend.getitem(x, index, key=(slice(None), Slot(0)))
    with pytest.raises(IndexError, match=f"index {wrong} is out of bounds"):
        cupy_backend.index_add(x, index, key=(slice(None), Slot(0)), shape=(2, 3))
    with pytest.raises(IndexError):
        cupy_backend.getitem(x, key=(0, wrong))
    t = ag.tensor(np.zeros(3), backend=cupy_backend)
    with pytest.raises(ag.AxisError, match=f"getitem: index {wrong} is out of bounds"):
        t[[0, wrong]]


def test_no_index_is_no_error(cupy_backend):
    same(cupy_backend, "getitem", np.zeros((2, 3)), np.zeros(0, np.int64), key=(Slot(0),))
    same(cupy_backend, "index_add", np.zeros((0, 3)), np.zeros(0, np.int64), key=(Slot(0),), shape=(2, 3))  # fmt: skip
    same(cupy_backend, "getitem", np.zeros((0, 3)), np.zeros(1, np.int64), key=(Slot(0),))


@drawn
@given(st.data())
def test_windows_and_their_transpose(cupy_backend, data):
    shape = data.draw(hnp.array_shapes(min_dims=1, max_dims=3, max_side=7))
    axes = data.draw(st.lists(st.integers(0, len(shape) - 1), min_size=1, unique=True))
    numbers = st.tuples(*[st.integers(1, 3)] * len(axes))
    lie = dict(axes=tuple(axes), size=data.draw(numbers), stride=data.draw(numbers), dilation=data.draw(numbers))  # fmt: skip
    x = np.arange(float(np.prod(shape))).reshape(shape)
    found = same(cupy_backend, "windows", x, **lie)
    if found is not None:
        same(cupy_backend, "windows_add", np.ones(found.shape, "float32"), **lie, shape=shape)


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_matmul(cupy_backend, dtype):
    for a, b in (((2, 3), (3, 4)), ((5, 2, 3), (3, 4)), ((2, 1, 2, 3), (4, 3, 2)), ((2, 0), (0, 3)), ((0, 2), (2, 3)), ((2, 3), (2, 3))):  # fmt: skip
        same(cupy_backend, "matmul", some(a, dtype, low=0), some(b, dtype, 1, low=0))
        same(cupy_backend, "matmul", some(a, dtype, low=0), some(b, "float32", 1))


@pytest.mark.parametrize("shape", [(), (0,), (1,), (4,), (5,), (3, 7), (1000, 3)])
@pytest.mark.parametrize(("key", "counter"), [(0, 0), (3, 7), (2**64 - 1, 2**64 - 5), (2**33, 2**40 + 1)])  # fmt: skip
def test_random_bits(cupy_backend, shape, key, counter):
    words = [np.array(word, np.uint64) for word in (key, counter)]
    same(cupy_backend, "random_bits", *words, shape=shape)


def test_random_bits_are_those_of_the_paper(cupy_backend):
    """Known answers of Random123: block 0 of key 0."""
    zero = cupy_backend.asarray(np.array(0, np.uint64))
    found = cupy_backend.to_numpy(cupy_backend.random_bits(zero, zero, shape=(4,)))
    assert [int(word) for word in philox4x32((0, 0, 0, 0), (0, 0))] == found.tolist()
    assert found[0] == 0x6627E8D5


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_full_and_arange(cupy_backend, dtype):
    for value in (0, 1, True, 1.5, -1, 300):
        same(cupy_backend, "full", shape=(2, 3), value=value, dtype=dtype)
    if dtype.kind != "b":
        for start, stop, step in ((0, 5, 1), (5, -5, -2), (0, 0, 1), (0.5, 4, 0.5), (1.5, 9, 2)):
            if dtype.kind == "u" and min(start, stop) < 0:
                continue
            same(cupy_backend, "arange", start=start, stop=stop, step=step, dtype=dtype)


# what comes in
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


# tensors
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
