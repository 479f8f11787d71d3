"""Keras's ways to save: configurations, JSON, clones, registered names, and what `load_model` takes."""

from __future__ import annotations

import json
import logging
import math

import numpy as np
import pytest

import nn
from nn.checkpoint import files

X = np.random.default_rng(0).normal(size=(6, 3)).astype(np.float32)


@nn.saving.register_keras_serializable("tests")
class Scaled(nn.Layer):
    def __init__(self, factor, **kwargs):
        super().__init__(**kwargs)
        self.factor = factor

    def call(self, x):
        return x * self.factor

    def get_config(self):
        return {**super().get_config(), "factor": self.factor}


@nn.saving.register_keras_serializable("tests", name="bent_up")
def bent_activation(x):
    return x * abs(x)


class Unregistered(Scaled):
    pass


def model_of(*layers):
    return nn.Sequential([nn.Input((3,)), *layers, nn.Dense(1)], name="small")


def test_what_is_registered_needs_no_custom_objects(tmp_path):
    model = model_of(Scaled(2.0), nn.Dense(2, activation=bent_activation))
    model.compile("sgd", "mse")
    model.fit(X, X[:, 0], verbose=0)
    model.save(tmp_path / "m.gradloom")
    for load in (nn.load, nn.models.load_model):
        loaded = load(tmp_path / "m.gradloom")
        assert type(loaded.layers[0]) is Scaled
        np.testing.assert_array_equal(loaded.predict(X), model.predict(X))
    assert nn.saving.get_registered_name(Scaled) == "tests>Scaled"
    assert nn.saving.get_registered_name(bent_activation) == "tests>bent_up"
    assert nn.saving.get_registered_name(Unregistered) == "Unregistered"
    assert nn.saving.get_registered_object("tests>Scaled") is Scaled
    assert nn.saving.get_registered_object("Scaled") is None
    for wrong in (
        lambda: nn.saving.register_keras_serializable()(3),
        lambda: nn.saving.register_keras_serializable(3),
    ):
        with pytest.raises(nn.ArgumentError, match="register_keras_serializable"):
            wrong()


def test_names_are_known_in_their_scope(tmp_path):
    path = tmp_path / "m.gradloom"
    model_of(Unregistered(2.0)).save(path)
    with pytest.raises(nn.FileError, match="unknown class 'Unregistered'"):
        nn.load(path)
    own = {"Unregistered": Unregistered}
    with nn.saving.custom_object_scope(own):
        assert type(nn.load(path).layers[0]) is Unregistered
    with pytest.raises(nn.FileError, match="unknown class"):
        nn.load(path)
    nn.saving.get_custom_objects().update(own)
    try:
        assert type(nn.load(path).layers[0]) is Unregistered
    finally:
        nn.saving.get_custom_objects().clear()
    assert type(nn.load(path, custom_objects=own).layers[0]) is Unregistered
    for wrong in (
        lambda: nn.load(path, custom_objects=[1]),
        lambda: nn.saving.custom_object_scope(3).__enter__(),
    ):
        with pytest.raises(nn.ArgumentError, match="custom_objects is a dict"):
            wrong()


def plain_models():
    return {
        "images": nn.Sequential([nn.Conv2D(2, 2, input_shape=(4, 4, 1)), nn.MaxPooling2D(), nn.Flatten()]),
        "own": model_of(Scaled(2.0), nn.Dense(2, activation=bent_activation, kernel_regularizer="l2")),
        "frozen": model_of(nn.Dense(2, trainable=False, name="fixed", dtype="float32")),
        "nested": model_of(nn.Sequential([nn.Dense(4), nn.BatchNormalization()], name="inner")),
        "float64": nn.Sequential([nn.Input((3,)), nn.Dense(1)], dtype="float64"),
        "mlp": nn.MLP((4, 3), 2),
    }


