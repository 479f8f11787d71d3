"""The first questions to a GPU, the most telling first: `python -m benchmarks.gpu.first [import kernels blas fit errors time wide]`.

Answers are lines of JSON, on the terminal and in $OUT/first.jsonl (OUT: a folder, else the current one). The exit code is
1 where one of them is wrong. WHERE names another backend than "cupy"; with it, or with SMALL=1, sizes are small.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import backends

from . import questions, training
from .answers import Answers, Place, Question

GROUPS = ("import", "kernels", "blas", "fit", "errors", "time", "wide")


def asked(place: Place, answers: Answers) -> Iterator[Question]:
    """Everything that can be asked, in its order; what may break the context of the device comes last."""
    yield from questions.of_the_library(place)
    yield from questions.of_kernels(place)
    yield from questions.of_products(place)
    yield from training.of_fits(place)
    yield from questions.of_errors(place)
    yield from training.of_times(place, answers.say)
    yield from questions.of_many_elements(place)
    yield from questions.of_shared_memory(place)


def main(groups: Sequence[str]) -> int:
    """Ask the questions of these groups, or all; how many answers were wrong.

    Raises:
        SystemExit: a group is unknown.
    """
    for group in groups:
        if group not in GROUPS:
            raise SystemExit(f"group {group!r} is none of: {', '.join(GROUPS)}")
    name = os.environ.get("WHERE", "cupy")
    small = name != "cupy" or bool(os.environ.get("SMALL"))
    answers = Answers(Path(os.environ.get("OUT", ".")) / "first.jsonl")
    place = Place(backends.get(name), backends.get("numpy"), small)
    wanted = groups or GROUPS
    answers.ask(question for question in asked(place, answers) if question.group in wanted)
    return answers.wrong


if __name__ == "__main__":
    sys.exit(min(main(sys.argv[1:]), 1))
