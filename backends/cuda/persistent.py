"""A small program as one kernel of one block: its kernels as functions, called one after the
other, for as many steps as asked.

Between two kernels of a graph lie one or two microseconds; between two functions lies a barrier. Sizes and
numbers are printed, for this text serves one program alone.
"""

from __future__ import annotations

from collections.abc import Sequence

from .calls import Call
from .kernel import THREADS, Kernel, Pointer, whole_text
from .prelude import source_of
from .scalar import TYPES, literal

_BLOCKS = 4
"""So many blocks at most would each kernel have on its own."""
_FLOPS = 1 << 19
"""Operations of a step up to which one multiprocessor is not slower than all with their pauses."""
_POINTERS = 480
"""Parameters of a kernel take 4 KB at most before CUDA 12.1, and on drivers before 530."""


def together(calls: Sequence[Call]) -> Kernel | None:
    """The kernel of all `calls`, which takes the number of steps; None
    where they are too much for one block.
    """
    kernels = [c.kernel for c in calls if c.kernel is not None]
    small = all(
        k.grid[0] <= _BLOCKS and k.grid[1] == 1 and k.block == THREADS and not k.wide for k in kernels
    )
    if len(kernels) < len(calls) or not small or sum(c.flops for c in calls) > _FLOPS:
        return None
    functions: dict[tuple[str, str], str] = {}
    pointers: dict[Pointer, str] = {}
    lines = []
    for kernel in kernels:
        name = functions.setdefault((kernel.arguments, kernel.body), f"part{len(functions)}")
        given = [pointers.setdefault(p, f"p{len(pointers)}") for p in kernel.pointers]
        given += [str(n) for n in kernel.integers]
        given += [literal(x, dtype) for dtype, x in kernel.numbers]
        lines += [f"    {name}({', '.join(given)});", "    __syncthreads();"]
    if len(pointers) > _POINTERS:
        return None
    texts = [
        f"__device__ void {name}({arguments}) {{\n{body}\n}}\n"
        for (arguments, body), name in functions.items()
    ]
    arguments = ", ".join([*(f"{TYPES[p.dtype]}* {n}" for p, n in pointers.items()), "I steps"])
    body = "\n".join(["  for (I s = 0; s < steps; ++s) {", *lines, "  }"])
    source = source_of("\n".join([*texts, whole_text("steps", arguments, body)]), wide=False)
    return Kernel("steps", source, arguments, body, tuple(pointers), (1,), (), (1, 1), THREADS, False)
