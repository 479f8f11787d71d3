"""Optimisers: init one parameter's slots, apply one parameter's update. The rest is shared.

All new values are computed before the first is assigned, so an error leaves parameters and slots as they
were. The step counter, the learning rate and the slots are tensors: named state of a traced step. Scalars
such as the rate and Adam's bias correction are float64 and are rounded once, to the dtype of the parameter.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Self

import autograd as ag
from autograd import Tensor, no_grad

from ..arguments import COUNT, FLAG, FRACTION, NAME, NOT_NEGATIVE, POSITIVE, TEXT
from ..configured import Configured, described
from ..constructors import argument, attribute, common
from ..errors import ArgumentError, warn
from .rate import Rate
from .schedules import LearningRateSchedule, schedule_classes

Slots = dict[str, Tensor]
LIMITS = ("clipnorm", "clipvalue", "global_clipnorm")
_RATE = NOT_NEGATIVE.but(words="is a number >= 0 or a schedule")
_SEVERAL = COUNT.but(words="is an integer >= 2 or None", least=2, optional=True)
AVERAGE, ACCUMULATED = "average", "gradient_accumulator"
"""Slots of the moving average of a weight, and of the sum of its gradients."""


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
        use_ema: keep a moving average of the weights, which they are set to at the end of `fit`.
        ema_momentum: how much of the average stays at each step.
        ema_overwrite_frequency: set the weights to their average after every so many steps, too.
        loss_scale_factor: `fit` multiplies the loss by it, and each update divides the gradients.
        gradient_accumulation_steps: update after every so many steps, by the mean of their gradients.
        name: of the optimizer; by default that of its class in lower case.

    The learning rate is a float that may be set at any time, also by `optimizer.learning_rate.assign(0.1)`;
    with a schedule it is that of the next update, and `optimizer.schedule` is the schedule.
    """

    slot_names: ClassVar[tuple[str, ...]] = ()
    not_settings: ClassVar[tuple[str, ...]] = ("averages_in_use",)
    averages_in_use: bool = attribute(False)
    """Whether the parameters are their averages for the time being, and the slots hold them themselves."""

    learning_rate: float | LearningRateSchedule
    weight_decay: float | None = argument(NOT_NEGATIVE.or_none(), default=None)
    clipnorm: float | None = argument(NOT_NEGATIVE.or_none(), default=None)
    clipvalue: float | None = argument(NOT_NEGATIVE.or_none(), default=None)
    global_clipnorm: float | None = argument(NOT_NEGATIVE.or_none(), default=None)
    use_ema: bool = argument(FLAG, default=False)
    ema_momentum: float = argument(FRACTION, default=0.99)
    ema_overwrite_frequency: int | None = argument(COUNT.or_none(), default=None)
    loss_scale_factor: float | None = argument(POSITIVE.or_none(), default=None)
    gradient_accumulation_steps: int | None = argument(_SEVERAL, default=None)
    name: str | None = argument(
        TEXT, default=None, takes=NAME.or_none(), instead_of_none=lambda self: type(self).__name__.lower()
    )

    def __post_init__(self) -> None:
        self._iterations = ag.zeros((), "int64")
        self.slots: list[Slots] = []
        self.common: Slots = {}

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "update_step" in vars(cls):
            raise ArgumentError(
                f"{cls.__name__} defines update_step, which nothing here calls: define slot_names and update("
                "self, parameter, gradient, slots, rate), which returns the new parameter and the new slots"
            )

    @classmethod
    def old_arguments(cls, given: dict[str, Any]) -> dict[str, Any]:
        """The arguments by name, without those of older versions of Keras: `decay` is ignored, as there.

        Raises:
            ArgumentError: `lr`, as Keras does.
        """
        if "lr" in given:
            raise ArgumentError(f"{cls.__name__}: lr is called learning_rate")
        if given.pop("decay", None) is not None:
            warn(
                f"{cls.__name__}: decay is no longer supported and is ignored; for a rate that decays give "
                "learning_rate a schedule, such as nn.InverseTimeDecay"
            )
        return given

    def get_config(self) -> dict[str, Any]:
        """The arguments of the constructor, with the learning rate of now."""
        config = super().get_config()
        if "learning_rate" in config:
            schedule = self.schedule
            config["learning_rate"] = float(config["learning_rate"]) if schedule is None else schedule
        return config

    @classmethod
    def from_config(cls, config: Mapping[str, Any], custom_objects: Mapping[str, Any] | None = None) -> Self:
        """The optimizer with these arguments; a schedule among them may be described (`serialize`)."""
        known = {**schedule_classes(), **(custom_objects or {})}
        return cls(**{name: described("schedule", value, known) for name, value in config.items()})

    def __setattr__(self, name: str, value: Any) -> None:
        """Hyperparameters may be set at any time, also while the optimizer
        is in use: the next update has them.
        """
        if name in LIMITS and value is not None:
            given = [n for n in LIMITS if n == name or getattr(self, n, None) is not None]
            if len(given) > 1:
                raise ArgumentError(f"at most one of {', '.join(LIMITS)}; got {' and '.join(given)}")
        super().__setattr__(name, value)

    @property
    def iterations(self) -> Tensor:
        """How many updates there were; steps that only gather gradients are none."""
        steps = self.gradient_accumulation_steps
        return self._iterations // steps if steps else self._iterations

    def _get_rate(self) -> Rate:
        """The rate of now, also where a schedule gives it. A number or a schedule may be set at any time."""
        return Rate.of(self)

    def _set_rate(self, value: Any) -> None:
        self._rate: Tensor | LearningRateSchedule
        if isinstance(value, LearningRateSchedule):
            self._rate = value
            return
        given = value.item() if hasattr(value, "item") and not getattr(value, "ndim", 0) else value
        rate = _RATE.checked(type(self).__name__, "learning_rate", given)
        new = ag.full((), float(rate), "float64")
        held = getattr(self, "_rate", None)
        # the same tensor with another value: a compiled step goes on with it
        self._rate = held.assign(new.to(held.backend)) if isinstance(held, Tensor) else new

    if not TYPE_CHECKING:  # to a type checker it is an attribute like the others
        learning_rate = property(_get_rate, _set_rate)

    @property
    def lr(self) -> float | LearningRateSchedule:
        """An old name of `learning_rate`."""
        rate: Any = self.learning_rate
        return rate  # type: ignore[no-any-return]

    @lr.setter
    def lr(self, value: Any) -> None:
        self.learning_rate = value

    @property
    def schedule(self) -> LearningRateSchedule | None:
        """What gives the rate of each update; None where it is a number."""
        return self._rate if isinstance(self._rate, LearningRateSchedule) else None

    @property
    def has_schedule(self) -> bool:
        """Whether the rate follows a schedule."""
        return self.schedule is not None

    def current_rate(self) -> Tensor:
        """The learning rate of the next update, float64 without dimensions."""
        return self._rate.at(self._iterations) if isinstance(self._rate, LearningRateSchedule) else self._rate

    def check_rate(self) -> None:
        """Raise when the schedule gives no rate for the next update."""
        if self.has_schedule:
            name = f"the learning rate of update {self._iterations.item()}"
            _RATE.checked(type(self._rate).__name__, name, self.current_rate().item())

    def build(self, parameters: Sequence[Tensor]) -> None:
        """Create the slots for `parameters` that the hyperparameters ask for,
        and let go of those that they do not.
        """
        if not self.slots:
            self.slots = [{} for _ in parameters]
        wanted = self._all_slots()
        known = tuple(self.slots[0]) if self.slots else wanted
        if len(self.slots) == len(parameters) and known != wanted:
            self.slots = [
                {name: held[name] if name in held else self._first_slot(name, p) for name in wanted}
                for held, p in zip(self.slots, parameters, strict=True)
            ]
        if len(self.slots) != len(parameters):
            raise ArgumentError(
                f"this optimizer holds the state of {len(self.slots)} parameters and was given "
                f"{len(parameters)}; make a new optimizer for another model"
            )

    def _all_slots(self) -> tuple[str, ...]:
        more = ((AVERAGE, self.use_ema), (ACCUMULATED, self.gradient_accumulation_steps))
        return *self.slot_names, *(name for name, wanted in more if wanted)

    def _first_slot(self, name: str, parameter: Tensor) -> Tensor:
        if name == AVERAGE:
            return parameter.detach() + 0.0
        return ag.zeros_like(parameter) if name == ACCUMULATED else self.initial_slot(name, parameter)

    def initial_slot(self, name: str, parameter: Tensor) -> Tensor:
        """How a slot begins."""
        return ag.zeros_like(parameter)

    def state(self) -> dict[str, Tensor]:
        """Every tensor that an update reads and assigns, by name."""
        state = {"iterations": self._iterations}
        if isinstance(self._rate, Tensor):
            state["learning_rate"] = self._rate
        state |= self.common
        for i, slots in enumerate(self.slots):
            state |= {f"slots.{i}.{name}": tensor for name, tensor in slots.items()}
        return state

    @property
    def variables(self) -> list[Tensor]:
        """The tensors of `state`."""
        return list(self.state().values())

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
            self.build(parameters)
            factor = self.loss_scale_factor
            if factor is not None:
                gradients = [None if g is None else g / factor for g in gradients]
            before = self.iterations + 0
            if self.gradient_accumulation_steps:
                self._accumulate(gradients, parameters, self.gradient_accumulation_steps)
            else:
                self._apply(gradients, parameters)
            if self.use_ema:
                self._average(parameters, before)

    def apply_gradients(self, grads_and_vars: Iterable[tuple[Tensor | None, Tensor]]) -> Tensor:
        """One update from pairs of a gradient and its parameter; returns how many there were.

        >>> import autograd as ag, nn
        >>> w = nn.Parameter([1.0]); sgd = nn.SGD(0.5)
        >>> sgd.apply_gradients(zip([ag.tensor([1.0])], [w])).item(), w.tolist()
        (1, [0.5])
        """
        pairs = list(grads_and_vars)
        if any(not isinstance(pair, (tuple, list)) or len(pair) != 2 for pair in pairs):
            raise ArgumentError("apply_gradients takes pairs (gradient, parameter)")
        self.apply([gradient for gradient, _ in pairs], [parameter for _, parameter in pairs])
        return self.iterations

    def scale_loss(self, loss: Tensor) -> Tensor:
        """The loss to go backward from."""
        return loss if self.loss_scale_factor is None else loss * self.loss_scale_factor

    def averages(self) -> list[Tensor]:
        """The moving averages of the parameters; none before the first update, or without `use_ema`."""
        return [slots[AVERAGE] for slots in self.slots if AVERAGE in slots]

    @no_grad()
    def swap_averages(self, parameters: Sequence[Tensor]) -> None:
        """Exchange the parameters and their moving averages, for the time being."""
        for parameter, average in zip(parameters, self.averages(), strict=True):
            values = parameter.detach()
            parameter.assign(average.detach())
            average.assign(values)
        self.averages_in_use = not self.averages_in_use

    @no_grad()
    def finalize_variable_values(self, parameters: Sequence[Tensor]) -> None:
        """Set the parameters to their moving averages, where there are any: `fit` does so at its end."""
        if not (self.use_ema and self.averages() and self._iterations.item()):
            return
        if self.averages_in_use:
            # the parameters are the averages
            self.swap_averages(parameters)
        for parameter, average in zip(parameters, self.averages(), strict=True):
            parameter.assign(average.detach())

    def _accumulate(
        self, gradients: Sequence[Tensor | None], parameters: Sequence[Tensor], steps: int
    ) -> None:
        """Gather gradients; at the last of `steps` steps update by their mean."""
        held = [slots[ACCUMULATED] for slots in self.slots]
        sums = [None if g is None else g + a for g, a in zip(gradients, held, strict=True)]
        is_last = (self._iterations + 1) % steps == 0
        sizes = [t for name, t in self.state().items() if name not in ("learning_rate", "iterations")]
        before = [(tensor, tensor.detach()) for tensor in (*parameters, *sizes)]
        self._apply([None if total is None else total / steps for total in sums], parameters)
        for tensor, value in before:
            tensor.assign(ag.where(is_last, tensor.detach(), value))
        for accumulator, total in zip(held, sums, strict=True):
            if total is not None:
                accumulator.assign(ag.where(is_last, ag.zeros_like(total), total))

    def _average(self, parameters: Sequence[Tensor], before: Tensor) -> None:
        """Move the averages, after `before` updates; they begin with what the first makes of the weights."""
        for parameter, slots in zip(parameters, self.slots, strict=True):
            stays = ag.where(before == 0, 0.0, ag.full((), self.ema_momentum, "float64")).to(parameter.dtype)
            average = slots[AVERAGE] * stays + parameter.detach() * (1.0 - stays)
            slots[AVERAGE].assign(average)
            if self.ema_overwrite_frequency:
                is_time = (before + 1) % self.ema_overwrite_frequency == 0
                constraint = getattr(parameter, "constraint", None)
                allowed = average if constraint is None else constraint(average)
                parameter.assign(ag.where(is_time, allowed, parameter.detach()))

    def _apply(self, gradients: Sequence[Tensor | None], parameters: Sequence[Tensor]) -> None:
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
        new.append((self._iterations, self._iterations + 1))
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
