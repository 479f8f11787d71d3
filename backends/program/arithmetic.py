"""Which arithmetic a kernel can do as NumPy does it, and the dtype in which an instruction works."""

from __future__ import annotations

import numpy as np

from ..contract import SUPPORTED, DType, bool_
from ..primitives import PRIMITIVES, is_reduction
from .ir import Instruction, Value, operands_of

DTYPES = frozenset(SUPPORTED.values()) - {SUPPORTED["float16"]}


def accepts(instruction: Instruction) -> bool:
    """Whether a kernel can compute this elementwise instruction and give NumPy's values."""
    result, primitive, operands, _ = instruction
    specs = [o.spec for o in operands_of(instruction)]
    if any(spec.dtype not in DTYPES for spec in (*specs, result.spec)):
        return False
    row = PRIMITIVES[primitive]
    if row.kind == "create":
        return True
    if row.numba is None or (result.spec.dtype == bool_ and row.family == "arithmetic"):
        return False
    if row.floats_only:
        return result.spec.dtype.kind == "f"
    if row.family == "comparison":
        # NumPy compares integers of different signs exactly, and knows numbers that no element can equal
        kinds = {spec.dtype.kind for spec in specs}
        numbers = [o for o in operands if not isinstance(o, Value)]
        return kinds <= {"f"} or (
            len({s.dtype for s in specs}) == 1 and all(_fits(n, specs[0].dtype) for n in numbers)
        )
    return True


def _fits(number: bool | int | float, dtype: DType) -> bool:
    if isinstance(number, float) or dtype.kind not in "iu":
        return False
    info = np.iinfo(dtype)
    return info.min <= number <= info.max


def working_dtype(instruction: Instruction) -> DType:
    """The dtype to which operands are cast: that of the result, but for comparisons and logic."""
    result, primitive, operands, _ = instruction
    family = PRIMITIVES[primitive].family
    if family == "logic":
        return bool_
    if family == "comparison":
        return np.result_type(*(o.spec.dtype if isinstance(o, Value) else o for o in operands))
    return result.spec.dtype


def accepts_loop(instruction: Instruction) -> bool:
    """Whether a loop can hold this elementwise instruction or reduction."""
    if is_reduction(instruction.primitive):
        source = instruction.operands[0]
        return (
            isinstance(source, Value)
            and source.spec.dtype in DTYPES
            and 0 not in source.spec.shape
            and source.spec.size > 0
            and bool(dict(instruction.static)["axis"])
        )
    return accepts(instruction) and 0 not in instruction.result.spec.shape
