"""Questions to a device and their answers: a line of JSON each, written at once; one that fails leaves the others alone."""

from __future__ import annotations

import json
import time
import traceback
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NamedTuple

Facts = dict[str, Any]
SHOWN = 1500
"""Characters of an answer on the terminal; the file has all of it."""


class Question(NamedTuple):
    """`ask` gives what was found, or raises."""

    group: str
    what: str
    ask: Callable[[], Facts | None]


class Place(NamedTuple):
    """Where questions are asked: the device, the backend beside which it is held, and whether sizes are those of a host."""

    gpu: Any
    cpu: Any
    small: bool


class Answers:
    """What has been answered; each line has the seconds since the start, the question and what was found.

    Args:
        path: a file; lines are appended.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.wrong = 0
        self._start = time.monotonic()

    def say(self, what: str, **facts: Any) -> None:
        """One line."""
        line = json.dumps({"t": round(time.monotonic() - self._start, 2), "what": what, **facts}, default=str)
        print(line[:SHOWN], flush=True)
        with self.path.open("a", encoding="utf-8") as file:
            file.write(line + "\n")

    def ask(self, questions: Iterable[Question]) -> None:
        """All of them, whatever becomes of each."""
        for group, what, ask in questions:
            begin = time.monotonic()
            try:
                found: Facts = {"ok": True, **(ask() or {})}
            except Exception as error:
                self.wrong += 1
                found = {
                    "ok": False,
                    "error": f"{type(error).__name__}: {error}"[:500],
                    "at": traceback.format_exc()[-1200:],
                }
            self.say(f"{group}: {what}", s=round(time.monotonic() - begin, 3), **found)
