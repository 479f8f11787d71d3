"""What all pictures share: where matplotlib is imported, new figures, panels, colours, and writing a file.

Colours are those of Okabe and Ito, which differ also for the colour-blind; each has a line style and a marker
of its own, so that curves can be told apart in grey.
"""

from __future__ import annotations

import io
import math
import os
from collections.abc import Sequence
from functools import cache
from typing import Any

from autograd.svg import write_picture

from ..arguments import PATH, TEXT, shown
from ..errors import ArgumentError, MissingExtraError

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#7A7A7A")
LINES = ("-", "--", "-.", ":")
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")
FORMATS = ("png", "svg", "pdf")
RESOLUTION = 150
"""Dots an inch of a PNG."""

PathLike = str | os.PathLike[str]


def matplotlib() -> Any:
    """The matplotlib package with the modules that pictures use, or the error that says how to install it."""
    try:
        import matplotlib.colors
        import matplotlib.figure
        import matplotlib.patches
        import matplotlib.ticker
    except ImportError as error:
        raise MissingExtraError("pictures need matplotlib: pip install 'gradloom[plot]'") from error
    return matplotlib


def panels(count: int, axes: Any, size: tuple[float, float], columns: int = 3) -> tuple[Any, list[Any]]:
    """(figure, `count` Axes): those given, or those of a new figure with panels of `size` in inches.

    Raises:
        ArgumentError: fewer Axes were given than there are panels.
    """
    matplotlib()
    if axes is not None:
        given = _listed(axes)
        if len(given) < count or not all(hasattr(panel, "get_figure") for panel in given):
            raise ArgumentError(
                f"axes: {count} matplotlib Axes are needed, one per panel; got {len(given)} "
                f"{type(given[0]).__name__ if given else 'objects'}"
            )
        return given[0].get_figure(root=True), given[:count]
    columns = min(columns, count)
    rows = math.ceil(count / columns)
    figure = new_figure(size[0] * columns, size[1] * rows)
    grid = figure.subplots(rows, columns, squeeze=False)
    flat = [panel for row in grid for panel in row]
    for empty in flat[count:]:
        figure.delaxes(empty)
    return figure, flat[:count]


def _listed(axes: Any) -> list[Any]:
    if hasattr(axes, "flat"):
        return list(axes.flat)
    return list(axes) if isinstance(axes, Sequence) else [axes]


def new_figure(width: float, height: float) -> Any:
    """An empty figure of so many inches."""
    matplotlib()
    return _figure_class()(figsize=(width, height), layout="constrained")


@cache
def _figure_class() -> Any:
    base: Any = matplotlib().figure.Figure

    class PlotFigure(base):  # type: ignore[misc]
        """A Figure that notebooks show as it is, without pyplot."""

        def _repr_png_(self) -> bytes:
            return picture(self, "png")

    return PlotFigure


def check_path(owner: str, path: PathLike | None, title: Any = None) -> None:
    """Refuse an unknown kind of picture, and what is no title, before work is done for it.

    Raises:
        ArgumentError: the name ends in none of the known formats, or another argument is something else.
    """
    TEXT.or_none().checked(owner, "title", title)
    PATH.or_none().checked(owner, "path", path)
    if path is not None and _kind(path) not in FORMATS:
        raise ArgumentError(
            f"path ends in .{', .'.join(FORMATS)}, which says what to write; got {os.fspath(path)!r}"
        )


def check_names(owner: str, classes: Any) -> None:
    """Refuse what is no list of names.

    Raises:
        ArgumentError: saying what it is.
    """
    listed = isinstance(classes, Sequence) and not isinstance(classes, (str, bytes))
    if not (classes is None or listed):
        raise ArgumentError(f"{owner}: classes is a list of names, got {shown(classes)}")


def _kind(path: PathLike) -> str:
    return os.path.splitext(path)[1].lower().lstrip(".")


def finish(figure: Any, path: PathLike | None, title: str | None, axes: Any = None) -> Any:
    """Set the title of a new figure, or above the first of the given Axes; write the file."""
    if title and axes is None:
        figure.suptitle(title)
    elif title:
        first = _listed(axes)[0]
        first.set_title("\n".join(filter(None, (title, first.get_title()))))
    if path is not None:
        write_picture(path, picture(figure, _kind(path) or "png"))
    return figure


def picture(figure: Any, kind: str) -> bytes:
    """The bytes of a PNG, SVG or PDF."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format=kind, dpi=RESOLUTION)
    return buffer.getvalue()


def mark(axes: Any, x: Any, y: Any, **style: Any) -> None:
    """A star at a place that is pointed out."""
    axes.plot([x], [y], linestyle="none", marker="*", markeredgecolor="white", **style)


def light_grid(axes: Any) -> None:
    """A grid behind everything, and no frame above and to the right."""
    axes.grid(color="#dddddd", linewidth=0.6)
    axes.set_axisbelow(True)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
