"""What an argument may be: a number in a range, a flag, a text, a word, a path, a function.

A check is declared once, beside the argument of a constructor (`constructors.py`) or in the `checks` of a
class, and made whenever the attribute of that name is set: so the constructor and whoever sets the attribute
later are told the same. Functions call `checked` themselves. NumPy's numbers are as good as Python's; what is
kept is Python's, since a saved model writes it as JSON.
"""

from __future__ import annotations

import inspect
import math
import operator
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from numbers import Real
from typing import Any, ClassVar, Self

import autograd as ag

from .errors import ArgumentError, lookup

MOST = 2**63 - 1


@dataclass(frozen=True)
class Check:
    """Values that `keep` knows; `words` says so in the error: "Adam: amsgrad is True or False, got 3"."""

    words: str
    optional: bool = False
    """None is allowed."""
    hint: str = ""
    """What the error adds."""

    def keep(self, value: Any) -> Any:
        """The value as it is kept; ValueError or TypeError for what is none,
        or an ArgumentError that says why.
        """
        raise ValueError

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
            hint = f"; {self.hint}" if self.hint else ""
            words = self.words if self.words.endswith(";") else f"{self.words},"
            raise ArgumentError(f"{owner}: {name} {words} got {shown(value)}{hint}") from None

    def but(self, **changes: Any) -> Self:
        """The same with other words, limits or another hint."""
        return replace(self, **changes)

    def or_none(self) -> Self:
        """The same, or None."""
        return replace(self, optional=True)


@dataclass(frozen=True)
class Range(Check):
    """Numbers from `least` to `most`. NaN, truth values, texts and
    arrays are none, nor mostly is infinity.
    """

    least: float = -math.inf
    most: float = math.inf
    above: bool = False
    """`least` itself is outside."""
    below: bool = False
    """`most` itself is outside."""
    whole: bool = False
    floating: bool = False
    """Kept as a float, whole numbers too."""
    infinite: bool = False
    truth: bool = False
    """True and False are 1 and 0."""

    def keep(self, value: Any) -> Any:
        if self.truth and isinstance(value, bool):
            return value
        number = _integer(value) if self.whole else _real(value)
        if number is None or not self._holds(number):
            raise ValueError
        return float(number) if self.floating else number

    def _holds(self, number: float) -> bool:
        if math.isinf(number) and not self.infinite:
            return False
        low = number > self.least if self.above else number >= self.least
        return low and (number < self.most if self.below else number <= self.most)


def _integer(value: Any) -> int | None:
    if isinstance(value, bool) or (hasattr(value, "ndim") and value.ndim):
        return None
    try:
        number = operator.index(value)
    except TypeError:
        return None
    return number if abs(number) < 2**64 else None


def _real(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, Real):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    if math.isnan(number):
        return None
    return value if isinstance(value, int) else number


def at_least(least: int) -> Range:
    """Integers from `least`."""
    return Range(f"is an integer >= {least}", least=least, most=MOST, whole=True)


NUMBER = Range("is a number")
NOT_NEGATIVE = Range("is a number >= 0", least=0.0)
POSITIVE = Range("is a number > 0", least=0.0, above=True)
FRACTION = Range("lies between 0 and 1", least=0.0, most=1.0)
SHARE = Range("lies in [0, 1)", least=0.0, most=1.0, below=True)
FLOAT, FLOAT_NOT_NEGATIVE, RATE = (each.but(floating=True) for each in (NUMBER, NOT_NEGATIVE, FRACTION))
COUNT = at_least(1)
COUNT_OR_ZERO = at_least(0)
INTEGER = Range("is an integer", least=-MOST - 1, most=MOST, whole=True)
VERBOSE = COUNT_OR_ZERO.but(truth=True)
LIMIT = Range("is a number or None", optional=True, infinite=True)
SEED = Range("is an integer >= 0 or None, below 2**64", True, least=0, most=2**64 - 1, whole=True)


@dataclass(frozen=True)
class Numbers(Check):
    """Several numbers of a kind, kept as a list; the error names the first that is none of them."""

    each: Range = NUMBER

    def keep(self, value: Any) -> Any:
        if isinstance(value, (str, bytes, Mapping)):
            raise TypeError
        return list(value)

    def checked(self, owner: str, name: str, value: Any) -> Any:
        if value is None and self.optional:
            return None
        items = enumerate(super().checked(owner, name, value))
        return [self.each.checked(owner, f"{name}[{i}]", item) for i, item in items]


def numbers(each: Range) -> Numbers:
    """A list of such numbers."""
    return Numbers("is a list of numbers", each=each)


@dataclass(frozen=True)
class Form(Check):
    """What is no number: `kept` gives the value as it is kept, and raises as `keep` does."""

    kept: Callable[[Any], Any] = repr

    def keep(self, value: Any) -> Any:
        return self.kept(value)

    def or_none(self) -> Self:
        """The same, or None; the error says so."""
        return replace(self, optional=True, words=f"{self.words} or None")


def form(words: str) -> Callable[[Callable[[Any], Any]], Form]:
    """A decorator: the function gives the value as it is kept, `words` are those of the error."""
    return lambda kept: Form(words, kept=kept)


