"""Matrix products: by a kernel of tiles with what follows in it, or by BLAS and a loop behind it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..contract import Spec, float32
from ..program.access import Access, same_places
from ..program.fuse import Group
from ..program.ir import Value
from ..program.momentum import momentum_of
from ..program.nest import Nest, only_for, summary
from . import gemm, streamed, transpose
from .calls import Partition, call_of, rows_of
from .packed import Packed, suits
from .product import Product, Roomy
from .streamed import Streamed

if TYPE_CHECKING:
    from .lower import Lowering

_TILE_BYTES = 600_000
"""A product whose second operand or result is larger goes to BLAS."""
_PANEL_BYTES = 8_000_000
"""A second operand up to this size may be copied panel by panel."""
_MOST_BYTES = 4_500_000
"""Each panel needs all of the first operand: where that is larger, BLAS is faster."""


def product(lowering: Lowering, group: Group, reads: dict[Value, Access]) -> None:
    head = group.head
    assert head is not None
    a, b = head.operands
    assert isinstance(a, Value)
    assert isinstance(b, Value)
    rows, columns = group.domain[-2:]
    terms = a.spec.shape[-1]
    blas = (
        lowering.has_blas
        and len(group.domain) == 2
        and not (rows * terms * a.spec.dtype.itemsize <= _MOST_BYTES and _by_panels(lowering, group, a, b))
        and max(terms, rows) * columns * head.result.spec.dtype.itemsize > _TILE_BYTES
        and min(rows, columns, terms) > 1
    )
    if blas:
        _blas(lowering, group, reads, a, b)
    else:
        _tiles(lowering, group, reads, a, b)


def _by_panels(lowering: Lowering, group: Group, a: Value, b: Value) -> bool:
    """Whether the second operand is copied panel by panel."""
    rows, columns = group.domain[-2:]
    first, second = (lowering.matrix(v, ()) for v in (a, b))
    if second.strides[-1] != 1:
        # it will be turned over first
        second = second._replace(strides=(columns, 1))
    terms = a.spec.shape[-1]
    small = terms * columns * b.spec.dtype.itemsize <= _PANEL_BYTES
    return len(group.domain) == 2 and small and suits(rows, columns, first, second, terms, lowering.width)


def _tiles(lowering: Lowering, group: Group, reads: dict[Value, Access], a: Value, b: Value) -> None:
    batch = group.domain[:-2]
    second = lowering.matrix(b, batch)
    if second.strides[-1] != 1 and b.spec.shape[-1] != 1:
        b = straight(lowering, b)
        second = lowering.matrix(b, batch)
    first = lowering.matrix(a, batch)
    nest, roots = nest_of(lowering, group, reads, (first, second))
    reads, writes = nest.reads, nest.writes
    terms, rows = a.spec.shape[-1], group.domain[-2]
    columns = group.domain[-1]
    kind: type[Roomy] | None = None
    if not batch and streamed.suits(rows, columns, second, terms, lowering.width):
        kind = Streamed
    elif not batch and _by_panels(lowering, group, a, b):
        kind = Packed
    kernel: Product
    if kind:
        scratch = lowering.fresh(Spec((1,), second.dtype))
        lowering.scratches[scratch] = kind.scratch_size(terms, columns, second.dtype, lowering.width)
        kernel = kind(nest, first, second, terms, scratch, roots, lowering.width)
        roots = [*roots, scratch]
    else:
        kernel = Product(nest, first, second, terms, roots, lowering.width)
    kept = len(group.domain) - 1

    def partition(access: Access) -> Partition:
        if access is second or batch or kind:
            return None
        if access is first:
            return rows_of(access, (rows, a.spec.shape[-1]), 1, rows)
        return rows_of(access, group.domain, kept, rows)

    call = lowering.call(
        kernel,
        "matmul " + " ".join(summary(group)),
        roots,
        (first, second, *reads.values()),
        writes.values(),
        partition,
        group,
    )
    call.flops += 2 * math.prod(group.domain) * terms
    call.pairs = [(w, r) for w, r in same_places(reads, writes) if r not in (first.root, second.root)]
    call.label, call.scope = call.label.strip(), lowering.scope_of(group)


def nest_of(
    lowering: Lowering, group: Group, reads: dict[Value, Access], operands: Sequence[Access]
) -> tuple[Nest, list[Value]]:
    """What follows a product as a nest, and the roots of both."""
    reads = lowering.placed(reads)
    writes = lowering.placed({v: lowering.write(group, v) for v in lowering.made(group)})
    roots = dict.fromkeys(x.root for x in (*operands, *reads.values(), *writes.values()))
    return Nest(group, reads, writes, {}), list(roots)


def straight(lowering: Lowering, value: Value) -> Value:
    """A copy of a matrix in C order; a plain transpose is turned over in registers."""
    view = lowering.views[value]
    copy = lowering.fresh(value.spec)
    if value.spec.ndim == 2 and view.strides[0] == 1 and value.spec.dtype.itemsize >= 4:
        source = lowering.root(view.root)
        kernel = transpose.Transpose(source, copy, view.strides[1], view.offset, lowering.width)
        reads = [Access(source, value.spec.dtype, 0, ())]
        lowering.call(
            kernel,
            "transpose",
            (source, copy),
            reads,
            [Access(copy, value.spec.dtype, 0, ())],
            lambda access: None,
        )
    else:
        where = lowering.views[copy]
        lowering.copy(value, copy, where, "copy")
    return copy


def _blas(lowering: Lowering, group: Group, reads: dict[Value, Access], a: Value, b: Value) -> None:
    head = group.head
    assert head is not None
    rows, columns = group.domain
    terms = a.spec.shape[-1]
    sides: list[tuple[Value, bool, int]] = []
    for value in (a, b):
        if 1 not in lowering.views[value].strides or lowering.views[value].offset:
            value = straight(lowering, value)
        steps = lowering.views[value].strides
        turned = steps[1] != 1
        sides.append(
            (lowering.root(lowering.views[value].root), turned, steps[0] if not turned else steps[1])
        )
    (root_a, turned_a, step_a), (root_b, turned_b, step_b) = sides
    momentum = momentum_of(group, lowering.place)
    target, alpha, beta = (lowering.root(head.result), 1.0, 0.0) if momentum is None else momentum[:3]
    if isinstance(alpha, Value):
        alpha = _scalar(lowering, alpha, group)
    if momentum is None and group.steps and head.result not in lowering.needed:
        lowering.needed.add(head.result)
    dtype = head.result.spec.dtype
    name = "sgemm" if dtype == float32 else "dgemm"
    function = next((v for v, n in lowering.functions.items() if n == name), None) or lowering.fresh(
        Spec((), dtype)
    )
    lowering.functions[function] = name
    kernel = gemm.GemmCall(
        function,
        root_a,
        root_b,
        target,
        (rows, columns, terms),
        (turned_a, turned_b),
        (step_a, step_b),
        lowering.width,
        alpha=alpha,
        sign=1.0 if momentum is None else -1.0,
        beta=beta,
    )
    by_rows = gemm.GemmCall.by_rows(rows, columns)
    own: Partition = ("rows", rows) if by_rows else None
    given: dict[Value, Partition] = {root_a: None if turned_a else own, root_b: None}
    if isinstance(alpha, Value):
        given[alpha] = None
    label = f"matmul ({name})" + (" with momentum" if momentum else "")
    call = call_of(kernel, label, given, {target: own}, flops=2 * rows * columns * terms)
    if beta:
        call.reads[target] = own
        call.scope = lowering.scope_of(group)
    lowering.calls.append(call)
    lowering.epilogue(group, group.steps if momentum is None else momentum[3], reads)


def _scalar(lowering: Lowering, value: Value, group: Group) -> Value:
    """Memory with one number that a group computes from parameters on its way."""
    if value not in group.axes:
        return lowering.root(lowering.views[value].root)
    if value not in lowering.scalars:
        alone = Group("rows", ())
        alone.steps = only_for([value], group.steps)
        alone.axes = {s.result: () for s in alone.steps}
        reads = lowering.reads_of(alone)
        lowering.nest(alone, reads, {value: lowering.write(alone, value)}, "rate")
        lowering.scalars.add(value)
    return value
