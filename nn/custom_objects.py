"""Own classes and functions by name: what files and descriptions may name besides this package's own."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeVar

from .errors import ArgumentError

T = TypeVar("T")
_known: dict[str, Any] = {}
_names: dict[Any, str] = {}


def get_custom_objects() -> dict[str, Any]:
    """The dict of all that is known by name; what is put into it is found when a model is read.

    >>> import nn
    >>> nn.utils.get_custom_objects()["Mine"] = nn.Dense
    >>> del nn.utils.get_custom_objects()["Mine"]
    """
    return _known


def register_keras_serializable(package: str = "Custom", name: str | None = None) -> Callable[[T], T]:
    """A decorator: the class or function is found under "package>name" when a model is read.

    Raises:
        ArgumentError: a class without `get_config`, or another one has that name.

    >>> import nn
    >>> @nn.utils.register_keras_serializable("docs")
    ... class Twice(nn.Layer):
    ...     def call(self, x):
    ...         return x * 2.0
    >>> nn.utils.get_registered_name(Twice)
    'docs>Twice'
    """

    def register(thing: T) -> T:
        short = name or getattr(thing, "__name__", None)
        if short is None:
            raise ArgumentError("register_keras_serializable: expected a class or a function")
        full = f"{package}>{short}"
        taken = _known.get(full)
        same = getattr(taken, "__qualname__", 0) == getattr(thing, "__qualname__", 1)
        if taken is not None and not same:
            raise ArgumentError(f"register_keras_serializable: {full!r} is {taken!r} already")
        _known[full], _names[thing] = thing, full
        return thing

    return register


def get_registered_name(obj: Any) -> str:
    """ "package>name" of what was registered, else its own name."""
    found = _names.get(obj) if getattr(obj, "__hash__", None) else None
    return found or str(getattr(obj, "__name__", type(obj).__name__))


def get_registered_object(
    name: str,
    custom_objects: Mapping[str, Any] | None = None,
    module_objects: Mapping[str, Any] | None = None,
) -> Any:
    """What is known under a name; None where nothing is."""
    for table in (_known, custom_objects or {}, module_objects or {}):
        if name in table:
            return table[name]
    return None


@contextmanager
def custom_object_scope(objects: Mapping[str, Any]) -> Iterator[None]:
    """Inside, these are known by name, too.

    >>> import nn
    >>> with nn.utils.custom_object_scope({"Mine": nn.Dense}):
    ...     "Mine" in nn.utils.get_custom_objects()
    True
    """
    if not isinstance(objects, Mapping):
        raise ArgumentError(f"custom_object_scope: a dict of names is expected, got {type(objects).__name__}")
    before = dict(_known)
    _known.update(objects)
    try:
        yield
    finally:
        _known.clear()
        _known.update(before)


CustomObjectScope = custom_object_scope


def known_by_name(given: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """All of it, and `given`, by what a file calls it: functions by their own name, too."""
    found = dict(_known)
    for thing in _known.values():
        if inspect.isfunction(thing):
            found.setdefault(thing.__name__, thing)
    return found | dict(given or {})
