"""Activations: by formula in NumPy, by name in a model, traced and saved; and beside Keras's, values and slopes."""

from __future__ import annotations

import math

import numpy as np
import pytest
from models import everything

import autograd as ag
import nn
from nn import activations

X = np.random.default_rng(0).standard_normal((4, 6)) * 2
erf = np.vectorize(math.erf)

LAYERS_WITH_ACTIVATIONS = [
    nn.Activation,
    lambda a: nn.Dense(2, a),
    lambda a: nn.Conv1D(2, 2, activation=a),
    lambda a: nn.Conv2D(2, 2, activation=a),
    lambda a: nn.Conv2DTranspose(2, 2, activation=a),
    lambda a: nn.DepthwiseConv2D(2, activation=a),
    lambda a: nn.SeparableConv1D(2, 2, activation=a),
]
SHAPES = {
    nn.Activation: (3,),
    nn.Dense: (3,),
    nn.Conv1D: (4, 2),
    nn.Conv2D: (4, 4, 2),
    nn.Conv2DTranspose: (4, 4, 2),
    nn.DepthwiseConv2D: (4, 4, 2),
    nn.SeparableConv1D: (4, 2),
}


def softplus(x):
    return np.logaddexp(0, x)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def softmax(x):
    return np.exp(x) / np.exp(x).sum(-1, keepdims=True)


FORMULAS = {
    "linear": lambda x: x,
    "sigmoid": sigmoid,
    "tanh": np.tanh,
    "relu": lambda x: np.maximum(x, 0),
    "relu6": lambda x: np.clip(x, 0, 6),
    "leaky_relu": lambda x: np.maximum(x, 0.1 * x),
    "elu": lambda x: np.where(x > 0, x, np.expm1(x)),
    "selu": lambda x: 1.0507009873554805 * np.where(x > 0, x, 1.6732632423543772 * np.expm1(x)),
    "celu": lambda x: np.where(x > 0, x, np.expm1(x)),
    "gelu": lambda x: x * (1 + erf(x / np.sqrt(2))) / 2,
    "silu": lambda x: x * sigmoid(x),
    "swish": lambda x: x * sigmoid(x),
    "softplus": softplus,
    "softsign": lambda x: x / (1 + abs(x)),
    "exponential": np.exp,
    "mish": lambda x: x * np.tanh(softplus(x)),
    "squareplus": lambda x: (x + np.sqrt(x * x + 4)) / 2,
    "hard_sigmoid": lambda x: np.clip(x / 6 + 0.5, 0, 1),
    "hard_silu": lambda x: x * np.clip(x / 6 + 0.5, 0, 1),
    "hard_swish": lambda x: x * np.clip(x / 6 + 0.5, 0, 1),
    "hard_tanh": lambda x: np.clip(x, -1, 1),
    "tanh_shrink": lambda x: x - np.tanh(x),
    "soft_shrink": lambda x: np.sign(x) * np.maximum(abs(x) - 0.5, 0),
    "hard_shrink": lambda x: np.where(abs(x) > 0.5, x, 0),
    "sparse_plus": lambda x: np.where(x <= -1, 0, np.where(x < 1, (x + 1) ** 2 / 4, x)),
    "sparse_sigmoid": lambda x: np.clip((x + 1) / 2, 0, 1),
    "softmax": softmax,
    "log_softmax": lambda x: np.log(softmax(x)),
    "log_sigmoid": lambda x: -softplus(-x),
    "glu": lambda x: x[:, :3] * sigmoid(x[:, 3:]),
    "maxout": lambda x: x.reshape(4, 3, 2).max(-1),
}
NOT_KERAS = {
    "maxout": "Keras has none",
    "sparsemax": "that of Keras 3.15.1 gives [0, 0.067, 0.167] for [0.1, 0.2, 0.3], which is not on the simplex",
}


def test_every_name_has_a_formula_here():
    assert set(activations.ACTIVATIONS) - set(FORMULAS) <= {"sparsemax"}
    assert set(FORMULAS) - set(activations.ACTIVATIONS) == set()


@pytest.mark.parametrize("name", FORMULAS)
def test_formulas(name):
    y = activations.get(name)(ag.tensor(X)).numpy()
    np.testing.assert_allclose(y, FORMULAS[name](X), rtol=1e-12, atol=1e-14)


def test_sparsemax_is_the_nearest_point_of_the_simplex():
    """Nearer than any of many other points."""
    x = X[0]
    y = activations.get("sparsemax")(ag.tensor(x[None])).numpy()[0]
    assert y.min() >= 0
    assert y.sum() == pytest.approx(1)
    others = np.random.default_rng(1).dirichlet(np.ones(6) * 0.3, 2000)
    assert ((x - y) ** 2).sum() <= ((others - x) ** 2).sum(axis=1).min()


