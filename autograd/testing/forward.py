"""Is what forward mode claims right? A change of every element of the value along one direction.

Many elements are judged together first, then ever fewer, as for gradients; where a slope is infinite
or absent each element stands alone.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .examine import MOST_PARTS, Finding, Point, in_parts
from .judge import DIFFERS, KINK, ROUGH, UNDECIDED

NDArray = np.ndarray[Any, Any]


def examine_change(point: Point, direction: NDArray, change: NDArray, weights: NDArray) -> Finding | None:
    """The finding that speaks against `change`, claimed to be that of
    the value along `direction`, or None.
    """
    if not np.isfinite(change).all():
        return _change_by_element(point, direction, change.ravel(), weights.ravel())
    flat = change.ravel()

    def finding(part: NDArray) -> Finding:
        chosen = np.zeros(flat.shape)
        chosen[part] = np.where(flat[part] < 0, -1.0, 1.0) * np.abs(weights.ravel()[part])
        name = "random direction"
        found = point.try_along(direction, chosen * flat, chosen.reshape(change.shape), name)
        if found.verdict.outcome == ROUGH:
            # ties as near as the tiny elements are to 0 cannot be told apart
            alone = UNDECIDED if point.small_sizes.size else DIFFERS
            return found.now(alone if part.size == 1 else KINK)
        return found

    return in_parts(np.arange(flat.size), finding, point.generator)


def _change_by_element(point: Point, direction: NDArray, change: NDArray, weights: NDArray) -> Finding | None:
    """Judge each element of the value by itself, so that an infinite or
    absent slope spoils no other's verdict.
    """
    undecided = None
    for place in point.generator.permutation(change.size)[:MOST_PARTS]:
        alone, weight = point.of_output(int(place)), np.abs(weights[[place]])
        found = alone.try_along(direction, weight * change[[place]], weight, "random direction")
        if found.verdict.outcome in (DIFFERS, ROUGH):
            return found.now(DIFFERS)
        if found.verdict.outcome == UNDECIDED:
            undecided = undecided or found
    return undecided
