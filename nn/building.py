"""Building: weights get their shapes, by `build` in this library's form or in Keras's.

This library calls `build(self, *shapes, dtype)`, with a shape for each input; Keras `build(self,
input_shape)`, with None for the batch, and a list of shapes where there are several inputs. Which one a class
has written is read off its signature, once, when the class is made; both may be called either way.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from autograd.mode import switched

from .errors import ArgumentError

_now: ContextVar[tuple[Any, str] | None] = ContextVar("what is being built", default=None)


default_float: ContextVar[str] = ContextVar("the dtype of weights behind whole numbers", default="float32")
"""For what dtype a module is built whose input has none of floating point."""


def dtype_being_built() -> str | None:
    """The dtype for which a module is being built right now; None where none is."""
    now = _now.get()
    return None if now is None else now[1]


@contextmanager
def building(module: Any, dtype: Any) -> Iterator[None]:
    """Inside, `module` is being built, its weights in `dtype`."""
    with switched(_now, (module, str(dtype))):
        yield


def either_form(build: Callable[..., None]) -> Callable[..., None]:
    """`build` of a class, which may now be called in both forms, whichever it is written in."""
    parameters = inspect.signature(build).parameters.values()
    names = [p.name for p in parameters][1:]
    has_dtype = "dtype" in names or any(p.kind is p.VAR_KEYWORD for p in parameters)

    @functools.wraps(build)
    def built(self: Any, *shapes: Any, dtype: Any = None, **named: Any) -> None:
        if strange := [name for name in named if name not in (*names, "input_shape")]:
            raise TypeError(f"{type(self).__name__}.build: unknown argument {strange[0]!r}")
        shapes, now = (*shapes, *named.values()), _now.get()
        if now is None or now[0] is not self:
            self._built_by_hand(shapes, dtype or dtype_being_built())
        elif has_dtype:
            build(self, *_each(shapes), dtype=dtype or now[1])
        else:
            build(self, *_in_keras_form(shapes, len(names)))

    return built


def _each(shapes: tuple[Any, ...]) -> tuple[Any, ...]:
    """The shapes one by one, where they may be a list."""
    lists = len(shapes) == 1 and isinstance(shapes[0], (list, tuple)) and shapes[0]
    if lists and all(isinstance(shape, (list, tuple)) for shape in shapes[0]):
        return tuple(shapes[0])
    return shapes


def _in_keras_form(shapes: tuple[Any, ...], count: int) -> tuple[Any, ...]:
    """As many arguments as a `build` in Keras's form takes, with None for the batch."""
    each = [(None, *shape[1:]) for shape in _each(shapes)]
    if count == len(each):
        return tuple(each)
    return (each,) if count == 1 else ()


def samples(kind: str, shapes: tuple[Any, ...]) -> list[tuple[int, ...]]:
    """Shapes that a user gave to `build`, one for each input, with 1 for the batch where it is None.

    Raises:
        ArgumentError: they are no shapes, or another size than the batch is None.
    """
    found = []
    for shape in _each(shapes):
        if not isinstance(shape, (tuple, list)) or not shape:
            raise ArgumentError(f"{kind}.build: a shape such as (None, 7) is expected, got {shape!r}")
        first, *rest = shape
        if not all(isinstance(size, int) and size >= 0 for size in (first or 0, *rest)):
            raise ArgumentError(
                f"{kind}.build: the sizes of {tuple(shape)} behind the batch have to be known, integers >= 0"
            )
        found.append((first or 1, *rest))
    return found
