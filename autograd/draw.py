"""ag.draw: the computation graph of a tensor as a picture.

A graph keeps of its values only what gradients need. The others are computed again from those where
all inputs of an op are known, and are left out where they are not. Drawing changes nothing: no
gradient is stored, no node freed.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

from backends.contract import Backend

from .differentiate import gradients_everywhere
from .errors import DTypeError, GradientError, RangeError
from .graph import Leaf, Node, Vertex
from .mode import no_grad
from .svg import Diagram, Picture, Style, check_path, require_graphviz
from .tensor import Tensor

MOST_NODES = 2000
"""More boxes than this no layout brings into a picture that can be read."""

LEAF = Style("#cfe2f3", "#1f4e79", width=2)
OP = Style("#eeeeee")
RESULT = Style("#fce5cd", "#b45f06", width=3)
CONSTANT = Style("#ffffff", "#888888", "dashed")
ELISION = Style("#ffffff", "#888888", "dotted")

Values = dict[Any, Any]
"""Arrays, or the numbers that the user wrote, by vertex, and of constants by (node, position)."""


def draw(
    tensor: Tensor,
    values: bool = False,
    gradients: bool = False,
    path: str | os.PathLike[str] | None = None,
    names: Mapping[str, Tensor] | None = None,
    max_nodes: int = 200,
) -> Picture:
    """The graph from which `tensor` was computed, as SVG: leaves, constants, ops, shapes and dtypes.

    Args:
        tensor: a result that is tracked; its box has the thick border.
        values: show the first few values where the graph kept them or they
            can be computed again from what it kept.
        gradients: show d(tensor)/d(box) for each box; needs a single number, and a graph that is not yet
            freed. The `grad` of leaves stays as it is.
        path: where to write the SVG as well.
        names: what to call leaves and results, `{"w": w, "b": b}`.
        max_nodes: draw at most this many ops and leaves, nearest to `tensor` first, the others as a
            box that counts them. At most 2,000.

    Returns:
        The picture: `.svg` is the text; a notebook shows it; `.save(path)` writes it.

    Raises:
        GradientError: there is no graph, or backward has freed it.
        RangeError: `max_nodes` is out of range, or `path` does not end in .svg.
        MissingExtraError: without pygraphviz, the extra `draw`.

    >>> import autograd as ag
    >>> w = ag.tensor([1.0, 2.0], requires_grad=True)
    >>> loss = (w * 3.0).sum()
    >>> picture = ag.draw(loss, values=True, gradients=True, names={"w": w})
    >>> "multiply" in picture.svg and "[3, 3]" in picture.svg
    True
    """
    if isinstance(max_nodes, bool) or not isinstance(max_nodes, int) or not 1 <= max_nodes <= MOST_NODES:
        raise RangeError(f"draw: max_nodes is an integer from 1 to {MOST_NODES:,}, got {max_nodes!r}")
    check_path(path)
    require_graphviz()
    root = _root(tensor)
    called = _named(names or {})
    order = _vertices(root)
    drawing = _Drawing(order[:max_nodes], root, called, tensor._backend)
    if values:
        drawing.values = _values(order, root, tensor, names or {})
    if gradients:
        drawing.gradients = gradients_everywhere(tensor)
    picture = drawing.picture(len(order))
    if path is not None:
        picture.save(path)
    return picture


def _root(tensor: Any) -> Vertex:
    if not isinstance(tensor, Tensor):
        raise DTypeError(f"draw: expected a tensor, got {type(tensor).__name__}")
    root = tensor._node
    if root is None:
        raise GradientError(
            "draw: this tensor has no graph; nothing that it was computed from requires a gradient. "
            "Set requires_grad=True on a leaf, and compute outside no_grad()."
        )
    if isinstance(root, Node) and root.saved is None:
        raise GradientError(
            f"draw: the graph is gone, backward freed it at {root.op.name}. "
            "Draw before backward, or pass retain_graph=True to it."
        )
    return root


def _named(names: Mapping[str, Tensor]) -> dict[Vertex, str]:
    called = {}
    for name, tensor in names.items():
        if not isinstance(tensor, Tensor):
            raise DTypeError(f"draw: names[{name!r}] is a {type(tensor).__name__}, not a tensor")
        if tensor._node is not None:
            called[tensor._node] = str(name)
    return called


def _vertices(root: Vertex) -> list[Vertex]:
    """Everything under `root`, nearest first."""
    order: list[Vertex] = [root]
    seen = {root}
    for vertex in order:
        for parent in vertex.parents if isinstance(vertex, Node) else ():
            if parent is not None and parent not in seen:
                seen.add(parent)
                order.append(parent)
    return order


def _values(order: Sequence[Vertex], root: Vertex, tensor: Tensor, names: Mapping[str, Tensor]) -> Values:
    """Kept values, and what follows from them."""
    known: Values = {named._node: named._data for named in names.values()}
    for node in order:
        if isinstance(node, Node) and node.saved is not None:
            known |= _kept(node)
    known[root] = tensor._data
    for node in _inputs_first(order):
        inputs = [parent or (node, i) for i, parent in enumerate(node.parents)]
        if node not in known and inputs and all(key in known for key in inputs):
            with node.backend.quiet():
                arrays = [known[key] for key in inputs]
                result = node.op.forward(node.backend, *arrays, **node.static)
            if getattr(result, "shape", None) == node.shape:
                known[node] = result
    return known


def _kept(node: Node) -> Values:
    """What a node saved for its gradient rules."""
    found: Values = {}
    for name, value in zip(node.plan.names, node.saved or (), strict=False):
        if name == "y":
            found[node] = value
        elif name == node.op.variadic:
            first = len(node.op.arrays)
            for i, array in enumerate(value):
                found[node.parents[first + i] or (node, first + i)] = array
        elif name in node.op.arrays and value is not None:
            position = node.op.arrays.index(name)
            found[node.parents[position] or (node, position)] = value
    return found


def _inputs_first(order: Sequence[Vertex]) -> list[Node]:
    """The nodes, each after those that it was computed from."""
    waiting = {v: sum(isinstance(p, Node) for p in v.parents) for v in order if isinstance(v, Node)}
    users: dict[Node, list[Node]] = {}
    for node in waiting:
        for parent in node.parents:
            if isinstance(parent, Node):
                users.setdefault(parent, []).append(node)
    done = [node for node, count in waiting.items() if not count]
    for node in done:
        for user in users.get(node, ()):
            waiting[user] -= 1
            if not waiting[user]:
                done.append(user)
    return done


class _Drawing:
    """The boxes and arrows of some vertices."""

    def __init__(
        self,
        shown: Sequence[Vertex],
        root: Vertex,
        called: Mapping[Vertex, str],
        backend: Backend,
    ) -> None:
        self.backend = backend
        self.shown = shown
        self.root = root
        self.called = called
        self.values: Values = {}
        self.gradients: Values = {}
        self.diagram = Diagram(direction="LR")

    def picture(self, total: int) -> Picture:
        keys = {vertex: self._box(vertex) for vertex in self.shown}
        more = None
        if total > len(self.shown):
            more = self.diagram.box(f"{total - len(self.shown):,} more", ["not drawn"], ELISION)
        for vertex in self.shown:
            if not isinstance(vertex, Node):
                continue
            for position, parent in enumerate(vertex.parents):
                start = self._constant(vertex, position) if parent is None else keys.get(parent) or more or ""
                label = vertex.op.parameter_name(position) if len(vertex.parents) > 1 else ""
                line = "dashed" if parent is None or parent not in keys else "solid"
                self.diagram.arrow(start, keys[vertex], label, line)
        return self.diagram.render()

    def _box(self, vertex: Vertex) -> str:
        name = self.called.get(vertex)
        rows = [f"{tuple(vertex.shape)} {vertex.dtype}", *self._numbers(vertex)]
        if isinstance(vertex, Leaf):
            return self.diagram.box(name or "leaf", rows, RESULT if vertex is self.root else LEAF)
        if name:
            rows.insert(0, f"called {name}")
        if vertex.static:
            rows.insert(0, ", ".join(f"{key}={value!r}" for key, value in vertex.static.items()))
        if vertex.saved is None:
            rows.append("freed by an earlier backward")
        return self.diagram.box(vertex.op.name, rows, RESULT if vertex is self.root else OP)

    def _constant(self, node: Node, position: int) -> str:
        value = self.values.get((node, position))
        if value is None:
            absent = node.op.parameter_name(position) in node.op.optional
            return self.diagram.box("constant or none" if absent else "constant", [], CONSTANT)
        kind = [f"{tuple(value.shape)} {value.dtype}"] if hasattr(value, "shape") else []
        return self.diagram.box("constant", [*kind, short(value, self.backend)], CONSTANT)

    def _numbers(self, vertex: Vertex) -> list[str]:
        found = {"value": self.values.get(vertex), "gradient": self.gradients.get(vertex)}
        return [f"{k} {short(v, self.backend)}" for k, v in found.items() if v is not None]


def short(value: Any, backend: Backend, most: int = 4) -> str:
    """The first few elements of an array of `backend` on one line."""
    if not getattr(value, "shape", ()):
        return _number(value if not hasattr(value, "shape") else Tensor.wrap(value, backend).item())
    tensor = Tensor.wrap(value, backend)
    with no_grad():
        first = tensor.reshape(-1)[:most].tolist()
    more = ", \N{HORIZONTAL ELLIPSIS}" if tensor.size > most else ""
    return f"[{', '.join(map(_number, first))}{more}]"


def _number(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
