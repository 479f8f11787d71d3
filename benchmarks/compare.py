"""What changed between two reports of one machine: ratios of medians with confidence intervals."""

from __future__ import annotations

from pathlib import Path

from .contest import Report
from .intervals import CONFIDENCE, ratio_interval
from .machine import IDENTITY

FEWEST = 5
"""With fewer rounds the interval means little."""


def same_machine(old: Report, new: Report) -> list[str]:
    """What differs, in words; nothing where the machines are the same."""
    return [
        f"{name} was {old.machine.get(name)!r} and is {new.machine.get(name)!r}"
        for name in IDENTITY
        if old.machine.get(name) != new.machine.get(name)
    ]


def compare(old_path: Path, new_path: Path) -> str:
    """A table of all that both reports measured.

    Raises:
        SystemExit: other machines, other benchmarks, or nothing in common.
    """
    old, new = Report.read(old_path), Report.read(new_path)
    if old.benchmark != new.benchmark:
        raise SystemExit(
            f"{old_path} is of {old.benchmark!r} and {new_path} of {new.benchmark!r}: no comparison"
        )
    differences = same_machine(old, new)
    if differences:
        raise SystemExit(f"these are different machines, so nothing is compared: {'; '.join(differences)}")
    lines = [
        f"{new.title}: new / old, with the {CONFIDENCE:.0%} interval; below 1 is faster now"
        if new.unit != "MB"
        else f"{new.title}: new / old, with the {CONFIDENCE:.0%} interval; below 1 is less now",
        f"old: {old.date}, {old.machine.get('commit')}; new: {new.date}, {new.machine.get('commit')}",
        *_settings(old, new), "",
    ]  # fmt: skip
    pairs = [
        (name, task, old.figures[name][task], values)
        for name, figures in new.figures.items()
        for task, values in figures.items()
        if task in old.figures.get(name, {})
    ]
    if not pairs:
        raise SystemExit("the two reports have no contestant and task in common")
    width = max(len(f"{name}, {task}") for name, task, _, _ in pairs) + 2
    for name, task, before, after in pairs:
        changed = "" if old.versions.get(name) == new.versions.get(name) else f"  ({old.versions.get(name)} -> {new.versions.get(name)})"  # fmt: skip
        lines.append(f"{name + ', ' + task:<{width}}{verdict(before, after)}{changed}")
    lines += [f"only in the old one: {name}, {', '.join(gone)}" for name in old.figures if (gone := sorted(old.figures[name].keys() - new.figures.get(name, {}).keys()))]  # fmt: skip
    return "\n".join(lines)


def _settings(old: Report, new: Report) -> list[str]:
    names = sorted(old.settings.keys() | new.settings.keys())
    return [
        f"beware: {name} was {old.settings.get(name)!r} and is {new.settings.get(name)!r}"
        for name in names
        if old.settings.get(name) != new.settings.get(name)
    ]


def verdict(before: list[float], after: list[float]) -> str:
    """The ratio, its interval, and whether 1 lies outside."""
    if min(*before, *after) <= 0:
        return "not compared: there are figures of 0"
    ratio, low, high = ratio_interval(after, before)
    text = f"{ratio:7.3f}  [{low:.3f}, {high:.3f}]  "
    if min(len(before), len(after)) < FEWEST:
        return f"{text}too few rounds to tell"
    return text + ("less" if high < 1 else "MORE" if low > 1 else "no difference seen")
