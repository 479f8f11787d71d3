"""Calls: what a device does one after the other, with the memory that each reads and writes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from ..contract import Spec
from ..program.ir import Instruction, Value
from .kernel import Kernel

ALL = "all"
ERRORS = Value(-1, Spec((1,), np.dtype(np.int64)))
"""The root that stands for the note of an index out of range."""


class Side(NamedTuple):
    """An operand of a product for BLAS: `turned` where it lies the other way round, `step` between its lines."""

    root: Value
    offset: int
    turned: bool
    step: int
    stride: int
    """Elements between two matrices of a batch."""


class Gemm(NamedTuple):
    """C = A B by BLAS for `matrices` matrices, or C = alpha A B + beta C with the roots that hold both factors."""

    a: Side
    b: Side
    c: Value
    rows: int
    columns: int
    terms: int
    matrices: int
    precision: str | None
    factors: tuple[Value, Value] | None = None


@dataclass
class Call:
    """A kernel, a product, or an instruction that the array library does (`foreign`)."""

    label: str
    kernel: Kernel | None
    roots: tuple[Value, ...]
    reads: dict[Value, Any]
    writes: dict[Value, Any]
    flops: int = 0
    gemm: Gemm | None = None
    foreign: Instruction | None = None
    checks: bool = False
    pairs: list[tuple[Value, Value]] = field(default_factory=list)


def call_of(kernel: Kernel, label: str, flops: int = 0, checks: bool = False) -> Call:
    """The call of a kernel; its pointers say what it reads and writes."""
    reads = dict.fromkeys((p.root for p in kernel.pointers if not p.written), ALL)
    writes = dict.fromkeys((p.root for p in kernel.pointers if p.written), ALL)
    return Call(label, kernel, tuple({**reads, **writes}), reads, writes, flops, checks=checks)
