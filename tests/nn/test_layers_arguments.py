"""Names, shapes and numbers that layers take; what they refuse, and with which words; that they are saved and read back."""

from __future__ import annotations

import re

import numpy as np
import pytest
from models import everything
from test_layers_trace import LAYERS, Y, network

import autograd as ag
import nn
from nn.layers.merging import Merging


def test_the_name_that_keras_has():
    assert nn.RandomTranslation is nn.RandomShift


FIRST = {
    "Dense": (lambda **o: nn.Dense(3, **o), (4,)),
    "Maxout": (lambda **o: nn.Maxout(3, **o), (4,)),
    "Conv2D": (lambda **o: nn.Conv2D(3, 2, **o), (5, 5, 1)),
    "Embedding": (lambda **o: nn.Embedding(3, 2, **o), (4,)),
    "BatchNormalization": (lambda **o: nn.BatchNormalization(**o), (4,)),
    "LayerNormalization": (lambda **o: nn.LayerNormalization(**o), (4,)),
    "Flatten": (lambda **o: nn.Flatten(**o), (4, 2)),
    "Reshape": (lambda **o: nn.Reshape((2, 4), **o), (4, 2)),
    "Activation": (lambda **o: nn.Activation("relu", **o), (4,)),
    "ActivityRegularization": (lambda **o: nn.ActivityRegularization(0.1, **o), (4,)),
    "ReLU": (lambda **o: nn.ReLU(**o), (4,)),
    "LeakyReLU": (lambda **o: nn.LeakyReLU(**o), (4,)),
    "ELU": (lambda **o: nn.ELU(**o), (4,)),
    "Softmax": (lambda **o: nn.Softmax(**o), (4,)),
    "Dropout": (lambda **o: nn.Dropout(0.1, **o), (4,)),
    "GaussianNoise": (lambda **o: nn.GaussianNoise(0.1, **o), (4,)),
    "MaxPooling2D": (lambda **o: nn.MaxPooling2D(**o), (4, 4, 1)),
    "AveragePooling2D": (lambda **o: nn.AveragePooling2D(**o), (4, 4, 1)),
    "GlobalMaxPooling2D": (lambda **o: nn.GlobalMaxPooling2D(**o), (4, 4, 1)),
    "GlobalAveragePooling2D": (lambda **o: nn.GlobalAveragePooling2D(**o), (4, 4, 1)),
    "Conv1D": (lambda **o: nn.Conv1D(3, 2, **o), (5, 1)),
    "Conv1DTranspose": (lambda **o: nn.Conv1DTranspose(3, 2, **o), (5, 1)),
    "Conv2DTranspose": (lambda **o: nn.Conv2DTranspose(3, 2, **o), (5, 5, 1)),
    "DepthwiseConv1D": (lambda **o: nn.DepthwiseConv1D(2, **o), (5, 1)),
    "DepthwiseConv2D": (lambda **o: nn.DepthwiseConv2D(2, **o), (5, 5, 1)),
    "SeparableConv1D": (lambda **o: nn.SeparableConv1D(3, 2, **o), (5, 1)),
    "SeparableConv2D": (lambda **o: nn.SeparableConv2D(3, 2, **o), (5, 5, 1)),
    "GroupNormalization": (lambda **o: nn.GroupNormalization(2, **o), (4,)),
    "UnitNormalization": (lambda **o: nn.UnitNormalization(**o), (4,)),
    "Permute": (lambda **o: nn.Permute((2, 1), **o), (4, 2)),
    "RepeatVector": (lambda **o: nn.RepeatVector(3, **o), (4,)),
    "Identity": (lambda **o: nn.layers.Identity(**o), (4,)),
    "Lambda": (lambda **o: nn.Lambda(abs, **o), (4,)),
    "Rescaling": (lambda **o: nn.Rescaling(2.0, **o), (4,)),
    "PReLU": (lambda **o: nn.PReLU(**o), (4,)),
    "SpatialDropout1D": (lambda **o: nn.SpatialDropout1D(0.1, **o), (4, 2)),
    "SpatialDropout2D": (lambda **o: nn.SpatialDropout2D(0.1, **o), (4, 4, 1)),
    "AlphaDropout": (lambda **o: nn.AlphaDropout(0.1, **o), (4,)),
    "GaussianDropout": (lambda **o: nn.GaussianDropout(0.1, **o), (4,)),
    "MaxPooling1D": (lambda **o: nn.MaxPooling1D(**o), (4, 1)),
    "AveragePooling1D": (lambda **o: nn.AveragePooling1D(2, **o), (4, 1)),
    "GlobalMaxPooling1D": (lambda **o: nn.GlobalMaxPooling1D(**o), (4, 1)),
    "GlobalAveragePooling1D": (lambda **o: nn.GlobalAveragePooling1D(**o), (4, 1)),
    "ZeroPadding1D": (lambda **o: nn.ZeroPadding1D(**o), (4, 1)),
    "ZeroPadding2D": (lambda **o: nn.ZeroPadding2D(**o), (4, 4, 1)),
    "Cropping1D": (lambda **o: nn.Cropping1D(**o), (4, 1)),
    "Cropping2D": (lambda **o: nn.Cropping2D(1, **o), (4, 4, 1)),
    "UpSampling1D": (lambda **o: nn.UpSampling1D(**o), (4, 1)),
    "UpSampling2D": (lambda **o: nn.UpSampling2D(**o), (4, 4, 1)),
    "RandomFlip": (lambda **o: nn.RandomFlip(**o), (4, 4, 1)),
    "RandomShift": (lambda **o: nn.RandomShift(0.1, 0.1, **o), (4, 4, 1)),
    "RandomRotation": (lambda **o: nn.RandomRotation(0.1, **o), (4, 4, 1)),
    "RandomZoom": (lambda **o: nn.RandomZoom(0.1, **o), (4, 4, 1)),
    "RandomContrast": (lambda **o: nn.RandomContrast(0.1, **o), (4, 4, 1)),
    "RandomBrightness": (lambda **o: nn.RandomBrightness(0.1, **o), (4, 4, 1)),
    "Resizing": (lambda **o: nn.Resizing(3, 5, **o), (4, 4, 1)),
    "CenterCrop": (lambda **o: nn.CenterCrop(3, 2, **o), (4, 4, 1)),
    "Normalization": (lambda **o: nn.Normalization(mean=[1.0, 2.0, 3.0, 4.0], variance=[1.0] * 4, **o), (4,)),
    "Discretization": (lambda **o: nn.Discretization([0.0, 1.0], **o), (4,)),
    "CategoryEncoding": (lambda **o: nn.CategoryEncoding(3, **o), (4,)),
    "IntegerLookup": (lambda **o: nn.IntegerLookup(vocabulary=[3, 5], **o), (4,)),
    "StringLookup": (lambda **o: nn.StringLookup(vocabulary=["a", "b"], **o), (4,)),
    "Hashing": (lambda **o: nn.Hashing(3, **o), (4,)),
}


