"""A program that is ready to run, as far as all targets are alike: what it is given, and looking inside.

How calls are put to work, and where their memory lies, is the target's.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from ..contract import Feed, ProfileRow
from ..errors import ProgramError
from ..locks import renewed_lock
from ..program.ir import Program, Value
from ..program.layout import Layout
from . import inspection
from .calls import ERRORS, Call
from .lowering import Lowered


class CompiledProgram(ABC):
    """The executable of a target.

    Args:
        program: as traced.
        lowered: its calls.
        feeds: inputs, by name, that are taken from the rows of larger arrays (see `Executable.epoch`).
    """

    layout: Layout
    binds = 0
    steps_done = 0
    is_quick = False

    def __init__(self, program: Program, lowered: Lowered[Any], feeds: Mapping[str, Feed] | None) -> None:
        self.program = program
        self.lowered = lowered
        self.feeds = dict(feeds or {})
        self.state = program.named("state")
        self.inputs = program.named("input")
        assigned = {state for state, _ in program.assigns}
        self.written = [name for name, value in self.state.items() if value in assigned]
        self.names = {v: n for n, v in (*self.state.items(), *self.inputs.items())}
        """What reports call a value that is no intermediate one."""
        self.lock = renewed_lock()

    def again(self, name: str, array: Any) -> Any:
        """See `Executable`; never called where `is_quick` does not say so."""
        raise ProgramError("this executable has no quick way")

    # looking inside
    @abstractmethod
    def listed(self) -> Sequence[tuple[str, Call]]:
        """The calls of a step in their order, each with what does it."""

    @abstractmethod
    def memory_summary(self) -> str:
        """How much memory there is, in a line."""

    @abstractmethod
    def timed(self, run: Callable[[], object]) -> Iterable[tuple[Call, float]]:
        """Calls with their seconds in all steps that `run` runs; counts those in `steps_done`."""

    @abstractmethod
    def one_by_one(
        self,
        state: Mapping[str, Any],
        inputs: Mapping[str, Any],
        then: Callable[[Call, inspection.Read], None],
    ) -> None:
        """A step, call by call; `then` is told of every call, and how to read roots now."""

    @abstractmethod
    def to_numpy(self, array: Any) -> np.ndarray[Any, Any]:
        """An array of state or of an input."""

    def memory_report(self) -> str:
        """See `Executable`."""
        return inspection.memory_report(self)

    def kernels(self) -> list[str]:
        """See `Executable`."""
        return inspection.kernels(self)

    def profile(self, run: Callable[[], object]) -> list[ProfileRow]:
        """See `Executable`."""
        return inspection.profile(self, run)

    def compare(self, state: Mapping[str, Any], inputs: Mapping[str, Any]) -> list[tuple[str, str, float]]:
        """See `Executable`."""
        return inspection.compare(self, state, inputs)


class BoundProgram(CompiledProgram):
    """One whose calls read and write state and sources where they lie.

    Args:
        program: as traced.
        lowered: its calls.
        feeds: see `CompiledProgram`.
    """

    def __init__(self, program: Program, lowered: Lowered[Any], feeds: Mapping[str, Feed] | None) -> None:
        super().__init__(program, lowered, feeds)
        self.sources: dict[str, Value] = {}
        self._bound: dict[Value, int] = {}

    def add_source(self, name: str) -> Value:
        """The array from whose rows the input `name` is taken; the numbers are none of a program's."""
        source = self.sources[name] = Value(-4 - len(self.sources), self.inputs[name].spec)
        self.names[source] = f"rows of {name}"
        return source

    def check_order(self, calls: Sequence[Call]) -> None:
        """Every value is written before it is read; a mistake of the planner would be a random number."""
        written = {*self.state.values(), *self.inputs.values(), ERRORS}
        for call in calls:
            for root in call.reads:
                if root not in written:
                    raise ProgramError(f"{call.name} reads {root}: {root.spec} before it is written")
            written.update(call.writes)

    def bind_state(self, state: Mapping[str, Any]) -> None:
        """Let the state be read and written where these arrays lie."""
        self.binds += 1
        for name, value in self.state.items():
            self.bind(value, state[name])

    @abstractmethod
    def bind(self, value: Value, array: Any) -> None:
        """Let a state or a source be read and written where `array` lies."""
