"""Which operands of products lie in memory in 16 bits: those that were rounded to them for such
products alone.

The number that a product takes is the one that was rounded, whoever multiplies; here it only takes
half of the memory, is written by the kernel that computes it, and is multiplied at the rate of its
format.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ..program.fuse import Group, Plan
from ..program.ir import Value, operands_of

FORMATS = frozenset({"bfloat16", "float16"})


def narrowed_operands(plan: Plan, reads: Sequence[Iterable[Value]]) -> dict[Value, str]:
    """Roots with their format.

    Args:
        plan: of a program in which the operands of such products are rounded.
        reads: for each group the roots that its loops read.
    """
    formats = _rounded(plan)
    others = {root for roots in reads for root in roots}
    results = (*plan.program.assigns, *plan.program.outputs)
    others |= {plan.views[v].root for _, v in results if isinstance(v, Value)}
    for group in plan.groups:
        if group.head is None:
            continue
        precision = _precision(group)
        for operand in operands_of(group.head):
            root = plan.views[operand].root
            if formats.get(root) != precision:
                others.add(root)
    products = [
        {plan.views[o].root for o in operands_of(g.head)} for g in plan.groups if g.head and _precision(g)
    ]
    found = {root: name for root, name in formats.items() if root not in others}
    while any(set(found) & roots and not roots <= set(found) for roots in products):
        # a product takes both operands in the same way
        left = {r for roots in products if not roots <= set(found) for r in roots}
        found = {root: name for root, name in found.items() if root not in left}
    return found


def _rounded(plan: Plan) -> dict[Value, str]:
    """What is rounded to a format of 16 bits, and gets memory."""
    return {
        step.result: dict(step.static)["format"]
        for number, group in enumerate(plan.groups)
        for step in group.steps
        if step.primitive == "round_to"
        and dict(step.static)["format"] in FORMATS
        and plan.group_of.get(step.result) == number
    }


def _precision(group: Group) -> str | None:
    """In which precision a group multiplies, where it does so."""
    assert group.head is not None
    return dict(group.head.static).get("precision") if group.kind == "product" else None
