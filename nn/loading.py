"""Reading a saved model. Only classes listed here, or given by the caller, are ever made; a file cannot name others."""

from __future__ import annotations

import inspect
import os
from collections.abc import Mapping
from typing import Any

import autograd as ag
from autograd import GradloomError
from autograd.errors import nearest

from . import (
    constraints,
    initializers,
    layers,
    losses,
    metrics,
    optimizers,
    regularizers,
    sequential,
)
from .errors import FileError
from .model import Model
from .optimizers import schedules
from .saving import FORMAT, safetensors_numpy

CLASSES: dict[str, type] = {
    name: member
    for module in (
        constraints,
        initializers,
        layers,
        losses,
        metrics,
        optimizers,
        regularizers,
        schedules,
        sequential,
    )
    for name, member in vars(module).items()
    if inspect.isclass(member) and member.__module__.startswith("nn.")
}

# what reading arbitrary bytes as a description can end in
_DAMAGE = (
    GradloomError,
    ArithmeticError,
    AttributeError,
    LookupError,
    MemoryError,
    RecursionError,
    TypeError,
    ValueError,
)


def load(path: str | os.PathLike[str], custom_objects: Mapping[str, type] | None = None) -> Model:
    """The model that `model.save(path)` wrote: architecture, weights, optimizer with its state, loss, metrics.

    Args:
        path: the file.
        custom_objects: your own classes by name.

    Raises:
        FileNotFoundError: there is no such file.
        FileError: the file is damaged, truncated, or not a model; or it names an unknown class.
    """
    header, arrays = _read(os.fspath(path))
    classes = CLASSES | dict(custom_objects or {})
    try:
        model = _make(header["model"], classes)
        if not isinstance(model, Model):
            raise FileError(f"{path}: holds a {type(model).__name__}, not a model")
        _restore(model, header, arrays, classes)
    except FileError:
        raise
    except _DAMAGE as error:
        raise FileError(f"{path}: the file does not describe a model: {error}") from error
    return model


def _read(path: str) -> tuple[dict[str, Any], dict[str, Any]]:
    import json

    library = safetensors_numpy()
    if not os.path.isfile(path):
        raise FileNotFoundError(f"no file {path}")
    try:
        with library.safe_open(path, framework="np") as file:
            text = (file.metadata() or {}).get("gradloom")
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a dict
        header = json.loads(text) if text is not None else None
    except (library.SafetensorError, OSError, *_DAMAGE) as error:
        raise FileError(f"{path}: damaged or not a safetensors file ({error})") from error
    if not isinstance(header, dict) or header.get("format") != FORMAT:
        raise FileError(f"{path}: a safetensors file, but not a model of format {FORMAT}")
    return header, arrays


def _make(description: Any, classes: Mapping[str, type]) -> Any:
    """The inverse of `saving.describe`."""
    if isinstance(description, list):
        return [_make(item, classes) for item in description]
    if not isinstance(description, dict):
        return description
    if set(description) != {"class", "config"}:
        return {key: _make(item, classes) for key, item in description.items()}
    name = description["class"]
    if name not in classes:
        raise FileError(
            f"unknown class {name!r}. {nearest(name, classes)} Pass your own as custom_objects={{{name!r}: {name}}}."
        )
    made: Any = classes[name]
    config = {key: _make(item, classes) for key, item in description["config"].items()}
    return made.from_config(config) if hasattr(made, "from_config") else made(**config)


def _restore(
    model: Model, header: dict[str, Any], arrays: dict[str, Any], classes: Mapping[str, type]
) -> None:
    if not model.built:
        if header["input_shape"] is None:
            raise FileError("the shape of the inputs is missing")
        model.ensure_built(ag.zeros((1, *header["input_shape"]), model.dtype))
    model.load_state_dict(_part(arrays, "model."))
    if "optimizer" not in header:
        return
    optimizer = _make(header["optimizer"], classes)
    model.compile(
        optimizer,
        None if header["loss"] is None else _make(header["loss"], classes),
        [_make(metric, classes) for metric in header["metrics"]],
    )
    saved = _part(arrays, "optimizer.")
    if any(name.startswith("slots.") for name in saved):
        optimizer.build(model.parameters())
    state = optimizer.state()
    if set(state) != set(saved):
        raise FileError("the optimizer's state does not fit its configuration")
    for name, tensor in state.items():
        tensor.assign(ag.tensor(saved[name]))


def _part(arrays: dict[str, Any], prefix: str) -> dict[str, Any]:
    return {
        name.removeprefix(prefix): array
        for name, array in arrays.items()
        if name.startswith(prefix)
    }
