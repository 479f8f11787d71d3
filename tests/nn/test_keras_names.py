"""Keras's names around models: backend, config, random, saving, utils and the old places of preprocessing."""

from __future__ import annotations

import io
import re

import numpy as np
import pytest

import autograd as ag
import nn
from nn import backend as K  # noqa: N812

X = np.arange(12.0).reshape(4, 3)


def test_functions_of_the_old_backend():
    x = ag.tensor(X)
    pairs = [
        (K.clip(x, 2, 5), np.clip(X, 2, 5)),
        (K.pow(x, 2.0), X**2),
        (K.dot(x, X.T.copy()), X @ X.T),
        (K.batch_flatten(x.reshape(2, 2, 3)), X.reshape(2, 6)),
        (K.permute_dimensions(x, (1, 0)), X.T),
        (K.gather(x, [2, 0]), X[[2, 0]]),
        (K.switch(x > 3, x, lambda: x * 0.0), np.where(X > 3, X, 0)),
        (K.l2_normalize(x + 1.0, axis=1), (X + 1) / np.linalg.norm(X + 1, axis=1, keepdims=True)),
        (K.constant(2.0, shape=(2, 2)), np.full((2, 2), 2.0)),
        (K.relu(x - 5.0, max_value=4.0), np.clip(X - 5, 0, 4)),
        (K.mean(K.square(x), axis=-1), (X**2).mean(-1)),
        (K.flatten(x), X.reshape(-1)),
    ]
    for found, wanted in pairs:
        np.testing.assert_allclose(found.numpy(), wanted, rtol=1e-6)
    assert K.int_shape(x) == K.shape(x) == (4, 3)
    assert K.get_value(ag.tensor(2.0)) == 2.0
    assert isinstance(K.eval(x), np.ndarray)
    parameter = ag.tensor([1.0, 2.0])
    K.set_value(parameter, [3.0, 4.0])
    assert parameter.tolist() == [3.0, 4.0]
    assert K.cast_to_floatx(x).dtype.name == "float32"
    assert K.is_float_dtype("float16")
    assert K.is_int_dtype("uint8")
    assert (K.standardize_dtype(None), K.random_normal((2,), seed=1).shape) == ("float32", (2,))
    with pytest.raises(AttributeError, match=r"nn.backend has no 'learning_phase'"):
        _ = K.learning_phase


@pytest.mark.parametrize("jit", [True, False])
def test_a_loss_of_the_old_backend_trains(jit):
    def rmse(y_true, y_pred):
        return K.sqrt(K.mean(K.square(y_pred - y_true), axis=-1) + K.epsilon())

    nn.set_random_seed(0)
    model = nn.Sequential([nn.Dense(1, input_shape=(3,))])
    model.compile(nn.Adam(0.1), loss=rmse, metrics=[rmse], jit=jit)
    history = model.fit(X / 12, X.sum(1) / 12, batch_size=1, epochs=80, verbose=0).history
    assert history["rmse"][-1] < 0.2 < history["rmse"][0]


FIXED = [
    (nn.config.set_floatx, "float32", "float64"),
    (nn.config.set_epsilon, 1e-7, 1e-5),
    (nn.config.set_image_data_format, "channels_last", "channels_first"),
    (nn.config.set_backend, "gradloom", "jax"),
    (nn.backend.set_floatx, "float32", "float16"),
]


def test_settings_are_told_that_they_are_fixed():
    for change, known, other in FIXED:
        change(known)
        with pytest.raises(nn.ArgumentError, match=f"{change.__name__}: it is {known!r} here and stays so"):
            change(other)


DRAWS = {
    "normal": lambda seed: nn.random.normal((500,), 1.0, 2.0, seed=seed),
    "uniform": lambda seed: nn.random.uniform((500,), -1.0, 3.0, seed=seed),
    "truncated_normal": lambda seed: nn.random.truncated_normal((500,), 1.0, 0.5, seed=seed),
    "randint": lambda seed: nn.random.randint((500,), -2, 3, seed=seed),
    "categorical": lambda seed: nn.random.categorical(np.log([[0.5, 0.25, 0.25]]), 500, seed=seed),
    "dropout": lambda seed: nn.random.dropout(np.ones((100, 5), "float32"), 0.4, seed=seed),
    "shuffle": lambda seed: nn.random.shuffle(np.arange(500), seed=seed),
}
MEANS = {"normal": 1.0, "uniform": 1.0, "truncated_normal": 1.0, "randint": 0.0, "categorical": 0.75, "dropout": 1.0, "shuffle": 249.5}  # fmt: skip


