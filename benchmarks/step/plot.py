"""The picture: time per step against the work in a step, a line per contestant, above what the products alone take."""

from __future__ import annotations

import statistics
from pathlib import Path
from typing import Any

from ..contest import Report
from .names import FRAMEWORKS

COLOURS = dict(
    zip(
        FRAMEWORKS,
        ("#d62728", "#ff7f0e", "#b8860b", "#1f77b4", "#17becf", "#2ca02c", "#8fbc8f", "#7f4fa8"),
        strict=True,
    )
)


def points(report: Report, name: str) -> list[tuple[float, float]]:
    """(FLOP, microseconds) of the multilayer perceptrons, by FLOP."""
    figures = report.figures.get(name, {})
    return sorted(
        (float(facts["flop"]), statistics.median(figures[task]))
        for task, facts in report.tasks.items()
        if facts["group"] == 1 and facts["flop"] and task in figures
    )


def draw(report: Report, path: Path) -> None:
    """Write the picture, in the format that the file's ending names.

    Raises:
        SystemExit: matplotlib is missing, or no perceptron was measured.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise SystemExit("--plot needs matplotlib: pip install matplotlib") from error
    shown = {name: points(report, name) for name in FRAMEWORKS if points(report, name)}
    if not shown:
        raise SystemExit("--plot shows the multilayer perceptrons, and none of them was measured")
    figure = Figure(figsize=(9, 6.5), layout="constrained")
    axes = figure.add_subplot()
    axes.set(xscale="log", yscale="log")
    # slowest first in the legend, as the lines stand at the left
    for name in sorted(shown, key=lambda name: -shown[name][0][1]):
        own = name == "gradloom"
        axes.plot(
            *zip(*shown[name], strict=True),
            label=name, color=COLOURS[name], marker="o", zorder=3 if own else 2,
            linewidth=3.5 if own else 1.6, markersize=8 if own else 4.5,
        )  # fmt: skip
    _draw_floor(axes, points(report, "openblas"))
    _name_problems(axes, report)
    axes.set_xlabel("work in the matrix products of one step (FLOP)")
    axes.set_ylabel("time of one training step (microseconds)")
    axes.set_title(
        "One training step of a multilayer perceptron: lower is faster\n"
        f"{report.machine['processor']}, {report.machine['threads']} cores, float32",
        fontsize=11, pad=20,
    )  # fmt: skip
    axes.grid(alpha=0.25)
    axes.legend(loc="lower right", frameon=False)
    figure.savefig(path, dpi=150)


def _draw_floor(axes: Any, floor: list[tuple[float, float]]) -> None:
    """The measured time of the products alone, on all cores; no step gets below it with this BLAS."""
    if not floor:
        return
    work, times = zip(*floor, strict=True)
    low, high = times[0] / 4, axes.get_ylim()[1]
    axes.plot(work, times, color="black", linestyle="--", linewidth=1.4, zorder=1,
              label="matrix products alone")  # fmt: skip
    axes.fill_between(work, times, [low] * len(times), color="black", alpha=0.08, zorder=0)
    axes.set_ylim(low, high)


def _name_problems(axes: Any, report: Report) -> None:
    """The names of the problems, along the upper edge."""
    for task, facts in report.tasks.items():
        if facts["group"] == 1 and facts["flop"]:
            axes.annotate(
                task, (facts["flop"], 1), xycoords=("data", "axes fraction"), xytext=(0, 5),
                textcoords="offset points", ha="center", fontsize=10, fontweight="bold",
            )  # fmt: skip
