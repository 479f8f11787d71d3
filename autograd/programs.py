"""The programs of a compiled function, each with what it depends on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from backends.contract import Array, Backend, Executable
from backends.errors import BackendError
from backends.program import Program
from backends.program.ir import Value

from . import random
from .errors import ShapeError
from .guards import Difference, Guards
from .owner import array_of, assignments, is_private, make_private, writer_of
from .tensor import Tensor
from .tracekeys import move_generator
from .tracing import Captured

_MOST = 512
"""Entries of a function; those that were used last stay."""


class Entry(NamedTuple):
    """A trace and its compiled form.

    `used` is the state that the program names. `writers` are the locks of those who write into it, its own
    first where it does; whoever runs it holds them.
    """

    captured: Captured
    executable: Executable
    tensors: dict[str, Tensor]
    written: frozenset[str]
    backend: Backend
    guards: Guards
    used: frozenset[str]
    writers: list[Any]

    def hold(self, taken: list[Any]) -> None:
        """Take the locks that are known so far. Under `one_at_a_time`, so that no two wait for each other."""
        for lock in self.writers:
            take(lock, taken)

    def state_arrays(self, donate: bool, taken: list[Any]) -> dict[str, Array]:
        """The arrays of the state; those that are written are of their
        tensors alone, as far as `donate` allows.

        Takes the locks of all who write into it, besides those that are `taken`.

        Raises:
            BackendError: a tensor of the state was moved to another backend.
        """
        backend, arrays = self.backend, {}
        for name, tensor in self.tensors.items():
            if tensor._backend is not backend:
                move_generator(random.default_generator(), backend)
            if tensor._backend is not backend:
                raise BackendError(
                    f"{self.captured.program.name}: state {name!r} was moved to {tensor.backend!r}"
                )
            writer = writer_of(tensor) if name in self.used else None
            if writer is None and name in self.written:
                writer = self.writers[0]
            if writer is not None and not any(writer is lock for lock in self.writers):
                self.writers.append(writer)
                take(writer, taken)
            array = array_of(tensor)
            arrays[name] = backend.owned(array)
            if name not in self.written:
                if arrays[name] is not array:
                    tensor._data = arrays[name]
                    assignments[0] += 1
            elif not is_private(tensor):
                if arrays[name] is array and not (donate and self._is_alone(array)):
                    arrays[name] = backend.owned(array, shared=True)
                try:
                    make_private(tensor, arrays[name], writer)
                finally:
                    # other compiled functions of this state have to look again
                    assignments[0] += 1
        return arrays

    def _is_alone(self, array: Array) -> bool:
        """Whether no other tensor of the state lies in the same memory."""
        owner = _owner(array)
        return sum(_owner(array_of(tensor)) is owner for tensor in self.tensors.values()) == 1


class Bound(NamedTuple):
    """An entry whose executable still has the state of its last call:
    then only arguments can have changed.
    """

    entry: Entry
    assignments: int
    binds: int

    @classmethod
    def now(cls, entry: Entry) -> Bound:
        return cls(entry, assignments[0], entry.executable.binds)

    def holds(self) -> bool:
        return self.assignments == assignments[0] and self.binds == self.entry.executable.binds


def used_state(program: Program) -> frozenset[str]:
    """The names of the state that a program reads or writes; some is declared and not used."""
    named = {o for instruction in program.instructions for o in instruction.operands if isinstance(o, Value)}
    named |= {v for pair in program.assigns for v in pair if isinstance(v, Value)}
    named |= {v for _, v in program.outputs if isinstance(v, Value)}
    return frozenset(name for name, value in program.named("state").items() if value in named)


def take(lock: Any, taken: list[Any]) -> None:
    """Acquire `lock` until `taken` is cleared, or gone.

    A generator holds it, which is noted before it runs: an interrupt leaves no lock that nobody releases.
    """
    holder = _holder(lock)
    taken.append(holder)
    next(holder)


def _holder(lock: Any) -> Iterator[None]:
    with lock:
        yield


def _owner(array: Any) -> Any:
    base = getattr(array, "base", None)
    return array if base is None else base


class Programs:
    """Entries by key; of one key there may be several, that differ in what their traces read.

    `difference` tells what made the last search fail.
    """

    def __init__(self) -> None:
        self._entries: dict[Any, list[Entry]] = {}
        """In the order of their last use."""
        self._latest: list[Entry] | None = None
        self.newest: Any = None
        self.difference: Difference | None = None

    def find(self, key: Any, leaves: Sequence[Any]) -> Entry | None:
        """The program of this key whose guards hold."""
        self.difference = None
        kept = self._entries.get(key)
        if kept is None:
            return None
        if kept is not self._latest:
            self._latest = self._entries[key] = self._entries.pop(key)
        for place, entry in enumerate(kept):
            difference = entry.guards.broken(leaves)
            if difference is None:
                if place:
                    kept.insert(0, kept.pop(place))
                return entry
            self.difference = self.difference or difference
        return None

    def add(self, key: Any, entry: Entry) -> None:
        """Keep `entry`; where there are many, the one goes that has not been used for longest."""
        self.newest = key
        self._latest = self._entries[key] = self._entries.pop(key, [])
        self._latest.insert(0, entry)
        while sum(map(len, self._entries.values())) > _MOST:
            oldest = next(iter(self._entries))
            self._entries[oldest].pop()
            if not self._entries[oldest]:
                del self._entries[oldest]


def check_rows(rows: Sequence[Tensor], batch_size: int, order: Tensor | None, first: int, steps: int) -> None:
    """Refuse steps for which there are not enough rows, and an order that names others than there are.

    Raises:
        ShapeError: saying what was needed and what there is.
    """
    count = rows[0].shape[0]
    needed = (first + steps) * batch_size
    if any(r.shape[0] != count for r in rows) or min(first, steps) < 0 or batch_size < 1 or needed > count:
        raise ShapeError(
            f"over_rows: steps {first} to {first + steps} of {batch_size} rows, and there are "
            f"{[r.shape[0] for r in rows]}"
        )
    if order is None:
        return
    if order.ndim != 1 or len(order) < needed:
        raise ShapeError(f"over_rows: an order of shape {order.shape} for {needed} rows")
    if bool(((order < 0) | (order >= count)).any()):
        raise ShapeError(f"over_rows: the order holds numbers outside of 0 to {count - 1}")
