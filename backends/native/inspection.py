"""Looking inside a machine: what runs, where values lie, how long kernels take, and whether they compute what they should."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from ..numpy import NumPyBackend
from ..program.interpret import difference, values_of
from ..program.ir import Value
from .calls import ERRORS, Call
from .driver import CHECK, MEET
from .host import array_of

if TYPE_CHECKING:
    from .machine import Machine

NDArray = np.ndarray[Any, Any]


def kernels(machine: Machine) -> list[str]:
    """A line per call: what it does, what it reads and writes."""
    lines = []
    names = {function.text: f"k{k}" for k, function in enumerate(machine.functions)}
    for call, flags in machine.placed:
        marks = ("| " if flags & MEET else "  ") + ("? " if flags & CHECK else "  ")
        reads = ", ".join(_name(machine, v) for v in call.reads)
        writes = ", ".join(_name(machine, v) for v in call.writes if v != ERRORS)
        lines.append(f"{marks}{names.get(call.text, '-'):>4} {call.label}: {reads} -> {writes}")  # fmt: skip
    return lines


def memory_report(machine: Machine) -> str:
    """The block of memory, value by value, and its peak."""
    layout, program = machine.layout, machine.lowered.program
    state = sum(v.spec.size * v.spec.dtype.itemsize for v in machine.state.values())
    given = sum(v.spec.size * v.spec.dtype.itemsize for n, v in machine.inputs.items() if n not in machine.feeds)  # fmt: skip
    lines = [
        f"{program.name}: {_bytes(layout.size)} for intermediate values, {_bytes(state)} of state in place, {_bytes(given)} of inputs"
    ]
    lines.append(f"{'value':>28} {'bytes':>12} {'offset':>12}  kernels")
    for value, offset in sorted(layout.offsets.items(), key=lambda item: (layout.lives[item[0]], item[1])):  # fmt: skip
        begin, end = layout.lives[value]
        size = value.spec.size * value.spec.dtype.itemsize
        lines.append(f"{f'%{value.number}: {value.spec}':>28} {size:>12,} {offset:>12,}  {begin} to {end}")  # fmt: skip
    in_place = [f"%{v.number} in {_name(machine, s)}" for v, s in machine.lowered.place.items()]
    if in_place:
        lines.append("in the memory of state: " + ", ".join(in_place))
    return "\n".join(lines)


def profile(machine: Machine, run: Callable[[], object]) -> list[tuple[str, float, int, int]]:
    """(kernel, seconds, bytes, operations) of one step for each call, from the cycles that it took while `run` ran."""
    machine.times[:] = 0
    machine.steps_done = 0
    machine.timing = True
    try:
        began = time.perf_counter(), machine.cycles()
        run()
        ended = time.perf_counter(), machine.cycles()
    finally:
        machine.timing = False
    steps = max(machine.steps_done, 1)
    rate = (ended[0] - began[0]) / max(ended[1] - began[1], 1)
    natives = [call for call, _ in machine.placed if call.host is None]
    return [
        (call.label, float(cycles) * rate / steps, _moved(call), call.flops)
        for call, cycles in zip(natives, machine.times, strict=False)
    ]


def _moved(call: Call) -> int:
    """Bytes that a call reads and writes, each root once."""
    return sum(v.spec.size * v.spec.dtype.itemsize for v in (*call.reads, *call.writes) if v != ERRORS)  # fmt: skip


def compare(machine: Machine, state: Mapping[str, NDArray], inputs: Mapping[str, NDArray]) -> list[tuple[str, str, float]]:  # fmt: skip
    """Run the calls one by one on copies, and the interpreter beside; the relative difference of every value in memory."""
    copies = {name: array.copy() for name, array in state.items()}
    named = {machine.state[n]: a for n, a in state.items()} | {machine.inputs[n]: a for n, a in inputs.items()}  # fmt: skip
    numpy = NumPyBackend()
    with numpy.quiet():
        right = values_of(machine.lowered.program, numpy, named)
    found: list[tuple[str, str, float]] = []
    owners = {s: v for v, s in machine.lowered.place.items()}
    states = dict(machine.lowered.program.assigns)

    # what several calls write together is looked at after the last of them
    last = {root: index for index, (call, _) in enumerate(machine.placed) for root in call.writes}

    def check(index: int, call: Call) -> None:
        for root in call.writes:
            if last[root] != index:
                continue
            value = owners.get(root) or (states.get(root) if root in states else root)
            if isinstance(value, Value) and value in right:
                array = array_of(machine, value, copies, inputs)
                found.append((call.label, f"%{value.number}", difference(array, right[value])))

    with machine.one_by_one(copies, inputs) as calls:
        for index, call in enumerate(calls):
            check(index, call)
    return found


def _name(machine: Machine, value: Value) -> str:
    for name, state in machine.state.items():
        if state == value:
            return name
    for name, given in machine.inputs.items():
        if given == value:
            return name
    return f"%{value.number}"


def _bytes(size: int) -> str:
    return f"{size:,} bytes"
