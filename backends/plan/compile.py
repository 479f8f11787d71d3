"""The way of a program from its trace to the calls of a target, pass by pass, as docs/engine.md tells it.

Each pass is a function of what the one before it made. The log tells them by name at level DEBUG. What a
target does with its calls (their order, their memory, their code) is in its executable.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Generic, NamedTuple, TypeVar

from ..program import fuse
from ..program.ir import Instruction, Program
from ..program.passes import simplify
from ..program.prepare import prepare
from .lowering import Lowered

_log = logging.getLogger("gradloom")
L = TypeVar("L", bound=Lowered)  # type: ignore[type-arg]


class Target(NamedTuple, Generic[L]):
    """What a target decides on the way.

    `rounded` does what it needs to about products of a lower precision, `accepts` tells
    which elementwise instructions and reductions its loops can hold, `lower` gives every
    value its memory and every group its calls.
    """

    rounded: Callable[[Program], Program]
    accepts: Callable[[Instruction], bool]
    lower: Callable[[fuse.Plan], L]


def compile_for(target: Target[L], program: Program) -> L:
    """The calls of a traced program."""
    traced = len(program.instructions)
    rounded = target.rounded(program)
    simple = simplify(rounded)
    prepared = prepare(simple)
    fused = fuse.plan(prepared, target.accepts)
    lowered = target.lower(fused)
    if _log.isEnabledFor(logging.DEBUG):
        sizes = [
            ("trace", traced, "instructions"),
            ("rounded", len(rounded.instructions), "instructions"),
            ("simplify", len(simple.instructions), "instructions"),
            ("prepare", len(prepared.instructions), "instructions"),
            ("fuse", len(fused.groups), "groups"),
            ("lower", len(lowered.calls), "calls"),
        ]
        told = ", ".join(f"{name} {size} {what}" for name, size, what in sizes)
        _log.debug("%s: %s", program.name, told)
    return lowered
