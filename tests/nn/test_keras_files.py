"""Files that Keras itself wrote, read here: predictions, weights, how they were compiled; and damaged ones."""

from __future__ import annotations

import io
import json
import logging
import zipfile

import numpy as np
import pytest
from keras_oracle import as_array, import_keras

import nn

keras = import_keras()
h5py = pytest.importorskip("h5py")
pytestmark = pytest.mark.oracle

RNG = np.random.default_rng(2)


@pytest.fixture(autouse=True)
def float32():
    """As people write their files."""
    before, policy = keras.config.floatx(), keras.config.dtype_policy()
    keras.config.set_floatx("float32")
    # kept since the first layer of the process was made
    keras.config.set_dtype_policy("float32")
    yield
    keras.config.set_floatx(before)
    keras.config.set_dtype_policy(policy)


L = keras.layers
MODELS = {
    "dense": ((4,), lambda: [
        L.Dense(5, activation="relu", kernel_regularizer="l2", kernel_initializer="he_normal"),
        L.BatchNormalization(), L.Dropout(0.2, seed=1), L.Dense(3, activation="softmax")]),
    "activations": ((4,), lambda: [
        L.Dense(5, activation="leaky_relu"), L.LeakyReLU(), L.Dense(4, "elu"), L.ReLU(max_value=3.0),
        L.Dense(4, activation=keras.activations.gelu), L.ELU(), L.LayerNormalization(), L.Activation("tanh"),
        L.Softmax()]),
    "images": ((8, 8, 2), lambda: [
        L.Conv2D(3, 3, padding="same", activation="relu"), L.MaxPooling2D(), L.Conv2D(4, 2, strides=2),
        L.AveragePooling2D(2), L.Flatten(), L.Dense(2)]),
    "nested": ((4,), lambda: [
        keras.Sequential([L.Dense(3), L.BatchNormalization()]), L.Dense(3),
        keras.Sequential([L.Dense(3, trainable=False), keras.Sequential([L.Dense(2)])])]),
    "embedding": ((3,), lambda: [L.Embedding(7, 2), L.Flatten(), L.Reshape((2, 3)), L.GaussianNoise(0.1), L.Dense(1)]),
    "frozen": ((4,), lambda: [L.Dense(3, trainable=False, name="fixed"), L.Dense(1, use_bias=False)]),
    "pooled": ((6, 6, 1), lambda: [L.Conv2D(2, 3), L.GlobalAveragePooling2D(), L.Dense(1, "sigmoid")]),
}  # fmt: skip


def keras_model(name, functional=False):
    shape, layers = MODELS[name]
    inputs = keras.Input(shape)
    if not functional:
        model = keras.Sequential([inputs, *layers()], name="from_keras")
    else:
        x = inputs
        for layer in layers():
            x = layer(x)
        model = keras.Model(inputs, x)
    # other than at the start, so that what is not read would show
    for weight in model.weights:
        if weight.dtype == "float32":
            weight.assign(as_array(weight.value) + RNG.uniform(0.1, 0.3, weight.shape))
    x = (
        RNG.integers(0, 7, (9, *shape)).astype("float32")
        if name == "embedding"
        else RNG.normal(size=(9, *shape))
    )
    return model, x.astype("float32")


def written(model, suffix, tmp_path):
    path = tmp_path / f"m{suffix}"
    model.save(path)
    return path


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("suffix", [".keras", ".h5"])
@pytest.mark.parametrize("name", MODELS)
def test_a_model_of_keras_predicts_the_same_here(name, suffix, tmp_path):
    theirs, x = keras_model(name)
    ours = nn.load(written(theirs, suffix, tmp_path))
    np.testing.assert_allclose(ours.predict(x), as_array(theirs(x)), 2e-5, 1e-6)
    assert ours.name == "from_keras"
    assert [layer.name for layer in ours.layers] == [layer.name for layer in theirs.layers]
    mine = sorted((w.name, w.shape, w.trainable) for w in ours.weights)
    assert mine == sorted(
        (w.name, tuple(w.shape), w.trainable) for w in theirs.weights if w.dtype == "float32"
    )
    assert nn.models.model_from_json(theirs.to_json()).count_params() == ours.count_params()
    # and what was read is a model as others are
    file = io.BytesIO()
    ours.save(file)
    file.seek(0)
    np.testing.assert_array_equal(nn.load(file).predict(x), ours.predict(x))


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("suffix", [".keras", ".h5"])
def test_a_functional_chain_is_a_model_of_layers(suffix, tmp_path):
    theirs, x = keras_model("dense", functional=True)
    ours = nn.load(written(theirs, suffix, tmp_path))
    np.testing.assert_allclose(ours.predict(x), as_array(theirs(x)), 2e-5, 1e-6)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", ["dense", "nested", "images"])
