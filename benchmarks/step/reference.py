"""The float64 reference: losses of dense networks by NumPy alone, written to be read; the other networks by PyTorch.

The losses here are what every contestant is held against before its time counts.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from .measure import Job, Trainer, loss_after_steps
from .problems import LEARNING_RATE, MOMENTUM, Array, Problem


class Reference:
    """A dense network in float64, without dropout."""

    def __init__(self, job: Job) -> None:
        if not job.problem.dense_only or job.dropout:
            raise ValueError(f"the reference is for dense networks, got {job.problem.name}")
        self.job = job
        pairs = [layer for layer in job.weights if layer]
        self.weights = [array.astype(np.float64) for pair in pairs for array in pair]
        self.velocities = [np.zeros_like(array) for array in self.weights]

    def train(self, epochs: int) -> None:
        for _ in range(epochs):
            for x, y in self.job.slices():
                self.step_loss(x, y)

    def step_loss(self, x: Array, y: Array) -> float:
        signal = x.astype(np.float64)
        inputs = []
        count = len(self.weights) // 2
        for number in range(count):
            kernel, bias = self.weights[2 * number : 2 * number + 2]
            inputs.append(signal)
            signal = signal @ kernel + bias
            if number < count - 1:
                signal = np.maximum(signal, 0)
        shifted = signal - signal.max(axis=1, keepdims=True)
        log_probability = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
        rows = np.arange(len(y))
        loss = -log_probability[rows, y].mean()
        slope = np.exp(log_probability)
        slope[rows, y] -= 1
        slope /= len(y)
        gradients: list[Array] = []
        for number in reversed(range(count)):
            gradients[:0] = [inputs[number].T @ slope, slope.sum(axis=0)]
            if number:
                slope = (slope @ self.weights[2 * number].T) * (inputs[number] > 0)
        for weight, velocity, gradient in zip(
            self.weights, self.velocities, gradients, strict=True
        ):
            velocity *= MOMENTUM
            velocity -= LEARNING_RATE * gradient
            weight += velocity
        return float(loss)


def reference_losses(problems: list[Problem], threads: int) -> dict[str, float]:
    """The loss after three steps of each problem that can be computed here."""
    losses = {}
    for problem in problems:
        make = Reference if problem.dense_only else _by_torch()
        if make is not None:
            losses[problem.name] = loss_after_steps(problem, make, threads)
    return losses


def _by_torch() -> Callable[[Job], Trainer] | None:
    from . import with_torch

    try:
        return with_torch.double_precision()
    except ImportError:
        return None
