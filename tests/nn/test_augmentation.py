"""Images that are rotated, zoomed, lighter, of more contrast, of another size: beside Keras and by hand."""

from __future__ import annotations

import numpy as np
import pytest

import autograd as ag
import nn
from nn import layers

generator = np.random.default_rng(5)
IMAGES = (generator.random((2, 6, 7, 3)) * 255).astype("float32")
MODES = ("reflect", "wrap", "nearest", "constant")

# one number as both bounds leaves nothing to chance
SAME = {
    **{f"rotation {f} {m}": ("RandomRotation", ((f, f), m), {"fill_value": 9.0}) for f in (0.07, -0.4) for m in MODES},
    **{f"zoom {f} {m}": ("RandomZoom", ((f, f), (0.3, 0.3), m), {"fill_value": 9.0}) for f in (0.45, -0.35) for m in MODES},
    "rotation, nearest": ("RandomRotation", ((0.13, 0.13),), {"interpolation": "nearest"}),
    "zoom, nearest": ("RandomZoom", ((0.33, 0.33),), {"interpolation": "nearest"}),
    "zoom in proportion": ("RandomZoom", ((-0.2, -0.2),), {}),
    "lighter": ("RandomBrightness", ((0.3, 0.3),), {}),
    "darker": ("RandomBrightness", ((-0.2, -0.2),), {"value_range": (50, 200)}),
    "no contrast": ("RandomContrast", ((0.0, 0.0),), {}),
    "larger": ("Resizing", (9, 16), {}),
    "smaller": ("Resizing", (4, 5), {}),
    "larger, nearest": ("Resizing", (9, 16), {"interpolation": "nearest"}),
    "smaller, nearest": ("Resizing", (4, 5), {"interpolation": "nearest"}),
    "middle": ("CenterCrop", (3, 4), {}),
    "middle of even rows": ("CenterCrop", (4, 3), {}),
}  # fmt: skip


@pytest.mark.oracle
@pytest.mark.parametrize(("name", "given", "options"), SAME.values(), ids=SAME)
@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
def test_beside_keras(name, given, options, data_format):
    from keras_oracle import import_keras

    keras = import_keras()
    options = options | {"data_format": data_format}
    if name == "RandomBrightness":  # takes none in Keras, and needs none
        del options["data_format"]
    x = IMAGES if data_format == "channels_last" else IMAGES.transpose(0, 3, 1, 2)
    theirs = np.asarray(getattr(keras.layers, name)(*given, **options)(x, training=True))
    ours = getattr(layers, name)(*given, **options)(x, training=True).numpy()
    assert ours.dtype == np.float32
    np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=2e-3)


def test_a_quarter_turn_and_half_the_size_move_whole_pixels():
    x = generator.random((2, 5, 5, 2))
    turned = layers.RandomRotation((0.25, 0.25))(x, training=True).numpy()
    np.testing.assert_allclose(turned, np.rot90(x, axes=(1, 2)), atol=1e-5)
    zoomed = layers.RandomZoom((1.0, 1.0), fill_mode="constant")(x, training=True).numpy()
    np.testing.assert_allclose(zoomed[:, 1:4, 1:4], x[:, ::2, ::2], atol=1e-5)
    assert (zoomed[:, 0] == 0).all()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_contrast_goes_both_ways_and_keeps_the_mean(dtype):
    x = np.repeat(40 + 100 * generator.random((1, 4, 4, 2)), 300, axis=0).astype(dtype)
    found = layers.RandomContrast((0.2, 0.4))(x, training=True)
    assert found.dtype == dtype
    found = found.numpy()
    np.testing.assert_allclose(found.mean((1, 2)), x.mean((1, 2)), rtol=1e-5)
    factor = found.std((1, 2))[:, 0] / x.std((1, 2))[:, 0]
    assert 0.8 <= factor.min() < 0.83
    assert 1.37 < factor.max() <= 1.4001
    cut = layers.RandomContrast(1.0, value_range=(80, 90))(x, training=True).numpy()
    assert (cut.min(), cut.max()) == (80, 90)


@pytest.mark.parametrize("make", [lambda: layers.RandomRotation(0.3), lambda: layers.RandomZoom(0.5, 0.2)])
def test_each_image_has_its_own_draw_and_gradients_are_the_shares(make):
    x = ag.tensor(np.repeat(IMAGES[:1], 20, axis=0).astype("float64"), requires_grad=True)
    found = make()(x, training=True)
    assert len({one.tobytes() for one in found.numpy()}) == 20
    found.sum().backward()
    # every pixel that is read gives its parts to one result: there are as many as pixels
    np.testing.assert_allclose(x.grad.numpy().sum(), x.size, rtol=1e-9)


@pytest.mark.parametrize("shape", [(1, 3), (7, 2), (6, 7)])
def test_gradients_of_another_size(shape):
    from autograd.testing import check_grad

    for interpolation in ("bilinear", "nearest"):
        layer = layers.Resizing(*shape, interpolation=interpolation)
        check_grad(layer, generator.random((1, 4, 5, 2)))


def test_a_model_augments_in_training_alone():
    nn.set_random_seed(1)
    model = nn.Sequential(
        [
            nn.Input((6, 7, 3)),
            nn.Resizing(8, 8),
            nn.CenterCrop(6, 6),
            nn.RandomFlip("horizontal"),
            nn.RandomRotation(0.1),
            nn.RandomZoom(0.1),
            nn.RandomContrast(0.1),
            nn.RandomBrightness(0.1),
            nn.Rescaling(1 / 255),
            nn.Flatten(),
            nn.Dense(1),
        ]
    )
    model.compile("adam", "mse", jit=True)
    x = np.repeat(IMAGES, 8, axis=0)
    model.fit(x, x.mean((1, 2, 3)) / 255, epochs=2, batch_size=8, verbose=0)
    assert model.predict(x).tobytes() == model.predict(x).tobytes()
    again = nn.Sequential.from_config(model.get_config())
    again(x)
    again.set_weights(model.get_weights())
    np.testing.assert_array_equal(again.predict(x), model.predict(x))


BAD = {
    "turns": (lambda: nn.RandomRotation(2), "RandomRotation: factor is a fraction from 0 to 1"),
    "zoom": (lambda: nn.RandomZoom("far"), "RandomZoom: height_factor is a fraction"),
    "fill": (lambda: nn.RandomZoom(0.1, fill_mode="edge"), "fill_mode is one of 'reflect'"),
    "between": (lambda: nn.RandomRotation(0.1, interpolation="bicubic"), "interpolation is one of"),
    "contrast": (lambda: nn.RandomContrast((-0.1, 0.1)), "factor is a number from 0 to 1"),
    "contrast, text": (lambda: nn.RandomContrast("much"), "factor is a number from 0 to 1"),
    "range": (lambda: nn.RandomBrightness(0.1, 255), "value_range is two numbers"),
    "size": (lambda: nn.Resizing(0, 3), "Resizing: height is an integer >= 1"),
    "crop": (lambda: nn.CenterCrop(3, 9)(IMAGES), "is larger than the image; received"),
    "images": (lambda: nn.RandomZoom(0.1)(IMAGES[0]), "RandomZoom: the input has 3 dimensions"),
}


@pytest.mark.parametrize(("call", "said"), BAD.values(), ids=BAD)
def test_what_is_wrong_is_said(call, said):
    with pytest.raises(ValueError, match=said):
        call()
