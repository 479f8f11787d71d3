"""What layers compute, by hand; what they refuse, and with which words; and that they are saved and read back."""

from __future__ import annotations

import re

import numpy as np
import pytest
from models import everything
from test_layers_trace import LAYERS, Y, network

import autograd as ag
import nn

IMAGE = np.arange(2 * 4 * 5 * 2, dtype=np.float32).reshape(2, 4, 5, 2)


def values(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape)


# what is computed


def test_maxout_by_hand():
    layer = nn.Maxout(1, pieces=2)
    layer([[0.0, 0.0]])
    layer.load_state_dict({"kernel": [[1.0, -1.0], [0.0, 2.0]], "bias": [0.0, 1.0]})
    assert layer([[3.0, 1.0], [-3.0, 1.0]]).tolist() == [[3.0], [6.0]]


def test_an_mlp_of_maxout_layers():
    model = nn.MLP(hidden=(8, 4), outputs=2, activation="maxout", dropout=0.1)
    assert [type(layer).__name__ for layer in model.layers] == [
        "Maxout", "Dropout", "Maxout", "Dropout", "Dense",
    ]  # fmt: skip
    assert model(values(3, 5)).shape == (3, 2)
    assert model.layers[0].kernel.shape == (5, 16)
    assert nn.MLP.from_config(model.get_config()).activation == "maxout"


def test_batch_normalization_by_hand():
    layer = nn.BatchNormalization(momentum=0.75, epsilon=0.0)
    x = ag.tensor([[1.0], [3.0]])
    assert layer(x, training=True).tolist() == [[-1.0], [1.0]]
    # moving = 0.75 old + 0.25 batch: mean 0 and 2, biased variance 1 and 1
    assert layer.moving_mean.tolist() == [0.5]
    assert layer.moving_variance.tolist() == [1.0]
    assert layer(x).tolist() == [[0.5], [2.5]]
    assert layer.moving_mean.tolist() == [0.5]


def test_in_inference_the_moving_averages_are_constants_of_the_gradient():
    layer = nn.BatchNormalization(
        epsilon=0.0, moving_variance_initializer=lambda s, d: ag.full(s, 4.0, d)
    )
    x = ag.tensor(values(5, 3), requires_grad=True)
    layer(x).sum().backward()
    assert x.grad.tolist() == [[0.5] * 3] * 5
    x.grad = None
    layer(x, training=True).sum().backward()
    np.testing.assert_allclose(x.grad.numpy(), 0.0, atol=1e-12)


def test_moving_averages_are_saved_but_not_trained():
    layer = nn.BatchNormalization()
    layer(values(4, 3))
    assert list(layer.state_dict()) == ["gamma", "beta", "moving_mean", "moving_variance"]
    assert layer.parameters() == [layer.gamma, layer.beta]
    bare = nn.BatchNormalization(center=False, scale=False)
    bare(values(4, 3))
    assert bare.parameters() == []


def test_embedding_takes_whole_floats():
    layer = nn.Embedding(5, 2)
    rows = layer([[1, 4], [0, 1]])
    assert rows.shape == (2, 2, 2)
    assert layer(ag.tensor([[1.0, 4.0], [0.0, 1.0]])).tolist() == rows.tolist()
    assert abs(layer.embeddings.numpy()).max() <= 0.05
    big = nn.Embedding(
        2**24, 1, embeddings_initializer=lambda s, d: ag.arange(s[0]).to(d).reshape(s)
    )
    assert big(np.array([2**24 - 1], np.float32)).tolist() == [[float(2**24 - 1)]]


@pytest.mark.parametrize("kind", [list, lambda x: ag.tensor(x, "float32")], ids=["int", "float"])
def test_embedding_refuses_numbers_outside(kind):
    layer = nn.Embedding(5, 2)
    with pytest.raises(IndexError, match="5"):
        layer(kind([[0, 5]]))


