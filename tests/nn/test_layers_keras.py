"""Layers beside Keras's: the same weights and inputs, then outputs, gradients of inputs and weights, and moving averages.

Keras runs in float64. Where values tie in a maximum the two may share gradients differently, and drawn values
do not tie, except in the test of ties.
"""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from keras_oracle import as_array, import_keras, vjp

import autograd as ag
import nn

keras = import_keras()
pytestmark = pytest.mark.oracle

L = keras.layers
CLOSE = dict(rtol=1e-10, atol=1e-12)


def drawn(shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape)


def arrays(theirs):
    return [as_array(w.value).copy() for w in theirs.weights]


def prepared(ours, theirs, x, seed=1):
    """Both built for x, with the same random weights (variances above 0)."""
    theirs.build(x.shape)
    ours(ag.tensor(x))
    names = list(ours.state_dict())
    assert len(names) == len(theirs.weights)
    values = [
        np.abs(drawn(w.shape, seed + i)) + 0.5 if "variance" in name else drawn(w.shape, seed + i)
        for i, (name, w) in enumerate(zip(names, theirs.weights, strict=True))
    ]
    theirs.set_weights(values)
    ours.load_state_dict(dict(zip(names, values, strict=True)))


def compare(ours, theirs, x, training=False, integers=False):
    """Forward, and the gradients of the input and of every weight along a random direction."""
    options = {"training": training} if "training" in theirs._call_signature.parameters else {}
    fixed = [w.value for w in theirs.non_trainable_variables]
    count = len(theirs.trainable_variables)

    def forward(*given):
        inputs = x if integers else given[-1]
        return theirs.stateless_call(given[:count], fixed, inputs, **options)[0]

    weights = [as_array(w.value) for w in theirs.trainable_variables]
    expected, pull = vjp(forward, *weights, *([] if integers else [x]))
    tensor = ag.tensor(x, requires_grad=not integers)
    y = ours(tensor, training=training)
    np.testing.assert_allclose(y.numpy(), expected, **CLOSE)
    assert ours.output_shape is None or ours.output_shape == (None, *expected.shape[1:])

    direction = drawn(y.shape, 99)
    gradients = pull(direction)
    ours.zero_grad()
    y.backward(ag.tensor(direction))
    for parameter, slope in zip(ours.parameters(), gradients[:count], strict=True):
        np.testing.assert_allclose(parameter.grad.numpy(), slope, **CLOSE)
    if not integers:
        np.testing.assert_allclose(tensor.grad.numpy(), gradients[-1], **CLOSE)


SIDES = {
    "Dense": (lambda n: n.Dense(3, "tanh"), (4, 5)),
    "Dense, rank 3": (lambda n: n.Dense(3, use_bias=False), (4, 2, 5)),
    "LayerNormalization": (lambda n: n.LayerNormalization(), (4, 5)),
    "LayerNormalization, axes": (lambda n: n.LayerNormalization(axis=[1, 3], epsilon=0.1), (4, 5, 2, 3)),
    "LayerNormalization, bare": (lambda n: n.LayerNormalization(center=False, scale=False), (4, 5)),
    "LayerNormalization, axis 1": (lambda n: n.LayerNormalization(axis=1, center=False), (4, 5, 2)),
    "GlobalAveragePooling2D": (lambda n: n.GlobalAveragePooling2D(), (2, 4, 3, 2)),
    "GlobalAveragePooling2D, first": (
        lambda n: n.GlobalAveragePooling2D(data_format="channels_first", keepdims=True), (2, 4, 3, 2),
    ),
    "GlobalMaxPooling2D": (lambda n: n.GlobalMaxPooling2D(keepdims=True), (2, 4, 3, 2)),
    "GlobalMaxPooling2D, first": (lambda n: n.GlobalMaxPooling2D("channels_first"), (2, 4, 3, 2)),
    "Flatten": (lambda n: n.Flatten(), (2, 4, 3, 2)),
    "Flatten, first": (lambda n: n.Flatten("channels_first"), (2, 4, 3, 2)),
    "Flatten of numbers": (lambda n: n.Flatten(), (3,)),
    "Reshape": (lambda n: n.Reshape((3, -1, 2)), (2, 4, 3)),
    "ReLU": (lambda n: n.ReLU(), (3, 9)),
    "ReLU, all arguments": (lambda n: n.ReLU(0.9, 0.2, 0.3), (3, 9)),
    "ReLU, slope": (lambda n: n.ReLU(negative_slope=0.2), (3, 9)),
    "ReLU, threshold": (lambda n: n.ReLU(threshold=0.5), (3, 9)),
    "LeakyReLU": (lambda n: n.LeakyReLU(0.25), (3, 9)),
    "ELU": (lambda n: n.ELU(0.7), (3, 9)),
    "Softmax": (lambda n: n.Softmax(), (3, 4)),
    "Softmax, axis": (lambda n: n.Softmax(axis=1), (3, 4, 2)),
    "Activation": (lambda n: n.Activation("softplus"), (3, 4)),
    "Dropout": (lambda n: n.Dropout(0.5), (3, 4)),
    "GaussianNoise": (lambda n: n.GaussianNoise(0.5), (3, 4)),
}  # fmt: skip


