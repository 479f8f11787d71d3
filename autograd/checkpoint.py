"""checkpoint: memory for time. The graph inside a function is dropped after
forward and made again in backward.

The first run builds the graph once, to see which tracked tensors of the outside it reaches: arguments, and
what the function closes over. One node with these as parents then stands for the whole function. Its gradient
rule runs the function again, with the same random numbers, and walks the fresh graph down to the same places.

With several results, each has a node of its own above the common one. Those pass their
gradient to the run, and the number 1 to the common node, so that the function runs again
once, for exactly the results that took part.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import backends
from backends.contract import Backend, Namespace, Spec, as_array, float64

from .anomaly import user_line
from .differentiate import walk
from .errors import GradientError
from .graph import Node, Vertex
from .mode import Made, P, R, mode, recorded_nodes
from .op import Domain, Op, Plan, Pullback
from .random import remembered_draws, replayed_draws
from .structure import flatten, unflatten
from .tensor import Tensor


def checkpoint(function: Callable[P, R]) -> Callable[P, R]:
    """`function`, computed without keeping the inside of its graph; backward runs it a second time.

    A chain of n equal blocks, each under checkpoint, keeps n results and one block instead of n blocks.
    Arguments and results may be nested lists, tuples and dicts of tensors. Parameters that the function uses
    get their gradients. Dropout inside has the same mask in both runs. Gradients are those without
    checkpoint, to any order of derivative; where a tensor is used three times or more, inside and outside,
    they are added up in another order.

    The function must compute the same when it runs again. Parameters may not be assigned between
    forward and backward (an error says so). Whatever else it does, such as to print or to update the
    moving statistics of a batch normalization, happens once more for each backward. A call in which
    the function makes leaves of its own, such as a layer that makes its parameters when it is first
    called, keeps its graph: it could not be repeated.

    Raises:
        GradientError: in backward, when the second run is not like the first. Other errors of the
            second run carry a note that says so.

    >>> import autograd as ag
    >>> block = ag.checkpoint(lambda x: ag.tanh(ag.exp(x)))
    >>> ag.grad(block)(ag.tensor(0.0)).item() == ag.grad(lambda x: ag.tanh(ag.exp(x)))(ag.tensor(0.0)).item()
    True
    """

    @functools.wraps(function, updated=())
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        if not mode.get().grad:
            return function(*args, **kwargs)
        result: R = _Run(function, args, kwargs).take_result()
        return result

    return call


class _Run:
    """One call of a function under checkpoint, and all that it takes to repeat it."""

    def __init__(self, function: Callable[..., Any], args: Any, kwargs: dict[str, Any]) -> None:
        self.function = function
        self.backend = backends.default()
        tree = [list(args), kwargs]
        # the values of now, whatever is assigned to the caller's tensors until backward
        self.arguments = unflatten(tree, (_as_it_is(leaf) for leaf in flatten(tree)))
        with remembered_draws() as self.draws, recorded_nodes() as made:
            self.result = function(*args, **kwargs)
        leaves = flatten(self.result)
        self.places = [i for i, leaf in enumerate(leaves) if _is_inside(leaf, made)]
        self.specs = _specs([leaves[i] for i in self.places])
        self.reached = _outside([leaves[i]._node for i in self.places], made)
        self.arrays = {vertex: made.arrays.get(vertex) for vertex in self.reached}
        # a leaf made here is a parameter on its first use: a second run would not make it, nor draw its
        # values
        self.keeps_graph = any(id(vertex) in made.ids for vertex in self.reached)
        self.deposits: dict[int, Any] = {}
        self.answer: tuple[Any, list[Any]] | None = None

    def take_result(self) -> Any:
        """What the function returned, its tracked results on nodes that
        stand for the graph, which is let go.
        """
        result, self.result = self.result, None
        if self.keeps_graph or not self.places:
            return result
        leaves = flatten(result)
        tracked = [leaves[place] for place in self.places]
        backend = tracked[0]._backend
        pullbacks = tuple((i, _gradient_of(i)) for i in range(len(self.reached)))
        if len(tracked) == 1:
            nodes = [self._node(pullbacks, backend, self.reached, tracked[0]._data)]
        else:
            common = self._node(pullbacks, backend, self.reached, _FLAG)
            nodes = [
                self._node(((0, _deposit(k)),), backend, [common], y._data) for k, y in enumerate(tracked)
            ]
        for place, y, node in zip(self.places, tracked, nodes, strict=True):
            leaves[place] = Tensor.wrap(y._data, backend, node)
        return unflatten(result, iter(leaves))

    def _node(
        self,
        pullbacks: tuple[tuple[int, Pullback], ...],
        backend: Backend,
        parents: Sequence[Vertex],
        y: Any,
    ) -> Node:
        node = Node(_OP, Plan(("run",), None, pullbacks), backend, tuple(parents), (self,), {}, y)
        now = mode.get()
        if now.made is not None:
            now.made.ids.add(id(node))
        if now.trace is not None:
            node.scope = now.trace.scope
        if now.anomaly:
            node.where = user_line()
        return node

    def gradient(self, position: int, xp: Namespace, g: Any, node: Node) -> Any:
        """The gradient at one vertex that was reached. The first question of a visit answers all of them."""
        if self.answer is None or self.answer[0] is not g:
            self.answer = (g, self._gradients(xp, g, node))
        term = self.answer[1][position]
        if position == len(self.reached) - 1:
            self.answer = None
        return term

    def deposit(self, k: int, g: Any) -> None:
        self.deposits.pop(k, None)
        self.deposits[k] = g

    def _seeds(self, g: Any, node: Node) -> dict[int, Any]:
        """The gradient of each result that took part in this backward."""
        if len(self.places) == 1:
            return {0: g}
        seeds, self.deposits = self.deposits, {}
        if node.backend.name != "trace":
            # g counts the deposits of this walk; earlier ones are of a walk that an error ended
            seeds = dict(list(seeds.items())[-round(float(g)) :])
        return seeds

    def _gradients(self, xp: Namespace, g: Any, node: Node) -> list[Any]:
        seeds = self._seeds(g, node)
        outputs, places = self._again()
        roots = [outputs[k]._node for k in seeds]
        pullbacks = tuple((i, _hand_over(seed)) for i, seed in enumerate(seeds.values()))
        backend = node.backend
        nought = backend.full(shape=(), value=0.0, dtype=float64)  # type: ignore[attr-defined]
        zero = as_array(backend, nought)
        root = Tensor.wrap(zero, backend, Node(_OP, Plan((), None, pullbacks), backend, roots, (), {}, zero))
        nested = xp is not backend
        found = dict(walk(root, None, set(places), retain=nested, create_graph=nested))
        terms = []
        for place, vertex in zip(places, self.reached, strict=True):
            if place not in found:
                terms.append(xp.full(shape=vertex.shape, value=0.0, dtype=vertex.dtype))
            else:
                terms.append(found[place] if nested else found[place]._data)
        return terms

    def _again(self) -> tuple[list[Tensor], list[Vertex]]:
        """The tracked results of a second run, and the vertices it
        reached, in the order of the first run's.
        """
        args, kwargs = unflatten(self.arguments, iter(flatten(self.arguments)))
        with (
            backends.use(self.backend),
            replayed_draws(self.draws) as draws,
            recorded_nodes() as made,
        ):
            try:
                leaves = flatten(self.function(*args, **kwargs))
            except Exception as error:
                error.add_note(f"In the second run of {self.name} under checkpoint, for backward.")
                raise
        outputs = [leaf for leaf in leaves if _is_inside(leaf, made)]
        self._expect("results", self.specs, _specs(outputs))
        reached = _outside([y._node for y in outputs], made)
        self._expect("inputs", _specs(self.reached), _specs(reached))
        for old, new in zip(self.reached, reached, strict=True):
            if old is not new:
                raise self._unlike(f"another input {_specs([new])[0]}, by argument or by closure")
            if made.arrays.get(new) is not self.arrays[new]:
                raise self._unlike(
                    f"other values in the leaf {_specs([new])[0]}, which was assigned in between"
                )
        if draws.count != self.draws.count:
            raise self._unlike(f"{draws.count} draws of random numbers and the first {self.draws.count}")
        return outputs, reached

    @property
    def name(self) -> str:
        return str(getattr(self.function, "__name__", type(self.function).__name__))

    def _expect(self, what: str, first: list[Spec], second: list[Spec]) -> None:
        if first != second:
            raise self._unlike(f"the {what} {_listed(second)} where the first had {_listed(first)}")

    def _unlike(self, difference: str) -> GradientError:
        return GradientError(
            f"checkpoint: the second run of {self.name}, for backward, had {difference}. The function must "
            "compute the same each time: it may depend only on its arguments, on parameters and on ag.random."
        )


def _as_it_is(leaf: Any) -> Any:
    """A tensor of its own at the same place in the graph."""
    return Tensor.wrap(leaf._data, leaf._backend, leaf._node) if isinstance(leaf, Tensor) else leaf


def _is_inside(leaf: Any, made: Made) -> bool:
    return isinstance(leaf, Tensor) and isinstance(leaf._node, Node) and id(leaf._node) in made.ids


def _outside(roots: Sequence[Any], made: Made) -> list[Vertex]:
    """Where the graph under `roots` ends: leaves, and nodes that are not
    in `made`, in an order that repeats.
    """
    ends: list[Vertex] = []
    seen: set[Vertex] = set()
    waiting = list(roots)
    while waiting:
        vertex = waiting.pop()
        if vertex is None or vertex in seen:
            continue
        seen.add(vertex)
        if isinstance(vertex, Node) and id(vertex) in made.ids:
            waiting += [vertex.parents[position] for position, _ in vertex.plan.pullbacks]
        else:
            ends.append(vertex)
    return ends


def _specs(items: Sequence[Any]) -> list[Spec]:
    return [Spec(item.shape, item.dtype) for item in items]


def _listed(specs: Sequence[Spec]) -> str:
    return f"[{', '.join(map(str, specs))}]"


def _gradient_of(position: int) -> Pullback:
    return lambda xp, g, values, node: values[0].gradient(position, xp, g, node)


def _deposit(k: int) -> Pullback:
    def pullback(xp: Namespace, g: Any, values: Sequence[Any], node: Node) -> Any:
        values[0].deposit(k, g)
        return xp.full(shape=(), value=1.0, dtype=float64)

    return pullback


def _hand_over(seed: Any) -> Pullback:
    return lambda xp, g, values, node: seed


def checkpoint_(xp: Any, *reached: Any) -> Any:
    """What messages call the nodes of a run."""
    return reached


_OP = Op(checkpoint_, {}, ("reached",), None, Domain(), (), (), None, None)
_FLAG = Spec((), float64)