@pytest.mark.parametrize("name", activations.ACTIVATIONS)
@pytest.mark.usefixtures("on_numpy")
def test_in_a_model_it_traces_trains_saves_and_loads(name, tmp_path):
    models = []
    for _ in range(2):
        nn.set_random_seed(0)
        model = nn.Sequential([nn.Dense(6, name, input_shape=(6,)), nn.Dense(1)], "float64")
        model.compile("adam", "mse")
        models.append(model)
    x, y = ag.tensor(X), ag.tensor(np.ones((4, 1)))
    models[0].train_on_batch(x, y)
    nn.capture_train_step(models[1], x, y)(x, y)
    assert everything(models[0]) == everything(models[1])
    models[0].save(tmp_path / "model")
    np.testing.assert_array_equal(nn.load(tmp_path / "model").predict(X), models[0].predict(X))


def test_functions_are_saved_by_their_names(tmp_path):
    model = nn.Sequential([nn.Dense(2, activations.mish, input_shape=(3,)), nn.Dense(1, activations.tanh)])
    model.save(tmp_path / "model")
    loaded = nn.load(tmp_path / "model")
    assert [layer.activation for layer in loaded.layers] == [activations.mish, activations.tanh]
    model = nn.Sequential([nn.Dense(2, lambda x: x * 2, input_shape=(3,))])
    with pytest.raises(nn.ArgumentError, match="is a function without a name"):
        model.save(tmp_path / "model")


def test_slopes_at_kinks():
    for name, place, slope in [
        ("relu", 0.0, 0.0),
        ("relu6", 0.0, 0.0),
        ("leaky_relu", 0.0, 0.1),
        ("elu", 0.0, 1.0),
        ("softplus", 0.0, 0.5),
        ("log_sigmoid", 0.0, 0.5),
        ("softsign", 0.0, 1.0),
    ]:
        x = ag.tensor([place], requires_grad=True)
        activations.get(name)(x).sum().backward()
        assert x.grad.tolist() == [pytest.approx(slope)], name


def test_unknown_names_are_corrected():
    with pytest.raises(nn.ArgumentError, match=r"unknown activation 'rellu'.*relu"):
        nn.Dense(1, "rellu")
    with pytest.raises((nn.ArgumentError, ag.ShapeError), match=r"divide|pieces|2"):
        nn.Dense(3, "maxout")([[1.0, 2.0]])


@pytest.mark.oracle
@pytest.mark.parametrize("name", sorted(set(activations.ACTIVATIONS) - set(NOT_KERAS)))
def test_values_and_slopes_are_keras(name):
    """Away from kinks, which random numbers do not hit; with our default slope of leaky_relu for both."""
    from keras_oracle import as_array, import_keras, vjp

    keras = import_keras()
    theirs = getattr(keras.activations, name, None) or keras.activations.get(name)
    arguments = {"negative_slope": 0.1} if name == "leaky_relu" else {}
    probe = np.random.default_rng(1).standard_normal(as_array(theirs(X)).shape)
    expected, pull = vjp(lambda x: theirs(x, **arguments), X)
    if name == "hard_sigmoid":  # PyTorch's slope is a sixth in float32
        _, pull = vjp(lambda x: keras.ops.relu6(x + 3) / 6, X)
    x = ag.tensor(X, requires_grad=True)
    y = activations.get(name)(x)
    (y * ag.tensor(probe)).sum().backward()
    np.testing.assert_allclose(y.numpy(), expected, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(x.grad.numpy(), pull(probe)[0], rtol=1e-9, atol=1e-12)  # fmt: skip


@pytest.mark.oracle
def test_every_activation_of_keras_is_here():
    from keras_oracle import import_keras

    keras = import_keras()
    public = {n for n in dir(keras.activations) if not n.startswith("_")}
    missing = public - set(activations.ACTIVATIONS) - {"serialize", "deserialize", "get"}
    assert missing <= {"threshold"}, missing  # it needs two numbers, so a name alone cannot stand for it
    assert callable(activations.threshold)


@pytest.mark.parametrize("given", ["relu", activations.relu, "swish", None])
@pytest.mark.parametrize("make", LAYERS_WITH_ACTIVATIONS)
def test_a_layer_has_its_activation_as_a_function_and_its_config_as_a_name(make, given):
    layer = make(given)
    assert layer.activation is activations.get(given)
    assert layer.get_config()["activation"] == activations.get(given).__name__
    assert type(layer).from_config(layer.get_config()).activation is layer.activation


@pytest.mark.parametrize("make", LAYERS_WITH_ACTIVATIONS)
def test_an_activation_that_is_set_later_counts(make):
    layer, plain = make("relu"), make(None)
    x = -np.ones((1, *SHAPES[type(layer)]), "float32")
    model, other = nn.Sequential([layer]), nn.Sequential([plain])
    model.compile("sgd", "mse")
    model.predict(x)
    other(x)
    other.set_weights(model.get_weights())
    for value in ("tanh", activations.linear):
        layer.activation = value
        expected = activations.get(value)(other(x)).numpy()
        np.testing.assert_array_equal(model(x).numpy(), expected)
        np.testing.assert_array_equal(model.predict(x), expected)
    with pytest.raises(nn.ArgumentError, match="activation"):
        layer.activation = "tanhh"
