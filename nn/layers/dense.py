"""Dense: every output unit is a neuron over all inputs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import autograd as ag
from autograd import ShapeError, Tensor

from .. import activations
from ..arguments import whole
from ..forms import Form
from .base import ACTIVATION, Affine


class Dense(Affine):
    """`activation(x @ kernel + bias)`: inputs (..., n), outputs (..., units).

    Args:
        units: how many neurons.
        activation: a name ("relu"), a function of a tensor, or None for none.
        use_bias: add a bias per unit, starting at 0.
        kernel_initializer: how the kernel (n, units) begins; `bias_initializer` likewise.
        kernel_regularizer: "l1", "l2" or an object; its penalty is added to the loss; `bias_regularizer` likewise.
        kernel_constraint: "max_norm", "unit_norm" or an object; applied after each update; `bias_constraint` likewise.
        input_dim: n, when the model should be built before it sees data; `input_shape=(n,)` says the same.
        name: shown in summaries.

    >>> import nn
    >>> nn.Dense(3, activation="relu")([[1.0, 2.0]]).shape
    (1, 3)
    """

    forms: ClassVar[Mapping[str, Form]] = {"activation": ACTIVATION}

    def __init__(
        self,
        units: int,
        activation: Any = None,
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        kernel_regularizer: Any = None,
        kernel_constraint: Any = None,
        bias_initializer: Any = "zeros",
        bias_regularizer: Any = None,
        bias_constraint: Any = None,
        input_dim: int | None = None,
        input_shape: tuple[int, ...] | None = None,
        name: str | None = None,
    ) -> None:
        dim = None if input_dim is None else whole("Dense", "input_dim", input_dim)
        super().__init__(
            use_bias, kernel_initializer, kernel_regularizer, kernel_constraint,
            bias_initializer, bias_regularizer, bias_constraint,
            name, input_shape if dim is None else (dim,),
        )  # fmt: skip
        self.units = whole("Dense", "units", units)
        self.activation = activation
        self.input_dim = dim
        self._activation = activations.get(activation)

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
                f"{self.title}({self.units}): the last axis of the input has to be {expected}, the number of features "
                f"it was built for. Received {x.shape} {x.dtype}."
            )
        return self._activation(ag.linear(x, self.kernel, self.bias))
