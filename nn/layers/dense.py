"""Dense: every output unit is a neuron over all inputs."""

from __future__ import annotations

from typing import Any

import autograd as ag
from autograd import ShapeError, Tensor

from .. import activations
from ..arguments import COUNT
from ..constructors import argument, constructor
from .base import ACTIVATION, Affine


@constructor
class Dense(Affine):
    """`activation(x @ kernel + bias)`: inputs (..., n), outputs (..., units).

    Args:
        units: how many neurons.
        activation: a name ("relu"), a function of a tensor, or None for none.
        use_bias: add a bias per unit, starting at 0.
        kernel_initializer: how the kernel (n, units) begins; `bias_initializer` likewise.
        kernel_regularizer: "l1", "l2" or an object; its penalty is added to the
            loss; `bias_regularizer` likewise.
        kernel_constraint: "max_norm", "unit_norm" or an object; applied after each
            update; `bias_constraint` likewise.
        input_dim: n, when the model should be built before it sees data; `input_shape=(n,)` says the same.
        name: shown in summaries.

    >>> import nn
    >>> nn.Dense(3, activation="relu")([[1.0, 2.0]]).shape
    (1, 3)
    """

    units: int = argument(COUNT)
    activation: Any = argument(ACTIVATION, default=None)
    input_dim: int | None = argument(COUNT.or_none(), default=None, after="bias_constraint", kw_only=True)

    def __post_init__(self) -> None:
        if self.input_dim is not None:
            self.input_shape = (self.input_dim,)
        self._activation = activations.get(self.activation)

    def build(self, *shapes: tuple[int, ...], dtype: Any) -> None:
        (shape,) = shapes
        if len(shape) < 2:
            raise ShapeError(
                f"{self.title}: the input has {len(shape) or 'no'} dimensions; expected (batch, features). "
                "For one feature a sample use x.reshape(-1, 1)."
            )
        self.make_weights((shape[-1], self.units), self.units, dtype)

    def call(self, x: Tensor) -> Tensor:
        expected = self.kernel.shape[0]
        if not x.shape or x.shape[-1] != expected:
            raise ShapeError(
                f"{self.title}({self.units}): the last axis of the input has to be {expected}, the number "
                f"of features it was built for. Received {x.shape} {x.dtype}."
            )
        return self._activation(ag.linear(x, self.kernel, self.bias))
