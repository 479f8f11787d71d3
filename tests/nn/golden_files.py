"""Golden texts: what a small training step is made of, kept in files, so that a diff shows what a change does.

GRADLOOM_RENEW=1 writes the files anew; then read their diff.
"""

from __future__ import annotations

import difflib
import os
from pathlib import Path

import autograd as ag
import nn

FOLDER = Path(__file__).parent / "golden"


def golden_mlp():
    """(model, x, y) of the step in the files."""
    model = nn.MLP(hidden=(4,), outputs=3, dropout=0.2, output_activation="softmax")
    sgd = nn.SGD(0.05, momentum=0.9)
    model.compile(sgd, "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model, ag.zeros((8, 5)), ag.zeros(8, "int64")


def is_golden(name, text):
    """Whether `text` is that of the file; if not, the test fails and shows the difference."""
    path = FOLDER / f"{name}.txt"
    if os.environ.get("GRADLOOM_RENEW") == "1":
        path.write_text(text, encoding="utf-8")
    lines = difflib.unified_diff(
        path.read_text(encoding="utf-8").splitlines(),
        text.splitlines(),
        "golden",
        "now",
        lineterm="",
    )
    difference = "\n".join(lines)
    if difference:
        raise AssertionError(
            f"{path.name} has changed:\n{difference}\n"
            "If that is meant, run this test with GRADLOOM_RENEW=1 and commit the new file."
        )