@pytest.mark.parametrize("name", plain_models())
@pytest.mark.parametrize(
    "again",
    [
        lambda m: nn.models.model_from_json(m.to_json()),
        lambda m: nn.saving.deserialize_keras_object(json.loads(m.to_json())),
        nn.models.clone_model,
        lambda m: type(m).from_config(m.get_config()),
    ],
    ids=["json", "deserialized", "cloned", "from_config"],
)
def test_a_model_again_from_its_configuration(name, again):
    model = plain_models()[name]
    shape = model.sample_shape or (3,)
    x = np.abs(np.random.default_rng(1).normal(size=(5, *shape)))
    model.predict(x)
    twin = again(model)
    assert type(twin) is type(model)
    assert not {id(layer) for layer in twin.layers} & {id(layer) for layer in model.layers}
    twin.predict(x)
    assert twin.dtype == model.dtype
    shapes = [(w.name, w.shape, w.trainable, w.dtype) for w in model.weights]
    assert [(w.name, w.shape, w.trainable, w.dtype) for w in twin.weights] == shapes
    twin.set_weights(model.get_weights())
    np.testing.assert_array_equal(twin.predict(x), model.predict(x))
    assert twin.to_json() == model.to_json()


OBJECTS = [
    nn.Dense(3, "tanh", kernel_regularizer=nn.L1L2(0.1, 0.2), kernel_constraint="max_norm"),
    nn.Adam(nn.ExponentialDecay(0.1, 10, 0.9), clipnorm=1.0),
    nn.Huber(2.0),
    nn.F1Score(),
    nn.HeNormal(seed=3),
    nn.losses.CategoricalCrossentropy(label_smoothing=0.1),
]


@pytest.mark.parametrize("thing", OBJECTS, ids=lambda thing: type(thing).__name__)
def test_objects_go_round(thing):
    described = nn.saving.serialize_keras_object(thing)
    assert json.loads(json.dumps(described)) == described
    again = nn.saving.deserialize_keras_object(described)
    assert type(again) is type(thing)
    assert nn.saving.serialize_keras_object(again) == described


@pytest.mark.parametrize("value", [None, 3, 2.5, "a", [1, [2]], {"a": 1}, True])
def test_plain_values_stay(value):
    assert nn.saving.deserialize_keras_object(nn.saving.serialize_keras_object(value)) == value


DENSE = {"class_name": "Dense", "config": {"units": 2}}
WRONG = {
    "no JSON": (lambda: nn.models.model_from_json("{"), nn.FileError),
    "describes a Dense": (lambda: nn.models.model_from_json(json.dumps(DENSE)), nn.FileError),
    "is a text": (lambda: nn.models.model_from_json(3), nn.ArgumentError),
    "class 'Dens' of Keras is not known here. Did you mean": (
        lambda: nn.saving.deserialize_keras_object(DENSE | {"class_name": "Dens"}), nn.FileError),
    "Dense has lora_rank=4": (
        lambda: nn.saving.deserialize_keras_object({**DENSE, "config": {"units": 2, "lora_rank": 4}}), nn.FileError),
    "units is an integer": (
        lambda: nn.saving.deserialize_keras_object({**DENSE, "config": {"units": -2}}), nn.FileError),
    "no configuration": (lambda: nn.saving.deserialize_keras_object({**DENSE, "config": {}}), nn.FileError),
    "are 3, not a dict": (lambda: nn.saving.deserialize_keras_object({**DENSE, "config": 3}), nn.FileError),
    "holds a lambda": (
        lambda: nn.saving.deserialize_keras_object({"class_name": "__lambda__", "config": {}}), nn.FileError),
    "safe_mode": (lambda: nn.saving.load_model("x", safe_mode=False), nn.ArgumentError),
    "function without a name": (
        lambda: nn.saving.serialize_keras_object(nn.Activation(lambda x: x)), nn.ArgumentError),
    "mixed_float16": (
        lambda: nn.saving.deserialize_keras_object({**DENSE, "config": {"units": 1, "dtype": {
            "class_name": "DTypePolicy", "config": {"name": "mixed_float16"}}}}), nn.FileError),
}  # fmt: skip


