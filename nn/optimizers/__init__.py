"""Optimisers by class and by name; the schedules of their learning rates."""

from __future__ import annotations

from typing import Any

from ..errors import lookup
from ..exports import exported as _exported
from . import schedules as schedules
from .adam import Adam as Adam
from .adam import Adamax as Adamax
from .adam import AdamW as AdamW
from .adam import Nadam as Nadam
from .base import Optimizer as Optimizer
from .scaled import Adadelta as Adadelta
from .scaled import Adagrad as Adagrad
from .scaled import Lion as Lion
from .scaled import RMSprop as RMSprop
from .sgd import SGD as SGD

__all__ = _exported(__name__, "OPTIMIZERS", "get", "schedules")

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
