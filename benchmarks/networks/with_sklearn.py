"""scikit-learn's MLPClassifier: `partial_fit` on all rows is one epoch of mini-batches.

Its targets are given as one column per class, and its last function is set to the softmax that it takes for more than two
classes, so that two classes mean the same network as elsewhere. It has no dropout, so it does less work.
"""

from __future__ import annotations

import importlib
import warnings
from typing import Any

import numpy as np

from ..work import Skip
from .job import Job, Make
from .problems import ADAM, LEARNING_RATE, MOMENTUM, Array


class SklearnTrainer:
    note = "scikit-learn has no dropout: less work than the others do"

    def __init__(self, job: Job) -> None:
        problem = job.problem
        if not problem.dense_only:
            raise Skip("MLPClassifier has dense layers only")
        module = importlib.import_module("sklearn.neural_network")
        # it works out by itself how many output columns there are, so it sees one batch before its weights are set
        warnings.simplefilter("ignore")
        self.binary, self.outputs = problem.binary, problem.outputs
        rate, first, second, epsilon = ADAM
        adam = problem.optimizer == "adam"
        self.model = module.MLPClassifier(
            tuple(layer.outputs for layer in problem.kernels[:-1]), activation="relu",
            solver="adam" if adam else "sgd", alpha=0.0, batch_size=problem.batch,
            learning_rate_init=rate if adam else LEARNING_RATE, momentum=MOMENTUM, nesterovs_momentum=False,
            beta_1=first, beta_2=second, epsilon=epsilon, shuffle=job.shuffle, random_state=0,
        )  # fmt: skip
        self.job = job
        self._start(problem.batch, [array for layer in job.weights for array in layer])

    def _targets(self, y: Array) -> Array:
        return y if self.binary else np.eye(self.outputs, dtype=np.int64)[y]

    def _start(self, batch: int, arrays: list[Array]) -> None:
        classes = np.arange(2 if self.binary else self.outputs)
        x, y = self.job.x[:batch], self._targets(self.job.y[:batch])
        self.model.partial_fit(x, y, classes=classes)
        model: Any = self.model
        if not self.binary:
            model.out_activation_ = "softmax"
        optimizer = model._optimizer
        kept = [getattr(optimizer, name, []) for name in ("velocities", "ms", "vs")]
        for array in (one for many in kept for one in many):
            array[...] = 0
        if hasattr(optimizer, "t"):
            optimizer.t = 0
        for places, values in ((model.coefs_, arrays[::2]), (model.intercepts_, arrays[1::2])):
            for place, value in zip(places, values, strict=True):
                place[...] = value

    def train(self, epochs: int) -> None:
        y = self._targets(self.job.y)
        for _ in range(epochs):
            self.model.partial_fit(self.job.x, y)

    def step_loss(self, x: Array, y: Array) -> float:
        self.model.partial_fit(x, self._targets(y))
        return float(self.model.loss_)

    def predict(self, x: Array) -> Array:
        found: Array = self.model.predict_proba(x)
        return found[:, 1:] if self.binary else found


def prepare() -> tuple[str, Make]:
    return importlib.import_module("sklearn").__version__, SklearnTrainer
