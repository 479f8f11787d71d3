"""Histograms by layer: what comes out of each layer, and the gradients of its parameters."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from autograd import Tensor, enable_grad, no_grad

from ..arguments import MODEL
from ..errors import ArgumentError
from ..fit_arguments import given, rows_of
from ..host_inputs import host_inputs
from ..inputs import inputs_of
from ..module import Compute, Module, watched_calls
from ..restore import preserved
from ..step import forward, task_of
from ..summary import HINT, all_names, sublayers
from ..weights import given_name
from .figure import COLOURS, PathLike, check_path, finish, light_grid, matplotlib, panels

BINS = 40
MOST = 60
"""More panels than this are no picture any more."""


def activation_histograms(
    model: Any, x: Any, path: PathLike | None = None, axes: Any = None, title: str | None = None
) -> Any:
    """The outputs of each layer on `x`, a panel per layer, as in prediction.

    The title of a panel holds mean and standard deviation; after a ReLU also the share of zeros, which the
    histogram leaves out, and how many of its units are dead: zero on every row, so that no gradient reaches
    them. Layers that only pass on, such as dropout, are left out.

    Args:
        model: a built model.
        x: inputs (n, ...), a few hundred rows are enough.
        path, axes, title: see `nn.plots`.

    Raises:
        ArgumentError: the model has no layers, or more than 60.

    >>> import nn
    >>> model = nn.Sequential([nn.Dense(4, "relu", input_shape=(2,)), nn.Dense(1)])
    >>> figure = nn.plots.activation_histograms(model, [[0.5, -0.5], [1.0, 2.0]])
    >>> len(figure.axes)
    2
    """
    check_path("activation_histograms", path, title)
    MODEL.checked("activation_histograms", "model", model)
    inputs = inputs_of(model, host_inputs(model, x))
    seen: list[tuple[Module, Tensor]] = []
    if not model.built:
        model.ensure_built(inputs)

    def watch(module: Module, given: list[Tensor], compute: Compute) -> Any:
        result = compute(given)
        passed_on = any(result is x for x in given)
        if not (passed_on or sublayers(module)) and isinstance(result, Tensor):
            seen.append((module, result.detach()))
        return result

    with preserved(model), no_grad(), watched_calls(watch):
        model(inputs, training=False)
    figure, chosen = _panels(len(seen), axes)
    names = _names(model)
    for panel, (module, output) in zip(chosen, seen, strict=True):
        lines, relu = [names[id(module)], _moments(output)], _is_relu(module)
        if relu:
            lines.append(_zeros(output))
        _histogram(panel, output, COLOURS[0], lines, without_zeros=relu)
        panel.set(xlabel="output, zeros left out" if relu else "output", ylabel="count")
    return finish(figure, path, title, axes)


def gradient_histograms(
    model: Any, x: Any, y: Any, path: PathLike | None = None, axes: Any = None, title: str | None = None
) -> Any:
    """The gradients of the loss on (x, y), a panel per parameter, as in a step of
    training. The model stays as it was.

    Gradients that shrink from panel to panel towards the input vanish; those that grow explode. The title of
    a panel holds mean, standard deviation and, where there are any, the share of exact zeros.

    Args:
        model: a compiled model.
        x, y: one batch.
        path, axes, title: see `nn.plots`.

    Raises:
        NotCompiledError: before `compile` with a loss.
        ArgumentError: nothing to train, or more than 60 parameters.

    >>> import nn
    >>> model = nn.Sequential([nn.Dense(4, "relu", input_shape=(2,)), nn.Dense(1)])
    >>> model.compile("sgd", "mse")
    >>> figure = nn.plots.gradient_histograms(model, [[0.5, -0.5], [1.0, 2.0]], [0.0, 1.0])
    >>> len(figure.axes)
    4
    """
    check_path("gradient_histograms", path, title)
    MODEL.checked("gradient_histograms", "model", model)
    rows = rows_of(model, host_inputs(model, x), y, None, None)
    found: list[tuple[str, Tensor]] = []
    with preserved(model), enable_grad():
        model.zero_grad()
        model.train()
        forward(task_of(model), rows.x, given(rows.y), None)[1][0].backward()
        found = [(n, p.grad) for n, p in model.named_parameters() if p.grad is not None]
    figure, chosen = _panels(len(found), axes)
    names = _names(model)
    owners = {
        id(tensor): names[id(module)]
        for _, module in model.named_modules()
        for _, tensor in module.children()
        if isinstance(tensor, Tensor)
    }
    parameters = dict(model.named_parameters())
    for panel, (name, gradient) in zip(chosen, found, strict=True):
        label = f"{owners[id(parameters[name])]}: {name.rpartition('.')[2]}"
        share = _share_of_zeros(gradient)
        zeros = [f"{share:.0%} zeros"] if share else []
        _histogram(panel, gradient, COLOURS[1], [label, _moments(gradient), *zeros])
        panel.set(xlabel="gradient", ylabel="count")
    return finish(figure, path, title, axes)


def _panels(count: int, axes: Any) -> tuple[Any, list[Any]]:
    if not count:
        raise ArgumentError(f"there is nothing to draw a histogram of. {HINT}")
    if count > MOST:
        raise ArgumentError(f"{count} histograms; at most {MOST} can be drawn. Look at a part of the model.")
    return panels(count, axes, (3.6, 2.9), columns=min(4, count))


def _names(model: Module) -> dict[int, str]:
    return all_names(model, path=True) | {id(model): given_name(model) or type(model).__name__}


def _histogram(
    panel: Any, tensor: Tensor, colour: str, lines: Sequence[str], without_zeros: bool = False
) -> None:
    numbers = [value for value in tensor.reshape(-1).tolist() if math.isfinite(value)]
    values = [value for value in numbers if value] if without_zeros else numbers
    light_grid(panel)
    locator = matplotlib().ticker.MaxNLocator
    panel.xaxis.set_major_locator(locator(nbins=4))
    panel.yaxis.set_major_locator(locator(nbins=5, integer=True))
    panel.ticklabel_format(axis="x", scilimits=(-3, 4))
    low, high = (min(values), max(values)) if values else (0.0, 0.0)
    if high > low:
        bins = min(BINS, max(8, len(values) // 4))
        panel.hist(values, bins=bins, color=colour, edgecolor="white", linewidth=0.3)
    else:
        width = abs(low) or 1.0
        panel.bar([low], [len(values)], width=0.05 * width, color=colour)
        panel.set_xlim(low - width, low + width)
    panel.axvline(0, color="black", linewidth=0.8, linestyle=":")
    missing = tensor.size - len(numbers)
    if missing:
        lines = [*lines, f"{missing:,} NaN or infinite"]
    panel.set_title("\n".join(lines), fontsize=9)
    panel.tick_params(labelsize=8)


def _moments(tensor: Tensor) -> str:
    exact = tensor.to("float64")
    return f"mean {exact.mean().item():.3g}, std {exact.std().item():.3g}"


def _is_relu(module: Module) -> bool:
    activation = getattr(module, "activation", None)
    return "relu" in (activation, getattr(activation, "__name__", None), type(module).__name__.lower())


def _share_of_zeros(tensor: Tensor) -> float:
    return float((tensor == 0).to("float64").mean().item())


def _zeros(output: Tensor) -> str:
    units = output.reshape(-1, output.shape[-1])
    dead = int((abs(units).max(axis=0) == 0).to("int64").sum().item())
    return f"{_share_of_zeros(output):.0%} zeros, {dead} of {units.shape[1]} units dead"
