"""What a user writes, as type checkers see it: mypy (strict) and pyright both take all of this, and the wrong
lines, which are marked, as errors. `tests/test_typing.py` runs it, so that what they are told is also true.
"""

# pyright: reportUnnecessaryTypeIgnoreComment=true

from __future__ import annotations

import math
import os
from collections.abc import Callable
from typing import Any, assert_type

import numpy as np

import autograd as ag
import autograd.testing
import backends
import nn

# tensors
x = ag.tensor([1.0, 2.0, 3.0], requires_grad=True)
assert_type(x, ag.Tensor)
assert_type(x * 2 + 1.0 - x / x, ag.Tensor)
assert_type(2 * -x @ x, ag.Tensor)
assert_type(x[1:].reshape(1, 2).T, ag.Tensor)
assert_type(x.sum(axis=0, keepdims=True).mean(), ag.Tensor)
assert_type(x.shape, tuple[int, ...])
assert_type(x.to_device(x.device).reshape(3, 1).mT, ag.Tensor)
assert_type(ag.exp(x), ag.Tensor)
assert_type(ag.where(x > 1, x, 0.0), ag.Tensor)
assert_type(ag.zeros((2, 3), dtype="float64"), ag.Tensor)
assert_type(ag.random.normal((2, 3), key=1), ag.Tensor)
assert_type(ag.dropout(x, rate=0.5, key=1), ag.Tensor)
(x * x).sum().backward()
assert_type(x.grad, ag.Tensor | None)
with ag.no_grad(), backends.use("numpy"):
    x.assign(x - 0.1)


# functions of them
def energy(v: ag.Tensor) -> ag.Tensor:
    return (v * v).sum()


gradient: ag.Tensor = ag.grad(energy)(x)
value, slope = ag.value_and_grad(energy)(x)
rough: ag.Tensor = ag.checkpoint(energy)(x)


@ag.jit
def step(v: ag.Tensor, rate: float = 0.1) -> ag.Tensor:
    downhill: ag.Tensor = -ag.grad(energy)(v)
    return v + rate * downhill


@ag.jit(donate=True, name="other")
def other(v: ag.Tensor) -> ag.Tensor:
    return v * 2


moved: ag.Tensor = step(x.detach(), rate=0.5)
doubled: ag.Tensor = other(x.detach())
assert_type(moved, ag.Tensor)
assert_type(step.traces, int)


# an op of one's own, and its test
def _cube_slope(xp: Any, g: Any, x: Any) -> Any:
    return g * 3 * x * x


@ag.op(vjp={"x": _cube_slope}, domain=ag.Domain(x=(-2, 2)), cases=[ag.case(x=(2, 3))])
def cube(xp: Any, x: Any) -> Any:
    """The third power."""
    return x * x * x


assert_type(cube(x), ag.Tensor)
ag.testing.check_grad(cube, [0.5, -1.0])
ag.testing.check_vjp(energy, np.array([0.5, -1.0]))
assert_type(ag.testing.samples(cube.op), list[ag.testing.Sample])
assert_type(ag.testing.TensorSubject(energy).value([np.array([1.0])]), np.ndarray[Any, Any])


# layers
nn.Dense(8)
nn.Dense(8, "relu", kernel_regularizer="l2", input_shape=(4,), name="first")
nn.Conv2D(4, 3, padding="same")
nn.MaxPooling2D()
nn.Dropout(0.5, seed=1, noise_shape=(None, 1))
nn.Conv1D(4, 3, padding="causal")
nn.AvgPool1D(2)
nn.SeparableConv2D(8, 3, depth_multiplier=2)
nn.Conv2DTranspose(3, 4, strides=2, output_padding=1)
nn.ZeroPadding2D(((1, 0), (2, 2)))
nn.Lambda(lambda x: x * 2, output_shape=(4,))
nn.GroupNormalization(8)
assert_type(nn.LeakyReLU(alpha=0.2), nn.LeakyReLU)
nn.Embedding(10, 4)
nn.Flatten()
nn.Reshape((2, 2))
nn.BatchNormalization(momentum=0.9, epsilon=1e-4)
nn.HeNormal(seed=1)
nn.RandomNormal(0.0, 0.1, seed=1)
assert_type(nn.Dense(8), nn.Dense)
assert_type(nn.Dense(8).units, int)
assert_type(nn.Dense(8).input_shape, tuple[int, ...] | None)


