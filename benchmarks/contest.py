"""Running contestants fairly: own process each, clean environment, in turn, medians with their spread.

A contestant module is run as `python -m MODULE NAME ARGUMENTS` and its last line is one JSON object: {"version": ...,
"figures": {task: number}, "notes": {task: text}} (notes may be missing) or {"skipped": reason}.
"""

from __future__ import annotations

import json
import os
import platform
import statistics
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

# Some machines export these; they make OpenBLAS run kernels for an older processor.
HELD_BACK = ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")
ROOT = Path(__file__).resolve().parent.parent


@dataclass
class Report:
    """Figures by contestant and task, one per round; `notes` likewise, `tasks` says more about a task."""

    machine: dict[str, Any]
    versions: dict[str, str] = field(default_factory=dict)
    skipped: dict[str, str] = field(default_factory=dict)
    figures: dict[str, dict[str, list[float]]] = field(default_factory=dict)
    notes: dict[str, dict[str, str]] = field(default_factory=dict)
    tasks: dict[str, dict[str, Any]] = field(default_factory=dict)

    def write(self, path: Path) -> None:
        path.write_text(json.dumps(vars(self), indent=1) + "\n")


def machine_facts() -> dict[str, Any]:
    """What the figures depend on."""
    model = platform.processor() or platform.machine()
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        model = next(line.split(":")[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        pass
    return {
        "processor": model,
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "system": platform.system(),
    }


def clean_environment() -> dict[str, str]:
    """This process's variables, without those that hold OpenBLAS back."""
    return {key: value for key, value in os.environ.items() if key not in HELD_BACK}


def ask(
    module: str, name: str, arguments: Sequence[str], environment: Mapping[str, str]
) -> dict[str, Any]:
    """What a contestant answers from a process of its own.

    Raises:
        SystemExit: with the contestant's own error.
    """
    done = subprocess.run(
        [sys.executable, "-m", module, name, *arguments],
        cwd=ROOT, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        raise SystemExit(f"{name} failed:\n{done.stderr}")
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def run_contest(
    module: str,
    contestants: Sequence[str],
    rounds: int,
    arguments: Sequence[str],
    environment: Mapping[str, str] | None = None,
    after_round: Callable[[Report], None] = lambda report: None,
) -> Report:
    """Run every contestant `rounds` times, A B C A B C; `after_round` sees the report as it grows."""
    report = Report(machine_facts())
    variables = clean_environment() if environment is None else environment
    for _ in range(rounds):
        for name in contestants:
            if name in report.skipped:
                continue
            answer = ask(module, name, arguments, variables)
            if "skipped" in answer:
                report.skipped[name] = answer["skipped"]
                continue
            report.versions[name] = answer["version"]
            if answer.get("notes"):
                report.notes[name] = answer["notes"]
            for task, value in answer["figures"].items():
                report.figures.setdefault(name, {}).setdefault(task, []).append(value)
        after_round(report)
    return report


def table(report: Report, unit: str, title: str) -> str:
    """The medians as text, and how many times as long as the first contestant the others take."""
    names = list(report.figures)
    tasks = list(report.figures[names[0]])
    lines = [
        title,
        f"{report.machine['processor']}, {report.machine['cores']} cores, Python {report.machine['python']}",
        "",
    ]
    width = max(len(task) for task in tasks) + 2
    lines.append(
        " " * width
        + "".join(
            f"{name + ' ' + report.versions[name]:>26}" + ("" if name == names[0] else " " * 10)
            for name in names
        )
    )
    for task in tasks:
        cells = []
        first = statistics.median(report.figures[names[0]][task])
        for name in names:
            values = report.figures[name][task]
            middle = statistics.median(values)
            cells.append(f"{middle:.2f} ({min(values):.2f}-{max(values):.2f})")
            if name != names[0]:
                cells.append(f"{middle / first:.2f} x")
        lines.append(f"{task:<{width}}" + "".join(f"{c:>{10 if c.endswith('x') else 26}}" for c in cells))  # fmt: skip
    lines += [f"skipped {name}: {reason}" for name, reason in report.skipped.items()]
    lines.append(f"unit: {unit}")
    return "\n".join(lines)
