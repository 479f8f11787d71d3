"""Layers: what each computes, in training and not; that each traces, saves and loads; errors.

Every layer with a state of its own is in `NETS`, and `test_every_layer_is_tested_here` sees to that.
"""

from __future__ import annotations

import numpy as np
import pytest
from models import everything

import autograd as ag
import nn
from nn import layers

generator = np.random.default_rng(3)
ROWS = generator.standard_normal((6, 5)).astype(np.float32)
IMAGES = generator.standard_normal((6, 6, 5, 2)).astype(np.float32)
WORDS = generator.integers(0, 7, (6, 4)).astype(np.float32)
Y = generator.standard_normal((6, 2)).astype(np.float32)

NETS = {
    "dense": (lambda: [nn.Dense(3, "tanh", kernel_constraint=nn.MaxNorm(0.5), bias_regularizer="l2", bias_initializer="ones", kernel_regularizer="l1")], ROWS),
    "maxout": (lambda: [nn.Maxout(3, pieces=3, kernel_constraint="unit_norm")], ROWS),
    "batch normalization": (lambda: [nn.Dense(4), nn.BatchNormalization(momentum=0.8, gamma_regularizer="l2")], ROWS),
    "batch normalization, images": (lambda: [nn.BatchNormalization(center=False), nn.Flatten()], IMAGES),
    "batch normalization, other axis": (lambda: [nn.BatchNormalization(axis=1, scale=False), nn.Flatten()], IMAGES),
    "layer normalization": (lambda: [nn.LayerNormalization(), nn.Dense(3)], ROWS),
    "layer normalization, axes": (lambda: [nn.LayerNormalization(axis=(1, 3)), nn.Flatten()], IMAGES),
    "embedding": (lambda: [nn.Embedding(7, 3, embeddings_constraint="unit_norm"), nn.Flatten()], WORDS),
    "convolution": (lambda: [nn.Conv2D(3, (3, 2), activation="relu", padding="same", strides=2), nn.MaxPooling2D((2, 1)), nn.Flatten()], IMAGES),
    "convolution, channels first": (lambda: [nn.Conv2D(3, 2, data_format="channels_first", dilation_rate=(2, 1)), nn.AveragePooling2D(2, 1, "same", "channels_first"), nn.GlobalAveragePooling2D("channels_first")], IMAGES),
    "pooling": (lambda: [nn.AveragePooling2D(3, 2, "same"), nn.GlobalMaxPooling2D(), nn.Dense(2)], IMAGES),
    "noise": (lambda: [nn.GaussianNoise(0.3), nn.Dropout(0.4), nn.Dense(3)], ROWS),
    "flip": (lambda: [nn.RandomFlip(), nn.Flatten()], IMAGES),
    "shift": (lambda: [nn.RandomShift(0.4, (-0.2, 0.5), "constant", 0.5), nn.Flatten()], IMAGES),
    "shift, reflected": (lambda: [nn.RandomShift(0.9, 0.9), nn.RandomShift(0.5, 0.5, "wrap"), nn.RandomShift(0.5, 0.5, "nearest"), nn.Flatten()], IMAGES),
    "activations": (lambda: [nn.Dense(4), nn.LeakyReLU(0.2), nn.ELU(0.7), nn.ReLU(), nn.Activation("tanh"), nn.Softmax()], ROWS),
    "reshape": (lambda: [nn.Reshape((5, -1)), nn.Dense(2, "relu"), nn.Flatten()], ROWS),
    "named": (lambda: [nn.Dense(3, name="first", input_shape=(5,)), nn.Dropout(0.1, name="forget")], ROWS),
}  # fmt: skip
nets = pytest.mark.parametrize(("make", "x"), NETS.values(), ids=NETS)


def model_of(make, dtype="float32"):
    nn.set_random_seed(4)
    model = nn.Sequential([*make(), nn.Dense(2)], dtype)
    model.compile(nn.SGD(0.05, momentum=0.9), "mse")
    return model


def test_every_layer_is_tested_here():
    seen = {type(layer).__name__ for make, _ in NETS.values() for layer in make()}
    concrete = {n for n in layers.__all__ if n not in ("Layer", "Input", "RandomTranslation")}
    assert concrete <= seen


@nets
@pytest.mark.usefixtures("on_numpy")
def test_a_traced_step_is_bit_equal_to_eager(make, x):
    """Weights, moving averages, random numbers: three steps of each."""
    eager, model = model_of(make), model_of(make)
    model.ensure_built(ag.tensor(x))
    eager.ensure_built(ag.tensor(x))
    model.load_state_dict(eager.state_dict())
    start = ag.random.default_generator().state
    expected = []
    for _ in range(3):
        eager.train_on_batch(x, Y)
        expected.append(everything(eager))
    ag.random.default_generator().state = start
    step = nn.capture_train_step(model, ag.tensor(x), ag.tensor(Y))
    for before in expected:
        model.reset_metrics()
        step(ag.tensor(x), ag.tensor(Y))
        assert everything(model) == before
    assert expected[0] != expected[2]


