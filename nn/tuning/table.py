"""Results as text: columns as wide as they need to be, numbers to the right."""

from __future__ import annotations

from collections.abc import Sequence

from .space import show


def text_table(header: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """A line per row under a header and a rule.

    >>> print(text_table(["units", "state"], [[4, "complete"], [16, None]]))
    units  state
    -----  --------
        4  complete
       16
    """
    cells = [["" if value is None else show(value) for value in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(header, *cells)]
    numeric = [all(isinstance(row[i], (int, float, type(None))) for row in rows) for i in range(len(header))]
    lines = [list(header), ["-" * width for width in widths], *cells]
    return "\n".join(
        "  ".join(
            cell.rjust(width) if right else cell.ljust(width)
            for cell, width, right in zip(line, widths, numeric)
        ).rstrip()
        for line in lines
    )
