"""What Keras keeps in `saving`: models to files, objects to configurations and back, names of one's own.

A configuration is JSON: {"module", "class_name", "config", "registered_name"}, as Keras writes it. Those of
Keras are read, too, of what this library has.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from autograd.structure import flatten, keys_of

from .arguments import FLAG, TEXT
from .checkpoint.container import DAMAGE, parse
from .checkpoint.files import Place
from .checkpoint.keras_configs import KERAS_CLASSES, from_keras
from .checkpoint.loading import CLASSES, load
from .checkpoint.serializing import serialize_keras_object
from .errors import ArgumentError, FileError
from .graph.graph import Graph, placeholders
from .graph.symbols import InputLayer, SymbolicTensor
from .layers.operation import Operation
from .model import Model
from .module import Module
from .registry import (
    CustomObjectScope,
    checked_objects,
    custom_object_scope,
    get_custom_objects,
    get_registered_name,
    get_registered_object,
    known_objects,
    register_keras_serializable,
)
from .sequential import Sequential

__all__ = [
    "CustomObjectScope",
    "custom_object_scope",
    "deserialize_keras_object",
    "get_custom_objects",
    "get_registered_name",
    "get_registered_object",
    "load_model",
    "load_weights",
    "register_keras_serializable",
    "save_model",
    "save_weights",
    "serialize_keras_object",
]


def save_model(model: Model, filepath: Place, overwrite: bool = True, zipped: Any = None) -> None:
    """`model.save(filepath)`.

    Args:
        overwrite: False refuses a file that is there.
        zipped: None; there is one kind of file.
    """
    if zipped is not None:
        raise ArgumentError(f"save_model: zipped is None, there is one kind of file; got {zipped!r}")
    model.save(filepath, overwrite=overwrite)


def load_model(
    filepath: Place,
    custom_objects: Mapping[str, Any] | None = None,
    compile: bool = True,
    safe_mode: bool = True,
) -> Model:
    """`nn.load` with Keras's arguments; files of Keras are read, too.

    Args:
        filepath, custom_objects: as there.
        compile: False leaves optimizer, loss and metrics aside.
        safe_mode: True; no code of a file is ever run.
    """
    if not FLAG.checked("load_model", "safe_mode", safe_mode):
        raise ArgumentError("load_model: safe_mode=False would run code from the file, and none is run here")
    return load(filepath, custom_objects, compile=compile)


def save_weights(model: Model, filepath: Place, overwrite: bool = True) -> None:
    """`model.save_weights(filepath)`; `overwrite=False` refuses a file that is there."""
    model.save_weights(filepath, overwrite=overwrite)


def load_weights(model: Model, filepath: Place, skip_mismatch: bool = False) -> None:
    """`model.load_weights(filepath)`; weights that do not fit are never skipped."""
    model.load_weights(filepath, skip_mismatch=skip_mismatch)


def deserialize_keras_object(
    config: Any, custom_objects: Mapping[str, Any] | None = None, safe_mode: bool = True
) -> Any:
    """The object that a configuration describes, of this library or of Keras.

    Raises:
        FileError: a class or an argument that is not known here, by name; or it is no configuration.
    """
    if not FLAG.checked("deserialize_keras_object", "safe_mode", safe_mode):
        raise ArgumentError("deserialize_keras_object: safe_mode is True; no code is ever run here")
    known = known_objects(CLASSES, checked_objects("deserialize_keras_object", custom_objects))
    try:
        made = from_keras(config, {**known, **KERAS_CLASSES})
        if isinstance(made, Model) and not made.built and isinstance(config, dict):
            shape = (config.get("build_config") or {}).get("input_shape")
            if shape is not None:
                made.build(tuple(shape))
    except FileError:
        raise
    except DAMAGE as error:
        raise FileError(f"this is no configuration of an object: {error}") from error
    return made


def model_from_json(json_string: str, custom_objects: Mapping[str, Any] | None = None) -> Model:
    """The model that `model.to_json()` of this library or of Keras describes, with new weights.

    Raises:
        FileError: it describes none, or names what is not known here.

    >>> import nn
    >>> model = nn.Sequential([nn.Input((3,)), nn.Dense(2)])
    >>> nn.models.model_from_json(model.to_json()).output_shape
    (None, 2)
    """
    text = TEXT.checked("model_from_json", "json_string", json_string)
    try:
        config = parse(text)
    except DAMAGE as error:
        raise FileError(f"model_from_json: this is no JSON: {error}") from error
    model = deserialize_keras_object(config, custom_objects)
    if not isinstance(model, Model):
        raise FileError(f"model_from_json: it describes a {type(model).__name__}, not a model")
    return model


def clone_model(
    model: Model,
    input_tensors: Any = None,
    clone_function: Any = None,
    call_function: Any = None,
    recursive: bool = False,
) -> Model:
    """A model of the same architecture with new layers and weights; built where the model is.

    Args:
        model: what to clone; with `clone_function` a `Sequential`, or one made by `Model(inputs, outputs)`.
        input_tensors: of a model made by `Model(inputs, outputs)`, the placeholders that the new one begins
            with, in the form of `model.input`; default new ones.
        clone_function: from a layer to that of the new model; default one made of its configuration. Those of
            inputs and operators are not given to it.
        call_function: None; layers are called as they were.
        recursive: clone models inside with `clone_function`, too.

    >>> import nn
    >>> model = nn.Sequential([nn.Input((3,)), nn.Dense(2)])
    >>> twin = nn.models.clone_model(model)
    >>> twin.output_shape, twin.layers[0] is model.layers[0]
    ((None, 2), False)
    """
    if not isinstance(model, Model):
        raise ArgumentError(f"clone_model: a model is expected, got {type(model).__name__}")
    if call_function is not None:
        raise ArgumentError("clone_model: call_function is None; the layers are called as they were")
    deep = FLAG.checked("clone_model", "recursive", recursive)
    if clone_function is not None and not callable(clone_function):
        raise ArgumentError("clone_model: clone_function is a function from layer to layer")
    twin = _twin(model, clone_function, deep, {}, input_tensors)
    if model.built and not twin.built and model.sample_shape is not None:
        twin.build((None, *model.sample_shape))
    return twin


def _twin(model: Model, function: Any, deep: bool, known: dict[int, Module], inputs: Any = None) -> Model:
    """The clone; `known` holds the layers that were cloned, by identity, so that shared ones stay shared."""
    config = model.get_config()
    is_graph = "graph" in config
    if inputs is not None and not is_graph:
        raise ArgumentError(
            "clone_model: input_tensors is for models made by nn.Model(inputs, outputs), got it for a "
            f"{type(model).__name__}"
        )
    if function is None and inputs is None:
        return type(model).from_config(config)

    def cloned(layer: Module) -> Module:
        if id(layer) not in known:
            known[id(layer)] = (
                _twin(cast("Model", layer), function, True, known)
                if deep and _is_listed(layer)
                else _checked_layer((function or _anew)(layer))
            )
        return known[id(layer)]

    if is_graph:
        graph = config["graph"]
        layers = [
            _anew(layer) if isinstance(layer, (InputLayer, Operation)) else cloned(layer)
            for layer in graph["layers"]
        ]
        sources = None if inputs is None else _sources(model, inputs)
        return type(model).of_graph(Graph.again(graph, layers, sources), config)
    if not isinstance(model, Sequential):
        raise ArgumentError(
            "clone_model: clone_function is for a Sequential and models made by nn.Model(inputs, outputs); a "
            f"{type(model).__name__} makes its layers itself"
        )
    layers = [cloned(layer) for layer in model.layers]
    own = {name: value for name, value in config.items() if name in ("dtype", "input_dtype", "seed", "name")}
    return Sequential.from_config({"layers": layers, **own})


def _is_listed(layer: Module) -> bool:
    """Whether it is a model whose layers can be replaced."""
    return isinstance(layer, Sequential) or (isinstance(layer, Model) and "graph" in layer.get_config())


def _anew(layer: Module) -> Module:
    return type(layer).from_config(layer.get_config())


def _sources(model: Model, given: Any) -> list[SymbolicTensor]:
    """`input_tensors` in the order of the model's inputs."""
    graph, tree = model.wanted_graph(), placeholders("input_tensors", given)
    form = keys_of(graph.inputs) if isinstance(graph.inputs, dict) else len(graph.sources)
    found = keys_of(tree) if isinstance(tree, dict) else len(flatten(tree))
    if form != found:
        raise ArgumentError(f"clone_model: input_tensors have the form of model.input, {form}, got {found}")
    sources: list[SymbolicTensor] = flatten(tree)
    for own, source in zip(graph.sources, sources, strict=True):
        if own.shape[1:] != source.shape[1:]:
            raise ArgumentError(f"clone_model: input_tensors has {source!r} where the model has {own!r}")
    return sources


def _checked_layer(layer: Any) -> Module:
    if not isinstance(layer, Module):
        raise ArgumentError(f"clone_model: clone_function returned {type(layer).__name__}, not a layer")
    return layer
