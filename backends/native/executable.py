"""A program that is ready to run: machine code, one block of memory, and the table that the driver reads.

State stays where it is from step to step; inputs and the rows of an epoch are read where they lie. One object
may be called from several threads: calls take turns. After a fork the child starts its own threads.
"""

from __future__ import annotations

import ctypes
import os
import time
import weakref
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import nullcontext
from functools import partial

import numpy as np

from .. import processor
from ..contract import Feed, Spec
from ..numba.workers import together
from ..numpy.memory import Arrays, NDArray, address, aligned, shaped
from ..plan.calls import size_of
from ..plan.executable import BoundProgram
from ..plan.inspection import Read
from ..program.ir import Program, Value
from ..program.layout import lay_out
from . import blas
from .build import build, driver, listing
from .calls import ERRORS, Call, call_of
from .driver import BARRIER, CHECK, DONE, SHARED_BYTES, YIELD
from .driver import ERRORS as ERRORS_AT
from .host import array_of, run_on_host
from .indexing import Batch
from .lower import Lowered, lower
from .parts import in_parts
from .schedule import Placed, schedule
from .threads import ThreadTuner, threads

_SLACK = 256
"""Bytes that a kernel may write past the end of a value of its own."""
_NOTED = ERRORS_AT // 8
_executables: weakref.WeakSet[Executable] = weakref.WeakSet()


