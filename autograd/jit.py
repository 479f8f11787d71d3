"""Compiled steps: a function is traced once for each kind of arguments, and from then on its program runs.

The arguments' shapes and dtypes, and what `guards` sees, choose the program; anything else would be frozen into it and
is state, an argument, or an error. State is written where it lies; an array of it that somebody else still holds is left
to them, which counting references tells.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import backends
from backends.contract import Backend, Executable, Feed
from backends.formats import resolve_precision
from backends.locks import renewed_lock

from . import random
from .bound import Methods
from .debugging import Inspected, level, report, report_differences
from .errors import ShapeError, TraceError
from .guards import guards_of
from .leaks import check_left_behind
from .mode import mode
from .structure import flatten, unflatten
from .tensor import Tensor, assignments
from .tracekeys import (
    State,
    check_unchanged,
    difference,
    home_of,
    identities,
    move_generator,
    named,
    shape_of,
    tell,
)
from .tracing import Captured, Number, capture, one_at_a_time

_TENSOR_ALONE = 3
"""References to an array that one tensor holds: the tensor's, a local name, and the argument of the count."""
_KEPT = 64


class _Entry(NamedTuple):
    """A trace and its compiled form."""

    captured: Captured
    executable: Executable
    tensors: dict[str, Tensor]
    written: list[Tensor]
    home: Backend


def jit(
    f: Callable[..., Any] | None = None, state: State = None, donate: bool = False, name: str | None = None, precision: str | None = None
) -> Any:  # fmt: skip
    """`f`, compiled: traced at the first call with arguments of some shapes and dtypes, then run as one program.

    Args:
        f: a function of tensors, arrays and numbers (nested lists, tuples, dicts of them) that returns tensors. It may
            call `backward()` and `assign` the tensors of `state`.
        state: the tensors that `f` reads or assigns without being passed them: a dict of names, a list, a module, or a
            function that returns one of these, asked at every call. The default random generator always belongs to it.
        donate: write state in place even where somebody else holds its array, and save the copy.
        name: of the program; default the function's.
        precision: "tf32", "bfloat16" or "float16": operands of products of float32 matrices are rounded to this format,
            forward and backward; the products and their sums are float32, as is all else. None: float32.

    Returns:
        A `Jitted`. Floats among the arguments are inputs, as weak as Python's own; other Python values choose the program.
        Results are new arrays, without graph.
        The function itself runs, uncompiled, inside another trace, where an argument requires gradients, and under
        `detect_anomaly()`; its products are float32 then, in another trace of that one's precision.

    Raises:
        DTypeError: an unknown precision, with the nearest name.
        TraceError: at the call, when `f` branches on a value, asks for one, uses a tensor that is not declared, or
            leaves a gradient in one that is, added to what may have been there.

    >>> import autograd as ag
    >>> w = ag.tensor([1.0, 2.0], requires_grad=True)
    >>> @ag.jit(state=[w])
    ... def step(x, rate):
    ...     w.grad = None
    ...     loss = ((w - x) ** 2).sum()
    ...     loss.backward()
    ...     w.assign(w.detach() - w.grad * rate)
    ...     return loss
    >>> step(ag.tensor([0.0, 0.0]), 0.25).item(), w.tolist()
    (5.0, [0.5, 1.0])
    >>> step.traces
    1
    """
    if f is None:
        return lambda function: Jitted(function, state, donate, name, precision)
    return Jitted(f, state, donate, name, precision)


