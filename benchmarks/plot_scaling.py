"""The picture of `scaling`: a panel per quantity and axis, log-log, a line per contestant with its exponent."""

from __future__ import annotations

import statistics
from pathlib import Path
from typing import Any

from .contest import Report
from .intervals import exponent
from .plots import line, new_figure, where

WORDS = {"step": "one step (us)", "compile": "first step (s)", "memory": "memory of the first step (MB)", "fit": "one epoch (s)"}  # fmt: skip
AXES = ("batch", "width", "depth", "rows")


def draw_scaling(report: Report, path: Path) -> None:
    """Columns are what grows, rows of panels what it costs; `fit` against rows stands in the first of them.

    Raises:
        SystemExit: matplotlib is missing, or nothing was measured.
    """
    if not report.figures:
        raise SystemExit("--plot: nothing was measured")
    measured = {(facts["what"], facts["axis"]) for facts in report.tasks.values()}
    costs = [what for what in WORDS if what != "fit" and any(what == cost for cost, _ in measured)] or ["step"]  # fmt: skip
    columns = [axis for axis in AXES if any(axis == other for _, other in measured)]
    figure = new_figure(4.6 * len(columns) + 0.6, 3.4 * len(costs) + 1.4)
    grid = figure.subplots(len(costs), len(columns), squeeze=False)
    handles: dict[str, Any] = {}
    for row, cost in enumerate(costs):
        for axes, axis in zip(grid[row], columns, strict=True):
            what = "fit" if axis == "rows" and not row else cost
            if (what, axis) in measured:
                handles |= _panel(axes, report, what, axis)
            else:
                axes.axis("off")
    figure.legend(
        handles.values(), handles.keys(), loc="outside lower center", ncols=len(handles), frameon=False, fontsize=11
    )  # fmt: skip
    figure.suptitle(f"How cost grows: lower and flatter is better\n{where(report)}", fontsize=12)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110)


def _panel(axes: Any, report: Report, what: str, axis: str) -> dict[str, Any]:
    """One quantity against one axis; the lines by contestant."""
    found = {}
    for name, figures in report.figures.items():
        points = sorted(
            (float(facts["size"]), statistics.median(figures[task]))
            for task, facts in report.tasks.items()
            if (facts["what"], facts["axis"]) == (what, axis) and task in figures
        )
        points = [(x, y) for x, y in points if y > 0]
        if points:
            line(axes, name, points, f"{exponent(points):.2f}" if len(points) > 1 else "")
            found[name] = axes.get_lines()[-1]
    axes.set(xscale="log", yscale="log", xlabel=axis, ylabel=WORDS[what])
    axes.grid(alpha=0.25)
    if found:
        axes.legend(
            title="exponent", fontsize=8, title_fontsize=8, frameon=False, handlelength=1,
            loc="center left", bbox_to_anchor=(1, 0.5), borderaxespad=0.2,
        )  # fmt: skip
    return found
