"""Command line: `python -m benchmarks overhead [--rounds N] [--json FILE]`."""

from __future__ import annotations

import argparse
from pathlib import Path

from . import overhead
from .contest import run_contest, table


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    command = commands.add_parser("overhead", help="what one eager op costs")
    command.add_argument(
        "--rounds", type=int, default=9, help="repeats of every contestant, in turn"
    )
    command.add_argument(
        "--smoke", action="store_true", help="one short round, to see that it runs"
    )
    command.add_argument("--json", type=Path, help="write all figures and machine facts here")
    options = parser.parse_args()
    rounds = 1 if options.smoke else options.rounds
    calls = 20 if options.smoke else 20_000
    report = run_contest("benchmarks.overhead", list(overhead.CONTESTANTS), rounds, calls)
    print(table(report, unit="us", title="Eager overhead, microseconds per call: median (min-max)"))
    if options.json:
        report.write(options.json)


if __name__ == "__main__":
    main()
