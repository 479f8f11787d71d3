"""What an argument that is no number may be: flags, texts, words, paths, functions, and things known by name.

Declared once for each class as `forms`, beside the `ranges` of its numbers (`ranges.py`), and checked whenever the
attribute of that name is set; functions call `checked` themselves.
"""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from .errors import ArgumentError
from .ranges import INTEGER, Range, shown


class Form(NamedTuple):
    """Values that `keep` knows; `words` says so in the error: "Adam: amsgrad is True or False, got 3"."""

    words: str
    keep: Callable[[Any], Any]
    """The value as it is kept. It raises ValueError or TypeError for what is none; an ArgumentError says why."""
    optional: bool = False
    """None is allowed."""

    def checked(self, owner: str, name: str, value: Any) -> Any:
        """`value` as it is kept.

        Raises:
            ArgumentError: it is none of these.
        """
        if value is None and self.optional:
            return None
        try:
            return self.keep(value)
        except ArgumentError as error:
            raise ArgumentError(f"{owner}: {name}: {error}") from error
        except (TypeError, ValueError):
            words = f"{self.words} or None" if self.optional else self.words
            raise ArgumentError(f"{owner}: {name} {words}, got {shown(value)}") from None

    def or_none(self) -> Form:
        """The same, or None."""
        return self._replace(optional=True)


def _flag(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    if str(getattr(value, "dtype", "")) != "bool" or getattr(value, "ndim", True):
        raise TypeError
    return bool(value)


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


def _key(value: Any) -> str:
    if not _text(value):
        raise ValueError
    return str(value)


def _separator(value: Any) -> str:
    if len(_text(value)) != 1 or value in '\r\n"':
        raise ValueError
    return str(value)


def _path(value: Any) -> str:
    path = os.fspath(value)
    if "\0" in _key(path):
        raise ValueError
    return str(path)


def _folder(value: Any) -> str:
    path = _path(value)
    if os.path.exists(path) and not os.path.isdir(path):
        raise ArgumentError(f"a folder is expected, and {path!r} is a file")
    return path


FLAG = Form("is True or False", _flag)
TEXT = Form("is a text", _text)
KEY = Form("is a text that is not empty", _key)
SEPARATOR = Form("is a single character, no quote and no end of a line", _separator)
PATH = Form("is a path", _path)
FOLDER = Form("is the path of a folder", _folder)


def _axes(value: Any) -> Any:
    several = isinstance(value, (tuple, list))
    try:
        given = value if several else (value,)
        found = tuple(INTEGER.checked("", "axis", axis) for axis in given)
    except ArgumentError:
        raise ValueError from None
    if not found or len(set(found)) < len(found):
        raise ValueError
    return found if several else found[0]


def _backend(value: Any) -> Any:
    ready = hasattr(value, "asarray") and isinstance(getattr(value, "name", None), str)
    if isinstance(value, type) or not (isinstance(value, str) or ready):
        raise TypeError
    return value


def _model(value: Any) -> Any:
    if isinstance(value, type) or not hasattr(value, "compiled_loss"):
        raise TypeError
    return value


def _predictor(value: Any) -> Any:
    if isinstance(value, type) or not callable(getattr(value, "predict", None)):
        raise TypeError
    return value


MODEL = Form("is an nn.Model", _model)
PREDICTOR = Form("is a model, with a method predict", _predictor)
AXES = Form("is an integer or a tuple of them, each once", _axes)
BACKEND = Form("is the name of a backend", _backend, optional=True)


def choice(*words: str | None) -> Form:
    """One of these words; None may be one of them."""

    def keep(value: Any) -> str | None:
        if not (value is None or isinstance(value, str)) or value not in words:
            raise ValueError
        return value

    return Form(f"is one of {', '.join(map(repr, words))}", keep)


def function(words: str, *numbers: int) -> Form:
    """A function that takes so many arguments, or so many; `words` are those of the error."""

    def keep(value: Any) -> Any:
        if not callable(value) or isinstance(value, type) or not takes(value, *numbers):
            raise TypeError
        return value

    return Form(words, keep)


def takes(function: Callable[..., Any], *numbers: int, **named: Any) -> bool:
    """Whether it can be called with one of these numbers of arguments, as far as its signature tells; and those `named`."""
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):
        return True
    return any(_binds(signature, number, named) for number in numbers)


def _binds(signature: inspect.Signature, number: int, named: Mapping[str, Any]) -> bool:
    try:
        signature.bind(*range(number), **named)
    except TypeError:
        return False
    return True


def made(kind: str, value: Any) -> Any:
    """`value`, or what it makes without arguments where it is a class; `kind` is what it should be, in words.

    Raises:
        ArgumentError: the class needs arguments, so it is of another kind.
    """
    if isinstance(value, type):
        if not takes(value, 0):
            raise ArgumentError(
                f"{kind}: expected a name or an object, got the class {value.__name__}"
            )
        return value()
    return value


def called(kind: str, value: Any, numbers: int, arguments: str) -> Any:
    """A callable that takes as many arguments as one of its kind is given; None for what cannot be called at all.

    Raises:
        ArgumentError: it can be called otherwise alone.
    """
    if not callable(value):
        return None
    if isinstance(value, type) or not takes(value, numbers):
        raise ArgumentError(f"{kind}: expected a function of {arguments}, got {shown(value)}")
    return value


def numbers(owner: str, name: str, values: Any, each: Range) -> list[Any]:
    """Several numbers of a kind as a list.

    Raises:
        ArgumentError: it is no list, or names the first that is none of these numbers.
    """
    if isinstance(values, (str, bytes, Mapping)) or not isinstance(values, Iterable):
        raise ArgumentError(f"{owner}: {name} is a list of numbers, got {shown(values)}")
    return [each.checked(owner, f"{name}[{i}]", value) for i, value in enumerate(values)]
