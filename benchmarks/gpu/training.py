"""Questions to a device about training: the numbers of a fit beside NumPy's and its own, and what a step costs.

The networks are the multilayer perceptrons of the contest, and none of the contest's own code is used: what is asked here
is asked before anything else is known to work.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, NamedTuple

import numpy as np

import autograd as ag
import backends
import nn
from backends.cupy import executable as executables
from backends.cupy import graphs

from ..networks.problems import Array
from .answers import Facts, Place, Question
from .questions import error_of

Say = Callable[..., None]


class Network(NamedTuple):
    """Widths, rows of a step, steps of an epoch, and the rate of dropout behind each hidden layer."""

    widths: tuple[int, ...]
    batch: int
    batches: int
    dropout: float = 0.2


NETWORKS = {
    "tiny": Network((8, 12, 8, 2), 32, 1024, 0.0),
    "small": Network((64, 128, 64, 10), 32, 256),
    "mnist": Network((784, 512, 256, 10), 128, 64),
    "wide": Network((1024,) * 4 + (10,), 256, 16),
    "huge": Network((2048,) * 4 + (10,), 1024, 8),
    "vast": Network((8192,) * 4 + (10,), 2048, 4),
}
LAUNCH_BOUND = ("tiny", "small")
"""Whose products are too small for a precision to matter."""
SHOWN = 14
"""Rows of a profile."""


def model_of(network: Network, precision: str | None = None) -> nn.Sequential:
    """A compiled model with the same first weights at every call."""
    layers: list[nn.Layer] = []
    for width in network.widths[1:-1]:
        layers += [nn.Dense(width, "relu"), *([nn.Dropout(network.dropout)] if network.dropout else [])]
    nn.set_random_seed(0)
    model = nn.Sequential([nn.Input((network.widths[0],)), *layers, nn.Dense(network.widths[-1], "softmax")])
    model.compile(
        optimizer=nn.SGD(0.01, momentum=0.9),
        loss="sparse_categorical_crossentropy",
        **({"mixed_precision": precision} if precision else {}),
    )
    return model


def rows_of(network: Network, rows: int) -> tuple[Array, Array]:
    """x float32 (rows, inputs) and y int32 (rows,), the class that is largest in the first columns."""
    inputs, classes = network.widths[0], network.widths[-1]
    x = np.random.default_rng(7).standard_normal((rows, inputs), dtype=np.float32)
    return x, x[:, :classes].argmax(axis=1).astype(np.int32)


# fit
@contextmanager
def by_graphs() -> Iterator[None]:
    """Inside, small steps are graphs, too, where one kernel would do."""
    kept = executables.together
    executables.together = lambda calls: None
    try:
        yield
    finally:
        executables.together = kept


@contextmanager
def by_one_kernel() -> Iterator[None]:
    """Inside, small steps are one kernel from the first one on."""
    kept = graphs.ONE_KERNEL_AFTER
    graphs.ONE_KERNEL_AFTER = 0
    try:
        yield
    finally:
        graphs.ONE_KERNEL_AFTER = kept


@contextmanager
def without_graphs() -> Iterator[None]:
    """Inside, kernels are launched one by one."""
    before = os.environ.get("GRADLOOM_CUDA_GRAPHS")
    os.environ["GRADLOOM_CUDA_GRAPHS"] = "0"
    try:
        yield
    finally:
        if before is None:
            del os.environ["GRADLOOM_CUDA_GRAPHS"]
        else:
            os.environ["GRADLOOM_CUDA_GRAPHS"] = before


class Trained(NamedTuple):
    """What a fit has left."""

    loss: list[float]
    weights: list[Array]

    def is_like(self, other: Trained) -> bool:
        """Bit for bit."""
        return all(map(np.array_equal, self.weights, other.weights))


def trained(backend: Any, network: Network, epochs: int = 2, batches: int = 4) -> Trained:
    """A short fit whose last batch of an epoch is half of one."""
    with backends.use(backend):
        model = model_of(network)
        x, y = rows_of(network, network.batch * batches + network.batch // 2)
        history = model.fit(x, y, batch_size=network.batch, epochs=epochs, verbose=0).history["loss"]
        return Trained(history, [np.asarray(w) for w in model.get_weights()])


def of_fits(place: Place) -> Iterator[Question]:
    """Training beside NumPy, and the three ways to run a step beside each other."""
    for name in ("tiny",) if place.small else ("tiny", "small", "mnist"):
        what = f"{name} beside NumPy; graphs, no graphs and one kernel alike, twice the same"
        yield Question("fit", what, partial(_fit, place, NETWORKS[name]))


def _fit(place: Place, network: Network) -> Facts:
    right = trained(place.cpu, network)
    found, again = trained(place.gpu, network), trained(place.gpu, network)
    with by_graphs():
        captured = trained(place.gpu, network)
    with by_one_kernel():
        one = trained(place.gpu, network)
    with without_graphs():
        plain = trained(place.gpu, network)
    facts = {
        "loss": found.loss,
        "right": right.loss,
        "weights differ by": max(map(error_of, found.weights, right.weights)),
        "twice the same": found.is_like(again),
        "graphs = no graphs": captured.is_like(plain),
        "one kernel = graphs": one.is_like(captured),
    }
    assert facts["weights differ by"] < 1e-3, facts
    assert facts["twice the same"], facts
    assert facts["graphs = no graphs"], facts
    return facts


# time
class Epoch(NamedTuple):
    """The executable of an epoch, and what it takes to run steps of it apart from `fit`."""

    executable: Any
    run: Callable[[int], None]
    """So many steps from the first on."""
    cold: float
    """Seconds of the first fit, compilation and all."""


def epoch_of(backend: Any, network: Network, precision: str | None) -> Epoch:
    """By training for two epochs, and keeping the last call."""
    own = executables.Executable.epoch
    caught: list[tuple[Any, tuple[Any, ...]]] = []

    def epoch(self: Any, *arguments: Any) -> None:
        caught[:] = [(self, arguments)]
        own(self, *arguments)

    executables.Executable.epoch = epoch  # type: ignore[method-assign]
    try:
        with backends.use(backend):
            model = model_of(network, precision)
            rows = tuple(map(ag.tensor, rows_of(network, network.batch * network.batches)))
            begin = time.perf_counter()
            model.fit(*rows, batch_size=network.batch, epochs=2, verbose=0)
            cold = time.perf_counter() - begin
    finally:
        executables.Executable.epoch = own  # type: ignore[method-assign]
    ((executable, (state, sources, order, *_)),) = caught
    # the arrays are the model's and the rows', which have to live as long
    kept = (model, rows)

    def run(steps: int, kept: Any = kept) -> None:
        own(executable, state, sources, order, 0, steps)

    return Epoch(executable, run, cold)


def of_times(place: Place, say: Say) -> Iterator[Question]:
    """Microseconds of a step, and where they go; `say` is told the profile."""
    for precision in (None,) if place.small else (None, "tf32", "bfloat16"):
        for name in ("tiny",) if place.small else NETWORKS:
            if precision is None or name not in LAUNCH_BOUND:
                what = f"{name} {precision or 'float32'}"
                yield Question("time", what, partial(_time, place, say, name, precision))


def _time(place: Place, say: Say, name: str, precision: str | None) -> Facts:
    network = NETWORKS[name]._replace(batches=16) if place.small else NETWORKS[name]
    epoch = epoch_of(place.gpu, network, precision)
    executable = epoch.executable
    epoch.run(network.batches)
    times: list[float] = []
    end = time.monotonic() + (0.2 if place.small else 0.8)
    while time.monotonic() < end or len(times) < 3:
        begin = time.perf_counter()
        epoch.run(network.batches)
        times.append((time.perf_counter() - begin) / network.batches)
    profile = executable.profile(lambda: epoch.run(min(network.batches, 8)))
    parts = sorted(((row[0], row[1] * 1e6) for row in profile), key=lambda part: -part[1])
    say(
        f"profile: {name} {precision or 'float32'}",
        sum_us=round(sum(us for _, us in parts), 1),
        rows=[(label[:40], round(us, 1)) for label, us in parts[:SHOWN]],
    )
    flops = sum(call.flops for call in executable.calls if call.gemm)
    return {
        "us a step": round(float(np.median(times)) * 1e6, 2),
        "best": round(min(times) * 1e6, 2),
        "nodes": len(executable.sequences[True]),
        "one kernel": executable.together[True] is not None,
        "cold fit s": round(epoch.cold, 2),
        "block MB": executable.memory.bytes >> 20,
        "TFLOP/s in cuBLAS": round(flops / min(times) / 1e12, 2),
    }
