"""A program as a list of NumPy calls that write into memory laid out
beforehand: what runs where nothing compiles.

The list is the simplified program. A value whose last reader has run gives its memory to the next
value of its size, so a step allocates nothing but what NumPy needs inside a call. Results are
those of the interpreter, bit for bit.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

import numpy as np

from ..contract import Feed, ProfileRow
from ..errors import ProgramError
from ..locks import renewed_lock
from ..primitives import PRIMITIVES
from ..program.interpret import values_of
from ..program.ir import Instruction, Operand, Program, Value
from ..program.passes import simplify
from ..program.precision import rounded_products
from ..program.text import format_call, format_scope
from ..program.views import is_view
from .primitives import NumPyPrimitives

if TYPE_CHECKING:
    pass

NDArray = np.ndarray[Any, Any]
_UFUNCS = {n: f for n in PRIMITIVES if isinstance(f := vars(NumPyPrimitives).get(n), np.ufunc)}
_UFUNCS["matmul"] = np.matmul
_REDUCTIONS = {n: _UFUNCS[r.gathers.by] for n, r in PRIMITIVES.items() if r.gathers and not r.gathers.place}
Step = Callable[[dict[Value, Any]], None]


class Planned:
    """The executable of the NumPy backend.

    Args:
        program: as traced.
        backend: whose primitives do what has no `out=`.
        feeds: inputs that `epoch` takes from rows.
    """

    def __init__(self, program: Program, backend: Any, feeds: Mapping[str, Feed] | None = None) -> None:
        self.program = program
        rounded = rounded_products(program)
        self.simple = simplify(rounded)
        # in a lower precision overflow is nothing to warn of: loss scaling looks for it
        self._quiet = nullcontext if rounded is program else backend.quiet
        self.backend = backend
        self.feeds = dict(feeds or {})
        self.inputs = program.named("input")
        self.state = program.named("state")
        names = {value: name for name, value in self.state.items()}
        self.written = [names[target] for target, _ in program.assigns]
        self._names = names
        self._buffers: dict[Value, NDArray] = {}
        self._sizes: dict[int, int] = {}
        self._plan_memory()
        self._steps = [self._step(i) for i in self.simple.instructions]
        self.lock = renewed_lock()

    def _plan_memory(self) -> None:
        """A scratch for every value that a call can write into; a value and all views of
        it live as long as the last of them.
        """
        root: dict[Value, Value] = {}
        for instruction in self.simple.instructions:
            source = instruction.operands[0] if instruction.operands else None
            shares = is_view(instruction) or PRIMITIVES[instruction.primitive].may_share
            root[instruction.result] = (
                root.get(source, source) if shares and isinstance(source, Value) else instruction.result
            )
        last: dict[Value, int] = {}
        for at, instruction in enumerate(self.simple.instructions):
            for operand in instruction.operands:
                if isinstance(operand, Value):
                    last[root.get(operand, operand)] = at
        kept = {
            root.get(v, v) for _, v in (*self.simple.assigns, *self.simple.outputs) if isinstance(v, Value)
        }
        free: dict[tuple[int, Any], list[NDArray]] = {}
        held: list[Value] = []
        for at, instruction in enumerate(self.simple.instructions):
            result = instruction.result
            if self._writes_into(instruction) and root[result] == result:
                spec = result.spec
                scratches = free.get((spec.size, spec.dtype), [])
                flat = scratches.pop() if scratches else np.empty(spec.size, spec.dtype)
                self._buffers[result] = flat.reshape(spec.shape)
                self._sizes[id(flat.base if flat.base is not None else flat)] = flat.nbytes
                held.append(result)
            for value in [v for v in held if last.get(v, at) <= at and v not in kept]:
                held.remove(value)
                scratch = self._buffers[value].reshape(-1)
                free.setdefault((scratch.size, scratch.dtype), []).append(scratch)

    @staticmethod
    def _writes_into(instruction: Instruction) -> bool:
        return instruction.primitive in _UFUNCS or instruction.primitive in _REDUCTIONS

    def _step(self, instruction: Instruction) -> Step:
        result, primitive, operands, static = instruction
        settings = dict(static)
        scratch = self._buffers.get(result)

        def read(values: dict[Value, Any], operand: Operand) -> Any:
            return values[operand] if isinstance(operand, Value) else operand

        if scratch is not None and primitive in _UFUNCS:
            ufunc = _UFUNCS[primitive]

            def call(values: dict[Value, Any]) -> None:
                values[result] = ufunc(*(read(values, o) for o in operands), out=scratch)
        elif scratch is not None:
            reduce: Any = _REDUCTIONS[primitive].reduce
            axis, keepdims = settings["axis"], settings["keepdims"]

            def call(values: dict[Value, Any]) -> None:
                values[result] = reduce(read(values, operands[0]), axis=axis, keepdims=keepdims, out=scratch)
        else:
            function = getattr(self.backend, primitive)

            def call(values: dict[Value, Any]) -> None:
                values[result] = function(*(read(values, o) for o in operands), **settings)

        return call

    binds = 0
    is_simple = is_quick = False

    def again(self, name: str, array: NDArray) -> NDArray:
        """See `Executable`; never called, for `is_quick` says so."""
        raise ProgramError("a list of NumPy calls has no quick way")

    def step(self, state: Mapping[str, NDArray] | None, inputs: Mapping[str, NDArray]) -> dict[str, NDArray]:
        """See `Executable`."""
        assert state is not None
        with self.lock, self._quiet():
            values: dict[Value, Any] = {v: state[n] for n, v in self.state.items()}
            values |= {v: inputs[n] for n, v in self.inputs.items()}
            for call in self._steps:
                call(values)
            # all are read before the first is written: a state may be assigned the old value of another
            new = [(self._names[t], np.array(self._value(values, v))) for t, v in self.simple.assigns]
            outputs = {
                name: np.array(self._value(values, v), dtype=v.spec.dtype if isinstance(v, Value) else None)
                for name, v in self.simple.outputs
            }
            for name, value in new:
                state[name][...] = value
            return outputs

    @staticmethod
    def _value(values: dict[Value, Any], operand: Operand) -> Any:
        return values[operand] if isinstance(operand, Value) else operand

    def epoch(
        self,
        state: Mapping[str, NDArray],
        sources: Mapping[str, NDArray],
        order: NDArray | None,
        first: int,
        steps: int,
    ) -> None:
        """See `Executable`."""
        batch = next(self.inputs[name].spec.shape[0] for name in sources)
        for step in range(first, first + steps):
            rows = slice(step * batch, (step + 1) * batch)
            picked = rows if order is None else order[rows]
            self.step(state, {name: source[picked] for name, source in sources.items()})

    # looking inside
    def memory_report(self) -> str:
        """How many bytes the scratches take, and which values share them."""
        total = sum(self._sizes.values())
        lines = [
            (
                f"{self.program.name}: {total:,} bytes in {len(self._sizes)} buffers for "
                f"{len(self._buffers)} values"
            )
        ]
        scopes = {i.result: i.scope for i in self.simple.instructions}
        for value, scratch in self._buffers.items():
            base = scratch.base if scratch.base is not None else scratch
            number = list(self._sizes).index(id(base)) if id(base) in self._sizes else -1
            scope = f", {scopes[value]}" if scopes[value] else ""
            lines.append(
                f"  %{value.number}: {value.spec}, {scratch.nbytes:,} bytes, scratch {number}{scope}"
            )
        return "\n".join(lines)

    def kernels(self) -> list[str]:
        """The calls, each with whose work it is."""
        return [f"{i.result} = {format_call(i)}{format_scope(i)}" for i in self.simple.instructions]

    def source(self) -> str:
        """The calls, one a line: there is no other text."""
        return "\n".join(self.kernels())

    def profile(self, run: Callable[[], object]) -> list[ProfileRow]:
        """See `Executable`; seconds by the clock around each call."""
        seconds = [0.0] * len(self._steps)
        steps, count = list(self._steps), [0]

        def timed(at: int, call: Step) -> Step:
            def one(values: dict[Value, Any]) -> None:
                began = time.perf_counter()
                call(values)
                seconds[at] += time.perf_counter() - began
                count[0] += at == 0

            return one

        self._steps = [timed(at, call) for at, call in enumerate(steps)]
        try:
            run()
        finally:
            self._steps = steps
        return [
            ProfileRow(
                i.primitive,
                t / max(count[0], 1),
                sum(
                    v.spec.size * v.spec.dtype.itemsize
                    for v in (i.result, *i.operands)
                    if isinstance(v, Value)
                ),
                i.result.spec.size,
                i.scope,
            )
            for i, t in zip(self.simple.instructions, seconds, strict=True)
        ]

    def compare(
        self, state: Mapping[str, NDArray], inputs: Mapping[str, NDArray]
    ) -> list[tuple[str, str, float]]:
        """See `Executable`."""
        given = {v: state[n] for n, v in self.state.items()} | {v: inputs[n] for n, v in self.inputs.items()}
        right = values_of(self.simple, self.backend, given)
        found: list[tuple[str, str, float]] = []
        values: dict[Value, Any] = dict(given)
        for instruction, call in zip(self.simple.instructions, self._steps, strict=True):
            call(values)
            value = instruction.result
            same = np.array_equal(values[value], right[value], equal_nan=value.spec.dtype.kind == "f")
            found.append((instruction.primitive, f"%{value.number}", 0.0 if same else float("inf")))
        return found
