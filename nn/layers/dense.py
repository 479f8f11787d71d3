"""Dense: every output unit is a neuron over all inputs. Maxout: it is the largest of several of them."""

from __future__ import annotations

from typing import Any

import autograd as ag
from autograd import ShapeError, Tensor

from ..arguments import COUNT
from ..constructors import argument, common_argument, constructor
from .base import ACTIVATION, Affine


@constructor
class _Linear(Affine):
    """What the two share: inputs (..., n) times a kernel (n, columns), and a bias."""

    units: int = argument(COUNT)

    @property
    def _columns(self) -> int:
        """How many sums of the inputs there are."""
        return self.units

    def build(self, *shapes: tuple[int, ...], dtype: Any) -> None:
        (shape,) = shapes
        if len(shape) < 2:
            raise ShapeError(
                f"{self.title}: the input has {len(shape) or 'no'} dimensions; expected (batch, features). "
                "For one feature a sample use x.reshape(-1, 1)."
            )
        self.make_weights((shape[-1], self._columns), self._columns, dtype)

    def _sums(self, x: Tensor) -> Tensor:
        """`x @ kernel + bias`."""
        expected = self.kernel.shape[0]
        if not x.shape or x.shape[-1] != expected:
            raise ShapeError(
                f"{self.title}({self.units}): the last axis of the input has to be {expected}, the number "
                f"of features it was built for. Received {x.shape} {x.dtype}."
            )
        return ag.linear(x, self.kernel, self.bias)


@constructor
class Dense(_Linear):
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

    activation: Any = argument(ACTIVATION, default=None)
    input_dim: int | None = common_argument(
        COUNT.or_none(), default=None, after="bias_constraint", kw_only=True
    )

    def __post_init__(self) -> None:
        if self.input_dim is not None:
            self.input_shape = (self.input_dim,)

    def call(self, x: Tensor) -> Tensor:
        result: Tensor = self.activation(self._sums(x))
        return result


@constructor
class Maxout(_Linear):
    """`max(w1'x + b1, ..., wk'x + bk)` for each unit: inputs (..., n), outputs (..., units).

    A convex function of its inputs that learns its own shape; where pieces tie, they share the gradient.

    Args:
        units: how many.
        pieces: linear functions a unit.
        use_bias, kernel_*, bias_*, input_shape, name: as in `Dense`; the kernel is (n, units * pieces),
            the pieces of a unit beside each other.

    >>> import nn
    >>> nn.Maxout(3, pieces=4)([[1.0, 2.0]]).shape
    (1, 3)
    """

    pieces: int = argument(COUNT, default=2)

    @property
    def _columns(self) -> int:
        """The pieces of all units."""
        return self.units * self.pieces

    def call(self, x: Tensor) -> Tensor:
        return ag.maxout(self._sums(x), pieces=self.pieces)