def test_same_padding_puts_the_odd_one_after():
    """As TensorFlow: a window of 2 over 3 places with stride 2 begins at 0, and one place is added at the end."""
    x = ag.tensor([[1.0, 2.0, 3.0]]).reshape(1, 1, 3, 1)
    mean = nn.AveragePooling2D((1, 2), padding="same")(x)
    assert mean.reshape(2).tolist() == [1.5, 3.0]
    assert nn.MaxPooling2D((1, 2), padding="same")(-x).reshape(2).tolist() == [-1.0, -3.0]
    layer = nn.Conv2D(1, (1, 2), 2, "same", kernel_initializer="ones")
    assert layer(x).reshape(2).tolist() == [3.0, 3.0]


def test_shapes_of_images():
    def shape(layer):
        return layer(IMAGE).shape

    assert shape(nn.Conv2D(6, 3)) == (2, 2, 3, 6)
    assert shape(nn.Conv2D(6, (2, 3), 2, "same")) == (2, 2, 3, 6)
    assert shape(nn.Conv2D(5, 2, data_format="channels_first")) == (2, 5, 4, 1)
    assert shape(nn.Conv2D(6, 2, dilation_rate=(3, 1))) == (2, 1, 4, 6)
    assert shape(nn.MaxPooling2D()) == (2, 2, 2, 2)
    assert shape(nn.AveragePooling2D(3, strides=1, padding="same")) == IMAGE.shape
    assert shape(nn.GlobalAveragePooling2D()) == (2, 2)
    assert shape(nn.GlobalMaxPooling2D(keepdims=True)) == (2, 1, 1, 2)


def test_relu_with_arguments():
    x = [-1.0, 0.25, 1.0, 9.0]
    assert nn.ReLU(4.0, 0.5, 0.5)(x).tolist() == [-0.75, -0.125, 1.0, 4.0]
    assert nn.LeakyReLU()([-1.0]).numpy()[0] == np.float32(-0.1)


def test_flatten_of_channels_first_has_the_order_of_channels_last():
    last = nn.Flatten()(IMAGE)
    first = nn.Flatten("channels_first")(IMAGE.transpose(0, 3, 1, 2))
    assert first.tolist() == last.tolist()


# noise and augmentation


@pytest.mark.parametrize(
    "layer",
    [nn.GaussianNoise(0.5), nn.RandomFlip(), nn.RandomShift(0.5, 0.5), nn.Dropout(0.5)],
    ids=lambda layer: type(layer).__name__,
)
def test_outside_training_nothing_is_drawn(layer):
    counter = ag.random.default_generator().counter.item()
    assert layer(IMAGE).tolist() == IMAGE.tolist()
    assert ag.random.default_generator().counter.item() == counter
    assert layer(IMAGE, training=True).tolist() != IMAGE.tolist()


def test_noise_has_the_deviation():
    noise = nn.GaussianNoise(0.5)(ag.zeros((200, 200)), training=True).numpy()
    assert abs(noise.mean()) < 0.02
    assert abs(noise.std() - 0.5) < 0.02
    assert nn.GaussianNoise(0)(IMAGE, training=True).tolist() == IMAGE.tolist()


FLIPS = {"horizontal": [(2,)], "vertical": [(1,)], "horizontal_and_vertical": [(1,), (2,), (1, 2)]}


@pytest.mark.parametrize(("mode", "axes"), FLIPS.items(), ids=FLIPS)
def test_each_image_is_flipped_by_itself(mode, axes):
    image = values(1, 3, 4, 2)
    many = np.repeat(image, 400, axis=0)
    found = nn.RandomFlip(mode)(many, training=True).numpy()
    kinds = [image[0], *(np.flip(image, axis)[0] for axis in axes)]
    counts = [sum(np.array_equal(one, kind) for one in found) for kind in kinds]
    assert sum(counts) == 400
    for count in counts:
        assert abs(count - 400 / len(kinds)) < 50


