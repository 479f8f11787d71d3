"""Penalties on large weights, added to the loss of training. Factor times
sum, without the 1/2 of some texts.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import autograd as ag
from autograd import ShapeError, Tensor

from .arguments import NOT_NEGATIVE, choice, chosen
from .configured import Configured, deserializer, is_description
from .configured import serialize as serialize
from .constructors import argument, constructor
from .errors import ArgumentError
from .exports import absent

Rule = Callable[[Tensor], Tensor]
"""A function of a parameter to a single number."""


class Regularizer(Configured):
    """Base of regularizers: a function of a parameter to a single number.

    One of somebody's own defines `__call__`.

    >>> import autograd as ag, nn
    >>> class Large(nn.regularizers.Regularizer):
    ...     def __call__(self, x):
    ...         return 0.1 * abs(x).max()
    >>> round(Large()(ag.tensor([1.0, -3.0])).item(), 4)
    0.3
    """

    def __call__(self, x: Tensor) -> Tensor:
        raise ArgumentError(f"{type(self).__name__} defines no __call__(self, x)")


@constructor
class L1(Regularizer):
    """`l1 * sum(|x|)`: drives weights to 0 one by one.

    >>> import autograd as ag, nn
    >>> nn.L1(0.5)(ag.tensor([1.0, -3.0])).item()
    2.0
    """

    l1: float = argument(NOT_NEGATIVE, default=0.01)

    def __call__(self, x: Tensor) -> Tensor:
        return self.l1 * abs(x).sum()


@constructor
class L2(Regularizer):
    """`l2 * sum(x**2)`: keeps all weights small.

    >>> import autograd as ag, nn
    >>> nn.L2(0.5)(ag.tensor([1.0, -3.0])).item()
    5.0
    """

    l2: float = argument(NOT_NEGATIVE, default=0.01)

    def __call__(self, x: Tensor) -> Tensor:
        return self.l2 * (x * x).sum()


@constructor
class L1L2(Regularizer):
    """`l1 * sum(|x|) + l2 * sum(x**2)`; by name, "l1_l2", both factors are 0.01.

    >>> import autograd as ag, nn
    >>> nn.L1L2(l1=0.5, l2=0.5)(ag.tensor([1.0, -3.0])).item()
    7.0
    """

    l1: float = argument(NOT_NEGATIVE, default=0.0)
    l2: float = argument(NOT_NEGATIVE, default=0.0)

    def __call__(self, x: Tensor) -> Tensor:
        return self.l1 * abs(x).sum() + self.l2 * (x * x).sum()


@constructor
class OrthogonalRegularizer(Regularizer):
    """`factor` times the mean over all pairs of rows of |cosine of their angle|; 0 for orthogonal rows.

    Args:
        factor: >= 0.
        mode: "rows", or "columns" for those.

    Raises:
        ShapeError: for anything but a matrix of two or more such vectors.

    >>> import autograd as ag, nn
    >>> round(nn.OrthogonalRegularizer(1.0)(ag.tensor([[1.0, 0.0], [3.0, 4.0]])).item(), 4)
    0.6
    """

    factor: float = argument(NOT_NEGATIVE, default=0.01)
    mode: str = argument(choice("rows", "columns"), default="rows")

    def __call__(self, x: Tensor) -> Tensor:
        vectors = x.T if self.mode == "columns" and x.ndim == 2 else x
        n = vectors.shape[0] if vectors.ndim == 2 else 0
        if n < 2:
            raise ShapeError(
                f"OrthogonalRegularizer: a matrix of two or more {self.mode} is expected, received {x.shape}"
            )
        unit = vectors / ag.norm(vectors, axis=1, keepdims=True).clip(1e-7)
        cosines = (unit @ unit.T) * (1.0 - ag.eye(n, dtype=x.dtype))
        return self.factor * abs(cosines).sum() / (n * (n - 1.0))


# scripts for Keras write regularizers.l2(0.01) as well
l1, l2, l1_l2, orthogonal_regularizer = L1, L2, L1L2, OrthogonalRegularizer

REGULARIZERS: dict[str, Any] = {
    "l1": L1,
    "l2": L2,
    "l1_l2": lambda: L1L2(0.01, 0.01),
    "orthogonal_regularizer": OrthogonalRegularizer,
}
_BY_CLASS: dict[str, Any] = {one.__name__: one for one in (L1, L2, L1L2, OrthogonalRegularizer)}


def get(identifier: Any) -> Rule | None:
    """A regularizer by name, by class, the object itself, a function, what `serialize` gave, or None.

    Raises:
        ArgumentError: an unknown name, with the nearest known one.
    """
    if identifier is None:
        return None
    if is_description(identifier):
        made: Rule = deserialize(identifier)
        return made
    found: Rule = chosen("regularizer", identifier, 1, "the parameter", REGULARIZERS, _BY_CLASS)
    return found


deserialize = deserializer("regularizer", get, {**REGULARIZERS, **_BY_CLASS})


if not TYPE_CHECKING:
    __getattr__ = absent(__name__)
