"""Switches: variables of the context that have another value for a while, also
when an exception comes from outside.

A handler of a signal may raise between any two bytecodes. A generator takes the value back
whatever happens: at its end, or when nobody holds it any more, which is where an exception
between its making and its end leaves it.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar, Token
from typing import Any, TypeVar

T = TypeVar("T")


def turned(variable: ContextVar[T], value: T) -> Generator[None, Any, None]:
    """From `next` until it is closed, or gone, `variable` has this value.

    >>> level = ContextVar("level", default=0)
    >>> turn = turned(level, 1); next(turn); level.get()
    1
    >>> turn.close(); level.get()
    0
    """
    tokens: list[Token[T]] = []
    try:
        # one call into C, so that nothing comes between the change and its note
        tokens.extend(map(variable.set, (value,)))
        yield
    finally:
        for token in tokens:
            variable.reset(token)


switched = contextmanager(turned)
"""Inside `with switched(variable, value)`, the variable has this value."""
