"""Objects from Keras's configurations: layers, models, losses and what else a `config.json` names.

A configuration is {"class_name": name, "config": arguments}, with more of it in newer versions. Only classes
of this library and those that the caller gives are made. What we lack is refused by name: an argument that is
unknown here passes where it has the one value that means nothing.
"""

from __future__ import annotations

import inspect
import logging
from collections.abc import Callable, Mapping
from typing import Any

from autograd.errors import nearest

from ..activations import ACTIVATIONS
from ..arguments import shown
from ..errors import FileError
from ..graph.symbols import InputLayer
from ..layers import Layer, LeakyReLU
from ..model import Model
from ..module import Module
from ..sequential import Sequential
from .keras_graphs import graph_of
from .limits import check_sample

_log = logging.getLogger("gradloom")
Classes = Mapping[str, Any]
IDLE: dict[str, tuple[Any, ...]] = {
    "allow_sum_over_batch_size": (None,),
    "ema_momentum": (0.99,),
    "ema_overwrite_frequency": (None,),
    "gradient_accumulation_steps": (None,),
    "input_axes": (None,),
    "input_length": (None,),
    "is_legacy_optimizer": (False, True),
    "jit_compile": (True, False, "auto"),
    "lora_alpha": (None,),
    "lora_rank": (None,),
    "loss_scale_factor": (None,),
    "mask_zero": (False,),
    "moving_mean_initializer": ("zeros",),
    "moving_variance_initializer": ("ones",),
    "noise_shape": (None,),
    "optional": (False,),
    "output_axes": (None,),
    "quantization_config": (None,),
    "ragged": (False,),
    "renorm": (False,),
    "renorm_clipping": (None,),
    "renorm_momentum": (0.99,),
    "rms_scaling": (False,),
    "sparse": (False,),
    "supports_masking": (True, False),
    "synchronized": (False,),
    "use_ema": (False,),
    "decay": (0.0,),
}
"""Arguments of Keras that nothing here knows, with the values at which they change nothing."""
_RENAMED = {"batch_shape": "input_shape", "batch_input_shape": "input_shape", "lr": "learning_rate"}
_OLD_NAMES = {"alpha": ("LeakyReLU", "negative_slope")}


def from_keras(description: Any, classes: Classes) -> Any:
    """What a configuration stands for: an object, a function, or plain values with such in them.

    Raises:
        FileError: a class, function or argument that is not known here; the message names it.
    """
    if isinstance(description, list):
        return [from_keras(item, classes) for item in description]
    if not isinstance(description, dict):
        return description
    name = description.get("class_name")
    if name is None:
        return {key: from_keras(item, classes) for key, item in description.items()}
    if not isinstance(name, str):
        raise FileError(f"a class is called {shown(name)}")
    if name in _SPECIAL and not str(description.get("module")).startswith("nn."):
        return _SPECIAL[name](description, classes)
    return layer_from_keras_config(description, classes)


def layer_from_keras_config(description: dict[str, Any], classes: Classes) -> Any:
    """The layer, model, loss, metric ... that {"class_name", "config"} describes; `from_keras` for the rest.

    Raises:
        FileError: as there.
    """
    config = description.get("config")
    if not isinstance(config, (dict, list)):
        raise FileError(f"the arguments of {description['class_name']} are {shown(config)}, not a dict")
    kind = class_of(description, classes)
    is_ours = str(description.get("module")).startswith("nn.")
    if kind in MODELS and not is_ours:
        return MODELS[kind](config, classes)
    if kind is Functional:
        kind = Model
    if not isinstance(config, dict):
        raise FileError(f"the arguments of {kind.__name__} are a list")
    if is_ours or not str(getattr(kind, "__module__", "")).startswith("nn."):
        arguments = {key: from_keras(item, classes) for key, item in config.items()}
        arguments |= {"dtype": _dtype(config["dtype"])} if "dtype" in config else {}
        check_sample(arguments.get("input_shape"))
        return kind.from_config(arguments) if hasattr(kind, "from_config") else kind(**arguments)
    return kind(**_arguments(kind, config, classes))


def class_of(description: dict[str, Any], classes: Classes) -> Any:
    """The class that a configuration names; one of the user's by the name under which it was registered, too.

    Raises:
        FileError: it is not known.
    """
    registered, name = description.get("registered_name"), description["class_name"]
    for known in (registered, name):
        if isinstance(known, str) and known in classes:
            return classes[known]
    raise FileError(
        f"the class {name!r} of Keras is not known here. {nearest(name, classes)} Pass your own as "
        f"custom_objects={{{name!r}: ...}}."
    )


