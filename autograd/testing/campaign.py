"""No false alarms: a great many random calls of every op, whose gradients are
right, and how many the checks reject.

`python -m autograd.testing.campaign --cases 100000` prints the counts and a script for every rejection. Calls
come from `draws`: plain values, values full of ties and kinks, and values far from one. A call that cannot be
judged (the value is NaN, say) is counted as undecided, by op.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from typing import Any, NamedTuple, TextIO

import numpy as np

from ..op import Op
from ..ops import OPS
from .check import check_grad
from .draws import random_call
from .report import GradientMismatch, Undecided
from .samples import Sample

KINDS = ("plain", "plain", "grid", "grid", "far")


class Outcome(NamedTuple):
    """What became of the cases: how many, the rejections as messages, and the undecided ones by op."""

    cases: int
    rejections: list[str]
    undecided: Counter[str]
    seconds: float

    def __str__(self) -> str:
        ops = ", ".join(f"{name} {count}" for name, count in self.undecided.most_common())
        return (
            f"{self.cases} cases, {len(self.rejections)} rejections of right gradients, "
            f"{self.undecided.total()} undecided ({ops}), {self.seconds:.0f} s"
        )


class Case(NamedTuple):
    """One call and the settings of its check."""

    sample: Sample
    order: int
    dtype: str
    seed: int

    def check(self) -> None:
        check_grad(
            self.sample.subject(), *self.sample.inputs, order=self.order, dtype=self.dtype, seed=self.seed
        )


def differentiable_ops() -> list[Op]:
    """The ops that have a gradient."""
    return [op for op in OPS.values() if op.vjp]


def random_case(number: int, seed: int = 0) -> Case:
    """The case of that number; the same at every call."""
    generator = np.random.default_rng([seed, number])
    ops = differentiable_ops()
    op = ops[int(generator.integers(len(ops)))]
    kind = KINDS[int(generator.integers(len(KINDS)))]
    sample = random_call(op, generator, kind)
    # astype to a fixed dtype has no gradient in another one
    narrow = generator.random() < 0.2 and op.name != "astype" and kind != "far"
    order = 2 if generator.random() < 0.2 else 1
    return Case(sample, order, "float32" if narrow else "float64", number)


def run_campaign(cases: int, seed: int = 0, progress: TextIO | None = None) -> Outcome:
    """Check `cases` right gradients.

    >>> print(run_campaign(20).rejections)
    []
    """
    rejections: list[str] = []
    undecided: Counter[str] = Counter()
    start = time.perf_counter()
    for number in range(cases):
        case = random_case(number, seed)
        try:
            case.check()
        except GradientMismatch as mismatch:
            rejections.append(f"case {number}: {mismatch}")
            if progress is not None:
                print(rejections[-1], file=progress, flush=True)
        except Undecided:
            undecided[case.sample.op.name] += 1
        if progress is not None and (number + 1) % 5000 == 0:
            print(f"{number + 1} of {cases}, {len(rejections)} rejected", file=progress, flush=True)
    return Outcome(cases, rejections, undecided, time.perf_counter() - start)


def main(arguments: Any = None) -> int:
    """The command line; the exit status is 1 if a right gradient was rejected."""
    parser = argparse.ArgumentParser(
        prog="python -m autograd.testing.campaign", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument("--cases", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=0)
    chosen = parser.parse_args(arguments)
    outcome = run_campaign(chosen.cases, chosen.seed, sys.stderr)
    for message in outcome.rejections:
        print(message, end="\n\n")
    print(outcome)
    return 1 if outcome.rejections else 0


if __name__ == "__main__":
    raise SystemExit(main())
