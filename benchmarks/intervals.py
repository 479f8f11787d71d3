"""Medians and how sure they are: bootstrap intervals, and the exponent of a power law."""

from __future__ import annotations

import math
import random
import statistics
from collections.abc import Sequence

DRAWS = 4000
CONFIDENCE = 0.95


def ratio_interval(new: Sequence[float], old: Sequence[float]) -> tuple[float, float, float]:
    """(ratio of the medians new / old, and the ends of its 95 % interval), by the percentile bootstrap.

    Rounds are drawn again with replacement on each side (Efron and Tibshirani 1993, chapter 13); the draws are the same
    at every call.
    """
    draw = random.Random(0)
    ratios = sorted(
        statistics.median(draw.choices(new, k=len(new))) / statistics.median(draw.choices(old, k=len(old)))
        for _ in range(DRAWS)
    )
    cut = int(DRAWS * (1 - CONFIDENCE) / 2)
    return statistics.median(new) / statistics.median(old), ratios[cut], ratios[DRAWS - 1 - cut]


def exponent(points: Sequence[tuple[float, float]]) -> float:
    """The slope of log y over log x by least squares: what y grows with; NaN for less than two places."""
    logs = [(math.log(x), math.log(y)) for x, y in points if x > 0 and y > 0]
    if len({x for x, _ in logs}) < 2:
        return math.nan
    slope: float = statistics.linear_regression(*zip(*logs, strict=True)).slope
    return slope
