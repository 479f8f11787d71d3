"""`python -m benchmarks step`: which contestants and problems, in rounds, to a table, a JSON file and a picture.

The reference losses are computed once, in a process of their own, and given to every contestant. All run on the CPU,
with as many threads as this process may use cores.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path

from ..contest import Report, ask, clean_environment, run_contest
from .names import CONTESTANTS, PRODUCTS, threads_here
from .plot import draw
from .problems import PROBLEMS, flop_per_step

MODULE = "benchmarks.step"
TITLE = "One training step, microseconds"
MEMORY_CONTESTANTS = ("gradloom", "torch")
MEMORY_PROBLEM = "huge"


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--rounds", type=int, default=7, help="repeats of every contestant, in turn")  # fmt: skip
    parser.add_argument("--seconds", type=float, default=0.7, help="how long a problem is timed in a round")  # fmt: skip
    parser.add_argument("--only", type=_some(PROBLEMS), help=f"of {','.join(PROBLEMS)}")
    parser.add_argument("--contestants", type=_some(CONTESTANTS), help=f"of {','.join(CONTESTANTS)}")  # fmt: skip
    parser.add_argument("--smoke", action="store_true", help="one short round of the smallest network, to see that it runs")  # fmt: skip
    parser.add_argument("--memory", action="store_true", help=f"instead of time, growth of peak memory in {MEMORY_PROBLEM}, of {' and '.join(MEMORY_CONTESTANTS)}")  # fmt: skip
    parser.add_argument("--json", type=Path, help="write all figures and machine facts here")
    parser.add_argument("--read", type=Path, help="measure nothing, show a file that --json wrote")
    parser.add_argument("--plot", type=Path, help="draw time against work here (needs matplotlib)")


def _some(known: Iterable[str]) -> Callable[[str], list[str]]:
    """A parser of names with commas, which refuses others than the known ones."""
    names = list(known)

    def parse(text: str) -> list[str]:
        chosen = text.split(",")
        unknown = [name for name in chosen if name not in names]
        if unknown:
            raise argparse.ArgumentTypeError(f"{unknown[0]!r} is none of {', '.join(names)}")
        return chosen

    return parse


def run(options: argparse.Namespace) -> None:
    """What the command line asks for."""
    if options.memory:
        print(memory_table(measure_memory(options)))
        return
    report = Report(**json.loads(options.read.read_text())) if options.read else measure(options)
    print(table(report))
    if options.plot:
        draw(report, options.plot)


def environment() -> dict[str, str]:
    """Clean, on the CPU, one number of threads for everyone."""
    count = str(threads_here())
    threads = ("OMP", "OPENBLAS", "MKL", "NUMBA")
    found = clean_environment() | {f"{name}_NUM_THREADS": count for name in threads}
    return found | {"JAX_PLATFORMS": "cpu", "CUDA_VISIBLE_DEVICES": "-1"}


def measure(options: argparse.Namespace) -> Report:
    """Reference first, then the rounds."""
    variables = environment()
    chosen = options.only or (["tiny"] if options.smoke else list(PROBLEMS))
    rounds, seconds = (1, 0.02) if options.smoke else (options.rounds, options.seconds)
    problems = ["--problems", ",".join(chosen)]
    expected = ask(MODULE, "reference", problems, variables)["figures"]
    arguments = [*problems, "--seconds", str(seconds), "--expected", json.dumps(expected)]
    start = time.perf_counter()
    done = 0

    def keep(report: Report) -> None:
        """Many rounds take long: what there is stays, whatever comes."""
        nonlocal done
        done += 1
        _describe(report, chosen, expected)
        if options.json:
            report.write(options.json)
        took = time.perf_counter() - start
        print(f"round {done} of {rounds} after {took:.0f} s", file=sys.stderr, flush=True)

    names = options.contestants or list(CONTESTANTS)
    return run_contest(MODULE, names, rounds, arguments, variables, keep)


def _describe(report: Report, chosen: list[str], expected: dict[str, float]) -> None:
    """What the figures are of."""
    report.machine["threads"] = threads_here()
    report.machine["load"] = os.getloadavg()[0] if hasattr(os, "getloadavg") else None
    for name in chosen:
        problem = PROBLEMS[name]
        report.tasks[name] = {
            "title": problem.title(),
            "group": problem.group,
            "flop": flop_per_step(problem),
            "reference loss": expected.get(name),
        }


def table(report: Report) -> str:
    """A block per problem, a line per contestant: median, range, how many times as long as gradloom."""
    machine = report.machine
    lines = [
        f"{TITLE}: median (min-max), and how many times as long as gradloom",
        f"{machine['processor']}, {machine['threads']} of {machine['cores']} cores, Python {machine['python']}",
        ", ".join(f"{name} {version}" for name, version in report.versions.items()),
    ]
    for task, facts in report.tasks.items():
        lines += ["", facts["title"]]
        own = report.figures.get("gradloom", {}).get(task)
        for name, figures in report.figures.items():
            if task in figures:
                lines.append(_line(name, figures[task], own, facts["flop"], report))
    lines += ["", *(f"skipped {name}: {reason}" for name, reason in report.skipped.items())]
    for name, notes in report.notes.items():
        lines += [f"{name}, {task}: {text}" for task, text in notes.items()]
    lines.append("unit: us")
    return "\n".join(lines)


def _line(
    name: str, values: list[float], own: list[float] | None, flop: int | None, report: Report
) -> str:
    middle = statistics.median(values)
    cell = f"{_digits(middle)} ({_digits(min(values))}-{_digits(max(values))})"
    ratio = "" if own is None or name == "gradloom" else f"{middle / statistics.median(own):.2f} x"
    rate = ""
    if name in PRODUCTS and flop is not None:
        cores = "1 core" if name == "openblas-1-core" else f"{report.machine['threads']} cores"
        name = f"products alone, {cores}"
        rate = f"   {flop / middle / 1e3:.0f} GFLOP/s"
    return f"  {name:<26}{cell:>34}{ratio:>10}{rate}".rstrip()


def _digits(value: float) -> str:
    return f"{value:.2f}" if value < 100 else f"{value:,.0f}"


def measure_memory(options: argparse.Namespace) -> Report:
    """Megabytes by which the peak of a process grows while it trains."""
    arguments = ["--problems", MEMORY_PROBLEM, "--memory"]
    names = options.contestants or list(MEMORY_CONTESTANTS)
    rounds = 1 if options.smoke else min(options.rounds, 3)
    report = run_contest(MODULE, names, rounds, arguments, environment())
    if options.json:
        report.write(options.json)
    return report


def memory_table(report: Report) -> str:
    """A line per contestant."""
    lines = [f"Growth of peak memory in {PROBLEMS[MEMORY_PROBLEM].title()}", ""]
    for name, figures in report.figures.items():
        values = figures[MEMORY_PROBLEM]
        middle = statistics.median(values)
        cell = f"{middle:.0f} ({min(values):.0f}-{max(values):.0f})"
        lines.append(f"  {name + ' ' + report.versions[name]:<26}{cell:>24}")
    lines += [f"skipped {name}: {reason}" for name, reason in report.skipped.items()]
    lines.append("unit: MB; data and first weights not counted")
    return "\n".join(lines)
