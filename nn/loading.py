"""Reading a saved model. Only classes listed here, or given by the caller, are ever made; a file cannot name others."""

from __future__ import annotations

import inspect
import math
import os
from collections.abc import Mapping, Sequence
from typing import Any

import autograd as ag
from autograd.errors import nearest

from . import (
    constraints,
    initializers,
    layers,
    losses,
    metrics,
    optimizers,
    precision,
    regularizers,
    sequential,
)
from .budget import limited_to
from .errors import FileError
from .model import Model
from .optimizers import schedules
from .reading import DAMAGE, part, read
from .resuming import restore_optimizer, restore_run, restore_scale

CLASSES: dict[str, type] = {
    vars(member).get("saved_as", name): member
    for module in (
        constraints,
        initializers,
        layers,
        losses,
        metrics,
        optimizers,
        precision,
        regularizers,
        schedules,
        sequential,
    )
    for name, member in vars(module).items()
    if inspect.isclass(member) and member.__module__.startswith("nn.")
}

_LARGEST_SAMPLE = 1 << 24
"""Numbers in one sample: a shape beyond it is damage, and would be allocated to build the model."""


def load(path: str | os.PathLike[str], custom_objects: Mapping[str, Any] | None = None) -> Model:
    """The model that `model.save(path)` wrote: architecture, weights, optimizer with its state, loss, metrics.

    The default random generator is set where it was too, so what follows is bit for bit what would have followed
    there. A file written during `fit` also holds the place in the run: `fit(..., initial_epoch=k)`, with the k epochs
    that were finished, goes on there (in the middle of an epoch, if it was written there).

    Args:
        path: the file.
        custom_objects: your own classes and functions by name.

    Raises:
        FileNotFoundError: there is no such file.
        FileError: the file is damaged, truncated, or not a model; or it names an unknown class.
    """
    header, arrays = read(os.fspath(path))
    classes = CLASSES | dict(custom_objects or {})
    try:
        with limited_to(sum(array.size for array in arrays.values())):
            model = _make(header["model"], classes)
            if not isinstance(model, Model):
                raise FileError(f"holds a {type(model).__name__}, not a model")
            _restore(model, header, arrays, classes)
    except FileError as error:
        raise FileError(f"{path}: {error}") from error
    except DAMAGE as error:
        raise FileError(f"{path}: the file does not describe a model: {error}") from error
    return model


def _make(description: Any, classes: Mapping[str, Any]) -> Any:
    """The inverse of `saving.describe`."""
    if isinstance(description, list):
        return [_make(item, classes) for item in description]
    if not isinstance(description, dict):
        return description
    if set(description) == {"function"}:
        return _function(description["function"], classes)
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


def _function(name: Any, classes: Mapping[str, Any]) -> Any:
    found = classes.get(name)
    if not inspect.isfunction(found):
        raise FileError(
            f"unknown function {name!r}, and a file holds no code. "
            f"Pass yours as custom_objects={{{name!r}: {name}}}."
        )
    return found


def _freeze(model: Model, modules: Sequence[str] = (), parameters: Sequence[str] = ()) -> None:
    """What did not train when the file was written."""
    known = dict(model.named_modules())
    for name in modules:
        known[name]._trainable = False
    tensors = dict(model.named_tensors())
    for name in parameters:
        tensors[name].requires_grad = False


def _restore(
    model: Model, header: dict[str, Any], arrays: dict[str, Any], classes: Mapping[str, Any]
) -> None:
    if not model.built:
        if header["input_shape"] is None:
            raise FileError("the shape of the inputs is missing")
        if math.prod(header["input_shape"]) > _LARGEST_SAMPLE:
            raise FileError(f"a sample of shape {header['input_shape']} is too large")
        model.ensure_built(ag.zeros((1, *header["input_shape"]), model.dtype))
    model.load_state_dict(part(arrays, "model."))
    _freeze(model, **header.get("frozen", {}))
    if "optimizer" in header:
        model.compile(
            _make(header["optimizer"], classes),
            None if header["loss"] is None else _make(header["loss"], classes),
            [_make(metric, classes) for metric in header["metrics"]],
            mixed_precision=header.get("mixed_precision"),
        )
        model.loss_scale = _make(header.get("loss_scale"), classes)
    if model.optimizer is not None:
        restore_optimizer(model.optimizer, part(arrays, "optimizer."), model)
        restore_scale(model.loss_scale, part(arrays, "loss_scale."))
    restore_run(model, header, arrays)
