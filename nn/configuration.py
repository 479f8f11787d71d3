"""The constructor's arguments of an object, read from its attributes: what files and `get_config` hold."""

from __future__ import annotations

import inspect
from typing import Any

from .errors import ArgumentError


def config_of(thing: Any) -> dict[str, Any]:
    """The values of the constructor's arguments, read from the attributes of the same names."""
    return own_config(thing)


def own_config(thing: Any, lenient: bool = False) -> dict[str, Any]:
    """The same; `lenient` leaves out what is no attribute, for a class that adds it itself."""
    signature = inspect.signature(type(thing).__init__)
    names = [
        name
        for name, parameter in signature.parameters.items()
        if name != "self" and parameter.kind not in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)
    ]
    for name in names:
        if not hasattr(thing, name) and not lenient:
            raise ArgumentError(
                f"{type(thing).__name__} takes {name!r} and keeps no attribute of that name, so it cannot "
                f"be made again. Set self.{name} = {name} in __init__, or write get_config()."
            )
    return {name: getattr(thing, name) for name in names if hasattr(thing, name)}


def takes_keywords(kind: type) -> bool:
    """Whether the constructor hands on arguments that it does not name."""
    parameters = inspect.signature(kind.__init__).parameters.values()  # type: ignore[misc]
    return any(p.kind is p.VAR_KEYWORD for p in parameters)
