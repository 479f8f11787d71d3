"""The gradient of a product inside `v = momentum v - rate gradient`: a product that adds
to what is there needs no gradient.
"""

from __future__ import annotations

from .fuse import Group
from .ir import Instruction, Value


def momentum_of(
    group: Group, place: dict[Value, Value]
) -> tuple[Value, Value | float, float, list[Instruction]] | None:
    """(state, rate, momentum, remaining steps) where a product is the gradient
    in `v = momentum v - rate gradient`.
    """
    head = group.head
    assert head is not None
    uses: dict[Value, list[Instruction]] = {}
    for step in group.steps:
        for operand in step.operands:
            if isinstance(operand, Value):
                uses.setdefault(operand, []).append(step)
    if len(uses.get(head.result, ())) != 1:
        return None
    scaled = uses[head.result][0]
    if scaled.primitive != "multiply" or len(uses.get(scaled.result, ())) != 1:
        return None
    rate = next((o for o in scaled.operands if o != head.result), None)
    if isinstance(rate, Value) and (rate.spec.size != 1 or rate.spec.dtype != head.result.spec.dtype):
        # BLAS takes a number of its own dtype
        return None
    taken = uses[scaled.result][0]
    if taken.primitive != "subtract" or taken.operands[1] != scaled.result or taken.result not in place:
        return None
    state = place[taken.result]
    old = taken.operands[0]
    made = {s.result: s for s in group.steps}
    dropped = {scaled.result, taken.result}
    factor = 1.0
    if isinstance(old, Value) and old in made:
        decayed = made[old]
        if (
            decayed.primitive != "multiply"
            or len(uses.get(old, ())) != 1
            or not isinstance(decayed.operands[1], float)
        ):
            return None
        factor = decayed.operands[1]
        dropped.add(old)
        old = decayed.operands[0]
    if old != state or len(uses.get(state, ())) > 1:
        return None
    assert rate is not None
    alpha = rate if isinstance(rate, Value) else float(rate)
    return state, alpha, factor, [s for s in group.steps if s.result not in dropped]
