"""Learning rates that change with the step. A schedule is a function of the step
counter; the first update is step 0.

Because the counter is state, a traced step computes its rate anew each time: nothing is baked in. For the
same reason a schedule branches on its arguments alone, never on the step. Everything is float64.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from numbers import Real
from typing import Any

import autograd as ag
from autograd import Tensor

from ..arguments import FLAG, NOT_NEGATIVE, NUMBER, POSITIVE, TEXT, numbers, shown
from ..configured import Configured, described
from ..configured import serialize as serialize
from ..constructors import argument, constructor
from ..errors import ArgumentError

_STEPS = POSITIVE.but(words="has to be positive")
_AT_LEAST_ONE = NOT_NEGATIVE.but(
    words="is a number >= 1",
    least=1.0,
    hint="below 1 the periods would shrink to nothing after a finite number of steps",
)


class LearningRateSchedule(Configured):
    """Base of schedules. Subclasses define `rate(step)` on a float64 tensor, or `__call__(step)` as in Keras.

    >>> import nn
    >>> class Halving(nn.LearningRateSchedule):
    ...     def __call__(self, step):
    ...         return 0.5 ** (step + 1.0)
    >>> model = nn.Sequential([nn.Dense(1, input_shape=(1,))])
    >>> model.compile(nn.SGD(Halving()), "mse")
    """

    checks = {"name": TEXT}

    def rate(self, step: Tensor) -> Tensor:
        """The learning rate at `step`, a float64 tensor without dimensions."""
        raise ArgumentError(f"{type(self).__name__} defines no rate(self, step)")

    def __call__(self, step: Any) -> Tensor:
        """The learning rate at `step`: a number or a tensor."""
        given = step if isinstance(step, Tensor) else ag.tensor(step, "float64")
        return self._number("rate", self.rate(given.to("float64")))

    def at(self, iterations: Tensor) -> Tensor:
        """The learning rate of an optimizer after so many updates, float64 without dimensions."""
        step = iterations.to("float64")
        return self(step) if type(self).__call__ is LearningRateSchedule.__call__ else self._called(step)

    def _called(self, step: Tensor) -> Tensor:
        """What the `__call__` of somebody's own gives."""
        return self._number("__call__", self(step)).to("float64").reshape(())

    def _number(self, method: str, rate: Any) -> Tensor:
        if isinstance(rate, Real):
            return ag.full((), float(rate), "float64")
        if not isinstance(rate, Tensor):
            raise ArgumentError(f"{type(self).__name__}: {method}(step) returns a number, got {shown(rate)}")
        return rate


@constructor
class _Decay(LearningRateSchedule):
    """What decays over `decay_steps`."""

    initial_learning_rate: float = argument(NOT_NEGATIVE)
    decay_steps: float = argument(_STEPS)


@constructor
class _QuotientDecay(_Decay):
    """What decays by `step / decay_steps` share; with `staircase` that is rounded down."""

    decay_rate: float = argument(NOT_NEGATIVE)
    staircase: bool = argument(FLAG, default=False)
    name: str | None = argument(default=None, instead_of_none=lambda self: type(self).__name__)

    def quotient(self, step: Tensor) -> Tensor:
        """How many times `decay_steps` have passed."""
        passed = step / float(self.decay_steps)
        return passed.floor() if self.staircase else passed


@constructor
class ExponentialDecay(_QuotientDecay):
    """`initial * decay_rate ** (step / decay_steps)`; with `staircase` the exponent is rounded down.

    >>> import nn
    >>> nn.ExponentialDecay(0.1, decay_steps=10, decay_rate=0.5)(20).item()
    0.025
    """

    def rate(self, step: Tensor) -> Tensor:
        return self.initial_learning_rate * float(self.decay_rate) ** self.quotient(step)


@constructor
class InverseTimeDecay(_QuotientDecay):
    """`initial / (1 + decay_rate * step / decay_steps)`; with `staircase` the quotient is rounded down.

    >>> import nn
    >>> nn.InverseTimeDecay(0.5, decay_steps=10, decay_rate=2.0)(20).item()
    0.1
    """

    def rate(self, step: Tensor) -> Tensor:
        return self.initial_learning_rate / (1.0 + self.quotient(step) * self.decay_rate)


@constructor
class PolynomialDecay(_Decay):
    """From `initial` to `end`: `(initial - end) * (1 - step / decay_steps) ** power + end`, then constant.

    With `cycle` it begins anew at each multiple of `decay_steps`, from a lower rate each time: `decay_steps`
    is stretched to the next multiple that is not before `step`.

    >>> import nn
    >>> schedule = nn.PolynomialDecay(0.5, decay_steps=4, end_learning_rate=0.25)
    >>> [schedule(step).item() for step in (0, 2, 4, 9)]
    [0.5, 0.375, 0.25, 0.25]
    """

    end_learning_rate: float = argument(NOT_NEGATIVE, default=0.0001)
    power: float = argument(NOT_NEGATIVE, default=1.0)
    cycle: bool = argument(FLAG, default=False)
    name: str = "PolynomialDecay"

    def rate(self, step: Tensor) -> Tensor:
        steps = float(self.decay_steps)
        if self.cycle:
            fraction = step / (ag.maximum(-(-step / steps).floor(), 1.0) * steps)
        else:
            fraction = ag.minimum(step, steps) / steps
        height = float(self.initial_learning_rate) - self.end_learning_rate
        return (1.0 - fraction) ** float(self.power) * height + self.end_learning_rate


