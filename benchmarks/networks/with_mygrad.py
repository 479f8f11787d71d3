"""MyGrad: its tensors, its `backward`, dropout and the update in NumPy, as its documentation has it."""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np

from ..work import Skip
from .job import Job, Make
from .problems import ADAM, LEARNING_RATE, MOMENTUM, Array


class MygradTrainer:
    def __init__(self, job: Job) -> None:
        if not job.problem.dense_only:
            raise Skip(
                "written for dense networks: MyGrad has no embedding, and its convolution is not trained here"
            )
        self.job = job
        self.mg = importlib.import_module("mygrad")
        self.losses = importlib.import_module("mygrad.nnet.losses")
        self.relu = importlib.import_module("mygrad.nnet.activations").relu
        arrays = [array for layer in job.weights for array in layer]
        self.weights = [self.mg.tensor(array.copy()) for array in arrays]
        self.first = [np.zeros_like(array) for array in arrays]
        self.second = [np.zeros_like(array) for array in arrays]
        self.steps = 0
        self.draw = np.random.default_rng(0)

    def _logits(self, x: Any, dropout: float) -> Any:
        signal = x
        for number in range(0, len(self.weights), 2):
            kernel, bias = self.weights[number : number + 2]
            signal = self.mg.matmul(signal, kernel) + bias
            if number < len(self.weights) - 2:
                signal = self.relu(signal)
                if dropout:
                    kept = self.draw.random(signal.shape, dtype=np.float32) >= dropout
                    signal = signal * (kept * np.float32(1 / (1 - dropout)))
        return signal

    def _step(self, x: Array, y: Array) -> Any:
        logits = self._logits(x, self.job.dropout)
        if self.job.problem.binary:
            logit = logits[:, 0]
            loss = self.mg.mean(self.mg.logaddexp(logit, np.float32(0)) - logit * y.astype(np.float32))
        else:
            loss = self.losses.softmax_crossentropy(logits, y)
        loss.backward()
        self.steps += 1
        update = self._adam if self.job.problem.optimizer == "adam" else self._momentum
        for place, weight in enumerate(self.weights):
            update(place, weight.data, weight.grad)
            weight.null_grad()
        return loss

    def _momentum(self, place: int, weight: Array, gradient: Array) -> None:
        velocity = self.first[place]
        velocity *= np.float32(MOMENTUM)
        velocity -= np.float32(LEARNING_RATE) * gradient
        weight += velocity

    def _adam(self, place: int, weight: Array, gradient: Array) -> None:
        rate, first, second, epsilon = map(np.float32, ADAM)
        self.first[place] += (gradient - self.first[place]) * (1 - first)
        self.second[place] += (gradient * gradient - self.second[place]) * (1 - second)
        rate *= np.sqrt(1 - second**self.steps) / (1 - first**self.steps)
        weight -= rate * self.first[place] / (np.sqrt(self.second[place]) + epsilon)

    def train(self, epochs: int) -> None:
        for _ in range(epochs):
            for x, y in self.job.slices():
                self._step(x, y)

    def feed(self, x: Array, y: Array) -> None:
        self._step(x, y)

    def step_loss(self, x: Array, y: Array) -> float:
        return float(self._step(x, y).item())

    def predict(self, x: Array) -> Array:
        with self.mg.no_autodiff:
            logits: Array = self._logits(x, 0.0).data
        if self.job.problem.binary:
            return np.asarray(1 / (1 + np.exp(-logits)))
        shifted = np.exp(logits - logits.max(axis=1, keepdims=True))
        return np.asarray(shifted / shifted.sum(axis=1, keepdims=True))


def prepare() -> tuple[str, Make]:
    return importlib.import_module("mygrad").__version__, MygradTrainer
