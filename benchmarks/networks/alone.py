"""One job in a process that holds nothing else, for wall times, compilation and memory: `python -m benchmarks.networks.alone`.

`start` runs it from a contestant's process. Nothing is imported here that the contestant itself would not import, but
for a few small modules of Python.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ..measure import peak_growth
from ..work import Skip
from .job import Job, Trainer, accuracy, job_of, prepare, where_of
from .problems import Array, Problem, initial_weights, perceptron

CACHES = {
    "GRADLOOM_CACHE_DIR": "", "TORCHINDUCTOR_CACHE_DIR": "", "JAX_COMPILATION_CACHE_DIR": "", "XDG_CACHE_HOME": "",
    "TRITON_CACHE_DIR": "", "CACHEDB": "tinygrad.db",
}  # fmt: skip
"""Variables that name the place of caches: a new folder, or a file in it."""
ALWAYS_KEEP = {
    "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0", "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1",
}  # fmt: skip


def in_caches(folder: Path) -> dict[str, str]:
    """Variables that put every cache into a folder."""
    return {key: str(folder / file) for key, file in CACHES.items()} | ALWAYS_KEEP


def start(
    what: str, name: str, problem: Problem, settings: Mapping[str, Any], variables: Mapping[str, str] | None = None
) -> tuple[float, dict[str, Any]]:  # fmt: skip
    """Seconds from before the process starts until its line is read, and what the line says.

    Raises:
        Skip: it says that it cannot.
        RuntimeError: it failed, with its last word.
    """
    given = json.dumps({**settings, "problem": _description(problem)})
    command = [sys.executable, "-m", __name__, what, name, given]
    began = time.perf_counter()
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env={**os.environ, **(variables or {})},
    )  # fmt: skip
    assert process.stdout is not None
    line, took = "", 0.0
    for text in process.stdout:  # what a framework prints comes before
        line, took = text, time.perf_counter() - began
    _, errors = process.communicate()
    if process.returncode:
        raise RuntimeError((errors.strip().splitlines() or ["no word"])[-1])
    answer: dict[str, Any] = json.loads(line)
    if "skipped" in answer:
        raise Skip(answer["skipped"])
    return took, answer


def _description(problem: Problem) -> dict[str, Any]:
    """What `perceptron` needs to make it again."""
    widths = [*(layer.inputs for layer in problem.kernels), problem.outputs]
    names = ("name", "batch", "batches", "dropout", "optimizer")
    return {"widths": widths} | {name: getattr(problem, name) for name in names}


def first_step(name: str, problem: Problem, settings: dict[str, Any]) -> dict[str, Any]:
    """Seconds from the network to the end of its first step, imports before; how much memory that takes at its peak."""
    job = job_of(problem, where_of(settings))
    _, make = prepare(name)
    took = 0.0

    def once() -> None:
        nonlocal took
        began = time.perf_counter()
        make(job).step_loss(job.x[: problem.batch], job.y[: problem.batch])
        took = time.perf_counter() - began

    return {"megabytes": peak_growth(once), "seconds": took}


def epochs(name: str, problem: Problem, settings: dict[str, Any]) -> dict[str, Any]:
    """How much the peak of memory grows by two epochs."""
    job = job_of(problem, where_of(settings))
    _, make = prepare(name)
    return {"megabytes": peak_growth(lambda: make(job).train(2))}


def race(name: str, problem: Problem, settings: dict[str, Any]) -> dict[str, Any]:
    """Train on the rows of a file for `epochs`, or until `target` on its held-out rows is reached."""
    x, y, x_test, y_test = _rows(settings)
    _, make = prepare(name)
    weights = initial_weights(problem)
    trainer = make(Job(problem, weights, x, y, problem.dropout, True, where_of(settings)))
    if settings["target"] is None:
        trainer.train(settings["epochs"])
        return {"accuracy": accuracy(trainer.predict(x), y), "epochs": settings["epochs"]}
    return _until(trainer, settings["target"], settings["epochs"], x_test, y_test)


def search(name: str, problem: Problem, settings: dict[str, Any]) -> dict[str, Any]:
    """Train a network for each of the widths in `hidden` on the rows of a file; its share of right held-out rows."""
    x, y, x_test, y_test = _rows(settings)
    _, make = prepare(name)
    found = []
    for hidden in settings["hidden"]:
        widths = (*problem.inputs, *hidden, problem.outputs)
        network = perceptron(**_description(problem) | {"widths": widths})
        weights = initial_weights(network)
        trainer = make(Job(network, weights, x, y, network.dropout, True, where_of(settings)))
        trainer.train(settings["epochs"])
        found.append(accuracy(trainer.predict(x_test), y_test))
    return {"accuracies": found}


def _rows(settings: Mapping[str, Any]) -> list[Array]:
    with np.load(settings["file"]) as found:
        return [found[key] for key in ("x", "y", "x_test", "y_test")]


def _until(trainer: Trainer, target: float, limit: int, x: Any, y: Any) -> dict[str, Any]:
    reached, count = 0.0, 0
    while reached < target and count < limit:
        trainer.train(1)
        count += 1
        reached = accuracy(trainer.predict(x), y)
    return {"accuracy": reached, "epochs": count}


JOBS = {"first_step": first_step, "epochs": epochs, "race": race, "search": search}


def main() -> None:
    what, name, given = sys.argv[1:]
    settings = json.loads(given)
    try:
        answer = JOBS[what](name, perceptron(**settings["problem"]), settings)
    except (ImportError, Skip) as error:
        answer = {"skipped": str(error)}
    print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
