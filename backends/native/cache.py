"""Machines that were made in this process, by program: a model that is fitted again finds its own."""

from __future__ import annotations

from collections.abc import Mapping

from ..contract import Feed
from ..program.ir import Program
from ..program.text import format_program
from .executable import Executable

_KEPT = 16
_made: dict[tuple[str, tuple[tuple[str, Feed], ...]], Executable] = {}


def executable_for(program: Program, feeds: Mapping[str, Feed] | None = None) -> Executable:
    """The executable of a program; the `_KEPT` that were asked for last stay."""
    # how many rows there are decides nothing
    fed = sorted((n, Feed(0, f.ordered)) for n, f in (feeds or {}).items())
    # the scopes too: what looks inside is to name the layers of this model, not those of one like it
    key = format_program(program, scopes=True), tuple(fed)
    executable = _made.pop(key, None) or Executable(program, feeds)
    _made[key] = executable
    while len(_made) > _KEPT:
        _made.pop(next(iter(_made)))
    return executable
