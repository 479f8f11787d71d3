"""Tensor as a value: creation, indexing, operators, conversion, and what it refuses."""

from __future__ import annotations

import copy
import pickle
import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import autograd as ag
import backends
from backends.contract import SUPPORTED
from backends.numpy import NumPyBackend


class SecondBackend(NumPyBackend):
    name = "second"


@pytest.fixture(scope="module")
def second():
    if "second" not in backends.available():
        backends.register("second", SecondBackend)
    return "second"


@pytest.mark.parametrize(
    ("data", "dtype"),
    [
        (1.5, "float32"),
        ([1.0, 2.0], "float32"),
        ([1, 2.5], "float32"),
        (3, "int64"),
        ([[1], [2]], "int64"),
        (True, "bool"),
        ([True, False], "bool"),
        ([], "float32"),
        (np.float64(1.5), "float64"),
        (np.float32(1.5), "float32"),
        (np.int16(3), "int16"),
        (np.arange(3.0), "float64"),
        (np.arange(3, dtype="uint8"), "uint8"),
        (np.zeros(2, "float16"), "float16"),
        (np.zeros(2, ">f8"), "float64"),
        (range(3), "int64"),
        ((1.0, 2.0), "float32"),
    ],
)
def test_dtype_of_new_tensors(data, dtype):
    x = ag.tensor(data)
    assert x.dtype == dtype
    assert x.dtype.isnative
    np.testing.assert_array_equal(x.numpy(), np.asarray(data))


@pytest.mark.parametrize("dtype", SUPPORTED)
def test_every_dtype_can_be_asked_for(dtype):
    for wanted in (dtype, np.dtype(dtype), np.dtype(dtype).type):
        assert ag.tensor([0, 1], dtype=wanted).dtype == dtype
        assert ag.zeros(2, dtype=wanted).dtype == dtype


def test_the_values_are_copied():
    array = np.arange(3.0)
    x = ag.tensor(array)
    array[0] = 9
    assert x.tolist() == [0, 1, 2]
    copied = x.numpy()
    copied[0] = 9
    assert x.tolist() == [0, 1, 2]


def test_nested_lists_of_tensors():
    x = ag.tensor([[1.0, 2.0]])
    assert ag.tensor(x).tolist() == [[1.0, 2.0]]
    assert ag.tensor(x, dtype="float64").dtype == "float64"
    assert not ag.tensor(ag.tensor(1.0, requires_grad=True)).requires_grad


@pytest.mark.parametrize(
    ("data", "text"),
    [
        ("abc", "text is not supported"),
        (["a", "b"], "text is not supported"),
        ([[1, 2], [3]], "equal lengths"),
        (np.array([1, "a"], dtype=object), "object"),
        (None, "object"),
        (1 + 2j, "complex128"),
        (np.array(["2020-01-01"], dtype="datetime64[D]"), "datetime64"),
        (object(), "object"),
    ],
)
def test_what_cannot_be_a_tensor(data, text):
    with pytest.raises(ag.DTypeError, match=text):
        ag.tensor(data)


@pytest.mark.parametrize(
    ("name", "hint"),
    [("flaot32", "float32"), ("int", None), ("float31", "float"), ("complex64", None), ("x", None)],
)
def test_unsupported_dtype_names(name, hint):
    if name == "int":
        assert ag.zeros(1, dtype=name).dtype == "int64"
        return
    with pytest.raises(ag.DTypeError, match=f"{name}.*not one of the dtypes") as caught:
        ag.zeros(1, dtype=name)
    if hint is None:
        return
    assert f"Did you mean '{hint}" in str(caught.value)


@pytest.mark.parametrize("data", [1, [1, 2], True, np.arange(3)])
def test_integers_cannot_require_gradients(data):
    with pytest.raises(ag.DTypeError, match="only floating tensors can require gradients"):
        ag.tensor(data, requires_grad=True)
    with pytest.raises(ag.DTypeError):
        ag.tensor(data).requires_grad = True


