"""Speed by commit: what `step --history` keeps of every run, and the tables of it in BENCHMARKS.md.

A run is worth keeping when its commit says what was measured, so a changed tree is refused. Figures of one
machine stand in one table: those of two say nothing about each other.
"""

from __future__ import annotations

import argparse
import json
import statistics
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from .contest import Report
from .machine import ROOT, changed
from .tables import spread

FILE = "history.json"
PLACE = ROOT / "benchmarks" / "results" / FILE
NO_SMOKE = "--history: the times of a smoke run mean nothing"
MACHINE = ("processor", "threads", "gpu", "precision", "python", "numpy")
"""What has to be the same for two lines to stand in one table."""

Entry = dict[str, Any]


def add_options(parser: argparse.ArgumentParser) -> None:
    """`--history` and `--allow-dirty`."""
    parser.add_argument(
        "--history",
        type=Path,
        nargs="?",
        const=PLACE,
        help="put Gradloom's figures behind those of earlier commits",
    )  # fmt: skip
    parser.add_argument(
        "--allow-dirty",
        action="store_true",
        help="with --history: also from a tree that is not that of its commit",
    )


def must_be_worth_keeping(options: argparse.Namespace) -> None:
    """Leave before anything is measured whose figures would not be kept.

    Raises:
        SystemExit: with the reason.
    """
    if options.smoke:
        raise SystemExit(NO_SMOKE)
    refuse_changes(changed(), options.allow_dirty)


def entry_of(report: Report, contestant: str = "gradloom") -> Entry:
    """A line of the history: microseconds per step of every network, with the machine and the commit.

    Raises:
        SystemExit: there are no figures, or they mean nothing.
    """
    figures = report.figures.get(contestant)
    if not figures:
        raise SystemExit(f"--history keeps the steps of {contestant}, and there are none")
    if report.settings.get("smoke"):
        raise SystemExit(NO_SMOKE)
    facts = report.machine
    if not facts.get("commit"):
        raise SystemExit("--history: no commit is known, so nobody could tell what was measured")
    found = {name: facts.get(name) for name in ("commit", "changed", "processor", "threads", "gpu", "python")}
    found["date"] = report.date
    # before NumPy's version was among the facts, it was told where NumPy took part
    found["numpy"] = facts.get("numpy") or report.versions.get("numpy")
    found["precision"] = report.settings.get("precision", "float32")
    found["us per step"] = {task: _spread_of(values) for task, values in figures.items()}
    return found


def _spread_of(values: list[float]) -> dict[str, float]:
    middle = statistics.median(values)
    return {"median": middle, "least": min(values), "most": max(values), "rounds": len(values)}


def refuse_changes(file: str | None, allowed: bool) -> None:
    """Leave where the tree is not that of its commit, unless told that it is all right.

    Raises:
        SystemExit: with the first file that differs.
    """
    if file and not allowed:
        raise SystemExit(
            f"--history: the tree is not that of its commit ({file}); commit first, or say --allow-dirty"
        )


def append(report: Report, path: Path, allowed: bool) -> None:
    """Put the report's line behind the others, in one move."""
    entry = entry_of(report)
    refuse_changes(entry["changed"], allowed)
    beside = path.with_name(path.name + ".part")
    path.parent.mkdir(parents=True, exist_ok=True)
    beside.write_text(json.dumps([*read(path), entry], indent=1) + "\n")
    beside.replace(path)


def read(path: Path) -> list[Entry]:
    """All lines, oldest first; none where there is no file.

    Raises:
        SystemExit: the file is none of ours.
    """
    if not path.exists():
        return []
    try:
        found = json.loads(path.read_text())
        if all(entry["commit"] and entry["us per step"] for entry in found):
            return list(found)
    except (ValueError, TypeError, KeyError):
        pass
    raise SystemExit(f"{path} is no history of steps")


def page(entries: list[Entry]) -> Iterator[str]:
    """The part of BENCHMARKS.md: a table per machine, a line per run."""
    tables: dict[tuple[Any, ...], list[Entry]] = {}
    for entry in entries:
        tables.setdefault(tuple(entry.get(name) for name in MACHINE), []).append(entry)
    yield (
        "## One training step, by commit\n\n`python -m benchmarks step --history`: microseconds per step of "
        "Gradloom, median (least-most).\n"
    )
    for machine, lines in tables.items():
        facts = dict(zip(MACHINE, machine, strict=True))
        yield (
            f"{facts['gpu'] or facts['processor']}, {facts['threads']} cores, {facts['precision']}, "
            f"Python {facts['python']}, NumPy {facts['numpy']}:\n"
        )
        yield "\n".join(_table(lines)) + "\n"


def _table(entries: list[Entry]) -> Iterator[str]:
    networks = list(dict.fromkeys(name for entry in entries for name in entry["us per step"]))
    yield f"| commit | date | {' | '.join(networks)} |"
    yield "|" + "---|" * (2 + len(networks))
    for entry in entries:
        cells = [_cell(entry["us per step"].get(name)) for name in networks]
        commit = f"{entry['commit']}{', changed' if entry.get('changed') else ''}"
        yield f"| {commit} | {entry['date'][:10]} | {' | '.join(cells)} |"


def _cell(found: dict[str, float] | None) -> str:
    return spread([found["least"], found["median"], found["most"]]) if found else ""
