"""What a trace depends on besides its arguments, as a function that tells whether it still holds.

A trace freezes Python values. Which ones is known when it is over: the code that ran tells the
globals and the names of attributes that it read, and what can be reached by these, from the function,
from objects that it was given, through lists, dicts, objects, classes, other functions and modules,
is compared before every later call. The comparison is written out as a Python function and compiled,
so that a number costs about 50 ns. Objects are told apart by what they hold and not by which they
are, and none is kept alive, but for tensors.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any, NamedTuple

from .executed import Executed
from .guard_writer import Writer
from .leaks import Before
from .tensor import Tensor


class Difference(NamedTuple):
    """A value that is no longer what it was."""

    name: str
    old: Any
    new: Any


class Guards:
    """What a trace of `function` depended on.

    Args:
        function: that was traced.
        executed: the code that ran.
        arguments: the leaves of the arguments; those that are objects are looked at.
        state: tensors that a program reads: another one in the place of such a one is another program.
        before: what was there before the trace.

    Raises:
        TraceError: the trace changed a number that it read.

    >>> rate = 0.5
    >>> def scaled(x):
    ...     return x * rate
    >>> executed = Executed()
    >>> executed.during(lambda: scaled(1))
    0.5
    >>> guards = Guards(scaled, executed)
    >>> guards.broken() is None
    True
    >>> rate = 0.7
    >>> guards.broken()
    Difference(name="'rate'", old=0.5, new=0.7)
    """

    def __init__(
        self,
        function: Callable[..., Any],
        executed: Executed,
        arguments: Collection[Any] = (),
        state: Collection[Tensor] = (),
        before: Before | None = None,
    ) -> None:
        writer = Writer(executed, state, before)
        writer.write(function, list(arguments))
        if writer.meets_names:
            writer = Writer(executed, state, before, by_any_name=True)
            writer.write(function, list(arguments))
        self._names, self._old = writer.names, writer.old
        self._check = writer.compiled()
        self.unseen = writer.unseen
        self.of_users = bool(executed.codes) or not executed.is_complete
        """Whether code of a user's ran."""

    def broken(self, arguments: Collection[Any] = ()) -> Difference | None:
        """The first value that is another one; None where all are what they were."""
        try:
            found = self._check(arguments)
        except (AttributeError, LookupError, TypeError, ValueError) as error:
            # an attribute, an item or an argument is gone
            return Difference("what the step reads", "there", f"{type(error).__name__}: {error}")
        if found is None:
            return None
        number, new = found
        return Difference(self._names[number], self._old[number], new)
