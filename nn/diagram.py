"""model.plot(): the network as a picture of boxes and arrows.

The model runs once on a sample of zeros while every call of a module is watched. What a module got is
traced back to the modules it came from by derivatives: each result is made a leaf, and the leaves that
receive a gradient are the sources. So branches, sums of branches and skipped layers appear as they are,
without any help of the model's author.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, NamedTuple

import autograd as ag
from autograd import Tensor, enable_grad
from autograd.structure import flatten, unflatten
from autograd.svg import Diagram, Picture, Style, check_path, require_graphviz

from . import summary
from .errors import ArgumentError
from .module import Compute, Module, watched_calls
from .outputs import output_names
from .restore import preserved
from .structured import is_shape, parts_of
from .weights import given_name

if TYPE_CHECKING:
    from .model_views import ModelViews

Shape = tuple[int | None, ...]

ENDS = Style("#fce5cd", "#b45f06", width=2)
WITH_PARAMETERS = Style("#cfe2f3", "#1f4e79", width=2)
WITHOUT = Style("#eeeeee")
DETAILS = ("activation", "rate", "kernel_size", "pool_size", "strides", "padding", "pieces")
"""Arguments of layers that say what they do, shown where a layer has them."""


class Call(NamedTuple):
    """One call of a module. `sources` are the numbers of earlier calls, -1 the input of the model."""

    module: Module
    containers: tuple[Module, ...]
    inputs: tuple[Shape, ...]
    output: Shape | None
    sources: tuple[int, ...]


def plot(
    model: ModelViews,
    path: str | os.PathLike[str] | None = None,
    show_shapes: bool = True,
    expand_nested: bool = False,
) -> Picture:
    """The picture of a built model; see `ModelViews.plot`."""
    check_path(path)
    require_graphviz()
    calls, ends = trace_calls(model, expand_nested)
    diagram = Diagram(given_name(model) or type(model).__name__)
    starts = {
        -1 - i: diagram.box(name, [("shape", str(_with_batch(x.shape[1:])))] if show_shapes else [], ENDS)
        for i, (name, x) in enumerate(_samples(model)[1])
    }
    boxes = _Boxes(model, diagram, show_shapes)
    keys = boxes.draw(calls)
    for call, key in zip(calls, keys, strict=True):
        for source in call.sources:
            diagram.arrow(starts[source] if source < 0 else keys[source], key)
    for name, shape, sources in zip(*_outputs(model), ends, strict=True):
        end = diagram.box(name, [("shape", str(shape))] if show_shapes else [], ENDS)
        for source in sources:
            diagram.arrow(starts[source] if source < 0 else keys[source], end)
    picture = diagram.render()
    if path is not None:
        picture.save(path)
    return picture


def _samples(model: Any) -> tuple[Any, list[tuple[str, Tensor]]]:
    """One row of zeros as the model takes it; and the tensors in it, with the names of their boxes."""
    graph = getattr(model, "graph", None)
    if graph is not None:
        x = unflatten(graph.inputs, (_zeros(symbol.sample, symbol.dtype) for symbol in graph.sources))
        names = ["input"] if graph.single else graph.input_names()
        return x, list(zip(names, flatten(x), strict=True))
    if model.input_shape is None and (not model.built or model.seen_shape is None):
        raise ArgumentError(f"plot: the model is not built. {summary.HINT}")
    shapes = model.seen_shape if model.input_shape is None else (1, *model.input_shape)
    if is_shape(shapes):
        x = _zeros(shapes[1:], model.dtype_of_x)
        return x, [("input", x)]
    parts = {key: _zeros(shape[1:], model.dtype) for key, shape in parts_of(shapes)}
    x = parts if isinstance(shapes, Mapping) else type(shapes)(parts.values())
    return x, [(f"input {key}", part) for key, part in parts.items()]


def _zeros(sample: tuple[int, ...], dtype: Any) -> Tensor:
    x = ag.zeros((1, *sample), dtype)
    x.requires_grad = x.dtype.kind == "f"
    return x


def _outputs(model: Any) -> tuple[list[str], list[Any]]:
    """The names of the boxes of outputs, and their shapes."""
    if model.output_shape is None or is_shape(model.output_shape):
        return ["output"], [model.output_shape]
    names = output_names(model, model.output_shape) or ["output"]
    return names, [shape for _, shape in parts_of(model.output_shape)]


def trace_calls(model: ModelViews, expand_nested: bool = False) -> tuple[list[Call], list[tuple[int, ...]]]:
    """Every call of a module directly inside (or, expanded, of those without modules inside), and what each
    output came from. The model stays as it was.

    Raises:
        ArgumentError: the model is not built.
    """
    x, parts = _samples(model)
    watch = _Recorder(model, [part for _, part in parts], expand_nested)
    with preserved(model), enable_grad(), watched_calls(watch):
        result = model(x, training=False)
        ends = [watch.sources([output]) for output in flatten(result)]
    return watch.calls, ends


class _Recorder:
    """Watches calls. Results of recorded modules become leaves, so that gradients end there."""

    def __init__(self, model: Module, parts: Sequence[Tensor], expand: bool) -> None:
        self.model = model
        self.expand = expand
        self.calls: list[Call] = []
        self.results: list[tuple[int, Tensor]] = [(-1 - i, part) for i, part in enumerate(parts)]
        self.stack: list[Module] = []
        self.inside = False

    def __call__(self, module: Module, inputs: list[Tensor], compute: Compute) -> Any:
        nested = bool(summary.sublayers(module))
        if self.inside:
            return compute(inputs)
        if nested and (module is self.model or self.expand):
            self.stack.append(module)
            try:
                return compute(inputs)
            finally:
                self.stack.pop()
        self.inside = True
        try:
            sources = self.sources(inputs)
            result = compute(inputs)
        finally:
            self.inside = False
        return self._record(module, inputs, result, sources)

    def _record(self, module: Module, inputs: list[Tensor], result: Any, sources: tuple[int, ...]) -> Any:
        number = len(self.calls)
        shapes = tuple(_with_batch(x.shape[1:]) for x in flatten(inputs))
        output = _with_batch(result.shape[1:]) if isinstance(result, Tensor) else None
        self.calls.append(Call(module, tuple(self.stack[1:]), shapes, output, sources))
        if isinstance(result, (tuple, list)):
            return type(result)([self._leaf(number, part) for part in result])
        return self._leaf(number, result)

    def _leaf(self, number: int, result: Any) -> Any:
        if not isinstance(result, Tensor):
            return result
        leaf = result.detach()
        if leaf.dtype.kind == "f":
            leaf.requires_grad = True
        self.results.append((number, leaf))
        return leaf

    def sources(self, values: Sequence[Any]) -> tuple[int, ...]:
        """The calls that `values` were computed from, without those behind them."""
        found: set[int] = set()
        for value in flatten(list(values)):
            found |= {number for number, leaf in self.results if leaf is value}
            if isinstance(value, Tensor) and value.requires_grad:
                for _, leaf in self.results:
                    leaf.grad = None
                value.backward(gradient=ag.ones_like(value), retain_graph=True)
                found |= {number for number, leaf in self.results if leaf.grad is not None}
        return tuple(sorted(found))


class _Boxes:
    """Boxes of calls, in frames where modules are nested."""

    def __init__(self, model: Module, diagram: Diagram, show_shapes: bool) -> None:
        self.diagram = diagram
        self.show_shapes = show_shapes
        self.names = summary.all_names(model) | {id(model): given_name(model) or "model"}

    def draw(self, calls: Sequence[Call]) -> list[str]:
        keys = []
        seen: set[int] = set()
        open_now: tuple[Module, ...] = ()
        frames: list[ExitStack] = []
        for call in calls:
            shared = 0
            while shared < min(len(open_now), len(call.containers)) and (
                open_now[shared] is call.containers[shared]
            ):
                shared += 1
            while len(frames) > shared:
                frames.pop().close()
            for module in call.containers[shared:]:
                frame = ExitStack()
                frame.enter_context(self.diagram.group(self._title(module)))
                frames.append(frame)
            open_now = call.containers
            keys.append(self._box(call, id(call.module) in seen))
            seen.add(id(call.module))
        while frames:
            frames.pop().close()
        return keys

    def _title(self, module: Module) -> str:
        return f"{self.names[id(module)]} ({type(module).__name__})"

    def _box(self, call: Call, again: bool) -> str:
        module = call.module
        details = [(name, getattr(module, name, None)) for name in DETAILS]
        rows = [(n, _detail(v)) for n, v in details if v is not None and not isinstance(v, (Tensor, Module))]
        if self.show_shapes:
            rows += [("input", str(shape)) for shape in call.inputs]
            rows.append(("output", "several" if call.output is None else str(call.output)))
        count = summary.parameter_count(module)
        if count:
            rows.append(("parameters", "the same" if again else f"{count:,}"))
        return self.diagram.box(self._title(module), rows, WITH_PARAMETERS if count else WITHOUT)


def _detail(value: Any) -> str:
    if isinstance(value, str):
        return value
    return str(getattr(value, "__name__", None) or (type(value).__name__ if callable(value) else value))


def _with_batch(shape: tuple[int, ...]) -> Shape:
    return (None, *shape)
