"""What Keras keeps in `saving`: whole models, weights, and single objects as descriptions."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from .arguments import FLAG
from .checkpoint.description import describe, make
from .checkpoint.files import Place
from .checkpoint.loading import CLASSES
from .checkpoint.loading import load as load_model
from .custom_objects import (
    CustomObjectScope,
    custom_object_scope,
    get_custom_objects,
    get_registered_name,
    get_registered_object,
    known_by_name,
    register_keras_serializable,
)
from .errors import ArgumentError
from .model import Model

__all__ = [
    "CustomObjectScope", "custom_object_scope", "deserialize_keras_object", "get_custom_objects",
    "get_registered_name", "get_registered_object", "load_model", "load_weights",
    "register_keras_serializable", "save_model", "save_weights", "serialize_keras_object",
]  # fmt: skip


def save_model(model: Model, filepath: Place, overwrite: bool = True) -> None:
    """`model.save(filepath)`.

    Raises:
        ArgumentError: with `overwrite=False`, where there is such a file already.
    """
    _free(filepath, FLAG.checked("save_model", "overwrite", overwrite))
    model.save(filepath)


def save_weights(model: Model, filepath: Place, overwrite: bool = True) -> None:
    """`model.save_weights(filepath)`; `overwrite` is that of `save_model`."""
    _free(filepath, FLAG.checked("save_weights", "overwrite", overwrite))
    model.save_weights(filepath)


def load_weights(model: Model, filepath: Place) -> None:
    """`model.load_weights(filepath)`."""
    model.load_weights(filepath)


def _free(place: Any, overwrite: bool) -> None:
    if not overwrite and not hasattr(place, "write") and os.path.exists(place):
        raise ArgumentError(f"there is a file {os.fspath(place)!r} already, and overwrite is False")


def serialize_keras_object(obj: Any) -> Any:
    """A layer, loss, optimizer ... as JSON: {"class_name": ..., "config": arguments}; functions by name.

    >>> import nn
    >>> nn.saving.serialize_keras_object(nn.L2(0.5))
    {'class_name': 'L2', 'config': {'l2': 0.5}}
    """
    return _renamed(describe(obj), "class", "class_name")


def deserialize_keras_object(config: Any, custom_objects: Mapping[str, Any] | None = None) -> Any:
    """The object that `serialize_keras_object` described, of this package's classes and known own ones.

    Raises:
        FileError: an unknown class or function.

    >>> import nn
    >>> nn.saving.deserialize_keras_object({"class_name": "L2", "config": {"l2": 0.5}}).l2
    0.5
    """
    return make(_renamed(config, "class_name", "class"), CLASSES | known_by_name(custom_objects))


def _renamed(config: Any, old: str, new: str) -> Any:
    """A description with another name for the class; what Keras notes besides goes."""
    if isinstance(config, (list, tuple)):
        return [_renamed(item, old, new) for item in config]
    if not isinstance(config, Mapping):
        return config
    renamed = {key: _renamed(value, old, new) for key, value in config.items()}
    if old in renamed and "config" in renamed:
        return {new: renamed.get("registered_name") or renamed[old], "config": renamed["config"]}
    return renamed
