"""What is switched on right now: building graphs, looking for anomalies. A
value of the context, never a global.

Threads and asyncio tasks each see their own mode.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Generator, Iterator
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from typing import Any, NamedTuple, ParamSpec, TypeVar

import backends
from backends.program import TraceBackend
from backends.switching import switched as switched
from backends.switching import turned

P = ParamSpec("P")
R = TypeVar("R")


class Made:
    """What ops did in some stretch of code: the identities of new vertices, and
    the array of each leaf that was read.
    """

    __slots__ = ("arrays", "ids")

    def __init__(self) -> None:
        self.ids: set[int] = set()
        self.arrays: dict[Any, Any] = {}


class Mode(NamedTuple):
    """`grad`: results of tracked tensors are tracked. `anomaly`: every
    result is checked for NaN and infinity.

    `made`: where new nodes are noted. `trace`: what a step is being traced to; it is
    told the scope of what it records.
    `watched`: whether one of those three needs to see results, so that an op asks one question and not three.
    """

    grad: bool = True
    anomaly: bool = False
    made: Made | None = None
    trace: TraceBackend | None = None
    watched: bool = False


mode: ContextVar[Mode] = ContextVar("mode", default=Mode())  # noqa: B039 - a Mode is immutable


inside: ContextVar[str | None] = ContextVar("inside", default=None)
"""The layer that is being called, from which no values may be taken
without saying that gradients end there.
"""


@contextmanager
def recorded_nodes() -> Iterator[Made]:
    """Graphs are built inside, and noted. Nests."""
    outer, made = mode.get(), Made()
    try:
        with switched(mode, outer._replace(grad=True, made=made, watched=True)):
            yield made
    finally:
        if outer.made is not None:
            outer.made.ids |= made.ids
            outer.made.arrays |= made.arrays


class _Switch:
    """A context manager, also usable as a decorator, that changes one field of the mode."""

    _change: dict[str, Any]

    def __new__(cls, function: Callable[..., Any] | None = None) -> Any:
        """`@no_grad` is `@no_grad()`."""
        switch = super().__new__(cls)
        if function is None:
            return switch
        switch.__init__()  # type: ignore[misc]
        return switch(function)

    def __init__(self) -> None:
        self._turned: list[Generator[None]] = []

    def __enter__(self) -> None:
        turn = turned(mode, mode.get()._replace(**self._change))
        next(turn)
        self._turned.append(turn)

    def __exit__(self, *exception: object) -> None:
        self._turned.pop().close()

    def __call__(self, function: Callable[P, R]) -> Callable[P, R]:
        """`function` with the switch thrown whenever its code runs: in each
        turn of a generator, not between them.
        """
        switch = type(self)
        if inspect.isgeneratorfunction(function):
            return _of_generator(switch, function)  # type: ignore[no-any-return]
        if inspect.isasyncgenfunction(function):
            return _of_async_generator(switch, function)  # type: ignore[no-any-return]
        if inspect.iscoroutinefunction(function):
            return _of_coroutine(switch, function)  # type: ignore[no-any-return]

        @functools.wraps(function)
        def wrapped(*args: P.args, **kwargs: P.kwargs) -> R:
            with switch():
                return function(*args, **kwargs)

        return wrapped


def _of_coroutine(switch: Callable[[], Any], function: Any) -> Any:
    @functools.wraps(function)
    async def wrapped(*args: Any, **kwargs: Any) -> Any:
        with switch():
            return await function(*args, **kwargs)

    return wrapped


def _of_generator(switch: Callable[[], Any], function: Any) -> Any:
    @functools.wraps(function)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        generator = function(*args, **kwargs)
        turn, given = generator.send, None
        while True:
            try:
                with switch():
                    value = turn(given)
            except StopIteration as end:
                return end.value
            try:
                turn, given = generator.send, (yield value)
            except GeneratorExit:
                with switch():
                    generator.close()
                raise
            except BaseException as error:
                turn, given = generator.throw, error

    return wrapped


def _of_async_generator(switch: Callable[[], Any], function: Any) -> Any:
    @functools.wraps(function)
    async def wrapped(*args: Any, **kwargs: Any) -> Any:
        generator = function(*args, **kwargs)
        turn, given = generator.asend, None
        while True:
            try:
                with switch():
                    value = await turn(given)
            except StopAsyncIteration:
                return
            try:
                turn, given = generator.asend, (yield value)
            except GeneratorExit:
                with switch():
                    await generator.aclose()
                raise
            except BaseException as error:
                turn, given = generator.athrow, error

    return wrapped


class no_grad(_Switch):
    """Results are not tracked: no graph is built and nothing is saved. As `with no_grad():` or `@no_grad()`.

    >>> import autograd as ag
    >>> x = ag.tensor([1.0], requires_grad=True)
    >>> with ag.no_grad():
    ...     y = x * 2
    >>> y.requires_grad
    False
    """

    _change = {"grad": False}


class enable_grad(_Switch):
    """Undo an outer `no_grad`.

    >>> import autograd as ag
    >>> x = ag.tensor([1.0], requires_grad=True)
    >>> with ag.no_grad(), ag.enable_grad():
    ...     y = x * 2
    >>> y.requires_grad
    True
    """

    _change = {"grad": True}


class detect_anomaly(_Switch):
    """Stop at the op that produces the first NaN or infinity, in forward or
    backward, and name the calling line.

    An infinity in your own data is let through (masks use it); a NaN in it is named at the first op
    that reads it. An array that was changed in place between forward and backward is named as well.
    Slow: every result is looked at. The floating-point warnings of the default backend are off
    inside, because the error says more.

    >>> import autograd as ag
    >>> with ag.detect_anomaly():
    ...     ag.log(ag.tensor([-1.0]))
    Traceback (most recent call last):
    ...
    autograd.errors.AnomalyError: log: the result holds NaN ...
    """

    _change = {"anomaly": True, "watched": True}

    def __init__(self) -> None:
        super().__init__()
        self._quiet: list[AbstractContextManager[Any]] = []

    def __enter__(self) -> None:
        super().__enter__()
        self._quiet.append(backends.default().quiet())
        self._quiet[-1].__enter__()

    def __exit__(self, *exception: object) -> None:
        self._quiet.pop().__exit__(None, None, None)
        super().__exit__(*exception)