def test_properties():
    x = ag.tensor(np.zeros((2, 3, 4)), requires_grad=True)
    assert (x.shape, x.ndim, x.size, x.dtype, x.backend) == ((2, 3, 4), 3, 24, "float64", "numpy")
    assert x.T.shape == (4, 3, 2)
    assert x.is_leaf
    assert not x.T.is_leaf
    assert x.requires_grad
    assert x.T.requires_grad
    assert x.grad is None
    assert isinstance(x.data, np.ndarray)


def test_requires_grad_can_be_switched():
    x = ag.tensor(1.0)
    x.requires_grad = True
    (x * 2).backward()
    assert x.grad.item() == 2.0
    x.requires_grad = False
    assert x.grad is None
    assert not (x * 2).requires_grad
    x.requires_grad = True
    with pytest.raises(ag.GradientError, match="detach"):
        (x * 2).requires_grad = False


@pytest.mark.parametrize(
    ("x", "text"),
    [
        (lambda: ag.tensor([1.0, 2.0]), "Tensor([1., 2.], dtype=float32, backend=numpy)"),
        (lambda: ag.tensor(1.5), "Tensor(1.5, dtype=float32, backend=numpy)"),
        (lambda: ag.tensor(np.float64(1.5)), "Tensor(1.5, dtype=float64, backend=numpy)"),
        (lambda: ag.tensor(True), "Tensor(True, dtype=bool, backend=numpy)"),
        (
            lambda: ag.tensor([[1, 2], [3, 4]]),
            "Tensor([[1, 2],\n        [3, 4]], dtype=int64, backend=numpy)",
        ),
        (
            lambda: ag.tensor([1.0], requires_grad=True),
            "Tensor([1.], dtype=float32, backend=numpy, requires_grad=True)",
        ),
        (
            lambda: ag.tensor([1.0], requires_grad=True) * 2,
            "Tensor([2.], dtype=float32, backend=numpy, grad_fn=multiply)",
        ),
        (lambda: ag.zeros((0, 3)), "Tensor([], dtype=float32, backend=numpy)"),
    ],
)
def test_repr(x, text):
    assert repr(x()) == text


def test_repr_of_a_large_tensor_is_short():
    text = repr(ag.zeros((1000, 1000)))
    assert len(text) < 1000
    assert "..." in text
    assert text.endswith("dtype=float32, backend=numpy)")


BASIC = st.deferred(lambda: hnp.basic_indices((3, 4, 2), allow_newaxis=True, allow_ellipsis=True))


@given(key=BASIC)
def test_basic_indexing_is_that_of_numpy(key):
    check_index(np.arange(24.0).reshape(3, 4, 2), key)


@given(data=st.data())
def test_integer_arrays_as_indices(data):
    array = np.arange(24.0).reshape(3, 4, 2)
    key = data.draw(
        hnp.integer_array_indices(
            array.shape, result_shape=hnp.array_shapes(max_dims=2, max_side=3)
        )
    )
    check_index(array, key)
    check_index(array, key[0])
    check_index(array, tuple(index.tolist() for index in key[:2]))


@given(data=st.data())
def test_mixed_indices(data):
    """Slices, integers, None and integer arrays in any order."""
    array = np.arange(60.0).reshape(3, 4, 5)
    entries = [
        data.draw(
            st.one_of(
                st.slices(n),
                st.integers(-n, n - 1),
                hnp.arrays(np.int64, 2, elements=st.integers(-n, n - 1)),
            )
        )
        for n in array.shape
    ]
    if data.draw(st.booleans()):
        entries.insert(data.draw(st.integers(0, 3)), None)
    check_index(array, tuple(entries))


@given(data=st.data())
def test_masks(data):
    array = np.arange(24.0).reshape(3, 4, 2)
    dimensions = data.draw(st.integers(1, 3))
    mask = data.draw(hnp.arrays(bool, array.shape[:dimensions]))
    check_index(array, mask)
    if dimensions == 1:
        check_index(array, (mask, slice(1, 3)))
        check_index(array, (mask, 0))


