"""Files: what is saved comes back bit for bit, and a damaged or strange file is a FileError and nothing else."""

from __future__ import annotations

import functools
import json
import os
import pickletools

import numpy as np
import pytest
from models import everything, rows

import autograd as ag
import nn

X, Y = rows(20)
CLASSES = np.arange(20) % 3


def schedule():
    return nn.ExponentialDecay(0.05, 10, 0.9)


class Line(nn.Model):
    """A model of the user's own, with an argument."""

    def __init__(self, units=1, activation=None):
        super().__init__("float64")
        self.units = units
        self.activation = activation
        self.dense = nn.Dense(units, activation)

    def call(self, x):
        return self.dense(x)


class Scaled(nn.Module):
    """A layer of the user's own."""

    def __init__(self, factor):
        self.factor = factor

    def build(self, *shapes, dtype):
        self.offset = nn.Buffer(ag.ones(shapes[0][-1], dtype))

    def call(self, x):
        return x * self.factor + self.offset


class Half(nn.Loss):
    """A loss of the user's own."""

    def per_sample(self, y_true, y_pred, from_logits=False):
        return ((y_pred - y_true) ** 2).mean(axis=-1) / 2


def small():
    return nn.Sequential([nn.Dense(4, "relu", input_shape=(3,)), nn.Dense(1, "sigmoid")])


def _grown(model):
    model.add(nn.Activation("tanh"))
    model.add(nn.Dense(1))
    return model


MODELS = {
    "sgd": (small, lambda: dict(optimizer="sgd", loss="binary_crossentropy"), Y),
    "adam": (
        small,
        lambda: dict(optimizer="adam", loss="binary_crossentropy", metrics=["accuracy"]),
        Y,
    ),
    "momentum and schedule": (
        small,
        lambda: dict(optimizer=nn.SGD(schedule(), 0.9, True), loss="mse", metrics=["mse"]),
        Y,
    ),
    "options": (
        lambda: nn.Sequential(
            [
                nn.Dense(4, "tanh", kernel_regularizer=nn.L2(0.1), kernel_initializer="he_normal"),
                nn.Activation("relu"),
                nn.Flatten(),
                nn.Sequential([nn.Dense(3, use_bias=False, kernel_regularizer="l1")]),
                nn.Activation("softmax"),
            ]
        ),
        lambda: dict(
            optimizer=nn.Adam(0.01, clipnorm=1.0, weight_decay=0.1),
            loss=nn.SparseCategoricalCrossentropy(reduction="sum"),
            metrics=[nn.SparseCategoricalAccuracy("hits"), nn.SparseCategoricalCrossentropy()],
        ),
        CLASSES,
    ),
    "mlp": (
        lambda: nn.MLP((5, 4), 1, "tanh", 0.0, "sigmoid", "float64"),
        lambda: dict(
            optimizer="adam",
            loss=nn.BinaryCrossentropy(label_smoothing=0.1),
            metrics=[nn.BinaryAccuracy("above", threshold=0.7)],
        ),
        Y,
    ),
    "mlp with more": (
        lambda: _grown(nn.MLP((4,), 3, dropout=0.0)),
        lambda: dict(optimizer="adam", loss="mse", metrics="mse"),
        Y,
    ),
    "slots of many names and many parameters": (
        lambda: nn.Sequential([nn.Dense(3, "tanh") for _ in range(6)] + [nn.Dense(1)]),
        lambda: dict(optimizer=nn.RMSprop(0.01, momentum=0.5, centered=True), loss="mse"),
        Y,
    ),
    "accumulators": (
        lambda: nn.Sequential([nn.Dense(3, "tanh") for _ in range(6)] + [nn.Dense(1)]),
        lambda: dict(optimizer=nn.Adadelta(0.5), loss="mse"),
        Y,
    ),
    "own classes": (
        lambda: nn.Sequential([Scaled(2.0), Line(2), Scaled(0.5), nn.Dense(1)]),
        lambda: dict(optimizer="adam", loss=Half()),
        Y,
    ),
    "own model": (lambda: Line(1, "tanh"), lambda: dict(optimizer="sgd", loss=Half), Y),
}
OWN = {"Line": Line, "Scaled": Scaled, "Half": Half}
models = pytest.mark.parametrize(("make", "options", "y"), MODELS.values(), ids=MODELS)


@models
def test_a_loaded_model_goes_on_as_if_never_saved(tmp_path, make, options, y):
    model = make()
    model.compile(**options())
    model.fit(X, y, batch_size=6, epochs=2, shuffle=False)
    model.save(tmp_path / "model.safetensors")
    loaded = nn.load(tmp_path / "model.safetensors", custom_objects=OWN)
    assert type(loaded) is type(model)
    kept = {name: data for name, data in everything(model).items() if not _is_metric(name)}
    assert {n: data for n, data in everything(loaded).items() if not _is_metric(n)} == kept
    np.testing.assert_array_equal(loaded.predict(X), model.predict(X))
    assert loaded.evaluate(X, y, return_dict=True) == model.evaluate(X, y, return_dict=True)
    more = dict(batch_size=6, epochs=3, shuffle=False)
    assert loaded.fit(X, y, **more).history == model.fit(X, y, **more).history
    assert everything(loaded) == everything(model)


def _is_metric(name):
    return name.endswith((".total", ".count"))


@models
def test_saving_again_gives_the_same_file(tmp_path, make, options, y):
    model = make()
    model.compile(**options())
    model.fit(X, y)
    model.save(tmp_path / "first")
    nn.load(tmp_path / "first", OWN).save(tmp_path / "second")
    assert _contents(tmp_path / "second") == _contents(tmp_path / "first")


