"""Prediction: the latency of one row, and many rows at once; NumPy array in, probabilities as a NumPy array out.

Probabilities are held against a float64 forward pass before time counts.
"""

from __future__ import annotations

import argparse
import functools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..contest import Contest, Report
from ..measure import seconds_per_call
from ..names import FRAMEWORKS
from ..networks import job as jobs
from ..networks.problems import problem_of
from ..plots import draw_bars
from ..work import Figure, Work
from .shared import here

NETWORKS = ("small", "mnist", "wide")
ROWS = (1, 10_000)


class Predicting(Contest):
    name = "predict"
    title = "Prediction"
    unit = "us"
    seconds = 0.5
    contestants = tuple(name for name in FRAMEWORKS if name != "jax-scan")
    """A scan over batches is a matter of training alone."""

    def tasks(self, options: argparse.Namespace) -> dict[str, dict[str, Any]]:
        tasks = {}
        for network in NETWORKS[:1] if options.smoke else NETWORKS:
            for rows in ROWS:
                title = f"{network} ({problem_of(network).shape}), {rows:,} row{'s' * (rows > 1)}"
                tasks[f"{network}/{rows}"] = {
                    "title": title,
                    "short": title,
                    "network": network,
                    "rows": rows,
                }
        return tasks

    def settings(self, options: argparse.Namespace, tasks: Sequence[str], folder: Path) -> dict[str, Any]:
        return here(options.smoke)

    def enter(self, name: str, settings: dict[str, Any]) -> Work:
        version, make = jobs.prepare(name)
        from ..networks.reference import Reference

        @functools.cache
        def trained(network: str) -> tuple[jobs.Job, jobs.Trainer]:
            job = jobs.job_of(problem_of(network), jobs.where_of(settings))
            return job, make(job)

        @functools.cache
        def ready(task: str) -> tuple[jobs.Trainer, Any]:
            network, rows = task.split("/")
            job, trainer = trained(network)
            x = np.random.default_rng(3).standard_normal((int(rows), *job.problem.inputs), dtype=np.float32)
            expected = Reference(job._replace(dropout=0.0)).predict(x[:100])
            np.testing.assert_allclose(trainer.predict(x)[:100], expected, rtol=2e-3, atol=2e-5)
            return trainer, x

        def figure(task: str) -> Figure:
            trainer, x = ready(task)
            return Figure(seconds_per_call(lambda: trainer.predict(x), float(settings["seconds"])) * 1e6)

        return Work(version, figure)

    def beside(self, name: str, task: str, value: float, report: Report) -> str:
        rows = report.tasks[task]["rows"]
        return f"{rows / value:.3g} million rows/s" if rows > 1 else ""

    def draw(self, report: Report, path: Path) -> None:
        draw_bars(report, path, "Prediction: left is faster", len(ROWS))


CONTEST = Predicting()