@pytest.mark.parametrize("name", DRAWS)
def test_draws(name):
    draw = DRAWS[name]
    first = draw(3).numpy()
    np.testing.assert_array_equal(draw(3).numpy(), first)
    stream, again = nn.random.SeedGenerator(3), nn.random.SeedGenerator(3)
    one, two = draw(stream).numpy(), draw(stream).numpy()
    assert (one != two).any()
    np.testing.assert_array_equal(draw(again).numpy(), one)
    nn.set_random_seed(5)
    default = draw(None).numpy()
    nn.set_random_seed(5)
    np.testing.assert_array_equal(draw(None).numpy(), default)
    assert abs(first.mean() - MEANS[name]) < 0.25
    assert {"randint": set(range(-2, 3)), "categorical": {0, 1, 2}}.get(name, set(first.ravel())) == set(
        first.ravel()
    )


def test_limits_of_draws():
    assert abs(DRAWS["truncated_normal"](1).numpy() - 1.0).max() <= 1.0
    shared = nn.random.dropout(np.ones((4, 6), "float32"), 0.5, noise_shape=(None, 1), seed=1).numpy()
    assert (shared == shared[:, :1]).all()
    for call in (lambda: nn.random.randint((2,), 3, 3), lambda: nn.random.categorical([1.0], 2), lambda: nn.random.normal((2,), seed=-1)):  # fmt: skip
        with pytest.raises(nn.ArgumentError):
            call()


class Noisy(nn.Layer):
    def __init__(self, name=None):
        super().__init__(name=name)
        self.stream = nn.random.SeedGenerator(1)

    def call(self, x, training=False):
        return x + nn.random.normal(x.shape, seed=self.stream) if training else x


def test_a_stream_of_its_own_draws_the_same_in_a_compiled_step():
    def losses(jit):
        nn.set_random_seed(0)
        model = nn.Sequential([nn.Dense(1, input_shape=(3,)), Noisy()])
        model.compile("sgd", "mse", jit=jit)
        return model.fit(X / 12, X[:, :1], batch_size=2, epochs=4, verbose=0).history["loss"]

    eager = losses(False)
    assert len(set(eager)) == 4
    np.testing.assert_allclose(losses(True), eager, rtol=1e-5)


@nn.utils.register_keras_serializable("names")
class Scaled(nn.Layer):
    def __init__(self, factor=2.0, name=None):
        super().__init__(name=name)
        self.factor = factor

    def call(self, x):
        return x * self.factor


@nn.saving.register_keras_serializable("names")
def third_power(y_true, y_pred):
    return (abs(y_true - y_pred) ** 3).mean(axis=-1)


def test_registered_classes_and_functions_are_found_in_files():
    model = nn.Sequential([nn.Dense(1, input_shape=(3,)), Scaled(3.0)])
    model.compile("adam", third_power)
    file = io.BytesIO()
    nn.models.save_model(model, file)
    file.seek(0)
    again = nn.models.load_model(file)
    np.testing.assert_array_equal(again.predict(X), model.predict(X))
    assert again.evaluate(X, X[:, :1]) == model.evaluate(X, X[:, :1])
    assert nn.utils.get_registered_name(Scaled) == "names>Scaled"
    assert nn.utils.get_registered_object("names>Scaled") is Scaled
    assert nn.utils.get_registered_object("nothing") is None


def test_scopes_of_names():
    class Own(nn.Layer):
        def call(self, x):
            return x + 1.0

    description = nn.saving.serialize_keras_object(Own(name="own"))
    assert (description["class_name"], description["config"]["name"]) == ("Own", "own")
    with pytest.raises(nn.errors.FileError, match="class 'Own'"):
        nn.saving.deserialize_keras_object(description)
    with nn.utils.custom_object_scope({"Own": Own}):
        assert isinstance(nn.saving.deserialize_keras_object(description), Own)
    assert "Own" not in nn.utils.get_custom_objects()
    assert isinstance(nn.saving.deserialize_keras_object(description, {"Own": Own}), Own)


SAMPLES = [
    nn.Dense(3, "relu", kernel_regularizer=nn.L2(0.1)),
    nn.Adam(0.1),
    nn.Huber(2.0),
    nn.MaxNorm(3.0),
    nn.HeNormal(seed=1),
]


