"""Sequences, depthwise and transposed convolution, resizing and the rest beside Keras's, in both data formats.

What is compared, and how, stands in `test_layers_keras.py`: outputs, and gradients of inputs and weights, in float64.
"""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from keras_oracle import as_array, import_keras
from test_layers_keras import CLOSE, Doubled, compare, drawn, formats, images, paddings, pairs, prepared

import autograd as ag
import nn

keras = import_keras()
pytestmark = pytest.mark.oracle
L = keras.layers

SIDES = {
    "PReLU": (lambda n: n.PReLU(), (3, 4)),
    "PReLU, shared": (lambda n: n.PReLU(shared_axes=[1, 2]), (3, 4, 3, 2)),
    "PReLU, shared by some": (lambda n: n.PReLU(shared_axes=2), (3, 4, 3)),
    "LeakyReLU of older scripts": (lambda n: n.LeakyReLU(0.2), (3, 4)),
    "GroupNormalization": (lambda n: n.GroupNormalization(2), (3, 4, 3, 6)),
    "GroupNormalization, axis": (lambda n: n.GroupNormalization(3, axis=1, epsilon=0.1), (3, 6, 5)),
    "GroupNormalization, other axis": (lambda n: n.GroupNormalization(2, -2, center=False), (3, 2, 4, 5)),
    "GroupNormalization, channels": (lambda n: n.GroupNormalization(-1, scale=False), (3, 4, 2)),
    "GroupNormalization, all": (lambda n: n.GroupNormalization(groups=1), (3, 4)),
    "UnitNormalization": (lambda n: n.UnitNormalization(), (3, 4)),
    "UnitNormalization, axes": (lambda n: n.UnitNormalization(axis=[1, 2]), (3, 4, 2)),
    "Rescaling": (lambda n: n.Rescaling(0.1, -2.0), (3, 4)),
    "Rescaling, channels": (lambda n: n.Rescaling([0.1, 3.0], offset=[1.0, 2.0]), (3, 4, 4, 2)),
    "Permute": (lambda n: n.Permute((3, 1, 2)), (3, 4, 3, 2)),
    "RepeatVector": (lambda n: n.RepeatVector(3), (3, 4)),
    "Lambda": (lambda n: n.Lambda(_squares, arguments={"by": 3.0}), (3, 4)),
    "ZeroPadding1D": (lambda n: n.ZeroPadding1D(2), (3, 4, 2)),
    "ZeroPadding1D, ends": (lambda n: n.ZeroPadding1D((0, 2)), (3, 4, 2)),
    "ZeroPadding1D, first": (lambda n: n.ZeroPadding1D((1, 2), "channels_first"), (3, 4, 2)),
    "ZeroPadding2D": (lambda n: n.ZeroPadding2D(), (3, 4, 3, 2)),
    "ZeroPadding2D, pair": (lambda n: n.ZeroPadding2D((0, 2)), (3, 4, 3, 2)),
    "ZeroPadding2D, first": (lambda n: n.ZeroPadding2D(((1, 2), (3, 0)), "channels_first"), (3, 4, 3, 2)),
    "Cropping1D": (lambda n: n.Cropping1D(), (3, 4, 2)),
    "Cropping1D, ends": (lambda n: n.Cropping1D((2, 0)), (3, 4, 2)),
    "Cropping2D": (lambda n: n.Cropping2D(1), (3, 4, 3, 2)),
    "Cropping2D, nothing": (lambda n: n.Cropping2D(), (3, 4, 3, 2)),
    "Cropping2D, first": (lambda n: n.Cropping2D(((1, 2), (0, 1)), "channels_first"), (3, 2, 4, 3)),
    "UpSampling1D": (lambda n: n.UpSampling1D(3), (3, 4, 2)),
    "UpSampling2D": (lambda n: n.UpSampling2D((2, 3)), (3, 4, 3, 2)),
    "UpSampling2D, first": (lambda n: n.UpSampling2D(2, "channels_first"), (3, 2, 4, 3)),
    "UpSampling2D, bilinear": (lambda n: n.UpSampling2D((2, 3), interpolation="bilinear"), (3, 4, 3, 2)),
    "UpSampling2D, bilinear first": (
        lambda n: n.UpSampling2D((5, 1), "channels_first", "BILINEAR"), (2, 2, 4, 1),
    ),
    "GlobalAveragePooling1D": (lambda n: n.GlobalAveragePooling1D(), (3, 4, 2)),
    "GlobalAveragePooling1D, first": (
        lambda n: n.GlobalAveragePooling1D("channels_first", keepdims=True), (3, 4, 2),
    ),
    "GlobalMaxPooling1D": (lambda n: n.GlobalMaxPooling1D(keepdims=True), (3, 4, 2)),
    "GlobalMaxPooling1D, first": (lambda n: n.GlobalMaxPooling1D("channels_first"), (3, 4, 2)),
    "padding in capitals": (lambda n: n.Conv2D(2, 3, padding="SAME"), (2, 4, 3, 2)),
    "SpatialDropout1D": (lambda n: n.SpatialDropout1D(0.5), (3, 4, 2)),
    "SpatialDropout2D": (lambda n: n.SpatialDropout2D(0.5, "channels_first"), (3, 4, 2, 2)),
    "AlphaDropout": (lambda n: n.AlphaDropout(0.5), (3, 4)),
    "GaussianDropout": (lambda n: n.GaussianDropout(0.5), (3, 4)),
}  # fmt: skip


