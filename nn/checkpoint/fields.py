"""What a field of a file may hold. All of it is checked before anything is taken up: a
file that is refused changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from autograd import Tensor

from ..arguments import shown
from ..errors import FileError


class Field(NamedTuple):
    """What a value has to be: in words, and as a test."""

    words: str
    holds: Callable[[Any], bool]
    needed: bool = True


def optional(field: Field) -> Field:
    """A field that may be missing."""
    return field._replace(needed=False)


def or_none(field: Field) -> Field:
    """A field that may hold None."""
    return field._replace(words=f"{field.words} or null", holds=lambda v: v is None or field.holds(v))


def lists_of(field: Field, length: int | None = None) -> Field:
    """A list in which each item is such a field; of this length, where one is given."""
    return Field(
        f"a list{'' if length is None else f' of length {length}'}, of each {field.words}",
        lambda v: isinstance(v, list) and length in (None, len(v)) and all(field.holds(i) for i in v),
    )


def dicts_of(field: Field) -> Field:
    """A dict from names to such fields."""
    return Field(
        f"a dict, of each {field.words}",
        lambda v: isinstance(v, dict) and all(field.holds(item) for item in v.values()),
    )


def _is_whole(value: Any, beyond: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < beyond


ANYTHING = Field("anything", lambda v: True)
COUNT = Field("a count", lambda v: _is_whole(v, 1 << 53))
WORD = Field("an integer of 64 bits", lambda v: _is_whole(v, 1 << 64))
WORDS = lists_of(WORD, 2)
FLAG = Field("true or false", lambda v: isinstance(v, bool))
TEXT = Field("a text", lambda v: isinstance(v, str))
NUMBER = Field("a number", lambda v: isinstance(v, (int, float)) and not isinstance(v, bool))
PLAIN = Field("a number, a text or null", lambda v: v is None or isinstance(v, (int, float, str)))
DICT = Field("a dict", lambda v: isinstance(v, dict))
ARRAY = Field("an array", lambda v: hasattr(v, "__array__"))
SHAPE = Field(
    "a shape", lambda v: isinstance(v, list) and len(v) <= 64 and all(_is_whole(i, 1 << 53) for i in v)
)


def check_fields(whose: str, found: Any, fields: Mapping[str, Field]) -> None:
    """Refuse what lacks a field, has one too many, or holds something else in it.

    Raises:
        FileError: naming the field.
    """
    if not isinstance(found, dict):
        raise FileError(f"{whose} is a {type(found).__name__}, not a dict")
    missing = [name for name, f in fields.items() if f.needed and name not in found]
    unknown = [name for name in found if name not in fields]
    if missing or unknown:
        raise FileError(
            f"{whose} does not have the fields that it "
            f"should{_listed('missing', missing)}{_listed('unknown', unknown)}"
        )
    for name, value in found.items():
        if not fields[name].holds(value):
            raise FileError(f"{whose}: {name} is {shown(value)}, not {fields[name].words}")


def check_arrays(
    whose: str,
    own: Mapping[str, Tensor],
    found: Mapping[str, Any],
    casts: bool = False,
    values: Mapping[str, Field] = {},
) -> None:
    """Refuse arrays that are not those of `own`: by name, shape and dtype; with `casts` any floats do for
    floats. `values` says what those without dimensions may be.

    Raises:
        FileError: listing what is missing, unexpected, or of another shape or dtype.
    """
    wrong = []
    for name in (name for name in own if name in found):
        tensor, array = own[name], found[name]
        kind = "kind" if casts else "str"
        if tuple(array.shape) != tensor.shape:
            wrong.append(f"{name} has shape {tuple(array.shape)}, expected {tensor.shape}")
        elif getattr(array.dtype, kind) != getattr(tensor.dtype, kind):
            wrong.append(f"{name} has dtype {array.dtype}, expected {tensor.dtype}")
        elif name in values and not values[name].holds(array.item()):
            wrong.append(f"{name} is {array.item()}, not {values[name].words}")
    missing = sorted(own.keys() - found.keys())
    unexpected = sorted(found.keys() - own.keys())
    if missing or unexpected or wrong:
        said = _listed("missing", missing) + _listed("unexpected", unexpected) + _listed("", wrong)
        raise FileError(f"{whose} in it and in the model differ{said}")


def _listed(what: str, names: list[str]) -> str:
    if not names:
        return ""
    more = f" and {len(names) - 6} more" if len(names) > 6 else ""
    return f"; {what}{': ' if what else ''}{', '.join(names[:6])}{more}"
