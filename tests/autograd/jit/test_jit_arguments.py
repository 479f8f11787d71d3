"""Arrays of every dtype, shape and make, and floats of every size, give what eager gives; so do results."""

from __future__ import annotations

import dataclasses
import gc
import logging
import math
import weakref

import numpy as np
import pytest
from steps import ones

import autograd as ag

pytestmark = pytest.mark.once


SHAPES = [(), (1,), (0,), (0, 3), (5, 0), (7,), (3, 1, 4)]


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "int8", "int64", "uint8", "uint64", "bool"])  # fmt: skip
def test_dtypes_and_shapes(dtype, everything):
    """Executable code of one dtype in all shapes, of the others in one."""
    for shape in SHAPES if everything or dtype == "float32" else SHAPES[-1:]:
        of_dtype_and_shape(dtype, shape)


def of_dtype_and_shape(dtype, shape):
    draw = np.random.default_rng(0)
    a, b = (ag.tensor((draw.integers(0, 2, shape) + (dtype != "bool")).astype(dtype)) for _ in range(2))  # fmt: skip

    def f(a, b):
        if dtype == "bool":
            return [a & b, ~a, a.any(), ag.where(a, b, a)]
        results = [a + b, a * b - a, a.sum(), ag.maximum(a, b), (a > b), a.to("float32") / 2, ag.concat([a.reshape(-1), b.reshape(-1)])]  # fmt: skip
        return results if 0 in shape else [*results, a.max()]

    for got, expected in zip(ag.jit(f)(a, b), f(a, b), strict=True):
        assert (got.shape, got.dtype) == (expected.shape, expected.dtype)
        np.testing.assert_allclose(got.numpy(), expected.numpy(), rtol=1e-3 if dtype == "float16" else 1e-6)  # fmt: skip


def test_float16_is_compiled(caplog):
    c = ag.ones(3, dtype="float16")

    @ag.jit(state=[c])
    def step(x, rate):
        c.assign(c * rate + 1)
        return c * x, c.sum(), c > rate

    assert step(c, 2.0)[0].tolist() == [3.0] * 3
    assert step(ones(3, "float16"), 0.5)[1].item() == 7.5
    assert [r.getMessage() for r in caplog.records if r.levelno >= logging.WARNING] == []


def test_inputs_of_every_make():
    f = ag.jit(lambda x: x * 2 + x.sum())
    values = np.arange(12, dtype=np.float32).reshape(3, 4)
    locked = values.copy()
    locked.flags.writeable = False
    base = np.zeros((3, 8), np.float32)
    base[:, ::2] = values
    expected = values * 2 + values.sum()
    wide = ag.tensor(base)
    for x in (
        values, locked, np.asfortranarray(values), base[:, ::2], values[::-1][::-1], ag.tensor(values), ag.tensor(locked),
        ag.tensor(values.T.copy()).T, wide[:, ::2], ag.broadcast_to(ag.tensor(values), (2, 3, 4))[1],
    ):  # fmt: skip
        np.testing.assert_allclose(f(x).numpy(), expected, rtol=1e-6)
    assert f.traces == 1
    assert locked.sum() == values.sum()
    row = ag.broadcast_to(ag.tensor([1.0, 2.0]), (3, 2))
    assert ag.jit(lambda x: x + 1)(row).tolist() == [[2.0, 3.0]] * 3
    # as weak as a float of Python's
    assert ag.jit(lambda x: x + 1)(np.float64(0.1)).item() == np.float32(1.1)
    assert ag.jit(lambda x: x + 1)(np.int32(4)).item() == 5


def test_numbers_of_numpy_are_as_weak_as_in_eager():
    f = lambda x, r: x * r  # noqa: E731
    kinds = (
        0.5,
        np.float64(0.5),
        np.float32(0.5),
        np.float16(0.5),
        np.int64(2),
        np.uint8(2),
        2,
        True,
    )
    for dtype in ("float16", "float32", "float64", "int32"):
        for number in kinds:
            x = ag.ones(2, dtype)
            assert ag.jit(f)(x, number).dtype == f(x, number).dtype, (dtype, number)


@dataclasses.dataclass
class Held:
    gain: float = 2.0

    @ag.jit
    def times(self, x):
        return x * self.gain


@dataclasses.dataclass(frozen=True)
class Equal:
    name: str
    gain: float = dataclasses.field(compare=False)

    @ag.jit
    def times(self, x):
        return x * self.gain


class Slotted:
    __slots__ = ("gain",)

    def __init__(self, gain):
        self.gain = gain

    @ag.jit
    def times(self, x):
        return x * self.gain


