"""What layers compute, by hand, and what noise and augmentation draw."""

from __future__ import annotations

import numpy as np
import pytest

import autograd as ag
import nn

pytestmark = pytest.mark.eager
IMAGE = np.arange(2 * 4 * 5 * 2, dtype=np.float32).reshape(2, 4, 5, 2)


def values(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape)


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
    layer = nn.BatchNormalization(epsilon=0.0, moving_variance_initializer=lambda s, d: ag.full(s, 4.0, d))
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
    big = nn.Embedding(2**24, 1, embeddings_initializer=lambda s, d: ag.arange(s[0]).to(d).reshape(s))
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


IMAGE_LAYERS = {
    "convolution": lambda **o: nn.Conv2D(3, (2, 3), (2, 1), "same", **o),
    "dilated": lambda **o: nn.Conv2D(3, (3, 2), dilation_rate=(1, 2), **o),
    "maximum": lambda **o: nn.MaxPooling2D((2, 3), (2, 1), "same", **o),
    "average": lambda **o: nn.AveragePooling2D((3, 2), (1, 2), **o),
    "global maximum": lambda **o: nn.GlobalMaxPooling2D(keepdims=True, **o),
    "global average": lambda **o: nn.GlobalAveragePooling2D(keepdims=True, **o),
}


@pytest.mark.parametrize("name", IMAGE_LAYERS)
def test_the_same_weights_with_channels_in_front(name):
    """Windows that are no squares: the formats differ in nothing but where the channels are."""
    last, first = (IMAGE_LAYERS[name](data_format=f"channels_{d}") for d in ("last", "first"))
    image = IMAGE / 80
    expected, _ = last(image), first(image.transpose(0, 3, 1, 2))
    first.load_state_dict(last.state_dict())
    found = first(image.transpose(0, 3, 1, 2))
    np.testing.assert_allclose(found.numpy().transpose(0, 2, 3, 1), expected.numpy(), 1e-6)


def test_relu_with_arguments():
    x = [-1.0, 0.25, 1.0, 9.0]
    assert nn.ReLU(4.0, 0.5, 0.5)(x).tolist() == [-0.75, -0.125, 1.0, 4.0]
    assert nn.LeakyReLU()([-1.0]).numpy()[0] == np.float32(-0.1)


def test_flatten_of_channels_first_has_the_order_of_channels_last():
    last = nn.Flatten()(IMAGE)
    first = nn.Flatten("channels_first")(IMAGE.transpose(0, 3, 1, 2))
    assert first.tolist() == last.tolist()
    sequences = IMAGE[:, 0]
    first = nn.Flatten("channels_first")(sequences.transpose(0, 2, 1))
    assert first.tolist() == nn.Flatten()(sequences).tolist()
    assert nn.Flatten("channels_first")(sequences[:, 0]).tolist() == sequences[:, 0].tolist()


def test_predicting_while_training_neither_follows_the_batch_nor_moves_the_averages():
    """`training=False` in a model that is in training mode, as in a callback."""
    model = nn.Sequential([nn.Input((2,)), nn.BatchNormalization(), nn.Dropout(0.5)])
    model.train()
    x = values(5, 2)
    alone = [model(row[None], training=False).tolist()[0] for row in x]
    before = [w.tolist() for w in model.get_weights()]
    assert model(x, training=False).tolist() == alone
    assert [w.tolist() for w in model.get_weights()] == before
    model(x, training=True)
    assert [w.tolist() for w in model.get_weights()] != before


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
@pytest.mark.parametrize("factors", [(0.5, 0.4), ((0.0, 1.0), (-0.4, 0.0))], ids=["both", "one way"])
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