@form("is True or False")
def FLAG(value: Any) -> bool:
    """A truth value of Python or NumPy; the numbers 0 and 1 will do, as scripts write them."""
    if str(getattr(value, "dtype", "")) == "bool" and not getattr(value, "ndim", True):
        return bool(value)
    if not isinstance(value, Real) or value not in (0, 1):
        raise TypeError
    return bool(value)


@form("is a text")
def TEXT(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


@form("is a text")
def NAME(value: Any) -> Any:
    """An empty one is none."""
    return TEXT.keep(value) or None


@form("is a text that is not empty")
def KEY(value: Any) -> Any:
    if not TEXT.keep(value):
        raise ValueError
    return value


@form("is a single character, no quote and no end of a line")
def SEPARATOR(value: Any) -> Any:
    if len(TEXT.keep(value)) != 1 or value in '\r\n"':
        raise ValueError
    return value


@form("is a path")
def PATH(value: Any) -> Any:
    path = os.fspath(value)
    if "\0" in KEY.keep(path):
        raise ValueError
    return path


@form("is the path of a folder")
def FOLDER(value: Any) -> Any:
    path = PATH.keep(value)
    if os.path.exists(path) and not os.path.isdir(path):
        raise ArgumentError(f"a folder is expected, and {path!r} is a file")
    return path


@form("is an integer or a tuple of them, each once")
def AXES(value: Any) -> Any:
    several = isinstance(value, (tuple, list))
    found = tuple(INTEGER.keep(axis) for axis in (value if several else (value,)))
    if not found or len(set(found)) < len(found):
        raise ValueError
    return found if several else found[0]


@form("is an integer >= 1 or two of them")
def PAIR(value: Any) -> tuple[int, int]:
    """(height, width) from one integer or two."""
    parts = value if isinstance(value, (tuple, list)) else (value, value)
    height, width = map(COUNT.keep, parts)
    return height, width


@form("is the name of a backend")
def _backend(value: Any) -> Any:
    ready = hasattr(value, "asarray") and isinstance(getattr(value, "name", None), str)
    if isinstance(value, type) or not (isinstance(value, str) or ready):
        raise TypeError
    return value


BACKEND = _backend.or_none()


@form("is an nn.Model")
def MODEL(value: Any) -> Any:
    if isinstance(value, type) or not hasattr(value, "compiled_loss"):
        raise TypeError
    return value


@form("is a model, with a method predict")
def PREDICTOR(value: Any) -> Any:
    if isinstance(value, type) or not callable(getattr(value, "predict", None)):
        raise TypeError
    return value


def choice(*words: str | None) -> Form:
    """One of these words; None may be one of them."""

    @form(f"is one of {', '.join(map(repr, words))}")
    def one_of_them(value: Any) -> str | None:
        if not (value is None or isinstance(value, str)) or value not in words:
            raise ValueError
        return value

    return one_of_them


def function(words: str, *numbers: int) -> Form:
    """A function that takes so many arguments, or so many; `words` are those of the error."""

    @form(words)
    def one_of_them(value: Any) -> Any:
        if not callable(value) or isinstance(value, type) or not takes(value, *numbers):
            raise TypeError
        return value

    return one_of_them


def takes(function: Callable[..., Any], *numbers: int, **named: Any) -> bool:
    """Whether it takes one of these numbers of arguments, and those
    `named`, as far as its signature tells.
    """
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


def called(kind: str, value: Any, numbers: int, arguments: str) -> Any:
    """A callable that takes as many arguments as one of its kind is given; None for what cannot be called.

    Raises:
        ArgumentError: it can be called otherwise alone.
    """
    if not callable(value):
        return None
    if isinstance(value, type) or not takes(value, numbers):
        raise ArgumentError(f"{kind}: expected a function of {arguments}, got {shown(value)}")
    return value


def chosen(kind: str, value: Any, numbers: int, arguments: str, *tables: Mapping[str, Any]) -> Any:
    """What `value` stands for: the function itself, what a class makes, or what a name in the `tables` makes.

    Raises:
        ArgumentError: a class that needs arguments, a function of others, or an unknown name.
    """
    if isinstance(value, type):
        if not takes(value, 0):
            raise ArgumentError(f"{kind}: expected a name or an object, got the class {value.__name__}")
        value = value()
    return lookup(kind, value, *tables)() if called(kind, value, numbers, arguments) is None else value


def floating(dtype: Any) -> str:
    """The name of the floating dtype of a model."""
    known = ag.zeros((), dtype).dtype
    if known.kind != "f":
        raise ArgumentError(f"the dtype of a model is floating, got {dtype!r}")
    return known.name


def shown(value: Any) -> str:
    """`repr(value)`, cut short; an integer of thousands of digits has none."""
    try:
        text = repr(value)
    except ValueError:
        return f"an integer of {value.bit_length()} bits"
    return text if len(text) <= 80 else f"{text[:60]}... ({len(text)} characters)"


class Checked:
    """Base of objects whose arguments are checked when they are set; the `checks` of all bases count."""

    checks: ClassVar[Mapping[str, Check]] = {}

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        known = (vars(base).get("checks", {}) for base in reversed(cls.__mro__))
        cls.checks = {name: check for checks in known for name, check in checks.items()}

    def __setattr__(self, name: str, value: Any) -> None:
        known = type(self).checks.get(name)
        if known is not None:
            value = known.checked(type(self).__name__, name, value)
        super().__setattr__(name, value)
