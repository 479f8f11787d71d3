"""The outputs of a program for many times its rows: the driver itself goes from part to part.

So threads are woken once for many parts, and the few microseconds of a call are paid once, too.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from ..numpy.memory import NDArray, address
from ..program.ir import Value

if TYPE_CHECKING:
    from .executable import Executable

_AT_ONCE = 2_000_000_000
"""Operations of one call, some 10 milliseconds: for so long a handler of a signal has to wait."""
_PER_BYTE = 10
"""Operations that take as long as a byte of memory."""


def in_parts(executable: Executable, value: Value, array: NDArray) -> NDArray:
    """The outputs, one under the other, where part by part of the rows of `array` is the input `value`."""
    rows, output = value.spec.shape[0], executable.only_output
    found = np.empty((len(array), *output.shape[1:]), output.dtype)
    slots = np.array(executable.slots.get(value, ()), np.int64)
    steps = 1 if executable.needs_care() else _steps_at_once(executable, value)
    # what is bound moves from part to part
    executable.unbind(value)
    for start in range(0, len(array), steps * rows):
        executable.arguments[slots] = address(array[start:])
        results = found[start : start + steps * rows]
        if executable.needs_care():
            executable.turn({}, {})
            results[...] = output
        else:
            _run(executable, value, slots, results)
    return found


def _steps_at_once(executable: Executable, value: Value) -> int:
    each = executable.flops + _PER_BYTE * (executable.layout.size + _size(value))
    return max(1, _AT_ONCE // max(each, 1))


def _size(value: Value) -> int:
    """Bytes from part to part."""
    return value.spec.size * value.spec.dtype.itemsize


def _run(executable: Executable, value: Value, slots: NDArray, results: NDArray) -> None:
    """A call of the driver: so many steps as `results` has parts."""
    output, threads = executable.only_output, executable.parts()
    steps = len(results) // value.spec.shape[0]
    moved = address(executable.arguments), address(slots), len(slots), _size(value)
    table = (steps, *moved, address(output), address(results), output.nbytes)
    frames = np.array([(*executable.frame, part, threads, *table) for part in range(threads)], np.int64)
    executable.drive([partial(executable.over_parts, address(frame)) for frame in frames], steps)
