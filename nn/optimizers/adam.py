"""Adaptive moments."""

from __future__ import annotations

from typing import Any

from autograd import Tensor

from ..errors import ArgumentError
from .base import Optimizer, Slots
from .schedules import LearningRateSchedule


class Adam(Optimizer):
    """Adaptive moments (Kingma & Ba 2015), with Keras's epsilon: outside the bias correction.

    >>> import nn
    >>> nn.Adam().learning_rate
    0.001
    """

    slot_names = ("momentum", "velocity")

    def __init__(
        self,
        learning_rate: float | LearningRateSchedule = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        weight_decay: float | None = None,
        clipnorm: float | None = None,
        clipvalue: float | None = None,
        global_clipnorm: float | None = None,
    ) -> None:
        super().__init__(learning_rate, weight_decay, clipnorm, clipvalue, global_clipnorm)
        for name, value in (("beta_1", beta_1), ("beta_2", beta_2)):
            if not 0 <= value < 1:
                raise ArgumentError(f"Adam: {name} lies in [0, 1), got {value!r}")
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon

    def prepare(self, dtype: Any) -> Tensor:
        """The rate with both bias corrections in it."""
        t = (self.iterations + 1).to("float64")
        corrected = (1.0 - self.beta_2**t) ** 0.5 / (1.0 - self.beta_1**t)
        return (self.current_rate() * corrected).to(dtype)

    def update(
        self, parameter: Tensor, gradient: Tensor, slots: Slots, rate: Tensor
    ) -> tuple[Tensor, Slots]:
        momentum = slots["momentum"] + (gradient - slots["momentum"]) * (1 - self.beta_1)
        velocity = slots["velocity"] + (gradient * gradient - slots["velocity"]) * (1 - self.beta_2)
        value = parameter - momentum * rate / (velocity.sqrt() + self.epsilon)
        return value, {"momentum": momentum, "velocity": velocity}
