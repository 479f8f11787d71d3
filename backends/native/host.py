"""Instructions for which there is no kernel: NumPy runs them between the
kernels, on the values where they lie.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ..numpy.memory import Arrays, NDArray, shaped
from ..numpy.primitives import NumPyPrimitives
from ..program.ir import Value
from .calls import Call

if TYPE_CHECKING:
    from .executable import Executable

_numpy = NumPyPrimitives()


def run_on_host(executable: Executable, call: Call, state: Arrays, inputs: Arrays) -> None:
    """An instruction for which there is no kernel, on NumPy."""
    assert call.foreign is not None
    result, primitive, operands, static = call.foreign
    given = [array_of(executable, o, state, inputs) if isinstance(o, Value) else o for o in operands]
    value = getattr(_numpy, primitive)(*given, **dict(static))
    array_of(executable, result, state, inputs)[...] = value


def array_of(executable: Executable, value: Value, state: Arrays, inputs: Arrays) -> NDArray:
    """The array in memory that a value of the program is, as a view."""
    view = executable.lowered.views[value]
    root = executable.lowered.place.get(view.root, view.root)
    names = {v: n for n, v in executable.state.items()}
    outputs = {v: n for n, v in executable.lowered.program.outputs if isinstance(v, Value)}
    if root in names:
        base = state[names[root]]
    elif root in executable.slots or root not in executable.known:
        base = {executable.inputs[n]: a for n, a in inputs.items()}[root]
    elif root in outputs:
        base = executable.outputs[outputs[root]]
    else:
        base = shaped(executable.block[executable.layout.offsets[root] :], root.spec)
    size = base.dtype.itemsize
    flat = base.reshape(-1)[view.offset :]
    return np.lib.stride_tricks.as_strided(flat, value.spec.shape, [s * size for s in view.strides])
