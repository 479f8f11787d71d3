"""Pictures of searches, drawn with matplotlib without its global state, so
they work with and without a screen.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import accumulate
from typing import TYPE_CHECKING, Any

from ..errors import TuningError
from ..plots.figure import finish, light_grid, new_figure
from .space import Choice, Dimension, Int, show

if TYPE_CHECKING:
    from .study import Record

BLUE, GREY, ORANGE, RED = "#2b6cb0", "#a0aec0", "#dd6b20", "#c53030"
WIDE = 20.0
"""From this ratio of the largest to the smallest number on, an axis is logarithmic."""
IN_A_ROW = 3


def tidy(axes: Any, xlabel: str, ylabel: str | None) -> None:
    """Labels, a light grid, and no frame where there is no axis."""
    axes.set_xlabel(xlabel)
    if ylabel is not None:
        axes.set_ylabel(ylabel)
    light_grid(axes)


def is_wide(values: Sequence[Any]) -> bool:
    """Whether numbers above 0 spread over more than an order of magnitude."""
    return bool(values) and min(values) > 0 and max(values) / min(values) >= WIDE


def trials_figure(
    trials: Sequence[Record], space: Mapping[str, Dimension], monitor: str, maximize: bool, path: Any
) -> Any:
    """The value by trial with the best so far; below, the value against each parameter."""
    valued = [t for t in trials if t.value is not None]
    if not valued:
        raise TuningError("nothing to draw: no trial has a value")
    done = [t for t in valued if t.state == "complete"]
    best = (max if maximize else min)(done or valued, key=lambda t: t.value or 0.0)
    columns = min(len(space), IN_A_ROW)
    rows = -(-len(space) // columns)
    figure = new_figure(3.4 * max(columns, 2), 3.0 + 2.5 * rows)
    grid = figure.add_gridspec(1 + rows, columns, height_ratios=[1.25] + [1.0] * rows)
    above = figure.add_subplot(grid[0, :])
    _by_trial(above, trials, best, monitor, maximize)
    for i, (name, dimension) in enumerate(space.items()):
        axes = figure.add_subplot(grid[1 + i // columns, i % columns], sharey=above)
        _by_parameter(axes, valued, best, name, dimension)
        first = i % columns == 0
        tidy(axes, name, monitor if first else None)
        axes.tick_params(labelleft=first)
    return finish(figure, path, title=None)


def _by_trial(axes: Any, trials: Sequence[Record], best: Record, monitor: str, maximize: bool) -> None:
    for state, color in (("complete", BLUE), ("pruned", GREY)):
        some = [t for t in trials if t.state == state and t.value is not None]
        if some:
            x, y = [t.number for t in some], [t.value for t in some]
            axes.scatter(x, y, s=22, color=color, label=state, zorder=3)
    failed = [t.number for t in trials if t.state == "failed"]
    if failed:
        bottom = axes.get_xaxis_transform()
        axes.plot(failed, [0.03] * len(failed), "x", color=RED, transform=bottom, label="failed")
    done = [(t.number, t.value) for t in trials if t.state == "complete" and t.value is not None]
    if done:
        numbers, values = zip(*done)
        so_far = [*accumulate(values, max if maximize else min)]
        x, y = [*numbers, len(trials) - 1], [*so_far, so_far[-1]]
        axes.step(x, y, where="post", color=ORANGE, linewidth=1.6, label="best so far")
    _star(axes, best.number, best.value)
    if is_wide([t.value for t in trials if t.value is not None]):
        axes.set_yscale("log")
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.margins(y=0.12)
    tidy(axes, "trial", monitor)
    axes.set_title(f"best {monitor} {best.value:.4g} in trial {best.number}", loc="left", fontsize=10)
    above = dict(loc="lower right", bbox_to_anchor=(1, 1), borderaxespad=0.2)
    axes.legend(frameon=False, fontsize=8, ncols=4, **above)


def _star(axes: Any, x: Any, y: Any) -> None:
    """The best trial."""
    axes.scatter([x], [y], s=130, marker="*", color=ORANGE, edgecolor="white", linewidth=0.6, zorder=4)


def _by_parameter(axes: Any, valued: Sequence[Record], best: Record, name: str, dimension: Dimension) -> None:
    where = {t.number: _place(t, name, dimension) for t in valued}
    if isinstance(dimension, Choice):
        axes.set_xticks(range(len(dimension.labels)), [show(text) for text in dimension.labels])
        axes.set_xlim(-0.5, len(dimension.labels) - 0.5)
    elif dimension.log:
        axes.set_xscale("log")
        _few_ticks(axes, [float(t.params[name]) for t in valued])
    elif isinstance(dimension, Int):
        axes.xaxis.get_major_locator().set_params(integer=True)
    for state, color in (("pruned", GREY), ("complete", BLUE)):
        some = [t for t in valued if t.state == state]
        x, y = [where[t.number] for t in some], [t.value for t in some]
        axes.scatter(x, y, s=18, color=color, alpha=0.75, linewidth=0)
    _star(axes, where[best.number], best.value)


def _few_ticks(axes: Any, values: Sequence[float]) -> None:
    """On less than two decades the powers of ten alone say too little, and every digit too much."""
    low, high = min(values), max(values)
    if high / low < 100:
        powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
        ticks = [digit * 10.0**power for power in powers for digit in (1, 2, 5)]
        axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
        axes.minorticks_off()
        axes.set_xlim(low / (high / low) ** 0.08 * 0.98, high * (high / low) ** 0.08 * 1.02)


def _place(trial: Record, name: str, dimension: Dimension) -> float:
    """Where a trial stands; beside the exact place where many would stand on one another."""
    value = trial.params[name]
    aside = ((trial.number * 0.618) % 1 - 0.5) * 0.3
    if isinstance(dimension, Choice):
        return dimension.position(value) + aside
    crowded = isinstance(dimension, Int) and not dimension.log and dimension.high - dimension.low < 12
    return float(value) + aside * crowded


def depth_figure(
    depths: Sequence[int],
    values: Sequence[Sequence[float]],
    means: Sequence[float | None],
    best: int,
    monitor: str,
    path: Any,
) -> Any:
    """The watched number against the hidden layers: every run a dot, their
    mean a line, the best depth marked.
    """
    figure = new_figure(5.6, 3.6)
    axes = figure.add_subplot()
    dots = [(d, v) for d, runs in zip(depths, values) for v in runs]
    several = any(len(runs) > 1 for runs in values)
    if several:
        axes.scatter(*zip(*dots), s=18, color=GREY, label="a run", zorder=2)
    line = [(d, m) for d, m in zip(depths, means) if m is not None]
    axes.plot(*zip(*line), "o-", color=BLUE, markersize=5, label="mean" if several else monitor, zorder=3)
    axes.scatter(
        [best], [dict(line)[best]], s=170, marker="*", color=ORANGE, edgecolor="white", zorder=4, label="best"
    )
    axes.set_xticks(list(depths))
    axes.margins(x=0.1, y=0.15)
    tidy(axes, "hidden layers", monitor)
    title = f"{best} hidden layer{'' if best == 1 else 's'}: {monitor} {dict(line)[best]:.4g}"
    axes.set_title(title, loc="left", fontsize=10)
    axes.legend(frameon=False, fontsize=8)
    return finish(figure, path, title=None)
