"""From the start of the process to the number on the screen: imports, compilation, training and the accuracy.

`lab` is the course's first network, 150 epochs of Adam, as written there. `digits` and data of the size of MNIST-1D stop
after the first epoch that reaches a target on held-out rows. In the first round nobody has anything in a cache on disk, in
the others what the first one left there: the most of all rounds is the cold start. Data lies in a file, so that nobody imports what made it.
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ..contest import Contest, Report
from ..machine import ROOT
from ..names import FRAMEWORKS
from ..networks import alone
from ..networks import job as jobs
from ..networks.problems import Problem, perceptron
from ..plots import draw_bars
from ..work import Figure, Work
from .shared import Data, digits, here, on_disk


class Race(NamedTuple):
    """`epochs` without target, or at most so many until the accuracy on held-out rows is `target`."""

    problem: Problem
    epochs: int
    target: float | None
    least: float
    title: str


RACES = {
    "lab": Race(
        perceptron("lab", 10, 20, (7, 12, 8, 1), 0.0, optimizer="adam"), 150, None, 0.78,
        "lab: Pima, 200 rows, 7-12-8-1, batch 10, Adam, 150 epochs",
    ),
    "digits": Race(
        perceptron("digits", 32, 44, (64, 128, 64, 10), 0.2, optimizer="adam"), 100, 0.97, 0.97,
        "digits: 1,408 rows, 64-128-64-10, dropout 0.2, batch 32, Adam, to 97 % of held-out rows",
    ),
    "mnist1d": Race(
        perceptron("mnist1d", 100, 40, (40, 256, 128, 10), 0.2, optimizer="adam"), 100, 0.80, 0.80,
        "mnist1d: 4,000 rows, 40-256-128-10, dropout 0.2, batch 100, Adam, to 80 % of held-out rows",
    ),
}  # fmt: skip


def pima() -> Data:
    """The course's records, standardised with the training rows."""
    with open(ROOT / "nn" / "datasets" / "data" / "pima.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    names = [name for name in rows[0] if name not in ("type", "split")]
    x = np.array([[float(row[name]) for name in names] for row in rows])
    y = np.array([int(row["type"]) for row in rows])
    train = np.array([row["split"] == "train" for row in rows])
    x = (x - x[train].mean(axis=0)) / x[train].std(axis=0)
    return x[train], y[train], x[~train], y[~train]


def waves() -> Data:
    """Ten smooth waves of 40 points, moved, scaled and noisy: drawn here, of the size of MNIST-1D (Greydanus 2020)."""
    from nn.datasets import waves as dataset

    (x, y), (x_test, y_test) = dataset.load_data()
    return x, y, x_test, y_test


MAKERS = {"lab": pima, "digits": digits, "mnist1d": waves}


class Lab(Contest):
    name = "lab"
    title = "From the start of the process to the number on the screen"
    unit = "s"
    contestants = FRAMEWORKS
    notes_below = False

    def tasks(self, options: argparse.Namespace) -> dict[str, dict[str, Any]]:
        return {name: {"title": race.title} for name, race in RACES.items()}

    def settings(self, options: argparse.Namespace, tasks: Sequence[str], folder: Path) -> dict[str, Any]:
        files = {task: on_disk(MAKERS[task](), folder / f"{task}.npz") for task in tasks}
        return here(options.smoke) | {"files": files, "caches": str(folder)}

    def enter(self, name: str, settings: dict[str, Any]) -> Work:
        version, _ = jobs.prepare(name)
        caches = Path(settings["caches"]) / name
        caches.mkdir(exist_ok=True)

        def figure(task: str) -> Figure:
            race = RACES[task]
            given = {key: settings[key] for key in jobs.Where._fields} | {
                "file": settings["files"][task],
                "target": race.target,
                "epochs": 2 if settings["smoke"] else race.epochs,
            }
            took, answer = alone.start("race", name, race.problem, given, alone.in_caches(caches))
            if not settings["smoke"] and answer["accuracy"] < race.least:
                raise AssertionError(
                    f"accuracy {answer['accuracy']:.3f} after {answer['epochs']} epochs, expected {race.least}"
                )
            rows = "of its own rows" if race.target is None else "of held-out rows"
            return Figure(took, f"{answer['epochs']} epochs, {answer['accuracy']:.1%} {rows}")

        return Work(version, figure)

    def beside(self, name: str, task: str, value: float, report: Report) -> str:
        return report.notes.get(name, {}).get(task, "")

    def draw(self, report: Report, path: Path) -> None:
        draw_bars(
            report,
            path,
            "From the start of the process to the accuracy on the screen: left is faster",
            3,
        )


CONTEST = Lab()
