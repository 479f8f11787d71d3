"""Taking up what a file holds besides the architecture: weights, optimiser, random numbers, the place in the run.

All of it is checked before the first of it is set, so a file that is refused has changed nothing.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import autograd as ag
from autograd import Tensor

from .arguments import FLAG
from .budget import limited_to
from .errors import ArgumentError, FileError
from .fields import (
    DICT,
    SHAPE,
    TEXT,
    WORDS,
    Field,
    check_arrays,
    check_fields,
    lists_of,
    optional,
    or_none,
)
from .files import Place, name_of
from .module import Module
from .optimizers import Optimizer
from .position import Position, random_state, set_random_state
from .precision import LossScale
from .preserve import restoring, undone_on_error
from .reading import DAMAGE, part, read, read_model, unpack
from .saving import described

if TYPE_CHECKING:
    from .model import Model

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
VALUES = {
    "iterations": Field("a count", lambda v: v >= 0),
    "learning_rate": Field("a number >= 0", lambda v: v >= 0),
    "scale": Field("a number from 2**-126 to 2**127", lambda v: 2.0**-126 <= v <= 2.0**127),
    "good_steps": Field("a count", lambda v: v >= 0),
}
"""Numbers that optimizers and loss scales keep as arrays without dimensions."""
LARGEST_SAMPLE = 1 << 24
"""Numbers in one sample: a shape beyond it is damage, and would be allocated to build the model."""


@contextmanager
def explained(place: Place, what: str) -> Iterator[None]:
    """Inside, whatever damaged contents lead to is a FileError that names the file."""
    try:
        yield
    except FileError as error:
        raise FileError(f"{name_of(place)}: {error}") from error
    except DAMAGE as error:
        raise FileError(f"{name_of(place)}: the file does not describe {what}: {error}") from error


def check_header(header: dict[str, Any], arrays: dict[str, Any]) -> None:
    """Refuse a description with other fields than `save` writes, and arrays that belong to nothing."""
    check_fields("the description", header, HEADER)
    strange = [name for name in arrays if not name.startswith(PARTS)]
    if strange:
        raise FileError(f"arrays of nothing: {', '.join(strange[:6])}")


def build(model: Model, header: dict[str, Any]) -> None:
    """Give a model that has no weights yet those that the input in the file leads to."""
    shape = header["input_shape"]
    if shape is not None and math.prod(shape) > LARGEST_SAMPLE:
        raise FileError(f"a sample of shape {shape} is too large")
    if model.built or shape is None:
        return
    model.ensure_built(ag.zeros((1, *shape), model.dtype))


def restore(model: Model, header: dict[str, Any], arrays: dict[str, Any], origin: str) -> None:
    """Take up all but the architecture, into a model that is built and compiled as the description says."""
    optimizer, scale, arrays = model.optimizer, model.loss_scale, dict(arrays)
    position = None
    if "run" in header:
        position = Position.from_fields(unpack(header["run"], arrays), origin)
    saved = {prefix: part(arrays, prefix) for prefix in PARTS}
    if saved["run."]:
        raise FileError(f"arrays of nothing: {', '.join(saved['run.'])}")
    if optimizer is not None and any(name.startswith("slots.") for name in saved["optimizer."]):
        optimizer.build(model.parameters())
    wanted: list[tuple[str, dict[str, Tensor], dict[str, Any]]] = [
        ("the weights", dict(model.named_tensors()), saved["model."]),
        ("the state of the optimizer", _state(optimizer), saved["optimizer."]),
        ("the state of the loss scale", _state(scale), saved["loss_scale."]),
    ]
    for number, (whose, own, found) in enumerate(wanted):
        check_arrays(whose, own, found, values=VALUES if number else {})
    if position is not None and model.current_run is not None:
        model.current_run.check(position)
    for _, own, found in wanted:
        _assign(own, found)
    model.resume_position = position
    with model.drawing():
        set_random_state(header["random"])


def _state(thing: Optimizer | LossScale | None) -> dict[str, Tensor]:
    return {} if thing is None else thing.state()


def _assign(own: dict[str, Tensor], found: dict[str, Any]) -> None:
    new = {name: ag.tensor(found[name], dtype=tensor.dtype) for name, tensor in own.items()}
    for name, tensor in new.items():
        own[name].assign(tensor)


def load_weights(model: Module, place: Place, verify: bool = True) -> None:
    """Set the parameters and buffers of `model` from a file of `save_weights` or `save`, or any safetensors file."""
    FLAG.checked("load_weights", "verify", verify)
    own = dict(model.named_tensors())
    if not own and not model.built:
        raise ArgumentError("load_weights: the model is not built yet; call it on some input")
    header, arrays = read(place, verify)
    with explained(place, "weights"):
        if header is None:
            found = arrays
        elif "model" in header:
            check_header(header, arrays)
            found = part(arrays, "model.")
        else:
            check_fields("the description", header, {"format": TEXT})
            found = part(arrays, "model.")
            if len(found) < len(arrays):
                raise FileError("arrays of something else than a model")
        check_arrays("the weights", own, found, casts=True)
        _assign(own, found)


def go_on_from(model: Model, place: Place) -> None:
    """Put a compiled model where it was when the file was written, so that its next `fit` goes on there.

    Raises:
        FileError: the file is damaged, or of another model or training; nothing has changed then.
    """
    header, arrays = read_model(place)
    before, words = restoring(model), random_state()
    with explained(place, "a run"), undone_on_error(model):
        check_header(header, arrays)
        with limited_to(sum(array.size for array in arrays.values())):
            build(model, header)
        own = described(model)
        for name in ("model", "loss", "mixed_precision"):
            if header.get(name) != own.get(name):
                raise FileError(f"is of another {name}; give each run a folder of its own")
        if model.optimizer is None or header["optimizer"]["class"] != own["optimizer"]["class"]:
            raise FileError("is of a run with another optimizer")
        restore(model, header, arrays, name_of(place))

    def undo() -> None:
        before()
        set_random_state(words)

    if model.resume_position is not None:
        model.resume_position.forced = True
        if model.current_run is not None:
            model.resume_position.undo = undo
