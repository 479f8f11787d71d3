"""Objects that are described by their class and arguments: Keras's `get_config`, `from_config`, `serialize`.

The description is that of Keras, `{"class_name": "Huber", "config": {"delta": 2.0, ...}}`, in which objects
among the arguments are described in the same way, and functions by their name. It is plain values alone, and
no code.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any, Self, TypeVar

from autograd.errors import nearest

from .arguments import Checked, shown
from .configuration import argument_names, config_of, kept
from .errors import ArgumentError

T = TypeVar("T")
_KNOWN = {"class_name", "config", "module", "registered_name"}
"""What a description of Keras's holds; the last two say where its class is found there."""


class Configured(Checked):
    """Base of what is described by its class and its arguments."""

    def get_config(self) -> dict[str, Any]:
        """The arguments of the constructor by name, from which `from_config` makes the same again.

        >>> import nn
        >>> nn.L2(0.5).get_config()
        {'l2': 0.5}
        """
        # one of somebody's own adds what it keeps under other names
        lenient = not type(self).get_config.__module__.startswith("nn.")
        return kept(self, argument_names(type(self)), lenient)

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        """The object with these arguments.

        >>> import nn
        >>> nn.L2.from_config({"l2": 0.5}).l2
        0.5
        """
        return cls(**config)


def serialize(thing: Any) -> Any:
    """The description of an object; the name of a function; plain values and lists as they are.

    Raises:
        ArgumentError: a function without a name.

    >>> import nn
    >>> nn.losses.serialize(nn.losses.Huber(2.0))["class_name"]
    'Huber'
    """
    if isinstance(thing, Mapping):
        return {key: serialize(item) for key, item in thing.items()}
    if isinstance(thing, (list, tuple)):
        return [serialize(item) for item in thing]
    if thing is None or isinstance(thing, (bool, int, float, str)):
        return thing
    if inspect.isfunction(thing):
        if not thing.__name__.isidentifier():
            raise ArgumentError("serialize: a function is described by its name, and this one has none")
        return thing.__name__
    config = thing.get_config() if hasattr(thing, "get_config") else config_of(thing)
    return {"class_name": type(thing).__name__, "config": serialize(config)}


def described(kind: str, value: Any, classes: Mapping[str, Any], custom_objects: Any = None) -> Any:
    """The object of a description that `serialize` or Keras made.

    Args:
        kind: what it is, for the error.
        value: the description.
        classes: those that it may name.
        custom_objects: more of them, of one's own.

    Raises:
        ArgumentError: it names something else, or is no description.
    """
    if not (custom_objects is None or isinstance(custom_objects, Mapping)):
        raise ArgumentError(
            f"{kind}: custom_objects is a dict of classes by name, got {shown(custom_objects)}"
        )
    known = {**classes, **(custom_objects or {})}
    if isinstance(value, list):
        return [described(kind, item, known) for item in value]
    if not isinstance(value, Mapping):
        return value
    if "class_name" not in value:
        return {key: described(kind, item, known) for key, item in value.items()}
    if not value.keys() <= _KNOWN:
        raise ArgumentError(
            f"{kind}: a description holds {', '.join(sorted(_KNOWN))}, got {', '.join(value)}"
        )
    name = value["class_name"]
    made = known.get(name)
    if made is None:
        raise ArgumentError(f"unknown {kind} {name!r}. {nearest(str(name), known)}")
    config = {key: described(kind, item, known) for key, item in (value.get("config") or {}).items()}
    return made.from_config(config) if hasattr(made, "from_config") else made(**config)


def is_description(value: Any) -> bool:
    """Whether it is what `serialize` gives for an object."""
    return isinstance(value, Mapping) and "class_name" in value


def deserializer(kind: str, get: Callable[[Any], Any], classes: Mapping[str, Any]) -> Callable[..., Any]:
    """The function `deserialize` of a module.

    Args:
        kind: of its objects, for errors.
        get: from a name, a class or an object to an object.
        classes: by name.
    """

    def deserialize(config: Any, custom_objects: Mapping[str, Any] | None = None) -> Any:
        """The object that `serialize` described; `custom_objects` are one's own things by name."""
        own = custom_objects or {}
        if isinstance(config, str) and isinstance(own, Mapping) and config in own:
            return get(own[config])
        return get(described(kind, config, classes, custom_objects))

    return deserialize
