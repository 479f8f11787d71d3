"""Datasets: shapes and splits, the same draw everywhere, Keras's files beside Keras, and files that are not they."""

from __future__ import annotations

import gzip
import hashlib
import json
import pickle
import re

import numpy as np
import pytest
from keras_oracle import import_keras

import nn

pytestmark = pytest.mark.once
DRAW = np.random.default_rng(0)

SHIPPED = {
    "digits": ((1438, 8, 8), (359, 8, 8), "uint8", 10),
    "iris": ((120, 4), (30, 4), "float32", 3),
    "pima": ((200, 7), (332, 7), "float32", 2),
    "blobs": ((800, 2), (200, 2), "float32", 3),
    "moons": ((800, 2), (200, 2), "float32", 2),
    "circles": ((800, 2), (200, 2), "float32", 2),
    "spirals": ((800, 2), (200, 2), "float32", 2),
    "xor": ((800, 2), (200, 2), "float32", 2),
    "waves": ((4000, 40), (1000, 40), "float32", 10),
    "mnist1d": ((4000, 40), (1000, 40), "float32", 10),
}
KERAS = (
    "mnist",
    "fashion_mnist",
    "cifar10",
    "cifar100",
    "imdb",
    "reuters",
    "boston_housing",
    "california_housing",
)


def test_the_table_holds_every_dataset():
    assert set(nn.datasets.__all__) == {*SHIPPED, *KERAS}


@pytest.mark.parametrize(("name", "expected"), SHIPPED.items(), ids=SHIPPED)
def test_shapes_and_splits(name, expected):
    (x, y), (x_test, y_test) = getattr(nn.datasets, name).load_data()
    train, test, dtype, classes = expected
    assert (x.shape, x_test.shape, x.dtype, x_test.dtype) == (train, test, dtype, dtype)
    assert (y.shape, y_test.shape) == (train[:1], test[:1])
    assert set(np.unique(y)) == set(np.unique(y_test)) == set(range(classes))
    # no row is in both
    rows = {row.tobytes() for row in x} & {row.tobytes() for row in x_test}
    assert len(rows) <= (1 if name == "iris" else 0)


def test_the_same_as_where_they_come_from():
    datasets = pytest.importorskip("sklearn.datasets")
    for name, theirs, shape in (
        ("digits", datasets.load_digits(), (-1, 64)),
        ("iris", datasets.load_iris(), (-1, 4)),
    ):
        (x, y), (x_test, y_test) = getattr(nn.datasets, name).load_data()
        test = np.arange(len(theirs.target)) % 5 == 4
        for found, labels, rows in ((x, y, ~test), (x_test, y_test, test)):
            np.testing.assert_allclose(found.reshape(shape), theirs.data[rows], rtol=1e-6)
            assert (labels == theirs.target[rows]).all()


DRAWN = [
    name for name, (_, _, dtype, _) in SHIPPED.items() if dtype == "float32" and name not in ("iris", "pima")
]


@pytest.mark.parametrize("name", DRAWN)
def test_drawn_again_and_otherwise(name):
    dataset = getattr(nn.datasets, name)
    once, again, other = (dataset.load_data(100, seed=seed) for seed in (3, 3, 4))
    assert once[0][0].tobytes() == again[0][0].tobytes()
    assert once[0][0].tobytes() != other[0][0].tobytes()
    (x, y), (x_test, y_test) = dataset.load_data(samples=50, noise=0, seed=1, test_split=0.3)
    assert (len(x), len(y), len(x_test), len(y_test)) == (35, 35, 15, 15)
    (noisy, _), _ = dataset.load_data(samples=50, noise=0.5, seed=1, test_split=0.3)
    # rows of mnist1d are scaled to a deviation of 1 with their noise
    assert 0.2 < (noisy - x).std() < (1.0 if name == "mnist1d" else 0.8)
    assert name in repr(dataset)


def test_what_the_points_are():
    (x, y), _ = nn.datasets.circles.load_data(noise=0)
    np.testing.assert_allclose(np.linalg.norm(x, axis=1), 1 - y / 2, rtol=1e-6)
    (x, y), _ = nn.datasets.xor.load_data(noise=0)
    assert ((x[:, 0] * x[:, 1] < 0) == y).all()
    (x, y), _ = nn.datasets.moons.load_data(noise=0)
    np.testing.assert_allclose(np.hypot(x[:, 0] - y, x[:, 1] - y / 2), 1, rtol=1e-6)
    (x, y), _ = nn.datasets.spirals.load_data(noise=0)
    radius = np.linalg.norm(x, axis=1)
    turned = np.angle(x[:, 0] + 1j * x[:, 1]) - np.pi * radius - np.pi * y
    np.testing.assert_allclose(np.cos(turned), 1, atol=1e-5)
    (x, y), _ = nn.datasets.blobs.load_data(noise=0)
    np.testing.assert_allclose(x[:, 0] + 1j * x[:, 1], 2 * np.exp(2j * np.pi * y / 3), atol=1e-6)


