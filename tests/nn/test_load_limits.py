"""What a layer of a file would take is known before it runs; layers of the user are believed."""

from __future__ import annotations

import io
import math

import numpy as np
import pytest
from damage import rewritten
from models import everything

import autograd as ag
import nn
from nn.checkpoint import limits
from nn.layers.host import HostLayer
from nn.layers.merging import Merging

pytestmark = pytest.mark.once

LAYERS = {
    "dense": (lambda: nn.Dense(5, "relu"), (4,)),
    "dense on sequences": (lambda: nn.Dense(5, use_bias=False), (3, 4)),
    "maxout": (lambda: nn.Maxout(5, pieces=3), (4,)),
    "embedding": (lambda: nn.Embedding(7, 5), (3,)),
    "batch normalization": (lambda: nn.BatchNormalization(axis=1), (4, 3)),
    "layer normalization": (lambda: nn.LayerNormalization(axis=(1, 2)), (4, 3)),
    "convolution": (lambda: nn.Conv2D(5, 3, padding="same", strides=2), (6, 7, 2)),
    "convolution in groups": (lambda: nn.Conv2D(6, 3, groups=2, data_format="channels_first"), (4, 6, 7)),
    "max pooling": (lambda: nn.MaxPooling2D(3, strides=1, padding="same"), (6, 7, 2)),
    "average pooling": (lambda: nn.AveragePooling2D(3, padding="same"), (6, 7, 2)),
    "global pooling": (nn.GlobalMaxPooling2D, (6, 7, 2)),
    "global mean": (nn.GlobalAveragePooling2D, (6, 7, 2)),
    "convolution of sequences": (lambda: nn.Conv1D(5, 3, padding="causal"), (6, 2)),
    "depthwise": (lambda: nn.DepthwiseConv2D(3, depth_multiplier=2), (6, 7, 2)),
    "depthwise sequences": (lambda: nn.DepthwiseConv1D(3), (6, 2)),
    "separable": (lambda: nn.SeparableConv2D(5, 3, depth_multiplier=2), (6, 7, 2)),
    "separable sequences": (lambda: nn.SeparableConv1D(5, 3), (6, 2)),
    "transposed": (lambda: nn.Conv2DTranspose(5, 3, 2), (6, 7, 2)),
    "transposed sequences": (lambda: nn.Conv1DTranspose(5, 3, 2), (6, 2)),
    "group normalization": (lambda: nn.GroupNormalization(2), (6, 4)),
    "unit normalization": (nn.UnitNormalization, (6, 4)),
    "max pooling of sequences": (nn.MaxPooling1D, (6, 2)),
    "average pooling of sequences": (lambda: nn.AveragePooling1D(2), (6, 2)),
    "global pooling of sequences": (nn.GlobalMaxPooling1D, (6, 2)),
    "global mean of sequences": (nn.GlobalAveragePooling1D, (6, 2)),
    "zeros around": (nn.ZeroPadding2D, (6, 7, 2)),
    "zeros before": (nn.ZeroPadding1D, (6, 2)),
    "cropping": (lambda: nn.Cropping2D(1), (6, 7, 2)),
    "cropping of sequences": (nn.Cropping1D, (6, 2)),
    "up": (lambda: nn.UpSampling2D(interpolation="bilinear"), (6, 7, 2)),
    "up, sequences": (nn.UpSampling1D, (6, 2)),
    "permute": (lambda: nn.Permute((2, 1)), (6, 7)),
    "repeat": (lambda: nn.RepeatVector(3), (6,)),
    "identity": (nn.layers.Identity, (6,)),
    "rescaling": (lambda: nn.Rescaling(2.0), (6,)),
    "prelu": (nn.PReLU, (6, 7)),
    "spatial dropout": (lambda: nn.SpatialDropout2D(0.5), (6, 7, 2)),
    "spatial dropout of sequences": (lambda: nn.SpatialDropout1D(0.5), (6, 2)),
    "alpha dropout": (lambda: nn.AlphaDropout(0.5), (6,)),
    "gaussian dropout": (lambda: nn.GaussianDropout(0.5), (6,)),
    "flatten": (nn.Flatten, (6, 7)),
    "reshape": (lambda: nn.Reshape((7, -1)), (6, 7)),
    "dropout": (lambda: nn.Dropout(0.5), (4,)),
    "noise": (lambda: nn.GaussianNoise(0.5), (4,)),
    "flip": (nn.RandomFlip, (6, 7, 2)),
    "shift": (lambda: nn.RandomShift(0.2, 0.2), (6, 7, 2)),
    "rotation": (lambda: nn.RandomRotation(0.2), (6, 7, 2)),
    "zoom": (lambda: nn.RandomZoom(0.2), (6, 7, 2)),
    "contrast": (lambda: nn.RandomContrast(0.2), (6, 7, 2)),
    "brightness": (lambda: nn.RandomBrightness(0.2), (6, 7, 2)),
    "resizing": (lambda: nn.Resizing(3, 9), (6, 7, 2)),
    "middle": (lambda: nn.CenterCrop(3, 2), (6, 7, 2)),
    "translation": (lambda: nn.RandomTranslation(0.2, 0.2), (6, 7, 2)),
    "activation": (lambda: nn.Activation("gelu"), (4,)),
    "softmax": (nn.Softmax, (4,)),
    "activity": (lambda: nn.ActivityRegularization(0.1, 0.1), (4,)),
    "relu": (lambda: nn.ReLU(6.0), (4,)),
    "leaky relu": (nn.LeakyReLU, (4,)),
    "elu": (nn.ELU, (4,)),
    "normalization": (lambda: nn.Normalization(mean=[1.0, 2.0, 3.0], variance=[1.0, 2.0, 3.0]), (4, 3)),
    "discretization": (lambda: nn.Discretization([0.0, 1.0, 2.0], output_mode="one_hot"), (4,)),
    "category encoding": (lambda: nn.CategoryEncoding(5, "one_hot"), (4,)),
    "integer lookup": (lambda: nn.IntegerLookup(vocabulary=[3, 5], output_mode="count"), (4,)),
}  # fmt: skip


