"""Serving: how long one row waits for its answer, half of the time and in the worst of a hundred cases.

Rows come one at a time, from one thread or from four that ask at once, as arrays of NumPy; answers are probabilities as
such. They are held against a float64 forward pass before time counts.
"""

from __future__ import annotations

import argparse
import functools
import statistics
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..contest import Contest
from ..networks import job as jobs
from ..networks.problems import problem_of
from ..work import Figure, Work
from .shared import here

NETWORKS = ("tiny", "small", "mnist")
THREADS = (1, 4)
QUANTILES = {"p50": 50, "p99": 99}
ROWS = 64
"""Different rows that are asked for in turn."""
LEAST = 200
"""Answers of which a hundredth can be spoken of at all."""


def latencies(ask: Callable[[int], object], threads: int, seconds: float) -> list[float]:
    """What each answer took, asked for by so many threads one after another for so many seconds."""
    found: list[list[float]] = [[] for _ in range(threads)]
    ready = threading.Barrier(threads)
    failures: list[BaseException] = []

    def client(own: list[float]) -> None:
        ready.wait()
        end = time.perf_counter() + seconds
        now, number = time.perf_counter(), 0
        try:
            while now < end or len(own) < LEAST // threads:
                ask(number % ROWS)
                number, before, now = number + 1, now, time.perf_counter()
                own.append(now - before)
        except BaseException as error:
            failures.append(error)

    clients = [threading.Thread(target=client, args=(own,)) for own in found]
    for each in clients:
        each.start()
    for each in clients:
        each.join()
    if failures:
        raise failures[0]
    return [took for own in found for took in own]


class Serving(Contest):
    name = "serve"
    title = "Serving single rows"
    unit = "us"
    seconds = 1.0
    contestants = ("gradloom", "onnxruntime", "torch", "scikit-learn", "numpy")

    def tasks(self, options: argparse.Namespace) -> dict[str, dict[str, Any]]:
        tasks = {}
        for network in NETWORKS[:1] if options.smoke else NETWORKS:
            for threads in THREADS:
                asking = "one thread" if threads == 1 else f"{threads} threads"
                for word in QUANTILES:
                    title = f"{network} ({problem_of(network).shape}), a row, {asking}, {word}"
                    tasks[f"{network}/{threads}/{word}"] = {
                        "title": title,
                        "short": title,
                        "network": network,
                    }
        return tasks

    def settings(self, options: argparse.Namespace, tasks: Sequence[str], folder: Path) -> dict[str, Any]:
        return here(options.smoke)

    def enter(self, name: str, settings: dict[str, Any]) -> Work:
        version, make = jobs.prepare(name)
        from ..networks.reference import Reference

        @functools.cache
        def ready(network: str) -> Callable[[int], object]:
            job = jobs.job_of(problem_of(network), jobs.where_of(settings))
            trainer = make(job)
            x = np.random.default_rng(3).standard_normal((ROWS, *job.problem.inputs), dtype=np.float32)
            rows = [x[i : i + 1] for i in range(ROWS)]
            expected = Reference(job._replace(dropout=0.0)).predict(x)
            answers = np.concatenate([trainer.predict(row) for row in rows])
            np.testing.assert_allclose(answers, expected, rtol=2e-3, atol=2e-5)
            return lambda number: trainer.predict(rows[number])

        def figure(task: str) -> Figure:
            network, threads, word = task.split("/")
            took = latencies(ready(network), int(threads), float(settings["seconds"]))
            return Figure(statistics.quantiles(took, n=100)[QUANTILES[word] - 1] * 1e6)

        return Work(version, figure)


CONTEST = Serving()
