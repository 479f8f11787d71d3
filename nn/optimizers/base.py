"""Optimisers: init one parameter's slots, apply one parameter's update. The rest is shared.

All new values are computed before the first is assigned, so an error leaves parameters and slots as they
were. The step counter, the learning rate and the slots are tensors: named state of a traced step. Scalars
such as the rate and Adam's bias correction are float64 and are rounded once, to the dtype of the parameter.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import autograd as ag
from autograd import Tensor, no_grad

from ..arguments import NAME, NOT_NEGATIVE, TEXT
from ..configured import Configured
from ..constructors import argument, common
from ..errors import ArgumentError
from .schedules import LearningRateSchedule

Slots = dict[str, Tensor]
LIMITS = ("clipnorm", "clipvalue", "global_clipnorm")
_RATE = NOT_NEGATIVE.but(words="is a number >= 0 or a schedule")


@common
class Optimizer(Configured):
    """Base of optimisers.

    Args:
        learning_rate: a number, or a schedule (a function of the step).
        weight_decay: `w -= w * weight_decay * learning_rate` before each update.
        clipnorm: scale each gradient to at most this length.
        clipvalue: limit each element of each gradient to this size.
        global_clipnorm: scale all gradients together to at most this length. At most one of the
            three; 0 is no limit, as in Keras.
        name: of the optimizer; by default that of its class in lower case.
    """

    slot_names: ClassVar[tuple[str, ...]] = ()

    learning_rate: float | LearningRateSchedule
    weight_decay: float | None = argument(NOT_NEGATIVE.or_none(), default=None)
    clipnorm: float | None = argument(NOT_NEGATIVE.or_none(), default=None)
    clipvalue: float | None = argument(NOT_NEGATIVE.or_none(), default=None)
    global_clipnorm: float | None = argument(NOT_NEGATIVE.or_none(), default=None)
    name: str | None = argument(
        TEXT, default=None, takes=NAME.or_none(), instead_of_none=lambda self: type(self).__name__.lower()
    )

    def __post_init__(self) -> None:
        self.iterations = ag.zeros((), "int64")
        self.slots: list[Slots] = []
        self.common: Slots = {}

    def __setattr__(self, name: str, value: Any) -> None:
        """Hyperparameters may be set at any time, also while the optimizer
        is in use: the next update has them.
        """
        if name in LIMITS and value is not None:
            given = [n for n in LIMITS if n == name or getattr(self, n, None) is not None]
            if len(given) > 1:
                raise ArgumentError(f"at most one of {', '.join(LIMITS)}; got {' and '.join(given)}")
        super().__setattr__(name, value)

    def _get_rate(self) -> float | LearningRateSchedule:
        """The rate, or the schedule that gives it. A number may be set at any time."""
        return self._rate if isinstance(self._rate, LearningRateSchedule) else float(self._rate.item())

    def _set_rate(self, value: Any) -> None:
        self._rate: Tensor | LearningRateSchedule
        if isinstance(value, LearningRateSchedule):
            self._rate = value
            return
        given = value.item() if isinstance(value, Tensor) and not value.ndim else value
        rate = _RATE.checked(type(self).__name__, "learning_rate", given)
        new = ag.full((), float(rate), "float64")
        held = getattr(self, "_rate", None)
        # the same tensor with another value: a compiled step goes on with it
        self._rate = held.assign(new.to(held.backend)) if isinstance(held, Tensor) else new

    if not TYPE_CHECKING:  # to a type checker it is an attribute like the others
        learning_rate = property(_get_rate, _set_rate)

    @property
    def has_schedule(self) -> bool:
        """Whether the rate follows a schedule."""
        return isinstance(self._rate, LearningRateSchedule)

    def current_rate(self) -> Tensor:
        """The learning rate of the next update, float64 without dimensions."""
        return self._rate(self.iterations) if isinstance(self._rate, LearningRateSchedule) else self._rate

    def check_rate(self) -> None:
        """Raise when the schedule gives no rate for the next update."""
        if self.has_schedule:
            name = f"the learning rate of update {self.iterations.item()}"
            _RATE.checked(type(self._rate).__name__, name, self.current_rate().item())

    def build(self, parameters: Sequence[Tensor]) -> None:
        """Create the slots for `parameters` that the hyperparameters ask for,
        and let go of those that they do not.
        """
        if not self.slots:
            self.slots = [{} for _ in parameters]
        known = tuple(self.slots[0]) if self.slots else tuple(self.slot_names)
        if len(self.slots) == len(parameters) and known != tuple(self.slot_names):
            self.slots = [
                {name: held[name] if name in held else self.initial_slot(name, p) for name in self.slot_names}
                for held, p in zip(self.slots, parameters, strict=True)
            ]
        if len(self.slots) != len(parameters):
            raise ArgumentError(
                f"this optimizer holds the state of {len(self.slots)} parameters and was given "
                f"{len(parameters)}; make a new optimizer for another model"
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

    def update(self, parameter: Tensor, gradient: Tensor, slots: Slots, rate: Tensor) -> tuple[Tensor, Slots]:
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
        with ag.named_scope(type(self).__name__):
            self._apply(gradients, parameters)

    def _apply(self, gradients: Sequence[Tensor | None], parameters: Sequence[Tensor]) -> None:
        self.build(parameters)
        rates: dict[Any, Tensor] = {}
        new: list[tuple[Tensor, Tensor]] = []
        for parameter, gradient, slots in zip(parameters, self._clipped(gradients), self.slots, strict=True):
            if gradient is None:
                continue
            if parameter.dtype not in rates:
                rates[parameter.dtype] = self.prepare(parameter.dtype)
            value: Tensor = parameter
            if self.weight_decay:
                value = parameter - parameter * (self.current_rate() * self.weight_decay).to(parameter.dtype)
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
