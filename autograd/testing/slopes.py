"""Numerical derivatives along a line: central, from one side alone, and those of points near by.

A `Line` is t -> f(x + t d), weighted. Its central slope is extrapolated from three steps (Richardson), which
leaves about ten digits. The slopes to the left and to the right are read off points on that side only, never
off f(x), so that a jump at x gives the slopes beside it instead of an infinite one. Every estimate carries
what rounding and extrapolation may have left in it. Nothing here knows of gradients.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

NDArray = np.ndarray[Any, Any]

CENTRAL_STEPS = (2e-3, 2e-4, 2e-5, 2e-6)
"""Small enough to stay on one side of a kink 0.05 away; the later ones
are for functions that bend sharply.
"""
SIDE_STEPS = (1e-3, 1e-4, 1e-5, 1e-6, 1e-7)
EPSILON = float(np.finfo(np.float64).eps)
_SIDE_5 = (-77 / 12, 107 / 6, -39 / 2, 61 / 6, -25 / 12)
_SIDE_4 = (-13 / 3, 19 / 2, -7.0, 11 / 6)


class Estimate(NamedTuple):
    """A derivative: its value, what extrapolation changed last, and the noise that rounding leaves in it.

    `size` is the sum of the weighted values that moved between the points.
    """

    value: float
    change: float
    noise: float
    size: float

    @property
    def error(self) -> float:
        return self.change + self.noise


class Line:
    """t -> f(x + t d) as an array, and the derivative of its weighted sum.

    `scale` is the size of the slope that is expected: rounding of x + t d shifts the points by a share of it.
    """

    def __init__(self, f: Callable[[float], NDArray], weights: NDArray, scale: float) -> None:
        self.f = f
        self.weights = weights
        self.scale = scale if math.isfinite(scale) else 0.0
        # grows from large steps to small ones: what moved once is rounded also where it seems to stand still
        self.size = 0.0

    def central(self, h: float) -> Estimate | None:
        """The slope at 0 from three pairs of points; None where a value is not finite."""
        raw = []
        for step in (h, h / 2, h / 4):
            plus, minus = self.f(step), self.f(-step)
            # differences before weights: equal parts of the result cancel exactly
            difference = plus - minus
            raw.append(float((difference * self.weights).sum()) / (2 * step))
            if step == h:
                self._note(difference, plus)
        once = ((4 * raw[1] - raw[0]) / 3, (4 * raw[2] - raw[1]) / 3)
        twice = (16 * once[1] - once[0]) / 15
        if not math.isfinite(twice):
            return None
        noise = 32 * EPSILON * (self.size + self.scale) / h
        return Estimate(twice, abs(twice - once[1]), noise, self.size)

    def side(self, h: float) -> Estimate | None:
        """The slope at 0 from the points h, 2h ... 5h (h < 0: to the
        left); None where a value is not finite.
        """
        values = [self.f(k * h) for k in range(1, 6)]
        differences = [float(((v - values[0]) * self.weights).sum()) for v in values]
        five = sum(c * d for c, d in zip(_SIDE_5, differences, strict=True)) / h
        four = sum(c * d for c, d in zip(_SIDE_4, differences[:4], strict=True)) / h
        if not math.isfinite(five):
            return None
        self._note(values[4] - values[0], values[4])
        noise = 64 * EPSILON * (self.size + self.scale) / abs(h)
        return Estimate(five, abs(five - four), noise, self.size)

    def _note(self, difference: NDArray, value: NDArray) -> None:
        """Measure what rounding could disturb: the weighted values of those outputs that move at all."""
        size = float(np.abs(value * self.weights)[difference != 0].sum())
        self.size = max(self.size, size)

    def jumps(self) -> bool:
        """Whether the value at 0 is apart from those beside it, on a side where there are any."""
        here = self.f(0.0)
        for sign in (-1, 1):
            far, near = (abs(float(((self.f(sign * h) - here) * self.weights).sum())) for h in (1e-5, 1e-12))
            if near > 0.5 * far > 0:
                return True
        return False

    def has_fine_structure(self, smallest: float) -> bool:
        """Whether what looks like a jump beside 0 is a slope too steep for the steps, down to `smallest`."""
        here = self.f(0.0)
        for sign in (-1, 1):
            far, near, nearest = (
                abs(float(((self.f(sign * h) - here) * self.weights).sum())) for h in (1e-5, 1e-7, smallest)
            )
            if near > 0.1 * far and nearest < 0.5 * near:
                return True
        return False

    def one_sided(self, sign: int, thorough: bool = False) -> Estimate | None:
        """The best slope from one side, infinite where it grows without
        bound, None where there are no values.

        `thorough` lets two steps confirm each other, for a verdict that has consequences.
        """
        found: list[Estimate] = []
        for step in SIDE_STEPS:
            estimate = self.side(sign * step)
            if estimate is None:
                continue
            found.append(estimate)
            goal = 1e-7 * max(abs(estimate.value), self.scale)
            if estimate.error <= goal and not (thorough and len(found) < 2):
                break
        if not found:
            return None
        found.sort(key=lambda estimate: estimate.error)
        best = found[0]
        unsure = best.change > 1e-4 * abs(best.value)
        if unsure and (grown := self._growth(sign)):
            return Estimate(grown * math.inf, 0.0, 0.0, best.size)
        if thorough and len(found) > 1:
            scatter = abs(best.value - found[1].value) - found[1].noise
            best = best._replace(change=max(best.change, scatter))
        return best

    def _growth(self, sign: int) -> int:
        """+1 or -1 where difference quotients on one side grow without bound in that direction, else 0."""
        quotients, steps = [], (1e-3, 1e-5, 1e-7, 1e-9)
        for h in steps:
            difference = (self.f(2 * sign * h) - self.f(sign * h)) * self.weights
            quotients.append(float(difference.sum()) / (sign * h))
        changes = np.diff(quotients)
        # rounding grows like that too, but no further than this
        if not (np.abs(changes) > 64 * EPSILON * self.size / np.array(steps[1:])).all():
            return 0
        if not np.isfinite(changes).all() or not (np.abs(changes) > 0).all():
            return 0
        steady = np.abs(changes[1:]) >= 0.5 * np.abs(changes[:-1])
        return int(np.sign(changes[0])) if steady.all() and abs(np.sign(changes).sum()) == 3 else 0
