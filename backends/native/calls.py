"""Calls: what the driver runs one after the other, with the memory that each reads
and writes, and how threads share it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..plan.calls import ERRORS as ERRORS
from ..plan.calls import Call as PlannedCall
from ..program.access import Access, merged
from ..program.ir import Value
from .build import Function
from .kernel import Kernel

Partition = tuple[str, int] | None
"""How the threads of a call share a root: ("rows", n) each its own rows,
("first", 0) one thread; None any of it.
"""


@dataclass
class Call(PlannedCall):
    """One kernel, unless it is `foreign`."""

    function: Function | None = None


def call_of(
    kernel: Kernel,
    label: str,
    reads: Mapping[Value, Partition],
    writes: Mapping[Value, Partition],
    flops: int = 0,
    checks: bool = False,
) -> Call:
    """The call of a kernel."""
    return Call(
        label,
        tuple(kernel.pointers),
        dict(reads),
        dict(writes),
        flops,
        checks=checks,
        function=Function(kernel),
    )


def partitions(accesses: Any, partition: Callable[[Access], Partition]) -> dict[Value, Partition]:
    found: dict[Value, Partition] = {}
    for access in accesses:
        new = partition(access)
        found[access.root] = new if found.get(access.root, new) == new else None
    return found


def rows_of(access: Access, domain: Sequence[int], kept: int, rows: int) -> Partition:
    """("rows", n) where row i of the loops touches only the i-th of n equal parts of the root."""
    step = merged(domain[:kept], access.strides[:kept])
    inside = sum((n - 1) * s for n, s in zip(domain[kept:], access.strides[kept:], strict=True))
    size = access.root.spec.size
    if access.offset == 0 and step and step * rows == size and 0 <= inside < step:
        return ("rows", rows)
    return None