@constructor
class CosineDecay(_Decay):
    """Half a cosine from `initial` to `alpha * initial` over `decay_steps`, then
    constant (Loshchilov & Hutter 2017).

    With `warmup_target` the rate first goes in a straight line from `initial` to `warmup_target`, in
    `warmup_steps` steps, and decays from there.

    >>> import nn
    >>> schedule = nn.CosineDecay(0.0, decay_steps=10, warmup_target=1.0, warmup_steps=4)
    >>> [round(schedule(step).item(), 6) for step in (0, 1, 4, 9, 14, 20)]
    [0.0, 0.25, 1.0, 0.5, 0.0, 0.0]
    """

    alpha: float = argument(NOT_NEGATIVE, default=0.0)
    name: str = "CosineDecay"
    warmup_target: float | None = argument(NOT_NEGATIVE.or_none(), default=None)
    warmup_steps: float = argument(NOT_NEGATIVE, default=0)

    def rate(self, step: Tensor) -> Tensor:
        if self.warmup_target is None:
            return self._decayed(step, self.initial_learning_rate)
        decayed = self._decayed(step - float(self.warmup_steps), self.warmup_target)
        if not self.warmup_steps:
            return decayed
        height = float(self.warmup_target) - self.initial_learning_rate
        rising = step / float(self.warmup_steps) * height + self.initial_learning_rate
        return ag.where(step < float(self.warmup_steps), rising, decayed)

    def _decayed(self, step: Tensor, start: float) -> Tensor:
        fraction = ag.minimum(step, float(self.decay_steps)) / float(self.decay_steps)
        return _half_cosine(fraction) * ((1.0 - self.alpha) * start) + self.alpha * float(start)


@constructor
class CosineDecayRestarts(LearningRateSchedule):
    """Half cosines one after the other, each `t_mul` times as long as the one before
    and starting `m_mul` times as high.

    The first takes `first_decay_steps` (Loshchilov & Hutter 2017). A restart happens at the step where a
    period is full, in exact arithmetic: Keras finds it with logarithms, whose rounding can miss it by a step.

    >>> import nn
    >>> schedule = nn.CosineDecayRestarts(1.0, first_decay_steps=2)
    >>> [round(schedule(step).item(), 6) for step in range(7)]
    [1.0, 0.5, 1.0, 0.853553, 0.5, 0.146447, 1.0]
    """

    initial_learning_rate: float = argument(NOT_NEGATIVE)
    first_decay_steps: float = argument(_STEPS)
    t_mul: float = argument(_AT_LEAST_ONE, default=2.0)
    m_mul: float = argument(NOT_NEGATIVE, default=1.0)
    alpha: float = argument(NOT_NEGATIVE, default=0.0)
    name: str = "SGDRDecay"

    def rate(self, step: Tensor) -> Tensor:
        restarts, fraction = self._place(step / float(self.first_decay_steps))
        height = float(self.m_mul) ** restarts * _half_cosine(fraction)
        return ((1.0 - self.alpha) * height + self.alpha) * float(self.initial_learning_rate)

    def _place(self, done: Tensor) -> tuple[Tensor, Tensor]:
        """(number of restarts, fraction of the present period) when `done` first periods have passed."""
        growth = float(self.t_mul)
        if growth == 1:
            return done.floor(), done - done.floor()

        def begin(period: Tensor) -> Tensor:
            return (growth**period - 1.0) / (growth - 1.0)

        # the logarithm is right but for rounding; the beginnings of the periods around it decide
        guess = ((done * (growth - 1.0) + 1.0).log() / math.log(growth)).floor()
        guess = ag.where(begin(guess + 1.0) <= done, guess + 1.0, guess)
        restarts = ag.where(begin(guess) > done, guess - 1.0, guess)
        return restarts, (done - begin(restarts)) / growth**restarts


@constructor
class PiecewiseConstantDecay(LearningRateSchedule):
    """`values[i]` while `step <= boundaries[i]`, the last value after the last boundary.

    >>> import nn
    >>> schedule = nn.PiecewiseConstantDecay(boundaries=[10, 20], values=[0.5, 0.25, 0.125])
    >>> [schedule(step).item() for step in (0, 10, 11, 20, 21)]
    [0.5, 0.5, 0.25, 0.25, 0.125]
    """

    boundaries: Sequence[float] = argument(numbers(NUMBER))
    values: Sequence[float] = argument(numbers(NOT_NEGATIVE))
    name: str = "PiecewiseConstant"

    def __post_init__(self) -> None:
        if len(self.values) != len(self.boundaries) + 1:
            raise ArgumentError(
                "PiecewiseConstantDecay: values is one longer than boundaries, "
                f"got {len(self.values)} values and {len(self.boundaries)} boundaries"
            )
        if not all(low < high for low, high in zip(self.boundaries, self.boundaries[1:])):
            raise ArgumentError(f"PiecewiseConstantDecay: boundaries increase, got {self.boundaries!r}")

    def rate(self, step: Tensor) -> Tensor:
        rate = ag.full((), float(self.values[0]), "float64")
        for boundary, value in zip(self.boundaries, self.values[1:]):
            rate = ag.where(step > float(boundary), ag.full((), float(value), "float64"), rate)
        return rate


def _half_cosine(fraction: Tensor) -> Tensor:
    """From 1 at 0 to 0 at 1."""
    return 0.5 * ((fraction * math.pi).cos() + 1.0)


def schedule_classes() -> dict[str, type[LearningRateSchedule]]:
    """The schedules by name."""
    kinds = (ExponentialDecay, InverseTimeDecay, PolynomialDecay, CosineDecay, CosineDecayRestarts)
    return {kind.__name__: kind for kind in (*kinds, PiecewiseConstantDecay)}


def deserialize(config: Any, custom_objects: Any = None) -> Any:
    """The schedule that `serialize` described."""
    return described("schedule", config, schedule_classes(), custom_objects)
