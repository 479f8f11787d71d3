"""How cost grows: a step, its compilation and its memory against batch, width and depth; `fit` against rows.

One quantity varies, the others stay. A power law through the points gives the exponent (Goldsmith, Aiken and Wilkerson
2007 read complexity off runs in the same way). The largest `fit` reads a memory-mapped file.
"""

from __future__ import annotations

import argparse
import functools
import statistics
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..contest import Contest, Report
from ..intervals import exponent
from ..measure import seconds_per_call, seconds_per_pass
from ..networks import alone
from ..networks import job as jobs
from ..networks.problems import Problem, flop_per_step, perceptron
from ..plot_scaling import draw_scaling
from ..tables import digits
from ..work import Figure, Work
from .shared import batches_of, enter_reference, expected_losses, here

BATCH, WIDTH, DEPTH, CLASSES = 128, 256, 4, 10
SIZES = {
    "batch": (8, 32, 128, 512, 2048),
    "width": (32, 64, 256, 1024, 2048),
    "depth": (1, 2, 4, 8, 16),
    "rows": (1_000, 10_000, 100_000, 1_000_000, 10_000_000),
}
UNITS = {"step": "us", "compile": "s", "memory": "MB", "fit": "s"}
ROWS = perceptron("rows", 500, 2, (16, 64, 32, 2), 0.2)
MAPPED_FROM = 10_000_000
SMOKE = ("step/batch/8", "compile/depth/1", "memory/width/32", "fit/rows/1000")


