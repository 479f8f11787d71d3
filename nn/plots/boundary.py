"""The decision boundary of a classifier with two inputs: which class it says where."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import autograd as ag

from ..arguments import PREDICTOR, at_least
from ..data import to_array
from ..errors import ArgumentError
from .confusion import class_numbers
from .figure import COLOURS, MARKERS, PathLike, check_names, check_path, finish, matplotlib, panels

RESOLUTION = at_least(2).but(words="is an integer from 2 to 2000", most=2000)


def decision_boundary(
    model: Any,
    x: Any,
    y: Any,
    classes: Sequence[str] | None = None,
    path: PathLike | None = None,
    axes: Any = None,
    title: str | None = None,
    resolution: int = 200,
) -> Any:
    """Shade the plane by what the model predicts, draw the boundary, and mark the samples by class.

    One output, or two classes: the shade is the probability of class 1, the line where it is 0.5.
    More classes: each has its colour, and is paler where the model is less sure. Samples that the
    model gets wrong have a black ring.

    Args:
        model: a model for inputs (n, 2) with outputs (n, 1) or (n, classes) that are probabilities.
        x: samples (n, 2).
        y: their classes, (n,), (n, 1) or one-hot.
        classes: the names of classes 0, 1, ...
        path, axes, title: see `nn.plots`.
        resolution: points along each axis at which the model is asked.

    Raises:
        ArgumentError: x has not two columns, x and y have different lengths, too
            few names, or more than 8 classes.

    >>> import nn
    >>> model = nn.Sequential([nn.Dense(1, "sigmoid", input_shape=(2,))])
    >>> figure = nn.plots.decision_boundary(model, [[0.0, 0.0], [1.0, 1.0]], [0, 1], resolution=20)
    >>> figure.axes[0].get_xlabel()
    'input 1'
    """
    check_path("decision_boundary", path, title)
    check_names("decision_boundary", classes)
    PREDICTOR.checked("decision_boundary", "model", model)
    resolution = RESOLUTION.checked("decision_boundary", "resolution", resolution)
    points = to_array(x, "x")
    if points.ndim != 2 or points.shape[1] != 2:
        raise ArgumentError(
            f"decision_boundary: two inputs can be drawn, x has shape {points.shape}; expected (n, 2). "
            "For more inputs choose two and train a model on them."
        )
    truth = class_numbers(y, "y")
    if len(truth) != len(points):
        raise ArgumentError(f"x has {len(points)} rows and y has {len(truth)}; they have to be equal")
    columns = [points[:, i].tolist() for i in (0, 1)]
    ticks = [_span(values, resolution) for values in columns]
    plane = [[a, b] for b in ticks[1] for a in ticks[0]]
    said = to_array(model.predict(plane, batch_size=4096), "prediction")
    sure = bool(said.min() >= 0 and said.max() <= 1)
    if said.shape[1] == 1 and not sure:
        raise ArgumentError(
            f"decision_boundary: the model says numbers from {said.min():.3g} to {said.max():.3g}, and a "
            "probability is expected; end the model in a sigmoid, or subclass it and apply one"
        )
    guess = class_numbers(model.predict(points), "y_pred")
    count = max(said.shape[1] if said.shape[1] > 1 else 2, max(truth) + 1)
    if count > len(MARKERS):
        raise ArgumentError(f"decision_boundary: {count} classes; at most {len(MARKERS)} can be told apart")
    if classes is not None and len(classes) < count:
        raise ArgumentError(f"classes has {len(classes)} names for {count} classes")
    names = [f"class {i}" for i in range(count)] if classes is None else [str(c) for c in classes]
    figure, (panel,) = panels(1, axes, (6.0, 4.8))
    if said.shape[1] <= 2 and sure:
        _shade(figure, panel, ticks, said[:, -1].reshape(resolution, resolution), names)
    else:
        _regions(panel, ticks, said.reshape(resolution, resolution, -1))
    _samples(panel, columns, truth, guess, names)
    labels = [str(name) for name in getattr(x, "columns", ("input 1", "input 2"))]
    panel.set(xlabel=labels[0], ylabel=labels[1])
    panel.legend(fontsize=8, loc="best", framealpha=0.9)
    return finish(figure, path, title, axes)


def _span(values: Sequence[float], resolution: int) -> list[float]:
    low, high = min(values), max(values)
    margin = 0.12 * (high - low) or 1.0
    ticks: list[float] = ag.linspace(low - margin, high + margin, resolution, dtype="float64").tolist()
    return ticks


def _shade(figure: Any, panel: Any, ticks: Sequence[Any], probability: Any, names: Sequence[str]) -> None:
    """Two classes: the probability of the second, by shade."""
    colours = matplotlib().colors.LinearSegmentedColormap.from_list(
        "two", [COLOURS[0], "#f7f7f7", COLOURS[1]]
    )
    levels = [i / 20 for i in range(21)]
    shade = panel.contourf(*ticks, probability.clip(0, 1), levels=levels, cmap=colours, alpha=0.65)
    if probability.min() < 0.5 < probability.max():
        panel.contour(*ticks, probability, levels=[0.5], colors="black", linewidths=1.6)
    bar = figure.colorbar(shade, ax=panel, ticks=[0, 0.25, 0.5, 0.75, 1], fraction=0.046, pad=0.04)
    bar.set_label(f"probability of {names[1]}")


def _regions(panel: Any, ticks: Sequence[Any], said: Any) -> None:
    """Several classes: the colour of the likeliest, paler where it is less likely."""
    best = said.argmax(-1)
    sure = said.max(-1).clip(0, 1)
    rgb = matplotlib().colors.to_rgb
    image = [
        [
            [1 - (0.15 + 0.5 * s) * (1 - part) for part in rgb(COLOURS[k])]
            for k, s in zip(row, strengths, strict=True)
        ]
        for row, strengths in zip(best.tolist(), sure.tolist(), strict=True)
    ]
    extent = (ticks[0][0], ticks[0][-1], ticks[1][0], ticks[1][-1])
    panel.imshow(image, extent=extent, origin="lower", aspect="auto", interpolation="nearest")
    for k in range(said.shape[-1]):
        if (best == k).any() and not (best == k).all():
            # the difference to the best of the others is 0 on the boundary, and smooth across it
            others = said[..., [j for j in range(said.shape[-1]) if j != k]].max(-1)
            panel.contour(*ticks, said[..., k] - others, levels=[0], colors="black", linewidths=1.2)


def _samples(
    panel: Any,
    columns: Sequence[Sequence[float]],
    truth: Sequence[int],
    guess: Sequence[int],
    names: Sequence[str],
) -> None:
    def mark(rows: Sequence[int], size: int, width: float, order: int, **style: Any) -> None:
        x, y = ([column[i] for i in rows] for column in columns)
        panel.scatter(x, y, s=size, linewidths=width, zorder=order, **style)

    for k in sorted(set(truth)):
        own = [i for i, label in enumerate(truth) if label == k]
        mark(own, 34, 0.8, 3, c=COLOURS[k], marker=MARKERS[k], edgecolors="white", label=names[k])
    wrong = [i for i, (t, g) in enumerate(zip(truth, guess, strict=True)) if t != g]
    if wrong:
        label = f"wrong: {len(wrong)} of {len(truth)}"
        mark(wrong, 95, 1.4, 4, facecolors="none", marker="o", edgecolors="black", label=label)
