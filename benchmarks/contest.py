"""Running contestants fairly: own process each, clean environment, in turn A B C A B C, and nothing lost on the way.

A contestant that fails, hangs or dies leaves its reason in the report and the others alone; the report is written after
every turn. What a contest compares is in `contests/`; what a contestant's process prints is said in `contestant.py`.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from .environments import python_for
from .machine import environment, machine_facts, threads_of
from .processes import Process, messages
from .work import Work

PATIENCE = 300.0
"""Seconds in which a contestant has to say something new."""


MOST_STARTS = 3
PLACES = ("folder", "caches")
"""Settings that are nobody's business when the run is over."""
PAUSE = 0.3
"""Seconds between turns: threads of who had the last one may still look for work."""
UNTRIED = f"not tried: other tasks ended the process, or took too long, {MOST_STARTS} times"


@dataclass
class Report:
    """Figures by contestant and task, one per round; `tasks` says more about a task, `failed` why there is no figure."""

    benchmark: str
    title: str
    unit: str
    machine: dict[str, Any]
    date: str = ""
    rounds: int = 0
    stopped: str = ""
    settings: dict[str, Any] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)
    skipped: dict[str, str] = field(default_factory=dict)
    left_out: dict[str, dict[str, str]] = field(default_factory=dict)
    failed: dict[str, dict[str, str]] = field(default_factory=dict)
    figures: dict[str, dict[str, list[float]]] = field(default_factory=dict)
    notes: dict[str, dict[str, str]] = field(default_factory=dict)
    tasks: dict[str, dict[str, Any]] = field(default_factory=dict)

    def write(self, path: Path) -> None:
        """In one move: who reads it, or stops us, never sees half of it."""
        path.parent.mkdir(parents=True, exist_ok=True)
        beside = path.with_name(path.name + ".part")
        beside.write_text(json.dumps(vars(self), indent=1) + "\n")
        beside.replace(path)

    @classmethod
    def read(cls, path: Path) -> Report:
        """What `write` wrote.

        Raises:
            SystemExit: the file is missing or is none of ours.
        """
        try:
            return cls(**json.loads(path.read_text()))
        except (OSError, ValueError, TypeError) as error:
            raise SystemExit(f"{path} is no report of a benchmark: {error}") from error


class Contest(ABC):
    """A benchmark. Subclasses say what its tasks are, and what a contestant does in its own process."""

    name: ClassVar[str]
    title: ClassVar[str]
    unit: ClassVar[str] = "us"
    rounds: ClassVar[int] = 7
    seconds: ClassVar[float] = 0.5
    """How long a task is timed in a round."""
    contestants: ClassVar[Sequence[str]]
    stays: ClassVar[bool] = True
    """Whether a contestant's process waits for its next turn, with what it has prepared; else each round starts anew."""
    notes_below: ClassVar[bool] = True
    """Whether notes stand under the table; else `beside` has them."""
    first: ClassVar[str] = "gradloom"
    """Whom the others are compared with."""

    def add_options(self, parser: argparse.ArgumentParser) -> None:  # noqa: B027 - most have none
        """Options beside those that all have."""

    def names(self, options: argparse.Namespace) -> Sequence[str]:
        """The contestants, unless some are asked for."""
        return self.contestants

    @abstractmethod
    def tasks(self, options: argparse.Namespace) -> dict[str, dict[str, Any]]:
        """Each task with what is known of it (at least its `title`); with `options.smoke` the smallest alone."""

    def settings(self, options: argparse.Namespace, tasks: Sequence[str], folder: Path) -> dict[str, Any]:
        """What every contestant is told, computed once; files may be put into `folder`."""
        return {}

    def environment(self, options: argparse.Namespace) -> dict[str, str]:
        """The variables that contestants start with."""
        return environment(threads_of(options.smoke))

    @abstractmethod
    def enter(self, name: str, settings: dict[str, Any]) -> Work:
        """In the contestant's process: what does the tasks; raises Skip or ImportError where it cannot."""

    def beside(self, name: str, task: str, value: float, report: Report) -> str:
        """What a table says beside a figure."""
        return ""

    def body(self, report: Report) -> Iterator[str] | None:
        """The lines of the table, where a block per task is not what a reader wants."""
        return None

    def finish(self, report: Report, options: argparse.Namespace) -> None:  # noqa: B027 - most do not
        """What is done with a report beside showing it."""

    def draw(self, report: Report, path: Path) -> None:
        """The picture.

        Raises:
            SystemExit: there is none.
        """
        raise SystemExit(f"{self.name} has no picture")


Say = Callable[[str], None]