class Executable(BoundProgram):
    """The compiled form of a program.

    Args:
        program: as traced.
        feeds: inputs, by name, that are taken from the rows of larger arrays (see `epoch`).
    """

    lowered: Lowered

    def __init__(self, program: Program, feeds: Mapping[str, Feed] | None = None) -> None:
        width = processor.here().width
        super().__init__(program, lower(program, width, blas.is_here()), feeds)
        self.order = Value(-2, Spec((1,), np.dtype(np.int64)))
        self.names[self.order] = "order"
        calls = [*self._feeding(width), *self.lowered.calls]
        states = set(self.state.values())
        self.tuner = ThreadTuner()
        self.most = threads.most()
        sizes = self._sizes(calls)
        placed = schedule(calls, states, sum(sizes.values()))
        self.placed: list[Placed] = placed
        self.check_order([call for call, _ in placed])
        self.layout = lay_out([c for c, _ in placed], [bool(f & BARRIER) for _, f in placed], sizes)
        self.flops = sum(call.flops for call in calls)
        self._build(placed)
        self._memory(placed, width)
        self.is_simple = (
            not self.has_host and not self.lowered.functions and self.flops < 2 * threads.LEAST_EACH
        )
        self.only_output = next(iter(self.outputs.values()), np.empty(0))
        self.is_quick = not self.has_host and len(self.outputs) == len(self.inputs) == 1
        _executables.add(self)

    # making
    def _feeding(self, width: int) -> list[Call]:
        calls = []
        for name, feed in self.feeds.items():
            value, source = self.inputs[name], self.add_source(name)
            kernel = Batch(source, self.order if feed.ordered else None, value, width)
            calls.append(call_of(kernel, "batch", {}, {value: ("rows", value.spec.shape[0])}))
        return calls

    def _sizes(self, calls: Sequence[Call]) -> dict[Value, int]:
        """Bytes of everything that lies in the block of memory."""
        given = set(self.state.values()) | {v for n, v in self.inputs.items() if n not in self.feeds}
        given |= {ERRORS, self.order, *self.sources.values(), *self.lowered.functions}
        outputs = {v for _, v in self.lowered.program.outputs if isinstance(v, Value)}
        sizes: dict[Value, int] = {}
        for call in calls:
            for root in (*call.roots, *call.reads, *call.writes):
                known = self.lowered.scratches.get(root)
                if root in given or root in outputs:
                    continue
                each = max(root.spec.size, 1) * root.spec.dtype.itemsize + _SLACK
                sizes[root] = known * self.most + _SLACK if known is not None else each
        return sizes

    def _build(self, placed: Sequence[Placed]) -> None:
        self.functions = tuple(dict.fromkeys(c.function for c, _ in placed if c.function is not None))
        self.codes = dict(zip(self.functions, build(self.functions), strict=True))
        kinds = [ctypes.c_void_p] + [ctypes.c_int64] * 5 + [ctypes.c_void_p] * 2
        driven = driver()
        self._run = ctypes.CFUNCTYPE(None, *kinds)(driven["run"])
        self._cycles = ctypes.CFUNCTYPE(ctypes.c_int64)(driven["cycles"])
        self._once = ctypes.CFUNCTYPE(None, ctypes.c_void_p)(driven["once"])
        self.over_parts = ctypes.CFUNCTYPE(None, ctypes.c_void_p)(driven["over_parts"])
        self._run_timed = ctypes.CFUNCTYPE(None, *kinds)(driven["run_timed"])

    def _memory(self, placed: Sequence[Placed], width: int) -> None:
        """The block of values, and the driver's table."""
        self.block = aligned(self.layout.size + _SLACK)
        self.shared = aligned(SHARED_BYTES)
        self.shared[:] = 0
        shared = self._shared_address = address(self.shared)
        self._shared_words = self.shared.view(np.int64)
        self._shared_words[YIELD // 8] = threads.yield_address()
        base = address(self.block)
        known = {v: base + offset for v, offset in self.layout.offsets.items()}
        known[ERRORS] = shared + ERRORS_AT
        known |= {v: blas.function(name) for v, name in self.lowered.functions.items()}
        self.outputs: dict[str, NDArray] = {}
        for name, value in self.lowered.program.outputs:
            if isinstance(value, Value):
                whole = aligned(value.spec.size * value.spec.dtype.itemsize + _SLACK)
                self.outputs[name] = shaped(whole, value.spec)
                known[value] = address(whole)
        arguments = [root for call, _ in placed if call.foreign is None for root in call.roots]
        self.arguments = np.array([known.get(root, 0) for root in arguments], np.int64)
        self.slots: dict[Value, list[int]] = {}
        for place, root in enumerate(arguments):
            if root not in known:
                self.slots.setdefault(root, []).append(place)
        self.known = known
        self._table(placed)

    def _table(self, placed: Sequence[Placed]) -> None:
        """Entries of the driver, and the segments between instructions of the host."""
        rows: list[tuple[int, int, int]] = []
        self.segments: list[tuple[int, int] | Call] = []
        start, at, base = 0, 0, address(self.arguments)
        for call, flags in placed:
            if call.function is None:
                if len(rows) > start:
                    self.segments.append((start, len(rows) - start))
                self.segments.append(call)
                start = len(rows)
                continue
            rows.append((self.codes[call.function].address, base + 8 * at, flags))
            at += len(call.roots)
        if len(rows) > start or not self.segments:
            self.segments.append((start, len(rows) - start))
        self.code = np.array(rows or [(0, 0, 0)], np.int64)
        self.times = np.zeros(max(len(rows), 1), np.int64)
        self._code_address, self._times_address = address(self.code), address(self.times)
        self.frame = self._code_address, len(rows), self._shared_address
        self._shares: dict[int, tuple[NDArray, list[Callable[[], object]]]] = {}
        self._alone = self._share(1)
        self.has_host = any(isinstance(s, Call) for s in self.segments)

    def _share(self, parts: int) -> list[Callable[[], object]]:
        """One step in `parts` threads: a call for each of them."""
        if parts not in self._shares:
            frames = np.array([(*self.frame, part, parts) for part in range(parts)], np.int64)
            calls: list[Callable[[], object]] = [partial(self._once, address(frame)) for frame in frames]
            self._shares[parts] = frames, calls
        return self._shares[parts][1]

    # running
    def bind(self, value: Value, array: NDArray) -> None:
        """Let a state, an input or a source be read and written where `array` lies."""
        where = address(array)
        if self._bound.get(value) != where:
            # noted last: an interrupt leaves nothing that is believed and not so
            self._bound[value] = 0
            for slot in self.slots.get(value, ()):
                self.arguments[slot] = where
            self._bound[value] = where

    def unbind(self, value: Value) -> None:
        """Believe nothing of where it lies."""
        self._bound[value] = 0

    def step(self, state: Arrays | None, inputs: Arrays) -> dict[str, NDArray]:
        """One step on arrays in C order of the program's shapes and dtypes.

        The arrays of `state` are written where they lie; the outputs are new
        arrays. None: the state of the last turn.
        """
        with self.lock:
            if state is not None:
                self.bind_state(state)
            for name, array in inputs.items():
                self.bind(self.inputs[name], array)
            self.turn(state or {}, inputs)
            return {name: array.copy() for name, array in self.outputs.items()}

    def again(self, name: str, array: NDArray) -> NDArray:
        """The only output of a step on the same state as last time, with `array` as
        the only input; or of several steps.
        """
        value = self.inputs[name]
        with self.lock:
            if array.shape != value.spec.shape:
                return in_parts(self, value, array)
            self.bind(value, array)
            self.turn({}, {})
            return self.only_output.copy()

    def needs_care(self) -> bool:
        """Whether more is to be done around a step than to call the driver."""
        return self.has_host or bool(self.lowered.functions) or self.timing

    def turn(self, state: Arrays, inputs: Arrays) -> None:
        """One step on what is bound; only the host looks at `state` and `inputs`."""
        if self.is_simple and not self.timing:
            self._drive(self._alone)
        elif self.needs_care():
            self._go(0, 1, state, inputs)
        else:
            self.drive(self._share(self.parts()), 1)

    def drive(self, calls: Sequence[Callable[[], object]], steps: int) -> None:
        """So many steps by one call of the driver in each thread."""
        began = time.perf_counter()
        self._drive(calls)
        self.tuner.note(len(calls), (time.perf_counter() - began) / steps)

    def _drive(self, calls: Sequence[Callable[[], object]]) -> None:
        words, failed = self._shared_words, False
        try:
            if len(calls) == 1:
                calls[0]()
            else:
                together(calls)
        finally:
            # without a call, so that no handler of a signal comes between a step and the end of its note
            if words[_NOTED]:
                words[_NOTED], failed = 0, True
        if failed:
            self._fail()

    def epoch(self, state: Arrays, sources: Arrays, order: NDArray | None, first: int, steps: int) -> None:
        """Steps `first` to `first + steps`: step i takes rows i * batch ... of each
        source, or those that `order` names.
        """
        with self.lock:
            self.bind_state(state)
            for name, array in sources.items():
                self.bind(self.sources[name], array)
            if order is not None:
                self.bind(self.order, order)
            self._go(first, steps, state, {})

    def _go(self, first: int, steps: int, state: Arrays, inputs: Arrays) -> None:
        parts = self.parts()
        self.steps_done += steps
        began = time.perf_counter()
        quiet = blas.single() if self.lowered.functions else nullcontext()
        words, failed = self._shared_words, False
        try:
            with quiet:
                if not self.has_host:
                    self._call(0, len(self.code) if self.placed else 0, first, steps, parts)
                else:
                    for step in range(first, first + steps):
                        self._with_host(step, parts, state, inputs)
        finally:
            # as in `_drive`
            if words[_NOTED]:
                words[_NOTED], failed = 0, True
        if failed:
            self._fail()
        self.tuner.note(parts, (time.perf_counter() - began) / max(steps, 1))

    def _with_host(self, step: int, parts: int, state: Arrays, inputs: Arrays) -> None:
        """A step with instructions of the host between its kernels. It is
        Python, so it can be left half-way.
        """
        before = [(state[name], state[name].copy()) for name in self.written]
        done = False
        try:
            for segment in self.segments:
                if isinstance(segment, Call):
                    run_on_host(self, segment, state, inputs)
                else:
                    self._call(*segment, step, 1, parts)
            done = True
        finally:
            if not done:
                for array, values in before:
                    array[...] = values

    def _fail(self) -> None:
        """Raise what a kernel noted."""
        step = int(self._shared_words[DONE // 8])
        raise IndexError(f"an index is out of range in step {step}; state is as before that step")

    # looking inside
    def one_by_one(self, state: Arrays, inputs: Arrays, then: Callable[[Call, Read], None]) -> None:
        """One step in this thread, call by call."""
        with self.lock, blas.single():
            self.bind_state(state)
            for name, array in inputs.items():
                self.bind(self.inputs[name], array)
            at = 0
            for call, _ in self.placed:
                if call.foreign is not None:
                    run_on_host(self, call, state, inputs)
                else:
                    self._call(at, 1, 0, 1, 1)
                    at += 1
                then(call, lambda root: array_of(self, root, state, inputs))

    def listed(self) -> list[tuple[str, Call]]:
        """`|`: all threads meet before it; `?`: only without an error; then the name of its kernel."""
        names = {function: f"k{k}" for k, function in enumerate(self.functions)}
        listed: list[tuple[str, Call]] = []
        for call, flags in self.placed:
            marks = ("| " if flags & BARRIER else "  ") + ("? " if flags & CHECK else "  ")
            name = "-" if call.function is None else names[call.function]
            listed.append((f"{marks}{name:>4}", call))
        return listed

    def memory_summary(self) -> str:
        """Bytes of the block, and beside it."""
        state = sum(map(size_of, self.state.values()))
        given = sum(size_of(v) for n, v in self.inputs.items() if n not in self.feeds)
        return (
            f"{self.layout.size:,} bytes for intermediate values, {state:,} bytes of state in place, "
            f"{given:,} bytes of inputs"
        )

    def timed(self, run: Callable[[], object]) -> Iterable[tuple[Call, float]]:
        """From the cycles that each call took."""
        self.times[:] = 0
        self.timing = True
        try:
            began = time.perf_counter(), self.cycles()
            run()
            ended = time.perf_counter(), self.cycles()
        finally:
            self.timing = False
        rate = (ended[0] - began[0]) / max(ended[1] - began[1], 1)
        natives = [call for call, _ in self.placed if call.foreign is None]
        # there is a place for a time where there is no call
        return ((c, float(cycles) * rate) for c, cycles in zip(natives, self.times, strict=False))

    def to_numpy(self, array: NDArray) -> NDArray:
        """As it is."""
        return array

    def source(self) -> str:
        """See `Executable`."""
        return listing(self.functions)

    def cycles(self) -> int:
        """The processor's counter now."""
        return int(self._cycles())

    def parts(self) -> int:
        """How many threads share a step."""
        if not self.placed:
            return 1
        most = min(threads.size(self.flops), self.most)
        # the rounding of BLAS may depend on how a product is cut, that of kernels does not
        return most if self.lowered.functions else self.tuner.choose(most)

    def _call(self, start: int, count: int, first: int, steps: int, parts: int) -> None:
        code = self._code_address + 24 * start
        times = self._times_address + 8 * start
        shared = self._shared_address
        run = self._run_timed if self.timing else self._run
        if parts == 1:
            run(code, count, 0, 1, first, steps, shared, times)
        else:
            together(
                [partial(run, code, count, part, parts, first, steps, shared, times) for part in range(parts)]
            )

    timing = False
    """Whether cycles are counted call by call."""


def _forget_meetings() -> None:
    """In a child after a fork: no thread is on its way to a meeting any more."""
    for executable in _executables:
        executable.shared[: ERRORS_AT + 8] = 0


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_meetings)
