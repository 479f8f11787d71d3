"""Which directions a gradient is tried along, and how one kink is kept from hiding what is wrong beside it.

First all elements at once: along a random direction, and along one where every term of the claim is
positive, so that nothing cancels. Where that meets a kink the interval between the slopes may be
wide; then ever smaller parts of the inputs are tried, until the kinks are alone and the smooth rest
has been judged strictly. The parts are elements, and also groups of equal elements that move
together, along which the largest of equals is smooth.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from typing import Any, NamedTuple

import numpy as np

from .judge import AGREES, DIFFERS, KINK, LEAST, ROUGH, UNDECIDED, Claim, Verdict, judge
from .slopes import CENTRAL_STEPS, EPSILON, Line

NDArray = np.ndarray[Any, Any]
MOST_PARTS = 96
"""How many parts of a kinked input are tried; a random choice where that is not enough."""
_LARGEST_PART = 64
_NEIGHBOURS = 24


class Finding(NamedTuple):
    """A verdict, with the claim and the direction that led to it."""

    verdict: Verdict
    claim: float
    kind: str
    direction: NDArray

    def now(self, outcome: str) -> Finding:
        """The same numbers with another outcome."""
        return self._replace(verdict=self.verdict._replace(outcome=outcome))


class Point:
    """A function at one point, as the checks see it: all floating inputs that may move, laid end to end.

    Args:
        f: from arrays to the value, in float64.
        arrays: the inputs, floating ones in float64.
        group: which of them move.
        tolerance: relative, of a claim.
        epsilon: of the dtype in which claims are computed.
        generator: of directions.
        hidden_size: of intermediate results, of which less than their rounding may be left in the value.
    """

    def __init__(
        self,
        f: Callable[[Sequence[NDArray]], NDArray],
        arrays: Sequence[NDArray],
        group: tuple[int, ...],
        tolerance: float,
        epsilon: float,
        generator: np.random.Generator,
        hidden_size: float = 0.0,
    ) -> None:
        self.f = f
        self.hidden_size = hidden_size
        self.arrays = list(arrays)
        self.group = group
        self.tolerance = tolerance
        self.epsilon = epsilon
        self.generator = generator
        self.x = np.concatenate([self.arrays[i].ravel() for i in group])
        self.movable = np.isfinite(self.x)
        size = np.abs(np.where(self.movable, self.x, 1.0))
        self.scale = np.maximum(size, 1.0)
        self.own_scale = np.where(size > 0, size, 1.0)
        # steps of the size of 1 say nothing of a function that bends within a tiny x, nor steps of the size
        # of a large x of one that oscillates; such elements have another scale to try
        self.tiny = self.own_scale < 0.02
        self.large = size > 20
        self.suspect = self.tiny | self.large
        self.other_scale = np.where(self.tiny, np.maximum(self.own_scale, 1e-305), 1.0)
        sizes = np.concatenate([np.abs(a).ravel() for a in self.arrays if a.dtype.kind == "f"])
        self.small_sizes = np.unique(sizes[(sizes > 0) & (sizes < 0.02)])
        # terms of the size of large inputs, and quotients of a gradient by tiny ones, may have cancelled on
        # the way
        most = float(sizes[np.isfinite(sizes)].max(initial=0.0))
        # every element moves by its own size, zeros by that of the smallest
        smallest = float(self.small_sizes.min(initial=1.0))
        self.fine_scale = np.where(size > 0, size, smallest)
        least = float(self.small_sizes.min(initial=1.0)) if hidden_size else 1.0
        cancelled = (most if most > 20 else 0.0) + (1 / max(least, 1e-300) if least < 0.02 else 0.0)
        self.doubt = 32 * EPSILON / CENTRAL_STEPS[0] * cancelled
        self.value = np.asarray(f(self.arrays), np.float64)

    def moved(self, shift: NDArray) -> NDArray:
        """The value at x + shift."""
        arrays, start, x = list(self.arrays), 0, self.x + shift
        for i in self.group:
            shape, stop = self.arrays[i].shape, start + self.arrays[i].size
            arrays[i] = x[start:stop].reshape(shape)
            start = stop
        return self.f(arrays)

    def of_output(self, place: int) -> Point:
        """The same point of a function that gives one element of the value alone."""
        narrowed = copy.copy(self)
        narrowed.f = lambda arrays: self.f(arrays).ravel()[[place]]
        narrowed.value = self.value.ravel()[[place]]
        return narrowed

    def line(self, direction: NDArray, weights: NDArray, scale: float, at: NDArray | None = None) -> Line:
        moving = direction != 0
        # x + t d is rounded like x
        coarse = float((np.abs(self.x[moving]) / np.abs(direction[moving])).max(initial=1.0))
        start = 0.0 if at is None else at
        return Line(lambda t: self.moved(start + t * direction), weights, scale * coarse)

    def random(self) -> NDArray:
        """A direction of the size of x, or of 1, and with no element near 0."""
        return self.scale * self.signs() * self.generator.uniform(0.5, 1.5, self.x.shape)

    def signs(self) -> NDArray:
        return np.where(self.generator.random(self.x.shape) < 0.5, -1.0, 1.0)

    def try_along(self, direction: NDArray, terms: NDArray, weights: NDArray, kind: str) -> Finding:
        """Hold the claim `terms.sum()` against the slope of `weights * f` along `direction`."""
        claim = float(terms.sum())
        spread = size_of(terms)
        floor = cache(lambda: self.hidden(direction, weights))
        line = self.line(direction, weights, max(abs(claim), spread))
        verdict = judge(
            line,
            Claim(claim, spread, self.tolerance, self.epsilon, floor),
            lambda distance: self._neighbours(direction, weights, line.scale, distance),
            1e-300 if not self.x[direction != 0].any() else 8 * EPSILON,
        )
        return Finding(verdict, claim, kind, direction)

    def hidden(self, direction: NDArray, weights: NDArray) -> float:
        """The rounding of those values that depend on what moves, found by moving it far."""
        depend = np.zeros(self.value.shape, bool)
        for place in (-0.7, 0.4, 1.3, 1e150, -1e150, math.nan):
            far = np.where(direction != 0, place * (1 + np.arange(self.x.size) % 3) - self.x, 0.0)
            # not equal: NaN counts as moved
            depend |= ~(self.moved(far) == self.value)
        unit = max(256 * self.epsilon, 32 * EPSILON / CENTRAL_STEPS[0])
        return unit * (float(np.abs(self.value * weights)[depend].sum()) + self.hidden_size)

    def _neighbours(
        self, direction: NDArray, weights: NDArray, scale: float, distance: float
    ) -> Iterator[tuple[Line, float]]:
        """Lines through points next to x, in a rising and a falling order of
        the elements and at random; steps.
        """
        ramp = np.linspace(0.5, 1.5, self.x.size)
        shifts = [ramp, -ramp]
        shifts += [self.signs() * self.generator.uniform(0.1, 1.5, self.x.shape) for _ in range(_NEIGHBOURS)]
        moving = direction != 0
        reach = np.minimum(self.own_scale, 1.0)
        step = distance / 50 * float((reach / self.scale)[moving].min(initial=1.0))
        if step < 1e-200:
            return
        for shift in shifts:
            at = np.where(self.movable, distance * reach * shift, 0.0)
            line = self.line(direction, weights, 0.0, at)
            line.scale = scale
            yield line, step


def size_of(terms: NDArray) -> float:
    """The root of the sum of squares, without overflow."""
    largest = float(np.abs(terms).max(initial=0.0))
    if largest == 0 or not math.isfinite(largest):
        return largest
    return largest * float(np.sqrt(np.square(terms / largest).sum()))


def examine_gradient(point: Point, gradient: NDArray, weights: NDArray) -> Finding | None:
    """The finding that speaks against `gradient` (of `sum(weights * f)`, flat), or None."""
    found = _against(point, gradient, weights)
    if found is not None and found.verdict.outcome == DIFFERS:
        gap = max(found.verdict.low - found.claim, found.claim - found.verdict.high)
        if gap <= point.doubt * float(np.abs(weights).max(initial=0.0)):
            return found.now(UNDECIDED)
    return found


def _against(point: Point, gradient: NDArray, weights: NDArray) -> Finding | None:
    if (finding := _infinite_elements(point, gradient, weights)) is not None:
        return finding
    usable = point.movable & np.isfinite(gradient)
    exact = np.where(usable, gradient, 0.0)
    random = np.where(usable, point.random(), 0.0)
    uphill = np.where(exact < 0, -1.0, 1.0) * np.abs(np.where(usable, point.random(), 0.0))
    kinked = False
    for kind, direction in (("random", random), ("uphill", uphill)):
        finding = point.try_along(direction, exact * direction, weights, f"{kind} direction")
        if finding.verdict.outcome == DIFFERS and not point.suspect[usable].any():
            return finding
        kinked |= finding.verdict.outcome != AGREES
    return _gradient_in_parts(point, exact, usable, weights) if kinked else None


def _infinite_elements(point: Point, gradient: NDArray, weights: NDArray) -> Finding | None:
    """Judge each element that is claimed to be infinite or NaN by itself; a bounded number of them."""
    places = np.flatnonzero(point.movable & ~np.isfinite(gradient))
    for place in point.generator.permutation(places)[:MOST_PARTS]:
        alone = np.arange(point.x.size) == place
        finding = _judge_part(
            point, np.where(alone, gradient, 0.0), alone * 1.0, np.arange(point.x.size), weights, "elements"
        )
        if finding.verdict.outcome not in (AGREES, KINK):
            # what is divided by a subnormal number overflows
            return finding.now(UNDECIDED) if point.own_scale[place] < LEAST else finding
    return None


def _gradient_in_parts(point: Point, gradient: NDArray, usable: NDArray, weights: NDArray) -> Finding | None:
    values, together = np.unique(point.x, return_inverse=True)
    groupings = [("equal elements together", together), ("elements", np.arange(point.x.size))]
    for kind, labels in groupings[0 if values.size < point.x.size else 1 :]:
        sizes = point.generator.uniform(0.5, 1.5, point.x.size)[labels]

        def finding(part: NDArray, of: NDArray = labels, by: NDArray = sizes, kind: str = kind) -> Finding:
            members = usable & np.isin(of, part)
            return _judge_part(point, np.where(members, gradient * by, 0.0), members * by, of, weights, kind)

        wrong = in_parts(np.unique(labels[usable]), finding, point.generator)
        if wrong is not None:
            return wrong
    return None


def _judge_part(
    point: Point, gradient: NDArray, sizes: NDArray, labels: NDArray, weights: NDArray, kind: str
) -> Finding:
    """Move some elements, those of one label alike and each label to where its claim is positive."""
    members = sizes != 0
    count = np.count_nonzero(members)
    name = "direction of one element" if count == 1 else f"direction of {count} {kind}"

    def along(scale: NDArray) -> Finding:
        terms = gradient * scale
        signs = np.where(np.bincount(labels, terms)[labels] < 0, -1.0, 1.0)
        return point.try_along(signs * sizes * scale, terms * signs, weights, name)

    found = along(point.scale)
    several = np.unique(labels[members]).size > 1
    if found.verdict.outcome == ROUGH:
        # equal elements may each be right where they are not together
        alone = not several and kind == "elements"
        wrong = alone and not _fits_each_output(point, found, weights)
        found = found.now(DIFFERS if wrong else KINK)
    # a large element may oscillate so that it seems to be vertical
    wild = np.isinf([found.verdict.low, found.verdict.high]).any() and point.large[members].any()
    if wild and not several:
        found = found.now(UNDECIDED)
    if found.verdict.outcome in (AGREES, KINK) or not (point.suspect.any() or point.small_sizes.size):
        return found
    if several:
        return found.now(UNDECIDED)
    if _agrees_closely(point, sizes * point.scale, float((gradient * point.scale).sum()), weights):
        return found.now(KINK)
    kink = found.verdict.high - found.verdict.low > found.verdict.allowed
    if kink and (point.small_sizes < LEAST).any():
        # nothing is nearer than a subnormal number
        return found.now(UNDECIDED)
    if not point.suspect[members].any():
        return found
    return _of_two_scales(point, members, found, along(point.other_scale))


def _of_two_scales(point: Point, members: NDArray, found: Finding, near: Finding) -> Finding:
    """Which verdict on one element counts: `found`, by steps of its natural
    size, or `near`, by those of another.
    """
    if near.verdict.outcome == UNDECIDED:
        return near
    near = near.now(DIFFERS) if near.verdict.outcome == ROUGH else near
    scale, tiny = point.other_scale[members][0], bool(point.tiny[members].all())
    bounds = np.array([near.verdict.low, near.verdict.high])
    slope = found.verdict.low * float(scale / point.scale[members][0])
    size = max(abs(near.claim), abs(slope) if math.isfinite(slope) else 0.0)
    sharp = near.verdict.allowed <= 1e-3 * size and np.isfinite(bounds).all()
    vertical = tiny and np.isinf([found.verdict.low, found.verdict.high]).any()
    overflow = near.verdict.outcome == DIFFERS and np.isinf(bounds / scale).any()
    if not sharp and (vertical or overflow):
        # steep on the way to an edge that is nearer than any step, or too steep for a number
        return near.now(UNDECIDED)
    if sharp or found.verdict.outcome == UNDECIDED:
        return near
    # the other steps see too little to judge the claim; enough, perhaps, to see that nothing oscillates
    resolved = float(np.abs(point.x[members]).max()) < 1e10 and math.isfinite(slope)
    steady = resolved and abs(slope - near.verdict.low) <= 0.01 * abs(slope)
    return found if steady or tiny else found.now(UNDECIDED)


def _fits_each_output(point: Point, found: Finding, weights: NDArray) -> bool:
    """Whether the claim is a sum of slopes that each element of the value may have,
    kinks of one apart from another's.

    An element that is the largest in two windows, tied in both, may be chosen in one of them alone.
    """
    ends = [point.moved(step * found.direction) for step in (-CENTRAL_STEPS[0], CENTRAL_STEPS[0])]
    moving = np.flatnonzero(((ends[0] != point.value) | (ends[1] != point.value)) & (weights != 0))
    if moving.size > MOST_PARTS:
        return False
    low = high = 0.0
    for place in moving:
        alone = point.of_output(int(place))
        line = alone.line(found.direction, weights.ravel()[[place]], 0.0)
        slopes = [side.value for side in (line.one_sided(-1), line.one_sided(1)) if side is not None]
        if not slopes:
            return False
        low, high = low + min(slopes), high + max(slopes)
    return low - found.verdict.allowed <= found.claim <= high + found.verdict.allowed


def _agrees_closely(point: Point, direction: NDArray, claim: float, weights: NDArray) -> bool:
    """Whether the claim is a slope within the distance to another element
    so tiny that it looked like a tie.
    """
    for size in point.small_sizes[:4]:
        line, step = point.line(direction, weights, 0.0), max(1e-3 * size, 1e-300)
        slopes = [line.central(step), line.side(-step), line.side(step)]
        values = [s.value for s in slopes if s is not None and s.noise <= 1e-4 * abs(claim)]
        slack = 1e-4 * abs(claim)
        if values and min(values) - slack <= claim <= max(values) + slack:
            return True
    return False


def in_parts(
    labels: NDArray, finding: Callable[[NDArray], Finding], generator: np.random.Generator
) -> Finding | None:
    """Halve the set of labels until every part is smooth or a single label; the finding against one, or None.

    A single label that stays undecided is reported when nothing is found to be wrong.
    """
    undecided = None
    # not so large that a thousandth of one element could hide
    count = min(-(-labels.size // _LARGEST_PART), MOST_PARTS // 2)
    waiting = list(np.array_split(generator.permutation(labels), count)) if labels.size else []
    for _ in range(MOST_PARTS):
        if not waiting:
            break
        part = waiting.pop(int(generator.integers(len(waiting))))
        found = finding(part)
        if found.verdict.outcome == DIFFERS:
            return found
        if found.verdict.outcome != AGREES and part.size > 1:
            waiting += [part[: part.size // 2], part[part.size // 2 :]]
        elif found.verdict.outcome == UNDECIDED:
            undecided = undecided or found
    return undecided


def noise_floor(point: Point, weights: NDArray) -> float:
    """How far rounding alone may carry two ways of computing the same derivative apart."""
    size = 256 * point.epsilon * float((np.abs(point.value * weights)).sum() + point.hidden_size)
    return size / min(1.0, float(point.own_scale.min(initial=1.0)))


def split(flat: NDArray, shapes: Sequence[tuple[int, ...]]) -> list[NDArray]:
    """Arrays of these shapes out of numbers laid end to end."""
    ends = np.cumsum([int(np.prod(shape, dtype=int)) for shape in shapes])[:-1]
    return [part.reshape(shape) for part, shape in zip(np.split(flat, ends), shapes, strict=True)]