def arrays(count):
    """A file that holds so many numbers."""
    return {"model.x": np.broadcast_to(np.float32(0), count)}


def test_the_table_has_every_layer():
    made = {type(make()) for make, _ in LAYERS.values()}
    layers = {kind for kind in vars(nn.layers).values() if isinstance(kind, type)}
    left_out = {kind for kind in layers if issubclass(kind, (HostLayer, Merging))} | {
        nn.Layer,
        nn.InputLayer,
        nn.Lambda,  # code that was passed on purpose
    }
    assert made == {kind for kind in layers if issubclass(kind, nn.Layer)} - left_out


@pytest.mark.parametrize(("make", "sample"), LAYERS.values(), ids=LAYERS)
def test_as_many_weights_as_the_file_holds_and_not_one_more(make, sample):
    x = ag.zeros((1, *sample))
    plain = make()
    expected = plain(x)
    count = sum(math.prod(tensor.shape) for _, tensor in plain.named_tensors())
    nn.set_random_seed(1)
    with limits.load_limits(None, arrays(count)):
        layer = make()
        result = layer(x)
    assert result.shape == expected.shape
    if count:
        layer = make()
        too_few = limits.load_limits(None, arrays(count - 1))
        with pytest.raises(nn.FileError, match="more than it holds"), too_few:
            layer(x)
        assert not layer.built
        assert not list(layer.named_tensors())


@pytest.mark.parametrize(("make", "sample"), LAYERS.values(), ids=LAYERS)
def test_the_largest_array_on_the_way_is_no_larger_than_allowed(make, sample, monkeypatch):
    """The input and the result count for every layer, also when it is called again."""
    x = ag.zeros((1, *sample))
    layer = make()
    with limits.load_limits(None, arrays(10**6)):
        result = layer(x)
        for _ in range(2):
            monkeypatch.setattr(limits, "LARGEST", max(x.size, result.size) - 1)
            with pytest.raises(nn.FileError, match="which is too large"):
                layer(x)
            layer = make()


