"""Calls: what the driver runs one after the other, with the memory that each reads and writes, and how threads share it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..contract import Spec
from ..program.access import Access, merged
from ..program.ir import Instruction, Value
from .kernel import Kernel

Touch = tuple[str, int] | None
"""How the threads of a call share a root: ("rows", n) each its own rows, ("first", 0) one thread; None any of it."""


@dataclass
class Call:
    """One kernel with its memory. `host` is an instruction for which there is no kernel."""

    label: str
    text: str
    declared: tuple[str, ...]
    roots: tuple[Value, ...]
    reads: dict[Value, Touch]
    writes: dict[Value, Touch]
    flops: int = 0
    host: Instruction | None = None
    checks: bool = False
    pairs: list[tuple[Value, Value]] = field(default_factory=list)
    """(written, read): each element is read before the same element is written, so both may lie in one place."""


def call_of(
    kernel: Kernel, label: str, reads: Mapping[Value, Touch], writes: Mapping[Value, Touch], flops: int = 0, checks: bool = False,
) -> Call:  # fmt: skip
    """The call of a kernel, with its text."""
    return Call(label, kernel.text(), tuple(kernel.code.declared), tuple(kernel.pointers), dict(reads), dict(writes), flops, checks=checks)  # fmt: skip


ERRORS = Value(-1, Spec((1,), np.dtype(np.int64)))
"""The root that stands for the error count of the driver."""


def touches(accesses: Any, touch: Callable[[Access], Touch]) -> dict[Value, Touch]:
    found: dict[Value, Touch] = {}
    for access in accesses:
        new = touch(access)
        found[access.root] = new if found.get(access.root, new) == new else None
    return found


def rows_touched(access: Access, domain: Sequence[int], kept: int, rows: int) -> Touch:
    """("rows", n) where row i of the loops touches only the i-th of n equal parts of the root."""
    step = merged(domain[:kept], access.strides[:kept])
    inside = sum((n - 1) * s for n, s in zip(domain[kept:], access.strides[kept:], strict=True))
    size = access.root.spec.size
    if access.offset == 0 and step and step * rows == size and 0 <= inside < step:
        return ("rows", rows)
    return None
