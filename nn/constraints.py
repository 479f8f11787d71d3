"""Constraints: what a parameter has to satisfy after every update. Keras's names and meanings.

A constraint is a function of the updated parameter to the allowed one. The optimiser applies it as the last
part of the update, so a traced step contains it.
"""

from __future__ import annotations

from typing import Any, Protocol

import autograd as ag
from autograd import Tensor

from .arguments import AXES, NOT_NEGATIVE, chosen
from .configured import Configured
from .constructors import argument, constructor

EPSILON = 1e-7


class Constraint(Protocol):
    """A function of a parameter to one of the same shape."""

    def __call__(self, w: Tensor) -> Tensor: ...


def _lengths(w: Tensor, axis: int | tuple[int, ...]) -> Tensor:
    return (w * w).sum(axis=axis, keepdims=True).sqrt()


@constructor
class MaxNorm(Configured):
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
class UnitNorm(Configured):
    """Scale weights to length 1 along `axis`.

    >>> import autograd as ag, nn
    >>> [round(v, 4) for v in nn.UnitNorm()(ag.tensor([3.0, 4.0])).tolist()]
    [0.6, 0.8]
    """

    axis: int | tuple[int, ...] = argument(AXES, default=0)

    def __call__(self, w: Tensor) -> Tensor:
        return w / (_lengths(w, self.axis) + EPSILON)


class NonNeg(Configured):
    """Negative weights become 0.

    >>> import autograd as ag, nn
    >>> nn.NonNeg()(ag.tensor([-1.0, 2.0])).tolist()
    [0.0, 2.0]
    """

    def __call__(self, w: Tensor) -> Tensor:
        return ag.maximum(w, 0.0)


# scripts for Keras write constraints.max_norm(3) as well
max_norm, unit_norm, non_neg = MaxNorm, UnitNorm, NonNeg

CONSTRAINTS: dict[str, type[Any]] = {"max_norm": MaxNorm, "unit_norm": UnitNorm, "non_neg": NonNeg}


def get(constraint: Any) -> Constraint | None:
    """A constraint by name, the object itself, or None."""
    if constraint is None:
        return None
    found: Constraint = chosen("constraint", constraint, 1, "the parameter", CONSTRAINTS)
    return found