def _squares(x, by):
    return x * x * by


@pytest.mark.parametrize(("make", "shape"), SIDES.values(), ids=SIDES)
def test_in_inference(make, shape):
    ours, theirs, x = make(nn), make(Doubled()), drawn(shape)
    prepared(ours, theirs, x)
    compare(ours, theirs, x)


singles = st.integers(1, 3)


def sequences(data, reach, channels, data_format):
    """Random sequences that windows of this reach fit in."""
    steps = data.draw(st.integers(reach, reach + 5))
    count = data.draw(st.integers(1, 3))
    first = data_format == "channels_first"
    shape = (count, channels, steps) if first else (count, steps, channels)
    return drawn(shape, data.draw(st.integers(0, 99)))


def common_options(data, several, size):
    """The settings that all convolutions have."""
    gaps = data.draw(several)
    plain = gaps in (1, (1, 1))
    return dict(
        kernel_size=size,
        strides=data.draw(several) if plain else 1,  # Keras has one or the other
        padding=data.draw(paddings),
        data_format=data.draw(formats),
        dilation_rate=gaps,
        activation=data.draw(st.sampled_from([None, "tanh"])),
        use_bias=data.draw(st.booleans()),
    )


def both(kind, options, x):
    ours, theirs = getattr(nn, kind)(**options), getattr(L, kind)(**options, dtype="float64")
    prepared(ours, theirs, x)
    compare(ours, theirs, x)


@settings(max_examples=20)
@given(st.data())
def test_convolution_of_sequences(data):
    size, groups = data.draw(singles), data.draw(st.integers(1, 2))
    options = common_options(data, singles, size) | dict(
        filters=groups * data.draw(st.integers(1, 2)), groups=groups
    )
    options["padding"] = data.draw(st.sampled_from(["valid", "same", "causal"]))
    reach = (size - 1) * options["dilation_rate"] + 1
    x = sequences(data, reach, groups * data.draw(st.integers(1, 2)), options["data_format"])
    both("Conv1D", options, x)


@settings(max_examples=20)
@given(st.data(), st.sampled_from(["DepthwiseConv1D", "SeparableConv1D"]))
def test_depthwise_convolution_of_sequences(data, kind):
    size = data.draw(singles)
    options = common_options(data, singles, size) | dict(depth_multiplier=data.draw(st.integers(1, 2)))
    if kind == "SeparableConv1D":
        options |= dict(filters=data.draw(st.integers(1, 3)))
    reach = (size - 1) * options["dilation_rate"] + 1
    both(kind, options, sequences(data, reach, data.draw(st.integers(1, 3)), options["data_format"]))


@settings(max_examples=20)
@given(st.data(), st.sampled_from(["DepthwiseConv2D", "SeparableConv2D"]))
def test_depthwise_convolution(data, kind):
    size = data.draw(pairs)
    options = common_options(data, pairs, size) | dict(depth_multiplier=data.draw(st.integers(1, 2)))
    step = max(options["strides"]) if isinstance(options["strides"], tuple) else 1
    options["strides"] = (step, step)  # TensorFlow's, and with it Keras's, are equal
    if kind == "SeparableConv2D":
        options |= dict(filters=data.draw(st.integers(1, 3)))
    reach = [(k - 1) * gap + 1 for k, gap in zip(size, options["dilation_rate"], strict=True)]
    both(kind, options, images(data, reach, data.draw(st.integers(1, 3)), options["data_format"]))


