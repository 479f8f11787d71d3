"""Classes and functions of one's own by name, for files and configurations that hold names alone.

What is registered is known everywhere; what a scope or an argument `custom_objects` gives, there.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, TypeVar

from autograd.mode import switched

from .arguments import TEXT, shown
from .errors import ArgumentError

T = TypeVar("T")
_registered: dict[str, Any] = {}
_names: dict[int, str] = {}
"""By identity of what was registered, which `_registered` keeps alive."""
_scope: ContextVar[Mapping[str, Any] | None] = ContextVar("custom objects", default=None)
_everywhere: dict[str, Any] = {}
"""What a script has put into `get_custom_objects()`."""


def register_keras_serializable(package: str = "Custom", name: str | None = None) -> Callable[[T], T]:
    """A decorator: files may name this class or function, and `nn.load` then needs no `custom_objects`.

    Args:
        package: a word before the name, so that two packages may have the same names.
        name: default that of the class or function.

    Raises:
        ArgumentError: it is neither a class nor a function.

    >>> import io, nn
    >>> @nn.saving.register_keras_serializable("docs")
    ... class Doubling(nn.Layer):
    ...     def call(self, x):
    ...         return x * 2.0
    >>> model, file = nn.Sequential([nn.Input((1,)), Doubling()]), io.BytesIO()
    >>> model.save(file); _ = file.seek(0)
    >>> nn.load(file).predict([[3.0]]).tolist()
    [[6.0]]
    """
    package = TEXT.checked("register_keras_serializable", "package", package)
    name = TEXT.or_none().checked("register_keras_serializable", "name", name)

    def register(thing: T) -> T:
        if not (inspect.isclass(thing) or inspect.isfunction(thing)):
            raise ArgumentError(
                f"register_keras_serializable: a class or a function is expected, got {shown(thing)}"
            )
        full = f"{package}>{name or thing.__name__}"
        before = _registered.get(full)
        if before is not None:
            _names.pop(id(before), None)
        _registered[full], _names[id(thing)] = thing, full
        return thing

    return register


def get_registered_name(thing: Any) -> str:
    """ "package>name" of what is registered, else its own name."""
    return _names.get(id(thing)) or str(thing.__name__)


def get_registered_object(
    name: str,
    custom_objects: Mapping[str, Any] | None = None,
    module_objects: Mapping[str, Any] | None = None,
) -> Any:
    """What is known under that name; None where nothing is."""
    for known in (_scope.get() or {}, _everywhere, _registered, custom_objects or {}, module_objects or {}):
        if name in known:
            return known[name]
    return None


def get_custom_objects() -> dict[str, Any]:
    """The dict of names that are known everywhere; what is put into it is known from now on."""
    return _everywhere


@contextmanager
def custom_object_scope(*objects: Mapping[str, Any]) -> Iterator[None]:
    """Inside, these names are known as well.

    >>> import nn
    >>> with nn.saving.custom_object_scope({"twice": lambda x: x * 2.0}):
    ...     nn.saving.get_registered_object("twice")(2.0)
    4.0
    """
    for given in objects:
        checked_objects("custom_object_scope", given)
    found = dict(_scope.get() or {})
    for given in objects:
        found |= given
    with switched(_scope, found):
        yield


CustomObjectScope = custom_object_scope


def checked_objects(owner: str, objects: Any) -> Mapping[str, Any]:
    """A dict from names, or None.

    Raises:
        ArgumentError: it is neither.
    """
    if not (objects is None or isinstance(objects, Mapping)):
        raise ArgumentError(f"{owner}: custom_objects is a dict from names to classes, got {shown(objects)}")
    return objects or {}


def known_objects(library: Mapping[str, Any], custom_objects: Mapping[str, Any]) -> dict[str, Any]:
    """All that a name in a file may mean; what is nearer hides what is farther."""
    plain = {full.rpartition(">")[2]: thing for full, thing in _registered.items()}
    return {**plain, **library, **_registered, **_everywhere, **(_scope.get() or {}), **custom_objects}
