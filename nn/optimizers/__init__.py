"""Optimisers by class and by name; the schedules of their learning rates."""

from __future__ import annotations

from typing import Any

from ..errors import lookup
from . import schedules
from .adam import Adam, Adamax, AdamW, Nadam
from .base import Optimizer
from .scaled import Adadelta, Adagrad, Lion, RMSprop
from .sgd import SGD

__all__ = [
    "OPTIMIZERS",
    "SGD",
    "Adadelta",
    "Adagrad",
    "Adam",
    "AdamW",
    "Adamax",
    "Lion",
    "Nadam",
    "Optimizer",
    "RMSprop",
    "get",
    "schedules",
]

OPTIMIZERS: dict[str, type[Optimizer]] = {
    optimizer.__name__.lower(): optimizer
    for optimizer in (SGD, Adam, AdamW, RMSprop, Adagrad, Nadam, Adamax, Adadelta, Lion)
}


def get(optimizer: Any) -> Optimizer:
    """An optimiser by name (upper or lower case), or the object itself."""
    if isinstance(optimizer, Optimizer):
        return optimizer
    if isinstance(optimizer, type) and issubclass(optimizer, Optimizer):
        return optimizer()  # type: ignore[call-arg]
    name = optimizer.lower() if isinstance(optimizer, str) else optimizer
    return lookup("optimizer", name, OPTIMIZERS)()  # type: ignore[call-arg]