@nets
def test_saved_and_loaded_it_goes_on_the_same(tmp_path, make, x):
    pytest.importorskip("safetensors")
    model = model_of(make)
    model.fit(x, Y, 4, 2)
    model.save(tmp_path / "model")
    loaded = nn.load(tmp_path / "model")
    np.testing.assert_array_equal(loaded.predict(x), model.predict(x))
    assert [layer.get_config().keys() for layer in loaded.layers] == [layer.get_config().keys() for layer in model.layers]  # fmt: skip
    loaded.fit(x, Y, 4, 2)
    after = everything(loaded)
    # a second load puts the random numbers back, so that both go on from the same place
    again = nn.load(tmp_path / "model")
    again.fit(x, Y, 4, 2)
    assert everything(again) == after


@nets
def test_outside_training_a_row_does_not_depend_on_the_others(make, x):
    model = model_of(make, "float64")
    model.fit(x, Y, 3, 1)
    together = model.predict(x)
    alone = np.concatenate([model.predict(x[i : i + 1]) for i in range(len(x))])
    np.testing.assert_allclose(together, alone, rtol=1e-12, atol=1e-12)
    np.testing.assert_array_equal(model.predict(x), together)


def test_maxout_is_the_largest_of_linear_functions():
    layer = nn.Maxout(2, pieces=3)
    x = ROWS[:3]
    y = layer(x).numpy()
    w, b = layer.kernel.numpy().reshape(5, 2, 3), layer.bias.numpy().reshape(2, 3)
    np.testing.assert_allclose(y, (np.einsum("ni,iup->nup", x, w) + b).max(-1), rtol=1e-5)
    assert [type(child).__name__ for child in nn.MLP((4,), 1, "maxout", 0.0).layers] == ["Maxout", "Dense"]  # fmt: skip


def test_moving_averages_follow_the_batches():
    layer = nn.BatchNormalization(momentum=0.9, epsilon=1e-5)
    mean, variance = np.zeros(5), np.ones(5)
    for i in range(4):
        x = ROWS * (i + 1)
        y = layer(x, training=True).numpy()
        mean, variance = 0.9 * mean + 0.1 * x.mean(0), 0.9 * variance + 0.1 * x.var(0)
        np.testing.assert_allclose(y, (x - x.mean(0)) / np.sqrt(x.var(0) + 1e-5), rtol=1e-3, atol=1e-5)  # fmt: skip
    np.testing.assert_allclose(layer.moving_mean.numpy(), mean, rtol=1e-5)
    np.testing.assert_allclose(layer.moving_variance.numpy(), variance, rtol=1e-5)
    np.testing.assert_allclose(
        layer(ROWS).numpy(), (ROWS - mean) / np.sqrt(variance + 1e-5), rtol=1e-4, atol=1e-5
    )
    assert not [p for p in layer.parameters() if p is layer.moving_mean]


def test_evaluating_leaves_the_moving_averages():
    model = model_of(NETS["batch normalization"][0])
    model.fit(ROWS, Y)
    before = everything(model)
    model.predict(ROWS)
    model.evaluate(ROWS, Y)
    assert {k: v for k, v in everything(model).items() if "moving" in k} == {k: v for k, v in before.items() if "moving" in k}  # fmt: skip


def test_gradients_in_evaluation_take_the_moving_averages_as_constants():
    layer = nn.BatchNormalization()
    layer(ROWS, training=True)
    x = ag.tensor(ROWS, requires_grad=True)
    layer(x).sum().backward()
    expected = 1 / np.sqrt(layer.moving_variance.numpy() + 1e-3)
    np.testing.assert_allclose(x.grad.numpy(), np.broadcast_to(expected, ROWS.shape), rtol=1e-6)


def test_flips_are_flips_of_whole_images():
    nn.set_random_seed(0)
    seen = nn.RandomFlip()(np.tile(IMAGES[:1], (200, 1, 1, 1)), training=True).numpy()
    image = IMAGES[0]
    variants = [image, image[::-1], image[:, ::-1], image[::-1, ::-1]]
    counts = [sum(np.array_equal(s, v) for s in seen) for v in variants]
    assert sum(counts) == 200
    assert min(counts) > 25
    np.testing.assert_array_equal(nn.RandomFlip()(IMAGES).numpy(), IMAGES)


@pytest.mark.parametrize(
    ("mode", "pad"),
    [("constant", "constant"), ("nearest", "edge"), ("reflect", "symmetric"), ("wrap", "wrap")],
)
def test_shifts_are_windows_of_the_padded_image(mode, pad):
    nn.set_random_seed(0)
    image = IMAGES[0]
    seen = nn.RandomShift(0.5, 0.4, mode)(np.tile(image, (300, 1, 1, 1)), training=True).numpy()
    wide = np.pad(image, ((3, 3), (2, 2), (0, 0)), pad)
    windows = {
        (i - 3, j - 2): wide[i : i + 6, j : j + 5].tobytes() for i in range(7) for j in range(5)
    }
    found = [[place for place, window in windows.items() if window == s.tobytes()] for s in seen]
    assert all(found)
    places = {place[0] for place in found if len(place) == 1}
    assert len(places) > 15