@pytest.mark.parametrize(
    "kind", [Held, lambda gain: Equal("n", gain), Slotted], ids=["dataclass", "equal ones", "slots"]
)
def test_each_object_has_a_method_of_its_own(kind):
    x = ag.ones(1)
    objects = [kind(float(i)) for i in range(1, 80)]
    for _ in range(2):
        assert [thing.times(x).item() for thing in objects] == [float(i) for i in range(1, 80)]
    if kind is not Slotted:
        assert objects[0].times.traces == 1
    if kind is Held:
        objects[0].gain = 9.0
        assert objects[0].times(x).item() == 9.0
    alone = kind(3.0).times
    assert alone(x).item() == 3.0


def test_a_compiled_method_does_not_keep_its_object():
    thing = Equal("n", 2.0)
    assert thing.times(ag.ones(1)).item() == 2.0
    gone = weakref.ref(thing)
    del thing
    gc.collect()
    assert gone() is None


def test_products_of_nothing(caplog):
    """Sums of no terms are 0, and products without rows or columns are empty; compiled like all others."""

    def f(a, b):
        y = a @ b
        return (
            y,
            (y * 2 + 1).sum(axis=0),
            ag.grad(lambda a, b: ((a @ b) ** 2).sum(), argnums=(0, 1))(a, b),
        )

    for m, k, n in [(3, 0, 2), (0, 3, 2), (3, 2, 0), (0, 0, 0), (1, 0, 1), (0, 1, 1)]:
        a, b = ag.ones((m, k)), ag.ones((k, n))
        (y, total, (ga, gb)), (ey, etotal, (ea, eb)) = ag.jit(f)(a, b), f(a, b)
        for got, expected in ((y, ey), (total, etotal), (ga, ea), (gb, eb)):
            assert got.shape == expected.shape
            assert got.tolist() == expected.tolist()
    assert [r.getMessage() for r in caplog.records if r.levelno >= logging.WARNING] == []


def test_a_leaf_beside_a_product(caplog, everything):
    """What has no operands (`arange`, `full`) may stand in the loops that follow a product."""
    labels = ag.tensor([0, 0])

    def f(x, w, labels):
        y = x @ w
        return (
            ag.softmax_cross_entropy(y, labels),
            ag.grad(lambda w: ag.softmax_cross_entropy(x @ w, labels).mean())(w),
            ag.where(y > ag.arange(y.shape[1]), y, ag.full(y.shape, 7.0)),
        )

    for classes in (1, 2, 17) if everything else (1, 17):
        x, w = ag.random.normal((2, 5)), ag.random.normal((5, classes))
        for got, expected in zip(ag.jit(f)(x, w, labels), f(x, w, labels), strict=True):
            np.testing.assert_allclose(got.numpy(), expected.numpy(), 1e-4, 1e-5)
    assert [r.getMessage() for r in caplog.records if r.levelno >= logging.WARNING] == []


def weak_floats(x, rate):
    """Every way in which a number may meet a tensor, or nothing but numbers."""
    w = ag.full((3,), 1.5, x.dtype) if x.dtype.kind == "f" else ag.full((3,), 2, x.dtype)
    return [
        x * rate, rate * x, x + rate, rate - x, x / rate, rate / (x + 3.0), x**rate, ag.maximum(x, rate), ag.where(x > rate, x, rate),
        x * rate * rate, x * (rate * 2.0), x * (1.0 - rate), x * (rate**2), ag.concat([x, w * rate]), ag.clip(x, 0.0, 1.0) * rate,
        x > rate, (x * 0.0 + rate).sum(), ag.exp(x * -rate), x * rate + w, ag.arange(3) * rate, ag.arange(3) + rate,
    ]  # fmt: skip


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "int32"])
def test_floats_meet_tensors_as_in_eager(dtype, backend, everything):
    if backend == "cupy" and dtype in ("float16", "float64") and not everything:
        pytest.skip("two dtypes of four on the substitute; with --full")
    x = ag.tensor(np.array([1, 2, 3], dtype))
    jitted = ag.jit(weak_floats)
    for rate in (0.1, 2.5, 0.1):
        for i, (got, expected) in enumerate(zip(jitted(x, rate), weak_floats(x, rate), strict=True)):  # fmt: skip
            assert (got.dtype, got.shape) == (expected.dtype, expected.shape), i
            tolerance = {"float16": 2e-3, "float32": 1e-6, "float64": 1e-14}.get(str(expected.dtype), 0)
            np.testing.assert_allclose(got.numpy(), expected.numpy(), tolerance, err_msg=str(i))
    assert jitted.traces == 1


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_floats_of_all_sizes(dtype, backend):
    """What is smaller than a normal number may become 0 in machine code."""

    def f(x, rate):
        return x * rate, rate / x

    x, jitted = ones(2, dtype), ag.jit(f)
    smallest = np.finfo(dtype).tiny if backend == "numba" else 0.0
    with np.errstate(all="ignore"):
        for value in (math.inf, math.nan, -0.0, 1e300, 5e-324, 1e-45):
            for got, expected in zip(jitted(x, value), f(x, value), strict=True):
                assert got.dtype == expected.dtype
                np.testing.assert_allclose(got.numpy(), expected.numpy(), 0, smallest, err_msg=str(value))  # fmt: skip
                np.testing.assert_array_equal(np.signbit(got.numpy()), np.signbit(expected.numpy()))
    assert jitted.traces == 1


