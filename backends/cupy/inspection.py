"""Looking inside a machine on a device: what runs, where values lie, how long kernels take, whether they compute what they should."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from ..cuda.calls import ERRORS, Call
from ..numpy import NumPyBackend
from ..program.interpret import difference, values_of
from ..program.ir import Value
from .launching import function_of
from .library import plain_errors

if TYPE_CHECKING:
    from .machine import Machine


def kernels(machine: Machine) -> list[str]:
    """A line per call: what it does, what it reads and writes."""
    lines = []
    for call in (*machine.before, *machine.calls, *machine.after):
        how = call.kernel.name if call.kernel is not None else "cuBLAS" if call.gemm else "CuPy"
        reads = ", ".join(_name(machine, v) for v in call.reads)
        writes = ", ".join(_name(machine, v) for v in call.writes if v != ERRORS)
        lines.append(f"{how:>15} {call.label}: {reads} -> {writes}")
    return lines


def memory_report(machine: Machine) -> str:
    """The block of memory, value by value, and its size."""
    state = sum(_size(v) for v in machine.state.values())
    lines = [
        f"{machine.program.name}: {machine.bytes:,} bytes on device {machine.backend.device}, {machine.layout.size:,} of them for intermediate values, {state:,} bytes of state in place",
        f"{'value':>28} {'bytes':>12} {'offset':>12}  calls",
    ]
    for value, offset in sorted(machine.layout.offsets.items(), key=lambda item: (machine.layout.lives[item[0]], item[1])):  # fmt: skip
        begin, end = machine.layout.lives[value]
        lines.append(f"{f'%{value.number}: {value.spec}':>28} {_size(value):>12,} {offset:>12,}  {begin} to {end}")  # fmt: skip
    in_place = [f"%{v.number} in {_name(machine, s)}" for v, s in machine.lowered.place.items()]
    if in_place:
        lines.append("in the memory of state: " + ", ".join(in_place))
    return "\n".join(lines)


def too_large(machine: Machine) -> str:
    """Why the block does not fit: its bytes, and the values that take most of them."""
    largest = sorted(machine.layout.offsets, key=_size, reverse=True)[:5]
    values = ", ".join(f"{v.spec} ({_size(v):,} bytes)" for v in largest)
    return (
        f"{machine.program.name} needs {machine.bytes:,} bytes on CUDA device {machine.backend.device} for what it computes on its way; "
        f"the largest values are {values}. Use smaller batches"
    )


def profile(machine: Machine, run: Callable[[], object]) -> list[tuple[str, float, int, int]]:
    """(kernel, seconds, bytes, operations) of one step for each call, by events on the stream while `run` runs."""
    with plain_errors(machine.cupy), machine.backend._here:
        for call in machine.sequences[True]:
            if call.kernel is not None:
                # compiled now, or it would count as time of its first launch
                _ = function_of(machine.cupy, call.kernel.source, call.kernel.name).kernel
    machine.times, machine.steps_done = [], 0
    try:
        run()
        machine.backend.synchronize()
        cuda = machine.cupy.cuda
        taken: dict[int, float] = {}
        for call, begin, end in machine.times:
            taken[id(call)] = taken.get(id(call), 0.0) + cuda.get_elapsed_time(begin, end) / 1000
    finally:
        machine.times = None
    steps = max(machine.steps_done, 1)
    return [
        (call.label, taken[id(call)] / steps, sum(_size(v) for v in (*call.reads, *call.writes)), call.flops)
        for call in (*machine.before, *machine.calls, *machine.after) if id(call) in taken
    ]  # fmt: skip


def compare(machine: Machine, state: Mapping[str, Any], inputs: Mapping[str, Any]) -> list[tuple[str, str, float]]:  # fmt: skip
    """Run the calls one by one on copies, and the interpreter beside; the relative difference of every value in memory."""
    named = {machine.state[n]: a.get() for n, a in state.items()} | {machine.inputs[n]: a.get() for n, a in inputs.items()}  # fmt: skip
    numpy = NumPyBackend()
    with numpy.quiet():
        right = values_of(machine.lowered.program, numpy, named)
    found: list[tuple[str, str, float]] = []
    owners = {s: v for v, s in machine.lowered.place.items()}
    assigned = dict(machine.lowered.program.assigns)
    # what several calls write together is looked at after the last of them
    last = {root: index for index, call in enumerate(machine.calls) for root in call.writes}
    number = iter(range(len(machine.calls)))

    def check(call: Call) -> None:
        index = next(number)
        for root in call.writes:
            value = owners.get(root) or assigned.get(root, root)
            if last[root] == index and isinstance(value, Value) and value in right:
                found.append((call.label, f"%{value.number}", difference(machine.root_array(root).get(), right[value])))  # fmt: skip

    copies = {name: array.copy() for name, array in state.items()}
    machine.one_by_one(copies, inputs, check)
    return found


def _size(value: Value) -> int:
    return value.spec.size * value.spec.dtype.itemsize


def _name(machine: Machine, value: Value) -> str:
    named = {v: n for n, v in (*machine.state.items(), *machine.inputs.items())}
    named |= {v: f"rows of {n}" for n, v in machine.sources.items()}
    return named.get(value, "step" if value == machine.counter else "order" if value == machine.order else f"%{value.number}")  # fmt: skip