def test_objects_survive_their_description():
    for thing in SAMPLES:
        described = nn.saving.serialize_keras_object(thing)
        again = nn.saving.deserialize_keras_object(described)
        assert type(again) is type(thing)
        assert nn.saving.serialize_keras_object(again) == described
    theirs = {
        "module": "keras.layers",
        "class_name": "Dense",
        "config": {"units": 2},
        "registered_name": None,
    }
    assert nn.saving.deserialize_keras_object(theirs).units == 2


def test_files_that_are_there(tmp_path):
    model = nn.Sequential([nn.Dense(1, input_shape=(3,))])
    place = tmp_path / "model"
    nn.saving.save_model(model, place)
    with pytest.raises(nn.ArgumentError, match="overwrite=False"):
        nn.saving.save_model(model, place, overwrite=False)
    weights = tmp_path / "weights"
    nn.saving.save_weights(model, weights, overwrite=False)
    other = nn.Sequential([nn.Dense(1, input_shape=(3,))])
    nn.saving.load_weights(other, weights)
    np.testing.assert_array_equal(other.predict(X), model.predict(X))
    text = tmp_path / "data.csv"
    text.write_bytes(b"1,2\n")
    for origin in (str(text), f"file://{text}"):
        assert nn.utils.get_file("data.csv", origin) == str(text)
    digest = "e9be6e63f0de39ad3aec0e0ea7ac8ccf"
    with pytest.raises(nn.errors.FileError, match="has the md5"):
        nn.utils.get_file(origin=str(text), file_hash=digest)
    with pytest.raises(nn.ArgumentError, match="nothing is downloaded"):
        nn.utils.get_file("x.csv", "https://example.com/x.csv")
    with pytest.raises(FileNotFoundError):
        nn.utils.get_file(origin=str(tmp_path / "none"))


class Numbered(nn.utils.PyDataset):
    def __init__(self, **options):
        super().__init__(**options)
        self.told = []

    def __len__(self):
        return 4

    def __getitem__(self, index):
        self.told.append(index)
        return X[index : index + 1], X[index : index + 1, :1]

    def on_epoch_begin(self):
        self.told.append("begin")

    def on_epoch_end(self):
        self.told.append("end")


def test_batches_by_number():
    model = nn.Sequential([nn.Dense(1, input_shape=(3,))])
    model.compile("sgd", "mse")
    for shuffle in (False, True):
        data = Numbered()
        nn.set_random_seed(3)
        model.fit(data, epochs=3, shuffle=shuffle, verbose=0)
        passes = [data.told[i : i + 6] for i in range(0, 18, 6)]
        assert len(data.told) == 18
        for each in passes:
            assert (each[0], sorted(each[1:5]), each[5]) == ("begin", [0, 1, 2, 3], "end")
        assert ([each[1:5] for each in passes] == [[0, 1, 2, 3]] * 3) == (not shuffle)
    assert model.predict(Numbered()).shape == (4, 1)
    assert model.evaluate(Numbered()) >= 0
    for options in ({"workers": 2}, {"use_multiprocessing": True}):
        with pytest.raises(nn.ArgumentError, match="made where they are used"):
            Numbered(**options)


