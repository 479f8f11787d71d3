"""Rules as kernels: an op's forward or gradient rule, traced once for each
kind of arguments, runs as one kernel.

What is not arithmetic (products, indexing, sorting) goes primitive by primitive. The choice
depends on shapes and dtypes alone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from ..contract import Spec
from ..cuda.calls import Call
from ..cuda.lower import lower
from ..errors import GradloomError
from ..plan.lowering import Lowered
from ..primitives import PRIMITIVES
from ..program import Value
from ..program.purity import traced_rule
from .launching import launch
from .library import plain_errors

_REMEMBERED = 4096
"""So many calls are remembered; a program that makes more forgets them all and starts anew."""
_MOST = 4
"""Kernels for one rule: more of them would mean that it is no row of arithmetic."""
_ALIGNED = 16


class _Ready(NamedTuple):
    """A lowered rule, with the parameter that each of its arrays is."""

    lowered: Lowered[Call]
    given: tuple[tuple[int, Value], ...]
    result: Value


class Fused:
    """The kernels of rules that a backend has met."""

    def __init__(self, backend: Any) -> None:
        self._backend = backend
        self._ready: dict[Any, _Ready | None] = {}

    def __call__(self, rule: Callable[..., Any], args: Sequence[Any], static: dict[str, Any]) -> Any:
        """The result of a rule."""
        backend = self._backend
        array_type = backend.array_type
        kinds = tuple(
            (a.shape, a.dtype.char, a.data.ptr % _ALIGNED == 0) if type(a) is array_type else (type(a), a)
            for a in args
        )
        key = (rule, kinds, *static.items())
        try:
            ready = self._ready[key]
        except KeyError:
            if len(self._ready) >= _REMEMBERED:
                self._ready.clear()
            ready = self._ready[key] = self._made(rule, args, static)
        except TypeError:
            # a static attribute without a hash: not arithmetic
            ready = None
        return rule(backend, *args, **static) if ready is None else self._launched(ready, args)

    def _made(self, rule: Callable[..., Any], args: Sequence[Any], static: dict[str, Any]) -> _Ready | None:
        arrays = [i for i, a in enumerate(args) if type(a) is self._backend.array_type]
        specs = [Spec(a.shape, a.dtype) if i in arrays else a for i, a in enumerate(args)]
        program = traced_rule(rule, specs, static) if arrays else None
        kinds = ("elementwise", "reduction")
        if program is None or not any(PRIMITIVES[i.primitive].kind in kinds for i in program.instructions):
            return None
        parameters = program.named("input")
        unaligned = frozenset(parameters[str(i)] for i in arrays if args[i].data.ptr % _ALIGNED)
        try:
            lowered = lower(program, unaligned)
        except GradloomError:
            return None
        if not 0 < len(lowered.calls) <= _MOST or any(c.kernel is None or c.checks for c in lowered.calls):
            return None
        ((_, y),) = lowered.program.outputs
        assert isinstance(y, Value)
        return _Ready(lowered, tuple((i, parameters[str(i)]) for i in arrays), y)

    def _launched(self, ready: _Ready, args: Sequence[Any]) -> Any:
        backend = self._backend
        cupy = backend._cupy
        with plain_errors(cupy), backend._here:
            held: dict[Value, Any] = {}
            for i, value in ready.given:
                backend._check_device(args[i])
                array = args[i]
                held[value] = array if array.flags.c_contiguous else cupy.ascontiguousarray(array)
            for call in ready.lowered.calls:
                assert call.kernel is not None
                for root in call.roots:
                    if root not in held:
                        held[root] = cupy.empty(root.spec.shape, root.spec.dtype)
                launch(cupy, call.kernel, lambda root: int(held[root].data.ptr))
            return held[ready.result]
