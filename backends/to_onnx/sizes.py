"""Which numbers of a program follow the number of rows: its traces with several numbers of rows tell.

A number that is the same in all traces is a constant; one that lies on a line over the number of rows is
`Rows`. Anything else cannot be said in a file that serves every number of rows, and is refused.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple


class Rows(NamedTuple):
    """`times` the number of rows, plus `more`.

    >>> str(Rows(1, 0)), str(Rows(2, -1))
    ('batch', '2 batch - 1')
    """

    times: int
    more: int

    def __str__(self) -> str:
        text = "batch" if self.times == 1 else f"{self.times} batch"
        return f"{text} {'-' if self.more < 0 else '+'} {abs(self.more)}" if self.more else text


Size = int | Rows


class VariesError(Exception):
    """Numbers that follow the number of rows in a way that has no words here."""


def general(found: Sequence[Any], rows: Sequence[int]) -> Any:
    """What `found`, one value for each of `rows`, is in general: with `Rows` where the values differ.

    Raises:
        VariesError: it is neither.

    >>> general([(3, 8), (5, 8)], [3, 5]), general([slice(0, 5), slice(0, 9)], [3, 5])
    ((Rows(times=1, more=0), 8), slice(0, Rows(times=2, more=-1), None))
    """
    first = found[0]
    if all(type(one) is type(first) and repr(one) == repr(first) for one in found):
        return first
    if any(type(one) is not type(first) for one in found):
        raise VariesError
    if isinstance(first, slice):
        return slice(*(general([getattr(s, n) for s in found], rows) for n in ("start", "stop", "step")))
    if isinstance(first, (tuple, list)) and len({len(one) for one in found}) == 1:
        parts = [general(each, rows) for each in zip(*found, strict=True)]
        return type(first)(*parts) if hasattr(first, "_fields") else tuple(parts)
    return _line(found, rows)


def _line(found: Sequence[Any], rows: Sequence[int]) -> Rows:
    """The line through the points (rows, number); numbers are whole."""
    if not all(type(one) is int or (type(one) is float and one.is_integer()) for one in found):
        raise VariesError
    whole = [int(one) for one in found]
    times, rest = divmod(whole[1] - whole[0], rows[1] - rows[0])
    more = whole[0] - times * rows[0]
    if rest or any(times * n + more != one for n, one in zip(rows, whole, strict=True)):
        raise VariesError
    return Rows(times, more)


def product(sizes: Sequence[Size]) -> Size:
    """How many elements there are.

    Raises:
        VariesError: more than one size follows the number of rows.

    >>> product([2, Rows(1, 1), 3])
    Rows(times=6, more=6)
    """
    moving = [size for size in sizes if isinstance(size, Rows)]
    factor = math.prod(size for size in sizes if not isinstance(size, Rows))
    if len(moving) > 1:
        raise VariesError
    return Rows(moving[0].times * factor, moving[0].more * factor) if moving else factor
