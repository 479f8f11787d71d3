"""Activations as layers of their own."""

from __future__ import annotations

from typing import Any

import autograd as ag
from autograd import Tensor

from .. import activations
from .base import Layer


class Activation(Layer):
    """An activation by name or function, element by element (softmax: over the last axis).

    >>> import nn
    >>> nn.Activation("relu")([-1.0, 2.0]).tolist()
    [0.0, 2.0]
    """

    def __init__(
        self,
        activation: Any,
        input_shape: tuple[int, ...] | None = None,
        name: str | None = None,
    ) -> None:
        super().__init__(name, input_shape)
        self.activation = activation
        self._activation = activations.get(activation)

    def call(self, x: Tensor) -> Tensor:
        return self._activation(x)


class ReLU(Layer):
    """max(x, 0); its slope at 0 is 0.

    >>> import nn
    >>> nn.ReLU()([-1.0, 2.0]).tolist()
    [0.0, 2.0]
    """

    def call(self, x: Tensor) -> Tensor:
        return ag.relu(x)


class LeakyReLU(Layer):
    """x where it is positive, else `negative_slope` x. The default slope is the course's 0.1 (Keras: 0.3).

    >>> import nn
    >>> nn.LeakyReLU(0.5)([-1.0, 2.0]).tolist()
    [-0.5, 2.0]
    """

    def __init__(
        self,
        negative_slope: float = 0.1,
        input_shape: tuple[int, ...] | None = None,
        name: str | None = None,
    ) -> None:
        super().__init__(name, input_shape)
        self.negative_slope = negative_slope

    def call(self, x: Tensor) -> Tensor:
        return ag.leaky_relu(x, self.negative_slope)


class ELU(Layer):
    """x where it is positive, else `alpha (e^x - 1)`.

    >>> import nn
    >>> nn.ELU()([0.0, 2.0]).tolist()
    [0.0, 2.0]
    """

    def __init__(
        self,
        alpha: float = 1.0,
        input_shape: tuple[int, ...] | None = None,
        name: str | None = None,
    ) -> None:
        super().__init__(name, input_shape)
        self.alpha = alpha

    def call(self, x: Tensor) -> Tensor:
        return ag.elu(x, self.alpha)


class Softmax(Layer):
    """Probabilities along the last axis; as the last layer, the loss is computed from its logits.

    >>> import nn
    >>> nn.Softmax()([[0.0, 0.0]]).tolist()
    [[0.5, 0.5]]
    """

    def call(self, x: Tensor) -> Tensor:
        return activations.softmax(x)
