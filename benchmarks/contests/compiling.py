"""The first step: from the network to the end of its first training step, in processes that begin anew.

Cold is with empty caches on disk, warm is a new process that finds what the cold one left there. Imports are not counted
(`import` does that). Who compiles nothing shows what a first step costs all the same.
"""

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
from .shared import PHASES, Phases, here

NETWORKS = ("tiny", "mnist", "deep")


class Compiling(Contest):
    name = "compile"
    title = "The first step, from the network on"
    unit = "s"
    contestants = FRAMEWORKS

    def tasks(self, options: argparse.Namespace) -> dict[str, dict[str, Any]]:
        networks = NETWORKS[:1] if options.smoke else NETWORKS
        return {
            f"{network}/{phase}": {"title": f"{problem_of(network).title()}: {phase}"}
            for network in networks
            for phase in PHASES
        }

    def settings(self, options: argparse.Namespace, tasks: Sequence[str], folder: Path) -> dict[str, Any]:
        return here(options.smoke) | {"caches": str(folder)}

    def enter(self, name: str, settings: dict[str, Any]) -> Work:
        version, _ = jobs.prepare(name)
        phases = Phases(Path(settings["caches"]) / name)

        def figure(task: str) -> Figure:
            network, phase = task.split("/")
            problem = problem_of(network)
            _, found = phases.run(
                network, phase, lambda caches: alone.start("first_step", name, problem, settings, caches)
            )
            return Figure(found["seconds"])

        return Work(version, figure)


CONTEST = Compiling()
