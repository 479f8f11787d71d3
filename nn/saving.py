"""Writing a model to one file: safetensors, with the architecture as JSON in its header. Nothing in it is code.

Weights, optimiser and random state are always in it; in the middle of `fit` also where the run stands (`nn/run.py`).
The file is written beside its place and renamed when complete, so a reader never sees half of it.
"""

from __future__ import annotations

import inspect
import os
from typing import TYPE_CHECKING, Any

from autograd import Tensor

from . import activations
from .errors import ArgumentError, MissingExtraError
from .module import Module, Parameter, config_of
from .run import random_state

if TYPE_CHECKING:
    from .model import Model

FORMAT = "gradloom-1"


def safetensors_numpy() -> Any:
    """The safetensors package, or the error that says how to install it."""
    try:
        import safetensors.numpy
    except ImportError as error:
        raise MissingExtraError(
            "saving and loading need safetensors: pip install 'gradloom[save]'"
        ) from error
    return safetensors


def describe(thing: Any) -> Any:
    """A configuration as JSON: objects become {"class": name, "config": arguments}, functions {"function": name}."""
    if thing is None or isinstance(thing, (bool, int, float, str)):
        return thing
    if isinstance(thing, (list, tuple)):
        return [describe(item) for item in thing]
    if isinstance(thing, dict):
        return {str(key): describe(item) for key, item in thing.items()}
    name = activations.name_of(thing)
    if name is not None:
        return name
    if inspect.isfunction(thing) and thing.__name__.isidentifier():
        return {"function": thing.__name__}
    if (callable(thing) and not hasattr(thing, "__dict__")) or type(thing).__name__ in (
        "function",
        "builtin_function_or_method",
        "method",
        "partial",
    ):
        raise ArgumentError(
            f"save: {getattr(thing, '__name__', thing)!r} is a function without a name, and a file holds no code. "
            "Use a name such as 'relu', a function made by def, or a class with get_config()."
        )
    config = thing.get_config() if isinstance(thing, Module) else config_of(thing)
    return {
        "class": vars(type(thing)).get("saved_as", type(thing).__name__),
        "config": {key: describe(item) for key, item in config.items()},
    }


def save(model: Model, path: str | os.PathLike[str]) -> None:
    """Write `model`, its optimizer and how it was compiled to `path`."""
    # here and in loading.py alone: a program that saves nothing should not wait for it at import
    import json

    library = safetensors_numpy()
    if not model.built:
        raise ArgumentError(
            "save: the model is not built yet; call it on some input, or give the first layer an input_shape"
        )
    arrays: dict[str, Any] = {f"model.{n}": array for n, array in model.state_dict().items()}
    header = {"format": FORMAT, "random": random_state(), **described(model)}
    if model.optimizer is not None:
        arrays |= {f"optimizer.{name}": t.numpy() for name, t in model.optimizer.state().items()}
    if model.loss_scale is not None:
        arrays |= {f"loss_scale.{name}": t.numpy() for name, t in model.loss_scale.state().items()}
    if model.current_run is not None:
        header["run"] = pack(vars(model.current_run.position()), arrays, "run")
    data = library.numpy.save(arrays, metadata={"gradloom": json.dumps(header)})
    write_atomically(os.fspath(path), data)


def save_weights(model: Model, path: str | os.PathLike[str]) -> None:
    """Write the parameters and buffers of `model` to `path`."""
    import json

    library = safetensors_numpy()
    if not model.built:
        raise ArgumentError("save_weights: the model is not built yet; call it on some input")
    arrays = {f"model.{name}": array for name, array in model.state_dict().items()}
    data = library.numpy.save(arrays, metadata={"gradloom": json.dumps({"format": FORMAT})})
    write_atomically(os.fspath(path), data)


def pack(value: Any, arrays: dict[str, Any], name: str) -> Any:
    """`value` as JSON, its arrays moved to `arrays` under `name` and named there."""
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, (list, tuple)):
        return [pack(item, arrays, f"{name}.{i}") for i, item in enumerate(value)]
    if isinstance(value, dict):
        return {str(key): pack(item, arrays, f"{name}.{key}") for key, item in value.items()}
    if isinstance(value, Tensor):
        value = value.numpy()
    if not hasattr(value, "__array__"):
        raise ArgumentError(
            f"save: {name} is a {type(value).__name__}; the state of a run is made of numbers, texts and arrays"
        )
    arrays[name] = value
    return {"array": name}


def described(model: Model) -> dict[str, Any]:
    """What was defined and compiled, as JSON."""
    header: dict[str, Any] = {
        "model": describe(model),
        "input_shape": None if model.sample_shape is None else list(model.sample_shape),
    }
    frozen = [name for name, module in model.named_modules() if not module.trainable]
    fixed = [name for name, t in model.named_tensors() if isinstance(t, Parameter) and not t.requires_grad]  # fmt: skip
    if frozen or fixed:
        header["frozen"] = {"modules": frozen, "parameters": fixed}
    if model.optimizer is not None:
        header["optimizer"] = describe(model.optimizer)
        header["loss"] = None if model.loss is None else describe(model.loss)
        header["metrics"] = [describe(metric) for metric in model.metrics]
        if model.mixed_precision is not None:
            header["mixed_precision"] = model.mixed_precision
            header["loss_scale"] = describe(model.loss_scale)
    return header


def write_atomically(path: str, data: bytes) -> None:
    """Write to a temporary file in the same folder, flush it to disk, and rename it."""
    temporary = f"{path}.{os.getpid()}-{os.urandom(4).hex()}.part"
    handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise
