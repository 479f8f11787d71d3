"""Flatten: samples of any shape as vectors."""

from __future__ import annotations

import math

from autograd import ShapeError, Tensor

from ..module import Module


class Flatten(Module):
    """(batch, ...) to (batch, features).

    >>> import nn
    >>> nn.Flatten()([[[1.0, 2.0], [3.0, 4.0]]]).shape
    (1, 4)
    """

    def call(self, x: Tensor) -> Tensor:
        if not x.shape:
            raise ShapeError("Flatten: the input has no dimensions; expected (batch, ...)")
        return x.reshape(x.shape[0], math.prod(x.shape[1:]))