def check_index(array, key):
    """Values, and the gradient: how often each element was picked."""
    x = ag.tensor(array, requires_grad=True)
    y = x[key]
    expected = array[key]
    assert y.shape == expected.shape
    np.testing.assert_array_equal(y.numpy(), expected)
    y.backward(ag.ones(y.shape, "float64"))
    count = np.zeros_like(array)
    np.add.at(count, key, 1.0)
    np.testing.assert_array_equal(x.grad.numpy(), count)
    tensors = (
        tuple(ag.tensor(e) if isinstance(e, np.ndarray) else e for e in key)
        if isinstance(key, tuple)
        else key
    )
    np.testing.assert_array_equal(x[tensors].numpy(), expected)


@pytest.mark.parametrize(
    ("key", "error", "text"),
    [
        (5, IndexError, "index 5 is out of range for axis 0 with size 3"),
        (-4, IndexError, "out of range"),
        ((0, 0, 0), IndexError, "too many indices"),
        ((..., ...), IndexError, "at most one Ellipsis"),
        (1.5, TypeError, "integer"),
        ("a", TypeError, "'a' is not an index"),
        (True, TypeError, "True and False are not indices"),
        ([0.5], TypeError, "integer or boolean"),
        (np.array([True, False]), ValueError, r"mask of shape \(2,\)"),
        ([0, 7], IndexError, "7"),
    ],
)
def test_index_errors(key, error, text):
    x = ag.tensor(np.zeros((3, 4)))
    with pytest.raises(error, match=text) as caught:
        x[key]
    assert isinstance(caught.value, ag.GradloomError)


def test_a_tensor_as_index():
    x = ag.tensor([1.0, 2.0, 3.0])
    assert x[ag.tensor(1)].item() == 2.0
    assert x[ag.tensor([2, 0])].tolist() == [3.0, 1.0]
    assert x[x > 1.5].tolist() == [2.0, 3.0]
    assert [10, 20, 30][ag.tensor(1)] == 20
    with pytest.raises(TypeError):
        [10, 20][ag.tensor(1.0)]


def test_item_assignment_is_refused_with_the_way_out():
    x = ag.tensor([1.0, 2.0])
    with pytest.raises(TypeError, match=r"where\(\)"):
        x[0] = 3.0


ARRAY = np.array([2.0, 3.0])
OPERATORS = [
    lambda a, b: a + b,
    lambda a, b: a - b,
    lambda a, b: a * b,
    lambda a, b: a / b,
    lambda a, b: a**b,
]


@pytest.mark.parametrize("operator", OPERATORS)
@pytest.mark.parametrize("other", [ARRAY, np.float64(2.0), np.array(2.0), 2, 2.0, [2.0, 3.0]])
def test_arithmetic_with_arrays_numbers_and_lists(operator, other):
    x = ag.tensor([1.5, 2.5], dtype="float64", requires_grad=True)
    for y, expected in (
        (operator(x, other), operator(x.numpy(), np.asarray(other))),
        (operator(other, x), operator(np.asarray(other), x.numpy())),
    ):
        assert isinstance(y, ag.Tensor)
        assert y.requires_grad
        np.testing.assert_allclose(y.numpy(), expected, rtol=1e-15)
        x.grad = None
        y.sum().backward()
        assert x.grad.shape == (2,)


def test_matrix_product_with_arrays():
    x = ag.tensor(np.ones((2, 3)), requires_grad=True)
    for y in (x @ np.ones((3, 4)), np.ones((4, 2)) @ x):
        assert isinstance(y, ag.Tensor)
        assert y.requires_grad


def test_numpy_floats_are_weak_and_lose_no_digit():
    x = ag.tensor([1.0], dtype="float64")
    for y in (x * np.float64(0.1), np.float64(0.1) * x):
        assert y.tolist() == [0.1]
    single = ag.tensor([1.0])
    for y in (single * np.float64(0.1), np.float64(0.1) * single, single * 0.1):
        assert y.dtype == "float32"