@pytest.mark.parametrize(("words", "case"), WRONG.items())
def test_what_is_refused(words, case):
    make, error = case
    with pytest.raises(error, match=words.replace(".", r"\.")):
        make()


def test_clones_by_a_function():
    model = model_of(nn.Dense(4), nn.Dropout(0.5))

    def without_dropout(layer):
        return (
            nn.Activation("linear")
            if isinstance(layer, nn.Dropout)
            else type(layer).from_config(layer.get_config())
        )

    twin = nn.models.clone_model(model, clone_function=without_dropout)
    assert [type(layer).__name__ for layer in twin.layers] == ["Dense", "Activation", "Dense"]
    assert twin.built
    outer = model_of(nn.Sequential([nn.Dropout(0.5)]))
    twin = nn.models.clone_model(outer, clone_function=without_dropout, recursive=True)
    assert type(twin.layers[0].layers[0]) is nn.Activation
    for options in ({"input_tensors": X}, {"call_function": print}, {"clone_function": 3}):
        with pytest.raises(nn.ArgumentError, match="clone_model"):
            nn.models.clone_model(model, **options)
    with pytest.raises(nn.ArgumentError, match="returned NoneType"):
        nn.models.clone_model(model, clone_function=lambda layer: None)
    with pytest.raises(nn.ArgumentError, match="a model is expected"):
        nn.models.clone_model(3)


def test_not_compiled_when_it_is_not_wanted(tmp_path):
    model = model_of()
    model.compile("adam", "mse", ["mae"])
    model.fit(X, X[:, 0], verbose=0)
    model.save(tmp_path / "m.gradloom")
    bare = nn.models.load_model(tmp_path / "m.gradloom", compile=False)
    assert (bare.optimizer, bare.loss) == (None, None)
    np.testing.assert_array_equal(bare.predict(X), model.predict(X))
    assert nn.load(tmp_path / "m.gradloom").evaluate(X, X[:, 0], verbose=0) == model.evaluate(
        X, X[:, 0], verbose=0
    )


@pytest.mark.parametrize("suffix", [".keras", ".h5", ".weights.h5"])
def test_names_of_keras_hold_our_format_which_is_said_once(tmp_path, suffix, caplog, monkeypatch):
    monkeypatch.setattr(files, "_said", set())
    caplog.set_level(logging.WARNING, "gradloom")
    model, path = model_of(), tmp_path / f"m{suffix}"
    only_weights = suffix.startswith(".w")
    for _ in range(2):
        model.save_weights(path) if only_weights else model.save(path)
    what = "save_weights" if only_weights else "save"
    said = f"{what}: {path} is written in Gradloom's own format, which Keras does not read"
    assert [record.message for record in caplog.records] == [said]
    twin = nn.models.clone_model(model)
    twin.load_weights(path) if only_weights else None
    loaded = twin if only_weights else nn.models.load_model(path)
    np.testing.assert_array_equal(loaded.predict(X), model.predict(X))
    for refused in (
        lambda: model.save(path, overwrite=False),
        lambda: nn.saving.save_weights(model, path, False),
    ):
        with pytest.raises(nn.ArgumentError, match="overwrite=False"):
            refused()
    with pytest.raises(nn.ArgumentError, match="zipped"):
        nn.saving.save_model(model, path, zipped=True)
    with pytest.raises(nn.ArgumentError, match="skip_mismatch"):
        nn.saving.load_weights(model, path, skip_mismatch=True)


def test_json_has_no_weights():
    text = model_of(nn.Dense(1000)).to_json()
    assert len(text) < 4000
    assert math.isfinite(len(json.loads(text)["config"]["layers"]))
