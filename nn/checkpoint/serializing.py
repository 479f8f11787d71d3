"""Objects as JSON values in Keras's form, {"class_name", "config"} with the module beside it; no code."""

from __future__ import annotations

import inspect
from typing import Any

from .. import activations
from ..configuration import as_number, written_config
from ..errors import ArgumentError
from ..keras_model import KerasMethods
from ..registry import get_registered_name
from .container import as_json, plain


def serialize_keras_object(thing: Any) -> Any:
    """A layer, model, loss, function ... as JSON values; plain ones stay as they are.

    Raises:
        ArgumentError: a function without a name; what is neither a JSON value nor an object with arguments.

    >>> import nn
    >>> described = nn.saving.serialize_keras_object(nn.Dense(2, activation="relu"))
    >>> described["class_name"], described["config"]["units"]
    ('Dense', 2)
    >>> nn.saving.deserialize_keras_object(described).activation is nn.activations.relu
    True
    """
    return plain(thing, _serialized)


def _serialized(thing: Any, where: str) -> Any:
    thing = as_number(thing)
    if isinstance(thing, (bool, int, float)):
        return thing
    if (name := activations.name_of(thing)) is not None:
        return name
    named = thing if inspect.isclass(thing) or inspect.isfunction(thing) else type(thing)
    registered = get_registered_name(named)
    about = {"module": named.__module__, "registered_name": registered if ">" in registered else None}
    if inspect.isfunction(thing):
        if not thing.__name__.isidentifier():
            raise ArgumentError(f"{thing.__name__!r} is a function without a name, and JSON holds no code")
        return {**about, "class_name": "function", "config": thing.__name__}
    if inspect.isclass(thing) or (callable(thing) and not hasattr(thing, "__dict__")):
        raise ArgumentError(f"{thing!r} cannot be written as JSON; it is no object with arguments")
    config = written_config(thing, where)
    name = vars(named).get("saved_as", named.__name__)
    title = getattr(thing, "title", type(thing).__name__)
    made = {**about, "class_name": name, "config": plain(config, _serialized, title)}
    if isinstance(thing, KerasMethods) and thing.built and thing.sample_shape is not None:
        made["build_config"] = {"input_shape": [None, *thing.sample_shape]}
    return made


def as_json_text(thing: Any) -> str:
    """The same as text."""
    return as_json(serialize_keras_object(thing))