def test_noise_has_its_spread_and_dropout_its_rate():
    nn.set_random_seed(0)
    ones = np.ones((200, 200), np.float32)
    noisy = nn.GaussianNoise(0.5)(ones, training=True).numpy()
    assert abs(noisy.mean() - 1) < 0.01
    assert abs(noisy.std() - 0.5) < 0.01
    kept = nn.Dropout(0.3)(ones, training=True).numpy()
    assert abs((kept == 0).mean() - 0.3) < 0.01
    np.testing.assert_array_equal(nn.Dropout(1.0)(ones, training=True).numpy(), 0 * ones)


def test_a_first_layer_with_an_input_shape_builds_the_model():
    for layer, shape in [
        (nn.Conv2D(2, 3, input_shape=(8, 8, 1)), (None, 6, 6, 2)),
        (nn.Flatten(input_shape=(4, 3)), (None, 12)),
        (nn.Maxout(3, input_shape=(2,)), (None, 3)),
        (nn.Embedding(5, 2, input_shape=(3,)), (None, 3, 2)),
        (nn.BatchNormalization(input_shape=(4,)), (None, 4)),
        (nn.Activation("relu", input_shape=(4,)), (None, 4)),
        (nn.Dense(np.int64(2), input_dim=3), (None, 2)),
    ]:
        assert nn.Sequential([layer]).output_shape == shape


BAD = {
    "units": (lambda: nn.Dense(0), "Dense: units is an integer >= 1, got 0"),
    "a fraction of units": (lambda: nn.Maxout(2.5), "Maxout: units is an integer >= 1, got 2.5"),
    "kernel": (lambda: nn.Conv2D(3, (2, 2, 2)), "kernel_size is an integer >= 1 or two of them"),
    "padding": (lambda: nn.Conv2D(3, 2, padding="full"), "padding is one of 'valid', 'same', got 'full'"),
    "format": (lambda: nn.MaxPooling2D(data_format="NHWC"), "data_format is one of 'channels_last'"),
    "rate": (lambda: nn.Dropout(1.2), "rate lies between 0 and 1, got 1.2"),
    "stddev": (lambda: nn.GaussianNoise(-1), "stddev is a number >= 0, got -1"),
    "mode": (lambda: nn.RandomFlip("left"), "mode is one of 'horizontal'"),
    "factor": (lambda: nn.RandomShift(2, 0), "height_factor is a fraction from 0 to 1"),
    "two unknown sizes": (lambda: nn.Reshape((-1, -1)), "at most one of them -1"),
    "epsilon": (lambda: nn.BatchNormalization(epsilon=-1), "epsilon is a number >= 0, got -1"),
    "momentum": (lambda: nn.BatchNormalization(momentum=2), "momentum lies between 0 and 1"),
    "initializer": (lambda: nn.Dense(1, bias_initializer="zeroes"), "unknown initializer 'zeroes'.*'zeros'"),
    "constraint": (lambda: nn.Dense(1, kernel_constraint="maxnorm"), "unknown constraint 'maxnorm'.*max_norm"),
    "not an image": (lambda: nn.Conv2D(1, 2)(ROWS), r"Conv2D: the input has 2 dimensions, shape \(6, 5\)"),
    "named": (lambda: nn.Conv2D(1, 2, name="eye")(ROWS), "Conv2D 'eye': the input"),
    "pool of rows": (lambda: nn.MaxPooling2D()(ROWS), "MaxPooling2D: the input has 2 dimensions"),
    "axis 0": (lambda: nn.BatchNormalization(axis=0)(ROWS), "the first axis counts samples"),
    "axis 5": (lambda: nn.LayerNormalization(axis=5)(ROWS), "axis 5 for inputs of 2 dimensions"),
    "does not fit": (lambda: nn.Reshape((2, 2))(ROWS), r"has 5 numbers, which do not fit \(2, 2\)"),
    "outside the table": (lambda: nn.Embedding(3, 2)([[3]]), "index 3|out of (range|bounds)"),
    "other features": (lambda: _other_features(), "has to be 5. Received"),
    "one axis": (lambda: nn.Maxout(2)(ROWS[0]), "expected \\(batch, features\\)"),
}  # fmt: skip


def _other_features():
    layer = nn.Maxout(2)
    layer(ROWS)
    layer(ROWS[:, :3])


@pytest.mark.parametrize(("make", "message"), BAD.values(), ids=BAD)
def test_bad_arguments_and_inputs_are_explained(make, message):
    with pytest.raises((ag.GradloomError, IndexError), match=message):
        make()
