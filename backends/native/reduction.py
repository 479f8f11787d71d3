"""Reductions along vectors: how one starts, takes in a vector, and becomes a number.

Sums run in as many partial sums as there are lanes, in double precision where many numbers are added. The largest of
floats is NaN when one of them is; the place of the largest is that of the first, or of the first NaN, as in NumPy.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from ..contract import DType
from ..program.ir import Instruction, Value
from .lanes import Lane, Lanes

_LONG = 4096
"""From this many terms a sum of float32 is held in float64."""


def source_of(instruction: Instruction) -> Value:
    operand = instruction.operands[0]
    assert isinstance(operand, Value)
    return operand


class Reduction:
    """One reduction in a kernel; `lanes` is 1 where numbers are taken in one by one.

    `across` says that the lanes of a vector belong to one result; if not, each lane has its own.
    """

    def __init__(
        self, code: Lanes, instruction: Instruction, length: int, lanes: int, across: bool = True
    ) -> None:
        self.code = code
        self.across = across and lanes > 1
        self.kind = instruction.primitive
        self.result: DType = instruction.result.spec.dtype
        self.dtype: DType = source_of(instruction).spec.dtype
        self.lanes = lanes
        self.is_float = self.dtype.kind == "f"
        held = self.result if self.kind in ("sum", "prod") else self.dtype
        if self.kind in ("any", "all"):
            held = np.dtype(bool)
        self.held = "float64" if self.is_float and self.kind == "sum" and length >= _LONG else held.name  # fmt: skip

    def _identity(self) -> bool | int | float:
        if self.kind in ("sum", "any"):
            return 0 if self.kind == "sum" else False
        if self.kind in ("prod", "all"):
            return 1 if self.kind == "prod" else True
        low = self.kind in ("max", "argmax")
        if self.is_float:
            return -math.inf if low else math.inf
        if self.dtype.kind == "b":
            return not low
        info = np.iinfo(self.dtype)
        return int(info.min if low else info.max)

    def start(self, first: Lane | None = None) -> list[Lane]:
        """The values that are carried along."""
        code = self.code
        carried = [code.constant(self._identity(), self.held, self.lanes)]
        if self.kind in ("max", "min") and self.is_float:
            carried.append(code.constant(False, "bool", self.lanes))
        if self.kind in ("argmax", "argmin"):
            first = code.constant(0, "int64", self.lanes)
            carried.append(code.lane_numbers() if self.across else first)
        return carried

    def take(self, carried: Sequence[Lane], value: Lane, index: Lane, active: int) -> list[Lane]:
        """Take in `value`, whose first `active` lanes count, found at `index` and the places after it."""
        code = self.code
        value = code.spread(value, self.lanes)
        if self.kind in ("sum", "prod", "any", "all"):
            value = code.cast(value, self.held)
        inside: Lane | None = None
        if self.across and active < self.lanes:
            inside = code.first(active)
            value = code.select(inside, value, self._identity())
        total = carried[0]
        match self.kind:
            case "sum":
                return [code.binary("+", total, value)]
            case "prod":
                return [code.binary("*", total, value)]
            case "any" | "all":
                return [code.binary("|" if self.kind == "any" else "&", total, value)]
            case "max" | "min":
                beyond = code.compare(">" if self.kind == "max" else "<", value, total)
                kept = [code.select(beyond, value, total)]
                if self.is_float:
                    kept.append(code.binary("|", carried[1], code.compare("!=", value, value)))
                return kept
        beyond = code.compare(">" if self.kind == "argmax" else "<", value, total)
        if self.is_float:
            new = code.binary("&", code.compare("!=", value, value), code.compare("==", total, total))  # fmt: skip
            beyond = code.binary("|", beyond, new)
            # after a NaN nothing is beyond
            beyond = code.binary("&", beyond, code.compare("==", total, total))
        if inside is not None:
            beyond = code.binary("&", beyond, inside)
        places = code.spread(index, self.lanes)
        if self.across:
            places = code.binary("+", places, code.lane_numbers())
        return [code.select(beyond, value, total), code.select(beyond, places, carried[1])]

    def close(self, carried: Sequence[Lane], active: int) -> Lane:
        """The number; `active` is how many lanes have ever counted."""
        code, total = self.code, carried[0]
        if not self.across:
            if self.kind in ("max", "min") and self.is_float:
                total = code.select(carried[1], math.nan, total)
            if self.kind in ("argmax", "argmin"):
                total = carried[1]
            return code.cast(total, self.result.name)
        match self.kind:
            case "sum" | "prod":
                name = {"sum": "add", "prod": "mul"}[self.kind]
                total = code.reduce(("f" if self.is_float else "") + name, total)
            case "any" | "all":
                total = code.reduce("or" if self.kind == "any" else "and", total)
            case "max" | "min":
                total = self._extreme(self.kind, total)
                if self.is_float:
                    total = code.select(code.reduce("or", carried[1]), math.nan, total)
            case _:
                total = self._place(total, carried[1], active)
        return code.cast(total, self.result.name)

    def _extreme(self, kind: str, x: Lane) -> Lane:
        if self.is_float:
            # no lane holds a NaN: nothing compares beyond with one
            return self.code.reduce("f" + kind, x)
        return self.code.reduce(("u" if self.dtype.kind in "ub" else "s") + kind, x)

    def _place(self, values: Lane, places: Lane, active: int) -> Lane:
        """The first place that holds the extreme."""
        code = self.code
        clean = values
        if self.is_float:
            missing = code.compare("!=", values, values)
            clean = code.select(missing, self._identity(), values)
        extreme = self._extreme(self.kind.removeprefix("arg"), clean)
        holds = code.compare("==", values, extreme)
        if self.is_float:
            any_missing = code.reduce("or", missing)
            holds = code.select(any_missing, missing, holds)
        if active < self.lanes:
            holds = code.binary("&", holds, code.first(active))
        return code.reduce("smin", code.select(holds, places, np.iinfo(np.int64).max))  # fmt: skip