def test_weights_alone_and_into_a_model_that_is_there(name, tmp_path):
    theirs, x = keras_model(name)
    theirs.save(tmp_path / "m.keras")
    theirs.save_weights(tmp_path / "m.weights.h5")
    theirs.save(tmp_path / "m.h5")
    for other in ("m.weights.h5", "m.keras", "m.h5"):
        ours = nn.models.model_from_json(theirs.to_json())
        ours.load_weights(tmp_path / other)
        np.testing.assert_allclose(ours.predict(x), as_array(theirs(x)), 2e-5, 1e-6)
    wrong = nn.Sequential([nn.Input((4,)), nn.Dense(2)])
    before = wrong.get_weights()
    with pytest.raises(nn.FileError, match=r"m\.(weights\.)?h5: "):
        wrong.load_weights(tmp_path / "m.weights.h5")
    np.testing.assert_array_equal(wrong.get_weights()[0], before[0])


COMPILED = {
    "words": ("adam", "mse", ["mae"]),
    "objects": (lambda k: k.optimizers.SGD(0.1, momentum=0.9, nesterov=True), lambda k: k.losses.MeanAbsoluteError(),
                lambda k: [k.metrics.MeanAbsoluteError(), "mse"]),
    "schedule": (lambda k: k.optimizers.RMSprop(k.optimizers.schedules.ExponentialDecay(0.1, 5, 0.9)), "huber", None),
}  # fmt: skip


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("suffix", [".keras", ".h5"])
@pytest.mark.parametrize("case", COMPILED)
def test_it_is_compiled_as_it_was(case, suffix, tmp_path, caplog):
    caplog.set_level(logging.WARNING, "gradloom")
    theirs, x = keras_model("frozen")
    optimizer, loss, metrics = (part(keras) if callable(part) else part for part in COMPILED[case])
    theirs.compile(optimizer, loss, metrics=metrics)
    path = written(theirs, suffix, tmp_path)
    ours, bare = nn.load(path), nn.models.load_model(path, compile=False)
    assert "what its optimizer kept begins anew" in caplog.text
    assert bare.optimizer is None
    y = RNG.normal(size=(9, 1)).astype("float32")
    results = [np.ravel(m.evaluate(x, y, verbose=0)) for m in (ours, theirs)]
    np.testing.assert_allclose(*results, 2e-5)
    runs = [
        m.fit(x, y, batch_size=3, epochs=2, shuffle=False, verbose=0).history["loss"] for m in (ours, theirs)
    ]
    np.testing.assert_allclose(*runs, 1e-4)


def changed(path, change, tmp_path):
    """The file with another description."""
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    config = json.loads(parts["config.json"])
    change(config, parts)
    parts.setdefault("config.json", b"")
    if parts["config.json"]:
        parts["config.json"] = json.dumps(config).encode()
    with zipfile.ZipFile(tmp_path / "changed.keras", "w") as archive:
        for name, data in parts.items():
            if data:
                archive.writestr(name, data, compress_type=zipfile.ZIP_DEFLATED)
    return tmp_path / "changed.keras"


def layer(config, number=1):
    return config["config"]["layers"][number]


