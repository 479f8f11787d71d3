"""Lambda, Rescaling, Identity and the shapes of resizing: by hand, compiled, saved and read back; Keras's other names."""

from __future__ import annotations

import numpy as np
import pytest

import autograd as ag
import nn

X = np.random.default_rng(0).standard_normal((8, 3)).astype(np.float32)
Y = X.sum(axis=1, keepdims=True)

NAMES = {
    "Convolution1D": "Conv1D", "Convolution2D": "Conv2D", "Convolution1DTranspose": "Conv1DTranspose",
    "Convolution2DTranspose": "Conv2DTranspose", "SeparableConvolution1D": "SeparableConv1D",
    "SeparableConvolution2D": "SeparableConv2D", "MaxPool1D": "MaxPooling1D", "MaxPool2D": "MaxPooling2D",
    "AvgPool1D": "AveragePooling1D", "AvgPool2D": "AveragePooling2D", "GlobalMaxPool1D": "GlobalMaxPooling1D",
    "GlobalMaxPool2D": "GlobalMaxPooling2D", "GlobalAvgPool1D": "GlobalAveragePooling1D",
    "GlobalAvgPool2D": "GlobalAveragePooling2D", "RandomTranslation": "RandomShift",
}  # fmt: skip


def test_the_other_names_of_keras():
    for name, plain in NAMES.items():
        kind = getattr(nn.layers, plain)
        assert getattr(nn, name) is getattr(nn.layers, name) is getattr(nn, plain) is kind
    others = {n for n in nn.layers.__all__ if getattr(nn.layers, n).__name__ != n}
    assert others == set(NAMES)


def test_identity_is_a_layer_there_and_an_initializer_here():
    assert nn.Identity is nn.initializers.Identity
    assert nn.layers.Identity()(X).numpy().tobytes() == X.tobytes()


def shifted(x, by, training=False):
    """Moves by more in training."""
    return x + (2 * by if training else by)


def sizes(shape):
    return shape


def network(*layers):
    nn.set_random_seed(1)
    model = nn.Sequential([nn.Input((3,)), nn.Dense(3), *layers, nn.Dense(1)])
    model.compile(nn.SGD(0.05), "mse")
    return model


def test_a_function_is_told_of_training():
    layer = nn.Lambda(shifted, arguments={"by": 1.0})
    assert layer([1.0]).tolist() == [2.0]
    assert layer([1.0], training=True).tolist() == [3.0]
    assert nn.Lambda(np.negative)([1.0]).tolist() == [-1.0]


def test_what_is_compiled_is_what_is_computed():
    models = [
        network(nn.Lambda(shifted, arguments={"by": 0.5}), nn.Lambda(lambda x: x.sin())) for _ in range(2)
    ]
    for model, jit in zip(models, (False, True), strict=True):
        model.compile(nn.SGD(0.05), "mse", jit=jit)
        model.fit(X, Y, epochs=3, batch_size=4, shuffle=False, verbose=0)
    for one, other in zip(*(model.get_weights() for model in models), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5)
    found, expected = (model.predict(X) for model in models)
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_another_value_of_the_closure_is_another_step():
    scale = [1.0]
    layer = nn.Lambda(lambda x: x * scale[0])
    model = nn.Sequential([layer])
    step = ag.jit(model, state=model)
    assert step(X).numpy().tobytes() == X.tobytes()
    scale[0] = 2.0
    assert step(X).numpy().tobytes() == (X * 2).tobytes()


@pytest.mark.parametrize("output_shape", [None, (3,), 3, sizes])
def test_saved_by_name_and_read_back(tmp_path, output_shape):
    pytest.importorskip("safetensors", reason="the extra gradloom[save] is not installed")
    layers = [
        nn.Lambda(shifted, output_shape, arguments={"by": 0.5}), nn.Lambda(nn.activations.softplus), nn.layers.Identity(),
        nn.Rescaling([1.0, 2.0, 3.0], np.float32(0.5)), nn.PReLU("uniform"), nn.LeakyReLU(alpha=0.3), nn.UnitNormalization(),
    ]  # fmt: skip
    model = network(*layers)
    model.fit(X, Y, verbose=0)
    model.save(tmp_path / "model")
    own = {"shifted": shifted, "sizes": sizes}
    again = nn.load(tmp_path / "model", custom_objects=own)
    weights, expected = (m.state_dict() for m in (again, model))
    assert weights.keys() == expected.keys()
    assert all(weights[name].tobytes() == expected[name].tobytes() for name in weights)
    assert again.predict(X).tobytes() == model.predict(X).tobytes()
    for one, other in zip(model.layers, again.layers, strict=True):
        assert type(one) is type(other)
    assert again.layers[1].get_config() == model.layers[1].get_config()
    assert again.layers[6].negative_slope == 0.3
    with pytest.raises(nn.FileError, match="unknown function 'shifted', and a file holds no code"):
        nn.load(tmp_path / "model")


