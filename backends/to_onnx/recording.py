"""A trace that remembers which instructions an op has written.

Most ops become the nodes of their primitives. A few have a node of their own in ONNX (Conv, MaxPool,
Softmax), which says the same in less and is faster: for these the instructions of a call are one thing, with
its inputs and settings. No pattern is looked for: the op itself says where it begins and ends.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from ..program import Symbol, TraceBackend, Value
from ..program.ir import Operand


class Call(NamedTuple):
    """`result = name(operands, **static)`, which the instructions from `start` to before `stop` compute."""

    name: str
    start: int
    stop: int
    operands: tuple[Operand | None, ...]
    static: tuple[tuple[str, Any], ...]
    result: Value


class Recording(TraceBackend):
    """A trace that keeps small arrays which are used undeclared, and the calls of some ops.

    Args:
        names: the ops to be remembered, by the function that computes them.
    """

    fuse_from = 0  # every op is handed to `run`

    def __init__(self, names: Mapping[Callable[..., Any], str]) -> None:
        super().__init__(captures=True)
        self.calls: list[Call] = []
        self._names = names

    def run(self, rule: Callable[..., Any], *args: Any, **static: Any) -> Any:
        start = len(self._instructions)
        result = rule(self, *args, **static)
        name, stop = self._names.get(rule), len(self._instructions)
        if name is not None and start < stop and isinstance(result, Symbol):
            operands = tuple(None if a is None else self._operand(a) for a in args)
            self.calls.append(Call(name, start, stop, operands, tuple(static.items()), result.value))
        return result
