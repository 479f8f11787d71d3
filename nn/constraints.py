"""Constraints: what a parameter has to satisfy after every update. Keras's names and meanings.

A constraint is a function of the updated parameter to the allowed one. The optimiser applies it as the last
part of the update, so a traced step contains it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import autograd as ag
from autograd import Tensor

from .arguments import AXES, FRACTION, NOT_NEGATIVE, chosen
from .configured import Configured, deserializer, is_description
from .configured import serialize as serialize
from .constructors import argument, constructor
from .errors import ArgumentError
from .exports import absent

EPSILON = 1e-7


Rule = Callable[[Tensor], Tensor]
"""A function of a parameter to one of the same shape."""


class Constraint(Configured):
    """Base of constraints: a function of a parameter to one of the same shape. One of somebody's own defines
    `__call__`.

    >>> import autograd as ag, nn
    >>> class Small(nn.constraints.Constraint):
    ...     def __call__(self, w):
    ...         return ag.clip(w, -1.0, 1.0)
    >>> Small()(ag.tensor([0.5, -3.0])).tolist()
    [0.5, -1.0]
    """

    def __call__(self, w: Tensor) -> Tensor:
        raise ArgumentError(f"{type(self).__name__} defines no __call__(self, w)")


def _lengths(w: Tensor, axis: int | tuple[int, ...]) -> Tensor:
    return (w * w).sum(axis=axis, keepdims=True).sqrt()


@constructor
class MaxNorm(Constraint):
    """Scale weights down where their length along `axis` exceeds `max_value`.

    For a kernel (inputs, units), axis 0 limits the weights into each unit; (0, 1, 2) those of a convolution.

    >>> import autograd as ag, nn
    >>> [round(v, 4) for v in nn.MaxNorm(1.0)(ag.tensor([3.0, 4.0])).tolist()]
    [0.6, 0.8]
    """

    max_value: float = argument(NOT_NEGATIVE, default=2)
    axis: int | tuple[int, ...] = argument(AXES, default=0)

    def __call__(self, w: Tensor) -> Tensor:
        length = _lengths(w, self.axis)
        return w * (length.clip(0, self.max_value) / (length + EPSILON))


@constructor
class UnitNorm(Constraint):
    """Scale weights to length 1 along `axis`.

    >>> import autograd as ag, nn
    >>> [round(v, 4) for v in nn.UnitNorm()(ag.tensor([3.0, 4.0])).tolist()]
    [0.6, 0.8]
    """

    axis: int | tuple[int, ...] = argument(AXES, default=0)

    def __call__(self, w: Tensor) -> Tensor:
        return w / (_lengths(w, self.axis) + EPSILON)


class NonNeg(Constraint):
    """Negative weights become 0.

    >>> import autograd as ag, nn
    >>> nn.NonNeg()(ag.tensor([-1.0, 2.0])).tolist()
    [0.0, 2.0]
    """

    def __call__(self, w: Tensor) -> Tensor:
        return ag.maximum(w, 0.0)


@constructor
class MinMaxNorm(Constraint):
    """Bring the length of weights along `axis` into the range from `min_value` to `max_value`.

    Args:
        min_value, max_value: the range; a largest length below the smallest makes no sense.
        rate: 1 brings it there at once, less only so large a part of the way.
        axis: as in `MaxNorm`.

    >>> import autograd as ag, nn
    >>> [round(v, 4) for v in nn.constraints.MinMaxNorm(0.5, 1.0)(ag.tensor([3.0, 4.0])).tolist()]
    [0.6, 0.8]
    """

    min_value: float = argument(NOT_NEGATIVE, default=0.0)
    max_value: float = argument(NOT_NEGATIVE, default=1.0)
    rate: float = argument(FRACTION, default=1.0)
    axis: int | tuple[int, ...] = argument(AXES, default=0)

    def __post_init__(self) -> None:
        if self.max_value < self.min_value:
            raise ArgumentError(
                f"MinMaxNorm: max_value is at least min_value, got {self.max_value} and {self.min_value}"
            )

    def __call__(self, w: Tensor) -> Tensor:
        length = _lengths(w, self.axis)
        wanted = self.rate * length.clip(self.min_value, self.max_value) + (1 - self.rate) * length
        return w * (wanted / (length + EPSILON))


# scripts for Keras write constraints.max_norm(3) as well
max_norm, min_max_norm, unit_norm, non_neg = MaxNorm, MinMaxNorm, UnitNorm, NonNeg

CONSTRAINTS: dict[str, type[Any]] = {
    "max_norm": MaxNorm,
    "unit_norm": UnitNorm,
    "non_neg": NonNeg,
    "min_max_norm": MinMaxNorm,
}
_BY_CLASS: dict[str, type[Any]] = {one.__name__: one for one in CONSTRAINTS.values()}


def get(identifier: Any) -> Rule | None:
    """A constraint by name, by class, the object itself, a function, what `serialize` gave, or None."""
    if identifier is None:
        return None
    if is_description(identifier):
        made: Rule = deserialize(identifier)
        return made
    found: Rule = chosen("constraint", identifier, 1, "the parameter", CONSTRAINTS, _BY_CLASS)
    return found


deserialize = deserializer("constraint", get, {**CONSTRAINTS, **_BY_CLASS})


if not TYPE_CHECKING:
    __getattr__ = absent(__name__)
