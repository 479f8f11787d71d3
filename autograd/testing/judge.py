"""Does a claimed directional derivative agree with the function? One line, one number, one verdict.

Where the slopes to the left and right of x are equal the claim must equal them. Where they differ it must
lie in the closed interval between them; and where even that is no help, because near x the slope along
the line takes values that it has on no side of x itself (the middle one of three equal elements), among
the slopes that points next to x have. Only evidence that two estimates confirm convicts; where the
numbers say nothing the verdict is "undecided".
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from .slopes import CENTRAL_STEPS, Estimate, Line

AGREES, KINK, DIFFERS, ROUGH, UNDECIDED = "agrees", "kink", "differs", "rough", "undecided"
"""ROUGH: the claim is not among the slopes, but slopes differ near x; of
several elements each may still be right.
"""
NEARBY = (1e-4, 1e-6)
"""How far away points still count as next to x, in units of the scale of x."""
_ENOUGH = 8
"""Points next to x that must agree before the rest is not looked at."""
LEAST = 1e-305
"""Below this, numbers have fewer digits."""
_TRUST = 1e-4
"""How much of a slope extrapolation may be unsure of: so little that an error of 0.1 % never fits."""


class Verdict(NamedTuple):
    """`outcome`, and the slopes that the claim was held against: an interval, or one number twice."""

    outcome: str
    low: float
    high: float
    allowed: float


class Claim(NamedTuple):
    """A claimed derivative along a line; `scale` is the size of the terms that it is the sum of.

    `tolerance` is relative to that. `epsilon` is that of the dtype of the claim: terms that cancel leave so
    much of the values behind. `floor()` is what they leave where rounding hides that values move at all.
    """

    value: float
    scale: float
    tolerance: float
    epsilon: float
    floor: Callable[[], float]

    def allowed(self, estimate: Estimate) -> float:
        """How far the claim may be from an estimate."""
        size = max(abs(self.value), self.scale, abs(estimate.value))
        if not math.isfinite(size):
            return 0.0
        change = min(estimate.change, _TRUST * max(abs(estimate.value), abs(self.value)))
        return self.tolerance * size + change + estimate.noise + 64 * self.epsilon * estimate.size + LEAST

    def equals(self, estimate: Estimate) -> bool:
        if math.isinf(estimate.value):
            return self.value == estimate.value
        gap, allowed = abs(self.value - estimate.value), self.allowed(estimate)
        return gap <= allowed or gap <= allowed + self.floor()


def judge(
    line: Line,
    claim: Claim,
    nearby: Callable[[float], Iterable[tuple[Line, float]]],
    smallest: float,
) -> Verdict:
    """The verdict on `claim`. `nearby(distance)` gives lines of the same direction through points next to
    x, and steps; `smallest` is the least step that moves x.
    """
    if math.isnan(claim.value):
        return _no_number(line)
    best = line.central(CENTRAL_STEPS[0])
    if best is not None and claim.equals(best):
        return _agreement(claim, best)
    verdict = _between(claim, line.one_sided(-1), line.one_sided(1))
    if verdict is not None and verdict.outcome in (AGREES, KINK):
        return verdict
    for step in CENTRAL_STEPS[1:]:
        estimate = line.central(step)
        if estimate is not None and (best is None or estimate.error < best.error):
            best = estimate
            if claim.equals(best):
                return _agreement(claim, best)
    left, right = line.one_sided(-1, thorough=True), line.one_sided(1, thorough=True)
    verdict = _between(claim, left, right)
    if verdict is None:
        return Verdict(UNDECIDED, math.nan, math.nan, math.nan)
    if verdict.outcome != DIFFERS:
        return verdict
    apart, inside = _among_neighbours(claim, nearby)
    if apart and inside:
        return verdict._replace(outcome=KINK)
    edge = left is None or right is None or math.isinf(claim.value)
    if edge and line.jumps():
        return verdict._replace(outcome=UNDECIDED)
    if math.isfinite(verdict.high - verdict.low) and line.has_fine_structure(smallest):
        return verdict._replace(outcome=UNDECIDED)
    if apart or verdict.high - verdict.low > verdict.allowed:
        return verdict._replace(outcome=ROUGH)
    return verdict


def _no_number(line: Line) -> Verdict:
    """NaN is wrong wherever there is a slope."""
    sides = [s.value for s in (line.one_sided(-1), line.one_sided(1)) if s is not None]
    if not sides:
        return Verdict(UNDECIDED, math.nan, math.nan, math.nan)
    return Verdict(DIFFERS, min(sides), max(sides), 0.0)


def _agreement(claim: Claim, estimate: Estimate) -> Verdict:
    return Verdict(AGREES, estimate.value, estimate.value, claim.allowed(estimate))


def _between(claim: Claim, left: Estimate | None, right: Estimate | None) -> Verdict | None:
    """The verdict of one-sided slopes; a side without values has no say."""
    sides = [side for side in (left, right) if side is not None]
    if not sides:
        return None
    low, high = min(sides, key=_value), max(sides, key=_value)
    below, above = claim.allowed(low) + claim.floor(), claim.allowed(high) + claim.floor()
    allowed = max(below, above)
    if low.value - below <= claim.value <= high.value + above:
        same = len(sides) == 2 and high.value - low.value <= below + above
        return Verdict(AGREES if same else KINK, low.value, high.value, allowed)
    gap = max(low.value - claim.value, claim.value - high.value)
    sure = all(
        side.error < 0.25 * gap and side.change <= 0.05 * abs(side.value) + side.noise for side in sides
    )
    return Verdict(DIFFERS if sure else UNDECIDED, low.value, high.value, allowed)


def _value(estimate: Estimate) -> float:
    return estimate.value


def _among_neighbours(
    claim: Claim, nearby: Callable[[float], Iterable[tuple[Line, float]]]
) -> tuple[bool, bool]:
    """(slopes next to x differ from each other, however near; the claim is among them)."""
    every_apart = every_inside = True
    for distance in NEARBY:
        clean: list[Estimate] = []
        for number, (line, step) in enumerate(nearby(distance)):
            agreed = number == _ENOUGH and not _are_apart(claim, clean)
            # all that agree with the claim may by chance lie on the one side where it holds
            if agreed and not any(claim.equals(slope) for slope in clean):
                return False, False
            estimate = line.central(step)
            # a jump between the points of one difference is no slope
            if estimate is not None and estimate.change <= estimate.noise + 1e-3 * max(
                abs(estimate.value), claim.scale
            ):
                clean.append(estimate)
        if len(clean) < 2:
            return False, False
        low, high = min(clean, key=_value), max(clean, key=_value)
        below, above = low.value - claim.allowed(low), high.value + claim.allowed(high)
        every_apart &= _are_apart(claim, clean)
        every_inside &= below <= claim.value <= above
    return every_apart, every_inside


def _are_apart(claim: Claim, slopes: Sequence[Estimate]) -> bool:
    if len(slopes) < 2:
        return True
    low, high = min(slopes, key=_value), max(slopes, key=_value)
    return high.value - low.value > low.noise + high.noise + 1e-3 * claim.scale
