"""How many numbers may be made for the weights of layers: while a file is read, no more than the file holds.

A file says how large its layers are. Believing it before looking at the arrays would let a few bytes ask for all memory.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar

from autograd.mode import switched

from .errors import FileError

_left: ContextVar[int | None] = ContextVar("left", default=None)


@contextmanager
def limited_to(numbers: int) -> Iterator[None]:
    """Inside, layers make at most so many numbers."""
    with switched(_left, numbers):
        yield


def claim(shape: Sequence[int]) -> None:
    """Ask for an array of `shape`.

    Raises:
        FileError: when more was asked for than the file holds.
    """
    left = _left.get()
    if left is None:
        return
    if math.prod(shape) > left:
        raise FileError(
            f"its description asks for weights of shape {tuple(shape)}, more than it holds"
        )
    _left.set(left - math.prod(shape))


LARGEST = 1 << 26
"""Numbers in an array that one sample leads to, while a file is read."""


def within_reason(*sizes: int) -> None:
    """Ask for an array of so many numbers on the way through a layer.

    Raises:
        FileError: a file is being read, and a sample of its model would need a huge array.
    """
    if _left.get() is not None and math.prod(sizes) > LARGEST:
        raise FileError(
            f"one sample of its model leads to an array of shape {sizes}, which is too large"
        )
