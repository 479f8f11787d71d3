"""Compiled functions as methods: each object has its own, by identity, and none lives longer for it."""

from __future__ import annotations

import inspect
import sys
import weakref
from collections.abc import Callable
from typing import Any

_KEPT = 64
"""Objects that cannot be referred to weakly are held; so many of one method."""


class WeakMethod:
    """A function bound to an object that lives no longer for it.

    Args:
        function: takes the object first.
        instance: the object. One that cannot be referred to weakly
            (`__slots__` without `__weakref__`) is held.
    """

    def __init__(self, function: Callable[..., Any], instance: Any) -> None:
        self.function = function
        self.__name__ = str(getattr(function, "__name__", "step"))
        self.__doc__ = function.__doc__
        self.instance: Callable[[], Any]
        try:
            self.instance = weakref.ref(instance)
        except TypeError:
            self.instance = lambda: instance

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.function(self.instance(), *args, **kwargs)


class BoundMethod:
    """A compiled method of one object, which it keeps alive."""

    def __init__(self, jitted: Any, instance: Any) -> None:
        self._jitted = jitted
        self.__self__ = instance
        self.__doc__ = jitted.__doc__

    @property
    def __signature__(self) -> inspect.Signature:
        whole = inspect.signature(self._jitted.function.function)
        return whole.replace(parameters=list(whole.parameters.values())[1:])

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run on the arguments."""
        return self._jitted(*args, **kwargs)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._jitted, name)

    def __reduce__(self) -> Any:
        return getattr, (self.__self__, self._jitted.name)


class Methods:
    """The compiled methods of a function, by the identity of their objects:
    equal ones may hold other numbers.
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function = function
        self._made: dict[int, Any] = {}
        self._held: list[int] = []

    def of(self, instance: Any, make: Callable[[WeakMethod], Any]) -> BoundMethod:
        """The method of `instance`, made from its function where it is the first time."""
        number = id(instance)
        if number not in self._made:
            self._made[number] = make(WeakMethod(self.function, instance))
            try:
                weakref.finalize(instance, self._made.pop, number, None)
            except TypeError:
                self._held.append(number)
                if len(self._held) > _KEPT:
                    self._made.pop(self._held.pop(0), None)
        return BoundMethod(self._made[number], instance)


def is_found_by_name(function: Any) -> bool:
    """Whether what is bound to the name of `function` in its module is
    itself, as for a decorated function.
    """
    found: Any = sys.modules.get(function.__module__)
    for name in str(getattr(function, "__qualname__", "<unknown>")).split("."):
        found = getattr(found, name, None)
    return found is function
