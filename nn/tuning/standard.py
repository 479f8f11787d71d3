"""The model that is tuned when none is given: a multilayer perceptron whose
last layer and loss are read off y.

Whole-number targets are classes, fractions are a regression; a loss that is given decides instead.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from .. import losses
from ..data import to_array
from ..errors import ArgumentError
from ..sequential import MLP


class Head(NamedTuple):
    """How a network ends."""

    outputs: int
    activation: str | None
    loss: Any
    metrics: tuple[str, ...]


LAST = {
    "SparseCategoricalCrossentropy": "softmax",
    "CategoricalCrossentropy": "softmax",
    "KLDivergence": "softmax",
    "BinaryCrossentropy": "sigmoid",
    "Hinge": "tanh",
    "SquaredHinge": "tanh",
}
"""The last activation that a loss asks for; of every other loss it is none."""


def head_of(y: Any, loss: Any = None) -> Head:
    """The last layer, loss and metrics for targets `y` of shape (n,) or (n, k).

    Of 0 and 1 alone: a sigmoid and binary cross-entropy, for each column. Other
    integers from 0: softmax over classes.
    Rows with a single 1: softmax over columns. Fractions: no activation, mean squared error.

    >>> from nn.tuning.standard import head_of
    >>> head_of([0, 2, 1])
    Head(outputs=3, activation='softmax', loss='sparse_categorical_crossentropy', metrics=('accuracy',))
    """
    targets = to_array(y, "y")
    columns = 1 if targets.ndim < 2 else targets.shape[-1]
    if loss is None:
        loss = _loss_of(targets, columns)
    chosen = losses.get(loss)
    name = type(chosen).__name__
    classes = name == "SparseCategoricalCrossentropy"
    outputs = int(targets.max()) + 1 if classes else columns
    activation = None if chosen.from_logits else LAST.get(name)
    probabilities = activation in ("sigmoid", "softmax")
    return Head(outputs, activation, loss, ("accuracy",) if probabilities else ())


def _loss_of(targets: Any, columns: int) -> str:
    if bool(((targets == 0) | (targets == 1)).all()):
        one_hot = columns > 1 and bool((targets.sum(axis=-1) == 1).all())
        return "categorical_crossentropy" if one_hot else "binary_crossentropy"
    if targets.dtype.kind in "iu" and columns == 1 and targets.min() >= 0:
        return "sparse_categorical_crossentropy"
    return "mse"


class Standard:
    """Builds the perceptron of a trial; its arguments are the parameters that may be tuned."""

    def __init__(self, y: Any) -> None:
        self.y = y

    def __call__(
        self,
        layers: int = 2,
        units: int = 32,
        hidden: Sequence[int] | None = None,
        activation: Any = "relu",
        dropout: float = 0.0,
        outputs: int | None = None,
        output_activation: Any = "auto",
        loss: Any = None,
        dtype: str = "float32",
    ) -> MLP:
        """`layers` hidden layers of `units` each, or those of `hidden`."""
        if layers < 0 or units < 1:
            raise ArgumentError(
                f"a perceptron has layers >= 0 of units >= 1, got layers={layers!r}, units={units!r}"
            )
        head = head_of(self.y, loss)
        return MLP(
            hidden=(units,) * layers if hidden is None else hidden,
            outputs=head.outputs if outputs is None else outputs,
            activation=activation,
            dropout=dropout,
            output_activation=head.activation if output_activation == "auto" else output_activation,
            dtype=dtype,
        )
