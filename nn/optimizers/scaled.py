"""Optimisers that divide each gradient by a record of its size: RMSprop, Adagrad,
Adadelta, Ftrl; and Lion, by its sign alone.

All with Keras's formulas: epsilon stands inside the square root.
"""

from __future__ import annotations

import autograd as ag
from autograd import Tensor

from ..arguments import FLAG, FRACTION, NOT_NEGATIVE, NUMBER, SHARE
from ..constructors import argument, constructor
from .base import Optimizer, Slots
from .schedules import LearningRateSchedule

_LION = FRACTION.but(
    words="lies in (0, 1]", above=True, hint="with 0 only the sign of each gradient would count"
)


@constructor
class RMSprop(Optimizer):
    """Divide by a moving root mean square (Hinton 2012): `w -= lr * g / sqrt(velocity + epsilon)`.

    With `centered` the square of the moving mean gradient is taken off the velocity. With `momentum` the step
    is `m = momentum * m + lr * g / sqrt(...)`.

    >>> import nn
    >>> nn.RMSprop(rho=0.99).rho
    0.99
    """

    learning_rate: float | LearningRateSchedule = 0.001
    rho: float = argument(SHARE, default=0.9)
    momentum: float = argument(FRACTION, default=0.0)
    epsilon: float = argument(NOT_NEGATIVE, default=1e-7)
    centered: bool = argument(FLAG, default=False)

    @property
    def slot_names(self) -> tuple[str, ...]:  # type: ignore[override]
        return (
            "velocity",
            *(("momentum",) if self.momentum else ()),
            *(("average_gradient",) if self.centered else ()),
        )

    def update(self, parameter: Tensor, gradient: Tensor, slots: Slots, rate: Tensor) -> tuple[Tensor, Slots]:
        velocity = slots["velocity"] * self.rho + gradient * gradient * (1 - self.rho)
        new, size = {"velocity": velocity}, velocity
        if self.centered:
            average = slots["average_gradient"] * self.rho + gradient * (1 - self.rho)
            new["average_gradient"] = average
            size = velocity - average * average
        step = gradient * rate / (size + self.epsilon).sqrt()
        if self.momentum:
            step = slots["momentum"] * self.momentum + step
            new["momentum"] = step
        return parameter - step, new


@constructor
class Adagrad(Optimizer):
    """Divide by the root of the sum of all squares so far (Duchi et al. 2011): `w -=
    lr * g / sqrt(accumulator + epsilon)`.

    >>> import autograd as ag, nn
    >>> w = nn.Parameter([1.0]); nn.Adagrad(0.5, epsilon=0).apply([ag.tensor([3.0])], [w]); round(w.item(), 4)
    0.5028
    """

    slot_names = ("accumulator",)

    learning_rate: float | LearningRateSchedule = 0.001
    initial_accumulator_value: float = argument(NOT_NEGATIVE, default=0.1)
    epsilon: float = argument(NOT_NEGATIVE, default=1e-7)

    def initial_slot(self, name: str, parameter: Tensor) -> Tensor:
        """How a slot begins."""
        return ag.zeros_like(parameter) + self.initial_accumulator_value

    def update(self, parameter: Tensor, gradient: Tensor, slots: Slots, rate: Tensor) -> tuple[Tensor, Slots]:
        accumulator = slots["accumulator"] + gradient * gradient
        value = parameter - gradient * rate / (accumulator + self.epsilon).sqrt()
        return value, {"accumulator": accumulator}


@constructor
class Adadelta(Optimizer):
    """Steps as large as the recent ones were, in units of the recent gradients (Zeiler 2012).

    `step = g * sqrt(steps + epsilon) / sqrt(gradients + epsilon)`, both
    moving mean squares; `w -= lr * step`.

    >>> import nn
    >>> nn.Adadelta().rho
    0.95
    """

    slot_names = ("accumulated_grad", "accumulated_delta_var")

    learning_rate: float | LearningRateSchedule = 0.001
    rho: float = argument(SHARE, default=0.95)
    epsilon: float = argument(NOT_NEGATIVE, default=1e-7)

    def update(self, parameter: Tensor, gradient: Tensor, slots: Slots, rate: Tensor) -> tuple[Tensor, Slots]:
        gradients = slots["accumulated_grad"] * self.rho + gradient * gradient * (1 - self.rho)
        steps = slots["accumulated_delta_var"]
        step = (steps + self.epsilon).sqrt() * gradient / (gradients + self.epsilon).sqrt()
        return parameter - step * rate, {
            "accumulated_grad": gradients,
            "accumulated_delta_var": steps * self.rho + step * step * (1 - self.rho),
        }


