"""Graphs of layers from Keras's configurations: layers, the nodes of their calls, inputs and outputs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from autograd.structure import flatten

from .. import ops
from ..arguments import shown
from ..constructors import snake_case
from ..errors import FileError
from ..graph.history import calls_of
from ..graph.symbols import InputLayer
from ..model import Model

Read = Callable[[Any], Any]
"""From a description to what it stands for."""


def graph_of(config: Any, read: Read) -> Model:
    """The model that the configuration of a functional model describes.

    Raises:
        FileError: it is no graph, or holds an operation that is not known here, by name.
    """
    layers = config.get("layers") if isinstance(config, dict) else None
    if not isinstance(layers, list) or not layers:
        raise FileError("a model without a list of layers")
    results: dict[tuple[str, int], Any] = {}
    waiting = [node for description in layers for node in _nodes(description, read, results)]
    while waiting:
        ready = [node for node in waiting if node.sources <= results.keys()]
        if not ready:
            raise FileError(f"{waiting[0].name!r} takes what no layer gives")
        for node in ready:
            results[node.name, node.number] = node.call(results)
        waiting = [node for node in waiting if node not in ready]
    ends = {key: _picked(config.get(f"{key}_layers"), results) for key in ("input", "output")}
    model = Model(ends["input"], ends["output"], name=_text(config.get("name")))
    if config.get("trainable") is False:
        model.trainable = False
    return model


class _Node:
    """One call of a layer.

    Args:
        layer: what is called.
        name: of the layer in the configuration.
        number: of the call among those of the layer.
        args, kwargs: with references to results in them.
    """

    def __init__(self, layer: Any, name: str, number: int, args: Any, kwargs: Any) -> None:
        self.layer, self.name, self.number = layer, name, number
        self.args, self.kwargs = args, kwargs
        self.sources = {
            (ref.name, ref.node) for ref in flatten([args, kwargs]) if isinstance(ref, _Reference)
        }

    def call(self, results: Mapping[tuple[str, int], Any]) -> Any:
        args, kwargs = (_resolved(part, results) for part in (self.args, self.kwargs))
        given = {key: value for key, value in kwargs.items() if value is not None}
        if strange := set(given) - {"training"} if hasattr(self.layer, "built") else set():
            raise FileError(f"{self.name!r} is called with {sorted(strange)[0]}, which is not known here")
        return self.layer(*args, **given)


class _Reference:
    """The result of a call: which layer, which call of it, which of its outputs."""

    def __init__(self, name: Any, node: Any, output: Any) -> None:
        if not (isinstance(name, str) and isinstance(node, int) and isinstance(output, int)):
            raise FileError(f"{shown([name, node, output])} is no result of a layer")
        self.name, self.node, self.output = name, node, output

    def of(self, results: Mapping[tuple[str, int], Any]) -> Any:
        found = flatten(results.get((self.name, self.node)))
        if not 0 <= self.output < len(found):
            raise FileError(f"there is no output {self.output} of {self.name!r}")
        return found[self.output]


def _nodes(description: Any, read: Read, results: dict[tuple[str, int], Any]) -> list[_Node]:
    """The calls of a layer; inputs are results at once."""
    if not isinstance(description, dict) or not isinstance(description.get("config"), dict):
        raise FileError(f"{shown(description)} among the layers")
    name = _text(description.get("name", description["config"].get("name"))) or ""
    if str(description.get("module")).startswith("keras.src.ops"):
        layer: Any = _operation(description)
    else:
        layer = read({key: value for key, value in description.items() if key != "inbound_nodes"})
    if isinstance(layer, InputLayer):
        results[name, 0] = calls_of(layer)[0].outputs
        return []
    nodes = description.get("inbound_nodes")
    if not isinstance(nodes, list):
        raise FileError(f"{name!r} does not say what it takes")
    return [_Node(layer, name, number, *_arguments(node, read)) for number, node in enumerate(nodes)]


def _operation(description: dict[str, Any]) -> Callable[..., Any]:
    """The function of `nn.ops` for an operation of Keras."""
    name = snake_case(description["class_name"])
    if name == "get_item":
        return lambda x, key: x[tuple(key) if isinstance(key, list) else key]
    function = getattr(ops, name, None)
    if function is None:
        raise FileError(f"the operation {description['class_name']!r} of Keras is not known here")
    settings = {key: value for key, value in description["config"].items() if key not in ("name", "dtype")}
    return lambda *args, **kwargs: function(*args, **{**settings, **kwargs})


def _arguments(node: Any, read: Read) -> tuple[Any, Any]:
    """(args, kwargs) of a call, in the form of Keras 3 or of Keras 2."""
    if isinstance(node, dict):
        return _references(node.get("args", []), read), _references(node.get("kwargs", {}), read)
    if not isinstance(node, list) or not all(
        isinstance(entry, list) and len(entry) in (3, 4) for entry in node
    ):
        raise FileError(f"{shown(node)} is no call of a layer")
    references = [_Reference(*entry[:3]) for entry in node]
    kwargs = node[0][3] if node and len(node[0]) == 4 else {}
    return [references[0] if len(references) == 1 else references], _references(kwargs, read)


def _references(value: Any, read: Read) -> Any:
    if isinstance(value, dict):
        kind = value.get("class_name")
        if kind == "__keras_tensor__":
            history = value.get("config", {}).get("keras_history")
            if not isinstance(history, list) or len(history) != 3:
                raise FileError(f"{shown(history)} is no result of a layer")
            return _Reference(*history)
        if kind == "__slice__":
            config = value["config"]
            return slice(*(config.get(end) for end in ("start", "stop", "step")))
        if kind is not None:
            return read(value)
        return {key: _references(item, read) for key, item in value.items()}
    return [_references(item, read) for item in value] if isinstance(value, list) else value


def _resolved(value: Any, results: Mapping[tuple[str, int], Any]) -> Any:
    if isinstance(value, _Reference):
        return value.of(results)
    if isinstance(value, dict):
        return {key: _resolved(item, results) for key, item in value.items()}
    return (
        type(value)([_resolved(item, results) for item in value])
        if isinstance(value, (list, tuple))
        else value
    )


def _picked(value: Any, results: Mapping[tuple[str, int], Any]) -> Any:
    """Inputs or outputs: one [layer, call, output], or a list or dict of such."""
    if isinstance(value, dict):
        return {key: _picked(item, results) for key, item in value.items()}
    if not isinstance(value, list) or not value:
        raise FileError(f"{shown(value)} is no list of inputs or outputs")
    if isinstance(value[0], str):
        return _Reference(*value[:3]).of(results)
    return [_picked(item, results) for item in value]


def _text(value: Any) -> str | None:
    if not (value is None or isinstance(value, str)):
        raise FileError(f"a layer is called {shown(value)}")
    return value