def test_numbers_are_weak():
    for dtype in ("float16", "float32", "float64"):
        x = ag.ones(2, dtype=dtype)
        for y in (x + 1, x + 1.0, 2 * x, x / 3, x**2, x**0.5, -x, abs(x), 1 - x, ag.maximum(x, 0)):
            assert y.dtype == dtype
    assert (ag.tensor([1, 2]) / 2).dtype == "float64"
    assert (ag.tensor([1, 2]) * 1.5).dtype == "float64"


def test_functions_of_numpy_are_ops():
    x = ag.tensor([0.5, 1.5], dtype="float64", requires_grad=True)
    for function in (np.exp, np.log, np.sqrt, np.sin, np.tanh, np.abs, np.negative):
        y = function(x)
        assert isinstance(y, ag.Tensor)
        np.testing.assert_array_equal(y.numpy(), function(x.numpy()))
        x.grad = None
        y.sum().backward()
        assert x.grad is not None
    for function in (np.add, np.multiply, np.maximum, np.power, np.true_divide, np.matmul):
        y = function(np.array([1.0, 2.0]), x)
        assert isinstance(y, ag.Tensor)
        assert y.requires_grad


def test_functions_of_numpy_without_an_op_refuse():
    """A gradient must not get lost in silence."""
    x = ag.tensor([0.5], requires_grad=True)
    with pytest.raises(TypeError):
        np.arctan(x)
    with pytest.raises(TypeError):
        np.add(x, 1.0, out=np.zeros(1))
    with pytest.raises(TypeError):
        np.add.reduce(x)


def test_conversion_to_numpy():
    x = ag.tensor([[1.0, 2.0]], requires_grad=True)
    assert np.asarray(x).tolist() == [[1.0, 2.0]]
    assert np.array(x, dtype="float64").dtype == np.float64
    assert np.asarray(x, dtype=int).tolist() == [[1, 2]]
    fresh = np.array(x)
    fresh[0, 0] = 9
    assert x.tolist() == [[1.0, 2.0]]


def test_comparisons():
    x = ag.tensor([1.0, 2.0, 3.0], requires_grad=True)
    y = np.array([3.0, 2.0, 1.0])
    for result, expected in (
        (x == y, [False, True, False]),
        (x != y, [True, False, True]),
        (x < y, [True, False, False]),
        (x <= y, [True, True, False]),
        (x > y, [False, False, True]),
        (x >= 2, [False, True, True]),
        (y > x, [True, False, False]),
        (x < 2, [True, False, False]),
        ((x > 1) & (x < 3), [False, True, False]),
        ((x > 2) | (x < 2), [True, False, True]),
        (~(x > 2), [True, True, False]),
    ):
        assert isinstance(result, ag.Tensor)
        assert result.dtype == "bool"
        assert result.tolist() == expected
        assert not result.requires_grad


def test_length_iteration_and_truth():
    x = ag.tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True)
    assert len(x) == 2
    rows = list(x)
    assert [r.tolist() for r in rows] == [[1.0, 2.0], [3.0, 4.0]]
    (rows[0] * rows[1]).sum().backward()
    assert x.grad.tolist() == [[3.0, 4.0], [1.0, 2.0]]
    _, second = x
    assert second.tolist() == [3.0, 4.0]
    with pytest.raises(TypeError, match="without dimensions"):
        len(ag.tensor(1.0))
    with pytest.raises(TypeError):
        iter(ag.tensor(1.0)).__next__()
    assert bool(ag.tensor(1.0))
    assert not ag.tensor([[0.0]])
    with pytest.raises(ag.ShapeError, match="ambiguous"):
        bool(x)
    assert 3.0 in ag.tensor([1.0, 3.0])


def test_item_float_and_int():
    assert ag.tensor([[2.5]]).item() == 2.5
    assert type(ag.tensor(3).item()) is int
    assert float(ag.tensor(2.5)) == 2.5
    assert int(ag.tensor(2.9)) == 2
    assert range(ag.tensor(3)) == range(3)
    for convert in (lambda x: x.item(), float, int):
        with pytest.raises(ValueError, match=r"exactly one element.*\(2,\)"):
            convert(ag.tensor([1.0, 2.0]))