def _arguments(kind: Any, config: dict[str, Any], classes: Classes) -> dict[str, Any]:
    """The arguments of the constructor, from those of Keras's."""
    taken, arguments = inspect.signature(kind).parameters, {}
    is_layer = isinstance(kind, type) and issubclass(kind, Module)
    for key, item in config.items():
        name = _OLD_NAMES[key][1] if key in _OLD_NAMES and _OLD_NAMES[key][0] == kind.__name__ else key
        name = _RENAMED.get(name, name)
        if name == "dtype":
            if is_layer and (dtype := _dtype(item)) not in (None, "float32"):
                arguments["dtype"] = dtype
            elif not is_layer and _dtype(item) not in (None, "float32", "float64"):
                raise FileError(f"{kind.__name__} has dtype {shown(item)}, which is not known here")
            continue
        value = from_keras(item, classes)
        if name == "input_shape" and isinstance(item, list) and key != "input_shape":
            check_sample(item[1:])
            value = tuple(item[1:])
        if name == "activation" and item == "leaky_relu":
            value = LeakyReLU(0.2)  # Keras's slope under this name
        if name == "seed" and item is not None:
            _log.warning(
                "%s: the seed %s is one of Keras's generator, and is not taken up", kind.__name__, item
            )
            continue
        if name in taken:
            arguments[name] = tuple(value) if isinstance(value, list) and is_layer else value
        elif name != "seed" and (name not in IDLE or not _is_idle(item, IDLE[name])):
            if name == "name":
                continue  # of an initializer or schedule, say, which has none here
            raise FileError(f"{kind.__name__} has {key}={shown(item)}, which is not known here")
    return arguments


def _is_idle(item: Any, idle: tuple[Any, ...]) -> bool:
    if isinstance(item, dict):
        item = str(item.get("class_name")).lower()
    return any(item == value and type(item) is type(value) for value in idle)


def _dtype(item: Any) -> Any:
    """The name of a dtype, also where a policy wraps it."""
    found = item
    if isinstance(item, dict):
        inner = item.get("config")
        found = inner.get("name") if isinstance(inner, dict) else None
    if found is not None and not isinstance(found, str):
        raise FileError(f"a dtype is {shown(item)}")
    if found is not None and found.startswith("mixed_"):
        raise FileError(f"the policy {found!r} is not read here; make the model in float32")
    return found


def _function(description: dict[str, Any], classes: Classes) -> Any:
    name, registered = description.get("config"), description.get("registered_name")
    for known in (registered, name):
        if isinstance(known, str) and inspect.isfunction(classes.get(known)):
            return classes[known]
    if name in ACTIVATIONS:
        return name
    raise FileError(
        f"the function {name!r} is not known here, and a file holds no code. Pass yours as "
        f"custom_objects={{{name!r}: ...}}."
    )


def _no_code(description: dict[str, Any], classes: Classes) -> Any:
    raise FileError("it holds a lambda, and no code of a file is run here")


def _input(description: dict[str, Any], classes: Classes) -> InputLayer:
    config = description["config"]
    shape = config.get("batch_shape", config.get("batch_input_shape"))
    if not isinstance(shape, list) or None in shape[1:]:
        raise FileError(f"inputs of shape {shown(shape)}; every size but the batch has to be known")
    check_sample(shape[1:])
    for key in ("sparse", "ragged"):
        if config.get(key):
            raise FileError(f"InputLayer has {key}=True, which is not known here")
    dtype = _dtype(config.get("dtype"))
    return InputLayer(tuple(shape[1:]), shape[0], dtype, config.get("name"))


def _items(description: dict[str, Any], classes: Classes) -> tuple[Any, ...]:
    return tuple(from_keras(description.get("items", []), classes))


def _policy(description: dict[str, Any], classes: Classes) -> Any:
    return _dtype(description)


_SPECIAL: dict[str, Callable[[dict[str, Any], Classes], Any]] = {
    "function": _function,
    "__lambda__": _no_code,
    "Lambda": _no_code,
    "InputLayer": _input,
    "__tuple__": _items,
    "DTypePolicy": _policy,
    "Policy": _policy,
}


def _sequential(config: Any, classes: Classes) -> Sequential:
    """A model from a list of layers: Keras 1 to 3."""
    listed = config if isinstance(config, list) else config.get("layers")
    named = {} if isinstance(config, list) else config
    if not isinstance(listed, list):
        raise FileError("a Sequential without a list of layers")
    layers = [from_keras(item, classes) for item in listed]
    for layer in layers:
        if not isinstance(layer, Module):
            raise FileError(f"a {type(layer).__name__} among the layers")
    for layer in layers[1:]:
        if isinstance(layer, Layer):
            layer.input_shape = None
    shape = named.get("build_input_shape", named.get("batch_input_shape"))
    known = isinstance(shape, list) and None not in shape[1:] and layers
    if isinstance(shape, list) and known and not isinstance(layers[0], InputLayer):
        check_sample(shape[1:])
        layers = [InputLayer(tuple(shape[1:])), *layers]
    dtype = _dtype(named.get("dtype")) or _dtype_of(layers)
    if layers and isinstance(layers[0], InputLayer) and layers[0].output.dtype.kind == "f":
        # in Keras it is cast to the dtype of each layer; here the model has one
        layers[0].says_dtype = False
    model = Sequential(layers, dtype=dtype, name=named.get("name"))
    if named.get("trainable") is False:
        model.trainable = False
    return model


def _dtype_of(layers: list[Any]) -> str:
    return next((d for layer in layers if (d := getattr(layer, "_chosen_dtype", None))), "float32")


def _functional(config: Any, classes: Classes) -> Model:
    return graph_of(config, lambda item: from_keras(item, classes))


class Functional:
    """The name of Keras's class; what is made is in `MODELS`."""


MODELS: dict[Any, Callable[[Any, Classes], Any]] = {Sequential: _sequential, Functional: _functional}
"""By class, what makes a model from its configuration."""
KERAS_CLASSES: dict[str, Any] = {"Functional": Functional, "Model": Functional}
"""Names that only files of Keras have."""
