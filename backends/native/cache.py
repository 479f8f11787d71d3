"""Machines that were made in this process, by program: a model that is fitted again finds its own."""

from __future__ import annotations

from collections.abc import Mapping

from ..contract import Feed
from ..program.ir import Program
from ..program.text import format_program
from .machine import Machine

_KEPT = 16
_made: dict[tuple[str, tuple[tuple[str, Feed], ...]], Machine] = {}


def machine_for(program: Program, feeds: Mapping[str, Feed] | None = None) -> Machine:
    """The machine of a program; the `_KEPT` that were asked for last stay."""
    # how many rows there are decides nothing
    fed = sorted((n, Feed(0, f.ordered)) for n, f in (feeds or {}).items())
    # the scopes too: what looks inside is to name the layers of this model, not those of one like it
    key = format_program(program, scopes=True), tuple(fed)
    machine = _made.pop(key, None) or Machine(program, feeds)
    _made[key] = machine
    while len(_made) > _KEPT:
        _made.pop(next(iter(_made)))
    return machine
