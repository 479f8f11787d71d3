"""How operands lie in memory along the axes of a loop nest, counted in elements from their root."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from ..contract import DType
from .ir import Value


class Access(NamedTuple):
    """How an operand lies in memory: element offset, and a stride for each axis of the domain."""

    root: Value
    dtype: DType
    offset: int
    strides: tuple[int, ...]


def merged(sizes: Sequence[int], strides: Sequence[int]) -> int | None:
    """The one stride with which axes in a row are walked as one axis; None when they do not lie so."""
    step: int | None = None
    span = 1
    for size, stride in zip(reversed(sizes), reversed(strides), strict=True):
        if size == 1:
            continue
        if step is None:
            step, span = stride, size
        elif stride != step * span:
            return None
        else:
            span *= size
    return step or 0


def same_places(reads: dict[Value, Access], writes: dict[Value, Access]) -> list[tuple[Value, Value]]:
    """Operands that are read only where, and as, a result is written."""
    found = []
    for write in writes.values():
        for root in dict.fromkeys(a.root for a in reads.values()):
            same = all(
                (a.offset, a.strides, a.dtype.itemsize) == (write.offset, write.strides, write.dtype.itemsize)
                for a in reads.values()
                if a.root == root
            )
            if same and root.spec.size == write.root.spec.size:
                found.append((write.root, root))
    return found
