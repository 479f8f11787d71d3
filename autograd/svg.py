"""Diagrams of boxes and arrows as SVG: graphs of tensors here, networks in `nn`. Knows neither.

Graphviz lays them out, from the package pygraphviz, in a process of its own: the C library is
not made for threads, writes what it likes to stderr, and may take long. Text of users only
ever stands in escaped table cells.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

from .errors import DrawingError, MissingExtraError, RangeError

Row = str | tuple[str, str]

FONT = "Helvetica,Arial,sans-serif"
LONGEST = 72
"""Characters of one line of text; more is cut, with an ellipsis."""
PATIENCE = 120
"""Seconds that a layout may take."""

# Graphviz reads a backslash and a letter as an escape also in table cells
_ESCAPED = str.maketrans(
    {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;", "\\": "&#92;&#92;"}
)

_CHILD = """
import sys
from pygraphviz import AGraph
text = sys.stdin.buffer.read().decode("utf-8")
sys.stdout.buffer.write(AGraph(string=text).draw(format=sys.argv[1], prog="dot"))
"""


class Style(NamedTuple):
    """How a box looks; `line` differs too, so that the kinds survive grey printing."""

    fill: str
    border: str = "#444444"
    line: str = "solid"
    width: int = 1


class Picture:
    """An SVG: its text in `svg`. Notebooks show it; `save(path)` writes it."""

    def __init__(self, svg: str, graph: str = "") -> None:
        self.svg = svg
        self._graph = graph

    def png(self) -> bytes:
        """The same as a PNG.

        Raises:
            DrawingError: the picture was not laid out by Graphviz.
        """
        if not self._graph:
            raise DrawingError("only diagrams are drawn as PNG; this picture is an SVG alone")
        return _layout(self._graph, "png")

    def _repr_svg_(self) -> str:
        return self.svg

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the SVG to `path`, complete or not at all; missing folders are made.

        Raises:
            RangeError: the name does not end in ".svg".
        """
        check_path(path)
        write_picture(path, self.svg.encode("utf-8"))

    def __repr__(self) -> str:
        return f"Picture({len(self.svg):,} characters of SVG; .save(path) writes it)"


class Diagram:
    """Boxes and arrows, collected and then rendered.

    Args:
        title: stands above.
        direction: "TB" from top to bottom, "LR" from left to right.
    """

    def __init__(self, title: str = "", direction: str = "TB") -> None:
        self._boxes = 0
        self._groups = 0
        self._lines = [
            "digraph {",
            f'graph [rankdir="{direction}", nodesep="0.25", ranksep="0.35"];',
            f'graph [fontname="{FONT}", fontsize="14", labelloc="t", label=<{_cell(title)}>];',
            f'node [shape="plain", fontname="{FONT}", fontsize="11"];',
            f'edge [fontname="{FONT}", fontsize="9", fontcolor="#555555", color="#444444", arrowsize="0.7"];',
        ]

    def box(self, title: str, rows: Sequence[Row], style: Style) -> str:
        """A box with a bold title and lines below, a pair side by side; returns its key for `arrow`."""
        key = f"n{self._boxes}"
        self._boxes += 1
        cells = [f'<TR><TD COLSPAN="2" BGCOLOR="{style.fill}"><B>{_cell(title)}</B></TD></TR>']
        for row in rows:
            if isinstance(row, str):
                cells.append(f'<TR><TD COLSPAN="2">{_cell(row)}</TD></TR>')
            else:
                left, right = row
                cells.append(
                    f'<TR><TD ALIGN="LEFT"><FONT COLOR="#555555">{_cell(left)}</FONT></TD>'
                    f'<TD ALIGN="RIGHT">{_cell(right)}</TD></TR>'
                )
        table = (
            f'<TABLE BORDER="{style.width}" CELLBORDER="0" CELLSPACING="0" CELLPADDING="4" BGCOLOR="white" '
            f'COLOR="{style.border}" STYLE="{style.line}">{"".join(cells)}</TABLE>'
        )
        self._lines.append(f"{key} [label=<{table}>];")
        return key

    def arrow(self, start: str, end: str, text: str = "", line: str = "solid") -> None:
        """An arrow from one box to another."""
        label = f", label=<{_cell(text)}>" if text else ""
        self._lines.append(f'{start} -> {end} [style="{line}"{label}];')

    @contextmanager
    def group(self, title: str) -> Iterator[None]:
        """Boxes made inside stand in a frame with a title."""
        self._lines.append(
            f'subgraph cluster_{self._groups} {{ label=<{_cell(title)}>; style="rounded"; color="#888888"; '
            'fontsize="11"; labeljust="l";'
        )
        self._groups += 1
        yield
        self._lines.append("}")

    def render(self) -> Picture:
        """Lay out and draw.

        Raises:
            MissingExtraError: without pygraphviz.
            DrawingError: when Graphviz fails or takes longer than two minutes.
        """
        graph = "\n".join([*self._lines, "}"])
        return Picture(_layout(graph).decode("utf-8"), graph)


def require_graphviz() -> None:
    """Check that diagrams can be drawn here, before work is done for one.

    Raises:
        MissingExtraError: without pygraphviz.
    """
    try:
        import pygraphviz  # noqa: F401
    except ImportError as error:
        raise MissingExtraError("drawing graphs needs pygraphviz: pip install 'gradloom[draw]'") from error


def check_path(path: str | os.PathLike[str] | None) -> None:
    """Refuse a name that promises another kind of picture, before work is done for it."""
    if path is not None and os.path.splitext(path)[1].lower() != ".svg":
        raise RangeError(f"diagrams are written as SVG, to a name that ends in .svg; got {os.fspath(path)!r}")


def write_picture(path: str | os.PathLike[str], data: bytes) -> None:
    """Write a file beside its place and rename it, so that a viewer never
    sees half a picture; makes folders.
    """
    target = os.fspath(path)
    os.makedirs(os.path.dirname(target) or ".", exist_ok=True)
    temporary = f"{target}.{os.getpid()}-{os.urandom(4).hex()}.part"
    try:
        with open(temporary, "xb") as file:
            file.write(data)
        os.replace(temporary, target)
    except BaseException:
        if os.path.exists(temporary):
            os.unlink(temporary)
        raise


def _layout(text: str, kind: str = "svg") -> bytes:
    # here alone: a program that draws nothing should not wait for it at import
    import subprocess

    require_graphviz()
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    try:
        done = subprocess.run(
            [sys.executable, "-P", "-W", "ignore", "-c", _CHILD, kind],
            input=text.encode("utf-8"),
            env=environment,
            capture_output=True,
            timeout=PATIENCE,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise DrawingError(
            f"Graphviz did not lay the diagram out in {PATIENCE} seconds; draw fewer boxes"
        ) from error
    if done.returncode or not done.stdout:
        said = done.stderr.decode("utf-8", "replace").strip().splitlines()
        raise DrawingError(
            f"Graphviz failed with exit status {done.returncode}: {' '.join(said[-2:]) or 'no message'}"
        )
    return done.stdout


def _cell(text: str) -> str:
    """Text of anybody as the content of a table cell: one line per line, nothing in it has a meaning."""
    return "<BR/>".join(_line(line) for line in text.split("\n"))


def _line(text: str) -> str:
    visible = "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)
    if len(visible) > LONGEST:
        visible = visible[: LONGEST - 1] + "\N{HORIZONTAL ELLIPSIS}"
    return visible.translate(_ESCAPED) or " "
