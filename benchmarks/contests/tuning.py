"""A search for a good network: from the start of the process to the accuracy of the last of twenty.

Each is trained on the digits for 20 epochs and evaluated on held-out rows. Every other width is another
program, so compilation counts twenty times. Cold is with empty caches on disk, warm is a new process that
finds what the cold one left there.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..contest import Contest, Report
from ..networks import alone
from ..networks import job as jobs
from ..networks.problems import perceptron
from ..plots import draw_bars
from ..work import Figure, Work
from .shared import PHASES, Phases, digits, here, on_disk

HIDDEN = (
    (8,), (12,), (16,), (20,), (24,), (32,), (40,), (48,),
    (16, 8), (16, 16), (24, 12), (24, 24), (32, 12), (32, 16),
    (32, 32), (40, 20), (40, 40), (48, 16), (48, 24), (48, 48),
)  # fmt: skip
"""Units of the hidden layers."""
EPOCHS, DATA = 20, "digits.npz"
ROWS = perceptron("tune", 32, 44, (64, 48, 10), 0.2, optimizer="adam")
"""The batches, the dropout and the optimizer of all of them."""
LEAST, BEST = 0.7, 0.95
"""What every network has to get right of the held-out rows, and the best of them; a guess gets a tenth."""


def learned(accuracies: Sequence[float]) -> str:
    """The range of accuracies, in words.

    Raises:
        AssertionError: a network has not learned.
    """
    low, high = min(accuracies), max(accuracies)
    if low < LEAST or high < BEST:
        raise AssertionError(
            f"accuracies from {low:.3f} to {high:.3f}, expected {LEAST} at least and {BEST} of the best"
        )
    return f"{low:.1%} to {high:.1%} of held-out rows"


class Tune(Contest):
    name = "tune"
    title = "A search of twenty small networks"
    unit = "s"
    rounds = 5
    contestants = ("gradloom", "gradloom-numpy", "keras-jax", "torch", "scikit-learn")

    def tasks(self, options: argparse.Namespace) -> dict[str, dict[str, Any]]:
        count = len(hidden_of(options.smoke))
        epochs = epochs_of(options.smoke)
        what = (
            f"{count} networks, one or two layers of 8 to 48, dropout 0.2, batch 32, Adam, epochs: {epochs}"
        )
        return {phase: {"title": f"{phase}: {what}", "short": phase} for phase in PHASES}

    def settings(self, options: argparse.Namespace, tasks: Sequence[str], folder: Path) -> dict[str, Any]:
        on_disk(digits(), folder / DATA)
        return here(options.smoke) | {"folder": str(folder)}

    def enter(self, name: str, settings: dict[str, Any]) -> Work:
        version, make = jobs.prepare(name)
        smoke, folder = settings["smoke"], Path(settings["folder"])
        phases = Phases(folder / name)
        given = {key: settings[key] for key in jobs.Where._fields} | {
            "file": str(folder / DATA),
            "hidden": hidden_of(smoke),
            "epochs": epochs_of(smoke),
        }

        def figure(phase: str) -> Figure:
            took, answer = phases.run(
                self.name, phase, lambda caches: alone.start("search", name, ROWS, given, caches)
            )
            accuracies = answer["accuracies"]
            notes = [] if smoke else [learned(accuracies)]
            return Figure(took, "; ".join([*notes, *filter(None, [jobs.note_of(make)])]))

        return Work(version, figure)

    def draw(self, report: Report, path: Path) -> None:
        draw_bars(report, path, "Twenty small networks, imports and compilation included: left is faster", 2)


def hidden_of(smoke: bool) -> Sequence[tuple[int, ...]]:
    """The networks of a run; two tell whether it works."""
    return HIDDEN[7:9] if smoke else HIDDEN


def epochs_of(smoke: bool) -> int:
    return 1 if smoke else EPOCHS


CONTEST = Tune()
