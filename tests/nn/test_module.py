"""Modules and layers: names of parameters, modes, state, dropout, initial values, building."""

from __future__ import annotations

import math

import numpy as np
import pytest
from models import everything

import autograd as ag
import nn
from nn import initializers


class Tied(nn.Model):
    """One layer under two names, in a list, and one inside a dict."""

    def __init__(self):
        super().__init__()
        self.first = nn.Dense(3, kernel_regularizer=nn.L2(0.5))
        self.again = [self.first]
        self.table = {"out": nn.Dense(2)}

    def call(self, x):
        return self.table["out"](self.again[0](self.first(x)))


def test_shared_parameters_are_named_once():
    model = Tied()
    model(np.ones((1, 3), np.float32))
    names = ["first.kernel", "first.bias", "table.out.kernel", "table.out.bias"]
    assert list(model.state_dict()) == names
    assert len(model.parameters()) == 4
    assert [name for name, _ in model.named_modules()] == ["", "first", "table.out"]


def test_a_shared_parameter_is_updated_once():
    class Twice(nn.Model):
        def build(self, *shapes, dtype):
            self.weight = nn.Parameter(ag.ones(shapes[0][-1:], dtype))
            self.same = self.weight

        def call(self, x):
            return (x * self.weight * self.same).sum(axis=-1, keepdims=True)

    model = Twice()
    model.compile(nn.SGD(0.5), "mse")
    model.train_on_batch([[1.0]], [0.0])  # d(w**4)/dw = 4 at 1
    assert {name: array.tolist() for name, array in model.state_dict().items()} == {"weight": [-1.0]}


def test_a_shared_layer_is_penalised_once():
    model = Tied()
    model.compile("sgd", "mse")
    x, y = np.zeros((1, 3)), np.zeros((1, 2))
    loss = model.evaluate(x, y)
    kernel = model.state_dict()["first.kernel"].astype(float)
    assert loss == pytest.approx(0.5 * (kernel**2).sum(), rel=1e-6)


def test_a_module_may_refer_to_its_parent():
    model = nn.Sequential([nn.Dense(1, input_shape=(2,))])
    model.layers[0].parent = model
    assert list(model.state_dict()) == ["layers.0.kernel", "layers.0.bias"]
    assert model.train().layers[0].training


def test_nested_sequential():
    inner = nn.Sequential([nn.Dense(4, "relu"), nn.Dropout(0.5)])
    model = nn.Sequential([nn.Input((3,)), inner, nn.Dense(1)])
    assert list(model.state_dict()) == [
        "layers.0.layers.0.kernel",
        "layers.0.layers.0.bias",
        "layers.1.kernel",
        "layers.1.bias",
    ]
    model.compile("sgd", "mse")
    model.fit(np.ones((4, 3)), np.ones(4))
    assert inner.output_shape == (None, 4)


def test_add_builds_as_it_goes():
    model = nn.Sequential()
    model.add(nn.Input((3,)))
    model.add(nn.Dense(4))
    assert model.output_shape == (None, 4)
    kernel = model.layers[0].kernel
    model.add(nn.Dense(2))
    assert model.output_shape == (None, 2)
    assert model.layers[0].kernel is kernel


def test_an_input_shape_may_be_a_number():
    assert nn.Sequential([nn.Dense(2, input_shape=3)]).input_shape == (3,)


@pytest.mark.parametrize(
    "layer",
    [nn.Dense(2, input_dim=3), nn.Dense(2, input_shape=(3,)), None],
    ids=["input_dim", "input_shape", "Input"],
)
def test_ways_to_say_the_input_shape(layer):
    layers = [nn.Input((3,)), nn.Dense(2)] if layer is None else [layer]
    model = nn.Sequential(layers)
    assert model.built
    assert model.state_dict()["layers.0.kernel"].shape == (3, 2)
    assert model.output_shape == (None, 2)
    assert nn.Input(3).shape == (None, 3)


def test_dense_is_activation_of_x_kernel_plus_bias():
    layer = nn.Dense(2, "tanh")
    x = np.array([[1.0, -2.0, 0.5], [0.0, 1.0, 1.0]])
    layer(x)
    kernel = np.array([[1.0, 2.0], [0.5, -1.0], [0.25, 0.125]])
    layer.load_state_dict({"kernel": kernel, "bias": [0.5, -0.5]})
    expected = np.tanh(x @ kernel + [0.5, -0.5])
    np.testing.assert_allclose(layer(x).numpy(), expected, rtol=1e-14)
    np.testing.assert_allclose(layer(x[:, None]).numpy(), expected[:, None], rtol=1e-14)
    plain = nn.Dense(2, use_bias=False)
    plain(x)
    assert list(plain.state_dict()) == ["kernel"]


