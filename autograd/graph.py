"""READ FIRST. The computation graph and the walk that differentiates it. All
of backpropagation is in this file.

Every tracked result points at a `Node`: the op that made it, what its gradient rules need, and the nodes of
its inputs. A tensor that the user marked with `requires_grad` points at a `Leaf`, where its gradient arrives.
Nodes never point at tensors, so a graph has no reference cycles and dies with the last tensor that needs it.

`backward` visits nodes in topological order, every consumer before its producer, without
recursion. At each node it asks the op's rules for the gradient of each input that needs one (the
vector-Jacobian product), undoes broadcasting, and adds it to what that input has received from
other consumers. It frees each node as it leaves.

The walk does not know what a gradient is made of. With `xp` a backend, gradients are arrays.
With `xp` the ops of this package, and saved arrays lifted to tensors, the same rules build a
new graph: that is `create_graph`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from backends.contract import Array, Backend, DType, Namespace, Shape, Spec

from .anomaly import check_gradient, check_saved
from .errors import GradientError

if TYPE_CHECKING:
    from .op import Op, Plan
    from .tensor import Tensor


class Leaf:
    """The end of the graph: a tensor with `requires_grad`. Holds its accumulated gradient, not its value."""

    __slots__ = ("dtype", "grad", "set_by_hand", "shape")

    def __init__(self, shape: Shape, dtype: DType) -> None:
        self.shape = shape
        self.dtype = dtype
        self.grad: Tensor | None = None
        self.set_by_hand = False
        """Whether `grad` was ever set or cleared, other than by adding to it."""


class Node:
    """One application of an op. `saved` is None once the node has been freed."""

    __slots__ = (
        "backend",
        "dtype",
        "fingerprint",
        "op",
        "parents",
        "plan",
        "saved",
        "scope",
        "shape",
        "static",
        "where",
    )
    scope: str
    """Where a traced step was when it made this node; unset where nothing is traced."""

    def __init__(
        self,
        op: Op,
        plan: Plan,
        backend: Backend,
        parents: Sequence[Parent],
        saved: Sequence[Any],
        static: dict[str, Any],
        y: Array,
    ) -> None:
        self.op = op
        self.plan = plan
        self.backend = backend
        self.parents = parents
        self.saved: Sequence[Any] | None = saved
        self.static = static
        self.shape: Shape = y.shape
        self.dtype: DType = y.dtype
        self.where: str | None = None
        self.fingerprint: tuple[int, ...] | None = None


Vertex = Node | Leaf
Parent = Vertex | None
Lift = Callable[[Node], Sequence[Any]]


def backward(
    root: Vertex,
    seed: Any,
    *,
    targets: set[Vertex] | None = None,
    xp: Namespace | None = None,
    lift: Lift | None = None,
    retain: bool = False,
    anomaly: bool = False,
    everywhere: bool = False,
) -> Iterator[tuple[Vertex, Any]]:
    """Yield (vertex, gradient) for every leaf under `root`, or for every target when `targets` are given;
    `everywhere` for every node on the way as well.

    `seed` is the gradient of the root. `xp` and `lift` select the carrier of gradients: by default the arrays
    of each node's backend, and its saved values as they are.
    """
    consumers = _count_consumers(root, targets)
    gradients: dict[Vertex, Any] = {root: seed}
    summed: set[Vertex] = set()
    ready: list[Vertex] = [root]
    while ready:
        node = ready.pop()
        gradient = gradients.pop(node)
        if isinstance(node, Leaf) or (targets is not None and node in targets):
            yield node, gradient
            continue
        if everywhere:
            yield node, gradient
        namespace: Namespace = node.backend if xp is None else xp
        if anomaly:
            check_saved(node)
        saved: Any = node.saved if lift is None else lift(node)
        for position, rule in node.plan.pullbacks:
            parent = node.parents[position]
            if parent is None or parent not in consumers:
                continue
            try:
                term = _fit(namespace, rule(namespace, gradient, saved, node), parent)
            except Exception as error:
                error.add_note(f"In the gradient of {node.op.name} by {node.op.parameter_name(position)}.")
                raise
            if anomaly:
                check_gradient(node, position, gradient, term)
            # by reference, then a sum, then in place: the first term may be somebody else's array
            if parent not in gradients:
                gradients[parent] = term
            elif parent in summed and xp is None:
                gradients[parent] = node.backend.accumulate(gradients[parent], term)
            else:
                gradients[parent] = namespace.add(gradients[parent], term)
                summed.add(parent)
            consumers[parent] -= 1
            if not consumers[parent]:
                ready.append(parent)
        if not retain:
            node.saved = None
            node.parents = ()


def _count_consumers(root: Vertex, targets: set[Vertex] | None) -> dict[Vertex | None, int]:
    """How many uses each vertex has under `root`. With targets, only vertices on a way to one are counted."""
    counts: dict[Vertex | None, int] = {root: 0}
    order: list[Vertex] = [root]
    for node in order:
        if isinstance(node, Leaf) or (targets is not None and node in targets):
            continue
        if node.saved is None:
            raise GradientError(
                f"backward: the graph was already freed at {node.op.name}. "
                "Pass retain_graph=True to the first backward to walk it again."
            )
        for position, _ in node.plan.pullbacks:
            parent = node.parents[position]
            if parent in counts:
                counts[parent] += 1
            else:
                counts[parent] = 1
                order.append(parent)  # type: ignore[arg-type]
    if targets is not None:
        _keep_ways_to(targets, order, counts)
    return counts


def _keep_ways_to(targets: set[Vertex], order: list[Vertex], counts: dict[Vertex | None, int]) -> None:
    """Remove vertices from which no target can be reached, so that no rule runs for nothing."""
    useful: set[Vertex] = set(targets)
    users: dict[Vertex, list[Node]] = {}
    for node in order:
        if isinstance(node, Node) and node not in targets:
            for position, _ in node.plan.pullbacks:
                users.setdefault(node.parents[position], []).append(node)  # type: ignore[arg-type]
    waiting = [target for target in targets if target in counts]
    while waiting:
        for user in users.get(waiting.pop(), ()):
            if user not in useful:
                useful.add(user)
                waiting.append(user)
    for vertex in order:
        if vertex not in useful:
            del counts[vertex]
        elif vertex in users:
            counts[vertex] = sum(user in useful for user in users[vertex])


def _fit(xp: Namespace, gradient: Any, parent: Any) -> Any:
    """Bring a rule's result to the shape and dtype of the input: sum over what broadcasting repeated."""
    if gradient.shape != parent.shape:
        gradient = unbroadcast(xp, gradient, parent.shape)
    if gradient.dtype != parent.dtype:
        gradient = xp.astype(gradient, dtype=parent.dtype)
    return gradient


def unbroadcast(xp: Namespace, gradient: Any, shape: Shape) -> Any:
    """The transpose of broadcasting `shape` to the shape of `gradient`: a sum over the repeated axes."""
    extra = len(gradient.shape) - len(shape)
    if extra < 0 or any(length not in (1, gradient.shape[axis + extra]) for axis, length in enumerate(shape)):
        raise GradientError(
            f"a gradient rule returned the shape {gradient.shape} for an input of shape {shape}; "
            "expected that shape, or one that it broadcasts to"
        )
    repeated = tuple(
        axis
        for axis, length in enumerate(gradient.shape)
        if axis < extra or (length != 1 and shape[axis - extra] == 1)
    )
    total = xp.sum(gradient, axis=repeated, keepdims=False)
    return total if total.shape == shape else xp.reshape(total, shape=shape)


def spec_of(vertex: Any) -> Spec:
    """The shape and dtype of the value at `vertex`."""
    return Spec(vertex.shape, vertex.dtype)
