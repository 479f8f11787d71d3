"""Pictures of searches, drawn with matplotlib without its global state, so they work with and without a screen."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ..errors import MissingExtraError, TuningError
from .space import show

if TYPE_CHECKING:
    from .study import Record

BLUE, GREY, ORANGE, RED = "#2b6cb0", "#a0aec0", "#dd6b20", "#c53030"
WIDE = 20.0
"""From this ratio of the largest to the smallest number on, an axis is logarithmic."""
IN_A_ROW = 3


def new_figure(width: float, height: float) -> Any:
    """An empty figure, or the error that says how to install matplotlib."""
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise MissingExtraError("pictures need matplotlib: pip install 'gradloom[plot]'") from error
    return Figure(figsize=(width, height), layout="constrained")


def finish(figure: Any, path: Any) -> Any:
    """The figure, written to `path` where there is one; folders are made."""
    if path is not None:
        os.makedirs(os.path.dirname(os.fspath(path)) or ".", exist_ok=True)
        figure.savefig(path, dpi=120)
    return figure


def tidy(axes: Any, xlabel: str, ylabel: str | None) -> None:
    """Labels, a light grid, and no frame where there is no axis."""
    axes.set_xlabel(xlabel)
    if ylabel is not None:
        axes.set_ylabel(ylabel)
    axes.grid(alpha=0.25, linewidth=0.6)
    axes.set_axisbelow(True)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)


def is_wide(values: Sequence[Any]) -> bool:
    """Whether numbers above 0 spread over more than an order of magnitude."""
    return bool(values) and min(values) > 0 and max(values) / min(values) >= WIDE


def trials_figure(trials: Sequence[Record], monitor: str, maximize: bool, path: Any) -> Any:
    """The value by trial with the best so far; below, the value against each parameter."""
    valued = [t for t in trials if t.value is not None]
    if not valued:
        raise TuningError("nothing to draw: no trial has a value")
    done = [t for t in valued if t.state == "complete"]
    best = (max if maximize else min)(done or valued, key=lambda t: t.value or 0.0)
    names = list(dict.fromkeys(name for trial in trials for name in trial.params))
    columns = max(min(len(names), IN_A_ROW), 1)
    rows = -(-len(names) // columns)
    figure = new_figure(3.4 * max(columns, 2), 3.0 + 2.5 * rows)
    grid = figure.add_gridspec(1 + rows, columns, height_ratios=[1.25] + [1.0] * rows)
    above = figure.add_subplot(grid[0, :])
    _by_trial(above, trials, best, monitor, maximize)
    for i, name in enumerate(names):
        axes = figure.add_subplot(grid[1 + i // columns, i % columns], sharey=above)
        _by_parameter(axes, valued, best, name)
        first = i % columns == 0
        tidy(axes, name, monitor if first else None)
        axes.tick_params(labelleft=first)
    return finish(figure, path)


def _by_trial(
    axes: Any, trials: Sequence[Record], best: Record, monitor: str, maximize: bool
) -> None:
    for state, color in (("complete", BLUE), ("pruned", GREY)):
        some = [t for t in trials if t.state == state and t.value is not None]
        if some:
            axes.scatter([t.number for t in some], [t.value for t in some], s=22, color=color, label=state, zorder=3)  # fmt: skip
    failed = [t.number for t in trials if t.state == "failed"]
    if failed:
        axes.plot(failed, [0.03] * len(failed), "x", color=RED, transform=axes.get_xaxis_transform(), label="failed")  # fmt: skip
    numbers: list[int] = []
    so_far: list[float] = []
    for trial in trials:
        if trial.state == "complete" and trial.value is not None:
            better = max if maximize else min
            numbers.append(trial.number)
            so_far.append(better([*so_far[-1:], trial.value]))
    if numbers:
        numbers.append(len(trials) - 1)
        so_far.append(so_far[-1])
        axes.step(numbers, so_far, where="post", color=ORANGE, linewidth=1.6, label="best so far")
    axes.scatter([best.number], [best.value], s=130, marker="*", color=ORANGE, edgecolor="white", linewidth=0.6, zorder=4)  # fmt: skip
    values = [t.value for t in trials if t.value is not None]
    if is_wide(values):
        axes.set_yscale("log")
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.margins(y=0.12)
    tidy(axes, "trial", monitor)
    axes.set_title(f"best {monitor} {best.value:.4g} in trial {best.number}", loc="left", fontsize=10)  # fmt: skip
    axes.legend(
        frameon=False, fontsize=8, ncols=4, loc="lower right", bbox_to_anchor=(1, 1), borderaxespad=0.2
    )  # fmt: skip


def _by_parameter(axes: Any, valued: Sequence[Record], best: Record, name: str) -> None:
    some = [t for t in valued if name in t.params]
    given = [t.params[name] for t in some]
    numeric = all(isinstance(v, (int, float)) and not isinstance(v, bool) for v in given)
    if numeric:
        places = dict(zip(map(show, given), given))
        if is_wide(given):
            axes.set_xscale("log")
    else:
        labels = sorted(set(map(show, given)))
        places = {text: i for i, text in enumerate(labels)}
        axes.set_xticks(range(len(labels)), labels)
        axes.set_xlim(-0.5, len(labels) - 0.5)
    where = {t.number: t.params[name] if numeric else places[show(t.params[name])] for t in some}
    for state, color in (("pruned", GREY), ("complete", BLUE)):
        of_state = [t for t in some if t.state == state]
        axes.scatter(
            [where[t.number] for t in of_state], [t.value for t in of_state], s=18, color=color, alpha=0.75, linewidth=0
        )  # fmt: skip
    if best.number in where:
        axes.scatter([where[best.number]], [best.value], s=130, marker="*", color=ORANGE, edgecolor="white", linewidth=0.6, zorder=4)  # fmt: skip


def depth_figure(
    depths: Sequence[int],
    values: Sequence[Sequence[float]],
    means: Sequence[float | None],
    best: int,
    monitor: str,
    path: Any,
) -> Any:
    """The watched number against the hidden layers: every run a dot, their mean a line, the best depth marked."""
    figure = new_figure(5.6, 3.6)
    axes = figure.add_subplot()
    dots = [(d, v) for d, runs in zip(depths, values) for v in runs]
    several = any(len(runs) > 1 for runs in values)
    if several:
        axes.scatter(*zip(*dots), s=18, color=GREY, label="a run", zorder=2)
    line = [(d, m) for d, m in zip(depths, means) if m is not None]
    axes.plot(*zip(*line), "o-", color=BLUE, markersize=5, label="mean" if several else monitor, zorder=3)  # fmt: skip
    axes.scatter([best], [dict(line)[best]], s=170, marker="*", color=ORANGE, edgecolor="white", zorder=4, label="best")  # fmt: skip
    axes.set_xticks(list(depths))
    axes.margins(x=0.1, y=0.15)
    tidy(axes, "hidden layers", monitor)
    axes.set_title(f"{best} hidden layer{'' if best == 1 else 's'}: {monitor} {dict(line)[best]:.4g}", loc="left", fontsize=10)  # fmt: skip
    axes.legend(frameon=False, fontsize=8)
    return finish(figure, path)
