"""Writing a model to one file.

Weights, optimizer and random state are always in it; in the middle of `fit` also where the run stands.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from autograd import Tensor

from ..errors import ArgumentError
from ..optimizers import Optimizer
from ..precision import LossScale
from .container import contents, pack
from .description import described
from .files import Place, write
from .position import random_state

if TYPE_CHECKING:
    from ..model import Model


def save(model: Model, place: Place) -> None:
    """Write `model`, its optimizer and how it was compiled to a path or a binary file."""
    arrays = _weights("save", model)
    with model.drawing():
        header = {"random": random_state(), **described(model)}
        run = None if model.current_run is None else model.current_run.position()
    for part, helper in (("optimizer", model.optimizer), ("loss_scale", model.loss_scale)):
        arrays |= {f"{part}.{name}": t.numpy() for name, t in state_of(helper).items()}
    if run is not None:
        header["run"] = pack(run.fields(), arrays, "run")
    write(place, contents("save", header, arrays))


def save_weights(model: Model, place: Place) -> None:
    """Write the parameters and buffers of `model` to a path or a binary file."""
    write(place, contents("save_weights", {}, _weights("save_weights", model)))


def _weights(what: str, model: Model) -> dict[str, Any]:
    if not model.built:
        raise ArgumentError(
            f"{what}: the model is not built yet; call it on some input, or give the first layer an "
            "input_shape"
        )
    return {f"model.{name}": array for name, array in model.state_dict().items()}


def state_of(helper: Optimizer | LossScale | None) -> dict[str, Tensor]:
    """The tensors of an optimizer or loss scale, where there is one."""
    return {} if helper is None else helper.state()
