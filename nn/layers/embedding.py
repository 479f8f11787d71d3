"""Embedding: a vector of its own for each of many words, classes or users."""

from __future__ import annotations

from typing import Any

import autograd as ag
from autograd import Tensor

from ..arguments import COUNT
from ..constructors import argument, constructor
from ..errors import warn
from .base import CONSTRAINT, INITIALIZER, REGULARIZER, Layer, weight


@constructor
class Embedding(Layer):
    """Rows of a table by number: inputs (...) of integers from 0 to input_dim - 1, outputs (..., output_dim).

    Where `i` stands in the input, row `i` stands in the output. A model gives its inputs as floating numbers;
    integers up to 2**24 are exact in float32, up to 2**53 in float64. A fraction is cut off, as in Keras.

    Args:
        input_dim: how many different numbers there are.
        output_dim: the length of a vector.
        embeddings_initializer, embeddings_regularizer, embeddings_constraint: of
        the table (input_dim, output_dim).
        input_shape, name: as in `Layer`.

    Raises:
        RangeError: a number is outside the table.

    >>> import nn
    >>> nn.Embedding(10, 4)([[1, 2, 1]]).shape
    (1, 3, 4)
    """

    input_dim: int = argument(COUNT)
    output_dim: int = argument(COUNT)
    embeddings_initializer: Any = argument(INITIALIZER, default="uniform")
    embeddings_regularizer: Any = argument(REGULARIZER, default=None)
    embeddings_constraint: Any = argument(CONSTRAINT, default=None)

    @classmethod
    def old_arguments(cls, given: dict[str, Any]) -> dict[str, Any]:
        """The arguments by name, without `input_length`: it is the input's, and ignored, as in Keras."""
        if given.pop("input_length", None) is not None:
            warn(f"{cls.__name__}: input_length is no longer needed and is ignored; leave it out")
        return given

    def build(self, *shapes: tuple[int, ...], dtype: Any) -> None:
        self.embeddings = weight(self, "embeddings", (self.input_dim, self.output_dim), dtype)

    def call(self, x: Tensor) -> Tensor:
        return ag.take(self.embeddings, x.to("int64"), axis=0)
