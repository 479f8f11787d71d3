"""Activations as layers of their own."""

from __future__ import annotations

from typing import Any

import autograd as ag
from autograd import Tensor

from .. import activations
from ..added import regularize_activity
from ..arguments import FLOAT, FLOAT_NOT_NEGATIVE, INTEGER, NOT_NEGATIVE
from ..constructors import argument, constructor
from ..regularizers import L1L2
from .base import ACTIVATION, Layer


@constructor
class Activation(Layer):
    """An activation by name or function, element by element (softmax: over the last axis).

    >>> import nn
    >>> nn.Activation("relu")([-1.0, 2.0]).tolist()
    [0.0, 2.0]
    """

    activation: Any = argument(ACTIVATION)

    def __post_init__(self) -> None:
        self._activation = activations.get(self.activation)

    def call(self, x: Tensor) -> Tensor:
        return self._activation(x)


@constructor
class ActivityRegularization(Layer):
    """The input. Its penalty `l1 * sum(|x|) + l2 * sum(x**2)`, over the number of rows, is added to the loss.

    Args:
        l1, l2: the factors, >= 0.
        input_shape, name: as in `Layer`.

    >>> import nn
    >>> layer = nn.ActivityRegularization(l2=0.5)
    >>> layer([[1.0], [3.0]]).tolist(), [loss.item() for loss in layer.losses]
    ([[1.0], [3.0]], [2.5])
    """

    l1: float = argument(NOT_NEGATIVE, default=0.0)
    l2: float = argument(NOT_NEGATIVE, default=0.0)

    _adds_losses = True

    def call(self, x: Tensor) -> Tensor:
        regularize_activity(self, L1L2(self.l1, self.l2), x)
        return x


@constructor
class ReLU(Layer):
    """max(x, 0); its slope at 0 is 0.

    With arguments: x where it is above `threshold`, but `max_value` at most;
    else `negative_slope (x - threshold)`.

    Args:
        max_value: the highest output; None for no limit.
        negative_slope: of what is not above the threshold.
        threshold: where the unit wakes up.
        input_shape, name: as in `Layer`.

    >>> import nn
    >>> nn.ReLU(max_value=6.0)([-1.0, 2.0, 7.0]).tolist()
    [0.0, 2.0, 6.0]
    """

    max_value: float | None = argument(FLOAT_NOT_NEGATIVE.or_none(), default=None)
    negative_slope: float = argument(FLOAT_NOT_NEGATIVE, default=0.0)
    threshold: float = argument(FLOAT_NOT_NEGATIVE, default=0.0)

    def call(self, x: Tensor) -> Tensor:
        if self.threshold:
            y = ag.where(x > self.threshold, x, (x - self.threshold) * self.negative_slope)
        else:
            y = ag.leaky_relu(x, self.negative_slope) if self.negative_slope else ag.relu(x)
        return y if self.max_value is None else y.clip(max=self.max_value)


@constructor
class LeakyReLU(Layer):
    """x where it is positive, else `negative_slope` x. The default slope is the course's 0.1 (Keras: 0.3).

    >>> import nn
    >>> nn.LeakyReLU(0.5)([-1.0, 2.0]).tolist()
    [-0.5, 2.0]
    """

    negative_slope: float = argument(FLOAT_NOT_NEGATIVE, default=0.1)

    def call(self, x: Tensor) -> Tensor:
        return ag.leaky_relu(x, self.negative_slope)


@constructor
class ELU(Layer):
    """x where it is positive, else `alpha (e^x - 1)`.

    >>> import nn
    >>> nn.ELU()([0.0, 2.0]).tolist()
    [0.0, 2.0]
    """

    alpha: float = argument(FLOAT, default=1.0)

    def call(self, x: Tensor) -> Tensor:
        return ag.elu(x, self.alpha)


@constructor
class Softmax(Layer):
    """Probabilities along `axis`; as the last layer, over the last axis,
    the loss is computed from its logits.

    >>> import nn
    >>> nn.Softmax()([[0.0, 0.0]]).tolist()
    [[0.5, 0.5]]
    """

    axis: int = argument(INTEGER, default=-1)

    def call(self, x: Tensor) -> Tensor:
        if self.axis in (-1, x.ndim - 1):
            return activations.softmax(x)
        return ag.softmax(x, self.axis)