def test_tensors_are_hashable_by_identity():
    a, b = ag.tensor(1.0), ag.tensor(1.0)
    assert len({a, b, a}) == 2


def test_assign():
    x = ag.tensor([1.0, 2.0], requires_grad=True)
    alias = x
    (x * x).sum().backward()
    grad = x.grad
    assert x.assign([3.0, 4.0]) is x
    assert alias.tolist() == [3.0, 4.0]
    assert x.dtype == "float32"
    assert x.grad is grad
    assert x.requires_grad
    source = np.array([5.0, 6.0])
    x.assign(source)
    source[0] = 0
    assert x.tolist() == [5.0, 6.0]
    x.data = [7.0, 8.0]
    assert x.tolist() == [7.0, 8.0]


def test_assign_does_not_disturb_a_graph():
    x = ag.tensor([1.0, 2.0], requires_grad=True)
    y = (x * x).sum()
    x.assign([10.0, 20.0])
    y.backward()
    assert x.grad.tolist() == [2.0, 4.0]


def test_assign_of_a_tracked_tensor_takes_values_only():
    x = ag.tensor([1.0, 2.0], requires_grad=True)
    x.assign(x * 2)
    assert x.is_leaf
    assert x.tolist() == [2.0, 4.0]


def test_assign_refuses():
    x = ag.tensor([1.0, 2.0], requires_grad=True)
    with pytest.raises(ag.ShapeError, match=r"\(3,\).*\(2,\)"):
        x.assign([1.0, 2.0, 3.0])
    with pytest.raises(ag.GradientError, match="only leaf"):
        (x * 2).assign([1.0, 2.0])
    assert x.tolist() == [1.0, 2.0]


def test_grad_can_be_set_and_cleared():
    x = ag.tensor([1.0, 2.0], requires_grad=True)
    x.grad = [3, 4]
    assert x.grad.dtype == "float32"
    (x * 1).sum().backward()
    assert x.grad.tolist() == [4.0, 5.0]
    with pytest.raises(ag.ShapeError):
        x.grad = [1.0]
    x.grad = None
    assert x.grad is None
    plain = ag.tensor(1.0)
    plain.grad = None
    with pytest.raises(ag.GradientError):
        plain.grad = 1.0


def test_detach_shares_values_but_no_graph():
    x = ag.tensor([1.0, 2.0], requires_grad=True)
    y = x.detach()
    assert not y.requires_grad
    assert y.data is x.data
    (x * y).sum().backward()
    assert x.grad.tolist() == [1.0, 2.0]


@pytest.mark.parametrize(
    "again", [copy.deepcopy, copy.copy, lambda x: pickle.loads(pickle.dumps(x))]
)
@pytest.mark.parametrize("requires_grad", [False, True])
def test_copies(again, requires_grad):
    x = ag.tensor([1.0, 2.0], requires_grad=requires_grad)
    y = again(x)
    assert y is not x
    assert y.tolist() == x.tolist()
    assert (y.dtype, y.requires_grad, y.backend) == (x.dtype, requires_grad, "numpy")
    y.assign([5.0, 6.0])
    assert x.tolist() == [1.0, 2.0]
    if requires_grad:
        (y * 2).sum().backward()
        assert x.grad is None


def test_copy_of_an_integer_tensor_keeps_its_dtype():
    x = ag.tensor([1, 2], dtype="int8")
    assert copy.deepcopy(x).dtype == "int8"


def test_exchange_by_dlpack():
    x = ag.tensor([1.0, 2.0])
    array = np.from_dlpack(x)
    assert array.tolist() == [1.0, 2.0]
    assert x.__dlpack_device__() == (1, 0)


def test_to():
    x = ag.tensor([1.0, 2.0], requires_grad=True)
    assert x.to("float32") is x
    assert x.to("numpy") is x
    y = x.to("float64")
    assert y.dtype == "float64"
    y.sum().backward()
    assert x.grad.dtype == "float32"
    assert x.to(np.int32).tolist() == [1, 2]
    with pytest.raises(ag.BackendError, match="neither a backend"):
        x.to("cupyy")


