"""From a rule and its arguments to a kernel that is ready to be called, or to the answer that there is none."""

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
from ..primitives import PRIMITIVES
from ..program import Symbol, TraceBackend
from ..program.purity import is_pure
from ..program.rows import REDUCTIONS, RowPlan, plan_rows
from .compile import load
from .emit import Kernel, accepts, emit
from .workers import ranges, together

NDArray = np.ndarray[Any, Any]

_log = logging.getLogger("gradloom")
SHARE_FROM = 1_500_000
"""THE threshold of threads: elements times their cost, from which threads share a call. Waking one takes some 50 us."""
_COST = {"where": 4}
_COST_OF_FUNCTION = 8
"""What primitives cost beside an addition: `where` in NumPy, exp or log in both."""


class Planned(NamedTuple):
    """A rule as a row program; `positions` are the arguments that its parameters are."""

    plan: RowPlan
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
        rooms = [np.empty((parts, columns), d) for d in kernel.saved]
        numbers: tuple[Scalar, ...] = kernel.numbers

        together(
            [
                partial(function, begin, end, columns, *addresses, *(address(r[number]) for r in rooms), *numbers)
                for number, (begin, end) in enumerate(ranges(total, parts))
            ]
        )  # fmt: skip
        return y


def plan_rule(
    rule: Callable[..., Any], args: Sequence[Any], static: dict[str, Any]
) -> Planned | None:
    """The row program of `rule` for arguments given as Spec (arrays) or as they are; None when it has none that pays."""
    if not is_pure(rule):
        return None
    trace = TraceBackend()
    symbols = [
        trace.parameter(a, "input", str(i)) if isinstance(a, Spec) else a
        for i, a in enumerate(args)
    ]
    try:
        result = rule(trace, *symbols, **static)
    except Exception as error:
        if not is_refusal(error):
            raise
        # run with values, the rule itself says what is wrong with them
        return None
    if not isinstance(result, Symbol):
        return None
    program = trace.finish("rule", [], [("y", result)])
    plan = plan_rows(program, accepts)
    if plan is None or not _pays(plan):
        return None
    return Planned(plan, tuple(int(name) for name in plan.names), result.value.spec)


def _pays(plan: RowPlan) -> bool:
    """Whether fusing saves a pass over memory, or NumPy has no vector loop of its own for the only instruction."""
    work = [
        i for i in plan.instructions if i.primitive not in ("reshape", "broadcast_to", "arange")
    ]
    return len(work) > 1 or any(
        i.primitive == "sign"  # a ufunc, but one number at a time
        or (
            not isinstance(getattr(NumPyBackend, i.primitive), np.ufunc)
            and i.primitive not in (*REDUCTIONS, "astype", "floor")
        )
        for i in work
    )


def _cost(plan: RowPlan) -> int:
    """The work for one element, in additions."""
    return sum(
        _COST_OF_FUNCTION
        if "math." in str(PRIMITIVES[i.primitive].numba)
        else _COST.get(i.primitive, 1)
        for i in plan.instructions
    )


def source_of(rule: Callable[..., Any], args: Sequence[Any], static: dict[str, Any]) -> str | None:
    """The source of the kernel for arguments given as Spec; None when NumPy does the work."""
    planned = plan_rule(rule, args, static)
    return None if planned is None else emit(planned.plan, frozenset()).source


def make_call(
    rule: Callable[..., Any], args: Sequence[Any], static: dict[str, Any], least_work: int
) -> Call | None:
    """The compiled kernel for these arguments; None when NumPy does the work, or when there is less than `least_work`."""
    arrays = [i for i, a in enumerate(args) if type(a) is np.ndarray]
    specs = [Spec(a.shape, a.dtype) if i in arrays else a for i, a in enumerate(args)]
    planned = plan_rule(rule, specs, static)
    if planned is None:
        return None
    plan, positions, result = planned
    cost = _cost(plan)
    if plan.rows * plan.columns * cost < least_work:
        return None
    # the gradient of a sum is one number, seen through strides of 0
    repeated = frozenset(i for i in arrays if args[i].size > 1 and not any(args[i].strides))
    single = (v for v, i in zip(plan.parameters, positions, strict=True) if i in repeated)
    kernel = emit(plan, frozenset(single))
    total = plan.columns if kernel.flat else plan.rows
    try:
        function = load(kernel.source)
    except Exception as error:
        if not is_refusal(error):
            raise
        _log.warning("a kernel could not be compiled, NumPy does its work: %s", error)
        return None
    return Call(
        function, kernel, cost, positions, repeated, total, plan.columns, result.shape, result.dtype
    )  # fmt: skip
