"""From a rule and its arguments to a kernel that is ready to be
called, or to the answer that there is none.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from ..contract import DType, Scalar, Shape, Spec
from ..errors import is_refusal
from ..numpy import NumPyBackend
from ..numpy.memory import address
from ..primitives import PRIMITIVES, is_function
from ..program import Program
from ..program.access import Access
from ..program.buffers import BufferAssignment
from ..program.fuse import Group, plan
from ..program.ir import Instruction, Value
from ..program.nest import Nest
from ..program.passes import drop_unused, simplify
from ..program.prepare import prepare
from ..program.purity import traced_rule
from ..program.views import is_view
from .compile import load
from .emit import Kernel, emit
from .forms import LEFT_TO_NUMPY, accepts, form_of, loops_of
from .workers import ranges, together

NDArray = np.ndarray[Any, Any]

_log = logging.getLogger("gradloom")
SHARE_FROM = 1_400_000
"""THE threshold of threads: elements times their cost, from which threads share a
call. Waking one takes some 50 us.
"""
_MOST = 4
"""Kernels for one rule: with more there are more arrays between them than fusing saves."""
_COST = {"where": 4}
_COST_OF_FUNCTION = 8
"""What primitives cost beside an addition: `where` in NumPy, exp or log in both."""


class Planned(NamedTuple):
    """A nest of a rule; its `parameters` are at `positions` of the arguments and the results before it."""

    nest: Nest
    parameters: tuple[Value, ...]
    positions: tuple[int, ...]
    result: Spec


class Call(NamedTuple):
    """A kernel, and what calling it for one set of shapes takes."""

    function: Callable[..., None]
    kernel: Kernel
    cost: int
    positions: tuple[int, ...]
    repeated: frozenset[int]
    total: int
    columns: int
    shape: Shape
    dtype: DType

    def __call__(self, args: tuple[Any, ...], threads: int) -> NDArray:
        function, kernel, cost, positions, repeated, total, columns, shape, dtype = self
        y = np.empty(shape, dtype)
        inputs = [args[i] if i in repeated else np.ascontiguousarray(args[i]) for i in positions]
        addresses = [address(a) for a in (*inputs, y)]
        work = (total if kernel.flat else total * columns) * cost
        parts = threads if work >= SHARE_FROM and total > 1 else 1
        scratches = [np.empty((parts, columns), d) for d in kernel.saved]
        numbers: tuple[Scalar, ...] = kernel.numbers

        together(
            [
                partial(
                    function,
                    begin,
                    end,
                    columns,
                    *addresses,
                    *(address(r[number]) for r in scratches),
                    *numbers,
                )
                for number, (begin, end) in enumerate(ranges(total, parts))
            ]
        )
        return y


class Chain(NamedTuple):
    """Kernels one after the other: each finds behind the arguments what those before it have made."""

    calls: tuple[Call, ...]

    def __call__(self, args: tuple[Any, ...], threads: int) -> NDArray:
        for call in self.calls:
            args = (*args, call(args, threads))
        last: NDArray = args[-1]
        return last


class Nests(BufferAssignment):
    """The nests of loops that a rule is; `is_whole` tells whether that is all of it."""

    def __init__(self, program: Program) -> None:
        super().__init__(plan(prepare(simplify(program), split_sums=False), accepts))
        self.nests: list[Nest] = []
        self.is_whole = all(group.head is None for group in self.plan.groups)
        if self.is_whole:
            for group, reads in zip(self.plan.groups, self.reads, strict=True):
                self.nest(group, reads, {v: self.write(group, v) for v in self.made(group)})

    def is_foreign(self, instruction: Instruction) -> bool:
        return True

    def reads_late(self, group: Group) -> bool:
        return True

    def nest(
        self, group: Group, reads: dict[Value, Access], writes: dict[Value, Access], name: str = ""
    ) -> None:
        self.nests.append(Nest(group, reads, writes, {}))


def plan_rule(rule: Callable[..., Any], args: Sequence[Any], static: dict[str, Any]) -> list[Planned]:
    """The loops of `rule` for arguments as Spec (arrays) or as they are; none when kernels do not pay."""
    traced = traced_rule(rule, args, static)
    if traced is None:
        return []
    ((_, result),) = traced.outputs
    program = drop_unused(traced)
    work = _work(program)
    nests = nests_of(program) if _pays(work, 1) else None
    if nests is None or not _pays(work, len(nests.nests)) or len(nests.nests) > _MOST:
        return []
    places = {p.value: int(p.name) for p in nests.program.parameters}
    assert isinstance(result, Value)
    planned = []
    for nest in nests.nests:
        if form_of(nest) in LEFT_TO_NUMPY or len(nest.writes) > 1 or not nest.reads:
            return []
        parameters = tuple(sorted({access.root for access in nest.reads.values()}, key=places.__getitem__))
        (made,) = nest.writes
        planned.append(Planned(nest, parameters, tuple(places[p] for p in parameters), made.spec))
        places[made] = len(args) + len(planned) - 1
    planned[-1] = planned[-1]._replace(result=result.spec)
    return planned


def nests_of(program: Program) -> Nests | None:
    """The loops of a program with one output; None where it is more than arithmetic."""
    if any(
        PRIMITIVES[i.primitive].kind in ("scan", "product", "random")
        or (PRIMITIVES[i.primitive].kind in ("shape", "index") and not is_view(i))
        for i in program.instructions
    ):
        return None
    nests = Nests(_without_last_reshapes(program))
    return nests if nests.is_whole else None


def _without_last_reshapes(program: Program) -> Program:
    """The result as it is computed: memory in row-major order has any shape."""
    ((name, result),) = program.outputs
    made = {i.result: i for i in program.instructions}
    while isinstance(result, Value) and result in made and made[result].primitive == "reshape":
        result = made[result].operands[0]
    return program._replace(outputs=((name, result),))


def _work(program: Program) -> list[str]:
    """The primitives that NumPy would go through memory for."""
    kinds = ("elementwise", "reduction")
    return [i.primitive for i in program.instructions if PRIMITIVES[i.primitive].kind in kinds]


def _pays(work: Sequence[str], passes: int) -> bool:
    """Whether `passes` by kernels are fewer than NumPy's, or it has no vector loop for the only one."""
    return passes < len(work) or (passes == 1 and any(map(_is_slow, work)))