def test_the_table_holds_every_layer():
    kinds = {name: getattr(nn.layers, name) for name in nn.layers.__all__}
    layers = {name: kind for name, kind in kinds.items() if isinstance(kind, type) and kind.__name__ == name}
    several = {name for name, kind in layers.items() if issubclass(kind, Merging)}
    assert set(FIRST) == layers.keys() - several - {"Layer", "InputLayer", "TableFeatures"}
    assert {name for name, kind in kinds.items() if isinstance(kind, type)} <= set(nn.__all__)


@pytest.mark.parametrize(("make", "shape"), FIRST.values(), ids=FIRST)
def test_every_layer_has_a_name_and_may_come_first(make, shape):
    layer = make(name="first", input_shape=tuple(np.array(shape)))
    model = nn.Sequential([layer], name="small")
    assert layer.built
    assert model.input_shape == shape
    lines = []
    model.summary(print_fn=lines.append)
    assert "first" in lines[0]
    assert "small" in lines[0].splitlines()[0]
    again = type(layer).from_config(layer.get_config())
    assert (again.name, again.input_shape) == ("first", shape)
    assert again.get_config() == layer.get_config()
    with pytest.raises(nn.ArgumentError, match=f"{type(layer).__name__}: name is a text or None, got 3"):
        make(name=3)