class Noisy(nn.Layer):
    """Two layers, and a weight of its own."""

    def __init__(self, units: int, scale: float = 0.1) -> None:
        super().__init__()
        self.units = units
        self.scale = scale
        self.dense = nn.Dense(units)
        self.drop = nn.Dropout(0.2)

    def build(self, *shapes: tuple[int, ...], dtype: Any) -> None:
        self.gain = nn.Parameter(ag.ones((shapes[0][-1],), dtype=dtype))

    def call(self, x: ag.Tensor, training: bool = False) -> ag.Tensor:
        inner: ag.Tensor = self.drop(self.dense(x * self.gain), training=training)
        return inner * (1 + self.scale)


class Sum(nn.Module):
    """A module of two inputs."""

    def call(self, a: ag.Tensor, b: ag.Tensor) -> ag.Tensor:
        return a + b


class Residual(nn.Model):
    """A model of one's own."""

    def __init__(self) -> None:
        super().__init__()
        self.first = Noisy(3)
        self.sum = Sum()
        self.last = nn.Dense(1)

    def call(self, x: ag.Tensor) -> ag.Tensor:
        result: ag.Tensor = self.last(self.sum(x, self.first(x)))
        return result


class Cubic(nn.Loss):
    """A loss of one's own."""

    def per_sample(self, y_true: ag.Tensor, y_pred: ag.Tensor, from_logits: bool = False) -> ag.Tensor:
        return (abs(y_true - y_pred) ** 3).mean(axis=-1)


class WithinOne(nn.Metric):
    """A metric of one's own."""

    def __init__(self, name: str = "within_one") -> None:
        super().__init__(name)

    def values(self, y_true: ag.Tensor, y_pred: ag.Tensor) -> ag.Tensor:
        return (abs(y_true.reshape(y_pred.shape) - y_pred) < 1).reshape(-1).to("float64")


class Stop(nn.Callback):
    """A callback of one's own."""

    def __init__(self, below: float) -> None:
        self.below = below
        self.epochs: list[int] = []

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        self.epochs.append(epoch)
        if logs is not None and logs["loss"] < self.below:
            self.model.stop_training = True


class Signs(nn.Optimizer):
    """An optimizer of one's own."""

    def update(
        self, parameter: ag.Tensor, gradient: ag.Tensor, slots: dict[str, ag.Tensor], rate: ag.Tensor
    ) -> tuple[ag.Tensor, dict[str, ag.Tensor]]:
        return parameter - rate * ag.sign(gradient), {}


def halved(epoch: int, rate: float) -> float:
    return rate * 0.5


def penalty(kernel: ag.Tensor) -> ag.Tensor:
    return 0.01 * (kernel * kernel).sum()


# training
rows = np.linspace(-1.0, 1.0, 24, dtype="float32").reshape(8, 3)
targets = np.sin(5 * rows).sum(axis=1)
model = nn.Sequential([nn.Dense(4, "relu", kernel_regularizer=penalty), nn.Dropout(0.1), nn.Dense(1)])
model.compile(nn.Adam(0.01, clipnorm=1.0), nn.MeanSquaredError(), metrics=["mae", WithinOne()])
stop = Stop(1e-9)
history = model.fit(
    rows,
    targets,
    epochs=2,
    batch_size=4,
    validation_split=0.25,
    verbose=0,
    callbacks=[stop, nn.EarlyStopping(patience=3), nn.LearningRateScheduler(halved)],
)
assert_type(history, nn.callbacks.History)
assert_type(stop.epochs, list[int])
predicted: np.ndarray[Any, Any] = model.predict(rows)


