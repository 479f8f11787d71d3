"""Taking up what a file holds besides the architecture: weights, optimiser, random numbers, the place in the run."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import autograd as ag
from autograd import Tensor

from .errors import FileError
from .optimizers import Optimizer
from .precision import LossScale
from .reading import DAMAGE, part, read, unpack
from .run import position_from, set_random_state
from .saving import described

if TYPE_CHECKING:
    from .model import Model


def restore_optimizer(optimizer: Optimizer, saved: dict[str, Any], model: Model) -> None:
    """Give `optimizer` the saved counter, rate and slots; all are checked before the first is set."""
    if any(name.startswith("slots.") for name in saved):
        optimizer.build(model.parameters())
    _restore("the optimizer", optimizer.state(), saved)


def restore_scale(scale: LossScale | None, saved: dict[str, Any]) -> None:
    """Give the loss scale its saved number and count."""
    if scale is not None and not isinstance(scale, LossScale):
        raise FileError(f"the loss scale is a {type(scale).__name__}")
    _restore("the loss scale", {} if scale is None else scale.state(), saved)


def _restore(whose: str, state: dict[str, Tensor], saved: dict[str, Any]) -> None:
    if set(state) != set(saved):
        raise FileError(f"{whose}'s state does not fit its configuration")
    for name, tensor in state.items():
        if tuple(saved[name].shape) != tensor.shape:
            raise FileError(
                f"{whose}'s {name} has shape {tuple(saved[name].shape)}, expected {tensor.shape}"
            )
    for name, tensor in state.items():
        tensor.assign(ag.tensor(saved[name], dtype=tensor.dtype))


def restore_run(model: Model, header: dict[str, Any], arrays: dict[str, Any]) -> None:
    """Let random numbers go on where they were, and note where the run was."""
    model.resume_position = None
    if "run" in header:
        model.resume_position = position_from(unpack(header["run"], arrays))
    with model.drawing():
        set_random_state(header["random"])


def load_weights(model: Model, path: str | os.PathLike[str]) -> None:
    """Set the parameters and buffers of `model` from a file of `save_weights` or `save`."""
    _, arrays = read(os.fspath(path))
    model.load_state_dict(part(arrays, "model."))


def go_on_from(model: Model, path: str | os.PathLike[str]) -> None:
    """Put a compiled model where it was when the file was written, so that its next `fit` goes on there.

    Raises:
        FileError: the file is damaged, or of another model or training.
    """
    header, arrays = read(os.fspath(path))
    try:
        shape = header["input_shape"]
        if not model.built and shape is not None:
            model.ensure_built(ag.zeros((1, *shape), model.dtype))
        own = described(model)
        for name in ("model", "loss", "mixed_precision"):
            if header.get(name) != own.get(name):
                raise FileError(f"is of another {name}; give each run a folder of its own")
        if model.optimizer is None or header["optimizer"]["class"] != own["optimizer"]["class"]:
            raise FileError("is of a run with another optimizer")
        model.load_state_dict(part(arrays, "model."))
        restore_optimizer(model.optimizer, part(arrays, "optimizer."), model)
        restore_scale(model.loss_scale, part(arrays, "loss_scale."))
        restore_run(model, header, arrays)
    except FileError as error:
        raise FileError(f"{path}: {error}") from error
    except DAMAGE as error:
        raise FileError(f"{path}: the file does not describe a run: {error}") from error
    if model.resume_position is not None:
        model.resume_position.forced = True
