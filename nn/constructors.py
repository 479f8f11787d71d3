"""Constructors written from a class's own arguments and those of its bases, each declared once.

An argument is an annotated attribute of the class, as in a dataclass:

    epsilon: float = argument(NOT_NEGATIVE, default=1e-7)

As there, those of a base come first; only those of a `common` base come last: what every optimizer takes is
written in `Optimizer`. The signature is a real one, with every default. Type checkers read it as that of a
dataclass, and take what is common by keyword alone.
"""

from __future__ import annotations

import functools
import inspect
import re
import sys
from collections.abc import Callable, Mapping
from typing import Any, Literal, NamedTuple, TypeVar, dataclass_transform

from .arguments import Check

T = TypeVar("T")
REQUIRED: Any = object()
OWN_NAME: Any = object()
"""The default of a name: that of the class in snake case."""


class Argument(NamedTuple):
    """What a class says of an argument of its constructor."""

    check: Check | None = None
    default: Any = REQUIRED
    after: str = ""
    takes: Check | None = None
    instead_of_none: Callable[[Any], Any] | None = None
    annotation: str = ""
    common: bool = False
    unset: bool = False

    def over(self, other: Argument) -> Argument:
        """This one, of a subclass, with what only that of the base says; checks of a base count anyway."""
        return self._replace(
            takes=self.takes or other.takes, instead_of_none=self.instead_of_none or other.instead_of_none
        )

    def given(self, owner: Any, name: str, value: Any) -> Any:
        """What the constructor of `owner` sets for `value`."""
        if self.takes is not None:
            value = self.takes.checked(type(owner).__name__, name, value)
        if value is None and self.instead_of_none is not None:
            return self.instead_of_none(owner)
        return value


class Attribute(NamedTuple):
    """An annotated attribute that is no argument."""

    default: Any


def argument(
    check: Check | None = None,
    *,
    default: Any = REQUIRED,
    after: str = "",
    takes: Check | None = None,
    instead_of_none: Callable[[Any], Any] | None = None,
    unset: bool = False,
) -> Any:
    """Declare an argument.

    Args:
        check: what it may be, in the constructor and whenever it is set.
        default: without one it has to be given.
        after: the argument that it follows where it is no dataclass's order.
        takes: what the constructor takes, where that is more than may be set later.
        instead_of_none: from the object, which has the arguments before this one, to what it keeps for None.
        unset: the default is what the class has anyway, and is not set.

    What an argument that a base declares, too, does not say of itself is that of the base.
    """
    return Argument(check, default, after, takes, instead_of_none, unset=unset)


def common_argument(
    check: Check | None = None, *, default: Any = REQUIRED, after: str = "", kw_only: Literal[True]
) -> Any:
    """Declare one of the common arguments outside of a `common` class; `kw_only` says so to type checkers.

    It is no parameter of `argument`: they would take its default there for that of every field, whatever the
    decorator of the class says.
    """
    assert kw_only
    return Argument(check, default, after, common=True)


def attribute(default: Any = REQUIRED, *, init: Literal[False] = False) -> Any:
    """Declare an attribute that is no argument; `init` says so to type checkers, as in a dataclass."""
    assert not init
    return Attribute(default)


@dataclass_transform(eq_default=False, field_specifiers=(argument, common_argument, attribute))
def constructor(cls: type[T]) -> type[T]:
    """Write the constructor of a class from its arguments and those of its base; `__post_init__` ends it."""
    return _constructed(cls, False)


@dataclass_transform(
    eq_default=False, kw_only_default=True, field_specifiers=(argument, common_argument, attribute)
)
def common(cls: type[T]) -> type[T]:
    """The same for a base whose arguments stand behind those of its subclasses."""
    return _constructed(cls, True)


def _constructed(cls: type[T], common: bool) -> type[T]:
    inherited = arguments_of(cls)
    own = {
        name: known._replace(common=common or known.common).over(inherited.get(name, known))
        for name, known in _own_arguments(cls).items()
    }
    known = inherited | own  # one that is declared again stays in its place
    plain = [name for name in known if not known[name].common]
    new = [name for name in own if own[name].common and name not in inherited]
    names = [*plain, *new, *(n for n in inherited if known[n].common)]
    for name in own:
        if own[name].after:
            names.remove(name)
            names.insert(names.index(own[name].after) + 1, name)
    arguments = {name: known[name] for name in names}
    cls._arguments = arguments  # type: ignore[attr-defined]
    checks = {name: said.check for name, said in own.items() if said.check is not None}
    cls.checks = getattr(cls, "checks", {}) | checks  # type: ignore[attr-defined]
    if "__init__" not in vars(cls):
        written = _written(cls, arguments)
        old = hasattr(cls, "old_arguments")
        setattr(cls, "__init__", _without_old_arguments(written) if old else written)  # noqa: B010
    return cls


