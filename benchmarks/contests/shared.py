"""What several contests need: where all compute, what a report says of a network, and the losses that are expected."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ..contest import ask, say_on_terminal
from ..machine import environment, threads_of
from ..networks import job as jobs
from ..networks.problems import Problem, flop_per_step
from ..work import Skip, Work

SMOKE_BATCHES = 8


def batches_of(settings: Mapping[str, Any]) -> int | None:
    """A few where it is only to be seen whether everything runs."""
    return SMOKE_BATCHES if settings["smoke"] else None


def here(smoke: bool, device: str = "cpu", precision: str = "float32") -> dict[str, Any]:
    """Where all compute, as settings."""
    return jobs.Where(threads_of(smoke), device, precision)._asdict()


def facts(problem: Problem) -> dict[str, Any]:
    """What a report says of a problem."""
    return {"title": problem.title(), "group": problem.group, "flop": flop_per_step(problem)}


def expected_losses(contest: str, settings: dict[str, Any], tasks: Sequence[str]) -> dict[str, Any]:
    """The settings with the losses of the float64 reference, from a process of its own."""
    losses, missing = ask(contest, "reference", settings, tasks, environment(settings["threads"]))
    for task, why in missing.items():
        say_on_terminal(f"no reference loss of {task}: {why}")
    return settings | {"expected": losses}


def enter_reference(settings: dict[str, Any], problem_of: Callable[[str], Problem]) -> Work:
    """In a process of its own: the losses that are expected, as figures."""
    from ..networks.reference import reference_losses

    where = jobs.where_of(settings)

    def figure(task: str) -> float:
        problem = problem_of(task)
        losses = reference_losses([problem], where)
        if not losses:
            raise Skip("needs PyTorch")
        return losses[problem.name]

    return Work("float64", figure)
