"""Reductions along the last axes of a domain: some lanes of a block go along
a row, as often as its passes ask.

Elements that a later pass needs are computed again from what they were made of, which the caches hold. Sums
of floats run in float64. A long row beside few others is cut in parts: `partial` leaves what each part
gathered, and a second kernel, `finish`, goes on from there.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from ..contract import Spec
from ..program.access import Access
from ..program.ir import Instruction, Value, operands_of
from ..program.nest import Nest, Pass, only_for, passes_of
from .gather import Accumulator, Reducing
from .kernel import THREADS, Draw, Kernel, Writer, lanes_for
from .scalar import TYPES

_BLOCKS = 4096
_PART = 8192
"""Elements of a part of a row that is cut."""
_ROWS_CUT = 128
"""Rows are cut where there are fewer than these, as many as the multiprocessors of a large device."""


class Rows:
    """The kernels of a `rows` group with a reduction.

    Args:
        nest: the group with its memory.
        unaligned: roots that do not begin at a multiple of 16 bytes.
        draws: operands that are random bits.
    """

    def __init__(
        self,
        nest: Nest,
        unaligned: frozenset[Value] = frozenset(),
        draws: Mapping[Value, Draw] | None = None,
    ) -> None:
        self.nest, self.group = nest, nest.group
        self.unaligned, self.draws = unaligned, draws
        assert self.group.reduced is not None
        self.kept = min(self.group.reduced, default=len(self.group.domain))
        self.rows = math.prod(self.group.domain[: self.kept])
        self.columns = math.prod(self.group.domain[self.kept :])
        self.passes = passes_of(self.group)

    @property
    def parts(self) -> int:
        """In how many parts a row is cut; 1: not at all."""
        single = len(self.passes) == 2 and not self.passes[1].elements and not self._writes_elements()
        if not single or self.rows > _ROWS_CUT or self.columns < 2 * _PART:
            return 1
        return min(-(-self.columns // _PART), 1024)

    def _writes_elements(self) -> bool:
        return any(self.group.is_element(v) for v in self.nest.writes)

    def kernel(self) -> Kernel:
        """All of the work in one kernel."""
        return _Writing(self, _lanes_in_row(self.rows, self.columns)).whole()

    def scratches(self) -> list[Spec]:
        """What `partial` writes for each reduction."""
        return [
            Spec((self.rows, self.parts * g.words), g.dtype)
            for g in map(Accumulator, self.passes[0].reductions)
        ]

    def partial(self, scratches: list[Value]) -> Kernel:
        return _Writing(self, THREADS).partial(scratches)

    def finish(self, scratches: list[Value]) -> Kernel:
        return _Writing(self, 32).finish(scratches)


def _lanes_in_row(rows: int, columns: int) -> int:
    """Threads that share a row: a warp or less where rows are short, else the whole block, also where rows
    are so few that warps alone would leave most of a device idle.
    """
    if columns > 2048 or (columns >= THREADS and rows <= 2 * _ROWS_CUT):
        return THREADS
    lanes = 1
    while lanes < 32 and lanes * 4 < columns:
        lanes *= 2
    return lanes


class _Writing(Reducing):
    def __init__(self, rows: Rows, lanes: int) -> None:
        writer = Writer(rows.unaligned, draws=rows.draws)
        super().__init__(rows.nest, rows.kept, writer, rows.rows, rows.columns)
        self.rows = rows
        self.lanes = lanes
        """Threads side by side in a row."""
        self.sum = f"total<{lanes}, "
        self.element_reads = {v: a for v, a in self.nest.reads.items() if any(a.strides[self.cut :])}
        self.pack = self._pack()

    def _pack(self) -> int:
        elements = [
            *self.element_reads.values(),
            *(a for v, a in self.nest.writes.items() if self.group.is_element(v)),
        ]
        cut = self.cut
        given = [
            (a, (*self.down.strides(a.strides[:cut]), *self.along.strides(a.strides[cut:]))) for a in elements
        ]
        if len(self.along.sizes) != 1:
            return 1
        return lanes_for(self.writer, given, self.along.sizes[-1])

    # the three kernels
    def whole(self) -> Kernel:
        self._each_row()
        for number, part in enumerate(self.rows.passes):
            self._numbers(part)
            if part.reductions or part.elements:
                accumulators = [Accumulator(r) for r in part.reductions]
                self._pass(number, part, accumulators, "0", self.length)
                for accumulator in accumulators:
                    accumulator.close(self.writer, self.sum)
        return self._write_numbers("rows")

    def partial(self, scratches: list[Value]) -> Kernel:
        writer, part = self.writer, self.rows.passes[0]
        each = writer.integer(-(-self.rows.columns // self.rows.parts // self.pack) * self.pack)
        self._each_row()
        self._numbers(part)
        self.part(each)
        accumulators = [Accumulator(r) for r in part.reductions]
        self._pass(0, part, accumulators, "begin", "end")
        for accumulator, scratch in zip(accumulators, scratches, strict=True):
            accumulator.leave(writer, scratch, self.sum, "x", "row * (I)gridDim.y + (I)blockIdx.y")
        writer.close()
        return writer.kernel("rows_partial", (self.rows.rows, self.rows.parts))

    def finish(self, scratches: list[Value]) -> Kernel:
        writer, part = self.writer, self.rows.passes[0]
        parts = writer.integer(self.rows.parts)
        self._each_row()
        self._numbers(part)
        for reduction, scratch in zip(part.reductions, scratches, strict=True):
            loop = f"for (I c = x; c < {parts}; c += {self.lanes})"
            Accumulator(reduction).resume(writer, scratch, self.sum, loop, f"row * {parts} + c")
        for later in self.rows.passes[1:]:
            self._numbers(later)
        return self._write_numbers("rows_finish")

    # their parts
    def _blocks(self) -> int:
        return min(-(-self.rows.rows * self.lanes // THREADS), _BLOCKS)

    def _each_row(self) -> None:
        """Open the loop over rows. All threads of a block stay in it together; the last
        ones may have no row of their own.
        """
        writer, together = self.writer, THREADS // self.lanes
        writer.line(f"const I x = (I)threadIdx.x % {self.lanes};")
        writer.open(
            f"for (I first = (I)blockIdx.x * {together}; first < {self.total}; first += (I)gridDim.x * "
            f"{together})"
        )
        writer.line(f"const I own = first + (I)threadIdx.x / {self.lanes};")
        writer.line(f"const bool live = own < {self.total};")
        writer.line(f"const I row = live ? own : {self.total} - 1;")
        self.places = self.down.find("row", "r")
        for value, access in self.nest.reads.items():
            if value not in self.element_reads:
                writer.load(value, access, self._row(access.strides))

    def _row(self, run: Sequence[int]) -> str:
        """Where a row begins."""
        return self.down.offset(self.places, run[: self.cut])

    def _numbers(self, part: Pass) -> None:
        for step in part.numbers:
            run = self.counts.get(step.result)
            self.writer.step(step, "" if run is None else f"({self._row(run)})")

    def _pass(self, number: int, part: Pass, accumulators: list[Accumulator], begin: str, end: str) -> None:
        """Along the columns once."""
        writer, cut, group = self.writer, self.cut, self.group
        outer = dict(writer.names)
        writes = {v: a for v, a in self.nest.writes.items() if any(s.result == v for s in part.elements)}
        wanted = [*writes, *(g.operand for g in accumulators)]
        steps = only_for(wanted, group.steps, outer)
        read = {o for s in steps for o in operands_of(s)} | set(wanted)
        for accumulator in accumulators:
            accumulator.open(writer)
        starts = {
            a: self._start(a, number, k)
            for k, a in enumerate(dict.fromkeys(self.nest.reads[v] for v in self.element_reads if v in read))
        }
        ends = {a: self._start(a, number, f"w{k}") for k, a in enumerate(writes.values())}
        writer.open(f"for (I c = {begin} + x * {self.pack}; c < {end}; c += {self.lanes * self.pack})")
        places = self.along.find("c", "q")
        packs: dict[Value, str] = {}
        for value, access in self.element_reads.items():
            if value in read:
                lanes = self._lanes_of(access)
                offset = self.along.offset(places, access.strides[cut:])
                packs[value] = f"a{len(packs)}"
                loaded = writer.pack(value, access, lanes, f"{starts[access]} + {offset}")
                writer.line(f"const Pack<{TYPES[access.dtype]}, {lanes}> {packs[value]} = {loaded};")
        for k, access in enumerate(writes.values()):
            writer.line(f"Pack<{TYPES[access.dtype]}, {self._lanes_of(access)}> w{k};")
        counts = {s.result: self._place(s, places) for s in steps if s.primitive == "arange"}
        writer.line("#pragma unroll")
        writer.open(f"for (int l = 0; l < {self.pack}; ++l)")
        for value, pack in packs.items():
            writer.define(value, f"{pack}.v[{'l' if self._lanes_of(self.nest.reads[value]) > 1 else '0'}]")
        for step in steps:
            writer.step(step, counts.get(step.result, ""))
        for accumulator in accumulators:
            accumulator.add(writer, "c + l" if self.pack > 1 else "c")
        for k, (value, access) in enumerate(writes.items()):
            lane = "l" if self._lanes_of(access) > 1 else "0"
            writer.line(f"w{k}.v[{lane}] = {writer.stored(value, access)};")
        writer.close()
        for k, access in enumerate(writes.values()):
            offset = self.along.offset(places, access.strides[cut:])
            writer.line(
                f"if (live) store<{self._lanes_of(access)}>({writer.pointer(access, written=True)} + "
                f"{ends[access]} + {offset}, w{k});"
            )
        writer.close()
        writer.names = outer | {v: n for v, n in writer.names.items() if v in outer}

    def _start(self, access: Access, number: int, k: int | str) -> str:
        name = f"s{number}_{k}"
        self.writer.line(f"const I {name} = {self._row(access.strides)};")
        return name

    def _place(self, step: Instruction, places: list[str]) -> str:
        run = self.counts[step.result]
        strides = self.along.strides(run[self.cut :])
        moving = " + l" if strides and strides[-1] == 1 and self.pack > 1 else ""
        return f"({self._row(run)} + {self.along.offset(places, run[self.cut :])}{moving})"

    def _lanes_of(self, access: Access) -> int:
        strides = self.along.strides(access.strides[self.cut :])
        return self.pack if strides and strides[-1] == 1 else 1

    def _write_numbers(self, name: str) -> Kernel:
        """The end of a kernel: what there is once a row is written."""
        writer = self.writer
        for value, access in self.nest.writes.items():
            if not self.group.is_element(value):
                writer.store(value, access, self._row(access.strides), "if (live && x == 0) ")
        writer.close()
        return writer.kernel(name, (self._blocks(), 1))
