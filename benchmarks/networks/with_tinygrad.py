"""tinygrad on its CPU device: forward, loss, backward and optimizer in one function under TinyJit."""

from __future__ import annotations

import importlib
import os
import shutil
from functools import cached_property
from importlib.metadata import version
from typing import Any

import numpy as np

from ..work import Skip
from .job import Job, Make
from .problems import ADAM, LEARNING_RATE, MOMENTUM, Array


class TinygradTrainer:
    def __init__(self, job: Job) -> None:
        if not job.problem.dense_only:
            raise Skip("written for dense networks")
        tinygrad = importlib.import_module("tinygrad")
        optim = importlib.import_module("tinygrad.nn.optim")
        self.Tensor, self.job = tinygrad.Tensor, job
        self.training = importlib.import_module("tinygrad.helpers").Context
        arrays = [array for layer in job.weights for array in layer]
        self.weights = [self.Tensor(array).realize() for array in arrays]
        if job.problem.optimizer == "adam":
            rate, first, second, epsilon = ADAM
            self.optimizer = optim.Adam(self.weights, rate, first, second, epsilon)
        else:
            self.optimizer = optim.SGD(self.weights, LEARNING_RATE, momentum=MOMENTUM)
        self.jitted = tinygrad.TinyJit(self._step)
        self.forward = tinygrad.TinyJit(self._probabilities)
        self.rows = 0

    @cached_property
    def batches(self) -> list[tuple[Any, Any]]:
        return [self._tensors(x, y) for x, y in self.job.slices()]

    def _tensors(self, x: Array, y: Array) -> tuple[Any, Any]:
        return self.Tensor(x).realize(), self.Tensor(y).realize()

    def _logits(self, x: Any, dropout: float) -> Any:
        for number in range(0, len(self.weights), 2):
            kernel, bias = self.weights[number : number + 2]
            x = x.dot(kernel) + bias
            if number < len(self.weights) - 2:
                x = x.relu()
                x = x.dropout(dropout) if dropout else x
        return x

    def _step(self, x: Any, y: Any) -> Any:
        self.optimizer.zero_grad()
        logits = self._logits(x, self.job.dropout)
        if self.job.problem.binary:
            loss = logits[:, 0].binary_crossentropy_logits(y.cast("float32"))
        else:
            loss = logits.sparse_categorical_crossentropy(y)
        loss.backward()
        return loss.realize(*self.optimizer.schedule_step())

    def train(self, epochs: int) -> None:
        with self.training(TRAINING=1):
            loss = None
            for _ in range(epochs):
                for x, y in self.batches:
                    loss = self.jitted(x, y)
            if loss is not None:
                loss.item()

    def feed(self, x: Array, y: Array) -> None:
        with self.training(TRAINING=1):
            self.jitted(*self._tensors(x, y))

    def step_loss(self, x: Array, y: Array) -> float:
        with self.training(TRAINING=1):
            return float(self.jitted(*self._tensors(x, y)).item())

    def _probabilities(self, x: Any) -> Any:
        logits = self._logits(x, 0.0)
        return (logits.sigmoid() if self.job.problem.binary else logits.softmax(1)).realize()

    def predict(self, x: Array) -> Array:
        if len(x) != self.rows:  # what is captured has one shape
            self.rows = len(x)
            self.forward.reset()
        return np.asarray(self.forward(self.Tensor(x).realize()).numpy())


def must_run() -> Any:
    """The module; Skip or ImportError where its CPU device cannot compute."""
    module = importlib.import_module("tinygrad")
    if not shutil.which(os.environ.get("CC", "clang")):
        raise Skip("tinygrad's CPU device needs clang, and it is not on the path (CC may name it)")
    return module


def prepare() -> tuple[str, Make]:
    must_run()
    return version("tinygrad"), TinygradTrainer
