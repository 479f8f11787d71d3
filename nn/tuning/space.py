"""What may be tried: ranges and choices, checked when they are made.

A space is a dict of parameter names. A list, a tuple or a `Choice` names the values, an `Int` or
a `Float` a range. Storage holds numbers and text alone, so a choice of anything else is stored
under a label, and looked up again.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

from ..errors import ArgumentError

PLAIN = (bool, int, float, str, type(None))


class Int:
    """A whole number from `low` to `high`, both included.

    Args:
        step: the distance between two candidates.
        log: try as many from 1 to 10 as from 10 to 100. Not together with a step.

    Raises:
        ArgumentError: low above high, a fraction, a logarithm of less than 1.

    >>> import nn
    >>> nn.tuning.Int(4, 64, log=True)
    Int(4, 64, log=True)
    """

    def __init__(self, low: int, high: int, step: int = 1, log: bool = False) -> None:
        self.low, self.high, self.step, self.log = low, high, step, log
        for value in (low, high, step):
            if isinstance(value, bool) or not hasattr(value, "__index__"):
                raise ArgumentError(
                    f"{self}: low, high and step are integers, got {value!r}; Float takes fractions"
                )
        _ordered(self, low, high)
        if step < 1:
            raise ArgumentError(f"{self}: step is an integer >= 1, got {step!r}")
        if log and low < 1:
            raise ArgumentError(f"{self}: a logarithmic range of integers starts at 1 or above")
        if log and step != 1:
            raise ArgumentError(f"{self}: log and step together; give one")

    def suggest(self, trial: Any, name: str) -> Any:
        """What an Optuna trial tries for `name`."""
        high = self.low + (self.high - self.low) // self.step * self.step
        return trial.suggest_int(name, int(self.low), int(high), step=self.step, log=self.log)

    def value(self, stored: Any) -> Any:
        """The parameter, from what storage holds."""
        return int(stored)

    def __repr__(self) -> str:
        step = f", step={self.step!r}" if self.step != 1 else ""
        return f"Int({self.low!r}, {self.high!r}{step}{', log=True' if self.log else ''})"


class Float:
    """A number from `low` to `high`.

    Args:
        log: try as many from 0.001 to 0.01 as from 0.01 to 0.1, as for a learning rate.

    Raises:
        ArgumentError: low above high, not finite, a logarithm of 0 or less.

    >>> import nn
    >>> nn.tuning.Float(1e-4, 1e-1, log=True)
    Float(0.0001, 0.1, log=True)
    """

    def __init__(self, low: float, high: float, log: bool = False) -> None:
        self.low, self.high, self.log = low, high, log
        for value in (low, high):
            number = isinstance(value, (int, float)) or hasattr(value, "__float__")
            if isinstance(value, (bool, str)) or not number or not math.isfinite(value):
                raise ArgumentError(f"{self}: low and high are finite numbers, got {value!r}")
        _ordered(self, low, high)
        if log and low <= 0:
            raise ArgumentError(f"{self}: a logarithmic range starts above 0, got low={low!r}")

    def suggest(self, trial: Any, name: str) -> Any:
        """What an Optuna trial tries for `name`."""
        return trial.suggest_float(name, float(self.low), float(self.high), log=self.log)

    def value(self, stored: Any) -> Any:
        """The parameter, from what storage holds."""
        return float(stored)

    def __repr__(self) -> str:
        return f"Float({self.low!r}, {self.high!r}{', log=True' if self.log else ''})"


class Choice:
    """One of some values of any kind: names, numbers, tuples, optimizers, None.

    Raises:
        ArgumentError: no value, or one twice.

    >>> import nn
    >>> nn.tuning.Choice(["relu", "tanh"])
    Choice(['relu', 'tanh'])
    """

    def __init__(self, values: Iterable[Any]) -> None:
        if isinstance(values, (str, Mapping)) or not isinstance(values, Iterable):
            raise ArgumentError(f"Choice: expected a list of values, got {values!r}")
        self.values = list(values)
        if not self.values:
            raise ArgumentError("Choice: the list is empty; at least one value is needed")
        self.labels = [label(value) for value in self.values]
        kinds = [(type(label), label) for label in self.labels]
        for i, text in enumerate(self.labels):
            if not isinstance(self.values[i], PLAIN) and kinds.index(kinds[i]) < i:
                self.labels[i] = f"{text} #{i}"
            elif self.labels.index(text) < i:
                raise ArgumentError(f"{self}: {text!r} is there twice")

    def suggest(self, trial: Any, name: str) -> Any:
        """What an Optuna trial tries for `name`."""
        return trial.suggest_categorical(name, self.labels)

    def value(self, stored: Any) -> Any:
        """The parameter, from what storage holds."""
        return self.values[self.labels.index(stored)]

    def position(self, value: Any) -> int:
        """Which of the values `value` is; the very object where it cannot be compared."""
        same = (i for i, known in enumerate(self.values) if known is value)
        return next(same, -1) if not isinstance(value, PLAIN) else self.values.index(value)

    def __repr__(self) -> str:
        return f"Choice({self.labels!r})" if hasattr(self, "labels") else f"Choice({self.values!r})"


Dimension = Int | Float | Choice


def _ordered(owner: Int | Float, low: float, high: float) -> None:
    if low > high:
        turned = str(owner).replace(f"({low!r}, {high!r}", f"({high!r}, {low!r}")
        raise ArgumentError(f"{owner}: low is greater than high; did you mean {turned}?")


def label(value: Any) -> Any:
    """A value of Optuna's storage that stands for `value`, the same in every process."""
    if isinstance(value, PLAIN):
        return value
    if isinstance(value, (tuple, list)):
        inside = ", ".join(str(label(item)) for item in value)
        return f"({inside},)" if len(value) == 1 else f"({inside})"
    return getattr(value, "__name__", type(value).__name__)


def show(value: Any) -> str:
    """A value of a parameter in a table.

    >>> from nn.tuning.space import show
    >>> show(0.00123456), show((8, 4)), show(None)
    ('0.001235', '(8, 4)', 'None')
    """
    text = label(value)
    return f"{text:.4g}" if isinstance(text, float) else str(text)


def parse(space: Any) -> dict[str, Dimension]:
    """The space with every value as an `Int`, a `Float` or a `Choice`.

    Raises:
        ArgumentError: it is no dict, it is empty, or a value is none of these.
    """
    if not isinstance(space, Mapping):
        raise ArgumentError(
            f"space is a dict from parameter names to what may be tried, got {type(space).__name__}"
        )
    if not space:
        raise ArgumentError('the space is empty: nothing to try. Example: {"units": nn.tuning.Int(4, 64)}')
    return {_name(name): _dimension(name, value) for name, value in space.items()}


def _name(name: Any) -> str:
    if not isinstance(name, str):
        raise ArgumentError(f"names of parameters are texts, got {name!r}")
    return name


def _dimension(name: str, value: Any) -> Dimension:
    if isinstance(value, (Int, Float, Choice)):
        return value
    try:
        if isinstance(value, range) and value.step > 0 and len(value):
            return Int(value.start, value[-1], value.step)
        if isinstance(value, (list, tuple, range)):
            return Choice(value)
    except ArgumentError as error:
        raise ArgumentError(f"space[{name!r}]: {error}") from error
    raise ArgumentError(
        f"space[{name!r}] is {value!r}; expected a list of choices, nn.tuning.Int(low, high) or "
        f"nn.tuning.Float(low, high). What stays the same is an argument of its own: {name}={value!r}."
    )
