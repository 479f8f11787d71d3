"""Learning curves: loss and metrics over epochs, training and validation, the best validation epoch marked;
and the loss over the rates of a learning-rate range test, with the rate that it suggests.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from ..errors import ArgumentError
from ..metrics.direction import higher_is_better
from ..metrics.logged import each_number
from ..range_test import RangeTest
from .figure import (
    COLOURS,
    LINES,
    MARKERS,
    PathLike,
    check_path,
    finish,
    light_grid,
    mark,
    matplotlib,
    panels,
)

FEW = 30
"""Up to so many epochs each one has a marker."""


def best_epoch(name: str, values: Sequence[float]) -> int | None:
    """The position of the best value, the first of equals; None where all are NaN."""
    numbers = [i for i, value in enumerate(values) if not math.isnan(value)]
    if not numbers:
        return None
    sign = -1 if higher_is_better(name) else 1
    return min(numbers, key=lambda i: sign * values[i])


def learning_curves(
    history: Any, path: PathLike | None = None, axes: Any = None, title: str | None = None
) -> Any:
    """Loss and each metric over epochs, a panel each; one more for the learning rate where it was logged.

    The best epoch in validation is marked: least for losses and errors, greatest for accuracies and the like.
    Without validation the best epoch in training is. NaN leaves a gap. Of a metric with several values each
    has a panel, "recall[0]" and so on.

    Args:
        history: what `fit` returned, or a dict of lists, `{"loss": [...], "val_loss": [...]}`.
        path, axes, title: see `nn.plots`.

    Raises:
        ArgumentError: the history is empty, or its lists have different lengths.

    >>> from nn import plots
    >>> figure = plots.learning_curves({"loss": [0.9, 0.5], "accuracy": [0.5, 0.8]})
    >>> len(figure.axes)
    2
    """
    check_path("learning_curves", path, title)
    logs, epochs = _read(history)
    names = [name for name in logs if not name.startswith("val_")]
    names += [n for n in (name[4:] for name in logs if name.startswith("val_")) if n not in logs]
    names.sort(key=lambda name: (name == "learning_rate", name != "loss"))
    figure, chosen = panels(len(names), axes, (5.0, 3.6))
    for panel, name in zip(chosen, names, strict=True):
        _panel(panel, name, epochs, logs)
    return finish(figure, path, title, axes)


def _read(history: Any) -> tuple[dict[str, list[float]], list[int]]:
    logs = getattr(history, "history", history)
    if not isinstance(logs, Mapping):
        raise ArgumentError(
            "learning_curves: history is the History that fit returned, or a dict of lists, got "
            f"{type(history).__name__}"
        )
    lists = {n: numbers for name, values in logs.items() for n, numbers in _curves(str(name), list(values))}
    lengths = {name: len(values) for name, values in lists.items()}
    if not lists or not max(lengths.values()):
        raise ArgumentError("learning_curves: the history is empty: no epoch was run")
    if len(set(lengths.values())) > 1:
        raise ArgumentError(f"learning_curves: lists of different lengths: {lengths}")
    epochs = list(getattr(history, "epoch", ())) or list(range(max(lengths.values())))
    if len(epochs) != max(lengths.values()):
        epochs = list(range(max(lengths.values())))
    return lists, [int(epoch) + 1 for epoch in epochs]


def _curves(name: str, values: list[Any]) -> list[tuple[str, list[float]]]:
    """A metric over epochs; each of its values by itself where there are several."""
    names = [each for each, _ in each_number(name, values[0])] if values else [name]
    rows = [[float(number) for _, number in each_number(name, value)] for value in values]
    return [(each, [row[i] for row in rows]) for i, each in enumerate(names)]


def _panel(panel: Any, name: str, epochs: Sequence[int], logs: Mapping[str, Sequence[float]]) -> None:
    light_grid(panel)
    panel.set(xlabel="epoch", ylabel=name.replace("_", " "))
    panel.xaxis.set_major_locator(matplotlib().ticker.MaxNLocator(integer=True, min_n_ticks=1))
    if name == "learning_rate":
        panel.plot(epochs, logs[name], color=COLOURS[2], marker=_marker(0, epochs), markersize=4)
        if all(value > 0 for value in logs[name]):
            panel.set_yscale("log")
        return
    curves = {"training": logs.get(name), "validation": logs.get(f"val_{name}")}
    for i, (label, values) in enumerate(curves.items()):
        if values is not None:
            style = dict(color=COLOURS[i], linestyle=LINES[i], marker=_marker(i, epochs), markersize=4)
            panel.plot(epochs, values, label=label, linewidth=1.6, **style)
    label = "training" if curves["validation"] is None else "validation"
    judged = curves[label]
    best = None if judged is None else best_epoch(name, judged)
    if judged is not None and best is not None:
        text = f"best {label}: {judged[best]:.4g} in epoch {epochs[best]}"
        mark(panel, epochs[best], judged[best], markersize=13, color="black", zorder=5, label=text)
    panel.legend(fontsize=8)


def _marker(i: int, epochs: Sequence[int]) -> str:
    return MARKERS[i] if len(epochs) <= FEW else ""


def learning_rate_range_test(
    test: RangeTest, path: PathLike | None = None, axes: Any = None, title: str | None = None
) -> Any:
    """Draw what `nn.learning_rate_range_test` returned: the loss of each
    batch, its running mean, the suggestion.

    Args:
        test: the result of `nn.learning_rate_range_test(model, x, y)`.
        path, axes, title: see `nn.plots`.

    Raises:
        ArgumentError: `test` is something else.

    >>> import nn
    >>> test = nn.RangeTest([0.01, 0.1, 1.0], [1.0, 0.5, 2.0], [1.0, 0.6, 1.5], 0.1, True)
    >>> figure = nn.plots.learning_rate_range_test(test)
    >>> figure.axes[0].get_xscale()
    'log'
    """
    check_path("learning_rate_range_test", path, title)
    if not isinstance(test, RangeTest):
        raise ArgumentError(
            f"expected what nn.learning_rate_range_test(model, x, y) returned, got {type(test).__name__}"
        )
    figure, (panel,) = panels(1, axes, (6.4, 4.2))
    light_grid(panel)
    dots = dict(color="#999999", marker=".", markersize=3, linestyle="none")
    panel.plot(test.rates, test.losses, label="loss of each batch", **dots)
    panel.plot(test.rates, test.smoothed, color=COLOURS[0], linewidth=2, label="running mean")
    if test.suggestion is not None:
        at = test.rates.index(test.suggestion)
        panel.axvline(test.suggestion, color=COLOURS[1], linestyle="--", linewidth=1.2)
        label = f"steepest fall: rate {test.suggestion:.2g}"
        mark(panel, test.suggestion, test.smoothed[at], markersize=14, color=COLOURS[1], label=label)
    low, high = min(test.smoothed), max(test.smoothed[: max(len(test.smoothed) // 2, 1)])
    room = (high - low) or abs(high) or 1.0
    panel.set_ylim(low - 0.15 * room, high + 0.6 * room)
    panel.set(xscale="log", xlabel="learning rate", ylabel="loss")
    if test.diverged:
        panel.set_title(f"stopped at {test.rates[-1]:.2g}: the loss diverged", fontsize=10)
    panel.legend(fontsize=8)
    return finish(figure, path, title, axes)
