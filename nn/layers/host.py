"""HostLayer: a layer that takes what is no tensor (texts, rows of a table) and makes numbers of it.

Tensors hold numbers alone, so such a layer is the first of a model. `fit`, `evaluate` and `predict` give it
their input once, before it becomes tensors (`nn/host_inputs.py`); the steps, compiled or not, get what it
made.
"""

from __future__ import annotations

from typing import Any

import autograd as ag
from autograd import Tensor

from ..errors import ArgumentError
from .base import Layer


class HostLayer(Layer):
    """Base of layers that begin a model and take no tensors. Subclasses define `encoded`."""

    @property
    def host_layer(self) -> HostLayer | None:
        """Itself, as models have one that begin with it; None where it cannot begin one."""
        return self

    def encoded(self, value: Any) -> Any:
        """The numbers, an array or tensor with a row for each of `value`."""
        raise ArgumentError(f"{type(self).__name__} defines no encoded(self, value)")

    def __call__(self, *inputs: Any, training: bool | None = None, **named: Any) -> Any:
        if len(inputs) != 1 or named:
            raise ArgumentError(f"{self.title}: takes one input, got {len(inputs) + len(named)}")
        if isinstance(inputs[0], Tensor):
            raise ArgumentError(
                f"{self.title}: takes arrays, lists and columns, got a tensor. It works before the network, "
                "not inside: make it the first layer of an nn.Sequential, or call it before the model."
            )
        return ag.tensor(self.encoded(inputs[0]))

    def passed(self, x: Tensor) -> Tensor:
        """What it has made, on its way through the model."""
        result: Tensor = self._run([x])
        return result

    def call(self, x: Tensor) -> Tensor:
        return x


def check_place(layer: Any, is_later: bool) -> None:
    """Refuse a layer of the host that is not the first of a model, or that makes no numbers."""
    if isinstance(layer, HostLayer) and (is_later or layer.host_layer is None):
        raise ArgumentError(
            f"{layer.title} works before the network, on what is no tensor: it can be the first layer of a "
            "model and no other; the inverse of a lookup is called after predict"
        )
