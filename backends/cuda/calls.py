"""Calls: what a device does one after the other, with the memory that each reads and writes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from ..plan.calls import ERRORS as ERRORS
from ..plan.calls import Call as PlannedCall
from ..program.ir import Value
from .kernel import Kernel

ALL = "all"


class GemmOperand(NamedTuple):
    """An operand of a product for BLAS: `transposed` where it lies the other
    way round, `step` between its lines.
    """

    root: Value
    offset: int
    transposed: bool
    step: int
    stride: int
    """Elements between two matrices of a batch."""


class Gemm(NamedTuple):
    """C = A B by BLAS for `matrices` matrices, or C = alpha A B + beta C
    with the roots that hold both factors.

    With `precision` "bfloat16" or "float16" the operands lie in memory in that format, and sums are float32;
    with "tf32" they are float32, which the device rounds.
    """

    a: GemmOperand
    b: GemmOperand
    c: Value
    rows: int
    columns: int
    terms: int
    matrices: int
    precision: str | None
    factors: tuple[Value, Value] | None = None


@dataclass
class Call(PlannedCall):
    """A kernel or a product by BLAS, unless it is `foreign`: then the array library does it."""

    kernel: Kernel | None = None
    gemm: Gemm | None = None
    once: bool = False
    """Whether it writes what is the same in every step: done when memory is made, not in a step."""
    parts: tuple[Call, ...] = ()
    """What its kernel does side by side."""


def call_of(kernel: Kernel, label: str, flops: int = 0, checks: bool = False) -> Call:
    """The call of a kernel; its pointers say what it reads and writes."""
    reads = dict.fromkeys((p.root for p in kernel.pointers if not p.written), ALL)
    writes = dict.fromkeys((p.root for p in kernel.pointers if p.written), ALL)
    return Call(label, tuple({**reads, **writes}), reads, writes, flops, checks=checks, kernel=kernel)
