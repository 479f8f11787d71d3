"""Reductions along vectors: how one starts, takes in a vector, and becomes a number.

Sums run in as many partial sums as there are lanes, in double precision where many numbers are
added. The largest of floats is NaN when one of them is; the place of the largest is that of the
first, or of the first NaN, as in NumPy.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

import numpy as np

from ..contract import DType
from ..primitives import PRIMITIVES
from ..program.ir import Instruction, operands_of
from .vectors import VectorBuilder, VectorValue

_LONG = 4096
"""From this many terms a sum of float32 is held in float64."""


def split(
    reductions: Iterable[Reduction], carried: Iterable[VectorValue]
) -> Iterator[tuple[Reduction, list[VectorValue]]]:
    """Each of some reductions that a loop carries along together, with its own values of all."""
    rest = iter(carried)
    for reduction in reductions:
        yield reduction, list(islice(rest, len(reduction.start())))


class Reduction:
    """One reduction in a kernel; `lanes` is 1 where numbers are taken in one by one.

    `across` says that the lanes of a vector belong to one result; if not, each lane has its own.
    """

    def __init__(
        self, code: VectorBuilder, instruction: Instruction, length: int, lanes: int, across: bool = True
    ) -> None:
        self.code = code
        self.across = across and lanes > 1
        gathers = PRIMITIVES[instruction.primitive].gathers
        assert gathers is not None
        by = PRIMITIVES[gathers.by]
        self.first = gathers.start
        self.is_sum, self.is_place, self.is_logic = by.name == "add", gathers.place, by.family == "logic"
        self.is_extreme = by.prefers is not None and not gathers.place
        self.operator = by.infix or ("&" if self.first else "|")
        self.prefers = by.prefers or ""
        self.value = instruction.result
        (self.source,) = operands_of(instruction)
        self.result: DType = self.value.spec.dtype
        self.dtype: DType = self.source.spec.dtype
        self.lanes = lanes
        self.is_float = self.dtype.kind == "f"
        held = self.dtype if self.prefers else np.dtype(bool) if self.is_logic else self.result
        self.held = "float64" if self.is_float and self.is_sum and length >= _LONG else held.name

    def _identity(self) -> bool | int | float:
        if self.is_logic:
            return bool(self.first)
        if not self.prefers or self.is_float:
            return self.first
        if self.dtype.kind == "b":
            return self.first > 0
        info = np.iinfo(self.dtype)
        return int(info.min if self.first < 0 else info.max)

    def start(self) -> list[VectorValue]:
        """The values that are carried along."""
        code = self.code
        carried = [code.constant(self._identity(), self.held, self.lanes)]
        if self.is_extreme and self.is_float:
            carried.append(code.constant(False, "bool", self.lanes))
        if self.is_place:
            carried.append(code.lane_numbers() if self.across else code.constant(0, "int64", self.lanes))
        return carried

    def take(
        self, carried: Sequence[VectorValue], value: VectorValue, index: VectorValue, active: int
    ) -> list[VectorValue]:
        """Take in `value`, whose first `active` lanes count, found at `index` and the places after it."""
        code = self.code
        value = code.spread(value, self.lanes)
        if not self.prefers:
            value = code.cast(value, self.held)
        inside: VectorValue | None = None
        if self.across and active < self.lanes:
            inside = code.first(active)
            value = code.select(inside, value, self._identity())
        total = carried[0]
        if not self.prefers:
            return [code.binary(self.operator, total, value)]
        beyond = code.compare(self.prefers, value, total)
        if self.is_extreme:
            kept = [code.select(beyond, value, total)]
            if self.is_float:
                kept.append(code.binary("|", carried[1], code.compare("!=", value, value)))
            return kept
        if self.is_float:
            new = code.binary("&", code.compare("!=", value, value), code.compare("==", total, total))
            beyond = code.binary("|", beyond, new)
            # after a NaN nothing is beyond
            beyond = code.binary("&", beyond, code.compare("==", total, total))
        if inside is not None:
            beyond = code.binary("&", beyond, inside)
        places = code.spread(index, self.lanes)
        if self.across:
            places = code.binary("+", places, code.lane_numbers())
        return [code.select(beyond, value, total), code.select(beyond, places, carried[1])]

    def close(self, carried: Sequence[VectorValue], active: int) -> VectorValue:
        """The number; `active` is how many lanes have ever counted."""
        code, total = self.code, carried[0]
        if not self.across:
            if self.is_extreme and self.is_float:
                total = code.select(carried[1], math.nan, total)
            if self.is_place:
                total = carried[1]
            return code.cast(total, self.result.name)
        if self.is_place:
            total = self._place(total, carried[1], active)
        elif self.is_extreme:
            total = self._extreme(total)
            if self.is_float:
                total = code.select(code.reduce("or", carried[1]), math.nan, total)
        elif self.is_logic:
            total = code.reduce("and" if self.first else "or", total)
        else:
            total = code.reduce(("f" if self.is_float else "") + ("add" if self.is_sum else "mul"), total)
        return code.cast(total, self.result.name)

    def _extreme(self, x: VectorValue) -> VectorValue:
        kind = "max" if self.first < 0 else "min"
        if self.is_float:
            # no lane holds a NaN: nothing compares beyond with one
            return self.code.reduce("f" + kind, x)
        return self.code.reduce(("u" if self.dtype.kind in "ub" else "s") + kind, x)

    def _place(self, values: VectorValue, places: VectorValue, active: int) -> VectorValue:
        """The first place that holds the extreme."""
        code = self.code
        missing = code.compare("!=", values, values) if self.is_float else None
        clean = values if missing is None else code.select(missing, self._identity(), values)
        extreme = self._extreme(clean)
        holds = code.compare("==", values, extreme)
        if missing is not None:
            any_missing = code.reduce("or", missing)
            holds = code.select(any_missing, missing, holds)
        if active < self.lanes:
            holds = code.binary("&", holds, code.first(active))
        return code.reduce("smin", code.select(holds, places, np.iinfo(np.int64).max))
