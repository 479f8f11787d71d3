"""A program that is ready to run on a device: kernels, products, memory, and graphs of whole steps.

A step is captured once for each set of addresses as a CUDA graph and then replayed; small steps go several to
a graph. State stays where it is; inputs are copied into places of their own, results out of theirs, and the
rows of an epoch are gathered on the device by a counter that lies there, too. Turns of all executables of a
device follow each other, whatever their streams.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from ..contract import Feed, Spec, as_array
from ..cuda import data_movement
from ..cuda.calls import ERRORS, Call, call_of
from ..cuda.horizontal import fused_horizontally
from ..cuda.kernel import format_of
from ..cuda.lower import lower
from ..cuda.persistent import together
from ..plan.calls import size_of
from ..plan.executable import BoundProgram
from ..plan.inspection import Read
from ..program.ir import Program, Value
from ..program.layout import lay_out
from .cublas import blas_of, formats_of
from .graphs import Graphs, OneKernel, compiled, in_pieces
from .launching import launch, multiply
from .library import plain_errors
from .memory import Memory

_log = logging.getLogger("gradloom")
_INT64 = np.dtype(np.int64)
_NODES = 512
"""Kernels of one graph, up to which it holds several steps."""
_STEPS = 64
_LAUNCH = 2000
"""Steps of one launch of the one kernel: a desktop ends what runs for seconds, and Ctrl-C waits for it."""


class Executable(BoundProgram):
    """The executable of the CuPy backend.

    Args:
        program: as traced.
        backend: on whose device it runs, and whose primitives do what has no kernel.
        feeds: inputs, by name, that `epoch` takes from rows.
    """

    def __init__(self, program: Program, backend: Any, feeds: Mapping[str, Feed] | None = None) -> None:
        self.backend = backend
        self.cupy = backend._cupy
        with backend._here:
            formats = formats_of(self.cupy)
        super().__init__(program, lower(program, formats=formats), feeds)
        self.counter = Value(-2, Spec((1,), _INT64))
        self.names[self.counter] = "step"
        self.order: Value | None = None
        before, after = self._feeding()
        self.constants = [c for c in self.lowered.calls if c.once]
        alone = [c for c in self.lowered.calls if not c.once]
        self.check_order([*self.constants, *alone])
        self.before, self.calls = fused_horizontally(before), fused_horizontally(alone)
        self.check_order([*self.constants, *self.calls])
        self.layout = lay_out(
            [*self.before, *self.calls], [True] * (len(self.before) + len(self.calls)), self._sizes()
        )
        self.sequences = {False: self.calls, True: [*self.before, *_with(self.calls, after)]}
        """What a step puts on the stream: given its inputs, or taking them from rows."""
        self.pieces = {fed: in_pieces(calls) for fed, calls in self.sequences.items()}
        self.uses_graphs = os.environ.get("GRADLOOM_CUDA_GRAPHS", "1") != "0"
        self.checks = any(c.checks for c in self.calls)
        self.is_simple = self.uses_graphs and not any(c.foreign for c in self.calls)
        wholes = {False: alone, True: [*before, *alone, *after]}
        self.together = {fed: together(c) if self.uses_graphs else None for fed, c in wholes.items()}
        multiplies = any(c.gemm for c in self.calls)
        with plain_errors(self.cupy), backend._here, backend.arena.lock:
            self.memory = Memory(
                backend.arena, backend.device, self._kept(), self.layout, multiplies, self._too_large
            )
            self.blas = blas_of(self.cupy, backend.device) if multiplies else None
            self.memory.ready()
            self.graphs = Graphs(self.cupy, self.program.name)
            self.ones = {
                fed: OneKernel(self.cupy, backend, kernel)
                for fed, kernel in self.together.items()
                if kernel is not None
            }
            self._load(bool(self.feeds))

    _noted = False
    """Whether the last turn was left before anybody looked at what its kernels noted."""
    times: list[tuple[Call, Any, Any]] | None = None
    """While a profile is taken: events around every call."""

    # making
    def _feeding(self) -> tuple[list[Call], list[Call]]:
        """What gathers the rows of a step, and what counts it on."""
        if not self.feeds:
            return [], []
        first = next(iter(self.feeds.values()))
        if first.ordered:
            self.order = Value(-3, Spec((first.rows,), _INT64))
            self.names[self.order] = "order"
        calls = []
        for name in self.feeds:
            kernel = data_movement.batch(self.add_source(name), self.order, self.counter, self.inputs[name])
            calls.append(call_of(kernel, "batch"))
        return calls, [call_of(data_movement.advance(self.counter), "count on")]

    def _kept(self) -> list[Value]:
        """Roots with a place of their own for as long as the executable lives."""
        outputs = [v for _, v in self.lowered.program.outputs if isinstance(v, Value)]
        given = [v for n, v in self.inputs.items() if n not in self.feeds]
        own = [self.lowered.place.get(v, v) for v in outputs]
        own += [root for c in self.constants for root in c.writes]
        counted = [self.counter, *([self.order] if self.order is not None else [])] if self.feeds else []
        return list(
            dict.fromkeys(v for v in (ERRORS, *counted, *given, *own) if v not in self.state.values())
        )

    def _sizes(self) -> dict[Value, int]:
        """Bytes of the values that share memory."""
        kept = {*self._kept(), *self.state.values(), *self.sources.values()}
        roots = dict.fromkeys(r for c in (*self.before, *self.calls) for r in c.roots)
        return {r: max(r.spec.size, 1) * r.spec.dtype.itemsize for r in roots if r not in kept}

    def _load(self, fed: bool) -> None:
        """Compile what a step needs: nothing may be compiled or loaded while a stream is captured."""
        if fed in self.ones and self.ones[fed].is_ready():
            return
        kernels = [c.kernel for c in (*self.constants, *self.sequences[fed]) if c.kernel is not None]
        compiled(self.cupy, self.backend, kernels)

    def address(self, root: Value) -> int:
        """Where a root lies in this turn."""
        return self.memory.address(root, self._bound)

    # running
    def step(self, state: Mapping[str, Any] | None, inputs: Mapping[str, Any]) -> dict[str, Any]:
        """See `Executable`."""
        with self.lock, plain_errors(self.cupy), self.backend._here, self._turn(state, wait=False) as stream:
            for name, array in inputs.items():
                self._copy_in(self.inputs[name], array, stream)
            self._run(1, False, stream)
            return {name: self._copy_out(value, stream) for name, value in self.lowered.program.outputs}

    def epoch(
        self, state: Mapping[str, Any], sources: Mapping[str, Any], order: Any | None, first: int, steps: int
    ) -> None:
        """See `Executable`. Waits for the device, so that the time it takes is that of the steps."""
        with self.lock, plain_errors(self.cupy), self.backend._here, self._turn(state, wait=True) as stream:
            for name, array in sources.items():
                self.bind(self.sources[name], array)
            if order is not None and self.order is not None:
                self._copy_in(self.order, order, stream)
            self.root_array(self.counter).fill(first)
            most = max(1, min(_STEPS, _NODES // len(self.sequences[True])))
            left = steps
            while left:
                one = self.ones.get(True)
                by_graphs = 1 << (min(left, most).bit_length() - 1)
                count = min(left, _LAUNCH) if one is not None and one.is_ready() else by_graphs
                self._run(count, True, stream)
                left -= count

    @contextmanager
    def _turn(self, state: Mapping[str, Any] | None, wait: bool) -> Iterator[Any]:
        """Inside, the stream of a turn. What is put on it comes before the next turn,
        also when this one is left half-way.
        """
        arena = self.backend.arena
        with arena.lock:
            stream = self.cupy.cuda.get_current_stream()
            stream.wait_event(arena.done)
            try:
                self._begin(state, stream)
                yield stream
            finally:
                arena.done.record(stream)
            if self.checks and int(self.root_array(ERRORS).get()[0]):
                raise IndexError("an index is out of range; state is as before that step")
            self._noted = False
        if wait and not self.checks:
            stream.synchronize()

    def _begin(self, state: Mapping[str, Any] | None, stream: Any) -> None:
        """Have memory, and bind the state."""
        self.backend.arena.began(self.memory)
        self.memory.ready()
        if not self.memory.is_filled:
            self._put(self.constants, stream)
            self.memory.is_filled = True
        if self.checks and self._noted:
            self.root_array(ERRORS).fill(0)
        self._noted = True
        if state is not None:
            self.bind_state(state)

    def bind(self, value: Value, array: Any) -> None:
        """See `BoundProgram`. The address alone: an array that is held would not be written in place."""
        self._bound[value] = int(array.data.ptr)

    def _copy_in(self, value: Value, array: Any, stream: Any) -> None:
        size = value.spec.size * value.spec.dtype.itemsize
        if size:
            self.memory.pointer(self.address(value), size).copy_from_device_async(array.data, size, stream)

    def _copy_out(self, value: Any, stream: Any) -> Any:
        assert isinstance(value, Value)
        result = self.cupy.empty(value.spec.shape, value.spec.dtype)
        if result.nbytes:
            source = self.memory.pointer(self.address(self.lowered.place.get(value, value)), result.nbytes)
            result.data.copy_from_device_async(source, result.nbytes, stream)
        return result

    def root_array(self, root: Value, value: Value | None = None) -> Any:
        """The array of a root in this turn, or that of a value which is a view of it."""
        view = None if value is None else self.lowered.views[value]
        return self.memory.array(root, self.address(root), value, view)

    def _run(self, steps: int, fed: bool, stream: Any) -> None:
        """So many steps: by one kernel or by a graph where there can be one."""
        self.steps_done += steps
        one = self.ones.get(fed)
        if not self.uses_graphs or self.times is not None:
            self._run_as_it_is(steps, fed, stream)
        elif one is not None and one.is_ready(steps):
            launch(self.cupy, one.kernel._replace(integers=(steps,)), self.address)
        else:
            self._run_graphs(steps, fed, stream)

    def _run_as_it_is(self, steps: int, fed: bool, stream: Any) -> None:
        for _ in range(steps):
            self._put(self.sequences[fed], stream)

    def _run_graphs(self, steps: int, fed: bool, stream: Any) -> None:
        """By graphs; between them what has no kernel."""
        pieces = self.pieces[fed]
        for _ in range(steps if len(pieces) > 1 else 1):
            for number, calls in enumerate(pieces):
                many = steps if len(pieces) == 1 else 1
                if calls[0].foreign is not None or not self._replay((many, fed, number), calls, stream):
                    for _ in range(many):
                        self._put(calls, stream)

    def _replay(self, key: tuple[int, bool, int], calls: Sequence[Call], stream: Any) -> bool:
        """Put the graph of some calls on a stream; False where the device refuses to capture one: that costs
        speed, and no run.
        """

        def put(on: Any) -> None:
            for _ in range(key[0]):
                self._put(calls, on)

        if not self.uses_graphs:
            return False
        roots = (*self.state.values(), *self.sources.values())
        addresses = (*self.memory.where, *(self._bound[v] for v in roots if v in self._bound))
        graph = self.graphs.of((*key, *addresses), put, lambda: self._load(key[1]))
        if graph is None:
            self.uses_graphs = self.is_simple = False
            return False
        graph.launch(stream)
        return True

    def _put(self, calls: Sequence[Call], stream: Any, then: Callable[[Call], None] | None = None) -> None:
        """Put calls on a stream, which is the current one."""
        if self.blas is None:
            self._put_each(calls, stream, then)
            return
        with self.blas.lock:
            self.blas.use(int(stream.ptr), self.memory.workspace)
            self._put_each(calls, stream, then)

    def _put_each(self, calls: Sequence[Call], stream: Any, then: Callable[[Call], None] | None) -> None:
        # who looks on sees what runs side by side one by one
        alone = self.times is not None or then is not None
        for call in (c for whole in calls for c in ((alone and whole.parts) or (whole,))):
            events = None
            if self.times is not None:
                events = self.cupy.cuda.Event(), self.cupy.cuda.Event()
                events[0].record(stream)
            if call.kernel is not None:
                launch(self.cupy, call.kernel, self.address)
            elif call.gemm is not None:
                multiply(self.blas, call.gemm, self.address)
            else:
                self._foreign(call)
            if events is not None and self.times is not None:
                events[1].record(stream)
                self.times.append((call, *events))
            if then is not None:
                then(call)

    def _foreign(self, call: Call) -> None:
        """An instruction for which there is no kernel, by the backend's primitive."""
        assert call.foreign is not None
        result, primitive, operands, static = call.foreign
        given = [self.array(o) if isinstance(o, Value) else o for o in operands]
        value = getattr(self.backend, primitive)(*given, **dict(static))
        if result.spec.size:
            self.array(result)[...] = as_array(self.backend, value)

    def array(self, value: Value) -> Any:
        """The array in memory that a value is, as a view."""
        root = self.lowered.views[value].root
        return self.root_array(self.lowered.place.get(root, root), value)

    # looking inside
    def one_by_one(
        self, state: Mapping[str, Any], inputs: Mapping[str, Any], then: Callable[[Call, Read], None]
    ) -> None:
        """A step on its own, without a graph."""
        with self.lock, plain_errors(self.cupy), self.backend._here, self._turn(state, wait=True) as stream:
            for name, array in inputs.items():
                self._copy_in(self.inputs[name], array, stream)
            self._put(self.calls, stream, lambda call: then(call, self._read))

    def _read(self, root: Value) -> Any:
        """What lies in a root, as float32 where it lies there in fewer bits."""
        array = self.root_array(root).get()
        narrow = format_of(root.spec.dtype)
        if narrow is None:
            return array
        if narrow == "float16":
            return array.view(np.float16).astype(np.float32)
        return (array.astype(np.uint32) << 16).view(np.float32)

    def listed(self) -> list[tuple[str, Call]]:
        """Each call with its kernel, or the library that does it; "&" has its launch with the one before."""
        found = []
        for whole in self.sequences[True]:
            for number, call in enumerate(whole.parts or (whole,)):
                name = call.kernel.name if call.kernel is not None else "cuBLAS" if call.gemm else "CuPy"
                found.append((f"{'& ' if number else ''}{name}".rjust(15), call))
        return found

    def memory_summary(self) -> str:
        """Bytes of the block, and beside it."""
        state = sum(map(size_of, self.state.values()))
        return (
            f"{self.memory.bytes:,} bytes on device {self.backend.device}, {self.layout.size:,} of them for "
            f"intermediate values, {self.memory.own:,} its own, the rest shared with all executables; "
            f"{state:,} bytes of state in place"
        )

    def _too_large(self) -> str:
        """Why its memory does not fit: its bytes, and the values that take most of them."""
        largest = sorted(self.layout.offsets, key=size_of, reverse=True)[:5]
        values = ", ".join(f"{v.spec} ({size_of(v):,} bytes)" for v in largest)
        return (
            f"{self.program.name} needs {self.memory.bytes:,} bytes on CUDA device {self.backend.device} "
            f"for what it computes on its way; the largest values are {values}. Use smaller batches"
        )

    def timed(self, run: Callable[[], object]) -> Iterable[tuple[Call, float]]:
        """By events on the stream around each call."""
        with plain_errors(self.cupy), self.backend._here:
            # compiled now, or it would count as time of its first launch
            kernels = [call.kernel for _, call in self.listed() if call.kernel is not None]
            compiled(self.cupy, self.backend, kernels)
        self.times = []
        try:
            run()
            self.backend.synchronize()
            taken: dict[int, float] = {}
            for call, begin, end in self.times:
                seconds = self.cupy.cuda.get_elapsed_time(begin, end) / 1000
                taken[id(call)] = taken.get(id(call), 0.0) + seconds
        finally:
            self.times = None
        return [(call, taken[id(call)]) for _, call in self.listed() if id(call) in taken]

    def to_numpy(self, array: Any) -> Any:
        """A copy on the host."""
        return array.get()

    def source(self) -> str:
        """The text of every kernel that runs, once."""
        whole = self.together[bool(self.feeds)]
        kernels = [whole] if whole is not None else [c.kernel for c in self.calls if c.kernel is not None]
        return "\n".join(dict.fromkeys(k.source for k in kernels))


def _with(calls: list[Call], after: list[Call]) -> list[Call]:
    """A step with what counts it on: beside its last calls, if it may be there."""
    last = [part for call in calls[-1:] for part in (call.parts or (call,))]
    return [*calls[:-1], *fused_horizontally([*last, *after])]
