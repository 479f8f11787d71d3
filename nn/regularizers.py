"""Penalties on large weights, added to the loss of training. Factor times sum, without the 1/2 of some texts."""

from __future__ import annotations

from typing import Any, Protocol

from autograd import Tensor

from .errors import lookup


class Regularizer(Protocol):
    """A function of a parameter to a single number."""

    def __call__(self, x: Tensor) -> Tensor: ...


class L1:
    """`factor * sum(|x|)`."""

    def __init__(self, l1: float = 0.01) -> None:
        self.l1 = l1

    def __call__(self, x: Tensor) -> Tensor:
        return self.l1 * abs(x).sum()


class L2:
    """`factor * sum(x**2)`."""

    def __init__(self, l2: float = 0.01) -> None:
        self.l2 = l2

    def __call__(self, x: Tensor) -> Tensor:
        return self.l2 * (x * x).sum()


REGULARIZERS: dict[str, type[L1] | type[L2]] = {"l1": L1, "l2": L2}


def get(regularizer: Any) -> Regularizer | None:
    """A regularizer by name, the object itself, or None."""
    if regularizer is None:
        return None
    if isinstance(regularizer, type) and issubclass(regularizer, (L1, L2)):
        return regularizer()
    if callable(regularizer):
        chosen: Regularizer = regularizer
        return chosen
    return lookup("regularizer", regularizer, REGULARIZERS)()
