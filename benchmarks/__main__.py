"""Command line: `python -m benchmarks {overhead,ops,step} [--rounds N] [--json FILE]`."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import NamedTuple

from .contest import run_contest, table
from .step import command as step


class Benchmark(NamedTuple):
    """A module of this package, and how it is run."""

    title: str
    contestants: list[str]
    unit: str
    rounds: int
    calls: int
    smoke_calls: int


BENCHMARKS = {
    "overhead": Benchmark("What one eager op costs, microseconds a call", ["gradloom", "torch"], "us", 9, 20_000, 20),
    "ops": Benchmark("Ops on a million float32 elements, milliseconds a call", ["numba", "numpy"], "ms", 7, 9, 1),
}  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    for name, benchmark in BENCHMARKS.items():
        command = commands.add_parser(name, help=benchmark.title)
        command.add_argument("--rounds", type=int, default=benchmark.rounds, help="repeats of every contestant, in turn")  # fmt: skip
        command.add_argument("--smoke", action="store_true", help="one short round, to see that it runs")  # fmt: skip
        command.add_argument("--json", type=Path, help="write all figures and machine facts here")
    step.add_options(commands.add_parser("step", help=step.TITLE))
    options = parser.parse_args()
    if options.command == "step":
        step.run(options)
        return
    chosen = BENCHMARKS[options.command]
    rounds, calls = (1, chosen.smoke_calls) if options.smoke else (options.rounds, chosen.calls)
    report = run_contest(f"benchmarks.{options.command}", chosen.contestants, rounds, [str(calls)])
    print(table(report, unit=chosen.unit, title=f"{chosen.title}: median (min-max)"))
    if options.json:
        report.write(options.json)


if __name__ == "__main__":
    main()
