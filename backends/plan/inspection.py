"""Looking inside: what runs, where values lie, how long kernels take, and
whether they compute what they should.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from ..contract import ProfileRow
from ..numpy import NumPyBackend
from ..program.interpret import difference, values_of
from ..program.ir import Value
from .calls import ERRORS, Call, size_of

if TYPE_CHECKING:
    from .executable import CompiledProgram

Read = Callable[[Value], np.ndarray[Any, Any]]
"""What lies in a root now."""


def kernels(compiled: CompiledProgram) -> list[str]:
    """A line per call: what does it, what it does and for whom, what it reads and writes."""
    lines = []
    for what, call in compiled.listed():
        reads = ", ".join(_name(compiled, v) for v in call.reads)
        writes = ", ".join(_name(compiled, v) for v in call.writes if v != ERRORS)
        lines.append(f"{what} {call.name}: {reads} -> {writes}")
    return lines


def memory_report(compiled: CompiledProgram) -> str:
    """The block of memory, value by value: when each lives, and who made it."""
    layout, lowered = compiled.layout, compiled.lowered
    scopes = {root: call.scope for _, call in reversed(compiled.listed()) for root in call.writes}
    scopes |= {i.result: i.scope for i in lowered.program.instructions if i.scope}
    lines = [
        f"{lowered.program.name}: {compiled.memory_summary()}",
        f"{'value':>28} {'bytes':>12} {'offset':>12}  kernels",
    ]
    for value, offset in sorted(layout.offsets.items(), key=lambda item: (layout.lives[item[0]], item[1])):
        begin, end = layout.lives[value]
        line = f"{f'%{value.number}: {value.spec}':>28} {size_of(value):>12,} {offset:>12,}  {begin} to {end}"
        scope = scopes.get(value)
        lines.append(f"{line}  {scope}" if scope else line)
    in_place = [f"%{v.number} in {_name(compiled, s)}" for v, s in lowered.place.items()]
    if in_place:
        lines.append("in the memory of state: " + ", ".join(in_place))
    return "\n".join(lines)


def profile(compiled: CompiledProgram, run: Callable[[], object]) -> list[ProfileRow]:
    """What each call took in one step, while `run` ran."""
    compiled.steps_done = 0
    taken = list(compiled.timed(run))
    steps = max(compiled.steps_done, 1)
    return [ProfileRow(c.label, s / steps, c.bytes, c.flops, c.scope) for c, s in taken]


def compare(
    compiled: CompiledProgram, state: Mapping[str, Any], inputs: Mapping[str, Any]
) -> list[tuple[str, str, float]]:
    """The relative difference of every value in memory from the interpreter's; the calls run on copies."""
    lowered, to_numpy = compiled.lowered, compiled.to_numpy
    given = {compiled.state[n]: to_numpy(a) for n, a in state.items()}
    given |= {compiled.inputs[n]: to_numpy(a) for n, a in inputs.items()}
    numpy = NumPyBackend()
    with numpy.quiet():
        right = values_of(lowered.program, numpy, given)
    owners = lowered.owners()
    assigned = dict(lowered.program.assigns)
    # what several calls write together is looked at after the last of them
    left = {root: 0 for _, call in compiled.listed() for root in call.writes}
    for _, call in compiled.listed():
        for root in call.writes:
            left[root] += 1
    found: list[tuple[str, str, float]] = []

    def then(call: Call, read: Read) -> None:
        for root in call.writes:
            left[root] -= 1
            value = owners.get(root) or assigned.get(root, root)
            if not left[root] and isinstance(value, Value) and value in right:
                found.append((call.name, f"%{value.number}", difference(read(root), right[value])))

    compiled.one_by_one({name: array.copy() for name, array in state.items()}, inputs, then)
    return found


def _name(compiled: CompiledProgram, value: Value) -> str:
    return compiled.names.get(value, f"%{value.number}")