def _without_old_arguments(written: Callable[..., None]) -> Callable[..., None]:
    """The constructor of a class that is told of its arguments first: `old_arguments` gives what it takes."""

    @functools.wraps(written)
    def constructed(self: Any, *positional: Any, **named: Any) -> None:
        written(self, *positional, **type(self).old_arguments(named))

    return constructed


def arguments_of(cls: type) -> dict[str, Argument]:
    """The arguments of its constructor by name, in their order."""
    found: dict[str, Argument] = getattr(cls, "_arguments", {})
    return found


def _own_arguments(cls: type) -> dict[str, Argument]:
    """The arguments that the class itself declares; it keeps none of them as an attribute of its own."""
    own = {}
    for name, annotation in inspect.get_annotations(cls).items():
        declared = vars(cls).get(name, REQUIRED)
        if annotation.startswith("ClassVar"):
            continue
        # subclasses may leave out a constructor that the class has written itself: its plain defaults stay
        stays = "__init__" in vars(cls) and not isinstance(declared, (Argument, Attribute))
        if declared is not REQUIRED and not isinstance(declared, property) and not stays:
            delattr(cls, name)
        if isinstance(declared, Attribute):
            if declared.default is not REQUIRED:
                setattr(cls, name, declared.default)
            continue
        if not isinstance(declared, Argument):
            declared = argument(default=REQUIRED if isinstance(declared, property) else declared)
        own[name] = declared._replace(annotation=annotation)
    return own


def _written(cls: type, arguments: dict[str, Argument]) -> Callable[..., None]:
    """The function `__init__`."""
    body = []
    for name, known in arguments.items():
        plain = known.takes is None and known.instead_of_none is None
        value = name if plain else f"_known[{name!r}].given(self, {name!r}, {name})"
        unless = f"if {name} is not _known[{name!r}].default: " if known.unset else ""
        body.append(f"{unless}self.{name} = {value}")
    if hasattr(cls, "__post_init__"):
        body.append("self.__post_init__()")
    parameters = {"self": None} | arguments
    function = with_signature(cls, "__init__", parameters, body or ["pass"], _known=arguments)
    function.__qualname__ = f"{cls.__qualname__}.__init__"
    function.__annotations__["return"] = "None"
    return function


def with_signature(
    cls: type, name: str, parameters: Mapping[str, Argument | None], body: list[str], **known: Any
) -> Callable[..., Any]:
    """A function in the module of `cls`, made from its text, as `dataclasses` does it.

    Args:
        parameters: None for one that is needed and has no annotation.
        body: lines; they know the names of `known`.
    """
    texts, defaults, annotations = [], {}, {}
    for parameter, declared in parameters.items():
        needed = declared is None or declared.default is REQUIRED
        texts.append(parameter if needed else f"{parameter}=_defaults[{parameter!r}]")
        if declared is not None:
            own_name = declared.default is OWN_NAME
            defaults[parameter] = snake_case(cls.__name__) if own_name else declared.default
            annotations[parameter] = declared.annotation
    lines = "".join(f"        {line}\n" for line in body)
    text = f"    def {name}({', '.join(texts)}):\n{lines}    return {name}"
    text = f"def make({', '.join(['_defaults', *known])}):\n{text}"
    made: dict[str, Any] = {}
    exec(compile(text, f"<{cls.__qualname__}: {name}>", "exec"), vars(sys.modules[cls.__module__]), made)
    function: Callable[..., Any] = made["make"](defaults, **known)
    function.__qualname__ = name
    function.__annotations__ = annotations
    return function


def snake_case(name: str) -> str:
    """BatchNormalization -> batch_normalization, Conv2DTranspose -> conv2d_transpose, as Keras calls them."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=.)(?=[A-Z][a-z])", "_", name).lower()
