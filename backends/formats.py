"""The formats to which operands of a product may be rounded: their names, and the numbers that define them.

All are coarser than float32, in which a rounded number is still held and in which products and sums
are computed. tf32 and bfloat16 have float32's exponents; float16 is IEEE 754's binary16, with
overflow to infinity and subnormals.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from .errors import DTypeError
from .suggest import nearest


class Format(NamedTuple):
    """`bits` of mantissa, the `lowest` exponent of a normal number and 2 to that
    power; from `limit` on is infinity.
    """

    name: str
    bits: int
    lowest: int
    smallest: float
    limit: float


def _format(name: str, bits: int, lowest: int) -> Format:
    highest = 1 - lowest
    # half a unit beyond the largest number: a tie, which goes to the even side
    return Format(name, bits, lowest, 2.0**lowest, (2 - 2.0 ** -(bits + 1)) * 2.0**highest)


FORMATS: dict[str, Format] = {
    name: _format(name, bits, lowest)
    for name, bits, lowest in (("tf32", 10, -126), ("bfloat16", 7, -126), ("float16", 10, -14))
}
_ALSO = {"mixed_float16": "float16", "mixed_bfloat16": "bfloat16"}
"""Keras's names."""


def resolve_precision(name: Any) -> str | None:
    """The format that `name` means for products; None is float32.

    Raises:
        DTypeError: for anything else, with the nearest name.

    >>> resolve_precision("mixed_bfloat16"), resolve_precision(None)
    ('bfloat16', None)
    """
    if name is None:
        return None
    if isinstance(name, str) and _ALSO.get(name, name) in FORMATS:
        return _ALSO.get(name, name)
    known = ", ".join(map(repr, FORMATS))
    hint = "None is float32." if str(name) in ("float32", "float64") else nearest(str(name), FORMATS)
    raise DTypeError(f"the precision of products is None or one of {known}, got {name!r}. {hint}")
