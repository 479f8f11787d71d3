"""The text of a kernel while it is written, and the kernel that comes out: text without
sizes, and what a call hands over.

Sizes, strides and most numbers are arguments, so one compiled kernel serves every shape of a kind, and
every layer. What is known of a stride by kind (0, or 1 along the last axis) and how many elements a
thread moves at once belong to the text.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from ..contract import DType, Scalar, uint64
from ..program.access import Access, merged
from ..program.ir import Instruction, Value
from .prelude import source_of
from .scalar import TYPES, counted, expression, is_printed, literal, wrapped

THREADS = 256
_WIDE_FROM = 2**31


def half_of(format: str) -> DType:
    """The dtype of memory that holds numbers of "bfloat16" or "float16", with which no kernel computes."""
    return np.dtype(np.uint16, metadata={"format": format})


def format_of(dtype: DType) -> str | None:
    """Of which format the numbers are that lie in such memory; None: of the dtype itself."""
    facts: Mapping[str, str] = dtype.metadata or {}
    return facts.get("format")


class Pointer(NamedTuple):
    """An argument: `offset` elements of `dtype` behind the beginning of `root`."""

    root: Value
    offset: int
    dtype: DType
    written: bool


class Kernel(NamedTuple):
    """A kernel called `name` in `source`; a call takes the pointers, the
    integers and the numbers, in this order.

    `arguments` and `body` are its text without a name.
    """

    name: str
    source: str
    arguments: str
    body: str
    pointers: tuple[Pointer, ...]
    integers: tuple[int, ...]
    numbers: tuple[tuple[DType, Scalar], ...]
    grid: tuple[int, int]
    block: int
    wide: bool


class Draw(NamedTuple):
    """Where the key and the counter of random bits lie."""

    key: Access
    counter: Access


class Writer:
    """Lines of one kernel, and its arguments as they are asked for.

    Args:
        unaligned: roots that do not begin at a multiple of 16 bytes.
        guard: a root that keeps the kernel from doing anything as long as it holds something else than 0.
        draws: operands that are random bits: they are made where they are read.
    """

    def __init__(
        self,
        unaligned: frozenset[Value] = frozenset(),
        guard: Value | None = None,
        draws: Mapping[Value, Draw] | None = None,
    ) -> None:
        self.lines: list[str] = []
        self.depth = 1
        self.unaligned = unaligned
        self.draws = draws or {}
        self.names: dict[Value, str] = {}
        self._pointers: dict[Pointer, str] = {}
        self._integers: list[int] = []
        self._numbers: list[tuple[DType, Scalar]] = []
        self._reach = 0
        self._defined = 0
        if guard is not None:
            self.line(f"if ({self.pointer(Access(guard, guard.spec.dtype, 0, ()))}[0]) return;")

    # arguments
    def pointer(self, access: Access, written: bool = False) -> str:
        """The name of an argument that points to the beginning of an operand."""
        key = Pointer(access.root, access.offset, access.dtype, written)
        return self._pointers.setdefault(key, f"p{len(self._pointers)}")

    def integer(self, value: int) -> str:
        self._integers.append(value)
        return f"n{len(self._integers) - 1}"

    def number(self, value: Scalar, dtype: DType) -> str:
        if is_printed(value):
            return literal(value, dtype)
        kept = value if dtype.kind == "f" else wrapped(value, dtype)
        self._numbers.append((dtype, kept))
        return f"f{len(self._numbers) - 1}"

    def reaches(self, sizes: Sequence[int], strides: Sequence[int]) -> None:
        """Note how far an operand goes, so that indices are wide enough."""
        inside = sum((n - 1) * abs(s) for n, s in zip(sizes, strides, strict=True))
        self._reach = max(self._reach, inside + 1, math.prod(sizes))

    # text
    def line(self, text: str) -> None:
        self.lines.append("  " * self.depth + text)

    def open(self, text: str) -> None:
        self.line(text + " {")
        self.depth += 1

    def close(self) -> None:
        self.depth -= 1
        self.line("}")

    def read(self, value: Value) -> str:
        return self.names[value]

    def step(self, instruction: Instruction, place: str = "") -> None:
        """Compute an elementwise instruction; `place` is the index that an arange counts."""
        result = instruction.result
        if instruction.primitive == "arange":
            text = counted(instruction, place, self.number)
        else:
            text = expression(instruction, self.read, self.number)
        self.define(result, text)

    def define(self, value: Value, text: str) -> None:
        name = f"v{self._defined}"
        self._defined += 1
        self.line(f"const {TYPES[value.spec.dtype]} {name} = {text};")
        self.names[value] = name

    def load(self, value: Value, access: Access, offset: str) -> None:
        if value in self.draws:
            self.define(value, f"{self.pack(value, access, 1, offset)}.v[0]")
        else:
            self.define(value, f"{self.pointer(access)}[{offset}]")

    def pack(self, value: Value, access: Access, lanes: int, offset: str) -> str:
        """So many neighbours of an operand."""
        draw = self.draws.get(value)
        if draw is None:
            return f"load<{lanes}>({self.pointer(access)} + {offset})"
        words = ", ".join(f"{self.pointer(word._replace(dtype=uint64))}[0]" for word in draw)
        return f"random_words<{lanes}>({words}, (u64)({offset}))"

    def stored(self, value: Value, access: Access) -> str:
        """A value as it is written: itself, or the bits of a format of 16 bits."""
        narrow = format_of(access.dtype)
        return self.read(value) if narrow is None else f"bits_of_{narrow}({self.read(value)})"

    def store(self, value: Value, access: Access, offset: str, where: str = "") -> None:
        """Write a value to memory, `where` ("if ...") it is the thread's to write."""
        self.line(f"{where}{self.pointer(access, written=True)}[{offset}] = {self.stored(value, access)};")

    def kernel(self, name: str, grid: tuple[int, int], block: int = THREADS) -> Kernel:
        """What has been written, as a kernel."""
        wide = self._reach * 2 >= _WIDE_FROM
        given = arguments_of(self._pointers, self._integers, self._numbers)
        body = "\n".join(self.lines)
        source = source_of(whole_text(name, given, body, block), wide)
        handed_over = tuple(self._pointers), tuple(self._integers), tuple(self._numbers)
        return Kernel(name, source, given, body, *handed_over, grid, block, wide)


