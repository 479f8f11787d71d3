"""Horizontal fusion: kernels that do not depend on one another, as one launch.

Each block does the part of one of them, so what small kernels of a step cost beside their work is
paid once for all of them: the rows of several arrays, the updates of all weights, the sums of their
biases. Parts keep their text and their arguments, sizes included, so one compiled kernel serves every
shape here, too.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..contract import DType, Scalar
from .calls import Call
from .kernel import THREADS, Kernel, Pointer, arguments_of, whole_text
from .prelude import source_of

_BLOCKS = 1024
"""Blocks of a kernel up to which its launch is worth saving."""
_PARTS = 12
_POINTERS = 400


def fused_horizontally(calls: Sequence[Call]) -> list[Call]:
    """The calls in an order that is as right, those that can run side by side as one.

    A call moves towards the end of the step until it meets others that it may join; it stays behind all that
    it reads, and before all that read or overwrite what it writes.
    """
    groups: list[list[Call]] = []
    # from the last call to the first one: groups[0] runs last
    for call in reversed(calls):
        behind = 1 + max((k for k, g in enumerate(groups) if any(_depend(call, c) for c in g)), default=-1)
        joined = next((g for g in reversed(groups[behind:]) if _may_join(call, g)), None)
        if joined is None:
            groups.append([call])
        else:
            joined.append(call)
    return [g[0] if len(g) == 1 else _side_by_side(g[::-1]) for g in reversed(groups)]


def _depend(first: Call, second: Call) -> bool:
    """Whether one of them writes what the other one reads or writes."""
    writes, others = first.writes, second.writes
    return any(r in others for r in (*first.reads, *writes)) or any(r in writes for r in second.reads)


def _is_small(call: Call) -> bool:
    kernel = call.kernel
    return (
        kernel is not None
        and kernel.grid[0] <= _BLOCKS
        and kernel.grid[1] == 1
        and kernel.block == THREADS
        and not kernel.wide
    )


def _may_join(call: Call, group: Sequence[Call]) -> bool:
    kernels = [c.kernel for c in (call, *group) if c.kernel is not None]
    pointers = sum(len(k.pointers) for k in kernels)
    return len(group) < _PARTS and pointers <= _POINTERS and all(map(_is_small, (call, *group)))


def _side_by_side(calls: Sequence[Call]) -> Call:
    """One call for several that do not depend on one another."""
    kernels = [c.kernel for c in calls if c.kernel is not None]
    reads = {r: x for c in calls for r, x in c.reads.items()}
    writes = {r: x for c in calls for r, x in c.writes.items()}
    readers = [r for c in calls for r in c.reads]
    # what another part reads, too, may still be read when this one has written
    pairs = [(w, r) for c in calls for w, r in c.pairs if readers.count(r) == 1]
    return Call(
        " | ".join(c.name for c in calls),
        tuple(dict.fromkeys(r for c in calls for r in c.roots)),
        reads,
        writes,
        sum(c.flops for c in calls),
        checks=any(c.checks for c in calls),
        pairs=pairs,
        kernel=_joined(kernels),
        parts=tuple(calls),
    )


def _joined(kernels: Sequence[Kernel]) -> Kernel:
    """The kernel whose blocks are those of all `kernels`, one after the other."""
    functions: dict[tuple[str, str], str] = {}
    pointers: dict[Pointer, str] = {}
    integers: list[int] = []
    numbers: list[tuple[DType, Scalar]] = []
    lines = ["  I block = (I)blockIdx.x;"]
    for kernel in kernels:
        name = functions.setdefault((kernel.arguments, kernel.body), f"part{len(functions)}")
        given = [pointers.setdefault(p, f"p{len(pointers)}") for p in kernel.pointers]
        first = len(integers)
        integers += [*kernel.integers, kernel.grid[0]]
        given += [f"n{k}" for k in range(first, len(integers) - 1)]
        given += [f"f{len(numbers) + k}" for k in range(len(kernel.numbers))]
        numbers += kernel.numbers
        blocks = f"n{len(integers) - 1}"
        lines.append(f"  if (block < {blocks}) {{ {name}({', '.join([*given, 'block', blocks])}); return; }}")
        lines.append(f"  block -= {blocks};")
    texts = [
        f"__device__ void {name}({given}, const I block, const I blocks) {{\n{_of_its_own(body)}\n}}\n"
        for (given, body), name in functions.items()
    ]
    all_given, body = arguments_of(pointers, integers, numbers), "\n".join(lines)
    source = source_of("\n".join([*texts, whole_text("parts", all_given, body)]), wide=False)
    grid = (sum(k.grid[0] for k in kernels), 1)
    return Kernel(
        "parts",
        source,
        all_given,
        body,
        tuple(pointers),
        tuple(integers),
        tuple(numbers),
        grid,
        THREADS,
        False,
    )


def _of_its_own(body: str) -> str:
    """The text of a part, which counts its own blocks alone."""
    return body.replace("(I)blockIdx.x", "block").replace("(I)gridDim.x", "blocks")