def test_mnist1d_follows_its_recipe():
    """Nearest template under every shift says the digit of rows without noise far more often than chance."""
    from nn.datasets import sequences

    (x, y), _ = nn.datasets.mnist1d.load_data(samples=600, noise=0)
    assert abs(x.mean()) < 0.05
    assert abs(x.std() - 1) < 0.05
    shapes = sequences._at(sequences._shapes(), np.broadcast_to(np.linspace(0, 11, 9), (10, 9)))
    shapes = (shapes - shapes.mean(1, keepdims=True)) / shapes.std(1, keepdims=True)
    windows = np.lib.stride_tricks.sliding_window_view(np.concatenate([x, x[:, :8]], 1), 9, axis=1)
    windows = windows - windows.mean(2, keepdims=True)
    match = (windows @ shapes.T).max(1)
    assert (match.argmax(1) == y).mean() > 0.4
    smooth = sequences._smooth(np.eye(1, 41, 20))
    np.testing.assert_allclose(smooth.sum(), 1.0)
    assert smooth[0, 18] == pytest.approx(smooth[0, 20] * np.exp(-0.5))


def test_waves_are_those_of_the_benchmark():
    """Written down once: its figures are of these rows."""
    (x, y), (x_test, y_test) = nn.datasets.waves.load_data()
    found = [
        hashlib.sha256(array.tobytes()).hexdigest()[:16] for array in (x.round(3), y, x_test.round(3), y_test)
    ]
    assert found == WAVES


WAVES = ["dcd0b042f0af5478", "b1c8a5f289fd5965", "345722be34e95a16", "e60a7ef500622664"]


