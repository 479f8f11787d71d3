"""Where a run of `fit` stands: all that the rest of it depends on, besides what is saved with the model."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

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
    which the order of its rows was drawn. `forced` says that the run goes on here, whatever `initial_epoch`
    is; `origin` is the file that it is from, `undo` puts back what else was taken up of it.
    """

    epoch: int
    batch: int
    order: Words
    random: Words
    stopped: bool
    data: list[int | None]
    callbacks: list[State]
    metrics: list[dict[str, Any]]
    origin: str = ""
    forced: bool = False
    undo: Callable[[], None] | None = None

    FIELDS: ClassVar[dict[str, Field]] = {
        "epoch": COUNT,
        "batch": COUNT,
        "order": WORDS,
        "random": WORDS,
        "stopped": FLAG,
        "data": lists_of(or_none(COUNT), 2),
        "callbacks": lists_of(_STATE),
        "metrics": lists_of(dicts_of(ARRAY)),
    }

    def fields(self) -> dict[str, Any]:
        """What is saved of it."""
        return {name: getattr(self, name) for name in self.FIELDS}

    @classmethod
    def from_fields(cls, found: Any, origin: str) -> Position:
        """The inverse.

        Raises:
            FileError: a field is missing, unknown, or not what it should be.
        """
        if isinstance(found, dict):  # of files before: it is decided by who reads them
            found.pop("forced", None)
        check_fields("the position of the run", found, cls.FIELDS)
        return cls(**found, origin=origin)
