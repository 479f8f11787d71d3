"""What a model is, as JSON and back: objects by class and arguments, functions by name. Nothing is code."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from autograd.errors import nearest

from .. import activations
from ..configuration import as_number, written_config
from ..errors import ArgumentError, FileError
from ..graph.symbols import InputLayer
from ..parameter import Parameter
from ..registry import get_registered_name
from .container import plain
from .fields import DICT, SHAPE, TEXT, WORDS, Field, check_fields, lists_of, optional, or_none
from .limits import check_sample

if TYPE_CHECKING:
    from ..model import Model

DESCRIBED = Field("a description", lambda v: v is None or isinstance(v, (str, dict)))
HEADER = {
    "format": TEXT,
    "random": WORDS,
    "model": DICT,
    "input_shape": or_none(SHAPE),
    "frozen": optional(
        Field(
            "{modules, parameters}",
            lambda v: (
                isinstance(v, dict)
                and set(v) == {"modules", "parameters"}
                and all(lists_of(TEXT).holds(item) for item in v.values())
            ),
        )
    ),
    "optimizer": optional(DICT),
    "loss": optional(DESCRIBED),
    "metrics": optional(lists_of(DESCRIBED)),
    "mixed_precision": optional(TEXT),
    "loss_scale": optional(or_none(DICT)),
    "run": optional(DICT),
}
"""What the description of a model holds."""
PARTS = ("model.", "optimizer.", "loss_scale.", "run.")
"""How the names of arrays in the file of a model begin."""

MARKS = (frozenset(("function",)), frozenset(("class", "config")))
"""The keys of dicts that describe a function or an object."""


def describe(thing: Any) -> Any:
    """A configuration as JSON: objects become {"class": name, "config":
    arguments}, functions {"function": name}.
    """
    return plain(thing, _named, marks=MARKS)


def _named(thing: Any, where: str) -> Any:
    thing = as_number(thing)
    if isinstance(thing, (bool, int, float)):
        return thing
    if (name := activations.name_of(thing)) is not None:
        return name
    if inspect.isfunction(thing) and thing.__name__.isidentifier():
        return {"function": get_registered_name(thing)}
    if (callable(thing) and not hasattr(thing, "__dict__")) or type(thing).__name__ in (
        "function",
        "builtin_function_or_method",
        "method",
        "partial",
        "ufunc",
    ):
        raise ArgumentError(
            f"save: {getattr(thing, '__name__', thing)!r} is a function without a name, and a file holds no "
            "code. Use a name such as 'relu', a function made by def, or a class with get_config()."
        )
    config = written_config(thing, where)
    name = vars(type(thing)).get("saved_as") or get_registered_name(type(thing))
    title = getattr(thing, "title", type(thing).__name__)
    written = {key: plain(item, _named, f"{title}.{key}", MARKS) for key, item in config.items()}
    return {"class": name, "config": written}


def described(model: Model) -> dict[str, Any]:
    """What was defined and compiled, as JSON."""
    header: dict[str, Any] = {"model": describe(model), "input_shape": describe(model.sample_shape)}
    frozen = [name for name, module in model.named_modules() if not module.trainable]
    fixed = [n for n, t in model.named_tensors() if isinstance(t, Parameter) and not t.requires_grad]
    if frozen or fixed:
        header["frozen"] = {"modules": frozen, "parameters": fixed}
    if model.optimizer is not None:
        header["optimizer"] = describe(model.optimizer)
        header["loss"] = None if model.loss is None else describe(model.loss)
        header["metrics"] = [describe(metric) for metric in model.watched]
        if model.mixed_precision is not None:
            header["mixed_precision"] = model.mixed_precision
            header["loss_scale"] = describe(model.loss_scale)
    return header


def check_header(header: dict[str, Any], arrays: dict[str, Any]) -> None:
    """Refuse a description with other fields than `save` writes, and arrays that belong to nothing."""
    check_fields("the description", header, HEADER)
    strange = [name for name in arrays if not name.startswith(PARTS)]
    if strange:
        raise FileError(f"arrays of nothing: {', '.join(strange[:6])}")


def make(description: Any, classes: Mapping[str, Any]) -> Any:
    """The inverse of `describe`; only of `classes`, since a file cannot name others."""
    if isinstance(description, list):
        return [make(item, classes) for item in description]
    if not isinstance(description, dict):
        return description
    if set(description) == {"function"}:
        return _function_of(description["function"], classes)
    if set(description) != {"class", "config"}:
        return {key: make(item, classes) for key, item in description.items()}
    name = _known(description["class"], classes)
    if name not in classes:
        raise FileError(
            f"unknown class {name!r}. {nearest(name, classes)} Pass your own as "
            f"custom_objects={{{name!r}: {name}}}."
        )
    made: Any = classes[name]
    config = {key: make(item, classes) for key, item in description["config"].items()}
    thing = made.from_config(config) if hasattr(made, "from_config") else made(**config)
    # a model that begins with it is built, on such a sample, as soon as it is made
    check_sample(thing.shape if isinstance(thing, InputLayer) else getattr(thing, "input_shape", None))
    return thing


def _known(name: Any, classes: Mapping[str, Any]) -> Any:
    """The name, without the package under which it was registered where that is known alone."""
    return name.rpartition(">")[2] if isinstance(name, str) and name not in classes else name


def _function_of(name: Any, classes: Mapping[str, Any]) -> Any:
    found = classes.get(_known(name, classes))
    if not inspect.isfunction(found):
        raise FileError(
            f"unknown function {name!r}, and a file holds no code. "
            f"Pass yours as custom_objects={{{name!r}: {name}}}."
        )
    return found