def test_a_network_learns_the_shipped_ones():
    (x, y), (x_test, y_test) = nn.datasets.iris.load_data()
    normal = nn.Normalization()
    normal.adapt(x)
    nn.set_random_seed(0)
    model = nn.Sequential([normal, nn.Dense(16, "relu"), nn.Dense(3, "softmax")])
    model.compile(nn.Adam(0.02), "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(x, y, epochs=40, verbose=0)
    assert model.evaluate(x_test, y_test)[1] > 0.9


# Keras's files, small ones with the same arrays


def images(n, *shape):
    return DRAW.integers(0, 256, (n, *shape)).astype(np.uint8)


def labels(n, classes=10):
    return DRAW.integers(0, classes, n).astype(np.uint8)


def texts(n):
    found = np.empty(n, object)
    found[:] = [DRAW.integers(1, 60, DRAW.integers(3, 20)).tolist() for _ in range(n)]
    return found


def idx(array):
    return gzip.compress(bytes(8 if array.ndim == 1 else 16) + array.tobytes())


def photographs(n, **labels_by_name):
    held = {b"data": images(n, 3072)} | {name.encode(): value for name, value in labels_by_name.items()}
    return pickle.dumps(held, protocol=4)


def put(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    if isinstance(content, dict):
        np.savez(path, **content)
    else:
        path.write_bytes(content)


def made_files(folder):
    four = dict(x_train=images(30, 28, 28), y_train=labels(30), x_test=images(7, 28, 28), y_test=labels(7))
    put(folder / "mnist.npz", four)
    for part, n in (("train", 20), ("t10k", 6)):
        put(folder / "fashion-mnist" / f"{part}-images-idx3-ubyte.gz", idx(images(n, 28, 28)))
        put(folder / "fashion-mnist" / f"{part}-labels-idx1-ubyte.gz", idx(labels(n)))
    ten = folder / "cifar-10-batches-py-target" / "cifar-10-batches-py"
    for name in (*(f"data_batch_{i}" for i in range(1, 6)), "test_batch"):
        put(ten / name, photographs(4, labels=labels(4).tolist()))
    hundred = folder / "cifar-100-python-target" / "cifar-100-python"
    for name in ("train", "test"):
        put(
            hundred / name,
            photographs(5, fine_labels=labels(5, 100).tolist(), coarse_labels=labels(5, 20).tolist()),
        )
    put(
        folder / "imdb.npz",
        dict(x_train=texts(40), y_train=labels(40, 2), x_test=texts(30), y_test=labels(30, 2)),
    )
    put(folder / "reuters.npz", dict(x=texts(50), y=labels(50, 46)))
    put(folder / "boston_housing.npz", dict(x=DRAW.normal(size=(31, 13)), y=DRAW.normal(size=31)))
    put(folder / "california_housing.npz", dict(x=DRAW.normal(size=(700, 8)), y=DRAW.normal(size=700)))
    for name in ("imdb", "reuters"):
        put(folder / f"{name}_word_index.json", json.dumps({"the": 1, "film": 2}).encode())


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    return tmp_path / "datasets"


CALLS = [
    ("mnist", {}),
    ("fashion_mnist", {}),
    ("cifar100", {}),
    ("cifar100", dict(label_mode="coarse")),
    ("boston_housing", {}),
    ("boston_housing", dict(test_split=0.4, seed=5)),
    ("california_housing", {}),
    ("california_housing", dict(version="small", seed=1)),
    ("imdb", {}),
    ("imdb", dict(num_words=40, skip_top=5, maxlen=12, seed=3)),
    ("imdb", dict(start_char=None, oov_char=None, index_from=0, num_words=20)),
    ("reuters", {}),
    ("reuters", dict(num_words=30, maxlen=15, test_split=0.5, oov_char=None)),
    ("reuters", dict(start_char=None, index_from=2, skip_top=10)),
]


@pytest.mark.oracle
@pytest.mark.parametrize(("name", "options"), CALLS)
def test_what_keras_reads_from_the_same_file(folder, monkeypatch, name, options):
    keras = import_keras()
    made_files(folder)
    theirs = getattr(keras.datasets, name)

    def in_the_cache(fname=None, cache_subdir="datasets", **_):
        """Keras's own compares checksums, and would download."""
        return str(folder.parent / cache_subdir / fname)

    module = __import__(f"keras.src.datasets.{name}", fromlist=["get_file"])
    monkeypatch.setattr(module, "get_file", lambda fname, *a, **o: in_the_cache(fname, **o))
    expected = theirs.load_data(**options)
    found = getattr(nn.datasets, name).load_data(**options)
    for ours, given in zip(found, expected, strict=True):
        for mine, other in zip(ours, given, strict=True):
            assert mine.shape == np.asarray(other).shape
            assert mine.tolist() == np.asarray(other).tolist()
    if name in ("imdb", "reuters"):
        assert getattr(nn.datasets, name).get_word_index() == theirs.get_word_index()


def test_photographs_in_ten_classes(folder):
    made_files(folder)
    (x, y), (x_test, y_test) = nn.datasets.cifar10.load_data()
    assert (x.shape, y.shape, x_test.shape, y_test.shape) == (
        (20, 32, 32, 3),
        (20, 1),
        (4, 32, 32, 3),
        (4, 1),
    )
    place = folder / "cifar-10-batches-py-target" / "cifar-10-batches-py" / "data_batch_2"
    held = pickle.loads(place.read_bytes(), encoding="bytes")
    # channel by channel, then row by row
    assert x[5, 3, 7, 2] == held[b"data"][1, 2 * 1024 + 3 * 32 + 7]
    assert y[4:8, 0].tolist() == held[b"labels"]


@pytest.mark.parametrize("name", KERAS)
def test_files_that_are_not_there(folder, name):
    with pytest.raises(FileNotFoundError) as error:
        getattr(nn.datasets, name).load_data()
    text = str(error.value)
    assert str(folder) in text
    assert "downloads nothing: get it from https://" in text
    stand_in = re.search(r"nn\.datasets\.(\w+)\.load_data\(\)", text)[1]
    assert stand_in in SHIPPED


def test_the_home_of_keras(folder, monkeypatch, tmp_path):
    monkeypatch.delenv("KERAS_HOME")
    monkeypatch.setenv("HOME", str(tmp_path / "me"))
    with pytest.raises(
        FileNotFoundError, match=re.escape(str(tmp_path / "me" / ".keras" / "datasets" / "mnist.npz"))
    ):
        nn.datasets.mnist.load_data()
    with pytest.raises(FileNotFoundError, match=r"imdb_word_index\.json"):
        nn.datasets.imdb.get_word_index()


class Harmful:
    """Its pickle would write a file."""

    def __reduce__(self):
        return (open, ("harm", "w"))


def harmful():
    array = np.empty(2, object)
    array[:] = [Harmful(), Harmful()]
    return array


def spoiled(name, content):
    def spoil(folder):
        put(folder / name, content)

    return spoil


GOOD = dict(x_train=images(3, 28, 28), y_train=labels(3), x_test=images(3, 28, 28), y_test=labels(3))
CIFAR = "cifar-100-python-target/cifar-100-python/train"
SPOILED = {
    "no npz": ("mnist", spoiled("mnist.npz", b"no zip"), "no npz file"),
    "no array": ("mnist", spoiled("mnist.npz", {"x_train": images(3, 28, 28)}), "holds x_train, and no y_train, x_test, y_test"),
    "shape": ("mnist", spoiled("mnist.npz", GOOD | {"x_test": images(3, 28)}), "x_test has shape (3, 28) and y_test (3,); expected (n, 28, 28)"),
    "length": ("mnist", spoiled("mnist.npz", GOOD | {"y_train": labels(4)}), "x_train has shape (3, 28, 28) and y_train (4,)"),
    "classes": ("mnist", spoiled("mnist.npz", GOOD | {"y_train": labels(3) + 10}), "y_train are not the numbers of 10 classes"),
    "floats": ("mnist", spoiled("mnist.npz", GOOD | {"y_train": np.ones(3)}), "are not the numbers of 10 classes"),
    "no gzip": ("fashion_mnist", spoiled("fashion-mnist/train-images-idx3-ubyte.gz", b"no"), "no gzip file"),
    "cut off": ("fashion_mnist", spoiled("fashion-mnist/train-images-idx3-ubyte.gz", gzip.compress(bytes(900))), "900 bytes are no images"),
    "no pickle": ("cifar100", spoiled(CIFAR, b"no pickle"), "no data as Keras leaves it"),
    "other things": ("cifar100", spoiled(CIFAR, pickle.dumps({b"data": 1})), "holds no images with fine_labels"),
    "code": ("cifar100", spoiled(CIFAR, pickle.dumps(Harmful())), "it would run"),
    "code in an array": ("imdb", spoiled("imdb.npz", dict(x_train=harmful(), y_train=labels(2, 2), x_test=harmful(), y_test=labels(2, 2))), "it would run"),
    "topics": ("reuters", spoiled("reuters.npz", dict(x=texts(3), y=np.array([1, 2, 46]))), "y are not the numbers of 46 classes"),
    "prices": ("boston_housing", spoiled("boston_housing.npz", dict(x=np.ones((3, 12)), y=np.ones(3))), "expected (n, 13) and (n,)"),
}  # fmt: skip


@pytest.mark.parametrize(("name", "spoil", "message"), SPOILED.values(), ids=SPOILED)
def test_files_that_are_not_what_they_should_be(folder, monkeypatch, name, spoil, message):
    monkeypatch.chdir(folder.parent)
    made_files(folder)
    spoil(folder)
    with pytest.raises(nn.DataError, match=re.escape(message)):
        getattr(nn.datasets, name).load_data()
    assert not (folder.parent / "harm").exists()


WRONG = {
    "samples": (lambda: nn.datasets.moons.load_data(0), "datasets.moons: samples is an integer >= 1, got 0"),
    "noise": (lambda: nn.datasets.xor.load_data(noise=-1), "datasets.xor: noise is a number >= 0, got -1"),
    "seed": (lambda: nn.datasets.waves.load_data(seed=-1), "datasets.waves: seed is an integer >= 0"),
    "no seed": (lambda: nn.datasets.waves.load_data(seed=None), "datasets.waves: seed is an integer >= 0"),
    "split": (lambda: nn.datasets.blobs.load_data(test_split=2), "datasets.blobs: test_split lies between 0 and 1, got 2"),
    "label_mode": (lambda: nn.datasets.cifar100.load_data("both"), "label_mode is one of 'fine', 'coarse', got 'both'"),
    "version": (lambda: nn.datasets.california_housing.load_data("huge"), "version is one of 'small', 'large'"),
    "prices split": (lambda: nn.datasets.boston_housing.load_data(test_split=1), "datasets.boston_housing: test_split lies in [0, 1), got 1"),
    "num_words": (lambda: nn.datasets.imdb.load_data(num_words=-3), "datasets.imdb: num_words is an integer >= 1, got -3"),
    "index_from": (lambda: nn.datasets.reuters.load_data(index_from=None), "datasets.reuters: index_from is an integer >= 0, got None"),
}  # fmt: skip


@pytest.mark.parametrize(("call", "message"), WRONG.values(), ids=WRONG)
def test_arguments(call, message):
    with pytest.raises(nn.ArgumentError, match=re.escape(message)):
        call()


def test_too_short_texts(folder):
    made_files(folder)
    with pytest.raises(nn.ArgumentError, match="no text has fewer than maxlen=2 words"):
        nn.datasets.imdb.load_data(maxlen=2)
