"""What a user writes, every area once, as type checkers see it: mypy (strict) and pyright (strict) take all of it, with
the types that it says. `tests/test_typing.py` runs it.
"""

# pyright: strict

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any, assert_type

import numpy as np

import autograd as ag
import backends
import gradloom as gl
import gradloom.nn.layers
import nn
from autograd.typing import ArrayLike, NumPyArray
from gradloom.nn import Dense

# tensors and ops
x = ag.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]], requires_grad=True)
assert_type(ag.exp(x), ag.Tensor)
assert_type(ag.sum(x, 0), ag.Tensor)
assert_type(ag.mean(x, axis=(0, 1), keepdims=True), ag.Tensor)
assert_type(ag.concat([x, x], axis=-1), ag.Tensor)
assert_type(ag.stack(x, [[0, 1, 2], [3, 4, 5]]), ag.Tensor)
assert_type(ag.split(x, 3, axis=1), list[ag.Tensor])
assert_type(ag.einsum("ij,kj->ik", x, x), ag.Tensor)
assert_type(ag.one_hot([0, 2], num_classes=3, dtype=np.float64), ag.Tensor)
assert_type(ag.linear(np.ones((2, 3)), x.T), ag.Tensor)
assert_type(ag.reshape(x, (3, 2)), ag.Tensor)
assert_type(ag.maximum(x, 2.5), ag.Tensor)
assert_type(ag.take(x, [0, 1], axis=1), ag.Tensor)
assert_type(ag.zeros((2, 3), dtype="float64"), ag.Tensor)
assert_type(ag.random.normal((2, 3), key=1), ag.Tensor)
assert_type(x.numpy(), NumPyArray)
assert_type(ag.__version__, str)
with ag.no_grad(), backends.use("numpy") as backend:
    assert_type(backend, backends.Backend)
    x.assign(x - 0.1)


# functions of them
def energy(v: ag.Tensor, scale: float = 1.0) -> ag.Tensor:
    return scale * (v * v).sum()


def fitted(weights: dict[str, ag.Tensor], rows: ag.Tensor) -> ag.Tensor:
    return ((rows @ weights["w"] + weights["b"]) ** 2).mean()


@ag.no_grad()
def norm(v: ArrayLike) -> ag.Tensor:
    return ag.norm(v)


@ag.no_grad
def count(v: ag.Tensor) -> int:
    return v.size


assert_type(ag.grad(energy)(x, scale=2.0), ag.Tensor)
assert_type(ag.value_and_grad(energy)(x), tuple[ag.Tensor, ag.Tensor])
assert_type(ag.grad(fitted)({"w": ag.ones((3, 1)), "b": ag.zeros(1)}, x), dict[str, ag.Tensor])
assert_type(ag.jacobian(ag.checkpoint(energy))(x), ag.Tensor)
assert_type(ag.hessian(energy)(x), ag.Tensor)
assert_type(ag.hvp(energy, x, x), ag.Tensor)
assert_type(ag.jvp(energy, [x], [x]), tuple[ag.Tensor, ag.Tensor])
assert_type(ag.vjp(energy, x)[0], ag.Tensor)
assert_type(norm([3.0, 4.0]), ag.Tensor)
assert_type(count(x), int)


# compiled functions
@ag.jit
def step(v: ag.Tensor, rate: float = 0.1) -> ag.Tensor:
    return v - rate * ag.grad(energy)(v)


@ag.jit(donate=True)
def pair(v: ag.Tensor) -> tuple[ag.Tensor, ag.Tensor]:
    return v + 1, v - 1


class Walk:
    """A compiled method."""

    @ag.jit
    def to(self, v: ag.Tensor) -> ag.Tensor:
        return v * 2.0


assert_type(step(x.detach(), rate=0.5), ag.Tensor)
assert_type(pair(x.detach()), tuple[ag.Tensor, ag.Tensor])
assert_type(Walk().to(x.detach()), ag.Tensor)
assert_type(step.traces, int)
assert_type(step.kernels(), list[str])


# an op, a layer and a loss of one's own
def _cube_slope(xp: Any, g: Any, x: Any) -> Any:
    return g * 3 * x * x


@ag.op(vjp={"x": _cube_slope}, domain=ag.Domain(x=(-2, 2)))
def cube(xp: Any, x: Any) -> Any:
    """The third power."""
    return x * x * x


class Scaled(nn.Layer):
    """A weight for each feature."""

    def build(self, *shapes: tuple[int, ...], dtype: Any) -> None:
        self.gain = nn.Parameter(ag.ones((shapes[0][-1],), dtype=dtype))

    def call(self, x: ag.Tensor) -> ag.Tensor:
        return cube(x) * self.gain


class Cubic(nn.Loss):
    """The mean third power of the distance."""

    def per_sample(self, y_true: ag.Tensor, y_pred: ag.Tensor, from_logits: bool = False) -> ag.Tensor:
        return (abs(y_true - y_pred) ** 3).mean(axis=-1)


class Epochs(nn.Callback):
    """Counts."""

    seen = 0

    def on_epoch_end(self, epoch: int, logs: dict[str, Any]) -> None:
        self.seen += 1


# models: define, train, measure, predict, save
(x_train, y_train), (x_test, y_test) = nn.datasets.iris.load_data()
model = nn.Sequential([nn.Input((4,)), Scaled(), nn.Dense(8, "relu"), nn.Dropout(0.1), Dense(3)])
model.compile(
    nn.Adam(nn.ExponentialDecay(0.01, 10, 0.9)),
    nn.SparseCategoricalCrossentropy(from_logits=True),
    metrics=["accuracy"],
)
epochs = Epochs()
history = model.fit(
    x_train,
    y_train,
    epochs=2,
    verbose=0,
    validation_data=(x_test, y_test),
    callbacks=[epochs, nn.EarlyStopping(patience=3)],
)
assert_type(history, nn.History)
assert_type(history.history, dict[str, list[Any]])
assert_type(model.predict(x_test, verbose=0), NumPyArray)
assert_type(model.evaluate(x_test, y_test, verbose=0, return_dict=True), dict[str, Any])
assert_type(model(x_test), ag.Tensor)
assert_type(nn.Dense(2)(x_test), ag.Tensor)
inputs = nn.Input((4,))
hidden = nn.Dense(4, "tanh")(inputs)
outputs = nn.Dense(1)(nn.Concatenate()([inputs, hidden]))
functional = nn.Model(inputs, outputs)
functional.compile(nn.SGD(0.01), Cubic(), weighted_metrics=[nn.metrics.MeanAbsoluteError()])
functional.fit(x_train, y_train, epochs=1, verbose=0)
with tempfile.TemporaryDirectory() as folder:
    path = Path(folder) / "model"
    model.save(path)
    again = nn.load(path, custom_objects={"Scaled": Scaled})
    assert_type(again, nn.Model)

# searching, and the other name of it all
deeper = nn.add_layers_until(
    None, x_train, y_train, max_layers=1, verbose=0, seed=0, validation_data=(x_test, y_test)
)
assert_type(deeper, nn.tuning.DepthSearch)
assert_type(deeper.best_layers, int)
assert_type(nn.tuning.Float(0.001, 0.1, log=True), nn.tuning.Float)
assert_type(gl.nn.Dense(3), nn.Dense)
assert_type(gradloom.nn.layers.Flatten(), nn.Flatten)
assert_type(gl.autograd.tanh(x), ag.Tensor)
