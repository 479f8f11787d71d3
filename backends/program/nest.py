"""A nest of loops: a group with its memory, how its axes are divided into rows and
columns, and its passes along a row.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Sequence
from typing import NamedTuple

from ..primitives import PRIMITIVES, is_reduction
from .access import Access, merged
from .fuse import Group
from .ir import Instruction, Value, operands_of

IN_REGISTERS = 4
"""Rows of up to so many vectors are held in registers."""


class Nest(NamedTuple):
    """A group with the memory that it touches: operands that it does not compute,
    values that it writes, scratch rows.
    """

    group: Group
    reads: dict[Value, Access]
    writes: dict[Value, Access]
    scratches: dict[Value, Access]


def count_strides(group: Group, value: Value) -> tuple[int, ...]:
    """How a counted value (arange) runs along the domain: as memory would
    that holds the numbers of its axis.
    """
    return tuple(int(axis in group.axes[value]) for axis in range(len(group.domain)))


def counts_of(nest: Nest) -> dict[Value, tuple[int, ...]]:
    """The counted values of a nest, each with its strides."""
    steps = nest.group.steps
    return {s.result: count_strides(nest.group, s.result) for s in steps if s.primitive == "arange"}


def runs_of(nest: Nest) -> list[tuple[int, ...]]:
    """The strides of all that a nest reads, writes or counts."""
    return [*(a.strides for a in (*nest.reads.values(), *nest.writes.values())), *counts_of(nest).values()]


def kept_axes(nest: Nest) -> int:
    """How many leading axes of the domain make up a row index; 0 when the whole domain is one row."""
    group = nest.group
    if group.reduced is not None:
        return min(group.reduced, default=len(group.domain))
    size = len(group.domain)
    runs = runs_of(nest)
    best = max(size - 1, 0)
    for kept in range(best, -1, -1):
        if any(merged(group.domain[kept:], run[kept:]) not in (0, 1) for run in runs):
            break
        best = kept
    return best


def is_flat(nest: Nest) -> bool:
    """Whether the whole domain can be walked as one row of consecutive elements."""
    domain = nest.group.domain
    return nest.group.reduced is None and all(merged(domain, run) in (0, 1) for run in runs_of(nest))


def scratch_length(group: Group) -> int:
    """Elements of a row."""
    first = min(group.reduced or (), default=len(group.domain))
    return math.prod(group.domain[first:])


def scratch_values(group: Group, width: int) -> list[Value]:
    """Elements that a later pass reads again; none where rows stay in registers."""
    if scratch_length(group) <= IN_REGISTERS * width:
        return []
    passes = passes_of(group)
    place = {s.result: k for k, p in enumerate(passes) for s in p.elements}
    return [
        value
        for value, k in place.items()
        if any(
            value in operands_of(s) for later in passes[k + 1 :] for s in (*later.elements, *later.reductions)
        )
    ]


class Pass(NamedTuple):
    numbers: list[Instruction]
    elements: list[Instruction]
    reductions: list[Instruction]


def passes_of(group: Group) -> list[Pass]:
    """Steps by the pass along the columns in which they run: elements as
    late as their first reader allows.
    """
    ready: dict[Value, int] = {}
    for step in group.steps:
        at = max((ready.get(o, 0) for o in operands_of(step)), default=0)
        ready[step.result] = at + (is_reduction(step.primitive))
    last = max(ready.values(), default=0)
    place: dict[Value, int] = {}
    at_of: dict[Value, int] = {}
    for step in reversed(group.steps):
        at = ready[step.result]
        if is_reduction(step.primitive):
            at -= 1
        elif group.is_element(step.result):
            at = place.get(step.result, last)
        at_of[step.result] = at
        for operand in operands_of(step):
            place[operand] = min(place.get(operand, at), at)
    passes = [Pass([], [], []) for _ in range(last + 1)]
    for step in group.steps:
        kind = 2 if is_reduction(step.primitive) else int(group.is_element(step.result))
        passes[at_of[step.result]][kind].append(step)
    return passes


def only_for(
    wanted: Iterable[Value], steps: Sequence[Instruction], known: Collection[Value] = ()
) -> list[Instruction]:
    """The steps that the `wanted` values depend on, back to what is `known`."""
    needed, kept = set(wanted), []
    for step in reversed(steps):
        if step.result in needed and step.result not in known:
            kept.append(step)
            needed.update(operands_of(step))
    return kept[::-1]


def summary(group: Group) -> list[str]:
    """What a group does, in a few words."""
    names = list(dict.fromkeys(s.primitive for s in group.steps if not PRIMITIVES[s.primitive].helps))
    return names if len(names) <= 4 else [*names[:3], f"and {len(names) - 3} more"]