def export(path: str) -> None:
    model.export(path, opset=20, overwrite=False)


report = model.evaluate(rows, targets, verbose=0, return_dict=True)
own = Residual()
own.compile(optimizer=nn.SGD(nn.ExponentialDecay(0.1, 10, 0.9), momentum=0.9), loss=Cubic(reduction="sum"))
own.fit(rows, targets, epochs=1, verbose=0)
own.compile(Signs(learning_rate=0.01), Cubic())
own.fit(rows, targets, epochs=1, verbose=0)
own.compile(nn.AdamW(weight_decay=0.01), nn.Huber(0.5))
assert_type(nn.MLP(hidden=(8,), outputs=1, dropout=0.0), nn.MLP)
assert_type(sum(math.prod(p.shape) for p in own.parameters()), int)
table = {"age": [31.0, None], "city": ["Bern", "Genf"]}
features = nn.TableFeatures(table, categorical=["city"], max_categories=10)
assert_type(features.names, list[str])
scale = nn.Normalization(axis=-1)
scale.adapt(rows)
words = nn.StringLookup(num_oov_indices=1, vocabulary=["a", "b"], output_mode="one_hot")
assert_type(words.vocabulary_size(), int)
nn.Sequential([nn.Hashing(num_bins=3), nn.CategoryEncoding(3), nn.Discretization([0.5])])
(x_train, y_train), (x_test, y_test) = nn.datasets.moons.load_data(samples=100, noise=0.2)
loaded: Callable[[str | os.PathLike[str]], nn.Model] = nn.load
perceptron = nn.Sequential([nn.Dense(2, input_shape=(3,))])
assert_type(nn.to_torch(perceptron, names={"dense": "0"}), dict[str, Any])
nn.from_torch(perceptron, nn.to_torch(perceptron))


# searching
def build(units: int, rate: float) -> nn.Model:
    made = nn.Sequential([nn.Dense(units), nn.Dense(1)])
    made.compile(nn.SGD(rate), "mse")
    return made


def search() -> nn.Model:
    found = nn.tune(
        build,
        rows,
        targets,
        {"units": [2, 4], "rate": nn.tuning.Float(0.01, 0.1, log=True)},
        trials=2,
        epochs=1,
        seed=0,
        verbose=0,
        callbacks=lambda: [Stop(0.0)],
    )
    best: dict[str, Any] = found.best_params
    return build(**best)


def estimate() -> float:
    estimator = nn.sklearn.Classifier((4,), max_iter=2, tol=None, early_stopping=False, random_state=0)
    assert_type(estimator, nn.sklearn.Classifier)
    labels = ["a", "b"] * 4
    assert_type(estimator.fit(rows, labels), nn.sklearn.Classifier)
    assert_type(estimator.predict_proba(rows), np.ndarray[Any, Any])
    nn.sklearn.Regressor(build=line, max_iter=2, tol=None).fit(rows, targets)
    nn.sklearn.KerasRegressor(line, loss="mse", epochs=2, model__units=3, verbose=0)
    return float(estimator.score(rows, labels))


def line(n_outputs: int = 1, units: int = 2) -> nn.Model:
    return nn.Sequential([nn.Dense(units), nn.Dense(n_outputs)])


def mistakes() -> None:
    """Each line is an error for both, and when it is run."""
    ag.tensor()  # type: ignore[call-arg]
    ag.zeros((2, 3), shapes=2)  # type: ignore[call-arg]
    ag.draw(x, depth=2)  # type: ignore[call-arg]
    ag.checkpoint()  # type: ignore[call-arg]
    ag.jit(energy, donates=True)  # type: ignore[call-overload]
    nn.Dense()  # type: ignore[call-arg]
    nn.Dense(8, unit=3)  # type: ignore[call-arg]
    nn.Adam(rate=0.1)  # type: ignore[call-arg]
    nn.Densely(8)  # type: ignore[attr-defined]
    model.fits(rows, targets)  # type: ignore[attr-defined]
