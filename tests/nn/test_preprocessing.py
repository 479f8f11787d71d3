"""Preprocessing of numbers: beside Keras, batches beside one array, what is refused, what is saved."""

from __future__ import annotations

import io
import re

import numpy as np
import pytest

import autograd as ag
import nn

DRAW = np.random.default_rng(0)
ROWS = DRAW.normal(3.0, 2.0, (40, 3))
IMAGES = DRAW.normal(size=(5, 4, 3, 2))

AXES = [(ROWS, -1), (ROWS, None), (ROWS, 1), (IMAGES, -1), (IMAGES, (1, 3)), (IMAGES, None), (IMAGES, 2)]


@pytest.mark.parametrize(("x", "axis"), AXES)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_adapted_numbers_have_mean_0_and_variance_1_and_come_back(x, axis, dtype):
    layer = nn.Normalization(axis)
    layer.adapt(x)
    y = layer(ag.tensor(x, dtype))
    assert y.dtype == dtype
    kept = () if axis is None else tuple(a % x.ndim for a in np.atleast_1d(axis))
    others = tuple(i for i in range(x.ndim) if i not in kept)
    close = dict(atol=1e-12 if dtype == "float64" else 1e-5)
    np.testing.assert_allclose(y.numpy().mean(others), 0, **close)
    np.testing.assert_allclose(y.numpy().var(others), 1, **close)
    back = nn.Normalization(axis, invert=True)
    back.adapt(x)
    np.testing.assert_allclose(back(y).numpy(), x, rtol=1e-5 if dtype == "float32" else 1e-12)
    by_hand = (x - x.mean(others, keepdims=True)) / x.std(others, keepdims=True)
    np.testing.assert_allclose(y.numpy(), by_hand, rtol=1e-4 if dtype == "float32" else 1e-11, atol=1e-6)


WAYS = {
    "a generator": lambda x: (x[i : i + 7] for i in range(0, len(x), 7)),
    "a list of arrays": lambda x: [x[:1], x[1:30], x[30:]],
    "batches with targets": lambda x: iter([(x[:9], 1), (x[9:], 2)]),
    "nested lists": lambda x: x.tolist(),
    "a tensor": ag.tensor,
}


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_batches_are_as_one_array(way):
    layer = nn.Normalization()
    layer.adapt(way(ROWS))
    mean, variance = layer.known
    np.testing.assert_allclose(mean, ROWS.mean(0), rtol=1e-13)
    np.testing.assert_allclose(variance, ROWS.var(0), rtol=1e-12)


def test_a_single_column_and_a_constant_one():
    layer = nn.Normalization()
    layer.adapt(ROWS[:, 0])
    np.testing.assert_allclose(layer(ROWS[:, :1]).numpy().std(), 1)
    layer = nn.Normalization()
    layer.adapt([[5.0], [5.0]])
    assert layer([[5.0], [6.0]]).tolist() == [[0.0], [1e7]]


def test_adapting_again_reaches_what_is_compiled():
    layer = nn.Normalization()
    layer.adapt(ROWS)
    model = nn.Sequential([nn.Input((3,)), layer])
    before = model.predict(ROWS)
    layer.adapt(ROWS * 2 + 1)
    np.testing.assert_allclose(model.predict(ROWS * 2 + 1), before, atol=1e-5)
    assert not model.parameters()
    assert [name for name, _ in model.named_tensors()] == ["layers.0.mean", "layers.0.variance"]
    with pytest.raises(ag.ShapeError, match=r"was built for a mean of shape \(1, 3\), the data has \(1, 2\)"):
        layer.adapt(ROWS[:, :2])


def adapted(layer, *data):
    layer.adapt(*data)
    return layer


def built_on(layer, x):
    layer(ag.tensor(x))
    return layer