@settings(max_examples=15)
@given(st.data(), st.sampled_from(["MaxPooling1D", "AveragePooling1D"]))
def test_pooling_of_sequences(data, kind):
    size = data.draw(singles)
    options = dict(
        pool_size=size,
        strides=data.draw(st.none() | singles),
        padding=data.draw(paddings),
        data_format=data.draw(formats),
    )
    # on PyTorch Keras counts the padding in its means; on TensorFlow and JAX, as here, it does not
    assume(
        not (
            kind == "AveragePooling1D" and options["padding"] == "same" and keras.backend.backend() == "torch"
        )
    )
    both(kind, options, sequences(data, size, data.draw(st.integers(1, 2)), options["data_format"]))


TRANSPOSED = [
    (kernel, stride, padding, more, gap)
    for kernel in (1, 2, 3, 4)
    for stride in (1, 2, 3)
    for padding in ("valid", "same")
    for more in (None, *range(stride))
    for gap in ((1, 2) if stride == 1 else (1,))
]


@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
def test_transposed_convolution_by_every_setting(data_format):
    """One axis after the other. The windows are laid by hand, since PyTorch's backend of Keras cuts off otherwise
    than TensorFlow's and JAX's; the shapes are Keras's."""
    for kernel, stride, padding, more, gap in TRANSPOSED:
        options = dict(
            filters=2, kernel_size=kernel, strides=stride, padding=padding, output_padding=more,
            data_format=data_format, dilation_rate=gap,
        )  # fmt: skip
        x = drawn((2, 4, 3))
        ours, theirs = nn.Conv1DTranspose(**options), L.Conv1DTranspose(**options, dtype="float64")
        prepared(ours, theirs, x)
        y = ours(ag.tensor(x)).numpy()
        assert y.shape == tuple(theirs.compute_output_shape(x.shape)), options
        rows = x if data_format == "channels_last" else x.transpose(0, 2, 1)
        expected = by_hand(rows, ours.kernel.numpy(), stride, gap, padding, more) + ours.bias.numpy()
        found = y if data_format == "channels_last" else y.transpose(0, 2, 1)
        np.testing.assert_allclose(found, expected, **CLOSE, err_msg=str(options))


def by_hand(x, kernel, stride, gap, padding, more):
    """Every step adds its window to a long line of zeros, of which a part is kept: TensorFlow's."""
    size, reach = x.shape[1], (kernel.shape[0] - 1) * gap + 1
    line = np.zeros((len(x), size * stride + 2 * reach + 9, kernel.shape[1]))
    for i in range(size):
        for k in range(kernel.shape[0]):
            line[:, i * stride + k * gap] += x[:, i] @ kernel[k].T
    if padding == "valid":
        extra = max(stride - reach, 0) if more is None else more
        return line[:, : (size - 1) * stride + reach + extra]
    # the convolution of which this is the transpose cuts its padding off, the smaller half in front
    length = size * stride if more is None else (size - 1) * stride + reach % 2 + more
    cut = max((size - 1) * stride + reach - length, 0)
    return line[:, cut // 2 : cut // 2 + length]


@settings(max_examples=15)
@given(st.data())
def test_transposed_convolution(data):
    """Where all backends of Keras agree: values and gradients."""
    size = data.draw(pairs)
    options = common_options(data, pairs, size) | dict(filters=data.draw(st.integers(1, 3)), padding="valid")
    x = images(data, (1, 1), data.draw(st.integers(1, 2)), options["data_format"])
    both("Conv2DTranspose", options, x)


def test_normalising_nothing_has_a_slope():
    """Keras's is NaN there on some backends."""
    x = ag.tensor(np.zeros((1, 3)), requires_grad=True)
    y = nn.UnitNormalization()(x)
    y.sum().backward()
    assert y.tolist() == as_array(L.UnitNormalization(dtype="float64")(np.zeros((1, 3)))).tolist()
    assert np.isfinite(x.grad.numpy()).all()
