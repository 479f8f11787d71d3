"""Where a run of `fit` stands: all that the rest of it depends on, besides what is saved with the model."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, get_type_hints

import autograd as ag
from autograd import random

from ..callbacks.base import State
from .fields import ARRAY, COUNT, FLAG, WORDS, Field, check_fields, dicts_of, lists_of, or_none

Words = tuple[int, int]

_STATE = Field(
    "[class, flag, state]", lambda v: isinstance(v, list) and list(map(type, v)) == [str, bool, dict]
)


def random_state() -> Words:
    """(key, counter) of the default generator."""
    key, counter = random.default_generator().state
    return int(key.item()), int(counter.item())


def set_random_state(words: Words) -> None:
    """Let the default generator go on from there."""
    key, counter = (ag.full((), int(word), "uint64") for word in words)
    random.default_generator().state = key, counter


@dataclass(eq=False)
class Position:
    """Where a run stands.

    `epoch` is in progress when `batch` steps of it are done, else to come. `order` is the random state from
    which the order of the rows was drawn in this pass over them, of which the epochs before have `taken` so
    many batches. `forced` says that the run goes on here, whatever `initial_epoch`
    is; `origin` is the file that it is from, `undo` puts back what else was taken up of it.
    """

    epoch: Annotated[int, COUNT]
    batch: Annotated[int, COUNT]
    order: Annotated[Words, WORDS]
    random: Annotated[Words, WORDS]
    stopped: Annotated[bool, FLAG]
    data: Annotated[list[int | None], lists_of(or_none(COUNT), 2)]
    callbacks: Annotated[list[State], lists_of(_STATE)]
    metrics: Annotated[list[dict[str, Any]], lists_of(dicts_of(ARRAY))]
    taken: Annotated[int, COUNT] = 0
    origin: str = ""
    forced: bool = False
    undo: Callable[[], None] | None = None

    def fields(self) -> dict[str, Any]:
        """What is saved of it."""
        return {name: getattr(self, name) for name in SAVED}

    @classmethod
    def from_fields(cls, found: Any, origin: str) -> Position:
        """The inverse.

        Raises:
            FileError: a field is missing, unknown, or not what it should be.
        """
        if isinstance(found, dict):  # of files before: it is decided by who reads them
            found.pop("forced", None)
            found.setdefault("taken", 0)
        check_fields("the position of the run", found, SAVED)
        return cls(**found, origin=origin)


SAVED: dict[str, Field] = {
    name: hint.__metadata__[0]
    for name, hint in get_type_hints(Position, include_extras=True).items()
    if hasattr(hint, "__metadata__")
}
"""What a file holds of a position: the attributes that say so."""