@pytest.mark.parametrize("function", [lambda x: x, np.tanh, abs], ids=["lambda", "NumPy", "built in"])
def test_what_has_no_name_cannot_be_saved(tmp_path, function):
    model = network(nn.Lambda(function))
    with pytest.raises(nn.ArgumentError, match="a file holds no code"):
        model.save(tmp_path / "model")
    assert not list(tmp_path.iterdir())


def test_the_shape_that_is_said():
    assert nn.Lambda(lambda x: x[:, :2], output_shape=(2,))(X).shape == (8, 2)
    assert nn.Lambda(lambda x: x.T, output_shape=lambda s: (s[1], s[0]))(X).shape == (3, 8)
    layer = nn.Lambda(lambda x: x, output_shape=(3,))
    layer(X)
    assert layer.output_shape == (None, 3)
    assert layer.get_config()["output_shape"] == (3,)
    with pytest.raises(
        ag.ShapeError, match=r"Lambda 'cut': output_shape says \(8, 2\), and the function gave \(8, 3\)"
    ):
        nn.Lambda(lambda x: x, output_shape=(2,), name="cut")(X)


def test_rescaling_of_pixels():
    pixels = np.arange(256, dtype=np.uint8).reshape(-1, 1)
    y = nn.Rescaling(1 / 255)(ag.tensor(pixels))
    assert y.dtype.name == "float32"
    np.testing.assert_allclose(y.numpy(), pixels / np.float32(255), rtol=1e-6)
    for dtype in ("float16", "float64"):
        assert nn.Rescaling([0.5], [1.0])(ag.tensor(X, dtype)).dtype.name == dtype
    layer = nn.Rescaling(np.array([1, 2]), ag.tensor([3.0, 4.0]))
    assert layer.get_config() == {
        "scale": (1.0, 2.0),
        "offset": (3.0, 4.0),
        "input_shape": None,
        "name": None,
    }


def test_prelu_at_0_and_where_it_is_shared():
    layer = nn.PReLU("ones", shared_axes=[1, 2])
    x = ag.tensor(np.zeros((2, 4, 3, 2)), requires_grad=True)
    layer(x).sum().backward()
    assert layer.alpha.shape == (1, 1, 2)
    assert not x.grad.numpy().any()
    assert layer(np.full((1, 9, 9, 2), -2.0)).numpy().min() == -2.0


def test_units_of_small_numbers():
    """The square of 300 is no float16."""
    for dtype in ("float16", "float32", "float64"):
        y = nn.UnitNormalization()(ag.tensor([[300.0, 400.0]], dtype))
        assert y.dtype.name == dtype
        np.testing.assert_allclose(y.numpy(), [[0.6, 0.8]], rtol=1e-3)


def test_a_causal_step_sees_no_later_one():
    layer = nn.Conv1D(3, 3, padding="causal", dilation_rate=2)
    x = np.random.default_rng(0).standard_normal((1, 9, 2))
    y = layer(x).numpy()
    other = x.copy()
    other[:, 5:] = 7
    found = layer(other).numpy()
    assert found[:, :5].tolist() == y[:, :5].tolist()
    assert (found[:, 5:] != y[:, 5:]).all()


PAIRS = {
    "Conv1D": lambda: (nn.Conv1D(3, 2, 2, "same"), nn.Conv2D(3, (1, 2), (1, 2), "same")),
    "MaxPooling1D": lambda: (nn.MaxPooling1D(3, 2, "same"), nn.MaxPooling2D((1, 3), (1, 2), "same")),
    "AveragePooling1D": lambda: (nn.AveragePooling1D(3, 2), nn.AveragePooling2D((1, 3), (1, 2))),
    "DepthwiseConv1D": lambda: (nn.DepthwiseConv1D(3), nn.DepthwiseConv2D((1, 3))),
    "SeparableConv1D": lambda: (nn.SeparableConv1D(2, 3), nn.SeparableConv2D(2, (1, 3))),
    "Conv1DTranspose": lambda: (nn.Conv1DTranspose(2, 3, 2), nn.Conv2DTranspose(2, (1, 3), (1, 2))),
}


@pytest.mark.eager
@pytest.mark.parametrize("make", PAIRS.values(), ids=PAIRS)
def test_a_sequence_is_an_image_of_height_1(make):
    line, image = make()
    x = np.random.default_rng(0).standard_normal((2, 7, 4)).astype(np.float32)
    line(x), image(x[:, None])
    for mine, its in zip(line.named_tensors(), image.named_tensors(), strict=True):
        its[1].assign(mine[1].reshape(its[1].shape))
    assert line(x).numpy().tobytes() == image(x[:, None]).numpy().tobytes()
