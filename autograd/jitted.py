"""Compiled steps: a function is traced once for each kind of arguments, and from then on its program runs.

The arguments' shapes and dtypes choose a program, and the guards of each tell whether what it read still
holds; anything else would be frozen into it and is state, an argument, or an error. State is written where it
lies, as long as nobody has asked for its array: then that is left to them.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Concatenate, Generic, ParamSpec, Self, overload

import backends
from backends.contract import Executable, Feed
from backends.errors import ConcretizationError
from backends.formats import resolve_precision
from backends.locks import renewed_lock

from . import random
from .bound import Methods, is_found_by_name
from .debugging import Inspected, level, report, report_differences
from .errors import TraceError
from .executed import Executed
from .guards import Guards
from .leaks import Before, check_left_behind
from .mode import P, R, mode
from .owner import array_of, assignments
from .programs import Bound, Entry, Programs, check_rows, used_state
from .quick import quick_call
from .structure import flatten, unflatten
from .tensor import Tensor
from .tracekeys import (
    State,
    check_kept,
    common_backend,
    difference,
    identities,
    inputs_of,
    move_generator,
    named,
    shape_of,
    tell,
)
from .tracing import Captured, Number, capture, one_at_a_time

Held = dict[int, tuple[Any, Any]]
"""Arrays of rows with what a backend made of them: one that is a view of others may be copied, once."""

Q = ParamSpec("Q")


class Jitted(Inspected, Generic[P, R]):
    """A function of P that returns R, with its compiled programs; made by `jit`."""

    def __init__(
        self,
        function: Callable[P, R],
        state: State,
        donate: bool,
        name: str | None,
        precision: str | None = None,
    ) -> None:
        self.function = function
        self.donate = donate
        self.precision = resolve_precision(precision)
        self.name = name or str(getattr(function, "__name__", "step"))
        self.traces = 0
        self._given_state = state
        self._settings = (state, donate, self.name, self.precision)
        self._programs = Programs()
        self._written: set[int] = set()
        """Places of floats among the arguments that are settings: their values choose the program."""
        self._last: Entry | None = None
        self._seen = -1
        self._tracked: tuple[bool, ...] = ()
        self._bound: Bound | None = None
        self._checked: Tensor | None = None
        self._methods = Methods(function)
        self._lock = renewed_lock()
        self._writer = renewed_lock()
        functools.update_wrapper(self, function, updated=())

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Run on the arguments."""
        tree = args, kwargs
        leaves = flatten(tree)
        if self._runs_as_it_is(leaves):
            return self.function(*args, **kwargs)
        with self._lock:
            result: R = self._run(*self._found(tree, leaves))
        return result

    @overload
    def __get__(self, instance: None, owner: type | None = None) -> Self: ...

    @overload
    def __get__(
        self: Jitted[Concatenate[Any, Q], R], instance: object, owner: type | None = None
    ) -> Jitted[Q, R]: ...

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        """As a method: one compiled function for each object, which lives as long as that."""
        if instance is None:
            return self
        return self._methods.of(instance, lambda method: Jitted(method, *self._settings))

    def __reduce__(self) -> Any:
        if is_found_by_name(self):
            return str(vars(self)["__qualname__"])
        return Jitted, (self.function, *self._settings)

    def prepare(self, *args: Any, **kwargs: Any) -> Entry | None:
        """Trace and compile for these arguments, and run nothing; the program,
        None where the function runs as it is.
        """
        leaves = flatten((args, kwargs))
        if self._runs_as_it_is(leaves):
            return None
        with self._lock:
            return self._found((args, kwargs), leaves)[0]

    def ready(self, *args: Any, **kwargs: Any) -> Callable[[], Any] | None:
        """The call with these arguments, where it needs no trace, else None.

        What the program depends on has been looked at then: it is for calling at once.
        """
        leaves = flatten((args, kwargs))
        if self._runs_as_it_is(leaves):
            return partial(self.function, *args, **kwargs)
        with self._lock, one_at_a_time:
            key, inputs, given = self._inputs((args, kwargs), leaves)
            entry = self._programs.find(key, given)
            return None if entry is None else partial(self._run, entry, inputs)

    def made_ready(self, *args: Any, **kwargs: Any) -> Callable[[], Any]:
        """The call with these arguments, traced and compiled if need be; see `ready`."""
        leaves = flatten((args, kwargs))
        if self._runs_as_it_is(leaves):
            return partial(self.function, *args, **kwargs)
        with self._lock:
            return partial(self._run, *self._found((args, kwargs), leaves))

    def _found(self, tree: Any, leaves: list[Any]) -> tuple[Entry, list[Tensor]]:
        """The program for these arguments, made if need be, and those of them that are its inputs."""
        while True:
            with one_at_a_time:
                key, inputs, given = self._inputs(tree, leaves)
            try:
                return self._programs.find(key, given) or self._trace(key, tree, given, inputs, None), inputs
            except ConcretizationError as error:
                # a number that is a setting chooses the program
                numbers = {i: leaf for i, leaf in enumerate(given) if isinstance(leaf, Number)}
                if not numbers:
                    raise
                self._written |= {i for i, n in numbers.items() if n.symbol is error.symbol} or set(numbers)

    def over_rows(
        self,
        rows: Sequence[Tensor],
        batch_size: int,
        order: Tensor | None,
        first: int,
        steps: int,
        rest: tuple[Any, ...] = (),
    ) -> None:
        """Steps `first` to `first + steps` in one call: step i is given rows i *
        batch_size to (i + 1) * batch_size.

        Args:
            rows: what the first arguments are cut from, all of one length.
            batch_size: rows of a step; every step has so many.
            order: the order of the rows, integers; None: as they lie.
            rest: None or values that are no tensors, for the arguments that follow.

        Raises:
            ShapeError: when there are not enough rows.
            TraceError: see `jit`; also when the function returns something.

        >>> import autograd as ag
        >>> total = ag.zeros((), "float32")
        >>> @ag.jit(state=[total])
        ... def add(x):
        ...     total.assign(total + x.sum())
        >>> add.over_rows([ag.arange(6).to("float32")], 2, None, 0, 3); total.item()
        15.0
        """
        with self._lock:
            self._check_rows(rows, batch_size, order, first, steps)
            self._run_rows(self._entry_of_rows(rows, batch_size, order, rest), rows, order, first, steps, {})

    def _check_rows(
        self, rows: Sequence[Tensor], batch_size: int, order: Tensor | None, first: int, steps: int
    ) -> None:
        check_rows(rows, batch_size, None if order is self._checked else order, first, steps)
        self._checked = order if order is not None else self._checked

    def _run_rows(
        self, entry: Entry, rows: Sequence[Tensor], order: Tensor | None, first: int, steps: int, held: Held
    ) -> None:
        backend, taken = entry.backend, list[Any]()
        with self._lock:
            self._last = entry
            try:
                with one_at_a_time:
                    entry.hold(taken)
                    state = entry.state_arrays(self.donate, taken)
                    for i, array in enumerate(map(array_of, rows)):
                        if i not in held or held[i][0] is not array:
                            held[i] = array, backend.owned(array)
                    sources = {f"argument.{i}": owned for i, (_, owned) in held.items()}
                    picked = None if order is None else backend.owned(order.to("int64")._data)
                entry.executable.epoch(state, sources, picked, first, steps)
            finally:
                taken.clear()

    def prepare_rows(
        self, rows: Sequence[Tensor], batch_size: int, order: Tensor | None, rest: tuple[Any, ...] = ()
    ) -> Callable[[int, int], None]:
        """Trace and compile for `over_rows`, run nothing, and give its call from (first, steps)."""
        with self._lock:
            entry = self._entry_of_rows(rows, batch_size, order, rest)
        return self._call_of_rows(entry, rows, batch_size, order)

    def ready_for_rows(
        self, rows: Sequence[Tensor], batch_size: int, order: Tensor | None, rest: tuple[Any, ...] = ()
    ) -> Callable[[int, int], None] | None:
        """What `prepare_rows` gives, where it needs no trace, else None; see `ready`."""
        with self._lock:
            entry = self._programs.find(*self._key_of_rows(rows, batch_size, order, rest))
        return None if entry is None else self._call_of_rows(entry, rows, batch_size, order)

    def _call_of_rows(
        self, entry: Entry, rows: Sequence[Tensor], batch_size: int, order: Tensor | None
    ) -> Callable[[int, int], None]:
        held: Held = {}

        def run(first: int, steps: int) -> None:
            self._check_rows(rows, batch_size, order, first, steps)
            self._run_rows(entry, rows, order, first, steps, held)

        return run

    def _key_of_rows(
        self, rows: Sequence[Tensor], batch_size: int, order: Tensor | None, rest: tuple[Any, ...]
    ) -> tuple[Any, Any]:
        specs = tuple(((batch_size, *r.shape[1:]), r.dtype.char) for r in rows)
        return ("rows", order is not None, specs, rest, self._surroundings()), [*rows, *rest]

    def _entry_of_rows(
        self, rows: Sequence[Tensor], batch_size: int, order: Tensor | None, rest: tuple[Any, ...]
    ) -> Entry:
        key, leaves = self._key_of_rows(rows, batch_size, order, rest)
        entry = self._programs.find(key, leaves)
        if entry is None:
            examples = [r[:batch_size] for r in rows]
            feed = Feed(rows[0].shape[0], order is not None)
            feeds = {f"argument.{i}": feed for i in range(len(rows))}
            tree: Any = ((*examples, *rest), {})
            entry = self._trace(key, tree, flatten(tree), examples, feeds)
        return entry

    def quick(self, array: Any, parts: bool = False) -> Callable[[Any], Any] | None:
        """A short way to call on arrays like `array`, from array to array; None where there is none.

        With `parts` an array of several times as many rows is taken, too, and computed that many rows at a
        time: for a function whose output has a row for each of its input.
        It returns None when something may have changed, a tensor by assignment or what the function
        reads; then call the function itself.
        """
        return None if self._bound is None else quick_call(self._bound, array, parts)

    def compare(self, *args: Any) -> list[tuple[str, str, float]]:
        """(kernel, value, largest relative difference) of a step beside the
        interpreter; state is left as it is.
        """
        with self._lock:
            entry, inputs = self._found((args, {}), flatten(args))
            arrays = {f"argument.{i}": entry.backend.owned(x._data) for i, x in enumerate(inputs)}
            taken: list[Any] = []
            try:
                with one_at_a_time:
                    entry.hold(taken)
                    state = entry.state_arrays(self.donate, taken)
                return entry.executable.compare(state, arrays)
            finally:
                taken.clear()

    def last(self, what: str) -> tuple[Captured, Executable]:
        """The program of the last call, for `what` wants to look at it."""
        if self._last is None:
            raise TraceError(f"{what}: call the function first; it is traced for its arguments")
        return self._last.captured, self._last.executable

    # calling
    def _runs_as_it_is(self, leaves: list[Any]) -> bool:
        if mode.get().anomaly or backends.default().name == "trace":
            return True
        if not mode.get().grad:
            return False
        with one_at_a_time:
            return any(isinstance(leaf, Tensor) and leaf._node is not None for leaf in leaves)

    def _inputs(self, tree: Any, leaves: list[Any]) -> tuple[Any, list[Tensor], list[Any]]:
        """(key, tensors, leaves with those tensors in place)."""
        specs, tensors, given = inputs_of(leaves, self._written)
        return (shape_of(tree), specs, self._surroundings()), tensors, given

    def _surroundings(self) -> tuple[Any, ...]:
        if self._seen != assignments[0]:
            # which state requires gradients may be changed between two calls
            last = self._last
            self._tracked = () if last is None else tuple(t._node is not None for t in last.tensors.values())
            self._seen = assignments[0]
        state = None if self._given_state is None else identities(self._given_state)
        return backends.default().name, mode.get().grad, self._tracked, state

    def _trace(
        self,
        key: Any,
        tree: Any,
        leaves: list[Any],
        tensors: Sequence[Tensor],
        feeds: Mapping[str, Feed] | None,
    ) -> Entry:
        executed = Executed()
        # another thread's trace may have symbols in the same state
        with one_at_a_time:
            before, captured = self._captured(executed, tree, leaves, tensors)
        backend = captured.backend
        if feeds and captured.program.outputs:
            raise TraceError("over_rows: the function returns something; steps of an epoch return nothing")
        executable = backend.compile(captured.program, feeds)
        held = dict(captured.state)
        guards = Guards(self.function, executed, leaves, held.values(), before)
        written, used = frozenset(executable.written), used_state(captured.program)
        writers = [self._writer] if written else []
        entry = Entry(captured, executable, held, written, backend, guards, used, writers)
        self.traces += 1
        why = difference(self._programs.newest, key, self._programs.difference)
        unseen = [*guards.unseen, *(f"random numbers of {said}" for said in before.drawn())]
        tell(self.name, self.traces, why, unseen)
        if level():
            report(self.name, captured, executable)
        # the state is known only now, and which of it requires gradients belongs to the key
        self._last = entry
        self._seen = -1
        self._programs.add((*key[:-1], self._surroundings()), entry)
        return entry

    def _captured(
        self, executed: Executed, tree: Any, leaves: list[Any], tensors: Sequence[Tensor]
    ) -> tuple[Before, Captured]:
        state = named(self._given_state)
        backend = common_backend([*state.values(), *tensors])
        generator = random.default_generator()
        if not any(t is generator.key for t in state.values()):
            state |= {"random.key": generator.key, "random.counter": generator.counter}
        move_generator(generator, backend)
        before = Before(self.function)

        function: Callable[..., Any] = self.function

        def step(*inputs: Tensor) -> Any:
            remaining = iter(inputs)
            places = [next(remaining) if isinstance(leaf, (Tensor, Number)) else leaf for leaf in leaves]
            args, kwargs = unflatten(tree, iter(places))
            return executed.during(lambda: function(*args, **kwargs))

        examples = [leaf for leaf in leaves if isinstance(leaf, (Tensor, Number))]

        def trace() -> Captured:
            return capture(
                step, *examples, state=state, name=self.name, precision=self.precision, captures=True
            )

        captured = check_left_behind(before, trace)
        check_kept(named(self._given_state), state)
        return before, captured

    def _run(self, entry: Entry, inputs: Sequence[Tensor]) -> Any:
        backend, executable = entry.backend, entry.executable
        taken: list[Any] = []
        with self._lock, executable.lock:
            self._last, bound = entry, self._bound
            try:
                with one_at_a_time:
                    given = {f"argument.{i}": backend.owned(t._data) for i, t in enumerate(inputs)}
                    entry.hold(taken)
                    known = bound is not None and bound.entry is entry and bound.holds()
                    state = None if known else entry.state_arrays(self.donate, taken)
                if state is not None and level() >= 4:
                    report_differences(self.name, executable.compare(state, given))
                outputs = executable.step(state, given)
                if (executable.is_simple or (executable.is_quick and not entry.written)) and level() < 4:
                    self._bound = Bound.now(entry)
            finally:
                taken.clear()
        return entry.captured.finish(outputs)
