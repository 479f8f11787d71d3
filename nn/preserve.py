"""Trying something out on a model: whatever happens inside `preserved`, afterwards all is as it was, bit for bit.

All is: weights, buffers and gradients, what the optimizer, loss and metrics keep, modes, and where the random
generators stand. Attributes are put back, not copied, so a list that is changed in place inside stays changed.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from autograd import Tensor, random

from .module import Module, changes


class Snapshot:
    """A model, built or not, with its optimizer, loss and metrics, as they are now."""

    def __init__(self, model: Module) -> None:
        objects = [module for _, module in model.named_modules()]
        helpers = [getattr(model, name, None) for name in ("optimizer", "loss", "loss_scale")]
        helpers += getattr(model, "trackers", [])
        owners = [*objects, *(helper for helper in helpers if hasattr(helper, "__dict__"))]
        self._attributes = [(owner, dict(vars(owner))) for owner in owners]
        tensors = [tensor for _, tensor in model.named_tensors()]
        self._gradients = [(tensor, tensor.grad) for tensor in tensors if tensor.requires_grad]
        for helper in helpers:
            tensors += _state(helper)
        self._values = [(tensor, tensor.detach()) for tensor in tensors]

    def restore(self) -> None:
        """Let all be as it was."""
        for owner, before in self._attributes:
            vars(owner).clear()
            vars(owner).update(before)
        # what was looked up of the modules in between does not hold
        changes[0] += 1
        for tensor, value in self._values:
            tensor.assign(value)
        for tensor, gradient in self._gradients:
            tensor.grad = gradient


@contextmanager
def preserved(model: Module) -> Iterator[None]:
    """A context after which a built model, its optimizer, metrics and all random generators are as before."""
    snapshot = Snapshot(model)
    with random.remembered_draws() as draws:
        try:
            yield
        finally:
            snapshot.restore()
            _rewind(draws)


@contextmanager
def restored_on_error(model: Module | None = None) -> Iterator[None]:
    """A context that leaves `model`, which need not be built, and the random generators as before when it fails."""
    snapshot = None if model is None else Snapshot(model)
    default = random.default_generator()
    state = default.state
    with random.remembered_draws() as draws:
        try:
            yield
        except BaseException:
            if snapshot is not None:
                snapshot.restore()
            _rewind(draws)
            default.state = state
            raise


def _rewind(draws: random.Draws) -> None:
    for generator, state in draws.states.items():
        generator.state = state


def _state(helper: Any) -> list[Tensor]:
    state = getattr(helper, "state", None)
    return list(state().values()) if callable(state) else []
