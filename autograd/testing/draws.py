"""Calls of ops at random, from their declarations: shapes, values, ties, kinks and scales far from one.

A case of the declaration gives the pattern of shapes and static attributes; its sizes are replaced by
others, each by the same one everywhere, where the op allows that. Ops without cases work element by
element and get any shapes that broadcast. Values come from the declared intervals, or from a coarse grid
of them, where ties and kinks abound.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from backends.contract import Spec
from backends.errors import GradloomError

from ..op import Domain, Op
from .samples import Sample

NDArray = np.ndarray[Any, Any]
Choose = Callable[[int, int], int]
"""A number between two, both included: what all choices of shapes are made
of, by a generator or by Hypothesis.
"""

INTERVAL = (-2.0, 2.0)
FAR = (0.0, 5e-324, -1e-310, 1e-30, 1e-12, -1e-7, 1e-3, 30.0, -800.0, 1e6, -1e12, 1e30)
"""Values that ordinary samples never have; outside some domains."""


def random_call(op: Op, generator: np.random.Generator, kind: str = "plain") -> Sample:
    """One call of `op`.

    Args:
        kind: "plain" numbers of the declared intervals; "grid" numbers, where ties and kinks are usual;
            or "far", where some elements are 0, subnormal, tiny, huge or outside the domain.

    >>> import numpy as np, autograd as ag
    >>> call = random_call(ag.matmul.op, np.random.default_rng(0))
    >>> call.inputs[0].shape[-1] == call.inputs[1].shape[-2]
    True
    """
    described, static = pattern(op, lambda low, high: int(generator.integers(low, high + 1)))
    inputs = [
        random_values(op.domain, name, value, generator, kind)
        if isinstance(value, tuple)
        else np.array(value)
        for name, value in described
    ]
    return Sample(op, tuple(inputs), static)


def random_values(
    domain: Domain, name: str, shape: tuple[int, ...], generator: np.random.Generator, kind: str
) -> NDArray:
    """Numbers for the input `name`."""
    low, high = domain.intervals.get(name, INTERVAL)
    values = generator.uniform(low, high, shape)
    if kind != "plain":
        values = generator.choice(grid(domain, name), shape)
    if kind == "far":
        values = np.where(generator.random(shape) < 0.3, generator.choice(FAR, shape), values)
    return np.asarray(values, np.float64)


def grid(domain: Domain, name: str) -> NDArray:
    """A few numbers of an input's interval: its kinks, its ends, and some between."""
    low, high = domain.intervals.get(name, INTERVAL)
    inside = [x for x in (0.0, 1.0, 0.5, *domain.kinks.get(name, ())) if low <= x <= high]
    return np.array(sorted({low, high, (low + high) / 2, low * 0.75 + high * 0.25, *inside}))


def shape_of(choose: Choose, largest: int = 4, may_be_empty: bool = True) -> tuple[int, ...]:
    """Nought to three dimensions, small, now and then empty."""
    sizes = [choose(1, largest) for _ in range(choose(0, 3))]
    if may_be_empty and sizes and choose(0, 24) == 24:
        sizes[choose(0, len(sizes) - 1)] = 0
    return tuple(sizes)


def partner(shape: Sequence[int], choose: Choose) -> tuple[int, ...]:
    """A shape that broadcasts with `shape` to `shape`: dimensions left out in front, or of size 1."""
    kept = shape[choose(0, len(shape)) :] if choose(0, 4) > 2 else shape
    return tuple(1 if choose(0, 4) == 4 else n for n in kept)


def pattern(op: Op, choose: Choose) -> tuple[list[tuple[str, Any]], dict[str, Any]]:
    """((input, shape or values) in order, static attributes) of one call."""
    if not op.cases:
        whole = shape_of(choose)
        shapes = [whole] + [partner(whole, choose) for _ in op.arrays[1:]]
        return list(zip(op.arrays, _shuffled(shapes, choose), strict=True)), {}
    arguments = op.cases[choose(0, len(op.cases) - 1)].arguments
    described = [(name, arguments[name]) for name in op.arrays if name in arguments]
    described += [(str(op.variadic), part) for part in arguments.get(str(op.variadic), ())]
    static = {name: value for name, value in arguments.items() if name in op.static}
    return _resized(op, described, static, choose), static


def _shuffled(values: list[Any], choose: Choose) -> list[Any]:
    left = list(values)
    return [left.pop(choose(0, len(left) - 1)) for _ in values]


def _resized(
    op: Op, described: list[tuple[str, Any]], static: dict[str, Any], choose: Choose
) -> list[tuple[str, Any]]:
    """Other sizes for the shapes, if the op takes them; indices stay valid
    because sizes only grow beside them.
    """
    only_shapes = all(isinstance(value, tuple) for _, value in described)
    sizes = {n for _, value in described if isinstance(value, tuple) for n in value if n > 1}
    new: dict[int, int] = {n: choose(1 if only_shapes else n, n + 3) for n in sorted(sizes)}
    changed: list[tuple[str, Any]] = [
        (name, tuple(new.get(n, n) for n in value) if isinstance(value, tuple) else value)
        for name, value in described
    ]
    specs = [
        Spec(value, np.dtype("float64"))
        if isinstance(value, tuple)
        else Spec(np.shape(value), np.array(value).dtype)
        for _, value in changed
    ]
    try:
        op.spec(*specs, **static)
    except (GradloomError, ZeroDivisionError):
        return described
    return changed
