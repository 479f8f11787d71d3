"""Starting the walk of `graph.backward` from a tensor: the seed, the carrier
of gradients, and where they arrive.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import backends
from backends.contract import as_array
from backends.program import TraceBackend
from backends.switching import switched

from .errors import BackendError, GradientError, ShapeError
from .graph import Leaf, Lift, Node, Vertex, backward
from .mode import mode
from .scopes import GradientScopes, named_scope

if TYPE_CHECKING:
    from .tensor import Tensor


def accumulate_gradients(root: Tensor, gradient: Any, retain: bool, create_graph: bool) -> None:
    """`Tensor.backward`: add the gradients of `root` to the leaves."""
    backend = root._backend
    # the array of the user's own gradient= counts as handed out
    handed_out: set[int] = {id(gradient._data)} if hasattr(gradient, "_data") else set()
    for leaf, term in walk(root, gradient, None, retain, create_graph):
        assert isinstance(leaf, Leaf)
        if not create_graph:
            # two leaves, or a leaf and the graph, must never share an array: the user may change a gradient
            array = backend.owned(term._data)
            if id(array) in handed_out:
                array = backend.owned(array, shared=True)
            handed_out.add(id(array))
            term = root.wrap(array, backend)
        leaf.grad = term if leaf.grad is None else leaf.grad + term


def walk(
    root: Tensor, gradient: Any, targets: set[Vertex] | None, retain: bool, create_graph: bool
) -> list[tuple[Vertex, Tensor]]:
    """The gradients of `root` at its leaves, or at `targets`, as tensors."""
    trace = mode.get().trace
    if trace is None:
        return _walk(root, gradient, targets, retain, create_graph, None)
    with named_scope(trace.scope):
        return _walk(root, gradient, targets, retain, create_graph, trace)


def _walk(
    root: Tensor,
    gradient: Any,
    targets: set[Vertex] | None,
    retain: bool,
    create_graph: bool,
    trace: TraceBackend | None,
) -> list[tuple[Vertex, Tensor]]:
    vertex = root._node
    if vertex is None:
        raise GradientError(
            "backward: nothing that this tensor was computed from requires a gradient. Set "
            "requires_grad=True on a leaf, and compute outside no_grad(); results of compiled functions "
            "have no graph."
        )
    backend, now = root._backend, mode.get()
    seed = _seed(root, gradient)
    lift: Lift | None = _Lift(type(seed)) if create_graph else None
    if trace is not None:
        lift = GradientScopes(trace, lift)
    if not create_graph:
        pairs = backward(vertex, seed._data, targets=targets, lift=lift, retain=retain, anomaly=now.anomaly)
        with backend.quiet():
            return [(leaf, root.wrap(as_array(backend, term), backend)) for leaf, term in pairs]
    # the walk looks for anomalies itself, and can name the line of forward; the ops inside the rules can not
    watched = now.made is not None or trace is not None
    inner = now._replace(grad=True, anomaly=False, watched=watched)
    with switched(mode, inner), backends.use(backend):
        return list(
            backward(
                vertex,
                seed,
                targets=targets,
                xp=root._xp,
                lift=lift,
                retain=retain,
                anomaly=now.anomaly,
            )
        )


def gradients_everywhere(root: Tensor) -> dict[Vertex, Any]:
    """The gradients of a single number at every vertex of its graph, as arrays; the graph stays as it is."""
    vertex, backend = root._node, root._backend
    assert vertex is not None
    seed = _seed(root, None)._data
    with backend.quiet():
        pairs = backward(vertex, seed, retain=True, everywhere=True)
        return {place: as_array(backend, term) for place, term in pairs}


def _seed(root: Tensor, gradient: Any) -> Tensor:
    if gradient is None:
        if root.size != 1:
            raise GradientError(
                f"backward: the tensor has shape {root.shape}, so it needs backward(gradient=...) of that "
                "shape. For a loss, reduce it with .mean() or .sum() first."
            )
        ones = root._backend.full(shape=root.shape, value=1.0, dtype=root.dtype)  # type: ignore[attr-defined]
        return root.wrap(ones, root._backend)
    seed = gradient if hasattr(gradient, "_node") else root.from_value(gradient, root.dtype, root._backend)
    own, other = root._backend, seed._backend
    if own.array_type is not other.array_type and "trace" not in (own.name, other.name):
        raise BackendError(
            f"backward: the gradient is on {other.name!r} and the tensor on {own.name!r}; move it with "
            f".to({own.name!r})"
        )
    if seed.shape != root.shape:
        raise ShapeError(f"backward: gradient has shape {seed.shape}, the tensor has shape {root.shape}")
    return seed.to(root.dtype)


class _Lift:
    """Saved arrays of a node as tensors at their place in the graph, for
    gradients that are differentiated again.
    """

    def __init__(self, tensor_type: Any) -> None:
        self.tensor_type = tensor_type

    def __call__(self, node: Node) -> Sequence[Any]:
        assert node.saved is not None
        return [
            self._lift(node, name, value) for name, value in zip(node.plan.names, node.saved, strict=True)
        ]

    def _lift(self, node: Node, name: str, value: Any) -> Any:
        op, wrap = node.op, self.tensor_type.wrap
        if name == "y":
            return wrap(value, node.backend, node)
        if name == op.variadic:
            parents = node.parents[len(op.arrays) :]
            return tuple(
                wrap(array, node.backend, parent) for array, parent in zip(value, parents, strict=True)
            )
        if name in op.arrays and hasattr(value, "shape"):
            return wrap(value, node.backend, node.parents[op.arrays.index(name)])
        return value