class Doubled:
    """The layers of Keras, in float64."""

    def __getattr__(self, name):
        return lambda *args, **options: getattr(L, name)(*args, **options, dtype="float64")


@pytest.mark.parametrize(("make", "shape"), SIDES.values(), ids=SIDES)
def test_in_inference(make, shape):
    ours, theirs, x = make(nn), make(Doubled()), drawn(shape)
    prepared(ours, theirs, x)
    compare(ours, theirs, x)


NORMS = {
    "features": (dict(), (6, 4)),
    "images": (dict(momentum=0.8, epsilon=0.01), (3, 4, 2, 3)),
    "axis 1": (dict(axis=1, momentum=0.5), (3, 4, 2)),
    "axis 1 of images": (dict(axis=1), (3, 4, 2, 3)),
    "no gamma": (dict(scale=False), (6, 4)),
    "no beta": (dict(center=False), (6, 4)),
    "bare": (dict(center=False, scale=False), (6, 4)),
    "one row": (dict(), (1, 4)),
}


@pytest.mark.parametrize(("options", "shape"), NORMS.values(), ids=NORMS)
@pytest.mark.parametrize("training", [False, True], ids=["inference", "training"])
def test_batch_normalization(options, shape, training):
    ours = nn.BatchNormalization(**options)
    theirs = L.BatchNormalization(**options, dtype="float64")
    x = drawn(shape) * 2 + 1
    prepared(ours, theirs, x)
    compare(ours, theirs, x, training)


@pytest.mark.parametrize(("options", "shape"), NORMS.values(), ids=NORMS)
def test_moving_averages_over_several_steps(options, shape):
    ours = nn.BatchNormalization(**options)
    theirs = L.BatchNormalization(**options, dtype="float64")
    prepared(ours, theirs, drawn(shape))
    for step in range(5):
        x = drawn(shape, 20 + step) * (step + 1) + step
        y, expected = ours(ag.tensor(x), training=True), theirs(x, training=True)
        np.testing.assert_allclose(y.numpy(), as_array(expected), **CLOSE)
        for mine, its in zip(ours.state_dict().values(), arrays(theirs), strict=True):
            np.testing.assert_allclose(mine, its, **CLOSE)
    x = drawn(shape, 50)
    np.testing.assert_allclose(ours(ag.tensor(x)).numpy(), as_array(theirs(x)), **CLOSE)


@settings(max_examples=12)
@given(st.data())
def test_embedding(data):
    size, width = data.draw(st.integers(1, 9)), data.draw(st.integers(1, 4))
    words = data.draw(
        st.lists(st.lists(st.integers(0, size - 1), min_size=3, max_size=3), min_size=1, max_size=4)
    )
    ours, theirs, x = (
        nn.Embedding(size, width),
        L.Embedding(size, width, dtype="float64"),
        np.array(words),
    )
    theirs.build(x.shape)
    ours.build(x.shape, dtype="float64")
    ours.built = True
    table = drawn((size, width))
    theirs.set_weights([table])
    ours.load_state_dict({"embeddings": table})
    compare(ours, theirs, x, integers=True)
    whole = ours(ag.tensor(x.astype(np.float32)))
    assert whole.numpy().tobytes() == ours(ag.tensor(x)).numpy().tobytes()


pairs = st.tuples(st.integers(1, 3), st.integers(1, 3))
paddings = st.sampled_from(["valid", "same"])
formats = st.sampled_from([None, "channels_last", "channels_first"])


def images(data, reach, channels, data_format):
    """Random images that windows of this reach fit in."""
    sizes = [data.draw(st.integers(n, n + 5)) for n in reach]
    count = data.draw(st.integers(1, 3))
    first = data_format == "channels_first"
    shape = (count, channels, *sizes) if first else (count, *sizes, channels)
    return drawn(shape, data.draw(st.integers(0, 99)))


