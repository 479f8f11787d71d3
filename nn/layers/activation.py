"""Activations as layers of their own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import autograd as ag
from autograd import Tensor

from .. import activations
from ..arguments import number, one_axis
from ..forms import Form
from .base import ACTIVATION, Layer


class Activation(Layer):
    """An activation by name or function, element by element (softmax: over the last axis).

    >>> import nn
    >>> nn.Activation("relu")([-1.0, 2.0]).tolist()
    [0.0, 2.0]
    """

    forms: ClassVar[Mapping[str, Form]] = {"activation": ACTIVATION}

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

    With arguments: x where it is above `threshold`, but `max_value` at most; else `negative_slope (x - threshold)`.

    Args:
        max_value: the highest output; None for no limit.
        negative_slope: of what is not above the threshold.
        threshold: where the unit wakes up.
        input_shape, name: as in `Layer`.

    >>> import nn
    >>> nn.ReLU(max_value=6.0)([-1.0, 2.0, 7.0]).tolist()
    [0.0, 2.0, 6.0]
    """

    def __init__(
        self,
        max_value: float | None = None,
        negative_slope: float = 0.0,
        threshold: float = 0.0,
        input_shape: tuple[int, ...] | None = None,
        name: str | None = None,
    ) -> None:
        super().__init__(name, input_shape)
        self.max_value = None if max_value is None else number("ReLU", "max_value", max_value)
        self.negative_slope = number("ReLU", "negative_slope", negative_slope)
        self.threshold = number("ReLU", "threshold", threshold)

    def call(self, x: Tensor) -> Tensor:
        if self.threshold:
            y = ag.where(x > self.threshold, x, (x - self.threshold) * self.negative_slope)
        else:
            y = ag.leaky_relu(x, self.negative_slope) if self.negative_slope else ag.relu(x)
        return y if self.max_value is None else y.clip(max=self.max_value)


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
        self.negative_slope = number("LeakyReLU", "negative_slope", negative_slope)

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
        self.alpha = number("ELU", "alpha", alpha, None)

    def call(self, x: Tensor) -> Tensor:
        return ag.elu(x, self.alpha)


class Softmax(Layer):
    """Probabilities along `axis`; as the last layer, over the last axis, the loss is computed from its logits.

    >>> import nn
    >>> nn.Softmax()([[0.0, 0.0]]).tolist()
    [[0.5, 0.5]]
    """

    def __init__(
        self,
        axis: int = -1,
        input_shape: tuple[int, ...] | None = None,
        name: str | None = None,
    ) -> None:
        super().__init__(name, input_shape)
        self.axis = one_axis("Softmax", axis)

    def call(self, x: Tensor) -> Tensor:
        if self.axis in (-1, x.ndim - 1):
            return activations.softmax(x)
        return ag.softmax(x, self.axis)
