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


def answer(options: argparse.Namespace) -> dict[str, Any]:
    problems = [PROBLEMS[name] for name in options.problems.split(",")]
    threads = threads_here()
    name = options.name
    if name == "reference":
        return {"version": "float64", "figures": reference_losses(problems, threads)}
    if name in PRODUCTS:
        return matrix_products.figures(
            problems, 1 if name == "openblas-1-core" else threads, options.seconds
        )
    contestant = CONTESTANTS[name]
    if options.memory:
        version, make = contestant.prepare()
        grown = {p.name: memory_megabytes(p, make, threads) for p in problems}
        return {"version": version, "figures": grown}
    return figures(contestant, problems, threads, options.seconds, json.loads(options.expected))


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.step", description=__doc__)
    parser.add_argument("name", choices=[*CONTESTANTS, *PRODUCTS, "reference"])
    parser.add_argument("--problems", default=",".join(PROBLEMS), help="names, with commas")
    parser.add_argument("--seconds", type=float, default=0.7, help="how long to time each problem")
    parser.add_argument("--expected", default="{}", help="losses of the reference, as JSON")
    parser.add_argument("--memory", action="store_true", help="growth of peak memory instead of time")  # fmt: skip
    try:
        found = answer(parser.parse_args())
    except (ImportError, Skip) as error:
        found = {"skipped": str(error)}
    print(json.dumps(found))


if __name__ == "__main__":
    main()
