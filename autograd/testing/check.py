"""Is a gradient right? Decided by differences in float64, along directions rather than element by element.

For a direction d and weights w, the derivative of t -> sum(w f(x + t d)) at 0 is a single number, which
backward knows as sum(gradient * d). `slopes` measures it without a look at the gradient rules, `judge`
compares the two, `examine` chooses the directions. Here the parts of a check are put together: shapes and
dtypes, differences, reverse mode against forward mode, linearity in the weights, unharmed inputs, and the
same for the gradient as a function.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from .examine import Finding, Point, examine_gradient, noise_floor, size_of, split
from .forward import examine_change
from .judge import LEAST, UNDECIDED
from .report import Call, GradientMismatch, Undecided, short
from .subject import Subject, TensorSubject, VjpSubject, subject_of

NDArray = np.ndarray[Any, Any]

_TOLERANCE = {"float64": 1e-6, "float32": 3e-4}


def check_grad(f: Any, *inputs: Any, order: int = 1, dtype: Any = "float64", seed: int = 0) -> None:
    """Raise GradientMismatch unless the gradients claimed for `f` are right.

    Every floating input is tried alone, then all of them together. A gradient must have the shape and dtype
    of its input, agree with differences, with forward mode (`sum(w * push(d)) == sum(pull(w) * d)`), be
    linear in the weights of the result, and leave the inputs as they were.

    At a kink, where the slopes on the two sides of the inputs differ, the claim must lie in the closed
    interval between them (or among the slopes of points next to it); parts of the inputs are then tried
    alone, so that a kink hides nothing beside it. The second order of a kink is held against the
    one-sided slopes of the gradient, taken as a function of the inputs: its jump at the kink itself is no
    slope, the slopes beside the jump are.

    Elements of inputs that are NaN or infinite are not judged. A gradient that is claimed to be infinite is
    right where the slope on one side grows without bound.

    Args:
        f: a function of tensors that returns a tensor of any shape, or a `Subject`.
        inputs: arrays, tensors, lists or numbers. Integers and booleans are passed on as they are.
        order: 2 checks derivatives of the gradient as well, by `create_graph`.
        dtype: that in which the gradient is computed, "float64" (to 1e-6) or "float32" (to 3e-4). The
            differences are always those of float64.
        seed: of the directions.

    Raises:
        GradientMismatch: with the function, the input, the direction, both
            numbers, and a script that repeats it.
        Undecided: where differences can say nothing, such as where the value is NaN.
        ValueError: for another dtype, or `order=2` of a subject that cannot differentiate its gradient.

    >>> import autograd as ag
    >>> from autograd.testing import check_grad
    >>> check_grad(ag.tanh, [0.5, -1.0], order=2)
    >>> check_grad(ag.relu, [0.0, -1.0])
    >>> check_grad(lambda x: x * x.detach(), [0.5, -1.0])
    Traceback (most recent call last):
    ...
    autograd.testing.report.GradientMismatch: ...
    """
    subject = subject_of(f)
    _run("check_grad", _all_of, subject, inputs, dtype, seed, {"order": order} if order != 1 else {})


def check_vjp(f: Any, *inputs: Any, dtype: Any = "float64", seed: int = 0) -> None:
    """Like `check_grad` for the transform `autograd.vjp`: the value, and what `pull` makes of random weights.

    >>> import autograd as ag
    >>> from autograd.testing import check_vjp
    >>> check_vjp(ag.matmul, [[1.0, 2.0]], [[3.0], [4.0]])
    """
    _run("check_vjp", _vjp_of, subject_of(f), inputs, dtype, seed, {})


def check_jvp(f: Any, *inputs: Any, dtype: Any = "float64", seed: int = 0) -> None:
    """Like `check_grad` for forward mode, `autograd.jvp`: the change of the value along random directions.

    At a kink the change of each element of the value must lie between those to its two sides.

    Raises:
        ValueError: for a subject without forward mode.

    >>> import autograd as ag
    >>> from autograd.testing import check_jvp
    >>> check_jvp(ag.multiply, [1.0, 2.0], [3.0, 4.0])
    """
    _run("check_jvp", _jvp_of, subject_of(f), inputs, dtype, seed, {})


class _Check(NamedTuple):
    """One subject at one point in one dtype, with a stream of random numbers."""

    subject: Subject
    arrays: tuple[NDArray, ...]
    dtype: str
    generator: np.random.Generator
    deeper: bool = False

    @property
    def floating(self) -> tuple[int, ...]:
        return tuple(i for i, a in enumerate(self.arrays) if a.dtype.kind == "f")

    def label(self, group: Sequence[int]) -> str:
        return ", ".join(f"{self.subject.input_name(i)} {self.arrays[i].shape}" for i in group)

    def random(self, shape: tuple[int, ...]) -> NDArray:
        """Numbers of size about 1, none of them near 0, of either sign; exact in the dtype of the check."""
        size = self.generator.uniform(0.5, 1.5, shape)
        signed = np.where(self.generator.random(shape) < 0.5, -size, size)
        return np.asarray(signed).astype(self.dtype).astype(np.float64)

    def point(self, group: tuple[int, ...]) -> Point:
        exact = [a.astype(np.float64) if a.dtype.kind == "f" else a for a in self.arrays]
        epsilon = float(np.finfo(self.dtype).eps)
        tolerance = _TOLERANCE[self.dtype]
        # the terms of a gradient are of the size of the weights, however small what is left of them
        hidden = (16.0 if self.dtype == "float32" else 1.0) if self.deeper else 0.0
        return Point(self.evaluate, exact, group, tolerance, epsilon, self.generator, hidden)

    def evaluate(self, arrays: Sequence[NDArray]) -> NDArray:
        return np.asarray(self.subject.value(arrays), np.float64)

    def cast(self, array: NDArray) -> NDArray:
        return array.astype(self.dtype)

    def copies(self) -> list[NDArray]:
        return [self.cast(a) if a.dtype.kind == "f" else a.copy() for a in self.arrays]

    def pull(self, group: tuple[int, ...], weights: NDArray) -> list[NDArray]:
        """The claimed gradients, of the right shapes and dtypes, from inputs that stayed as they were."""
        mine, seed = self.copies(), self.cast(weights)
        before = [a.tobytes() for a in (*mine, seed)]
        found = self.subject.pull(mine, seed, group)
        self.unharmed(before, [*mine, seed])
        for i, gradient in zip(group, found, strict=True):
            if gradient.shape != self.arrays[i].shape or gradient.dtype != self.dtype:
                raise GradientMismatch(
                    f"{self.subject.name}: the gradient of {self.subject.input_name(i)} is {gradient.dtype} "
                    f"{gradient.shape}, the input is {self.dtype} {self.arrays[i].shape}"
                )
        return found

    def unharmed(self, before: Sequence[bytes], after: Sequence[NDArray]) -> None:
        for i, (old, array) in enumerate(zip(before, after, strict=True)):
            if array.tobytes() != old:
                name = self.subject.input_name(i) if i < len(self.arrays) else "the weights"
                raise GradientMismatch(f"{self.subject.name}: computing a gradient changes {name}")


def _all_of(check: _Check, order: int = 1) -> None:
    floating = check.floating
    groups = [(i,) for i in floating] + ([floating] if len(floating) > 1 else [])
    for group in groups:
        _check_group(check, group, order)
    if floating:
        _check_modes(check, floating)


def _check_group(check: _Check, group: tuple[int, ...], order: int) -> None:
    point = check.point(group)
    _require_finite(check, point)
    weights = check.random(point.value.shape)
    gradients = check.pull(group, weights)
    _hold_against_differences(check, point, group, weights, gradients)
    if not any(gradient.size for gradient in gradients):
        return
    _check_linear(check, point, group, weights, _flat(gradients))
    if order > 1:
        directions = [check.random(gradient.shape) for gradient in gradients]
        deeper = check.subject.gradient(group, check.cast(weights), [check.cast(d) for d in directions])
        if deeper is None:
            raise ValueError(
                f"{check.subject.name}: order=2 needs a gradient that can be differentiated, and this "
                "subject has none; use order=1"
            )
        _check_group(check._replace(subject=deeper, deeper=True), group, order - 1)


def _require_finite(check: _Check, point: Point) -> None:
    if not np.isfinite(point.value).all():
        place = tuple(int(i) for i in np.argwhere(~np.isfinite(point.value))[0])
        where = f" at {place}" if place else ""
        raise Undecided(
            f"{check.subject.name}: the value is {point.value[place]}{where}, so there is no slope to "
            "compare with. Choose inputs where the function is finite."
        )
    again = check.evaluate(point.arrays)
    if not _same(again, point.value, 1e-9):
        raise GradientMismatch(
            f"{check.subject.name}: two calls with the same inputs give different values. "
            "Fix the seed of what is random."
        )


def _hold_against_differences(
    check: _Check,
    point: Point,
    group: tuple[int, ...],
    weights: NDArray,
    gradients: Sequence[NDArray],
) -> None:
    if not any(gradient.size for gradient in gradients):
        return
    finding = examine_gradient(point, _flat(gradients), weights)
    if finding is not None:
        _report(check, f"the gradient with respect to {check.label(group)}", "backward", finding, weights)


def _check_linear(
    check: _Check, point: Point, group: tuple[int, ...], weights: NDArray, gradient: NDArray
) -> None:
    """pull(2 w + v) = 2 pull(w) + pull(v)."""
    other = check.random(weights.shape)
    both = check.cast(2 * weights + other).astype(np.float64)
    other = both - 2 * weights
    second, joint = (_flat(check.pull(group, w)) for w in (other, both))
    expected = 2 * gradient + second
    finite = np.isfinite(expected) & np.isfinite(joint)
    sizes = np.where(finite, 2 * np.abs(gradient) + np.abs(second), 0.0)
    gap = size_of(np.where(finite, joint - expected, 0.0))
    floor = noise_floor(point, 2 * np.abs(weights) + np.abs(other))
    if gap > _TOLERANCE[check.dtype] * size_of(sizes) + floor + LEAST:
        raise GradientMismatch(
            f"{check.subject.name}: the gradient with respect to {check.label(group)} is not linear in the "
            f"weights of the result of shape {weights.shape}: for 2 w + v it is {short(joint)}, for w and v "
            f"together {short(expected)}"
        )


def _check_modes(check: _Check, group: tuple[int, ...]) -> None:
    """Forward mode against reverse mode: sum(w * push(d)) = sum(pull(w) * d)."""
    point = check.point(group)
    weights = check.random(point.value.shape)
    directions = [check.random(check.arrays[i].shape) for i in group]
    change = _push(check, group, directions)
    if change is None:
        return
    forward = np.ravel(change.astype(np.float64) * weights)
    reverse = _flat(check.pull(group, weights)) * _flat(directions)
    if not (np.isfinite(forward).all() and np.isfinite(reverse).all()):
        return
    gap = abs(float(forward.sum()) - float(reverse.sum()))
    allowed = _TOLERANCE[check.dtype] * max(size_of(forward), size_of(reverse))
    if gap > allowed + noise_floor(point, weights) + LEAST:
        raise GradientMismatch(
            f"{check.subject.name}: forward and reverse mode differ. Inputs {check.label(group)}, "
            f"{check.dtype}. Along a random direction push gives {forward.sum():.12g}, pull gives "
            f"{reverse.sum():.12g}."
        )


def _push(check: _Check, group: tuple[int, ...], directions: Sequence[NDArray]) -> NDArray | None:
    mine = check.copies()
    before = [a.tobytes() for a in mine]
    tangents = {i: check.cast(d) for i, d in zip(group, directions, strict=True)}
    change = check.subject.push(mine, tangents)
    check.unharmed(before, mine)
    return change


def _vjp_of(check: _Check) -> None:
    subject = check.subject
    if not check.floating:
        return
    if isinstance(subject, TensorSubject):
        transformed = VjpSubject(subject)
        mine = check.copies()
        if not _same(subject.value(mine), transformed.value(mine), _TOLERANCE[check.dtype]):
            raise GradientMismatch(f"{subject.name}: vjp changes the value of the function")
        check = check._replace(subject=transformed)
    point = check.point(check.floating)
    _require_finite(check, point)
    weights = check.random(point.value.shape)
    gradients = check.pull(check.floating, weights)
    _hold_against_differences(check, point, check.floating, weights, gradients)


def _jvp_of(check: _Check) -> None:
    if not check.floating:
        return
    point = check.point(check.floating)
    _require_finite(check, point)
    weights = check.random(point.value.shape)
    _, together = np.unique(point.x, return_inverse=True)
    # along a direction of its own for each element, and with equal elements moving together
    for labels in (np.arange(point.x.size), together):
        flat = np.where(point.movable, check.random(point.x.shape)[labels], 0.0)
        finding = _change_along(check, point, flat, weights)
        if finding is not None and point.suspect.any():
            # steps of the size of 1 say nothing where a function bends within a tiny element
            finding = _change_along(check, point, flat * point.fine_scale, weights)
            tied = labels is not together and together.max() + 1 < point.x.size
            if finding is not None and (point.small_sizes < (1.0 if tied else LEAST)).any():
                finding = finding.now(UNDECIDED)
        if finding is not None:
            what = f"the change along {check.label(check.floating)}"
            _report(check, what, "forward mode", finding, weights)


def _change_along(check: _Check, point: Point, direction: NDArray, weights: NDArray) -> Finding | None:
    """What speaks against the change that forward mode claims along `direction`."""
    shapes = [check.arrays[i].shape for i in check.floating]
    change = _push(check, check.floating, split(direction, shapes))
    if change is None:
        raise ValueError(f"{check.subject.name}: this subject has no forward mode to check")
    if change.shape != point.value.shape:
        shapes_differ = f"the change of the value has shape {change.shape}, the value {point.value.shape}"
        raise GradientMismatch(f"{check.subject.name}: {shapes_differ}")
    return examine_change(point, direction, change.astype(np.float64), weights)


def _report(check: _Check, what: str, mode: str, finding: Finding, weights: NDArray) -> None:
    """Raise what a finding amounts to."""
    low, high, allowed = finding.verdict.low, finding.verdict.high, finding.verdict.allowed
    start = (
        f"Result of shape {weights.shape}, {check.dtype}. Along the {finding.kind} "
        f"{short(finding.direction)} "
    )
    if finding.verdict.outcome == UNDECIDED:
        raise Undecided(
            f"{check.subject.name}: {what} cannot be judged here. {start}{mode} gives {finding.claim:.12g}, "
            f"and differences give no clear slope (between {low:.6g} and {high:.6g}). Choose inputs inside "
            "the domain of the function, of moderate size."
        )
    measured = f"{low:.12g}"
    if high - low > allowed:
        measured = f"slopes from {low:.12g} to {high:.12g} on the two sides"
    raise GradientMismatch(
        f"{check.subject.name}: {what} is wrong. {start}{mode} gives {finding.claim:.12g}, differences give "
        f"{measured} (allowed difference {allowed:.2g})."
    )


def _run(
    name: str,
    part: Callable[..., None],
    subject: Subject,
    inputs: Sequence[Any],
    dtype: Any,
    seed: int,
    settings: dict[str, Any],
) -> None:
    """Run a check, and add the script that repeats a failure to its message."""
    kind = _dtype_name(dtype)

    def attempt(arrays: Sequence[NDArray]) -> None:
        # the claim and the differences must be about the very same numbers
        rounded = tuple(a.astype(kind) if a.dtype.kind == "f" else a for a in arrays)
        check = _Check(subject, rounded, kind, np.random.default_rng(seed))
        with np.errstate(all="ignore"):
            part(check, **settings)

    def fails(arrays: Sequence[NDArray]) -> bool:
        try:
            attempt(arrays)
        except GradientMismatch:
            return True
        except Exception:
            return False
        return False

    arrays = tuple(_as_array(value) for value in inputs)
    try:
        attempt(arrays)
    except (GradientMismatch, Undecided) as failure:
        shown = {**settings, "dtype": kind, "seed": seed}
        script = Call(name, subject, arrays, shown).reproducer(fails)
        verdict = type(failure)(f"{failure}\n\nTo repeat it:\n\n{script}")
        verdict.reproducer = script
        raise verdict from None


def _same(one: NDArray, other: NDArray, tolerance: float) -> bool:
    """Equal but for rounding: the order of a sum may depend on where an array lies in memory."""
    return one.shape == other.shape and bool(
        np.allclose(one, other, tolerance, tolerance * np.abs(one).max(initial=0.0), equal_nan=True)
    )


def _as_array(value: Any) -> NDArray:
    array = np.asarray(value)
    return array.astype(np.float64) if array.dtype.kind == "f" else array


def _dtype_name(dtype: Any) -> str:
    name = str(np.dtype(dtype).name)
    if name not in _TOLERANCE:
        raise ValueError(f"gradients are checked in {' or '.join(_TOLERANCE)}, not in {name}")
    return name


def _flat(arrays: Sequence[NDArray]) -> NDArray:
    return np.concatenate([a.ravel() for a in arrays]).astype(np.float64)