def test_two_layers_of_one_name():
    with pytest.raises(nn.ArgumentError, match="two layers are called 'a'"):
        nn.Sequential([nn.Dense(1, name="a"), nn.Dropout(0.1), nn.Dense(1, name="a")])
    with pytest.raises(nn.ArgumentError, match="Sequential: name is a text or None, got 1"):
        nn.Sequential(name=1)


def test_numpy_numbers_are_kept_as_pythons():
    n = np.int64(2)
    made = [
        nn.Dense(n, input_dim=n), nn.Maxout(n, n), nn.Embedding(n, n), nn.Conv2D(n, (n, n), n, dilation_rate=n, groups=n),
        nn.MaxPooling2D(n, np.uint8(1)), nn.Reshape((n, -1)), nn.BatchNormalization(axis=np.int32(1)),
        nn.LayerNormalization(axis=(n, np.int64(1))), nn.Dropout(np.float32(0.5)), nn.GaussianNoise(np.float64(0.5)),
        nn.ReLU(np.float32(6)), nn.RandomShift(np.float32(0.5), (np.int64(0), np.float32(0.5))), nn.Softmax(np.int8(1)),
    ]  # fmt: skip

    def plain(value):
        if isinstance(value, tuple):
            return all(map(plain, value))
        return value is None or type(value) in (bool, int, float, str)

    for layer in made:
        for name, value in layer.get_config().items():
            assert plain(value), (layer, name, value)


WEIGHTED = {
    "Dense": (lambda **o: nn.Dense(2, **o), ("kernel", "bias"), (3, 4)),
    "Maxout": (lambda **o: nn.Maxout(2, **o), ("kernel", "bias"), (3, 4)),
    "Conv2D": (lambda **o: nn.Conv2D(2, 2, **o), ("kernel", "bias"), (1, 3, 3, 1)),
    "BatchNormalization": (lambda **o: nn.BatchNormalization(**o), ("gamma", "beta"), (3, 4)),
    "LayerNormalization": (lambda **o: nn.LayerNormalization(**o), ("gamma", "beta"), (3, 4)),
    "Embedding": (lambda **o: nn.Embedding(5, 2, **o), ("embeddings",), (3, 4)),
    "Conv1D": (lambda **o: nn.Conv1D(2, 2, **o), ("kernel", "bias"), (1, 3, 1)),
    "Conv1DTranspose": (lambda **o: nn.Conv1DTranspose(2, 2, **o), ("kernel", "bias"), (1, 3, 1)),
    "Conv2DTranspose": (lambda **o: nn.Conv2DTranspose(2, 2, **o), ("kernel", "bias"), (1, 3, 3, 1)),
    "DepthwiseConv1D": (lambda **o: nn.DepthwiseConv1D(2, **o), ("depthwise", "bias"), (1, 3, 1)),
    "DepthwiseConv2D": (lambda **o: nn.DepthwiseConv2D(2, **o), ("depthwise", "bias"), (1, 3, 3, 1)),
    "SeparableConv1D": (lambda **o: nn.SeparableConv1D(2, 2, **o), ("depthwise", "pointwise", "bias"), (1, 3, 1)),
    "SeparableConv2D": (lambda **o: nn.SeparableConv2D(2, 2, **o), ("depthwise", "pointwise", "bias"), (1, 3, 3, 1)),
    "GroupNormalization": (lambda **o: nn.GroupNormalization(2, **o), ("gamma", "beta"), (3, 4)),
    "PReLU": (lambda **o: nn.PReLU(**o), ("alpha",), (3, 4)),
}  # fmt: skip


def weight_of(layer, stem):
    """The weight whose arguments begin so."""
    names = (f"{stem}_kernel", stem, "kernel")
    return next(value for value in (getattr(layer, name, None) for name in names) if value is not None)


