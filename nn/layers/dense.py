"""Dense: every output unit is a neuron over all inputs."""

from __future__ import annotations

from typing import Any

import autograd as ag
from autograd import ShapeError, Tensor

from .. import activations, constraints, initializers, regularizers
from ..errors import ArgumentError
from ..module import Module, Parameter
from .input import Input


class Dense(Module):
    """`activation(x @ kernel + bias)`: inputs (..., n), outputs (..., units).

    Args:
        units: how many neurons.
        activation: a name ("relu"), a function of a tensor, or None for none.
        use_bias: add a bias per unit, starting at 0.
        kernel_initializer: how the kernel (n, units) begins.
        kernel_regularizer: "l1", "l2" or an object; its penalty is added to the loss of training.
        kernel_constraint: "max_norm", "unit_norm" or an object; applied after each update.
        input_dim: n, when the model should be built before it sees data; `input_shape=(n,)` says the same.

    >>> import nn
    >>> nn.Dense(3, activation="relu")([[1.0, 2.0]]).shape
    (1, 3)
    """

    def __init__(
        self,
        units: int,
        activation: Any = None,
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        kernel_regularizer: Any = None,
        kernel_constraint: Any = None,
        input_dim: int | None = None,
        input_shape: tuple[int, ...] | None = None,
    ) -> None:
        if not isinstance(units, int) or isinstance(units, bool) or units < 1:
            raise ArgumentError(f"Dense: units is an integer >= 1, got {units!r}")
        self.units = units
        self.activation = activation
        self.use_bias = use_bias
        self.kernel_initializer = kernel_initializer
        self.kernel_regularizer = regularizers.get(kernel_regularizer)
        self.kernel_constraint = constraints.get(kernel_constraint)
        self.input_dim = input_dim
        given = input_shape if input_dim is None else (input_dim,)
        self.input_shape = None if given is None else Input(given).shape
        self._activation = activations.get(activation)
        self._initialise = initializers.get(kernel_initializer)

    def build(self, *shapes: tuple[int, ...], dtype: Any) -> None:
        (shape,) = shapes
        if len(shape) < 2:
            raise ShapeError(
                f"Dense: the input has {len(shape) or 'no'} dimensions; expected (batch, features). "
                "For one feature a sample use x.reshape(-1, 1)."
            )
        self.kernel = Parameter(
            self._initialise((shape[-1], self.units), dtype),
            regularizer=self.kernel_regularizer,
            constraint=self.kernel_constraint,
        )
        self.bias: Parameter | None = None
        if self.use_bias:
            self.bias = Parameter(ag.zeros(self.units, dtype))

    def call(self, x: Tensor) -> Tensor:
        expected = self.kernel.shape[0]
        if not x.shape or x.shape[-1] != expected:
            raise ShapeError(
                f"Dense({self.units}): the last axis of the input has to be {expected}, the number of features it "
                f"was built for. Received {x.shape} {x.dtype}."
            )
        return self._activation(ag.linear(x, self.kernel, self.bias))
