"""Settings and numbers: NumPy's scalars mean what the same number of Python's means, everywhere; a number that is an
argument of a compiled function may be a setting; what is out of range is refused."""

from __future__ import annotations

import collections
import copy
import inspect
import pickle

import numpy as np
import pytest

import autograd as ag
import nn

X = np.arange(6.0).reshape(2, 3) - 2

# each takes a conversion of its numbers
USES = {
    "arange": lambda n: ag.arange(n(4)),
    "arange of three": lambda n: ag.arange(n(1), n(9), n(3)),
    "zeros": lambda n: ag.zeros((n(2), n(3))),
    "full": lambda n: ag.full(n(2), n(3)),
    "linspace": lambda n: ag.linspace(0, 1, n(3)),
    "eye": lambda n: ag.eye(n(2), n(3)),
    "reshape": lambda n: ag.tensor(X).reshape(n(3), n(2)),
    "reshape to a tuple": lambda n: ag.tensor(X).reshape((n(3), n(2))),
    "sum": lambda n: ag.tensor(X).sum(axis=n(1)),
    "sum of axes": lambda n: ag.tensor(X).sum(axis=(n(0), n(1))),
    "mean": lambda n: ag.mean(ag.tensor(X), n(1)),
    "var": lambda n: ag.tensor(X).var(axis=n(1), ddof=n(1)),
    "take": lambda n: ag.take(ag.tensor(X), n(1)),
    "take along": lambda n: ag.take(ag.tensor(X), n(1), axis=n(1)),
    "repeat": lambda n: ag.tensor(X).repeat(n(2), axis=n(1)),
    "repeat counts": lambda n: ag.repeat(ag.tensor(X), [n(2), n(0)], axis=n(0)),
    "tile": lambda n: ag.tensor(X).tile((n(2), n(1))),
    "pad": lambda n: ag.pad(ag.tensor(X), ((n(0), n(1)), (n(1), n(0))), value=n(2)),
    "split": lambda n: ag.split(ag.tensor(X), n(3), axis=n(1))[1],
    "clip": lambda n: ag.tensor(X).clip(n(0), n(2)),
    "clip by position": lambda n: ag.clip(ag.tensor(X), n(-1), n(2)),
    "transpose": lambda n: ag.tensor(X).transpose(n(1), n(0)),
    "permute_dims": lambda n: ag.tensor(X).permute_dims((n(1), n(0))),
    "expand_dims": lambda n: ag.tensor(X).expand_dims(n(1)),
    "squeeze": lambda n: ag.tensor(X)[None].squeeze(n(0)),
    "swapaxes": lambda n: ag.tensor(X).swapaxes(n(0), n(1)),
    "flip": lambda n: ag.tensor(X).flip(n(1)),
    "concat": lambda n: ag.concat([ag.tensor(X), ag.tensor(X)], axis=n(1)),
    "stack": lambda n: ag.stack([ag.tensor(X), ag.tensor(X)], axis=n(1)),
    "cumsum": lambda n: ag.tensor(X).cumsum(n(1)),
    "sort": lambda n: ag.tensor(X).sort(n(0)),
    "argmax": lambda n: ag.tensor(X).argmax(n(1)),
    "softmax": lambda n: ag.softmax(ag.tensor(X), n(0)),
    "one_hot": lambda n: ag.one_hot(ag.tensor([0, 2]), n(3)),
    "leaky_relu": lambda n: ag.leaky_relu(ag.tensor(X), slope=n(2)),
    "elu": lambda n: ag.elu(ag.tensor(X), alpha=n(2)),
    "windows": lambda n: ag.windows(ag.tensor(X), axes=n(1), size=n(2)),
    "index": lambda n: ag.tensor(X)[n(1), n(0) : n(2)],
    "broadcast_to": lambda n: ag.broadcast_to(ag.tensor(X), (n(2), n(2), n(3))),
    "multiply": lambda n: ag.tensor(X) * n(2),
    "power": lambda n: ag.tensor(X) ** n(2),
}