MODES = {
    "constant": dict(mode="constant", constant_values=7.0),
    "nearest": dict(mode="edge"),
    "reflect": dict(mode="symmetric"),
    "wrap": dict(mode="wrap"),
}


@pytest.mark.parametrize(("fill_mode", "options"), MODES.items(), ids=MODES)
@pytest.mark.parametrize(
    "factors", [(0.5, 0.4), ((0.0, 1.0), (-0.4, 0.0))], ids=["both", "one way"]
)
def test_each_image_is_shifted_by_whole_pixels(fill_mode, options, factors):
    """Every shift within the factors happens, and is what NumPy's padding and a cut-out give."""
    height, width = 4, 5
    image = values(height, width, 2)
    bounds = [f if isinstance(f, tuple) else (-f, f) for f in factors]
    ranges = [
        range(round(low * n), round(high * n) + 1)
        for (low, high), n in zip(bounds, (height, width), strict=True)
    ]
    padded = np.pad(image, ((height, height), (width, width), (0, 0)), **options)
    kinds = {
        padded[height - down : 2 * height - down, width - right : 2 * width - right].tobytes(): (
            down,
            right,
        )
        for down in ranges[0]
        for right in ranges[1]
    }
    layer = nn.RandomShift(*factors, fill_mode, 7.0)
    found = layer(np.repeat(image[None], 2000, axis=0), training=True).numpy()
    seen = {kinds[one.tobytes()] for one in found}
    assert seen == set(kinds.values())


def test_gradients_go_where_the_pixels_came_from():
    x = ag.tensor(values(3, 4, 4, 1), requires_grad=True)
    nn.RandomShift(0.5, 0.5, "wrap")(x, training=True).sum().backward()
    assert x.grad.tolist() == np.ones((3, 4, 4, 1)).tolist()


def test_the_name_that_keras_has():
    assert nn.RandomTranslation is nn.RandomShift


# names, shapes, numbers


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
    "RandomFlip": (lambda **o: nn.RandomFlip(**o), (4, 4, 1)),
    "RandomShift": (lambda **o: nn.RandomShift(0.1, 0.1, **o), (4, 4, 1)),
}


def test_the_table_holds_every_layer():
    layers = {name for name in nn.layers.__all__ if isinstance(getattr(nn.layers, name), type)}
    assert set(FIRST) == layers - {"Layer", "Input", "RandomTranslation"}
    assert set(nn.layers.__all__) <= set(nn.__all__)


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
    with pytest.raises(
        nn.ArgumentError, match=f"{type(layer).__name__}: name is a text or None, got 3"
    ):
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
}


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
        tensor = getattr(layer, weight)
        assert set(tensor.numpy().ravel()) == {1.0}
        assert isinstance(tensor.regularizer, nn.L2)
        assert isinstance(tensor.constraint, nn.UnitNorm)
        others = [getattr(layer, other) for other in names if other != weight]
        assert all(other.regularizer is None and other.constraint is None for other in others)
        for what in ("initializer", "regularizer", "constraint"):
            with pytest.raises(nn.ArgumentError, match=f"unknown {what} 'nope'"):
                make(**{f"{weight}_{what}": "nope"})


# what is refused

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
    "input_shape": (lambda: nn.Flatten(input_shape=(0,)), "Input: shape is a tuple of sizes >= 1 without the batch, got (0,)"),
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


# files


@pytest.mark.parametrize(("x", "make"), LAYERS.values(), ids=LAYERS)
def test_saved_in_training_and_read_back(tmp_path, x, make):
    """The model that was read goes on as the one that was written, bit for bit."""
    pytest.importorskip("safetensors")
    model = network(make, x)
    model.train_on_batch(x, Y)
    model.save(tmp_path / "model")
    model.train_on_batch(x, Y)
    expected = everything(model), model.predict(x).tobytes()
    again = nn.load(tmp_path / "model")
    again.train_on_batch(x, Y)
    assert (everything(again), again.predict(x).tobytes()) == expected
