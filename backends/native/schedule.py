"""In which order calls run, where threads have to meet, and where in one block of memory every value lies.

Calls may change places as far as their memory allows. In a small program those that need no meeting of the
threads go first, so that a thread runs through forward and backward with its own rows; a large one keeps its
order, which keeps what was just computed in the caches and memory small. Memory of a value is given away when
the threads have met after its last reader; a result may take the place of an operand that dies with it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from ..program.ir import Value
from .calls import ERRORS, Call, Partition
from .driver import BARRIER, CHECK

_SMALL = 4_000_000
"""Up to so many bytes of intermediate values calls change places freely."""


class Placed(NamedTuple):
    """A call with its flags for the driver."""

    call: Call
    flags: int


def schedule(calls: Sequence[Call], states: set[Value], intermediate: int) -> list[Placed]:
    """The calls in the order in which they run; `intermediate` is the size
    of all values in between, in bytes.
    """
    small = intermediate < _SMALL
    before = _dependencies(calls, states)
    waiting = [len(set(b)) for b in before]
    after: list[list[int]] = [[] for _ in calls]
    for index, earlier in enumerate(before):
        for other in set(earlier):
            after[other].append(index)
    ready = [i for i, count in enumerate(waiting) if count == 0]
    unsynced: dict[Value, list[tuple[Partition, bool]]] = {}
    placed: list[Placed] = []
    checked = True
    while ready:
        ready.sort()
        choices = ready if small else ready[:1]
        free = next((i for i in choices if not _must_meet(calls[i], unsynced)), None)
        index = ready[0] if free is None else free
        call = calls[index]
        flags = 0
        if call.checks:
            checked = False
        elif not checked and any(v in states for v in call.writes):
            flags, checked = BARRIER | CHECK, True
        if free is None or call.foreign is not None:
            flags |= BARRIER
        if flags & BARRIER:
            unsynced.clear()
        for root, partition in call.reads.items():
            unsynced.setdefault(root, []).append((partition, False))
        for root, partition in call.writes.items():
            unsynced.setdefault(root, []).append((partition, True))
        placed.append(Placed(call, flags))
        ready.remove(index)
        for other in after[index]:
            waiting[other] -= 1
            if waiting[other] == 0:
                ready.append(other)
    return placed


def _dependencies(calls: Sequence[Call], states: set[Value]) -> list[list[int]]:
    """For each call the earlier ones that must have run: writers of what it reads,
    readers and writers of what it writes.
    """
    before: list[list[int]] = []
    written: dict[Value, int] = {}
    read: dict[Value, list[int]] = {}
    checks: list[int] = []
    for index, call in enumerate(calls):
        earlier = [written[r] for r in (*call.reads, *call.writes) if r in written and r != ERRORS]
        for root in call.writes:
            if root != ERRORS:
                earlier += [i for i in read.get(root, ()) if i != index]
        if any(root in states for root in call.writes):
            earlier += checks
        before.append([i for i in earlier if i != index])
        if call.checks:
            checks.append(index)
        for root in call.reads:
            read.setdefault(root, []).append(index)
        for root in call.writes:
            written[root] = index
            read[root] = []
    return before


def _must_meet(call: Call, unsynced: Mapping[Value, list[tuple[Partition, bool]]]) -> bool:
    for root, partition in call.reads.items():
        if any(writes and (other is None or other != partition) for other, writes in unsynced.get(root, ())):
            return True
    for root, partition in call.writes.items():
        if root == ERRORS:
            continue
        if any(other is None or other != partition for other, _ in unsynced.get(root, ())):
            return True
    return False
