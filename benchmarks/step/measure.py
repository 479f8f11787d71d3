"""When a time counts: the loss after three steps agrees with a float64 reference, then whole epochs are timed.

A contestant gives a `Trainer` for a problem, or raises `Skip` with the reason. Everything runs in one process; what
repeats it and compares is `command.py`.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

from .problems import Array, Problem, data, initial_weights

STEPS_BEFORE_CHECK = 3
TOLERANCE = 1e-3


class Skip(Exception):  # noqa: N818 - it is no error
    """A contestant cannot run here; the text says why."""


class Job(NamedTuple):
    """What a trainer is given. `shuffle` matters to those that draw batches themselves; `threads` is for all."""

    problem: Problem
    weights: list[list[Array]]
    x: Array
    y: Array
    dropout: float
    shuffle: bool
    threads: int

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


class Contestant(NamedTuple):
    """`prepare` raises Skip or ImportError where it cannot run; `takes` says for which problems it is written."""

    prepare: Callable[[], tuple[str, Callable[[Job], Trainer]]]
    takes: Callable[[Problem], bool]


def loss_after_steps(problem: Problem, make: Callable[[Job], Trainer], threads: int) -> float:
    """The loss of the fourth batch after a step on each of the three before, without dropout."""
    x, y = data(problem, STEPS_BEFORE_CHECK + 1)
    seen = STEPS_BEFORE_CHECK * problem.batch
    job = Job(problem, initial_weights(problem), x[:seen], y[:seen], 0.0, False, threads)
    trainer = make(job)
    trainer.train(1)
    return trainer.step_loss(x[seen:], y[seen:])


def check(problem: Problem, loss: float, expected: float) -> None:
    """Raise where the loss is another one than the reference's."""
    if not math.isclose(loss, expected, rel_tol=TOLERANCE):
        raise AssertionError(
            f"{problem.name}: the loss after {STEPS_BEFORE_CHECK} steps is {loss!r}, the reference says {expected!r}"
        )


def seconds_per_epoch(train: Callable[[int], None], seconds: float) -> float:
    """Warm up with one epoch, then time as many as take about `seconds`."""
    train(1)
    epochs = 1
    while True:
        start = time.perf_counter()
        train(epochs)
        took = time.perf_counter() - start
        if took >= 0.7 * seconds:
            return took / epochs
        epochs = max(epochs + 1, int(epochs * min(20.0, seconds / max(took, 1e-9))))


def microseconds_per_step(
    problem: Problem, make: Callable[[Job], Trainer], threads: int, seconds: float
) -> float:
    """The figure: with dropout, over whole epochs; the loss is still a number afterwards."""
    x, y = data(problem)
    job = Job(problem, initial_weights(problem), x, y, problem.dropout, True, threads)
    trainer = make(job)
    per_epoch = seconds_per_epoch(trainer.train, seconds)
    loss = trainer.step_loss(x[: problem.batch], y[: problem.batch])
    if not math.isfinite(loss):
        raise AssertionError(f"{problem.name}: the loss is {loss} after training")
    return per_epoch / job.batches * 1e6


def memory_megabytes(problem: Problem, make: Callable[[Job], Trainer], threads: int) -> float:
    """How much the peak of resident memory grows by two epochs, data and first weights not counted."""
    import resource

    x, y = data(problem)
    job = Job(problem, initial_weights(problem), x, y, problem.dropout, True, threads)

    def peak() -> float:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024

    before = peak()
    make(job).train(2)
    return peak() - before


def figures(
    make: Callable[[Job], Trainer],
    problems: list[Problem],
    threads: int,
    seconds: float,
    expected: dict[str, float],
) -> dict[str, Any]:
    """Microseconds per step, and notes: each problem is checked, then timed."""
    times: dict[str, float] = {}
    notes: dict[str, str] = {}
    for problem in problems:
        if problem.name in expected:
            loss = loss_after_steps(problem, make, threads)
            check(problem, loss, expected[problem.name])
        else:
            notes[problem.name] = (
                "not checked: no reference loss; that of networks that are not dense needs PyTorch"
            )
        times[problem.name] = microseconds_per_step(problem, make, threads, seconds)
    return {"figures": times, "notes": notes}
