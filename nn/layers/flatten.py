"""Flatten and Reshape: the same numbers in another shape."""

from __future__ import annotations

import math
from collections.abc import Sequence

from autograd import ShapeError, Tensor

from ..errors import ArgumentError
from .base import Layer


class Flatten(Layer):
    """(batch, ...) to (batch, features).

    >>> import nn
    >>> nn.Flatten()([[[1.0, 2.0], [3.0, 4.0]]]).shape
    (1, 4)
    """

    def __init__(self, input_shape: tuple[int, ...] | None = None, name: str | None = None) -> None:
        super().__init__(name, input_shape)

    def call(self, x: Tensor) -> Tensor:
        if not x.shape:
            raise ShapeError(f"{self.title}: the input has no dimensions; expected (batch, ...)")
        return x.reshape(x.shape[0], math.prod(x.shape[1:]))


class Reshape(Layer):
    """(batch, ...) to (batch, *target_shape); one size may be -1, whatever is left.

    >>> import nn
    >>> nn.Reshape((2, -1))([[1.0, 2.0, 3.0, 4.0]]).shape
    (1, 2, 2)
    """

    def __init__(
        self,
        target_shape: Sequence[int],
        input_shape: tuple[int, ...] | None = None,
        name: str | None = None,
    ) -> None:
        super().__init__(name, input_shape)
        sizes = tuple(target_shape)
        if sizes.count(-1) > 1 or any(not hasattr(n, "__index__") or n < -1 for n in sizes):
            raise ArgumentError(
                f"Reshape: target_shape is made of sizes without the batch, at most one of them -1, got {target_shape!r}"
            )
        self.target_shape = sizes

    def call(self, x: Tensor) -> Tensor:
        size, known = math.prod(x.shape[1:]), math.prod(n for n in self.target_shape if n != -1)
        if size % known if -1 in self.target_shape and known else size != known:
            raise ShapeError(
                f"{self.title}: a sample of shape {x.shape[1:]} has {size} numbers, which do not fit {self.target_shape}"
            )
        left = size // known if known else 0
        return x.reshape(x.shape[0], *(left if n == -1 else n for n in self.target_shape))