def test_floats_alone_and_as_state():
    """What is made of numbers alone has float32, as `ag.tensor` of them has; a state keeps its dtype."""
    w = ag.zeros((), "float64")

    @ag.jit(state=[w])
    def step(rate, other):
        w.assign(rate)
        return rate * other, rate

    product, rate = step(0.1, 3.0)
    assert w.item() in (0.1, float(np.float32(0.1)))
    assert rate.item() == pytest.approx(0.1)
    assert product.item() == pytest.approx(0.3)
    assert step(0.2, 3.0)[0].item() == pytest.approx(0.6)
    assert step.traces == 1
    grads = ag.jit(lambda x, r: ag.grad(lambda v: (v * r).sum())(x))(ones(2, "float64"), 0.1)
    assert grads.tolist() == [0.1, 0.1]


def test_inputs_of_foreign_byte_order():
    values = np.arange(3, dtype=">f4")
    assert ag.jit(lambda x: x * 2)(values).tolist() == [0.0, 2.0, 4.0]
    assert ag.jit(lambda x: x * 2)(np.frombuffer(b"\0" + np.arange(3, dtype="f4").tobytes(), "f4", offset=1)).tolist() == [0.0, 2.0, 4.0]  # fmt: skip
    with pytest.raises(ag.DTypeError):
        ag.jit(lambda x: x * 2)(np.array([1j]))


def test_large_arrays(backend, everything):
    rows = 300 if backend == "cupy" and not everything else 1200
    x = ag.tensor(np.random.default_rng(0).standard_normal((rows, 700)).astype(np.float32))

    def f(x):
        y = ag.tanh(x) * 2
        return y, y.sum(axis=0), (x @ x.T).max(), y.argmax(axis=1)

    for got, expected in zip(ag.jit(f)(x), f(x), strict=True):
        np.testing.assert_allclose(got.numpy(), expected.numpy(), rtol=2e-5, atol=2e-4)


def test_not_a_number_and_infinity_survive():
    x = ag.tensor([float("nan"), float("inf"), -float("inf"), 0.0])

    def f(x):
        return (
            x * 0.0,
            x - x,
            1.0 / x,
            ag.exp(x),
            x.sum(),
            ag.maximum(x, 0.0),
            x > 1.0,
            ag.softmax(x),
        )

    with np.errstate(all="ignore"):
        for got, expected in zip(ag.jit(f)(x), f(x), strict=True):
            np.testing.assert_array_equal(got.numpy(), expected.numpy())


@pytest.mark.host
def test_results_are_new_arrays():
    w = ag.zeros(2)

    @ag.jit(state=[w])
    def step(x):
        w.assign(w + x)
        y = w * 2
        return y, y, y.reshape(2, 1), w, x

    x = ones()
    first = step(x)
    second = step(x)
    assert [t.tolist() for t in first] == [[2.0, 2.0], [2.0, 2.0], [[2.0], [2.0]], [1.0, 1.0], [1.0, 1.0]]  # fmt: skip
    assert second[0].tolist() == [4.0, 4.0]
    arrays = [t.data for t in (*first, *second, w, x)]
    for i, a in enumerate(arrays):
        for b in arrays[:i]:
            assert not np.shares_memory(a, b)
    second[3].assign(ag.full(2, 9.0))
    assert w.tolist() == [2.0, 2.0]


def test_a_returned_constant_and_nothing():
    assert ag.jit(lambda x: None)(ones()) is None
    assert ag.jit(lambda x: [])(ones()) == []
    assert ag.jit(lambda x: x * 0 + 3)(ones()).tolist() == [3.0, 3.0]
    assert ag.jit(lambda x: ag.zeros(3))(ones()).tolist() == [0.0] * 3
    assert ag.jit(lambda x: ag.arange(3))(ones()).tolist() == [0, 1, 2]


def test_what_chooses_the_program_by_type_and_value():
    """Values that are equal and of different types are not one."""
    f = ag.jit(lambda x, how: x * (10.0 if how is True else 2.0 if how == 1 else 0.5))
    for how, expected in ((1, 2.0), (True, 10.0), (0, 0.5), (False, 0.5), (1, 2.0), (True, 10.0)):
        assert f(ones(), how).tolist() == [expected] * 2
    assert f.traces == 4
