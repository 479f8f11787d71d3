"""The pictures: time against work or size, log-log, a line per contestant, ours thick; the roofline is shaded."""

from __future__ import annotations

import statistics
from pathlib import Path
from typing import Any

from .contest import Report
from .names import PEERS, PRODUCTS

COLOURS = {
    "gradloom": "#d62728", "gradloom-numpy": "#f4a6a6", "torch": "#ff7f0e", "torch-compile": "#b8860b", "torch-graph": "#8c564b", "jax": "#1f77b4",
    "jax-scan": "#17becf", "keras-jax": "#2ca02c", "keras-tensorflow": "#8fbc8f", "scikit-learn": "#e377c2",
    "mygrad": "#7f7f7f", "tinygrad": "#bcbd22", "numpy": "#7f4fa8",
}  # fmt: skip
Points = list[tuple[float, float]]


def new_figure(width: float, height: float) -> Any:
    """An empty figure.

    Raises:
        SystemExit: matplotlib is missing.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise SystemExit("--plot needs matplotlib: pip install matplotlib") from error
    return Figure(figsize=(width, height), layout="constrained")


def line(axes: Any, name: str, points: Points, label: str = "") -> None:
    """One contestant."""
    own = name == "gradloom"
    axes.plot(
        *zip(*points, strict=True), label=label or name, color=COLOURS.get(name, "black"), marker="o",
        zorder=3 if own else 2, linewidth=3.5 if own else 1.6, markersize=8 if own else 4.5,
    )  # fmt: skip


def where(report: Report) -> str:
    """The machine in a few words."""
    machine = report.machine
    if report.settings.get("device") == "cuda":
        return f"{machine.get('gpu')}, {report.settings.get('precision')}"
    return f"{machine['processor']}, {machine['threads']} cores, float32"


def points(report: Report, name: str) -> Points:
    """(FLOP, microseconds) of the multilayer perceptrons, by FLOP."""
    figures = report.figures.get(name, {})
    return sorted(
        (float(facts["flop"]), statistics.median(figures[task]))
        for task, facts in report.tasks.items()
        if facts["group"] == 1 and facts["flop"] and task in figures
    )


def draw_steps(report: Report, path: Path) -> None:
    """Time per step against work, in the format that the file's ending names.

    Raises:
        SystemExit: matplotlib is missing, or no perceptron was measured.
    """
    shown = {name: found for name in PEERS if name not in PRODUCTS and (found := points(report, name))}
    if not shown:
        raise SystemExit("--plot shows the multilayer perceptrons, and none of them was measured")
    figure = new_figure(9, 6.5)
    axes = figure.add_subplot()
    axes.set(xscale="log", yscale="log")
    # slowest first in the legend, as the lines stand at the left
    for name in sorted(shown, key=lambda name: -shown[name][0][1]):
        line(axes, name, shown[name])
    _draw_floor(axes, points(report, "cublas") or points(report, "openblas"))
    _name_problems(axes, report)
    axes.set_xlabel("work in the matrix products of one step (FLOP)")
    axes.set_ylabel("time of one training step (microseconds)")
    axes.set_title(
        f"One training step of a multilayer perceptron: lower is faster\n{where(report)}", fontsize=11, pad=20
    )  # fmt: skip
    axes.grid(alpha=0.25)
    axes.legend(loc="lower right", frameon=False)
    _save(figure, path)


def _save(figure: Any, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=150)


def _draw_floor(axes: Any, floor: Points) -> None:
    """The measured time of the products alone, on all cores; no step gets below it with this library."""
    if not floor:
        return
    work, times = zip(*floor, strict=True)
    low, high = min(axes.get_ylim()[0], times[0] / 4), axes.get_ylim()[1]
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


def draw_bars(report: Report, path: Path, title: str, columns: int) -> None:
    """A panel per task, a line per contestant, the fastest on top: bars from zero, or dots where the scale is logarithmic.

    Raises:
        SystemExit: matplotlib is missing, or nothing was measured.
    """
    measured = [task for task in report.tasks if any(task in found for found in report.figures.values())]
    if not measured:
        raise SystemExit("--plot: nothing was measured")
    most = max(sum(task in found for found in report.figures.values()) for task in measured)
    columns = min(columns, len(measured))
    rows = -(-len(measured) // columns)
    figure = new_figure(5.2 * columns, rows * (1.1 + 0.3 * most) + 0.6)
    for place, task in enumerate(measured):
        medians = {
            name: statistics.median(found[task]) for name, found in report.figures.items() if task in found
        }
        axes = figure.add_subplot(rows, columns, place + 1)
        _bars(axes, medians)
        axes.set_title(f"{report.tasks[task].get('short', task)} ({report.unit})", fontsize=10)
    figure.suptitle(f"{title}\n{where(report)}", fontsize=11)
    _save(figure, path)


def _bars(axes: Any, medians: dict[str, float]) -> None:
    names = sorted(medians, key=lambda name: -medians[name])
    values = [medians[name] for name in names]
    colours = [COLOURS.get(name, "black") for name in names]
    low, high = min(values), max(values)
    if low > 0 and high > 20 * low:
        # the length of a bar says nothing on a logarithmic scale
        axes.scatter(values, names, color=colours, s=60, zorder=3)
        axes.set(xscale="log", xlim=(low / 2, high * 8), xlabel="logarithmic scale")
        axes.grid(alpha=0.3)
    else:
        axes.barh(names, values, color=colours)
        axes.set_xlim(0, high * 1.25)
    for name, value in medians.items():
        text = f"{value:,.3g}" if value < 1000 else f"{value:,.0f}"
        axes.annotate(text, (value, name), xytext=(7, 0), textcoords="offset points", va="center", fontsize=9)
    axes.spines[["top", "right"]].set_visible(False)
    for label in axes.get_yticklabels():
        label.set_fontweight("bold" if label.get_text() == "gradloom" else "normal")
