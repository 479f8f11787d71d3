"""Dropout and noise: in training, make every batch a little different (Srivastava et al. 2014)."""

from __future__ import annotations

import autograd as ag
from autograd import Tensor, random

from ..arguments import fraction, number
from .base import Layer


class Dropout(Layer):
    """In training each element is 0 with probability `rate`, the others are divided by 1 - rate; else identity.

    20 % is a good start, 20 to 50 % are usual; rate 1 gives zeros.

    >>> import nn
    >>> nn.Dropout(0.5)([1.0, 2.0]).tolist()
    [1.0, 2.0]
    """

    def __init__(
        self, rate: float, input_shape: tuple[int, ...] | None = None, name: str | None = None
    ) -> None:
        super().__init__(name, input_shape)
        self.rate = fraction("Dropout", "rate", rate)

    def call(self, x: Tensor) -> Tensor:
        return ag.dropout(x, self.rate, training=self.is_training)


class GaussianNoise(Layer):
    """In training adds normal noise of standard deviation `stddev`; else identity.

    >>> import nn
    >>> nn.GaussianNoise(0.1)([1.0, 2.0]).tolist()
    [1.0, 2.0]
    """

    def __init__(
        self, stddev: float, input_shape: tuple[int, ...] | None = None, name: str | None = None
    ) -> None:
        super().__init__(name, input_shape)
        self.stddev = number("GaussianNoise", "stddev", stddev)

    def call(self, x: Tensor) -> Tensor:
        if not self.is_training or not self.stddev:
            return x
        return x + random.normal(x.shape, std=self.stddev, dtype=x.dtype)