@constructor
class Ftrl(Optimizer):
    """Follow the regularized leader (McMahan et al. 2013): for wide and sparse linear models.

    With n the sum of squared gradients, z += g - (n_new^-p - n^-p) / lr * w, and w = (clip(z, -l1, l1) - z) /
    (n_new^-p / lr + 2 l2 + beta / lr).

    Args:
        learning_rate_power: p, <= 0; 0 is a fixed rate.
        initial_accumulator_value: what n begins with.
        l1_regularization_strength, l2_regularization_strength: l1 and l2.
        l2_shrinkage_regularization_strength: adds twice this times w to the gradient in z.
        beta: as in the paper.

    >>> import autograd as ag, nn
    >>> w = nn.Parameter([1.0]); nn.Ftrl(0.5, l1_regularization_strength=9.0).apply([ag.tensor([3.0])], [w])
    >>> w.item()
    0.0
    """

    slot_names = ("accumulator", "linear")

    learning_rate: float | LearningRateSchedule = 0.001
    learning_rate_power: float = argument(NUMBER.but(words="is a number <= 0", most=0.0), default=-0.5)
    initial_accumulator_value: float = argument(NOT_NEGATIVE, default=0.1)
    l1_regularization_strength: float = argument(NOT_NEGATIVE, default=0.0)
    l2_regularization_strength: float = argument(NOT_NEGATIVE, default=0.0)
    l2_shrinkage_regularization_strength: float = argument(NOT_NEGATIVE, default=0.0)
    beta: float = argument(NOT_NEGATIVE, default=0.0)

    def initial_slot(self, name: str, parameter: Tensor) -> Tensor:
        """How a slot begins."""
        zeros = ag.zeros_like(parameter)
        return zeros + self.initial_accumulator_value if name == "accumulator" else zeros

    def update(self, parameter: Tensor, gradient: Tensor, slots: Slots, rate: Tensor) -> tuple[Tensor, Slots]:
        power = -self.learning_rate_power
        accumulator = slots["accumulator"] + gradient * gradient
        shrunk = gradient + parameter * (2.0 * self.l2_shrinkage_regularization_strength)
        growth = (accumulator**power - slots["accumulator"] ** power) / rate
        linear = slots["linear"] + (shrunk - growth * parameter)
        size = accumulator**power / rate + 2.0 * (self.l2_regularization_strength + self.beta / (2.0 * rate))
        limit = self.l1_regularization_strength
        value = (linear.clip(-limit, limit) - linear) / size
        return value, {"accumulator": accumulator, "linear": linear}


@constructor
class Lion(Optimizer):
    """The sign of a moving average of the gradient (Chen et al. 2023): `w -=
    lr * sign(beta_1 m + (1 - beta_1) g)`.

    >>> import autograd as ag, nn
    >>> w = nn.Parameter([1.0, 1.0]); nn.Lion(0.25).apply([ag.tensor([9.0, -0.1])], [w]); w.tolist()
    [0.75, 1.25]
    """

    slot_names = ("momentum",)

    learning_rate: float | LearningRateSchedule = 0.001
    beta_1: float = argument(_LION, default=0.9)
    beta_2: float = argument(SHARE, default=0.99)

    def update(self, parameter: Tensor, gradient: Tensor, slots: Slots, rate: Tensor) -> tuple[Tensor, Slots]:
        momentum = slots["momentum"]
        direction = (momentum * self.beta_1 + gradient * (1 - self.beta_1)).sign()
        return parameter - direction * rate, {
            "momentum": momentum * self.beta_2 + gradient * (1 - self.beta_2)
        }