def _is_slow(primitive: str) -> bool:
    """Whether NumPy goes through the elements one at a time, or several times."""
    row = PRIMITIVES[primitive]
    is_ufunc = isinstance(getattr(NumPyBackend, primitive), np.ufunc)
    # the sign is a ufunc, but one without vectors; what may hand back its operand is a ufunc inside
    return primitive == "sign" or not (is_ufunc or row.may_share or row.kind == "reduction")


def _cost(nest: Nest) -> int:
    """The work for one element, in additions."""
    return sum(
        _COST_OF_FUNCTION if is_function(s.primitive) else _COST.get(s.primitive, 1) for s in nest.group.steps
    )


def source_of(rule: Callable[..., Any], args: Sequence[Any], static: dict[str, Any]) -> str | None:
    """The source of the last kernel for arguments given as Spec; None when NumPy does the work."""
    planned = plan_rule(rule, args, static)
    return emit(planned[-1].nest, planned[-1].parameters, ()).source if planned else None


def make_call(
    rule: Callable[..., Any], args: Sequence[Any], static: dict[str, Any], least_work: int
) -> Call | Chain | None:
    """The compiled kernel for these arguments; None when NumPy does the work, or
    when there is less than `least_work`.
    """
    arrays = [i for i, a in enumerate(args) if type(a) is np.ndarray]
    specs = [Spec(a.shape, a.dtype) if i in arrays else a for i, a in enumerate(args)]
    planned = plan_rule(rule, specs, static)
    work = 0
    for one in planned:
        _, rows, columns, _ = loops_of(one.nest)
        work += rows * columns * _cost(one.nest)
    if not planned or work < least_work:
        return None
    # the gradient of a sum is one number, seen through strides of 0
    repeated = frozenset(i for i in arrays if args[i].size > 1 and not any(args[i].strides))
    try:
        calls = [_call(one, repeated) for one in planned]
    except Exception as error:
        if not is_refusal(error):
            raise
        _log.warning("a kernel could not be compiled, NumPy does its work: %s", error)
        return None
    return calls[0] if len(calls) == 1 else Chain(tuple(calls))


def _call(planned: Planned, repeated: frozenset[int]) -> Call:
    nest, parameters, positions, result = planned
    _, rows, columns, _ = loops_of(nest)
    single = [v for v, i in zip(parameters, positions, strict=True) if i in repeated]
    kernel = emit(nest, parameters, single)
    function, total = load(kernel.source), columns if kernel.flat else rows
    # a flat kernel is shared by its columns, each of which costs as much as it has rows
    cost = _cost(nest) * (rows if kernel.flat else 1)
    return Call(function, kernel, cost, positions, repeated, total, columns, *result)
