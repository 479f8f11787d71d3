"""What Keras keeps in `saving`: models to files, objects to configurations and back, names of one's own.

A configuration is JSON: {"module", "class_name", "config", "registered_name"}, as Keras writes it. Those of
Keras are read, too, of what this library has.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from autograd.structure import flatten

from .arguments import FLAG, TEXT, shown
from .checkpoint.container import DAMAGE, parse
from .checkpoint.files import Place
from .checkpoint.keras_configs import KERAS_CLASSES, from_keras
from .checkpoint.loading import CLASSES, load
from .checkpoint.serializing import serialize_keras_object
from .errors import ArgumentError, FileError
from .graph.graph import Graph
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
from .weights import apart

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
        model: with `clone_function` a `Sequential` or a model of placeholders.
        input_tensors: the placeholders, from `nn.Input`, of a new model of placeholders: one, or a list.
        call_function: None.
        clone_function: from a layer to that of the new model; default one made of its configuration. It is
            not asked for inputs and operations.
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
        raise ArgumentError("clone_model: call_function is None; a layer's call belongs to its class")
    deep = FLAG.checked("clone_model", "recursive", recursive)
    if clone_function is not None and not callable(clone_function):
        raise ArgumentError(f"clone_model: clone_function is a function of a layer, got {clone_function!r}")
    is_graph = model.graph is not None and not isinstance(model, Sequential)
    if input_tensors is not None and not is_graph:
        raise ArgumentError(
            "clone_model: input_tensors are for models of placeholders, nn.Model(inputs, outputs)"
        )

    def cloned(layer: Module) -> Module:
        if deep and isinstance(layer, Model) and (layer.graph is not None or isinstance(layer, Sequential)):
            return clone_model(layer, clone_function=clone_function, recursive=True)
        return _checked_layer(clone_function(layer))

    if is_graph and (clone_function is not None or input_tensors is not None):
        twin = _cloned_graph(model, cloned if clone_function is not None else None, input_tensors)
    elif clone_function is None:
        twin = type(model).from_config(model.get_config())
    elif isinstance(model, Sequential):
        layers = [cloned(layer) for layer in model.layers]
        twin = Sequential(layers, dtype=model.dtype, name=model.get_config()["name"], seed=model.seed)
    else:
        raise ArgumentError(
            "clone_model: clone_function is for a Sequential and for models of placeholders; what a class of "
            "your own makes of its layers stands in its code"
        )
    if model.built and not twin.built and model.sample_shape is not None:
        twin.build((None, *model.sample_shape))
    return twin


def _cloned_graph(model: Model, clone: Callable[[Module], Module] | None, input_tensors: Any) -> Model:
    """A model of placeholders with other layers, on other inputs."""
    config = model.get_config()
    graph = dict(config["graph"])
    fixed = (InputLayer, Operation)
    change = clone or apart
    graph["layers"] = [layer if isinstance(layer, fixed) else change(layer) for layer in graph["layers"]]
    given = graph["entries"] if input_tensors is None else flatten(input_tensors)
    if len(given) != len(graph["entries"]):
        raise ArgumentError(f"clone_model: {len(given)} input_tensors for {len(graph['entries'])} inputs")
    for place, symbol in zip(graph["entries"], given, strict=True):
        if input_tensors is None:
            old = graph["layers"][place]
            graph["layers"][place] = type(old).from_config(old.get_config())
        elif isinstance(symbol, SymbolicTensor) and isinstance(symbol.call.layer, InputLayer):
            graph["layers"][place] = symbol.call.layer
        else:
            raise ArgumentError(
                f"clone_model: input_tensors are placeholders of nn.Input, got {shown(symbol)}"
            )
    made = Graph.from_config(graph)
    others = {name: value for name, value in config.items() if name not in ("graph", "dtype")}
    return type(model)(inputs=made.inputs, outputs=made.outputs, **others)


def _checked_layer(layer: Any) -> Module:
    if not isinstance(layer, Module):
        raise ArgumentError(f"clone_model: clone_function returned {type(layer).__name__}, not a layer")
    return layer