def _contents(path):
    """The header as objects, because the order of its keys is not fixed, and the data."""
    data = path.read_bytes()
    size = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + size])
    described = json.loads(header["__metadata__"].pop("gradloom"))
    return header, described, data[8 + size :]


def test_a_model_that_is_not_compiled(tmp_path):
    model = small()
    model.save(str(tmp_path / "model"))
    loaded = nn.load(str(tmp_path / "model"))
    np.testing.assert_array_equal(loaded.predict(X), model.predict(X))
    assert loaded.optimizer is None
    with pytest.raises(nn.NotCompiledError):
        loaded.fit(X, Y)


def test_compiled_and_never_trained(tmp_path):
    model = small()
    model.compile(nn.Adam(0.5), "mse")
    model.save(tmp_path / "model")
    loaded = nn.load(tmp_path / "model")
    assert loaded.optimizer.learning_rate == 0.5
    assert loaded.fit(X, Y, shuffle=False).history == model.fit(X, Y, shuffle=False).history


def test_a_rate_that_was_set_is_kept(tmp_path):
    model = small()
    model.compile(nn.SGD(0.5), "mse")
    model.optimizer.learning_rate = 0.125
    model.save(tmp_path / "model")
    assert nn.load(tmp_path / "model").optimizer.learning_rate == 0.125


def test_own_classes_have_to_be_given(tmp_path):
    model = Line()
    model(X)
    model.save(tmp_path / "model")
    with pytest.raises(nn.FileError, match=r"unknown class 'Line'.*custom_objects=\{'Line': Line\}"):
        nn.load(tmp_path / "model")


@pytest.mark.parametrize("what", ["save", "save_weights"])
def test_an_interrupted_write_leaves_the_old_file(tmp_path, monkeypatch, trained, what):
    path, save = tmp_path / "model", getattr(trained, what)
    save(path)
    before = path.read_bytes()
    trained.fit(X, Y)
    for name in ("replace", "fsync"):

        def interrupted(*args):
            raise KeyboardInterrupt

        with monkeypatch.context() as patch:
            patch.setattr(os, name, interrupted)
            with pytest.raises(KeyboardInterrupt):
                save(path)
        assert path.read_bytes() == before
        assert os.listdir(tmp_path) == ["model"]
    save(path)
    assert path.read_bytes() != before
    assert os.listdir(tmp_path) == ["model"]


def test_the_file_can_be_read_by_others_as_the_umask_says(tmp_path, trained):
    trained.save(tmp_path / "model")
    (tmp_path / "plain").write_bytes(b"")
    assert (tmp_path / "model").stat().st_mode == (tmp_path / "plain").stat().st_mode


REFUSED = {
    "not built": (lambda: nn.Sequential([nn.Dense(1)]), "save: the model is not built yet"),
    "lambda": (
        lambda: nn.Sequential([nn.Dense(1, lambda x: x, input_shape=(3,))]),
        "save: '<lambda>' is a function without a name, and a file holds no code",
    ),
    "partial": (
        lambda: nn.Sequential([nn.Dense(1, functools.partial(ag.leaky_relu, slope=0.2), input_shape=(3,))]),
        "save: functools.partial.* is a function without a name, and a file holds no code",
    ),
}


@pytest.mark.parametrize(("make", "message"), REFUSED.values(), ids=REFUSED)
def test_save_refuses_and_writes_nothing(tmp_path, make, message):
    with pytest.raises(nn.ArgumentError, match=message):
        make().save(tmp_path / "model")
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("options", [dict(loss=lambda t, p: p), dict(loss="mse", metrics=[lambda t, p: p])])
def test_functions_in_compile_are_refused(tmp_path, options):
    model = small()
    model.compile("sgd", **options)
    with pytest.raises(nn.ArgumentError, match="is a function without a name, and a file holds no code"):
        model.save(tmp_path / "model")


def cubed(y_true, y_pred):
    """A loss of the user's own."""
    return abs(y_pred - y_true).mean(axis=-1) ** 3


def bent(x):
    """An activation of the user's own."""
    return ag.maximum(x, x / 2)


def test_own_functions_are_saved_by_name_and_given_back_by_the_caller(tmp_path):
    model = nn.Sequential([nn.Dense(3, bent, input_shape=(3,)), nn.Dense(1, kernel_initializer=ag.zeros)])  # fmt: skip
    model.compile("adam", cubed, metrics=[cubed, "mae"])
    model.fit(X, Y, verbose=0)
    model.save(tmp_path / "model")
    own = {"bent": bent, "cubed": cubed, "zeros": ag.zeros}
    loaded = nn.load(tmp_path / "model", custom_objects=own)
    np.testing.assert_array_equal(loaded.predict(X), model.predict(X))
    assert loaded.evaluate(X, Y, verbose=0) == model.evaluate(X, Y, verbose=0)
    for missing in own:
        given = {name: function for name, function in own.items() if name != missing}
        with pytest.raises(nn.FileError, match=f"unknown function '{missing}'.*custom_objects"):
            nn.load(tmp_path / "model", custom_objects=given)
        with pytest.raises(nn.FileError, match=f"unknown function '{missing}'"):
            nn.load(tmp_path / "model", custom_objects=given | {missing: nn.Dense})


def test_there_is_no_pickle_in_the_file(saved):
    """Neither protocol mark nor readable opcodes; the head is a length and JSON."""
    size = int.from_bytes(saved[:8], "little")
    assert isinstance(json.loads(saved[8 : 8 + size]), dict)
    for protocol in range(2, 6):
        assert not saved.startswith(b"\x80" + bytes([protocol]))
    with pytest.raises(ValueError, match=r"unknown|opcode|exhausted|pickle"):
        list(pickletools.genops(saved))
