"""What a trainer is given and what it has to do; whether it computes what the reference computes."""

from __future__ import annotations

import importlib
import math
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, Protocol

import numpy as np

from ..names import PEERS
from .problems import Array, Problem, data, initial_weights

STEPS_BEFORE_CHECK = 3
TOLERANCES = {"float32": 1e-3, "tf32": 2e-3, "bfloat16": 3e-2, "float16": 5e-3}
"""How far the loss after three steps may be from the reference, relatively, by the precision of products."""


class Where(NamedTuple):
    """Where and how all contestants compute."""

    threads: int
    device: str = "cpu"
    precision: str = "float32"


class Job(NamedTuple):
    """What a trainer is given. `shuffle` matters to those that draw batches themselves."""

    problem: Problem
    weights: list[list[Array]]
    x: Array
    y: Array
    dropout: float
    shuffle: bool
    where: Where

    @property
    def batches(self) -> int:
        return len(self.x) // self.problem.batch

    def slices(self) -> list[tuple[Array, Array]]:
        """The batches in order."""
        size = self.problem.batch
        starts = range(0, len(self.x), size)
        return [(self.x[i : i + size], self.y[i : i + size]) for i in starts]


class Trainer(Protocol):
    """A network under training."""

    def train(self, epochs: int) -> None:
        """So many passes over the batches of the job; returns when all is computed."""

    def step_loss(self, x: Array, y: Array) -> float:
        """One more step, on this batch; the loss before the update, in training mode."""

    def predict(self, x: Array) -> Array:
        """Probabilities in inference mode, as a NumPy array: (rows, classes), or (rows, 1) where there are two."""

    # A trainer may also have `feed(x, y)`: one more step on host arrays, which may return before it is computed.
    # And `restart()`: the first weights again, before a turn whose time counts. Deep networks that are trained
    # for tens of thousands of steps on a few batches end in NaN, whoever is fast enough to come so far.


Make = Callable[[Job], Trainer]


def prepare(name: str) -> tuple[str, Make]:
    """A contestant's version, and what makes its trainers.

    Raises:
        Skip, ImportError: it cannot run here.
    """
    file, _, function = PEERS[name].trainer.partition(":")
    found: tuple[str, Make] = getattr(importlib.import_module(f"{__package__}.{file}"), function)()
    return found


def job_of(problem: Problem, where: Where, batches: int | None = None) -> Job:
    """The whole of a problem (or so many batches), as it is timed."""
    x, y = data(problem, batches)
    return Job(problem, initial_weights(problem), x, y, problem.dropout, True, where)


def loss_after_steps(problem: Problem, make: Make, where: Where) -> float:
    """The loss of the fourth batch after a step on each of the three before, without dropout."""
    x, y = data(problem, STEPS_BEFORE_CHECK + 1)
    seen = STEPS_BEFORE_CHECK * problem.batch
    job = Job(problem, initial_weights(problem), x[:seen], y[:seen], 0.0, False, where)
    trainer = make(job)
    trainer.train(1)
    return trainer.step_loss(x[seen:], y[seen:])


def check(problem: Problem, loss: float, expected: float, precision: str = "float32") -> None:
    """Raise where the loss is another one than the reference's."""
    if not math.isclose(loss, expected, rel_tol=TOLERANCES[precision]):
        raise AssertionError(
            f"{problem.name}: the loss after {STEPS_BEFORE_CHECK} steps is {loss!r}, the reference says {expected!r}"
        )


def note_of(make: Make) -> str:
    """What a reader has to know about all figures of a contestant."""
    return str(getattr(make, "note", ""))


def checked(problem: Problem, make: Make, where: Where, expected: Mapping[str, float]) -> str:
    """Hold a contestant against the reference; what has to be said about its figures."""
    note = note_of(make)
    if problem.name not in expected:
        missing = "not checked: no reference loss; that of networks that are not dense needs PyTorch"
        return f"{missing}; {note}" if note else missing
    check(problem, loss_after_steps(problem, make, where), expected[problem.name], where.precision)
    return note


def finite(problem: Problem, trainer: Trainer, job: Job) -> None:
    """Raise where training has led to no number."""
    loss = trainer.step_loss(job.x[: problem.batch], job.y[: problem.batch])
    if not math.isfinite(loss):
        raise AssertionError(f"{problem.name}: the loss is {loss} after training")


def where_of(settings: Mapping[str, Any]) -> Where:
    """From the settings of a contest."""
    return Where(*(settings[name] for name in Where._fields))


def accuracy(probabilities: Array, y: Array) -> float:
    """The share of rows whose most probable class is the right one."""
    binary = probabilities.ndim == 1 or probabilities.shape[1] == 1
    guess = probabilities.reshape(-1) > 0.5 if binary else probabilities.argmax(axis=1)
    return float(np.mean(guess == y))
