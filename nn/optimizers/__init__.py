"""Optimisers by class and by name; the schedules of their learning rates."""

from __future__ import annotations

from typing import Any

from ..errors import lookup
from . import schedules
from .adam import Adam
from .base import Optimizer
from .sgd import SGD

__all__ = [
    "OPTIMIZERS",
    "SGD",
    "Adam",
    "Optimizer",
    "get",
    "schedules",
]

OPTIMIZERS: dict[str, type[Optimizer]] = {"sgd": SGD, "adam": Adam}


def get(optimizer: Any) -> Optimizer:
    """An optimiser by name, or the object itself."""
    if isinstance(optimizer, Optimizer):
        return optimizer
    if isinstance(optimizer, type) and issubclass(optimizer, Optimizer):
        return optimizer()  # type: ignore[call-arg]
    name = optimizer.lower() if isinstance(optimizer, str) else optimizer
    return lookup("optimizer", name, OPTIMIZERS)()  # type: ignore[call-arg]