def say_on_terminal(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


class Run:
    """A contest under way.

    Args:
        contest, names, tasks, settings, variables: who does what.
        patience: seconds in which a contestant has to say something new.
    """

    def __init__(
        self,
        contest: Contest,
        names: Sequence[str],
        tasks: dict[str, dict[str, Any]],
        settings: dict[str, Any],
        variables: Mapping[str, str],
        patience: float = PATIENCE,
        say: Say = say_on_terminal,
    ) -> None:
        self.contest, self.names, self.settings = contest, names, settings
        self.variables, self.patience, self.say = variables, patience, say
        known = {k: v for k, v in settings.items() if isinstance(v, str | int | float) and k not in PLACES}  # fmt: skip
        self.report = Report(
            contest.name, contest.title, contest.unit, machine_facts(), tasks=tasks, settings=known,
            date=time.strftime("%Y-%m-%d %H:%M"),
        )  # fmt: skip
        self._took: dict[str, float] = {}
        self._processes: dict[str, Process] = {}

    def rounds(
        self, count: int, minutes: float | None = None, keep: Callable[[Report], None] = lambda report: None
    ) -> Report:  # fmt: skip
        """So many rounds, or fewer when the time is up or the user stops; `keep` sees the report after each turn."""
        start = time.monotonic()
        end = None if minutes is None else start + 60 * minutes
        try:
            for number in range(1, count + 1):
                for name in self.names:
                    now = time.monotonic()
                    if end is not None and now + 0.7 * self._took.get(name, 0.0) > end:
                        self.report.stopped = (
                            f"{minutes:g} minutes were up in round {number} of {count}, before {name}"
                        )
                        return self._finished(keep)
                    self.say(
                        f"{self.contest.name}: round {number} of {count}, {name} (after {now - start:.0f} s)"
                    )
                    self.turn(name)
                    self._took[name] = time.monotonic() - now
                    keep(self.report)
                self.report.rounds = number
        except KeyboardInterrupt:
            self.report.stopped = f"stopped by hand in round {number} of {count}"
        finally:
            for process in self._processes.values():
                process.end()
        return self._finished(keep)

    def _finished(self, keep: Callable[[Report], None]) -> Report:
        keep(self.report)
        return self.report

    def turn(self, name: str) -> None:
        """Every task of one contestant that has not failed before; it is started again behind a task that ended it."""
        report = self.report
        if name in report.skipped:
            return
        gone = report.failed.get(name, {}).keys() | report.left_out.get(name, {}).keys()
        left = [task for task in report.tasks if task not in gone]
        starts = 0
        time.sleep(PAUSE)
        while left:
            left = self._tell(name, left)
            starts += 1
            if starts == MOST_STARTS:
                for task in left:
                    self._note(name, {"task": task, "failed": UNTRIED})
                return

    def _tell(self, name: str, tasks: list[str]) -> list[str]:
        """The tasks that are left when the process waits again, or has ended."""
        report, left = self.report, list(tasks)
        process = self._processes.get(name)
        if process and process.waits:
            process.again(tasks)
        else:
            if process:
                process.end()
            given = {**self.settings, "stays": self.contest.stays, "tasks": tasks}
            process = Process(_command(self.contest.name, name, given), self.variables)
            self._processes[name] = process
        current = None
        for event in process.hear(self.patience):
            if "skipped" in event:
                report.skipped[name] = event["skipped"]
                self.say(f"  skipped: {event['skipped']}")
                return []
            if "version" in event:
                report.versions[name] = event["version"]
            elif "start" in event:
                current = event["start"]
            elif "task" in event:
                self._note(name, event)
                left.remove(event["task"])
                current = None
            elif "died" in event:
                if current is None:
                    for task in left:
                        self._note(name, {"task": task, "failed": event["died"]})
                    return []
                self._note(name, {"task": current, "failed": event["died"]})
                left.remove(current)
                return left
        return []

    def _note(self, name: str, event: dict[str, Any]) -> None:
        report, task = self.report, event["task"]
        if "failed" in event:
            report.failed.setdefault(name, {})[task] = event["failed"]
            self.say(f"  {task}: FAILED, {event['failed']}")
        elif "left out" in event:
            report.left_out.setdefault(name, {})[task] = event["left out"]
        else:
            report.figures.setdefault(name, {}).setdefault(task, []).append(event["value"])
            if event["note"]:
                report.notes.setdefault(name, {})[task] = event["note"]
            unit = report.tasks[task].get("unit", report.unit)
            self.say(f"  {task}: {event['value']:.4g} {unit}")


def ask(
    contest: str,
    name: str,
    settings: Mapping[str, Any],
    tasks: Sequence[str],
    variables: Mapping[str, str],
) -> tuple[dict[str, float], dict[str, str]]:
    """One turn outside a contest: figures, and why others are missing."""
    figures: dict[str, float] = {}
    missing: dict[str, str] = {}
    for event in messages(
        _command(contest, name, {**settings, "stays": False, "tasks": list(tasks)}),
        variables,
        10 * PATIENCE,
    ):
        if "value" in event:
            figures[event["task"]] = event["value"]
        why = next((event[key] for key in ("skipped", "died", "failed", "left out") if key in event), None)
        if why is not None:
            missing[event.get("task", "the rest")] = why
    return figures, missing


def _command(contest: str, name: str, settings: Mapping[str, Any]) -> list[str]:
    return [
        str(python_for(name)),
        "-m",
        "benchmarks.contestant",
        contest,
        name,
        json.dumps(settings),
    ]