def test_to_another_backend(second):
    x = ag.tensor([1.0, 2.0], requires_grad=True)
    y = x.to(second)
    assert y.backend == "second"
    assert y.requires_grad
    assert y.is_leaf
    (y * y).sum().backward()
    assert y.grad.backend == "second"
    assert x.grad is None
    assert y.to("numpy").backend == "numpy"
    assert ag.tensor(x, backend=second).backend == "second"
    with pytest.raises(ag.GradientError, match="detach"):
        (x * 2).to(second)


def test_backends_do_not_mix(second):
    x, y = ag.tensor([1.0, 2.0]), ag.tensor([1.0, 2.0], backend=second)
    for mix in (
        lambda: x + y,
        lambda: ag.matmul(y, x),
        lambda: ag.concat([x, y]),
        lambda: ag.linear(ag.ones((1, 2)), ag.ones((2, 2), backend=second)),
        lambda: ag.where(x > 0, y, x),
    ):
        with pytest.raises(ag.BackendError, match=r"'numpy'.*'second'|'second'.*'numpy'") as caught:
            mix()
        assert ".to(" in str(caught.value)
    with pytest.raises(ag.BackendError, match="assign"):
        x.assign(y)


def test_results_stay_on_their_backend(second):
    x = ag.tensor([1.0, -2.0], backend=second, requires_grad=True)
    for y in (
        x + 1,
        2.0 * x,
        x + np.ones(2, np.float32),
        x.relu(),
        x[0],
        ag.zeros_like(x),
        x > 0,
        x.to("float64"),
    ):
        assert y.backend == "second"
    ag.softmax_cross_entropy(x.reshape(1, 2), ag.tensor([1], backend=second)).sum().backward(
        create_graph=True
    )
    assert x.grad.backend == "second"
    x.grad = None
    with backends.use(second):
        assert ag.zeros(2).backend == "second"
        assert ag.tensor(1.0).backend == "second"


def test_creation():
    assert ag.zeros((2, 3)).tolist() == [[0.0] * 3] * 2
    assert ag.ones(2, requires_grad=True).requires_grad
    assert ag.full((), 7).dtype == "int64"
    assert ag.full((1,), True).dtype == "bool"
    assert ag.arange(2, 8, 2).tolist() == [2, 4, 6]
    assert ag.arange(0, 1, 0.25).dtype == "float32"
    assert ag.arange(5, 0, -2).tolist() == [5, 3, 1]
    assert ag.arange(3, 3).shape == (0,)
    assert ag.linspace(0, 1, 5).tolist() == [0.0, 0.25, 0.5, 0.75, 1.0]
    assert ag.linspace(2, 3, 1).tolist() == [2.0]
    assert ag.linspace(0.1, 0.7, 7, dtype="float64").tolist()[-1] == 0.7
    assert ag.eye(2, 3).tolist() == [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]
    like = ag.zeros_like(ag.tensor([1, 2]))
    assert (like.dtype, like.shape) == ("int64", (2,))
    assert ag.ones_like(like, dtype="float16").dtype == "float16"
    with pytest.raises(ag.ShapeError, match="negative"):
        ag.zeros((2, -1))
    with pytest.raises(ag.ShapeError, match="step"):
        ag.arange(0, 3, 0)


@given(
    start=st.integers(-20, 20),
    stop=st.integers(-20, 20),
    step=st.integers(-5, 5).filter(lambda n: n != 0),
)
def test_arange_is_that_of_python(start, stop, step):
    assert ag.arange(start, stop, step).tolist() == list(range(start, stop, step))


