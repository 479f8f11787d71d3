"""Names and words of calls that Keras's scripts use, where ours could have others."""

from __future__ import annotations

import numpy as np
import pytest

import nn

FOUND = {
    "optimizers": ("adam", "Adam"),
    "losses": ("mse", "MeanSquaredError"),
    "metrics": ("mae", "MeanAbsoluteError"),
    "initializers": ("he_normal", "HeNormal"),
    "regularizers": ("l2", "L2"),
    "constraints": ("max_norm", "MaxNorm"),
}


@pytest.mark.parametrize(("module", "pair"), FOUND.items(), ids=FOUND)
def test_get_takes_identifier(module, pair):
    name, kind = pair
    assert type(getattr(nn, module).get(identifier=name)).__name__ in (kind, "LossMetric")


SAME = {
    "activations.swish": "activations.silu",
    "activations.hard_swish": "activations.hard_silu",
    "initializers.IdentityInitializer": "initializers.Identity",
    "initializers.OrthogonalInitializer": "initializers.Orthogonal",
    "Initializer": "initializers.Initializer",
    "Regularizer": "regularizers.Regularizer",
    "layers.serialize": "saving.serialize_keras_object",
    "layers.deserialize": "saving.deserialize_keras_object",
}


def resolve(path):
    thing = nn
    for part in path.split("."):
        thing = getattr(thing, part)
    return thing


@pytest.mark.parametrize(("one", "other"), SAME.items(), ids=SAME)
def test_second_names(one, other):
    assert resolve(one) is resolve(other)


def own(x):
    return x * 2.0


def test_activations_and_layers_are_described_and_made_again():
    for name in ("relu", "swish", "linear", "log_softmax"):
        described = nn.activations.serialize(nn.activations.get(name))
        assert nn.activations.deserialize(described) is nn.activations.get(name)
    assert nn.activations.serialize(own) == "own"
    assert nn.activations.deserialize("own", custom_objects={"own": own}) is own
    with pytest.raises(ValueError, match="unknown activation 'own'"):
        nn.activations.deserialize("own")
    with pytest.raises(ValueError, match="has none"):
        nn.activations.serialize(lambda x: x)
    layer = nn.layers.deserialize(nn.layers.serialize(nn.Dense(3, "relu")))
    assert (layer.units, layer.activation) == (3, nn.activations.relu)


def test_files_take_filepath(tmp_path):
    model = nn.Sequential([nn.Input((3,)), nn.Dense(1)])
    before = model.get_weights()
    model.save(filepath=tmp_path / "whole", overwrite=True)
    model.save_weights(filepath=tmp_path / "weights")
    model.set_weights([w + 1 for w in before])
    model.load_weights(filepath=tmp_path / "weights", skip_mismatch=False)
    for a, b in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    with pytest.raises(nn.ArgumentError, match="every weight has to fit"):
        model.load_weights(tmp_path / "weights", skip_mismatch=True)


ABSENT = ("layers.LSTM", "losses.CTC", "metrics.MeanTensor", "optimizers.Muon", "callbacks.OrbaxCheckpoint", "activations.snake", "initializers.STFT", "regularizers.L3", "constraints.Simplex")  # fmt: skip


@pytest.mark.parametrize("path", ABSENT)
def test_what_is_absent_says_where_the_reason_stands(path):
    with pytest.raises(AttributeError, match=r"has no '\w+'.* docs/keras.md lists what is missing"):
        resolve(path)


def test_a_model_without_any_loss_is_told_to_compile_with_one():
    model = nn.Sequential([nn.Input((3,)), nn.Dense(1)])
    model.compile("adam")
    with pytest.raises(nn.NotCompiledError, match=r"call compile\(optimizer=..., loss=...\) first"):
        model.fit([[1.0, 2.0, 3.0]], [1.0], verbose=0)
