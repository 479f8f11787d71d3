"""Products in bfloat16 on a processor that has a unit for them: which those are, and their calls.

Operands are packed into tiles, rounded on the way, once for all products that sum them over the same axis.
One row times a large matrix takes as long as reading that, so there operands are rounded as they are read.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

from ..contract import Spec, float32
from ..program.access import Access
from ..program.fuse import Group
from ..program.ir import Instruction, Value
from ..program.nest import summary
from . import streamed, units
from .multiplying import nest_of, straight
from .product import Product
from .streamed import RoundedStreamed
from .tile_packing import TilePacking, packed_spec
from .tile_product import KERNELS

if TYPE_CHECKING:
    from .lower import Lowering

_LEAST_TERMS = 32 * 32 * 32
"""A product with fewer multiplications is done by the kernels of float32 on rounded operands."""


def keeps_precision(width: int) -> Callable[[Instruction], bool]:
    """Which products stay products of bfloat16; of all others the operands are rounded before."""
    return lambda instruction: _is_packed(instruction, width)


def _is_packed(instruction: Instruction, width: int) -> bool:
    a, b = instruction.operands
    if dict(instruction.static).get("precision") != "bfloat16" or width != 16:
        return False
    if not isinstance(a, Value) or not isinstance(b, Value) or a.spec.ndim != 2 or b.spec.ndim != 2:
        return False
    both_float32 = a.spec.dtype == b.spec.dtype == float32
    work = a.spec.size * b.spec.shape[1]
    return both_float32 and work >= _LEAST_TERMS and units.bfloat16_unit() is not None


def product(lowering: Lowering, group: Group, reads: dict[Value, Access]) -> None:
    """The calls of a product of bfloat16 and of what follows it."""
    head = group.head
    assert head is not None
    a, b = head.operands
    assert isinstance(a, Value)
    assert isinstance(b, Value)
    rows, columns, terms = *group.domain, a.spec.shape[1]
    operands = [lowering.matrix(v, ()) for v in (a, b)]
    is_row = streamed.suits(rows, columns, operands[1], terms, lowering.width)
    if not is_row:
        tiles = [_packed(lowering, a, True), _packed(lowering, b, False)]
        operands = [Access(v, v.spec.dtype, 0, (0, 0)) for v in tiles]
    nest, roots = nest_of(lowering, group, reads, operands)
    kernel: Product
    if is_row:
        unit, scratch = "lines", lowering.fresh(Spec((1,), float32))
        lowering.scratches[scratch] = RoundedStreamed.scratch_size(terms, columns, float32, lowering.width)
        kernel = RoundedStreamed(nest, operands[0], operands[1], terms, scratch, roots, lowering.width)
    else:
        unit = units.bfloat16_unit() or ""
        kernel = KERNELS[unit](nest, operands[0], operands[1], terms, roots, lowering.width)
    call = lowering.call(
        kernel,
        f"matmul (bfloat16, {unit}) {' '.join(summary(group))}".strip(),
        tuple(kernel.pointers),
        [*operands, *nest.reads.values()],
        nest.writes.values(),
        lambda access: None,
        group,
    )
    call.flops += 2 * math.prod(group.domain) * terms
    call.scope = lowering.scope_of(group)


def _packed(lowering: Lowering, operand: Value, first: bool) -> Value:
    """An operand in tiles, packed by the first product that wants it so."""
    shape = operand.spec.shape
    outer, terms = shape if first else shape[::-1]
    view = lowering.views[operand]
    key = view.root, view.offset, tuple(view.strides), shape, first
    if key not in lowering.packed:
        access = lowering.matrix(operand, ())
        by_outer, by_term = access.strides if first else access.strides[::-1]
        by_outer, by_term = 1 if outer == 1 else by_outer, 1 if terms == 1 else by_term
        if 1 not in (by_outer, by_term):
            operand = straight(lowering, operand)
            access = lowering.matrix(operand, ())
            by_outer, by_term = access.strides if first else access.strides[::-1]
        source = access._replace(strides=(by_outer, by_term))
        target = lowering.fresh(packed_spec(outer, terms))
        kernel = TilePacking(source, target, outer, terms, first, lowering.width)
        call = lowering.call(
            kernel,
            "pack bfloat16",
            (source.root, target),
            [source],
            [Access(target, target.spec.dtype, 0, ())],
            lambda access: None,
        )
        call.flops = outer * terms
        lowering.packed[key] = target
    return lowering.packed[key]
