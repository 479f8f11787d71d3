"""Gradloom as its users call it: `compile`, then `fit` with whole epochs, rows in a new order each time.

On a GPU the very same, with "cupy" as the default backend and the rows as tensors that lie there before time counts, as
the batches of the other frameworks do.
"""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np

import autograd as ag
import backends
import nn

from ..machine import own_version
from ..work import Skip
from .job import Job, Make
from .problems import (
    ADAM,
    LEARNING_RATE,
    MOMENTUM,
    NORM_EPSILON,
    NORM_MOMENTUM,
    Array,
    Conv,
    Dense,
    Dropout,
    Embed,
    Flatten,
    Norm,
    Pool,
    Problem,
)


class Tabular(nn.Model):
    """The first columns by way of a table, the others as they are, then dense layers."""

    def __init__(self, embed: Embed, layers: list[Any]) -> None:
        super().__init__()
        self.columns = embed.columns
        self.table = nn.Embedding(embed.columns * embed.values, embed.size)
        self.body = nn.Sequential(layers)

    def call(self, x: Any) -> Any:
        vectors = self.table(x[:, : self.columns])
        rows = vectors.reshape(vectors.shape[0], vectors.shape[1] * vectors.shape[2])
        return self.body(ag.concat([rows, x[:, self.columns :]], axis=1))


def _layers(problem: Problem, rate: float) -> list[Any]:
    made: list[Any] = []
    last = problem.layers[-1]
    for layer in problem.layers:
        match layer:
            case Dense(_, outputs, relu, bias):
                end = "sigmoid" if problem.binary else "softmax"
                activation = end if layer is last else "relu" if relu else None
                made.append(nn.Dense(outputs, activation=activation, use_bias=bias))
            case Conv(_, outputs):
                made.append(nn.Conv2D(outputs, 3, padding="same", activation="relu"))
            case Pool():
                made.append(nn.MaxPooling2D(2))
            case Flatten():
                made.append(nn.Flatten())
            case Norm():
                norm = nn.BatchNormalization(momentum=NORM_MOMENTUM, epsilon=NORM_EPSILON)
                made += [norm, nn.Activation("relu")]
            case Dropout():
                made += [nn.Dropout(rate)] if rate else []
    return made


def _weights(job: Job) -> list[Array]:
    """In the order of `set_weights`: parameters and moving averages layer by layer."""
    found: list[Array] = []
    for layer, arrays in zip(job.problem.layers, job.weights, strict=True):
        found += arrays
        if isinstance(layer, Norm):
            found += [np.zeros(layer.size, "float32"), np.ones(layer.size, "float32")]
    return found


def _optimizer(problem: Problem) -> nn.Optimizer:
    if problem.optimizer == "adam":
        return nn.Adam(*ADAM)
    return nn.SGD(LEARNING_RATE, momentum=MOMENTUM)


def _precision(wanted: str) -> dict[str, Any]:
    if wanted == "float32":
        return {}
    if "mixed_precision" not in inspect.signature(nn.Model.compile).parameters:
        raise Skip(f"this version of nn has no mixed precision, so no {wanted}")
    return {"mixed_precision": wanted}


class GradloomTrainer:
    def __init__(self, job: Job) -> None:
        if job.where.device == "cuda":
            backends.set_default("cupy")
        nn.set_random_seed(0)
        self.job, problem = job, job.problem
        layers, first = _layers(problem, job.dropout), problem.layers[0]
        self.model: nn.Model = Tabular(first, layers) if isinstance(first, Embed) else nn.Sequential(layers)
        self.model.ensure_built(ag.zeros((1, *problem.inputs)))
        self.model.set_weights(_weights(job))
        self.model.compile(
            optimizer=_optimizer(problem),
            loss="binary_crossentropy" if problem.binary else "sparse_categorical_crossentropy",
            **_precision(job.where.precision),
        )
        self.rows: tuple[Any, Any] = (job.x, job.y)
        if job.where.device == "cuda":
            self.rows = ag.tensor(job.x), ag.tensor(job.y)

    def restart(self) -> None:
        """As in the beginning; see `Trainer`."""
        self.model.set_weights(_weights(self.job))
        for slot in self.model.optimizer.state().values():
            slot.assign(slot.detach() * 0)

    def train(self, epochs: int) -> None:
        self._fit(*self.rows, epochs)

    def step_loss(self, x: Array, y: Array) -> float:
        return float(self._fit(x, y, 1).history["loss"][0])

    def predict(self, x: Array) -> Array:
        found: Array = self.model.predict(x, batch_size=len(x), verbose=0)
        return found

    def _fit(self, x: Any, y: Any, epochs: int) -> nn.History:
        size = self.job.problem.batch
        return self.model.fit(x, y, batch_size=size, epochs=epochs, verbose=0, shuffle=self.job.shuffle)


class WithoutExtra(GradloomTrainer):
    """On the NumPy backend: what there is without the extra `gradloom[cpu]`."""

    def __init__(self, job: Job) -> None:
        with backends.use("numpy"):
            super().__init__(job)

    def predict(self, x: Array) -> Array:
        with backends.use("numpy"):
            return super().predict(x)

    def _fit(self, x: Any, y: Any, epochs: int) -> nn.History:
        with backends.use("numpy"):
            return super()._fit(x, y, epochs)


def prepare() -> tuple[str, Make]:
    return own_version(), GradloomTrainer


def on_numpy() -> tuple[str, Make]:
    return own_version(), WithoutExtra
