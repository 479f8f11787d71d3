"""Gradient descent, with momentum."""

from __future__ import annotations

from autograd import Tensor

from ..arguments import FLAG, FRACTION
from ..constructors import argument, constructor
from .base import Optimizer, Slots
from .schedules import LearningRateSchedule


@constructor
class SGD(Optimizer):
    """Gradient descent: `v = momentum v - lr g; w += v`. Nesterov: `w += momentum v - lr g` with the new v.

    >>> import nn
    >>> nn.SGD(learning_rate=0.1, momentum=0.9).learning_rate
    0.1
    """

    learning_rate: float | LearningRateSchedule = 0.01
    momentum: float = argument(FRACTION, default=0.0)
    nesterov: bool = argument(FLAG, default=False)

    @property
    def slot_names(self) -> tuple[str, ...]:  # type: ignore[override]
        return ("velocity",) if self.momentum else ()

    def update(self, parameter: Tensor, gradient: Tensor, slots: Slots, rate: Tensor) -> tuple[Tensor, Slots]:
        step = gradient * rate
        if not self.momentum:
            return parameter - step, {}
        velocity = slots["velocity"] * self.momentum - step
        if self.nesterov:
            return parameter + (velocity * self.momentum - step), {"velocity": velocity}
        return parameter + velocity, {"velocity": velocity}
