"""What several contests need: where all compute, data, caches on disk, and the losses that are expected."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..contest import ask, say_on_terminal
from ..machine import ROOT, environment, threads_of
from ..networks import alone
from ..networks import job as jobs
from ..networks.problems import Array, Problem, flop_per_step
from ..work import Skip, Work

SMOKE_BATCHES = 8
PHASES = ("cold", "warm")
Data = tuple[Array, Array, Array, Array]
"""x and y to train with, x and y held out."""
Answer = tuple[float, dict[str, Any]]


def batches_of(settings: Mapping[str, Any]) -> int | None:
    """A few where it is only to be seen whether everything runs."""
    return SMOKE_BATCHES if settings["smoke"] else None


def here(smoke: bool, device: str = "cpu", precision: str = "float32") -> dict[str, Any]:
    """Where all compute, as settings."""
    return jobs.Where(threads_of(smoke), device, precision)._asdict()


def facts(problem: Problem) -> dict[str, Any]:
    """What a report says of a problem."""
    return {"title": problem.title(), "group": problem.group, "flop": flop_per_step(problem)}


def expected_losses(contest: str, settings: dict[str, Any], tasks: Sequence[str]) -> dict[str, Any]:
    """The settings with the losses of the float64 reference, from a process of its own."""
    losses, missing = ask(contest, "reference", settings, tasks, environment(settings["threads"]))
    for task, why in missing.items():
        say_on_terminal(f"no reference loss of {task}: {why}")
    return settings | {"expected": losses}


def enter_reference(settings: dict[str, Any], problem_of: Callable[[str], Problem]) -> Work:
    """In a process of its own: the losses that are expected, as figures."""
    from ..networks.reference import reference_losses

    where = jobs.where_of(settings)

    def figure(task: str) -> float:
        problem = problem_of(task)
        losses = reference_losses([problem], where)
        if not losses:
            raise Skip("needs PyTorch")
        return losses[problem.name]

    return Work("float64", figure)


def digits() -> Data:
    """1,797 images of 8 x 8 pixels, from 0 to 1; 1,408 of them to train with, 44 batches of 32."""
    table = np.loadtxt(ROOT / "nn" / "datasets" / "data" / "digits.csv.gz", delimiter=",")
    table = table[np.random.default_rng(0).permutation(len(table))]
    x, y = table[:, :-1] / 16, table[:, -1]
    return x[:1408], y[:1408], x[1408:], y[1408:]


def on_disk(data: Data, path: Path) -> str:
    """The path of a file with the rows as float32 and int32, so that no contestant imports what made them."""
    x, y, x_test, y_test = data
    np.savez(
        path,
        x=x.astype(np.float32),
        y=y.astype(np.int32),
        x_test=x_test.astype(np.float32),
        y_test=y_test.astype(np.int32),
    )
    return str(path)


class Phases:
    """Jobs in new processes: "cold" with empty caches on disk, "warm" with what the cold one left there.

    Args:
        folder: where the caches are; whoever made it takes them away.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._begun: set[str] = set()

    def run(self, what: str, phase: str, job: Callable[[dict[str, str]], Answer]) -> Answer:
        """What the job answers in that phase; it is given the variables that name the place of caches."""
        caches = self._folder / what
        known = what in self._begun
        self._begun.add(what)
        if phase == "cold" or not known:
            shutil.rmtree(caches, ignore_errors=True)
            caches.mkdir(parents=True)
        if phase == "warm" and not known:
            job(alone.in_caches(caches))
        return job(alone.in_caches(caches))
