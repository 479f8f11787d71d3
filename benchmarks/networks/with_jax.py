"""JAX: one jitted call per step, or one per epoch with `lax.scan` over the batches.

Data is on the device before time counts, the state is donated. Dropout draws with the "rbg" generator, which is faster
here than the default from (256, 1024) on; pooling is a maximum over a reshaped image, whose gradient is faster than that
of `reduce_window`.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from functools import cached_property
from typing import Any

import numpy as np

from ..work import Skip
from .job import Job, Make, Trainer
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


def _product(jax: Any, x: Any, kernel: Any, half: str | None) -> Any:
    """In half precision only the operands are rounded, as PyTorch's autocast does."""
    if half is None:
        return x @ kernel
    return jax.numpy.matmul(x.astype(half), kernel.astype(half), preferred_element_type="float32")


def _layer(
    jax: Any, layer: Any, weights: Any, moving: Any, x: Any, key: Any, rate: float, half: str | None
) -> Any:
    """(output, moving averages after)."""
    jnp = jax.numpy
    match layer:
        case Dense(_, _, relu, bias):
            x = _product(jax, x, weights[0], half)
            x = x + weights[1] if bias else x
            return (jax.nn.relu(x) if relu else x), moving
        case Conv():
            names = ("NHWC", "HWIO", "NHWC")
            x = jax.lax.conv_general_dilated(x, weights[0], (1, 1), "SAME", dimension_numbers=names)
            return jax.nn.relu(x + weights[1]), moving
        case Pool():
            count, height, width, channels = x.shape
            return x.reshape(count, height // 2, 2, width // 2, 2, channels).max((2, 4)), moving
        case Flatten():
            return x.reshape(len(x), -1), moving
        case Norm():
            mean, variance = x.mean(0), x.var(0)
            x = (x - mean) * jax.lax.rsqrt(variance + NORM_EPSILON) * weights[0] + weights[1]
            now = jax.lax.stop_gradient((mean, variance))
            follow = [m * NORM_MOMENTUM + n * (1 - NORM_MOMENTUM) for m, n in zip(moving, now, strict=True)]
            return jax.nn.relu(x), follow
        case Embed():
            numbers, numeric = x
            return jnp.concatenate([weights[0][numbers].reshape(len(numeric), -1), numeric], 1), moving  # fmt: skip
        case Dropout():
            if not rate:
                return x, moving
            kept = jax.random.bernoulli(key, 1 - rate, x.shape)
            return jnp.where(kept, x / (1 - rate), 0), moving
    raise TypeError(layer)


def _logits(jax: Any, problem: Problem, rate: float, half: str | None) -> Callable[..., Any]:
    """logits(weights, moving averages, key, x) -> (logits, moving averages after)."""

    def logits(weights: Any, moving: Any, key: Any, x: Any) -> Any:
        after = []
        for number, layer in enumerate(problem.layers):
            own = jax.random.fold_in(key, number) if isinstance(layer, Dropout) and rate else None
            x, now = _layer(jax, layer, weights[number], moving[number], x, own, rate, half)
            after.append(now)
        return x, after

    return logits


def _loss(jax: Any, problem: Problem, forward: Callable[..., Any]) -> Callable[..., Any]:
    """loss(weights, moving averages, key, x, y) -> (loss, moving averages after)."""
    jnp = jax.numpy

    def loss(weights: Any, moving: Any, key: Any, x: Any, y: Any) -> Any:
        x, after = forward(weights, moving, key, x)
        if problem.binary:
            logits = x[:, 0]
            return (jax.nn.softplus(logits) - y * logits).mean(), after
        chosen = jnp.take_along_axis(x, y[:, None], axis=1)[:, 0]
        return (jax.nn.logsumexp(x, axis=1) - chosen).mean(), after

    return loss


def _momentum(jax: Any, weights: Any, kept: Any, slopes: Any, number: Any) -> Any:
    (velocities,) = kept
    velocities = jax.tree.map(lambda v, g: MOMENTUM * v - LEARNING_RATE * g, velocities, slopes)
    return jax.tree.map(lambda w, v: w + v, weights, velocities), [velocities]


def _adam(jax: Any, weights: Any, kept: Any, slopes: Any, number: Any) -> Any:
    rate, first, second, epsilon = ADAM
    means = jax.tree.map(lambda m, g: first * m + (1 - first) * g, kept[0], slopes)
    squares = jax.tree.map(lambda v, g: second * v + (1 - second) * g * g, kept[1], slopes)
    steps = number.astype("float32")
    rate *= jax.numpy.sqrt(1 - second**steps) / (1 - first**steps)
    weights = jax.tree.map(
        lambda w, m, v: w - rate * m / (jax.numpy.sqrt(v) + epsilon), weights, means, squares
    )
    return weights, [means, squares]


class JaxTrainer:
    """State: weights, what the optimizer keeps, moving averages, step number."""

    def __init__(self, job: Job, scan: bool = False) -> None:
        self.jax = jax = importlib.import_module("jax")
        self.job, self.scan = job, scan
        if job.where.device == "cuda" and jax.default_backend() != "gpu":
            raise Skip(f"JAX {jax.__version__} sees no GPU: pip install 'jax[cuda13]'")
        precision = job.where.precision
        self.half = precision if precision in ("bfloat16", "float16") else None
        if job.where.device == "cuda" and self.half is None:
            # by default JAX rounds products of float32 to TF32 on a GPU
            wanted = "tensorfloat32" if precision == "tf32" else "highest"
            jax.config.update("jax_default_matmul_precision", wanted)
        weights = jax.tree.map(jax.numpy.array, job.weights)
        count = 2 if job.problem.optimizer == "adam" else 1
        kept = [jax.tree.map(jax.numpy.zeros_like, weights) for _ in range(count)]
        moving = [
            [jax.numpy.zeros(layer.size), jax.numpy.ones(layer.size)] if isinstance(layer, Norm) else []
            for layer in job.problem.layers
        ]  # fmt: skip
        self.state = (weights, kept, moving, jax.numpy.uint32(0))
        step = self._step_function()

        def epoch(state: Any, batches: Any) -> Any:
            return jax.lax.scan(lambda state, batch: step(state, *batch), state, batches)

        self.step = jax.jit(step, donate_argnums=0)
        self.epoch = jax.jit(epoch, donate_argnums=0)
        self.probabilities = jax.jit(self._probabilities)

    @cached_property
    def batches(self) -> Any:
        """A list of batches, or all of them as one array for the scan."""
        jax = self.jax
        batches = [self._arrays(x, y) for x, y in self.job.slices()]
        if not self.scan:
            return batches
        return jax.tree.map(lambda *parts: jax.numpy.stack(parts), *batches)

    def _step_function(self) -> Callable[..., Any]:
        jax = self.jax
        problem = self.job.problem
        forward = _logits(jax, problem, self.job.dropout, self.half)
        gradient = jax.value_and_grad(_loss(jax, problem, forward), has_aux=True)
        update = _adam if problem.optimizer == "adam" else _momentum
        root = jax.random.key(0, impl="rbg")

        def step(state: Any, x: Any, y: Any) -> Any:
            weights, kept, moving, number = state
            key = jax.random.fold_in(root, number)
            (loss, moving), slopes = gradient(weights, moving, key, x, y)
            weights, kept = update(jax, weights, kept, slopes, number + 1)
            return (weights, kept, moving, number + 1), loss

        return step

    def train(self, epochs: int) -> None:
        if self.scan:
            for _ in range(epochs):
                self.state, _ = self.epoch(self.state, self.batches)
        else:
            for _ in range(epochs):
                for x, y in self.batches:
                    self.state, _ = self.step(self.state, x, y)
        self.jax.block_until_ready(self.state)

    def feed(self, x: Array, y: Array) -> None:
        self.state, _ = self.step(self.state, *self._arrays(x, y))

    def step_loss(self, x: Array, y: Array) -> float:
        self.state, loss = self.step(self.state, *self._arrays(x, y))
        return float(loss)

    def predict(self, x: Array) -> Array:
        weights, _, moving, _ = self.state
        return np.asarray(self.probabilities(weights, moving, self._inputs(x)))

    def _probabilities(self, weights: Any, moving: Any, x: Any) -> Any:
        jax, problem = self.jax, self.job.problem
        logits, _ = _logits(jax, problem, 0.0, self.half)(weights, moving, None, x)
        return jax.nn.sigmoid(logits) if problem.binary else jax.nn.softmax(logits, axis=1)

    def _arrays(self, x: Array, y: Array) -> tuple[Any, Any]:
        return self._inputs(x), self.jax.numpy.asarray(y)

    def _inputs(self, x: Array) -> Any:
        numpy, first = self.jax.numpy, self.job.problem.layers[0]
        if isinstance(first, Embed):
            columns = first.columns
            return numpy.asarray(x[:, :columns].astype("int32")), numpy.asarray(x[:, columns:])
        return numpy.asarray(x)


def _scanning(job: Job) -> Trainer:
    return JaxTrainer(job, scan=True)


def per_step() -> tuple[str, Make]:
    return importlib.import_module("jax").__version__, JaxTrainer


def per_epoch() -> tuple[str, Make]:
    return importlib.import_module("jax").__version__, _scanning
