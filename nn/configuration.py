"""The constructor's arguments of an object, read from its attributes: what files and `get_config` hold."""

from __future__ import annotations

import inspect
from collections.abc import Hashable, Iterable
from typing import Any

from .arguments import shown
from .errors import ArgumentError

_VARIABLE = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)


def _parameters(cls: type) -> list[inspect.Parameter]:
    return list(inspect.signature(cls.__init__).parameters.values())[1:]  # type: ignore[misc]


def takes_keywords(cls: type) -> bool:
    """Whether the constructor hands on arguments that it does not name."""
    return any(p.kind is p.VAR_KEYWORD for p in _parameters(cls))


def own_names(cls: type) -> list[str]:
    """The arguments that the constructor names itself."""
    return [p.name for p in _parameters(cls) if p.kind not in _VARIABLE]


def argument_names(cls: type) -> list[str]:
    """The arguments of its constructor; those that `**kwargs` hands on to a base, too."""
    names: list[str] = []
    for base in cls.__mro__:
        if "__init__" in vars(base) and base is not object:
            names += [name for name in own_names(base) if name not in names]
            if not takes_keywords(base):
                break
    return names


def kept(thing: Any, names: Iterable[str], lenient: bool = False) -> dict[str, Any]:
    """The attributes of these names.

    Args:
        thing, names: as it says.
        lenient: leave out what is no attribute, for a class that adds it itself.

    Raises:
        ArgumentError: there is none of such a name.
    """
    held = {name: getattr(thing, name) for name in names if hasattr(thing, name)}
    missing = next((name for name in names if name not in held), None)
    if missing is not None and not lenient:
        raise ArgumentError(
            f"{type(thing).__name__} takes {missing!r} and keeps no attribute of that name, so it cannot "
            f"be made again. Set self.{missing} = {missing} in __init__, or write get_config()."
        )
    return held


def config_of(thing: Any, lenient: bool = False) -> dict[str, Any]:
    """The values of the constructor's own arguments, read from the attributes of the same names."""
    return kept(thing, own_names(type(thing)), lenient)


def written_config(thing: Any, where: str) -> dict[str, Any]:
    """What a file holds of an object: what its `get_config` says, else the arguments of its constructor.

    Args:
        thing: the object.
        where: what it is an argument of, for the error.

    Raises:
        ArgumentError: it has no `get_config` and its constructor is not written in Python with arguments of
            its own, as of a set, an array or a member of an enum: nobody could make it again.
    """
    own: Any = None if inspect.isclass(thing) else getattr(thing, "get_config", None)
    if own is not None:
        config: dict[str, Any] = own()
        return config
    kind: Any = type(thing)
    bare = kind.__init__ is object.__init__ and kind.__new__ is object.__new__ and kind is not object
    known = inspect.isfunction(kind.__init__) and not _takes_any(kind) and not hasattr(thing, "__array__")
    if not (bare or known):
        found = f"of type {kind.__name__}"
        if isinstance(thing, dict):
            texts = all(isinstance(key, str) for key in thing)
            found = "a dict with " + ("the keys that mark objects" if texts else "keys other than texts")
        raise ArgumentError(
            f"{where or 'this'} is {found}, got {shown(thing)}; files and JSON hold numbers, texts, lists, "
            "dicts with texts for keys, and objects with a get_config(). Write a get_config() that gives "
            "such, and a constructor or from_config() that takes them"
        )
    return config_of(thing)


def _takes_any(cls: type) -> bool:
    """Whether the constructor takes arguments by position without names, so that no attribute is one."""
    return any(p.kind is p.VAR_POSITIONAL for p in _parameters(cls))


def as_number(thing: Any) -> Any:
    """A number or truth value of NumPy as Python's; anything else as it is."""
    # arrays, those without axes too, can be changed and have no hash
    kind: Any = type(thing)
    is_scalar = kind.__module__ == "numpy" and issubclass(kind, Hashable) and hasattr(kind, "item")
    if not is_scalar or thing.dtype.kind not in "biuf":
        return thing
    number = thing.item()
    return number if isinstance(number, (bool, int, float)) else thing