def test_weights_are_no_array_on_the_way_and_neither_are_windows(monkeypatch):
    monkeypatch.setattr(limits, "LARGEST", 16 * 16 * 8)
    with limits.load_limits(None, arrays(10**6)):
        nn.Conv2D(4, 3)(ag.zeros((1, 16, 16, 8)))
        nn.Embedding(10**4, 5)(ag.zeros((1, 3)))
        with pytest.raises(nn.FileError, match=r"an array of shape \(1, 18, 18, 8\)"):
            nn.Conv2D(4, 3, padding="same")(ag.zeros((1, 16, 16, 8)))


def test_trying_leaves_no_trace(monkeypatch):
    """The same weights as without a limit, no draw more, and what the user passed runs once."""
    called = []

    class Ones(nn.initializers.Ones):
        def __call__(self, shape, dtype="float32"):
            called.append(shape)
            return super().__call__(shape, dtype)

    def activation(x):
        called.append("activation")
        return x

    class Own(nn.Layer):
        def build(self, *shapes, dtype):
            called.append("build")
            self.kernel = nn.Parameter(ag.ones((4, 4), dtype))

        def call(self, x):
            called.append("call")
            return x @ self.kernel

    x = ag.ones((1, 4))
    results = []
    for count in (None, 4 * 4 * 2 + 4):
        nn.set_random_seed(3)
        layers = [
            nn.Dense(4, activation, bias_initializer=Ones()),
            nn.Dense(4, use_bias=False),
            Own(),
        ]
        if count is None:
            result = nn.Sequential(layers)(x)
        else:
            with limits.load_limits(None, arrays(count)):
                result = nn.Sequential(layers)(x)
        results.append((result.tolist(), ag.random.default_generator().state[1].item()))
        assert called == [(4,), "activation", "build", "call"]
        called.clear()
    assert results[0] == results[1]


def test_a_file_is_refused_where_the_layer_is_not_the_first(tmp_path):
    model = nn.Sequential([nn.Dense(4, input_shape=(3,)), nn.Dense(2)])
    model.save(tmp_path / "model")

    def spoil(header, arrays):
        header["model"]["config"]["layers"][1]["config"]["units"] = 10**12

    rewritten(tmp_path / "model", spoil)
    with pytest.raises(nn.FileError, match=r"asks for weights of shape \(4, 1000000000000\)"):
        nn.load(tmp_path / "model")


class Scaled(nn.Layer):
    """Its attribute is no shape of a sample."""

    input_shape = 10**9

    def __init__(self):
        pass

    def call(self, x):
        return x * 2


def test_what_the_user_calls_a_shape_is_the_users():
    model, file = nn.Sequential([nn.Dense(2, input_shape=(3,)), Scaled()]), io.BytesIO()
    model.save(file)
    file.seek(0)
    assert everything(nn.load(file, {"Scaled": Scaled})) == everything(model)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("context", [ag.detect_anomaly, ag.enable_grad, ag.no_grad])
def test_whatever_is_switched_on(context, dtype):
    layers = [
        nn.Conv2D(4, 3, input_shape=(8, 8, 3)),
        nn.BatchNormalization(),
        nn.Flatten(),
        nn.Dense(3),
    ]
    model, file = nn.Sequential(layers, dtype=dtype, seed=1), io.BytesIO()
    model.save(file)
    file.seek(0)
    with context():
        loaded = nn.load(file)
    assert everything(loaded) == everything(model)
    assert loaded.generator.state[1].item() == model.generator.state[1].item()


def test_what_is_there_may_be_large():
    file = io.BytesIO()
    model = nn.Sequential([nn.Embedding(3000, 100, input_shape=(2,)), nn.Flatten(), nn.Dense(1)])
    model.save(file)
    file.seek(0)
    assert everything(nn.load(file)) == everything(model)