@pytest.mark.parametrize("kind", [np.int64, np.int32, np.uint8])
@pytest.mark.parametrize("use", USES)
def test_scalars_of_numpy_as_settings(use, kind):
    if kind is np.uint8 and use in ("clip by position", "multiply", "power"):
        kind = np.int16  # no negative numbers; a strong operand of its own dtype
    plain, given = USES[use](int), USES[use](kind)
    assert given.tolist() == plain.tolist()
    assert given.shape == plain.shape
    if use not in ("multiply", "power"):
        assert given.dtype == plain.dtype


@pytest.mark.parametrize("dtype", ["uint8", "int8", "uint16", "int16"])
def test_ranges_that_a_dtype_does_not_hold(dtype):
    top = np.iinfo(dtype).max
    assert ag.arange(top - 2, top + 1, dtype=dtype).tolist() == [top - 2, top - 1, top]
    low = int(np.iinfo(dtype).min)
    for start, stop, step in ((0, top + 2, 1), (low - 1, 3, 1), (0, low - 2, -1)):
        with pytest.raises(ag.RangeError, match=f"no number of {dtype}"):
            ag.arange(start, stop, step, dtype=dtype)
    assert ag.arange(5, 5, dtype=dtype).tolist() == []


SETTINGS = {
    "clip": lambda x, n: ag.clip(x, -n, n),
    "clip method": lambda x, n: x.clip(max=n),
    "leaky_relu": lambda x, n: ag.leaky_relu(x, slope=n),
    "float": lambda x, n: x * float(n),
    "item": lambda x, n: x * n.item() if hasattr(n, "item") else x * n,
    "arithmetic first": lambda x, n: ag.elu(x, alpha=n * 2.0 + 1),
    "pad": lambda x, n: ag.pad(x, ((1, 1), (0, 0)), value=n),
}


@pytest.mark.parametrize("use", SETTINGS)
def test_a_number_that_is_an_argument_as_a_setting(use):
    step = SETTINGS[use]
    compiled = ag.jit(step)
    x = ag.tensor(X, dtype="float32")
    for n in (0.5, 1.5, 0.5, np.float64(1.5)):
        np.testing.assert_allclose(compiled(x, n).numpy(), step(x, float(n)).numpy(), rtol=1e-6)
    assert compiled.traces == 2


def test_other_numbers_stay_inputs():
    compiled = ag.jit(lambda x, bound, rate: ag.clip(x, 0.0, bound) * rate)
    for rate in (0.1, 0.2, 0.3):
        compiled(ag.ones(2), 0.5, rate)
    assert compiled.traces == 1


@pytest.mark.parametrize("jit", [False, True])
def test_one_hot_refuses_what_is_out_of_range(jit):
    f = lambda i: ag.one_hot(i, 3)  # noqa: E731
    f = ag.jit(f) if jit else f
    assert f(ag.tensor([[2, 0]])).tolist() == [[[0, 0, 1], [1, 0, 0]]]
    for wrong in ([3, 0], [-1, 2], [2, 1000]):
        with pytest.raises(IndexError):
            f(ag.tensor(wrong))


