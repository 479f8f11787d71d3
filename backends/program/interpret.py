"""What a program means: its instructions, one by one, on any real backend.
The oracle for passes and emitters.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ..contract import Array, Backend
from ..errors import ProgramError
from .ir import Operand, Program, Value


def interpret(
    program: Program, backend: Backend, state: Mapping[str, Array], inputs: Mapping[str, Array]
) -> tuple[dict[str, Array], dict[str, Array]]:
    """Run `program` once; returns (new state, outputs). The arrays of `state` are not changed.

    Raises:
        ProgramError: when a parameter is missing or has another shape or dtype than the program says.
    """
    values: dict[Value, Array] = {}
    for value, role, name in program.parameters:
        given = (state if role == "state" else inputs).get(name)
        if given is None:
            raise ProgramError(f"{role} {name!r} is missing")
        if tuple(given.shape) != value.spec.shape or given.dtype != value.spec.dtype:
            raise ProgramError(
                f"{role} {name!r} is {given.dtype}{list(given.shape)}, the program expects {value.spec}"
            )
        values[value] = given

    last_use = {
        o: i for i, step in enumerate(program.instructions) for o in step.operands if isinstance(o, Value)
    }
    kept = {o for _, o in (*program.assigns, *program.outputs)}

    def read(operand: Operand) -> Array:
        return values[operand] if isinstance(operand, Value) else operand

    for number, (result, primitive, operands, static) in enumerate(program.instructions):
        function = getattr(backend, primitive)
        values[result] = function(*(read(o) for o in operands), **dict(static))
        for operand in operands:
            if isinstance(operand, Value) and last_use[operand] == number and operand not in kept:
                values.pop(operand, None)

    names = {value: name for name, value in program.named("state").items()}
    new_state = dict(state) | {names[target]: read(value) for target, value in program.assigns}
    return new_state, {name: read(value) for name, value in program.outputs}


def values_of(program: Program, backend: Backend, given: Mapping[Value, Array]) -> dict[Value, Array]:
    """Every value of a program, for its parameters in `given`."""
    values: dict[Value, Array] = dict(given)
    for result, primitive, operands, static in program.instructions:
        read = (values[o] if isinstance(o, Value) else o for o in operands)
        values[result] = getattr(backend, primitive)(*read, **dict(static))
    return values


def difference(a: Any, b: Any) -> float:
    """The largest difference, relative to the largest number; NaN and
    infinity count as equal to themselves.
    """
    a, b = np.asarray(a, np.float64), np.asarray(b, np.float64)
    same = (a == b) | ((a != a) & (b != b))
    if same.all():
        return 0.0
    with np.errstate(all="ignore"):
        scale = np.abs(b[np.isfinite(b)]).max(initial=0.0) or 1.0
        gap = np.where(same, 0.0, np.abs(a - b)) / scale
    return float(np.where(gap == gap, gap, np.inf).max())
