"""Clones of models of placeholders."""

from __future__ import annotations

import numpy as np
import pytest

import nn

X = np.random.default_rng(0).normal(size=(5, 3)).astype("float32")


def test_a_clone_has_layers_of_its_own():
    inputs = nn.Input((3,))
    shared = nn.Dense(3)
    inner = nn.Input((3,))
    nested = nn.Model(inner, nn.Dense(3)(inner))
    model = nn.Model(inputs, nested(shared(shared(inputs))) * 2.0)
    for twin in (nn.models.clone_model(model), nn.Model.from_config(model.get_config())):
        assert not {id(m) for _, m in model.named_modules()} & {id(m) for _, m in twin.named_modules()}
        assert twin.count_params() == model.count_params()
        twin.set_weights(model.get_weights())
        np.testing.assert_array_equal(twin.predict(X), model.predict(X))


def test_clone_function_makes_the_layers_of_a_graph():
    inputs = nn.Input((3,), name="x")
    inner = nn.Input((3,))
    model = nn.Model(
        inputs, nn.Model(inner, nn.Dense(3, "relu")(inner))(nn.Dense(3, name="first")(inputs)) + 1.0
    )
    asked = []

    def linear(layer):
        asked.append(layer.name)
        config = layer.get_config()
        return type(layer).from_config(config | {"activation": "linear"} if "units" in config else config)

    nn.models.clone_model(model, clone_function=linear)
    assert asked[0] == "first"
    assert len(asked) == 2
    asked.clear()
    twin = nn.models.clone_model(model, clone_function=linear, recursive=True)
    assert len(asked) == 2
    assert twin.layers[-1].layers[-1].activation is nn.activations.linear


def test_input_tensors_are_the_inputs_of_a_clone():
    inputs = [nn.Input((3,)), nn.Input((3,))]
    model = nn.Model(inputs, nn.Add()([nn.Dense(2)(inputs[0]), nn.Dense(2)(inputs[1])]))
    new = [nn.Input((3,), name="left"), nn.Input((3,), name="right")]
    twin = nn.models.clone_model(model, input_tensors=new)
    assert list(map(id, twin.inputs)) == list(map(id, new))
    assert twin.input_names == ["left", "right"]
    for wrong in (new[:1], [1, 2], [new[0], twin.layers[-1].output]):
        with pytest.raises(nn.ArgumentError, match="input_tensors"):
            nn.models.clone_model(model, input_tensors=wrong)
    with pytest.raises(nn.ArgumentError, match="input_tensors"):
        nn.models.clone_model(nn.Sequential([nn.Dense(1)]), input_tensors=new)
    with pytest.raises(nn.ArgumentError, match="clone_function"):
        nn.models.clone_model(model, clone_function=3)