def test_quotients_and_remainders():
    for dtype in ("int32", "int64", "float32", "float64"):
        a, b = np.array([7, -7, 7, -7, 6], dtype), np.array([2, 2, -2, -2, 3], dtype)
        for f in (lambda a, b: a // b, lambda a, b: a % b, lambda a, b: divmod(a, b)[1]):
            for x, y in ((ag.tensor(a), ag.tensor(b)), (ag.tensor(a), b), (a, ag.tensor(b))):
                assert f(x, y).tolist() == f(a, b).tolist()
                assert f(x, y).dtype == dtype
    assert (7 // ag.tensor([2])).tolist() == [3]
    assert (ag.tensor(1.0) // 0.1).item() == np.float32(1.0) // np.float32(0.1)


@ag.jit
def decorated(x, rate=2.0):
    """What it does."""
    return x * rate


class Scaled:
    @ag.jit
    def of(self, x, rate=2.0):
        """What it does."""
        return x * rate


def test_a_compiled_function_is_like_the_function():
    assert decorated.__name__ == decorated.__qualname__ == "decorated"
    assert decorated.__doc__ == "What it does."
    assert decorated.__module__ == __name__
    assert decorated.__wrapped__(ag.ones(1)).tolist() == [2.0]
    assert str(inspect.signature(decorated)) == "(x, rate=2.0)"
    assert pickle.loads(pickle.dumps(decorated)) is decorated
    assert copy.deepcopy(decorated)(ag.ones(1)).tolist() == [2.0]
    method = Scaled().of
    assert (method.__name__, method.__doc__) == ("of", "What it does.")
    assert str(inspect.signature(method)) == "(x, rate=2.0)"
    named = ag.jit(len)
    assert named.__name__ == "len"


def test_copies_of_leaves_and_results():
    w = nn.Parameter([1.0, 2.0], regularizer=nn.L2(0.1))
    (w * w).sum().backward()
    other = copy.deepcopy({"w": w})["w"]
    assert isinstance(other, nn.Parameter)
    assert other.grad.tolist() == [2.0, 4.0]
    assert other.grad is not w.grad
    assert (other.regularizer is None, other.regularizer is w.regularizer) == (False, False)
    assert pickle.loads(pickle.dumps(w)).regularizer is not None
    twice = copy.deepcopy([w, w])
    assert twice[0] is twice[1]
    for act in (copy.deepcopy, pickle.dumps, copy.copy):
        with pytest.raises(ag.GradientError, match=r"x\.detach\(\)"):
            act(w * 2)
        act((w * 2).detach())


def test_gradients_keep_the_kind_of_mapping():
    f = lambda d: sum((v * v).sum() for v in d.values())  # noqa: E731
    ordered = collections.OrderedDict([("b", ag.ones(1)), ("a", ag.ones(1) * 2)])
    found = ag.grad(f)(ordered)
    assert type(found) is collections.OrderedDict
    assert list(found) == ["b", "a"]
    assert found["a"].tolist() == [4.0]
    default = ag.grad(f)(collections.defaultdict(list, a=ag.ones(1)))
    assert type(default) is collections.defaultdict
    assert default.default_factory is list
    mixed = {1: ag.ones(1), "a": ag.ones(1) * 2, (0, 1): ag.ones(1) * 3}
    assert {k: v.tolist() for k, v in ag.grad(f)(mixed).items()} == {1: [2.0], "a": [4.0], (0, 1): [6.0]}  # fmt: skip
    assert ag.jit(lambda d: d[1] * d["a"])({1: ag.ones(1), "a": ag.ones(1) * 2}).tolist() == [2.0]


@pytest.mark.parametrize("transform", [ag.grad, ag.value_and_grad, ag.jacobian, ag.hessian])
def test_argnums(transform):
    def f(a, b, c=1.0):
        return (a * b * b).sum()

    args = ag.tensor([1.0, 2.0]), ag.tensor([3.0, 4.0])

    def values(tree):
        return [t.tolist() for t in ag.structure.flatten(tree)]

    assert values(transform(f, -1)(*args)) == values(transform(f, 1)(*args))
    assert values(transform(f, np.int64(1))(*args)) == values(transform(f, 1)(*args))
    both = transform(f, (0, -1))(*args)
    both = both[1] if transform is ag.value_and_grad else both
    assert isinstance(both, tuple)
    assert len(both) == 2
    for wrong in (2, -3, (0, 2), (0, 0), (1, -1), ()):
        with pytest.raises(ag.RangeError, match="argnums"):
            transform(f, wrong)(*args)
    for wrong in (0.5, "a", None):
        with pytest.raises(TypeError, match="argnums"):
            transform(f, wrong)(*args)


def test_second_derivatives_by_two_arguments():
    f = lambda a, b: (a * b * b).sum()  # noqa: E731
    a, b = ag.tensor(2.0), ag.tensor(3.0)
    blocks = ag.hessian(f, (0, 1))(a, b)
    assert [[block.item() for block in row] for row in blocks] == [[0.0, 6.0], [6.0, 4.0]]
    rows = ag.jacobian(lambda a, b: a * b, (1, 0))(a, b)
    assert [row.item() for row in rows] == [2.0, 3.0]


def test_repeat_with_a_count_for_each_element():
    x = ag.tensor(X, requires_grad=True)
    for counts, axis in (([2, 0], 0), ([1, 2, 3], 1), ([0, 1, 2, 3, 0, 1], None), ([2], 1), (np.array([1, 2]), 0), (ag.tensor([3, 1]), 0)):  # fmt: skip
        plain = np.asarray(counts)
        y = ag.repeat(x, counts, axis)
        np.testing.assert_array_equal(y.numpy(), np.repeat(X, plain, axis))
        x.grad = None
        y.sum().backward()
        whole = np.broadcast_to(plain, (X.size if axis is None else X.shape[axis],))
        shape = [-1 if k == axis else 1 for k in range(2)] if axis is not None else X.shape
        np.testing.assert_array_equal(x.grad.numpy(), np.broadcast_to(whole.reshape(shape), X.shape))  # fmt: skip
    for wrong in ([1, 2], [1, -1, 1], [1.0, 2.0, 1.0]):
        with pytest.raises(ag.ShapeError, match="repeat"):
            ag.repeat(x, wrong, 1)


def test_take_along_the_flattened_array():
    places = np.array([5, 0, 0])
    x = ag.tensor(X, requires_grad=True)
    y = ag.take_along_axis(x, places, axis=None)
    np.testing.assert_array_equal(y.numpy(), np.take_along_axis(X, places, None))
    y.sum().backward()
    assert x.grad.tolist() == [[2.0, 0.0, 0.0], [0.0, 0.0, 1.0]]


def test_where_as_a_method():
    x = ag.tensor(X)
    assert x.where(x > 0, -1.0).tolist() == np.where(X > 0, X, -1.0).tolist()


@pytest.mark.parametrize("jit", [False, True])
@pytest.mark.parametrize("name", ["relu", "maximum", "minimum", "maximum of the other", "max", "min", "clip", "max over an axis"])  # fmt: skip
def test_a_nan_has_a_slope(name, jit):
    f = {
        "relu": ag.relu,
        "maximum": lambda x: ag.maximum(x, 0.5),
        "minimum": lambda x: ag.minimum(x, 0.5),
        "maximum of the other": lambda x: ag.maximum(ag.tensor([0.5, 0.5, 0.5], dtype="float32"), x),
        "max": ag.max,
        "min": ag.min,
        "clip": lambda x: ag.clip(x, -1.0, 1.0),
        "max over an axis": lambda x: ag.max(x, axis=0),
    }[name]  # fmt: skip
    slope = ag.grad(lambda x: f(x).sum())
    slope = ag.jit(slope) if jit else slope
    assert slope(ag.tensor([float("nan"), 0.25, -0.25])).tolist()[0] == 1.0


class Cut(nn.Layer):
    def __init__(self, how):
        super().__init__()
        self.how = how

    def call(self, x):
        if self.how == "detached":
            return ag.tensor(x.detach().numpy()) * 1.0 + x
        return ag.tensor(x.numpy() if self.how == "numpy" else np.asarray(x)) * 1.0


@pytest.mark.parametrize("how", ["numpy", "asarray", "detached"])
def test_values_taken_inside_a_layer(how):
    model = nn.Sequential([nn.Dense(2), Cut(how), nn.Dense(1)])
    model.compile("sgd", "mse")
    x, y = np.ones((8, 2), np.float32), np.ones(8)
    assert model.predict(x, verbose=0).shape == (8, 1)
    if how == "detached":
        model.fit(x, y, verbose=0)
        return
    with pytest.raises(ag.GradientError, match=r"Cut: .*x\.detach\(\)"):
        model.fit(x, y, verbose=0)
    assert model.layers[0](x).numpy().shape == (8, 2)  # outside of every layer
