"""Peak memory of training: how much the resident memory of a process grows by two epochs, each in a new process."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..contest import Contest
from ..names import FRAMEWORKS
from ..networks import alone
from ..networks import job as jobs
from ..networks.problems import problem_of
from ..work import Figure, Work
from .shared import facts, here

PROBLEMS = ("small", "mnist", "wide", "huge")


class Memory(Contest):
    name = "memory"
    title = "Growth of peak memory in training"
    unit = "MB"
    rounds = 7
    contestants = FRAMEWORKS

    def tasks(self, options: argparse.Namespace) -> dict[str, dict[str, Any]]:
        return {name: facts(problem_of(name)) for name in (PROBLEMS[:1] if options.smoke else PROBLEMS)}

    def settings(self, options: argparse.Namespace, tasks: Sequence[str], folder: Path) -> dict[str, Any]:
        return here(options.smoke)

    def enter(self, name: str, settings: dict[str, Any]) -> Work:
        version, make = jobs.prepare(name)

        def figure(task: str) -> Figure:
            _, found = alone.start("epochs", name, problem_of(task), settings)
            return Figure(found["megabytes"], jobs.note_of(make))

        return Work(version, figure)


CONTEST = Memory()
