"""Training, measuring and predicting on a device beside NumPy: the same start, the same masks, the same numbers to rounding."""

from __future__ import annotations

import numpy as np
import pytest
from descending import put_on_the_stream_by
from substitute import architectures

import autograd as ag
import backends
import nn
from backends import registry
from benchmarks.networks.job import Where, loss_after_steps
from benchmarks.networks.problems import PROBLEMS
from benchmarks.networks.with_gradloom import GradloomTrainer

pytestmark = pytest.mark.once
RNG = np.random.default_rng(0)
X = RNG.standard_normal((26, 6)).astype(np.float32)
Y = (X[:, :1] > 0).astype(np.float32)
Y3 = RNG.integers(0, 3, 26)
PICTURES = RNG.standard_normal((26, 8, 8, 2)).astype(np.float32)
WORDS = RNG.integers(0, 9, (26, 5))


def some(values, first):
    """The first of these, or all where what makes kernels has changed (see `substitute.architectures`)."""
    return values if architectures.all_models() else values[:first]


@pytest.fixture(autouse=True)
def way(request, monkeypatch):
    """Most by graphs, whose kernels serve all models; one kernel for a whole step would be compiled for each."""
    put_on_the_stream_by(getattr(request, "param", "graphs"), monkeypatch)


def random_words():
    key, counter = ag.random.default_generator().state
    return key.item(), counter.item()


def trained(backend, layers, x, y, settings, dtype="float32", **options):
    """(history, measures, predictions, weights, slots of the optimizer, random words) of a model that was trained there."""
    with backends.use(backend):
        nn.set_random_seed(4)
        model = nn.Sequential(layers(), dtype=dtype)
        model.compile(**settings() if callable(settings) else settings)
        kept = dict(batch_size=8, epochs=2, verbose=0) | {n: v() if callable(v) else v for n, v in options.items()}  # fmt: skip
        history = model.fit(x, y, **kept).history
        measures = model.evaluate(x, y, verbose=0, batch_size=7)
        predictions = model.predict(x, verbose=0)
        weights = [np.asarray(w) for w in model.get_weights()]
        slots = [t.numpy() for t in model.optimizer.state().values()]
        return history, measures, predictions, weights, slots, random_words()


def same(a, b, tolerance, where=""):
    """Nested numbers to a tolerance."""
    if isinstance(a, dict):
        assert list(a) == list(b)
        a, b = list(a.values()), list(b.values())
    if isinstance(a, (list, tuple)):
        assert len(a) == len(b)
        for k, (one, other) in enumerate(zip(a, b, strict=True)):
            same(one, other, tolerance, f"{where}.{k}")
    elif a is not None:
        scale = float(np.abs(np.asarray(a, float)).max(initial=0)) + 1e-3
        np.testing.assert_allclose(b, a, tolerance, tolerance * scale, err_msg=where)


def alike(cupy_backend, layers, x, y, settings, tolerance=2e-4, **options):
    """Trains on both; returns what came out on NumPy."""
    expected = trained(backends.get("numpy"), layers, x, y, settings, **options)
    found = trained(cupy_backend, layers, x, y, settings, **options)
    assert expected[-1] == found[-1], "other random words were used"
    same(expected[:-1], found[:-1], tolerance)
    return expected


def mlp(outputs=1, last="sigmoid", **options):
    return lambda: [nn.Input((6,)), nn.Dense(7, "relu", **options), nn.Dropout(0.3), nn.Dense(outputs, last)]  # fmt: skip


BINARY = dict(optimizer="adam", loss="binary_crossentropy", metrics=["accuracy"])


OPTIONS = [
    {}, dict(batch_size=5), dict(validation_split=0.25), dict(sample_weight=np.linspace(0.1, 2, 26)), dict(dtype="float64"),
    dict(shuffle=False), dict(batch_size=26), dict(batch_size=13), dict(batch_size=1, epochs=1), dict(batch_size=100),
    dict(validation_data=(X[:9], Y[:9])), dict(epochs=5, initial_epoch=3), dict(class_weight={0: 1.0, 1: 3.0}),
]  # fmt: skip


