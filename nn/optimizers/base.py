"""Optimisers: init one parameter's slots, apply one parameter's update. The rest is shared.

All new values are computed before the first is assigned, so an error leaves parameters and slots as they were. The
step counter, the learning rate and the slots are tensors: named state of a traced step. Scalars such as the rate and
Adam's bias correction are float64 and are rounded once, to the dtype of the parameter.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import autograd as ag
from autograd import Tensor, no_grad

from ..errors import ArgumentError
from .schedules import LearningRateSchedule

Slots = dict[str, Tensor]


class Optimizer:
    """Base of optimisers.

    Args:
        learning_rate: a number, or a schedule (a function of the step).
        weight_decay: `w -= w * weight_decay * learning_rate` before each update.
        clipnorm: scale each gradient to at most this length.
        clipvalue: limit each element of each gradient to this size.
        global_clipnorm: scale all gradients together to at most this length. At most one of the three; 0 is no limit,
            as in Keras.
        name: of the optimizer; by default that of its class in lower case.
    """

    slot_names: tuple[str, ...] = ()

    def __init__(
        self,
        learning_rate: float | LearningRateSchedule,
        weight_decay: float | None = None,
        clipnorm: float | None = None,
        clipvalue: float | None = None,
        global_clipnorm: float | None = None,
        name: str | None = None,
    ) -> None:
        limits = {"clipnorm": clipnorm, "clipvalue": clipvalue, "global_clipnorm": global_clipnorm}
        given = [name for name, value in limits.items() if value is not None]
        if len(given) > 1:
            raise ArgumentError(
                f"at most one of clipnorm, clipvalue, global_clipnorm; got {' and '.join(given)}"
            )
        self.check_not_negative(**limits, weight_decay=weight_decay)
        self.name = name or type(self).__name__.lower()
        self.weight_decay = weight_decay
        self.clipnorm = clipnorm
        self.clipvalue = clipvalue
        self.global_clipnorm = global_clipnorm
        self.iterations = ag.zeros((), "int64")
        self.slots: list[Slots] = []
        self.common: Slots = {}
        self._rate: Tensor | LearningRateSchedule
        self.learning_rate = learning_rate

    def check_not_negative(self, **numbers: float | None) -> None:
        """Refuse numbers below 0 and NaN, by the names of their arguments; None is no number."""
        for name, value in numbers.items():
            if value is not None and not value >= 0:
                raise ArgumentError(
                    f"{type(self).__name__}: {name} is a number >= 0, got {value!r}"
                )

    def check_fractions(self, **numbers: float) -> None:
        """Refuse what is not in [0, 1): a share of the past."""
        for name, value in numbers.items():
            if not 0 <= value < 1:
                raise ArgumentError(f"{type(self).__name__}: {name} lies in [0, 1), got {value!r}")

    @property
    def learning_rate(self) -> float | LearningRateSchedule:
        """The rate, or the schedule that gives it. A number may be set at any time."""
        return (
            self._rate if isinstance(self._rate, LearningRateSchedule) else float(self._rate.item())
        )

    @learning_rate.setter
    def learning_rate(self, value: float | LearningRateSchedule) -> None:
        if isinstance(value, LearningRateSchedule):
            self._rate = value
            return
        if not isinstance(value, (int, float, Tensor)) or not float(value) >= 0:
            raise ArgumentError(f"learning_rate is a number >= 0 or a schedule, got {value!r}")
        new = ag.full((), float(value), "float64")
        held = getattr(self, "_rate", None)
        # the same tensor with another value: a compiled step goes on with it
        self._rate = held.assign(new.to(held.backend)) if isinstance(held, Tensor) else new

    @property
    def has_schedule(self) -> bool:
        """Whether the rate follows a schedule."""
        return isinstance(self._rate, LearningRateSchedule)

    def current_rate(self) -> Tensor:
        """The learning rate of the next update, float64 without dimensions."""
        return (
            self._rate(self.iterations)
            if isinstance(self._rate, LearningRateSchedule)
            else self._rate
        )

    def build(self, parameters: Sequence[Tensor]) -> None:
        """Create the slots for `parameters`; does nothing when they exist."""
        if not self.slots:
            self.slots = [
                {name: self.initial_slot(name, p) for name in self.slot_names} for p in parameters
            ]
        if len(self.slots) != len(parameters):
            raise ArgumentError(
                f"this optimizer holds the state of {len(self.slots)} parameters and was given {len(parameters)}; "
                "make a new optimizer for another model"
            )

    def initial_slot(self, name: str, parameter: Tensor) -> Tensor:
        """How a slot begins."""
        return ag.zeros_like(parameter)

    def state(self) -> dict[str, Tensor]:
        """Every tensor that an update reads and assigns, by name."""
        state = {"iterations": self.iterations}
        if isinstance(self._rate, Tensor):
            state["learning_rate"] = self._rate
        state |= self.common
        for i, slots in enumerate(self.slots):
            state |= {f"slots.{i}.{name}": tensor for name, tensor in slots.items()}
        return state

    def update(
        self, parameter: Tensor, gradient: Tensor, slots: Slots, rate: Tensor
    ) -> tuple[Tensor, Slots]:
        """(new parameter, new slots) from one gradient; `rate` has the parameter's dtype."""
        raise ArgumentError(f"{type(self).__name__} defines no update(...)")

    def prepare(self, dtype: Any) -> Tensor:
        """The number that `update` gets as `rate`, computed once per step and dtype."""
        return self.current_rate().to(dtype)

    def advance(self) -> Slots:
        """The new values of `common`, the state that all parameters share."""
        return {}

    @no_grad()
    def apply(self, gradients: Sequence[Tensor | None], parameters: Sequence[Tensor]) -> None:
        """One update. A parameter whose gradient is None stays.

        >>> import autograd as ag, nn
        >>> w = nn.Parameter([1.0]); nn.SGD(0.5).apply([ag.tensor([1.0])], [w]); w.tolist()
        [0.5]
        """
        self.build(parameters)
        rates: dict[Any, Tensor] = {}
        new: list[tuple[Tensor, Tensor]] = []
        for parameter, gradient, slots in zip(
            parameters, self._clipped(gradients), self.slots, strict=True
        ):
            if gradient is None:
                continue
            if parameter.dtype not in rates:
                rates[parameter.dtype] = self.prepare(parameter.dtype)
            value: Tensor = parameter
            if self.weight_decay:
                value = parameter - parameter * (self.current_rate() * self.weight_decay).to(
                    parameter.dtype
                )
            value, new_slots = self.update(value, gradient, slots, rates[parameter.dtype])
            constraint = getattr(parameter, "constraint", None)
            new.append((parameter, value if constraint is None else constraint(value)))
            new += [(slots[name], tensor) for name, tensor in new_slots.items()]
        new += [(self.common[name], tensor) for name, tensor in self.advance().items()]
        new.append((self.iterations, self.iterations + 1))
        for target, value in new:
            target.assign(value)

    def _clipped(self, gradients: Sequence[Tensor | None]) -> list[Tensor | None]:
        if self.clipvalue:
            limit = self.clipvalue
            return [None if g is None else g.clip(-limit, limit) for g in gradients]
        if self.clipnorm:
            return [None if g is None else g * _shrink(g.norm(), self.clipnorm) for g in gradients]
        if self.global_clipnorm:
            present = [g for g in gradients if g is not None]
            length = sum(((g * g).sum() for g in present), start=ag.zeros(())) ** 0.5
            factor = _shrink(length, self.global_clipnorm)
            return [None if g is None else g * factor.to(g.dtype) for g in gradients]
        return list(gradients)


def _shrink(length: Tensor, limit: float) -> Tensor:
    """The factor that brings a vector of `length` to at most `limit`."""
    return limit / ag.maximum(length, limit)
