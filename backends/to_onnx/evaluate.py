"""What a program of lines means for one number of rows: the oracle for what its traces did not see.

A function may do something else for a single row than for many. The file knows one way alone, so that way
is computed on one row, too, and compared with what the function does there.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from ..contract import Array, Backend, Spec
from .lines import Item, Line, Lines
from .sizes import Rows


def evaluated(
    lines: Lines, backend: Backend, rows: int, state: Mapping[str, Array], inputs: Sequence[Array]
) -> list[Any]:
    """The outputs for arrays of so many rows.

    Args:
        lines: the program.
        backend: computes it; the arrays are of it.
        rows: how many.
        state: by name.
        inputs: in order.
    """
    values: dict[int, Any] = {item.number: state[name] for name, item in lines.state.items()}
    values |= {item.number: array for item, array in zip(lines.inputs, inputs, strict=True)}

    def read(operand: Any, line: Line) -> Any:
        if isinstance(operand, Item):
            return values[operand.number]
        number = _with_rows(operand, rows)
        return float(number) if isinstance(operand, Rows) and line.result.dtype.kind == "f" else number

    for line in _needed(lines):
        static = {name: _with_rows(value, rows) for name, value in line.static.items()}
        operands = (read(operand, line) for operand in line.operands)
        values[line.result.number] = getattr(backend, line.name)(*operands, **static)
    return [values[out.number] if isinstance(out, Item) else out for out in lines.outputs]


def random_arrays(specs: Sequence[Spec]) -> Iterator[list[Any]]:
    """NumPy arrays to compare on: numbers of both signs, small and positive ones, and zeros."""
    draw = np.random.default_rng(0)
    for low, high in ((-3.0, 3.0), (0.0, 2.0), (0.0, 0.0)):
        yield [draw.uniform(low, high, spec.shape).astype(spec.dtype) for spec in specs]


def _needed(lines: Lines) -> list[Line]:
    """The lines that an output comes from; others may have no meaning."""
    wanted = {out.number for out in lines.outputs if isinstance(out, Item)}
    found = []
    for line in reversed(lines.lines):
        if line.result.number in wanted:
            found.append(line)
            wanted |= {operand.number for operand in line.operands if isinstance(operand, Item)}
    return found[::-1]


def _with_rows(value: Any, rows: int) -> Any:
    """A setting with numbers where it follows the number of rows."""
    if isinstance(value, Rows):
        return value.times * rows + value.more
    if isinstance(value, slice):
        return slice(*(_with_rows(part, rows) for part in (value.start, value.stop, value.step)))
    if isinstance(value, (tuple, list)):
        parts = [_with_rows(part, rows) for part in value]
        return type(value)(*parts) if hasattr(value, "_fields") else type(value)(parts)
    return value