@pytest.mark.parametrize(("make", "names", "shape"), WEIGHTED.values(), ids=WEIGHTED)
def test_every_weight_has_initializer_regularizer_and_constraint(make, names, shape):
    for weight in names:
        options = {
            f"{weight}_initializer": "ones",
            f"{weight}_regularizer": "l2",
            f"{weight}_constraint": "unit_norm",
        }
        layer = make(**options)
        layer(ag.ones(shape))
        tensor = weight_of(layer, weight)
        assert set(tensor.numpy().ravel()) == {1.0}
        assert isinstance(tensor.regularizer, nn.L2)
        assert isinstance(tensor.constraint, nn.UnitNorm)
        others = [weight_of(layer, other) for other in names if other != weight]
        assert all(other.regularizer is None and other.constraint is None for other in others)
        for what in ("initializer", "regularizer", "constraint"):
            with pytest.raises(nn.ArgumentError, match=f"unknown {what} 'nope'"):
                make(**{f"{weight}_{what}": "nope"})


ARGUMENTS = {
    "units": (lambda: nn.Maxout(0), "Maxout: units is an integer >= 1, got 0"),
    "pieces": (lambda: nn.Maxout(2, 1.5), "Maxout: pieces is an integer >= 1, got 1.5"),
    "momentum": (lambda: nn.BatchNormalization(momentum=2), "BatchNormalization: momentum lies between 0 and 1, got 2"),
    "epsilon": (lambda: nn.LayerNormalization(epsilon=-1), "LayerNormalization: epsilon is a number >= 0, got -1"),
    "epsilon NaN": (lambda: nn.BatchNormalization(epsilon=float("nan")), "epsilon is a number >= 0, got nan"),
    "axis": (lambda: nn.BatchNormalization(axis=(1, 2)), "BatchNormalization: axis is an integer, got (1, 2)"),
    "axes": (lambda: nn.LayerNormalization(axis=()), "LayerNormalization: axis is an integer or a tuple of them, got ()"),
    "axes text": (lambda: nn.LayerNormalization(axis="last"), "axis is an integer or a tuple of them, got 'last'"),
    "input_dim": (lambda: nn.Embedding(0, 2), "Embedding: input_dim is an integer >= 1, got 0"),
    "output_dim": (lambda: nn.Embedding(2, True), "Embedding: output_dim is an integer >= 1, got True"),
    "filters": (lambda: nn.Conv2D("8", 3), "Conv2D: filters is an integer >= 1, got '8'"),
    "kernel_size": (lambda: nn.Conv2D(8, (3, 3, 3)), "Conv2D: kernel_size is an integer >= 1 or two of them, got (3, 3, 3)"),
    "strides": (lambda: nn.Conv2D(8, 3, (1, 0)), "Conv2D: strides is an integer >= 1 or two of them, got (1, 0)"),
    "padding": (lambda: nn.Conv2D(8, 3, padding="full"), "Conv2D: padding is one of 'valid', 'same', got 'full'"),
    "data_format": (lambda: nn.Conv2D(8, 3, data_format="NHWC"), "data_format is one of 'channels_last', 'channels_first', got 'NHWC'"),
    "dilation": (lambda: nn.Conv2D(8, 3, dilation_rate=None), "dilation_rate is an integer >= 1 or two of them, got None"),
    "groups": (lambda: nn.Conv2D(8, 3, groups=3), "Conv2D: filters is a multiple of groups, got 8 filters in 3 groups"),
    "pool_size": (lambda: nn.MaxPooling2D(0), "MaxPooling2D: pool_size is an integer >= 1 or two of them, got 0"),
    "pool strides": (lambda: nn.AveragePooling2D(2, 1.5), "AveragePooling2D: strides is an integer >= 1 or two of them, got 1.5"),
    "pool padding": (lambda: nn.AveragePooling2D(padding=1), "AveragePooling2D: padding is one of 'valid', 'same', got 1"),
    "global": (lambda: nn.GlobalMaxPooling2D("last"), "GlobalMaxPooling2D: data_format is one of"),
    "flatten": (lambda: nn.Flatten("last"), "Flatten: data_format is one of"),
    "reshape two": (lambda: nn.Reshape((-1, -1)), "at most one of them -1 for what is left; got (-1, -1)"),
    "reshape zero": (lambda: nn.Reshape((0, 2)), "Reshape: target_shape is a tuple of sizes >= 1"),
    "reshape number": (lambda: nn.Reshape(4), "for what is left; got 4"),
    "reshape float": (lambda: nn.Reshape((2.0,)), "for what is left; got (2.0,)"),
    "stddev": (lambda: nn.GaussianNoise(-1), "GaussianNoise: stddev is a number >= 0, got -1"),
    "stddev text": (lambda: nn.GaussianNoise("big"), "GaussianNoise: stddev is a number >= 0, got 'big'"),
    "mode": (lambda: nn.RandomFlip("both"), "RandomFlip: mode is one of 'horizontal', 'vertical', 'horizontal_and_vertical', got 'both'"),
    "height": (lambda: nn.RandomShift(2, 0), "RandomShift: height_factor is a fraction from 0 to 1, or (lowest, highest) from -1 to 1, got 2"),
    "height negative": (lambda: nn.RandomShift(-0.1, 0), "height_factor is a fraction from 0 to 1"),
    "width": (lambda: nn.RandomShift(0, (0.5, 0.1)), "width_factor is a fraction from 0 to 1"),
    "width text": (lambda: nn.RandomShift(0, "far"), "width_factor is a fraction from 0 to 1"),
    "fill_mode": (lambda: nn.RandomShift(0, 0, "edge"), "RandomShift: fill_mode is one of 'reflect', 'wrap', 'nearest', 'constant', got 'edge'"),
    "fill_value": (lambda: nn.RandomShift(0, 0, fill_value="0"), "RandomShift: fill_value is a number, got '0'"),
    "max_value": (lambda: nn.ReLU(-6), "ReLU: max_value is a number >= 0, got -6"),
    "threshold": (lambda: nn.ReLU(threshold=-1), "ReLU: threshold is a number >= 0, got -1"),
    "slope": (lambda: nn.LeakyReLU(None), "LeakyReLU: negative_slope is a number >= 0, got None"),
    "alpha": (lambda: nn.ELU("a"), "ELU: alpha is a number, got 'a'"),
    "softmax": (lambda: nn.Softmax(1.5), "Softmax: axis is an integer, got 1.5"),
    "one size": (lambda: nn.Conv1D(2, (3, 3)), "Conv1D: kernel_size is an integer >= 1, got (3, 3)"),
    "causal": (lambda: nn.Conv2D(2, 3, padding="causal"), "Conv2D: padding is one of 'valid', 'same', got 'causal'"),
    "causal alone": (lambda: nn.Conv1D(2, 3, padding="full"), "Conv1D: padding is one of 'valid', 'same', 'causal', got 'full'"),
    "groups of sequences": (lambda: nn.Conv1D(3, 3, groups=2), "Conv1D: filters is a multiple of groups, got 3 filters in 2 groups"),
    "multiplier": (lambda: nn.DepthwiseConv2D(3, depth_multiplier=0), "DepthwiseConv2D: depth_multiplier is an integer >= 1, got 0"),
    "pointwise": (lambda: nn.SeparableConv2D(3, 3, pointwise_initializer=3), "SeparableConv2D: pointwise_initializer: initializer: expected a name or an object, got int 3"),
    "output_padding": (lambda: nn.Conv2DTranspose(3, 3, 2, output_padding=2), "Conv2DTranspose: output_padding is less than strides, got (2, 2) with strides (2, 2)"),
    "output_padding negative": (lambda: nn.Conv1DTranspose(3, 3, output_padding=-1), "Conv1DTranspose: output_padding is an integer >= 0 or None, got -1"),
    "pool of sequences": (lambda: nn.MaxPooling1D((2, 2)), "MaxPooling1D: pool_size is an integer >= 1, got (2, 2)"),
    "alpha dropout": (lambda: nn.AlphaDropout(1.0), "AlphaDropout: rate lies in [0, 1), got 1.0"),
    "gaussian dropout": (lambda: nn.GaussianDropout(1), "GaussianDropout: rate lies in [0, 1), got 1"),
    "noise_shape": (lambda: nn.Dropout(0.1, (0, 1)), "Dropout: noise_shape is a tuple of sizes >= 1, None for those of the input or None, got (0, 1)"),
    "noise_shape text": (lambda: nn.Dropout(0.1, "ab"), "Dropout: noise_shape is a tuple of sizes >= 1"),
    "seed": (lambda: nn.Dropout(0.1, seed=-1), "Dropout: seed is an integer >= 0 or None, below 2**64, got -1"),
    "group count": (lambda: nn.GroupNormalization(0), "GroupNormalization: groups is an integer >= 1, or -1 for a group per channel; got 0"),
    "borders": (lambda: nn.ZeroPadding2D((1, 2, 3)), "ZeroPadding2D: padding is an integer >= 0, two of them for height and width, or ((top, bottom), (left, right)), got (1, 2, 3)"),
    "borders negative": (lambda: nn.Cropping2D(-1), "Cropping2D: cropping is an integer >= 0"),
    "ends": (lambda: nn.Cropping1D((1, 2, 3)), "Cropping1D: cropping is an integer >= 0 or two of them, before and after, got (1, 2, 3)"),
    "interpolation": (lambda: nn.UpSampling2D(2, interpolation="bicubic"), "UpSampling2D: interpolation is one of 'nearest', 'bilinear', got 'bicubic'"),
    "dims": (lambda: nn.Permute((0, 1)), "Permute: dims is a tuple of the axes 1, 2, ... of a sample, each once, got (0, 1)"),
    "dims twice": (lambda: nn.Permute((1, 1)), "Permute: dims is a tuple of the axes 1, 2, ... of a sample, each once, got (1, 1)"),
    "n": (lambda: nn.RepeatVector(0), "RepeatVector: n is an integer >= 1, got 0"),
    "scale": (lambda: nn.Rescaling("big"), "Rescaling: scale is a number or a list of numbers, got 'big'"),
    "scale of nothing": (lambda: nn.Rescaling([]), "Rescaling: scale is a number or a list of numbers, got []"),
    "function": (lambda: nn.Lambda(3), "Lambda: function is a function of a tensor, got 3"),
    "function of none": (lambda: nn.Lambda(lambda: 1), "Lambda: function takes a tensor; got"),
    "function's arguments": (lambda: nn.Lambda(lambda x: x, arguments={"k": 1}), "Lambda: function takes a tensor, k=; got"),
    "arguments": (lambda: nn.Lambda(abs, arguments=[1]), "Lambda: arguments is a dict from names to values or None, got [1]"),
    "mask": (lambda: nn.Lambda(abs, mask=abs), "Lambda: mask is None, since layers here know no masks; got"),
    "output_shape": (lambda: nn.Lambda(abs, output_shape=(0,)), "Lambda: output_shape is a tuple of sizes >= 1 without the batch, or a function of the shape of the input or None, got (0,)"),
    "shared_axes": (lambda: nn.PReLU(shared_axes=(0,)), "PReLU: shared_axes is an axis >= 1 or several, each once or None, got (0,)"),
    "old slope": (lambda: nn.LeakyReLU(alpha=-1), "LeakyReLU: alpha is a number >= 0, got -1"),
    "input_shape": (lambda: nn.Flatten(input_shape=(0,)), "Flatten: input_shape is a tuple of sizes >= 1 without the batch, got (0,)"),
}  # fmt: skip


