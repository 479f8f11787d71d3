"""Learning rates that change with the step. A schedule is a function of the step counter; the first update is step 0.

Because the counter is state, a traced step computes its rate anew each time: nothing is baked in.
"""

from __future__ import annotations

from typing import Any

import autograd as ag
from autograd import Tensor

from ..errors import ArgumentError


class LearningRateSchedule:
    """Base of schedules. Subclasses define `rate(step)` on a float64 tensor."""

    def rate(self, step: Tensor) -> Tensor:
        """The learning rate at `step`, a float64 tensor without dimensions."""
        raise ArgumentError(f"{type(self).__name__} defines no rate(self, step)")

    def __call__(self, step: Any) -> Tensor:
        """The learning rate at `step`: a number or a tensor."""
        return self.rate((step if isinstance(step, Tensor) else ag.tensor(step)).to("float64"))


class ExponentialDecay(LearningRateSchedule):
    """`initial * decay_rate ** (step / decay_steps)`; with `staircase` the exponent is rounded down.

    >>> import nn
    >>> nn.ExponentialDecay(0.1, decay_steps=10, decay_rate=0.5)(20).item()
    0.025
    """

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: float,
        decay_rate: float,
        staircase: bool = False,
    ) -> None:
        if decay_steps <= 0:
            raise ArgumentError(
                f"ExponentialDecay: decay_steps has to be positive, got {decay_steps!r}"
            )
        self.initial_learning_rate = initial_learning_rate
        self.decay_steps = decay_steps
        self.decay_rate = decay_rate
        self.staircase = staircase

    def rate(self, step: Tensor) -> Tensor:
        exponent = step / float(self.decay_steps)
        if self.staircase:
            exponent = exponent.floor()
        return self.initial_learning_rate * float(self.decay_rate) ** exponent


SCHEDULES: dict[str, type[LearningRateSchedule]] = {"ExponentialDecay": ExponentialDecay}
