"""Gradient descent, with momentum."""

from __future__ import annotations

from collections.abc import Sequence

from autograd import Tensor

from ..errors import ArgumentError
from .base import Optimizer, Slots
from .schedules import LearningRateSchedule


class SGD(Optimizer):
    """Gradient descent: `v = momentum v - lr g; w += v`. Nesterov: `w += momentum v - lr g` with the new v.

    >>> import nn
    >>> nn.SGD(learning_rate=0.1, momentum=0.9).learning_rate
    0.1
    """

    def __init__(
        self,
        learning_rate: float | LearningRateSchedule = 0.01,
        momentum: float = 0.0,
        nesterov: bool = False,
        weight_decay: float | None = None,
        clipnorm: float | None = None,
        clipvalue: float | None = None,
        global_clipnorm: float | None = None,
        name: str | None = None,
    ) -> None:
        super().__init__(learning_rate, weight_decay, clipnorm, clipvalue, global_clipnorm, name)
        if not 0 <= momentum <= 1:
            raise ArgumentError(f"SGD: momentum lies between 0 and 1, got {momentum!r}")
        self.momentum = momentum
        self.nesterov = nesterov

    def build(self, parameters: Sequence[Tensor]) -> None:
        self.slot_names = ("velocity",) if self.momentum else ()
        super().build(parameters)

    def update(
        self, parameter: Tensor, gradient: Tensor, slots: Slots, rate: Tensor
    ) -> tuple[Tensor, Slots]:
        step = gradient * rate
        if not self.momentum:
            return parameter - step, {}
        velocity = slots["velocity"] * self.momentum - step
        if self.nesterov:
            return parameter + (velocity * self.momentum - step), {"velocity": velocity}
        return parameter + velocity, {"velocity": velocity}
