"""Which loops become kernels: what arithmetic, which reductions, how operands may lie in memory.

The rest is left to NumPy, by name and for a reason. How the domain of a nest is divided into rows and columns
is said here, too: the text of a kernel depends on it, and on no length.
"""

from __future__ import annotations

import inspect
import math
import re
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from ..contract import DType, float32
from ..primitives import PRIMITIVES, Gathers
from ..program.access import merged
from ..program.arithmetic import accepts_loop
from ..program.ir import Instruction, operands_of
from ..program.nest import Nest, count_strides, is_flat, kept_axes
from . import mathematics

DTYPES = frozenset(map(np.dtype, ("bool", "int32", "int64", "uint32", "float32", "float64")))
_CALL = re.compile(r"math\.(\w+)\(\{0\}\)")
FUNCTIONS = {name: f for name, f in vars(mathematics).items() if inspect.isfunction(f)}
LEFT_TO_NUMPY = {
    "narrow": "a few columns, of which each row is less than a vector",
    "products": "no rule of an op has one in a row of arithmetic",
    "places": "the place of the largest is found by a vector loop of NumPy's",
    "truths": "NumPy stops at the first element that decides",
    "strides": "elements that do not lie side by side are read one at a time; a copy costs less",
}
"""Forms of a loop nest without a kernel, and why."""
_NARROW = 16
"""From so many columns on a kernel goes down the rows."""


def accepts(instruction: Instruction) -> bool:
    """Whether a kernel can compute this elementwise instruction or reduction in vector code."""
    result, primitive, _, _ = instruction
    dtypes = {result.spec.dtype, *(o.spec.dtype for o in operands_of(instruction))}
    if not dtypes <= DTYPES or not accepts_loop(instruction):
        return False
    row = PRIMITIVES[primitive]
    if row.gathers is not None:
        return _form(row.gathers) == "numbers"
    text = str(row.numba)
    if "math." in text and row.family == "arithmetic":
        return result.spec.dtype.kind == "f" and vectorised(text, result.spec.dtype) is not None
    # a shift by a whole word means nothing to LLVM
    return "**" not in text and ">>" not in text


def _form(gathers: Gathers) -> str:
    """The form of a reduction, for `LEFT_TO_NUMPY`."""
    if gathers.place:
        return "places"
    if PRIMITIVES[gathers.by].family == "logic":
        return "truths"
    return "products" if gathers.start == 1 else "numbers"


def vectorised(template: str, dtype: DType) -> str | None:
    """The template of a call of libm as a call of something that vectorises."""
    called = _CALL.fullmatch(template)
    if called is None:
        return None
    name = called[1]
    if f"{name}_single" in FUNCTIONS:
        return f"{name}_{'single' if dtype == float32 else 'double'}({{0}})"
    if PRIMITIVES[name].libm:
        return None
    # instructions of the processor; that of `math` gives an integer
    return "np.floor({0})" if name == "floor" else template


class Loops(NamedTuple):
    """How a domain is divided: `kept` leading axes make up a row index, the rest are the columns."""

    kept: int
    rows: int
    columns: int
    flat: bool


def loops_of(nest: Nest) -> Loops:
    """The division of a nest; flat is a nest without reductions whose elements lie side by side."""
    domain, flat = nest.group.domain, is_flat(nest)
    kept = 0 if flat else kept_axes(nest)
    if nest.group.kind == "columns":
        kept = 1 + max(nest.group.reduced or ())
    return Loops(kept, math.prod(domain[:kept]), math.prod(domain[kept:]), flat)


def form_of(nest: Nest) -> str:
    """ "rows" or "columns", for which there are kernels, or what of `LEFT_TO_NUMPY` the nest is."""
    loops, domain = loops_of(nest), nest.group.domain
    if nest.group.kind == "columns" and loops.columns < _NARROW:
        return "narrow"
    counted = [count_strides(nest.group, s.result) for s in nest.group.steps if s.primitive == "arange"]
    for strides in [*(a.strides for a in (*nest.reads.values(), *nest.writes.values())), *counted]:
        along, down = steps_of(strides, domain, loops.kept)
        if along not in (0, 1) or down is None:
            return "strides"
    return nest.group.kind


def steps_of(strides: Sequence[int], domain: Sequence[int], kept: int) -> tuple[int | None, int | None]:
    """The steps through memory along the columns and down the rows."""
    return merged(domain[kept:], strides[kept:]), merged(domain[:kept], strides[:kept])
