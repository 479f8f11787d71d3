"""The picture of a learning-rate range test: loss over rate, and the rate that it suggests."""

from __future__ import annotations

from typing import Any

from ..errors import ArgumentError
from ..range_test import RangeTest
from .figure import COLOURS, PathLike, check_path, finish, light_grid, mark, panels


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
