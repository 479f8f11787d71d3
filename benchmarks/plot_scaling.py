"""The picture of `scaling`: a panel per quantity and axis, log-log, a line per contestant with its exponent."""

from __future__ import annotations

import statistics
from pathlib import Path

from .contest import Report
from .intervals import exponent
from .plots import line, new_figure, where

WORDS = {"step": "one step (us)", "compile": "first step (s)", "memory": "memory of the first step (MB)", "fit": "one epoch (s)"}  # fmt: skip
AXES = ("batch", "width", "depth", "rows")


def draw_scaling(report: Report, path: Path) -> None:
    """Columns are what grows, rows of panels what it costs; the legend stands where `rows` leaves room.

    Raises:
        SystemExit: matplotlib is missing, or nothing was measured.
    """
    if not report.figures:
        raise SystemExit("--plot: nothing was measured")
    figure = new_figure(19, 11)
    grid = figure.subplots(3, 4)
    handles = {}
    for row, what in enumerate(("step", "compile", "memory")):
        for column, axis in enumerate(AXES):
            axes, shown = grid[row][column], "fit" if axis == "rows" else what
            if axis == "rows" and row:
                axes.axis("off")
                continue
            for name, figures in report.figures.items():
                points = sorted(
                    (float(facts["size"]), statistics.median(figures[task]))
                    for task, facts in report.tasks.items()
                    if (facts["what"], facts["axis"]) == (shown, axis) and task in figures
                )
                points = [(x, y) for x, y in points if y > 0]
                if points:
                    power = exponent(points) if len(points) > 1 else None
                    line(axes, name, points, "" if power is None else f"{power:.2f}")
                    handles[name] = axes.get_lines()[-1]
            axes.set(xscale="log", yscale="log", xlabel=axis, ylabel=WORDS[shown])
            axes.grid(alpha=0.25)
            if axes.get_lines():
                axes.legend(
                    title="exponent", fontsize=8, title_fontsize=8, frameon=False, handlelength=1,
                    loc="center left", bbox_to_anchor=(1, 0.5), borderaxespad=0.2,
                )  # fmt: skip
    grid[1][3].legend(
        handles.values(), handles.keys(), loc="upper left", frameon=False, fontsize=12
    )
    figure.suptitle(f"How cost grows: lower and flatter is better\n{where(report)}", fontsize=12)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110)