@pytest.mark.parametrize("options", some(OPTIONS, 5), ids=str)
def test_a_network_with_dropout(cupy_backend, options):
    alike(cupy_backend, mlp(), X, Y, BINARY, **options)


@pytest.mark.parametrize("how", ["a callback at every batch", "steps of its own", "lists"])
def test_batch_by_batch(cupy_backend, how):
    seen = []
    if how == "a callback at every batch":

        def record(batch, logs):
            seen.append(logs["loss"])

        alike(
            cupy_backend,
            mlp(),
            X,
            Y,
            BINARY,
            callbacks=[nn.LambdaCallback(on_train_batch_end=record)],
        )
        half = len(seen) // 2
        assert half == 8
        np.testing.assert_allclose(seen[:half], seen[half:], 1e-4)
    elif how == "lists":
        alike(cupy_backend, mlp(), X.tolist(), Y.tolist(), BINARY)
    else:
        for backend in (backends.get("numpy"), cupy_backend):
            with backends.use(backend):
                nn.set_random_seed(4)
                model = nn.Sequential(mlp()())
                model.compile(**BINARY)
                seen.append([model.train_on_batch(X[:k], Y[:k]) for k in (8, 8, 3, 8)])
        same(*seen, 1e-4)


@pytest.mark.parametrize("way", ["no graphs", "one kernel"], indirect=True)
def test_other_ways_to_run_a_step(cupy_backend, way):
    alike(cupy_backend, mlp(), X, Y, BINARY, validation_split=0.25)


def test_pictures(cupy_backend):
    layers = lambda: [nn.Input((8, 8, 2)), nn.Conv2D(4, 3, activation="relu"), nn.MaxPooling2D(2), nn.Conv2D(3, 2, padding="same", strides=2, use_bias=False), nn.BatchNormalization(), nn.AveragePooling2D(2), nn.Flatten(), nn.Dense(3, "softmax")]  # fmt: skip  # noqa: E731
    alike(cupy_backend, layers, PICTURES, Y3, dict(optimizer="rmsprop", loss="sparse_categorical_crossentropy", metrics=["accuracy"]))  # fmt: skip


@pytest.mark.parametrize("layer", some([nn.GlobalMaxPooling2D, nn.GlobalAveragePooling2D], 1))
def test_augmented_pictures(cupy_backend, layer):
    layers = lambda: [nn.Input((8, 8, 2)), nn.RandomFlip(), nn.RandomTranslation(0.2, 0.2), nn.Conv2D(4, 3, activation="elu", dilation_rate=2), layer(), nn.Dense(3)]  # fmt: skip  # noqa: E731
    loss = nn.SparseCategoricalCrossentropy(from_logits=True)
    alike(cupy_backend, layers, PICTURES, Y3, dict(optimizer="sgd", loss=loss))


def test_words(cupy_backend):
    layers = lambda: [nn.Embedding(9, 4), nn.Flatten(), nn.LayerNormalization(), nn.Dense(3, "softmax")]  # fmt: skip  # noqa: E731
    alike(cupy_backend, layers, WORDS, Y3, lambda: dict(optimizer=nn.SGD(0.1, momentum=0.9), loss="sparse_categorical_crossentropy"))  # fmt: skip


