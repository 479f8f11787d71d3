"""Layers beside Keras's: the same weights, inputs and arguments give the same outputs and gradients, in float64."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from keras_oracle import import_keras

import autograd as ag
import nn

keras = import_keras()
pytestmark = pytest.mark.oracle
CLOSE = dict(rtol=1e-9, atol=1e-11)
few = settings(max_examples=12)


def agree(ours, theirs, x, training=False, gradients=True):
    """Same outputs; and, with the same random weights of the outputs, same gradients of inputs and weights."""
    import jax

    x = np.asarray(x, np.float64)
    theirs.build(x.shape)
    ours(ag.tensor(x))
    arrays = [np.asarray(w) for w in theirs.weights]
    names = dict(ours.named_tensors())
    for (name, _), array in zip(_in_the_order_of_keras(ours), arrays, strict=True):
        names[name].assign(ag.tensor(array))
    probe = np.random.default_rng(0).standard_normal(theirs.compute_output_shape(x.shape))

    def loss(trainable, inputs):
        options = {"training": training} if theirs._call_has_training_arg else {}
        output, states = theirs.stateless_call(
            trainable, [v.value for v in theirs.non_trainable_variables], inputs, **options
        )
        return (output * probe).sum(), (output, states)

    ours_in = ag.tensor(x, requires_grad=gradients)
    y = ours(ours_in, training=training)
    weights = [v.value for v in theirs.trainable_variables]
    (_, (expected, states)), (slopes, slope) = jax.value_and_grad(loss, (0, 1), has_aux=True)(weights, x)  # fmt: skip
    np.testing.assert_allclose(y.numpy(), expected, **CLOSE)
    (y * ag.tensor(probe)).sum().backward()
    if gradients:
        np.testing.assert_allclose(ours_in.grad.numpy(), slope, **CLOSE)
    trainable = [t for _, t in _in_the_order_of_keras(ours) if isinstance(t, nn.Parameter)]
    for tensor, gradient in zip(trainable, slopes, strict=True):
        np.testing.assert_allclose(tensor.grad.numpy(), gradient, **CLOSE)
    buffers = [t for _, t in ours.named_tensors() if isinstance(t, nn.Buffer)]
    for tensor, state in zip(buffers, states if buffers else (), strict=True):
        np.testing.assert_allclose(tensor.numpy(), state, **CLOSE)


def _in_the_order_of_keras(layer):
    order = ["kernel", "bias", "embeddings", "gamma", "beta", "moving_mean", "moving_variance"]
    return sorted(layer.named_tensors(), key=lambda pair: order.index(pair[0]))


def numbers(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape)


pairs = st.tuples(st.integers(1, 3), st.integers(1, 3))
paddings = st.sampled_from(["valid", "same"])


@given(
    st.integers(1, 3), pairs, pairs, paddings, pairs, st.integers(5, 9), st.integers(6, 8),
    st.sampled_from([None, "relu", "tanh"]), st.booleans(), st.integers(0, 9),
)  # fmt: skip
@few
def test_convolution(filters, kernel, strides, padding, dilation, height, width, activation, bias, seed):  # fmt: skip
    if max(strides) > 1 and max(dilation) > 1:
        dilation = (1, 1)  # Keras refuses both
    options = dict(
        filters=filters, kernel_size=kernel, strides=strides, padding=padding, dilation_rate=dilation,
        activation=activation, use_bias=bias,
    )  # fmt: skip
    if padding == "valid" and ((kernel[0] - 1) * dilation[0] >= height or (kernel[1] - 1) * dilation[1] >= width):  # fmt: skip
        return
    agree(
        nn.Conv2D(**options),
        keras.layers.Conv2D(**options, dtype="float64"),
        numbers(2, height, width, 2, seed=seed),
    )


@given(pairs, pairs | st.none(), paddings, st.integers(3, 8), st.integers(3, 7), st.booleans(), st.integers(0, 9))  # fmt: skip
@few
def test_pooling(size, strides, padding, height, width, largest, seed):
    name = "MaxPooling2D" if largest else "AveragePooling2D"
    options = dict(pool_size=size, strides=strides, padding=padding)
    agree(
        getattr(nn, name)(**options),
        getattr(keras.layers, name)(**options, dtype="float64"),
        numbers(2, height, width, 2, seed=seed),
    )


@given(st.sampled_from([(4, 3), (3, 4, 2), (2, 3, 4, 2)]), st.data(), st.booleans(), st.booleans(), st.booleans())  # fmt: skip
@few
def test_batch_normalization(shape, data, center, scale, training):
    axis = data.draw(st.integers(1, len(shape) - 1) | st.just(-1))
    options = dict(axis=axis, center=center, scale=scale, momentum=0.8, epsilon=0.01)
    agree(
        nn.BatchNormalization(**options),
        keras.layers.BatchNormalization(**options, dtype="float64"),
        numbers(*shape) * 2 + 1,
        training,
    )


def test_moving_averages_over_several_steps():
    ours, theirs = nn.BatchNormalization(), keras.layers.BatchNormalization(dtype="float64")
    theirs.build((5, 3))
    for seed in range(6):
        x = numbers(5, 3, seed=seed) + seed
        ours(ag.tensor(x), training=True)
        theirs(x, training=True)
    np.testing.assert_allclose(ours.moving_mean.numpy(), theirs.moving_mean, **CLOSE)
    np.testing.assert_allclose(ours.moving_variance.numpy(), theirs.moving_variance, **CLOSE)
    x = numbers(5, 3, seed=9)
    np.testing.assert_allclose(ours(ag.tensor(x)).numpy(), theirs(x), **CLOSE)


@given(st.sampled_from([(4, 3), (3, 4, 2), (2, 3, 4, 2)]), st.data(), st.booleans(), st.booleans())
@few
def test_layer_normalization(shape, data, center, scale):
    axes = data.draw(st.lists(st.integers(1, len(shape) - 1), min_size=1, unique=True))
    options = dict(axis=sorted(axes), center=center, scale=scale)
    agree(
        nn.LayerNormalization(**{**options, "axis": tuple(sorted(axes))}),
        keras.layers.LayerNormalization(**options, dtype="float64"),
        numbers(*shape) * 2 + 1,
    )


@pytest.mark.parametrize(
    ("name", "arguments", "shape"),
    [
        ("Dense", dict(units=4, activation="tanh"), (3, 5)),
        ("Dense", dict(units=2, use_bias=False), (3, 2, 5)),
        ("Flatten", {}, (2, 3, 4)),
        ("Reshape", dict(target_shape=(4, -1)), (2, 3, 4)),
        ("Dropout", dict(rate=0.5), (2, 3)),
        ("GaussianNoise", dict(stddev=0.5), (2, 3)),
        ("GlobalAveragePooling2D", {}, (2, 4, 3, 2)),
        ("GlobalMaxPooling2D", dict(keepdims=True), (2, 4, 3, 2)),
        ("ReLU", {}, (3, 4)),
        ("LeakyReLU", dict(negative_slope=0.3), (3, 4)),
        ("ELU", dict(alpha=0.5), (3, 4)),
        ("Softmax", {}, (3, 4)),
        ("Activation", dict(activation="softplus"), (3, 4)),
    ],
)
def test_plain_layers(name, arguments, shape):
    """With Keras's own argument names."""
    ours, theirs = getattr(nn, name)(**arguments), getattr(keras.layers, name)(**arguments, dtype="float64")  # fmt: skip
    agree(ours, theirs, numbers(*shape))


def test_embedding():
    words = np.array([[1.0, 2.0, 1.0], [0.0, 6.0, 2.0]])
    ours, theirs = nn.Embedding(7, 3), keras.layers.Embedding(7, 3, dtype="float64")
    theirs.build(words.shape)
    ours(ag.tensor(words))
    ours.embeddings.assign(ag.tensor(np.asarray(theirs.embeddings.value)))
    np.testing.assert_array_equal(ours(ag.tensor(words)).numpy(), theirs(words))


@given(st.sampled_from([0.5, 1.0, 2.0]), st.sampled_from([0, 1, (0, 1)]), st.integers(0, 9))
@few
def test_constraints(limit, axis, seed):
    w = numbers(4, 3, seed=seed)
    for ours, theirs in [
        (nn.MaxNorm(limit, axis), keras.constraints.MaxNorm(limit, axis)),
        (nn.UnitNorm(axis), keras.constraints.UnitNorm(axis)),
        (nn.NonNeg(), keras.constraints.NonNeg()),
    ]:
        np.testing.assert_allclose(ours(ag.tensor(w)).numpy(), theirs(w), rtol=1e-6)
