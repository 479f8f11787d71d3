"""One contestant in this process: `python -m benchmarks.step NAME --problems tiny,small`, one line of JSON at the end."""

from __future__ import annotations

import argparse
import json
from typing import Any

from . import by_hand, matrix_products, with_gradloom, with_jax, with_keras, with_torch
from .measure import Contestant, Skip, figures, memory_megabytes
from .names import PRODUCTS, threads_here
from .problems import PROBLEMS, Problem
from .reference import reference_losses


def every(problem: Problem) -> bool:
    return True


def perceptrons(problem: Problem) -> bool:
    return problem.group == 1


CONTESTANTS = {
    "gradloom": Contestant(with_gradloom.prepare, every),
    "torch": Contestant(with_torch.eager, every),
    "torch-compile": Contestant(with_torch.compiled, every),
    "jax": Contestant(with_jax.per_step, every),
    "jax-scan": Contestant(with_jax.per_epoch, every),
    "keras-jax": Contestant(with_keras.on_jax, perceptrons),
    "keras-tensorflow": Contestant(with_keras.on_tensorflow, perceptrons),
    "numpy": Contestant(by_hand.prepare, perceptrons),
}


def products_alone(options: argparse.Namespace, problems: list[Problem]) -> dict[str, Any]:
    threads = 1 if options.name == "openblas-1-core" else threads_here()
    try:
        blas = matrix_products.Library(threads)
    except (ImportError, Skip) as error:
        return {"skipped": str(error)}
    return matrix_products.figures(blas, problems, options.seconds)


def answer(options: argparse.Namespace) -> dict[str, Any]:
    """The JSON object; only what is missing before the first step is a reason to skip."""
    problems = [PROBLEMS[name] for name in options.problems.split(",")]
    threads = threads_here()
    if options.name == "reference":
        return {"version": "float64", "figures": reference_losses(problems, threads)}
    if options.name in PRODUCTS:
        return products_alone(options, problems)
    contestant = CONTESTANTS[options.name]
    try:
        version, make = contestant.prepare()
    except (ImportError, Skip) as error:
        return {"skipped": str(error)}
    problems = [problem for problem in problems if contestant.takes(problem)]
    if options.memory:
        grown = {p.name: memory_megabytes(p, make, threads) for p in problems}
        return {"version": version, "figures": grown}
    expected = json.loads(options.expected)
    return {"version": version, **figures(make, problems, threads, options.seconds, expected)}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.step", description=__doc__)
    parser.add_argument("name", choices=[*CONTESTANTS, *PRODUCTS, "reference"])
    parser.add_argument("--problems", default=",".join(PROBLEMS), help="names, with commas")
    parser.add_argument("--seconds", type=float, default=0.7, help="how long to time each problem")
    parser.add_argument("--expected", default="{}", help="losses of the reference, as JSON")
    parser.add_argument("--memory", action="store_true", help="growth of peak memory instead of time")  # fmt: skip
    print(json.dumps(answer(parser.parse_args())))


if __name__ == "__main__":
    main()
