"""What a contest hands to the process of a contestant, and what comes back."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple


class Skip(Exception):  # noqa: N818 - it is no error
    """A contestant cannot run here, or is not written for a task; the text says why."""


class Figure(NamedTuple):
    """A number, and what a reader has to know about it."""

    value: float
    note: str = ""


class Work(NamedTuple):
    """What a contest's `enter` gives: the contestant's version, and the figure of a task."""

    version: str
    figure: Callable[[str], Figure | float]
