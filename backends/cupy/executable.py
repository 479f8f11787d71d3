"""A program that is ready to run on a device: kernels, products, one block of
memory, and graphs of whole steps.

A step is captured once for each set of addresses as a CUDA graph and then replayed; small steps go several to
a graph. State stays where it is; inputs are copied into places of their own, results out of theirs, and the
rows of an epoch are gathered on the device by a counter that lies there, too. Turns of one executable follow
each other on the device, whatever their streams.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any

import numpy as np

from ..contract import Feed, Spec, as_array
from ..cuda import data_movement
from ..cuda.calls import ERRORS, Call, call_of
from ..cuda.lower import lower
from ..cuda.persistent import together
from ..errors import BackendError, DeviceMemoryError
from ..plan.calls import size_of
from ..plan.executable import BoundProgram
from ..plan.inspection import Read
from ..program.ir import Program, Value
from ..program.layout import lay_out
from .cublas import WORKSPACE, blas_of
from .launching import function_of, launch, multiply
from .library import device_errors, plain_errors

_log = logging.getLogger("gradloom")
_INT64 = np.dtype(np.int64)
_NODES = 512
"""Kernels of one graph, up to which it holds several steps."""
_STEPS = 64
_LAUNCH = 2000
"""Steps of one launch of the one kernel: a desktop ends what runs for seconds, and Ctrl-C waits for it."""
_KEPT = 16
"""So many graphs are kept, for as many sets of addresses."""
_ALIGNED = 256


class Executable(BoundProgram):
    """The executable of the CuPy backend.

    Args:
        program: as traced.
        backend: on whose device it runs, and whose primitives do what has no kernel.
        feeds: inputs, by name, that `epoch` takes from rows.
    """

    def __init__(self, program: Program, backend: Any, feeds: Mapping[str, Feed] | None = None) -> None:
        super().__init__(program, lower(program), feeds)
        self.backend = backend
        self.cupy = backend._cupy
        self.counter = Value(-2, Spec((1,), _INT64))
        self.names[self.counter] = "step"
        self.order: Value | None = None
        self.before, self.after = self._feeding()
        self.calls = self.lowered.calls
        self.check_order(self.calls)
        self.layout = lay_out(
            [*self.before, *self.calls], [True] * (len(self.before) + len(self.calls)), self._sizes()
        )
        self.uses_graphs = os.environ.get("GRADLOOM_CUDA_GRAPHS", "1") != "0" and not any(
            c.foreign for c in self.calls
        )
        self.checks = any(c.checks for c in self.calls)
        self.is_simple = self.uses_graphs
        self._places: dict[Value, int] = {}
        self._graphs: dict[Any, Any] = {}
        self.sequences = {False: self.calls, True: [*self.before, *self.calls, *self.after]}
        """What a step puts on the stream: given its inputs, or taking them from rows."""
        self.together = {fed: together(c) if self.uses_graphs else None for fed, c in self.sequences.items()}
        with plain_errors(self.cupy), backend._here:
            self._allocate()
            self.blas = blas_of(self.cupy, backend.device) if any(c.gemm for c in self.calls) else None
            self._load(bool(self.feeds))
            self.stream = self.cupy.cuda.Stream(non_blocking=True)
            self.done = self.cupy.cuda.Event(disable_timing=True)
            self.done.record(self.cupy.cuda.get_current_stream())

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
        counted = [self.counter, *([self.order] if self.order is not None else [])] if self.feeds else []
        return list(
            dict.fromkeys(v for v in (ERRORS, *counted, *given, *own) if v not in self.state.values())
        )

    def _sizes(self) -> dict[Value, int]:
        """Bytes of the values that share memory."""
        kept = {*self._kept(), *self.state.values(), *self.sources.values()}
        roots = dict.fromkeys(r for c in (*self.before, *self.calls) for r in c.roots)
        return {r: max(r.spec.size, 1) * r.spec.dtype.itemsize for r in roots if r not in kept}

    def _allocate(self) -> None:
        at = -(-self.layout.size // _ALIGNED) * _ALIGNED
        places = dict(self.layout.offsets)
        for root in self._kept():
            places[root] = at
            at += -(-max(root.spec.size, 1) * root.spec.dtype.itemsize // _ALIGNED) * _ALIGNED
        self.workspace = at
        self.bytes = max(at + (WORKSPACE if any(c.gemm for c in self.calls) else 0), 1)
        try:
            self.block = self.cupy.empty(self.bytes, np.uint8)
        except self.cupy.cuda.memory.OutOfMemoryError as error:
            raise DeviceMemoryError(f"{self._too_large()} ({error})") from error
        self.block.data.memset_async(0, max(self.workspace, 1))
        base = int(self.block.data.ptr)
        self._places = {root: base + offset for root, offset in places.items()}

    def _load(self, fed: bool) -> None:
        """Compile what a step needs: nothing may be compiled or loaded while a stream is captured."""
        whole = self.together[fed]
        kernels = (
            [whole] if whole is not None else [c.kernel for c in self.sequences[fed] if c.kernel is not None]
        )
        for kernel in kernels:
            # the attribute is asked for its effect
            _ = function_of(self.cupy, kernel.source, kernel.name).kernel

    def address(self, root: Value) -> int:
        """Where a root lies in this turn."""
        place = self._places.get(root)
        return self._bound[root] if place is None else place

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
                count = min(left, _LAUNCH) if self.together[True] else 1 << (min(left, most).bit_length() - 1)
                self._run(count, True, stream)
                left -= count

    @contextmanager
    def _turn(self, state: Mapping[str, Any] | None, wait: bool) -> Iterator[Any]:
        """Inside, the stream of a turn. What is put on it comes before the next turn,
        also when this one is left half-way.
        """
        stream = self._begin(state)
        try:
            yield stream
        finally:
            self.done.record(stream)
        if wait or self.checks:
            stream.synchronize()
        if self.checks and int(self.root_array(ERRORS).get()[0]):
            raise IndexError("an index is out of range; state is as before that step")
        self._noted = False

    def _begin(self, state: Mapping[str, Any] | None) -> Any:
        """Bind the state; what the last turn put on its stream is done first."""
        stream = self.cupy.cuda.get_current_stream()
        stream.wait_event(self.done)
        if self.checks and self._noted:
            self.root_array(ERRORS).fill(0)
        self._noted = True
        if state is not None:
            self.bind_state(state)
        return stream

    def bind(self, value: Value, array: Any) -> None:
        """See `BoundProgram`. The address alone: an array that is held would not be written in place."""
        self._bound[value] = int(array.data.ptr)

    def _copy_in(self, value: Value, array: Any, stream: Any) -> None:
        size = value.spec.size * value.spec.dtype.itemsize
        if size:
            self._pointer(self.address(value), size).copy_from_device_async(array.data, size, stream)

    def _copy_out(self, value: Any, stream: Any) -> Any:
        assert isinstance(value, Value)
        result = self.cupy.empty(value.spec.shape, value.spec.dtype)
        if result.nbytes:
            source = self._pointer(self.address(self.lowered.place.get(value, value)), result.nbytes)
            result.data.copy_from_device_async(source, result.nbytes, stream)
        return result

    def _pointer(self, address: int, size: int) -> Any:
        """A place in the block, or in memory that belongs to somebody else, as CuPy points to it."""
        base = int(self.block.data.ptr)
        if base <= address < base + self.bytes:
            return self.block.data + (address - base)
        cuda = self.cupy.cuda
        return cuda.MemoryPointer(cuda.UnownedMemory(address, size, None, self.backend.device), 0)

    def root_array(self, root: Value, value: Value | None = None) -> Any:
        """The array of a root in this turn, or that of a value which is a view of it."""
        size = root.spec.dtype.itemsize
        pointer = self._pointer(self.address(root), max(root.spec.size, 1) * size)
        if value is None:
            return self.cupy.ndarray(root.spec.shape, root.spec.dtype, pointer)
        view = self.lowered.views[value]
        strides = tuple(s * size for s in view.strides)
        return self.cupy.ndarray(value.spec.shape, value.spec.dtype, pointer + view.offset * size, strides)

    def _run(self, steps: int, fed: bool, stream: Any) -> None:
        """So many steps: by one kernel or by a graph where there can be one."""
        self.steps_done += steps
        whole = self.together[fed]
        if not self.uses_graphs or self.times is not None:
            self._run_as_it_is(steps, fed, stream)
        elif whole is not None:
            launch(self.cupy, whole._replace(integers=(steps,)), self.address)
        elif (graph := self._graph_or_none(steps, fed)) is not None:
            graph.launch(stream)
        else:
            self._run_as_it_is(steps, fed, stream)

    def _run_as_it_is(self, steps: int, fed: bool, stream: Any) -> None:
        for _ in range(steps):
            self._put(self.sequences[fed], stream)

    def _graph_or_none(self, steps: int, fed: bool) -> Any:
        """The graph; None where the device refuses to capture one: that costs speed, and no run."""
        refusals: tuple[type[Exception], ...] = (BackendError, *device_errors(self.cupy))
        try:
            return self._graph(steps, fed)
        except refusals as error:
            _log.warning("%s runs without CUDA graphs, slower: %s", self.program.name, error)
            self.uses_graphs = self.is_simple = False
            return None

    def _graph(self, steps: int, fed: bool) -> Any:
        """A graph of so many steps for the addresses of this turn. The memory that it names is
        this executable's and the state's.
        """
        key = (
            steps,
            fed,
            *(self._bound[v] for v in (*self.state.values(), *self.sources.values()) if v in self._bound),
        )
        graph = self._graphs.get(key)
        if graph is not None:
            return graph
        self._load(fed)
        with self.stream:
            self.stream.begin_capture()
            try:
                self._run_as_it_is(steps, fed, self.stream)
            except BaseException:
                # ending a capture in which something failed is an error, too, which tells nothing
                with suppress(*device_errors(self.cupy)):
                    self.stream.end_capture()
                raise
            graph = self.stream.end_capture()
        while len(self._graphs) >= _KEPT:
            self._graphs.pop(next(iter(self._graphs)))
        self._graphs[key] = graph
        return graph

    def _put(self, calls: Sequence[Call], stream: Any, then: Callable[[Call], None] | None = None) -> None:
        """Put calls on a stream, which is the current one."""
        if self.blas is None:
            self._put_each(calls, stream, then)
            return
        with self.blas.lock:
            self.blas.use(int(stream.ptr), int(self.block.data.ptr) + self.workspace, WORKSPACE)
            self._put_each(calls, stream, then)

    def _put_each(self, calls: Sequence[Call], stream: Any, then: Callable[[Call], None] | None) -> None:
        for call in calls:
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
            self._put(self.calls, stream, lambda call: then(call, lambda root: self.root_array(root).get()))

    def listed(self) -> list[tuple[str, Call]]:
        """Each call with its kernel, or the library that does it."""
        calls = (*self.before, *self.calls, *self.after)
        names = (c.kernel.name if c.kernel is not None else "cuBLAS" if c.gemm else "CuPy" for c in calls)
        return [(f"{name:>15}", call) for name, call in zip(names, calls, strict=True)]

    def memory_summary(self) -> str:
        """Bytes of the block, and beside it."""
        state = sum(map(size_of, self.state.values()))
        return (
            f"{self.bytes:,} bytes on device {self.backend.device}, {self.layout.size:,} of them for "
            f"intermediate values, {state:,} bytes of state in place"
        )

    def _too_large(self) -> str:
        """Why the block does not fit: its bytes, and the values that take most of them."""
        largest = sorted(self.layout.offsets, key=size_of, reverse=True)[:5]
        values = ", ".join(f"{v.spec} ({size_of(v):,} bytes)" for v in largest)
        return (
            f"{self.program.name} needs {self.bytes:,} bytes on CUDA device {self.backend.device} "
            f"for what it computes on its way; the largest values are {values}. Use smaller batches"
        )

    def timed(self, run: Callable[[], object]) -> Iterable[tuple[Call, float]]:
        """By events on the stream around each call."""
        with plain_errors(self.cupy), self.backend._here:
            for call in self.sequences[True]:
                if call.kernel is not None:
                    # compiled now, or it would count as time of its first launch
                    _ = function_of(self.cupy, call.kernel.source, call.kernel.name).kernel
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