@pytest.mark.parametrize(("make", "message"), ARGUMENTS.values(), ids=ARGUMENTS)
def test_arguments(make, message):
    with pytest.raises(nn.ArgumentError, match=re.escape(message)):
        make()


SHAPES = {
    "maxout": (lambda: nn.Maxout(2), None, (3,), "Maxout: the input has 1 dimensions; expected (batch, features)"),
    "maxout features": (lambda: nn.Maxout(2), (3, 4), (3, 5), "Maxout(2): the last axis of the input has to be 4"),
    "norm": (lambda: nn.BatchNormalization(), None, (3,), "BatchNormalization: the input has 1 dimensions; expected (batch, features)"),
    "norm one feature": (lambda: nn.BatchNormalization(), (3, 1), (3, 4), "BatchNormalization: axis 1 of the input has to be 1, which the layer was built for. Received (3, 4) float32"),
    "norm features": (lambda: nn.LayerNormalization(name="n"), (3, 4), (3, 1), "LayerNormalization 'n': axis 1 of the input has to be 4"),
    "conv": (lambda: nn.Conv2D(2, 2), None, (3, 8, 8), "Conv2D: the input has 3 dimensions, shape (3, 8, 8); expected (batch, height, width, channels). For one channel use x.reshape(*x.shape, 1)."),
    "conv later": (lambda: nn.Conv2D(2, 2, name="eye"), (1, 4, 4, 1), (4, 4), "Conv2D 'eye': the input has 2 dimensions"),
    "conv first": (lambda: nn.Conv2D(2, 2, data_format="channels_first"), None, (8, 8), "expected (batch, channels, height, width)"),
    "conv channels": (lambda: nn.Conv2D(2, 2), (1, 4, 4, 3), (1, 4, 4, 1), "Conv2D: axis 3 of the input has to be 3"),
    "conv groups": (lambda: nn.Conv2D(2, 2, groups=2), None, (1, 4, 4, 3), "Conv2D: 3 channels do not divide into 2 groups"),
    "conv size": (lambda: nn.Conv2D(2, 5), None, (1, 4, 6, 3), "the kernel reaches over 5 elements of height, the padded input has 4"),
    "pool": (lambda: nn.MaxPooling2D(), None, (4, 4), "MaxPooling2D: the input has 2 dimensions"),
    "mean pool": (lambda: nn.AveragePooling2D(), None, (2, 4, 4), "AveragePooling2D: the input has 3 dimensions"),
    "global": (lambda: nn.GlobalMaxPooling2D(), None, (4, 4), "GlobalMaxPooling2D: the input has 2 dimensions"),
    "global mean": (lambda: nn.GlobalAveragePooling2D(), None, (4, 4), "GlobalAveragePooling2D: the input has 2 dimensions"),
    "flip": (lambda: nn.RandomFlip(), None, (4, 4), "RandomFlip: the input has 2 dimensions"),
    "shift": (lambda: nn.RandomShift(0, 0), None, (4, 4, 1), "RandomShift: the input has 3 dimensions"),
    "flatten": (lambda: nn.Flatten(), None, (), "Flatten: the input has no dimensions; expected (batch, ...)"),
    "reshape": (lambda: nn.Reshape((2, 3)), None, (5, 4), "Reshape: a sample of shape (4,) has 4 numbers, which do not fit (2, 3)"),
    "reshape rest": (lambda: nn.Reshape((3, -1)), None, (5, 4), "has 4 numbers, which do not fit (3, -1)"),
    "sequence": (lambda: nn.Conv1D(2, 2), None, (3, 8), "Conv1D: the input has 2 dimensions, shape (3, 8); expected (batch, steps, channels). For one channel use x.reshape(*x.shape, 1)."),
    "sequence first": (lambda: nn.MaxPooling1D(data_format="channels_first"), None, (3, 8, 2, 1), "MaxPooling1D: the input has 4 dimensions, shape (3, 8, 2, 1); expected (batch, channels, steps)."),
    "sequence channels": (lambda: nn.Conv1D(2, 2, data_format="channels_first"), (1, 3, 4), (1, 4, 4), "Conv1D: axis 1 of the input has to be 3"),
    "depthwise channels": (lambda: nn.DepthwiseConv2D(2), (1, 4, 4, 3), (1, 4, 4, 1), "DepthwiseConv2D: axis 3 of the input has to be 3"),
    "separable channels": (lambda: nn.SeparableConv1D(2, 2), (1, 4, 3), (1, 4, 1), "SeparableConv1D: axis 2 of the input has to be 3"),
    "transposed channels": (lambda: nn.Conv2DTranspose(2, 2), (1, 4, 4, 3), (1, 4, 4, 1), "Conv2DTranspose: axis 3 of the input has to be 3"),
    "group": (lambda: nn.GroupNormalization(3), None, (2, 4), "GroupNormalization: 4 channels do not divide into 3 groups"),
    "group channels": (lambda: nn.GroupNormalization(2), (2, 4), (2, 6), "GroupNormalization: axis 1 of the input has to be 4"),
    "crop": (lambda: nn.Cropping1D((2, 2)), None, (1, 4, 1), "Cropping1D: cropping 2 and 2 leaves nothing of axis 1; received (1, 4, 1) float32"),
    "permute": (lambda: nn.Permute((2, 1)), None, (1, 4), "Permute: dims (2, 1) are for inputs of 3 dimensions; received (1, 4) float32"),
    "repeat": (lambda: nn.RepeatVector(2), None, (1, 4, 1), "RepeatVector: expected (batch, features), received (1, 4, 1) float32"),
    "rescaling": (lambda: nn.Rescaling([1, 2]), None, (1, 4, 1), "Rescaling: scale has 2 numbers, one for each channel; received (1, 4, 1) float32"),
    "noise_shape of others": (lambda: nn.Dropout(0.5, (None, 3)), None, (2, 4), "Dropout: noise_shape (None, 3) has for each axis of the input 1, its size or None; received (2, 4) float32"),
    "noise_shape too short": (lambda: nn.AlphaDropout(0.5, (4,)), None, (2, 4), "AlphaDropout: noise_shape (4,) has for each axis"),
    "spatial dropout": (lambda: nn.SpatialDropout1D(0.5), None, (2, 4), "SpatialDropout1D: the input has 2 dimensions"),
    "prelu": (lambda: nn.PReLU(), (2, 4, 3), (2, 1, 3), "PReLU: axis 1, 2 of the input has to be 4, 3"),
    "prelu dimensions": (lambda: nn.PReLU(), (2, 4), (4,), "PReLU: the layer was built for inputs of 2 dimensions; received (4,) float32"),
    "lambda": (lambda: nn.Lambda(abs, output_shape=(3,)), None, (2, 4), "Lambda: output_shape says (2, 3), and the function gave (2, 4)"),
    "reshape nothing": (lambda: nn.Reshape((3,)), None, (), "Reshape: the input has no dimensions"),
}  # fmt: skip


