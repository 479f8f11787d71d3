"""Gradient descent, with momentum."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from autograd import Tensor

from ..forms import FLAG, Form
from ..ranges import FRACTION, Range
from .base import Optimizer, Slots
from .schedules import LearningRateSchedule


class SGD(Optimizer):
    """Gradient descent: `v = momentum v - lr g; w += v`. Nesterov: `w += momentum v - lr g` with the new v.

    >>> import nn
    >>> nn.SGD(learning_rate=0.1, momentum=0.9).learning_rate
    0.1
    """

    ranges: ClassVar[Mapping[str, Range]] = {"momentum": FRACTION}
    forms: ClassVar[Mapping[str, Form]] = {"nesterov": FLAG}

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
        self.momentum = momentum
        self.nesterov = nesterov

    @property
    def slot_names(self) -> tuple[str, ...]:  # type: ignore[override]
        return ("velocity",) if self.momentum else ()

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