def test_flatten():
    x = np.arange(24.0).reshape(2, 3, 4)
    np.testing.assert_array_equal(nn.Flatten()(x).numpy(), x.reshape(2, 12))
    assert nn.Flatten()(np.ones(3)).shape == (3, 1)
    model = nn.Sequential([nn.Input((3, 4)), nn.Flatten(), nn.Dense(5)])
    assert model.state_dict()["layers.1.kernel"].shape == (12, 5)
    with pytest.raises(ag.ShapeError, match="Flatten: the input has no dimensions"):
        nn.Flatten()(1.0)
    with pytest.raises(ag.ShapeError, match="Dense: the input has no dimensions"):
        nn.Dense(1)(1.0)


def test_dropout_only_in_training():
    layer, x = nn.Dropout(0.4), np.ones((200, 50))
    np.testing.assert_array_equal(layer(x).numpy(), x)
    np.testing.assert_array_equal(layer(x, training=False).numpy(), x)
    dropped = layer(x, training=True).numpy()
    assert set(np.unique(dropped)) == {0.0, 1 / 0.6}
    # 10,000 elements: the share of zeros has a standard deviation of 0.005
    assert abs((dropped == 0).mean() - 0.4) < 0.025
    assert abs(dropped.mean() - 1) < 0.04
    layer.train()
    again = layer(x).numpy()
    assert (again == 0).any()
    assert not np.array_equal(again, dropped)
    np.testing.assert_array_equal(layer(x, training=False).numpy(), x)


def test_dropout_at_both_ends():
    x = np.ones((5, 4))
    np.testing.assert_array_equal(nn.Dropout(0)(x, training=True).numpy(), x)
    np.testing.assert_array_equal(nn.Dropout(1)(x, training=True).numpy(), np.zeros((5, 4)))


def test_backward_of_dropout_uses_the_mask_of_forward():
    x = ag.tensor(np.ones(1000), requires_grad=True)
    y = nn.Dropout(0.3)(x, training=True)
    y.sum().backward()
    np.testing.assert_array_equal(x.grad.numpy(), y.numpy())


def test_training_argument_reaches_inner_layers():
    model = nn.Sequential([nn.Sequential([nn.Dropout(1.0)])])
    x = np.ones((1, 2))
    assert model(x, training=True).tolist() == [[0.0, 0.0]]
    assert model(x).tolist() == [[1.0, 1.0]]
    assert model.train() is model
    assert model(x).tolist() == [[0.0, 0.0]]
    assert model(x, training=False).tolist() == [[1.0, 1.0]]
    assert model.eval()(x).tolist() == [[1.0, 1.0]]


FAN_IN, FAN_OUT = 300, 200
SCALES = {"glorot": 2 / (FAN_IN + FAN_OUT), "he": 2 / FAN_IN, "lecun": 1 / FAN_IN}


@pytest.mark.parametrize(("name", "variance"), SCALES.items())
def test_initial_values(name, variance):
    """Uniform fills +-sqrt(3 variance); normal is cut at 2 sigma and has the standard deviation after the cut."""
    limit = math.sqrt(3 * variance)
    uniform = initializers.get(f"{name}_uniform")((FAN_IN, FAN_OUT), "float64").numpy()
    assert 0.999 * limit < np.abs(uniform).max() <= limit
    # 60,000 values: the standard deviation of a sample's own is about 0.2 to 0.3 % of it
    assert uniform.std() == pytest.approx(math.sqrt(variance), rel=0.015)
    assert abs(uniform.mean()) < 0.02 * limit
    normal = initializers.get(f"{name}_normal")((FAN_IN, FAN_OUT), "float64").numpy()
    sigma = math.sqrt(variance) / 0.87962566103423978
    assert 1.99 * sigma < np.abs(normal).max() <= 2 * sigma
    assert normal.std() == pytest.approx(math.sqrt(variance), rel=0.015)
    assert abs(normal.mean()) < 0.02 * sigma


def test_plain_initial_values():
    assert initializers.get("zeros")((2, 2)).tolist() == [[0, 0], [0, 0]]
    assert initializers.get("ones")((2,)).tolist() == [1, 1]
    assert initializers.get("random_normal")((300, 200)).numpy().std() == pytest.approx(0.05, rel=0.02)
    uniform = initializers.get("random_uniform")((300, 200)).numpy()
    assert 0.0499 < np.abs(uniform).max() <= 0.05
    cut = initializers.get("truncated_normal")((300, 200)).numpy()
    assert 0.099 < np.abs(cut).max() <= 0.1
    layer = nn.Dense(2, kernel_initializer=lambda shape, dtype: ag.full(shape, 7.0, dtype))
    assert layer(np.ones((1, 1), np.float32)).tolist() == [[7.0, 7.0]]