def arguments_of(
    pointers: Mapping[Pointer, str], integers: Sequence[int], numbers: Sequence[tuple[DType, Scalar]]
) -> str:
    """The arguments of a kernel in the order in which a call hands them over."""
    found = [f"{'' if p.written else 'const '}{TYPES[p.dtype]}* {n}" for p, n in pointers.items()]
    found += [f"I n{k}" for k in range(len(integers))]
    found += [f"{TYPES[dtype]} f{k}" for k, (dtype, _) in enumerate(numbers)]
    return ", ".join(found)


def whole_text(name: str, arguments: str, body: str, block: int = THREADS) -> str:
    """A kernel that the host can launch."""
    return f'extern "C" __global__ void __launch_bounds__({block}) {name}({arguments}) {{\n{body}\n}}\n'


class Axes:
    """Neighbouring axes of a domain made into as few as the operands allow, and places on them.

    Args:
        writer: where names of sizes and strides come from.
        sizes: of the axes.
        runs: the strides of every operand along them.
    """

    def __init__(self, writer: Writer, sizes: Sequence[int], runs: Sequence[Sequence[int]]) -> None:
        self.writer = writer
        cuts = [0]
        for at in range(1, len(sizes)):
            whole = all(merged(sizes[cuts[-1] : at + 1], run[cuts[-1] : at + 1]) is not None for run in runs)
            if not whole:
                cuts.append(at)
        bounds = list(zip(cuts, [*cuts[1:], len(sizes)], strict=True))
        self._bounds, self._sizes = [(a, b) for a, b in bounds if math.prod(sizes[a:b]) != 1], sizes
        self.sizes = [math.prod(sizes[a:b]) for a, b in self._bounds]
        self.total = math.prod(sizes)
        self._names: list[str] = []
        for run in runs:
            writer.reaches(sizes, run)

    def strides(self, run: Sequence[int]) -> list[int]:
        """The strides of an operand along the merged axes."""
        return [merged(self._sizes[a:b], run[a:b]) or 0 for a, b in self._bounds]

    def declare(self) -> None:
        """Name the sizes, once and before any place is found; the first is never needed."""
        self._names = ["" if k == 0 else self.writer.integer(n) for k, n in enumerate(self.sizes)]

    def find(self, index: str, prefix: str) -> list[str]:
        """Coordinates of `index`, as variables whose names begin with `prefix`."""
        count = len(self.sizes)
        if count < 2:
            return [index] * count
        writer, rest = self.writer, index
        coordinates = [""] * count
        for k in range(count - 1, 0, -1):
            writer.line(f"const I {prefix}{k} = {rest} % {self._names[k]};")
            writer.line(f"const I {prefix}r{k} = {rest} / {self._names[k]};")
            coordinates[k], rest = f"{prefix}{k}", f"{prefix}r{k}"
        coordinates[0] = rest
        return coordinates

    def offset(self, coordinates: Sequence[str], run: Sequence[int]) -> str:
        """Where an operand has the element at `coordinates`."""
        terms = []
        for coordinate, stride in zip(coordinates, self.strides(run), strict=True):
            if stride:
                terms.append(coordinate if stride == 1 else f"{coordinate} * {self.writer.integer(stride)}")
        return " + ".join(terms) or "0"


def lanes_for(writer: Writer, accesses: Sequence[tuple[Access, Sequence[int]]], last: int) -> int:
    """How many neighbouring elements a thread moves at once: up to 16 bytes.

    Args:
        writer: which knows what is not aligned.
        accesses: operands with their strides along the merged axes, of which the last one is walked.
        last: the length of the last axis.
    """
    sizes = [a.dtype.itemsize for a, strides in accesses if strides and strides[-1] == 1]
    if not sizes or any(strides and strides[-1] not in (0, 1) for _, strides in accesses):
        return 1
    lanes = min(16 // max(sizes), 4)
    while lanes > 1:
        fits = all(
            a.root not in writer.unaligned
            and a.offset % lanes == 0
            and all(s % lanes == 0 for s in strides[:-1])
            for a, strides in accesses
            if strides and strides[-1] == 1
        )
        if fits and last % lanes == 0:
            return lanes
        lanes //= 2
    return 1
