"""Maxout: each unit is the largest of several linear functions (Goodfellow et al. 2013)."""

from __future__ import annotations

from typing import Any

import autograd as ag
from autograd import ShapeError, Tensor

from ..arguments import COUNT
from ..constructors import argument, constructor
from .base import Affine


@constructor
class Maxout(Affine):
    """`max(w1'x + b1, ..., wk'x + bk)` for each unit: inputs (..., n), outputs (..., units).

    A convex function of its inputs that learns its own shape; where pieces tie, they share the gradient.

    Args:
        units: how many.
        pieces: linear functions a unit.
        use_bias, kernel_*, bias_*, input_shape, name: as in `Dense`; the kernel is (n, units * pieces),
            the pieces of a unit beside each other.

    >>> import nn
    >>> nn.Maxout(3, pieces=4)([[1.0, 2.0]]).shape
    (1, 3)
    """

    units: int = argument(COUNT)
    pieces: int = argument(COUNT, default=2)

    def build(self, *shapes: tuple[int, ...], dtype: Any) -> None:
        (shape,) = shapes
        if len(shape) < 2:
            raise ShapeError(
                f"{self.title}: the input has {len(shape) or 'no'} dimensions; expected (batch, features)"
            )
        columns = self.units * self.pieces
        self.make_weights((shape[-1], columns), columns, dtype)

    def call(self, x: Tensor) -> Tensor:
        if x.shape[-1:] != self.kernel.shape[:1]:
            raise ShapeError(
                f"{self.title}({self.units}): the last axis of the input has to be {self.kernel.shape[0]}. "
                f"Received {x.shape} {x.dtype}."
            )
        return ag.maxout(ag.linear(x, self.kernel, self.bias), pieces=self.pieces)