@pytest.mark.parametrize(
    "method", ["sum", "mean", "max", "min", "prod", "var", "std", "any", "all", "argmax", "argmin"]
)
@pytest.mark.parametrize("axis", [None, 0, -1])
@pytest.mark.parametrize("keepdims", [False, True])
def test_methods_are_those_of_numpy(method, axis, keepdims):
    array = np.random.default_rng(0).normal(size=(3, 4))
    x = ag.tensor(array)
    expected = getattr(np, method)(array, axis=axis, keepdims=keepdims)
    found = getattr(x, method)(axis=axis, keepdims=keepdims)
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-14)
    assert found.shape == np.shape(expected)
    positional = getattr(ag, method)(x, axis) if axis is not None else getattr(ag, method)(x)
    np.testing.assert_allclose(positional.numpy(), getattr(np, method)(array, axis), rtol=1e-14)


def test_shape_methods_are_those_of_numpy():
    array = np.arange(24.0).reshape(2, 3, 4)
    x = ag.tensor(array)
    for call in (
        lambda a: a.reshape(4, 6),
        lambda a: a.reshape((6, -1)),
        lambda a: a.reshape(-1),
        lambda a: a.transpose(),
        lambda a: a.transpose(1, 0, 2),
        lambda a: a.transpose((2, 0, 1)),
        lambda a: a.swapaxes(0, 2),
        lambda a: a.T,
        lambda a: a.cumsum(1),
        lambda a: a.cumsum(),
        lambda a: a.take([1, 0], 2),
        lambda a: a.repeat(2, 1),
        lambda a: a.repeat(2),
    ):
        np.testing.assert_array_equal(call(x).numpy(), call(array))
    for name, arguments in (
        ("flip", (1,)),
        ("tile", ((2, 1, 1),)),
        ("pad", (1,)),
        ("pad", (((0, 1), (2, 0), (0, 0)),)),
        ("expand_dims", (1,)),
        ("broadcast_to", ((5, 2, 3, 4),)),
        ("sort", (0,)),
        ("argsort", (1,)),
        ("cumsum", (2,)),
    ):
        np.testing.assert_array_equal(
            getattr(ag, name)(x, *arguments).numpy(), getattr(np, name)(array, *arguments)
        )
    for indices in (np.ones((2, 1, 4), int), np.zeros((1, 2, 1), int), np.full((2, 5, 4), 2)):
        np.testing.assert_array_equal(
            ag.take_along_axis(x, ag.tensor(indices), 1).numpy(),
            np.take_along_axis(array, indices, 1),
        )
    for pieces in (3, [1], [1, 2]):
        for mine, theirs in zip(ag.split(x, pieces, 1), np.split(array, pieces, 1), strict=True):
            np.testing.assert_array_equal(mine.numpy(), theirs)
    with pytest.raises(ag.ShapeError, match="3 does not divide into 2"):
        ag.split(x, 2, axis=1)


@pytest.mark.parametrize(
    ("call", "name"),
    [
        (lambda x: ag.reshape(x), "shape"),
        (lambda x: ag.one_hot(x.to("int64")), "num_classes"),
        (lambda x: ag.swapaxes(x, 0), "axis2"),
        (lambda x: ag.reshape(x, (1, 2), 3), "takes 2 arguments, got 3"),
        (lambda x: ag.sum(x, axes=0), "axes"),
        (lambda x: ag.matmul(x), "b"),
        (lambda x: ag.exp(), "x"),
    ],
)
def test_wrong_arguments_are_named(call, name):
    with pytest.raises(TypeError, match=name):
        call(ag.tensor([1.0, 2.0]))


def test_floating_point_warnings_are_those_of_numpy():
    with pytest.warns(RuntimeWarning):
        ag.log(ag.tensor([-1.0]))
    x = ag.tensor([0.0], requires_grad=True)
    y = ag.sqrt(x)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        y.backward()
    assert x.grad.tolist() == [np.inf]


def test_a_declaration_with_checks_on_two_inputs_runs_them():
    def same_length(a, b):
        if a.shape != b.shape:
            raise ag.ShapeError("needs equal shapes")
        return {}

    @ag.op(vjp=dict(a=lambda xp, g: g, b=lambda xp, g: g), normalise=same_length)
    def strict_add(xp, a, b):
        return xp.add(a, b)

    with pytest.raises(ag.ShapeError, match="strict_add: needs equal shapes"):
        strict_add(ag.ones(2), ag.ones((1, 2)))
