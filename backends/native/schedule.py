"""In which order calls run, where threads have to meet, and where in one block of memory every value lies.

Calls may change places as far as their memory allows. In a small program those that need no meeting of the threads go
first, so that a thread runs through forward and backward with its own rows; a large one keeps its order, which keeps
what was just computed in the caches and memory small. Memory of a value is given away when the threads have met after
its last reader; a result may take the place of an operand that dies with it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from ..program.ir import Value
from .calls import ERRORS, Call, Touch
from .driver import CHECK, MEET

_SMALL = 4_000_000
"""Up to so many bytes of intermediate values calls change places freely."""
_LINE = 64


class Placed(NamedTuple):
    """A call with its flags for the driver."""

    call: Call
    flags: int


class Layout(NamedTuple):
    """Offsets in bytes of values in one block of `size` bytes, and the calls between which each value lives."""

    offsets: dict[Value, int]
    size: int
    lives: dict[Value, tuple[int, int]]


def schedule(calls: Sequence[Call], states: set[Value], intermediate: int) -> list[Placed]:
    """The calls in the order in which they run; `intermediate` is the size of all values in between, in bytes."""
    small = intermediate < _SMALL
    before = _dependencies(calls, states)
    waiting = [len(set(b)) for b in before]
    after: list[list[int]] = [[] for _ in calls]
    for index, earlier in enumerate(before):
        for other in set(earlier):
            after[other].append(index)
    ready = [i for i, count in enumerate(waiting) if count == 0]
    open_touches: dict[Value, list[tuple[Touch, bool]]] = {}
    placed: list[Placed] = []
    checked = True
    while ready:
        ready.sort()
        choices = ready if small else ready[:1]
        free = next((i for i in choices if not _must_meet(calls[i], open_touches)), None)
        index = ready[0] if free is None else free
        call = calls[index]
        flags = 0
        if call.checks:
            checked = False
        elif not checked and any(v in states for v in call.writes):
            flags, checked = MEET | CHECK, True
        if free is None or call.host is not None:
            flags |= MEET
        if flags & MEET:
            open_touches.clear()
        for root, touch in call.reads.items():
            open_touches.setdefault(root, []).append((touch, False))
        for root, touch in call.writes.items():
            open_touches.setdefault(root, []).append((touch, True))
        placed.append(Placed(call, flags))
        ready.remove(index)
        for other in after[index]:
            waiting[other] -= 1
            if waiting[other] == 0:
                ready.append(other)
    return placed


def _dependencies(calls: Sequence[Call], states: set[Value]) -> list[list[int]]:
    """For each call the earlier ones that must have run: writers of what it reads, readers and writers of what it writes."""
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


def _must_meet(call: Call, open_touches: Mapping[Value, list[tuple[Touch, bool]]]) -> bool:
    for root, touch in call.reads.items():
        if any(writes and (other is None or other != touch) for other, writes in open_touches.get(root, ())):  # fmt: skip
            return True
    for root, touch in call.writes.items():
        if root == ERRORS:
            continue
        if any(other is None or other != touch for other, _ in open_touches.get(root, ())):
            return True
    return False


def lay_out(placed: Sequence[Placed], sizes: Mapping[Value, int]) -> Layout:
    """Places for the values in `sizes` (bytes), which live from their first writer to their last reader."""
    first: dict[Value, int] = {}
    last: dict[Value, int] = {}
    for index, (call, _) in enumerate(placed):
        for root in (*call.writes, *call.reads, *call.roots):
            if root in sizes:
                first.setdefault(root, index)
                last[root] = index
    frees = _ends(placed, last)
    free: list[tuple[int, int]] = []
    offsets: dict[Value, int] = {}
    size = 0
    held: dict[Value, int] = {}
    since: dict[Value, set[Touch]] = {}
    for index, (call, flags) in enumerate(placed):
        if flags & MEET:
            since.clear()
        for value in [v for v in held if frees[v] <= index]:
            free = _given_back(free, offsets[value], held.pop(value))
        for value in (v for v in dict.fromkeys((*call.writes, *call.roots)) if v in sizes and first[v] == index):  # fmt: skip
            wanted = -(-sizes[value] // _LINE) * _LINE
            partner = next((r for w, r in call.pairs if w == value and r in held and last[r] == index and held[r] == wanted and _is_own(r, call, value, since)), None)  # fmt: skip
            if partner is not None:
                offsets[value] = offsets[partner]
                held[value] = held.pop(partner)
                continue
            spot = min((f for f in free if f[1] >= wanted), key=lambda f: f[1], default=None)
            if spot is None:
                offsets[value] = size
                size += wanted
            else:
                free.remove(spot)
                offsets[value] = spot[0]
                if spot[1] > wanted:
                    free.append((spot[0] + wanted, spot[1] - wanted))
            held[value] = wanted
        for root, touch in (*call.reads.items(), *call.writes.items()):
            since.setdefault(root, set()).add(touch)
    return Layout(offsets, size, {v: (first[v], last[v]) for v in first})


def _is_own(operand: Value, call: Call, result: Value, since: Mapping[Value, set[Touch]]) -> bool:
    """Whether each thread may write over its part of `operand`: since all met, no other has read or written there."""
    own = call.reads.get(operand)
    return own is not None and call.writes[result] == own and since.get(operand, set()) <= {own}


def _ends(placed: Sequence[Placed], last: Mapping[Value, int]) -> dict[Value, int]:
    """The call from which on the memory of a value may be used for another: the first meeting after its last reader."""
    following = [len(placed)] * (len(placed) + 1)
    for index in range(len(placed) - 1, -1, -1):
        following[index] = index if placed[index].flags & MEET else following[index + 1]
    return {value: following[index + 1] for value, index in last.items()}


def _given_back(free: list[tuple[int, int]], offset: int, size: int) -> list[tuple[int, int]]:
    """Free places with one more, neighbours joined."""
    places = sorted([*free, (offset, size)])
    joined: list[tuple[int, int]] = []
    for start, length in places:
        if joined and joined[-1][0] + joined[-1][1] == start:
            joined[-1] = (joined[-1][0], joined[-1][1] + length)
        else:
            joined.append((start, length))
    return joined