def test_fans():
    assert initializers.fans((3, 4)) == (3, 4)
    assert initializers.fans((5, 5, 3, 4)) == (75, 100)
    assert initializers.fans((6,)) == (6, 6)
    assert initializers.fans(()) == (1, 1)


def test_dense_starts_with_glorot_uniform_and_zero_bias():
    layer = nn.Dense(FAN_OUT)
    layer(np.ones((1, FAN_IN), np.float32))
    limit = math.sqrt(6 / (FAN_IN + FAN_OUT))
    assert 0.999 * limit < np.abs(layer.kernel.numpy()).max() <= limit
    assert not layer.bias.numpy().any()


def test_each_layer_draws_fresh_values():
    model = nn.Sequential([nn.Input((3,)), nn.Dense(3), nn.Dense(3)])
    kernels = [layer.kernel.tolist() for layer in model.layers]
    assert kernels[0] != kernels[1]


def test_state_goes_round(trained):
    other = nn.Sequential([nn.Dense(4, "relu", input_shape=(3,)), nn.Dense(1, "sigmoid")])
    other.load_state_dict(trained.state_dict())
    x = np.random.default_rng(0).standard_normal((5, 3))
    np.testing.assert_array_equal(other.predict(x), trained.predict(x))


def test_state_dict_is_a_copy(trained):
    state = trained.state_dict()
    before = everything(trained)
    for array in state.values():
        array[...] = 0
    assert everything(trained) == before
    trained.load_state_dict(state)
    state["layers.0.kernel"][...] = 5
    assert not trained.state_dict()["layers.0.kernel"].any()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda s: s.pop("layers.1.bias"), r"\['layers.1.bias'\] missing"),
        (lambda s: s.update({"layers.1.bais": 0}), "unknown name .* Did you mean 'layers.1.bias'"),
        (lambda s: s.update({"layers.1.bias": np.ones(2)}), r"has shape \(1,\), received \(2,\)"),
        (lambda s: s.update({"layers.1.kernel": np.ones((1, 4))}), r"has shape \(4, 1\), received"),
        (lambda s: s.clear(), "missing"),
    ],
)
def test_a_wrong_state_changes_nothing(trained, change, message):
    state = {name: array * 2 for name, array in trained.state_dict().items()}
    change(state)
    before = everything(trained)
    with pytest.raises(ValueError, match=message):
        trained.load_state_dict(state)
    assert everything(trained) == before


def test_state_of_an_unbuilt_module():
    with pytest.raises(nn.ArgumentError, match="not built yet; call it on some input first"):
        nn.Dense(3).load_state_dict({"kernel": np.ones((1, 3))})


def test_parameters_that_do_not_train():
    layer = nn.Dense(1)
    layer(np.ones((1, 1), np.float32))
    layer.scale = nn.Parameter([1.0], requires_grad=False)
    layer.mean = nn.Buffer([2.0])
    assert list(layer.state_dict()) == ["kernel", "bias", "scale", "mean"]
    assert [name for name, _ in layer.named_parameters()] == ["kernel", "bias"]
    layer.kernel.grad = ag.ones((1, 1))
    layer.zero_grad()
    assert layer.kernel.grad is None


def test_configurations_make_the_same_object_again():
    for thing in (nn.Dense(3, "relu", use_bias=False), nn.Dropout(0.25), nn.Activation("tanh")):
        again = type(thing).from_config(thing.get_config())
        assert again.get_config() == thing.get_config()
    model = nn.MLP((5,), 2, "tanh", 0.0, "softmax")
    assert nn.MLP.from_config(model.get_config()).get_config() == model.get_config()


def test_an_argument_without_an_attribute_is_explained():
    class Forgetful(nn.Module):
        def __init__(self, size):
            self.other = size

    with pytest.raises(nn.ArgumentError, match="Forgetful takes 'size' and keeps no attribute"):
        Forgetful(3).get_config()


def test_a_compiled_function_sees_the_mode():
    model = nn.Sequential([nn.Input((64,)), nn.Dropout(0.5)])
    function, x = ag.jit(lambda x: model(x)), ag.ones((2, 64))
    model.train()
    assert (function(x).numpy() == 0).any()
    model.eval()
    np.testing.assert_array_equal(function(x).numpy(), 1)
    model.train()
    assert (function(x).numpy() == 0).any()