class Jitted(Inspected):
    """A function with its compiled programs; made by `jit`."""

    def __init__(self, function: Callable[..., Any], state: State, donate: bool, name: str | None, precision: str | None = None) -> None:  # fmt: skip
        self.function = function
        self.donate = donate
        self.precision = resolve_precision(precision)
        self.name = name or str(getattr(function, "__name__", "step"))
        self.traces = 0
        self._given_state = state
        self._settings = (state, donate, self.name, self.precision)
        self._guards = guards_of(function)
        self._entries: dict[Any, _Entry] = {}
        self._last: _Entry | None = None
        self._seen = -1
        self._tracked: tuple[bool, ...] = ()
        self._bound: tuple[_Entry, int, int] | None = None
        self._checked: Tensor | None = None
        self._methods = Methods(function)
        self._lock = renewed_lock()
        self.__doc__ = function.__doc__

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run on the arguments."""
        if self._runs_as_it_is((args, kwargs)):
            return self.function(*args, **kwargs)
        with self._lock:
            entry, inputs = self._found((args, kwargs))
            self._last = entry
            return self._run(entry, inputs)

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        """As a method: one compiled function for each object, which lives as long as that."""
        if instance is None:
            return self
        return self._methods.of(instance, lambda method: Jitted(method, *self._settings))

    def __reduce__(self) -> Any:
        return Jitted, (self.function, *self._settings)

    def prepare(self, *args: Any, **kwargs: Any) -> None:
        """Trace and compile for these arguments, and run nothing."""
        if not self._runs_as_it_is((args, kwargs)):
            with self._lock:
                self._found((args, kwargs))

    def _found(self, tree: Any) -> tuple[_Entry, list[Tensor]]:
        """The program for these arguments, made if need be, and those of them that are its inputs."""
        with one_at_a_time:
            key, inputs, given = self._inputs(tree, flatten(tree))
        try:
            entry = self._entries.get(key)
        except TypeError as error:
            raise TraceError(
                f"{self.name}: arguments are tensors, arrays, numbers, and values with a hash that choose the program: {error}"
            ) from error
        return entry or self._trace(key, given, inputs, None), inputs

    def over_rows(
        self, rows: Sequence[Tensor], batch_size: int, order: Tensor | None, first: int, steps: int, rest: tuple[Any, ...] = ()
    ) -> None:  # fmt: skip
        """Steps `first` to `first + steps` in one call: step i is given rows i * batch_size to (i + 1) * batch_size.

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
        count = rows[0].shape[0]
        needed = (first + steps) * batch_size
        if any(r.shape[0] != count for r in rows) or min(first, steps) < 0 or batch_size < 1 or needed > count:  # fmt: skip
            raise ShapeError(f"over_rows: steps {first} to {first + steps} of {batch_size} rows, and there are {[r.shape[0] for r in rows]}")  # fmt: skip
        with self._lock:
            if order is not None and order is not self._checked:
                if order.ndim != 1 or len(order) < needed:
                    raise ShapeError(f"over_rows: an order of shape {order.shape} for {needed} rows")  # fmt: skip
                if order.size and (int(order.min()) < 0 or int(order.max()) >= count):
                    raise ShapeError(f"over_rows: the order holds numbers outside of 0 to {count - 1}")  # fmt: skip
                self._checked = order
            entry = self._entry_of_rows(rows, batch_size, order, rest)
            home = entry.home
            with one_at_a_time:
                state = self._state_arrays(entry)
                sources = {f"argument.{i}": home.owned(r._data) for i, r in enumerate(rows)}
                picked = None if order is None else home.owned(order.to("int64")._data)
            entry.executable.epoch(state, sources, picked, first, steps)

    def prepare_rows(
        self, rows: Sequence[Tensor], batch_size: int, order: Tensor | None, rest: tuple[Any, ...] = ()
    ) -> None:  # fmt: skip
        """Trace and compile for `over_rows`, and run nothing."""
        with self._lock:
            self._entry_of_rows(rows, batch_size, order, rest)

    def _entry_of_rows(self, rows: Sequence[Tensor], batch_size: int, order: Tensor | None, rest: tuple[Any, ...]) -> _Entry:  # fmt: skip
        feed = Feed(rows[0].shape[0], order is not None)
        specs = tuple(((batch_size, *r.shape[1:]), r.dtype.char) for r in rows)
        key = ("rows", feed.ordered, specs, rest, self._surroundings())
        entry = self._entries.get(key)
        if entry is None:
            examples = [r[:batch_size] for r in rows]
            feeds = {f"argument.{i}": feed for i in range(len(rows))}
            entry = self._trace(key, ((*examples, *rest), {}), examples, feeds)
        self._last = entry
        return entry

    def quick(self, array: Any) -> Callable[[Any], Any] | None:
        """A short way to call on arrays like `array`, from array to array; None where there is none.

        It is right as long as nothing but values of arrays changes: no assignment to any tensor, no setting. It returns
        None when something may have changed; then call the function itself.
        """
        bound = self._bound
        if bound is None or not bound[0].executable.is_quick or bound[0].written or level() >= 4:
            return None
        (entry, count, turns), plain = bound, mode.get()
        kind, shape, dtype = type(array), array.shape, array.dtype
        if entry.captured.program.named("input")["argument.0"].spec != (shape, dtype):
            return None
        executable, again = entry.executable, entry.executable.again

        def call(given: Any) -> Any:
            if (
                type(given) is kind and given.shape == shape and given.dtype == dtype and given.flags.c_contiguous
                and assignments[0] == count and mode.get() is plain
            ):  # fmt: skip
                with executable.lock:
                    return again("argument.0", given) if executable.turns == turns else None
            return None

        return call

    def compare(self, *args: Any) -> list[tuple[str, str, float]]:
        """(kernel, value, largest relative difference) of a step beside the interpreter; state is left as it is."""
        with self._lock:
            entry, inputs = self._found((args, {}))
            arrays = {f"argument.{i}": entry.home.owned(x._data) for i, x in enumerate(inputs)}
            return entry.executable.compare(self._state_arrays(entry), arrays)

    def last(self, what: str) -> tuple[Captured, Executable]:
        """The program of the last call, for `what` wants to look at it."""
        if self._last is None:
            raise TraceError(f"{what}: call the function first; it is traced for its arguments")
        return self._last.captured, self._last.executable

    # calling
    def _runs_as_it_is(self, tree: Any) -> bool:
        if mode.get().anomaly or backends.default().name == "trace":
            return True
        if not mode.get().grad:
            return False
        with one_at_a_time:
            return any(
                isinstance(leaf, Tensor) and leaf._node is not None for leaf in flatten(tree)
            )

    def _inputs(self, args: Any, leaves: list[Any]) -> tuple[Any, list[Tensor], Any]:
        """(key, tensors, arguments with those tensors in place)."""
        specs: list[Any] = []
        tensors: list[Tensor] = []
        new: list[Any] = []
        for leaf in leaves:
            if isinstance(leaf, (bool, int, str)) and not hasattr(leaf, "dtype"):
                specs.append((type(leaf), leaf))
                new.append(leaf)
                continue
            if not isinstance(leaf, Tensor):
                if not isinstance(leaf, float) and not hasattr(leaf, "__array__"):
                    specs.append(leaf)
                    new.append(leaf)
                    continue
                # NumPy's float64 is one of Python's floats
                is_number = isinstance(leaf, float)
                leaf = Tensor.from_value(leaf, "float64" if is_number else None)
                specs.append(("number",) if is_number else (leaf.shape, leaf.dtype.char))
                tensors.append(leaf)
                new.append(Number(leaf) if is_number else leaf)
                continue
            specs.append((leaf.shape, leaf.dtype.char))
            tensors.append(leaf)
            new.append(leaf)
        key = (shape_of(args), tuple(specs), self._surroundings())
        return key, tensors, unflatten(args, iter(new))

    def _surroundings(self) -> tuple[Any, ...]:
        if self._seen != assignments[0]:
            # which state requires gradients may be changed between two calls
            last = self._last
            self._tracked = () if last is None else tuple(t._node is not None for t in last.tensors.values())  # fmt: skip
            self._seen = assignments[0]
        state = None if self._given_state is None else identities(self._given_state)
        here = (backends.default().name, mode.get().grad, self._tracked, state)
        return *here, *(look() for _, look in self._guards)

    def _trace(self, key: Any, given: Any, tensors: Sequence[Tensor], feeds: Mapping[str, Feed] | None) -> _Entry:  # fmt: skip
        state = named(self._given_state)
        home = home_of([*state.values(), *tensors])
        generator = random.default_generator()
        if not any(t is generator.key for t in state.values()):
            state |= {"random.key": generator.key, "random.counter": generator.counter}
        move_generator(generator, home)
        leaves = flatten(given)

        def step(*inputs: Tensor) -> Any:
            remaining = iter(inputs)
            places = [next(remaining) if isinstance(leaf, (Tensor, Number)) else leaf for leaf in leaves]  # fmt: skip
            args, kwargs = unflatten(given, iter(places))
            return self.function(*args, **kwargs)

        examples = [leaf for leaf in leaves if isinstance(leaf, (Tensor, Number))]
        captured = check_left_behind(
            self.function, lambda: capture(step, *examples, state=state, name=self.name, precision=self.precision)
        )  # fmt: skip
        for name, tensor in named(self._given_state).items():
            if name not in state:
                raise TraceError(f"the step makes state {name!r}; call it once before it is compiled, so that all is built")  # fmt: skip
            if tensor is not state[name]:
                raise TraceError(f"the step replaces the tensor of state {name!r}; give it values with .assign()")  # fmt: skip
        if feeds and captured.program.outputs:
            raise TraceError("over_rows: the function returns something; steps of an epoch return nothing")  # fmt: skip
        executable = home.compile(captured.program, feeds)
        written = [state[name] for name in executable.written]
        entry = _Entry(captured, executable, state, written, home)
        check_unchanged(key[-1], self._surroundings(), ["the state", *(n for n, _ in self._guards)])
        self.traces += 1
        guards = [name for name, _ in self._guards]
        tell(self.name, self.traces, difference(next(reversed(self._entries), None), key, guards))
        if level():
            report(self.name, captured, executable)
        # the state is known only now, and which of it requires gradients belongs to the key
        self._last = entry
        self._seen = -1
        while len(self._entries) >= _KEPT:
            self._entries.pop(next(iter(self._entries)))
        full = (*key[:-1], self._surroundings())
        self._entries[full] = entry
        return entry

    def _state_arrays(self, entry: _Entry) -> dict[str, Any]:
        """The arrays of the state, in memory that may be written."""
        home = entry.home
        if not self.donate:
            for tensor in entry.written:
                data = tensor._data
                if sys.getrefcount(data) > _TENSOR_ALONE:
                    tensor._data = home.owned(data, shared=True)
                    # other compiled functions of this state have to look again
                    assignments[0] += 1
        arrays = {}
        for name, tensor in entry.tensors.items():
            if tensor._backend is not home:
                move_generator(random.default_generator(), home)
            if tensor._backend is not home:
                raise backends.BackendError(f"{self.name}: state {name!r} was moved to {tensor.backend!r}")  # fmt: skip
            data = home.owned(tensor._data)
            if data is not tensor._data:
                tensor._data = data
                assignments[0] += 1
            arrays[name] = data
        return arrays

    def _is_bound(self, entry: _Entry) -> bool:
        """Whether nothing can have changed since the last call but the arguments: then state need not be looked at."""
        bound = self._bound
        if bound is None or bound[0] is not entry or bound[1] != assignments[0] or bound[2] != entry.executable.turns:  # fmt: skip
            return False
        if self.donate:
            return True
        for tensor in entry.written:
            data = tensor._data
            if sys.getrefcount(data) > _TENSOR_ALONE:
                return False
        return True

    def _run(self, entry: _Entry, inputs: Sequence[Tensor]) -> Any:
        home = entry.home
        executable = entry.executable
        with executable.lock:
            with one_at_a_time:
                given = {f"argument.{i}": home.owned(t._data) for i, t in enumerate(inputs)}
                state = None if self._is_bound(entry) else self._state_arrays(entry)
            if state is not None and level() >= 4:
                report_differences(self.name, executable.compare(state, given))
            outputs = executable.step(state, given)
            if (executable.is_simple or (executable.is_quick and not entry.written)) and level() < 4:  # fmt: skip
                self._bound = (entry, assignments[0], executable.turns)
        return entry.captured.finish(outputs)
