"""Adam and its family: steps of a size that the moments of the gradient decide.

All with Keras's formulas: Adam's epsilon stands outside the bias correction, which is part of the rate.
Factors that depend on the step alone are float64 and rounded once, to the dtype of the parameter.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import autograd as ag
from autograd import Tensor

from ..arguments import FLAG, NOT_NEGATIVE, SHARE
from ..constructors import argument, constructor
from .base import Optimizer, Slots
from .schedules import LearningRateSchedule


@constructor
class _WithMoments(Optimizer):
    """What the family shares: the rates of two moving averages."""

    learning_rate: float | LearningRateSchedule = 0.001
    beta_1: float = argument(SHARE, default=0.9)
    beta_2: float = argument(SHARE, default=0.999)
    epsilon: float = argument(NOT_NEGATIVE, default=1e-7)


@constructor
class Adam(_WithMoments):
    """Adaptive moments (Kingma & Ba 2015): `w -= rate * momentum / (sqrt(velocity) + epsilon)`.

    `momentum` and `velocity` are the moving averages of the gradient and of its square, the
    rate holds both bias corrections. With `amsgrad` the largest velocity so far takes the
    place of the velocity (Reddi et al. 2018).

    >>> import nn
    >>> nn.Adam().learning_rate
    0.001
    """

    amsgrad: bool = argument(FLAG, default=False)

    @property
    def slot_names(self) -> tuple[str, ...]:  # type: ignore[override]
        return ("momentum", "velocity", *(("velocity_hat",) if self.amsgrad else ()))

    def prepare(self, dtype: Any) -> Tensor:
        """The rate with both bias corrections in it."""
        t = (self.iterations + 1).to("float64")
        corrected = (1.0 - self.beta_2**t) ** 0.5 / (1.0 - self.beta_1**t)
        return (self.current_rate() * corrected).to(dtype)

    def update(self, parameter: Tensor, gradient: Tensor, slots: Slots, rate: Tensor) -> tuple[Tensor, Slots]:
        momentum = slots["momentum"] + (gradient - slots["momentum"]) * (1 - self.beta_1)
        velocity = slots["velocity"] + (gradient * gradient - slots["velocity"]) * (1 - self.beta_2)
        new = {"momentum": momentum, "velocity": velocity}
        if self.amsgrad:
            velocity = ag.maximum(slots["velocity_hat"], velocity)
            new["velocity_hat"] = velocity
        return parameter - momentum * rate / (velocity.sqrt() + self.epsilon), new


@constructor
class AdamW(Adam):
    """Adam with decoupled weight decay (Loshchilov & Hutter 2019): `w -= w *
    weight_decay * learning_rate` first.

    >>> import nn
    >>> nn.AdamW().weight_decay
    0.004
    """

    # there is always one; that it could be set to None as in the base is what pyright misses
    weight_decay: float = argument(  # pyright: ignore[reportIncompatibleVariableOverride]
        NOT_NEGATIVE.but(hint="without decay it is nn.Adam"), default=0.004, after="learning_rate"
    )


@constructor
class Adamax(_WithMoments):
    """Adam with the largest gradient in the place of the mean square (Kingma & Ba 2015, section 7).

    >>> import autograd as ag, nn
    >>> w = nn.Parameter([1.0]); nn.Adamax(0.25).apply([ag.tensor([3.0])], [w]); round(w.item(), 4)
    0.75
    """

    slot_names = ("momentum", "norm")

    def prepare(self, dtype: Any) -> Tensor:
        """The rate with the bias correction of the momentum in it."""
        t = (self.iterations + 1).to("float64")
        return (self.current_rate() / (1.0 - self.beta_1**t)).to(dtype)

    def update(self, parameter: Tensor, gradient: Tensor, slots: Slots, rate: Tensor) -> tuple[Tensor, Slots]:
        momentum = slots["momentum"] + (gradient - slots["momentum"]) * (1 - self.beta_1)
        norm = ag.maximum(slots["norm"] * self.beta_2, gradient.abs())
        value = parameter - momentum * rate / (norm + self.epsilon)
        return value, {"momentum": momentum, "norm": norm}


@constructor
class Nadam(_WithMoments):
    """Adam with Nesterov's look ahead (Dozat 2016); the share of the momentum grows as `1 - 0.96**step / 2`.

    >>> import nn
    >>> nn.Nadam().learning_rate
    0.001
    """

    slot_names = ("momentum", "velocity")

    def __post_init__(self) -> None:
        super().__post_init__()
        self.common = {"product": ag.ones((), "float64")}

    def advance(self) -> Slots:
        """The product of the shares of the momentum of all steps so far."""
        return {"product": self.common["product"] * self._share(1)}

    def _share(self, ahead: int) -> Tensor:
        t = (self.iterations + ahead).to("float64")
        return (1.0 - 0.96**t * 0.5) * self.beta_1

    def _factors(self) -> Sequence[Tensor]:
        """What multiplies the momentum, the gradient and the velocity."""
        now, following = self._share(1), self._share(2)
        product = self.advance()["product"]
        t = (self.iterations + 1).to("float64")
        return (
            following / (1.0 - product * following),
            (1.0 - now) / (1.0 - product),
            1.0 / (1.0 - self.beta_2**t),
        )

    def update(self, parameter: Tensor, gradient: Tensor, slots: Slots, rate: Tensor) -> tuple[Tensor, Slots]:
        past, present, correction = (factor.to(parameter.dtype) for factor in self._factors())
        momentum = slots["momentum"] + (gradient - slots["momentum"]) * (1 - self.beta_1)
        velocity = slots["velocity"] + (gradient * gradient - slots["velocity"]) * (1 - self.beta_2)
        step = (momentum * past + gradient * present) * rate
        value = parameter - step / ((velocity * correction).sqrt() + self.epsilon)
        return value, {"momentum": momentum, "velocity": velocity}


@constructor
class Lamb(_WithMoments):
    """Adam whose step is as long as the weights of each parameter (You et al. 2020): for large batches.

    `w -= lr * |w| / |step| * step`; the factor is 1 where one of both lengths is 0.

    >>> import autograd as ag, nn
    >>> w = nn.Parameter([4.0]); nn.Lamb(0.25).apply([ag.tensor([3.0])], [w]); round(w.item(), 4)
    3.0
    """

    slot_names = ("momentum", "velocity")

    def update(self, parameter: Tensor, gradient: Tensor, slots: Slots, rate: Tensor) -> tuple[Tensor, Slots]:
        t = (self.iterations + 1).to("float64")
        first, second = ((1.0 / (1.0 - b**t)).to(parameter.dtype) for b in (self.beta_1, self.beta_2))
        momentum = slots["momentum"] + (gradient - slots["momentum"]) * (1 - self.beta_1)
        velocity = slots["velocity"] + (gradient * gradient - slots["velocity"]) * (1 - self.beta_2)
        step = momentum * first / ((velocity * second).sqrt() + self.epsilon)
        length, long = ((x * x).sum().sqrt() for x in (parameter, step))
        known = (length > 0.0) & (long > 0.0)
        ratio = ag.where(known, length / ag.where(known, long, 1.0), 1.0)
        return parameter - step * (ratio * rate), {"momentum": momentum, "velocity": velocity}
