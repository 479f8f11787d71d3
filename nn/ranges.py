"""Which numbers an argument takes: declared once for each class, and checked whenever the attribute of that name is set.

So the constructor and whoever sets the attribute later are told the same. NaN, infinity, truth values, texts and arrays
are no numbers; NumPy's numbers are, and are kept as Python's.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Mapping
from numbers import Real
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from .errors import ArgumentError

if TYPE_CHECKING:
    from .forms import Form


class Range(NamedTuple):
    """Numbers from `least` to `most`; `words` says so in the error: "Adam: beta_1 lies in [0, 1), got 1.5"."""

    words: str
    least: float = -math.inf
    most: float = math.inf
    above: bool = False
    """`least` itself is outside."""
    below: bool = False
    """`most` itself is outside."""
    whole: bool = False
    optional: bool = False
    """None is allowed."""
    infinite: bool = False
    truth: bool = False
    """True and False are 1 and 0."""
    hint: str = ""
    """What the error adds."""

    def checked(self, owner: str, name: str, value: Any) -> Any:
        """`value` as Python's number.

        Raises:
            ArgumentError: it is none of these numbers.
        """
        if value is None and self.optional:
            return None
        if self.truth and isinstance(value, bool):
            return value
        number = _integer(value) if self.whole else _real(value)
        if number is None or not self._holds(number):
            hint = f"; {self.hint}" if self.hint else ""
            raise ArgumentError(f"{owner}: {name} {self.words}, got {shown(value)}{hint}")
        return number

    def _holds(self, number: float) -> bool:
        if math.isinf(number) and not self.infinite:
            return False
        low = number > self.least if self.above else number >= self.least
        return low and (number < self.most if self.below else number <= self.most)

    def or_none(self) -> Range:
        """The same, or None."""
        return self._replace(optional=True)


NUMBER = Range("is a number")
NOT_NEGATIVE = Range("is a number >= 0", 0.0)
POSITIVE = Range("is a number > 0", 0.0, above=True)
FRACTION = Range("lies between 0 and 1", 0.0, 1.0)
SHARE = Range("lies in [0, 1)", 0.0, 1.0, below=True)
INTEGER = Range("is an integer", -(2**63), 2**63 - 1, whole=True)
COUNT = Range("is an integer >= 1", 1, 2**63 - 1, whole=True)
COUNT_OR_ZERO = Range("is an integer >= 0", 0, 2**63 - 1, whole=True)
VERBOSE = Range("is an integer >= 0", 0, 2**63 - 1, whole=True, truth=True)
LIMIT = Range("is a number or None", optional=True, infinite=True)
SEED = Range("is an integer >= 0 or None, below 2**64", 0, 2**64 - 1, whole=True, optional=True)


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


def shown(value: Any) -> str:
    """`repr(value)`, cut short; an integer of thousands of digits has none."""
    try:
        text = repr(value)
    except ValueError:
        return f"an integer of {value.bit_length()} bits"
    return text if len(text) <= 80 else f"{text[:60]}... ({len(text)} characters)"


class Checked:
    """Base of objects whose arguments are checked when they are set; `ranges` and `forms` of all bases count."""

    ranges: ClassVar[Mapping[str, Range]] = {}
    forms: ClassVar[Mapping[str, Form]] = {}
    """Of what is no number (`forms.py`)."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls.ranges = {name: known for base in reversed(cls.__mro__) for name, known in vars(base).get("ranges", {}).items()}  # fmt: skip
        cls.forms = {name: known for base in reversed(cls.__mro__) for name, known in vars(base).get("forms", {}).items()}  # fmt: skip

    def __setattr__(self, name: str, value: Any) -> None:
        known = self.ranges.get(name) or self.forms.get(name)
        if known is not None:
            value = known.checked(type(self).__name__, name, value)
        super().__setattr__(name, value)
