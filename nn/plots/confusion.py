"""The confusion matrix: which class is taken for which."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from typing import Any

from ..data import to_array
from ..errors import ArgumentError, DataError
from .figure import PathLike, check_names, check_path, finish, matplotlib, panels

FEW = 12
"""Up to so many classes cells are large, and zeros are written too."""
WITH_PERCENT = 40
"""Up to so many classes a cell has room for a count and a percentage."""
MOST = 100
"""More classes than this no picture of this size can show."""


def confusion_matrix(
    y_true: Any,
    y_pred: Any,
    classes: Sequence[str] | None = None,
    path: PathLike | None = None,
    axes: Any = None,
    title: str | None = None,
) -> Any:
    """Counts of true class (rows) by predicted class (columns), and the share of
    each row, as shade and percentage.

    Args:
        y_true: class numbers (n,) or (n, 1), or one-hot rows (n, classes).
        y_pred: what `predict` returned: class numbers, probabilities (n, classes), or a probability of
            class 1 (n, 1), which counts as 1 above 0.5.
        classes: the names of classes 0, 1, ...
        path, axes, title: see `nn.plots`. Above 40 classes cells hold the count alone.

    Raises:
        ArgumentError: different lengths, too few names, or more than 100 classes.
        DataError: class numbers with a fraction, or negative.

    >>> from nn import plots
    >>> figure = plots.confusion_matrix([0, 0, 1], [[0.2], [0.7], [0.9]], classes=["no", "yes"])
    >>> [text.get_text() for text in figure.axes[0].texts]
    ['1\\n50 %', '1\\n50 %', '0', '1\\n100 %']
    """
    check_path("confusion_matrix", path, title)
    check_names("confusion_matrix", classes)
    truth, guess = class_numbers(y_true, "y_true"), class_numbers(y_pred, "y_pred")
    if len(truth) != len(guess):
        raise ArgumentError(
            f"y_true has {len(truth)} rows and y_pred has {len(guess)}; they have to be equal"
        )
    if not truth:
        raise DataError("confusion_matrix: no rows")
    count = max(*truth, *guess, len(classes or ()) - 1, 1) + 1
    if count > MOST:
        raise ArgumentError(f"confusion_matrix: {count} classes; at most {MOST} can be shown")
    if classes is not None and len(classes) < count:
        raise ArgumentError(f"classes has {len(classes)} names, and class {count - 1} occurs")
    names = [str(i) for i in range(count)] if classes is None else [str(name) for name in classes]
    counts = Counter(zip(truth, guess, strict=True))
    matrix = [[counts[row, column] for column in range(count)] for row in range(count)]
    side = max(3.6, (0.62 if count <= FEW else 0.42) * count)
    figure, (panel,) = panels(1, axes, (side + 1.6, side + 0.8))
    _draw(figure, panel, matrix, names)
    right = sum(matrix[i][i] for i in range(count))
    summary = f"{right:,} of {len(truth):,} right ({right / len(truth):.1%})"
    panel.set_title(summary, fontsize=10)
    return finish(figure, path, title, axes)


def class_numbers(labels: Any, what: str) -> list[int]:
    """Class numbers from class numbers, one-hot rows, probabilities of
    classes, or a probability of class 1.
    """
    array = to_array(labels, what)
    if array.ndim > 2 or array.ndim == 0:
        raise DataError(f"{what}: expected (n,), (n, 1) or (n, classes), got shape {array.shape}")
    flat: list[Any] = array.reshape(-1).tolist()
    if any(value != value for value in flat):
        raise DataError(f"{what} holds NaN")
    if array.ndim == 2 and array.shape[1] > 1:
        return [int(number) for number in array.argmax(-1)]
    if array.dtype.kind == "f" and what == "y_pred" and all(0 <= value <= 1 for value in flat):
        return [int(value > 0.5) for value in flat]
    if any(not math.isfinite(value) or value < 0 or value % 1 for value in flat):
        raise DataError(f"{what}: class numbers are integers >= 0")
    return [int(value) for value in flat]


def _draw(figure: Any, panel: Any, matrix: list[list[int]], names: Sequence[str]) -> None:
    shares = [[value / sum(row) if sum(row) else 0.0 for value in row] for row in matrix]
    image = panel.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    places = range(len(names))
    long = max(map(len, names)) > 3 and len(names) > 3
    panel.set_xticks(places, names, rotation=90 if long else 0, fontsize=9)
    panel.set_yticks(places, names, fontsize=9)
    panel.set(xlabel="predicted class", ylabel="true class")
    size = 8.5 if len(names) <= FEW else 6
    for i in places:
        for j in places:
            count, share = matrix[i][j], shares[i][j]
            if not count and len(names) > FEW:
                continue
            percent = f"\n{100 * share:.0f} %" if count and len(names) <= WITH_PERCENT else ""
            colour = "white" if share > 0.5 else "black" if count else "#999999"
            style = dict(color=colour, fontsize=size, fontweight="bold" if i == j else "normal")
            panel.text(j, i, f"{count:,}{percent}", ha="center", va="center", **style)
    percents = matplotlib().ticker.PercentFormatter(1, 0, " %")
    bar = figure.colorbar(image, ax=panel, fraction=0.046, pad=0.04, format=percents)
    bar.set_label("share of the true class")
