"""The learning rate as scripts for Keras use it: a number that knows the optimizer that it belongs to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import autograd as ag

if TYPE_CHECKING:
    from .base import Optimizer


class Rate(float):
    """The learning rate of an optimizer: a float that is always the rate of now, and sets it with `assign`.

    `float(rate)` is the number of one moment. What C computes with it, such as `math.sqrt(rate)`, takes the
    number of the moment at which the optimizer was asked for its rate.

    >>> import nn
    >>> optimizer = nn.SGD(0.1); rate = optimizer.learning_rate
    >>> _ = rate.assign(0.5); rate, float(rate), optimizer.learning_rate, optimizer.lr
    (0.5, 0.5, 0.5, 0.5)
    """

    _optimizer: Optimizer

    @classmethod
    def of(cls, optimizer: Optimizer) -> Rate:
        """The rate that `optimizer` has."""
        rate = cls(optimizer.current_rate().item())
        rate._optimizer = optimizer
        return rate

    def __float__(self) -> float:
        return float(self._optimizer.current_rate().item())

    def numpy(self) -> Any:
        """The number as NumPy's."""
        return self.__array__()[()]

    def item(self) -> float:
        """The number as Python's."""
        return float(self)

    @property
    def value(self) -> float:
        """The number."""
        return float(self)

    def assign(self, value: Any) -> Self:
        """Set the learning rate of the optimizer."""
        self._optimizer.learning_rate = value
        return self

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        found = ag.tensor(float(self), "float64", backend="numpy").numpy()
        return found if dtype is None else found.astype(dtype)

    def __reduce__(self) -> Any:
        return float, (float(self),)

    def __deepcopy__(self, memo: Any) -> float:
        return float(self)

    def __copy__(self) -> float:
        return float(self)

    def __repr__(self) -> str:
        return repr(float(self))

    def __format__(self, spec: str) -> str:
        return format(float(self), spec)

    def __hash__(self) -> int:
        return hash(float(self))

    def __bool__(self) -> bool:
        return bool(float(self))


def _live(name: str) -> Any:
    plain = getattr(float, name)

    def operation(self: Rate, *others: Any) -> Any:
        return plain(float(self), *(float(o) if isinstance(o, Rate) else o for o in others))

    return operation


for _name in [
    "eq",
    "ne",
    "lt",
    "le",
    "gt",
    "ge",
    "add",
    "sub",
    "mul",
    "truediv",
    "floordiv",
    "mod",
    "divmod",
    "pow",
    "radd",
    "rsub",
    "rmul",
    "rtruediv",
    "rfloordiv",
    "rmod",
    "rdivmod",
    "rpow",
    "neg",
    "pos",
    "abs",
    "int",
    "round",
    "trunc",
    "floor",
    "ceil",
]:
    setattr(Rate, f"__{_name}__", _live(f"__{_name}__"))