@pytest.mark.parametrize(("make", "built", "shape", "message"), SHAPES.values(), ids=SHAPES)
def test_inputs(make, built, shape, message):
    layer = make()
    if built is not None:
        layer(ag.zeros(built))
    with pytest.raises(ag.ShapeError, match=re.escape(message)):
        layer(ag.zeros(shape))


AXES = {
    "outside": (nn.BatchNormalization(axis=3), "BatchNormalization: axis 3 for inputs of 2 dimensions; the first axis counts samples, so use axes from 1 to 1"),
    "of samples": (nn.LayerNormalization(axis=0), "the first axis counts samples, so use axes from 1 to 1, each once"),
    "twice": (nn.LayerNormalization(axis=(1, -1)), "LayerNormalization: axis (1, -1) for inputs of 2 dimensions"),
}  # fmt: skip


@pytest.mark.parametrize(("layer", "message"), AXES.values(), ids=AXES)
def test_axes(layer, message):
    with pytest.raises(nn.ArgumentError, match=re.escape(message)):
        layer(ag.zeros((3, 4)))


@pytest.mark.parametrize(("x", "make"), LAYERS.values(), ids=LAYERS)
def test_saved_in_training_and_read_back(tmp_path, x, make):
    """The model that was read goes on as the one that was written, bit for bit."""
    model = network(make, x)
    model.train_on_batch(x, Y)
    model.save(tmp_path / "model")
    model.train_on_batch(x, Y)
    expected = everything(model), model.predict(x).tobytes()
    again = nn.load(tmp_path / "model")
    again.train_on_batch(x, Y)
    assert (everything(again), again.predict(x).tobytes()) == expected
