"""From the groups of a program to the calls of a device: kernels, products by
BLAS, and what the array library does.

The plan is that of the CPU (`backends.plan.lowering`); here are the kernels that serve it, and when a product
is worth a call of BLAS. Nothing here needs a device.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from ..contract import Spec, float32, uint32
from ..plan import lowering as plan
from ..plan.compile import Target, compile_for
from ..plan.lowering import Lowered, has_slots
from ..primitives import PRIMITIVES
from ..program.access import Access, merged, same_places
from ..program.arithmetic import accepts_loop
from ..program.fuse import Group, Plan
from ..program.ir import Instruction, Program, Value, operands_of
from ..program.momentum import momentum_of
from ..program.nest import Nest, only_for, passes_of, summary
from ..program.pieces import is_movable
from ..program.precision import rounded_products
from ..program.views import View
from . import data_movement, scattered
from .calls import ALL, ERRORS, Call, Gemm, GemmOperand, call_of
from .columns import Columns
from .elements import elements
from .kernel import Draw, half_of
from .narrow import FORMATS, narrowed_operands
from .product import TILE, Product
from .rows import Rows

_TILES_UNTIL = 1 << 21
"""Multiplications up to which a product is a kernel of tiles, which saves the launch of what follows it."""
_MULTIPROCESSORS = 132
_LONG_SUM = 128
"""Terms from which on few tiles leave most of a device idle: cuBLAS divides the sums, too."""
_SCAN_UNTIL, _SCANNED_AT_MOST = 1 << 22, 1 << 27
"""Comparisons up to which rows are added by looking for them; and where they are too many to be sorted."""
_SORTED_UNTIL = 1 << 15
"""Rows that a kernel brings into the order of their indices, by comparing each with each."""
_WORD, _INT32 = np.dtype(np.uint16), np.dtype(np.int32)


def lower(
    program: Program, unaligned: frozenset[Value] = frozenset(), formats: frozenset[str] = FORMATS
) -> Lowered[Call]:
    """Calls for a traced program.

    Args:
        program: as traced.
        unaligned: parameters that do not begin at a multiple of 16 bytes.
        formats: of 16 bits, in which the device multiplies. In any other one operands are rounded and
            multiplied as float32, which gives the same numbers.
    """

    def rounded(traced: Program) -> Program:
        return rounded_products(traced, _is_tf32, lambda product: _is_narrow(product, formats))

    target = Target(rounded, accepts, lambda fused: Lowering(fused, unaligned).lowered())
    return compile_for(target, program)


def _is_tf32(product: Instruction) -> bool:
    """Products that cuBLAS rounds."""
    return dict(product.static).get("precision") == "tf32"


def _is_narrow(product: Instruction, formats: frozenset[str]) -> bool:
    """Whether the operands of a product lie in memory in 16 bits; kernels of tiles take float32."""
    specs = [product.result.spec, *(o.spec for o in product.operands if isinstance(o, Value))]
    *batch, rows, columns = product.result.spec.shape
    work = math.prod(batch) * rows * columns * specs[1].shape[-1]
    return (
        dict(product.static)["precision"] in formats
        and len(specs) == 3
        and all(s.dtype == float32 for s in specs)
        and not _by_tiles(rows, columns, specs[1].shape[-1], work)
    )


def _by_tiles(rows: int, columns: int, terms: int, work: int) -> bool:
    """Whether a product is a kernel of tiles: small, and either of many tiles or of short sums."""
    tiles = -(-rows // TILE) * -(-columns // TILE) * max(work // max(rows * columns * terms, 1), 1)
    few = 4 * tiles < _MULTIPROCESSORS and terms >= _LONG_SUM
    return terms == 0 or (work <= _TILES_UNTIL and not few)


@dataclass
class LoweredForDevice(Lowered[Call]):
    """The calls of a device; `narrowed` maps values to memory that holds them in 16 bits."""

    narrowed: dict[Value, Value]

    def owners(self) -> dict[Value, Value]:
        """See `Lowered`."""
        return super().owners() | {root: value for value, root in self.narrowed.items()}


class Lowering(plan.Lowering[Call]):
    """Makes the calls of a program."""

    def __init__(self, fused: Plan, unaligned: frozenset[Value] = frozenset()) -> None:
        heads = [g.head for g in fused.groups if g.head is not None and g.head.primitive == "random_bits"]
        self._drawn = {head.result: head for head in heads}
        self._written = {state for state, _ in fused.program.assigns}
        self._draws: dict[Value, Draw] = {}
        self.narrowed: dict[Value, Value] = {}
        super().__init__(fused)
        self.unaligned = unaligned
        self._known: dict[tuple[Value | float, float], tuple[Value, Value]] = {}
        formats = narrowed_operands(fused, [{a.root for a in reads.values()} for reads in self.reads])
        for value, narrow in formats.items():
            self.narrowed[value] = self.fresh(Spec(value.spec.shape, half_of(narrow)))

    def lowered(self) -> Lowered[Call]:
        """All calls."""
        self.make_calls()
        return LoweredForDevice(self.program, self.calls, self.place, self.views, self.narrowed)

    def root(self, value: Value) -> Value:
        """See `BufferAssignment`; or the memory that holds a value in 16 bits."""
        return self.narrowed.get(value) or super().root(value)

    def placed(self, accesses: dict[Value, Access]) -> dict[Value, Access]:
        """See `plan.Lowering`."""
        found = super().placed(accesses)
        return {
            v: a._replace(dtype=a.root.spec.dtype) if accesses[v].root in self.narrowed else a
            for v, a in found.items()
        }

    def reads_of(self, group: Group) -> dict[Value, Access]:
        """See `BufferAssignment`. Random bits are made by the loops that read them as they lie: those
        read the counter instead, before anything overwrites it.
        """
        reads = super().reads_of(group)
        for value, access in reads.items():
            head = self._drawn.get(access.root)
            if head is None or access.offset or merged(group.domain, access.strides) not in (0, 1):
                continue
            key, counter = (self.access_of(o) for o in operands_of(head))
            if value.spec.size == math.prod(group.domain) and key.root not in self._written:
                self._draws[value] = Draw(key, counter)
                reads[value] = Access(counter.root, uint32, 0, access.strides)
        return reads

    def _draws_of(self, reads: dict[Value, Access]) -> dict[Value, Draw]:
        """Those of the operands that are random bits, with their memory."""
        return {
            v: Draw(*self.placed(dict(enumerate(self._draws[v]))).values())  # type: ignore[arg-type]
            for v in reads
            if v in self._draws
        }

    def is_foreign(self, instruction: Instruction) -> bool:
        return is_foreign(instruction)

    @cached_property
    def guarded(self) -> bool:
        """Whether a step may find an index out of range: then state is
        written last, and only if there was none.
        """
        heads = [g.head for g in self.plan.groups if g.kind == "opaque" and g.head is not None]
        return any(has_slots(head) and not is_foreign(head) for head in heads)

    def _places(self) -> dict[Value, Value]:
        return {} if self.guarded else super()._places()

    def reads_late(self, group: Group) -> bool:
        return group.kind == "rows" and group.reduced is not None and len(passes_of(group)) > 2

    # loops
    def loops(self, group: Group, reads: dict[Value, Access], writes: dict[Value, Access], name: str) -> None:
        nest, draws = Nest(group, reads, writes, {}), self._draws_of(reads)
        label = name or " ".join(summary(group)) or "copy"
        flops = math.prod(group.domain) * len(group.steps)
        if group.kind == "columns":
            self._reduction(Columns(nest, draws), label, flops)
        elif group.reduced is not None:
            self._reduction(Rows(nest, self.unaligned, draws), label, flops)
        else:
            states = self.program.named("state").values()
            guard = ERRORS if self.guarded and any(a.root in states for a in writes.values()) else None
            self.calls.append(call_of(elements(nest, self.unaligned, guard, draws), label, flops))
        if group.reduced is None:
            self.calls[-1].pairs = same_places({v: a for v, a in reads.items() if v not in draws}, writes)

    def copy(self, source: Value, target: Value, where: View, label: str, accumulate: bool = False) -> None:
        """As for every target; numbers of 16 bits, with which no kernel computes, are moved as words."""
        if target.spec.dtype.itemsize == 2 and target.spec.dtype.kind == "f":
            view = self.views[source]
            source = self.fresh(Spec(source.spec.shape, _WORD))
            self.views[source] = view
            target = target._replace(spec=Spec(target.spec.shape, _WORD))
        super().copy(source, target, where, label, accumulate)

    def _reduction(self, work: Rows | Columns, label: str, flops: int) -> None:
        if work.parts == 1:
            self.calls.append(call_of(work.kernel(), label, flops))
            return
        scratches = [self.fresh(spec) for spec in work.scratches()]
        self.calls.append(call_of(work.partial(scratches), label, flops))
        self.calls.append(call_of(work.finish(scratches), f"{label} (join)"))

    # products
    def product(self, group: Group, reads: dict[Value, Access]) -> None:
        head = group.head
        assert head is not None
        a, b = head.operands
        assert isinstance(a, Value)
        assert isinstance(b, Value)
        terms = a.spec.shape[-1]
        work = math.prod(group.domain) * terms
        precision = dict(head.static).get("precision")
        if precision not in (None, "tf32") and any(self.views[v].root not in self.narrowed for v in (a, b)):
            # rounded numbers that somebody else reads, too: they lie there in float32
            precision = None
        if precision is None and _by_tiles(group.domain[-2], group.domain[-1], terms, work):
            writes = self.placed({v: self.write(group, v) for v in self.made(group)})
            nest = Nest(group, self.placed(reads), writes, {})
            first, second = (self.matrix(v, group.domain[:-2]) for v in (a, b))
            label = " ".join(["matmul", *summary(group)])
            draws = self._draws_of(reads)
            call = call_of(Product(nest, first, second, terms, draws).kernel(), label, 2 * work)
            own = {v: x for v, x in nest.reads.items() if v not in draws}
            call.pairs = [
                (w, r) for w, r in same_places(own, nest.writes) if r not in (first.root, second.root)
            ]
            call.scope = self.scope_of(group)
            self.calls.append(call)
        else:
            self._blas(group, reads, a, b, precision)

    def _side(self, value: Value, batch: Sequence[int]) -> GemmOperand:
        """An operand as BLAS takes it, copied where it lies otherwise."""
        access = self.matrix(value, batch)
        rows, columns = value.spec.shape[-2:]
        down, along = access.strides[-2:]
        stride = merged(batch, access.strides[:-2])
        straight = (along == 1 or columns == 1) and (down >= columns or rows == 1)
        transposed = not straight and (down == 1 or rows == 1) and (along >= rows or columns == 1)
        if stride is None or not (straight or transposed):
            if access.root.spec.dtype.itemsize == 2 and value.spec.dtype == float32:
                # of numbers that lie in 16 bits the words are copied
                view, value = self.views[value], self.fresh(Spec(value.spec.shape, _WORD))
                self.views[value] = view._replace(root=access.root)
            copied = self.fresh(value.spec)
            self.copy(value, copied, self.views[copied], "copy")
            if merged(batch, self.matrix(copied, batch).strides[:-2]) is None:
                copied = self._spread(copied, batch)
            return self._side(copied, batch)
        step = max(down, columns) if straight else max(along, rows)
        return GemmOperand(access.root, access.offset, transposed, step, stride)

    def _spread(self, value: Value, batch: Sequence[int]) -> Value:
        """A matrix for each place of the batch, where repeated ones do not lie at one distance."""
        shape = (*batch, *value.spec.shape[-2:])
        target = self.fresh(Spec(shape, value.spec.dtype))
        lead = len(shape) - value.spec.ndim
        view = self.views[value]
        own = [0 if n == 1 else s for n, s in zip(value.spec.shape, view.strides, strict=True)]
        repeated = self.fresh(Spec(shape, value.spec.dtype))
        self.views[repeated] = View(view.root, view.offset, (*(0,) * lead, *own), None)
        self.copy(repeated, target, self.views[target], "copy")
        return target

    def _blas(
        self, group: Group, reads: dict[Value, Access], a: Value, b: Value, precision: str | None
    ) -> None:
        head = group.head
        assert head is not None
        *batch, rows, columns = group.domain
        terms, count = a.spec.shape[-1], math.prod(batch)
        sides = [self._side(v, batch) for v in (a, b)]
        momentum = None if batch else momentum_of(group, self.place)
        target, factors = self.root(head.result), None
        if momentum is not None:
            target, factors = momentum[0], self._factors(momentum[1], momentum[2], group)
        elif group.steps:
            self.needed.add(head.result)
        gemm = Gemm(sides[0], sides[1], target, rows, columns, terms, count, precision, factors)
        given = dict.fromkeys((*(s.root for s in sides), *(factors or ())), ALL)
        label = "matmul (cuBLAS)" + (" with momentum" if momentum else "")
        flops = 2 * rows * columns * terms * count
        call = Call(label, tuple({**given, target: ALL}), given, {target: ALL}, flops, gemm=gemm)
        if factors is not None:
            call.reads[target] = ALL
            call.scope = self.scope_of(group)
        self.calls.append(call)
        self.epilogue(group, group.steps if momentum is None else momentum[3], reads)

    def _factors(self, rate: Value | float, kept: float, group: Group) -> tuple[Value, Value]:
        """Memory with -rate and with the part of the old velocity that is
        kept, for a product that adds to it.
        """
        key = (rate, kept)
        if key in self._known:
            return self._known[key]
        head = group.head
        assert head is not None
        spec = Spec((), head.result.spec.dtype)
        alpha, beta = self.fresh(spec), self.fresh(spec)
        self._constant(beta, kept)
        self._known[key] = alpha, beta
        if not isinstance(rate, Value):
            self._constant(alpha, -rate)
            return alpha, beta
        alone = Group("rows", ())
        alone.steps = [*only_for([rate], group.steps), Instruction(alpha, "negative", (rate,), ())]
        alone.axes = {s.result: () for s in alone.steps}
        reads = self.reads_of(alone)
        self.nest(alone, reads, {alpha: self.write(alone, alpha)}, "rate")
        return alpha, beta

    def _constant(self, target: Value, number: float) -> None:
        self.filled(target, number)
        self.calls[-1].once = True

    # the rest
    def foreign(self, head: Instruction, roots: list[Value]) -> None:
        target, given = self.root(head.result), dict.fromkeys(roots, ALL)
        self.calls.append(
            Call(
                f"{head.primitive} (CuPy)", tuple({**given, target: ALL}), given, {target: ALL}, foreign=head
            )
        )

    def random_bits(self, values: list[Value], target: Value) -> None:
        if target not in self.needed:
            # whoever reads them makes them
            return
        key, counter = map(self.placed_access, values)
        self.calls.append(call_of(data_movement.random_bits(key, counter, target), "random_bits"))

    def windows_add(self, values: Value, target: Value, static: dict[str, Any]) -> None:
        counts = [values.spec.shape[a] for a in static["axes"]]
        kernel = data_movement.windows_add(self.placed_access(values), counts, target, static)
        self.calls.append(call_of(kernel, "windows_add"))

    def take(self, table: Value, indices: Value, target: Value) -> None:
        kernel = data_movement.take(table, indices, target, ERRORS)
        self.calls.append(call_of(kernel, "take", checks=True))

    def scatter(self, rows: Value, indices: Value, target: Value) -> None:
        count = indices.spec.size
        if target.spec.size * count <= _SCAN_UNTIL or count > _SORTED_UNTIL:
            kernel = data_movement.scatter(rows, indices, target, ERRORS)
            self.calls.append(call_of(kernel, "scatter_add", checks=True))
            return
        places = self.fresh(Spec((3, count), _INT32))
        parts = self.fresh(Spec((count, target.spec.size // target.spec.shape[0]), target.spec.dtype))
        ranked = scattered.ranks(indices, target.spec.shape[0], places, ERRORS)
        self.calls.append(call_of(ranked, "scatter_add (order)", checks=True))
        self.filled(target, 0)
        self.calls.append(call_of(scattered.partial_sums(rows, places, parts), "scatter_add (parts)"))
        self.calls.append(call_of(scattered.sums(parts, places, target), "scatter_add (sums)"))


def accepts(instruction: Instruction) -> bool:
    """Whether a loop can hold this elementwise instruction or reduction."""
    if not accepts_loop(instruction):
        return False
    gathers = PRIMITIVES[instruction.primitive].gathers
    if gathers is not None and gathers.place:
        (source,) = instruction.operands
        # places are found among signed numbers
        return isinstance(source, Value) and source.spec.dtype != np.dtype(np.uint64)
    return True


def is_foreign(instruction: Instruction) -> bool:
    """Whether there is no kernel for this opaque instruction."""
    known = is_movable(instruction)
    if known is not None:
        return not known
    result, primitive, operands, _ = instruction
    indices = operands[-1]
    assert isinstance(indices, Value)
    count = indices.spec.size
    return primitive != "index_add" or (count > _SORTED_UNTIL and result.spec.size * count > _SCANNED_AT_MOST)
