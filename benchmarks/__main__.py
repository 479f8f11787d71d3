"""Command line: `python -m benchmarks [BENCHMARK] [options]`; without a benchmark, all of them in turn."""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path

from . import compare, environments, everything
from .contest import PATIENCE, Contest, Report, Run, say_on_terminal
from .contests import MODULES, find
from .machine import use_cores
from .tables import table


def parser() -> argparse.ArgumentParser:
    """All subcommands."""
    found = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    commands = found.add_subparsers(dest="command")
    for name in MODULES:
        contest = find(name)
        command = commands.add_parser(name, help=f"{contest.title}, {contest.unit}")
        add_options(command, contest)
        contest.add_options(command)
        command.set_defaults(run=lambda options, contest=contest: measure(contest, options))
    everything.add_commands(commands)
    compared = commands.add_parser("compare", help="what changed between two reports of one machine")
    compared.add_argument("old", type=Path)
    compared.add_argument("new", type=Path)
    compared.set_defaults(run=lambda options: print(compare.compare(options.old, options.new)))
    setup = commands.add_parser("setup", help="install the peers into environments of their own")
    setup.add_argument("names", nargs="*", help=f"of {', '.join(environments.ENVIRONMENTS)}; when none is named, those with something that is missing here")  # fmt: skip
    setup.set_defaults(run=lambda options: environments.setup(_known(options.names)))
    return found


def _known(names: list[str]) -> list[str]:
    unknown = [name for name in names if name not in environments.ENVIRONMENTS]
    if unknown:
        raise SystemExit(f"{unknown[0]!r} is none of {', '.join(environments.ENVIRONMENTS)}")
    return names or environments.needed()


def add_options(command: argparse.ArgumentParser, contest: Contest) -> None:
    """Those that every benchmark has."""
    command.add_argument("--rounds", type=int, default=contest.rounds, help="repeats of every contestant, in turn")  # fmt: skip
    command.add_argument("--minutes", type=float, help="stop when they are up; what there is counts")  # fmt: skip
    command.add_argument("--seconds", type=float, default=contest.seconds, help="how long a task is timed in a round")  # fmt: skip
    command.add_argument("--patience", type=float, default=PATIENCE, help="seconds in which a contestant has to finish a task")  # fmt: skip
    command.add_argument("--only", type=some, help="tasks, with commas between")
    command.add_argument("--contestants", type=some, help="contestants, with commas between")
    command.add_argument("--cores", type=int, help="keep everyone on so many cores")
    command.add_argument("--smoke", action="store_true", help="one short round, to see that it runs")  # fmt: skip
    command.add_argument("--json", type=Path, help="write all figures and machine facts here, after every turn")  # fmt: skip
    command.add_argument("--plot", type=Path, help="draw the picture here (needs matplotlib)")
    command.add_argument("--read", type=Path, help="measure nothing, show a file that --json wrote")  # fmt: skip


def some(text: str) -> list[str]:
    """Names with commas between."""
    return [name.strip() for name in text.split(",") if name.strip()]


def chosen(wanted: list[str] | None, known: Iterable[str], what: str) -> list[str]:
    """The wanted ones, or all.

    Raises:
        SystemExit: one is unknown.
    """
    names = list(known)
    for name in wanted or ():
        if name not in names:
            raise SystemExit(f"{what} {name!r} is none of: {', '.join(names)}")
    return wanted or names


def measure(contest: Contest, options: argparse.Namespace) -> Report:
    """Run a contest, or read its report; print the table, draw the picture."""
    report = Report.read(options.read) if options.read else _run(contest, options)
    print(table(report, contest), flush=True)
    if options.plot and report.figures:
        contest.draw(report, options.plot)
    contest.finish(report, options)
    return report


def _run(contest: Contest, options: argparse.Namespace) -> Report:
    if options.cores:
        use_cores(options.cores)
    names = chosen(options.contestants, contest.names(options), "contestant")
    tasks = contest.tasks(options)
    only = chosen(options.only, tasks, "task") if not options.smoke else list(tasks)
    keep: Callable[[Report], None] = lambda report: None  # noqa: E731
    if options.json:
        keep = lambda report: report.write(options.json)  # noqa: E731
    rounds, seconds = (1, 0.001) if options.smoke else (options.rounds, options.seconds)
    with tempfile.TemporaryDirectory(prefix="gradloom-bench-") as folder:
        say_on_terminal(f"{contest.name}: preparing")
        settings = contest.settings(options, only, Path(folder)) | {"seconds": seconds, "smoke": options.smoke}  # fmt: skip
        run = Run(
            contest, names, {task: tasks[task] for task in only}, settings, contest.environment(options), options.patience
        )  # fmt: skip
        return run.rounds(rounds, options.minutes, keep)


def main() -> None:
    options = parser().parse_args()
    if not options.command:
        options = parser().parse_args(["all"])
    options.run(options)


if __name__ == "__main__":
    main()
