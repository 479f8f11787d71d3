"""What arguments of layers of images and sequences may be: sizes for one axis or two, borders, words."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..arguments import COUNT, COUNT_OR_ZERO, TEXT, Form, Range, form

Pair = tuple[int, int]


@form("is an integer >= 1")
def SINGLE(value: Any) -> tuple[int]:
    """(size,) from an integer or a tuple of one."""
    (size,) = map(COUNT.keep, _parts(value, 1))
    return (size,)


@form("is an integer >= 0 or two of them, before and after")
def ENDS(value: Any) -> Pair:
    """(before, after) of one axis; one number is both."""
    return _pair(value, COUNT_OR_ZERO)


@form("is an integer >= 0, two of them for height and width, or ((top, bottom), (left, right))")
def BORDERS(value: Any) -> tuple[Pair, Pair]:
    """((top, bottom), (left, right)); one number is all four, two are those of height and of width."""
    height, width = _parts(value, 2)
    return _pair(height, COUNT_OR_ZERO), _pair(width, COUNT_OR_ZERO)


@form("is an integer >= 0 or two of them")
def PAIR_OR_ZERO(value: Any) -> Pair:
    return _pair(value, COUNT_OR_ZERO)


@form("is an integer >= 0")
def SINGLE_OR_ZERO(value: Any) -> tuple[int]:
    (size,) = map(COUNT_OR_ZERO.keep, _parts(value, 1))
    return (size,)


def _parts(value: Any, count: int) -> tuple[Any, ...]:
    """One for each axis."""
    return tuple(value) if isinstance(value, (tuple, list)) else (value,) * count


def _pair(value: Any, each: Range) -> Pair:
    first, second = map(each.keep, _parts(value, 2))
    return first, second


def lower_case(*words: str) -> Form:
    """One of these words, in capitals or not."""

    def kept(value: Any) -> str:
        word = str(TEXT.keep(value)).lower()
        if word not in words:
            raise ValueError
        return word

    decorate: Callable[[Callable[[Any], Any]], Form] = form(f"is one of {', '.join(map(repr, words))}")
    return decorate(kept)


PADDING = lower_case("valid", "same")
CAUSAL_PADDING = lower_case("valid", "same", "causal")


def of_image(sizes: tuple[int, ...], height: int = 1) -> Pair:
    """(height, width) of two sizes, or of one and this `height`."""
    first, second = sizes if len(sizes) == 2 else (height, *sizes)
    return first, second
