"""Writing a model to one file: safetensors, with the architecture as JSON in its header. Nothing in it is code.

Weights, optimiser and random state are always in it; in the middle of `fit` also where the run stands (`nn/run.py`).
`nn/files.py` is how it gets to the disk, `nn/reading.py` how it is read.
"""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

from autograd import Tensor

from . import activations
from .errors import ArgumentError
from .files import Place, write
from .module import Module, config_of
from .parameter import Parameter
from .position import random_state

if TYPE_CHECKING:
    from .model import Model

FORMAT = "gradloom-2"
UNSUMMED = "gradloom-1"
"""The format before, which is read, too: the same without a checksum."""
DIGEST, NO_DIGEST = rb"\"sha256\": \"%s\"", b"0" * 64
"""The checksum in the head of a file, which is that of the file with zeros in its place. The description is a text in
JSON, so its quotes have backslashes."""
LONGEST_TABLE = 16 << 20
"""Bytes of what stands before the arrays: parsed, they take some 25 times the memory."""


def safetensors_numpy() -> Any:
    """The safetensors package. Like the two below it is imported late: most programs save nothing, and need not wait."""
    import safetensors.numpy

    return safetensors


def as_json(value: Any) -> str:
    """JSON text."""
    import json

    return json.dumps(value)


def sha256(*parts: bytes | memoryview) -> str:
    """The checksum of parts one after the other."""
    import hashlib

    found = hashlib.sha256()
    for part in parts:
        found.update(part)
    return found.hexdigest()


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


def save(model: Model, place: Place) -> None:
    """Write `model`, its optimizer and how it was compiled to a path or a binary file."""
    _check_built("save", model)
    arrays: dict[str, Any] = {f"model.{n}": array for n, array in model.state_dict().items()}
    header = {"random": random_state(), **described(model)}
    if model.optimizer is not None:
        arrays |= {f"optimizer.{name}": t.numpy() for name, t in model.optimizer.state().items()}
    if model.loss_scale is not None:
        arrays |= {f"loss_scale.{name}": t.numpy() for name, t in model.loss_scale.state().items()}
    if model.current_run is not None:
        header["run"] = pack(model.current_run.position().fields(), arrays, "run")
    write(place, contents("save", header, arrays))


def save_weights(model: Model, place: Place) -> None:
    """Write the parameters and buffers of `model` to a path or a binary file."""
    _check_built("save_weights", model)
    arrays = {f"model.{name}": array for name, array in model.state_dict().items()}
    write(place, contents("save_weights", {}, arrays))


def contents(what: str, header: dict[str, Any], arrays: dict[str, Any]) -> list[bytes | memoryview]:
    """The bytes of a file: its head, with the checksum of them all, and its arrays."""
    # first, so that it is found before whatever else the description holds
    summed = {"sha256": NO_DIGEST.decode(), "format": FORMAT, **header}
    metadata = {"gradloom": as_json(summed)}
    data = safetensors_numpy().numpy.save(arrays, metadata=metadata)
    start = 8 + int.from_bytes(data[:8], "little")
    if start - 8 > LONGEST_TABLE:
        raise ArgumentError(
            f"{what}: the description and the names of the arrays take {start - 8} bytes; a file with more than "
            f"{LONGEST_TABLE} would not be read again"
        )
    digest = DIGEST % sha256(data).encode()
    return [data[:start].replace(DIGEST % NO_DIGEST, digest, 1), memoryview(data)[start:]]


def _check_built(what: str, model: Model) -> None:
    if not model.built:
        raise ArgumentError(
            f"{what}: the model is not built yet; call it on some input, or give the first layer an input_shape"
        )


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


def saved_shape(model: Model) -> list[int] | None:
    """The shape of a sample, as JSON."""
    return None if model.sample_shape is None else list(model.sample_shape)


def described(model: Model) -> dict[str, Any]:
    """What was defined and compiled, as JSON."""
    header: dict[str, Any] = {
        "model": describe(model),
        "input_shape": saved_shape(model),
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
