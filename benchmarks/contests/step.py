"""One training step: forward, loss, backward, SGD with momentum, in every framework; on a CPU or, with `--backend cupy`, a GPU.

From the same weights and without dropout, the loss after three steps agrees with a float64 reference, or nothing is
timed. Then dropout is on, and whole epochs count after one to warm up. The products alone are what no step can beat.
"""

from __future__ import annotations

import argparse
import functools
import importlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from .. import history
from ..contest import Contest, Report
from ..machine import environment, threads_of
from ..measure import seconds_per_pass
from ..names import FRAMEWORKS, IN_BFLOAT16, ON_GPU, PRODUCTS
from ..networks import job as jobs
from ..networks.problems import FOR_GPU, PROBLEMS, problem_of
from ..plots import draw_steps
from ..work import Figure, Skip, Work
from .shared import batches_of, enter_reference, expected_losses, facts, here

PERCEPTRONS_ONLY = ("keras-jax", "keras-tensorflow", "numpy", "scikit-learn", "mygrad", "tinygrad")


class Step(Contest):
    name = "step"
    title = "One training step"
    unit = "us"
    seconds = 0.7
    contestants = (*FRAMEWORKS, "openblas", "openblas-1-core")

    def add_options(self, parser: argparse.ArgumentParser) -> None:
        history.add_options(parser)
        parser.add_argument("--backend", choices=["numba", "cupy"], default="numba", help="cupy: everyone on an NVIDIA GPU")  # fmt: skip
        parser.add_argument("--precision", choices=list(jobs.TOLERANCES), default="float32", help="of matrix products; tf32 and float16 need --backend cupy")  # fmt: skip

    def names(self, options: argparse.Namespace) -> Sequence[str]:
        if options.backend == "cupy":
            return (*ON_GPU, "cublas")
        return self.contestants if options.precision == "float32" else IN_BFLOAT16

    def tasks(self, options: argparse.Namespace) -> dict[str, dict[str, Any]]:
        names = FOR_GPU if options.backend == "cupy" else tuple(PROBLEMS)
        return {name: facts(problem_of(name)) for name in (names[:1] if options.smoke else names)}

    def settings(self, options: argparse.Namespace, tasks: Sequence[str], folder: Path) -> dict[str, Any]:
        if options.history:
            history.must_be_worth_keeping(options)
        gpu = options.backend == "cupy"
        if not gpu and options.precision not in ("float32", "bfloat16"):
            raise SystemExit(f"--precision {options.precision} needs --backend cupy")
        if gpu:
            must_have_gpu()
        where = here(options.smoke, "cuda" if gpu else "cpu", options.precision)
        return expected_losses(self.name, where, tasks)

    def environment(self, options: argparse.Namespace) -> dict[str, str]:
        # JAX would take most of the memory of the GPU at once
        gpu = options.backend == "cupy"
        return environment(threads_of(options.smoke), gpu) | (
            {"XLA_PYTHON_CLIENT_PREALLOCATE": "false"} if gpu else {}
        )

    def enter(self, name: str, settings: dict[str, Any]) -> Work:
        if name == "reference":
            return enter_reference(settings, problem_of)
        if name in PRODUCTS:
            return products_alone(name, settings)
        where, seconds = jobs.where_of(settings), float(settings["seconds"])
        version, make = jobs.prepare(name)

        @functools.cache
        def ready(task: str) -> tuple[str, jobs.Job, jobs.Trainer]:
            problem = problem_of(task)
            if problem.group != 1 and name in PERCEPTRONS_ONLY:
                raise Skip("only the multilayer perceptrons are written for it")
            note = jobs.checked(problem, make, where, settings["expected"])
            job = jobs.job_of(problem, where, batches_of(settings))
            return note, job, make(job)

        def figure(task: str) -> Figure:
            note, job, trainer = ready(task)
            getattr(trainer, "restart", lambda: None)()
            took = seconds_per_pass(trainer.train, seconds)
            jobs.finite(job.problem, trainer, job)
            return Figure(took / job.batches * 1e6, note)

        return Work(version, figure)

    def beside(self, name: str, task: str, value: float, report: Report) -> str:
        flop = report.tasks[task].get("flop")
        if name not in PRODUCTS or not flop:
            return ""
        return f"{flop / value / 1e3:,.0f} GFLOP/s"

    def finish(self, report: Report, options: argparse.Namespace) -> None:
        if options.history:
            history.append(report, options.history, options.allow_dirty)

    def draw(self, report: Report, path: Path) -> None:
        draw_steps(report, path)


def products_alone(name: str, settings: dict[str, Any]) -> Work:
    """OpenBLAS on one or all cores, or cuBLAS."""
    where, seconds = jobs.where_of(settings), float(settings["seconds"])
    if name == "cublas":
        from ..networks import cublas

        gpu = cublas.library(where.precision)
        return Work(gpu.version, lambda task: cublas.figure(problem_of(task), gpu, seconds))
    from ..networks import matrix_products

    blas = matrix_products.Library(1 if name == "openblas-1-core" else where.threads)
    return Work(blas.version, lambda task: matrix_products.figure(problem_of(task), blas, seconds))


def must_have_gpu() -> None:
    """Leave with a clear message where there is no GPU or no CuPy.

    Raises:
        SystemExit: the message.
    """
    message = "step --backend cupy needs an NVIDIA GPU and CuPy: "
    try:
        cupy = importlib.import_module("cupy")
    except ImportError as error:
        raise SystemExit(
            f"{message}CuPy cannot be imported ({error}). pip install 'gradloom[cuda13]' (or cuda12)"
        ) from error
    try:
        count = cupy.cuda.runtime.getDeviceCount()
    except Exception as error:
        raise SystemExit(f"{message}CuPy sees no GPU here ({error})") from error
    if not count:
        raise SystemExit(f"{message}CuPy is installed, but sees no GPU here")


CONTEST = Step()