def network(axis: str, size: int) -> Problem:
    """The network of a point."""
    if axis == "rows":
        return ROWS
    measures = {"batch": BATCH, "width": WIDTH, "depth": DEPTH} | {axis: size}
    batch, width, depth = measures["batch"], measures["width"], measures["depth"]
    batches = min(64, max(4, 2**20 // (batch * width)))
    return perceptron(f"{axis}/{size}", batch, batches, (*[width] * (depth + 1), CLASSES))


def problem_of(point: str) -> Problem:
    """The network of `axis/size`, or of `rows`."""
    axis, _, size = point.partition("/")
    return network(axis, int(size or 0))


class Scaling(Contest):
    name = "scaling"
    title = "How cost grows"
    unit = "us, s or MB"
    seconds = 0.2
    contestants = (
        "gradloom", "torch", "torch-compile", "jax", "keras-jax", "keras-tensorflow", "scikit-learn", "mygrad", "numpy",
    )  # fmt: skip

    def tasks(self, options: argparse.Namespace) -> dict[str, dict[str, Any]]:
        found = {}
        for what in UNITS:
            for axis, sizes in SIZES.items():
                for size in sizes if (what == "fit") == (axis == "rows") else ():
                    facts = {"what": what, "axis": axis, "size": size, "unit": UNITS[what]}
                    facts["flop"] = flop_per_step(network(axis, size))
                    found[f"{what}/{axis}/{size}"] = facts
        return {task: found[task] for task in SMOKE} if options.smoke else found

    def settings(self, options: argparse.Namespace, tasks: Sequence[str], folder: Path) -> dict[str, Any]:
        points = sorted({task.partition("/")[2] for task in tasks if task.startswith("step/")})
        settings = expected_losses(self.name, here(options.smoke), [*points, "rows"])
        rows = max([int(task.split("/")[2]) for task in tasks if task.startswith("fit/")], default=0)
        if rows:
            write_rows(folder, rows)
        return settings | {"folder": str(folder)}

    def enter(self, name: str, settings: dict[str, Any]) -> Work:
        where = jobs.where_of(settings)
        if name == "reference":
            return enter_reference(settings, problem_of)
        version, make = jobs.prepare(name)
        first: dict[Problem, dict[str, Any]] = {}

        def at_first(what: str, problem: Problem) -> Figure:
            # one start tells both, each time that both are asked for
            if what not in first.get(problem, {}):
                first[problem] = cold_first_step(name, problem, settings)
            return Figure(first[problem].pop(what))

        @functools.cache
        def checked(problem: Problem) -> str:
            return jobs.checked(problem, make, where, settings["expected"])

        @functools.cache
        def ready(problem: Problem) -> tuple[jobs.Job, jobs.Trainer]:
            job = jobs.job_of(problem, where, batches_of(settings))
            return job, make(job)

        def figure(task: str) -> Figure:
            what, axis, size = task.split("/")
            problem = network(axis, int(size))
            if what in ("compile", "memory"):
                return at_first("seconds" if what == "compile" else "megabytes", problem)
            note = checked(problem)
            if what == "fit":
                return Figure(fit_seconds(make, int(size), settings), note)
            job, trainer = ready(problem)
            took = seconds_per_pass(trainer.train, float(settings["seconds"]))
            jobs.finite(problem, trainer, job)
            return Figure(took / job.batches * 1e6, note)

        return Work(version, figure)

    def body(self, report: Report) -> Iterator[str]:
        for what, axis, sizes in panels(report):
            yield f"{what} ({UNITS[what]}) against {axis}"
            yield f"  {'':<18}" + "".join(f"{size:>12,}" for size in sizes) + "   exponent"
            for name in report.figures:
                points = dict(points_of(report, name, what, axis))
                if points:
                    cells = "".join(f"{digits(points[size]) if size in points else '-':>12}" for size in sizes)  # fmt: skip
                    yield f"  {name:<18}{cells}{exponent(list(points.items())):>11.2f}"
            yield ""
        for name, reasons in report.failed.items():
            yield from (f"{name}, {task}: FAILED: {reason}" for task, reason in reasons.items())

    def draw(self, report: Report, path: Path) -> None:
        draw_scaling(report, path)


def cold_first_step(name: str, problem: Problem, settings: dict[str, Any]) -> dict[str, Any]:
    """Seconds and megabytes, without anything in a cache on disk."""
    with tempfile.TemporaryDirectory(prefix="gradloom-bench-") as folder:
        return alone.start("first_step", name, problem, settings, alone.in_caches(Path(folder)))[1]


def panels(report: Report) -> list[tuple[str, str, list[int]]]:
    """(quantity, axis, sizes) of all that was measured."""
    found: dict[tuple[str, str], list[int]] = {}
    for facts in report.tasks.values():
        found.setdefault((facts["what"], facts["axis"]), []).append(facts["size"])
    return [(what, axis, sorted(sizes)) for (what, axis), sizes in found.items()]


def points_of(report: Report, name: str, what: str, axis: str) -> list[tuple[int, float]]:
    """(size, median) of a contestant."""
    return sorted(
        (facts["size"], statistics.median(report.figures[name][task]))
        for task, facts in report.tasks.items()
        if (facts["what"], facts["axis"]) == (what, axis) and task in report.figures[name]
    )


def write_rows(folder: Path, rows: int) -> None:
    """x and y of a rule that a line separates, written piece by piece."""
    draw = np.random.default_rng(0)
    rule = draw.standard_normal((ROWS.inputs[0], 2), dtype=np.float32)
    x = np.lib.format.open_memmap(folder / "x.npy", "w+", np.float32, (rows, *ROWS.inputs))
    y = np.lib.format.open_memmap(folder / "y.npy", "w+", np.int32, (rows,))
    for start in range(0, rows, 100_000):
        part = slice(start, min(start + 100_000, rows))
        x[part] = draw.standard_normal((part.stop - start, *ROWS.inputs), dtype=np.float32)
        y[part] = (x[part] @ rule).argmax(axis=1)
    x.flush()
    y.flush()


def fit_seconds(make: jobs.Make, rows: int, settings: dict[str, Any]) -> float:
    """One epoch over so many rows in a new order; what is compiled is compiled before, on the first thousand."""
    folder = Path(settings["folder"])
    mode = "r" if rows >= MAPPED_FROM else None
    x, y = (np.load(folder / f"{part}.npy", mmap_mode="r")[:rows] for part in "xy")
    if mode is None:
        x, y = np.array(x), np.array(y)
    job = jobs.job_of(ROWS, jobs.where_of(settings))
    job = job._replace(x=np.array(x[:1000]), y=np.array(y[:1000]))
    trainer: Any = make(job)
    _epoch(trainer)
    trainer.job = job._replace(x=x, y=y)
    if rows <= 100_000:
        took = seconds_per_call(lambda: _epoch(trainer), float(settings["seconds"]))
    else:
        start = time.perf_counter()
        _epoch(trainer)
        took = time.perf_counter() - start
    jobs.finite(ROWS, trainer, trainer.job)
    return took


def _epoch(trainer: Any) -> None:
    """`fit` where there is one; else batches are picked by hand, as its users do."""
    job = trainer.job
    if not hasattr(trainer, "feed"):
        trainer.train(1)
        return
    order = np.random.default_rng(0).permutation(len(job.x))
    size = job.problem.batch
    last = order[-size:]
    for start in range(0, len(order) - size, size):
        rows = order[start : start + size]
        trainer.feed(job.x[rows], job.y[rows])
    # asks for the loss, so all is computed when it returns
    trainer.step_loss(job.x[last], job.y[last])


CONTEST = Scaling()