def test_a_run_with_drawn_batches_goes_on_bit_for_bit(tmp_path):
    def model():
        made = nn.Sequential([nn.Dense(1, input_shape=(3,))])
        made.compile(nn.SGD(0.001), "mse")
        return made

    place = tmp_path / "run"

    class Keep(nn.Callback):
        def on_train_batch_end(self, batch, logs):
            if self.model.current_run.epoch == 1 and batch == 1:
                self.model.save(place)

    nn.set_random_seed(1)
    whole = model()
    whole.fit(Numbered(), epochs=3, callbacks=Keep(), verbose=0)
    again = nn.load(place)
    again.fit(Numbered(), epochs=3, initial_epoch=1, verbose=0)
    for a, b in zip(again.get_weights(), whole.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_rows_for_fit():
    left, right = nn.utils.split_dataset((X, X[:, :1]), left_size=3, shuffle=True, seed=1)
    rows = [*left, *right]
    assert (len(left), len(right)) == (3, 1)
    assert sorted(float(y[0]) for _, y in rows) == [0.0, 3.0, 6.0, 9.0]
    model = nn.Sequential([nn.Dense(1, input_shape=(3,))])
    model.compile("sgd", "mse")
    assert len(model.fit(left.batch(2), epochs=2, verbose=0).history["loss"]) == 2
    for sizes in ({}, {"left_size": 1.0}, {"left_size": 3, "right_size": 2}):
        with pytest.raises(nn.ArgumentError):
            nn.utils.split_dataset(X, **sizes)
    windows = nn.preprocessing.timeseries_dataset_from_array(
        np.arange(20.0)[:, None], np.arange(20.0), 4, batch_size=5
    )
    model = nn.Sequential([nn.Flatten(), nn.Dense(1)])
    model.compile("sgd", "mse")
    model.fit(windows, epochs=2, verbose=0)


def test_progbar(capsys):
    bar = nn.utils.Progbar(4, stateful_metrics=["rate"])
    for step in range(4):
        bar.add(1, [("loss", float(step)), ("rate", 0.5)])
    shown = re.split("[\r\n]", capsys.readouterr().out)
    assert re.match(r"1/4 ━{5}╺{15} \d+s .*/step - loss: 0\.0000e\+00 - rate: 0\.5000", shown[1])
    assert re.match(r"4/4 ━{20} \d+s .*/step - loss: 3\.0000 - rate: 0\.5000", shown[-2])
    with pytest.raises(nn.ArgumentError, match="give one"):
        nn.utils.Progbar(3, stateful_metrics=["a"], stateless_metrics=["b"])
    nn.utils.Progbar(3, verbose=0).update(3)
    assert capsys.readouterr().out == ""


def test_pictures(tmp_path, capsys):
    pytest.importorskip("pygraphviz")
    model = nn.Sequential([nn.Dense(2, input_shape=(3,))])
    for name, begin in (("model.svg", b"<?xml"), ("model.png", b"\x89PNG")):
        nn.utils.plot_model(model, tmp_path / name, show_shapes=True)
        assert (tmp_path / name).read_bytes().startswith(begin)
        assert capsys.readouterr().out == f"wrote {tmp_path / name}\n"
    for options in (
        {"rankdir": "LR"},
        {"show_layer_names": False},
        {"show_dtype": True},
        {"to_file": "a.jpg"},
    ):
        with pytest.raises(nn.ArgumentError, match="plot_model"):
            nn.utils.plot_model(model, **{"to_file": None} | options)


def test_images(tmp_path):
    pytest.importorskip("PIL")
    pixels = np.arange(24, dtype="float32").reshape(2, 4, 3)
    nn.utils.save_img(tmp_path / "a.png", pixels, scale=False)
    image = nn.preprocessing.image.load_img(tmp_path / "a.png")
    np.testing.assert_array_equal(nn.utils.img_to_array(image), pixels)
    assert nn.utils.img_to_array(nn.utils.load_img(tmp_path / "a.png", "grayscale", (3, 5))).shape == (
        3,
        5,
        1,
    )
    assert nn.utils.img_to_array(image, "channels_first").shape == (3, 2, 4)
    for call in (
        lambda: nn.utils.load_img(tmp_path / "a.png", "cmyk"),
        lambda: nn.utils.array_to_img(np.zeros((2, 2, 2))),
        lambda: nn.utils.img_to_array(np.zeros(3)),
        lambda: nn.preprocessing.image.ImageDataGenerator(rescale=1 / 255),
    ):
        with pytest.raises(ValueError, match=r"(is|are|has|no part)"):
            call()


def test_pillow_is_asked_for(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "PIL", None)
    with pytest.raises(nn.MissingExtraError, match="pip install pillow"):
        nn.utils.load_img("a.png")


def test_parts_of_a_batch_and_names():
    assert nn.utils.unpack_x_y_sample_weight((1, 2, 3)) == (1, 2, 3)
    assert nn.utils.pack_x_y_sample_weight(1, 2) == (1, 2)
    assert nn.utils.pack_x_y_sample_weight(1) == (1,)
    with pytest.raises(nn.errors.DataError):
        nn.utils.unpack_x_y_sample_weight((1, 2, 3, 4))
    nn.backend.clear_session()
    assert [nn.backend.get_uid("a"), nn.backend.get_uid("a"), nn.backend.get_uid("b")] == [1, 2, 1]
    np.testing.assert_allclose(nn.utils.normalize(X[1:], order=1), X[1:] / X[1:].sum(1, keepdims=True))
