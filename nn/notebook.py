"""How layers, models, histories and searches look in a notebook (`_repr_html_`).

What is shown is read off them: nothing is built, and only a picture of a model, where it can be drawn, runs
it once on zeros. A picture is more than was asked for: whatever keeps it from being drawn, the rest is shown.
"""

from __future__ import annotations

import io
import math
import numbers
from collections.abc import Callable, Sequence
from reprlib import Repr
from typing import Any

from autograd.notebook import box, counted, folded, image, note, table

from . import summary
from .metrics.direction import higher_is_better
from .module import Module
from .weights import given_name

DRAWN = 30
"""Layers of a model, and panels of curves, that make a picture which can be read."""
DOTS_AN_INCH = 72
LAYERS = 40
"""Rows of the table of a model."""

_short = Repr()
_short.maxstring = _short.maxother = 80
_short.maxlist = _short.maxtuple = _short.maxdict = 8


def layer_html(layer: Module) -> str:
    """What a layer is, what it was made with, and its weights."""
    kind = type(layer).__name__
    shapes = f", from {layer.seen_shape} to {layer.output_shape}" if layer.output_shape is not None else ""
    count = counted(summary.parameter_count(layer), "parameter") if layer.built else "not built"
    weights = [(name, tuple(w.shape), w.dtype, f"{w.size:,}") for name, w in layer.named_tensors()]
    settings = [(name, _short.repr(value)) for name, value in _settings(layer).items()]
    return box(
        str(getattr(layer, "name", None) or kind),
        f"{kind}, {count}{shapes}" + ("" if layer.trainable else ", frozen"),
        folded("settings", table((), settings)) if settings else "",
        _layers(layer) if summary.sublayers(layer) else "",
        table(("weight", "shape", "dtype", "numbers"), weights) if weights else "",
    )


def _settings(layer: Module) -> dict[str, Any]:
    try:
        return dict(layer.get_config())
    except Exception:
        # a layer of somebody's own need not say what it was made with
        return {}


def _layers(module: Module) -> str:
    header, *rows = summary.rows_of(module)
    shown = [i for i, cell in enumerate(header) if cell]
    first, *lines = ([row[i] for i in shown] for row in (header, *rows))
    return table(first, lines, LAYERS)


def model_html(model: Any) -> str:
    """The summary of a model as a table, and a picture of it."""
    kind = type(model).__name__
    hint = "" if model.built else note(summary.HINT)
    totals = "".join(map(note, summary.totals(model)))
    return box(
        given_name(model) or kind, kind, _layers(model), totals, hint, folded("picture", _drawn(model))
    )


def _drawn(model: Any) -> str:
    """The picture of a model that is a graph or a row of layers; a `call` of one's own is not run for it."""
    known = getattr(model, "graph", None) is not None or hasattr(model, "drawn")
    if not (model.built and known and len(model.layers) <= DRAWN):
        return ""
    try:
        return image(model.plot().svg.encode("utf-8"), "image/svg+xml", "the layers of the model")
    except Exception:
        return ""


def figure_html(make: Callable[[], Any], said: str) -> str:
    """The figure of matplotlib that `make` gives, as a picture within the page; "" where there is none."""
    buffer = io.BytesIO()
    try:
        make().savefig(buffer, format="png", dpi=DOTS_AN_INCH)
    except Exception:
        return ""
    return image(buffer.getvalue(), "image/png", said)


def history_html(history: Any) -> str:
    """The last and the best value of each number of a run, and their curves."""
    kind = counted(len(history.epoch), "epoch") + (", interrupted" if history.interrupted else "")
    rows = [_judged(name, values, history.epoch) for name, values in history.history.items()]
    if not rows:
        return box(type(history).__name__, kind, note("No epoch was run."))
    few = len(rows) <= DRAWN
    return box(
        type(history).__name__,
        kind,
        table(("", "last", "best", "in epoch"), rows, 2 * LAYERS),
        figure_html(history.plot, "learning curves") if few else "",
    )


def _judged(name: str, values: Sequence[Any], epochs: Sequence[int]) -> list[Any]:
    last = values[-1] if len(values) else ""
    if not all(isinstance(value, numbers.Real) for value in values):
        return [name, _short.repr(last), "", ""]
    known = [i for i, value in enumerate(values) if not math.isnan(value)]
    if not known or name == "learning_rate":
        return [name, last, "", ""]
    best = (max if higher_is_better(name) else min)(known, key=lambda i: values[i])
    return [name, last, values[best], epochs[best] + 1 if best < len(epochs) else best + 1]


def search_html(
    found: Any, header: Sequence[str], rows: Sequence[Sequence[object]], errors: Sequence[str]
) -> str:
    """What a search of hyperparameters found: its trials, the best first, and a picture of them."""
    kind, _, what = repr(found).rstrip(")").partition("(")
    return box(
        kind,
        what,
        table(header, [[_cell(cell) for cell in row] for row in rows])
        if rows
        else note("No trial was made."),
        folded("errors", "".join(map(note, errors[:LAYERS]))),
        folded("picture", figure_html(found.plot, "the trials")),
    )


def _cell(value: object) -> object:
    """Numbers and texts as they are, anything else cut short."""
    return "" if value is None else value if isinstance(value, (int, float, str)) else _short.repr(value)