WRONG = {
    "not adapted": (lambda: nn.Normalization()(ROWS), "Normalization: knows no mean and variance yet; call adapt"),
    "half": (lambda: nn.Normalization(mean=1.0), "mean and variance are given both or neither"),
    "two shapes": (lambda: nn.Normalization(mean=[1.0], variance=[1.0, 2.0]), "have the same shape, of at most 1 axes; received (1,) and (2,)"),
    "too many axes": (lambda: nn.Normalization(None, [1.0], [2.0]), "of at most 0 axes"),
    "a text": (lambda: nn.Normalization(mean="a", variance=1), "Normalization: mean is a number or nested lists of numbers, or None, got 'a'"),
    "NaN": (lambda: nn.Normalization().adapt([[1.0, np.nan]]), "the data holds NaN or infinity in column 1; fill it first"),
    "no rows": (lambda: nn.Normalization().adapt(np.zeros((0, 3))), "adapt was given no rows: shape (0, 3)"),
    "no batch": (lambda: nn.Normalization().adapt(iter([])), "adapt was given no batch"),
    "batches": (lambda: nn.Normalization().adapt([ROWS, ROWS[:, :2]]), "batches of different sizes"),
    "samples": (lambda: nn.Normalization(0).adapt(ROWS), "the first axis counts samples"),
    "sizes": (lambda: nn.Normalization(mean=[1.0, 2.0], variance=[1.0, 2.0])(ROWS), "axis 1 of the input has 3 places, mean and variance are known of 2"),
    "dimensions": (lambda: built_on(nn.Normalization(mean=0.0, variance=1.0), ROWS)(IMAGES), "the input has 4 dimensions, the layer was built for 2"),
    "both": (lambda: nn.Discretization([1.0], 2), "Discretization: give bin_boundaries or num_bins, and not both"),
    "neither": (lambda: nn.Discretization(), "give bin_boundaries or num_bins"),
    "falling": (lambda: nn.Discretization([2.0, 1.0]), "bin_boundaries is a list of numbers that do not fall, or None, got [2.0, 1.0]"),
    "no number": (lambda: nn.Discretization(["a"]), "bin_boundaries[0] is a number, got 'a'"),
    "bins not adapted": (lambda: nn.Discretization(num_bins=3)(ROWS), "Discretization: knows no boundaries yet; call adapt(data) first"),
    "bins given": (lambda: nn.Discretization([1.0]).adapt(ROWS), "has the bin_boundaries that were given; adapt needs num_bins"),
    "bins NaN": (lambda: nn.Discretization(num_bins=2).adapt([np.nan]), "the data holds NaN or infinity, which lies in no bin"),
    "steps of an array": (lambda: nn.Discretization(num_bins=2).adapt(ROWS, 3), "steps counts batches of an iterable"),
    "no numbers": (lambda: nn.Discretization(num_bins=2).adapt([]), "adapt was given no numbers"),
    "epsilon": (lambda: nn.Discretization(num_bins=2, epsilon=0), "epsilon lies above 0, at most 1, got 0"),
    "mode": (lambda: nn.Discretization([1.0], output_mode="binary"), "output_mode is one of 'int', 'one_hot', 'multi_hot', 'count', got 'binary'"),
    "sparse": (lambda: nn.Discretization([1.0], sparse=True), "sparse is False, for there are no sparse tensors here, got True"),
    "other bins": (lambda: built_on(adapted(nn.Discretization(num_bins=3, output_mode="one_hot"), ROWS), ROWS).adapt([1.0]), "is built for 3 bins, not for 1"),
    "tokens": (lambda: nn.CategoryEncoding(0), "num_tokens is an integer >= 1, got 0"),
    "encoding mode": (lambda: nn.CategoryEncoding(3, "int"), "output_mode is one of 'one_hot', 'multi_hot', 'count', got 'int'"),
    "encoding sparse": (lambda: nn.CategoryEncoding(3, sparse=True), "there are no sparse tensors"),
    "too large": (lambda: nn.CategoryEncoding(3)([[3]]), "index 3 is out of bounds"),
    "negative": (lambda: nn.CategoryEncoding(3, "one_hot")([[-1]]), "out of bounds"),
    "weights": (lambda: nn.CategoryEncoding(3)([[1]], count_weights=[[2.0]]), "count_weights are for the output_mode 'count'"),
    "weights shape": (lambda: nn.CategoryEncoding(3, "count")([[1]], count_weights=[2.0]), "count_weights of shape (1,) for an input of (1, 1)"),
    "three axes": (lambda: nn.CategoryEncoding(3)([[[1]]]), "'multi_hot' takes indices (batch, n) or (n,), the input has 3 dimensions"),
}  # fmt: skip


