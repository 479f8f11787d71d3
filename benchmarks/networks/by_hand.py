"""A dense network in NumPy as one writes it when speed matters: every buffer made once, every operation in place.

Weights, velocities and gradients lie in one block each, so an update is three passes whatever the number of layers;
the learning rate is in the slope of the loss, so the products give what is to be subtracted.
"""

from __future__ import annotations

import numpy as np

from .job import Job, Make
from .problems import ADAM, LEARNING_RATE, MOMENTUM, Array


def _views(block: Array, arrays: list[Array]) -> list[Array]:
    ends = np.cumsum([array.size for array in arrays])
    return [
        block[end - array.size : end].reshape(array.shape) for array, end in zip(arrays, ends, strict=True)
    ]


class NumpyTrainer:
    def __init__(self, job: Job) -> None:
        self.job, size = job, job.problem.batch
        arrays = [array for layer in job.weights for array in layer]
        self.weights = np.concatenate([array.ravel() for array in arrays])
        self.velocities = np.zeros_like(self.weights)
        self.changes = np.empty_like(self.weights)
        views, changes = _views(self.weights, arrays), _views(self.changes, arrays)
        self.kernels, self.biases = views[::2], views[1::2]
        self.kernel_changes, self.bias_changes = changes[::2], changes[1::2]
        widths = [kernel.shape[1] for kernel in self.kernels]
        # the last output becomes the slope of the loss, the others have one beside them
        self.outputs = [np.empty((size, width), np.float32) for width in widths]
        self.slopes = [np.empty((size, width), np.float32) for width in widths[:-1]]
        self.active = [np.empty((size, width), np.bool_) for width in widths[:-1]]
        self.kept = [np.empty((size, width), np.float32) for width in widths[:-1]]
        self.column = np.empty((size, 1), np.float32)
        self.ones = np.ones(size, np.float32)
        self.rows = np.arange(size)
        self.draw = np.random.Generator(np.random.SFC64(0))
        self.keep = np.float32(1 - job.dropout)
        self.limit = np.uint16(min(round((1 - job.dropout) * (1 << 16)), (1 << 16) - 1))
        self.binary = job.problem.binary
        self.update = self._adam if job.problem.optimizer == "adam" else self._momentum
        self.squares, self.steps = np.zeros_like(self.weights), 0
        self.rate = np.float32(1 if job.problem.optimizer == "adam" else LEARNING_RATE)

    def train(self, epochs: int) -> None:
        for _ in range(epochs):
            for x, y in self.job.slices():
                self._step(x, y)

    def feed(self, x: Array, y: Array) -> None:
        self._step(x, y)

    def step_loss(self, x: Array, y: Array) -> float:
        probabilities = self._forward(x)
        if self.binary:
            chosen = np.where(y == 1, probabilities[:, 0], 1 - probabilities[:, 0])
        else:
            chosen = probabilities[self.rows, y]
        loss = -float(np.log(chosen).mean())
        self._backward(x, y)
        return loss

    def predict(self, x: Array) -> Array:
        signal, last = x, len(self.kernels) - 1
        for number, (kernel, bias) in enumerate(zip(self.kernels, self.biases, strict=True)):
            signal = signal @ kernel
            signal += bias
            if number < last:
                np.maximum(signal, 0, out=signal)
        return self._probabilities(signal, np.empty((len(x), 1), np.float32))

    def _step(self, x: Array, y: Array) -> None:
        self._forward(x)
        self._backward(x, y)

    def _forward(self, x: Array) -> Array:
        """The probabilities; they stand in the last output."""
        signal, last = x, len(self.kernels) - 1
        for number, output in enumerate(self.outputs):
            np.matmul(signal, self.kernels[number], out=output)
            output += self.biases[number]
            if number < last:
                np.maximum(output, 0, out=output)
                if self.job.dropout:
                    self._drop(number, output)
            signal = output
        return self._probabilities(signal, self.column)

    def _probabilities(self, signal: Array, column: Array) -> Array:
        """In the place of the last products; `column` is overwritten."""
        if self.binary:
            np.negative(signal, out=signal)
            np.exp(signal, out=signal)
            signal += 1
            return np.reciprocal(signal, out=signal)
        np.max(signal, axis=1, keepdims=True, out=column)
        signal -= column
        np.exp(signal, out=signal)
        np.sum(signal, axis=1, keepdims=True, out=column)
        signal /= column
        return signal

    def _drop(self, number: int, output: Array) -> None:
        # sixteen random bits an element are drawn faster than a float; 1 or 0 as floats multiply faster than bools
        bits = self.draw.integers(0, 1 << 16, output.shape, dtype=np.uint16)
        kept = self.kept[number]
        np.less(bits, self.limit, out=kept, casting="unsafe")
        output *= kept
        output *= 1 / self.keep

    def _backward(self, x: Array, y: Array) -> None:
        # what is left of the last output is the slope of the loss, times the learning rate
        slope = self.outputs[-1]
        if self.binary:
            slope[:, 0] -= y
        else:
            slope[self.rows, y] -= 1
        slope *= self.rate / np.float32(len(x))
        for number in reversed(range(len(self.kernels))):
            signal = self.outputs[number - 1] if number else x
            np.matmul(signal.T, slope, out=self.kernel_changes[number])
            np.matmul(self.ones, slope, out=self.bias_changes[number])
            if number:
                before, active = self.slopes[number - 1], self.active[number - 1]
                np.matmul(slope, self.kernels[number].T, out=before)
                # zero where ReLU or dropout made it so
                np.greater(signal, 0, out=active)
                before *= active
                if self.job.dropout:
                    before *= 1 / self.keep
                slope = before
        self.update()

    def _momentum(self) -> None:
        self.velocities *= np.float32(MOMENTUM)
        self.velocities -= self.changes
        self.weights += self.velocities

    def _adam(self) -> None:
        rate, first, second, epsilon = map(np.float32, ADAM)
        self.steps += 1
        gradient = self.changes
        self.velocities += (gradient - self.velocities) * (1 - first)
        self.squares += (gradient * gradient - self.squares) * (1 - second)
        rate *= np.sqrt(1 - second**self.steps) / (1 - first**self.steps)
        self.weights -= rate * self.velocities / (np.sqrt(self.squares) + epsilon)


def prepare() -> tuple[str, Make]:
    return np.__version__, NumpyTrainer
