"""A program as a list of NumPy calls that write into memory laid out
beforehand: what runs where nothing compiles.

The list is the simplified program. A value whose last reader has run gives its memory to the next
value that fits, so a step allocates nothing but what NumPy needs inside a call. Results are
those of the interpreter, bit for bit.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import nullcontext
from typing import Any

import numpy as np

from ..contract import Feed
from ..plan.calls import Call, size_of
from ..plan.executable import CompiledProgram
from ..plan.inspection import Read
from ..plan.lowering import Lowered
from ..primitives import PRIMITIVES
from ..program.ir import Instruction, Operand, Program, Value, operands_of
from ..program.layout import lay_out
from ..program.passes import simplify
from ..program.precision import rounded_products
from ..program.text import format_call, format_scope
from ..program.views import is_view
from .memory import Arrays, NDArray, aligned, shaped
from .primitives import NumPyPrimitives

_UFUNCS = {n: f for n in PRIMITIVES if isinstance(f := vars(NumPyPrimitives).get(n), np.ufunc)}
_UFUNCS["matmul"] = np.matmul
_REDUCTIONS = {n: _UFUNCS[r.gathers.by] for n, r in PRIMITIVES.items() if r.gathers and not r.gathers.place}
Values = dict[Value, Any]
Step = Callable[[Values], None]


class Planned(CompiledProgram):
    """The executable of the NumPy backend.

    Args:
        program: as traced.
        backend: whose primitives do what has no `out=`.
        feeds: inputs that `epoch` takes from rows.
    """

    is_simple = False

    def __init__(self, program: Program, backend: Any, feeds: Mapping[str, Feed] | None = None) -> None:
        rounded = rounded_products(program)
        self.simple = simplify(rounded)
        super().__init__(program, Lowered(self.simple, self._calls(), {}, {}), feeds)
        # in a lower precision overflow is nothing to warn of: loss scaling looks for it
        self._quiet = nullcontext if rounded is program else backend.quiet
        self.backend = backend
        self._buffers = self._plan_memory()
        self._steps = [self._step(i) for i in self.simple.instructions]

    def _calls(self) -> list[Call]:
        """A call for each instruction. Its roots are what it keeps alive: a value and all
        views of it live as long as the last of them.
        """
        root: dict[Value, Value] = {}
        calls = []
        for instruction in self.simple.instructions:
            result, read = instruction.result, dict.fromkeys(operands_of(instruction))
            roots = tuple(root.get(v, v) for v in read)
            shares = is_view(instruction) or PRIMITIVES[instruction.primitive].may_share
            root[result] = roots[0] if shares and roots else result
            calls.append(
                Call(
                    instruction.primitive,
                    roots,
                    read,
                    {result: None},
                    result.spec.size,
                    scope=instruction.scope,
                )
            )
        kept = (v for _, v in (*self.simple.assigns, *self.simple.outputs) if isinstance(v, Value))
        self._last = Call("results", tuple(root.get(v, v) for v in kept), {}, {})
        self._own = {result for result, of in root.items() if result == of}
        return calls

    def _plan_memory(self) -> dict[Value, NDArray]:
        """The arrays that calls write into."""
        written = [i.result for i in self.simple.instructions if self._writes_into(i)]
        calls = [*self.lowered.calls, self._last]
        self.layout = lay_out(calls, [True] * len(calls), {v: size_of(v) for v in written if v in self._own})
        block = aligned(self.layout.size)
        return {v: shaped(block[offset:], v.spec) for v, offset in self.layout.offsets.items()}

    @staticmethod
    def _writes_into(instruction: Instruction) -> bool:
        return instruction.primitive in _UFUNCS or instruction.primitive in _REDUCTIONS

    def _step(self, instruction: Instruction) -> Step:
        result, primitive, operands, static = instruction
        settings = dict(static)
        scratch = self._buffers.get(result)

        def read(values: Values, operand: Operand) -> Any:
            return values[operand] if isinstance(operand, Value) else operand

        if scratch is not None and primitive in _UFUNCS:
            ufunc = _UFUNCS[primitive]

            def call(values: Values) -> None:
                values[result] = ufunc(*(read(values, o) for o in operands), out=scratch)
        elif scratch is not None:
            reduce: Any = _REDUCTIONS[primitive].reduce
            axis, keepdims = settings["axis"], settings["keepdims"]

            def call(values: Values) -> None:
                values[result] = reduce(read(values, operands[0]), axis=axis, keepdims=keepdims, out=scratch)
        else:
            function = getattr(self.backend, primitive)

            def call(values: Values) -> None:
                values[result] = function(*(read(values, o) for o in operands), **settings)

        return call

    def step(self, state: Arrays | None, inputs: Arrays) -> dict[str, NDArray]:
        """See `Executable`."""
        assert state is not None
        with self.lock, self._quiet():
            values = self._given(state, inputs)
            for call in self._steps:
                call(values)
            # all are read before the first is written: a state may be assigned the old value of another
            new = [(self.names[t], np.array(self._value(values, v))) for t, v in self.simple.assigns]
            outputs = {
                name: np.array(self._value(values, v), dtype=v.spec.dtype if isinstance(v, Value) else None)
                for name, v in self.simple.outputs
            }
            for name, value in new:
                state[name][...] = value
            return outputs

    def _given(self, state: Arrays, inputs: Arrays) -> Values:
        return {v: state[n] for n, v in self.state.items()} | {v: inputs[n] for n, v in self.inputs.items()}

    @staticmethod
    def _value(values: Values, operand: Operand) -> Any:
        return values[operand] if isinstance(operand, Value) else operand

    def epoch(self, state: Arrays, sources: Arrays, order: NDArray | None, first: int, steps: int) -> None:
        """See `Executable`."""
        batch = next(self.inputs[name].spec.shape[0] for name in sources)
        for step in range(first, first + steps):
            rows = slice(step * batch, (step + 1) * batch)
            picked = rows if order is None else order[rows]
            self.step(state, {name: source[picked] for name, source in sources.items()})

    # looking inside
    def listed(self) -> list[tuple[str, Call]]:
        """Every call, as it stands in the program."""
        return list(zip(self.kernels(), self.lowered.calls, strict=True))

    def kernels(self) -> list[str]:
        """The calls, each with whose work it is."""
        return [f"{i.result} = {format_call(i)}{format_scope(i)}" for i in self.simple.instructions]

    def source(self) -> str:
        """The calls, one a line: there is no other text."""
        return "\n".join(self.kernels())

    def memory_summary(self) -> str:
        """Bytes of the block, and of how many values."""
        return f"{self.layout.size:,} bytes for {len(self._buffers)} values"

    def timed(self, run: Callable[[], object]) -> Iterable[tuple[Call, float]]:
        """By the clock around each call."""
        seconds, steps = [0.0] * len(self._steps), self._steps

        def timed(at: int, call: Step) -> Step:
            def one(values: Values) -> None:
                began = time.perf_counter()
                call(values)
                seconds[at] += time.perf_counter() - began
                self.steps_done += at == 0

            return one

        self._steps = [timed(at, call) for at, call in enumerate(steps)]
        try:
            run()
        finally:
            self._steps = steps
        return zip(self.lowered.calls, seconds, strict=True)

    def one_by_one(self, state: Arrays, inputs: Arrays, then: Callable[[Call, Read], None]) -> None:
        """One step, without writing to the state."""
        with self.lock, self._quiet():
            values = self._given(state, inputs)
            for call, run in zip(self.lowered.calls, self._steps, strict=True):
                run(values)
                then(call, values.__getitem__)

    def to_numpy(self, array: NDArray) -> NDArray:
        """As it is."""
        return array
