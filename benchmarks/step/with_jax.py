"""JAX: one jitted call per step, or one per epoch with `lax.scan` over the batches.

Data is on the device before time counts, the state is donated. Dropout draws with the "rbg" generator, which is faster
here than the default from (256, 1024) on; pooling is a maximum over a reshaped image, whose gradient is faster than that
of `reduce_window`.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

from .measure import Job, Trainer
from .problems import (
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


def _layer(jax: Any, layer: Any, weights: Any, moving: Any, x: Any, key: Any, rate: float) -> Any:
    """(output, moving averages after)."""
    jnp = jax.numpy
    match layer:
        case Dense(_, _, relu, bias):
            x = x @ weights[0]
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
            follow = [
                m * NORM_MOMENTUM + n * (1 - NORM_MOMENTUM)
                for m, n in zip(moving, now, strict=True)
            ]
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


def _loss(jax: Any, problem: Problem, rate: float) -> Callable[..., Any]:
    """loss(weights, moving averages, key, x, y) -> (loss, moving averages after)."""
    jnp = jax.numpy

    def loss(weights: Any, moving: Any, key: Any, x: Any, y: Any) -> Any:
        after = []
        for number, layer in enumerate(problem.layers):
            own = jax.random.fold_in(key, number) if isinstance(layer, Dropout) else None
            x, now = _layer(jax, layer, weights[number], moving[number], x, own, rate)
            after.append(now)
        if problem.binary:
            logits = x[:, 0]
            return (jax.nn.softplus(logits) - y * logits).mean(), after
        chosen = jnp.take_along_axis(x, y[:, None], axis=1)[:, 0]
        return (jax.nn.logsumexp(x, axis=1) - chosen).mean(), after

    return loss


class JaxTrainer:
    """State: weights, velocities, moving averages, step number."""

    def __init__(self, job: Job, scan: bool = False) -> None:
        self.jax = jax = importlib.import_module("jax")
        self.job, self.scan = job, scan
        weights = jax.tree.map(jax.numpy.array, job.weights)
        velocities = jax.tree.map(jax.numpy.zeros_like, weights)
        moving = [
            [jax.numpy.zeros(layer.size), jax.numpy.ones(layer.size)] if isinstance(layer, Norm) else []
            for layer in job.problem.layers
        ]  # fmt: skip
        self.state = (weights, velocities, moving, jax.numpy.uint32(0))
        step = self._step_function()

        def epoch(state: Any, batches: Any) -> Any:
            return jax.lax.scan(lambda state, batch: step(state, *batch), state, batches)

        self.step = jax.jit(step, donate_argnums=0)
        self.epoch = jax.jit(epoch, donate_argnums=0)
        batches = [self._arrays(x, y) for x, y in job.slices()]
        self.batches = (
            jax.tree.map(lambda *parts: jax.numpy.stack(parts), *batches) if scan else batches
        )

    def _step_function(self) -> Callable[..., Any]:
        jax = self.jax
        gradient = jax.value_and_grad(_loss(jax, self.job.problem, self.job.dropout), has_aux=True)
        root = jax.random.key(0, impl="rbg")

        def step(state: Any, x: Any, y: Any) -> Any:
            weights, velocities, moving, number = state
            key = jax.random.fold_in(root, number)
            (loss, moving), slopes = gradient(weights, moving, key, x, y)
            velocities = jax.tree.map(
                lambda v, g: MOMENTUM * v - LEARNING_RATE * g, velocities, slopes
            )
            weights = jax.tree.map(lambda w, v: w + v, weights, velocities)
            return (weights, velocities, moving, number + 1), loss

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

    def step_loss(self, x: Array, y: Array) -> float:
        self.state, loss = self.step(self.state, *self._arrays(x, y))
        return float(loss)

    def _arrays(self, x: Array, y: Array) -> tuple[Any, Any]:
        numpy, first = self.jax.numpy, self.job.problem.layers[0]
        if isinstance(first, Embed):
            columns = first.columns
            return (numpy.asarray(x[:, :columns].astype("int32")), numpy.asarray(x[:, columns:])), numpy.asarray(y)  # fmt: skip
        return numpy.asarray(x), numpy.asarray(y)


def per_step() -> tuple[str, Callable[[Job], Trainer]]:
    return importlib.import_module("jax").__version__, JaxTrainer


def per_epoch() -> tuple[str, Callable[[Job], Trainer]]:
    return importlib.import_module("jax").__version__, lambda job: JaxTrainer(job, scan=True)