LAYERS = [
    lambda: nn.BatchNormalization(), lambda: nn.LayerNormalization(), lambda: nn.GaussianNoise(0.3), lambda: nn.Maxout(4, 3),
    lambda: nn.LeakyReLU(), lambda: nn.ELU(), lambda: nn.Softmax(), lambda: nn.Dense(5, "gelu"), lambda: nn.Dense(5, "selu"), lambda: nn.Dense(5, "softplus"),
    lambda: nn.Dense(6, "silu"), lambda: nn.Dense(5, "log_softmax"), lambda: nn.Dense(5, kernel_regularizer="l1_l2", bias_regularizer="l2"),
    lambda: nn.Dense(5, kernel_regularizer=nn.OrthogonalRegularizer()), lambda: nn.Dense(5, kernel_constraint=nn.MaxNorm(0.5), bias_constraint=nn.NonNeg()),
    lambda: nn.Dense(5, kernel_constraint=nn.UnitNorm()), lambda: nn.Reshape((3, 2)), lambda: nn.Activation("hard_sigmoid"),
]  # fmt: skip


@pytest.mark.parametrize("first", some(range(6), 2))
def test_layers(cupy_backend, first, full):
    """Three of them in one network, and each in a network of its own if the run is full."""
    some = LAYERS[first::6]
    for layers in [[layer] for layer in some] if full else [some]:

        def network(layers=layers):
            # what changes the shape of an example has a layer behind it that does not mind
            between = [layer for make in layers for layer in (make(), nn.Flatten())]
            return [nn.Input((6,)), nn.Dense(6, use_bias=False), *between, nn.Dense(1, "sigmoid")]

        alike(cupy_backend, network, X, Y, BINARY)


OPTIMIZERS = [
    nn.Adam, nn.Lion, nn.Adadelta, lambda: nn.RMSprop(momentum=0.5, centered=True), lambda: nn.SGD(0.1, momentum=0.9, nesterov=True),
    lambda: nn.SGD(nn.ExponentialDecay(0.1, 3, 0.9), weight_decay=0.01), lambda: nn.Adam(nn.CosineDecay(0.01, 20), global_clipnorm=0.5),
    lambda: nn.SGD(nn.PiecewiseConstantDecay([2, 5], [0.1, 0.05, 0.01]), clipnorm=0.05),
    nn.SGD, nn.AdamW, nn.RMSprop, nn.Adagrad, nn.Adamax, nn.Nadam, lambda: nn.Adam(amsgrad=True), lambda: nn.SGD(0.1, clipvalue=0.01),
    lambda: nn.SGD(0.1, momentum=0.9, global_clipnorm=0.1), lambda: nn.SGD(nn.CosineDecayRestarts(0.1, 3)),
    lambda: nn.SGD(nn.PolynomialDecay(0.1, 5, cycle=True)), lambda: nn.SGD(nn.InverseTimeDecay(0.1, 3, 0.5, staircase=True)),
    lambda: nn.SGD(0.1, momentum=0.9), lambda: nn.SGD(0.1, weight_decay=0.01),
]  # fmt: skip
"""Each makes kernels of its own; the first eight hold every way to make an update between them."""


@pytest.mark.parametrize("number", some(range(8), 4))
def test_optimizers(cupy_backend, number, full):
    for make in OPTIMIZERS[number :: 8 if full else len(OPTIMIZERS)]:
        settings = lambda make=make: dict(optimizer=make(), loss="mse")  # fmt: skip  # noqa: E731
        alike(cupy_backend, mlp(last=None), X, Y, settings, 1e-3)


ONE_NUMBER = ["binary_crossentropy", "huber", "mape", "poisson", "mse", "mae", "msle", "hinge", "squared_hinge", "log_cosh", "kl_divergence", "binary_focal_crossentropy"]  # fmt: skip
CLASSES = [
    "categorical_crossentropy", "cosine_similarity", nn.SparseCategoricalCrossentropy(ignore_class=1), "categorical_hinge", "kl_divergence",
    "sparse_categorical_crossentropy", nn.CategoricalCrossentropy(label_smoothing=0.1),
]  # fmt: skip


@pytest.mark.parametrize("number", some(range(4), 2))
def test_losses_of_one_number(cupy_backend, number, full):
    for loss in ONE_NUMBER[number :: 4 if full else len(ONE_NUMBER)]:
        last = "softplus" if loss in ("poisson", "msle") else "sigmoid"
        alike(cupy_backend, mlp(last=last), X, Y, dict(optimizer="sgd", loss=loss))


