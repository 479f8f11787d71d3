"""Where in one block of memory every value lies that a program computes on its way.

Memory of a value is given away when all threads have met after its last reader; a result may take the
place of an operand that dies with it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from .ir import Value

_LINE = 64


class Work(Protocol):
    """What is asked of a call: its memory, and how its threads share each
    root of it (equal: each its own part).
    """

    reads: dict[Value, Any]
    writes: dict[Value, Any]
    roots: tuple[Value, ...]
    pairs: list[tuple[Value, Value]]


class Layout(NamedTuple):
    """Offsets in bytes of values in one block of `size` bytes, and the
    calls between which each value lives.
    """

    offsets: dict[Value, int]
    size: int
    lives: dict[Value, tuple[int, int]]


def lay_out(calls: Sequence[Work], meets: Sequence[bool], sizes: Mapping[Value, int]) -> Layout:
    """Places for the values in `sizes` (bytes), which live from their first writer to their last reader.

    `meets` tells before which calls all threads wait for one another.
    """
    first: dict[Value, int] = {}
    last: dict[Value, int] = {}
    for index, call in enumerate(calls):
        for root in (*call.writes, *call.reads, *call.roots):
            if root in sizes:
                first.setdefault(root, index)
                last[root] = index
    frees = _ends(meets, last)
    free: list[tuple[int, int]] = []
    offsets: dict[Value, int] = {}
    size = 0
    held: dict[Value, int] = {}
    since: dict[Value, set[Any]] = {}
    for index, call in enumerate(calls):
        if meets[index]:
            since.clear()
        for value in [v for v in held if frees[v] <= index]:
            free = _given_back(free, offsets[value], held.pop(value))
        for value in (
            v for v in dict.fromkeys((*call.writes, *call.roots)) if v in sizes and first[v] == index
        ):
            wanted = -(-sizes[value] // _LINE) * _LINE
            partner = next(
                (
                    r
                    for w, r in call.pairs
                    if w == value
                    and r in held
                    and last[r] == index
                    and held[r] == wanted
                    and _is_own(r, call, value, since)
                ),
                None,
            )
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
        for root, partition in (*call.reads.items(), *call.writes.items()):
            since.setdefault(root, set()).add(partition)
    return Layout(offsets, size, {v: (first[v], last[v]) for v in first})


def _is_own(operand: Value, call: Work, result: Value, since: Mapping[Value, set[Any]]) -> bool:
    """Whether each thread may write over its part of `operand`: since all met,
    no other has read or written there.
    """
    own = call.reads.get(operand)
    return own is not None and call.writes[result] == own and since.get(operand, set()) <= {own}


def _ends(meets: Sequence[bool], last: Mapping[Value, int]) -> dict[Value, int]:
    """The call from which on the memory of a value may be used for another: the
    first meeting after its last reader.
    """
    following = [len(meets)] * (len(meets) + 1)
    for index in range(len(meets) - 1, -1, -1):
        following[index] = index if meets[index] else following[index + 1]
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
