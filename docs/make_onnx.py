"""Writes the table of docs/onnx.md: `python docs/make_onnx.py`. ONNX and ONNX Runtime have to be installed.

Each layer and each activation is exported from the models of tests/nn/onnx_rows.py and run by ONNX Runtime with
1, 3 and 7 rows; the table says how far its results are from those of `predict`, at worst.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

TARGET = Path(__file__).with_name("onnx.md")
sys.path[:0] = [str(TARGET.parents[1]), str(TARGET.parents[1] / "tests" / "nn")]
from onnx_rows import LAYERS, Row, activations, differences, model_of  # noqa: E402 - tests are no package

BEGIN, END = "<!-- agreement -->\n", "\n<!-- end of agreement -->"


def titles() -> list[tuple[str, list[Row]]]:
    """The rows of the table: layers, then activations, each with its models."""
    return [*sorted(LAYERS.items()), *((name, [row]) for name, row in sorted(activations().items()))]


def said(rows: list[Row]) -> str:
    """What stands beside a name."""
    if rows[0].refused:
        return "refused: takes texts or tables, on the host"
    worst = max(max(differences(model_of(row), row.x)) for row in rows)
    return f"{worst:.0e}" if worst else "0"


def table() -> str:
    """All rows as Markdown."""
    lines = ["| layer or activation | worst difference |", "|---|---|"]
    return "\n".join([*lines, *(f"| `{title}` | {said(rows)} |" for title, rows in titles())])


if __name__ == "__main__":
    page = TARGET.read_text(encoding="utf-8")
    pattern = re.escape(BEGIN) + ".*?" + re.escape(END)
    TARGET.write_text(
        re.sub(pattern, lambda _: BEGIN + table() + END, page, flags=re.DOTALL), encoding="utf-8"
    )
    print(f"wrote {TARGET}")
