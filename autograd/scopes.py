"""Scopes: the names by which the instructions of a traced step remember where they come from.

While a step is traced, every instruction carries the scope in which it was recorded, and so do the nodes of
the graph: what `backward` records for a node carries the node's scope with "grad" behind it. Kernels,
profiles and memory reports show them. Where nothing is traced, a scope is one look at the mode.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from backends.program import TraceBackend

from .errors import RangeError
from .mode import mode

if TYPE_CHECKING:
    from .graph import Lift, Node


class named_scope:
    """Inside, what is traced carries `name`: `kernels()`, `profile()` and
    `memory_report()` of the program show it.

    Scopes nest, and the innermost counts. The layers of `nn` have scopes of their own, such as "layers.0
    Dense"; those of gradients end in "grad".

    Raises:
        RangeError: the name is no text.

    >>> import autograd as ag
    >>> @ag.jit
    ... def step(x):
    ...     with ag.named_scope("decay"):
    ...         return x * 0.5
    >>> _ = step(ag.ones(3))
    >>> "decay" in step.kernels()[0]
    True
    """

    __slots__ = ("_before", "_trace", "name")

    def __init__(self, name: str) -> None:
        if not isinstance(name, str):
            raise RangeError(f"named_scope: a name is text, got {name!r}")
        self.name = name

    def __enter__(self) -> None:
        trace = self._trace = mode.get().trace
        if trace is not None:
            self._before = trace.scope
            trace.scope = self.name

    def __exit__(self, *exception: object) -> None:
        if self._trace is not None:
            self._trace.scope = self._before


class GradientScopes:
    """Stands where `lift` stands in `graph.backward`: tells a trace, node by node, whose gradient comes next.

    Args:
        trace: in whose program the gradients are recorded.
        lift: what is asked for the saved values of a node; None: they are taken as they are.
    """

    def __init__(self, trace: TraceBackend, lift: Lift | None) -> None:
        self._trace = trace
        self._around = trace.scope
        self._lift = lift

    def __call__(self, node: Node) -> Sequence[Any]:
        # a node that was made where nothing was traced has none
        scope = getattr(node, "scope", "")
        self._trace.scope = f"{scope} grad" if scope else self._around
        saved: Any = node.saved if self._lift is None else self._lift(node)
        return saved  # type: ignore[no-any-return]