CHANGES = {
    "class 'Dens' of Keras is not known here": lambda c, p: layer(c).update(class_name="Dens"),
    "Dense has lora_rank=3, which is not known here": lambda c, p: layer(c)["config"].update(lora_rank=3),
    "units is an integer": lambda c, p: layer(c)["config"].update(units=-1),
    "weights of shape": lambda c, p: layer(c)["config"].update(units=10**9),
    "has shape": lambda c, p: layer(c)["config"].update(units=2),
    "asks for weights": lambda c, p: layer(c, 0)["config"].update(batch_shape=[None, 10**7]),
    "is too large": lambda c, p: layer(c, 0)["config"].update(batch_shape=[None, 10**9]),
    "has to be known": lambda c, p: layer(c, 0)["config"].update(batch_shape=[None, None]),
    "without a list of layers": lambda c, p: c["config"].update(layers=3),
    "holds a Dense, not a model": lambda c, p: c.update(layer(c)),
    "no config.json": lambda c, p: p.update({"config.json": b""}),
    "no model.weights.h5": lambda c, p: p.update({"model.weights.h5": b""}),
    "no HDF5": lambda c, p: p.update({"model.weights.h5": b"nothing"}),
    "assets are not read": lambda c, p: p.update({"assets/a/b.txt": b"word"}),
    "are packed into": lambda c, p: p.update({"more": bytes(1 << 22)}),
    "the policy 'mixed_float16'": lambda c, p: layer(c)["config"]["dtype"]["config"].update(name="mixed_float16"),
    "function 'mine' is not known": lambda c, p: layer(c)["config"].update(
        activation={"class_name": "function", "config": "mine", "module": "builtins", "registered_name": "mine"}),
    "a class is called": lambda c, p: layer(c).update(class_name=3),
    "loss_weights": lambda c, p: c.update(compile_config={"optimizer": "sgd", "loss": "mse", "loss_weights": [1.0]}),
    "compile=False": lambda c, p: c.update(compile_config={"optimizer": {"class_name": "Muon", "config": {}}}),
}  # fmt: skip


@pytest.mark.filterwarnings("ignore")
def test_what_a_file_says_is_not_believed(tmp_path):
    theirs, _ = keras_model("frozen")
    path = written(theirs, ".keras", tmp_path)
    assert nn.load(changed(path, lambda c, p: None, tmp_path)).built
    for words, change in CHANGES.items():
        with pytest.raises(nn.FileError, match=words.replace(".", r"\.")):
            nn.load(changed(path, change, tmp_path))


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("suffix", [".keras", ".h5"])
def test_damaged_files_are_refused(suffix, tmp_path):
    theirs, x = keras_model("frozen")
    data = bytearray(written(theirs, suffix, tmp_path).read_bytes())
    outputs = nn.load(io.BytesIO(data)).predict(x)
    refused = 0
    for number in range(14):
        damaged = bytearray(data)
        if number % 3 == 0:
            damaged = damaged[: RNG.integers(8, len(data))]
        else:
            for place in RNG.integers(8, len(data), 40):
                damaged[place] = RNG.integers(256)
        try:
            model = nn.load(io.BytesIO(damaged))
        except nn.FileError:
            refused += 1
        else:
            assert model.predict(x).shape == outputs.shape
    assert refused > 4


@pytest.mark.filterwarnings("ignore")
def test_links_in_a_file_are_not_followed(tmp_path):
    theirs, _ = keras_model("frozen")
    theirs.save_weights(tmp_path / "m.weights.h5")
    ours = nn.models.model_from_json(theirs.to_json())
    kernel = "layers/dense/vars/0"
    for link in (h5py.SoftLink("/layers/dense_1/vars/0"), h5py.ExternalLink("other.h5", "/x")):
        with h5py.File(tmp_path / "m.weights.h5", "a") as file:
            del file[kernel]
            file[kernel] = link
        with pytest.raises(nn.FileError, match=r"a link|no 'layers|arrays"):
            ours.load_weights(tmp_path / "m.weights.h5")


def test_without_h5py_the_extra_is_named(tmp_path, monkeypatch):
    import sys

    (tmp_path / "m.h5").write_bytes(b"\x89HDF\r\n\x1a\n")
    monkeypatch.setitem(sys.modules, "h5py", None)
    with pytest.raises(nn.MissingExtraError, match=r"gradloom\[keras-files\]"):
        nn.load(tmp_path / "m.h5")
