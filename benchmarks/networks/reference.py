"""The float64 reference: losses of dense networks by NumPy alone, written to be read; the other networks by PyTorch.

The losses here are what every contestant is held against before its time counts.
"""

from __future__ import annotations

import numpy as np

from ..work import Skip
from .job import Job, Make, Where, loss_after_steps
from .problems import ADAM, LEARNING_RATE, MOMENTUM, Array, Problem


class Reference:
    """A dense network in float64, without dropout."""

    def __init__(self, job: Job) -> None:
        if not job.problem.dense_only or job.dropout:
            raise ValueError(f"the reference is for dense networks, got {job.problem.name}")
        self.job = job
        pairs = [layer for layer in job.weights if layer]
        self.weights = [array.astype(np.float64) for pair in pairs for array in pair]
        self.first = [np.zeros_like(array) for array in self.weights]
        self.second = [np.zeros_like(array) for array in self.weights]
        self.steps = 0

    def train(self, epochs: int) -> None:
        for _ in range(epochs):
            for x, y in self.job.slices():
                self.step_loss(x, y)

    def predict(self, x: Array) -> Array:
        return self._probabilities(self._forward(x)[-1])

    def _forward(self, x: Array) -> list[Array]:
        """The inputs of every layer, and the logits."""
        signals = [x.astype(np.float64)]
        for number in range(0, len(self.weights), 2):
            kernel, bias = self.weights[number : number + 2]
            signal = signals[-1] @ kernel + bias
            signals.append(signal if number == len(self.weights) - 2 else np.maximum(signal, 0))
        return signals

    def _probabilities(self, logits: Array) -> Array:
        if self.job.problem.binary:
            return np.asarray(1 / (1 + np.exp(-logits)))
        shifted = np.exp(logits - logits.max(axis=1, keepdims=True))
        return np.asarray(shifted / shifted.sum(axis=1, keepdims=True))

    def step_loss(self, x: Array, y: Array) -> float:
        *inputs, logits = self._forward(x)
        probabilities = self._probabilities(logits)
        right = y[:, None] if self.job.problem.binary else np.eye(logits.shape[1])[y]
        if self.job.problem.binary:
            chosen = np.where(right == 1, probabilities, 1 - probabilities)
        else:
            chosen = probabilities[right == 1]
        slope = (probabilities - right) / len(y)
        gradients: list[Array] = []
        for number in reversed(range(len(inputs))):
            gradients[:0] = [inputs[number].T @ slope, slope.sum(axis=0)]
            if number:
                slope = (slope @ self.weights[2 * number].T) * (inputs[number] > 0)
        update = self._adam if self.job.problem.optimizer == "adam" else self._momentum
        self.steps += 1
        for place, gradient in enumerate(gradients):
            update(place, gradient)
        return float(-np.log(chosen).mean())

    def _momentum(self, place: int, gradient: Array) -> None:
        self.first[place] = MOMENTUM * self.first[place] - LEARNING_RATE * gradient
        self.weights[place] += self.first[place]

    def _adam(self, place: int, gradient: Array) -> None:
        rate, first, second, epsilon = ADAM
        self.first[place] = first * self.first[place] + (1 - first) * gradient
        self.second[place] = second * self.second[place] + (1 - second) * gradient**2
        mean = self.first[place] / (1 - first**self.steps)
        root = np.sqrt(self.second[place] / (1 - second**self.steps))
        # epsilon stands beside the root before the moments are corrected, as in Keras
        epsilon /= np.sqrt(1 - second**self.steps)
        self.weights[place] -= rate * mean / (root + epsilon)


def reference_losses(problems: list[Problem], where: Where) -> dict[str, float]:
    """The loss after three steps of each problem that can be computed here."""
    return {
        problem.name: loss_after_steps(problem, make, where._replace(device="cpu"))
        for problem in problems
        if (make := Reference if problem.dense_only else _by_torch()) is not None
    }


def _by_torch() -> Make | None:
    from . import with_torch

    try:
        return with_torch.double_precision()
    except (ImportError, Skip):
        return None