@settings(max_examples=15)
@given(st.data())
def test_convolution(data):
    size, gaps = data.draw(pairs), data.draw(pairs)
    strides = data.draw(pairs) if gaps == (1, 1) else (1, 1)  # Keras has one or the other
    groups = data.draw(st.integers(1, 2))
    options = dict(
        filters=groups * data.draw(st.integers(1, 2)),
        kernel_size=size,
        strides=strides,
        padding=data.draw(paddings),
        data_format=data.draw(formats),
        dilation_rate=gaps,
        groups=groups,
        activation=data.draw(st.sampled_from([None, "tanh"])),
        use_bias=data.draw(st.booleans()),
    )
    reach = [(k - 1) * gap + 1 for k, gap in zip(size, gaps, strict=True)]
    channels = groups * data.draw(st.integers(1, 2))
    x = images(data, reach, channels, options["data_format"])
    ours, theirs = nn.Conv2D(**options), L.Conv2D(**options, dtype="float64")
    prepared(ours, theirs, x)
    compare(ours, theirs, x)


@settings(max_examples=15)
@given(st.data(), st.sampled_from(["MaxPooling2D", "AveragePooling2D"]))
def test_pooling(data, kind):
    size = data.draw(pairs)
    options = dict(
        pool_size=size,
        strides=data.draw(st.none() | pairs),
        padding=data.draw(paddings),
        data_format=data.draw(formats),
    )
    x = images(data, size, data.draw(st.integers(1, 2)), options["data_format"])
    ours, theirs = getattr(nn, kind)(**options), getattr(L, kind)(**options, dtype="float64")
    prepared(ours, theirs, x)
    compare(ours, theirs, x)


@settings(max_examples=12)
@given(st.integers(1, 3), st.integers(1, 4), st.integers(0, 99))
def test_maxout_is_a_maximum_of_dense_pieces(units, pieces, seed):
    """Keras has no maxout; it is a Dense layer, a Reshape and a maximum. Where two pieces tie they share."""
    dense = L.Dense(units * pieces, dtype="float64")
    ours, x = nn.Maxout(units, pieces), drawn((3, 4), seed)
    prepared(ours, dense, x, seed)
    if pieces > 1:  # the first two pieces of every unit are the same
        kernel, bias = arrays(dense)
        kernel[:, 1::pieces], bias[1::pieces] = kernel[:, ::pieces], bias[::pieces]
        dense.set_weights([kernel, bias])
        ours.load_state_dict({"kernel": kernel, "bias": bias})

    def forward(*given):
        lines = dense.stateless_call(given[:-1], [], given[-1])[0]
        return keras.ops.amax(keras.ops.reshape(lines, (-1, units, pieces)), axis=-1)

    expected, pull = vjp(forward, *(as_array(w.value) for w in dense.trainable_variables), x)
    tensor = ag.tensor(x, requires_grad=True)
    y = ours(tensor)
    np.testing.assert_allclose(y.numpy(), expected, **CLOSE)
    direction = drawn(y.shape, 7)
    *slopes, of_x = pull(direction)
    y.backward(ag.tensor(direction))
    for parameter, slope in zip(ours.parameters(), slopes, strict=True):
        np.testing.assert_allclose(parameter.grad.numpy(), slope, **CLOSE)
    np.testing.assert_allclose(tensor.grad.numpy(), of_x, **CLOSE)


def test_a_network_of_layers_trains_the_same():
    """Convolution, normalisation and pooling together: steps of SGD from the same weights, in float64."""
    x, y = drawn((24, 6, 6, 2)), (drawn((24, 1), 3) > 0).astype(float)

    def layers(n):
        return [
            n.Conv2D(3, 3, padding="same", use_bias=False), n.BatchNormalization(momentum=0.9), n.ReLU(),
            n.MaxPooling2D(), n.Flatten(), n.Dense(4), n.LayerNormalization(), n.Dense(1),
        ]  # fmt: skip

    ours = nn.Sequential([nn.Input((6, 6, 2)), *layers(nn)], "float64")
    theirs = keras.Sequential([keras.Input((6, 6, 2), dtype="float64"), *layers(Doubled())])
    theirs.set_weights([np.abs(drawn(w.shape, i)) * 0.3 + 0.1 for i, w in enumerate(theirs.weights)])
    ours.set_weights(arrays(theirs))
    ours.compile(nn.SGD(0.05, momentum=0.9), "mse")
    theirs.compile(keras.optimizers.SGD(0.05, momentum=0.9), "mse", jit_compile=False, run_eagerly=True)
    for start in (0, 8, 16, 0):
        batch = slice(start, start + 8)
        loss, expected = (
            ours.train_on_batch(x[batch], y[batch]),
            theirs.train_on_batch(x[batch], y[batch]),
        )
        assert loss == pytest.approx(float(expected), rel=1e-10)
    for mine, its in zip(ours.get_weights(), arrays(theirs), strict=True):
        np.testing.assert_allclose(mine, its, rtol=1e-9, atol=1e-11)
