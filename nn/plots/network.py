"""A network of dense layers as neurons and weighted connections."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from autograd.svg import Picture
from autograd.svg import check_path as check_svg

from ..diagram import trace_calls
from ..errors import ArgumentError
from ..layers import Dense
from ..module import Module
from ..summary import layer_names
from .figure import COLOURS, PathLike, check_path, finish, matplotlib, panels, picture

MOST_UNITS = 12
"""Units of a layer that are drawn; of more the first and the last ones, with dots between."""
MOST_LAYERS = 12
POSITIVE: dict[str, Any] = {"color": COLOURS[0], "linestyle": "-"}
NEGATIVE: dict[str, Any] = {"color": COLOURS[1], "linestyle": "--"}


def network(model: Any, path: PathLike | None = None, axes: Any = None, title: str | None = None) -> Any:
    """Every neuron as a circle, every weight as a line: thick for large ones, solid blue for
    positive, dashed orange for negative.

    Layers with more than 12 units show 6 at each end. Layers without weights between dense ones, such as
    dropout, are left out. The widest line of each layer is its largest weight.

    Args:
        model: a built model whose layers with weights are `Dense`, one after another.
        path, axes, title: see `nn.plots`.

    Raises:
        ArgumentError: there are other layers with weights or branches, or more than 12 dense layers.

    >>> import nn
    >>> figure = nn.plots.network(nn.Sequential([nn.Dense(3, "tanh", input_shape=(2,)), nn.Dense(1)]))
    >>> len(figure.axes[0].patches)
    6
    """
    check_path("network", path, title)
    if not isinstance(model, Module):
        raise ArgumentError(f"network: model is a model, got {type(model).__name__}")
    layers = _dense_layers(model)
    sizes = [layers[0].kernel.shape[0], *(layer.kernel.shape[1] for layer in layers)]
    shown = [_shown(size) for size in sizes]
    tallest = max(map(len, shown))
    figure, (panel,) = panels(1, axes, (2.2 * len(sizes), 0.42 * tallest + 1.5))
    heights = [[(len(units) - 1) / 2 - i for i in range(len(units))] for units in shown]
    for i, layer in enumerate(layers):
        _connections(panel, i, layer.kernel.tolist(), shown[i : i + 2], heights[i : i + 2])
    names = dict(zip(map(id, layers), layer_names(layers), strict=True))
    titles = ["input", *(_caption(layer, names[id(layer)]) for layer in layers)]
    for i, units in enumerate(shown):
        _neurons(panel, i, units, heights[i], COLOURS[4] if i == 0 else "#ffffff")
        text = f"{titles[i]}\n{sizes[i]} {'unit' if sizes[i] == 1 else 'units'}"
        panel.text(i, tallest / 2 + 0.2, text, ha="center", va="bottom", fontsize=9)
    panel.set(xlim=(-0.5, len(sizes) - 0.5), ylim=(-tallest / 2 - 0.3, tallest / 2 + 2.3))
    panel.axis("off")
    panel.plot([], [], label="positive weight", **POSITIVE)
    panel.plot([], [], label="negative weight", **NEGATIVE)
    panel.legend(loc="lower center", bbox_to_anchor=(0.5, -0.04), ncols=2, fontsize=8, frameon=False)
    return finish(figure, path, title, axes)


def network_svg(model: Any, path: PathLike | None = None) -> Picture:
    """The same as SVG, for `model.plot(neurons=True)`."""
    check_svg(path)
    drawn = Picture(picture(network(model), "svg").decode("utf-8"))
    if path is not None:
        drawn.save(path)
    return drawn


def _dense_layers(model: Any) -> list[Dense]:
    calls, _ = trace_calls(model, expand_nested=True)
    layers = []
    for i, call in enumerate(calls):
        if call.sources != (i - 1,):
            raise ArgumentError(
                f"the neurons of a chain of layers can be drawn; {type(call.module).__name__} is on a "
                "branch. Use plot() without neurons."
            )
        if isinstance(call.module, Dense):
            layers.append(call.module)
        elif any(True for _ in call.module.named_parameters()) or len(call.output or ()) != 2:
            raise ArgumentError(
                f"the neurons of Dense layers can be drawn; this model has a {type(call.module).__name__}. "
                "Use plot() without neurons."
            )
    if not 1 <= len(layers) <= MOST_LAYERS:
        raise ArgumentError(
            f"the neurons of 1 to {MOST_LAYERS} Dense layers can be drawn; this model has {len(layers)}"
        )
    return layers


def _caption(layer: Dense, name: str) -> str:
    activation = getattr(layer.activation, "__name__", layer.activation)
    return f"{name}\n{activation or 'linear'}"


def _shown(size: int) -> list[int | None]:
    """The units that are drawn, None for the dots."""
    if size <= MOST_UNITS:
        return list(range(size))
    half = MOST_UNITS // 2
    return [*range(half), None, *range(size - half, size)]


def _connections(
    panel: Any, i: int, kernel: Any, shown: Sequence[Sequence[int | None]], heights: Sequence[Sequence[float]]
) -> None:
    largest = max((abs(w) for row in kernel for w in row), default=0.0) or 1.0
    for a, start in zip(shown[0], heights[0], strict=True):
        for b, end in zip(shown[1], heights[1], strict=True):
            if a is None or b is None:
                continue
            weight = kernel[a][b]
            size = abs(weight) / largest
            sign = POSITIVE if weight >= 0 else NEGATIVE
            width, alpha = 0.3 + 2.2 * size, 0.25 + 0.7 * size
            panel.plot([i, i + 1], [start, end], linewidth=width, alpha=alpha, zorder=1, **sign)


def _neurons(panel: Any, i: int, units: Sequence[int | None], heights: Sequence[float], fill: str) -> None:
    ellipse = matplotlib().patches.Ellipse
    for unit, height in zip(units, heights, strict=True):
        if unit is None:
            panel.text(i, height, "\N{VERTICAL ELLIPSIS}", ha="center", va="center", fontsize=14)
        else:
            style = dict(facecolor=fill, edgecolor="black", linewidth=1.2, zorder=2)
            panel.add_patch(ellipse((i, height), 0.16, 0.7, **style))