@pytest.mark.parametrize("number", some(range(3), 1))
def test_losses_of_classes(cupy_backend, number, full):
    for loss in CLASSES[number :: 3 if full else len(CLASSES)]:
        y = Y3 if "parse" in str(loss) else np.eye(3, dtype=np.float32)[Y3]
        alike(cupy_backend, mlp(3, "softmax"), X, y, dict(optimizer="sgd", loss=loss))


def test_metrics(cupy_backend):
    names = ("mae", "accuracy")
    settings = lambda: dict(optimizer="sgd", loss="mse", metrics=[nn.AUC(), nn.Precision(), nn.Recall(), nn.F1Score(), nn.R2Score(), *names])  # fmt: skip  # noqa: E731
    alike(cupy_backend, mlp(), X, Y, settings)


@pytest.mark.parametrize("precision", some(["bfloat16", "tf32", "float16"], 1))
def test_mixed_precision(cupy_backend, precision):
    alike(cupy_backend, mlp(), X, Y, BINARY | dict(mixed_precision=precision), 2e-3)


def test_large_layers_go_to_blas(cupy_backend):
    x = RNG.standard_normal((260, 200)).astype(np.float32)
    y = RNG.integers(0, 3, 260)
    layers = lambda: [nn.Input((200,)), nn.Dense(300, "relu"), nn.Dropout(0.2), nn.Dense(100, "relu"), nn.Dense(3, "softmax")]  # fmt: skip  # noqa: E731
    settings = lambda: dict(optimizer=nn.SGD(0.05, momentum=0.9), loss="sparse_categorical_crossentropy")  # fmt: skip  # noqa: E731
    alike(cupy_backend, layers, x, y, settings, batch_size=128)


def test_the_best_weights_come_back(cupy_backend):
    alike(cupy_backend, mlp(), X, Y, BINARY, epochs=5, validation_split=0.3, callbacks=lambda: [nn.EarlyStopping(patience=1, restore_best_weights=True, monitor="loss", mode="max"), nn.ReduceLROnPlateau("loss", patience=1)])  # fmt: skip


def test_a_model_goes_from_one_backend_to_the_other(cupy_backend, tmp_path):
    """Two epochs here and two there, with the file between, are four epochs anywhere."""
    numpy = backends.get("numpy")
    ends = []
    for places in ((numpy, numpy), (cupy_backend, numpy), (numpy, cupy_backend), (cupy_backend, cupy_backend)):  # fmt: skip
        with backends.use(places[0]):
            nn.set_random_seed(1)
            model = nn.Sequential(mlp()())
            model.compile(**BINARY)
            model.fit(X, Y, 8, 2, verbose=0, shuffle=False)
            model.save(tmp_path / "model.safetensors")
        with backends.use(places[1]):
            loaded = nn.load(tmp_path / "model.safetensors")
            assert loaded.parameters()[0].backend == places[1].name
            ag.random.seed(7)
            loaded.fit(X, Y, 8, 2, verbose=0, shuffle=False)
            ends.append([loaded.predict(X, verbose=0), loaded.evaluate(X, Y, verbose=0)])
    for end in ends[1:]:
        same(ends[0], end, 2e-4)


@pytest.mark.parametrize("name", ["digits_cnn", "tabular", "batchnorm"])
def test_networks_of_the_contest(cupy_backend, monkeypatch, name):
    """As it is called there, with rows that lie on the device, beside NumPy."""
    monkeypatch.setattr(registry, "_process_default", None)
    problem = PROBLEMS[name]._replace(batch=8)
    right = loss_after_steps(problem, GradloomTrainer, Where(1))
    with backends.use(cupy_backend):
        found = loss_after_steps(problem, GradloomTrainer, Where(1, "cuda"))
    assert found == pytest.approx(right, rel=1e-4)
