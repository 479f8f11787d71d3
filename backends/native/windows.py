"""Windows added back in one pass: each element of the result collects what the windows that cover it hold.

The other way round, window by window, every element would be read and written as often as windows overlap.
The axes that windows slide along must not be the last one, whose elements are added side by side.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import NamedTuple

from ..contract import Shape
from ..program.access import Access
from ..program.ir import Value
from .kernel import Kernel
from .vectors import VectorValue


class Sliding(NamedTuple):
    """Along which axes windows slide, and how."""

    axes: tuple[int, ...]
    size: Shape
    stride: Shape
    dilation: Shape


class WindowsAdd(Kernel):
    """`values` has a stride for each axis of the result, where a windowed one counts
    windows, then for the axes inside.
    """

    def __init__(
        self, values: Access, result: Value, counts: Sequence[int], sliding: Sliding, width: int
    ) -> None:
        super().__init__((values.root, result), width)
        self.values, self.sliding, self.counts = values, sliding, counts
        self.result = result
        self.shape = result.spec.shape

    @staticmethod
    def suits(shape: Shape, sliding: Sliding) -> bool:
        """Whether there is an axis to share by threads and one to add side by side."""
        return len(shape) > 2 and len(shape) - 1 not in sliding.axes and 0 not in sliding.axes

    def body(self) -> None:
        code, shape = self.code, self.shape
        each = math.prod(shape[1:-1])
        begin, end = (code.binary("*", bound, each) for bound in self.share(shape[0]))

        def row(place: VectorValue, carried: list[VectorValue]) -> list[VectorValue]:
            self._row(place)
            return []

        self.loop(begin, end, 1, (), row)

    def _row(self, row: VectorValue) -> None:
        """All elements of the last axis at one place."""
        code, shape = self.code, self.shape
        index: list[VectorValue] = []
        rest = row
        for length in reversed(shape[1:-1]):
            index.insert(0, code.put(f"urem i64 {rest.name}, {length}", "int64"))
            rest = code.put(f"udiv i64 {rest.name}, {length}", "int64")
        index.insert(0, rest)
        base = self._fixed(index)
        sources = [
            self._source(index, base, place) for place in itertools.product(*map(range, self.sliding.size))
        ]
        dtype, last = self.result.spec.dtype, shape[-1]
        start = code.binary("*", row, last)
        for first in range(0, last, self.width):
            active = min(self.width, last - first)
            total = code.constant(0, dtype.name, self.width)
            for valid, offset in sources:
                total = code.binary("+", total, self._load(valid, offset, first, active))
            at = code.at(self.pointers[self.result], code.binary("+", start, first), dtype)
            code.store(total, at, dtype, active)

    def _fixed(self, index: list[VectorValue]) -> VectorValue:
        """Where the axes lie along which nothing slides."""
        code = self.code
        total = self.number(self.values.offset)
        for axis, place in enumerate(index):
            if axis not in self.sliding.axes:
                total = code.binary("+", total, code.binary("*", place, self.values.strides[axis]))
        return total

    def _source(
        self, index: list[VectorValue], base: VectorValue, place: tuple[int, ...]
    ) -> tuple[VectorValue, VectorValue]:
        """(whether a window has this element at `place`, where in the values)."""
        code, offset = self.code, base
        valid = VectorValue("true", "bool")
        ndim = len(self.shape)
        for k, (axis, inside) in enumerate(zip(self.sliding.axes, place, strict=True)):
            step, gap = self.sliding.stride[k], self.sliding.dilation[k]
            distance = code.binary("-", index[axis], inside * gap)
            window = distance if step == 1 else code.put(f"sdiv i64 {distance.name}, {step}", "int64")
            here = code.compare("<", window._replace(dtype="uint64"), self.counts[k])
            here = code.binary("&", here, code.compare(">=", distance, 0))
            if step > 1:
                here = code.binary("&", here, code.compare("==", code.binary("*", window, step), distance))
            valid = here if valid.name == "true" else code.binary("&", valid, here)
            kept = code.select(here, window, 0)
            offset = code.binary("+", offset, code.binary("*", kept, self.values.strides[axis]))
            offset = code.binary("+", offset, inside * self.values.strides[ndim + k])
        return valid, offset

    def _load(self, valid: VectorValue, offset: VectorValue, first: int, active: int) -> VectorValue:
        code, step = self.code, self.values.strides[len(self.shape) - 1]
        mask = code.spread(valid, self.width)
        if active < self.width:
            mask = code.binary("&", mask, code.first(active))
        pointer, dtype = self.pointers[self.values.root], self.values.dtype
        if step == 1:
            return code.load(code.at(pointer, code.binary("+", offset, first), dtype), dtype, mask)
        lanes = code.binary("*", code.binary("+", code.lane_numbers(), first), step)
        return code.gather(pointer, code.binary("+", lanes, code.spread(offset, self.width)), dtype, mask)
