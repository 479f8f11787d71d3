"""From the groups of a program to the calls of a device: kernels, products by
BLAS, and what the array library does.

The plan is that of the CPU (`backends.plan.lowering`); here are the kernels that serve it, and when a product
is worth a call of BLAS. Nothing here needs a device.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np

from ..contract import Spec
from ..plan import lowering as plan
from ..plan.compile import Target, compile_for
from ..plan.lowering import Lowered, has_slots
from ..primitives import PRIMITIVES
from ..program.access import Access, merged, same_places
from ..program.arithmetic import accepts_loop
from ..program.fuse import Group, Plan
from ..program.ir import Instruction, Program, Value
from ..program.momentum import momentum_of
from ..program.nest import Nest, only_for, passes_of, summary
from ..program.pieces import is_movable
from ..program.views import View
from . import data_movement
from .calls import ALL, ERRORS, Call, Gemm, GemmOperand, call_of
from .columns import Columns
from .elements import elements
from .product import Product
from .rows import Rows

_TILES_UNTIL = 1 << 21
"""Multiplications up to which a product is a kernel of tiles, which saves the launch of what follows it."""
_SCAN_UNTIL = 1 << 27
"""Comparisons up to which rows are added by looking for them."""
_WORD = np.dtype(np.uint16)


def lower(program: Program, unaligned: frozenset[Value] = frozenset()) -> Lowered[Call]:
    """Calls for a traced program. `unaligned` are parameters that do not begin at a multiple of 16 bytes."""
    # no product is rounded beforehand: libraries have those of every precision
    target = Target(lambda traced: traced, accepts, lambda fused: Lowering(fused, unaligned).lowered())
    return compile_for(target, program)


class Lowering(plan.Lowering[Call]):
    """Makes the calls of a program."""

    def __init__(self, fused: Plan, unaligned: frozenset[Value] = frozenset()) -> None:
        super().__init__(fused)
        self.unaligned = unaligned
        self._known: dict[tuple[Value | float, float], tuple[Value, Value]] = {}

    def lowered(self) -> Lowered[Call]:
        """All calls."""
        self.make_calls()
        return Lowered(self.program, self.calls, self.place, self.views)

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
        nest = Nest(group, reads, writes, {})
        label = name or " ".join(summary(group)) or "copy"
        flops = math.prod(group.domain) * len(group.steps)
        if group.kind == "columns":
            self._reduction(Columns(nest), label, flops)
        elif group.reduced is not None:
            self._reduction(Rows(nest, self.unaligned), label, flops)
        else:
            states = self.program.named("state").values()
            guard = ERRORS if self.guarded and any(a.root in states for a in writes.values()) else None
            self.calls.append(call_of(elements(nest, self.unaligned, guard), label, flops))
        if group.reduced is None:
            self.calls[-1].pairs = same_places(reads, writes)

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
        if precision is None and (work <= _TILES_UNTIL or terms == 0):
            writes = self.placed({v: self.write(group, v) for v in self.made(group)})
            nest = Nest(group, self.placed(reads), writes, {})
            first, second = (self.matrix(v, group.domain[:-2]) for v in (a, b))
            label = " ".join(["matmul", *summary(group)])
            call = call_of(Product(nest, first, second, terms).kernel(), label, 2 * work)
            call.pairs = [
                (w, r) for w, r in same_places(nest.reads, nest.writes) if r not in (first.root, second.root)
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
        self.filled(beta, kept)
        self._known[key] = alpha, beta
        if not isinstance(rate, Value):
            self.filled(alpha, -rate)
            return alpha, beta
        alone = Group("rows", ())
        alone.steps = [*only_for([rate], group.steps), Instruction(alpha, "negative", (rate,), ())]
        alone.axes = {s.result: () for s in alone.steps}
        reads = self.reads_of(alone)
        self.nest(alone, reads, {alpha: self.write(alone, alpha)}, "rate")
        return alpha, beta

    # the rest
    def foreign(self, head: Instruction, roots: list[Value]) -> None:
        target, given = self.root(head.result), dict.fromkeys(roots, ALL)
        self.calls.append(
            Call(
                f"{head.primitive} (CuPy)", tuple({**given, target: ALL}), given, {target: ALL}, foreign=head
            )
        )

    def random_bits(self, values: list[Value], target: Value) -> None:
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
        kernel = data_movement.scatter(rows, indices, target, ERRORS)
        self.calls.append(call_of(kernel, "scatter_add", checks=True))


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
    return primitive != "index_add" or result.spec.size * indices.spec.size > _SCAN_UNTIL
