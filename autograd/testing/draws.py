"""Calls of ops at random, from their declarations: shapes, values, ties, kinks and scales far from one.

A case of the declaration gives the pattern of shapes and static attributes; its sizes are replaced by others, each
by the same one everywhere, where the op allows that. Ops without cases work element by element and get any shapes
that broadcast. Values come from the declared intervals, or from a coarse grid of them, where ties and kinks abound.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from backends.contract import Spec
from backends.errors import GradloomError

from ..op import Domain, Op
from .samples import Sample

NDArray = np.ndarray[Any, Any]

INTERVAL = (-2.0, 2.0)
FAR = (0.0, 5e-324, -1e-310, 1e-200, 1e-12, -1e-7, 1e-3, 30.0, -800.0, 1e6, -1e12, 1e100)
"""Values that ordinary samples never have; outside some domains."""


def random_call(op: Op, generator: np.random.Generator, kind: str = "plain") -> Sample:
    """One call of `op`.

    Args:
        kind: "plain" numbers of the declared intervals; "grid" numbers, where ties and kinks are usual; or "far",
            where some elements are 0, subnormal, tiny, huge or outside the domain.

    >>> import numpy as np, autograd as ag
    >>> call = random_call(ag.matmul.op, np.random.default_rng(0))
    >>> call.inputs[0].shape[-1] == call.inputs[1].shape[-2]
    True
    """
    described, static = _pattern(op, generator)
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


def random_shape(generator: np.random.Generator, largest: int = 4) -> tuple[int, ...]:
    """Nought to three dimensions, mostly small, now and then empty."""
    sizes = generator.integers(1, largest + 1, generator.integers(0, 4))
    if generator.random() < 0.04 and sizes.size:
        sizes[generator.integers(sizes.size)] = 0
    return tuple(int(n) for n in sizes)


def partner(shape: Sequence[int], generator: np.random.Generator) -> tuple[int, ...]:
    """A shape that broadcasts with `shape` to `shape`: dimensions left out in front, or of size 1."""
    kept = (
        shape[int(generator.integers(0, len(shape) + 1)) :] if generator.random() < 0.4 else shape
    )
    return tuple(1 if generator.random() < 0.2 else n for n in kept)


def _pattern(
    op: Op, generator: np.random.Generator
) -> tuple[list[tuple[str, Any]], dict[str, Any]]:
    """((input, shape or values) in order, static attributes)."""
    if not op.cases:
        whole = random_shape(generator)
        shapes = [whole] + [partner(whole, generator) for _ in op.arrays[1:]]
        order = generator.permutation(len(shapes))
        return [(n, shapes[int(i)]) for n, i in zip(op.arrays, order, strict=True)], {}
    arguments = op.cases[int(generator.integers(len(op.cases)))].arguments
    described = [(name, arguments[name]) for name in op.arrays if name in arguments]
    described += [(str(op.variadic), part) for part in arguments.get(str(op.variadic), ())]
    static = {name: value for name, value in arguments.items() if name in op.static}
    return _resized(op, described, static, generator), static


def _resized(
    op: Op,
    described: list[tuple[str, Any]],
    static: dict[str, Any],
    generator: np.random.Generator,
) -> list[tuple[str, Any]]:
    """Other sizes for the shapes, if the op takes them; indices stay valid because sizes only grow beside them."""
    only_shapes = all(isinstance(value, tuple) for _, value in described)
    sizes = {n for _, value in described if isinstance(value, tuple) for n in value if n > 1}
    smallest = {n: 1 if only_shapes else n for n in sizes}
    new = {n: int(generator.integers(smallest[n], n + 4)) for n in sorted(sizes)}
    changed = [
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
