"""Keras 3: `compile` and `fit` with whole epochs, on JAX or TensorFlow, from logits.

Its authors advise several steps per execution for small networks; sixteen halve the time of the smallest here.
"""

from __future__ import annotations

import importlib
import os
from typing import Any

import numpy as np

from .job import Job, Make
from .problems import ADAM, LEARNING_RATE, MOMENTUM, Array, Dense, Dropout

STEPS_PER_EXECUTION = 16


class KerasTrainer:
    def __init__(self, job: Job) -> None:
        keras = importlib.import_module("keras")
        keras.utils.set_random_seed(0)
        self.job, problem, self.keras = job, job.problem, keras
        layers: list[Any] = [keras.Input(problem.inputs)]
        for layer in problem.layers:
            match layer:
                case Dense(_, outputs, relu):
                    layers.append(keras.layers.Dense(outputs, "relu" if relu else None))
                case Dropout():
                    layers += [keras.layers.Dropout(job.dropout)] if job.dropout else []
                case _:
                    raise TypeError(layer)
        self.model = keras.Sequential(layers)
        arrays = (array for layer in job.weights for array in layer)
        for variable, array in zip(self.model.trainable_weights, arrays, strict=True):
            variable.assign(array)
        self.model.compile(
            optimizer=keras.optimizers.Adam(*ADAM)
            if problem.optimizer == "adam"
            else keras.optimizers.SGD(LEARNING_RATE, momentum=MOMENTUM),
            loss=keras.losses.BinaryCrossentropy(from_logits=True)
            if problem.binary
            else keras.losses.SparseCategoricalCrossentropy(from_logits=True),
            steps_per_execution=min(job.batches, STEPS_PER_EXECUTION),
        )

    def train(self, epochs: int) -> None:
        self._fit(self.job.x, self.job.y, epochs)

    def step_loss(self, x: Array, y: Array) -> float:
        return float(self._fit(x, y, 1).history["loss"][0])

    def predict(self, x: Array) -> Array:
        # one batch in one call: `predict` would build an iterator for it
        logits = self.model.predict_on_batch(x)
        activations = self.keras.activations
        last = activations.sigmoid if self.job.problem.binary else activations.softmax
        return np.asarray(last(logits))

    def _fit(self, x: Array, y: Array, epochs: int) -> Any:
        size = self.job.problem.batch
        return self.model.fit(x, y, batch_size=size, epochs=epochs, verbose=0, shuffle=self.job.shuffle)


def _on(backend: str) -> str:
    """The version, once Keras runs on that backend in this process."""
    importlib.import_module(backend)
    os.environ["KERAS_BACKEND"] = backend
    return str(importlib.import_module("keras").__version__)


def on_jax() -> tuple[str, Make]:
    return _on("jax"), KerasTrainer


def on_tensorflow() -> tuple[str, Make]:
    return _on("tensorflow"), KerasTrainer
