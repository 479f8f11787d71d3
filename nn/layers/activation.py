"""Activation: an activation as a layer of its own."""

from __future__ import annotations

from typing import Any

from autograd import Tensor

from .. import activations
from ..module import Module


class Activation(Module):
    """An activation by name or function, element by element (softmax: over the last axis).

    >>> import nn
    >>> nn.Activation("relu")([-1.0, 2.0]).tolist()
    [0.0, 2.0]
    """

    def __init__(self, activation: Any) -> None:
        self.activation = activation
        self._activation = activations.get(activation)

    def call(self, x: Tensor) -> Tensor:
        return self._activation(x)
