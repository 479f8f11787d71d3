"""Calls: what a target does one after the other, with the memory that each reads and writes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..contract import Spec
from ..program.ir import Instruction, Value

ERRORS = Value(-1, Spec((1,), np.dtype(np.int64)))
"""The root that stands for the note of an index out of range."""


@dataclass
class Call:
    """A kernel or a product with its memory, or an instruction for which there is no kernel (`foreign`).

    What is read and written has a note of the target's on how threads share it.
    """

    label: str
    roots: tuple[Value, ...]
    reads: dict[Value, Any]
    writes: dict[Value, Any]
    flops: int = 0
    foreign: Instruction | None = None
    checks: bool = False
    """Whether it notes indices that are out of range."""
    pairs: list[tuple[Value, Value]] = field(default_factory=list)
    """(written, read): each element is read before the same element is
    written, so both may lie in one place.
    """
    scope: str = ""
    """Whose work this is: "layers.0 Dense", or "layers.0 Dense +1" with that of another one."""

    @property
    def name(self) -> str:
        """The label, with the scope where there is one."""
        return f"{self.label} [{self.scope}]" if self.scope else self.label

    @property
    def bytes(self) -> int:
        """What is read and written, each root once."""
        roots = [v for v in (*self.reads, *self.writes) if v != ERRORS]
        return sum(size_of(v) for v in roots)


def size_of(value: Value) -> int:
    """The bytes of an array."""
    return value.spec.size * value.spec.dtype.itemsize
