"""Taking up what a file holds besides the architecture: weights, optimizer, random numbers, where the run is.

All of it is checked before the first of it is set, so a file that is refused has changed nothing.
"""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import autograd as ag
from autograd import Tensor

from ..arguments import FLAG
from ..errors import ArgumentError, FileError
from ..module import Module
from ..restore import restoring, undone_on_error
from .container import part, read, read_model, unpack
from .description import PARTS, check_header, described
from .explaining import explained
from .fields import TEXT, Field, check_arrays, check_fields
from .files import Place, name_of
from .keras_files import is_keras_file, load_keras_weights
from .limits import load_limits
from .position import Position, random_state, set_random_state
from .saving import state_of

if TYPE_CHECKING:
    from ..model import Model

VALUES = {
    "iterations": Field("a count", lambda v: v >= 0),
    "learning_rate": Field("a number >= 0", lambda v: v >= 0),
    "scale": Field("a number from 2**-126 to 2**127", lambda v: 2.0**-126 <= v <= 2.0**127),
    "good_steps": Field("a count", lambda v: v >= 0),
}
"""Numbers that optimizers and loss scales keep as arrays without dimensions."""


def build(model: Model, header: dict[str, Any]) -> None:
    """Give a model that has no weights yet those that the input in the file leads to."""
    if not model.built and header["input_shape"] is not None:
        model.ensure_built(ag.zeros((1, *header["input_shape"]), model.dtype_of_x))


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
        ("the state of the optimizer", state_of(optimizer), saved["optimizer."]),
        ("the state of the loss scale", state_of(scale), saved["loss_scale."]),
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


def _assign(own: dict[str, Tensor], found: dict[str, Any]) -> None:
    new = {name: ag.tensor(found[name], dtype=tensor.dtype) for name, tensor in own.items()}
    for name, tensor in new.items():
        own[name].assign(tensor)


def load_weights(model: Module, place: Place, verify: bool = True) -> None:
    """Set the parameters and buffers of `model` from a file of `save_weights`
    or `save`, or any safetensors file.
    """
    FLAG.checked("load_weights", "verify", verify)
    own = dict(model.named_tensors())
    if not own and not model.built:
        raise ArgumentError("load_weights: the model is not built yet; call it on some input")
    if is_keras_file(place):
        load_keras_weights(model, place)
        return
    header, arrays = read(place, verify)
    with explained(place, "weights"):
        found = arrays if header is None else part(arrays, "model.")
        if header is not None and "model" in header:
            check_header(header, arrays)
        elif header is not None:
            check_fields("the description", header, {"format": TEXT})
            if len(found) < len(arrays):
                raise FileError("arrays of something else than a model")
        check_arrays("the weights", own, found, casts=True)
        _assign(own, found)


def resume_from(model: Model, place: Place) -> None:
    """Put a compiled model where it was when the file was written, so that its next `fit` goes on there.

    Raises:
        FileError: the file is damaged, or of another model or training; nothing has changed then.
    """
    header, arrays = read_model(place)
    before, words = restoring(model), random_state()
    with explained(place, "a run"), undone_on_error(model):
        check_header(header, arrays)
        with load_limits(header["input_shape"], arrays):
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


def go_on_from(model: Model, path: Place) -> None:
    """The old name of `Model.resume_from`; it goes with the next version."""
    warnings.warn("go_on_from is now called resume_from", DeprecationWarning, stacklevel=2)
    resume_from(model, path)
