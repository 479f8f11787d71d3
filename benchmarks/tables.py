"""Reports as text: a block per task with a line per contestant, or a line per task where contestants are few."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Sequence

from .contest import Contest, Report

FEW = 2


def table(report: Report, contest: Contest) -> str:
    """Everything that was measured, and why the rest was not."""
    machine, precision = report.machine, report.settings.get("precision", "float32")
    where = f"{machine['processor']}, {machine['threads']} of {machine['cores']} cores"
    lines = [
        f"{report.title}, {report.unit}: median (min-max), and the ratio to {contest.first}",
        f"{where}{', ' + machine['gpu'] if machine.get('gpu') else ''}, Python {machine['python']}",
        f"{report.date}, {report.rounds} rounds"
        + (f" ({report.stopped})" if report.stopped else "")
        + (", a smoke run: its times mean nothing" if report.settings.get("smoke") else "")
        + (f", products in {precision}" if precision != "float32" else ""),
        ", ".join(f"{name} {version}" for name, version in report.versions.items()),
        "",
    ]
    few = len(report.figures) <= FEW and len(report.tasks) > 4
    body = contest.body(report) or (_columns if few else _blocks)(report, contest)
    lines += [*body, *_why(report, contest)]
    return "\n".join(lines)


def _blocks(report: Report, contest: Contest) -> Iterator[str]:
    for task, facts in report.tasks.items():
        yield str(facts["title"])
        own = report.figures.get(contest.first, {}).get(task)
        for name, figures in report.figures.items():
            if task in figures:
                yield _line(name, task, figures[task], own, report, contest)
        for name, reasons in report.failed.items():
            if task in reasons:
                yield f"  {name:<20}FAILED: {reasons[task]}"
        yield ""


def _line(
    name: str, task: str, values: list[float], own: list[float] | None, report: Report, contest: Contest
) -> str:  # fmt: skip
    middle = statistics.median(values)
    ratio = "" if own is None or name == contest.first else times(middle, statistics.median(own))
    beside = contest.beside(name, task, middle, report)
    return f"  {name:<20}{spread(values):>30}{ratio:>11}   {beside}".rstrip()


def times(value: float, own: float) -> str:
    """How many times as long."""
    return f"{digits(value / own)} x" if own else "-"


def spread(values: Sequence[float]) -> str:
    """Median and range."""
    return f"{digits(statistics.median(values))} ({digits(min(values))}-{digits(max(values))})"


def digits(value: float) -> str:
    """Three digits or more."""
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}" if value < 0.1 else f"{value:.2f}"


def _columns(report: Report, contest: Contest) -> Iterator[str]:
    names = list(report.figures)
    width = max(len(task) for task in report.tasks) + 2
    yield f"{'':<{width}}" + "".join(f"{name:>24}" + " " * 10 * (name != contest.first) for name in names)  # fmt: skip
    for task in report.tasks:
        own = report.figures.get(contest.first, {}).get(task)
        cells = ""
        for name in names:
            values = report.figures[name].get(task)
            cells += f"{spread(values) if values else 'failed':>24}"
            if name != contest.first:
                known = times(statistics.median(values), statistics.median(own)) if values and own else ""  # fmt: skip
                cells += f"{known:>10}"
        yield f"{task:<{width}}{cells}".rstrip()
    for name, reasons in report.failed.items():
        yield from (f"{name}, {task}: FAILED: {reason}" for task, reason in reasons.items())
    yield ""


def _why(report: Report, contest: Contest) -> list[str]:
    """Who is missing where, and what has to be said; the same words for several tasks once."""
    lines = [f"skipped {name}: {reason}" for name, reason in report.skipped.items()]
    for what, by_name in (
        ("left out", report.left_out),
        ("", report.notes if contest.notes_below else {}),
    ):
        for name, reasons in by_name.items():
            for reason in dict.fromkeys(reasons.values()):
                found = [task for task, text in reasons.items() if text == reason]
                lines.append(f"{name}, {', '.join(found)}: {what}{': ' if what else ''}{reason}")
    return lines
