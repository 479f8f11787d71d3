"""Trying something out on a model: whatever happens inside `preserved`, afterwards all is as it was, bit for bit.

All is: weights, buffers and gradients, what the optimizer, loss and metrics keep, modes, and where the random
generators stand. Attributes are put back, not copied, so a list that is changed in place inside stays changed.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from autograd import Tensor, random

from .module import Module


@contextmanager
def preserved(model: Module) -> Iterator[None]:
    """A context after which a built model, its optimizer, metrics and all random generators are as before."""
    objects = [module for _, module in model.named_modules()]
    helpers = [getattr(model, name, None) for name in ("optimizer", "loss", "loss_scale")]
    helpers += getattr(model, "trackers", [])
    owners = [*objects, *(helper for helper in helpers if hasattr(helper, "__dict__"))]
    attributes = [(owner, dict(vars(owner))) for owner in owners]
    tensors = [tensor for _, tensor in model.named_tensors()]
    gradients = [(tensor, tensor.grad) for tensor in tensors if tensor.requires_grad]
    for helper in helpers:
        tensors += _state(helper)
    values = [(tensor, tensor.detach()) for tensor in tensors]
    with random.remembered_draws() as draws:
        try:
            yield
        finally:
            for owner, before in attributes:
                vars(owner).clear()
                vars(owner).update(before)
            for tensor, value in values:
                tensor.assign(value)
            for tensor, gradient in gradients:
                tensor.grad = gradient
            for generator, state in draws.states.items():
                generator.state = state


def _state(helper: Any) -> list[Tensor]:
    state = getattr(helper, "state", None)
    return list(state().values()) if callable(state) else []
