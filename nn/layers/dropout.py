"""Dropout and noise: in training, make every batch a little different (Srivastava et al. 2014)."""

from __future__ import annotations

import autograd as ag
from autograd import Tensor, random

from ..arguments import FLOAT_NOT_NEGATIVE, RATE
from ..constructors import argument, constructor
from .base import Layer


@constructor
class Dropout(Layer):
    """In training each element is 0 with probability `rate`, the others are
    divided by 1 - rate; else identity.

    20 % is a good start, 20 to 50 % are usual; rate 1 gives zeros.

    >>> import nn
    >>> nn.Dropout(0.5)([1.0, 2.0]).tolist()
    [1.0, 2.0]
    """

    rate: float = argument(RATE)

    def call(self, x: Tensor) -> Tensor:
        return ag.dropout(x, self.rate, training=self.is_training)


@constructor
class GaussianNoise(Layer):
    """In training adds normal noise of standard deviation `stddev`; else identity.

    >>> import nn
    >>> nn.GaussianNoise(0.1)([1.0, 2.0]).tolist()
    [1.0, 2.0]
    """

    stddev: float = argument(FLOAT_NOT_NEGATIVE)

    def call(self, x: Tensor) -> Tensor:
        if not self.is_training or not self.stddev:
            return x
        return x + random.normal(x.shape, std=self.stddev, dtype=x.dtype)