@pytest.mark.parametrize(("call", "message"), WRONG.values(), ids=WRONG)
def test_what_is_refused(call, message):
    with pytest.raises((ValueError, IndexError, ag.GradloomError), match=re.escape(message)):
        call()


def test_a_compiled_program_refuses_a_category_out_of_range():
    model = nn.Sequential([nn.Input((2,)), nn.CategoryEncoding(3)])
    model.predict([[0, 2], [1, 1]])
    with pytest.raises((IndexError, ag.GradloomError)):
        model.predict([[0, 3], [1, 1]])


def saved_and_loaded(model):
    file = io.BytesIO()
    model.save(file)
    file.seek(0)
    return nn.load(file)


SAVED = {
    "normalization": lambda: adapted(nn.Normalization(), ROWS),
    "of one mean": lambda: adapted(nn.Normalization(None, invert=True), ROWS),
    "given": lambda: nn.Normalization(mean=[1.0, 0.1, 2.0], variance=[1.0, 3.0, 0.7]),
    "bins": lambda: adapted(nn.Discretization(num_bins=4, output_mode="one_hot"), ROWS),
    "bins given": lambda: nn.Discretization([0.1, 2.0], output_mode="count"),
    "encoding": lambda: nn.CategoryEncoding(40, "count"),
}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("make", SAVED.values(), ids=SAVED)
def test_saved_and_read_back(make, dtype):
    nn.set_random_seed(1)
    layer, x = make(), np.abs(ROWS)
    model = nn.Sequential([layer, nn.Flatten(), nn.Dense(2)], dtype=dtype)
    eager = model(ag.tensor(x, dtype))
    again = saved_and_loaded(model)
    assert again.predict(x).tobytes() == model.predict(x).tobytes()
    np.testing.assert_allclose(model.predict(x), eager.numpy(), rtol=1e-5 if dtype == "float32" else 1e-12)
    copy = type(layer).from_config(layer.get_config())
    assert copy(ag.tensor(x, dtype)).numpy().tobytes() == layer(ag.tensor(x, dtype)).numpy().tobytes()
    assert copy.get_config() == layer.get_config()


def test_gradients_pass_through_a_normalization():
    layer = adapted(nn.Normalization(), ROWS)
    x = ag.tensor(ROWS, requires_grad=True)
    (layer(x) * 3.0).sum().backward()
    np.testing.assert_allclose(x.grad.numpy(), np.broadcast_to(3 / ROWS.std(0), ROWS.shape), rtol=1e-12)


def test_bins_of_about_as_many_numbers_each():
    x = np.random.default_rng(2).exponential(size=20_000)
    layer = nn.Discretization(num_bins=5, epsilon=0.001)
    layer.adapt(iter(np.split(x, 10)))
    share = np.bincount(layer(x.reshape(-1, 1)).numpy().ravel(), minlength=5) / len(x)
    np.testing.assert_allclose(share, 0.2, atol=0.01)
    some = nn.Discretization(num_bins=5)
    some.adapt(iter(np.split(x, 10)), steps=2)
    whole = nn.Discretization(num_bins=5)
    whole.adapt(iter(np.split(x[:4000], 2)))
    assert some.bin_boundaries == whole.bin_boundaries
